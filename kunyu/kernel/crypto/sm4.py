"""SM4 in its modes. SM4: GB/T 32907-2016; modes GB/T 17964-2021; GCM GB/T 36624-2018, RFC 8998.

Through the ``cryptography`` wheel's own OpenSSL: the system's OpenSSL 3.0 has no SM4-GCM.
"""

from __future__ import annotations

from typing import cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from kunyu.kernel.crypto.errors import DecryptionFailed, WrongKey
from kunyu.kernel.crypto.provider import BLOCK_BYTES, NONCE_BYTES, TAG_BYTES

Key = bytes | bytearray
"""16 bytes. A bytearray can be zeroised by its owner; OpenSSL's own copy is cleared when the context ends."""


class GcmSealing:
    """A started SM4-GCM encryption, so that the key is read at one moment and the data worked on later."""

    def __init__(self, key: Key, nonce: bytes, aad: bytes) -> None:
        _require("nonce", nonce, NONCE_BYTES)
        self._context = Cipher(_sm4(key), modes.GCM(nonce)).encryptor()
        self._context.authenticate_additional_data(aad)

    def finish(self, plaintext: bytes) -> bytes:
        """Return ciphertext and tag."""
        context = self._context
        return b"".join((context.update(plaintext), context.finalize(), context.tag))


class GcmOpening:
    """A started SM4-GCM decryption."""

    def __init__(self, key: Key, nonce: bytes, sealed: bytes, aad: bytes) -> None:
        _require("nonce", nonce, NONCE_BYTES)
        if len(sealed) < TAG_BYTES:
            raise _failed()
        self._sealed = memoryview(sealed)
        tag = bytes(self._sealed[-TAG_BYTES:])
        self._context = Cipher(_sm4(key), modes.GCM(nonce, tag)).decryptor()
        self._context.authenticate_additional_data(aad)

    def finish(self) -> bytes:
        """Return the plaintext, only when the tag is right."""
        try:
            return self._context.update(self._sealed[:-TAG_BYTES]) + self._context.finalize()
        except InvalidTag:
            raise _failed() from None


def cbc_encryptor(key: Key, iv: bytes) -> CipherContext:
    """Start SM4-CBC without padding."""
    _require("iv", iv, BLOCK_BYTES)
    return Cipher(_sm4(key), modes.CBC(iv)).encryptor()


def cbc_decryptor(key: Key, iv: bytes) -> CipherContext:
    """Start the inverse of `cbc_encryptor`."""
    _require("iv", iv, BLOCK_BYTES)
    return Cipher(_sm4(key), modes.CBC(iv)).decryptor()


def ctr(key: Key, counter: bytes) -> CipherContext:
    """Start SM4-CTR; the 16-byte counter counts blocks as one big-endian number."""
    _require("counter", counter, BLOCK_BYTES)
    return Cipher(_sm4(key), modes.CTR(counter)).encryptor()


def pad(plaintext: bytes) -> bytes:
    """Add PKCS#7 padding."""
    padder = padding.PKCS7(BLOCK_BYTES * 8).padder()
    return padder.update(plaintext) + padder.finalize()


def finish_cbc(context: CipherContext, ciphertext: bytes) -> bytes:
    """Decrypt and take the PKCS#7 padding off."""
    unpadder = padding.PKCS7(BLOCK_BYTES * 8).unpadder()
    try:
        padded = context.update(ciphertext) + context.finalize()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise _failed() from None


def _sm4(key: Key) -> algorithms.SM4:
    # typed for bytes, but any buffer is taken: a bytes copy could not be zeroised
    return algorithms.SM4(cast(bytes, key))


def _require(name: str, value: bytes, length: int) -> None:
    if len(value) != length:
        raise WrongKey(
            f"SM4的{name}应为{length}字节, 实为{len(value)}字节。请改正调用。",
            f"SM4's {name} has {length} bytes; found {len(value)}. Correct the call.",
            length=len(value),
            limit=length,
        )


def _failed() -> DecryptionFailed:
    return DecryptionFailed(
        "SM4解密失败: 密钥或位置不符, 或密文被改动。请核对来源并查看审计记录。",
        "SM4 decryption failed: another key, another place, or changed ciphertext. Check its origin and the audit.",
    )
