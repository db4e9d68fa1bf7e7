"""Create a case and have it checked by the map: a million parcels, 2,000 control polygons, every rule there is.

The node's state is that of ``benchmarks.overlap`` (one county of sample parcels, the 2,000 control polygons with the most
vertices as 生态保护红线). A case goes the whole way of an applicant without rights on any layer: begin, fill in the form of
S-001, save a plot, submit; submitting makes the case, its flow, tasks, trace, audit and event, and runs **all** rules of
control lines, plan, hazards, quotas and chain (C-01 to C-23, CH, DU, TO). Plots are stars of 155 ha with 64 vertices, half of
them at the edge of a control polygon, every one another place; earlier cases stay and are found by those that follow.

* ``case_checks.plot``: p95 of one case while two processes work at once, and cases a second of both together.
* ``case_checks.bare``: a matter without a plot, with the rules that need none. The bar is what Open Zaak publishes (24 to 25
  a second for the one request that makes a case; ours is begin, save, submit and check, each committed).

No peer runs here: Open Zaak's figures are cited (:mod:`benchmarks.open_zaak`). Processor time of the two processes stands
beside the wall clock's, the database's apart.

Materials are another benchmark's: the matters measured here ask for none. Every check must have answered every rule, the
red line looked at whole; anything else ends the run.

Run: ``python -m benchmarks.case_checks [--parcels N] [--cases N]``; ``KUNYU_BENCH_DATA``, ``KUNYU_BENCH_HOME`` as for tiles.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import shapely

from benchmarks import open_zaak, overlap, tiles

if TYPE_CHECKING:
    from kunyu.engines.security.scope import Principal

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "case_checks.json"
WITH_PLOT, BARE = "B-001", "B-002"
BAR_P95_MS, BAR_CASES, BAR_BARE = 1500.0, 6.0, 25.0
PROCESSES, WARMING = 2, 8
APPLICANT = "bench-applicant"
FORM: dict[str, Any] = {
    "project_type": "transport", "is_major_project": True, "project_procedure": "approval", "project_authority": "county",
    "project_basis": "示发改〔2026〕1号", "construction_scale": "新建道路", "location": "坤舆县示范镇", "use_code": "1207",
    "declared_area_m2": 1_550_000, "occupies_permanent_farmland": False, "occupies_red_line": False,
    "contact_name": "张示范", "contact_phone": "13800000000",
}  # fmt: skip


def main(arguments: list[str]) -> list[dict[str, Any]]:
    """Measure, print a table, write the results; answers with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcels", type=int, default=1_000_000)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.work:
        return _work(json.loads(asked.work))
    kept = os.environ.get("KUNYU_BENCH_HOME")
    home = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="ky-bench-cases-"))
    home.mkdir(exist_ok=True)
    home.chmod(0o711)
    from kunyu.project.runtime.cluster import PrivateCluster

    cluster = PrivateCluster(home).ensure()
    try:
        environment, records = tiles._prepare(cluster, home, asked.parcels)
        zones = overlap._control(home, asked.parcels)
        _matters()
        _applicant()
        tiles._settle(cluster)
        rows = _measured(home, environment, asked.cases, {"parcels": records, **zones})
    finally:
        cluster.stop()
        if not kept:
            shutil.rmtree(home, ignore_errors=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        print(f"{row['name']:<18} p95 {row['p95_ms']:>8} ms  {row['project']:>6} cases/s  bar {row['bar']}  "
              f"{'met' if row['met'] else 'NOT MET'}")  # fmt: skip
    return rows


def _matters() -> None:
    """S-001 with every rule and without materials, and the same without a plot and with the rules that need none."""
    from kunyu.engines.matters.definitions import editions, shipped
    from kunyu.engines.matters.rules.registry import every_rule
    from kunyu.engines.security.scope import operator

    content, pack = shipped.shipped()["S-001"]
    actor = operator("bench")
    shipped.load(actor, ["S-001"])
    ours = [one for one in every_rule() if one.id.split("-")[0] in ("C", "CH", "DU", "TO")]
    bare = [one.id for one in ours if not one.needs_plot]
    plain = replace(content.definition, materials=(), templates={}, needs_project=False)
    for made in (
        replace(plain, code=WITH_PLOT, name_zh="基准：带地块", rules=tuple(one.id for one in ours)),
        replace(plain, code=BARE, name_zh="基准：不带地块", rules=tuple(bare), needs_plot=False),
    ):
        editions.publish(actor, made, content.flow, content.tables, reason="bench", pack=pack)


def _applicant() -> None:
    from kunyu.engines.security.models import User

    if not User.objects.filter(username=APPLICANT).exists():
        User.objects.create_user(APPLICANT, "only-for-this-run", name_zh="基准申请人")


def _measured(home: Path, environment: dict[str, str], count: int, work: dict[str, Any]) -> list[dict[str, Any]]:
    plots = [shapely.to_wkb(one, hex=True) for one in overlap._plots((count + WARMING) * PROCESSES)]
    about = {"versions": tiles._versions(), "machine": tiles._machine()}
    with_plot = _both(
        home, environment, [{"matter": WITH_PLOT, "plots": plots[k::PROCESSES]} for k in range(PROCESSES)]
    )
    bare = _both(home, environment, [{"matter": BARE, "plots": [None] * (count + WARMING)} for _ in range(PROCESSES)])
    shared = {**work, "cases": count * PROCESSES, "processes": PROCESSES, "hectares": overlap.HECTARES,
              "plot_vertices": overlap.VERTICES, "user": "applicant without rights on any layer"}  # fmt: skip
    return [
        _row("case_checks.plot", shared, with_plot, BAR_CASES, BAR_P95_MS, about),
        _row("case_checks.bare", shared, bare, BAR_BARE, None, about),
    ]


def _row(
    name: str, work: dict[str, Any], found: dict[str, Any], bar: float, bar_p95: float | None, about: dict[str, Any]
) -> dict[str, Any]:
    ms, rate = found["ms"], found["rate"]
    p95 = overlap._p95(ms)
    said = {"answers": found["answers"], "rules": found["rules"], "median_ms": round(median(ms), 1),
            "check_median_ms": round(median(found["check_ms"]), 1), "check_p95_ms": overlap._p95(found["check_ms"]),
            "most_ms": round(max(ms), 1), "cpu_ms_per_case": round(found["cpu_ms"] / len(ms), 1),
            "database_cpu_ms_per_case": round(found["database_cpu_ms"] / len(ms), 1), "unit": "cases/s"}  # fmt: skip
    return {
        "name": name, "work": {**work, **said}, "project": round(rate, 1), "p95_ms": round(p95, 1), "peer": None, "ratio": None,
        "published": open_zaak.CREATING, "bar": bar, "bar_p95_ms": bar_p95, "met": rate >= bar and (bar_p95 is None or p95 <= bar_p95), **about,
    }  # fmt: skip


def _both(home: Path, environment: dict[str, str], jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Run the jobs in processes of their own, all at once; milliseconds of every case, and cases a second of all."""
    running = []
    for number, job in enumerate(jobs):
        file = home / f"cases-{number}.json"
        file.write_text(json.dumps(job), encoding="utf-8")
        command = [sys.executable, "-m", "benchmarks.case_checks", "--work", json.dumps({"file": str(file)})]
        running.append(subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True))  # fmt: skip
    for one in running:  # all are warm before any begins
        assert one.stdout is not None
        if one.stdout.readline().strip() != "ready":
            raise SystemExit("a worker of the benchmark failed")
    begun, spent = time.perf_counter(), _database_cpu_ms(home)
    for one in running:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    parts = [json.loads(one.communicate()[0].strip().splitlines()[-1]) for one in running]
    if any(one.returncode for one in running):
        raise SystemExit("a worker of the benchmark failed")
    seconds = max(part["ended"] for part in parts) - begun
    database = _database_cpu_ms(home) - spent
    ms = [value for part in parts for value in part["ms"]]
    states = sum((Counter(part["answers"]) for part in parts), Counter())
    return {"ms": ms, "check_ms": [value for part in parts for value in part["check_ms"]], "rate": len(ms) / seconds,
            "answers": dict(states), "rules": parts[0]["rules"], "cpu_ms": sum(part["cpu_ms"] for part in parts),
            "database_cpu_ms": database}  # fmt: skip


def _database_cpu_ms(home: Path) -> float:
    """Processor milliseconds of the cluster so far: its first process, those it runs, and those that have ended."""
    first = int((home / "postgres" / "postmaster.pid").read_text(encoding="utf-8").split()[0])
    ticks = 0
    for one in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = one.read_text(encoding="utf-8").rpartition(") ")[2].split()
        except OSError:  # it ended while we looked
            continue
        if int(one.parent.name) == first:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == first:
            ticks += sum(map(int, fields[11:13]))
    return ticks * 1e3 / os.sysconf("SC_CLK_TCK")


def _work(given: dict[str, Any]) -> list[dict[str, Any]]:
    """One process: a case for each plot, one after the other."""
    import django

    django.setup()
    from kunyu.engines.security.models import User
    from kunyu.engines.security.session import principal_of

    job = json.loads(Path(given["file"]).read_text(encoding="utf-8"))
    who = principal_of(User.objects.get(username=APPLICANT), "bench")
    plots = [one and shapely.from_wkb(one) for one in job["plots"]]
    for plot in plots[:WARMING]:
        _case(who, job["matter"], plot)
    print("ready", flush=True)
    sys.stdin.readline()
    ms, made, spent = [], [], time.process_time()
    for plot in plots[WARMING:]:
        begun = time.perf_counter()
        made.append(_case(who, job["matter"], plot))
        ms.append((time.perf_counter() - begun) * 1e3)
    ended, cpu_ms = time.perf_counter(), (time.process_time() - spent) * 1e3
    print(json.dumps({"ms": ms, "ended": ended, "cpu_ms": cpu_ms, **_looked_at(made)}), flush=True)
    return []


def _case(who: Principal, matter: str, plot: shapely.Geometry | None) -> int:
    """Begin, fill in, submit; answers with the case's id."""
    from uuid import uuid4

    from kunyu.engines.matters.cases import services

    one = services.begin(who, [matter], tiles.COUNTY, uuid4().hex)
    applicant = {"kind": "organisation", "name": "示范建设有限公司", "code": "91110000100000000R"}
    services.save(who, one.pk, form=FORM, plot=plot, plot_source="bench", applicant=applicant,
                  project={"code": f"2026-990101-47-01-{one.pk:06d}", "name": "示范道路"})  # fmt: skip
    (case,) = services.submit(who, one.pk)
    return int(case.pk)


def _looked_at(cases: list[int]) -> dict[str, Any]:
    """States of all answers, and how long the checks took; refuses a run in which the map was not looked at."""
    from kunyu.engines.matters.models import Check, CheckAnswer

    checks = Check.objects.filter(case_id__in=cases)
    answers = CheckAnswer.objects.filter(check_run__in=checks)
    if (
        checks.count() != len(cases)
        or answers.filter(reason__in=("failed", "timeout", "too_large", "no_rule")).exists()
    ):
        raise SystemExit("a check failed or is missing")
    if answers.filter(rule="C-03", reason="missing").exists():
        raise SystemExit("the control polygons were not looked at")
    states: dict[str, int] = dict(Counter(answers.values_list("state", flat=True)))
    rules = answers.values_list("rule", flat=True).distinct().count()
    return {"answers": states, "rules": rules, "check_ms": list(checks.values_list("milliseconds", flat=True))}


if __name__ == "__main__":
    sys.exit(0 if all(row["met"] for row in main(sys.argv[1:])) else 1)
