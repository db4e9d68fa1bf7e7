"""What a case came to: decision, remedies, letters, the sealed licence and the code that proves it. 办理结果."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString

from kunyu.engines.documents.models import Document, Licence
from kunyu.engines.documents.proofs import proof_of
from kunyu.engines.documents.verifying import state_now
from kunyu.engines.matters.cases import papers, services
from kunyu.engines.matters.cases.shown import decision
from kunyu.engines.matters.definitions.matter import TEMPLATES
from kunyu.engines.matters.models import Case, CaseEvent
from kunyu.engines.pages.listing import Badge
from kunyu.engines.pages.words import Pair

S = Case.State
REMEDIES: Pair = (
    "如果不服，可以自收到决定书之日起六十日内依法申请行政复议，也可以自收到决定书之日起六个月内依法向人民法院提起行政诉讼。"
    "法律规定应当先申请行政复议的，从其规定。",
    "If you disagree, you may ask for administrative reconsideration within 60 days of receiving the decision, or bring "
    "the matter before a court within six months of it; where the law asks for reconsideration first, that comes first.",
)
REMEDIES_FROM: Pair = (
    "《行政复议法》(2023) 第二十条、《行政诉讼法》(2017) 第四十六条。期限凭记忆引用，尚未与条文核对，以送达的决定书写明的为准。",
    "Administrative Reconsideration Law (2023) art. 20, Administrative Procedure Law (2017) art. 46: recalled, not yet "
    "compared with the printed law; what the decision delivered to you says goes before this.",
)
"""Not verified: the same periods as in the letters of :mod:`cases.papers`."""
_AGAINST = (S.REFUSED, S.NOT_ACCEPTED, S.REVOKED)
_ACTS_OF_AUTHORITY = ("01", "06", "07", "10")
"""Kinds of matters whose refusal is an administrative act; a public service (20) is none."""
_DECIDED_BY_EVENT: Mapping[str, tuple[str, Pair]] = {
    S.NOT_ACCEPTED: ("not_accepted", ("不予受理", "Not accepted")), S.REVOKED: ("revoked", ("撤销许可", "Permit revoked")),
}  # fmt: skip
_STATES: Mapping[str, Badge] = {
    "valid": Badge(("有效", "valid"), "accent"), "suspended": Badge(("挂起", "suspended"), "warn"),
    "expired": Badge(("过期", "expired"), "plain"), "replaced": Badge(("已换发", "replaced"), "plain"),
    "revoked": Badge(("已撤销", "revoked"), "danger"),
}  # fmt: skip


@dataclass(frozen=True)
class Ruling:
    """A decision as its applicant is told it. Who decided signs by the office's seal, not here."""

    title: Pair
    on: str
    reason: str
    basis: tuple[str, ...]
    has_remedies: bool


def rulings(case: Case) -> list[Ruling]:
    """The decision and, where there is one, what ended the case otherwise, in order."""
    found = []
    made = decision(case)
    if made is not None:
        words = ("准予", "Granted") if made.outcome == "grant" else ("不予许可", "Refused")
        against = made.outcome == "refuse" and case.matter.kind in _ACTS_OF_AUTHORITY
        found.append(Ruling(words, _day(made.decided_at), made.reason, tuple(map(str, made.basis)), against))
    if case.state in _DECIDED_BY_EVENT:
        act, words = _DECIDED_BY_EVENT[case.state]
        event = CaseEvent.objects.filter(case=case, act=act).order_by("-sequence").first()
        if event is not None:
            basis = tuple(filter(None, [str(event.detail.get("basis", ""))]))
            found.append(Ruling(words, _day(event.at), event.reason, basis, case.matter.kind in _ACTS_OF_AUTHORITY))
    return found


def has_remedies(case: Case, found: list[Ruling]) -> bool:
    """Is there a decision that can be contested?"""
    return case.state in (*_AGAINST, S.DECIDED) and any(one.has_remedies for one in found)


def _day(moment: Any) -> str:
    return timezone.localtime(moment).date().isoformat()


@dataclass(frozen=True)
class Paper:
    """A sealed file to download."""

    id: int
    title: Pair
    number: str
    at: Any
    code: str
    form: str


def letters(case: Case) -> list[Paper]:
    """Letters that went out, oldest first."""
    return [_paper(one) for one in papers.sent(case).exclude(kind="licence")]


def _paper(one: Document) -> Paper:
    title = TEMPLATES.get(one.kind, (one.title_zh, one.title_zh))
    return Paper(one.pk, title, one.number, one.made_at, one.proof, form_of(one).upper())


def form_of(one: Document) -> str:
    """``pdf`` or ``ofd``."""
    return "ofd" if "ofd" in one.media_type else "pdf"


@dataclass(frozen=True)
class Held:
    """The licence as its holder has it: its files and the code others verify it by."""

    licence: Licence
    state: Badge
    files: tuple[Paper, ...]
    is_in_force: bool
    address: str
    picture: SafeString

    @property
    def awaits_ofd(self) -> bool:
        """Is its OFD still being made?"""
        return self.is_in_force and self.licence.ofd_id is None


def licence(case: Case) -> Held | None:
    """The newest version of the licence, once it is sealed."""
    found = services.licence_of(case)
    if found is None or found.pdf_id is None or found.state == Licence.State.ISSUING:
        return None
    state = state_now(found, timezone.localdate())
    proof = proof_of(found.identifier)
    files = tuple(_paper(one) for one in (found.pdf, found.ofd) if one is not None)
    return Held(found, _STATES.get(state, Badge((state, state), "plain")), files, state == "valid", proof.address,
                proof.svg())  # fmt: skip


def paper_of(case: Case, document_id: int) -> Document | None:
    """A file of the case that its applicant may have: a letter, or a form of the newest licence."""
    held = licence(case)
    wanted = {one.id for one in letters(case)} | {one.id for one in (held.files if held else ())}
    return papers.sent(case).filter(pk=document_id).first() if document_id in wanted else None
