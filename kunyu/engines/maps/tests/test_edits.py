"""Features created, replaced, updated and deleted as versions (R-091, R-168, R-170; OGC 20-002)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from kunyu.engines.maps.tests.county import PARCELS, SIDE, SOUTH, WEST, County, _person
from kunyu.engines.maps.tests.test_features import body
from kunyu.engines.security import scope

ITEMS = f"/ogc/collections/{PARCELS}/items"
EDITING = "/api/map/editing"
JSON = "application/geo+json"


@pytest.fixture(scope="module")
def tokens(county: County, django_db_blocker: Any) -> Iterator[dict[str, str]]:
    """Committed people: an editor of the county, one who may also approve, a neighbour who may edit elsewhere."""
    with django_db_blocker.unblock():
        read = (scope.SEE, scope.QUERY)
        yield {
            "editor": _person("e-editor", (*read, scope.EDIT)),
            "approver": _person("e-approver", (*read, scope.EDIT, scope.APPROVE)),
            "neighbour": _person("e-neighbour", (*read, scope.EDIT), division_prefix="990102"),
            "steward": county.steward,
        }


@pytest.fixture
def client(tokens: dict[str, str], settings: Any) -> Callable[..., Client]:
    settings.ROOT_URLCONF = "kunyu.engines.maps.tests.addresses"
    return lambda who="editor": Client(headers={"Authorization": f"Bearer {tokens[who]}"})


@pytest.fixture
def opened(client: Callable[..., Client]) -> None:
    """The approver opens the layer in the county."""
    decision = {"collection": PARCELS, "division": "990101", "is_open": True, "reason": "试点"}
    assert client("approver").post(EDITING, decision, content_type="application/json").status_code == 200


def feature(number: int, **changes: Any) -> dict[str, Any]:
    """A right feature, a square far north of the grid."""
    values = {
        "BSM": County.bsm(number), "YSDM": "2001010100", "TBBH": str(number), "DLBM": "0103", "DLMC": "旱地",
        "QSXZ": "30", "QSDWDM": "9901011010010000000", "QSDWMC": "示范村", "ZLDWDM": "9901011010010000000",
        "ZLDWMC": "示范村", "TBMJ": 37000.25, "TBDLMJ": 37000.25, "KCDLBM": None, "KCMJ": 0, "GDLX": "PD",
        "GDPDJB": "1", "CZCSXM": None, "SJNF": 2026, "KCXS": 0, "TBYBH": None, "FRDBS": "0", "MSSM": "00",
    }  # fmt: skip
    west, south = WEST + SIDE * (number % 20), SOUTH + SIDE * 30
    ring = [[west, south], [west + SIDE, south], [west + SIDE, south + SIDE], [west, south + SIDE], [west, south]]
    known = {code: value for code, value in (values | changes).items() if code in fields()}
    return {"type": "Feature", "properties": known, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def fields() -> set[str]:
    from kunyu.engines.catalogue.standards import load_standard

    return {one.code for one in load_standard("TDT1057-2020").layers["DLTB"].fields}


def problem(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.content)
    return found


def test_closed_until_somebody_decides(db: None, client: Any) -> None:
    """Default off: an editor gets 403; only who may approve opens, with a reason, and it is on record."""
    from kunyu.engines.security.models import AuditEntry

    refused = client().post(ITEMS, json.dumps(feature(901)), content_type=JSON)
    assert (refused.status_code, problem(refused)["code"]) == (403, "maps-editing-closed")
    decision = {"collection": PARCELS, "division": "990101", "is_open": True, "reason": "试点"}
    assert client("editor").post(EDITING, decision, content_type="application/json").status_code == 403
    assert client("approver").post(EDITING, decision, content_type="application/json").status_code == 200
    assert client("steward").post(ITEMS, json.dumps(feature(901)), content_type=JSON).status_code == 403
    assert client("neighbour").post(ITEMS, json.dumps(feature(901)), content_type=JSON).status_code == 404, (
        "another county is not there for him"
    )
    assert client().get(EDITING, {"collection": PARCELS}).json()[0]["is_open"] is True
    assert AuditEntry.objects.filter(action="editing-opened").count() == 1


def test_an_edit_is_a_version_and_history_stays(opened: None, client: Any) -> None:
    """Create, update, replace, delete: each the next version; yesterday's belief is still there; the tile shows it."""
    from kunyu.engines.catalogue.models import DatasetVersion
    from kunyu.engines.security.models import AuditEntry
    from kunyu.kernel.outbox.models import Event

    before = DatasetVersion.objects.filter(county="990101", layer__collection=PARCELS).order_by("-number").first()
    assert before is not None
    tile = tile_of(feature(902))
    empty = client().get(tile)
    made = client().post(ITEMS, json.dumps(feature(902)), content_type=JSON)
    assert made.status_code == 201, made.content
    began = time.perf_counter()
    shown = client().get(tile, headers={"If-None-Match": empty.get("ETag", "")})
    assert shown.status_code == 200 and time.perf_counter() - began < 10 and shown["ETag"] != empty["ETag"]
    address = f"{ITEMS}/{County.bsm(902)}"
    assert made["Location"].endswith(address)
    first = client().get(address)
    assert body(first)["properties"]["DLMC"] == "旱地" and body(client().get(address))["time"]["interval"][1] == ".."
    patch = json.dumps({"type": "Feature", "properties": {"TBBH": "902a"}})
    done = client().patch(address, patch, content_type=JSON, headers={"If-Match": first["ETag"]})
    assert done.status_code == 204, done.content
    second = client().get(address)
    assert second["ETag"] == done["ETag"] != first["ETag"]
    assert (
        body(second)["properties"]["TBBH"] == "902a"
        and body(client().get(address))["geometry"] == body(first)["geometry"]
    )
    replaced = client().put(
        address,
        json.dumps(feature(902, TBBH="902b", TBMJ=1.5)),
        content_type=JSON,
        headers={"If-Match": second["ETag"]},
    )
    assert replaced.status_code == 204 and body(client().get(address))["properties"]["TBMJ"] == 1.5
    past = body(client().get(address, {"known_at": second["Kunyu-Known-At"]}))
    assert past["properties"]["TBBH"] == "902a", "what was believed is still believed to have been believed"
    gone = client().delete(address, headers={"If-Match": client().get(address)["ETag"]})
    assert gone.status_code == 204 and client().get(address).status_code == 404
    versions = DatasetVersion.objects.filter(county="990101", layer__collection=PARCELS, number__gt=before.number)
    assert [one.lineage["edit"]["kind"] for one in versions.order_by("number")] == [
        "create",
        "update",
        "replace",
        "delete",
    ]
    assert all(one.is_incremental and one.status == "published" for one in versions)
    last = versions.order_by("-number").first()
    assert last is not None and last.record_count == before.record_count
    assert AuditEntry.objects.filter(action="feature-edited", object_id=f"{PARCELS}/{County.bsm(902)}").count() == 4
    assert Event.objects.filter(topic="catalogue.version_published", payload__version=last.pk).exists()


def tile_of(one: dict[str, Any]) -> str:
    import math

    lon, lat = one["geometry"]["coordinates"][0][0]
    lon, lat, scale = lon + SIDE / 2, lat + SIDE / 2, 2**14
    column = int((lon + 180) / 360 * scale)
    row = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * scale)
    return f"/ogc/collections/{PARCELS}/tiles/WebMercatorQuad/14/{row}/{column}"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"DLBM": "0199"}, "DLBM"),
        ({"DLMC": "水田"}, "DLMC"),
        ({"TBMJ": "many"}, "TBMJ"),
        ({"TBMJ": 1.23456}, "TBMJ"),
        ({"TBMJ": -5}, "TBMJ"),
        ({"TBBH": "1234567890"}, "TBBH"),
        ({"DLBM": None}, "DLBM"),
        ({"YSDM": "1111111111"}, "YSDM"),
        ({"BSM": 5}, "BSM"),
    ],
)
def test_what_breaks_the_standard_is_named(opened: None, client: Any, changes: dict[str, Any], field: str) -> None:
    """422 with field, value, limit and remedy; nothing is written, no version is used up."""
    from kunyu.engines.catalogue.models import DatasetVersion

    before = DatasetVersion.objects.count()
    answer = client().post(f"{ITEMS}?county=990101", json.dumps(feature(903, **changes)), content_type=JSON)
    assert answer.status_code == 422, answer.content
    faults = {one["field"]: one for one in problem(answer)["context"]["faults"]}
    assert field in faults and faults[field]["limit"] and faults[field]["remedy_zh"]
    assert DatasetVersion.objects.count() == before
    assert client().get(f"{ITEMS}/{County.bsm(903)}").status_code == 404


def test_unknown_fields_and_bad_shapes(opened: None, client: Any) -> None:
    """A field the standard lacks, a bow tie, a point, a place far away, no JSON: each with its sentence."""
    bow = [[113, 34.6], [113.01, 34.61], [113.01, 34.6], [113, 34.61], [113, 34.6]]
    cases: list[tuple[Any, int, str]] = [
        ({**feature(904), "properties": {**feature(904)["properties"], "NOPE": 1}}, 422, "maps-edit-rejected"),
        ({**feature(904), "geometry": {"type": "Polygon", "coordinates": [bow]}}, 422, "maps-edit-rejected"),
        ({**feature(904), "geometry": {"type": "Point", "coordinates": [113, 34.6]}}, 422, "maps-edit-rejected"),
        ({**feature(904), "geometry": None}, 422, "maps-edit-rejected"),
        ({**feature(904), "geometry": {"type": "Polygon", "coordinates": "x"}}, 400, "maps-edit-unreadable"),
        ({"type": "FeatureCollection", "features": []}, 400, "maps-edit-unreadable"),
        ([], 400, "maps-edit-unreadable"),
    ]
    for document, status, code in cases:
        answer = client().post(ITEMS + "?county=990101", json.dumps(document), content_type=JSON)
        assert (answer.status_code, problem(answer)["code"]) == (status, code), answer.content
    assert client().post(ITEMS, "{", content_type=JSON).status_code == 400
    far = {
        **feature(904),
        "geometry": {"type": "Polygon", "coordinates": [[[100, 20], [101, 20], [101, 21], [100, 20]]]},
    }
    assert client().post(ITEMS, json.dumps(far), content_type=JSON).status_code == 422
    # latitude first in the CRS that says so
    swapped = json.loads(json.dumps(feature(904)))
    swapped["geometry"]["coordinates"] = [[point[::-1] for point in swapped["geometry"]["coordinates"][0]]]
    crs = "<http://www.opengis.net/def/crs/EPSG/0/4490>"
    made = client().post(ITEMS, json.dumps(swapped), content_type=JSON, headers={"Content-Crs": crs})
    assert made.status_code == 201
    assert body(client().get(made["Location"]))["geometry"]["coordinates"][0][0][0][0] == pytest.approx(113.008, abs=1)


def test_a_key_is_given_where_none_came(opened: None, client: Any) -> None:
    """A new feature without BSM gets county, layer code and the next number; the same key twice is 409."""
    new = feature(905)
    del new["properties"]["BSM"]
    made = client().post(ITEMS + "?county=990101", json.dumps(new), content_type=JSON)
    assert made.status_code == 201, made.content
    key = made["Location"].rsplit("/", 1)[1]
    assert key.startswith("9901012110") and len(key) == 18
    again = client().post(ITEMS, json.dumps(feature(1, BSM=key)), content_type=JSON)
    assert (again.status_code, problem(again)["code"]) == (409, "maps-edit-conflict")


def test_nobodys_change_is_lost(opened: None, client: Any) -> None:
    """No If-Match: 428; an old state: 412; two PUTs at once: one wins, the other is 412, and the row is the winner's."""
    address = f"{ITEMS}/{County.bsm(50)}"
    state = client().get(address)["ETag"]
    bodies = [json.dumps({"type": "Feature", "properties": {"TBBH": name}}) for name in ("left", "right")]
    assert client().patch(address, bodies[0], content_type=JSON).status_code == 428
    full = feature(50)
    assert (
        client()
        .put(address, json.dumps({**full, "geometry": None}), content_type=JSON, headers={"If-Match": state})
        .status_code
        == 422
    )
    answers: dict[str, int] = {}
    barrier = threading.Barrier(2)

    def put(name: str) -> None:
        from django.db import connection

        barrier.wait()
        document = json.dumps(feature(50, TBBH=name))
        answers[name] = client().put(address, document, content_type=JSON, headers={"If-Match": state}).status_code
        connection.close()

    threads = [threading.Thread(target=put, args=(name,)) for name in ("left", "right")]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert sorted(answers.values()) == [204, 412]
    winner = next(name for name, status in answers.items() if status == 204)
    assert body(client().get(address))["properties"]["TBBH"] == winner
    stale = client().delete(address, headers={"If-Match": state})
    assert (stale.status_code, problem(stale)["code"]) == (412, "maps-state-changed")
    other = client().get(f"{ITEMS}/{County.bsm(51)}")["ETag"]
    assert client().delete(address, headers={"If-Match": other}).status_code == 412
    assert (
        client().put(f"{ITEMS}/none", json.dumps(feature(60)), content_type=JSON, headers={"If-Match": "*"}).status_code
        == 404
    )


def test_closing_ends_editing_at_once(opened: None, client: Any) -> None:
    """The decision to close holds at the next request; methods are told by OPTIONS."""
    assert "PATCH" in client().options(f"{ITEMS}/x")["Allow"] and "POST" in client().options(ITEMS)["Allow"]
    decision = {"collection": PARCELS, "division": "990101", "is_open": False, "reason": "结束"}
    assert client("approver").post(EDITING, decision, content_type="application/json").status_code == 200
    address = f"{ITEMS}/{County.bsm(52)}"
    state = client().get(address)["ETag"]
    assert client().delete(address, headers={"If-Match": state}).status_code == 403
    assert client().get(address, headers={"If-None-Match": state}).status_code == 304
