"""Objects named by the SM3 digest of their content: what every store can do, and the store in a folder. 对象存储.

The name is the digest, so equal content is kept once and a changed byte shows. Objects never appear half-written: a
folder write goes to a temporary file, to the disk, and only then to its name. Their content never changes; its form may,
once: `protected_store` puts the encrypted form under the name of the plain content, and a store never lets a plain form
take that place again.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from kunyu.kernel.digests import Sm3, is_sm3, sm3_file
from kunyu.kernel.errors import NodeUnavailable, NotFound, UnreadableInput, UsageError

Answer = TypeVar("Answer")
_PIECE_BYTES = 1 << 20
_STALE_S = 24 * 3600
SEALED_MAGIC = b"KYF1"
"""How the encrypted form of an object begins (`crypto.encrypted_files`, which a store needs not know otherwise)."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class StoreFull(NodeUnavailable):
    """No room for another object."""

    code = "objectstore.full"
    title_zh, title_en = "存储空间不足", "Storage full"


class StoreUnavailable(NodeUnavailable):
    """The store cannot be reached, read or written."""

    code = "objectstore.unavailable"
    title_zh, title_en = "对象存储不可用", "Object store unavailable"


class ObjectMissing(NotFound):
    """The store holds no object of this digest."""

    code = "objectstore.missing"
    title_zh, title_en = "对象不存在", "No such object"


@dataclass(frozen=True)
class ObjectRef:
    """An object: its SM3 digest in 64 hexadecimal digits, its size in bytes."""

    sm3: str
    size: int


class ObjectStore(Protocol):
    """What every store can do. All methods raise StoreUnavailable when the store does not answer."""

    def put_file(self, path: Path | str) -> ObjectRef:
        """Store a file's content. Raises UnreadableInput for the file, StoreFull for the store."""
        ...

    def put_bytes(self, data: bytes) -> ObjectRef:
        """Store bytes. Raises StoreFull."""
        ...

    def open(self, sm3: str) -> BinaryIO:
        """Return the object as a readable, seekable binary file; the caller closes it. Raises ObjectMissing."""
        ...

    def path(self, sm3: str) -> Path:
        """Return a path to read the object from; never write there. Raises ObjectMissing."""
        ...

    def exists(self, sm3: str) -> bool:
        """Tell whether the object is there, without reading it."""
        ...

    def verify(self, sm3: str) -> bool:
        """Read the whole object and tell whether it still has its digest. Raises ObjectMissing."""
        ...

    def put_written(self, write: Callable[[BinaryIO], str]) -> str:
        """Store what ``write`` writes under the name it answers with, in place of what is there; it vouches for both."""
        ...

    def remove(self, sm3: str) -> None:
        """Remove the object if it is there; the caller knows that nothing refers to it."""
        ...

    def names(self) -> Iterator[str]:
        """Yield the digests of all objects, in order."""
        ...


class FolderStore:
    """Objects as files ``<root>/ab/cd/abcd…`` on one file system."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._scratch = root / ".tmp"
        with _reported(root):
            self._scratch.mkdir(parents=True, exist_ok=True)
            self._sweep()

    def put_file(self, path: Path | str) -> ObjectRef:
        """Store a file's content, copied and digested in one pass."""
        try:
            source = open(path, "rb")  # noqa: SIM115  # closed below; only opening it may blame the file
        except OSError as error:
            raise unreadable_source(path, error) from error
        with source:
            return self._put(lambda: _pieces(source, path))

    def put_bytes(self, data: bytes) -> ObjectRef:
        """Store bytes."""
        return self._put(lambda: iter((data,)))

    def open(self, sm3: str) -> BinaryIO:
        """Return the object as a readable binary file."""
        with _reported(self.root, sm3):
            return open(self._place(sm3), "rb")

    def path(self, sm3: str) -> Path:
        """Return the object's own file."""
        place = self._place(sm3)
        if not place.is_file():
            raise missing_object(sm3)
        return place

    def exists(self, sm3: str) -> bool:
        """Tell whether the object is there."""
        return self._place(sm3).is_file()

    def verify(self, sm3: str) -> bool:
        """Tell whether the object still has its digest."""
        with _reported(self.root, sm3):
            return sm3_file(self._place(sm3)) == sm3

    def put_written(self, write: Callable[[BinaryIO], str]) -> str:
        """Store what ``write`` writes under the name it answers with; readers of the old form go on reading it."""
        with self._written(write) as (temporary, sm3):
            self._name(temporary, sm3)
        return sm3

    def remove(self, sm3: str) -> None:
        """Remove the object if it is there."""
        with _reported(self.root):
            self._place(sm3).unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        """Yield the digests of all objects, in order."""
        for folder in sorted(self.root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]")):
            yield from sorted(path.name for path in folder.iterdir() if is_sm3(path.name))

    def _place(self, sm3: str) -> Path:
        require_digest(sm3)
        return self.root / sm3[:2] / sm3[2:4] / sm3

    def _put(self, pieces: Callable[[], Iterator[bytes]]) -> ObjectRef:
        with self._written(lambda file: _copy(pieces(), file)) as (temporary, reference):
            self._name(temporary, reference.sm3, plain=True)
        return reference

    @contextmanager
    def _written(self, write: Callable[[BinaryIO], Answer]) -> Iterator[tuple[Path, Answer]]:
        with _reported(self.root):
            handle, name = tempfile.mkstemp(dir=self._scratch)
            temporary = Path(name)
            try:
                with os.fdopen(handle, "wb") as file:
                    answer = write(file)
                    file.flush()
                    os.fchmod(file.fileno(), 0o444)
                    os.fsync(file.fileno())
                yield temporary, answer
            finally:
                temporary.unlink(missing_ok=True)  # gone when it got its name; otherwise nothing must stay

    def _name(self, temporary: Path, sm3: str, *, plain: bool = False) -> None:
        # Renaming over an equal object is harmless, and heals one that the disk has damaged.
        place = self._place(sm3)
        place.parent.mkdir(parents=True, exist_ok=True)
        with self._naming():
            if plain and _is_sealed(place):
                return
            os.replace(temporary, place)
        for folder in (place.parent, place.parent.parent, self.root):
            _sync_folder(folder)

    @contextmanager
    def _naming(self) -> Iterator[None]:
        """One process at a time: between the look and the rename nobody else may put the encrypted form there."""
        folder = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _sweep(self) -> None:
        """Remove what a killed process left behind more than a day ago."""
        oldest = time.time() - _STALE_S
        for leftover in self._scratch.iterdir():
            try:
                if leftover.stat().st_mtime < oldest:
                    leftover.unlink()
            except FileNotFoundError:
                continue  # another process finished or swept it


def _copy(pieces: Iterator[bytes], file: BinaryIO) -> ObjectRef:
    digest, size = Sm3(), 0
    for piece in pieces:
        file.write(piece)
        digest.update(piece)
        size += len(piece)
    return ObjectRef(digest.hexdigest(), size)


def _pieces(source: BinaryIO, path: Path | str) -> Iterator[bytes]:
    while True:
        try:
            piece = source.read(_PIECE_BYTES)
        except OSError as error:
            raise unreadable_source(path, error) from error
        if not piece:
            return
        yield piece


def _is_sealed(place: Path) -> bool:
    try:
        with open(place, "rb") as file:
            return file.read(len(SEALED_MAGIC)) == SEALED_MAGIC
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _reported(root: Path, sm3: str | None = None) -> Iterator[None]:
    """Turn what the operating system says into the store's errors."""
    try:
        yield
    except FileNotFoundError as error:
        if sm3 is None:
            raise store_unavailable(str(root), error) from error
        raise missing_object(sm3) from error
    except OSError as error:
        if error.errno in _FULL:
            raise _full(root) from error
        raise store_unavailable(str(root), error) from error


def _full(root: Path) -> StoreFull:
    try:
        free = shutil.disk_usage(root).free
    except OSError:
        free = -1
    return StoreFull(
        f"对象存储空间不足: {root} 剩余 {free} 字节。未写入任何内容; 请清理磁盘后重试。",
        f"The object store is full: {free} bytes are left at {root}. Nothing was written; free some space and retry.",
        root=str(root),
        free_bytes=free,
    )


def store_unavailable(place: str, error: Exception) -> StoreUnavailable:
    return StoreUnavailable(
        f"对象存储不可用: {place}: {error}。请检查路径、权限与网络。",
        f"The object store is not available: {place}: {error}. Check path, permissions and network.",
        place=place,
    )


def missing_object(sm3: str) -> ObjectMissing:
    return ObjectMissing(
        f"对象存储中没有 {sm3}。请核对摘要, 或从备份恢复。",
        f"The object store has no {sm3}. Check the digest or restore it from a backup.",
        sm3=sm3,
    )


def unreadable_source(path: Path | str, error: OSError) -> UnreadableInput:
    return UnreadableInput(
        f"文件 {path} 无法读取: {error.strerror}。请检查路径与权限。",
        f"File {path} cannot be read: {error.strerror}. Check path and permissions.",
        path=str(path),
    )


def require_digest(sm3: str) -> None:
    # Also what keeps "../" out of paths.
    if not is_sm3(sm3):
        raise UsageError(
            f"{sm3[:80]!r} 不是SM3摘要(64位小写十六进制)。",
            f"{sm3[:80]!r} is no SM3 digest (64 lower-case hexadecimal digits).",
        )
