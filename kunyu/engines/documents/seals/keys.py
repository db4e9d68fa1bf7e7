"""Where the private keys of seals lie and sign: an interface, and the node's own way of it. 印章密钥.

Nothing outside an implementation ever sees a private key, so a certified device (智能密码钥匙, 签章服务器, behind SKF or
SDF) takes the place of `NodeKeys` by the setting ``KUNYU_SEALS_KEYS``. No such device was at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, runtime_checkable

from cryptography.hazmat.primitives.asymmetric import ec
from django.utils.module_loading import import_string

from kunyu.engines.documents.seals.settings import seals_settings
from kunyu.engines.security import key_pairs


@dataclass(frozen=True)
class PublicKeys:
    """Both public keys of a name: SM2 as 65 bytes, ECDSA on P-256."""

    sm2: bytes
    ecdsa: ec.EllipticCurvePublicKey


@runtime_checkable
class SealKeys(Protocol):
    """What a store of keys must do; safe for many threads and processes."""

    certified: bool
    """True only for a module with a certificate of the State Cryptography Administration."""

    def make(self, name: str) -> PublicKeys:
        """Draw an SM2 and a P-256 key under a name that is new."""

    def sign_sm2(self, name: str, message: bytes) -> bytes:
        """Return the DER signature of SM3(Z ‖ message)."""

    def sign_ecdsa(self, name: str, message: bytes) -> bytes:
        """Return the DER signature of SHA-256(message)."""

    def destroy(self, name: str) -> None:
        """Destroy both keys; doing it twice does nothing."""


class NodeKeys:
    """Keys in encrypted files of the node, under its key ring (`security.key_pairs`). Not a certified module."""

    certified = False

    def make(self, name: str) -> PublicKeys:
        """Draw and store both."""
        pair = key_pairs.make(name)
        return PublicKeys(pair.sm2_public, pair.ecdsa.public_key())

    def sign_sm2(self, name: str, message: bytes) -> bytes:
        """Sign with the SM2 key."""
        return key_pairs.open_pair(name).sign_sm2(message)

    def sign_ecdsa(self, name: str, message: bytes) -> bytes:
        """Sign with the P-256 key."""
        return key_pairs.open_pair(name).sign_ecdsa(message)

    def destroy(self, name: str) -> None:
        """Remove the file; backups of the node still hold it."""
        key_pairs.destroy(name)


@lru_cache(maxsize=1)
def seal_keys() -> SealKeys:
    """The store that the settings name."""
    made: SealKeys = import_string(seals_settings().keys)()
    return made
