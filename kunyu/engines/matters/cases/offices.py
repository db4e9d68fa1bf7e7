"""Between offices of different regions: taken or accepted in one, handled in another, both on record. 跨区域协同 (R-299)."""

from __future__ import annotations

from django.db import transaction

from kunyu.engines.matters.cases import desk, machine, people, routing
from kunyu.engines.matters.cases.changing import begun, next_sequence, recorded
from kunyu.engines.matters.errors import WrongStep
from kunyu.engines.matters.models import Case
from kunyu.engines.security import scope
from kunyu.engines.security.audit.recording import subject_of
from kunyu.engines.security.models import Post
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist.errors import ReasonMissing


@transaction.atomic
def move_to_office(
    principal: Principal, case_id: int, county: str, reason: str, *, revision: int | None = None
) -> Case:
    """Give a case to the office of another county, or back to the one where the land lies.

    The tasks that wait are made anew there; both offices see the case from then on. One other region takes part in a
    case at most.

    Raises
    ------
    UnknownCase, StaleRevision, NotYourStep, ReasonMissing
    WrongStep
        It lies there already, or a third region took part.
    """
    change = begun(principal, case_id, revision)
    case = change.case
    machine.require(case, "move")
    people.require(principal, case, scope.EDIT, "移交", "move")
    if not reason.strip():
        raise ReasonMissing("请写明移交原因。", "Say why it is moved.")
    before = people.office_county(case)
    _require_possible(case, before, county)
    case.is_with_partner = county != case.county
    if case.is_with_partner:
        case.partner_county = county
    stages = routing.waiting(case)
    desk.settle_stages(case, principal, "moved", reason, cancelled=True)
    desk.open_stages(case, stages, next_sequence(case), principal)
    desk.mirror(case, stages)
    recorded(change, "office_changed", reason=reason, office=subject_of(principal).organisation, from_county=before, to_county=county)  # fmt: skip
    return case


def counties_for(case: Case) -> list[str]:
    """Counties that a case may be given to: their offices have a post for a stage that waits; the other of two taking part."""
    here = people.office_county(case)
    if case.partner_county:
        return [one for one in (case.county, case.partner_county) if one != here]
    waiting = set(routing.waiting(case))
    roles = {one.role for one in routing.definition(case).stages if one.code in waiting}
    posts = Post.objects.filter(roles__code__in=roles, closed_on=None)
    codes = set(posts.values_list("organisation__division_code", flat=True))
    return sorted(one for one in codes if len(one) == _COUNTY_DIGITS and one != here)


_COUNTY_DIGITS = 6


def _require_possible(case: Case, before: str, county: str) -> None:
    if county == before:
        raise WrongStep(
            f"办件 {case.number} 已由 {county} 办理。", f"Case {case.number} is already handled in {county}."
        )
    if county not in (case.county, case.partner_county) and case.partner_county:
        raise WrongStep(
            f"办件 {case.number} 已由 {case.county}、{case.partner_county} 两地共同办理，不能再移交第三地。",
            f"{case.county} and {case.partner_county} take part in case {case.number}; a third county cannot.",
            case=case.number,
        )
