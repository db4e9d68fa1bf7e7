"""Features by bbox over HTTP: the node against tipg and pygeoapi from PyPI, in one run, over the same PostGIS.

A page of at most 100 parcels of a box of 0.02° (some 500 parcels match), 16 connections, distinct boxes, all
attributes, ``numberMatched`` exact on every side. The node does for each request what it always does: who asks (an
access token), what is granted, the record of the read in the audit, row security, ETag. The peers ask nobody.

* ``features.tipg`` over the view of current rows, two uvicorn workers; ``features.pygeoapi`` over a copy of the current
  rows in EPSG:4326 (it finds nothing in EPSG:4490) with a spatial index, two gunicorn workers of four threads.
* ``features.p95``: milliseconds within which 95 of 100 answers of those rounds came.
* ``features.restricted``: somebody with grants in two townships' county at two ceilings against somebody with one grant
  on everything, in turns; both get the same features.
* ``features.conditional``: the same pages asked for again with their ETag, against the first time.

The load generator runs on the same machine. Rounds alternate; the median of the rounds' ratios counts.

Run: ``python -m benchmarks.features [--parcels N] [--seconds S] [--rounds R]``; folders as for tiles.
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
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from psycopg.conninfo import conninfo_to_dict

from benchmarks import tiles
from benchmarks.load import Asked, Heard, put_load
from benchmarks.tile_servers import Server, free_port, run_node, run_tipg, running

if TYPE_CHECKING:
    from kunyu.project.runtime.cluster import PrivateCluster

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "features.json"
SIDE_DEG, LIMIT, CONNECTIONS, BOXES, SEED = 0.02, 100, 16, 4_000, 5
BAR_TIPG, BAR_PYGEOAPI, BAR_P95_MS, BAR_RESTRICTED = 3.0, 6.0, 80.0, 0.75
COPY = "bench_parcels_4326"
CHECKED = 5
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Side:
    """A server, how it is asked for a box, and what it said in each round."""

    name: str
    server: Server
    path: str
    heard: list[Heard] = field(default_factory=list)

    def paths(self, boxes: list[Box]) -> list[str]:
        return [self.path + ",".join(f"{side:.6f}" for side in box) for box in boxes]

    def load(self, boxes: list[Box], seconds: float) -> Heard:
        return put_load(Asked(self.server.port, self.paths(boxes), CONNECTIONS, seconds, self.server.headers))

    def rates(self) -> list[float]:
        return [one.rate for one in self.heard]

    def page(self, box: Box) -> dict[str, Any]:
        status, body = self.server.get(self.paths([box])[0])
        if status != 200:
            raise RuntimeError(f"{self.name}: {status} {body[:300]!r}")
        found: dict[str, Any] = json.loads(body)
        return found


def main(arguments: list[str]) -> list[dict[str, Any]]:
    """Measure, print a table, write the results; answers with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcels", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(arguments)
    kept = os.environ.get("KUNYU_BENCH_HOME")
    home = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="ky-bench-features-"))
    home.mkdir(exist_ok=True)
    home.chmod(0o711)
    from kunyu.project.runtime.cluster import PrivateCluster

    cluster = PrivateCluster(home).ensure()
    try:
        environment, records = tiles._prepare(cluster, home, asked.parcels)
        token, narrow = tiles._token(), _restricted_token()
        box = _copy_for_pygeoapi(cluster)
        tiles._settle(cluster)
        _read_once(cluster)
        about = {"versions": tiles._versions(), "machine": tiles._machine()}
        work = {"parcels": records, "box_deg": SIDE_DEG, "limit": LIMIT, "connections": CONNECTIONS,
                "boxes": BOXES, "seconds": asked.seconds, "rounds": asked.rounds,
                "load_generator": "benchmarks.load, on the same machine"}  # fmt: skip
        with (
            run_node(home, environment, token) as node,
            run_tipg(cluster, home, tiles.VIEW, ()) as tipg,
            run_pygeoapi(cluster, home) as pygeoapi,
        ):
            about["versions"] |= {"tipg": tipg.version, "pygeoapi": pygeoapi.version}
            rows = _measure(node, tipg, pygeoapi, narrow, _boxes(box), asked, work, about)
    finally:
        cluster.stop()
        if not kept:
            shutil.rmtree(home, ignore_errors=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        print(f"{row['name']:<22} {row['project']:>9} {row['peer'] if row['peer'] is not None else '-':>9} "
              f"{row['work']['unit']:<12} ratio {row['ratio'] or '-':<8} bar {row['bar'] or '-':<6} "
              f"{'met' if row['met'] else 'NOT MET'}")  # fmt: skip
    return rows


def _measure(
    node: Server, tipg: Server, pygeoapi: Server, narrow: str, boxes: list[Box], asked: argparse.Namespace,
    work: dict[str, Any], about: dict[str, Any],
) -> list[dict[str, Any]]:  # fmt: skip
    items = f"/ogc/collections/{tiles.PARCELS}/items?limit={LIMIT}&bbox="
    ours = Side("node", node, items)
    restricted = Side("restricted", Server(node.port, node.path, {"Authorization": f"Bearer {narrow}"}), items)
    one = Side("tipg", tipg, f"/collections/{tiles.VIEW}/items?limit={LIMIT}&bbox=")
    other = Side("pygeoapi", pygeoapi, f"/collections/parcels/items?f=json&limit={LIMIT}&bbox=")
    work = {**work, **_same_features([ours, restricted, one, other], boxes)}
    parts = _shares(boxes, 8)
    for number, side in enumerate((ours, restricted, one, other)):
        side.load(parts[number], min(asked.seconds, 4))  # warm: connections, prepared statements, the file cache
    for number in range(asked.rounds):
        for place, side in enumerate((one, ours, restricted, other)):
            side.heard.append(side.load(parts[(4 + number + place) % 8], asked.seconds))
    rates = {"unit": "requests/s", **work}
    rows = [
        _row("features.tipg", rates, ours.rates(), one.rates(), BAR_TIPG, about),
        _row("features.pygeoapi", rates, ours.rates(), other.rates(), BAR_PYGEOAPI, about),
        _row("features.restricted", rates, restricted.rates(), ours.rates(), BAR_RESTRICTED, about),
        _p95(ours, restricted, one, work, about),
    ]
    return [*rows, _conditional(ours, boxes, asked.seconds, rates, about)]


def _p95(ours: Side, restricted: Side, peer: Side, work: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    mine = median(one.quantile_ms(0.95) for side in (ours, restricted) for one in side.heard)
    theirs = median(one.quantile_ms(0.95) for one in peer.heard)
    half = round(median(one.quantile_ms(0.5) for one in ours.heard), 1)
    return {"name": "features.p95", "work": {**work, "unit": "ms, less is better", "p50_ms": half},
            "project": round(mine, 1), "peer": round(theirs, 1), "ratio": round(mine / theirs, 3), "bar": BAR_P95_MS,
            "met": mine <= BAR_P95_MS, **about}  # fmt: skip


def _conditional(ours: Side, boxes: list[Box], seconds: float, work: Any, about: Any) -> dict[str, Any]:
    """Known pages asked for again: nothing is read and nothing is recorded, who asks and what is granted still is."""
    few = ours.paths(boxes[:300])
    tags = []
    for path in few:
        connection = ours.server.connect()
        connection.request("GET", path, headers=ours.server.headers)
        answer = connection.getresponse()
        answer.read()
        tags.append({**ours.server.headers, "If-None-Match": str(answer.headers["ETag"])})
        connection.close()
    heard = put_load(Asked(ours.server.port, few, CONNECTIONS, seconds, tags), allowed=(304,))
    cold = median(ours.rates())
    return {"name": "features.conditional", "work": {**work, "note": "against the same pages the first time"},
            "project": round(heard.rate, 1), "peer": round(cold, 1), "ratio": round(heard.rate / cold, 3), "bar": None,
            "met": True, **about}  # fmt: skip


def _same_features(sides: list[Side], boxes: list[Box]) -> dict[str, int]:
    """Every side answers alike before anything is timed: equal totals, full pages, the same parcels over all pages."""
    matched = 0
    for box in boxes[:CHECKED]:
        pages = {side.name: side.page(box) for side in sides}
        totals = {name: page["numberMatched"] for name, page in pages.items()}
        counts = {name: len(page["features"]) for name, page in pages.items()}
        if len(set(totals.values())) > 1 or len(set(counts.values())) > 1:
            raise AssertionError(f"{box}: matched {totals}, returned {counts}")
        ours, narrow = pages["node"]["features"], pages["restricted"]["features"]
        if [one["id"] for one in ours] != [one["id"] for one in narrow]:
            raise AssertionError(f"{box}: the restricted user gets other features")
        matched += totals["node"]
    return {"boxes_checked": CHECKED, "matched_in_checked": matched}


def _shares(boxes: list[Box], parts: int) -> list[list[Box]]:
    """The boxes in equal parts, so that no round asks what the one before asked."""
    return [boxes[number::parts] for number in range(parts)]


def _boxes(extent: Box) -> list[Box]:
    chance = random.Random(SEED)
    west, south, east, north = extent
    corners = [(chance.uniform(west, east - SIDE_DEG), chance.uniform(south, north - SIDE_DEG)) for _ in range(BOXES)]
    return [(x, y, x + SIDE_DEG, y + SIDE_DEG) for x, y in corners]


def _row(
    name: str, work: dict[str, Any], ours: list[float], theirs: list[float], bar: float, about: Any
) -> dict[str, Any]:
    rounds = {"project_rounds": ours, "peer_rounds": theirs}
    return tiles._row(name, {**work, **rounds}, ours, theirs, bar, about)


def _restricted_token() -> str:
    """Somebody with a hundred grants on the parcels: county by county, at two ceilings, one of them the county's."""
    from kunyu.engines.security import scope
    from kunyu.engines.security.models import Grant, User
    from kunyu.engines.security.services import issue_token

    User.objects.filter(username="bench-narrow").delete()
    user = User.objects.create_user("bench-narrow", "only-for-this-run", name_zh="受限")
    counties = [tiles.COUNTY, *(f"9901{number:02d}" for number in range(50, 75))]
    Grant.objects.bulk_create(
        Grant(user=user, action=action, branch=tiles.PARCELS, division_prefix=county, max_secrecy=secrecy)
        for county in counties
        for action in (scope.SEE, scope.QUERY)
        for secrecy in (1, 2)
    )
    return issue_token(user, "bench", scope.operator("bench"))


def _copy_for_pygeoapi(cluster: PrivateCluster) -> Box:
    """The current rows in EPSG:4326 with a key and a spatial index; answers with their extent."""
    import psycopg

    with psycopg.connect(cluster.dsn("postgres"), dbname="kunyu", autocommit=True) as connection:
        connection.execute(f"DROP TABLE IF EXISTS public.{COPY}")
        connection.execute(
            f"CREATE TABLE public.{COPY} AS SELECT v.*, ST_SetSRID(geom, 4326)::geometry(MultiPolygon, 4326) AS shape "
            f"FROM {tiles.VIEW} v"
        )
        connection.execute(f"ALTER TABLE public.{COPY} DROP COLUMN geom")
        for column in _technical(connection):
            connection.execute(f'ALTER TABLE public.{COPY} DROP COLUMN "{column}"')
        connection.execute(f"ALTER TABLE public.{COPY} ADD PRIMARY KEY (fid)")
        connection.execute(f"CREATE INDEX ON public.{COPY} USING gist (shape)")
        connection.execute(f"ALTER TABLE public.{COPY} OWNER TO kunyu")
        connection.execute(f"ANALYZE public.{COPY}")
        found = connection.execute(f"SELECT ST_Extent(shape) FROM public.{COPY}").fetchone()
    assert found is not None
    west, south, east, north = (float(one) for one in found[0][4:-1].replace(",", " ").split())
    return west, south, east, north


def _read_once(cluster: PrivateCluster) -> None:
    """Both tables once from end to end: a county's node holds them in memory, whichever side is asked first."""
    import psycopg

    with psycopg.connect(cluster.dsn("postgres"), dbname="kunyu", autocommit=True) as connection:
        connection.execute(f"SELECT sum(ST_NPoints(geom)) FROM {tiles.VIEW}")
        connection.execute(f"SELECT sum(ST_NPoints(shape)) FROM public.{COPY}")


def _technical(connection: Any) -> list[str]:
    """Columns that are no attributes of the standard; ranges among them are nothing that pygeoapi can write."""
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s", [COPY]
    ).fetchall()
    return [name for (name,) in found if name == name.lower() and name not in ("fid", "shape")]


@contextmanager
def run_pygeoapi(cluster: PrivateCluster, home: Path) -> Iterator[Server]:
    """pygeoapi of PyPI in its own environment under two gunicorn workers of four threads."""
    folder = home / "pygeoapi"
    python = folder / "bin" / "python"
    if not (folder / "bin" / "gunicorn").exists():
        venv.create(folder, with_pip=True)
        wanted = ["pygeoapi", "sqlalchemy", "geoalchemy2", "psycopg2-binary", "gunicorn"]
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *wanted], check=True)
    said = subprocess.run([str(python), "-c", "from importlib.metadata import version; print(version('pygeoapi'))"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    port = free_port()
    settings, description = folder / "config.yml", folder / "openapi.yml"
    settings.write_text(json.dumps(_pygeoapi_settings(cluster, port)), encoding="utf-8")  # JSON is YAML
    own = {"PATH": os.environ["PATH"], "HOME": str(home), "PYGEOAPI_CONFIG": str(settings),
           "PYGEOAPI_OPENAPI": str(description)}  # fmt: skip
    subprocess.run([str(folder / "bin" / "pygeoapi"), "openapi", "generate", str(settings), "--output-file", str(description)],
                   env=own, check=True, capture_output=True)  # fmt: skip
    command = [str(folder / "bin" / "gunicorn"), "-w", "2", "--threads", "4", "-b", f"127.0.0.1:{port}",
               "--log-level", "warning", "pygeoapi.flask_app:APP"]  # fmt: skip
    with running(command, own, port, home / "pygeoapi.log", "/conformance?f=json"):
        yield Server(port, lambda a: "", version=said.stdout.strip())


def _pygeoapi_settings(cluster: PrivateCluster, port: int) -> dict[str, Any]:
    given = {name: str(value) for name, value in conninfo_to_dict(cluster.dsn("kunyu")).items()}
    crs = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    provider = {
        "type": "feature", "name": "PostgreSQL", "id_field": "fid", "table": COPY, "geom_field": "shape",
        "storage_crs": crs,
        "data": {"host": given["host"], "port": int(given["port"]), "dbname": given["dbname"], "user": given["user"],
                 "password": given["password"], "search_path": ["public"]},
    }  # fmt: skip
    return {
        "server": {"bind": {"host": "127.0.0.1", "port": port}, "url": f"http://127.0.0.1:{port}",
                   "mimetype": "application/json; charset=UTF-8", "encoding": "utf-8", "gzip": False,
                   "languages": ["en-US"], "pretty_print": False,
                   "limits": {"default_items": 10, "max_items": 10000, "on_exceed": "throttle"},
                   "map": {"url": "https://example.invalid/{z}/{x}/{y}.png", "attribution": "none"}},
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {"title": "bench", "description": "bench", "keywords": ["bench"],
                               "keywords_type": "theme", "terms_of_service": "none", "url": "https://example.invalid"},
            "license": {"name": "none", "url": "https://example.invalid"},
            "provider": {"name": "bench", "url": "https://example.invalid"},
            "contact": {"name": "bench", "email": "bench@example.invalid", "url": "https://example.invalid"},
        },
        "resources": {"parcels": {
            "type": "collection", "title": "parcels", "description": "parcels", "keywords": ["parcels"],
            "links": [], "extents": {"spatial": {"bbox": [-180, -90, 180, 90], "crs": crs}}, "providers": [provider],
        }},
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(0 if all(row["met"] for row in main(sys.argv[1:])) else 1)
