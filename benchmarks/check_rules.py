"""The whole rule set on a county of parcels, against ilivalidator (PyPI) on an INTERLIS AREA model; then at scale.

Both sides are one process each, run one after the other on the same parcels, from files in the page cache, whole time
from start to exit. Ours: ``kunyu check county.gpkg --json``, every rule there is, all layers. Theirs: a model written
here (``DLTB`` with the same 30 attributes, mandatory fields, ranges, land classes as an enumeration, unique BSM and an
AREA geometry: straight lines, coordinates to 0.1 mm, overlaps up to 0.001 m allowed) and an XTF 2.3 transfer of DLTB
alone, no models fetched from the network. INTERLIS areas must share every vertex, real parcels meet in T-junctions:
for ilivalidator, and for it alone, the missing vertices are added to the long edges. Before anything is timed, both sides must find an overlap seeded into a
small county, or nothing is compared.

ilivalidator's PyPI package carries the validator compiled to a native library (GraalVM): there is no JVM to warm.

At scale ours runs alone, on 10,000, 100,000 and 1,000,000 parcels: seconds and peak memory of the whole process, when the
first finding came out (``--stream``; the sample is spoiled for that run), and growth = ratio of seconds over ratio of
sizes.

ilivalidator is stopped after 10 times our seconds (``--whole`` waits for its end): the bar is met by then, and
the ratio written is a lower bound, said so.

Run: ``python -m benchmarks.check_rules [--parcels N] [--whole]``. ``KUNYU_BENCH_DATA`` may name a folder with sample counties
(``c<N>/county.gpkg``) that is used and filled.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import shapely

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "check_rules.json"
BAR = 8.0
MOST_SECONDS = 15.0
SCALE = (10_000, 100_000, 1_000_000)
SCALE_SECONDS, SCALE_GIB, GROWTH = 300.0, 6.0, 1.25
SEED = 7
PEER = "ilivalidator==0.0.4"
MODEL = "KunyuDltb"
OVERLAP_M = "0.001"
PATIENCE = 1.25 * BAR
MARGIN_M = 1000
"""The model's coordinate domain is the county's box and this much around it."""


def main(arguments: list[str]) -> list[dict[str, Any]]:
    """Run both sides and write the result; answers with it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcels", type=int, default=50_000)
    parser.add_argument("--no-scale", action="store_true", help="leave the large counties out")
    parser.add_argument("--whole", action="store_true", help="wait for ilivalidator's end, however long it takes")
    chosen = parser.parse_args(arguments)
    given = os.environ.get("KUNYU_BENCH_DATA")
    work = Path(given) if given else Path(tempfile.mkdtemp(prefix="ky-bench-"))
    work.mkdir(parents=True, exist_ok=True)
    try:
        rows = compare(work, chosen.parcels, chosen.whole)
        if not chosen.no_scale:
            rows += at_scale(work)
    finally:
        if not given:
            shutil.rmtree(work, ignore_errors=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        against = "" if row["peer"] is None else f", ilivalidator {row['peer']} s, {row['ratio']} × faster"
        print(
            f"{row['name']}: {row['project']} {row['unit']}{against}; bar {row['bar']}: "
            f"{'met' if row['met'] else 'NOT MET'}"
        )
    return rows


def compare(work: Path, parcels: int, whole: bool) -> list[dict[str, Any]]:
    """Time both sides on the same parcels."""
    python = peer_python(work)
    spoiled = county(work, 500, "Q303:2")
    if "Q303" not in {one["rule"] for one in ours(spoiled)[1]["findings"]}:
        raise SystemExit("kunyu check missed the seeded overlap: nothing to compare")
    found = theirs(python, transfer(county(work, 500, None)))[1]
    if found["errors"] or not found["ended"]:
        raise SystemExit(f"ilivalidator finds errors in a clean county: nothing to compare ({found})")
    found = theirs(python, transfer(spoiled))[1]
    if not found["errors"] or not found["ended"]:
        raise SystemExit(f"ilivalidator missed the seeded overlap: nothing to compare ({found})")
    clean = county(work, parcels, None)
    peer_file = transfer(clean)
    before = _cpu_seconds()
    our_seconds, report = ours(clean)
    between = _cpu_seconds()
    peer_seconds, verdict = theirs(python, peer_file, None if whole else PATIENCE * our_seconds)
    our_cpu, peer_cpu = between - before, _cpu_seconds() - between
    ratio = peer_seconds / our_seconds
    ending = (
        f"{verdict['errors']} errors"
        if verdict["ended"]
        else (f"stopped unfinished at '{verdict['last']}', so its seconds and the ratio are lower bounds")
    )
    speed = {
        "name": "check_rules",
        "work": f"{parcels} sample parcels, {verdict['vertices']} vertices; ours {len(report['rules_run'])} rules over "
        f"{len(report['layers'])} layers, {len(report['findings'])} findings; ilivalidator DLTB alone as AREA "
        f"(STRAIGHTS, 4 decimals, WITHOUT OVERLAPS > {OVERLAP_M}), {ending}; seconds of the whole "
        f"process (processor seconds {our_cpu:.1f} and {peer_cpu:.1f})",
        "project": round(our_seconds, 2), "unit": "s", "peer": round(peer_seconds, 2), "ratio": round(ratio, 1),
        "bar": BAR, "met": ratio >= BAR, **surroundings(),
    }  # fmt: skip
    return [speed, own_row("check_rules_seconds", speed["work"], our_seconds, "s", MOST_SECONDS)]


def own_row(name: str, work: str, figure: float, unit: str, bar: float) -> dict[str, Any]:
    """A figure that has a bar and no peer."""
    return {
        "name": name, "work": work, "project": round(figure, 2), "unit": unit, "peer": None, "ratio": None, "bar": bar,
        "met": figure <= bar, **surroundings(),
    }  # fmt: skip


def surroundings() -> dict[str, Any]:
    """Versions and machine."""
    return {
        "versions": {
            "ilivalidator": PEER.split("==")[1], "shapely": version("shapely"), "geos": shapely.geos_version_string,
            "pyogrio": version("pyogrio"), "numpy": version("numpy"), "python": platform.python_version(),
        },
        "machine": {"cpus": os.cpu_count(), "arch": platform.machine(), "load_before": os.getloadavg()[0]},
    }  # fmt: skip


def at_scale(work: Path) -> list[dict[str, Any]]:
    """Seconds, memory and growth on counties of growing size; the first finding of a spoiled one."""
    seconds: dict[int, float] = {}
    gib = 0.0
    for parcels in SCALE:
        seconds[parcels], gib, report = alone(county(work, parcels, None))
        if report["findings"]:
            raise SystemExit(f"{len(report['findings'])} findings in a clean county of {parcels} parcels")
    largest = SCALE[-1]
    first = first_finding(county(work, SCALE[1], "Q303:2,Q203:2"))
    told = ", ".join(f"{parcels}: {one:.1f} s" for parcels, one in seconds.items())
    work_text = f"full rule set, {len(report['rules_run'])} rules, {told}; clean"
    rows = [
        own_row("check_rules_1m_seconds", work_text, seconds[largest], "s", SCALE_SECONDS),
        own_row("check_rules_1m_memory", f"{work_text}; peak of the process", gib, "GiB", SCALE_GIB),
        own_row(
            "check_rules_first_finding", f"{SCALE[1]} spoiled parcels, until the first line of --stream; the bar is the "
            "whole run's time", first, "s", seconds[SCALE[1]],
        ),
    ]  # fmt: skip
    for small in SCALE[:-1]:
        growth = seconds[largest] / seconds[small] / (largest / small)
        rows.append(own_row(f"check_rules_growth_{small}_{largest}", work_text, growth, "×", GROWTH))
    return rows


def alone(file: Path) -> tuple[float, float, dict[str, Any]]:
    """Seconds and peak memory (GiB) of ``kunyu check``, and its report."""
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        with subprocess.Popen(
            [*kunyu(), "check", str(file), "--standard", "TDT1057-2020", "--json"], stdout=out
        ) as run:
            _, status, used = os.wait4(run.pid, 0)
            run.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        if run.returncode not in (0, 1):
            raise SystemExit(f"kunyu check ended with {run.returncode}")
        out.seek(0)
        return seconds, used.ru_maxrss / (1 << 20), json.load(out)


def first_finding(file: Path) -> float:
    """Seconds until the first finding stands in the stream."""
    with tempfile.TemporaryDirectory() as folder:
        stream = Path(folder) / "findings.ndjson"
        start = time.perf_counter()
        command = [*kunyu(), "check", str(file), "--standard", "TDT1057-2020", "--stream", str(stream)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as run:
            while run.poll() is None and not (stream.exists() and stream.stat().st_size):
                time.sleep(0.02)
            return time.perf_counter() - start


def peer_python(work: Path) -> Path:
    """A virtual environment of its own with ilivalidator."""
    home = work / "ilivalidator"
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True)
    return python


def county(work: Path, parcels: int, defects: str | None) -> Path:
    """The sample county's GeoPackage, made when it is not there."""
    folder = work / (f"c{parcels}" + ("-spoiled" if defects else ""))
    file = folder / "county.gpkg"
    if not file.exists():
        command = [*kunyu(), "sample", "county", str(folder), "--parcels", str(parcels), "--seed", str(SEED)]
        subprocess.run(command + (["--defects", defects] if defects else []), check=True, stdout=subprocess.DEVNULL)
    return file


def kunyu() -> list[str]:
    """The command under test."""
    return [sys.executable, "-c", "from kunyu.project.cli import main; main()"]


def _cpu_seconds() -> float:
    """Processor seconds of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ours(file: Path) -> tuple[float, dict[str, Any]]:
    """Seconds of ``kunyu check`` and its report."""
    start = time.perf_counter()
    done = subprocess.run(
        [*kunyu(), "check", str(file), "--standard", "TDT1057-2020", "--json"], stdout=subprocess.PIPE, check=False
    )
    seconds = time.perf_counter() - start
    if done.returncode not in (0, 1):
        raise SystemExit(f"kunyu check ended with {done.returncode}")
    return seconds, json.loads(done.stdout)


def theirs(python: Path, file: Path, most_seconds: float | None = None) -> tuple[float, dict[str, Any]]:
    """Seconds of ilivalidator and its verdict, read from its own log; ``ended`` is false when it was stopped."""
    log = file.with_suffix(f".{os.getpid()}.log")  # its own: two runs in one folder must not read each other's verdict
    log.unlink(missing_ok=True)
    code = (
        "import sys; from ilivalidator import Ilivalidator; "
        "settings = {Ilivalidator.SETTING_ILIDIRS: sys.argv[2], Ilivalidator.SETTING_MODELNAMES: sys.argv[3], "
        "Ilivalidator.SETTING_LOGFILE: sys.argv[4]}; print(Ilivalidator.validate([sys.argv[1]], settings))"
    )
    start = time.perf_counter()
    answer = b""
    try:
        answer = subprocess.run(
            [python, "-c", code, str(file), str(file.parent), MODEL, str(log)], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, timeout=most_seconds, check=True,
        ).stdout  # fmt: skip
    except subprocess.TimeoutExpired:
        pass
    seconds = time.perf_counter() - start
    lines = log.read_text("utf-8", errors="replace").splitlines() if log.exists() else []
    if not any("validate data" in line for line in lines):
        raise SystemExit("ilivalidator's log does not say that it validated: " + " | ".join(lines[-3:]))
    about = json.loads(file.with_suffix(".json").read_text("utf-8"))
    return seconds, {
        "ended": bool(answer), "errors": sum(line.startswith("Error:") for line in lines),
        "vertices": about["vertices"], "last": lines[-1],
    }  # fmt: skip


def transfer(file: Path) -> Path:
    """Write the model and the XTF 2.3 transfer of DLTB beside the GeoPackage; answers with the transfer's path."""
    from kunyu.engines.catalogue.standards import load_standard
    from kunyu.engines.ingest.checks.delivered import DeliveredLayer
    from kunyu.engines.ingest.mapping import apply
    from kunyu.engines.ingest.reading import open_delivery

    target = file.parent / "dltb.xtf"
    if target.exists():
        return target
    standard = load_standard("TDT1057-2020")
    with open_delivery(file) as source:
        layer = DeliveredLayer.read(apply(source, standard).layer("DLTB"))
    bounds = shapely.total_bounds(layer.geometry)
    (file.parent / f"{MODEL}.ili").write_text(model(layer, standard, bounds), encoding="utf-8")
    shapes = with_shared_vertices(layer.geometry)
    columns = {field.code: layer.arrow(field.code).to_pylist() for field in layer.spec.fields}
    with target.open("w", encoding="utf-8") as out:
        out.write(
            '<?xml version="1.0" encoding="UTF-8"?><TRANSFER xmlns="http://www.interlis.ch/INTERLIS2.3">'
            f'<HEADERSECTION SENDER="bench" VERSION="2.3"><MODELS><MODEL NAME="{MODEL}" VERSION="1" '
            f'URI="mailto:bench@example.org"/></MODELS></HEADERSECTION><DATASECTION><{MODEL}.Survey BID="b1">\n'
        )
        for row, shape in enumerate(shapes):
            fields = "".join(
                f"<{field.code}>{written(columns[field.code][row], field)}</{field.code}>"
                for field in layer.spec.fields
                if columns[field.code][row] is not None
            )
            out.write(
                f'<{MODEL}.Survey.DLTB TID="{row + 1}">{fields}<GEOM>{surface(shape)}</GEOM></{MODEL}.Survey.DLTB>\n'
            )
        out.write(f"</{MODEL}.Survey></DATASECTION></TRANSFER>\n")
    vertices = int(shapely.get_num_coordinates(shapes).sum())
    target.with_suffix(".json").write_text(json.dumps({"vertices": vertices}), encoding="utf-8")
    return target


def with_shared_vertices(shapes: np.ndarray) -> np.ndarray:
    """Add to edges that no neighbour repeats the vertices that lie on them (within 0.1 mm): T-junctions become nodes."""
    parts, of_shape = shapely.get_parts(shapes, return_index=True)
    rings, of_part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    grid = np.rint((xy - xy.min(axis=0)) * 10_000).astype(np.int64)
    inside = np.flatnonzero(ring[1:] == ring[:-1])
    ends = np.c_[grid[inside], grid[inside + 1]]
    swap = (ends[:, 0] > ends[:, 2]) | ((ends[:, 0] == ends[:, 2]) & (ends[:, 1] > ends[:, 3]))
    ends[swap] = ends[swap][:, [2, 3, 0, 1]]
    _, which, times = np.unique(ends, axis=0, return_inverse=True, return_counts=True)
    lonely = inside[times[which.ravel()] == 1]
    points = np.unique(np.concatenate([xy[lonely], xy[lonely + 1]]), axis=0)
    lines = shapely.linestrings(np.stack([xy[lonely], xy[lonely + 1]], axis=1))
    line, point = shapely.STRtree(shapely.points(points)).query(lines, predicate="dwithin", distance=1e-4)
    own = np.minimum(*(np.abs(points[point] - xy[lonely[line] + end]).max(axis=1) for end in (0, 1))) < 5e-5
    line, point = line[~own], point[~own]
    along = shapely.line_locate_point(lines[line], shapely.points(points[point]))
    order = np.lexsort((along, lonely[line]))
    at, added = lonely[line][order] + 1, points[point][order]
    new_xy, new_ring = np.insert(xy, at, added, axis=0), np.insert(ring, at, ring[at])
    made = shapely.linearrings(new_xy, indices=new_ring)
    polygons = np.empty(len(parts), object)
    first = np.searchsorted(of_part, np.arange(len(parts) + 1))
    for one in range(len(parts)):
        polygons[one] = shapely.Polygon(made[first[one]], made[first[one] + 1 : first[one + 1]])
    return np.asarray(shapely.multipolygons(polygons, indices=of_shape))


def model(layer: Any, standard: Any, bounds: np.ndarray) -> str:
    """The INTERLIS 2.3 model of DLTB."""
    low, high = np.floor(bounds[:2] - MARGIN_M), np.ceil(bounds[2:] + MARGIN_M)
    domain = ", ".join(f"{a:.4f} .. {b:.4f}" for a, b in zip(low, high, strict=True))
    fields = "\n".join(
        f"      {field.code} : {'MANDATORY ' if field.required == 'M' else ''}{kind(field, standard)};"
        for field in layer.spec.fields
    )
    return f"""INTERLIS 2.3;
MODEL {MODEL} (en) AT "mailto:bench@example.org" VERSION "1" =
  TOPIC Survey =
    DOMAIN
      Place = COORD {domain};
    CLASS DLTB =
{fields}
      GEOM : MANDATORY AREA WITH (STRAIGHTS) VERTEX Place WITHOUT OVERLAPS > {OVERLAP_M};
      UNIQUE BSM;
    END DLTB;
  END Survey;
END {MODEL}.
"""


def kind(field: Any, standard: Any) -> str:
    """The INTERLIS type of a field; codes become an enumeration (``c`` before each, names must begin with a letter)."""
    if field.codelist is not None:
        return "(" + ", ".join(f"c{code}" for code in standard.codelists[field.codelist].codes) + ")"
    if field.type in ("Int", "Float"):
        low = field.minimum if field.minimum is not None else 0
        high = field.maximum if field.maximum is not None else 10.0 ** (field.length - field.decimals) - 1
        return f"{low:.{field.decimals}f} .. {high:.{field.decimals}f}"
    return f"TEXT*{field.length or 1024}"


def written(value: Any, field: Any) -> str:
    """A value as the transfer writes it."""
    if field.codelist is not None:
        return f"c{value}"
    return f"{value:.{field.decimals}f}" if field.type == "Float" else escape(str(value))


def surface(shape: shapely.Geometry) -> str:
    """A polygon as SURFACE: one BOUNDARY per ring, the outer one first."""
    rings = "".join(
        "<BOUNDARY><POLYLINE>"
        + "".join(f"<COORD><C1>{x:.4f}</C1><C2>{y:.4f}</C2></COORD>" for x, y in shapely.get_coordinates(ring).tolist())
        + "</POLYLINE></BOUNDARY>"
        for part in shapely.get_parts(shape)
        for ring in shapely.get_rings(part)
    )
    return f"<SURFACE>{rings}</SURFACE>"


if __name__ == "__main__":
    main(sys.argv[1:])
