"""The decision of a case: exactly one, on checks that were answered or with a reasoned override. 决定.

Two clicks meet at the lock on the case: the second finds it decided. What is made of the decision (licence, seal)
follows by the outbox, so that a crash between the two is repaired (:mod:`sealing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction

from kunyu.engines.matters.cases import checks, desk, machine, overriding, routing, telling
from kunyu.engines.matters.cases.changing import DECIDED_TOPIC, Change, begun, recorded
from kunyu.engines.matters.cases.stages import give_opinion, pass_on, require_waiting, stop_clock
from kunyu.engines.matters.definitions.matter import Stage
from kunyu.engines.matters.errors import WrongStep
from kunyu.engines.matters.models import Case, Decision
from kunyu.engines.security import scope
from kunyu.engines.security.audit.recording import subject_of
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist.errors import ReasonMissing
from kunyu.kernel.outbox.services import emit


@transaction.atomic
def decide(
    principal: Principal, case_id: int, outcome: str, reason: str, basis: Sequence[str] | str = (), override: str = "",
    *, revision: int | None = None, passed_over: Iterable[str] | None = None,
) -> Case:  # fmt: skip
    """Decide a case.

    Parameters
    ----------
    outcome
        ``grant`` or ``refuse``.
    basis
        Articles of law; a refusal names at least one, a grant takes the matter's where none is given.
    override
        Why the decision may stand on answers that were not checked, or against a conflict that blocks it. The stage
        needs ``approve`` on the branch, so whoever decides is entitled to give it. What it passes over is kept beside it.
    passed_over
        Rules that whoever decides saw open (``stale_check`` for what was not checked at all); the decision is refused where
        others are open by now. None: whatever is open.

    Raises
    ------
    UnknownCase, StaleRevision, NotYourStep, ReasonMissing
    WrongStep
        Decided already, or the deciding stage does not wait.
    OverrideNeeded
        Something was not checked, or a conflict forbids granting, and no override was given, or it names other points.
    """
    change = begun(principal, case_id, revision)
    case = change.case
    machine.require(case, "decide")
    stage = require_waiting(change, _deciding_stage(case), outcome, scope.APPROVE)
    articles = _articles(case, outcome, basis)
    _require_reasons(outcome, reason, articles)
    check = checks.newest(case)
    leant = overriding.points(case, check, outcome)
    overriding.require_named(case, leant, override, passed_over)
    desk.take(case, stage.code, principal)
    give_opinion(change, stage, outcome, reason)
    Decision.objects.create(
        case=case, outcome=outcome, reason=reason.strip(), basis=articles, check_run=check,
        override=override.strip() if leant else "", override_by=principal.name if leant else "",
        passed_over=[one.plain() for one in leant],
        decided_by=principal.name, decided_by_zh=principal.name_zh, decided_at=change.now,
    )  # fmt: skip
    _decided(change, stage, outcome, reason, articles, {
        "override": override.strip() if leant else "", "passed_over": [one.code for one in leant],
    })  # fmt: skip
    return case


def _decided(
    change: Change, stage: Stage, outcome: str, reason: str, articles: list[str], leant: Mapping[str, Any]
) -> None:
    case = change.case
    stop_clock(change)
    case.state, case.decided_at = Case.State.DECIDED, change.now
    pass_on(change, stage, outcome, {}, reason)
    event = recorded(change, "decided", stage=stage.code, outcome=outcome, reason=reason, basis=articles,
                     **leant, office=subject_of(change.principal).organisation)  # fmt: skip
    emit(DECIDED_TOPIC, {"case": case.pk})
    zh, en = ("准予，正在制证", "granted; the licence is being made")
    if outcome == machine.REFUSE:
        zh, en = ("不予，正在制作决定书", "refused; the letter is being made")
    telling.tell_applicant(case, event.sequence, zh, en)


def _deciding_stage(case: Case) -> str:
    waiting = routing.waiting(case)
    found = [one.code for one in routing.definition(case).stages if machine.GRANT in one.outcomes]
    for code in waiting:
        if code in found:
            return code
    names = "、".join(routing.stage_of(case, one).name_zh for one in waiting) or "无"
    raise WrongStep(
        f"办件 {case.number} 还没有到决定环节；等待办理的是：{names}。",
        f"Case {case.number} has not come to its decision; these stages wait: {', '.join(waiting) or 'none'}.",
        case=case.number,
        waiting=list(waiting),
    )


def _articles(case: Case, outcome: str, basis: Sequence[str] | str) -> list[str]:
    given = basis.splitlines() if isinstance(basis, str) else basis
    found = [str(one).strip() for one in given if str(one).strip()]
    return found or (list(routing.definition(case).basis) if outcome == machine.GRANT else [])


def _require_reasons(outcome: str, reason: str, articles: list[str]) -> None:
    if not reason.strip():
        raise ReasonMissing("请写明决定的理由。", "Give the reason of the decision.")
    if outcome == machine.REFUSE and not articles:
        raise ReasonMissing("不予许可应当写明法律依据。", "A refusal names the articles of law it stands on.")
