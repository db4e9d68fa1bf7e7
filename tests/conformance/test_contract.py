"""contract.md, "Deliveries" and "Addresses": one county's walk through a node, by the commands and over HTTP.

The walk is made once: change package before its base, base, change, a correction of the base's own date, the same
again, a faulty one. Tests then ask what programs outside may rely on.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import psycopg
import pytest
import shapely
from psycopg import sql
from shapely.geometry import shape

from kunyu.project.runtime.shared_test_cluster import SharedTestCluster, make_database, serve_address
from tests.conformance.commands import DONE, FOUND, PROBLEM_KEYS, REFUSED, USAGE, Ended, kunyu, without_node
from tests.conformance.conftest import start
from tests.conformance.test_contract_check import edited

ROOT = Path(__file__).resolve().parents[2]
PARCELS, CORRECTED = 200, "990101211000000009"
SURVEY = ("--standard", "TDT1057-2020", "--division", "990101")
COLLECTION = "/ogc/collections/10401-003"
ITEMS = f"{COLLECTION}/items"
PEOPLE = ("steward", "checker", "surveyor", "viewer")


@dataclass
class Walk:
    """A node, who may ask it, and how each command of the walk ended."""

    address: str
    environment: dict[str, str]
    dsn: str
    folder: Path
    tokens: dict[str, str] = field(default_factory=dict)
    ended: dict[str, Ended] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)

    def run(self, *words: object, who: str = "") -> Ended:
        """Run ``kunyu`` on the node's machine, as the operator or with somebody's token."""
        token = {"KUNYU_TOKEN": self.tokens[who]} if who else {}
        return kunyu(*words, "--json", environment={**self.environment, **token})

    def deliver(self, name: str, *options: object, who: str = "") -> int:
        """Deliver, wait for the verdict and remember how it ended; return the id."""
        ended = self.run("deliver", *options, *SURVEY, "--wait", who=who)
        self.ended[name] = ended
        return int(ended.document["id"])

    def publish(self, name: str, delivery: int) -> None:
        """Publish, remember how it ended and since when the node knows it."""
        self.ended[f"{name} published"] = self.run("publish", delivery)
        if self.ended[f"{name} published"].code == DONE:
            self.known[name] = self.ask(f"{ITEMS}?limit=1").headers["Kunyu-Known-At"]

    def detail(self, delivery: int) -> Any:
        """One delivery with its history."""
        return json.loads(self.ask(f"/api/deliveries/{delivery}").read())

    def ask(self, path: str, who: str = "steward", **headers: str) -> Any:
        """Ask over HTTP; answers of any status come back."""
        sent = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        address = path if path.startswith("http") else self.address + path
        try:
            return urllib.request.urlopen(urllib.request.Request(address, headers={**sent, **headers}), timeout=60)
        except urllib.error.HTTPError as error:
            return error

    def items(self, **query: object) -> Any:
        """The features of DLTB; ``numberMatched`` is in the document."""
        words = "&".join(f"{name}={value}" for name, value in {"limit": 1, **query}.items())
        answer = self.ask(f"{ITEMS}?{words}")
        assert answer.status == 200, answer.read()
        return json.loads(answer.read())

    def remark(self, **query: object) -> str | None:
        """BZ of the corrected parcel."""
        (feature,) = self.items(BSM=CORRECTED, **query)["features"]
        return feature["properties"]["BZ"]


@contextlib.contextmanager
def _database() -> Iterator[tuple[str, dict[str, str]]]:
    """A database of tables with nothing in them in the shared test cluster, and the environment of a node over it."""
    shared = SharedTestCluster(ROOT)
    shared.acquire()
    name = f"test_kunyu_{os.getpid()}_gw98"  # the name says whose it is: what a dead run leaves, the next one drops
    home = Path(tempfile.mkdtemp(prefix="ky-contract-"))
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    try:
        make_database(shared.cluster, name, shared.migrated())
        dsn = shared.cluster.dsn("kunyu", name)
        yield (
            dsn,
            {
                **without_node(),
                "KUNYU_HOME": str(home),
                "DATABASE_URL": dsn,
                "KUNYU_SERVE_DATABASE_URL": serve_address(shared.cluster, name),
                "DJANGO_SETTINGS_MODULE": "kunyu.project.settings",
            },
        )
        with psycopg.connect(shared.cluster.dsn("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(drop)
    finally:
        shared.release()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """The walk, made once."""
    folder = tmp_path_factory.mktemp("walk")
    assert kunyu("sample", "county", folder, "--parcels", PARCELS, "--seed", 1).code == DONE
    faulty = ("--parcels", PARCELS, "--seed", 3, "--defects", "Q303:2")
    assert kunyu("sample", "county", folder / "faulty", *faulty).code == DONE
    with _database() as (dsn, environment):
        prepare = [sys.executable, str(Path(__file__).with_name("prepare_node.py")), str(folder), "contract-only"]
        subprocess.run(prepare, check=True, env=environment, cwd=ROOT)
        server, address = start(environment)
        try:
            yield _walked(Walk(address, environment, dsn, folder))
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(20)


def _walked(walk: Walk) -> Walk:
    folder = walk.folder
    for who in PEOPLE:
        walk.tokens[who] = walk.run("token", "issue", "--user", who, "--name", "contract").document["token"]
    change = walk.deliver("change", folder / "change-2025.gpkg", "--valid-from", "2025-12-31")
    walk.publish("change too early", change)
    base = walk.deliver("base", folder / "county.gpkg", "--valid-from", "2024-12-31", who="surveyor")
    walk.ended["second click"] = walk.run(
        "deliver", folder / "county.gpkg", *SURVEY, "--valid-from", "2024-12-31", "--wait"
    )
    walk.publish("base", base)
    walk.ended["published twice"] = walk.run("publish", base)
    walk.ended["rejected late"] = walk.run("reject", base, "--why", "太晚")
    walk.publish("change", change)
    remark = f"UPDATE DLTB SET BZ = '更正' WHERE BSM = '{CORRECTED}'"
    corrected = edited(folder / "county.gpkg", folder / "更正 1.gpkg", remark)
    walk.publish("correction", walk.deliver("correction", corrected, "--valid-from", "2024-12-31"))
    again = edited(corrected, folder / "再交.gpkg", "VACUUM", "PRAGMA user_version = 10301")
    walk.publish("same again", walk.deliver("same again", again, "--valid-from", "2024-12-31"))
    walk.publish("faulty", walk.deliver("faulty", folder / "faulty" / "county.gpkg", "--valid-from", "2024-12-31"))
    return walk


def test_a_delivery_answers_with_id_status_datasets_and_summary(walk: Walk) -> None:
    """``deliver --wait --json``; exit code 1 and ``returned`` with findings S or Z; versions appear on publishing."""
    base, faulty = walk.ended["base"], walk.ended["faulty"]
    assert base.code == DONE and base.document["status"] == "accepted"
    assert {"id", "status", "datasets", "summary"} <= set(base.document)
    assert {"code": "10401-003", "version": None}.items() <= base.document["datasets"][5].items()
    assert {one: base.document["summary"][one] for one in "SZQW"} == {"S": 0, "Z": 0, "Q": 0, "W": 0}
    assert faulty.code == FOUND and faulty.document["status"] == "returned" and faulty.document["summary"]["S"] > 0
    published = walk.ended["base published"].document
    assert published["status"] == "published" and {one["version"] for one in published["datasets"]} == {1}


def test_the_second_click_is_the_same_delivery(walk: Walk) -> None:
    """Nothing is taken twice while it waits for its verdict or for publishing."""
    assert walk.ended["second click"].code == DONE
    assert walk.ended["second click"].document["id"] == walk.ended["base"].document["id"]


@pytest.mark.parametrize("name", ["change too early published", "published twice", "rejected late", "faulty published"])
def test_what_the_state_forbids_is_refused(walk: Walk, name: str) -> None:
    """Exit code 4 and one problem document; a change package waits for its base and can be published after it."""
    assert walk.ended[name].code == REFUSED and set(walk.ended[name].document) >= PROBLEM_KEYS
    assert walk.ended["change published"].code == DONE


def test_each_change_of_status_has_time_actor_and_reason(walk: Walk) -> None:
    """KUNYU_TOKEN says who acts; without it the operator does, and the audit says so."""
    delivery = walk.ended["base"].document["id"]
    detail = walk.detail(delivery)
    steps = [(one["status"], one["actor"]) for one in detail["events"]]
    people = ["surveyor"] * 4 + ["operator"]
    assert steps == list(zip(["received", "mapped", "checked", "accepted", "published"], people, strict=True))
    assert all(datetime.fromisoformat(one["at"]).tzinfo for one in detail["events"])
    with psycopg.connect(walk.dsn) as connection:
        query = (
            "SELECT DISTINCT actor, origin FROM security_auditentry WHERE object_kind = 'delivery' AND object_id = %s"
        )
        assert set(connection.execute(query, [str(delivery)])) >= {("surveyor", "cli"), ("operator", "cli")}


def test_the_same_county_again_rewrites_nothing(walk: Walk) -> None:
    """Full replacement is stored as a difference: a correction closes one row, the same again none."""
    for name, rows in (("correction", 1), ("same again", 0)):
        published = walk.detail(walk.ended[name].document["id"])["summary"]["published"]
        by_layer = {one["layer"]: one for one in published}
        assert sum(one["closed"] for one in published) == by_layer["DLTB"]["closed"] == rows
        assert by_layer["DLTB"]["records"] == PARCELS


def test_valid_time_moves_the_map(walk: Walk) -> None:
    """valid_at before, from and after each version; datetime means the same; the answer names both times."""
    counts = {day: walk.items(valid_at=day)["numberMatched"] for day in ("2024-12-30", "2024-12-31", "2025-12-30")}
    assert counts == {"2024-12-30": 0, "2024-12-31": PARCELS, "2025-12-30": PARCELS}
    today = walk.items()["numberMatched"]
    seen = walk.items(limit=1000)["features"]
    assert today == len(seen) == walk.items(valid_at="2025-12-31")["numberMatched"] != PARCELS
    assert walk.items(datetime="2025-06-01")["numberMatched"] == PARCELS
    answer = walk.ask(f"{ITEMS}?limit=1&valid_at=2025-01-01")
    assert answer.headers["Kunyu-Valid-At"] == "2025-01-01"
    assert datetime.fromisoformat(answer.headers["Kunyu-Known-At"]).tzinfo


def test_known_time_returns_what_was_believed(walk: Walk) -> None:
    """known_at before and after the correction; an old date reproduces the old answer, also its number of features."""
    assert walk.remark(valid_at="2025-01-01") == "更正"
    assert walk.remark(valid_at="2025-01-01", known_at=walk.known["base"]) is None
    assert walk.remark(valid_at="2025-01-01", known_at=walk.known["correction"]) == "更正"
    assert walk.items(known_at=walk.known["base"])["numberMatched"] == PARCELS  # the change was not known then
    assert walk.items(known_at="2020-01-01T00:00:00Z")["numberMatched"] == 0


def test_an_answer_may_be_kept_until_something_is_published(walk: Walk) -> None:
    """ETag: 304 for the same asker, another tag for another entitlement; nothing here is public."""
    first = walk.ask(f"{ITEMS}?limit=3")
    tag = first.headers["ETag"]
    assert "private" in first.headers["Cache-Control"]
    assert walk.ask(f"{ITEMS}?limit=3", **{"If-None-Match": tag}).status == 304
    assert walk.ask(f"{ITEMS}?limit=4").headers["ETag"] != tag
    assert walk.ask(f"{ITEMS}?limit=3", who="viewer").headers["ETag"] != tag


def test_pages_give_every_feature_once(walk: Walk) -> None:
    """limit and next, over the whole collection and over a box whose edge cuts parcels."""
    whole = walk.items(limit=1000)["features"]
    west, south, east, north = shapely.total_bounds([shape(one["geometry"]) for one in whole])
    middle = (west + east) / 2
    for box, inside in (("", whole), (f"{west},{south},{middle},{north}", None)):
        path, seen = f"{ITEMS}?limit=37" + (f"&bbox={box}" if box else ""), []
        while path:
            page = json.loads(walk.ask(path).read())
            seen += [one["id"] for one in page["features"]]
            path = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
        window = shapely.box(west, south, middle, north)
        wanted = inside or [one for one in whole if shape(one["geometry"]).intersects(window)]
        assert len(seen) == len(set(seen)) == page["numberMatched"]
        assert set(seen) == {one["id"] for one in wanted}


def test_coordinates_come_in_the_system_asked_for(walk: Walk) -> None:
    """CRS84 by default; EPSG:4490 has latitude first; the projected zone is metres; the answer names it."""
    place = {}
    for crs in ("", "http://www.opengis.net/def/crs/EPSG/0/4490", "http://www.opengis.net/def/crs/EPSG/0/4526"):
        answer = walk.ask(f"{ITEMS}?limit=1&BSM={CORRECTED}" + (f"&crs={crs}" if crs else ""))
        assert answer.headers["Content-Crs"] == f"<{crs or 'http://www.opengis.net/def/crs/OGC/1.3/CRS84'}>"
        place[crs[-4:]] = shape(json.loads(answer.read())["features"][0]["geometry"]).centroid
    assert abs(place[""].x - place["4490"].y) < 1e-7 and 34 < place["4490"].x < 35
    assert max(place["4526"].x, place["4526"].y) > 38_000_000
    assert walk.ask(f"{ITEMS}?crs=http://www.opengis.net/def/crs/EPSG/0/99999").status == 400


def test_tiles_of_an_old_date(walk: Walk) -> None:
    """OGC order of row and column; the old date's tile holds the old parcels under the standard's codes."""
    tilejson = json.loads(walk.ask(f"{COLLECTION}/tiles/WebMercatorQuad?f=tilejson").read())
    assert "{z}/{y}/{x}" in tilejson["tiles"][0]
    z, row, column = 10, 407, 836  # holds 114.04°E 34.36°N
    for query, wanted in (("", walk.items()["numberMatched"]), ("?valid_at=2025-01-01", PARCELS)):
        answer = walk.ask(f"{COLLECTION}/tiles/WebMercatorQuad/{z}/{row}/{column}{query}")
        assert answer.status == 200, answer.read()
        (layer,) = mapbox_vector_tile.decode(answer.read()).values()
        assert 0 < len(layer["features"]) <= wanted and "DLBM" in layer["features"][0]["properties"]
    assert walk.ask(f"{COLLECTION}/tiles/WebMercatorQuad/{z}/{row}/{column}?valid_at=2020-01-01").status == 204


@pytest.mark.parametrize(
    ("path", "who", "status"),
    [
        (ITEMS, "", 401),
        ("/api/deliveries", "", 401),
        (f"{COLLECTION}/tiles/WebMercatorQuad/10/407/836", "", 401),
        ("/ogc/collections/10401-999/items", "steward", 404),
        (f"{ITEMS}/990101211099999999", "steward", 404),
        ("/ogc/nothing", "steward", 404),
        ("/api/nothing", "steward", 404),
        ("/api/deliveries/99999", "steward", 404),
        ("/verify/1", "", 404),
        (f"{ITEMS}?nonsense=1", "steward", 400),
        (f"{ITEMS}?valid_at=2024-02-30", "steward", 400),
        (f"{ITEMS}?limit=0", "steward", 400),
    ],
)
def test_refusals_are_problem_documents(walk: Walk, path: str, who: str, status: int) -> None:
    """RFC 9457 with code, detail_zh and detail_en, whatever part of the node refuses."""
    answer = walk.ask(path, who=who)
    problem = json.loads(answer.read())
    assert answer.status == problem["status"] == status
    assert answer.headers["Content-Type"] == "application/problem+json" and set(problem) >= PROBLEM_KEYS


def test_who_may_do_what(walk: Walk) -> None:
    """Everybody of the bureau may look; a viewer may not deliver (exit code 4, 403), a bad token is nobody (401)."""
    for who in PEOPLE:
        assert walk.ask(f"{ITEMS}?limit=1", who=who).status == 200
    refused = walk.run("deliver", walk.folder / "county.gpkg", *SURVEY, who="viewer")
    assert refused.code == REFUSED and refused.document["status"] == 403
    bad = kunyu("deliveries", "--json", environment={**walk.environment, "KUNYU_TOKEN": "ky_nobody"})
    assert bad.code == REFUSED and bad.document["status"] == 401


def test_wrong_words_are_wrong_usage(walk: Walk) -> None:
    """Exit code 2; nothing is received."""
    county = walk.folder / "county.gpkg"
    before = json.loads(walk.ask("/api/deliveries").read())
    for words in (
        ("deliver", county, "--division", "990101"),
        ("deliver", county, *SURVEY, "--dataset", "10401-003"),
        ("deliver", county, "--standard", "TDT1057-2020", "--division", "123456"),
        ("deliver", county, *SURVEY, "--valid-from", "2024-13-01"),
        ("reject", walk.ended["faulty"].document["id"]),
        ("deliveries", "--status", "nonsense"),
    ):
        ended = walk.run(*words)
        assert ended.code == USAGE and set(ended.document) >= PROBLEM_KEYS, words
    assert walk.run("publish", 99999).code == REFUSED
    assert json.loads(walk.ask("/api/deliveries").read()) == before


def test_the_catalogue_tells_and_exports(walk: Walk) -> None:
    """``catalogue list|show|export --json``; records are those of today although a correction came last."""
    listed = {one["code"]: one for one in walk.run("catalogue", "list").document["datasets"]}
    today = walk.items()["numberMatched"]
    assert listed["10401-003"]["records"] == today and listed["10401-003"]["counties"] == 1
    shown = walk.run("catalogue", "show", "10401-003").document
    assert [one["code"] for one in shown["layers"][0]["fields"]][:3] == ["BSM", "YSDM", "TBYBH"]
    path = walk.folder / "导出 一.geojson"
    for options, wanted in (((), today), (("--valid-at", "2025-01-01"), PARCELS)):
        ended = walk.run("catalogue", "export", "10401-003", "--out", path, *options)
        assert ended.code == DONE and len(json.loads(path.read_text("utf-8"))["features"]) == wanted
    assert walk.run("catalogue", "show", "99999").code == REFUSED


def test_one_dataset_may_be_delivered_alone(walk: Walk) -> None:
    """``--dataset`` takes one layer of the file, and rejecting it with a reason closes it."""
    county = walk.folder / "county.gpkg"
    ended = walk.run(
        "deliver", county, "--dataset", "10401-003", "--division", "990101", "--valid-from", "2024-12-31", "--wait"
    )
    assert ended.code == DONE, ended.stderr
    assert [one["code"] for one in ended.document["datasets"]] == ["10401-003"]
    closed = walk.run("reject", ended.document["id"], "--why", "重复", who="steward")
    assert closed.code == DONE and closed.document["status"] == "rejected"
    last = walk.detail(ended.document["id"])["events"][-1]
    assert (last["actor"], last["reason_zh"]) == ("steward", "重复")


def test_the_node_says_how_it_is(walk: Walk) -> None:
    """/healthz, /readyz and the description of the house API are open to everybody."""
    for path in ("/healthz", "/readyz", "/ogc/", "/ogc/conformance", "/ogc/collections", "/api/openapi.json"):
        assert walk.ask(path, who="").status == 200, path
