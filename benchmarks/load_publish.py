"""Load and publish a county of sample parcels, against ogr2ogr (PG_USE_COPY) of the same file into the same PostGIS.

Both sides run one after the other in one private cluster with the node's own settings (fsync, synchronous_commit and
full_page_writes on), after a checkpoint, with the file in the page cache. Ours: digest and object store, mapping to
GeoParquet, reprojection, ellipsoidal areas, row digests, COPY, indexes, version; checks are not counted. Theirs: the
file's tables as they are, then the same indexes. Run: ``python -m benchmarks.load_publish [parcels …]``.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "load_publish.json"
SIZES = (10_000, 100_000, 1_000_000)
BAR_RATIO, BAR_GIB, BAR_GROWTH = 1.8, 2.0, 1.2
COUNTY, SEED = "990101", 7
VERDICT = {True: "met", False: "NOT MET", None: "not judged"}


def main(arguments: list[str]) -> list[dict[str, Any]]:
    """Run every size and write the results; answers with them."""
    if arguments[:1] == ["--child"]:
        print(json.dumps(child(Path(arguments[1]))))
        return []
    sizes = [int(one) for one in arguments] or list(SIZES)
    given = os.environ.get("KUNYU_BENCH_DATA")
    work = Path(given) if given else Path(tempfile.mkdtemp(prefix="ky-bench-"))
    work.mkdir(parents=True, exist_ok=True)
    work.chmod(0o711)
    try:
        runs = {size: one_size(work, size) for size in sizes}
    finally:
        if not given:
            shutil.rmtree(work, ignore_errors=True)
    rows = results(runs)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        print(f"{row['name']:<36} {row['project']:>10} {row['peer'] if row['peer'] is not None else '-':>10} "
              f"ratio {row['ratio']}  bar {row['bar']}  {VERDICT[row['met']]}")  # fmt: skip
    return rows


def one_size(work: Path, size: int) -> dict[str, Any]:
    """Measure both sides for one size in a fresh cluster."""
    from kunyu.project.runtime.cluster import PrivateCluster
    from kunyu.project.sample_county.generate import generate_county

    folder = work / f"c{size}"
    if not (folder / "county.gpkg").exists():
        generate_county(folder, size, SEED)
    home = Path(tempfile.mkdtemp(prefix="ky-bench-home-"))
    home.chmod(0o711)
    cluster = PrivateCluster(home).ensure()
    try:
        _warm(folder / "county.gpkg")
        environment = {
            **os.environ, "KUNYU_HOME": str(home), "DATABASE_URL": cluster.addresses()["database_url"],
            "DJANGO_SETTINGS_MODULE": "kunyu.project.settings", "KUNYU_OBJECT_STORE": str(home / "objects"),
        }  # fmt: skip
        subprocess.run([sys.executable, "-m", "django", "migrate", "--skip-checks", "-v0"], env=environment, check=True,
                       cwd=ROOT)  # fmt: skip
        peer = ogr2ogr(cluster, folder / "county.gpkg")
        _checkpoint(cluster)
        _warm(folder / "county.gpkg")
        ours = subprocess.run(
            [sys.executable, "-m", "benchmarks.load_publish", "--child", str(folder / "county.gpkg")], env=environment,
            check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return {"project": json.loads(ours.stdout.splitlines()[-1]), "peer": peer, "bytes": _size(folder)}
    finally:
        cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


def _size(folder: Path) -> int:
    return (folder / "county.gpkg").stat().st_size


def _warm(path: Path) -> None:
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass


def _checkpoint(cluster: Any) -> None:
    import psycopg

    with psycopg.connect(cluster.dsn("postgres"), autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def ogr2ogr(cluster: Any, file: Path) -> dict[str, Any]:
    """Load the file with ogr2ogr, index it as our tables are, and drop it again."""
    import psycopg
    from psycopg.conninfo import make_conninfo

    _checkpoint(cluster)
    with psycopg.connect(cluster.dsn("postgres"), autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS peer CASCADE")
        connection.execute("CREATE SCHEMA peer AUTHORIZATION kunyu")
    started = time.perf_counter()
    subprocess.run(
        ["ogr2ogr", "-f", "PostgreSQL", "PG:" + make_conninfo(cluster.dsn()), str(file), "--config", "PG_USE_COPY", "YES",
         "-lco", "SCHEMA=peer", "-lco", "SPATIAL_INDEX=NONE", "-lco", "GEOMETRY_NAME=geom", "-nlt", "PROMOTE_TO_MULTI"],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    copied = time.perf_counter()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        tables = connection.execute(
            "SELECT c.relname, EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'geom'),"
            " EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'bsm')"
            " FROM pg_class c WHERE c.relnamespace = 'peer'::regnamespace AND c.relkind = 'r'"
        ).fetchall()
        for table, spatial, keyed in tables:
            if spatial:
                connection.execute(f'CREATE INDEX ON peer."{table}" USING gist (geom)')
                connection.execute(f'CREATE INDEX ON peer."{table}" USING gist (geom) WHERE geom IS NULL')
            if keyed:
                connection.execute(f'CREATE INDEX ON peer."{table}" (bsm)')
        rows = connection.execute("SELECT count(*) FROM peer.dltb").fetchone()
    done = time.perf_counter()
    with psycopg.connect(cluster.dsn("postgres"), autocommit=True) as connection:
        connection.execute("DROP SCHEMA peer CASCADE")
    return {"seconds": done - started, "copy": copied - started, "index": done - copied, "rows": rows[0] if rows else 0}


def child(file: Path) -> dict[str, Any]:
    """Our side, in a process of its own so that its peak memory is its own."""
    import resource

    import django

    django.setup()
    from kunyu.engines.catalogue.loading import load_labelled_catalogue
    from kunyu.engines.ingest import opened
    from kunyu.engines.ingest.process import map_layers
    from kunyu.engines.ingest.publish import publish
    from kunyu.engines.ingest.receive import Request, receive
    from kunyu.engines.ingest.running import Run
    from kunyu.engines.ingest.services import Status, change_status
    from kunyu.engines.reference.services import NewDivision, register_fictional
    from kunyu.engines.security.scope import operator

    load_labelled_catalogue("security")
    register_fictional([NewDivision("99", "示范省", "0"), NewDivision("9901", "示范市", "99"),
                        NewDivision(COUNTY, "坤舆县", "9901")])  # fmt: skip
    stages: dict[str, float] = {}
    actor = operator("bench")
    begun = at = time.perf_counter()
    delivery = receive(file, Request(file.name, COUNTY, standard_id="TDT1057-2020"), actor).delivery
    stages["receive"], at = time.perf_counter() - at, time.perf_counter()
    with Run(delivery.pk) as run, opened.laid_out(delivery) as laid, opened.opened(delivery, laid) as mapped:
        map_layers(delivery, mapped, laid.parent, actor, run)
    stages["map"], at = time.perf_counter() - at, time.perf_counter()
    change_status(delivery.pk, Status.CHECKED, actor)  # checks are another benchmark
    change_status(delivery.pk, Status.ACCEPTED, actor)
    done = publish(delivery.pk, actor)
    stages["publish"] = time.perf_counter() - at
    seconds = time.perf_counter() - begun
    inner = {f"publish.{name}": value for name, value in done.summary["stage_seconds"].items() if name != "map"}
    records = sum(one["records"] for one in done.summary["published"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {"seconds": seconds, "stages": {**stages, **inner}, "records": records, "peak_gib": peak}


def results(runs: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows in the form of contract.md."""
    about = {"versions": versions(), "machine": machine()}
    rows = []
    for size, run in runs.items():
        ours, peer = run["project"], run["peer"]
        ratio = ours["seconds"] / peer["seconds"]
        counts = size == max(runs)
        work = {"parcels": size, "records": ours["records"], "file_bytes": run["bytes"], "unit": "s",
                "project_stages": {name: round(value, 3) for name, value in ours["stages"].items()},
                "peer_stages": {name: round(peer[name], 3) for name in ("copy", "index")},
                "note": "publish.read and publish.prepare run in a thread beside publish.copy"}  # fmt: skip
        rows.append(_row(f"load_publish.{size}", work, ours["seconds"], peer["seconds"], ratio, BAR_RATIO if counts else None,
                         ratio <= BAR_RATIO if counts else None, about))  # fmt: skip
        memory = {"parcels": size, "unit": "GiB", "what": "peak resident memory of the loading process"}
        rows.append(_row(f"load_publish.{size}.memory", memory, ours["peak_gib"], None, None, BAR_GIB,
                         ours["peak_gib"] <= BAR_GIB, about))  # fmt: skip
    sizes = sorted(runs)
    for small, large in pairwise(sizes):
        growth = runs[large]["project"]["seconds"] / runs[small]["project"]["seconds"] / (large / small)
        work = {"from": small, "to": large, "unit": "time ratio / size ratio"}
        rows.append(
            _row(f"load_publish.growth.{large}", work, growth, 1.0, growth, BAR_GROWTH, growth <= BAR_GROWTH, about)
        )
    return rows


def _row(
    name: str,
    work: Any,
    project: float,
    peer: float | None,
    ratio: float | None,
    bar: float | None,
    met: bool | None,
    about: Any,
) -> dict[str, Any]:
    return {
        "name": name, "work": work, "project": round(project, 3), "peer": None if peer is None else round(peer, 3),
        "ratio": None if ratio is None else round(ratio, 3), "bar": bar, "met": met, **about,
    }  # fmt: skip


def versions() -> dict[str, str]:
    """What was measured with what."""
    import pyarrow
    import shapely

    from kunyu.project.runtime.postgres_programs import find_programs

    gdal = subprocess.run(["ogr2ogr", "--version"], capture_output=True, text=True, check=True).stdout
    return {"python": platform.python_version(), "postgresql": str(find_programs().major), "ogr2ogr": gdal.strip(),
            "pyarrow": pyarrow.__version__, "shapely": shapely.__version__}  # fmt: skip


def machine() -> dict[str, Any]:
    """Where it was measured."""
    return {"cpus": os.cpu_count(), "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1),
            "system": platform.platform(), "load_average": [round(one, 2) for one in os.getloadavg()]}  # fmt: skip


if __name__ == "__main__":
    sys.exit(0 if all(row["met"] is not False for row in main(sys.argv[1:])) else 1)
