"""Addresses that mean nothing get 4xx with a sentence, and the node goes on (R-091; docs/reference/bad-input.md)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Ask = Callable[..., Any]
TILES = "/ogc/collections/10401-003/tiles/WebMercatorQuad"
ITEMS = "/ogc/collections/10401-003/items"


def refused(answer: Any, *statuses: int) -> None:
    """A problem document in both languages with one of ``statuses``."""
    assert answer.status_code in statuses, (answer.status_code, answer.content[:300])
    assert answer["Content-Type"] == "application/problem+json"
    said = json.loads(answer.content)
    assert said["status"] == answer.status_code
    assert said["detail_zh"]
    assert said["detail_en"]


@pytest.mark.parametrize(
    "place",
    [
        "14/99999/0", "14/0/99999", "99/0/0", "0/1/0", "14/-1/0", "14/a/0", "14/1.5/0", "14/1e3/0", "14/0/0/0",
        "9" * 400 + "/0/0", "14/" + "9" * 4000 + "/0", "14/%31/%00", "14/6515/13335.png", "NaN/NaN/NaN",
    ],
)  # fmt: skip
def test_wrong_tile_addresses(ask: Ask, place: str) -> None:
    refused(ask(f"{TILES}/{place}"), 400, 404)


@pytest.mark.parametrize("grid", ["WorldCRS84Quad", "webmercatorquad", "..", "%2e%2e", "W" * 5000])
def test_unknown_matrix_sets(ask: Ask, grid: str) -> None:
    refused(ask(f"/ogc/collections/10401-003/tiles/{grid}/14/6515/13335"), 400, 404)


@pytest.mark.parametrize(
    "bbox",
    [
        "NaN,NaN,NaN,NaN", "nan,34,114,35", "inf,34,114,35", "-inf,-inf,inf,inf", "1e309,1,2,3", "113,34,114", "113,34,114,35,36",
        "", ",,,", "a,b,c,d", "113;34;114;35", "0x71,34,114,35", "113,35,114,34", "1,2,3,4,5,6,7", "113,34,114,35\x00",
        ",".join(["1"] * 200_000), "1" * 1_000_000,
    ],
)  # fmt: skip
def test_boxes_that_are_none(ask: Ask, bbox: str) -> None:
    refused(ask(ITEMS, bbox=bbox), 400, 414)


@pytest.mark.parametrize(
    "bbox", ["-1e308,-1e308,1e308,1e308", "1e308,1e308,1e308,1e308", "500,500,600,600", "170,-10,-170,10"]
)
def test_boxes_far_away_are_answered_or_refused(ask: Ask, bbox: str) -> None:
    """Numbers that are finite: nothing lies there, or the box is refused; a box over the antimeridian is two boxes."""
    answer = ask(ITEMS, bbox=bbox)
    if answer.status_code != 200:
        refused(answer, 400)
        return
    content = b"".join(answer) if answer.streaming else answer.content
    page = json.loads(content)
    assert page["numberMatched"] >= len(page["features"])
    if bbox == "170,-10,-170,10":
        assert page["features"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"}, {"limit": "-1"}, {"limit": "1e3"}, {"limit": "９"}, {"limit": "1" * 5000}, {"after": "x"},
        {"after": "1~" + "9" * 100_000}, {"crs": "EPSG:999999"}, {"properties": "NOPE"}, {"f": "exe"}, {"nope": "1"},
        {"datetime": "yesterday"}, {"valid_at": "2025-02-30"}, {"known_at": "1"}, {"bbox-crs": "x", "bbox": "1,2,3,4"},
    ],
)  # fmt: skip
def test_unreadable_parameters(ask: Ask, query: dict[str, str]) -> None:
    answer = ask(ITEMS, **query)
    if answer.status_code == 200 and set(query) & {"limit", "after"}:
        return  # OGC: a limit above the most means the most; a key beyond the last begins an empty page
    refused(answer, 400, 406)


def test_the_page_and_its_count_agree_with_reading_them_apart(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """One statement or two, edge or inside: the same features and the same number, for every box of a grid of boxes."""
    from kunyu.engines.maps import features

    boxes = [
        f"{west},{south},{west + side},{south + side}"
        for side in (1e-7, 0.002, 0.00731, 0.05)
        for west in (112.9999999, 113.0, 113.0100001, 113.0399)
        for south in (34.4999999, 34.5, 34.5133)
    ]
    together = [ask(ITEMS, bbox=box, limit="7") for box in boxes]
    monkeypatch.setattr(features, "_read_together", lambda *a, **k: None)
    monkeypatch.setattr("kunyu.engines.catalogue.served.queries._sure_inside", lambda area: None)
    apart = [ask(ITEMS, bbox=box, limit="7") for box in boxes]

    assert [one.content for one in together] == [one.content for one in apart]
    counts = [json.loads(one.content)["numberMatched"] for one in together]
    assert max(counts) > 7, "some boxes hold more than a page"
    assert len(set(counts)) > 4
