"""The papers of a case: letters that go out at its steps, sealed, and the draft of an opinion. 文书.

A paper is made of the matter's own template or, where it names none, of the engine's in ``data/papers``. A letter bears
what caused it as its key: made again it is the same letter.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from kunyu.engines.documents import making, sealed_papers, templates
from kunyu.engines.documents.errors import SealUnusable
from kunyu.engines.documents.licences import Issuer
from kunyu.engines.documents.models import Document, Seal
from kunyu.engines.matters.cases import people, routing
from kunyu.engines.matters.cases.filling import filling, template_path
from kunyu.engines.matters.definitions.matter import TEMPLATES
from kunyu.engines.matters.models import Case, CaseEvent, Decision, Material
from kunyu.engines.security.scope import Principal

LETTERS = {"accepted": "acceptance", "correction_asked": "correction", "not_accepted": "not_accepted"}
"""Acts that send a letter, and which. The refusal follows the decision (:mod:`cases.sealing`)."""
_log = logging.getLogger(__name__)


def make_letter(case_id: int, sequence: int) -> Document | None:
    """Make and seal the letter that an act sends; None where it sends none.

    Where no seal is in use the act stands without its letter, and the log says so.
    """
    event = CaseEvent.objects.filter(case_id=case_id, sequence=sequence).first()
    which = LETTERS.get(event.act, "") if event else ""
    if event is None or not which:
        return None
    case = Case.objects.select_related("matter", "edition", "application").get(pk=case_id)
    who = people.person_named(event.actor) or people.system()
    try:
        return _letter(who, case, which, f"case:{case.number}:{which}:{sequence}", _said(case, event))
    except SealUnusable:
        _log.warning("case %s: no seal is in use, its %s was not made", case.number, which)
        return None


def refusal(who: Principal, case: Case, decision: Decision) -> Document:
    """The letter of refusal: reason, articles of law, remedies. Raises SealUnusable, BadTemplate."""
    return _letter(who, case, "refusal", f"case:{case.number}:refusal", {}, decision)


def _said(case: Case, event: CaseEvent) -> dict[str, Any]:
    """What a letter says of the act it follows, as it stood on that day."""
    return {
        "today": timezone.localtime(event.at).date().isoformat(), "materials": _materials(case),
        "decision": {"outcome": event.outcome, "reason": event.reason, "basis": []},
        "asked": event.detail.get("asked", []), "answer_by": event.detail.get("answer_by", ""),
    }  # fmt: skip


def _materials(case: Case) -> list[dict[str, Any]]:
    """The newest version of each kind handed in, by the names the matter gives."""
    rows = Material.objects.filter(application_id=case.application_id, is_withdrawn=False).order_by("version")
    newest = {one.kind: one for one in rows}
    return [
        {"name_zh": kind.name_zh, "pages": newest[kind.code].pages, "file_name": newest[kind.code].file_name}
        for kind in routing.definition(case).materials
        if kind.code in newest
    ]


def _letter(
    who: Principal, case: Case, which: str, key: str, more: Mapping[str, Any], decision: Decision | None = None
) -> Document:
    found = Document.objects.filter(key=f"{key}:sealed").first()
    if found is not None:
        return found
    seal = seal_of(case)
    issuer = issuer_of(case, seal)
    values = {
        **filling(case, decision, routing.definition(case)),
        "issuer": {"code": issuer.code, "name_zh": issuer.name_zh},
    }
    plain = templates.render(
        who, template_path(case, which), {**values, **more}, key=key, kind=which, subject=f"case:{case.number}",
        title_zh=f"{case.matter.name_zh}{TEMPLATES[which][0]}",
    )  # fmt: skip
    return sealed_papers.sealed(who, plain, seal, key=f"{key}:sealed", place=plain.subject, office=issuer.name_zh)


def sent(case: Case) -> QuerySet[Document]:
    """What went out in a case, sealed: letters and the PDF of its licence, oldest first."""
    return Document.objects.filter(subject=f"case:{case.number}", is_sealed=True).order_by("id")


def draft_of_opinion(case: Case, reader: Principal) -> tuple[str, making.Made]:
    """The opinion as far as it can be filled in, and its name: a draft to go on writing in, kept nowhere.

    It holds of the checks what ``reader``, who goes on writing, may be told of them.

    Raises
    ------
    BadTemplate, BadMatter
    """
    template = template_path(case, "opinion")
    filled = filling(case, None, routing.definition(case), reader)
    made = making.make(template, filled, title=f"{case.matter.name_zh}{TEMPLATES['opinion'][0]}", proof=None)
    return f"{case.number}-{TEMPLATES['opinion'][0]}{template.suffix if template.suffix == '.docx' else '.pdf'}", made


# -- the office and its seal ------------------------------------------------------------------------------------------


def seal_of(case: Case) -> Seal:
    """The seal in use of the office that decides: of the lowest level of administration that has one. Raises SealUnusable."""
    now = timezone.now()
    prefixes = [case.county[:length] for length in (6, 4, 2)]
    usable = Seal.objects.select_related("organisation").filter(
        division_code__in=prefixes, state=Seal.State.ACTIVE, valid_from__lte=now, valid_to__gt=now
    )
    found = sorted(usable, key=lambda one: (-len(one.division_code), one.code))
    if not found:
        raise SealUnusable(
            f"{case.county} 没有在用的印章，办件 {case.number} 的证照暂不能制作；请启用印章后自动继续。",
            f"No seal is in use in {case.county}: the licence of case {case.number} waits until one is.",
            case=case.number,
        )
    return found[0]


def issuer_of(case: Case, seal: Seal) -> Issuer:
    """The office that the seal stands for."""
    office = seal.organisation
    if office is None:
        return Issuer(case.county, seal.name_zh)
    return Issuer(office.uscc or case.county, office.name_zh)
