"""Time that does not count: the one-time list of corrections, special procedures. 补正、中止.

A case has one correction at most: what is to be corrected is said once and whole (一次性告知).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone

from kunyu.engines.matters.cases import desk, machine, people, routing, telling
from kunyu.engines.matters.cases.applying import copy_plot, is_mine
from kunyu.engines.matters.cases.changing import Change, begun, next_sequence, recorded, set_clock
from kunyu.engines.matters.cases.checks import check_unchecked
from kunyu.engines.matters.cases.clock import Clock, Standstill, count
from kunyu.engines.matters.cases.ready import require_ready
from kunyu.engines.matters.cases.stages import give_opinion, require_waiting, stop_clock
from kunyu.engines.matters.errors import NotYourStep
from kunyu.engines.matters.models import Application, Case, Pause
from kunyu.engines.matters.settings import matters_settings
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist.errors import ReasonMissing
from kunyu.engines.worklist.limits import limit_from

S, Kind = Case.State, Pause.Kind


@transaction.atomic
def request_correction(
    principal: Principal, case_id: int, asked: Sequence[dict[str, Any]], answer_by: date | None = None,
    *, revision: int | None = None, stage: str | None = None,
) -> Case:  # fmt: skip
    """Tell the applicant, once, everything that is to be corrected; the clock stops until he answers.

    Parameters
    ----------
    asked
        ``[{"what": …, "material": kind?, "field": name?}]``, one for each thing, none without ``what``.
    answer_by
        Last day; left out: as many workdays as the node's setting says.

    Raises
    ------
    UnknownCase, StaleRevision, NotYourStep, ReasonMissing
    WrongStep
        Asked before, or not in a state that admits it.
    """
    change = begun(principal, case_id, revision)
    case = change.case
    machine.require(case, "ask_correction")
    if Pause.objects.filter(case=case, kind=Kind.CORRECTION).exists():
        machine.refuse(case, "再次告知补正", "ask for a second correction", "补正内容应当一次性告知",
                       "everything is asked for at once")  # fmt: skip
    wanted = [dict(one) for one in asked if str(one.get("what", "")).strip()]
    if not wanted:
        raise ReasonMissing("请列出需要补正的内容。", "List what is to be corrected.")
    code = desk.stage_for(case, stage, routing.waiting(case))
    outcomes = routing.stage_of(case, code).outcomes
    done_as = machine.CORRECT if machine.CORRECT in outcomes else outcomes[0]
    one = require_waiting(change, code, done_as, scope.EDIT)
    desk.take(case, code, principal)
    text = "；".join(str(each["what"]).strip() for each in wanted)
    give_opinion(change, one, machine.CORRECT, text)
    last = answer_by or limit_from(change.today, matters_settings().correction_workdays).due_on
    _stand_still(change, S.CORRECTING, Kind.CORRECTION, text, "", asked=wanted, answer_by=last)
    event = recorded(change, "correction_asked", stage=code, outcome=machine.CORRECT, reason=text,
                     answer_by=last.isoformat(), asked=wanted)  # fmt: skip
    telling.tell_applicant(case, event.sequence, "请补正材料", "please correct", f"{text}。请于 {last} 前补正，逾期视为撤回。",
                           f"{text}. Answer by {last}, or it counts as withdrawn.", urgent=True)  # fmt: skip
    return case


def answer_correction(principal: Principal, case_id: int, *, revision: int | None = None) -> Case:
    """The applicant (or the counter for him) has corrected: the case goes on, and is checked anew.

    Raises
    ------
    UnknownCase, StaleRevision, WrongStep, NotYourStep, BadForm
    """
    case = _answer(principal, case_id, revision)
    check_unchecked(case.pk, principal)
    return case


@transaction.atomic
def _answer(principal: Principal, case_id: int, revision: int | None) -> Case:
    change = begun(principal, case_id, revision)
    case = change.case
    _require_applicant(principal, case)
    machine.require(case, "answer_correction")
    application = Application.objects.get(pk=case.application_id)
    together = application.cases.select_related("edition", "matter").order_by("pk")
    require_ready(application, [one.edition for one in together])
    case.applicant_name, case.plot_area_m2 = application.applicant_name, application.plot_area_m2
    case.project_code, case.project_name = application.project_code, application.project_name
    _end_pause(change)
    recorded(change, "correction_answered")
    copy_plot(case)
    return case


@transaction.atomic
def pause(
    principal: Principal, case_id: int, kind: str, reason: str, basis: str = "", *, revision: int | None = None
) -> Case:
    """Suspend a case for a hearing, an expert review, an inspection …: the clock stands.

    Raises
    ------
    UnknownCase, StaleRevision, WrongStep, NotYourStep, ReasonMissing
    """
    change = begun(principal, case_id, revision)
    case = change.case
    machine.require(case, "pause")
    people.require(principal, case, scope.EDIT, "中止", "suspend")
    if kind not in Kind.values or kind == Kind.CORRECTION:
        machine.refuse(case, f"以“{kind[:20]}”中止", f"suspend it for '{kind[:20]}'", "没有这种特别程序",
                       "there is no such procedure")  # fmt: skip
    if not reason.strip():
        raise ReasonMissing("请写明中止的理由。", "Say why it is suspended.")
    _stand_still(change, S.PAUSED, kind, reason.strip(), basis.strip())
    event = recorded(change, "paused", outcome=kind, reason=reason, basis=basis)
    word = Kind(kind).label
    telling.tell_applicant(case, event.sequence, f"中止（{word}）", f"suspended ({kind})", f"理由：{reason}")
    return case


@transaction.atomic
def resume(principal: Principal, case_id: int, reason: str = "", *, revision: int | None = None) -> Case:
    """Go on after a special procedure. Raises UnknownCase, StaleRevision, WrongStep, NotYourStep."""
    change = begun(principal, case_id, revision)
    case = change.case
    machine.require(case, "resume")
    people.require(principal, case, scope.EDIT, "恢复", "resume")
    ended = _end_pause(change)
    event = recorded(change, "resumed", outcome=ended.kind, reason=reason)
    limit = f"办结日期改为 {case.due_on}。" if case.due_on else ""
    telling.tell_applicant(case, event.sequence, "恢复办理", "resumed", limit)
    return case


def lapse_corrections(today: date | None = None) -> int:
    """Withdraw every case whose correction was not answered in time (视为撤回); returns how many."""
    day = today or timezone.localdate()
    late = Pause.objects.filter(kind=Kind.CORRECTION, ended_at=None, answer_by__lt=day).values_list(
        "case_id", flat=True
    )
    return sum(_lapse(case_id, day) for case_id in late)


@transaction.atomic
def _lapse(case_id: int, day: date) -> bool:
    change = begun(people.system(), case_id, hidden=False)
    case = change.case
    open_one = Pause.objects.filter(case=case, ended_at=None, answer_by__lt=day).first()
    if case.state != S.CORRECTING or open_one is None:
        return False  # answered while this job was on its way
    _close_pause(change, open_one)
    case.state, case.closed_at, case.stage, case.assignee = S.WITHDRAWN, change.now, "", None
    reason = f"逾期（{open_one.answer_by}）未补正，视为撤回"
    event = recorded(change, "lapsed", reason=reason)
    telling.tell_applicant(case, event.sequence, "逾期未补正，视为撤回", "withdrawn: the correction was not answered",
                           reason, urgent=True)  # fmt: skip
    return True


def clock_of(case: Case) -> Clock:
    """The clock of an accepted case counted whole from its acceptance and pauses."""
    assert case.accepted_at is not None
    local = timezone.localtime
    pauses = [
        Standstill(local(one.started_at).date(), local(one.ended_at).date() if one.ended_at else None)
        for one in case.pauses.order_by("pk")
        if one.started_at >= case.accepted_at
    ]
    return count(case.promised_days, local(case.accepted_at).date(), pauses)


@transaction.atomic
def settle_clock(case_id: int) -> bool:
    """Count a provisional limit again; True when the holidays have arrived and it is definite now."""
    case = Case.objects.select_for_update().get(pk=case_id)
    if case.closed_at is not None or case.decided_at is not None or case.accepted_at is None:
        return False
    found = clock_of(case)
    if found.is_provisional or not case.due_is_provisional:
        return False
    set_clock(case, found)
    case.save(update_fields=["days_used", "clock_from", "due_on", "yellow_on", "red_on", "due_is_provisional"])
    return True


def settle_clocks() -> int:
    """Count all provisional limits again; returns how many became definite."""
    waiting = Case.objects.filter(closed_at=None, due_is_provisional=True).values_list("pk", flat=True)
    return sum(settle_clock(one) for one in list(waiting))


# -- one step each ------------------------------------------------------------------------------------------------


def _stand_still(change: Change, state: str, kind: str, reason: str, basis: str, **more: Any) -> None:
    """Stop the clock and take the case off the desk."""
    case = change.case
    Pause.objects.create(case=case, kind=kind, reason=reason, basis=basis[:300], started_at=change.now,
                         started_by=change.principal.name, **more)  # fmt: skip
    stop_clock(change)
    case.due_on = case.yellow_on = case.red_on = None
    case.state = state
    desk.settle_stages(case, change.principal, state, reason)


def _end_pause(change: Change) -> Pause:
    """Back on the desk where it stood; the clock of an accepted case goes on."""
    case = change.case
    ended = Pause.objects.get(case=case, ended_at=None)
    _close_pause(change, ended)
    if case.accepted_at is None:
        case.state = S.SUBMITTED
    else:
        case.state = S.IN_REVIEW
        set_clock(case, clock_of(case))
    stages = routing.waiting(case)
    desk.open_stages(case, stages, next_sequence(case), change.principal)
    _tell_former(case, stages, change)
    desk.mirror(case, stages)
    return ended


def _close_pause(change: Change, one: Pause) -> None:
    one.ended_at, one.ended_by = max(change.now, one.started_at), change.principal.name
    one.save(update_fields=["ended_at", "ended_by"])


def _tell_former(case: Case, stages: tuple[str, ...], change: Change) -> None:
    """Tell whoever had the case before that it goes on; it is open for all who may take it."""
    if case.assignee_id is not None and case.assignee_id != change.principal.user_id:
        telling.tell_officer(case, [case.assignee_id], telling.LIMIT_KIND, f"case-on:{case.pk}:{case.revision}",
                             "继续办理", "goes on")  # fmt: skip


def _require_applicant(principal: Principal, case: Case) -> None:
    if not is_mine(principal, Application.objects.get(pk=case.application_id)):
        raise NotYourStep(
            f"办件 {case.number} 由申请人或收件窗口补正。", f"The applicant or his counter corrects case {case.number}."
        )
