"""The two sets of algorithms a seal signs with: SM2 with SM3 for law, ECDSA with SHA-256 for foreign readers. 算法组."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from kunyu.kernel.crypto import p256_certificates
from kunyu.kernel.crypto.certificates import read_certificate
from kunyu.kernel.crypto.errors import MalformedCertificate
from kunyu.kernel.crypto.software import SoftwareProvider
from kunyu.kernel.digests import Sm3

_PROVIDER = SoftwareProvider()


@dataclass(frozen=True)
class Suite:
    """Names of algorithms and types (object identifiers) and the digest.

    ``data_type`` and ``signed_type`` are those of RFC 5652, or of GB/T 35275-2017 (SM2 密码算法加密签名消息语法规范),
    whose numbers were read from several public implementations, not from the standard's text.
    """

    name: str
    digest_oid: str
    signature_oid: str
    data_type: str
    signed_type: str
    digest: Callable[[bytes], bytes] = field(repr=False)


SM2 = Suite(
    "sm2", "1.2.156.10197.1.401", "1.2.156.10197.1.301.1", "1.2.156.10197.6.1.4.2.1", "1.2.156.10197.6.1.4.2.2",
    lambda content: Sm3(content).digest(),
)  # fmt: skip
ECDSA = Suite(
    "ecdsa", "2.16.840.1.101.3.4.2.1", "1.2.840.10045.4.3.2", "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2",
    lambda content: hashlib.sha256(content).digest(),
)  # fmt: skip
SUITES = {one.name: one for one in (SM2, ECDSA)}
BY_DIGEST = {one.digest_oid: one for one in (SM2, ECDSA)}


@dataclass(frozen=True)
class Identity:
    """Who signs: certificate and chain above it (DER), and the act of signing a message (DER signature).

    ``sign`` may stand for a key in a device; nothing here needs the key itself.
    """

    suite: Suite
    certificate: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)
    sign: Callable[[bytes], bytes] = field(repr=False)


def verify(suite: Suite, certificate: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether ``signature`` (DER) over ``message`` was made with the certificate's key; malformed is simply not."""
    try:
        if suite is SM2:
            return _PROVIDER.verify(_sm2_key(certificate), message, signature)
        _ecdsa_key(certificate).verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except (MalformedCertificate, InvalidSignature, ValueError):
        return False
    return True


# the same few seals and clocks sign most of what is verified
@lru_cache(maxsize=256)
def _sm2_key(certificate: bytes) -> bytes:
    return read_certificate(certificate).public_key


@lru_cache(maxsize=256)
def _ecdsa_key(certificate: bytes) -> ec.EllipticCurvePublicKey:
    return p256_certificates.public_key_of(certificate)
