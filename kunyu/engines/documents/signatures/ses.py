"""Electronic seals and sealed data as ASN.1: GB/T 38540-2020 (its version 4). 电子印章与电子签章数据结构.

The structure was recalled and compared with a public implementation (ofdrw, package gm.ses.v4); the standard's own text
was not at hand: verified = false.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from asn1crypto import core

from kunyu.engines.documents.signatures import signed_data
from kunyu.engines.documents.signatures.signed_data import unreadable
from kunyu.engines.documents.signatures.suites import SM2, Identity, verify
from kunyu.kernel.crypto import der
from kunyu.kernel.crypto.strict_der import whole_length

VERSION, MAKER = 4, "kunyu-node"
SM2_WITH_SM3 = "1.2.156.10197.1.501"
ORGANISATION_SEAL = 1
"""Kind of seal: 1 an organisation's, 2 a person's (values recalled)."""
LARGEST = 4 * 1024 * 1024
_UTF8 = 0x0C


class _Header(core.Sequence):
    _fields = [("id", core.IA5String), ("version", core.Integer), ("maker", core.IA5String)]


class _Certificates(core.SequenceOf):
    _child_spec = core.OctetString


class _Property(core.Sequence):
    _fields = [
        ("type", core.Integer),
        ("name", core.UTF8String),
        ("cert_list_type", core.Integer),
        ("cert_list", _Certificates),
        ("create_date", core.GeneralizedTime),
        ("valid_start", core.GeneralizedTime),
        ("valid_end", core.GeneralizedTime),
    ]


class _Picture(core.Sequence):
    _fields = [("type", core.IA5String), ("data", core.OctetString), ("width", core.Integer), ("height", core.Integer)]


class _Extension(core.Sequence):
    _fields = [
        ("oid", core.ObjectIdentifier),
        ("critical", core.Boolean, {"default": False}),
        ("value", core.OctetString),
    ]


class _Extensions(core.SequenceOf):
    _child_spec = _Extension


class _SealInfo(core.Sequence):
    _fields = [
        ("header", _Header),
        ("code", core.IA5String),
        ("property", _Property),
        ("picture", _Picture),
        ("extensions", _Extensions, {"explicit": 0, "optional": True}),
    ]


class _Seal(core.Sequence):
    _fields = [
        ("info", _SealInfo),
        ("certificate", core.OctetString),
        ("algorithm", core.ObjectIdentifier),
        ("signature", core.OctetBitString),
    ]


class _ToSign(core.Sequence):
    _fields = [
        ("version", core.Integer),
        ("seal", _Seal),
        ("time", core.GeneralizedTime),
        ("data_hash", core.OctetBitString),
        ("property", core.IA5String),
        ("extensions", _Extensions, {"explicit": 0, "optional": True}),
    ]


class _Signature(core.Sequence):
    _fields = [
        ("to_sign", _ToSign),
        ("certificate", core.OctetString),
        ("algorithm", core.ObjectIdentifier),
        ("signature", core.OctetBitString),
        ("time_stamp", core.OctetBitString, {"explicit": 0, "optional": True}),
    ]


@dataclass(frozen=True)
class SealFacts:
    """What a seal says about itself: opaque code, name, validity (aware), SM2 certificate, picture (PNG) in mm."""

    code: str
    name: str
    created_at: datetime
    valid_from: datetime
    valid_to: datetime
    certificate: bytes = field(repr=False)
    picture: bytes = field(repr=False)
    width_mm: int
    height_mm: int


@dataclass(frozen=True)
class SealedData:
    """What sealed data say; proven by `is_authentic`, trusted elsewhere.

    ``data_hash`` is SM3 of the file that ``about`` names (OFD: Signature.xml).
    """

    seal: SealFacts
    seal_is_its_makers: bool
    maker_certificate: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    claimed_at: datetime
    data_hash: bytes
    about: str
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    time_stamp: bytes | None = field(repr=False)
    seal_data: bytes = field(repr=False)

    def is_authentic(self, data_hash: bytes) -> bool:
        """Does the signature hold over data of this digest, with the certificate that stands in the seal?"""
        return (
            self.data_hash == data_hash
            and self.certificate == self.seal.certificate
            and verify(SM2, self.certificate, self.signed, self.signature)
        )


def make_seal(maker: Identity, facts: SealFacts) -> bytes:
    """Return a seal signed by its maker (制章人), DER."""
    header = der.sequence(_ia5("ES"), der.integer(VERSION), _ia5(MAKER))
    about = der.sequence(
        der.integer(ORGANISATION_SEAL), der.element(_UTF8, facts.name.encode("utf-8")), der.integer(1),
        der.sequence(der.octets(facts.certificate)), _time(facts.created_at), _time(facts.valid_from), _time(facts.valid_to),
    )  # fmt: skip
    picture = der.sequence(
        _ia5("PNG"), der.octets(facts.picture), der.integer(facts.width_mm), der.integer(facts.height_mm)
    )
    # the maker signs the info, his certificate and the algorithm together
    parts = (
        der.sequence(header, _ia5(facts.code), about, picture), der.octets(maker.certificate), signed_data.oid(SM2_WITH_SM3),
    )  # fmt: skip
    return der.sequence(*parts, _bits(maker.sign(der.sequence(*parts))))


def seal_data(
    identity: Identity, seal: bytes, data_hash: bytes, about: str, at: datetime, stamp: Callable[[bytes], bytes] | None
) -> bytes:
    """Return sealed data in DER: ``seal`` (as `make_seal` gave it) put on data of digest ``data_hash``."""
    to_sign = der.sequence(der.integer(VERSION), seal, _time(at), _bits(data_hash), _ia5(about))
    signature = identity.sign(to_sign)
    token = b"" if stamp is None else der.element(0xA0, _bits(stamp(signature)))
    return der.sequence(
        to_sign, der.octets(identity.certificate), signed_data.oid(SM2_WITH_SM3), _bits(signature), token
    )


def read_sealed(encoded: bytes) -> SealedData:
    """Read sealed data.

    Raises
    ------
    UnreadableSignature
    """
    if len(encoded) > LARGEST:
        raise unreadable(f"超过 {LARGEST} 字节", f"larger than {LARGEST} bytes")
    try:
        whole_length(encoded)
        whole = _Signature.load(encoded, strict=True)
        for one in (whole["algorithm"], whole["to_sign"]["seal"]["algorithm"]):
            if one.native != SM2_WITH_SM3:
                raise ValueError(f"algorithm {one.native} / 算法不受支持")
        return _described(whole)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise unreadable(str(error), str(error)) from error


class _SignedSeal(core.Sequence):
    _fields = [("info", _SealInfo), ("certificate", core.OctetString), ("algorithm", core.ObjectIdentifier)]


def _described(whole: _Signature) -> SealedData:
    to_sign, stamp = whole["to_sign"], whole["time_stamp"]
    seal = to_sign["seal"]
    signed_seal = _SignedSeal(
        {"info": seal["info"], "certificate": seal["certificate"], "algorithm": seal["algorithm"]}
    )
    maker = seal["certificate"].native
    return SealedData(
        seal=_facts(seal["info"]),
        seal_is_its_makers=verify(SM2, maker, signed_seal.dump(), seal["signature"].native),
        maker_certificate=maker,
        certificate=whole["certificate"].native,
        claimed_at=to_sign["time"].native,
        data_hash=to_sign["data_hash"].native,
        about=to_sign["property"].native,
        signed=to_sign.dump(),
        signature=whole["signature"].native,
        time_stamp=stamp.native,
        seal_data=seal.dump(),
    )


def _facts(info: _SealInfo) -> SealFacts:
    about, picture = info["property"], info["picture"]
    if info["header"]["version"].native != VERSION or about["cert_list_type"].native != 1:
        raise ValueError("another version of the structure / 印章结构版本不受支持")
    if len(about["cert_list"]) != 1:
        raise ValueError("one certificate expected in the seal / 印章应含一张证书")
    return SealFacts(
        code=info["code"].native,
        name=about["name"].native,
        created_at=about["create_date"].native,
        valid_from=about["valid_start"].native,
        valid_to=about["valid_end"].native,
        certificate=about["cert_list"][0].native,
        picture=picture["data"].native,
        width_mm=picture["width"].native,
        height_mm=picture["height"].native,
    )


def _ia5(text: str) -> bytes:
    return der.element(0x16, text.encode("ascii"))


def _bits(content: bytes) -> bytes:
    return der.element(0x03, b"\x00" + content)


def _time(moment: datetime) -> bytes:
    return der.element(0x18, f"{moment.astimezone(UTC):%Y%m%d%H%M%SZ}".encode("ascii"))
