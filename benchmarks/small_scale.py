"""Tiles from derived geometry: z6–z11 generalised, z12–z14 with simplified shared borders, against tipg's default.

One private cluster holds one county of sample parcels (``benchmarks.tiles`` loads it), its pyramids are built, then:

* ``small_scale.p95``: time of each tile of z6–z11 over the county, asked one after the other (no cache: every address
  once), and the largest tile;
* ``small_scale.z12``, ``.z13``, ``.z14``: tiles/s of the node against tipg as it comes (its limit of 10,000 features a
  tile left in place), 16 connections, the same three attributes; rounds alternate, the median of their ratios counts;
* ``small_scale.build``: seconds to build from scratch (no bar);
* ``small_scale.classes``: the largest error of a class's area at z8, of classes of at least 50 cells of that zoom.

Run: ``python -m benchmarks.small_scale [--parcels N] [--seconds S] [--rounds R]``; environment as ``benchmarks.tiles``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import tiles
from benchmarks.tile_servers import Load, Server, measure, median_rate, run_node, run_tipg

if TYPE_CHECKING:
    from kunyu.engines.maps.tiles import TileAddress
    from kunyu.project.runtime.cluster import PrivateCluster

RESULT = tiles.RESULT.with_name("small_scale.json")
BAR_MS, BAR_BYTES, BAR_TIPG, BAR_CLASSES = 50.0, 500_000, 3.0, 0.01
DERIVED = "onemap_tiles.dltb_tdt1057_2020"


def main(arguments: list[str]) -> list[dict[str, Any]]:
    """Measure, print a table, write the results; answers with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcels", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep-build", action="store_true", help="measure the pyramids that stand")
    asked = parser.parse_args(arguments)
    kept = os.environ.get("KUNYU_BENCH_HOME")
    home = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="ky-bench-small-"))
    home.mkdir(exist_ok=True)
    home.chmod(0o711)
    from kunyu.project.runtime.cluster import PrivateCluster

    cluster = PrivateCluster(home).ensure()
    try:
        environment, records = tiles._prepare(cluster, home, asked.parcels)
        rows = _measure_all(cluster, home, environment, asked, records)
    finally:
        cluster.stop()
        if not kept:
            shutil.rmtree(home, ignore_errors=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        print(f"{row['name']:<20} {row['project']!s:>9} {row['peer']!s:>9} {row['work']['unit']}  ratio {row['ratio']}  "
              f"bar {row['bar']}  {'met' if row['met'] else 'NOT MET'}")  # fmt: skip
    return rows


def _measure_all(
    cluster: PrivateCluster, home: Path, environment: dict[str, str], asked: argparse.Namespace, records: int
) -> list[dict[str, Any]]:
    work = {"parcels": asked.parcels, "records": records, "seconds": asked.seconds, "rounds": asked.rounds}
    built = {} if asked.keep_build else _build()
    token = tiles._token()
    tiles._settle(cluster)
    about = {"versions": tiles._versions(), "machine": tiles._machine()}
    rows = []
    if built:
        rows.append(_row("small_scale.build", {**work, **built, "unit": "s"}, built["small_s"] + built["large_s"], None,
                         None, True, about))  # fmt: skip
    # drawn each time: what a cache answers is another benchmark's
    uncached = {**environment, "KUNYU_MAPS_TILE_MEMORY_MIB": "0", "KUNYU_MAPS_TILE_DISK_MIB": "0"}
    with run_node(home, uncached, token, "") as node:
        rows.append(_small(node, work, about))
    rows.append(_classes(work, about))
    with (
        run_tipg(cluster, home, tiles.VIEW, tiles.ATTRIBUTES, limit=None) as tipg,
        run_node(home, uncached, token, "") as node,
    ):
        about["versions"] |= {"tipg": tipg.version}
        for zoom in (12, 13, 14):
            rows.append(_against_tipg(zoom, node, tipg, asked, work, about))
    return rows


def _build() -> dict[str, Any]:
    from kunyu.engines.maps.pyramids import sweep

    done = {one.kind: one for one in sweep.rebuild(tiles.PARCELS, tiles.COUNTY, anew=True)}
    sweep.clean()
    return {f"{kind}_s": round(one.seconds, 1) for kind, one in done.items()} | {
        f"{kind}_rows": one.rows for kind, one in done.items()
    }


def _addresses(zoom: int) -> list[TileAddress]:
    """Tiles of a zoom that hold something."""
    from django.db import connection

    from kunyu.engines.maps.grids import WEB_MERCATOR_QUAD
    from kunyu.engines.maps.tiles import TileAddress

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT tile_row, tile_column FROM {DERIVED} WHERE zoom = %s ORDER BY 1, 2", [zoom])
        return [TileAddress(WEB_MERCATOR_QUAD, zoom, row, column) for row, column in cursor.fetchall()]


def _small(node: Server, work: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    times, sizes = [], []
    for _ in range(3):
        for zoom in range(6, 12):
            for address in _addresses(zoom):
                begun = time.perf_counter()
                status, data = node.get(node.path(address))
                times.append((time.perf_counter() - begun) * 1000)
                sizes.append(len(data))
                assert status == 200, (status, data[:200])
    p95 = sorted(times)[int(len(times) * 0.95)]
    detail = {**work, "unit": "ms", "tiles": len(times) // 3, "largest_bytes": max(sizes), "bar_bytes": BAR_BYTES}
    return _row(
        "small_scale.p95", detail, round(p95, 1), None, BAR_MS, p95 <= BAR_MS and max(sizes) <= BAR_BYTES, about
    )


def _classes(work: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    """Areas by class at z8 on the ellipsoid against the sums of the records."""
    from django.db import connection

    side = 40075016.685578488 / 2**8
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT "DLBM", sum(area_m2) FROM {tiles.VIEW} GROUP BY 1')
        truth = dict(cursor.fetchall())
        cursor.execute(
            'SELECT "DLBM", sum(ST_Area(ST_Transform(ST_SetSRID(ST_Affine(ST_ClipByBox2D(geom, '
            "'BOX(0 0,4096 4096)'::box2d), %(unit)s, 0, 0, -%(unit)s, -20037508.342789244 + tile_column * %(side)s, "
            "20037508.342789244 - tile_row * %(side)s), 3857), 4490)::geography)) FROM "
            f"{DERIVED} WHERE zoom = 8 AND build IN (SELECT id FROM maps_pyramid WHERE status = 'in_force') GROUP BY 1",
            {"unit": side / 4096, "side": side},
        )
        drawn = dict(cursor.fetchall())
    errors = {code: abs(drawn.get(code, 0.0) - area) / area for code, area in truth.items()}
    cell = 50 * (side / 512) ** 2 * 0.68  # square of the cosine at 34.5 N
    large = {code: error for code, error in errors.items() if truth[code] >= cell}
    worst = max(large.values())
    detail = {**work, "unit": "share", "classes": len(large), "smaller_classes": len(errors) - len(large),
              "worst_of_smaller": round(max((e for c, e in errors.items() if c not in large), default=0.0), 4)}  # fmt: skip
    return _row("small_scale.classes", detail, round(worst, 5), None, BAR_CLASSES, worst <= BAR_CLASSES, about)


def _against_tipg(
    zoom: int, node: Server, tipg: Server, asked: argparse.Namespace, work: dict[str, Any], about: dict[str, Any]
) -> dict[str, Any]:
    addresses = _addresses(zoom)
    random.Random(tiles.SEED).shuffle(addresses)
    loads = [Load([one.path(a) for a in addresses], 16, asked.seconds) for one in (node, tipg)]
    for server, load in zip((node, tipg), loads, strict=True):
        measure(server, Load(load.paths, 16, min(asked.seconds, 5)))
    ours, theirs = [], []
    for _ in range(asked.rounds):
        theirs.append(measure(tipg, loads[1]))
        ours.append(measure(node, loads[0]))
    ratio = median_rate([one / other for one, other in zip(ours, theirs, strict=True)])
    detail = {**work, "unit": "tiles/s", "zoom": zoom, "tiles": len(addresses), "connections": 16,
              "project_rounds": [round(one, 1) for one in ours], "peer_rounds": [round(one, 1) for one in theirs]}  # fmt: skip
    row = _row(f"small_scale.z{zoom}", detail, round(median_rate(ours), 1), round(median_rate(theirs), 1), BAR_TIPG,
               ratio >= BAR_TIPG, about)  # fmt: skip
    return {**row, "ratio": round(ratio, 3)}


def _row(
    name: str, work: dict[str, Any], project: float, peer: float | None, bar: float | None, met: bool, about: dict[str, Any]
) -> dict[str, Any]:  # fmt: skip
    ratio = round(project / bar, 3) if bar and peer is None else None
    return {"name": name, "work": work, "project": project, "peer": peer, "ratio": ratio, "bar": bar, "met": met,
            **json.loads(json.dumps(about))}  # fmt: skip


if __name__ == "__main__":
    sys.exit(0 if all(row["met"] for row in main(sys.argv[1:])) else 1)
