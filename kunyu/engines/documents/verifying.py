"""What anybody may learn of a licence or document by its number: state now, facts that are public. 真伪核验.

Asked by number (用字第…号), identifier (1.2.156.3005.2.…) or verification code (KY…). What may not be shown is answered
as what is not there. Nothing is logged or kept of who asked for what.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import shapely
from django.utils import timezone

from kunyu.engines.documents import proofs
from kunyu.engines.documents.kinds import kind_of
from kunyu.engines.documents.licences import PERSON, plot_of
from kunyu.engines.documents.models import Document, Licence
from kunyu.engines.security import labels, masks
from kunyu.kernel.identifiers import BadIdentifier, parse_certificate_id

Answer = Literal["valid", "suspended", "expired", "replaced", "revoked", "genuine", "not_found", "wrong_check"]
_IDENTIFIER = "1.2.156.3005.2."
_LONGEST = 160
State = Licence.State

WORDS: dict[str, tuple[str, str]] = {
    "valid": ("有效", "Valid"),
    "suspended": ("挂起（暂停使用）", "Suspended"),
    "expired": ("已过有效期", "Expired"),
    "replaced": ("已换发，本证失效", "Replaced: no longer in force"),
    "revoked": ("已撤销，本证无效", "Revoked: void"),
    "genuine": ("文书真实", "Genuine document"),
    "not_found": ("查无此证", "Nothing of this number"),
    "wrong_check": ("号码校验位不符", "The number's check digit is wrong"),
}
ADVICE: dict[str, tuple[str, str]] = {
    "valid": ("请核对下列内容与纸面一致。", "Compare what stands below with the paper."),
    "suspended": ("发证机关已暂停本证，恢复前不得作为凭证。", "The issuing office suspended it; until it is resumed it proves nothing."),
    "expired": ("有效期已满，不得再作为凭证。", "Its last day has passed; it proves nothing any more."),
    "replaced": ("请以新证为准。", "The licence that took its place counts."),
    "revoked": ("本证已被依法撤销，自始或自撤销之日起无效；请勿采信。", "It was revoked by law and is void; do not rely on it."),
    "genuine": ("本文书由本节点生成；请核对标题、日期与文件摘要。", "This node made the document; compare title, date and digest."),
    "not_found": ("登记簿中没有可公开的这一号码。请核对是否抄写有误；若确为纸面所印，请谨防伪造。",
                  "The register has nothing public of this number. Check the spelling; if it is printed so, beware of forgery."),
    "wrong_check": ("号码抄写有误，或者是伪造的号码。", "The number was copied wrongly, or is forged."),
}  # fmt: skip


@dataclass(frozen=True)
class Verification:
    """The answer. Everything in it is public; a person's name stands masked."""

    asked: str
    answer: Answer
    checked_at: datetime
    title: tuple[str, str] = ("", "")
    number: str = ""
    identifier: str = ""
    version: int = 0
    issuer: str = ""
    holder: str = ""
    issued_on: date | None = None
    valid_to: date | None = None
    changed_on: date | None = None
    """Since when it is suspended, replaced or revoked."""
    project_code: str = ""
    facts: tuple[tuple[tuple[str, str], str], ...] = ()
    sm3: tuple[str, ...] = ()
    successor: str = ""
    plot: shapely.Geometry | None = field(default=None, repr=False, compare=False)

    @property
    def words(self) -> tuple[str, str]:
        return WORDS[self.answer]

    @property
    def advice(self) -> tuple[str, str]:
        return ADVICE[self.answer]

    @property
    def is_found(self) -> bool:
        return self.answer not in ("not_found", "wrong_check")


def verify(text: str) -> Verification:
    """Answer for a number, an identifier or a verification code, as typed or scanned."""
    asked = plain_number(text)
    now = timezone.now()
    if asked.startswith(_IDENTIFIER):
        return _by_identifier(asked, now)
    if proofs.is_shaped(asked.upper()):
        return _by_code(asked.upper(), now)
    spelled = {asked, asked.replace("(", "（").replace(")", "）"), asked.replace("（", "(").replace("）", ")")}
    found = _public(Licence.objects.filter(number__in=spelled).order_by("-version"))
    return _of_licence(asked, found, now) if found else Verification(asked, "not_found", now)


def plain_number(text: str) -> str:
    """A number as it is compared: half-width letters, no spaces; brackets of years stay as they are printed."""
    half = "".join(unicodedata.normalize("NFKC", letter) if letter not in "（）" else letter for letter in text[:500])
    return "".join(half.split())[:_LONGEST]


def _by_identifier(asked: str, now: datetime) -> Verification:
    try:
        parse_certificate_id(asked.upper())
    except BadIdentifier as error:
        return Verification(asked, "wrong_check" if error.reason == "check" else "not_found", now)
    found = _public(Licence.objects.filter(identifier=asked.upper()))
    return _of_licence(asked, found, now) if found else Verification(asked, "not_found", now)


def _by_code(asked: str, now: datetime) -> Verification:
    if not proofs.is_right(asked):
        return Verification(asked, "wrong_check", now)
    found = Document.objects.filter(proof=asked).first()
    if found is None:
        return Verification(asked, "not_found", now)
    return of_document(asked, found, now)


def of_document(asked: str, found: Document, now: datetime) -> Verification:
    """The answer for a document that is no licence: what it is called, when it was made, its digest."""
    return Verification(
        asked, "genuine", now, title=(found.title_zh, ""), number=found.number,
        issued_on=timezone.localtime(found.made_at).date(), sm3=(found.sm3,),
    )  # fmt: skip


def _public(rows: object) -> Licence | None:
    """The first of the rows that the public may know of."""
    for one in rows.select_related("pdf", "ofd")[:20]:  # type: ignore[attr-defined]
        if one.state != State.ISSUING and labels.label_of_code(one.label).is_open:
            return one  # type: ignore[no-any-return]
    return None


def of_licence(licence: Licence) -> Verification:
    """The answer for a licence found otherwise, e.g. by its file; the caller has made sure that it is public."""
    return _of_licence(licence.number, licence, timezone.now())


def _of_licence(asked: str, licence: Licence, now: datetime) -> Verification:
    kind = kind_of(licence.kind)
    title = (licence.pdf.title_zh if licence.pdf else kind.name_zh, kind.name_en)
    name = licence.holder_name
    return Verification(
        asked, state_now(licence, timezone.localtime(now).date()), now, title=title, number=licence.number,
        identifier=licence.identifier, version=licence.version, issuer=licence.issuer_zh,
        holder=(masks.mask(masks.NAME, name) or "") if licence.holder_kind == PERSON else name,
        issued_on=licence.issued_on, valid_to=licence.valid_to, changed_on=_changed_on(licence), project_code=licence.project_code,
        facts=tuple(licence.shown_facts),
        sm3=tuple(one.sm3 for one in (licence.pdf, licence.ofd) if one), successor=_successor(licence),
        plot=plot_of(licence),
    )  # fmt: skip


def state_now(licence: Licence, today: date) -> Answer:
    """The state of a licence that was issued; one past its last day is expired before the nightly task says so."""
    if licence.state in (State.VALID, State.SUSPENDED) and licence.valid_to is not None and licence.valid_to < today:
        return "expired"
    return licence.state  # type: ignore[return-value]


def _changed_on(licence: Licence) -> date | None:
    if licence.state in (State.VALID, State.EXPIRED):
        return None
    event = licence.events.filter(state=licence.state).order_by("-pk").first()
    return timezone.localtime(event.at).date() if event else None


def _successor(licence: Licence) -> str:
    if licence.state != State.REPLACED:
        return ""
    newer = licence.replaced_by.exclude(state=State.ISSUING).order_by("-version").first()
    return newer.identifier if newer else ""


def verification_json(found: Verification) -> dict[str, Any]:
    """A verification as programs read it."""
    return {
        "answer": found.answer, "words_zh": found.words[0], "words_en": found.words[1], "checked_at": found.checked_at.isoformat(),
        "number": found.number, "identifier": found.identifier, "version": found.version, "title_zh": found.title[0],
        "issuer": found.issuer, "holder": found.holder, "issued_on": found.issued_on.isoformat() if found.issued_on else None,
        "valid_to": found.valid_to.isoformat() if found.valid_to else None,
        "changed_on": found.changed_on.isoformat() if found.changed_on else None, "project_code": found.project_code,
        "facts": {name[0]: value for name, value in found.facts}, "sm3": list(found.sm3), "successor": found.successor,
    }  # fmt: skip
