"""SM3 digests and canonical JSON. 摘要: GB/T 32905-2016 信息安全技术 SM3密码杂凑算法.

SM3 comes from OpenSSL through ``cryptography``. It is a working implementation, not a certified module.
"""

from __future__ import annotations

import json
from os import PathLike
from typing import Any

from cryptography.hazmat.primitives import hashes

from kunyu.kernel.errors import UsageError

DIGEST_LENGTH = 64
"""Length of an SM3 digest in hexadecimal digits."""

_READ_BYTES = 1 << 20


class Sm3:
    """A running SM3 digest.

    Examples
    --------
    >>> digest = Sm3()
    >>> digest.update(b"abc")
    >>> digest.hexdigest()[:8]
    '66c7f0f4'
    """

    def __init__(self, data: bytes = b"") -> None:
        self._hash = hashes.Hash(hashes.SM3())
        if data:
            self._hash.update(data)

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Add ``data`` to what is digested."""
        self._hash.update(data)

    def digest(self) -> bytes:
        """Return the 32 bytes of the digest so far; more data may follow."""
        return self._hash.copy().finalize()

    def hexdigest(self) -> str:
        """Return the digest so far as 64 lower-case hexadecimal digits; more data may follow."""
        return self.digest().hex()


def sm3_hex(data: bytes | bytearray | memoryview) -> str:
    """Return the SM3 digest of ``data`` as 64 lower-case hexadecimal digits."""
    digest = Sm3()
    digest.update(data)
    return digest.hexdigest()


def sm3_file(path: str | PathLike[str]) -> str:
    """Return the SM3 digest of a file's content, read in pieces of 1 MiB.

    Raises
    ------
    OSError
        When the file cannot be read.
    """
    digest = Sm3()
    with open(path, "rb") as file:
        while piece := file.read(_READ_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def is_sm3(text: str) -> bool:
    """Tell whether ``text`` is an SM3 digest as this project writes it."""
    return len(text) == DIGEST_LENGTH and all(letter in "0123456789abcdef" for letter in text)


def canonical_json(obj: Any) -> bytes:
    """Return ``obj`` as the one JSON text that stands for it.

    Keys sorted by code point, no spaces, UTF-8 without escapes beyond JSON's own, no NaN or infinity. Floats are
    written as Python's shortest round-trip form: round before, where a rule states a rounding.

    Raises
    ------
    UsageError
        When ``obj`` holds NaN, infinity, keys that are not text, or a value JSON does not know.
    """
    _require_text_keys(obj)
    try:
        text = json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8")
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"内容无法写成规范JSON: {error}。请先换成文本、数、列表或字典, 并去掉NaN与无穷大。",
            f"The content has no canonical JSON: {error}. Use text, finite numbers, lists and dictionaries only.",
        ) from error


_SCALARS = frozenset((str, int, float, bool, type(None)))


def _require_text_keys(obj: Any) -> None:
    # json.dumps would silently turn 1 and "1" into the same key, so two different objects could share a digest.
    pending = [obj]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            for key in value:
                if type(key) is not str and not isinstance(key, str):
                    raise UsageError(
                        f"规范JSON的键必须是文本, 实为 {key!r}。请改用文本键。",
                        f"Keys of canonical JSON must be text; found {key!r}. Use text keys.",
                    )
            pending += [inner for inner in value.values() if type(inner) not in _SCALARS]
        elif isinstance(value, (list, tuple)):
            pending += [inner for inner in value if type(inner) not in _SCALARS]
