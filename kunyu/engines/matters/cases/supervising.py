"""Supervision by a manager, and warnings of limits. 督办、时限预警."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils import timezone

from kunyu.engines.matters.cases import desk, machine, people, telling
from kunyu.engines.matters.cases.changing import begun, recorded
from kunyu.engines.matters.cases.clock import Colour, colour
from kunyu.engines.matters.models import Case
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist.audience import people_who_may_take
from kunyu.engines.worklist.errors import ReasonMissing

_WORDS = {
    Colour.YELLOW: ("时限已过 70%", "70 % of its time is gone"),
    Colour.RED: ("时限已过 90%", "90 % of its time is gone"),
    Colour.OVERDUE: ("已超过承诺时限", "past its promised time"),
}


@transaction.atomic
def supervise(principal: Principal, case_id: int, text: str) -> Case:
    """Urge those who have a case in hand; stays on its record. By whoever holds ``approve`` on its branch there.

    Raises
    ------
    UnknownCase, WrongStep, NotYourStep, ReasonMissing
    """
    change = begun(principal, case_id)
    case = change.case
    machine.require(case, "supervise")
    people.require(principal, case, scope.APPROVE, "督办", "supervise")
    if not text.strip():
        raise ReasonMissing("请写明督办要求。", "Say what is urged.")
    told = who_has(case)
    event = recorded(change, "supervised", reason=text, told=len(told))
    telling.tell_officer(case, told, telling.SUPERVISION_KIND, f"case-supervised:{case.number}:{event.sequence}", "督办",
                         "Supervision", text.strip())  # fmt: skip
    return case


def who_has(case: Case) -> list[int]:
    """Accounts that have a stage of the case in hand; of stages nobody took, those who may."""
    found: list[int] = []
    for task in desk.running(case).values():
        found += [task.assignee_id] if task.assignee_id else people_who_may_take(task)
    return sorted(set(found))


def warn_of_limits(today: date | None = None) -> int:
    """Tell who has a case in hand that it turned yellow, red or overdue, each once; returns how many cases."""
    day = today or timezone.localdate()
    late = Case.objects.select_related("matter").filter(closed_at=None, decided_at=None, yellow_on__lte=day)
    told = 0
    for case in late.iterator():
        now = colour(day, case.due_on, case.yellow_on, case.red_on)
        if now in _WORDS:
            zh, en = _WORDS[now]
            key = f"case-limit:{case.number}:{now}:{case.due_on}"
            telling.tell_officer(case, who_has(case), telling.LIMIT_KIND, key, zh, en, f"承诺办结 {case.due_on}")
            told += 1
    return told
