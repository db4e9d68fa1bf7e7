"""OGC API – Records and DCAT over the catalogue. R-130, R-143, R-144."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from jsonschema import Draft202012Validator

from kunyu.engines.maps.tests.county import PARCELS

Ask = Callable[..., Any]
ITEMS = "/ogc/collections/catalogue/items"
# requirement class Record Core of OGC 20-004r1, clause 7: what every record must have
RECORD = {
    "type": "object",
    "required": ["id", "type", "geometry", "properties", "links", "time"],
    "properties": {
        "type": {"const": "Feature"},
        "conformsTo": {"type": "array", "contains": {"pattern": "record-core$"}},
        "time": {"type": ["object", "null"], "required": ["interval"]},
        "properties": {"type": "object", "required": ["type", "title"]},
        "links": {"type": "array", "items": {"type": "object", "required": ["href", "rel"]}},
    },
}


def body(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


def codes(answer: Any) -> list[str]:
    return [one["id"] for one in body(answer)["features"]]


def everything(ask: Ask, who: str, **query: Any) -> list[dict[str, Any]]:
    """All pages of a search."""
    found, after = [], {}
    while True:
        page = body(ask(ITEMS, who=who, limit=90, **query, **after))
        found += page["features"]
        onward = [one for one in page["links"] if one["rel"] == "next"]
        if not onward:
            assert page["numberMatched"] == len(found)
            return found
        after = {"after": page["features"][-1]["id"]}


def test_every_dataset_is_a_record_once(ask: Ask) -> None:
    """Pages hold every visible dataset once, in the order of codes, and each is a valid record."""
    from kunyu.engines.catalogue.models import Dataset

    found = everything(ask, "steward")
    listed = [one["id"] for one in found]
    assert listed == sorted(Dataset.objects.values_list("code", flat=True)) and len(listed) > 150
    checker = Draft202012Validator(RECORD)
    for one in found:
        checker.validate(one)


def test_a_record_says_where_since_when_and_how(ask: Ask) -> None:
    """The parcels: their box and first day, links to features, tiles and style; the same as DCAT."""
    record = body(ask(f"{ITEMS}/{PARCELS}"))
    assert record["geometry"]["type"] == "Polygon" and record["time"]["interval"] == ["2024-12-31", ".."]
    links = {one["rel"]: one["href"] for one in record["links"]}
    assert links["item"].endswith(f"/ogc/collections/{PARCELS}/items")
    assert {"tiles", "stylesheet", "self", "collection"} <= set(links)
    document = body(ask(f"{ITEMS}/{PARCELS}", f="dcat"))
    (dataset,) = document["dcat:dataset"]
    assert dataset["dct:identifier"] == PARCELS and dataset["dct:accessRights"]["@id"].endswith("RESTRICTED")
    assert {one["dcat:mediaType"] for one in dataset["dcat:distribution"]} >= {"application/geo+json"}


def test_words_codes_place_and_time_narrow_the_search(ask: Ask) -> None:
    """R-144: a search answers with the same set as the question put to the database."""
    from kunyu.engines.catalogue.models import Dataset

    named = set(Dataset.objects.filter(name_zh__icontains="图斑").values_list("code", flat=True))
    assert named and named <= {one["id"] for one in everything(ask, "steward", q="图斑")}
    assert codes(ask(ITEMS, ids=f"{PARCELS},none-such")) == [PARCELS]
    assert codes(ask(ITEMS, q="地类图斑 none-such")) == []
    assert codes(ask(ITEMS, type="service")) == []
    here, away = "112.9,34.4,113.1,34.6", "80,30,81,31"
    assert PARCELS in codes(ask(ITEMS, bbox=here, limit=100)) and PARCELS not in codes(ask(ITEMS, bbox=away, limit=100))
    assert PARCELS in codes(ask(ITEMS, datetime="2025-06-01", limit=100))
    assert PARCELS not in codes(ask(ITEMS, datetime="2020-06-01", limit=100))


def test_nobody_learns_of_what_he_may_not_see(ask: Ask) -> None:
    """A stranger finds open data only; a neighbour's record tells of his own county only, so a search by place does too."""
    assert PARCELS not in {one["id"] for one in everything(ask, "stranger")}
    assert ask(f"{ITEMS}/{PARCELS}", who="stranger").status_code == 404
    west = body(ask(f"{ITEMS}/{PARCELS}"))["bbox"][0]
    neighbours = body(ask(f"{ITEMS}/{PARCELS}", who="neighbour"))["bbox"]
    assert neighbours[0] > west + 0.5
    assert PARCELS not in codes(ask(ITEMS, who="neighbour", bbox="112.9,34.4,113.05,34.6", limit=100))


def test_the_landing_page_leads_to_the_catalogue(ask: Ask) -> None:
    """The collection says it holds records; its queryables are what the search takes; bad values are refused by name.

    It does not stand among the collections: clients of features would take it for a layer.
    """
    (address,) = [one["href"] for one in body(ask("/ogc/"))["links"] if one["rel"].endswith("/ogc-catalog")]
    assert address.endswith("/ogc/collections/catalogue")
    found = body(ask("/ogc/collections/catalogue"))
    assert (found["id"], found["itemType"]) == ("catalogue", "record")
    assert set(body(ask("/ogc/collections/catalogue/queryables"))["properties"]) == {
        "q",
        "ids",
        "type",
        "bbox",
        "datetime",
    }
    for query in ({"q": "x" * 300}, {"limit": "0"}, {"bbox": "1,2"}, {"nonsense": "1"}, {"datetime": "soon"}):
        assert ask(ITEMS, **query).status_code == 400, query
    page = ask(ITEMS, headers={"Accept": "text/html"})
    assert page.status_code == 200 and "数据目录".encode() in page.content
