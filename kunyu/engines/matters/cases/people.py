"""Who may do what to a case: rights where it lies, the role of the stage, separation of duties. 权限与职责分离.

Rights are grants on the matter's branch in the case's county (``see`` sees, ``edit`` handles, ``approve`` decides). An
office of another region that took the case or was given it counts as if the case lay there, while it works on it.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q
from django.utils import timezone

from kunyu.engines.matters.definitions.matter import Stage
from kunyu.engines.matters.errors import NotYourStep, UnknownCase
from kunyu.engines.matters.models import Case, CaseEvent, Matter
from kunyu.engines.security import scope
from kunyu.engines.security.models import Appointment, Post, User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import principal_of

SYSTEM = "system"
STEP_ACTS = ("accepted", "not_accepted", "step", "decided", "correction_asked")
"""Acts that make somebody the person of a stage."""


def system() -> Principal:
    """The node itself, when a deadline passes or an interrupted act is finished."""
    return scope.operator("clock")


def holds(principal: Principal, case: Case, action: str) -> bool:
    """Does the principal hold ``action`` on the matter's branch where the case lies or is worked on?"""
    counties = [case.county]
    if case.partner_county and (action == scope.SEE or case.is_with_partner):
        counties.append(case.partner_county)
    return any(holds_at(principal, case.branch, county, action, case.label) for county in counties)


def holds_at(principal: Principal, branch: str, county: str, action: str, label: int = 0) -> bool:
    """Does the principal hold ``action`` on a branch in a county, for rows of this label?"""
    return any(
        county.startswith(one.prefix) and (one.row_labels >> label) & 1
        for one in scope.clauses_of(principal, branch, action)
    )


def require_counter(principal: Principal, matters: Iterable[Matter], county: str) -> None:
    """Refuse whoever may not take applications at a county's counter. Raises NotYourStep."""
    for matter in matters:
        if not holds_at(principal, matter.branch, county, scope.EDIT):
            raise NotYourStep(
                f"您在 {county} 没有“{matter.name_zh}”的办理权限，不能在窗口收件。",
                f"You do not handle {matter.code} in {county}: you cannot take applications at its counter.",
                matter=matter.code,
            )


def may_serve_counter(principal: Principal, codes: list[str], county: str) -> bool:
    """Does the principal handle all these matters at a county's counter?"""
    branches = Matter.objects.filter(code__in=codes).values_list("branch", flat=True)
    return all(holds_at(principal, branch, county, scope.EDIT) for branch in branches)


def is_applicant(principal: Principal, case: Case) -> bool:
    """Is it the principal's own case?"""
    return principal.user_id is not None and case.applicant_account_id == principal.user_id


def may_see(principal: Principal, case: Case) -> bool:
    """May the principal know of the case?"""
    return is_applicant(principal, case) or holds(principal, case, scope.SEE)


def require_see(principal: Principal, case: Case) -> None:
    """The same answer as for a number that does not exist. Raises UnknownCase."""
    if not may_see(principal, case):
        raise unknown(case.pk)


def unknown(given: object) -> UnknownCase:
    return UnknownCase(f"没有办件 {given}，或者您无权查看。", f"There is no case {given}, or you may not see it.")


def require(principal: Principal, case: Case, action: str, what_zh: str, what_en: str) -> None:
    """Refuse whoever lacks the right where the case is worked on, and the applicant himself. Raises NotYourStep."""
    require_see(principal, case)
    require_no_interest(principal, case)
    if not holds(principal, case, action):
        raise NotYourStep(
            f"您在 {case.county} 没有“{case.branch}”的{_ACTION_ZH[action]}权限，不能{what_zh}办件 {case.number}。",
            f"You do not hold '{action}' on {case.branch} in {case.county}: you cannot {what_en} case {case.number}.",
            case=case.number,
        )


_ACTION_ZH = {scope.SEE: "查看", scope.EDIT: "办理", scope.APPROVE: "审批决定"}


def require_no_interest(principal: Principal, case: Case) -> None:
    """The applicant's own account never handles its case. Raises NotYourStep."""
    if is_applicant(principal, case):
        raise NotYourStep(
            f"办件 {case.number} 是您本人申请的，应当回避，不能由您办理。",
            f"Case {case.number} is your own application: you may not handle it.",
            case=case.number,
        )


def require_stage(principal: Principal, case: Case, stage: Stage, action: str) -> None:
    """May the principal act at this stage: right, role, no interest, not the person of a separate stage?

    Raises
    ------
    UnknownCase, NotYourStep
    """
    require(principal, case, action, f"办理“{stage.name_zh}”", f"act at '{stage.name_en or stage.code}' of")
    if principal.user_id is None or not has_role(principal.user_id, stage.role, office_county(case)):
        raise NotYourStep(
            f"环节“{stage.name_zh}”由 {office_county(case)} 的“{stage.role}”岗位办理，您没有任职。",
            f"'{stage.name_en or stage.code}' is done by holders of the role {stage.role} in {office_county(case)}.",
            case=case.number,
            stage=stage.code,
            role=stage.role,
        )
    require_separate(principal, case, stage)


def require_separate(principal: Principal, case: Case, stage: Stage) -> None:
    """受理、审查、决定 by different persons: as the stage says, and the decision always. Raises NotYourStep."""
    acted = CaseEvent.objects.filter(case=case, actor=principal.name, act__in=STEP_ACTS).exclude(stage="")
    if "grant" in stage.outcomes:
        acted = acted.exclude(stage=stage.code)
    else:
        acted = acted.filter(stage__in=stage.separate_from)
    found = acted.order_by("sequence").values_list("stage", flat=True).first()
    if found:
        raise NotYourStep(
            f"您已办理过办件 {case.number} 的环节“{found}”；受理、审查、决定应由不同人员办理，请交他人办理“{stage.name_zh}”。",
            f"You acted at '{found}' of case {case.number}; acceptance, examination and decision are done by different "
            f"persons: leave '{stage.name_en or stage.code}' to somebody else.",
            case=case.number,
            stage=stage.code,
            acted_at=found,
        )


def office_county(case: Case) -> str:
    """County of the office that works on the case now."""
    return case.partner_county if case.is_with_partner else case.county


def posts_of(role: str, county: str) -> tuple[int, ...]:
    """Ids of the posts that do a stage in a county: in offices of the lowest level of administration that has any."""
    prefixes = ["", *(county[:length] for length in (2, 4, 6))]
    found = list(
        Post.objects.filter(roles__code=role, organisation__division_code__in=prefixes, closed_on=None).values_list(
            "pk", "organisation__division_code"
        )
    )
    lowest = max((len(division) for _, division in found), default=0)
    return tuple(sorted(pk for pk, division in found if len(division) == lowest))


def has_role(user_id: int, role: str, county: str) -> bool:
    """Does somebody hold, today, one of the posts that do a stage in the county?"""
    day = timezone.localdate()
    held = Appointment.objects.filter(Q(ends_on=None) | Q(ends_on__gte=day), starts_on__lte=day, user_id=user_id)
    return held.filter(post__in=posts_of(role, county)).exists()


def person_named(username: str) -> Principal | None:
    """The principal of an account that still works; None: it was closed, or it never was one."""
    user = User.objects.filter(username=username, is_active=True).first()
    return None if user is None else principal_of(user, "clock")
