"""Put a seal on a PDF, and say whether one that somebody brings is genuine. 用印与验章.

`sign_pdf` is called by services on behalf of a decision; no address leads to it directly. Its record, its audit entry and
the caller's act stand or fall in one transaction.
"""

from __future__ import annotations

from django.db import transaction

from kunyu.engines.documents.errors import SealUnusable
from kunyu.engines.documents.judging import Claim, judge
from kunyu.engines.documents.models import Seal
from kunyu.engines.documents.seal_errors import NotSealable, UnreadableSignature
from kunyu.engines.documents.seals import services, uses
from kunyu.engines.documents.seals.identities import identity_of
from kunyu.engines.documents.seals.makers import seal_maker
from kunyu.engines.documents.seals.settings import seals_settings
from kunyu.engines.documents.signatures import pdf_reading, pdf_writing
from kunyu.engines.documents.signatures.suites import SUITES
from kunyu.engines.documents.verdicts import SignatureVerdict, Verdict, verdict
from kunyu.engines.security.scope import Principal

PROFILES = {"ecdsa": "pades-ecdsa", "sm2": "pdf-sm2"}
USUAL_PLACE = (-60.0, 62.0)
"""Centre of the picture in mm from the right and from the bottom edge: over issuer and date at the end of a paper."""


@transaction.atomic
def sign_pdf(
    principal: Principal, pdf: bytes, seal: Seal, *, profile: str, subject: str, page: int = -1,
    at: tuple[float, float] | None = None, is_visible: bool | None = None, reason: str = "",
) -> bytes:  # fmt: skip
    """Return ``pdf`` with one signature more, and keep a record of it.

    Parameters
    ----------
    profile : {"ecdsa", "sm2"}
        ``ecdsa``: PAdES baseline B-T for any reader; ``sm2``: SM2 with SM3 in the same file structure.
    subject : str
        What it is for, e.g. ``licence:123``.
    page : int
        Page of the picture, from 0; negative counts from the end.
    at : (x_mm, y_mm), optional
        Centre of the picture from the left and bottom edges; negative from the right and top.
    is_visible : bool, optional
        Show the picture; None: on the first signature of a document only.

    Raises
    ------
    SealUnusable
        Suspended, not valid now, or not approved.
    NotSealable
        The document is broken, encrypted, or could change what it shows.
    """
    if profile not in PROFILES:
        raise SealUnusable(f"没有签名方式 {profile}。", f"There is no profile {profile}: ecdsa or sm2.")
    moment = uses.begin(principal, seal)
    suite = SUITES[profile]
    shown = pdf_writing.signature_count(pdf) == 0 if is_visible is None else is_visible
    asked = pdf_writing.Signing(
        identity=identity_of(seal, suite), clock=seal_maker().clock(suite), name=seal.name_zh,
        reason=reason or "行政审批", at=moment,
        appearance=_appearance(pdf, seal, page, at or USUAL_PLACE) if shown else None,
    )  # fmt: skip
    signed = pdf_writing.sign(pdf, asked)
    uses.record(principal, seal, before=pdf, after=signed, profile=PROFILES[profile], subject=subject, at=moment)
    return signed


@transaction.atomic
def seal_pdf(
    principal: Principal, pdf: bytes, seal: Seal, *, subject: str, page: int = -1,
    at: tuple[float, float] | None = None, reason: str = "",
) -> bytes:  # fmt: skip
    """Seal a paper as this node seals all of them: by the profiles of ``KUNYU_SEALS_PROFILES``, the picture with the first.

    Unless it is set otherwise: SM2, then ECDSA, so that what foreign readers know covers the whole file.

    Raises
    ------
    SealUnusable
        Also where the setting names no profile, or one there is not.
    NotSealable
    """
    profiles = seals_settings().listed_profiles
    if not profiles:
        raise SealUnusable(
            "KUNYU_SEALS_PROFILES 没有写签名方式。", "KUNYU_SEALS_PROFILES names no profile: sm2, ecdsa."
        )
    for number, profile in enumerate(profiles):
        pdf = sign_pdf(principal, pdf, seal, profile=profile, subject=subject, page=page, at=at,
                       is_visible=None if number == 0 else False, reason=reason)  # fmt: skip
    return pdf


def verify_pdf(pdf: bytes) -> Verdict:
    """Judge every signature of a PDF and the file as a whole; never raises for what is in the file."""
    try:
        found = pdf_reading.read_signatures(pdf)
    except (NotSealable, UnreadableSignature) as error:
        zh = error.detail_zh.replace("不能用印：", "文件无法核验：").replace("请提供无动作、无附件的PDF。", "")
        en = error.detail_en.replace("Not sealed:", "Not verified:").replace(" Give a plain PDF.", "")
        return verdict((), is_whole=False, faults=[(zh, en)])
    judged = [_judged(one) for one in found]
    return verdict(judged, is_whole=any(one.covers_whole_file for one in judged))


def _appearance(pdf: bytes, seal: Seal, page: int, at: tuple[float, float]) -> pdf_writing.Appearance:
    box = pdf_writing.box_at(pdf, page, *at, seal.width_mm, seal.height_mm)
    return pdf_writing.Appearance(services.picture_of(seal), page, (box[0], box[1], box[2], box[3]))


def _judged(one: pdf_reading.PdfSignature) -> SignatureVerdict:
    if one.signed is None or not one.holds:
        changed = (
            f"签名“{one.name}”与文件内容不符：文件被改动、证书被替换，或签名来自另一文件。",
            f"Signature '{one.name}' does not fit the file: it was changed, its certificate exchanged, or the signature "
            "comes from another file.",
        )
        profile = PROFILES[one.signed.suite.name] if one.signed else ""
        return SignatureVerdict(one.name, profile, changed_after=True, reasons=(one.fault or changed,))
    signed = one.signed
    said = judge(
        Claim(signed.suite, signed.certificate, signed.others, signed.signature, signed.time_stamp, one.claimed_at)
    )
    faults = list(said.faults)
    changed_after = not (one.covers_revision and one.only_signed_since)
    if changed_after:
        faults.append(
            (
                f"签名“{one.name}”之后文件又被追加或改动。",
                f"After signature '{one.name}' something was added or changed.",
            )
        )
    return SignatureVerdict(
        field=one.name, profile=PROFILES[signed.suite.name], signer=said.signer, seal_code=said.seal_code,
        seal_name=said.seal_name, seal_state=said.seal_state, signed_at=said.signed_at, time_source=said.time_source,
        covers_whole_file=one.covers_all, changed_after=changed_after, is_intact=True, is_trusted=said.is_trusted,
        is_valid=not faults, reasons=(*faults, *said.remarks),
    )  # fmt: skip
