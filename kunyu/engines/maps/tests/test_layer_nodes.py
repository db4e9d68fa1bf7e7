"""The light layer tree, its search, favourites and recently used layers: what may not be seen is nowhere in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.test import Client

from kunyu.engines.maps.tests.county import PARCELS, County

Ask = Callable[..., Any]


def send(county: County, method: str, path: str, collections: list[str], who: str = "steward") -> Any:
    headers = {"Authorization": f"Bearer {getattr(county, who)}", "Accept": "application/json"}
    call = getattr(Client(headers=headers), method)
    return call(path, json.dumps({"collections": collections}), content_type="application/json")


def test_tree_opens_level_by_level_down_to_the_layer(ask: Ask) -> None:
    """R-092: type, category, item, dataset, layer, each asked when it is opened, with the number of layers under it."""
    root = ask("/api/map/tree").json()
    assert [(one["id"], one["kind"]) for one in root["nodes"]] == [("1", "item")] and root["start"] == PARCELS
    assert [one["id"] for one in ask("/api/map/tree", parent="1").json()["nodes"]] == ["104"]
    assert "10401" in [one["id"] for one in ask("/api/map/tree", parent="104").json()["nodes"]]
    nodes = ask("/api/map/tree", parent="10401").json()["nodes"]
    parcels = next(one for one in nodes if one["id"] == PARCELS)
    assert parcels["kind"] == "layer" and parcels["code"] == "DLTB" and parcels["geometry"] == "Polygon"
    assert sum(one["count"] for one in nodes) == next(
        one["count"] for one in ask("/api/map/tree", parent="104").json()["nodes"] if one["id"] == "10401"
    )


def test_tree_agrees_with_the_whole_registry(ask: Ask) -> None:
    """Every layer of /layers is reached through the tree, and nothing else is."""

    def whole(branches: list[dict[str, Any]]) -> set[str]:
        return {x["collection"] for one in branches for x in one["layers"]} | set().union(
            *(whole(one["children"]) for one in branches)
        )

    def below(parent: str) -> set[str]:
        nodes = ask("/api/map/tree", parent=parent).json()["nodes"]
        return set().union(*({one["id"]} if one["kind"] == "layer" else below(one["id"]) for one in nodes))

    listed = whole(ask("/api/map/layers").json())
    assert listed and below("") == listed


def test_nobody_sees_a_branch_of_others(ask: Ask) -> None:
    """R-092: no rights, no rows; a branch without anything for the caller does not exist for him."""
    assert ask("/api/map/tree", who="stranger").json() == {"nodes": [], "total": 0, "start": None}
    assert ask("/api/map/tree", who="stranger", q="DLTB").json()["nodes"] == []
    answer = ask("/api/map/tree", who="stranger", parent="10401")
    assert answer.status_code == 404 and answer.json()["code"] == "maps-no-such-branch"
    assert ask("/api/map/tree", parent="nonsense").status_code == 404
    assert ask("/api/map/tree", parent="1%").status_code == 404
    assert ask("/api/map/tree", who=None).status_code == 401


def test_empty_items_are_listed_when_asked_for(ask: Ask) -> None:
    """R-092: the catalogue's items that nobody delivered to yet, on request."""
    with_data = ask("/api/map/tree").json()["nodes"]
    everything = ask("/api/map/tree", empty="true").json()["nodes"]
    assert len(everything) > len(with_data)
    assert {one["id"] for one in everything if one["count"]} == {one["id"] for one in with_data}


def test_search_reads_names_and_codes_and_ranks_the_exact_one_first(ask: Ask) -> None:
    """R-091: Chinese names, English names, table and catalogue codes; several words must all stand."""
    for words in ("DLTB", "地类图斑", "dltb 图斑", PARCELS):
        found = ask("/api/map/tree", q=words).json()
        assert found["nodes"][0]["id"] == PARCELS, words
        assert found["total"] == len(found["nodes"])
    assert ask("/api/map/tree", q="DLTB").json()["nodes"][0]["path_zh"].count(" / ") == 2
    assert ask("/api/map/tree", q="没有这样的图层").json() == {"nodes": [], "total": 0, "start": None}
    assert ask("/api/map/tree", q="'; DROP TABLE x; --").json()["nodes"] == []


def test_one_layer_is_the_entry_of_the_registry(ask: Ask) -> None:
    """A layer is fetched alone, as the registry lists it; one that may not be seen is 404."""
    entry = ask(f"/api/map/layers/{PARCELS}").json()
    assert entry["collection"] == PARCELS and entry["tile_type"] == "vector" and len(entry["legend"]) > 8
    assert ask(f"/api/map/layers/{PARCELS}", who="stranger").status_code == 404
    assert ask("/api/map/layers/99999-999").status_code == 404


def test_favourites_and_recent_layers_belong_to_a_person(ask: Ask, county: County) -> None:
    """R-091: kept on the node in the person's order; nobody marks what he may not see, and nothing is written then."""
    other = next(one["id"] for one in ask("/api/map/tree", q="行政区").json()["nodes"] if one["id"] != PARCELS)
    answer = send(county, "put", "/api/map/favourites", [other, PARCELS, other])
    assert [one["id"] for one in answer.json()] == [other, PARCELS]
    assert [one["id"] for one in ask("/api/map/favourites").json()] == [other, PARCELS]
    assert ask("/api/map/favourites", who="stranger").json() == []
    refused = send(county, "put", "/api/map/favourites", ["99999-999"])
    assert refused.status_code == 404 and len(ask("/api/map/favourites").json()) == 2
    assert send(county, "put", "/api/map/favourites", [PARCELS], who="stranger").status_code == 404
    assert [one["id"] for one in send(county, "put", "/api/map/favourites", [PARCELS]).json()] == [PARCELS]
    assert send(county, "put", "/api/map/favourites", [str(n) for n in range(201)]).status_code == 400

    send(county, "post", "/api/map/recent", [PARCELS])
    send(county, "post", "/api/map/recent", [other])
    assert [one["id"] for one in ask("/api/map/recent").json()] == [other, PARCELS]
    assert [one["id"] for one in send(county, "post", "/api/map/recent", [PARCELS]).json()] == [PARCELS, other]
    assert ask("/api/map/recent", who="stranger").json() == []
