"""CQL2 over a real PostGIS: what matches, what is refused, and that nothing gets through (R-091, R-168, R-170)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kunyu.engines.maps.tests.county import PARCELS, SIDE, SOUTH, WEST
from kunyu.engines.maps.tests.test_features import body

Ask = Callable[..., Any]
ITEMS = f"/ogc/collections/{PARCELS}/items"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
# parcels 3 and 23 lie one above the other; this box covers exactly those and touches their neighbours
LOW, LEFT = SOUTH, WEST + 2 * SIDE
COVERS = f"POLYGON(({LEFT} {LOW}, {LEFT + SIDE} {LOW}, {LEFT + SIDE} {LOW + 2 * SIDE}, {LEFT} {LOW + 2 * SIDE}, {LEFT} {LOW}))"
INNER = f"BBOX({LEFT + SIDE / 4},{LOW + SIDE / 4},{LEFT + SIDE / 2},{LOW + SIDE / 2})"


def matched(ask: Ask, text: str, **query: Any) -> int:
    """Number matched; the features returned must agree with it."""
    found = body(ask(ITEMS, filter=text, limit=1000, **query))
    assert found["numberMatched"] == found["numberReturned"] == len(found["features"])
    return int(found["numberMatched"])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("DLBM = '0103'", 398),
        ("DLBM <> '0103'", 3),
        ("DLBM='0701' OR DLBM='1101' AND TBBH='401'", 2),  # AND binds tighter: pygeofilter 0.4.0 finds 1
        ("(DLBM='0701' OR DLBM='1101') AND TBBH='401'", 1),
        ("NOT (DLBM='0103' OR DLBM='0701')", 2),
        ("BSM IS NULL", 1),
        ("BSM IS NOT NULL AND BZ IS NOT NULL", 1),
        ("TBBH LIKE '1%' AND DLBM = '0103'", 110),
        ("TBBH NOT LIKE '_'", 392),
        ("TBBH IN ('3', '5', 'none')", 2),
        ("TBBH NOT IN ('3')", 400),
        ("TBMJ BETWEEN 37000 AND 37000.25 AND TBBH='7'", 1),
        ("TBMJ NOT BETWEEN 1 AND 2", 401),
        ("TBMJ * 2 - 1 = 73999.5", 401),
        ("TBMJ / (TBMJ - TBMJ) = 1", 0),
        ("TBMJ % 2 = 0.25 and tbmj_is_no_name = 1 or true", -1),
        ("TBMJ div 1000 = 37 AND TBMJ + 1 > TBMJ AND TBBH='7'", 1),
        ("DLBM = TBBH", 0),
        ("DLMC = '旱地' AND TBBH = '7'", 1),
        ("CASEI(BZ) LIKE CASEI('QUOTE%')", 1),
        ("BZ LIKE 'QUOTE%'", 0),
        ("DLBM > '0103' AND DLBM <= '0701'", 2),
        ("TRUE", 401),
        ("FALSE", 0),
        ("valid_from = DATE('2025-12-31')", 2),
        ("valid_from < DATE('2025-12-31')", 399),
        ("valid_to IS NULL", 401),
        ("T_INTERSECTS(valid, INTERVAL('..', '2025-06-30'))", 399),
        ("T_AFTER(valid, DATE('2025-12-30'))", 2),
        ("T_DURING(valid_from, INTERVAL('2025-12-01', '2026-01-31'))", 2),
        ("T_BEFORE(valid_from, TIMESTAMP('2025-01-01T00:00:00Z'))", 399),
        ("T_STARTS(valid, INTERVAL('2025-12-31', '..'))", 0),
        ("T_EQUALS(valid, INTERVAL('2025-12-31', '..'))", 2),
        (f"S_INTERSECTS(geom, {INNER})", 1),
        (f"S_INTERSECTS({INNER}, geom)", 1),
        (f"S_WITHIN(geom, {COVERS})", 2),
        (f"S_CONTAINS({COVERS}, geom)", 2),
        (f"S_TOUCHES(geom, {COVERS})", 6),
        (f"S_DISJOINT(geom, {COVERS})", 393),
        (f"S_CONTAINS(geom, {INNER})", 1),
        (f"S_OVERLAPS(geom, {COVERS})", 0),
        (f"S_EQUALS(geom, BBOX({LEFT},{LOW},{LEFT + SIDE},{LOW + SIDE}))", 1),
        (f"S_CROSSES(geom, LINESTRING({LEFT + SIDE / 2} {LOW + SIDE / 2}, {LEFT + SIDE * 1.5} {LOW + SIDE / 2}))", 2),
    ],
)
def test_what_matches(ask: Ask, text: str, number: int) -> None:
    """OGC 19-079r2 and 21-065r2: basic CQL2, advanced comparison, casei, arithmetic, spatial, temporal, two properties."""
    if number < 0:
        assert ask(ITEMS, filter=text).status_code == 400
    else:
        assert matched(ask, text) == number


def test_json_says_the_same_as_text(ask: Ask) -> None:
    """CQL2 JSON, with and without ``filter-lang``; GeoJSON geometries; dates; nested operators."""
    document = {
        "op": "and",
        "args": [
            {"op": "in", "args": [{"property": "DLBM"}, ["0103", "0701"]]},
            {"op": "between", "args": [{"property": "TBMJ"}, 1, 1e6]},
            {"op": "s_intersects", "args": [{"property": "geom"}, {"bbox": [LEFT + SIDE / 4, LOW + SIDE / 4, LEFT + SIDE / 2, LOW + SIDE / 2]}]},
            {"op": "t_before", "args": [{"property": "valid_from"}, {"date": "2025-01-01"}]},
            {"op": "not", "args": [{"op": "isNull", "args": [{"property": "BSM"}]}]},
            {"op": "like", "args": [{"op": "casei", "args": [{"property": "TBBH"}]}, {"op": "casei", "args": ["3%"]}]},
        ],
    }  # fmt: skip
    text = json.dumps(document)
    assert matched(ask, text) == matched(ask, text, filter__lang="cql2-json") == 1
    assert ask(ITEMS, filter=text, filter__lang="cql2-text").status_code == 400
    polygon = {"type": "Polygon", "coordinates": [[[LEFT, LOW], [LEFT + SIDE, LOW], [LEFT, LOW + SIDE], [LEFT, LOW]]]}
    within = {"op": "s_within", "args": [polygon, {"property": "geometry"}]}
    assert matched(ask, json.dumps(within)) == 1


def test_filter_crs_orders_and_moves_coordinates(ask: Ask) -> None:
    """``filter-crs``: EPSG:4490 latitude first; a Gauss-Krueger zone northing first, with its zone prefix."""
    from pyproj import Transformer

    lon, lat = LEFT + SIDE / 2, LOW + SIDE / 2
    assert matched(ask, f"S_INTERSECTS(geom, POINT({lon} {lat}))") == 1
    assert matched(ask, f"S_INTERSECTS(geom, POINT({lat} {lon}))", filter__crs=EPSG + "4490") == 1
    northing, easting = Transformer.from_crs(4490, 4526).transform(lat, lon)
    assert easting > 38_000_000
    assert matched(ask, f"S_INTERSECTS(geom, POINT({northing} {easting}))", filter__crs=EPSG + "4526") == 1
    outside = ask(ITEMS, filter=f"S_INTERSECTS(geom, POINT({lat} {lon}))", filter__crs=EPSG + "4526")
    assert outside.status_code in (200, 400)
    assert ask(ITEMS, filter="S_INTERSECTS(geom, POINT(300 20))").status_code == 400
    assert ask(ITEMS, filter="TRUE", filter__crs=EPSG + "2154").status_code == 400


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("DLBM = 103", "maps-bad-filter", "text cannot be compared with a number"),
        ("TBMJ = '1'", "maps-bad-filter", "number cannot be compared with a text"),
        ("valid_from > '2025-01-01'", "maps-bad-filter", "DATE('2025-12-31')"),
        ("NOPE = 1", "maps-bad-filter", "no queryable 'NOPE'"),
        ("DLBM", "maps-bad-filter", "A filter is a condition"),
        ("DLBM = ", "maps-bad-filter", "character"),
        ("DLBM = 'x", "maps-bad-filter", "grammar"),
        ("DLBM ~ '0'", "maps-bad-filter", "grammar"),
        ("BZ LIKE 'a\\'", "maps-bad-filter", "escape"),
        ("S_INTERSECTS(geom, POLYGON((0 0, 1 1, 0 1, 1 0, 0 0)))", "maps-bad-filter", "invalid"),
        ("S_INTERSECTS(geom, POINT(1 nan))", "maps-bad-filter", "not finite"),
        ("S_INTERSECTS(geom)", "maps-bad-filter", "2 argument"),
        ("T_MEETS(valid_from, valid_to)", "maps-bad-filter", "two intervals"),
        ("T_AFTER(DLBM, DATE('2025-01-01'))", "maps-bad-filter", "not a text"),
        ("valid_from = DATE('2025-13-01')", "maps-bad-filter", "no date"),
        ("T_AFTER(valid, INTERVAL('2026-01-01','2025-01-01'))", "maps-bad-filter", "after its end"),
        ("TBMJ = 1e99", "maps-bad-filter", "out of range"),
        ("ACCENTI(DLMC) = 'a'", "maps-filter-not-offered", "accenti"),
        ("A_CONTAINS(DLMC, 'a')", "maps-filter-not-offered", "a_contains"),
        ("pg_sleep(5) = 1", "maps-filter-not-offered", "pg_sleep"),
        ("TBMJ ^ 2 = 1", "maps-filter-not-offered", "^"),
        ("S_WITHIN(geom, GEOMETRYCOLLECTION(POINT(1 1)))", "maps-filter-not-offered", "GEOMETRYCOLLECTION"),
        ("{", "maps-bad-filter", "no JSON"),
        ('{"op": "=", "args": [{"property": "TBMJ"}, null]}', "maps-bad-filter", "does not know"),
    ],
)
def test_refusals_name_what_is_wrong(ask: Ask, text: str, code: str, said: str) -> None:
    """What cannot be read or is not offered is a 400 that names it (product.md, "Words")."""
    answer = ask(ITEMS, filter=text)
    problem = json.loads(answer.content)
    assert (answer.status_code, problem["code"]) == (400, code)
    assert said in problem["detail_en"]


@pytest.mark.parametrize(
    "text",
    [
        " OR ".join(["DLBM='0103'"] * 10_000),
        "NOT " * 3_000 + "TRUE",
        "NOT (" * 200 + "TRUE" + ")" * 200,
        json.dumps({"op": "or", "args": [{"op": "=", "args": [{"property": "DLBM"}, "x"]}] * 700}),
        '{"op":"not","args":[' * 400 + "true" + "]}" * 400,
        "[" * 100_000,
        f"TBBH IN ({','.join(repr(str(n)) for n in range(800))})",
        "S_INTERSECTS(geom, POLYGON((" + ",".join(f"{113 + n / 1e6} 34" for n in range(60_000)) + ")))",
        "S_INTERSECTS(geom, LINESTRING(" + ",".join(f"{113 + n / 1e5:.5f} 34" for n in range(6_000)) + "))",
        f"BZ LIKE '{'%a' * 40}'",
        f"BZ LIKE '{'a' * 300}'",
    ],
)
def test_bombs_are_refused_with_a_sentence(ask: Ask, text: str) -> None:
    """Ten thousand ORs, nested NOTs, a 1 MB polygon: refused before any SQL, quickly, naming the limit."""
    import time

    began = time.process_time()  # of this process: the sentence is said before any SQL
    answer = ask(ITEMS, filter=text)
    problem = json.loads(answer.content)
    assert answer.status_code == 400 and problem["code"] == "maps-filter-too-large"
    assert problem["context"]["limit"] < problem["context"]["measured"]
    assert time.process_time() - began < 4


def test_filters_join_rights_time_tiles_pages_and_counts(ask: Ask) -> None:
    """R-170: a filter narrows what the caller may see and never widens it, at the moment asked for, also in tiles."""
    assert matched(ask, "TRUE", who="neighbour") == 1
    assert matched(ask, "DLBM='0103' OR DLBM='0301'", who="neighbour") == 1
    assert matched(ask, "DLBM='0701'") == 1
    assert matched(ask, "DLBM='0701'", valid_at="2025-06-01") == 0
    assert matched(ask, "DLBM='0103'", DLBM="0103", bbox=f"{LEFT},{LOW},{LEFT},{LOW}") == 1
    first = body(ask(ITEMS, filter="DLBM='0103'", limit=300))
    onward = next(one["href"] for one in first["links"] if one["rel"] == "next")
    second = body(ask(onward))
    assert len(first["features"]) + len(second["features"]) == 398
    tile = f"/ogc/collections/{PARCELS}/tiles/WebMercatorQuad/12/1628/3333"
    whole, part = ask(tile), ask(tile, filter="DLBM='1101'")
    assert 0 < len(part.content) < len(whole.content) and part["ETag"] != whole["ETag"]
    assert ask(tile, filter="DLBM='none'").status_code == 204
    assert ask(tile, filter="pg_sleep(1)=1").status_code == 400


def test_estimated_counts_know_the_filter(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the threshold numberMatched is the planner's estimate of the filtered rows, and says so."""
    from kunyu.engines.maps import features
    from kunyu.engines.maps.settings import MapsSettings

    monkeypatch.setattr(features, "maps_settings", lambda: MapsSettings(count_exactly_up_to=50))
    many = body(ask(ITEMS, filter="TBMJ > 1", limit=1))
    assert many["numberMatchedEstimated"] is True and many["numberMatched"] > 50
    assert body(ask(ITEMS, filter="TBBH = '7'", limit=1))["numberMatched"] == 1


def test_the_page_for_people_keeps_its_filter(ask: Ask) -> None:
    """The HTML page has a box with the filter as given, escaped, and links that keep it."""
    page = ask(ITEMS, f="html", filter="TBBH = '<b>'").content.decode()
    assert 'name="filter"' in page and "&lt;b&gt;" in page and "<b>'" not in page
    assert "下载本页 GeoJSON" in page and "符合条件 0 条" in page
