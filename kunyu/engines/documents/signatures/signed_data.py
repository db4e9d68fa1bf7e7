"""Signed data as PDF carries it: RFC 5652 with ECDSA, GB/T 35275-2017 with SM2. 签名数据: 组装与读取.

Both have the same structure and differ in object identifiers. The signature is over the signed attributes, which name
the digest of the content and the signer's certificate, so that neither can be exchanged.

Written with our own few lines of DER: the general library rebuilds nested structures in a time exponential in their
depth whenever a length happens to end in 0x80 (asn1crypto 1.5.1), seconds for one signature in some hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from asn1crypto import cms, core, tsp, x509  # noqa: F401 - tsp teaches cms the attributes of RFC 5035

from kunyu.engines.documents.seal_errors import UnreadableSignature
from kunyu.engines.documents.signatures.suites import BY_DIGEST, Identity, Suite, verify
from kunyu.kernel.crypto import der
from kunyu.kernel.crypto.strict_der import whole_length

LARGEST = 512 * 1024
MOST_CERTIFICATES = 12
"""A signer's and those above it; chains in use have two to four."""
STAMP_TYPE = "1.2.840.113549.1.9.16.2.14"
_SET, _SHA256 = 0x31, "2.16.840.1.101.3.4.2.1"
_SIGNED_TYPES = {"1.2.840.113549.1.7.2", "1.2.156.10197.6.1.4.2.2"}
_SIGNATURE_METHODS = {
    "sm2": {"1.2.156.10197.1.301.1", "1.2.156.10197.1.501", "1.2.156.10197.1.301"},
    "ecdsa": {"1.2.840.10045.4.3.2"},
}
"""What stands for the act of signing: SM2 is named by its signing scheme, with its digest, or by its curve."""


@dataclass(frozen=True)
class SignedContent:
    """What a signature says; nothing here is proven until `is_authentic`.

    Attributes
    ----------
    certificate : bytes
        The signer's (DER), found by issuer and serial; ``others`` came along.
    attributes : bytes
        DER of the signed attributes as SET OF: what was signed.
    message_digest : bytes
        Of the content, by ``suite.digest``.
    names_certificate : bool
        The signed attributes hold the digest of exactly this certificate.
    claimed_at : datetime or None
        When the signer says it was (UTC).
    time_stamp : bytes or None
        A token over the signature (RFC 3161), DER.
    content : bytes or None
        What is signed, when it is inside.
    """

    suite: Suite
    certificate: bytes = field(repr=False)
    others: tuple[bytes, ...] = field(repr=False)
    attributes: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    message_digest: bytes
    names_certificate: bool
    content_type: str
    claimed_at: datetime | None
    time_stamp: bytes | None = field(repr=False)
    content: bytes | None = field(repr=False)

    def is_authentic(self, content_digest: bytes) -> bool:
        """Does the signature hold, over content of this digest, by the certificate that the attributes name?"""
        return (
            self.message_digest == content_digest
            and self.names_certificate
            and verify(self.suite, self.certificate, self.attributes, self.signature)
        )


def build(
    identity: Identity, content_digest: bytes, *, content_type: str = "", content: bytes | None = None,
    signed_type: str = "", claimed_at: datetime | None = None, stamp: Callable[[bytes], bytes] | None = None,
    version: int = 1,
) -> bytes:  # fmt: skip
    """Return a ContentInfo in DER.

    Parameters
    ----------
    content_digest : bytes
        By the identity's suite.
    content : bytes, optional
        Put inside; None leaves it outside (a PDF's byte range).
    content_type, signed_type : str
        Object identifiers; the suite's own when empty.
    stamp : callable, optional
        Gives a time-stamp token over the signature.
    """
    suite = identity.suite
    kind = content_type or suite.data_type
    attributes = b"".join(sorted(_attributes(identity, kind, content_digest, claimed_at)))
    signature = identity.sign(der.element(_SET, attributes))
    certificate = x509.Certificate.load(identity.certificate)
    issuer_and_serial = der.sequence(certificate.issuer.dump(), der.integer(certificate.serial_number))
    unsigned = b"" if stamp is None else der.element(0xA1, _attribute(STAMP_TYPE, stamp(signature)))
    signer = der.sequence(
        der.integer(1), issuer_and_serial, algorithm(suite.digest_oid), der.element(0xA0, attributes),
        algorithm(suite.signature_oid), der.octets(signature), unsigned,
    )  # fmt: skip
    inside = b"" if content is None else der.element(0xA0, der.octets(content))
    signed = der.sequence(
        der.integer(version), der.element(_SET, algorithm(suite.digest_oid)), der.sequence(oid(kind), inside),
        der.element(0xA0, b"".join(sorted((identity.certificate, *identity.chain)))), der.element(_SET, signer),
    )  # fmt: skip
    return der.sequence(oid(signed_type or suite.signed_type), der.element(0xA0, signed))


def oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER."""
    return bytes(core.ObjectIdentifier(dotted).dump())


def algorithm(dotted: str) -> bytes:
    """Return an AlgorithmIdentifier without parameters."""
    return der.sequence(oid(dotted))


def read(encoded: bytes) -> SignedContent:
    """Read signed data with one signer, SM2 or ECDSA; zeros at its end (a PDF's padding) are left off.

    Raises
    ------
    UnreadableSignature
        Anything else: says what.
    """
    if len(encoded) > LARGEST:
        raise unreadable(f"超过 {LARGEST} 字节", f"larger than {LARGEST} bytes")
    try:
        return _read(encoded)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise unreadable(str(error), str(error)) from error


def unreadable(zh: str, en: str) -> UnreadableSignature:
    """A refusal that says what is wrong with the signature."""
    return UnreadableSignature(
        f"签名数据无法读取：{zh}。请向出具单位索取原文件。", f"The signature cannot be read: {en}. Ask its issuer for the original."
    )  # fmt: skip


class _Outer(core.Sequence):
    _fields = [("content_type", core.ObjectIdentifier), ("content", cms.SignedData, {"explicit": 0})]


def _attributes(identity: Identity, kind: str, content_digest: bytes, claimed_at: datetime | None) -> list[bytes]:
    suite = identity.suite
    # DER leaves a default out: SHA-256 is the one of RFC 5035
    method = b"" if suite.digest_oid == _SHA256 else algorithm(suite.digest_oid)
    bound = der.sequence(der.sequence(der.sequence(method, der.octets(suite.digest(identity.certificate)))))
    found = [
        _attribute("1.2.840.113549.1.9.3", oid(kind)),
        _attribute("1.2.840.113549.1.9.4", der.octets(content_digest)),
        _attribute("1.2.840.113549.1.9.16.2.47", bound),
    ]
    if claimed_at is not None:
        moment = f"{claimed_at.astimezone(UTC):%y%m%d%H%M%SZ}".encode("ascii")
        found.append(_attribute("1.2.840.113549.1.9.5", der.element(0x17, moment)))
    return found


def _attribute(kind: str, value: bytes) -> bytes:
    return der.sequence(oid(kind), der.element(_SET, value))


def _read(encoded: bytes) -> SignedContent:
    length = whole_length(encoded)
    if encoded[length:].strip(b"\x00"):
        raise ValueError("bytes follow the signature / 签名之后另有数据")
    outer = _Outer.load(encoded[:length], strict=True)
    if outer["content_type"].native not in _SIGNED_TYPES:
        raise ValueError(f"type {outer['content_type'].native} / 类型不是签名数据")
    signed = outer["content"]
    if len(signed["signer_infos"]) != 1:
        raise ValueError(f"{len(signed['signer_infos'])} signers, one expected / 签名者数量应为1")
    signer = signed["signer_infos"][0]
    suite = _suite(signer)
    certificates = [one.chosen for one in signed["certificates"]]
    if len(certificates) > MOST_CERTIFICATES:  # whoever looks for a path among many may look for ever
        raise ValueError(f"{len(certificates)} certificates, at most {MOST_CERTIFICATES} / 证书过多")
    certificate = _signer_of(signer, certificates)
    attributes = {one["type"].native: one["values"] for one in signer["signed_attrs"]}
    if len(attributes) != len(signer["signed_attrs"]):
        raise ValueError("an attribute appears twice / 属性重复")
    inner = signed["encap_content_info"]
    content = inner["content"].native if inner["content"].native is not None else None
    if attributes["content_type"][0].dotted != inner["content_type"].dotted:
        raise ValueError("the type of the content differs / 内容类型不符")
    return SignedContent(
        suite=suite,
        certificate=certificate.dump(),
        others=tuple(one.dump() for one in certificates if one is not certificate),
        # as it was signed: SET OF instead of the [0] it is carried under
        attributes=b"\x31" + signer["signed_attrs"].dump()[1:],
        signature=signer["signature"].native,
        message_digest=attributes["message_digest"][0].native,
        names_certificate=_names(suite, attributes, certificate.dump()),
        content_type=inner["content_type"].dotted,
        claimed_at=attributes["signing_time"][0].native if "signing_time" in attributes else None,
        time_stamp=_stamp(signer),
        content=bytes(inner["content"]) if content is not None else None,
    )


def _suite(signer: Any) -> Suite:
    suite = BY_DIGEST.get(signer["digest_algorithm"]["algorithm"].dotted)
    method = signer["signature_algorithm"]["algorithm"].dotted
    if suite is None or method not in _SIGNATURE_METHODS[suite.name]:
        raise ValueError(f"algorithm {method} / 算法 {method} 不受支持")
    return suite


def _signer_of(signer: Any, certificates: Sequence[Any]) -> Any:
    wanted = signer["sid"].chosen
    for one in certificates:
        if one.serial_number == wanted["serial_number"].native and one.issuer == wanted["issuer"]:
            return one
    raise ValueError("the signer's certificate is missing / 缺少签名者证书")


def _names(suite: Suite, attributes: dict[str, Any], certificate: bytes) -> bool:
    values = attributes.get("signing_certificate_v2")
    if values is None:
        return False
    first = values[0]["certs"][0]
    algorithm = first["hash_algorithm"]["algorithm"].dotted
    known = BY_DIGEST.get(algorithm)
    return known is not None and bool(first["cert_hash"].native == known.digest(certificate))


def _stamp(signer: Any) -> bytes | None:
    for one in signer["unsigned_attrs"] or ():
        if one["type"].native == "signature_time_stamp_token":
            return bytes(one["values"][0].dump())
    return None
