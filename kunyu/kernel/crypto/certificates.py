"""X.509 certificates and requests with SM2 and SM3. 数字证书: GB/T 20518-2018, RFC 5280, PKCS#10 (RFC 2986).

Reading and building; trust is decided in `chains`. Signatures use the default user id, as GM/T 0015 asks.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from asn1crypto import core, csr, keys, x509

from kunyu.kernel.crypto import der, sm2_points
from kunyu.kernel.crypto.errors import MalformedCertificate, MalformedKey
from kunyu.kernel.crypto.pkcs8 import pem
from kunyu.kernel.crypto.provider import CryptoProvider, KeyHandle
from kunyu.kernel.crypto.sm2_libcrypto import subject_public_key_info
from kunyu.kernel.crypto.strict_der import whole_length
from kunyu.kernel.digests import Sm3, sm3_hex

SM2_WITH_SM3 = "1.2.156.10197.1.501"
SM2_CURVE = "1.2.156.10197.1.301"
LARGEST, LARGEST_FILE = 64 * 1024, 4 * 1024 * 1024
"""Bytes of one certificate or request, and of a text that holds many; certificates in use have 1 to 4 KiB."""
_MARK = re.compile(rb"-----(BEGIN|END) ([A-Z ]{1,40})-----")
_UNREADABLE = (
    ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, MalformedKey,
)  # fmt: skip
"""What a general ASN.1 library raises over bytes that somebody made up."""

Name = Mapping[str, str]
"""Parts of a distinguished name: ``common_name``, ``organization_name``, ``country_name`` (asn1crypto's words)."""


@dataclass(frozen=True)
class Certificate:
    """What a certificate says; nothing here is proven until `chains.verify_chain`.

    Attributes
    ----------
    der : bytes
        The certificate itself; two certificates are equal when these are.
    serial : int
    subject, issuer : str
        For people, most specific part first.
    subject_der, issuer_der : bytes
        Names normalised for comparison (RFC 5280 §7.1).
    not_before, not_after : datetime
        UTC.
    public_key : bytes
        65 bytes.
    is_ca : bool
    path_length : int or None
        How many intermediate certificates may stand below; None: no limit.
    key_usage, extended_key_usage : frozenset of str
        RFC 5280's names in asn1crypto's spelling; empty when the extension is absent.
    subject_key_id, authority_key_id : bytes or None
    alternative_names : tuple of str
    unknown_critical : tuple of str
        OIDs of critical extensions this project does not understand: such a certificate is refused.
    fingerprint : str
        SM3 of ``der``, hexadecimal.
    signed_bytes, signature : bytes
        What the issuer signed, and the DER signature.
    """

    der: bytes
    serial: int
    subject: str
    issuer: str
    subject_der: bytes
    issuer_der: bytes
    not_before: datetime
    not_after: datetime
    public_key: bytes
    is_ca: bool
    path_length: int | None
    key_usage: frozenset[str]
    extended_key_usage: frozenset[str]
    subject_key_id: bytes | None
    authority_key_id: bytes | None
    alternative_names: tuple[str, ...]
    unknown_critical: tuple[str, ...]
    fingerprint: str
    signed_bytes: bytes
    signature: bytes

    def pem(self) -> bytes:
        """Return the certificate in PEM."""
        return pem("CERTIFICATE", self.der)


@dataclass(frozen=True)
class Request:
    """A certificate request whose own signature was right: its sender holds the private key."""

    der: bytes
    subject: str
    name: Name
    public_key: bytes
    alternative_names: tuple[str, ...]

    def pem(self) -> bytes:
        """Return the request in PEM."""
        return pem("CERTIFICATE REQUEST", self.der)


@dataclass(frozen=True)
class Profile:
    """What a certificate is for. A person or a server has two: one signs, one encrypts (双证书)."""

    key_usage: frozenset[str]
    is_ca: bool = False
    path_length: int | None = None
    extended_key_usage: tuple[str, ...] = ()


AUTHORITY = Profile(frozenset({"key_cert_sign", "crl_sign"}), is_ca=True)
SIGNING = Profile(frozenset({"digital_signature", "non_repudiation"}))
ENCRYPTION = Profile(frozenset({"key_encipherment", "data_encipherment", "key_agreement"}))


@dataclass(frozen=True)
class Issuer:
    """Who signs: the private key and the certificate of the same public key."""

    key: KeyHandle
    certificate: Certificate


def read_certificate(content: bytes) -> Certificate:
    """Read the first certificate of a PEM text, or one in DER; MalformedCertificate when there is none."""
    return _parse_certificate(_first_block(content, b"CERTIFICATE"))


def read_certificates(content: bytes) -> tuple[Certificate, ...]:
    """Read every certificate of a PEM text."""
    return tuple(_parse_certificate(block) for block in _blocks(content, b"CERTIFICATE"))


def read_request(provider: CryptoProvider, content: bytes) -> Request:
    """Read a certificate request (PEM or DER) and check its own signature.

    Raises
    ------
    MalformedCertificate
        Not a request with SM2 and SM3, or its signature is wrong.
    """
    encoded = _first_block(content, b"CERTIFICATE REQUEST")
    try:
        signed, signature = _split_signed(encoded)
        info = csr.CertificationRequestInfo.load(signed, strict=True)
        public_key = _public_key(info["subject_pk_info"])
        request = Request(
            der=encoded,
            subject=info["subject"].human_friendly,
            name={name: str(value) for name, value in info["subject"].native.items()},
            public_key=public_key,
            alternative_names=_requested_names(info),
        )
    except _UNREADABLE as error:
        raise _malformed(error) from error
    if not provider.verify(public_key, signed, signature):
        raise _malformed(ValueError("its signature does not match its public key / 签名与公钥不符"))
    return request


def make_request(
    provider: CryptoProvider, key: KeyHandle, subject: Name, alternative_names: Sequence[str] = ()
) -> bytes:
    """Return a DER certificate request (PKCS#10), signed by ``key``; alternative names are host names."""
    attributes = []
    if alternative_names:
        extensions = x509.Extensions([_extension("subject_alt_name", _host_names(alternative_names), critical=False)])
        attributes.append({"type": "extension_request", "values": [extensions]})
    info = csr.CertificationRequestInfo(
        {
            "version": "v1",
            "subject": x509.Name.build(dict(subject)),
            "subject_pk_info": _spki(provider.public_key(key)),
            "attributes": attributes,
        }
    )
    return _sign(provider, key, info.dump())


def self_signed(
    provider: CryptoProvider, key: KeyHandle, subject: Name, validity: tuple[datetime, datetime],
    profile: Profile = AUTHORITY,
) -> Certificate:  # fmt: skip
    """Build a certificate that signs itself: a root. ``validity`` is two aware datetimes, both inclusive."""
    public_key = provider.public_key(key)
    name = x509.Name.build(dict(subject))
    tbs = _tbs(provider, name, name, public_key, validity, profile, (), key_id(public_key))
    return _parse_certificate(_sign(provider, key, tbs))


def issue(
    provider: CryptoProvider, issuer: Issuer, subject: Name, public_key: bytes,
    validity: tuple[datetime, datetime], profile: Profile, alternative_names: Sequence[str] = (),
) -> Certificate:  # fmt: skip
    """Build a certificate signed by ``issuer``.

    Raises
    ------
    MalformedKey
        When the public key is not a point of the curve.
    """
    sm2_points.read_point(public_key)
    issued_by = x509.Certificate.load(issuer.certificate.der)["tbs_certificate"]["subject"]
    authority = issuer.certificate.subject_key_id or key_id(issuer.certificate.public_key)
    name = x509.Name.build(dict(subject))
    tbs = _tbs(provider, issued_by, name, public_key, validity, profile, alternative_names, authority)
    return _parse_certificate(_sign(provider, issuer.key, tbs))


def key_id(public_key: bytes) -> bytes:
    """Return the key identifier: the first 20 bytes of SM3 over the point (RFC 7093 §2 method 1, with SM3)."""
    return Sm3(public_key).digest()[:20]


# --- building ---
def _tbs(
    provider: CryptoProvider, issuer: Any, subject: Any, public_key: bytes, validity: tuple[datetime, datetime],
    profile: Profile, names: Sequence[str], authority: bytes,
) -> bytes:  # fmt: skip
    constraints: dict[str, Any] = {"ca": profile.is_ca}
    if profile.path_length is not None:
        constraints["path_len_constraint"] = profile.path_length
    extensions = [
        _extension("basic_constraints", x509.BasicConstraints(constraints)),
        _extension("key_usage", x509.KeyUsage(set(profile.key_usage))),
        _extension("key_identifier", core.OctetString(key_id(public_key)), critical=False),
        _extension(
            "authority_key_identifier", x509.AuthorityKeyIdentifier({"key_identifier": authority}), critical=False
        ),
    ]
    if profile.extended_key_usage:
        usage = x509.ExtKeyUsageSyntax(list(profile.extended_key_usage))
        extensions.append(_extension("extended_key_usage", usage, critical=False))
    if names:
        extensions.append(_extension("subject_alt_name", _host_names(names), critical=False))
    serial = int.from_bytes(provider.random(16), "big") >> 1 | 1 << 120
    tbs = x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": serial,
            "signature": {"algorithm": SM2_WITH_SM3},
            "issuer": issuer,
            "validity": {"not_before": _time(validity[0]), "not_after": _time(validity[1])},
            "subject": subject,
            "subject_public_key_info": _spki(public_key),
            "extensions": extensions,
        }
    )
    return bytes(tbs.dump())


def _sign(provider: CryptoProvider, key: KeyHandle, signed: bytes) -> bytes:
    algorithm = der.sequence(der.element(0x06, bytes.fromhex("2a811ccf55018375")))
    return der.sequence(signed, algorithm, der.element(0x03, b"\x00" + provider.sign(key, signed)))


def _extension(name: str, value: Any, critical: bool = True) -> dict[str, Any]:
    return {"extn_id": name, "critical": critical, "extn_value": value}


def _host_names(names: Sequence[str]) -> Any:
    return x509.GeneralNames([x509.GeneralName(name="dns_name", value=name) for name in names])


def _spki(public_key: bytes) -> Any:
    return keys.PublicKeyInfo.load(subject_public_key_info(public_key))


def _time(moment: datetime) -> Any:
    """RFC 5280 §4.1.2.5: two-digit years up to 2049."""
    whole = moment.astimezone(UTC).replace(microsecond=0)
    return x509.Time({"utc_time" if whole.year < 2050 else "general_time": whole})


# --- reading ---
def _parse_certificate(encoded: bytes) -> Certificate:
    try:
        signed, signature = _split_signed(encoded)
        tbs = x509.Certificate.load(encoded, strict=True)["tbs_certificate"]
        if tbs["signature"]["algorithm"].dotted != SM2_WITH_SM3:
            raise ValueError("inner and outer signature algorithm differ")
        return _describe(encoded, signed, signature, tbs)
    except _UNREADABLE as error:
        raise _malformed(error) from error


def _describe(encoded: bytes, signed: bytes, signature: bytes, tbs: Any) -> Certificate:
    extensions, unknown = _extensions(tbs)
    constraints = extensions.get("basic_constraints", {})
    alternative = extensions.get("subject_alt_name") or ()
    authority = extensions.get("authority_key_identifier") or {}
    return Certificate(
        der=encoded,
        serial=tbs["serial_number"].native,
        subject=tbs["subject"].human_friendly,
        issuer=tbs["issuer"].human_friendly,
        subject_der=tbs["subject"].hashable.encode("utf-8"),
        issuer_der=tbs["issuer"].hashable.encode("utf-8"),
        not_before=tbs["validity"]["not_before"].native,
        not_after=tbs["validity"]["not_after"].native,
        public_key=_public_key(tbs["subject_public_key_info"]),
        is_ca=bool(constraints.get("ca", False)),
        path_length=constraints.get("path_len_constraint"),
        key_usage=frozenset(extensions.get("key_usage", ())),
        extended_key_usage=frozenset(extensions.get("extended_key_usage", ())),
        subject_key_id=extensions.get("key_identifier"),
        authority_key_id=authority.get("key_identifier"),
        alternative_names=tuple(str(name) for name in alternative),
        unknown_critical=unknown,
        fingerprint=sm3_hex(encoded),
        signed_bytes=signed,
        signature=signature,
    )


_UNDERSTOOD = {
    "basic_constraints", "key_usage", "extended_key_usage", "key_identifier", "authority_key_identifier",
    "subject_alt_name",
}  # fmt: skip


def _extensions(tbs: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    values: dict[str, Any] = {}
    unknown = []
    for extension in tbs["extensions"]:
        name = extension["extn_id"].native
        if name in values:
            raise ValueError(f"extension {name} appears twice")
        if name in _UNDERSTOOD:
            values[name] = extension["extn_value"].parsed.native
        elif extension["critical"].native:
            unknown.append(extension["extn_id"].dotted)
    return values, tuple(unknown)


def _split_signed(encoded: bytes) -> tuple[bytes, bytes]:
    """Return the signed bytes exactly as delivered, and the signature; before anything else parses them."""
    if len(encoded) > LARGEST:
        raise ValueError(f"{len(encoded)} bytes, at most {LARGEST} / {len(encoded)} 字节，上限 {LARGEST}")
    whole_length(encoded)
    content = der.take_whole(0x30, encoded)
    _, end = der.take(0x30, content)
    algorithm, after = der.take(0x30, content, end)
    oid, parameters = der.take(0x06, algorithm)
    # RFC 5280 leaves the parameters out for SM2; GM/T 0015's examples carry NULL
    if oid.hex() != "2a811ccf55018375" or algorithm[parameters:] not in {b"", b"\x05\x00"}:
        raise ValueError("signature algorithm is not SM2 with SM3 / 签名算法不是SM2WithSM3")
    bits, last = der.take(0x03, content, after)
    if last != len(content) or bits[:1] != b"\x00":
        raise ValueError("signature is not whole bytes")
    return content[:end], bits[1:]


def _public_key(info: Any) -> bytes:
    algorithm = info["algorithm"]
    if algorithm["algorithm"].native != "ec" or algorithm["parameters"].chosen.dotted != SM2_CURVE:
        raise ValueError("public key is not on sm2p256v1 / 公钥不在SM2曲线上")
    public_key = bytes(info["public_key"].native)
    sm2_points.read_point(public_key)
    return public_key


def _requested_names(info: Any) -> tuple[str, ...]:
    names: list[str] = []
    for attribute in info["attributes"]:
        if attribute["type"].native == "extension_request":
            for extension in attribute["values"][0]:
                if extension["extn_id"].native == "subject_alt_name":
                    names += [str(name) for name in extension["extn_value"].parsed.native]
    return tuple(names)


def _blocks(content: bytes, kind: bytes) -> list[bytes]:
    """The blocks of a kind in a PEM text, in one pass: each BEGIN with the mark that follows it."""
    if len(content) > LARGEST_FILE:
        raise _malformed(ValueError(f"{len(content)} bytes, at most {LARGEST_FILE} / 文件过大"))
    wanted = {kind, b"NEW " + kind}
    marks = list(_MARK.finditer(content))
    try:
        return [
            base64.b64decode(b"".join(content[begin.end() : end.start()].split()), validate=True)
            for begin, end in pairwise(marks)
            if begin[1] == b"BEGIN" and end[1] == b"END" and begin[2] == end[2] and begin[2] in wanted
        ]
    except ValueError as error:
        raise _malformed(error) from error


def _first_block(content: bytes, kind: bytes) -> bytes:
    if content[:1] == b"\x30":
        return content
    blocks = _blocks(content, kind)
    if not blocks:
        raise _malformed(ValueError(f"no {kind.decode('ascii')} in PEM or DER"))
    return blocks[0]


def _malformed(error: Exception) -> MalformedCertificate:
    return MalformedCertificate(
        f"不是可读的SM2证书或证书请求: {error}。请提供GB/T 20518格式 (SM2曲线, SM3摘要)。",
        f"Not a readable SM2 certificate or request: {error}. Give one as in GB/T 20518 (SM2 curve, SM3).",
    )
