"""Tiles are drawn once and never given to somebody else, after a change, or damaged (R-091, R-130, contract.md "ETag")."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kunyu.engines.maps import tiles
from kunyu.engines.maps.tile_cache import Kept, TileCache
from kunyu.engines.security.labels import ORDINARY, SECRET, Label

Ask = Callable[..., Any]
TILE = "/ogc/collections/10401-003/tiles/WebMercatorQuad/14/6515/13335"


def tag(number: int) -> str:
    return f'"{number:040x}"'


@pytest.fixture
def cache(tmp_path: Path) -> TileCache:
    return TileCache(tmp_path / "tiles", 1 << 20, 1 << 20)


def fresh(cache: TileCache) -> TileCache:
    """Another worker over the same files, with nothing in memory."""
    return TileCache(cache.folder, cache.memory_bytes, cache.disk_bytes)


def test_a_tile_and_its_headers_come_back_in_every_worker(cache: TileCache) -> None:
    kept = Kept(b"tile\n\x00bytes", {"Kunyu-Generalised": "smaller-than-pixel"})

    cache.put(tag(1), kept, ORDINARY)

    assert cache.get(tag(1)) == kept
    assert fresh(cache).get(tag(1)) == kept
    assert fresh(cache).get(tag(2)) is None


def test_an_empty_tile_is_kept_too(cache: TileCache) -> None:
    cache.put(tag(1), Kept(b""), ORDINARY)

    assert fresh(cache).get(tag(1)) == Kept(b"", {})


@pytest.mark.parametrize(
    "spoil", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b"", lambda b: b"{}\n", lambda b: b[::-1]]
)
def test_a_damaged_file_is_no_tile(cache: TileCache, spoil: Callable[[Any], bytes]) -> None:
    cache.put(tag(1), Kept(b"a tile"), ORDINARY)
    (path,) = cache.folder.glob("??/*")
    path.write_bytes(spoil(path.read_bytes()))

    assert fresh(cache).get(tag(1)) is None


def test_files_stay_within_their_room_and_the_newest_remain(cache: TileCache) -> None:
    for number in range(60):
        cache.put(tag(number), Kept(os.urandom(50_000)), ORDINARY)
        os.utime(cache._path(f"{number:040x}"), (number, number))

    assert sum(path.stat().st_size for path in cache.folder.glob("??/*")) <= cache.disk_bytes
    assert fresh(cache).get(tag(59)) is not None
    assert fresh(cache).get(tag(0)) is None


def test_memory_stays_within_its_room(tmp_path: Path) -> None:
    cache = TileCache(tmp_path, 100_000, 0)
    for number in range(50):
        cache.put(tag(number), Kept(b"x" * 20_000), ORDINARY)

    assert cache._used <= 100_000
    assert cache.get(tag(49)) is not None
    assert cache.get(tag(0)) is None
    assert not list(tmp_path.glob("**/*")), "0 MiB of files keeps no file"


def test_secret_data_are_kept_in_no_file(cache: TileCache) -> None:
    cache.put(tag(1), Kept(b"a tile"), Label(SECRET, 0, 0))

    assert cache.get(tag(1)) is not None
    assert fresh(cache).get(tag(1)) is None


def test_only_an_etag_names_a_file(cache: TileCache) -> None:
    for name in ('"../../etc/passwd"', "plain", '""', '"' + "g" * 40 + '"'):
        with pytest.raises(ValueError, match="no ETag"):
            cache.get(name)


def _write_for_ever(folder: Path) -> None:
    cache, number = TileCache(folder, 0, 1 << 24), 0
    while True:
        cache.put(tag(number % 40), Kept(bytes([number % 40]) * 30_000), ORDINARY)
        number += 1


def test_killed_writers_leave_whole_tiles_or_none(tmp_path: Path) -> None:
    cache = TileCache(tmp_path, 0, 1 << 24)
    for _ in range(3):
        writers = [
            multiprocessing.get_context("fork").Process(target=_write_for_ever, args=(tmp_path,)) for _ in range(2)
        ]
        for writer in writers:
            writer.start()
        deadline = time.monotonic() + 60
        while not any(cache.get(tag(number)) for number in range(40)) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(random.random() / 3)  # killed at any moment
        for writer in writers:
            assert writer.pid is not None
            os.kill(writer.pid, signal.SIGKILL)
            writer.join()
        found = [cache.get(tag(number)) for number in range(40)]
        assert any(found)
        assert all(one is None or one.data == bytes([number]) * 30_000 for number, one in enumerate(found))


def test_a_tile_is_drawn_once_for_each_right_and_recorded_each_time(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, nothing_drawn_before: TileCache
) -> None:
    """The cache stands behind who asks, what is granted and the record of the read."""
    from kunyu.engines.maps import tile_views

    drawn, recorded = [], []
    draw, record = tiles.draw, tile_views.record_read
    monkeypatch.setattr(tile_views.tiles, "draw", lambda *a, **k: drawn.append(1) or draw(*a, **k))
    monkeypatch.setattr(tile_views, "record_read", lambda *a: recorded.append(a[0].name) or record(*a))

    first, second = ask(TILE), ask(TILE)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert len(first.content) > 100
    assert (len(drawn), recorded) == (1, ["t-steward", "t-steward"])
    assert second["ETag"] == first["ETag"]

    assert ask(TILE, who="neighbour").content != first.content
    assert len(drawn) == 2
    assert ask(TILE, who="stranger").status_code == 404
    assert ask(TILE, who=None).status_code == 401
    assert len(drawn) == 2


def test_a_publish_and_a_parameter_make_another_tile(ask: Ask, nothing_drawn_before: TileCache) -> None:
    now, before = ask(TILE), ask(TILE, valid_at="2025-06-30")
    fewer = ask(TILE, properties="BSM")

    assert len({now["ETag"], before["ETag"], fewer["ETag"]}) == 3
    assert now.content != fewer.content
    assert len(nothing_drawn_before._memory) == 3
