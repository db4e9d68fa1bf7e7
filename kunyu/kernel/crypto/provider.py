"""The one interface to cryptography. 密码服务接口.

Callers hold a `KeyHandle`, never a key. So a certified device (SDF: GB/T 36322-2018, GM/T 0018; SKF: GB/T 35291-2017,
GM/T 0016) can take the software provider's place: its handles name keys that never leave it. No such device was at
hand; the mapping in the reference page was read from the standards' function lists, not tried.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NoReturn, Protocol, runtime_checkable

DEFAULT_USER_ID = b"1234567812345678"
"""The signer's identity where none is agreed (GM/T 0009-2012 §10)."""

PUBLIC_KEY_BYTES = 65
"""An SM2 public key: 0x04, x (32 bytes), y (32 bytes), big-endian, as X.509 carries it."""

BLOCK_BYTES = 16
NONCE_BYTES = 12
TAG_BYTES = 16


class KeyKind(StrEnum):
    """What a key may be used for; one key serves one kind of use."""

    SM2 = "sm2"
    SM4 = "sm4"
    MAC = "mac"


SECRET_BYTES = {KeyKind.SM4: 16, KeyKind.MAC: 32}


class SignatureForm(StrEnum):
    """How a signature is written."""

    DER = "der"
    """ASN.1 ``SEQUENCE { r, s }`` (GB/T 35276-2017, GM/T 0009): certificates, messages."""
    RAW = "raw"
    """r and s, 32 bytes each, big-endian: devices and many web libraries."""


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class KeyHandle:
    """A reference to a key inside a provider. Two handles are equal only when they are the same object.

    Attributes
    ----------
    provider : str
        Name of the provider that holds the key.
    kind : KeyKind
    label : str
        For people and logs; not secret, not unique.
    token : object
        The provider's own reference (an index in a device). Nothing secret.
    """

    provider: str
    kind: KeyKind
    label: str = ""
    token: Any = field(default=None, repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key handle is valid only in the process and provider that made it")


@runtime_checkable
class CryptoProvider(Protocol):
    """What a software library or a device must do. All methods may be called from many threads at once.

    Every method that takes a handle raises `WrongKey` for a key of another kind, of another provider, or destroyed.
    Every decryption raises `DecryptionFailed` without a reason.
    """

    name: str
    certified: bool
    """True only for a module with a certificate of the State Cryptography Administration."""

    def random(self, count: int) -> bytes:
        """Return ``count`` bytes for keys and nonces."""

    # --- keys ---
    def generate(self, kind: KeyKind, label: str = "") -> KeyHandle:
        """Make a key inside the provider."""

    def public_key(self, key: KeyHandle) -> bytes:
        """Return the 65 bytes of an SM2 key's public point."""

    def destroy(self, key: KeyHandle) -> None:
        """Zeroise the key; the handle is dead from now on. Destroying twice does nothing."""

    def wrap(self, wrapping: KeyHandle, key: KeyHandle, aad: bytes = b"") -> bytes:
        """Encrypt a secret (SM4 or MAC) key under an SM4 key, bound to its kind and to ``aad``."""

    def unwrap(self, wrapping: KeyHandle, blob: bytes, kind: KeyKind, aad: bytes = b"", label: str = "") -> KeyHandle:
        """Take in what `wrap` gave, under the same kind and ``aad``."""

    def wrap_for(self, public_key: bytes, key: KeyHandle) -> bytes:
        """Encrypt a secret key for the holder of an SM2 key (digital envelope)."""

    def unwrap_from(self, private: KeyHandle, blob: bytes, kind: KeyKind, label: str = "") -> KeyHandle:
        """Take in what `wrap_for` gave."""

    def derive(self, key: KeyHandle, context: bytes, kind: KeyKind, label: str = "") -> KeyHandle:
        """Derive a key from a MAC key; the same context always gives the same key."""

    def from_passphrase(self, passphrase: bytes, salt: bytes, iterations: int, label: str = "") -> KeyHandle:
        """Derive an SM4 key by PBKDF2 with HMAC-SM3."""

    # --- SM2 ---
    def sign(
        self,
        key: KeyHandle,
        message: bytes,
        user_id: bytes = DEFAULT_USER_ID,
        form: SignatureForm = SignatureForm.DER,
    ) -> bytes:
        """Sign ``SM3(Z || message)``."""

    def verify(
        self,
        public_key: bytes,
        message: bytes,
        signature: bytes,
        user_id: bytes = DEFAULT_USER_ID,
        form: SignatureForm = SignatureForm.DER,
    ) -> bool:
        """Tell whether the signature is right. Malformed signatures and points are simply not."""

    def encrypt(self, public_key: bytes, plaintext: bytes) -> bytes:
        """Encrypt 1 to 4096 bytes; ASN.1 ``SEQUENCE { x, y, C3, C2 }`` (GM/T 0009)."""

    def decrypt(self, key: KeyHandle, ciphertext: bytes) -> bytes:
        """Undo `encrypt`."""

    # --- SM4 and HMAC-SM3 ---
    def seal(self, key: KeyHandle, nonce: bytes, plaintext: bytes, aad: bytes = b"") -> bytes:
        """SM4-GCM: ciphertext and 16-byte tag. The caller never uses a 12-byte nonce twice under one key."""

    def unseal(self, key: KeyHandle, nonce: bytes, sealed: bytes, aad: bytes = b"") -> bytes:
        """Undo `seal`."""

    def encrypt_cbc(self, key: KeyHandle, iv: bytes, plaintext: bytes) -> bytes:
        """SM4-CBC with PKCS#7 padding. Not authenticated: only for formats that demand it, with a MAC around it."""

    def decrypt_cbc(self, key: KeyHandle, iv: bytes, ciphertext: bytes) -> bytes:
        """Undo `encrypt_cbc`. The caller checks the MAC first, or padding becomes an oracle."""

    def apply_ctr(self, key: KeyHandle, counter: bytes, data: bytes) -> bytes:
        """SM4-CTR, both directions. Not authenticated."""

    def mac(self, key: KeyHandle, data: bytes) -> bytes:
        """HMAC-SM3, 32 bytes."""

    def verify_mac(self, key: KeyHandle, data: bytes, mac: bytes) -> bool:
        """Compare in constant time."""
