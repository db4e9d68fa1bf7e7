"""Whose signature it is and whether it was his to give: time stamp, certificate chain, state of the seal then. 签名判定."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from asn1crypto import pem, x509
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathBuildingError, PathValidationError, ValidationError

from kunyu.engines.documents.models import Seal
from kunyu.engines.documents.seal_errors import UnreadableSignature
from kunyu.engines.documents.seals import queries
from kunyu.engines.documents.seals.makers import seal_maker
from kunyu.engines.documents.signatures import time_stamps
from kunyu.engines.documents.signatures.suites import ECDSA, SM2, Suite
from kunyu.engines.documents.verdicts import Pair
from kunyu.engines.security import certificate_trust
from kunyu.engines.security.models import RevokedCertificate
from kunyu.kernel.crypto import p256_certificates
from kunyu.kernel.crypto.certificates import Certificate, read_certificate
from kunyu.kernel.crypto.chains import verify_chain
from kunyu.kernel.crypto.errors import CertificateRefused, MalformedCertificate
from kunyu.kernel.crypto.software import SoftwareProvider

TRUST_FOLDER = "seals"
_CODE = re.compile(r"[0-9A-Za-z-]{4,40}")
_PROVIDER = SoftwareProvider()
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What reading a certificate raises that somebody made up, though its key verifies his signature."""
_AHEAD = timedelta(minutes=10)
"""How far a clock of others may be ahead of ours before its time is not believed."""


@dataclass(frozen=True)
class Claim:
    """What a signature brings to be judged by: certificates (DER), the signature, its token, the time it claims."""

    suite: Suite
    certificate: bytes = field(repr=False)
    others: tuple[bytes, ...] = field(repr=False)
    signature: bytes = field(repr=False)
    time_stamp: bytes | None = field(repr=False)
    claimed_at: datetime | None


@dataclass(frozen=True)
class Judgement:
    """Who and when, and whether it may be believed. ``remarks`` do not stand against it, ``faults`` do."""

    signer: str
    seal_code: str
    seal_name: str
    seal_state: str
    signed_at: datetime | None
    time_source: str
    is_trusted: bool
    faults: tuple[Pair, ...]
    remarks: tuple[Pair, ...]


def judge(claim: Claim) -> Judgement:
    """Judge a signature that holds; reasons say what stands against it."""
    faults: list[Pair] = []
    remarks: list[Pair] = []
    now = datetime.now(UTC)
    proven = _proven_time(claim, now, faults)
    at = proven or claim.claimed_at
    if proven is None and not faults:
        faults.append(
            ("签名没有时间戳，签署时间无法证明。", "The signature bears no time stamp: when it was made is not proven.")
        )
    # without a proven time the certificate and the seal must be good now
    moment = proven or now
    issued_here = _chain(claim.suite, claim.certificate, claim.others, moment, faults)
    seal = _seal_of(claim)
    state = _seal_state(seal, moment, issued_here, faults, remarks)
    return Judgement(
        signer=_subject(claim.certificate), seal_code=seal.code if seal else "", seal_name=seal.name_zh if seal else "",
        seal_state=state, signed_at=at, time_source="time_stamp" if proven else "claimed" if at else "",
        is_trusted=not faults, faults=tuple(faults), remarks=tuple(remarks),
    )  # fmt: skip


def maker_faults(certificate: bytes, others: Sequence[bytes], at: datetime) -> list[Pair]:
    """What stands against whoever made and signed a seal's data (制章人)."""
    faults: list[Pair] = []
    _chain(SM2, certificate, others, at, faults, what=("制章人证书", "seal maker's certificate"))
    return faults


def _proven_time(claim: Claim, now: datetime, faults: list[Pair]) -> datetime | None:
    """The time of a token that holds and whose clock is trusted."""
    if claim.time_stamp is None:
        return None
    try:
        stamp = time_stamps.read(claim.time_stamp, claim.signature)
    except UnreadableSignature as error:
        faults.append((error.detail_zh, error.detail_en))
        return None
    if stamp.at > now + _AHEAD:
        faults.append(("时间戳的时间在将来。", "The time stamp lies in the future."))
        return None
    signed, before = stamp.signed, len(faults)
    _chain(signed.suite, signed.certificate, signed.others, stamp.at, faults, clock=True,
           what=("时间戳证书", "time-stamp certificate"))  # fmt: skip
    return stamp.at if len(faults) == before else None


def _chain(
    suite: Suite, certificate: bytes, others: Sequence[bytes], at: datetime, faults: list[Pair], *, clock: bool = False,
    what: Pair = ("签名证书", "signer's certificate"),
) -> bool:  # fmt: skip
    """Add what is wrong with the chain at ``at``; tells whether this node's own maker issued it."""
    own = seal_maker().roots(suite)
    try:
        if suite is SM2:
            root = _sm2_root(certificate, others, own, at, clock=clock)
        else:
            root = _ecdsa_root(certificate, others, own, at, clock=clock)
    except (CertificateRefused, MalformedCertificate) as error:
        faults.append((f"{what[0]}不可信：{error.detail_zh}", f"The {what[1]} is not trusted: {error.detail_en}"))
        return False
    except (PathBuildingError, PathValidationError, ValidationError, *_UNREADABLE) as error:
        said = str(error).replace("\n", " ")
        faults.append(
            (f"{what[0]}不可信（{_chain_words(said)}）。", f"The {what[1]} is not trusted: {said.rstrip('.')}.")
        )
        return False
    return root in own


def _sm2_root(certificate: bytes, others: Sequence[bytes], own: Sequence[bytes], at: datetime, *, clock: bool) -> bytes:
    one = _read(certificate)
    if clock != ("time_stamping" in one.extended_key_usage):
        raise _wrong_use(one)
    trusted = [*(_read(root) for root in own), *certificate_trust.trust().roots, *_further().sm2]
    above = [*_readable(others), *certificate_trust.trust().intermediates]
    chain = verify_chain(_PROVIDER, one, trusted, above, at=at, usage="digital_signature")
    _require_not_revoked(chain)
    return chain[-1].der


def _require_not_revoked(chain: Sequence[Certificate]) -> None:
    """The node's own list; one question for the whole chain."""
    listed = RevokedCertificate.objects.filter(serial__in=[f"{link.serial:x}" for link in chain])
    revoked = set(listed.values_list("issuer", "serial"))
    for link in chain:
        if (link.issuer[:300], f"{link.serial:x}") in revoked:
            raise CertificateRefused(
                f"证书“{link.subject}”已被吊销。", f"Certificate '{link.subject}' was revoked.", reason="revoked"
            )


def _ecdsa_root(
    certificate: bytes, others: Sequence[bytes], own: Sequence[bytes], at: datetime, *, clock: bool
) -> bytes:
    direct = p256_certificates.issued_directly(certificate, own, at, time_stamping=clock)
    if direct is not None:  # the usual case, without building paths; anything else goes the long way and is told why
        return direct
    one = x509.Certificate.load(certificate)
    usage = one.extended_key_usage_value
    if clock != (usage is not None and "time_stamping" in usage.native):
        raise _wrong_use(one)
    trusted = [x509.Certificate.load(root) for root in (*own, *_further().ecdsa)]
    context = ValidationContext(
        trust_roots=trusted, other_certs=[x509.Certificate.load(one) for one in others], moment=at, allow_fetching=False
    )
    validator = CertificateValidator(one, validation_context=context)
    path = asyncio.run(validator.async_validate_usage({"digital_signature"}, {"time_stamping"} if clock else None))
    root: bytes = path.first.dump()
    return root


@lru_cache(maxsize=256)
def _read(certificate: bytes) -> Certificate:
    return read_certificate(certificate)


def _wrong_use(one: Any) -> CertificateRefused:
    return CertificateRefused("证书用途不符。", "It is a certificate for another use.", reason="usage")


def _chain_words(said: str) -> str:
    for word, zh in (
        ("expired", "证书在签署时已过期"), ("not valid until", "证书在签署时尚未生效"), ("revoked", "证书已被吊销"),
        ("signature could not be verified", "证书的签名不符"), ("no issuer", "签发者不在信任列表"),
    ):  # fmt: skip
        if word in said:
            return zh
    return "签发者不在信任列表"


def _seal_of(claim: Claim) -> Seal | None:
    """The seal of this node whose certificate it is, to the byte."""
    try:
        code = x509.Certificate.load(claim.certificate).subject.native.get("serial_number", "")
    except _UNREADABLE:
        return None
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        return None
    seal = Seal.objects.filter(code=code).first()
    if seal is None:
        return None
    kept = seal.sm2_certificate if claim.suite is SM2 else seal.ecdsa_certificate
    return seal if bytes(kept) == claim.certificate else None


def _seal_state(seal: Seal | None, at: datetime, issued_here: bool, faults: list[Pair], remarks: list[Pair]) -> str:
    if seal is None:
        if issued_here:
            faults.append(("签名证书不是本节点任何印章的证书。", "The certificate belongs to no seal of this node."))
            return ""
        if not faults:
            remarks.append(
                (
                    "印章由其他机构管理，其启停状态未核验。",
                    "The seal is kept elsewhere: whether it was in use was not checked.",
                )
            )
        return "not_checked"
    state = queries.state_at(seal, at)
    if state != Seal.State.ACTIVE:
        zh, en = queries.STATES.get(state, ("尚未制作", "not made yet"))
        faults.append(
            (
                f"签署时印章“{seal.name_zh}”（{seal.code}）{zh}。",
                f"When it was signed, seal '{seal.name_zh}' ({seal.code}) was {en}.",
            )
        )
    if not seal.valid_from <= at < seal.valid_to:
        faults.append(
            (
                f"签署时印章“{seal.name_zh}”不在有效期内。",
                f"When it was signed, seal '{seal.name_zh}' was outside its validity.",
            )
        )
    return state


def _subject(certificate: bytes) -> str:
    try:
        return str(x509.Certificate.load(certificate).subject.human_friendly)
    except _UNREADABLE:
        return ""


def _readable(encoded: Sequence[bytes]) -> list[Certificate]:
    found = []
    for one in encoded:
        try:
            found.append(_read(one))
        except MalformedCertificate:
            continue  # of another algorithm: no help on the way
    return found


@dataclass(frozen=True)
class _Further:
    """Roots of other makers that the node's owner trusts."""

    sm2: tuple[Certificate, ...]
    ecdsa: tuple[bytes, ...]


def _further() -> _Further:
    """What lies in ``KUNYU_HOME/trust/seals/*.pem``; read again when a file there changed."""
    place = certificate_trust.folder() / TRUST_FOLDER
    files = sorted(place.glob("*.pem")) if place.is_dir() else []
    return _read_further(tuple((one, one.stat().st_mtime_ns, one.stat().st_size) for one in files))


@lru_cache(maxsize=4)
def _read_further(stamp: tuple[tuple[Path, int, int], ...]) -> _Further:
    sm2: list[Certificate] = []
    ecdsa: list[bytes] = []
    for path, _, size in stamp:
        if size > certificate_trust.LARGEST:
            continue
        for _, _, encoded in pem.unarmor(path.read_bytes(), multiple=True):
            try:
                sm2.append(read_certificate(encoded))
            except MalformedCertificate:
                ecdsa.append(encoded)
    return _Further(tuple(sm2), tuple(ecdsa))


__all__ = ["ECDSA", "SM2", "Claim", "Judgement", "judge"]
