"""What the register does on events of the outbox; listed in ``kunyu.project.handlers``. Idempotent.

A party is entered when somebody's case is accepted or a licence is issued to it; a code that is wrong is left out, since
the case's own checks tell about it.
"""

from __future__ import annotations

from kunyu.engines.documents.models import Licence
from kunyu.engines.matters.models import Case
from kunyu.engines.security.scope import Principal
from kunyu.kernel.identifiers import is_citizen_id, is_credit_code
from kunyu.kernel.outbox.models import Event
from kunyu.registers.parties.models import Party, PartyLink
from kunyu.registers.parties.services import Entry, Link, enter

ACTOR = Principal("parties", "相对人登记", origin="outbox")


def case_changed(event: Event) -> None:
    """``matters.case_changed`` {case}: enter the applicant and link the case, once."""
    case = Case.objects.select_related("application").filter(pk=event.payload["case"]).first()
    if case is None or not case.applicant_name.strip():
        return
    subject = f"case:{case.number}"
    if PartyLink.objects.filter(role="applicant", subject=subject).exists():
        return
    of = case.application
    link = Link("applicant", subject, case.number, case.branch, case.division_code)
    enter(ACTOR, _entry(of.applicant_kind, case.applicant_name, of.applicant_code), link)


def licence_changed(event: Event) -> None:
    """``documents.licence_changed`` {licence}: enter the holder and link the licence, once."""
    licence = Licence.objects.filter(pk=event.payload["licence"]).first()
    if licence is None or not licence.branch or not licence.holder_name.strip():
        return
    subject = f"licence:{licence.pk}"
    if PartyLink.objects.filter(role="holder", subject=subject).exists():
        return
    link = Link("holder", subject, licence.number, licence.branch, licence.division_code)
    enter(ACTOR, _entry(licence.holder_kind, licence.holder_name, licence.holder_code), link)


def _entry(kind: str, name: str, code: str) -> Entry:
    kind = kind or Party.Kind.ORGANISATION
    is_right = is_citizen_id(code.upper()) if kind == Party.Kind.PERSON else is_credit_code(code.upper())
    return Entry(kind, name, code if is_right else "")
