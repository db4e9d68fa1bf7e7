"""SM2 with private keys, through OpenSSL 3. SM2: GB/T 32918.2-2016 (sign), GB/T 32918.4-2016 (encrypt).

Private keys stay inside OpenSSL (`EVP_PKEY`, cleared when freed); secret arithmetic and the choice of k are OpenSSL's.
One key may be used by many threads at once: every operation makes its own context.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from kunyu.kernel.crypto import der, sm2_points
from kunyu.kernel.crypto.errors import DecryptionFailed, MalformedKey, WrongKey
from kunyu.kernel.crypto.libcrypto import Libcrypto, failure, load
from kunyu.kernel.crypto.provider import PUBLIC_KEY_BYTES

PLAINTEXT_LIMIT = 4096
"""Bytes one SM2 encryption takes. It is for keys and short texts; longer data is sealed with SM4."""

_SIGNATURE_ROOM = 72
# id-ecPublicKey with the named curve sm2p256v1, OID 1.2.156.10197.1.301
_ALGORITHM = bytes.fromhex("301306072a8648ce3d020106082a811ccf5501822d")
_SPKI_PREFIX = bytes.fromhex("3059") + _ALGORITHM + bytes.fromhex("034200")


class Sm2Key:
    """An SM2 key pair inside OpenSSL; `forget` drops it, the last user's end frees and clears it."""

    def __init__(self, crypto: Libcrypto, pkey: Any) -> None:
        self._crypto = crypto
        self._pkey: Any = crypto.ffi.gc(pkey, crypto.lib.EVP_PKEY_free)
        self.public_key = _public_bytes(crypto, pkey)

    def forget(self) -> None:
        """Let go of the key; calls already running finish with it."""
        self._pkey = None

    def _held(self) -> Any:
        pkey = self._pkey
        if pkey is None:
            raise WrongKey("密钥已销毁, 不能再用。请换用现行密钥。", "The key was destroyed. Use the active key.")
        return pkey

    def sign(self, message: bytes, user_id: bytes) -> bytes:
        """Return the DER signature of SM3(Z || message)."""
        crypto, pkey = self._crypto, self._held()
        ffi, lib = crypto.ffi, crypto.lib
        signature, size = ffi.new("unsigned char[]", _SIGNATURE_ROOM), ffi.new("size_t *", _SIGNATURE_ROOM)

        def act(context: Any) -> int:
            lib.EVP_DigestSignInit(context, ffi.NULL, lib.EVP_sm3(), ffi.NULL, pkey)
            return lib.EVP_DigestSign(context, signature, size, message, len(message))

        if _with_digest_context(crypto, pkey, user_id, act) != 1:
            raise failure(crypto, "EVP_DigestSign(SM2)")
        return bytes(ffi.buffer(signature, size[0]))

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Undo `encrypt`; DecryptionFailed for anything else."""
        crypto, pkey = self._crypto, self._held()
        ffi, lib = crypto.ffi, crypto.lib
        try:
            room = len(der.ciphertext_to_plain_c1c3c2(ciphertext))
        except der.NotDer:
            raise _decryption_failed() from None
        plaintext, size = ffi.new("unsigned char[]", room), ffi.new("size_t *", room)

        def act(context: Any) -> int:
            lib.EVP_PKEY_decrypt_init(context)
            return lib.EVP_PKEY_decrypt(context, plaintext, size, ciphertext, len(ciphertext))

        try:
            if _with_key_context(crypto, pkey, act) != 1:
                lib.ERR_clear_error()
                raise _decryption_failed()
            return bytes(ffi.buffer(plaintext, size[0]))
        finally:
            lib.OPENSSL_cleanse(plaintext, room)

    def private_bytes(self) -> bytearray:
        """Return the SEC 1 ``ECPrivateKey`` in DER; the caller zeroises it."""
        crypto, pkey = self._crypto, self._held()
        ffi, lib = crypto.ffi, crypto.lib
        size = lib.i2d_PrivateKey(pkey, ffi.NULL)
        if size <= 0:
            raise failure(crypto, "i2d_PrivateKey")
        room = ffi.new("unsigned char[]", size)
        try:
            lib.i2d_PrivateKey(pkey, ffi.new("unsigned char **", room))
            return bytearray(ffi.buffer(room, size))
        finally:
            lib.OPENSSL_cleanse(room, size)


def generate() -> Sm2Key:
    """Make a key pair with OpenSSL's random generator."""
    crypto = load()
    ffi, lib = crypto.ffi, crypto.lib
    context = lib.EVP_PKEY_CTX_new_from_name(ffi.NULL, b"SM2", ffi.NULL)
    try:
        made = ffi.new("EVP_PKEY **")
        if lib.EVP_PKEY_keygen_init(context) != 1 or lib.EVP_PKEY_generate(context, made) != 1:
            raise failure(crypto, "EVP_PKEY_generate(SM2)")
        return Sm2Key(crypto, made[0])
    finally:
        lib.EVP_PKEY_CTX_free(context)


def from_private_bytes(encoded: bytes | bytearray) -> Sm2Key:
    """Take in a private key: SEC 1 ``ECPrivateKey`` or unencrypted PKCS#8, DER.

    Raises
    ------
    MalformedKey
        No private key, another curve, out of range, or a public part that is not its own.
    """
    crypto = load()
    ffi, lib = crypto.ffi, crypto.lib
    source = ffi.from_buffer("unsigned char[]", encoded)
    pkey = lib.d2i_AutoPrivateKey(ffi.NULL, ffi.new("unsigned char const **", source), len(encoded))
    if pkey == ffi.NULL:
        lib.ERR_clear_error()
        raise _malformed_private()
    if lib.EVP_PKEY_is_a(pkey, b"SM2") != 1 or _with_key_context(crypto, pkey, lib.EVP_PKEY_pairwise_check) != 1:
        lib.ERR_clear_error()
        lib.EVP_PKEY_free(pkey)
        raise _malformed_private()
    return Sm2Key(crypto, pkey)


def verify(public_key: bytes, message: bytes, signature: bytes, user_id: bytes) -> bool:
    """Tell whether a DER signature is right; a malformed one, or a point off the curve, is not."""
    crypto = load()
    ffi, lib = crypto.ffi, crypto.lib
    try:
        pkey = _public_pkey(public_key)
        der.read_signature(signature)
    except (MalformedKey, der.NotDer):
        return False

    def act(context: Any) -> int:
        lib.EVP_DigestVerifyInit(context, ffi.NULL, lib.EVP_sm3(), ffi.NULL, pkey)
        return lib.EVP_DigestVerify(context, signature, len(signature), message, len(message))

    good = _with_digest_context(crypto, pkey, user_id, act) == 1
    if not good:
        lib.ERR_clear_error()
    return good


def encrypt(public_key: bytes, plaintext: bytes) -> bytes:
    """Return the ASN.1 ciphertext (x, y, C3, C2) of 1 to 4096 bytes.

    Raises
    ------
    MalformedKey
        When the public key is none.
    WrongKey
        When the text is empty or too long for SM2.
    """
    if not 1 <= len(plaintext) <= PLAINTEXT_LIMIT:
        raise WrongKey(
            f"SM2加密的内容应为1至{PLAINTEXT_LIMIT}字节, 实为{len(plaintext)}字节。较长内容请用SM4加密。",
            f"SM2 encrypts 1 to {PLAINTEXT_LIMIT} bytes; found {len(plaintext)}. Seal longer content with SM4.",
            length=len(plaintext),
            limit=PLAINTEXT_LIMIT,
        )
    crypto = load()
    ffi, lib = crypto.ffi, crypto.lib
    pkey = _public_pkey(public_key)
    room = len(plaintext) + 128
    ciphertext, size = ffi.new("unsigned char[]", room), ffi.new("size_t *", room)

    def act(context: Any) -> int:
        lib.EVP_PKEY_encrypt_init(context)
        return lib.EVP_PKEY_encrypt(context, ciphertext, size, plaintext, len(plaintext))

    if _with_key_context(crypto, pkey, act) != 1:
        raise failure(crypto, "EVP_PKEY_encrypt(SM2)")
    return bytes(ffi.buffer(ciphertext, size[0]))


def subject_public_key_info(public_key: bytes) -> bytes:
    """Return the DER SubjectPublicKeyInfo of a 65-byte point (OIDs of GM/T 0006)."""
    return _SPKI_PREFIX + public_key


# Verifying many signatures of one signer is the rule (audit chains, packages): decoding the point is a third of it.
@lru_cache(maxsize=256)
def _public_pkey(public_key: bytes) -> Any:
    crypto = load()
    ffi, lib = crypto.ffi, crypto.lib
    encoded = subject_public_key_info(public_key)
    source = ffi.from_buffer("unsigned char[]", encoded)
    pkey = ffi.NULL
    if len(public_key) == PUBLIC_KEY_BYTES and public_key[0] == 4:
        pkey = lib.d2i_PUBKEY(ffi.NULL, ffi.new("unsigned char const **", source), len(encoded))
    if pkey == ffi.NULL:
        lib.ERR_clear_error()
        raise MalformedKey(
            "不是曲线sm2p256v1上的SM2公钥 (65字节, 04开头)。请核对来源。",
            "Not an SM2 public key on sm2p256v1 (65 bytes, beginning with 04). Check its origin.",
        )
    return ffi.gc(pkey, lib.EVP_PKEY_free)


def _public_bytes(crypto: Libcrypto, pkey: Any) -> bytes:
    ffi, lib = crypto.ffi, crypto.lib
    size = lib.i2d_PUBKEY(pkey, ffi.NULL)
    room = ffi.new("unsigned char[]", max(size, 1))
    if size <= 0 or lib.i2d_PUBKEY(pkey, ffi.new("unsigned char **", room)) != size:
        raise failure(crypto, "i2d_PUBKEY")
    return bytes(ffi.buffer(room, size))[-PUBLIC_KEY_BYTES:]


def _with_key_context(crypto: Libcrypto, pkey: Any, act: Callable[[Any], int]) -> int:
    context = crypto.lib.EVP_PKEY_CTX_new(pkey, crypto.ffi.NULL)
    try:
        return act(context)
    finally:
        crypto.lib.EVP_PKEY_CTX_free(context)


def _with_digest_context(crypto: Libcrypto, pkey: Any, user_id: bytes, act: Callable[[Any], int]) -> int:
    sm2_points.require_user_id(user_id)
    lib = crypto.lib
    key_context = lib.EVP_PKEY_CTX_new(pkey, crypto.ffi.NULL)
    context = lib.EVP_MD_CTX_new()
    try:
        # the id goes in before the digest starts: Z is the first thing digested
        if lib.EVP_PKEY_CTX_set1_id(key_context, user_id, len(user_id)) != 1:
            raise failure(crypto, "EVP_PKEY_CTX_set1_id")
        lib.EVP_MD_CTX_set_pkey_ctx(context, key_context)
        return act(context)
    finally:
        lib.EVP_MD_CTX_free(context)
        lib.EVP_PKEY_CTX_free(key_context)


def _decryption_failed() -> DecryptionFailed:
    return DecryptionFailed(
        "SM2解密失败: 密钥不符或密文被改动。请核对密钥和来源。",
        "SM2 decryption failed: another key, or changed ciphertext. Check the key and the origin.",
    )


def _malformed_private() -> MalformedKey:
    return MalformedKey(
        "不是有效的SM2私钥 (曲线sm2p256v1)。请核对文件。", "Not a valid SM2 private key (sm2p256v1). Check the file."
    )
