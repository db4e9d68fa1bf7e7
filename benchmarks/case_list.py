"""The case list of an examiner over a million cases: first page with its counts, a filter, the page that follows.

1,000,000 synthetic cases in 100 counties of 10 prefectures and 55 matters, 6 % of them open (as many as a year's work leaves
open), made by INSERT … SELECT; two matters in three of branches under 304, the others under 105. The restricted examiner
holds 300 grants, matter by matter, in the ten counties of one prefecture; the peer holds one grant on everything. Both ask
the node over HTTP with a session cookie, in turns; a first page is the list **and** the counts, added up.

* ``case_list.first_page``: p95 of the slower of the two, milliseconds, while nobody else asks.
* ``case_list.restricted``: the restricted examiner's median over that of the one with all grants.
* ``case_list.filtered``, ``case_list.next``: p95 of a search by number, matter or state, and of following pages.
* ``case_list.sixteen``: sixteen connections ask for the first page (the list alone, as the peer's figure counts) without
  pause: the median answer of the one with all grants, and of the restricted one. No bar: two cores against ten.

No peer runs here: what Open Zaak publishes for 1,000,000 cases is cited (:mod:`benchmarks.open_zaak`).

Run: ``python -m benchmarks.case_list [--cases N] [--rounds R]``; ``KUNYU_BENCH_HOME`` keeps the state folder.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from benchmarks import open_zaak, tiles
from benchmarks.access import Asker, _cookie, _person
from benchmarks.load import Asked, put_load
from benchmarks.tile_servers import Server, run_node

if TYPE_CHECKING:
    from kunyu.project.runtime.cluster import PrivateCluster

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "case_list.json"
BAR_MS, BAR_RATIO = 250.0, 1.3
MATTERS, OWN_GRANTS = 55, 300
PREFECTURE = "9905"
RESTRICTED, WHOLE = "bench-restricted", "bench-whole"
SEED = 11
USERS, LOAD_SECONDS, WARMING_SECONDS = 16, 20.0, 3.0

_CASES = """
WITH drawn AS (SELECT i, abs(hashint8(i)) AS h, abs(hashint8(i + 7000001)) AS k, abs(hashint8(i + 9000017)) AS m
  FROM generate_series(1::bigint, %(cases)s) AS i),
n AS (SELECT i, h, k, 990100 + (h %% 10) * 100 + (h / 10) %% 10 + 1 AS county, k %% %(matters)s AS matter, m %% 100 < 6 AS is_running,
  DATE '2026-11-23' - (m / 100 %% 1460) AS day FROM drawn)
INSERT INTO matters_case (number, application_id, matter_id, edition_id, branch, division_code, county, partner_county,
  is_with_partner, label, state, stage, assignee_id, applicant_name, project_code, project_name, submitted_at, accepted_at,
  promised_days, due_on, yellow_on, red_on, due_is_provisional, days_used, clock_from, decided_at, closed_at, licence_number,
  revision)
SELECT county || to_char(day, 'YYYYMMDD') || lpad(i::text, 6, '0') || CASE WHEN i > 999999 THEN 'x' ELSE '' END, i, m.id, e.id,
  m.branch, county::text, county::text, '', false, 0,
  CASE WHEN is_running THEN (ARRAY['submitted', 'in_review', 'in_review', 'paused'])[1 + k / 64 %% 4]
       ELSE (ARRAY['granted', 'refused', 'withdrawn'])[1 + k / 64 %% 3] END,
  CASE WHEN is_running THEN 'examination' ELSE '' END, CASE WHEN is_running AND h / 100 %% 7 = 0 THEN %(mine)s END,
  '申请人' || i, '', '项目' || i, day, day, 15,
  CASE WHEN is_running AND k / 64 %% 4 <> 3 THEN DATE '2026-11-23' + (h / 128 %% 40) - 8 END,
  CASE WHEN is_running AND k / 64 %% 4 <> 3 THEN DATE '2026-11-23' + (h / 128 %% 40) - 14 END,
  CASE WHEN is_running AND k / 64 %% 4 <> 3 THEN DATE '2026-11-23' + (h / 128 %% 40) - 10 END,
  false, 3, day, CASE WHEN NOT is_running THEN day END, CASE WHEN NOT is_running THEN day END, '', 3
FROM n JOIN matters_matter m ON m.code = 'B-' || lpad(matter::text, 3, '0')
JOIN matters_matteredition e ON e.matter_id = m.id
"""
_APPLICATIONS = """
INSERT INTO matters_application (id, key, division_code, matters, state, applicant_kind, applicant_name,
  applicant_code_masked, applicant_standing, project_code, project_name, form, plot_source, counter_county, created_by, created_at, changed_at,
  revision, submitted_at, personal_key)
SELECT i, 'bench-' || i, '990101', '[]', 'submitted', 'organisation', '申请人' || i, '', '', '', '', '{}', '', '', 'bench', now(),
  now(), 1, now(), gen_random_uuid() FROM generate_series(1, %(cases)s) AS i
"""


def main(arguments: list[str]) -> list[dict[str, Any]]:
    """Measure, print a table, write the results; answers with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=60)
    asked = parser.parse_args(arguments)
    kept = os.environ.get("KUNYU_BENCH_HOME")
    home = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="ky-bench-case-list-"))
    home.mkdir(exist_ok=True)
    home.chmod(0o711)
    from kunyu.project.runtime.cluster import PrivateCluster

    cluster = PrivateCluster(home).ensure()
    try:
        environment = _node(cluster, home)
        work = _fill(cluster, asked.cases)
        cookies = {name: _cookie(name) for name in (RESTRICTED, WHOLE)}
        with run_node(home, environment, "") as node:
            askers = {name: Asker(cookie, node.connect()) for name, cookie in cookies.items()}
            rows = _measured(askers, asked.rounds, work)
            rows.append(_sixteen(node, cookies, work, {name: rows[0][name] for name in ("versions", "machine")}))
    finally:
        cluster.stop()
        if not kept:
            shutil.rmtree(home, ignore_errors=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        print(f"{row['name']:<22} {row['project']:>8}  bar {row['bar'] or '-'}  {'met' if row['met'] else 'NOT MET'}")
    return rows


def _node(cluster: PrivateCluster, home: Path) -> dict[str, str]:
    """The schema of a node; its environment."""
    environment = tiles._environment(cluster, home)
    os.environ.update(environment)
    import django

    subprocess.run([sys.executable, "-m", "django", "migrate", "--skip-checks", "-v0"], check=True, cwd=ROOT)
    django.setup()
    return environment


# -- content ----------------------------------------------------------------------------------------------------------


def _fill(cluster: PrivateCluster, cases: int) -> dict[str, Any]:
    """Matters, people with grants, cases; answers with the counts."""
    from kunyu.engines.matters.models import Case
    from kunyu.engines.security.models import Grant
    from kunyu.engines.security.zones import record_zone

    record_zone()
    branches = _matters()
    restricted, whole = _person(RESTRICTED), _person(WHOLE)
    Grant.objects.filter(user__in=[restricted, whole]).delete()
    Grant.objects.bulk_create(Grant(user=whole, action=action) for action in ("see", "query", "edit"))
    Grant.objects.bulk_create(_narrow(restricted, branches))
    if Case.objects.count() < cases:
        _insert(cluster, cases, restricted.pk)
    tiles._settle(cluster)
    seen = Case.objects.filter(closed_at=None).count()
    return {"cases": Case.objects.count(), "open": seen, "matters": MATTERS, "counties": 100, "unit": "ms",
            "grants_of_restricted": Grant.objects.filter(user=restricted).count()}  # fmt: skip


def _insert(cluster: PrivateCluster, cases: int, mine: int) -> None:
    """Applications and cases, by the owner of the cluster: a million foreign keys need no checking one by one."""
    import psycopg

    with psycopg.connect(cluster.dsn("postgres")) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(_APPLICATIONS, {"cases": cases})
        connection.execute(_CASES, {"cases": cases, "matters": MATTERS, "mine": mine})


def _matters() -> list[str]:
    from kunyu.engines.matters.models import Matter, MatterEdition

    branches = []
    for number in range(MATTERS):
        branch = f"{'304' if number % 3 else '105'}{number % 9 + 1:02d}-{number + 1:03d}"
        matter, _ = Matter.objects.get_or_create(
            code=f"B-{number:03d}", defaults={"name_zh": f"基准事项{number}", "kind": "01", "branch": branch}
        )
        MatterEdition.objects.get_or_create(
            matter=matter, number=1, division_code="", state="published",
            defaults={"definition": {}, "digest": "0" * 64, "made_by": "bench"},
        )  # fmt: skip
        branches.append(branch)
    return branches


def _narrow(user: Any, branches: list[str]) -> list[Any]:
    """Grants matter by matter and county by county in one prefecture; two matters in three are his."""
    from kunyu.engines.security.models import Grant

    own = [branch for branch in branches if branch.startswith("304")]
    counties = [f"{PREFECTURE}{number:02d}" for number in range(1, 11)]
    pairs = [(branch, county) for county in counties for branch in own][:OWN_GRANTS]
    return [Grant(user=user, action=action, branch=branch, division_prefix=county)
            for branch, county in pairs for action in ("see", "edit")]  # fmt: skip


# -- asking -----------------------------------------------------------------------------------------------------------


def _measured(askers: dict[str, Asker], rounds: int, work: dict[str, Any]) -> list[dict[str, Any]]:
    about = {"versions": tiles._versions(), "machine": tiles._machine()}
    lengths = {name: len(_json(one, "/api/cases?which=todo")["cases"]) for name, one in askers.items()}
    assert all(length == 50 for length in lengths.values()), lengths
    first = _taken(askers, rounds, [("/api/cases?which=todo", "/api/cases/counts")])
    filtered = _taken(askers, rounds, [(path,) for path in _filters()])
    following = _taken(askers, rounds, [(path,) for path in _next_pages(askers[RESTRICTED])])
    p95 = {name: round(quantiles(times, n=20)[-1], 1) for name, times in first.items()}
    ratio = round(median(first[RESTRICTED]) / median(first[WHOLE]), 3)
    said = {**work, **{f"p95_{name}": value for name, value in p95.items()},
            **{f"median_{name}": round(median(times), 1) for name, times in first.items()}}  # fmt: skip
    return [
        _row("first_page", said, max(p95.values()), BAR_MS, about),
        _row("restricted", {**said, "unit": "ratio"}, ratio, BAR_RATIO, about),
        _row("filtered", work, _slower(filtered), BAR_MS, about),
        _row("next", work, _slower(following), BAR_MS, about),
    ]


def _sixteen(node: Server, cookies: dict[str, str], work: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    """The first page asked for on sixteen connections at once, for each of the two in turn."""
    found: dict[str, dict[str, float]] = {}
    for name, cookie in cookies.items():
        asked = Asked(node.port, ["/api/cases?which=todo"], USERS, LOAD_SECONDS, {"Cookie": cookie})
        put_load(replace(asked, seconds=WARMING_SECONDS), allowed=(200,))
        heard = put_load(asked, allowed=(200,))
        found[name] = {"median": round(heard.quantile_ms(0.5), 1), "p95": round(heard.quantile_ms(0.95), 1),
                       "answers_per_second": round(heard.rate, 1)}  # fmt: skip
    said = {**work, "connections": USERS, "seconds": LOAD_SECONDS, **found}
    return _row("sixteen", said, found[WHOLE]["median"], None, about)


def _taken(askers: dict[str, Asker], rounds: int, pages: list[tuple[str, ...]]) -> dict[str, list[float]]:
    """Milliseconds of each page by person, asked in turns; a page is one address or several."""
    chance, found = random.Random(SEED), {name: [] for name in askers}
    for number in range(rounds + 5):
        page = chance.choice(pages)
        for name, asker in askers.items():
            spent = 0.0
            for path in page:
                status, _, seconds = asker.get(path)
                assert status == 200, (path, status)
                spent += seconds * 1000
            if number >= 5:
                found[name].append(spent)
    return found


def _filters() -> list[str]:
    base = "/api/cases?which=all"
    return [f"{base}&matter=B-007", f"{base}&state=in_review", f"{base}&county={PREFECTURE}03", f"{base}&q={PREFECTURE}03",
            "/api/cases?which=open&colour=4", "/api/cases?which=mine", "/api/cases?which=closed"]  # fmt: skip


def _next_pages(asker: Asker) -> list[str]:
    paths, after = [], ""
    for _ in range(10):
        after = _json(asker, f"/api/cases?which=open&after={after}")["next"]
        paths.append(f"/api/cases?which=open&after={after}")
    return paths


def _json(asker: Asker, path: str) -> Any:
    status, body, _ = asker.get(path)
    assert status == 200, (path, status, body[:300])
    return json.loads(body)


def _slower(times: dict[str, list[float]]) -> float:
    return max(round(quantiles(one, n=20)[-1], 1) for one in times.values())


def _row(name: str, work: dict[str, Any], project: float, bar: float | None, about: dict[str, Any]) -> dict[str, Any]:
    return {"name": f"case_list.{name}", "work": work, "project": project, "peer": None, "ratio": None,
            "published": open_zaak.LISTING, "bar": bar, "met": bar is None or project <= bar, **about}  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
