"""``sortby`` with pages by key, ``skipGeometry``, queryables, sortables and schema (R-091, R-168)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from kunyu.engines.maps.tests.county import PARCELS
from kunyu.engines.maps.tests.test_features import body

Ask = Callable[..., Any]
COLLECTION = f"/ogc/collections/{PARCELS}"
ITEMS = f"{COLLECTION}/items"


def every_page(ask: Ask, **query: Any) -> list[dict[str, Any]]:
    """All features, by following the next links."""
    found, address = [], ITEMS
    for _ in range(40):
        page = body(ask(address, **query))
        found += page["features"]
        onward = [one["href"] for one in page["links"] if one["rel"] == "next"]
        if not onward:
            return found
        parts = urlsplit(onward[0])
        address, query = parts.path, {n.replace("-", "__"): v for n, v in parse_qsl(parts.query)}
    raise AssertionError("pages do not end")


@pytest.mark.parametrize(
    ("sortby", "key"),
    [
        ("DLBM,-TBBH", lambda p: (p["DLBM"], [-ord(c) for c in p["TBBH"]] + [1])),
        ("-DLBM,TBBH", lambda p: ([-ord(c) for c in p["DLBM"]], p["TBBH"])),
        ("TBBH", lambda p: p["TBBH"]),
        ("-BSM", lambda p: (p["BSM"] is None, [-ord(c) for c in p["BSM"] or ""])),
        ("BZ,BSM", lambda p: (p["BZ"] is None, p["BZ"] or "", p["BSM"] is None, p["BSM"] or "")),
        ("TBMJ,-TBBH", lambda p: (p["TBMJ"], [-ord(c) for c in p["TBBH"]] + [1])),
    ],
)
def test_every_feature_once_in_order(ask: Ask, sortby: str, key: Callable[[dict[str, Any]], Any]) -> None:
    """Pages of 90 hold all 401 features once, in the order asked for, records without a value last."""
    found = every_page(ask, sortby=sortby, limit=90)
    assert len({one["id"] for one in found}) == len(found) == 401
    properties = [one["properties"] for one in found]
    assert [key(p) for p in properties] == sorted(key(p) for p in properties)


def test_sorting_goes_with_filters_and_the_past(ask: Ask) -> None:
    """A past belief reads two branches; the order holds over both, and the filter in each."""
    query = {"sortby": "-TBBH", "filter": "TBBH LIKE '1%'", "known_at": "2026-03-01T00:00:00Z", "limit": 50}
    numbers = [one["properties"]["TBBH"] for one in every_page(ask, **query)]
    assert numbers == sorted(numbers, reverse=True) and numbers.count("1") == 2 and len(numbers) == 112


@pytest.mark.parametrize(
    "query",
    [
        {"sortby": "NOPE"},
        {"sortby": "BSM,-BSM"},
        {"sortby": "BSM,TBBH,DLBM,TBMJ"},
        {"sortby": "TBMJ", "after": "12~x"},
        {"sortby": "TBMJ", "after": "s.WyJhYmMiLDVd"},  # ["abc",5]: no number
        {"sortby": "TBMJ", "after": "s.!!"},
        {"sortby": "TBMJ,BSM", "after": "s.WyIxIiw1XQ"},
        {"skipGeometry": "yes"},
    ],
)
def test_bad_orders_are_refused(ask: Ask, query: dict[str, str]) -> None:
    """A forged or foreign ``after`` is a 400, never an error of the database."""
    answer = ask(ITEMS, **query)
    assert answer.status_code == 400 and json.loads(answer.content)["code"] == "maps-bad-parameter"


def test_geometry_may_be_left_out(ask: Ask) -> None:
    """``skipGeometry=true`` answers with null geometries, in pages and for one feature."""
    page = body(ask(ITEMS, skipGeometry="true", properties="DLBM", limit=3))
    assert [one["geometry"] for one in page["features"]] == [None] * 3
    assert body(ask(f"{ITEMS}/{page['features'][0]['id']}", skipGeometry="true"))["geometry"] is None


def test_documents_name_what_may_be_asked(ask: Ask) -> None:
    """Queryables with validity and geometry, sortables without them, the schema with codes and roles (Parts 3 and 5)."""
    queryables = body(ask(f"{COLLECTION}/queryables"))["properties"]
    assert queryables["geom"]["x-ogc-role"] == "primary-geometry"
    assert queryables["valid_from"]["format"] == "date" and "DLBM" in queryables
    sortables = body(ask(f"{COLLECTION}/sortables"))["properties"]
    assert "TBMJ" in sortables and "geom" not in sortables and "valid_from" not in sortables
    schema = body(ask(f"{COLLECTION}/schema"))
    assert schema["properties"]["BSM"]["x-ogc-role"] == "id"
    assert schema["properties"]["DLBM"]["x-ogc-codelist"] and schema["properties"]["valid_from"]["readOnly"] is True
    assert ask(f"{COLLECTION}/schema", who="stranger").status_code == 404
