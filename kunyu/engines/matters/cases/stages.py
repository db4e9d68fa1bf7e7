"""What acts at the stages of a case share: is it waiting and mine, the opinion, the way on, the end. 环节.

Called inside the transaction of an act, on a locked case.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kunyu.engines.matters.cases import checks, desk, machine, people, routing, telling
from kunyu.engines.matters.cases.changing import Change, next_sequence, recorded
from kunyu.engines.matters.cases.clock import stopped
from kunyu.engines.matters.definitions.matter import Stage
from kunyu.engines.matters.errors import WrongStep
from kunyu.engines.matters.models import Case, Decision, Opinion
from kunyu.engines.security import scope
from kunyu.engines.security.audit.recording import subject_of
from kunyu.engines.worklist.errors import ReasonMissing

S = Case.State


def require_waiting(change: Change, code: str, outcome: str, action: str) -> Stage:
    """The stage, if it waits, knows the outcome, and is the principal's to do. Raises WrongStep, NotYourStep."""
    case = change.case
    stage = routing.stage_of(case, code)
    waiting = routing.waiting(case)
    if code not in waiting:
        names = "、".join(routing.stage_of(case, one).name_zh for one in waiting) or "无"
        raise WrongStep(
            f"办件 {case.number} 的环节“{stage.name_zh}”现在不办理；等待办理的是：{names}。",
            f"Stage {code} of case {case.number} does not wait; these do: {', '.join(waiting) or 'none'}.",
            case=case.number,
            waiting=list(waiting),
        )
    if outcome not in stage.outcomes:
        raise WrongStep(
            f"环节“{stage.name_zh}”没有“{outcome[:40]}”这个选项；可选：{'、'.join(stage.outcomes)}。",
            f"Stage {code} has no outcome '{outcome[:40]}'; choose one of {', '.join(stage.outcomes)}.",
            case=case.number,
            outcomes=list(stage.outcomes),
        )
    people.require_stage(change.principal, case, stage, action)
    return stage


def require_text(outcome: str, text: str) -> None:
    """Refusals, returns and corrections say why. Raises ReasonMissing."""
    if outcome in machine.NEEDS_TEXT and not text.strip():
        raise ReasonMissing("请写明理由。", "Say why.")


def give_opinion(change: Change, stage: Stage, outcome: str, text: str, suggested: str = "") -> Opinion:
    """Keep what was said at a stage, with the check it was said of."""
    who = change.principal
    return Opinion.objects.create(
        case=change.case, stage=stage.code, outcome=outcome, text=text.strip(), suggested=suggested,
        check_run=checks.newest(change.case), author=who.name, author_zh=who.name_zh,
        office_zh=subject_of(who).organisation,
    )  # fmt: skip


def pass_on(change: Change, stage: Stage, outcome: str, facts: Mapping[str, Any], note: str) -> tuple[str, ...]:
    """Move the flow past a stage: its task is done, those of the stages that now wait are made."""
    case = change.case
    before = set(routing.waiting(case))
    known = routing.facts_of(case, case.application.form, checks.newest(case))
    after = routing.go_on(case, stage.code, outcome, {**known, **facts})
    desk.settle_stages(case, change.principal, outcome, note, stages={stage.code})
    desk.settle_stages(case, change.principal, outcome, cancelled=True, stages=before - {stage.code} - set(after))
    fresh = [one for one in after if one not in before or one == stage.code]
    desk.open_stages(case, fresh, next_sequence(case), change.principal)
    desk.mirror(case, after)
    return after


def stop_clock(change: Change) -> None:
    """Stop the clock today; what was used stands, the dates go."""
    case = change.case
    case.days_used = stopped(case.clock_from, case.days_used, change.today)
    case.clock_from = None


def close_when_over(change: Change) -> None:
    """Close a decided case whose licence is sealed and whose flow is at its end."""
    case = change.case
    decision = Decision.objects.filter(case=case).first()
    if case.state != S.DECIDED or decision is None or decision.sealed_at is None or not routing.is_over(case):
        return
    before = case.state
    case.state = S.GRANTED if decision.outcome == "grant" else S.REFUSED
    case.closed_at, case.stage, case.assignee = change.now, "", None
    desk.settle_stages(case, change.principal, "closed", cancelled=True)
    event = recorded(Change(case, change.principal, before, change.now), "closed", outcome=decision.outcome,
                     reason=decision.reason, licence=case.licence_number)  # fmt: skip
    zh, en = ("准予，已办结", "granted and closed") if decision.outcome == "grant" else ("不予，已办结", "refused")
    licence = f"证照编号 {case.licence_number}，可在线下载、扫码核验。" if case.licence_number else ""
    telling.tell_applicant(case, event.sequence, zh, en, licence or decision.reason, urgent=not licence)


def action_of(stage: Stage) -> str:
    """The right a stage needs: deciding is approving."""
    return scope.APPROVE if machine.GRANT in stage.outcomes else scope.EDIT
