"""What somebody may do with a case now: the page shows this and nothing else; the services decide again. 可办操作."""

from __future__ import annotations

from dataclasses import dataclass

from kunyu.engines.matters.cases import checks, desk, hands, machine, offices, overriding, people, routing, services
from kunyu.engines.matters.cases.applying import is_mine
from kunyu.engines.matters.cases.overriding import Point
from kunyu.engines.matters.cases.stages import action_of
from kunyu.engines.matters.definitions.matter import Stage
from kunyu.engines.matters.errors import NotYourStep
from kunyu.engines.matters.models import Case, CheckAnswer, Pause
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import APPROVE, EDIT, Principal
from kunyu.engines.security.session import principal_of
from kunyu.engines.worklist.models import Task
from kunyu.engines.worklist.queries import takers

OFFICE_RIGHT = {
    "step": EDIT, "claim": EDIT, "assign": EDIT, "hand-over": EDIT, "correct": EDIT, "pause": EDIT, "resume": EDIT,
    "check": EDIT, "move": EDIT, "revoke": APPROVE, "correct-licence": APPROVE, "supervise": APPROVE,
}  # fmt: skip
"""Rights of the acts that officers do; ``withdraw`` and ``answer`` are the applicant's or his counter's."""
MANAGERS_TOO = ("assign",)
"""Acts that whoever decides about such cases may do as well, without handling them."""
_FITS = {"correct": "ask_correction", "answer": "answer_correction", "hand-over": "assign", "claim": "assign",
         "correct-licence": "correct_licence", "step": "step"}  # fmt: skip


@dataclass(frozen=True)
class Waiting:
    """A stage that waits: in whose hands, and may the person act at it, take it, or give it on?"""

    stage: Stage
    task: Task | None
    may_act: bool
    may_claim: bool
    is_mine: bool
    may_assign: bool = False


@dataclass(frozen=True)
class Available:
    """Everything somebody may do with a case now. ``acts``: names of act pages, without those of single stages."""

    waiting: tuple[Waiting, ...]
    acts: tuple[str, ...]

    @property
    def mine(self) -> tuple[Waiting, ...]:
        """Stages the person may act at now."""
        return tuple(one for one in self.waiting if one.may_act)

    def at(self, code: str) -> Waiting | None:
        """A waiting stage by its code; without one, the first the person may act at, or the first at all."""
        if code:
            return next((one for one in self.waiting if one.stage.code == code), None)
        return next(iter(self.mine), None) or next(iter(self.waiting), None)

    def has(self, act: str) -> bool:
        """May the act be done now, at some stage or on the case?"""
        if act == "step":
            return bool(self.mine)
        if act == "claim":
            return any(one.may_claim for one in self.waiting)
        return act in self.acts


def available(principal: Principal, case: Case) -> Available:
    """What the principal may do with the case now."""
    fits = set(machine.allowed(case))
    waiting = tuple(_waiting(principal, case)) if fits & {"step", "accept", "assign"} else ()
    found = [act for act in OFFICE_RIGHT if act not in ("step", "claim") and _may(principal, case, act, fits, waiting)]
    if is_mine(principal, case.application):
        found += [act for act in ("withdraw", "answer") if _FITS.get(act, act) in fits]
    return Available(waiting, tuple(found))


def _may(principal: Principal, case: Case, act: str, fits: set[str], waiting: tuple[Waiting, ...]) -> bool:
    if not has_right(principal, case, act):
        return False
    if act == "check":
        return case.closed_at is None and case.decided_at is None
    return _FITS.get(act, act) in fits and _is_possible(case, act, waiting)


def _is_possible(case: Case, act: str, waiting: tuple[Waiting, ...]) -> bool:
    """Is there what the act needs: a stage in hand, an open one, a licence, no correction before?"""
    if act == "hand-over":
        return any(one.is_mine for one in waiting)
    if act == "assign":
        return any(one.may_assign for one in waiting)
    if act == "move":
        return bool(offices.counties_for(case))
    if act == "correct":
        asked = Pause.objects.filter(case=case, kind=Pause.Kind.CORRECTION).exists()
        return not asked and any(one.may_act for one in waiting)
    return act not in ("revoke", "correct-licence") or services.licence_of(case) is not None


def has_right(principal: Principal, case: Case, act: str) -> bool:
    """Does the principal hold the right an act needs, whatever the state of the case?"""
    if act not in OFFICE_RIGHT:
        return is_mine(principal, case.application)
    wanted = (OFFICE_RIGHT[act], APPROVE) if act in MANAGERS_TOO else (OFFICE_RIGHT[act],)
    return not people.is_applicant(principal, case) and any(people.holds(principal, case, one) for one in wanted)


def require_right(principal: Principal, case: Case, act: str) -> None:
    """Refuse whoever could not do the act in any state of the case. Raises NotYourStep."""
    if not has_right(principal, case, act):
        raise NotYourStep(
            f"您没有对办件 {case.number} 进行此项操作的权限。", f"You do not hold the right to do this to case {case.number}.",
            case=case.number,
        )  # fmt: skip


def _waiting(principal: Principal, case: Case) -> list[Waiting]:
    tasks, found = desk.running(case), []
    stages = {one.code: one for one in routing.definition(case).stages}
    for code in routing.waiting(case):
        stage, task = stages.get(code), tasks.get(code)
        if stage is None:  # an edition whose list of stages lacks one of its flow: shown by the flow, done by nobody
            continue
        able = _is_able(principal, case, stage)
        is_open = task is None or task.assignee_id is None
        mine = task is not None and task.assignee_id is not None and task.assignee_id == principal.user_id
        free = task if is_open else None
        gives = free is not None and hands.may_assign(principal, case, free)
        found.append(Waiting(stage, task, able and (is_open or mine), able and free is not None, mine, gives))
    return found


def _is_able(principal: Principal, case: Case, stage: Stage) -> bool:
    try:
        people.require_stage(principal, case, stage, action_of(stage))
    except NotYourStep:
        return False
    return True


def able_people(case: Case, waiting: Waiting, *, with_holder: bool = False) -> list[User]:
    """Colleagues to whom a stage may be given: who may take its task and act at it, without whoever has it.

    ``with_holder``: for a form that comes back after somebody was given it, so that the act says what has happened.
    """
    if waiting.task is None:
        return []
    able = [one for one in takers(waiting.task) if _is_able(principal_of(one), case, waiting.stage)]
    return [one for one in able if with_holder or one.pk != waiting.task.assignee_id]


# -- deciding ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Doubts:
    """What keeps a decision from being made without an override."""

    is_stale: bool
    not_checked: tuple[CheckAnswer, ...]
    blocks: tuple[CheckAnswer, ...]
    points: tuple[Point, ...] = ()

    @property
    def named(self) -> str:
        """What is shown as open, as the form names it to the service that decides."""
        return ",".join(one.code for one in self.points)

    @property
    def open_points(self) -> tuple[Point, ...]:
        return tuple(one for one in self.points if one.rule and one.state == CheckAnswer.State.NOT_CHECKED)

    @property
    def forbidding(self) -> tuple[Point, ...]:
        return tuple(one for one in self.points if one.state == CheckAnswer.State.CONFLICT)

    @property
    def any(self) -> bool:
        """Is the override asked for at all?"""
        return self.is_stale or bool(self.not_checked or self.blocks)

    def forbid(self, outcome: str) -> bool:
        """Does this outcome need an override? Conflicts forbid granting only."""
        return self.is_stale or bool(self.not_checked) or (outcome == machine.GRANT and bool(self.blocks))


def doubts(case: Case) -> Doubts:
    """What the newest check leaves open, as :mod:`cases.deciding` weighs it."""
    check = checks.newest(case)
    is_stale = bool(routing.definition(case).rules) and checks.is_stale(case, check)
    open_ones = tuple(check.answers.filter(state=CheckAnswer.State.NOT_CHECKED)) if check else ()
    found = overriding.points(case, check, machine.GRANT)
    return Doubts(is_stale, open_ones, tuple(checks.blocking(check)), found)


def decides(stage: Stage) -> bool:
    """Is this the stage of the decision?"""
    return machine.GRANT in stage.outcomes
