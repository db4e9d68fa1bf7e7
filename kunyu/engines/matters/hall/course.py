"""The course of a case for its applicant: its stages one below the other, and what happened when. 办理过程.

What officers said to one another, who they are and how they chose inside a stage is the office's: an applicant is told
that a stage was done and when, and the reasons that are addressed to him (:data:`cases.briefs.TOLD_APPLICANT`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from kunyu.engines.matters.cases import briefs, routing
from kunyu.engines.matters.cases.people import STEP_ACTS
from kunyu.engines.matters.models import Case, CaseEvent
from kunyu.engines.pages.words import Pair

State = Literal["done", "now", "held", "ahead"]
WORDS: dict[str, Pair] = {
    "done": ("已办", "done"), "now": ("在办", "now"), "held": ("暂停", "on hold"), "ahead": ("未到", "to come"),
}  # fmt: skip
_HELD = (Case.State.CORRECTING, Case.State.PAUSED)


@dataclass(frozen=True)
class Step:
    """One stage on the way; ``at``: when it was last done."""

    title: Pair
    state: State
    at: datetime | None = None

    @property
    def words(self) -> Pair:
        """The state in words."""
        return WORDS[self.state]


def steps(case: Case) -> list[Step]:
    """From submission to the end; stages that a closed case never came to are left out."""
    kept = getattr(case, "flow", None)
    passed, waiting = (set(kept.passed), set(kept.waiting)) if kept else (set(), set())
    done_at = _done_at(case)
    found = [Step(("提交申请", "Submission"), "done", case.submitted_at)]
    for one in routing.definition(case).stages:
        state = _state(case, one.code, passed, waiting)
        if state is not None:
            title = (one.name_zh, one.name_en or one.name_zh)
            found.append(Step(title, state, done_at.get(one.code) if state == "done" else None))
    return [*found, _end(case)]


def _state(case: Case, code: str, passed: set[str], waiting: set[str]) -> State | None:
    if case.closed_at is None and code in waiting:
        return "held" if case.state in _HELD else "now"
    if code in passed:
        return "done"
    return "ahead" if case.closed_at is None and code not in waiting else None


def _done_at(case: Case) -> dict[str, datetime]:
    rows = CaseEvent.objects.filter(case=case, act__in=STEP_ACTS).exclude(stage="").order_by("sequence")
    return dict(rows.values_list("stage", "at"))


def _end(case: Case) -> Step:
    if case.closed_at is not None:
        return Step(_ENDS.get(case.state, _ENDS["granted"]), "done", case.closed_at)
    return Step(("办结，送达结果", "Settled, result delivered"), "now" if case.state == Case.State.DECIDED else "ahead")


_ENDS: dict[str, Pair] = {
    "granted": ("办结：准予", "Settled: granted"), "refused": ("办结：不予许可", "Settled: refused"),
    "not_accepted": ("不予受理", "Not accepted"), "withdrawn": ("已撤回", "Withdrawn"),
    "revoked": ("办结后被撤销", "Granted, later revoked"),
}  # fmt: skip


@dataclass(frozen=True)
class Told:
    """One line of the trace."""

    at: datetime
    what: Pair
    detail: Pair


def trace(case: Case) -> list[Told]:
    """What happened, newest first."""
    names = {one.code: (one.name_zh, one.name_en or one.name_zh) for one in routing.definition(case).stages}
    return [_told(one, names) for one in reversed(briefs.told_events(case))]


def _told(one: dict[str, Any], names: dict[str, Pair]) -> Told:
    what = one["act_zh"], one["act_en"]
    stage = names.get(one["stage"])
    if one["act"] == "step" and stage:
        what = f"{stage[0]}：已办理", f"{stage[1]}: done"
    reason = "" if one["act"] == "closed" else one["reason"]  # the decision's, told there
    return Told(one["at"], what, (reason, reason))
