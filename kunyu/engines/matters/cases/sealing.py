"""From the decision to the sealed licence, however often it is interrupted. 制证.

Called by the outbox after every decision and by a job for those a crash left over. The licence bears the case as its
key, so issuing it again is issuing the same one; the case closes in a transaction of its own afterwards.
"""

from __future__ import annotations

import logging
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from kunyu.engines.documents.licences import Holder, IssueRequest, issue
from kunyu.engines.matters.cases import machine, people, routing
from kunyu.engines.matters.cases.applying import plot_of
from kunyu.engines.matters.cases.changing import begun, recorded
from kunyu.engines.matters.cases.filling import filling, public_facts, template_path
from kunyu.engines.matters.cases.papers import issuer_of, refusal, seal_of
from kunyu.engines.matters.cases.stages import close_when_over
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.engines.matters.models import Case, Decision
from kunyu.engines.security.scope import Principal

logger = logging.getLogger(__name__)
GRACE = timedelta(minutes=2)
"""The repair job leaves younger decisions to the outbox."""


def seal_decision(case_id: int) -> Case:
    """Make what a decision calls for (licence, letter of refusal), seal it, and close the case; idempotent.

    Raises
    ------
    SealUnusable
        No seal of the office is in use: the case stays decided, and the same call finishes it later.
    """
    case = _case(case_id)
    decision = Decision.objects.get(case=case)
    if decision.sealed_at is not None:
        return case
    who = people.person_named(decision.decided_by) or people.system()
    number = made_of(who, case, decision)
    return _sealed(who, case_id, number)


def made_of(who: Principal, case: Case, decision: Decision) -> str:
    """Issue the licence, or make the letter of refusal; answers with the licence's number."""
    definition = routing.definition(case)
    if decision.outcome == Decision.Outcome.GRANT and definition.licence_kind:
        return issue(who, licence_request(case, decision, definition)).number
    if decision.outcome == Decision.Outcome.REFUSE:
        refusal(who, case, decision)
    return ""


@transaction.atomic
def _sealed(who: Principal, case_id: int, number: str) -> Case:
    change = begun(who, case_id, hidden=False)
    case = change.case
    decision = Decision.objects.select_for_update().get(case=case)
    if decision.sealed_at is not None:
        return case
    machine.require(case, "seal")
    decision.sealed_at = change.now
    decision.save(update_fields=["sealed_at"])
    case.licence_number = number
    recorded(change, "sealed", outcome=decision.outcome, licence=number)
    close_when_over(change)
    return case


def repair_decisions(older_than: timedelta = GRACE) -> int:
    """Seal every decision that was left over; returns how many were finished. Failures are logged and come again."""
    left = Decision.objects.filter(sealed_at=None, decided_at__lt=timezone.now() - older_than)
    done = 0
    for case_id in left.order_by("pk").values_list("case_id", flat=True):
        try:
            seal_decision(case_id)
            done += 1
        except Exception:
            logger.exception("decision of case %s could not be sealed", case_id)
    return done


# -- what stands on it ------------------------------------------------------------------------------------------------


def licence_request(case: Case, decision: Decision, definition: Definition, key: str = "") -> IssueRequest:
    """What is issued for a granted case."""
    seal = seal_of(case)
    application = case.application
    return IssueRequest(
        key=key or f"case:{case.number}:licence",
        kind=definition.licence_kind,
        type_code="",
        issuer=issuer_of(case, seal),
        holder=Holder(application.applicant_name, application.applicant_kind, application.applicant_code),
        division=case.county,
        project_code=case.project_code,
        subject=f"case:{case.number}",
        facts=public_facts(case, definition),
        number_scheme=definition.number_scheme,
        valid_to=_valid_to(timezone.localtime(decision.decided_at).date(), definition.licence_valid_years),
        template=template_path(case, "licence"),
        seal=seal,
        branch=case.branch,
        label=case.label,
        plot=plot_of(case.application_id),
        title_zh=definition.result_zh or case.matter.name_zh,
        filled_with=filling(case, decision, definition),
    )


def _valid_to(day: date, years: int | None) -> date | None:
    """The last day of so many years that begin with ``day``."""
    if years is None:
        return None
    try:
        same = day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return date(day.year + years, 2, 28)
    return same - timedelta(days=1)


def _case(case_id: int) -> Case:
    found = Case.objects.select_related("matter", "edition", "application").filter(pk=case_id).first()
    if found is None:
        raise people.unknown(case_id)
    return found
