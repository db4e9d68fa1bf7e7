"""What a round gives people to do and to know. 验收的待办与通知.

Called where the state changes, in its transaction: a task stands exactly as long as the round waits for it. Who
delivered or checked is among those who may take the decision's task by right; the act itself refuses them.
"""

from __future__ import annotations

from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist.models import Notification
from kunyu.engines.worklist.notices import Notice, notify
from kunyu.engines.worklist.services import NewTask, Subject, create_task, settle
from kunyu.packs.survey_acceptance.models import AcceptanceRound

State = AcceptanceRound.State
_TASKS = {
    State.SAMPLING: ("acceptance_sampling", "待抽样", "awaits its sample"),
    State.INTERIOR: ("acceptance_interior", "待内业检查", "awaits the check in the office"),
    State.FIELD: ("acceptance_field", "待外业检查", "awaits the check in the field"),
    State.DECISION: ("acceptance_decision", "待验收决定", "awaits the decision"),
}
_ENDS = {State.ACCEPTED: ("通过验收", "was accepted"), State.RETURNED: ("被退回", "was returned")}


def follow(one: AcceptanceRound, before: str, actor: Principal, reason: str) -> None:
    """Settle the task of the state that was left, make that of the new one; tell the deliverer the end."""
    if before in _TASKS:
        settle(_key(one, before), actor, one.state, reason, cancelled=one.state == State.CLOSED)
    if one.state in _TASKS:
        create_task(_task(one), actor)
    elif one.state in _ENDS and one.decided_by:
        _tell(one, reason)


def address(one: AcceptanceRound) -> str:
    """The page of the round."""
    return f"/acceptance/{one.pk}"


def _key(one: AcceptanceRound, state: str) -> str:
    return f"acceptance:{one.pk}:{state}"


def _task(one: AcceptanceRound) -> NewTask:
    kind, zh, en = _TASKS[State(one.state)]
    return NewTask(
        key=_key(one, one.state),
        kind=kind,
        subject=Subject(
            "acceptance_round",
            str(one.pk),
            f"{one.division_code} {one.year} 年度第 {one.number} 轮质检{zh}",
            f"Round {one.number} of {one.division_code}, {one.year}, {en}",
            address(one),
        ),
        division=one.division_code,
        collections=(one.collection,),
    )


def _tell(one: AcceptanceRound, reason: str) -> None:
    zh, en = _ENDS[State(one.state)]
    people = User.objects.filter(username=one.delivered_by).values_list("pk", flat=True)
    notify(
        people,
        Notice(
            kind="acceptance_decided", key=f"acceptance:{one.pk}:{one.state}",
            title_zh=f"汇交 {one.delivery_id} 第 {one.number} 轮{zh}",
            title_en=f"Delivery {one.delivery_id}, round {one.number}, {en}",
            body_zh=reason, body_en=reason, href=address(one),
            level=Notification.Level.WARNING if one.state == State.RETURNED else Notification.Level.INFO,
        ),
    )  # fmt: skip
