"""Keys from keys and from passphrases. 密钥派生."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from kunyu.kernel.crypto.errors import WrongKey
from kunyu.kernel.digests import Sm3

ITERATIONS = 600_000
"""Rounds for new passphrases: 0.4 s on one core of a 2026 server. Stored beside each use, so it may rise."""

MINIMUM_ITERATIONS = 10_000
"""Below this a stored iteration count is taken for an attack on the file."""

_DIGEST_BYTES = 32


def sm3_kdf(shared: bytes, length: int) -> bytes:
    """Return ``length`` bytes: SM3(shared || counter) from counter 1, GB/T 32918.4-2016 §5.4.3."""
    blocks = -(-length // _DIGEST_BYTES)
    return b"".join(Sm3(shared + count.to_bytes(4, "big")).digest() for count in range(1, blocks + 1))[:length]


def hmac_sm3(key: bytes | bytearray, data: bytes) -> bytes:
    """Return the 32 bytes of HMAC-SM3 (GB/T 15852.2, RFC 2104)."""
    running = hmac.HMAC(key, hashes.SM3())
    running.update(data)
    return running.finalize()


def derive(key: bytes | bytearray, context: bytes, length: int) -> bytearray:
    """Return ``length`` bytes derived from ``key``.

    Counter mode of NIST SP 800-108r1 with HMAC-SM3; the counter and the length in bits are 4 bytes. No national
    standard for deriving keys from keys was at hand.
    """
    blocks, tail = -(-length // _DIGEST_BYTES), (length * 8).to_bytes(4, "big")
    made = bytearray()
    for count in range(1, blocks + 1):
        made += hmac_sm3(key, count.to_bytes(4, "big") + b"kunyu\x00" + context + tail)
    del made[length:]
    return made


def from_passphrase(passphrase: bytes, salt: bytes, iterations: int, length: int) -> bytearray:
    """Return ``length`` bytes by PBKDF2 with HMAC-SM3 (RFC 8018; GM/T 0091-2020, from memory).

    Raises
    ------
    WrongKey
        Empty passphrase, salt under 8 bytes, or too few iterations.
    """
    if not passphrase or len(salt) < 8 or iterations < MINIMUM_ITERATIONS:
        raise WrongKey(
            f"口令不能为空, 盐至少8字节 (实为{len(salt)}), 迭代至少{MINIMUM_ITERATIONS}次 (实为{iterations})。",
            f"A passphrase must not be empty, its salt has at least 8 bytes (found {len(salt)}), its iterations are "
            f"at least {MINIMUM_ITERATIONS} (found {iterations}).",
            iterations=iterations,
            limit=MINIMUM_ITERATIONS,
        )
    return bytearray(PBKDF2HMAC(hashes.SM3(), length, salt, iterations).derive(passphrase))
