"""Acts at the stages of a case: accept, examine, return, decide. 受理、审查、流转."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from kunyu.engines.matters.cases import desk, machine, routing, telling
from kunyu.engines.matters.cases.changing import Change, begun, recorded, set_clock
from kunyu.engines.matters.cases.clock import running
from kunyu.engines.matters.cases.deciding import decide
from kunyu.engines.matters.cases.pausing import request_correction
from kunyu.engines.matters.cases.stages import close_when_over, give_opinion, pass_on, require_text, require_waiting
from kunyu.engines.matters.definitions.matter import Stage
from kunyu.engines.matters.models import Case
from kunyu.engines.security import scope
from kunyu.engines.security.audit.recording import subject_of
from kunyu.engines.security.scope import Principal

S = Case.State


def act(
    principal: Principal, case_id: int, stage: str, outcome: str, text: str, *, revision: int | None = None,
    facts: Mapping[str, Any] | None = None, suggested: str = "",
) -> Case:  # fmt: skip
    """Act at a stage that waits, with one of its outcomes.

    ``accept`` starts the clock, ``reject`` ends the case, ``correct`` asks for a correction (``facts["asked"]``: its
    list), ``grant`` and ``refuse`` at a stage that decides are the decision (``facts["basis"]``,
    ``facts["override"]``, ``facts["passed_over"]``); every other outcome goes on through the flow.

    Parameters
    ----------
    text
        The opinion; needed for refusals, returns and corrections.
    facts
        More that conditions of the flow may ask, besides form, checks, size and place.
    suggested
        What the system had suggested, kept beside the opinion.

    Raises
    ------
    UnknownCase, StaleRevision, WrongStep, NotYourStep, ReasonMissing, OverrideNeeded
    """
    given = dict(facts or {})
    if outcome == machine.CORRECT:
        asked = given.get("asked") or [{"what": text}]
        return request_correction(principal, case_id, asked, given.get("answer_by"), revision=revision, stage=stage)
    if outcome in (machine.GRANT, machine.REFUSE) and _decides(case_id, stage):
        basis = given.get("basis") or []
        return decide(
            principal, case_id, outcome, text, basis, str(given.get("override", "")), revision=revision,
            passed_over=given.get("passed_over"),
        )  # fmt: skip
    return _step(principal, case_id, stage, outcome, text, revision, given, suggested)


def _decides(case_id: int, stage: str) -> bool:
    case = Case.objects.select_related("edition", "matter").filter(pk=case_id).first()
    return case is not None and any(
        one.code == stage and machine.GRANT in one.outcomes for one in routing.definition(case).stages
    )


@transaction.atomic
def _step(
    principal: Principal, case_id: int, code: str, outcome: str, text: str, revision: int | None,
    facts: Mapping[str, Any], suggested: str,
) -> Case:  # fmt: skip
    change = begun(principal, case_id, revision)
    case = change.case
    is_acceptance = outcome == machine.ACCEPT and case.accepted_at is None
    machine.require(case, _act_of(outcome, is_acceptance))
    stage = require_waiting(change, code, outcome, scope.EDIT)
    require_text(outcome, text)
    desk.take(case, code, principal)
    give_opinion(change, stage, outcome, text, suggested)
    if outcome == machine.REJECT:
        return _not_accepted(change, stage, text)
    if is_acceptance:
        _accept(change)
    after = pass_on(change, stage, outcome, facts, text)
    if not after and case.state != S.DECIDED:
        machine.refuse(case, f"以“{outcome}”结束", f"end it by '{outcome}'", "流程到了终点却没有决定，请修改流程",
                       "the flow ends without a decision; mend the flow")  # fmt: skip
    event = recorded(change, "accepted" if is_acceptance else "step", stage=code, outcome=outcome,
                     reason=text, office=subject_of(principal).organisation, **_promised(case, is_acceptance))  # fmt: skip
    if is_acceptance:
        limit = f"承诺办结日期 {case.due_on}。" if case.due_on else ""
        due = f"Promised by {case.due_on}." if case.due_on else ""
        telling.tell_applicant(case, event.sequence, "已受理", "accepted", limit, due)
    if not after:
        close_when_over(change)
    return case


def _promised(case: Case, is_acceptance: bool) -> dict[str, str]:
    """The last day promised, as it was on the day of acceptance: later pauses move it."""
    return {"due_on": case.due_on.isoformat()} if is_acceptance and case.due_on else {}


def _act_of(outcome: str, is_acceptance: bool) -> str:
    if is_acceptance:
        return "accept"  # returned to the counter later on, the same outcome is a step like any other
    return "not_accept" if outcome == machine.REJECT else "step"


def _accept(change: Change) -> None:
    """The clock starts; an office of another region gives the case to the land's own (异地受理)."""
    case = change.case
    case.state, case.accepted_at, case.is_with_partner = S.IN_REVIEW, change.now, False
    set_clock(case, running(case.promised_days, 0, change.today))


def _not_accepted(change: Change, stage: Stage, text: str) -> Case:
    case = change.case
    case.state, case.closed_at, case.stage, case.assignee = S.NOT_ACCEPTED, change.now, "", None
    desk.settle_stages(case, change.principal, machine.REJECT, text)
    event = recorded(change, "not_accepted", stage=stage.code, outcome=machine.REJECT, reason=text)
    telling.tell_applicant(case, event.sequence, "不予受理", "not accepted", f"理由：{text}", f"Reason: {text}",
                           urgent=True)  # fmt: skip
    return case
