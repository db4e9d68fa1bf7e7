"""X.509 certificates with ECDSA on P-256 and SHA-256, for readers that know no SM2. RFC 5280, RFC 5480.

The counterpart of `certificates`, which knows SM2 only. Building goes through ``cryptography``; so does reading the key.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from kunyu.kernel.crypto.errors import MalformedCertificate

_NAMES = {
    "country_name": NameOID.COUNTRY_NAME,
    "organization_name": NameOID.ORGANIZATION_NAME,
    "serial_number": NameOID.SERIAL_NUMBER,
    "common_name": NameOID.COMMON_NAME,
}

_UNDERSTOOD = {ExtensionOID.KEY_USAGE, ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.EXTENDED_KEY_USAGE}


@dataclass(frozen=True)
class P256Profile:
    """What a certificate is for: ``authority``, ``signing`` or ``time_stamping``."""

    is_ca: bool = False
    time_stamping: bool = False


AUTHORITY = P256Profile(is_ca=True)
SIGNING = P256Profile()
TIME_STAMPING = P256Profile(time_stamping=True)


def self_signed(
    key: ec.EllipticCurvePrivateKey, subject: Mapping[str, str], validity: tuple[datetime, datetime]
) -> bytes:
    """Return a root in DER; ``validity`` is two aware datetimes."""
    name = _name(subject)
    return _signed(key, name, name, key.public_key(), key.public_key(), validity, AUTHORITY)


def issue(
    issuer_key: ec.EllipticCurvePrivateKey, issuer: bytes, subject: Mapping[str, str],
    public_key: ec.EllipticCurvePublicKey, validity: tuple[datetime, datetime], profile: P256Profile = SIGNING,
) -> bytes:  # fmt: skip
    """Return a certificate in DER, signed by ``issuer_key``; ``issuer`` is that key's certificate in DER."""
    above = x509.load_der_x509_certificate(issuer).subject
    return _signed(issuer_key, above, _name(subject), public_key, issuer_key.public_key(), validity, profile)


def public_key_of(certificate: bytes) -> ec.EllipticCurvePublicKey:
    """Return the public key of a DER certificate.

    Raises
    ------
    MalformedCertificate
        Not a certificate, or its key is not on P-256.
    """
    try:
        found = x509.load_der_x509_certificate(certificate).public_key()
    except ValueError as error:
        raise _malformed(str(error)) from error
    if not isinstance(found, ec.EllipticCurvePublicKey) or found.curve.name != "secp256r1":
        raise _malformed("its key is not on P-256 / 公钥不在P-256曲线上")
    return found


def issued_directly(
    certificate: bytes, roots: Sequence[bytes], at: datetime, *, time_stamping: bool = False
) -> bytes | None:
    """Return the root (DER) that issued an end certificate itself, when both are good at ``at`` for this purpose.

    None says nothing against it: a chain may be longer, or whoever asks wants to know what is wrong.
    """
    try:
        one = x509.load_der_x509_certificate(certificate)
        known = {extension.oid: extension.value for extension in one.extensions}
        critical = {extension.oid for extension in one.extensions if extension.critical}
        purposes = known.get(ExtensionOID.EXTENDED_KEY_USAGE)
        usage, constraints = known[ExtensionOID.KEY_USAGE], known[ExtensionOID.BASIC_CONSTRAINTS]
        stamps = isinstance(purposes, x509.ExtendedKeyUsage) and list(purposes) == [ExtendedKeyUsageOID.TIME_STAMPING]
        if not critical <= _UNDERSTOOD or stamps != time_stamping or (purposes is not None and not stamps):
            return None
        if not (isinstance(usage, x509.KeyUsage) and usage.digital_signature):
            return None
        if not isinstance(constraints, x509.BasicConstraints) or constraints.ca:
            return None
        for encoded in roots:
            root = x509.load_der_x509_certificate(encoded)
            if root.subject == one.issuer and all(
                each.not_valid_before_utc <= at <= each.not_valid_after_utc for each in (one, root)
            ):
                one.verify_directly_issued_by(root)
                return encoded
    except (ValueError, TypeError, KeyError, InvalidSignature):
        return None
    return None


def pem(certificate: bytes) -> str:
    """Return a DER certificate as PEM."""
    loaded = x509.load_der_x509_certificate(certificate)
    return loaded.public_bytes(serialization.Encoding.PEM).decode("ascii")


def read_pem(text: str) -> bytes:
    """Return the DER of a PEM certificate."""
    return x509.load_pem_x509_certificate(text.encode("ascii")).public_bytes(serialization.Encoding.DER)


def _signed(
    key: ec.EllipticCurvePrivateKey, issuer: x509.Name, subject: x509.Name, public_key: ec.EllipticCurvePublicKey,
    authority: ec.EllipticCurvePublicKey, validity: tuple[datetime, datetime], profile: P256Profile,
) -> bytes:  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(public_key)
        .serial_number(secrets.randbits(127) | 1 << 126)
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
        .add_extension(x509.BasicConstraints(ca=profile.is_ca, path_length=0 if profile.is_ca else None), critical=True)
        .add_extension(_usage(profile), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority), critical=False)
    )
    if profile.time_stamping:  # RFC 3161 §2.3: this purpose alone, and critical
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _usage(profile: P256Profile) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not profile.is_ca, content_commitment=not profile.is_ca, key_cert_sign=profile.is_ca,
        crl_sign=profile.is_ca, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _name(parts: Mapping[str, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, parts[word]) for word, oid in _NAMES.items() if word in parts])


def _malformed(reason: str) -> MalformedCertificate:
    return MalformedCertificate(
        f"不是可用的ECDSA证书: {reason}", f"Not a usable ECDSA certificate: {reason}", reason=reason
    )
