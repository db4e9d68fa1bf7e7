"""Secret bytes that can be zeroised. 内存中的密钥.

Python cannot promise that no copy remains (the allocator, OpenSSL's contexts, swap); this clears the copies the
program owns, at once when destroyed and at the latest when the last handle is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from kunyu.kernel.crypto.errors import WrongKey


class SecretBytes:
    """A key's bytes. Reading and zeroising exclude each other, so nobody ever encrypts under a half-cleared key."""

    __slots__ = ("_alive", "_bytes", "_lock")

    def __init__(self, content: bytearray) -> None:
        self._bytes = content
        self._alive = True
        self._lock = Lock()

    @contextmanager
    def reading(self) -> Iterator[bytearray]:
        """Lend the bytes; the borrower keeps no reference."""
        with self._lock:
            if not self._alive:
                raise WrongKey("密钥已销毁, 不能再用。请换用现行密钥。", "The key was destroyed. Use the active key.")
            yield self._bytes

    def wipe(self) -> None:
        """Overwrite with zeros."""
        with self._lock:
            self._alive = False
            clear(self._bytes)

    def __del__(self) -> None:
        clear(self._bytes)


def clear(content: bytearray) -> None:
    """Overwrite a buffer in place with zeros."""
    content[:] = bytes(len(content))
