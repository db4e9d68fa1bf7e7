"""The provider in software. 软件密码服务: OpenSSL for SM2, ``cryptography`` for the rest.

A working implementation for function and test, **not** a certified module (GB/T 37092): where the law asks for one, a
device takes its place behind the same interface.
"""

from __future__ import annotations

import hmac
import os
from contextlib import suppress
from threading import Lock
from weakref import WeakKeyDictionary

from kunyu.kernel.crypto import der, kdf, sm2_libcrypto, sm2_points, sm4
from kunyu.kernel.crypto.errors import DecryptionFailed, LibcryptoMissing, MalformedKey, WrongKey
from kunyu.kernel.crypto.provider import (
    DEFAULT_USER_ID,
    NONCE_BYTES,
    SECRET_BYTES,
    KeyHandle,
    KeyKind,
    SignatureForm,
)
from kunyu.kernel.crypto.secrets_in_memory import SecretBytes
from kunyu.kernel.crypto.sm2_libcrypto import Sm2Key

_WRAP_VERSION = b"\x01"
_WRAP_CONTEXT = b"kunyu.wrap.1\x00"


class SoftwareProvider:
    """Keys in this process's memory. Safe for many threads; nothing survives the process unless wrapped."""

    name = "software"
    certified = False

    def __init__(self) -> None:
        self._keys: WeakKeyDictionary[KeyHandle, SecretBytes | Sm2Key] = WeakKeyDictionary()
        self._lock = Lock()

    def random(self, count: int) -> bytes:
        """Return bytes from the operating system's generator."""
        return os.urandom(count)

    # --- keys ---
    def generate(self, kind: KeyKind, label: str = "") -> KeyHandle:
        """Make a key pair or a secret."""
        if kind is KeyKind.SM2:
            return self._keep(sm2_libcrypto.generate(), kind, label)
        return self.take_secret(bytearray(os.urandom(SECRET_BYTES[kind])), kind, label)

    def take_secret(self, content: bytearray, kind: KeyKind, label: str = "") -> KeyHandle:
        """Take in a secret key's bytes, which now belong to the provider; not part of what a device offers."""
        if kind is KeyKind.SM2 or len(content) != SECRET_BYTES[kind]:
            raise MalformedKey(
                f"{kind}密钥长度不符, 实为{len(content)}字节。请核对来源。",
                f"Not a key of kind {kind}: {len(content)} bytes. Check its origin.",
                length=len(content),
            )
        return self._keep(SecretBytes(content), kind, label)

    def take_sm2(self, key: Sm2Key, label: str = "") -> KeyHandle:
        """Take in an SM2 key read from a file; not part of what a device offers."""
        return self._keep(key, KeyKind.SM2, label)

    def private_bytes(self, key: KeyHandle) -> bytearray:
        """Return an SM2 private key (SEC 1, DER) for `pkcs8`; a device would refuse. The caller clears it."""
        return self._sm2(key).private_bytes()

    def public_key(self, key: KeyHandle) -> bytes:
        """Return the 65 bytes of an SM2 key's public point."""
        return self._sm2(key).public_key

    def destroy(self, key: KeyHandle) -> None:
        """Zeroise at once; SM2 keys are cleared by OpenSSL when the last running call ends."""
        with self._lock:
            held = self._keys.pop(key, None)
        if isinstance(held, SecretBytes):
            held.wipe()
        elif held is not None:
            held.forget()

    def wrap(self, wrapping: KeyHandle, key: KeyHandle, aad: bytes = b"") -> bytes:
        """SM4-GCM over the key: 01, nonce (12), ciphertext, tag (16). GB/T 36624-2018, mechanism GCM."""
        nonce = os.urandom(NONCE_BYTES)
        with self._secret(key).reading() as content:
            plain = bytes(content)
        return _WRAP_VERSION + nonce + self.seal(wrapping, nonce, plain, _wrap_aad(key.kind, aad))

    def unwrap(self, wrapping: KeyHandle, blob: bytes, kind: KeyKind, aad: bytes = b"", label: str = "") -> KeyHandle:
        """Take in what `wrap` gave."""
        if blob[:1] != _WRAP_VERSION or len(blob) <= 1 + NONCE_BYTES:
            raise _unwrap_failed()
        nonce, sealed = blob[1 : 1 + NONCE_BYTES], blob[1 + NONCE_BYTES :]
        return self.take_secret(bytearray(self.unseal(wrapping, nonce, sealed, _wrap_aad(kind, aad))), kind, label)

    def wrap_for(self, public_key: bytes, key: KeyHandle) -> bytes:
        """SM2-encrypt the kind (one byte of length, its name) and the key."""
        with self._secret(key).reading() as content:
            return self.encrypt(public_key, _kind_prefix(key.kind) + bytes(content))

    def unwrap_from(self, private: KeyHandle, blob: bytes, kind: KeyKind, label: str = "") -> KeyHandle:
        """Take in what `wrap_for` gave."""
        plain, prefix = self.decrypt(private, blob), _kind_prefix(kind)
        if not plain.startswith(prefix):
            raise _unwrap_failed()
        return self.take_secret(bytearray(plain[len(prefix) :]), kind, label)

    def derive(self, key: KeyHandle, context: bytes, kind: KeyKind, label: str = "") -> KeyHandle:
        """Derive an SM4 or MAC key; the kind is part of the context."""
        with self._secret(key, KeyKind.MAC).reading() as content:
            made = kdf.derive(content, _kind_prefix(kind) + context, SECRET_BYTES[kind])
        return self.take_secret(made, kind, label)

    def from_passphrase(self, passphrase: bytes, salt: bytes, iterations: int, label: str = "") -> KeyHandle:
        """Derive an SM4 key by PBKDF2 with HMAC-SM3."""
        made = kdf.from_passphrase(passphrase, salt, iterations, SECRET_BYTES[KeyKind.SM4])
        return self.take_secret(made, KeyKind.SM4, label)

    # --- SM2 ---
    def sign(
        self,
        key: KeyHandle,
        message: bytes,
        user_id: bytes = DEFAULT_USER_ID,
        form: SignatureForm = SignatureForm.DER,
    ) -> bytes:
        """Sign SM3(Z || message)."""
        signature = self._sm2(key).sign(message, user_id)
        return signature if form is SignatureForm.DER else der.signature_to_raw(signature)

    def verify(
        self,
        public_key: bytes,
        message: bytes,
        signature: bytes,
        user_id: bytes = DEFAULT_USER_ID,
        form: SignatureForm = SignatureForm.DER,
    ) -> bool:
        """Verify with OpenSSL, or in Python where it is missing (slower, the same answer)."""
        if form is SignatureForm.RAW:
            if len(signature) != 2 * der.SCALAR_BYTES:
                return False
            signature = der.signature_from_raw(signature)
        with suppress(LibcryptoMissing):
            return sm2_libcrypto.verify(public_key, message, signature, user_id)
        try:
            r, s = der.read_signature(signature)
            return sm2_points.verify(public_key, message, r, s, user_id)
        except (der.NotDer, MalformedKey):
            return False

    def encrypt(self, public_key: bytes, plaintext: bytes) -> bytes:
        """Encrypt 1 to 4096 bytes for the holder of ``public_key``."""
        return sm2_libcrypto.encrypt(public_key, plaintext)

    def decrypt(self, key: KeyHandle, ciphertext: bytes) -> bytes:
        """Undo `encrypt`."""
        return self._sm2(key).decrypt(ciphertext)

    # --- SM4 and HMAC-SM3: the key is read under its lock, the data is worked on outside it ---
    def seal(self, key: KeyHandle, nonce: bytes, plaintext: bytes, aad: bytes = b"") -> bytes:
        """SM4-GCM: ciphertext and tag."""
        with self._secret(key, KeyKind.SM4).reading() as content:
            sealing = sm4.GcmSealing(content, nonce, aad)
        return sealing.finish(plaintext)

    def unseal(self, key: KeyHandle, nonce: bytes, sealed: bytes, aad: bytes = b"") -> bytes:
        """Undo `seal`."""
        with self._secret(key, KeyKind.SM4).reading() as content:
            opening = sm4.GcmOpening(content, nonce, sealed, aad)
        return opening.finish()

    def encrypt_cbc(self, key: KeyHandle, iv: bytes, plaintext: bytes) -> bytes:
        """SM4-CBC with PKCS#7 padding."""
        with self._secret(key, KeyKind.SM4).reading() as content:
            context = sm4.cbc_encryptor(content, iv)
        return context.update(sm4.pad(plaintext)) + context.finalize()

    def decrypt_cbc(self, key: KeyHandle, iv: bytes, ciphertext: bytes) -> bytes:
        """Undo `encrypt_cbc`."""
        with self._secret(key, KeyKind.SM4).reading() as content:
            context = sm4.cbc_decryptor(content, iv)
        return sm4.finish_cbc(context, ciphertext)

    def apply_ctr(self, key: KeyHandle, counter: bytes, data: bytes) -> bytes:
        """SM4-CTR, both directions."""
        with self._secret(key, KeyKind.SM4).reading() as content:
            context = sm4.ctr(content, counter)
        return context.update(data) + context.finalize()

    def mac(self, key: KeyHandle, data: bytes) -> bytes:
        """HMAC-SM3."""
        with self._secret(key, KeyKind.MAC).reading() as content:
            return kdf.hmac_sm3(content, data)

    def verify_mac(self, key: KeyHandle, data: bytes, mac: bytes) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self.mac(key, data), mac)

    # --- the table of keys ---
    def _keep(self, held: SecretBytes | Sm2Key, kind: KeyKind, label: str) -> KeyHandle:
        handle = KeyHandle(self.name, kind, label)
        with self._lock:
            self._keys[handle] = held
        return handle

    def _held(self, key: KeyHandle) -> SecretBytes | Sm2Key:
        with self._lock:
            held = self._keys.get(key)
        if held is None:
            raise WrongKey(
                f"密钥“{key.label}”已销毁或不属于此密码服务。请换用现行密钥。",
                f"Key '{key.label}' was destroyed or belongs to another provider. Use the active key.",
                label=key.label,
            )
        return held

    def _sm2(self, key: KeyHandle) -> Sm2Key:
        held = self._held(key)
        if not isinstance(held, Sm2Key):
            raise _wrong_kind(key, KeyKind.SM2)
        return held

    def _secret(self, key: KeyHandle, kind: KeyKind | None = None) -> SecretBytes:
        held = self._held(key)
        if not isinstance(held, SecretBytes) or (kind is not None and key.kind is not kind):
            raise _wrong_kind(key, kind)
        return held


def _wrap_aad(kind: KeyKind, aad: bytes) -> bytes:
    return _WRAP_CONTEXT + _kind_prefix(kind) + aad


def _kind_prefix(kind: KeyKind) -> bytes:
    name = kind.value.encode("ascii")
    return bytes((len(name),)) + name


def _wrong_kind(key: KeyHandle, wanted: KeyKind | None) -> WrongKey:
    expected = wanted or "sm4/mac"
    return WrongKey(
        f"密钥“{key.label}”的用途是{key.kind}, 此处需要{expected}。请换用相应密钥。",
        f"Key '{key.label}' is of kind {key.kind}; this needs {expected}. Use such a key.",
        label=key.label,
        kind=key.kind.value,
    )


def _unwrap_failed() -> DecryptionFailed:
    return DecryptionFailed(
        "密钥解包失败: 包装密钥不符或内容被改动。请核对密钥环和根密钥。",
        "Unwrapping failed: another wrapping key, or changed content. Check the key ring and the root key.",
    )
