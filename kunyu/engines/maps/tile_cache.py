"""Tiles that were drawn once: in the memory of each web worker, and in files that all of them share. 瓦片缓存.

The key is the tile's ETag: digest of the versions, of everything the caller may see, of the epoch of the labels and of
every parameter (``answers.entity_tag``). A publish, a grant, a label or a change of the zone makes another key, so that
nothing has to be thrown away to be right; what nobody asks for any more leaves when room is needed, oldest first. Who
asks, what he is granted, and the record of the read come before the cache is looked at, every time.

Files are written aside and renamed: a reader sees a whole tile or none, also after kill -9. Each begins with one line
that names the answer's own headers and the digest of the rest, so that a damaged file is no tile. They lie in the state
folder, readable by the node only; nothing serves the folder. Tiles of data labelled 秘密 or stricter are kept in no file.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from django.conf import settings
from django.db import connection

from kunyu.engines.maps.settings import maps_settings
from kunyu.engines.security.labels import SENSITIVE, Label

_TAG = re.compile(r'"([0-9a-f]{40})"')
_SWEEP_SHARE = 16  # a worker looks at the whole folder after writing a sixteenth of its room
_KEPT_SHARE = 0.8
_LEFT_SECONDS = 3600
_ENTRY_BYTES = 500  # what an entry costs in memory beside the tile


@dataclass(frozen=True)
class Kept:
    """A drawn tile: its bytes (empty where nothing lies in it) and the headers that belong to it alone."""

    data: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class TileCache:
    """Memory of ``memory_bytes`` in front of files of ``disk_bytes`` under ``folder``; 0 switches either off."""

    def __init__(self, folder: Path, memory_bytes: int, disk_bytes: int) -> None:
        self.folder = folder
        self.memory_bytes, self.disk_bytes = memory_bytes, disk_bytes
        self._memory: OrderedDict[str, Kept] = OrderedDict()
        self._used = 0
        self._written = 0
        self._guard = threading.Lock()

    def get(self, tag: str) -> Kept | None:
        """The tile of an ETag, or None."""
        name = _name(tag)
        with self._guard:
            kept = self._memory.get(name)
            if kept is not None:
                self._memory.move_to_end(name)
                return kept
        if not self.disk_bytes:
            return None
        kept = _read(self._path(name))
        if kept is not None:
            self._remember(name, kept)
        return kept

    def put(self, tag: str, kept: Kept, label: Label) -> None:
        """Keep a tile; ``label`` is the strictest that it may bear. A full disk costs the cache, never the answer."""
        name = _name(tag)
        self._remember(name, kept)
        if not self.disk_bytes or label.secrecy > SENSITIVE or len(kept.data) > self.disk_bytes // _SWEEP_SHARE:
            return
        try:
            self._write(name, kept)
        except OSError:
            return

    def _remember(self, name: str, kept: Kept) -> None:
        size = len(kept.data) + _ENTRY_BYTES
        if size > self.memory_bytes // 4:
            return
        with self._guard:
            old = self._memory.pop(name, None)
            self._used += size - (len(old.data) + _ENTRY_BYTES if old else 0)
            self._memory[name] = kept
            while self._used > self.memory_bytes:
                _, gone = self._memory.popitem(last=False)
                self._used -= len(gone.data) + _ENTRY_BYTES

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / name

    def _write(self, name: str, kept: Kept) -> None:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        head = json.dumps({"headers": dict(kept.headers), "digest": _digest(kept.data)}).encode() + b"\n"
        descriptor, aside = tempfile.mkstemp(prefix=".new-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(head + kept.data)
            os.replace(aside, path)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise
        with self._guard:
            self._written += len(head) + len(kept.data)
            is_due = self._written > self.disk_bytes // _SWEEP_SHARE
            if is_due:
                self._written = 0
        if is_due:
            self.sweep()

    def sweep(self) -> int:
        """Remove the files written first until the rest has room to spare; one worker at a time. Bytes removed."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / ".sweeping").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return 0
            files = sorted(_files(self.folder))
            total, removed = sum(size for _, size, _ in files), 0
            newest = files[-1][0] if files else 0.0
            for written, size, path in files:
                is_left_behind = path.name.startswith(".new-") and newest - written > _LEFT_SECONDS
                if total - removed <= self.disk_bytes * _KEPT_SHARE and not is_left_behind:
                    continue
                path.unlink(missing_ok=True)
                removed += size
            return removed


def _name(tag: str) -> str:
    found = _TAG.fullmatch(tag)
    if found is None:
        raise ValueError(f"{tag[:60]!r} is no ETag of a tile")
    return found[1]


def _digest(data: bytes) -> str:
    # against damage, not against an attacker: whoever writes in the state folder is the node
    return blake2b(data, digest_size=16).hexdigest()


def _read(path: Path) -> Kept | None:
    try:
        head, _, data = path.read_bytes().partition(b"\n")
        said = json.loads(head)
        return Kept(data, said["headers"]) if said["digest"] == _digest(data) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """When each file was written, its bytes, its path."""
    for path in folder.glob("??/*"):
        try:
            state = path.stat()
        except FileNotFoundError:
            continue
        yield state.st_mtime, state.st_size, path


@lru_cache(maxsize=4)
def _cache_in(home: str, database: str) -> TileCache:
    limits = maps_settings()
    whole = Path(home) / "cache" / "tiles"
    mine = whole / f"{_program()}-{database}"
    for other in whole.glob("*-" + database):
        if other != mine:
            shutil.rmtree(other, ignore_errors=True)
    return TileCache(mine, limits.tile_memory_mib << 20, limits.tile_disk_mib << 20)


def _program() -> str:
    """What draws: another program may draw the same state otherwise."""
    folder = Path(__file__).parent
    changed = [(path.name, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*.py"))]
    return _digest(json.dumps(changed).encode())[:16]


def tile_cache() -> TileCache:
    """The cache of this process; databases (a test has its own) do not share it."""
    return _cache_in(str(settings.KUNYU_HOME), str(connection.settings_dict["NAME"]))


def forget() -> None:
    """Forget every cache of this process: between tests."""
    _cache_in.cache_clear()
