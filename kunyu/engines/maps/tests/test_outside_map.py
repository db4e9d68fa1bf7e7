"""The base map of another house, fetched from a real server that behaves, lies, hangs and drips (R-130)."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from kunyu.engines.maps import basemap_api, basemap_list, basemap_outside
from kunyu.engines.maps.basemap_outside import Adapter, OutsideMap
from kunyu.engines.maps.errors import NoSuchTile, OutsideMapFailed

KEY = "s3cret-key"
Serve = Callable[..., None]


def _picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (256, 256), (20, 90, 160)).save(out, "PNG")
    return out.getvalue()


class House:
    """A WMTS of another house: ``behave`` answers each request, ``asked`` remembers the paths."""

    def __init__(self) -> None:
        house, self.asked = self, []  # type: ignore[var-annotated]
        self.behave: Callable[[BaseHTTPRequestHandler], None] = lambda handler: house.send(handler, 200, _picture())

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                house.asked.append(self.path)
                house.behave(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def template(self) -> str:
        return (
            f"http://127.0.0.1:{self.server.server_port}/wmts?TILEMATRIX={{z}}&TILEROW={{y}}&TILECOL={{x}}&tk={{key}}"
        )

    @staticmethod
    def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.server.shutdown()
    made.server.server_close()


def adapter(house: House, folder: Path, **limits: Any) -> Adapter:
    values = {"seconds": 30.0, "pause_seconds": 3600.0, **limits}
    return Adapter(OutsideMap(house.template, KEY, approval="GS(2024)0650号", **values), folder)


def test_fetched_once_then_from_the_disk(house: House, tmp_path: Path) -> None:
    """Level, row, column and key are put into the address; the second request asks nobody, not even a new process."""
    found = adapter(house, tmp_path, zoom_offset=1).tile(3, 2, 5)
    assert found and found.media_type == "image/png" and found.data == _picture()
    assert house.asked == [f"/wmts?TILEMATRIX=4&TILEROW=2&TILECOL=5&tk={KEY}"]
    assert adapter(house, tmp_path, zoom_offset=1).tile(3, 2, 5) == found and len(house.asked) == 1


def test_nothing_there(house: House, tmp_path: Path) -> None:
    """204 and 404 mean no tile; that is remembered too. Levels it has not, and tiles that are none, are refused."""
    house.behave = lambda handler: house.send(handler, 404, b"")
    outside = adapter(house, tmp_path, max_zoom=10)
    assert outside.tile(3, 2, 5) is None and outside.tile(3, 2, 5) is None and len(house.asked) == 1
    for zoom, row, column in ((11, 0, 0), (3, 8, 0), (-1, 0, 0)):
        with pytest.raises(NoSuchTile):
            outside.tile(zoom, row, column)


@pytest.mark.parametrize("lie", ["html", "redirect", "error", "large", "drip", "hang"])
def test_one_that_lies_or_hangs(house: House, tmp_path: Path, lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded in time and size, no redirect followed, the key in no message, and then left alone for a while."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        match lie:
            case "html":
                house.send(handler, 200, b"<html>login</html>")
            case "redirect":
                house.send(handler, 302, b"", Location=f"{house.template}&again=1")
            case "error":
                house.send(handler, 500, b"")
            case "large":
                house.send(handler, 200, _picture() + bytes(300_000))
            case "hang":
                time.sleep(10)
            case "drip":
                handler.send_response(200)
                handler.end_headers()
                for _ in range(60):
                    handler.wfile.write(b"\x89")
                    handler.wfile.flush()
                    time.sleep(0.15)

    def quietly(handler: BaseHTTPRequestHandler) -> None:
        try:
            behave(handler)
        except OSError:
            pass  # the node has gone away

    house.behave = quietly
    outside = adapter(house, tmp_path, most_bytes=200_000, seconds=1.0)
    begun = time.monotonic()
    with pytest.raises(OutsideMapFailed) as failed:
        outside.tile(3, 2, 5)
    assert time.monotonic() - begun < 8 and KEY not in str(failed.value)
    with pytest.raises(OutsideMapFailed):
        outside.tile(3, 2, 6)
    assert len(house.asked) == 1
    assert not any(one.is_file() for one in tmp_path.rglob("*"))
    house.behave = lambda handler: house.send(handler, 200, _picture())
    later = time.monotonic() + outside.outside.pause_seconds
    monkeypatch.setattr(basemap_outside, "time", SimpleNamespace(monotonic=lambda: later, time=time.time))
    assert outside.tile(3, 2, 6) is not None


def test_the_cache_has_an_end(house: House, tmp_path: Path) -> None:
    """More tiles than the room: the oldest go."""
    outside = adapter(house, tmp_path, cache_mb=1)
    for column in range(300):
        outside.tile(10, 1, column)
    used = sum(max(one.stat().st_size, 4096) for one in tmp_path.rglob("*") if one.is_file())
    assert used <= 1_100_000 and len(house.asked) == 300


@pytest.mark.django_db
def test_over_http(house: House, tmp_path: Path, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Off by default: not offered, 404. Set: offered with its 审图号, served by the node, the key nowhere."""
    monkeypatch.setattr(basemap_api, "adapter", lambda: None)
    assert ask("/api/map/base/outside/3/2/5").status_code == 404
    assert "outside" not in {one["id"] for one in ask("/api/map/bases").json()}
    outside = adapter(house, tmp_path)
    monkeypatch.setattr(basemap_api, "adapter", lambda: outside)
    monkeypatch.setattr(basemap_list, "outside_map", lambda: outside.outside)
    offered = {one["id"]: one for one in ask("/api/map/bases").json()}
    assert "GS(2024)0650号" in offered["outside"]["notice"] and KEY not in str(offered)
    answer = ask("/api/map/base/outside/3/2/5")
    assert answer["Content-Type"] == "image/png" and answer.content == _picture()


@pytest.mark.django_db
def test_bases_follow_rights(ask: Callable[..., Any]) -> None:
    """Water of the land survey is offered to who may read it; its tiles hold water and nothing else; boundaries to all."""
    import mapbox_vector_tile

    mine = {one["id"]: one for one in ask("/api/map/bases").json()}
    assert set(mine) >= {"divisions", "hydrography"} and "relief" not in mine
    assert "示意" in mine["divisions"]["notice"]
    assert mine["hydrography"]["sources"][0]["collection"] == "10401-003"
    tile = (
        mine["hydrography"]["tiles"]
        .format(z=13, y=3257, x=6667)
        .replace("%20", " ")
        .replace("%27", "'")
        .replace("%2C", ",")
    )
    path, _, given = tile.partition("?filter=")
    for row in (3257, 3258):
        answer = ask(path.replace("/3257/", f"/{row}/"), filter=given)
        assert answer.status_code in (200, 204), answer.content
        if answer.content:
            layer = mapbox_vector_tile.decode(answer.content)["10401-003"]["features"]
            assert {one["properties"]["DLBM"] for one in layer} <= set(basemap_list.WATER_CLASSES)
            break
    else:
        raise AssertionError("no water in any of the tiles")
    assert {one["id"] for one in ask("/api/map/bases", "stranger").json()} == {"divisions"}
