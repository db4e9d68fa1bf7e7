"""In whose hands a case is: claim, assign, hand over — through the worklist, mirrored to the case. 领取、指派、移交."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from kunyu.engines.matters.cases import desk, machine, people, routing
from kunyu.engines.matters.cases.changing import Change, begun, recorded
from kunyu.engines.matters.cases.stages import action_of
from kunyu.engines.matters.errors import NotYourStep
from kunyu.engines.matters.models import Case
from kunyu.engines.security import scope
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import principal_of
from kunyu.engines.worklist import services as worklist
from kunyu.engines.worklist.audience import may_take
from kunyu.engines.worklist.models import Task


@transaction.atomic
def claim(principal: Principal, case_id: int, stage: str | None = None) -> Case:
    """Take a stage of a case for oneself. Raises UnknownCase, WrongStep, NotYourStep, AlreadyTaken."""
    change = begun(principal, case_id)
    case, code = change.case, _waiting_stage(change, stage)
    stage_of = routing.stage_of(case, code)
    people.require_stage(principal, case, stage_of, action_of(stage_of))
    task = desk.running(case)[code]
    if task.assignee_id == principal.user_id:
        return case
    worklist.claim(task.pk, principal)
    return _in_hands(change, "claimed", code, "", str(principal.name_zh or principal.name))


@transaction.atomic
def assign(principal: Principal, case_id: int, user: User | str, reason: str = "", *, stage: str | None = None) -> Case:
    """Give an open stage to a colleague who may do it, by one who may do it himself or a manager (``approve``) there.

    Given again to whoever has it already, nothing more is done. Raises as :func:`claim`.
    """
    change = begun(principal, case_id)
    case, code, to = change.case, _waiting_stage(change, stage), desk.account(user)
    task = desk.running(case)[code]
    _require_may_assign(principal, case, task)
    if task.assignee_id == to.pk:
        return case
    _require_able(case, to, code)
    worklist.give(task.pk, to, principal, reason)
    return _in_hands(change, "assigned", code, reason, str(to), to=to.username)


@transaction.atomic
def hand_over(principal: Principal, case_id: int, user: User | str, reason: str, *, stage: str | None = None) -> Case:
    """Give one's own stage to a colleague; given again to whoever has it already, nothing more is done.

    Raises as :func:`claim`; ReasonMissing.
    """
    change = begun(principal, case_id)
    case, code, to = change.case, _waiting_stage(change, stage), desk.account(user)
    task = desk.running(case)[code]
    if task.assignee_id == to.pk and people.holds(principal, case, scope.EDIT):
        return case
    _require_able(case, to, code)
    worklist.hand_over(task.pk, to, principal, reason)
    return _in_hands(change, "handed_over", code, reason, str(to), to=to.username)


def may_assign(principal: Principal, case: Case, task: Task) -> bool:
    """May the principal give this stage to somebody: he may take it himself, or decides about such cases here?"""
    if people.is_applicant(principal, case):
        return False
    return people.holds(principal, case, scope.APPROVE) or (
        people.holds(principal, case, scope.EDIT) and may_take(principal, task)
    )


def _require_may_assign(principal: Principal, case: Case, task: Task) -> None:
    people.require_no_interest(principal, case)
    if not may_assign(principal, case, task):
        raise NotYourStep(
            f"办件 {case.number} 的这个环节由能办理它的人或有审批权限的管理人员指派。",
            f"This stage of case {case.number} is assigned by those who may do it, or by who decides about such cases.",
            case=case.number,
        )


def _waiting_stage(change: Change, stage: str | None) -> str:
    machine.require(change.case, "assign")
    return desk.stage_for(change.case, stage, tuple(desk.running(change.case)))


def _require_able(case: Case, user: User, code: str) -> None:
    stage = routing.stage_of(case, code)
    people.require_stage(principal_of(user), case, stage, action_of(stage))


def _in_hands(change: Change, act_name: str, code: str, reason: str, who: str, **detail: Any) -> Case:
    desk.mirror(change.case, routing.waiting(change.case))
    recorded(change, act_name, stage=code, reason=reason, who=who, **detail)
    return change.case
