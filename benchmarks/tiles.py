"""Live vector tiles: the node against its own SQL through pgbench, and against tipg from PyPI.

One private cluster holds one county of sample parcels, loaded through the node's own delivery. Then, in one run:

* ``tiles.pgbench``: the node under two granian workers, two connections, against the very statements of the same
  tiles through ``pgbench -c 2 -j 2 -M prepared``, which runs as a member of the tables' owner and so without the row
  security that the node's own connections bear. Rounds alternate; the median of the rounds' ratios counts.
* ``tiles.tipg``, ``tiles.tipg_z16``: the node against tipg under two uvicorn workers, 16 connections each, distinct tiles, the same three
  attributes, the same rows (tipg reads the view of current rows), parallel plans and JIT off for both.
* ``tiles.restricted``: somebody with a hundred grants against somebody with one grant on everything, the same tiles.

Before anything is timed, tiles are decoded: every parcel whose part in the buffered tile holds a disc of one unit
radius must be in ours. What tipg's tiles lack by the same measure is reported.

Run: ``python -m benchmarks.tiles [--parcels N] [--seconds S] [--rounds R]``. ``KUNYU_BENCH_DATA`` may name a folder
with sample counties (``c<N>/county.gpkg``) that is used and filled; ``KUNYU_BENCH_HOME`` a state folder that is kept, so
that a county once loaded is measured again without loading it (``--load-only`` stops after loading).
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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.tile_servers import Load, Server, measure, median_rate, pgbench_rate, run_node, run_tipg

if TYPE_CHECKING:
    from kunyu.engines.maps.tiles import TileAddress
    from kunyu.project.runtime.cluster import PrivateCluster

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "tiles.json"
COUNTY, SEED, ZOOM = "990101", 7, 14
PARCELS = "10401-003"
ATTRIBUTES = ("BSM", "DLBM", "TBMJ")
VIEW = "onemap.dltb_tdt1057_2020_current"
FINER_ZOOM, MOST_TILES = 16, 4_000
BAR_PGBENCH, BAR_TIPG, BAR_TIPG_FINER, BAR_RESTRICTED = 0.75, 1.4, 2.0, 0.75
MOST_SCRIPTS = 100  # pgbench takes at most 128 script files
CHECKED_TILES = 12


def main(arguments: list[str]) -> list[dict[str, Any]]:
    """Measure, print a table, write the results; answers with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcels", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--load-only", action="store_true")
    asked = parser.parse_args(arguments)
    kept = os.environ.get("KUNYU_BENCH_HOME")
    home = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="ky-bench-tiles-"))
    home.mkdir(exist_ok=True)
    home.chmod(0o711)
    from kunyu.project.runtime.cluster import PrivateCluster

    cluster = PrivateCluster(home).ensure()
    try:
        environment, records = _prepare(cluster, home, asked.parcels)
        if asked.load_only:
            print(f"{records} parcels loaded")
            return []
        rows = _measure_all(cluster, home, environment, asked, records)
    finally:
        cluster.stop()
        if not kept:
            shutil.rmtree(home, ignore_errors=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        print(f"{row['name']:<16} {row['project']:>9} {row['peer']:>9} {row['work']['unit']}  ratio {row['ratio']}  "
              f"bar {row['bar']}  {'met' if row['met'] else 'NOT MET'}")  # fmt: skip
    return rows


def _prepare(cluster: PrivateCluster, home: Path, parcels: int) -> tuple[dict[str, str], int]:
    """Schema and county, unless a kept state folder has them; the environment of the node and the number of rows."""
    environment = _environment(cluster, home)
    os.environ.update(environment)
    import django

    subprocess.run([sys.executable, "-m", "django", "migrate", "--skip-checks", "-v0"], check=True, cwd=ROOT)
    django.setup()
    from kunyu.engines.catalogue.models import DatasetVersion

    published = DatasetVersion.objects.filter(layer__collection=PARCELS, county=COUNTY, status="published").first()
    records = int(published.record_count or 0) if published else _load(_county_file(home, parcels))
    if abs(records - parcels) > parcels * 0.05:
        raise SystemExit(f"{home} holds {records} parcels, asked for {parcels}: choose another KUNYU_BENCH_HOME")
    return environment, records


def _measure_all(
    cluster: PrivateCluster, home: Path, environment: dict[str, str], asked: argparse.Namespace, records: int
) -> list[dict[str, Any]]:
    parcels, seconds, rounds = asked.parcels, asked.seconds, asked.rounds
    token = _token()
    _settle(cluster)
    addresses = _tiles_with_data()
    random.Random(SEED).shuffle(addresses)
    few = addresses[:MOST_SCRIPTS]
    scripts = _pgbench_scripts(home, few)
    about = {"versions": _versions(), "machine": _machine()}
    work = {
        "parcels": parcels,
        "records": records,
        "zoom": ZOOM,
        "unit": "tiles/s",
        "seconds": seconds,
        "rounds": rounds,
    }

    with run_node(home, environment, token) as node:
        checked = _check(node, [node.path(a) for a in addresses], addresses, must_be_whole=True)
        paths = [node.path(address) for address in few]
        ours, theirs = [], []
        measure(node, Load(paths, 2, min(seconds, 5)))
        for _ in range(rounds):
            theirs.append(pgbench_rate(cluster, scripts, seconds))
            ours.append(measure(node, Load(paths, 2, seconds)))
    rows = [_row("tiles.pgbench", {**work, "tiles": len(few), "connections": 2, **checked, "project_rounds": ours,
                                   "peer_rounds": theirs}, ours, theirs, BAR_PGBENCH, about)]  # fmt: skip

    with run_tipg(cluster, home, VIEW, ATTRIBUTES) as tipg, run_node(home, environment, token) as node:
        about["versions"] |= {"tipg": tipg.version}
        for name, zoom, bar in (("tiles.tipg", ZOOM, BAR_TIPG), ("tiles.tipg_z16", FINER_ZOOM, BAR_TIPG_FINER)):
            rows.append(_against_tipg(node, tipg, name, zoom, bar, {**work, **checked, "zoom": zoom}, about))
        rows.append(_restricted(node, addresses, {**work, "connections": 16}, about))
    return rows


def _against_tipg(
    node: Server, tipg: Server, name: str, zoom: int, bar: float, work: dict[str, Any], about: dict[str, Any]
) -> dict[str, Any]:
    addresses = _tiles_with_data(zoom)
    random.Random(SEED).shuffle(addresses)
    addresses = addresses[:MOST_TILES]
    whole = _check(node, [node.path(a) for a in addresses], addresses, must_be_whole=True)
    lacking = _check(tipg, [tipg.path(a) for a in addresses], addresses, must_be_whole=False)
    seconds, ours, theirs = work["seconds"], [], []
    for server in (node, tipg):
        measure(server, Load([server.path(a) for a in addresses], 16, min(seconds, 5)))
    for _ in range(work["rounds"]):
        theirs.append(measure(tipg, Load([tipg.path(a) for a in addresses], 16, seconds)))
        ours.append(measure(node, Load([node.path(a) for a in addresses], 16, seconds)))
    missing = {"missing_at_peer": lacking["missing"], "features_checked_at_peer": lacking["features_checked"]}
    work = {**work, "tiles": len(addresses), "connections": 16, **whole, **missing}
    return _row(name, {**work, "project_rounds": ours, "peer_rounds": theirs}, ours, theirs, bar, about)


def _restricted(
    node: Server, addresses: list[TileAddress], work: dict[str, Any], about: dict[str, Any]
) -> dict[str, Any]:
    """Somebody with a hundred grants, county by county at two ceilings, against one grant on everything."""
    from dataclasses import replace

    from benchmarks.features import _restricted_token

    narrow = replace(node, headers={"Authorization": f"Bearer {_restricted_token()}"})
    paths = [node.path(address) for address in addresses]
    for path in paths[:CHECKED_TILES]:
        if narrow.get(path) != node.get(path):
            raise AssertionError(f"{path}: the restricted user gets another tile")
    measure(narrow, Load(paths, 16, min(work["seconds"], 5)))
    ours, theirs = [], []
    for _ in range(work["rounds"]):
        theirs.append(measure(node, Load(paths, 16, work["seconds"])))
        ours.append(measure(narrow, Load(paths, 16, work["seconds"])))
    work = {**work, "tiles": len(paths), "project_rounds": ours, "peer_rounds": theirs}
    return _row("tiles.restricted", work, ours, theirs, BAR_RESTRICTED, about)


def _environment(cluster: PrivateCluster, home: Path) -> dict[str, str]:
    addresses = cluster.addresses()
    return {
        "KUNYU_HOME": str(home),
        "DATABASE_URL": addresses["database_url"],
        "KUNYU_SERVE_DATABASE_URL": addresses["serve_database_url"],
        "KUNYU_OBJECT_STORE": str(home / "objects"),
        "DJANGO_SETTINGS_MODULE": "kunyu.project.settings",
        # live tiles are measured: what was drawn once is drawn again (benchmarks.cached measures the cache)
        "KUNYU_MAPS_TILE_MEMORY_MIB": "0",
        "KUNYU_MAPS_TILE_DISK_MIB": "0",
    }


def _county_file(home: Path, parcels: int) -> Path:
    from kunyu.project.sample_county.generate import generate_county

    folder = Path(os.environ.get("KUNYU_BENCH_DATA") or home / "data") / f"c{parcels}"
    if not (folder / "county.gpkg").exists():
        generate_county(folder, parcels, SEED)
    return folder / "county.gpkg"


def _load(file: Path) -> int:
    """Deliver, map and publish the county (checks are another benchmark); answers with the number of parcels."""
    from kunyu.engines.catalogue.loading import load_labelled_catalogue
    from kunyu.engines.catalogue.models import DatasetVersion
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
    actor = operator("bench")
    delivery = receive(file, Request(file.name, COUNTY, standard_id="TDT1057-2020"), actor).delivery
    with Run(delivery.pk) as run, opened.laid_out(delivery) as laid, opened.opened(delivery, laid) as mapped:
        map_layers(delivery, mapped, laid.parent, actor, run)
    change_status(delivery.pk, Status.CHECKED, actor)
    change_status(delivery.pk, Status.ACCEPTED, actor)
    publish(delivery.pk, actor)
    return int(DatasetVersion.objects.get(layer__collection=PARCELS, county=COUNTY).record_count or 0)


def _token() -> str:
    from kunyu.engines.security import scope
    from kunyu.engines.security.models import User
    from kunyu.engines.security.services import grant, issue_token

    User.objects.filter(username="bench").delete()
    user = User.objects.create_user("bench", "only-for-this-run", name_zh="基准")
    grant(user, (scope.SEE, scope.QUERY), actor=scope.operator("bench"))
    return issue_token(user, "bench", scope.operator("bench"))


def _settle(cluster: PrivateCluster) -> None:
    """Statistics, visibility and a checkpoint, so that neither side pays for the load; equal plans for tipg's role."""
    import psycopg

    with psycopg.connect(cluster.dsn("postgres"), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
        for setting in ("max_parallel_workers_per_gather = 0", "jit = off"):
            connection.execute(f"ALTER ROLE kunyu SET {setting}")


def _tiles_with_data(zoom: int = ZOOM) -> list[TileAddress]:
    """Every tile of the zoom that at least one parcel's box meets."""
    from django.db import connection

    from kunyu.engines.maps.grids import WEB_MERCATOR_QUAD
    from kunyu.engines.maps.tiles import TileAddress

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT x, y FROM (SELECT geom FROM onemap.dltb_tdt1057_2020_current) q, "
            "LATERAL generate_series(floor((ST_XMin(geom) + 180) / 360 * 2 ^ %(z)s)::int, "
            "floor((ST_XMax(geom) + 180) / 360 * 2 ^ %(z)s)::int) x, "
            "LATERAL generate_series(floor((1 - asinh(tan(radians(ST_YMax(geom)))) / pi()) / 2 * 2 ^ %(z)s)::int, "
            "floor((1 - asinh(tan(radians(ST_YMin(geom)))) / pi()) / 2 * 2 ^ %(z)s)::int) y ORDER BY 1, 2",
            {"z": zoom},
        )
        return [TileAddress(WEB_MERCATOR_QUAD, zoom, y, x) for x, y in cursor.fetchall()]


def _pgbench_scripts(home: Path, addresses: list[TileAddress]) -> list[Path]:
    """The node's own statements with their values written out, one file for each tile."""
    import psycopg
    from django.conf import settings

    from kunyu.engines.catalogue.served.layers import find_layer
    from kunyu.engines.catalogue.served.moments import Moment, read_days
    from kunyu.engines.catalogue.served.queries import Selection
    from kunyu.engines.maps.tiles import tile_statement
    from kunyu.engines.security import scope
    from kunyu.engines.security.models import User
    from kunyu.engines.security.session import principal_of

    layer = find_layer(PARCELS)
    assert layer is not None and layer.tile_fields == ATTRIBUTES
    granted = scope.resolve(principal_of(User.objects.get(username="bench")), PARCELS)
    selection = Selection(layer, granted, Moment(read_days(None, None), None))
    folder = home / "pgbench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    scripts = []
    with psycopg.connect(settings.KUNYU_SERVE_DATABASE_URL) as connection:
        writer = psycopg.ClientCursor(connection)
        for number, address in enumerate(addresses):
            statement, parameters = tile_statement(selection, address, ATTRIBUTES)
            scripts.append(folder / f"{number}.sql")
            scripts[-1].write_text(writer.mogrify(statement, parameters) + ";\n", encoding="utf-8")
    return scripts


def _check(server: Server, paths: list[str], addresses: list[TileAddress], *, must_be_whole: bool) -> dict[str, int]:
    """Decode tiles and count parcels that should be in them and are not."""
    import mapbox_vector_tile

    expected = missing = 0
    for path, address in list(zip(paths, addresses, strict=True))[:CHECKED_TILES]:
        status, data = server.get(path)
        assert status in (200, 204), (path, status, data[:200])
        layers = mapbox_vector_tile.decode(data) if data else {}
        found = {one["properties"]["BSM"] for layer in layers.values() for one in layer["features"]}
        certain = _certain(address)
        expected, missing = expected + len(certain), missing + len(certain - found)
        if must_be_whole and certain - found:
            raise AssertionError(f"{path} lacks {sorted(certain - found)[:5]}")
    return {"tiles_checked": min(CHECKED_TILES, len(paths)), "features_checked": expected, "missing": missing}


def _certain(address: TileAddress) -> set[str]:
    """Parcels whose part in the buffered tile holds a disc of one unit radius; brute force, without the tile's SQL."""
    import shapely
    from django.db import connection

    from kunyu.engines.maps.grids import BUFFER_SHARE, MVT_EXTENT

    reach = address.grid.lonlat(address.plane.buffered(BUFFER_SHARE))
    tile = shapely.box(reach.x_min, reach.y_min, reach.x_max, reach.y_max)
    unit = (reach.x_max - reach.x_min) / MVT_EXTENT
    with connection.cursor() as cursor:
        # the box operator of another type: this must not use the index the tiles use
        cursor.execute(
            'SELECT "BSM", ST_AsBinary(geom) FROM onemap.dltb_tdt1057_2020 WHERE upper_inf(known) '
            "AND valid @> current_date AND ST_XMax(geom) >= %s AND ST_XMin(geom) <= %s AND ST_YMax(geom) >= %s "
            "AND ST_YMin(geom) <= %s",
            [reach.x_min, reach.x_max, reach.y_min, reach.y_max],
        )
        rows = cursor.fetchall()
    parts = shapely.intersection(shapely.make_valid(shapely.from_wkb([bytes(row[1]) for row in rows])), tile)
    thick = ~shapely.is_empty(shapely.buffer(parts, -unit))
    return {row[0] for row, inside in zip(rows, thick, strict=True) if inside}


def _row(
    name: str, work: dict[str, Any], ours: list[float], theirs: list[float], bar: float, about: Any
) -> dict[str, Any]:
    project, peer = median_rate(ours), median_rate(theirs)
    # each round compares neighbours in time: other work on the machine then weighs on both sides alike
    ratio = median_rate([one / other for one, other in zip(ours, theirs, strict=True)])
    rounded = {key: [round(rate, 1) for rate in work[key]] for key in ("project_rounds", "peer_rounds")}
    return {"name": name, "work": {**work, **rounded}, "project": round(project, 1), "peer": round(peer, 1),
            "ratio": round(ratio, 3), "bar": bar, "met": ratio >= bar, **json.loads(json.dumps(about))}  # fmt: skip


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), postgis_lib_version()")
        postgresql, postgis = cursor.fetchone()
    return {"python": sys.version.split()[0], "postgresql": postgresql, "postgis": postgis,
            **{name: version(name) for name in ("django", "granian", "psycopg")}}  # fmt: skip


def _machine() -> dict[str, Any]:
    import platform

    return {"cpus": os.cpu_count(), "system": platform.platform(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1),
            "load_average": [round(one, 2) for one in os.getloadavg()]}  # fmt: skip


if __name__ == "__main__":
    sys.exit(0 if all(row["met"] for row in main(sys.argv[1:])) else 1)
