"""VCT 3.0 writing and reading of the sample county. There is no peer: no open program at hand reads or writes VCT 3.0.

For comparison the same county goes through pyogrio (GDAL) in the manner of ogr2ogr: GeoPackage to GeoPackage for
writing, every layer read as Arrow batches for reading. Each side is one process, timed from start to exit, files in the
page cache, all layers and tables of the county. ``project`` and ``peer`` are features (rows of all layers) a second,
``bar`` is ours in features a second. Writing includes reading the GeoPackage; reading includes opening the file, which
takes in every geometry record, and hands out every attribute and every polygon as WKB. Before anything is timed, a
small county must come back from VCT with the same attributes and the same shapes.

Run: ``python -m benchmarks.vct [--parcels N]``. ``KUNYU_BENCH_DATA`` may name a folder with sample counties
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
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyogrio
import shapely

from benchmarks.check_rules import county

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "vct.json"
BAR = 10_000
_MEMORY = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
WRITE = (
    "import sys; from pathlib import Path; from kunyu.engines.ingest.convert import convert\n"
    "from kunyu.engines.ingest.reading import open_delivery\n"
    "with open_delivery(sys.argv[1]) as source:\n"
    "    done = convert(source, Path(sys.argv[2]))\n"
    "print(sum(one.rows for one in done.layers))\n" + _MEMORY
)
READ = (
    "import sys; from kunyu.engines.ingest.reading import open_delivery\n"
    "with open_delivery(sys.argv[1]) as source:\n"
    "    print(sum(batch.num_rows for layer in source.layers for batch in layer.batches()))\n" + _MEMORY
)
OGR_WRITE = (
    "import sys, pyogrio, warnings; warnings.simplefilter('ignore'); rows = 0\n"
    "for name, kind in pyogrio.list_layers(sys.argv[1]):\n"
    "    with pyogrio.open_arrow(sys.argv[1], layer=name, use_pyarrow=True) as (meta, reader):\n"
    "        spatial = {} if kind is None else dict(geometry_name=meta['geometry_name'] or 'geom', geometry_type=kind,"
    " crs=meta['crs'])\n"
    "        pyogrio.write_arrow(reader, sys.argv[2], layer=name, driver='GPKG', **spatial)\n"
    "    rows += pyogrio.read_info(sys.argv[2], layer=name)['features']\n"
    "print(rows)\n" + _MEMORY
)
OGR_READ = (
    "import sys, pyogrio; rows = 0\n"
    "for name, kind in pyogrio.list_layers(sys.argv[1]):\n"
    "    with pyogrio.open_arrow(sys.argv[1], layer=name, use_pyarrow=True) as (meta, reader):\n"
    "        rows += sum(batch.num_rows for batch in reader)\n"
    "print(rows)\n" + _MEMORY
)


def main(arguments: list[str]) -> list[dict[str, Any]]:
    """Run both ways and write the result; answers with it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcels", type=int, default=1_000_000)
    chosen = parser.parse_args(arguments)
    given = os.environ.get("KUNYU_BENCH_DATA")
    work = Path(given) if given else Path(tempfile.mkdtemp(prefix="ky-bench-"))
    work.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="ky-vct-") as folder:
            rows = compare(county(work, chosen.parcels, None), county(work, 3000, None), Path(folder), chosen.parcels)
    finally:
        if not given:
            shutil.rmtree(work, ignore_errors=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        print(
            f"{row['name']}: {row['project']} features/s, bar {row['bar']}: {'met' if row['met'] else 'NOT MET'}; "
            f"GeoPackage through pyogrio {row['peer']} features/s"
        )
    return rows


def compare(file: Path, small: Path, folder: Path, parcels: int) -> list[dict[str, Any]]:
    """Time writing and reading of one county."""
    require_same(small, folder)
    vct, copy = folder / "county.vct", folder / "copy.gpkg"
    load = os.getloadavg()[0]
    wrote = timed(WRITE, file, vct)
    ogr_wrote = timed(OGR_WRITE, file, copy)
    read = timed(READ, vct)
    ogr_read = timed(OGR_READ, file)
    rows = {one["rows"] for one in (wrote, ogr_wrote, read, ogr_read)}
    if len(rows) != 1:
        raise SystemExit(f"the sides did not handle the same features: {rows}")
    size = f"{vct.stat().st_size / 2**20:.0f} MiB of VCT, {file.stat().st_size / 2**20:.0f} MiB of GeoPackage"
    about = f"{parcels} sample parcels in {rows.pop()} features of all layers, {size}"
    return [
        _result("vct_write", f"{about}; GeoPackage to VCT", wrote, ogr_wrote, load),
        _result("vct_read", f"{about}; VCT to Arrow batches", read, ogr_read, load),
    ]


def require_same(file: Path, folder: Path) -> None:
    """Stop unless a small county comes back from VCT as it was."""
    from kunyu.engines.ingest.convert import convert
    from kunyu.engines.ingest.reading import open_delivery

    vct, back = folder / "small.vct", folder / "small.gpkg"
    with open_delivery(file) as source:
        lost = convert(source, vct).losses
    with open_delivery(vct) as source:
        convert(source, back)
    for name, kind in pyogrio.list_layers(file):
        tables = [pyogrio.read_arrow(one, layer=name)[1] for one in (file, back)]
        same = all(tables[0][one].cast(tables[1][one].type).equals(tables[1][one]) for one in _attributes(tables[0]))
        if kind is not None:
            one, other = (shapely.normalize(shapely.from_wkb(table["geom"].to_numpy())) for table in tables)
            same = same and bool(shapely.equals_exact(one, other).all())
        if not same or lost:
            raise SystemExit(f"{name} did not come back from VCT as it was: nothing to time ({lost})")


def _attributes(table: pa.Table) -> list[str]:
    return [name for name in table.column_names if name != "geom"]


def timed(code: str, *files: Path) -> dict[str, Any]:
    """Seconds, features and peak memory of one process."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code, *map(str, files)], capture_output=True, text=True, check=False)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    if done.returncode:
        raise SystemExit(f"{files[-1].name}: {done.stderr[-2000:]}")
    return {
        "seconds": seconds,
        "processor": processor,
        "rows": int(done.stdout),
        "mib": int(done.stderr.split()[-1]) / 1024,
    }


def _result(name: str, work: str, ours: dict[str, Any], ogr: dict[str, Any], load: float) -> dict[str, Any]:
    speed, other = ours["rows"] / ours["seconds"], ogr["rows"] / ogr["seconds"]
    return {
        "name": name,
        "work": f"{work} in {ours['seconds']:.1f} s (processor {ours['processor']:.1f} s), peak {ours['mib']:.0f} MiB (mapped files included); no peer reads or "
        f"writes VCT 3.0: the comparison is GeoPackage through pyogrio, {ogr['seconds']:.1f} s (processor {ogr['processor']:.1f} s), {ogr['mib']:.0f} MiB",
        "project": round(speed), "peer": round(other), "ratio": round(speed / other, 2), "bar": BAR, "met": speed >= BAR,
        "versions": {
            "pyogrio": version("pyogrio"), "gdal": pyogrio.__gdal_version_string__, "pyarrow": version("pyarrow"),
            "numpy": version("numpy"), "python": platform.python_version(),
        },
        "machine": {"cpus": os.cpu_count(), "arch": platform.machine(), "load_before": round(load, 2)},
    }  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
