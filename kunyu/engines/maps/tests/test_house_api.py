"""The map page's own API: tree, click, search, dates, base map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mapbox_vector_tile
import pytest

from kunyu.engines.maps.tests.county import AWKWARD, PARCELS, County

Ask = Callable[..., Any]


def leaves(branches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [layer for one in branches for layer in (*one["layers"], *leaves(one["children"]))]


def test_tree_follows_the_catalogue(ask: Ask) -> None:
    """R-092: type, category, item, layer; each with tiles, colours, dates; what may not be seen is absent."""
    tree = ask("/api/map/layers").json()
    assert [one["code"] for one in tree] == ["1"] and tree[0]["children"][0]["code"] == "104"
    layer = next(one for one in leaves(tree) if one["collection"] == PARCELS)
    assert layer["tiles"] == f"/ogc/collections/{PARCELS}/tiles/WebMercatorQuad/{{z}}/{{y}}/{{x}}"
    assert layer["class_field"] == "DLBM" and layer["dates"] == ["2024-12-31", "2025-12-31"]
    assert next(one for one in layer["legend"] if one["code"] == "0101")["colour"] == "#ffff64"
    assert layer["extent"] == pytest.approx([113.0, 34.5, 114.002, 34.542])
    assert layer["label"]["secrecy"] == 2 and layer["label"]["name_zh"].startswith("敏感·")
    fill = layer["paint"][0]
    assert fill["paint"]["fill-color"][:2] == ["match", ["get", "DLBM"]] and fill["source-layer"] == PARCELS
    assert [one["number"] for one in layer["versions"] if one["county"] == "990101"] == [1, 2]
    assert leaves(ask("/api/map/layers", who="stranger").json()) == []
    assert ask("/api/map/layers", who=None).status_code == 401


def test_click_names_attributes_officially(ask: Ask) -> None:
    """Issue: a click shows a feature with its official field names; codes say what they mean."""
    found = ask("/api/map/identify", lon=113.005, lat=34.501).json()
    parcel = next(one for one in found if one["collection"] == PARCELS)["features"][0]
    by_code = {one["code"]: one for one in parcel["attributes"]}
    assert parcel["id"] == County.bsm(3)
    assert by_code["DLBM"]["name_zh"] == "地类编码" and by_code["DLBM"]["value"] == "0103"
    assert by_code["DLBM"]["meaning_zh"] == "旱地"
    assert by_code["BZ"]["value"] == AWKWARD and by_code["BZ"]["meaning_zh"] is None


def test_click_near_a_line_and_in_time(ask: Ask) -> None:
    """A line is hit within a few pixels; the day decides which state of a parcel answers."""
    near = {one["layer"] for one in ask("/api/map/identify", lon=113.0051, lat=34.51002, zoom=16).json()}
    assert near == {"DLTB", "XZQJX"}
    far = {one["layer"] for one in ask("/api/map/identify", lon=113.0051, lat=34.511, zoom=16).json()}
    assert far == {"DLTB"}
    past = ask("/api/map/identify", lon=113.003, lat=34.501, layers=PARCELS, valid_at="2025-06-01").json()
    assert past[0]["features"][0]["id"] == County.bsm(2) and past[0]["valid_at"] == "2025-06-01"
    assert ask("/api/map/identify", lon=113.003, lat=34.501, layers=PARCELS).json() == []
    assert ask("/api/map/identify", lon=113.003, lat=34.501, layers=PARCELS, who="stranger").status_code == 404
    assert ask("/api/map/identify", lon=113, lat=34, valid_at="never").status_code == 400


@pytest.mark.parametrize(
    ("text", "lon", "lat"),
    [
        ("113.02, 34.51", 113.02, 34.51), ("34.51 113.02", 113.02, 34.51), ("113.02，34.51", 113.02, 34.51),
        ("3819430, 38408300", 113.0, 34.5), ("38408300 3819430", 113.0, 34.5), ("3819430 408300", 113.0, 34.5),
    ],
)  # fmt: skip
def test_search_reads_coordinates(ask: Ask, text: str, lon: float, lat: float) -> None:
    """lon,lat, lat,lon and Gauss–Krüger pairs in either order, with and without zone prefix."""
    hit = ask("/api/map/search", q=text).json()[0]
    assert hit["kind"] == "coordinate"
    assert hit["lon"] == pytest.approx(lon, abs=0.01) and hit["lat"] == pytest.approx(lat, abs=0.01)


def test_search_finds_parcels_and_divisions(ask: Ask) -> None:
    """A parcel by BSM or number; a division by name or code, with a box where there is one."""
    from kunyu.engines.reference.services import NewDivision, register_fictional

    register_fictional([NewDivision("990101", "坤舆县", "9901")])
    parcel = ask("/api/map/search", q=County.bsm(25)).json()[0]
    assert parcel["kind"] == "feature" and parcel["collection"] == PARCELS and parcel["feature"] == County.bsm(25)
    assert 113.008 < parcel["lon"] < 113.01 and parcel["box"] == pytest.approx([113.008, 34.502, 113.01, 34.504])
    assert County.bsm(33) in [one["feature"] for one in ask("/api/map/search", q="33").json()]
    place = ask("/api/map/search", q="坤舆").json()[0]
    assert place["kind"] == "division" and place["subtitle"].startswith("990101")
    assert place["box"] == pytest.approx([113.0, 34.5, 113.04, 34.542])
    assert ask("/api/map/search", q="nothing like this").json() == []
    assert ask("/api/map/search", q=County.bsm(25), who="neighbour").json() == []
    assert ask("/api/map/search", q=" ").status_code == 400


def test_dates_of_change(ask: Ask) -> None:
    """The days of the time slider."""
    found = ask("/api/map/dates", collection=PARCELS).json()
    assert [(one["date"], one["counties"]) for one in found] == [
        ("2024-12-31", ["990101", "990102"]), ("2025-12-31", ["990101"]),
    ]  # fmt: skip
    assert [one["date"] for one in ask("/api/map/dates", collection=PARCELS, who="neighbour").json()] == ["2024-12-31"]


def test_base_map_is_marked_and_drawn(ask: Ask) -> None:
    """Issue: real boundaries marked 示意; nobody who is not signed in gets them."""
    from django.db import connection

    with connection.cursor() as cursor:
        for detail in (0, 1, 2):
            cursor.execute(
                "INSERT INTO reference_divisionboundary (code, name_zh, level, detail, source, geom) VALUES "
                "('99', '示范省', 1, %s, 'test', ST_SetSRID('POLYGON((112 34,114 34,114 35,112 35,112 34))'::geometry, 4490)), "
                "('', '境界线', 1, %s, 'test', ST_SetSRID('LINESTRING(112 34.2,114 34.2)'::geometry, 4490))",
                [detail, detail],
            )
    answer = ask("/api/map/base/6/25/52")
    assert answer.status_code == 200 and answer["Kunyu-Map-Approval"] == "none; illustrative"
    tile = mapbox_vector_tile.decode(answer.content)
    assert {one["properties"]["code"] for one in tile["boundaries"]["features"]} == {"99", ""}
    assert tile["places"]["features"][0]["properties"]["name"] == "示范省"
    assert ask("/api/map/base/6/25/52", headers={"If-None-Match": answer["ETag"]}).status_code == 304
    assert ask("/api/map/base/6/0/0").status_code == 204
    assert "示意" in ask("/api/map/base").json()["attribution"]
    assert ask("/api/map/base/6/25/52", who=None).status_code == 401
