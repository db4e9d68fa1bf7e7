"""In whose hands a case is: claim, assign, hand over — through the worklist, mirrored to the case. 领取、指派、移交."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from kunyu.engines.matters.cases import desk, machine, people, routing
from kunyu.engines.matters.cases.changing import Change, begun, recorded
from kunyu.engines.matters.cases.stages import action_of
from kunyu.engines.matters.models import Case
from kunyu.engines.security import scope
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import principal_of
from kunyu.engines.worklist import services as worklist


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
    """Give an open stage to a colleague who may do it. Raises as :func:`claim`."""
    change = begun(principal, case_id)
    case, code, to = change.case, _waiting_stage(change, stage), desk.account(user)
    people.require(principal, case, scope.EDIT, "指派", "assign")
    _require_able(case, to, code)
    worklist.assign(desk.running(case)[code].pk, to, principal, reason)
    return _in_hands(change, "assigned", code, reason, str(to), to=to.username)


@transaction.atomic
def hand_over(principal: Principal, case_id: int, user: User | str, reason: str, *, stage: str | None = None) -> Case:
    """Give one's own stage to a colleague. Raises as :func:`claim`; ReasonMissing."""
    change = begun(principal, case_id)
    case, code, to = change.case, _waiting_stage(change, stage), desk.account(user)
    _require_able(case, to, code)
    worklist.hand_over(desk.running(case)[code].pk, to, principal, reason)
    return _in_hands(change, "handed_over", code, reason, str(to), to=to.username)


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
