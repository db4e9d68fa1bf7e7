"""Signers of tests without a database: a root of each suite, a seal and a clock below it, forgers of the same names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from kunyu.engines.documents.signatures.suites import ECDSA, SM2, Identity
from kunyu.kernel.crypto import certificates, p256_certificates
from kunyu.kernel.crypto.provider import KeyKind
from kunyu.kernel.crypto.software import SoftwareProvider

NOW = datetime.now(UTC).replace(microsecond=0)
YEAR = (NOW - timedelta(hours=1), NOW + timedelta(days=365))
_STAMPING = certificates.Profile(frozenset({"digital_signature"}), extended_key_usage=("time_stamping",))


@dataclass(frozen=True)
class Signers:
    """A seal, its clock and the root (DER) above both."""

    seal: Identity
    clock: Identity
    root: bytes


def sm2_signers(name: str = "章", code: str = "KY1") -> Signers:
    provider = SoftwareProvider()
    key = provider.generate(KeyKind.SM2)
    root = certificates.self_signed(provider, key, {"common_name": "试验根"}, YEAR)
    issuer = certificates.Issuer(key, root)

    def identity(common_name: str, profile: certificates.Profile) -> Identity:
        own = provider.generate(KeyKind.SM2)
        subject = {"serial_number": code, "common_name": common_name}
        certificate = certificates.issue(provider, issuer, subject, provider.public_key(own), YEAR, profile)
        return Identity(SM2, certificate.der, (root.der,), lambda message: provider.sign(own, message))

    return Signers(identity(name, certificates.SIGNING), identity("clock", _STAMPING), root.der)


def ecdsa_signers(name: str = "章", code: str = "KY1") -> Signers:
    key = ec.generate_private_key(ec.SECP256R1())
    root = p256_certificates.self_signed(key, {"common_name": "Test root"}, YEAR)

    def identity(common_name: str, profile: p256_certificates.P256Profile) -> Identity:
        own = ec.generate_private_key(ec.SECP256R1())
        subject = {"serial_number": code, "common_name": common_name}
        certificate = p256_certificates.issue(key, root, subject, own.public_key(), YEAR, profile)
        return Identity(ECDSA, certificate, (root,), lambda message: own.sign(message, ec.ECDSA(hashes.SHA256())))

    signing, stamping = p256_certificates.SIGNING, p256_certificates.TIME_STAMPING
    return Signers(identity(name, signing), identity("clock", stamping), root)


def signers(suite: str) -> Signers:
    return sm2_signers() if suite == "sm2" else ecdsa_signers()
