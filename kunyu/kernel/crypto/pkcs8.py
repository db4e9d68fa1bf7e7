"""SM2 private keys in files: PKCS#8, encrypted. 私钥文件: GB/T 35276, RFC 5958, PBES2 of RFC 8018.

Written as PBKDF2 with HMAC-SM3 and SM4-CBC. OpenSSL 3.0's command line knows no HMAC-SM3 in PBKDF2, so HMAC-SHA-256
can be chosen where such a program must read the key; both are read. PBES2 does not authenticate: a changed file gives
no key or an invalid one, never another valid pair, because the pair is checked when taken in.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from enum import StrEnum
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from kunyu.kernel.crypto import der, kdf, sm2_libcrypto, sm4
from kunyu.kernel.crypto.errors import DecryptionFailed, MalformedKey, PlainKeyRefused
from kunyu.kernel.crypto.provider import BLOCK_BYTES, KeyHandle
from kunyu.kernel.crypto.secrets_in_memory import clear
from kunyu.kernel.crypto.software import SoftwareProvider

_SEQUENCE, _OBJECT, _INTEGER, _OCTETS = 0x30, 0x06, 0x02, 0x04
_ALGORITHM = bytes.fromhex("301306072a8648ce3d020106082a811ccf5501822d")
_PBES2 = bytes.fromhex("2a864886f70d01050d")
_PBKDF2 = bytes.fromhex("2a864886f70d01050c")
_SM4_CBC = bytes.fromhex("2a811ccf55016802")
_NULL = bytes.fromhex("0500")
_MAXIMUM_ITERATIONS = 10_000_000
"""Above this a file is an attempt to keep the machine busy."""


class Prf(StrEnum):
    """The function inside PBKDF2."""

    SM3 = "hmacWithSM3"
    SHA256 = "hmacWithSHA256"


_PRF_OIDS = {Prf.SM3: bytes.fromhex("2a811ccf5501831102"), Prf.SHA256: bytes.fromhex("2a864886f70d0209")}
_PRF_HASHES: dict[Prf, hashes.HashAlgorithm] = {Prf.SM3: hashes.SM3(), Prf.SHA256: hashes.SHA256()}
_PEM = re.compile(rb"-----BEGIN ((?:ENCRYPTED |EC )?PRIVATE KEY)-----(.+?)-----END \1-----", re.DOTALL)


def write_private_key(
    provider: SoftwareProvider, key: KeyHandle, passphrase: bytes, iterations: int = kdf.ITERATIONS, prf: Prf = Prf.SM3
) -> bytes:
    """Return the key as PEM ``ENCRYPTED PRIVATE KEY``. There is no way to write it unencrypted."""
    salt, iv = os.urandom(16), os.urandom(BLOCK_BYTES)
    private = provider.private_bytes(key)
    wrapping = _wrapping_key(passphrase, salt, iterations, prf)
    try:
        context = sm4.cbc_encryptor(wrapping, iv)
        info = der.sequence(der.integer(0), _ALGORITHM, der.octets(bytes(private)))
        encrypted = context.update(sm4.pad(info)) + context.finalize()
    finally:
        clear(private)
        clear(wrapping)
    function = der.sequence(der.element(_OBJECT, _PRF_OIDS[prf]), _NULL)
    derivation = der.sequence(
        der.element(_OBJECT, _PBKDF2), der.sequence(der.octets(salt), der.integer(iterations), function)
    )
    scheme = der.sequence(der.element(_OBJECT, _SM4_CBC), der.octets(iv))
    algorithm = der.sequence(der.element(_OBJECT, _PBES2), der.sequence(derivation, scheme))
    return pem("ENCRYPTED PRIVATE KEY", der.sequence(algorithm, der.octets(encrypted)))


def read_private_key(
    provider: SoftwareProvider, content: bytes, passphrase: bytes | None, *, production: bool, label: str = ""
) -> KeyHandle:
    """Take in an SM2 private key from PEM: encrypted PKCS#8, or, outside production, unencrypted PKCS#8 or SEC 1.

    Raises
    ------
    PlainKeyRefused
        Unencrypted, and this is production.
    DecryptionFailed
        Encrypted, and the passphrase is missing or wrong.
    MalformedKey
        Not PEM, not SM2, or encrypted otherwise than with PBES2, PBKDF2 and SM4-CBC.
    """
    found = _PEM.search(content)
    if found is None:
        raise _malformed("no PEM private key")
    try:
        encoded = base64.b64decode(b"".join(found[2].split()), validate=True)
    except binascii.Error as error:
        raise _malformed("PEM is not Base64") from error
    if found[1] != b"ENCRYPTED PRIVATE KEY":
        if production:
            raise PlainKeyRefused(
                "生产环境不接受未加密的私钥文件。请用口令加密 (openssl pkcs8 -topk8 -v2 sm4-cbc) 或使用密码设备。",
                "An unencrypted private key file is refused in production. Encrypt it with a passphrase "
                "(openssl pkcs8 -topk8 -v2 sm4-cbc) or use a device.",
            )
        return provider.take_sm2(sm2_libcrypto.from_private_bytes(encoded), label)
    if passphrase is None:
        raise _wrong_passphrase()
    try:
        private = bytearray(_decrypt(encoded, passphrase))
    except der.NotDer as error:
        raise _malformed(str(error)) from error
    try:
        return provider.take_sm2(sm2_libcrypto.from_private_bytes(private), label)
    except MalformedKey:
        # right padding by chance (1 in 256) under a wrong passphrase
        raise _wrong_passphrase() from None
    finally:
        clear(private)


def read_private_key_file(
    provider: SoftwareProvider, path: str | os.PathLike[str], passphrase: bytes | None, *, production: bool
) -> KeyHandle:
    """`read_private_key` from a file, labelled with the file's name."""
    file = Path(path)
    return read_private_key(provider, file.read_bytes(), passphrase, production=production, label=file.name)


def pem(kind: str, content: bytes) -> bytes:
    """Return ``content`` as PEM with lines of 64 letters (RFC 7468)."""
    text = base64.b64encode(content).decode("ascii")
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""]).encode("ascii")


def _decrypt(encoded: bytes, passphrase: bytes) -> bytes:
    content = der.take_whole(_SEQUENCE, encoded)
    algorithm, at = der.take(_SEQUENCE, content)
    encrypted, at = der.take(_OCTETS, content, at)
    name, after = der.take(_OBJECT, algorithm)
    if name != _PBES2 or at != len(content):
        raise der.NotDer("not PBES2")
    parameters, _ = der.take(_SEQUENCE, algorithm, after)
    derivation, after = der.take(_SEQUENCE, parameters)
    scheme, _ = der.take(_SEQUENCE, parameters, after)
    cipher, after = der.take(_OBJECT, scheme)
    if cipher != _SM4_CBC:
        raise der.NotDer("not SM4-CBC")
    iv, _ = der.take(_OCTETS, scheme, after)
    salt, iterations, prf = _read_derivation(derivation)
    wrapping = _wrapping_key(passphrase, salt, iterations, prf)
    try:
        return sm4.finish_cbc(sm4.cbc_decryptor(wrapping, iv), encrypted)
    except DecryptionFailed:
        raise _wrong_passphrase() from None
    finally:
        clear(wrapping)


def _read_derivation(derivation: bytes) -> tuple[bytes, int, Prf]:
    name, after = der.take(_OBJECT, derivation)
    if name != _PBKDF2:
        raise der.NotDer("not PBKDF2")
    parameters, _ = der.take(_SEQUENCE, derivation, after)
    salt, at = der.take(_OCTETS, parameters)
    iterations, at = der.take_integer(parameters, at)
    if not 0 < iterations <= _MAXIMUM_ITERATIONS:
        raise der.NotDer(f"{iterations} iterations, at most {_MAXIMUM_ITERATIONS}")
    if parameters[at : at + 1] == bytes((_INTEGER,)):
        length, at = der.take_integer(parameters, at)
        if length != BLOCK_BYTES:
            raise der.NotDer("key length is not 16")
    function, _ = der.take(_SEQUENCE, parameters, at)
    oid, _ = der.take(_OBJECT, function)
    for prf, known in _PRF_OIDS.items():
        if oid == known:
            return salt, iterations, prf
    raise der.NotDer("PBKDF2 with neither HMAC-SM3 nor HMAC-SHA-256")


def _wrapping_key(passphrase: bytes, salt: bytes, iterations: int, prf: Prf) -> bytearray:
    return bytearray(PBKDF2HMAC(_PRF_HASHES[prf], BLOCK_BYTES, salt, iterations).derive(passphrase))


def _malformed(reason: str) -> MalformedKey:
    return MalformedKey(
        f"不是可读的SM2私钥文件: {reason}。请提供PEM格式、SM4-CBC加密的PKCS#8。",
        f"Not a readable SM2 private key file: {reason}. Give PKCS#8 in PEM, encrypted with SM4-CBC.",
        reason=reason,
    )


def _wrong_passphrase() -> DecryptionFailed:
    return DecryptionFailed(
        "私钥无法解密: 口令缺失或错误, 或文件被改动。请核对口令和文件。",
        "The private key cannot be decrypted: missing or wrong passphrase, or a changed file. Check both.",
    )
