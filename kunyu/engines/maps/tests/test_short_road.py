"""How many requests for known tiles reach the application at all; bounds of what is remembered. R-172."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kunyu.engines.maps.tests.county import PARCELS, County

TILE = f"/ogc/collections/{PARCELS}/tiles/WebMercatorQuad/14/6516/13335"


@pytest.fixture
def road(county: County, db: None, django_capture_on_commit_callbacks: Any) -> Iterator[Any]:
    """Asks over WSGI; ``road.reached`` counts what the application was asked."""
    from django.core.handlers.wsgi import WSGIHandler
    from django.core.signals import request_finished, request_started
    from django.db import close_old_connections
    from django.test import RequestFactory

    from kunyu.engines.maps.short_road import ShortRoad

    handler = WSGIHandler()

    class Road:
        reached = 0

        def __init__(self) -> None:
            self.short = ShortRoad(self.application, 1)

        def application(self, environ: dict[str, Any], start: Any) -> Any:
            self.reached += 1
            return handler(environ, start)

        def ask(self, path: str, token: str, query: str = "", **more: str) -> tuple[str, bytes]:
            environ = RequestFactory().get(f"{path}?{query}" if query else path).environ
            environ |= {"HTTP_AUTHORIZATION": f"Bearer {token}", **more}
            return self.answer(self.short, environ)

        def answer(self, application: Any, environ: dict[str, Any]) -> tuple[str, bytes]:
            said: list[Any] = []
            with django_capture_on_commit_callbacks(execute=True):  # a read counts as recorded once it is committed
                answer = application(environ, lambda status, headers, *_: said.extend((status, dict(headers))))
                self.said, self.headers = (said[0], said[1].get("ETag", "")), said[1]
                return said[0], b"".join(answer)

    # a real server closes connections between requests; a test's lie in its transaction
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield Road()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def test_the_second_time_the_application_is_not_asked(road: Any, county: County) -> None:
    first = road.ask(TILE, county.steward)
    assert first[0].startswith("200") and [road.ask(TILE, county.steward) for _ in range(5)] == [first] * 5
    assert road.reached == 1


@pytest.mark.parametrize("query", ["filter=DLBM%3D%270101%27", "known_at=2026-03-01T00:00:00Z"])
def test_what_takes_the_long_road_every_time(road: Any, county: County, query: str) -> None:
    """Filters and past beliefs are not remembered; neither is anything that is no tile."""
    for _ in range(3):
        assert road.ask(TILE, county.steward, query)[0][:3] in ("200", "204")
    assert road.reached == 3
    for _ in range(2):
        road.ask(f"/ogc/collections/{PARCELS}", county.steward)
    assert road.reached == 5


def test_not_modified_is_remembered_and_nothing_else_is_said_by_it(road: Any, county: County) -> None:
    """A client that comes with its ETag after a restart: 304 by the application once, then ahead of it."""
    from kunyu.engines.maps.short_road import ShortRoad

    road.ask(TILE, county.steward)
    tag, road.reached, road.short = road.said[1], 0, ShortRoad(road.application, 1)
    for _ in range(4):
        assert road.ask(TILE, county.steward, HTTP_IF_NONE_MATCH=tag) == ("304 Not Modified", b"")
    assert road.reached == 1
    assert road.ask(TILE, county.steward)[0].startswith("200") and road.reached == 2
    assert road.ask(TILE, county.steward, HTTP_IF_NONE_MATCH='"other"')[1] and road.reached == 2


def beside(number: int) -> str:
    """A tile near the county's, at a zoom where many are empty."""
    return f"/ogc/collections/{PARCELS}/tiles/WebMercatorQuad/15/{13032 + number // 4}/{26670 + number % 4}"


def test_other_tiles_of_a_known_layer_are_the_same_without_the_application(road: Any, county: County) -> None:
    """Bytes, status and every header; drawn ahead of the application, empty tiles too, and 304 without drawing."""
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import RequestFactory

    road.ask(beside(0), county.steward)
    road.reached = 0
    empty = 0
    for number in range(1, 16):
        environ = RequestFactory().get(beside(number)).environ | {"HTTP_AUTHORIZATION": f"Bearer {county.steward}"}
        expected = road.answer(WSGIHandler(), environ)
        headers = road.headers
        assert road.ask(beside(number), county.steward) == expected
        assert road.headers == headers
        empty += expected[0].startswith("204")
        tag = headers["ETag"]
        assert road.ask(beside(number), county.steward, HTTP_IF_NONE_MATCH=tag) == ("304 Not Modified", b"")
    assert road.reached == 0 and 0 < empty < 15


def test_a_new_tile_not_changed_for_its_caller_is_not_drawn(
    road: Any, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kunyu.engines.maps import tiles

    road.ask(beside(1), county.steward)
    tag = road.said[1]
    road.short._memory.found.clear()
    monkeypatch.setattr(tiles, "draw", None)
    assert road.ask(beside(1), county.steward, HTTP_IF_NONE_MATCH=tag) == ("304 Not Modified", b"")
    assert road.reached == 1


def test_a_tile_that_is_none_and_one_that_fails_are_told_by_the_application(
    road: Any, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same problem as without the short road, and what failed is not drawn a second time."""
    from kunyu.engines.catalogue.served.errors import TooSlow
    from kunyu.engines.maps import tiles

    road.ask(beside(1), county.steward)
    for wrong in ("15/99999999/1", "99/1/1", "15/-1/1", "15/1/x"):
        status, body = road.ask(f"/ogc/collections/{PARCELS}/tiles/WebMercatorQuad/{wrong}", county.steward)
        assert status.startswith("404") and body, wrong
    drawn = []

    def slow(*_: Any, **__: Any) -> Any:
        drawn.append(1)
        raise TooSlow("太慢。", "Too slow.", limit_seconds=1)

    monkeypatch.setattr(tiles, "draw", slow)
    status, body = road.ask(beside(2), county.steward)
    assert status.startswith("503") and "太慢".encode() in body and drawn == [1]


def test_a_read_that_is_not_on_record_goes_by_the_application(
    road: Any, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kunyu.engines.security.audit import reads

    road.ask(beside(1), county.steward)
    monkeypatch.setattr(reads, "is_recorded", lambda *_: False)
    labelled = next(iter(road.short._routes.values())).plan.label.code
    road.ask(beside(2), county.steward)
    assert road.reached == (2 if labelled else 1)
    assert labelled, "the parcels of this county bear a label"


def test_another_address_or_caller_is_another_question(road: Any, county: County) -> None:
    road.ask(TILE, county.steward)
    road.ask(TILE, county.steward, REMOTE_ADDR="192.0.2.7")
    road.ask(TILE, county.neighbour)
    assert road.reached == 3
    assert road.ask(TILE, county.onlooker)[0].startswith("403")


def test_an_old_answer_is_asked_for_anew(road: Any, county: County, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends by the clock alone (an expiring grant, midnight) is found out within half a minute."""
    from kunyu.engines.maps import short_road

    monkeypatch.setattr(short_road, "KEPT_SECONDS", -1.0)
    for _ in range(2):
        road.ask(TILE, county.steward)
    assert road.reached == 2


def test_memory_is_bounded() -> None:
    from kunyu.engines.maps.short_road import _Known, _Memory

    memory = _Memory(1000)

    def known(size: int) -> Any:
        return _Known(None, "", None, "200 OK", (), b"x" * size)  # type: ignore[arg-type]

    for number in range(20):
        memory.put((str(number),), known(300))
    assert memory.used <= 1000 and memory.get(("19",)) is not None and memory.get(("0",)) is None
    memory.drop(("19",))
    memory.drop(("19",))
    assert memory.used == 600
