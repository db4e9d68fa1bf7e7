"""Files encrypted at rest. 文件静态加密: SM4-GCM in chunks, readable at any place.

Layout::

    "KYF1" | header length (4 bytes) | header (canonical JSON) | chunk 0 | chunk 1 | ... | last chunk

Every file has its own random key, wrapped under a data key of purpose ``file``. Chunk i is sealed with nonce = i and a
flag for the last one, and with the digest of the header's lasting part as additional data; the rest of the header is
additional data of the wrapped key. So a changed header, a changed, reordered, repeated or foreign chunk, a cut tail and
an appended tail all fail (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015). All chunks but the last hold ``chunk`` bytes of text; the last holds 0
to ``chunk`` and is 0 only in an empty file.

The header may hold a ``name`` that is known only once the whole text was read (its digest). It is bound to the wrapped
key alone, so it is put in place last, and a header with another name does not open.
"""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, cast

from kunyu.kernel.crypto.errors import DecryptionFailed, FileDamaged, WrongKey
from kunyu.kernel.crypto.keyring import KeyRing, VersionedKey
from kunyu.kernel.crypto.keyring_state import KeyPurpose
from kunyu.kernel.crypto.provider import TAG_BYTES, KeyHandle, KeyKind
from kunyu.kernel.digests import Sm3, canonical_json
from kunyu.kernel.errors import UsageError

MAGIC = b"KYF1"
CHUNK_BYTES = 1 << 16
_LARGEST_CHUNK = 1 << 24
_LARGEST_HEADER = 1 << 16
_PREFIX = len(MAGIC) + 4
_HEADER = {"alg": str, "chunk": int, "context": str, "id": str, "key": str, "version": int, "wrapped": str}
_OPTIONAL = {"name": str}
_BOUND = ("alg", "chunk", "context", "id")
"""What every chunk is bound to. The rest of the header is bound to the wrapped key, so that it can be wrapped anew."""


def encrypt_stream(
    ring: KeyRing, key_name: str, source: BinaryIO, target: BinaryIO, *, context: str = "", chunk: int = CHUNK_BYTES
) -> None:
    """Encrypt what ``source`` still holds to ``target``; neither needs to seek.

    Parameters
    ----------
    key_name : str
        A data key of purpose ``file``.
    context : str
        What the file is (its object name, its label): stored readable, authenticated, asked for when opening.
    chunk : int
        Bytes of text per chunk, 1 to 16 MiB.
    """
    if not 1 <= chunk <= _LARGEST_CHUNK:
        raise WrongKey(
            f"分块大小应为1至{_LARGEST_CHUNK}字节, 实为{chunk}。请改正调用。",
            f"A chunk has 1 to {_LARGEST_CHUNK} bytes; found {chunk}. Correct the call.",
        )
    wrapping = _file_key(ring.active(key_name))
    key = ring.provider.generate(KeyKind.SM4, "file")
    try:
        header = _new_header(ring, context, chunk)
        target.write(_start(ring, wrapping, key, header))
        _write_chunks(ring, key, header, source, target)
    finally:
        ring.provider.destroy(key)


def encrypt_named(
    ring: KeyRing, key_name: str, source: BinaryIO, target: BinaryIO, *, name: Callable[[], str], length: int,
    context: str = "",
) -> None:  # fmt: skip
    """As `encrypt_stream`, under a name that is asked for when all text was read. ``target`` is seekable and empty.

    Parameters
    ----------
    name : callable
        Gives the name, ``length`` ASCII letters.
    """
    wrapping = _file_key(ring.active(key_name))
    key = ring.provider.generate(KeyKind.SM4, "file")
    try:
        header = _new_header(ring, context, CHUNK_BYTES)
        # room for the header: names and wrapped keys have one length
        room = len(_start(ring, wrapping, key, {**header, "name": "-" * length}))
        target.seek(room)
        _write_chunks(ring, key, header, source, target)
        start = _start(ring, wrapping, key, {**header, "name": name()})
        if len(start) != room:
            raise WrongKey(
                f"文件名应为{length}个ASCII字符。请改正调用。",
                f"The name must have {length} ASCII letters. Correct the call.",
            )
        target.seek(0)
        target.write(start)
        target.seek(0, io.SEEK_END)
    finally:
        ring.provider.destroy(key)


def _new_header(ring: KeyRing, context: str, chunk: int) -> dict[str, Any]:
    identity = base64.b64encode(ring.provider.random(16)).decode("ascii")
    return {"alg": "SM4-GCM", "chunk": chunk, "context": context, "id": identity}


def _write_chunks(ring: KeyRing, key: KeyHandle, header: dict[str, Any], source: BinaryIO, target: BinaryIO) -> None:
    bound, chunk = _chunks_bound_to(header), header["chunk"]
    piece, index = _read_full(source, chunk), 0
    while True:
        following = _read_full(source, chunk) if len(piece) == chunk else b""
        target.write(ring.provider.seal(key, _nonce(index, last=not following), piece, bound))
        if not following:
            return
        piece, index = following, index + 1


def encrypt_file(
    ring: KeyRing, key_name: str, source: str | PathLike[str], target: str | PathLike[str], *, context: str = ""
) -> None:
    """Encrypt a file; ``target`` appears whole or not at all."""
    with open(source, "rb") as plain, _appearing(Path(target)) as sealed:
        encrypt_stream(ring, key_name, plain, sealed, context=context)


def decrypt_file(
    ring: KeyRing, source: str | PathLike[str], target: str | PathLike[str], *, context: str | None = None
) -> None:
    """Decrypt a file; ``target`` appears only after the last chunk was right."""
    with open(source, "rb") as sealed, _appearing(Path(target)) as plain:
        for piece in EncryptedFile(ring, sealed, context=context).chunks():
            plain.write(piece)


class EncryptedFile(io.RawIOBase):
    """An encrypted file opened for reading at any place; wrap in `io.BufferedReader` for many small reads.

    Opening checks the header and the last chunk, so a cut or lengthened file is refused before anything is read.
    A chunk is checked when it is read. The underlying stream is not closed. One object serves one thread.

    Parameters
    ----------
    ring : KeyRing
    stream : binary stream
        Seekable.
    context : str, optional
        Refuse the file unless it was encrypted with this context.
    name : str, optional
        Refuse the file unless it was encrypted under this name (`encrypt_named`).

    Raises
    ------
    FileDamaged
        Not such a file, or changed.
    UnknownKey, KeyDestroyed
        Its key is not in the ring any more.
    """

    def __init__(self, ring: KeyRing, stream: BinaryIO, *, context: str | None = None, name: str | None = None) -> None:
        super().__init__()
        self._provider = ring.provider
        self._stream = stream
        self._position = 0
        self._held: tuple[int, bytes] = (-1, b"")
        header, self._first = _read_start(stream)
        self.context: str = header["context"]
        if (context is not None and context != self.context) or (name is not None and name != header.get("name")):
            raise _damaged("内容标识与所需不符", "it was encrypted as something else")
        self._chunk: int = header["chunk"]
        self._bound = _chunks_bound_to(header)
        self._key = _unwrap(ring, header)
        self._measure(stream.seek(0, io.SEEK_END))

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    @property
    def size(self) -> int:
        """Bytes of text."""
        return self._size

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move in the text."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("negative seek position")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """Return the position in the text."""
        return self._position

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]
        """Read up to the end of the current chunk."""
        if self._position >= self._size:
            return 0
        index, inside = divmod(self._position, self._chunk)
        text = self._text(index)
        count = min(len(buffer), len(text) - inside)
        buffer[:count] = text[inside : inside + count]
        self._position += count
        return count

    def chunks(self) -> Iterator[bytes]:
        """Yield the whole text, chunk by chunk."""
        for index in range(self._last + 1):
            yield self._text(index)

    def close(self) -> None:
        """Zeroise the file's key."""
        if not self.closed:
            if hasattr(self, "_key"):
                self._provider.destroy(self._key)
            self._held = (-1, b"")
        super().close()

    def _measure(self, end: int) -> None:
        sealed_chunk = self._chunk + TAG_BYTES
        body = end - self._first
        self._last = max(0, -(-body // sealed_chunk) - 1)
        tail = body - self._last * sealed_chunk - TAG_BYTES
        if tail < 0 or (tail == 0 and self._last > 0):
            raise _damaged("末尾不完整", "its end is missing")
        self._size = self._last * self._chunk + tail
        self._text(self._last)

    def _text(self, index: int) -> bytes:
        if self.closed:
            raise ValueError("read of a closed file")
        if self._held[0] != index:
            self._stream.seek(self._first + index * (self._chunk + TAG_BYTES))
            sealed = self._stream.read(self._chunk + TAG_BYTES)
            try:
                nonce = _nonce(index, last=index == self._last)
                self._held = (index, self._provider.unseal(self._key, nonce, sealed, self._bound))
            except DecryptionFailed:
                raise _damaged(f"第{index}块不符或文件被截断", f"chunk {index} is wrong, or the file was cut") from None
        return self._held[1]


def rewrap_file(ring: KeyRing, path: str | PathLike[str]) -> bool:
    """Wrap the file's key under the active version; the chunks are copied as they are.

    Returns
    -------
    bool
        False when it was so already. The file is replaced at once, so readers and a crash see the old or the new.
    """
    file = Path(path)
    with open(file, "rb") as stream:
        if is_current(ring, stream):
            return False
        with _appearing(file) as renewed:
            rewrap_stream(ring, stream, renewed)
    return True


def wrapped_under(stream: BinaryIO) -> tuple[str, int]:
    """Return the name and version of the data key that wraps the file's key; FileDamaged when it is no such file."""
    header, _ = _read_start(stream)
    return header["key"], header["version"]


def is_current(ring: KeyRing, stream: BinaryIO) -> bool:
    """Tell whether the file's key is wrapped under the active version."""
    header, _ = _read_start(stream)
    return bool(header["version"] == ring.active(header["key"]).version)


def rewrap_stream(ring: KeyRing, stream: BinaryIO, target: BinaryIO) -> None:
    """Copy an encrypted file with its key wrapped under the active version. ``stream`` is seekable."""
    header, first = _read_start(stream)
    key = _unwrap(ring, header)
    try:
        kept = {name: header[name] for name in (*_BOUND, *_OPTIONAL) if name in header}
        target.write(_start(ring, ring.active(header["key"]), key, kept))
    finally:
        ring.provider.destroy(key)
    stream.seek(first)
    shutil.copyfileobj(stream, target, 1 << 20)


def _start(ring: KeyRing, wrapping: VersionedKey, key: KeyHandle, bound: dict[str, Any]) -> bytes:
    header = {**bound, "key": wrapping.name, "version": wrapping.version}
    wrapped = ring.provider.wrap(wrapping.handle, key, canonical_json(header))
    encoded = canonical_json({**header, "wrapped": base64.b64encode(wrapped).decode("ascii")})
    if len(encoded) > _LARGEST_HEADER:
        raise WrongKey(
            f"文件头最长{_LARGEST_HEADER}字节, 实为{len(encoded)}。请缩短内容标识。",
            f"A header has at most {_LARGEST_HEADER} bytes; found {len(encoded)}. Shorten the context.",
        )
    return MAGIC + len(encoded).to_bytes(4, "big") + encoded


def _read_start(stream: BinaryIO) -> tuple[dict[str, Any], int]:
    """Return the header and where chunk 0 begins."""
    stream.seek(0)
    prefix = stream.read(_PREFIX)
    length = int.from_bytes(prefix[len(MAGIC) :], "big")
    if prefix[: len(MAGIC)] != MAGIC or len(prefix) != _PREFIX or not 2 <= length <= _LARGEST_HEADER:
        raise _damaged("文件头不符", "no such header")
    encoded = stream.read(length)
    try:
        header = json.loads(encoded)
        # one header, one spelling: what is not canonical was changed
        sound = isinstance(header, dict) and canonical_json(header) == encoded
    except (ValueError, UsageError):
        sound = False
    if (
        not sound
        or not set(_HEADER) <= set(header) <= set(_HEADER) | set(_OPTIONAL)
        or any(type(value) is not {**_HEADER, **_OPTIONAL}[name] for name, value in header.items())
        or header["alg"] != "SM4-GCM"
        or not 1 <= header["chunk"] <= _LARGEST_CHUNK
    ):
        raise _damaged("文件头不可读", "its header is unreadable")
    return header, _PREFIX + length


def _unwrap(ring: KeyRing, header: dict[str, Any]) -> KeyHandle:
    rest = {name: value for name, value in header.items() if name != "wrapped"}
    wrapping = _file_key(ring.version(header["key"], header["version"]))
    try:
        blob = base64.b64decode(header["wrapped"], validate=True)
        return ring.provider.unwrap(wrapping.handle, blob, KeyKind.SM4, canonical_json(rest), "file")
    except (DecryptionFailed, ValueError):
        raise _damaged("文件头被改动", "its header was changed") from None


def _chunks_bound_to(header: dict[str, Any]) -> bytes:
    return Sm3(MAGIC + canonical_json({name: header[name] for name in _BOUND})).digest()


def _file_key(key: VersionedKey) -> VersionedKey:
    if key.purpose is not KeyPurpose.FILE:
        raise WrongKey(
            f"密钥“{key.name}”的用途是{key.purpose}, 文件加密需要file。请换用相应密钥。",
            f"Key '{key.name}' is for {key.purpose}; files need one for file.",
            name=key.name,
        )
    return key


def _nonce(index: int, *, last: bool) -> bytes:
    # the key is used for this one file, so counting never repeats a nonce
    return b"\x00\x00\x00" + index.to_bytes(8, "big") + bytes((last,))


def _read_full(source: BinaryIO, count: int) -> bytes:
    """Read ``count`` bytes unless the source ends; pipes and sockets give less than asked."""
    pieces = []
    while count and (piece := source.read(count)):
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


@contextmanager
def _appearing(target: Path) -> Iterator[BinaryIO]:
    """Write to a temporary file (mode 0600) beside ``target``; it takes that name only when all went well."""
    number, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(number, "wb") as file:
            yield cast(BinaryIO, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _damaged(zh: str, en: str) -> FileDamaged:
    return FileDamaged(
        f"加密文件已损坏或被改动: {zh}。请从备份恢复并查看审计记录。",
        f"The encrypted file is damaged or was changed: {en}. Restore it from backup and look into the audit.",
    )
