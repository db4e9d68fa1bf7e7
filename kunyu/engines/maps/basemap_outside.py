"""A base map of another house, such as 天地图, fetched by the node and never by the browser. 外部底图适配.

Off unless a node's owner names one. The address is the owner's; a request brings three checked numbers and nothing else.
Redirects are refused, one request at a time goes out, time and size are bounded, and a server that failed is left alone
for a while, so that a hanging one costs a tile and not the node. The key stands in no answer, message or log.
"""

from __future__ import annotations

import http.client
import os
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit

from django.conf import settings

from kunyu.engines.maps.errors import NoSuchTile, OutsideMapFailed
from kunyu.engines.maps.grids import WEB_MERCATOR_QUAD
from kunyu.kernel.digests import sm3_hex

_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}
_PIECE = 1 << 16
_OK, _NO_TILE = 200, (204, 404)


@dataclass(frozen=True)
class OutsideMap:
    """The map of another house, as the node's owner set it.

    ``template`` holds ``{z}``, ``{y}``, ``{x}`` and perhaps ``{key}``; levels are WebMercatorQuad's plus ``zoom_offset``.
    ``approval`` is its map approval number (审图号), shown beside the map.
    """

    template: str
    key: str = ""
    title_zh: str = "外部底图"
    title_en: str = "Outside base map"
    attribution: str = ""
    approval: str = ""
    zoom_offset: int = 0
    max_zoom: int = 18
    seconds: float = 8.0
    most_bytes: int = 2_000_000
    cache_mb: int = 500
    cache_days: int = 30
    pause_seconds: float = 30.0

    @property
    def digest(self) -> str:
        """Names the map without its key."""
        return sm3_hex(f"{self.template}|{self.zoom_offset}".encode())[:20]


@dataclass(frozen=True)
class OutsideTile:
    """Bytes of a picture and what they are."""

    data: bytes
    media_type: str


@lru_cache(maxsize=1)
def outside_map() -> OutsideMap | None:
    """The outside map of this node; None (the default) without ``KUNYU_BASEMAP_WMTS_URL``."""
    read = {name: os.environ.get(f"KUNYU_BASEMAP_WMTS_{name}", "") for name in
            ("URL", "KEY", "TITLE", "TITLE_EN", "ATTRIBUTION", "APPROVAL", "ZOOM_OFFSET", "MAX_ZOOM", "SECONDS", "CACHE_MB")}  # fmt: skip
    if not read["URL"]:
        return None
    return OutsideMap(
        template=read["URL"],
        key=read["KEY"] or settings.SECRETS.get("basemap_wmts_key", ""),
        title_zh=read["TITLE"] or OutsideMap.title_zh,
        title_en=read["TITLE_EN"] or OutsideMap.title_en,
        attribution=read["ATTRIBUTION"],
        approval=read["APPROVAL"],
        zoom_offset=int(read["ZOOM_OFFSET"] or 0),
        max_zoom=int(read["MAX_ZOOM"] or 18),
        seconds=float(read["SECONDS"] or OutsideMap.seconds),
        cache_mb=int(read["CACHE_MB"] or OutsideMap.cache_mb),
    )


class Adapter:
    """Fetches and keeps the tiles of one outside map."""

    def __init__(self, outside: OutsideMap, folder: Path) -> None:
        self.outside = outside
        self._folder = folder / outside.digest
        self._one_at_a_time = threading.Semaphore(1)
        self._rest_until = 0.0
        self._written = 0

    def tile(self, zoom: int, row: int, column: int) -> OutsideTile | None:
        """One tile of WebMercatorQuad, from the disk or from outside; None where the other house has none.

        Raises
        ------
        NoSuchTile
            Outside the matrix set or deeper than the map goes.
        OutsideMapFailed
            It does not answer, too slowly, too much, or with something that is no picture.
        """
        WEB_MERCATOR_QUAD.require(zoom, row, column)
        if zoom > self.outside.max_zoom:
            raise NoSuchTile(
                f"外部底图只到 {self.outside.max_zoom} 级。", f"The outside map ends at level {self.outside.max_zoom}."
            )
        place = self._folder / str(zoom) / str(row) / str(column)
        kept = self._kept(place)
        if kept is None:
            kept = self._fetched(zoom, row, column)
            self._keep(place, kept)
        return OutsideTile(kept, _media_type(kept)) if kept else None

    def _kept(self, place: Path) -> bytes | None:
        try:
            if time.time() - place.stat().st_mtime > self.outside.cache_days * 86_400:
                return None
            return place.read_bytes()
        except OSError:
            return None

    def _keep(self, place: Path, data: bytes) -> None:
        """Write a tile where no reader sees half of it; make room when the cache has grown by a tenth."""
        with suppress(OSError):  # a full disk costs the cache, not the tile
            place.parent.mkdir(parents=True, exist_ok=True)
            part = place.with_name(f"{place.name}.{os.getpid()}.{threading.get_ident()}")
            part.write_bytes(data)
            part.replace(place)
            self._written += max(len(data), 4096)
            if self._written > self.outside.cache_mb * 100_000:
                self._written = 0
                self._sweep()

    def _sweep(self) -> None:
        """Remove the oldest tiles until four fifths of the room are used."""
        files = [
            (one.stat().st_mtime, max(one.stat().st_size, 4096), one)
            for one in self._folder.rglob("*")
            if one.is_file()
        ]
        used, room = sum(size for _, size, _ in files), self.outside.cache_mb * 1_000_000
        for _, size, one in sorted(files, key=lambda known: known[0]):
            if used <= room * 0.8:
                return
            one.unlink(missing_ok=True)
            used -= size

    def _fetched(self, zoom: int, row: int, column: int) -> bytes:
        if time.monotonic() < self._rest_until:
            raise _failed("刚才没有应答，稍后再试", "it failed a moment ago and is left alone for a while")
        if not self._one_at_a_time.acquire(timeout=self.outside.seconds / 2):
            raise _failed("正在等待另一请求", "another request is waiting for it")
        try:
            return self._asked(zoom, row, column)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._rest_until = time.monotonic() + self.outside.pause_seconds
            raise _failed("没有应答或应答无效", "it did not answer or answered with something else") from error
        except OutsideMapFailed:
            self._rest_until = time.monotonic() + self.outside.pause_seconds
            raise
        finally:
            self._one_at_a_time.release()

    def _asked(self, zoom: int, row: int, column: int) -> bytes:
        outside, until = self.outside, time.monotonic() + self.outside.seconds
        address = urlsplit(outside.template)
        numbers = {
            "{z}": str(zoom + outside.zoom_offset),
            "{y}": str(row),
            "{x}": str(column),
            "{key}": quote(outside.key, safe=""),
        }
        target = f"{address.path or '/'}?{address.query}" if address.query else address.path or "/"
        for name, value in numbers.items():
            target = target.replace(name, value)
        connection = _connection(address, outside.seconds)
        try:
            connection.request("GET", target, headers={"User-Agent": "Kunyu", "Accept": "image/*"})
            answer = connection.getresponse()
            if answer.status in _NO_TILE:
                return b""
            if answer.status != _OK:
                raise _failed(f"应答状态 {answer.status}", f"it answered with status {answer.status}")
            data = bytearray()
            # a server that sends a byte now and then keeps the socket alive: the clock counts, not the silence
            while piece := answer.read1(_PIECE):
                data += piece
                if len(data) > outside.most_bytes:
                    raise _failed("瓦片过大", "its tile is too large")
                if time.monotonic() > until:
                    raise _failed("应答太慢", "it is too slow")
        finally:
            connection.close()
        if not _media_type(bytes(data)):
            raise _failed("应答不是图片", "its answer is no picture")
        return bytes(data)


def _connection(address: SplitResult, seconds: float) -> http.client.HTTPConnection:
    if address.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(str(address.hostname), address.port, timeout=seconds, context=context)
    if address.scheme == "http":
        return http.client.HTTPConnection(str(address.hostname), address.port, timeout=seconds)
    raise ValueError(address.scheme)


def _media_type(data: bytes) -> str:
    return next((kind for start, kind in _SIGNATURES.items() if data.startswith(start)), "")


def _failed(zh: str, en: str) -> OutsideMapFailed:
    return OutsideMapFailed(f"外部底图暂不可用：{zh}。", f"The outside base map is not available: {en}.")


@lru_cache(maxsize=1)
def adapter() -> Adapter | None:
    """The adapter of this process; None when no outside map is set."""
    outside = outside_map()
    return Adapter(outside, Path(settings.KUNYU_HOME) / "cache" / "basemap") if outside else None
