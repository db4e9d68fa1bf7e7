"""An object store that keeps some objects encrypted, all under the SM3 digest of their plain content. 加密对象存储.

Which form an object has is read from its first bytes: ``KYF1`` is the encrypted form of `crypto.encrypted_files`, bound
to the object's name, so that one object's bytes do not open under another's. Plain content that
happens to begin so is always encrypted, so that no plain object is ever taken for an encrypted one. An object once
encrypted stays so.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from kunyu.kernel.crypto.encrypted_files import EncryptedFile, encrypt_named, is_current, rewrap_stream, wrapped_under
from kunyu.kernel.crypto.errors import FileDamaged
from kunyu.kernel.crypto.keyring import KeyRing
from kunyu.kernel.digests import DIGEST_LENGTH, Sm3
from kunyu.kernel.errors import Defect
from kunyu.kernel.objects import SEALED_MAGIC, ObjectRef, ObjectStore, unreadable_source
from kunyu.kernel.private_folder import private_folder

_PIECE_BYTES = 1 << 20
_CONTEXT = "kunyu object"


class ObjectSealed(Defect):
    """A path was asked for an encrypted object: its file holds no plain content."""

    code = "objectstore.sealed"
    title_zh, title_en = "对象已加密", "Object encrypted"


class ProtectedStore:
    """A store around a store.

    Parameters
    ----------
    store : ObjectStore
        Where the bytes lie.
    ring : callable
        Gives the key ring; called when an encrypted object is touched, never for plain ones.
    key_name : str
        Data key of purpose ``file``.
    plain : Path
        Folder for plain copies that programs must read by path (mode 0700; see `private_folder`).
    """

    def __init__(self, store: ObjectStore, ring: Callable[[], KeyRing], key_name: str, plain: Path) -> None:
        self.store = store
        self._ring = ring
        self._key_name = key_name
        self._plain = plain

    # --- writing ---
    def put_file(self, path: Path | str, protect: bool = False) -> ObjectRef:
        """Store a file's content, encrypted when asked for. What is there in plain becomes encrypted, never back.

        Raises
        ------
        UnreadableInput
            The file cannot be read.
        StoreFull, StoreUnavailable
        """
        try:
            source = open(path, "rb")  # noqa: SIM115  # closed below; only opening and reading it may blame the file
        except OSError as error:
            raise unreadable_source(path, error) from error
        with source:
            if not protect and _magic(source, path) != SEALED_MAGIC:
                return self.store.put_file(path)
            return self._seal(source, path)

    def put_bytes(self, data: bytes, protect: bool = False) -> ObjectRef:
        """Store bytes, encrypted when asked for."""
        if not protect and data[: len(SEALED_MAGIC)] != SEALED_MAGIC:
            return self.store.put_bytes(data)
        return self._seal(io.BytesIO(data), "")

    def protect(self, sm3: str) -> bool:
        """Encrypt an object that lies in plain; tells whether it did. Raises ObjectMissing; FileDamaged for a wrong digest."""
        with self.store.open(sm3) as plain:
            if plain.read(len(SEALED_MAGIC)) == SEALED_MAGIC:
                return False
            plain.seek(0)
            self._seal(plain, sm3, expected=sm3)
        return True

    def renew(self, sm3: str) -> bool:
        """Put an encrypted object's key under the active version; tells whether that was due."""
        with self.store.open(sm3) as sealed:
            if sealed.read(len(SEALED_MAGIC)) != SEALED_MAGIC or is_current(self._ring(), sealed):
                return False

            def write(target: BinaryIO) -> str:
                rewrap_stream(self._ring(), sealed, target)
                return sm3

            self.store.put_written(write)
        return True

    # --- reading ---
    def open(self, sm3: str) -> BinaryIO:
        """Return the plain content as a readable, seekable binary file, decrypted as it is read."""
        stored = self.store.open(sm3)
        try:
            if stored.read(len(SEALED_MAGIC)) != SEALED_MAGIC:
                stored.seek(0)
                return stored
            opened = _Owning(self._ring(), stored, context=_CONTEXT, name=sm3)
        except BaseException:
            stored.close()
            raise
        return cast(BinaryIO, io.BufferedReader(opened, _PIECE_BYTES))

    @contextmanager
    def at_path(self, sm3: str, name: str | None = None) -> Iterator[Path]:
        """Yield a path with the plain content: the object itself, or a private copy that is gone afterwards.

        Parameters
        ----------
        name : str, optional
            What the copy is called; programs know formats by suffixes. A plain object keeps its own name.
        """
        if not self.is_protected(sm3):
            yield self.store.path(sm3)
            return
        with private_folder(self._plain) as folder:
            copy = folder / (name or sm3)
            self.copy_to(sm3, copy)
            yield copy

    def copy_to(self, sm3: str, target: Path) -> None:
        """Write the plain content to a file (mode 0600), whole or not at all; FileDamaged when its digest is wrong."""
        digest = Sm3()
        try:
            with self.open(sm3) as source, open(target, "wb") as file:
                target.chmod(0o600)
                while piece := source.read(_PIECE_BYTES):
                    file.write(piece)
                    digest.update(piece)
            if digest.hexdigest() != sm3:
                raise _altered(sm3)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def path(self, sm3: str) -> Path:
        """Return the file of a plain object; ObjectSealed for an encrypted one, which `at_path` serves."""
        if self.is_protected(sm3):
            raise ObjectSealed(
                f"对象 {sm3[:12]} 已加密，没有明文路径。程序应使用 at_path 或 open。",
                f"Object {sm3[:12]} is encrypted and has no plain path. The program must use at_path or open.",
                sm3=sm3,
            )
        return self.store.path(sm3)

    def exists(self, sm3: str) -> bool:
        """Tell whether the object is there."""
        return self.store.exists(sm3)

    def key_version(self, sm3: str) -> tuple[str, int] | None:
        """Return name and version of the key an encrypted object is under; None for a plain one."""
        with self.store.open(sm3) as stored:
            if stored.read(len(SEALED_MAGIC)) != SEALED_MAGIC:
                return None
            return wrapped_under(stored)

    def is_protected(self, sm3: str) -> bool:
        """Tell whether the object lies encrypted. Raises ObjectMissing."""
        with self.store.open(sm3) as stored:
            return stored.read(len(SEALED_MAGIC)) == SEALED_MAGIC

    def verify(self, sm3: str) -> bool:
        """Read the whole object and tell whether its plain content still has its digest; any changed byte says no."""
        digest = Sm3()
        try:
            with self.open(sm3) as content:
                while piece := content.read(_PIECE_BYTES):
                    digest.update(piece)
        except FileDamaged:
            return False
        return digest.hexdigest() == sm3

    def require_sound(self, sm3: str) -> None:
        """Raise FileDamaged unless `verify` says yes."""
        if not self.verify(sm3):
            raise _altered(sm3)

    def remove(self, sm3: str) -> None:
        """Remove the object, in whichever form it lies, if it is there."""
        self.store.remove(sm3)

    def names(self) -> Iterator[str]:
        """Yield the digests of all objects, in order."""
        return self.store.names()

    # --- sealing ---
    def _seal(self, source: BinaryIO, path: Path | str, expected: str | None = None) -> ObjectRef:
        """Digest and encrypt in one pass; nothing is stored when the content is not the ``expected`` one."""
        with _Digesting(source, path) as digested:

            def write(target: BinaryIO) -> str:
                encrypt_named(
                    self._ring(), self._key_name, cast(BinaryIO, digested), target, name=digested.sm3,
                    length=DIGEST_LENGTH, context=_CONTEXT,
                )  # fmt: skip
                if expected is not None and digested.sm3() != expected:
                    raise _altered(expected)
                return digested.sm3()

            return ObjectRef(self.store.put_written(write), digested.size)


class _Owning(EncryptedFile):
    """Closes the stored file with itself."""

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


class _Digesting:
    """A source that is digested while it is read, in a thread of its own: SM3 costs a third of SM4-GCM."""

    def __init__(self, source: BinaryIO, path: Path | str) -> None:
        self._source, self._path, self._digest, self.size = source, path, Sm3(), 0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="digest")

    def __enter__(self) -> _Digesting:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def read(self, count: int) -> bytes:
        piece = _read(self._source, count, self._path)
        if piece:
            self.size += len(piece)
            self._pool.submit(self._digest.update, piece)
        return piece

    def sm3(self) -> str:
        """The digest of what was read; nothing is read after this."""
        self._pool.shutdown()
        return self._digest.hexdigest()


def _magic(source: BinaryIO, path: Path | str) -> bytes:
    found = _read(source, len(SEALED_MAGIC), path)
    source.seek(0)
    return found


def _read(source: BinaryIO, count: int, path: Path | str) -> bytes:
    try:
        return source.read(count)
    except OSError as error:
        raise unreadable_source(path, error) from error


def _altered(sm3: str) -> FileDamaged:
    return FileDamaged(
        f"对象 {sm3} 的内容与其SM3摘要不符，可能被改动。请从备份恢复并查看审计记录。",
        f"The content of object {sm3} does not have its SM3 digest: it may have been changed. Restore it from backup "
        "and look into the audit.",
        sm3=sm3,
    )
