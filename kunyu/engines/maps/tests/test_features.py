"""OGC API – Features over a real PostGIS: who sees what, when, in which CRS, page by page."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from kunyu.engines.maps.tests import county as truth
from kunyu.engines.maps.tests.county import KNOWN_1, KNOWN_2, PARCELS, County

Ask = Callable[..., Any]
ITEMS = f"/ogc/collections/{PARCELS}/items"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"


def body(response: Any) -> dict[str, Any]:
    """The JSON of an answer that must have succeeded."""
    content = b"".join(response.streaming_content) if response.streaming else response.content
    assert response.status_code == 200, content
    return json.loads(content)


def ids(response: Any) -> list[str]:
    return [feature["id"] for feature in body(response)["features"]]


def test_features_carry_the_standards_codes_and_escape_every_character(ask: Ask) -> None:
    """R-091: attributes bear official codes; awkward text survives; a row without key is reachable by ``~fid``."""
    found = body(ask(ITEMS, limit=1000))
    assert found["numberReturned"] == found["numberMatched"] == len(found["features"]) == 401
    by_number = {one["properties"]["TBBH"]: one for one in found["features"] if one["id"] != County.bsm(1, "990102")}
    third = by_number["3"]
    assert third["id"] == County.bsm(3)
    assert third["properties"]["BZ"] == truth.AWKWARD
    assert third["properties"]["TBMJ"] == 37000.25
    assert third["time"] == {"interval": ["2024-12-31", ".."]}
    assert third["geometry"]["type"] == "MultiPolygon"
    ring = third["geometry"]["coordinates"][0][0]
    assert [min(p[0] for p in ring), min(p[1] for p in ring)] == [113.004, 34.5]
    nameless = by_number["4"]
    assert nameless["properties"]["BSM"] is None and nameless["id"].startswith("~")
    again = body(ask(f"{ITEMS}/{nameless['id']}"))
    assert again["properties"]["TBBH"] == "4"


def test_pages_hold_every_feature_once_and_stay_at_one_moment(ask: Ask) -> None:
    """Keyset paging: 401 features in pages of 60, the row without key last, links pinned to one moment."""
    seen, address, query = [], ITEMS, {"limit": 60}
    for _ in range(20):
        page = body(ask(address, **query))
        seen += [one["id"] for one in page["features"]]
        onward = [one["href"] for one in page["links"] if one["rel"] == "next"]
        if not onward:
            break
        parts = urlsplit(onward[0])
        address, query = parts.path, dict(parse_qsl(parts.query))
        assert query["known_at"].startswith("2026-06-01T08:00:00") and query["valid_at"]
    assert len(seen) == len(set(seen)) == 401
    assert seen[-1].startswith("~") and seen[:-1] == sorted(seen[:-1])


@pytest.mark.parametrize(
    ("query", "first_class", "present"),
    [
        ({}, "0701", {1, 401}),
        ({"valid_at": "2025-12-30"}, "0103", {1, 2}),
        ({"valid_at": "2025-12-31"}, "0701", {1, 401}),
        ({"datetime": "2025-12-30T23:59:59+08:00"}, "0103", {1, 2}),
        ({"datetime": "2025-12-30T16:00:00Z"}, "0701", {1, 401}),
        ({"known_at": "2026-03-01T00:00:00Z"}, "0103", {1, 2}),
        ({"known_at": "2026-03-01T00:00:00Z", "valid_at": "2026-02-01"}, "0103", {1, 2}),
        ({"known_at": KNOWN_2.isoformat()}, "0701", {1, 401}),
    ],
)
def test_two_times(ask: Ask, query: dict[str, str], first_class: str, present: set[int]) -> None:
    """R-091: the state of a day, as known at an instant; the last second of a day belongs to it (node's clock)."""
    found = body(ask(ITEMS, limit=1000, **query))
    numbers = {int(one["properties"]["TBBH"]) for one in found["features"] if one["id"] != County.bsm(1, "990102")}
    assert {1, 2, 401} & numbers == present
    assert next(one for one in found["features"] if one["id"] == County.bsm(1))["properties"]["DLBM"] == first_class


def test_intervals_and_times_before_anything(ask: Ask) -> None:
    """An interval gives every state in it; before the first version there is nothing."""
    states = body(ask(ITEMS, BSM=County.bsm(1), datetime="2025-01-01/2026-01-01"))["features"]
    assert sorted(one["properties"]["DLBM"] for one in states) == ["0103", "0701"]
    assert states[0]["time"]["interval"] in (["2024-12-31", "2025-12-30"], ["2025-12-31", ".."])
    assert len(body(ask(ITEMS, BSM=County.bsm(1), datetime="../2025-01-01"))["features"]) == 1
    assert len(body(ask(ITEMS, BSM=County.bsm(1), datetime="../.."))["features"]) == 2
    assert body(ask(ITEMS, valid_at="2024-12-30"))["features"] == []
    before = ask(ITEMS, known_at="2025-01-01T00:00:00Z")
    assert body(before)["numberMatched"] == 0
    assert before["Kunyu-Known-At"] == "2025-01-01T00:00:00.000000Z"


def test_headers_name_both_times_and_the_known_instant_replays(ask: Ask) -> None:
    """contract.md: Kunyu-Valid-At and Kunyu-Known-At; what the header names gives the same features again."""
    first = ask(ITEMS, valid_at="2026-01-01", limit=5)
    assert first["Kunyu-Valid-At"] == "2026-01-01"
    assert first["Kunyu-Known-At"] == "2026-06-01T08:00:00.000000Z"
    assert first["Content-Crs"] == "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>"
    assert first["Content-Type"] == "application/geo+json"
    assert first["Cache-Control"] == "private, no-cache"
    assert first["Kunyu-Number-Matched"] == "exact"
    again = ask(ITEMS, valid_at="2026-01-01", limit=5, known_at=first["Kunyu-Known-At"])
    assert body(first)["features"] == body(again)["features"]


def test_etag_depends_on_version_entitlement_and_parameters(ask: Ask) -> None:
    """contract.md: ETag; an unchanged answer is 304 without a body."""
    first = ask(ITEMS, limit=5)
    same = ask(ITEMS, headers={"If-None-Match": f'"x", W/{first["ETag"]}'}, limit=5)
    assert same.status_code == 304 and same.content == b"" and same["ETag"] == first["ETag"]
    others = [
        ask(ITEMS, limit=6), ask(ITEMS, who="neighbour", limit=5), ask(ITEMS, limit=5, known_at=KNOWN_1.isoformat()),
        ask(ITEMS, limit=5, valid_at="2025-01-01"),
    ]  # fmt: skip
    assert len({first["ETag"], *(one["ETag"] for one in others)}) == 5


def test_axis_order_follows_the_crs(ask: Ask) -> None:
    """OGC 18-058r1: EPSG:4326 and 4490 lat, lon; CRS84 lon, lat; 3857 x, y; zones northing, easting."""

    def corner(crs: str | None) -> tuple[float, float]:
        query = {"crs": crs} if crs else {}
        answer = ask(f"{ITEMS}/{County.bsm(3)}", **query)
        if crs:
            assert answer["Content-Crs"] == f"<{crs}>"
        ring = body(answer)["geometry"]["coordinates"][0][0]
        return min(p[0] for p in ring), min(p[1] for p in ring)

    assert corner(None) == (113.004, 34.5)
    assert corner(EPSG + "4326") == corner(EPSG + "4490") == (34.5, 113.004)
    x, y = corner(EPSG + "3857")
    radius = 6378137.0
    assert x == pytest.approx(radius * math.radians(113.004), abs=1e-3)
    assert y == pytest.approx(radius * math.asinh(math.tan(math.radians(34.5))), abs=1e-3)
    northing, easting = corner(EPSG + "4526")
    assert 3_819_000 < northing < 3_820_000 and 38_408_000 < easting < 38_409_000
    plain_northing, plain_easting = corner(EPSG + "4547")
    assert plain_northing == pytest.approx(northing, abs=1e-3)
    assert plain_easting == pytest.approx(easting - 38_000_000, abs=1e-3)
    refused = ask(ITEMS, crs=EPSG + "2154")
    assert refused.status_code == 400 and refused.json()["code"] == "maps-bad-parameter"


def test_bbox_in_every_axis_order_finds_the_same(ask: Ask) -> None:
    """bbox is read in bbox-crs and its axis order; a feature that only touches counts as intersecting."""
    inside = {County.bsm(number) for number in (22, 23, 42, 43)}
    box = (113.0021, 34.5021, 113.0059, 34.5059)
    assert set(ids(ask(ITEMS, bbox=",".join(map(str, box))))) == inside
    flipped = f"{box[1]},{box[0]},{box[3]},{box[2]}"
    for epsg in ("4326", "4490"):
        assert set(ids(ask(ITEMS, bbox=flipped, bbox__crs=EPSG + epsg))) == inside
    corner = body(ask(f"{ITEMS}/{County.bsm(22)}", crs=EPSG + "4526"))["geometry"]["coordinates"][0][0]
    low = [min(p[axis] for p in corner) + 20 for axis in (0, 1)]
    zone_box = f"{low[0]},{low[1]},{low[0] + 10},{low[1] + 10}"
    assert ids(ask(ITEMS, bbox=zone_box, bbox__crs=EPSG + "4526")) == [County.bsm(22)]
    assert (
        len(ids(ask(ITEMS, bbox="112.9,34,0,113.001,35,9", limit=100))) == 21
    )  # with heights: a column and parcel 401
    assert ids(ask(ITEMS, bbox="170,-10,-170,10")) == []


@pytest.mark.parametrize(
    "query",
    [
        {"unknown": "1"}, {"limit": "0"}, {"limit": "x"}, {"bbox": "1,2,3"}, {"bbox": "3,1,2,nan"}, {"bbox": "1,9,2,3"},
        {"bbox": "34.5,113,35,114"}, {"datetime": "yesterday"}, {"datetime": "2025-02-01/2025-01-01"},
        {"datetime": "2025-01-01", "valid_at": "2025-01-01"}, {"valid_at": "2025-02-30"}, {"known_at": "2025-01-01"},
        {"properties": "DLBM,NOPE"}, {"f": "gml"}, {"TBMJ": "large"}, {"after": "'; drop"}, {"crs": "EPSG:1"},
    ],
)  # fmt: skip
def test_bad_parameters_are_400_with_a_sentence(ask: Ask, query: dict[str, str]) -> None:
    """RFC 9457 problem documents in both languages; nothing is guessed."""
    answer = ask(ITEMS, **query)
    assert answer.status_code == 400, query
    assert answer["Content-Type"] == "application/problem+json"
    assert {"code", "detail_zh", "detail_en"} <= set(answer.json())


def test_limit_above_the_maximum_means_the_maximum(ask: Ask) -> None:
    """17-069r4 requirement 21: no error."""
    assert body(ask(ITEMS, limit="99999999"))["numberReturned"] == 401


def test_attributes_filter_and_select(ask: Ask) -> None:
    """Equality by attribute code; ``properties`` selects; an empty list gives none."""
    only = body(ask(ITEMS, DLBM="0701", properties="DLBM,TBMJ"))["features"]
    assert [one["properties"] for one in only] == [{"DLBM": "0701", "TBMJ": 37000.25}]
    assert len(ids(ask(ITEMS, TBMJ="37000.250", DLBM="1101"))) == 1
    assert body(ask(ITEMS, DLBM="0701", properties=""))["features"][0]["properties"] == {}
    assert ids(ask(ITEMS, DLBM="' OR TRUE --")) == []


def test_rights_decide_what_exists(ask: Ask) -> None:
    """contract.md: unseen 404, seen but not allowed 403, nobody 401; a division's officer sees that division only."""
    assert ask(ITEMS, who="stranger").status_code == 404
    assert ask("/ogc/collections/10499-999/items").status_code == 404
    assert ask(ITEMS, who=None).status_code == 401
    assert ask("/ogc/collections/10499-999/items", who=None).status_code == 401
    assert ask(ITEMS, who="onlooker").status_code == 403
    assert ids(ask(ITEMS, who="neighbour", limit=100)) == [County.bsm(1, "990102")]
    assert ask(f"{ITEMS}/{County.bsm(3)}", who="neighbour").status_code == 404
    listed = body(ask("/ogc/collections", who="stranger"))
    assert listed["collections"] == []
    seen = body(ask(f"/ogc/collections/{PARCELS}", who="neighbour"))
    assert seen["extent"]["spatial"]["bbox"] == [[114.0, 34.5, 114.002, 34.502]]


def test_unknown_feature_and_methods(ask: Ask, county: County) -> None:
    """404 for a feature that is not there at that time; who may not edit is refused; a page of features is not replaced."""
    assert ask(f"{ITEMS}/nothing").status_code == 404
    assert ask(f"{ITEMS}/{County.bsm(2)}").status_code == 404
    assert ask(f"{ITEMS}/{County.bsm(2)}", valid_at="2025-01-01").status_code == 200
    from django.test import Client

    client = Client(headers={"Authorization": f"Bearer {county.steward}"})
    assert client.post(ITEMS).status_code == 403
    assert client.put(ITEMS).status_code == client.delete(ITEMS).status_code == 405
    assert ask("/ogc/nowhere").status_code == 404


def test_estimate_beyond_the_threshold_says_so(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """numberMatched is the planner's estimate above the threshold, and header and body say that."""
    from kunyu.engines.maps import features
    from kunyu.engines.maps.settings import MapsSettings

    monkeypatch.setattr(features, "maps_settings", lambda: MapsSettings(count_exactly_up_to=50))
    whole = ask(ITEMS, limit=1)
    assert whole["Kunyu-Number-Matched"] == "exact" and body(whole)["numberMatched"] == 401  # counted at publishing
    answer = ask(ITEMS, limit=1, valid_at="2025-01-01")
    assert answer["Kunyu-Number-Matched"] == "estimated"
    assert body(answer)["numberMatchedEstimated"] is True
    assert body(ask(ITEMS, limit=1, DLBM="0701"))["numberMatched"] == 1


def test_an_area_is_one_statement_unless_more_than_is_counted_lies_in_it(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing, a page, exactly as many as are counted exactly, and one more: then the estimate and the same first page."""
    from kunyu.engines.maps import features
    from kunyu.engines.maps.settings import MapsSettings

    asked: list[str] = []
    fetch = features.fetch

    def counting(granted: Any, statement: str, *rest: Any, **named: Any) -> list[tuple[Any, ...]]:
        asked.append(statement)
        return fetch(granted, statement, *rest, **named)

    monkeypatch.setattr(features, "fetch", counting)
    nothing = body(ask(ITEMS, bbox="10,10,10.1,10.1"))
    assert (nothing["numberMatched"], nothing["numberReturned"], nothing["features"]) == (0, 0, [])
    assert "next" not in {link["rel"] for link in nothing["links"]}
    four = {"bbox": "113.0021,34.5021,113.0059,34.5059", "limit": 3}
    page = body(ask(ITEMS, **four))
    assert (page["numberMatched"], page["numberReturned"]) == (4, 3)
    monkeypatch.setattr(features, "maps_settings", lambda: MapsSettings(count_exactly_up_to=4))
    assert body(ask(ITEMS, **four))["features"] == page["features"]
    assert len(asked) == 3
    monkeypatch.setattr(features, "maps_settings", lambda: MapsSettings(count_exactly_up_to=3))
    more = body(ask(ITEMS, **four))
    assert more["numberMatchedEstimated"] is True and more["features"] == page["features"]
