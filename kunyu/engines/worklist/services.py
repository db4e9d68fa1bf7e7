"""Acts on tasks: each one statement that decides who wins, a row of history, an audit entry, in one transaction.

Two people claiming at once: the database lets exactly one ``UPDATE … WHERE state = 'open'`` through; the other is told
who was faster.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from kunyu.engines.security import audit, duties
from kunyu.engines.security.errors import UnknownUser
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import principal_of
from kunyu.engines.worklist import audience, live, notices
from kunyu.engines.worklist.audience import Candidates, may_take
from kunyu.engines.worklist.errors import AlreadyTaken, NotYours, ReasonMissing, UnknownTask, WrongState
from kunyu.engines.worklist.kinds import task_kind
from kunyu.engines.worklist.limits import limit_from
from kunyu.engines.worklist.models import Priority, Task, TaskCandidate, TaskEvent
from kunyu.kernel.outbox.services import emit

CREATED_TOPIC = "worklist.task_created"
State, Act = Task.State, TaskEvent.Act


@dataclass(frozen=True)
class Subject:
    """What a task is about, named so that no foreign key points upward."""

    kind: str
    id: str
    title_zh: str
    title_en: str = ""
    href: str = ""


@dataclass(frozen=True)
class NewTask:
    """A task to make; ``key`` names its cause: the same cause makes no second task.

    Without candidates whoever holds the kind's right on all ``collections`` in ``division`` may take it, or the
    administrators of its duty. ``due_workdays`` replaces the limit of the kind.
    """

    key: str
    kind: str
    subject: Subject
    division: str = ""
    collections: tuple[str, ...] = ()
    candidates: Candidates = field(default_factory=Candidates)
    priority: int = Priority.NORMAL
    due_workdays: int | None = None


@transaction.atomic
def create_task(new: NewTask, actor: Principal) -> tuple[Task, bool]:
    """Make a task, or find the one of the same cause; the second value tells whether it is new.

    Those who may claim it are told by a handler of the outbox event ``worklist.task_created``.
    """
    kind = task_kind(new.kind)
    workdays = new.due_workdays if new.due_workdays is not None else kind.due_workdays
    limit = None if workdays is None else limit_from(timezone.localdate(), workdays)
    task, made = Task.objects.get_or_create(
        key=new.key,
        defaults={
            "kind": new.kind, "object_kind": new.subject.kind, "object_id": new.subject.id,
            "title_zh": new.subject.title_zh[:200], "title_en": new.subject.title_en[:300], "href": new.subject.href,
            "division_code": new.division, "action": kind.action, "duty": kind.duty,
            "collections": sorted(new.collections), "priority": new.priority, "due_workdays": workdays,
            "due_on": limit.due_on if limit else None,
            "due_is_provisional": limit.is_provisional if limit else False, "created_by": actor.name,
        },
    )  # fmt: skip
    if not made:
        return task, False
    TaskCandidate.objects.bulk_create(_candidates(task, new.candidates))
    _record(task, Act.CREATED, actor)
    emit(CREATED_TOPIC, {"task_id": task.pk})
    live.everybody("task")
    return task, True


def _candidates(task: Task, named: Candidates) -> list[TaskCandidate]:
    return [
        *(TaskCandidate(task=task, user_id=one) for one in dict.fromkeys(named.users)),
        *(TaskCandidate(task=task, post_id=one) for one in dict.fromkeys(named.posts)),
        *(TaskCandidate(task=task, role_id=one) for one in dict.fromkeys(named.roles)),
    ]


def visible_task(principal: Principal, task_id: int) -> Task:
    """The task, or the same answer as for a number that does not exist.

    Seen by its assignee, by whoever made it, and by whoever may take it.
    """
    task = Task.objects.select_related("assignee").filter(pk=task_id).first()
    if task is None or not _may_see(principal, task):
        raise unknown_task(task_id)
    return task


def _may_see(principal: Principal, task: Task) -> bool:
    if principal.user_id is None:
        return principal.is_operator
    return task.assignee_id == principal.user_id or task.created_by == principal.name or may_take(principal, task)


def unknown_task(task_id: object) -> UnknownTask:
    return UnknownTask(
        f"没有待办 {task_id}，或者您无权查看。请回到“我的待办”。",
        f"There is no task {task_id}, or you may not see it. Go back to your tasks.",
    )


@transaction.atomic
def claim(task_id: int, principal: Principal) -> Task:
    """Take an open task for oneself.

    Raises
    ------
    UnknownTask, AlreadyTaken, WrongState
        Not seen; another person has it (named in the text); it is closed.
    NotYours
        Seen, because one made it, but not to be taken.
    """
    task = visible_task(principal, task_id)
    if task.assignee_id == principal.user_id and task.state == State.CLAIMED:
        return task
    if not may_take(principal, task):
        raise _not_yours(task)
    now = timezone.now()
    won = Task.objects.filter(pk=task_id, state=State.OPEN).update(
        state=State.CLAIMED, assignee_id=principal.user_id, claimed_at=now
    )
    task.refresh_from_db()
    if not won:
        raise _taken(task) if task.state == State.CLAIMED else wrong_state(task)
    _record(task, Act.CLAIMED, principal, to_user=principal.user_id)
    notices.settled(_claimable_key(task))
    live.everybody("task")
    return task


@transaction.atomic
def assign(task_id: int, user: User, principal: Principal, reason: str = "") -> Task:
    """Give an open task to a person who may take it; by one who may take it himself, or who made it."""
    visible_task(principal, task_id)
    return give(task_id, user, principal, reason)


@transaction.atomic
def give(task_id: int, user: User, actor: Principal, reason: str = "") -> Task:
    """Give an open task to a person who may take it, for the engine that owns its subject and decided who may give it.

    Raises
    ------
    AlreadyTaken, WrongState, NotYours
    """
    task = _locked(task_id)
    if task.state != State.OPEN:
        raise _taken(task) if task.state == State.CLAIMED else wrong_state(task)
    _require_able(task, user)
    _give(task, user, actor, Act.ASSIGNED, reason)
    return task


@transaction.atomic
def release(task_id: int, principal: Principal, reason: str) -> Task:
    """Give one's task back to all who may take it."""
    visible_task(principal, task_id)
    task = _mine(task_id, principal)
    _require_reason(reason)
    _open_again(task, principal, reason)
    return task


@transaction.atomic
def hand_over(task_id: int, user: User, principal: Principal, reason: str) -> Task:
    """Give one's task to another person who may take it."""
    visible_task(principal, task_id)
    task = _mine(task_id, principal)
    _require_reason(reason)
    _require_able(task, user)
    _give(task, user, principal, Act.HANDED_OVER, reason)
    return task


@dataclass(frozen=True)
class HandedOver:
    """Ids of tasks that moved, and of those the successor may not take: they are open again for all who may."""

    moved: tuple[int, ...]
    opened: tuple[int, ...]


@transaction.atomic
def hand_over_everything(leaver: User, successor: User, principal: Principal, reason: str) -> HandedOver:
    """Give all running tasks of one person to another, for leaving a post.

    Done by that person, by a system administrator over the leaver's division, or by the node's operator.

    Raises
    ------
    NotYours
        Anybody else.
    """
    _require_may_clear(leaver, principal)
    _require_reason(reason)
    return give_up_everything(leaver, successor, principal, reason)


@transaction.atomic
def give_up_everything(
    leaver: User, successor: User | None, actor: Principal, reason: str, *, only_lost: bool = False
) -> HandedOver:
    """As :func:`hand_over_everything` once another engine has decided that the person leaves; again: nothing is left.

    What the successor may not take, and everything where there is none, is open again for all who may. ``only_lost``
    leaves the leaver what he may still take by another post.
    """
    moved, opened = [], []
    still = principal_of(leaver) if only_lost and leaver.is_active else None
    running = Task.objects.select_for_update().filter(assignee=leaver, state=State.CLAIMED).order_by("pk")
    theirs = principal_of(successor) if successor is not None and successor.is_active else None
    for task in running:
        if still is not None and may_take(still, task):
            continue
        if successor is not None and theirs is not None and successor.pk != leaver.pk and may_take(theirs, task):
            _give(task, successor, actor, Act.HANDED_OVER, reason)
            moved.append(task.pk)
        else:
            _open_again(task, actor, reason)
            opened.append(task.pk)
    return HandedOver(tuple(moved), tuple(opened))


def require_may_clear_others(principal: Principal, leaver: str) -> None:
    """Refuse before the account is looked up: who may not clear for others does not learn which names exist."""
    if leaver != principal.name and principal.duty != duties.SYSTEM and not principal.is_operator:
        raise _may_not_clear(leaver)


def _require_may_clear(leaver: User, principal: Principal) -> None:
    if principal.user_id == leaver.pk or principal.is_operator:
        return
    if principal.duty == duties.SYSTEM and leaver.division_code.startswith(principal.duty_division):
        return
    raise _may_not_clear(leaver.username)


def _may_not_clear(leaver: str) -> NotYours:
    return NotYours(
        f"只有 {leaver} 本人或其区划的系统管理员可以移交其全部待办。",
        f"Only {leaver} or the system administrator of that division may hand over all those tasks.",
    )


@transaction.atomic
def complete(task_id: int, principal: Principal, outcome: str = "done", note: str = "") -> Task:
    """Close one's task as done."""
    visible_task(principal, task_id)
    task = _mine(task_id, principal)
    if task_kind(task.kind).by_subject:
        raise WrongState(
            f"待办 {task_id}“{task.title_zh}”在所办对象处理完成时自动办结，请打开办理对象处理。",
            f"Task {task_id} is done when its subject is dealt with; open the matter.",
            task=task_id,
        )
    _close(task, State.DONE, principal, Act.COMPLETED, outcome, note)
    return task


@transaction.atomic
def cancel(task_id: int, principal: Principal, reason: str) -> Task:
    """Withdraw a task that is not closed; by whoever made it."""
    task = visible_task(principal, task_id)
    if principal.name != task.created_by and not principal.is_operator:
        raise NotYours(
            f"待办 {task_id} 由 {task.created_by} 创建，只能由创建人撤销。",
            f"Task {task_id} was made by {task.created_by}, who alone may withdraw it.",
        )
    _require_reason(reason)
    task = _locked(task_id)
    _require_running(task)
    _close(task, State.CANCELLED, principal, Act.CANCELLED, "cancelled", reason)
    return task


@transaction.atomic
def settle(key: str, actor: Principal, outcome: str, note: str = "", *, cancelled: bool = False) -> bool:
    """Close the task of a cause because its subject moved on (a delivery was published, whoever did it).

    Called by the engine that owns the subject, in the transaction of the change. False: no such task is running.
    """
    task = Task.objects.select_for_update().filter(key=key, state__in=[State.OPEN, State.CLAIMED]).first()
    if task is None:
        return False
    if cancelled:
        _close(task, State.CANCELLED, actor, Act.CANCELLED, outcome, note)
    else:
        _close(task, State.DONE, actor, Act.COMPLETED, outcome, note)
    return True


# -- one step each ------------------------------------------------------------------------------------------------


def _locked(task_id: int) -> Task:
    return Task.objects.select_for_update().get(pk=task_id)


def _mine(task_id: int, principal: Principal) -> Task:
    task = _locked(task_id)
    _require_running(task)
    if task.state == State.OPEN:
        raise WrongState(
            f"待办 {task.pk}“{task.title_zh}”还没有人领取，请先领取再办理。",
            f"Task {task.pk} is not claimed yet; claim it first.",
            task=task.pk,
        )
    if task.assignee_id != principal.user_id:
        raise _taken(task)
    return task


def _require_running(task: Task) -> None:
    if task.state in (State.DONE, State.CANCELLED):
        raise wrong_state(task)


def wrong_state(task: Task) -> WrongState:
    return WrongState(
        f"待办 {task.pk}“{task.title_zh}”已由 {task.closed_by} 于 {_when(task.closed_at)} 结束"
        f"（{task.get_state_display()}），不能再办理。",
        f"Task {task.pk} was closed by {task.closed_by} at {_when(task.closed_at)} ({task.state}).",
        task=task.pk,
        state=task.state,
    )


def _taken(task: Task) -> AlreadyTaken:
    who = str(task.assignee)
    return AlreadyTaken(
        f"待办 {task.pk}“{task.title_zh}”已由 {who} 于 {_when(task.claimed_at)} 领取。需要接手时请与其联系移交。",
        f"Task {task.pk} was taken by {who} at {_when(task.claimed_at)}. Ask for it to be handed over.",
        task=task.pk,
        assignee=who,
    )


def _not_yours(task: Task) -> NotYours:
    return NotYours(
        f"待办 {task.pk}“{task.title_zh}”不在您的办理范围内。", f"Task {task.pk} is not among those you may take.",
        task=task.pk,
    )  # fmt: skip


def _require_able(task: Task, user: User) -> None:
    if not user.is_active:
        raise UnknownUser(f"账号 {user.username} 已停用。", f"The account {user.username} is disabled.")
    if not may_take(principal_of(user), task):
        raise NotYours(
            f"{user} 没有办理待办 {task.pk}“{task.title_zh}”的权限，请另选办理人。",
            f"{user.username} may not take task {task.pk}; choose another person.",
            task=task.pk,
            user=user.username,
        )


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise ReasonMissing("请写明原因。", "Give a reason.")


def _give(task: Task, user: User, actor: Principal, act: str, reason: str) -> None:
    before = task.assignee_id
    task.state, task.assignee, task.claimed_at = State.CLAIMED, user, timezone.now()
    task.save(update_fields=["state", "assignee", "claimed_at"])
    event = _record(task, act, actor, from_user=before, to_user=user.pk, reason=reason.strip())
    notices.settled(_claimable_key(task))
    if user.pk != actor.user_id:
        notices.notify(
            [user.pk],
            notices.Notice(
                kind="task_assigned", key=f"task-event:{event.pk}", title_zh=f"待办：{task.title_zh}",
                title_en=f"Task: {task.title_en or task.title_zh}",
                body_zh=f"{actor.name_zh or actor.name} {event.get_act_display()}给您。{reason.strip()}".strip(),
                body_en=f"{act.replace('_', ' ')} to you by {actor.name}. {reason.strip()}".strip(),
                href=f"/tasks/{task.pk}",
            ),
        )  # fmt: skip
    live.everybody("task")


def _open_again(task: Task, actor: Principal, reason: str) -> None:
    before = task.assignee_id
    task.state, task.assignee, task.claimed_at = State.OPEN, None, None
    task.save(update_fields=["state", "assignee", "claimed_at"])
    _record(task, Act.RELEASED, actor, from_user=before, reason=reason.strip())
    live.everybody("task")


def _close(task: Task, state: str, actor: Principal, act: str, outcome: str, note: str) -> None:
    task.state, task.closed_at, task.closed_by = state, timezone.now(), actor.name
    task.outcome, task.note = outcome[:40], note.strip()
    task.save(update_fields=["state", "closed_at", "closed_by", "outcome", "note"])
    _record(task, act, actor, reason=note.strip(), outcome=outcome)
    notices.settled(_claimable_key(task))
    live.everybody("task")


def _record(
    task: Task, act: str, actor: Principal, *, from_user: int | None = None, to_user: int | None = None,
    reason: str = "", **detail: Any,
) -> TaskEvent:  # fmt: skip
    event = TaskEvent.objects.create(
        task=task, act=act, actor=actor.name, from_user_id=from_user, to_user_id=to_user, reason=reason
    )
    known = {"from_user": from_user, "to_user": to_user, "reason": reason, **detail}
    audit.record(
        actor, f"task-{act}", "task", task.pk, kind=task.kind, subject=f"{task.object_kind}:{task.object_id}",
        **{name: value for name, value in known.items() if value},
    )  # fmt: skip
    return event


def _claimable_key(task: Task) -> str:
    return f"task:{task.pk}"


def _when(moment: Any) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M") if moment else ""


def tell_of_new_task(task_id: int) -> int:
    """Tell those who may claim a new task, if it is still open; returns how many people that are."""
    task = Task.objects.filter(pk=task_id, state=State.OPEN).first()
    if task is None:
        return 0
    people = audience.people_who_may_take(task)
    kind = task_kind(task.kind)
    notice = notices.Notice(
        kind="task_claimable", key=_claimable_key(task), title_zh=f"{kind.name_zh}：{task.title_zh}"[:200],
        title_en=f"{kind.name_en}: {task.title_en or task.title_zh}"[:300], href=f"/tasks/{task.pk}",
        body_zh=f"时限 {task.due_on.isoformat()}" if task.due_on else "",
        body_en=f"Due {task.due_on.isoformat()}" if task.due_on else "",
    )  # fmt: skip
    return len(notices.notify(people, notice))


def settle_provisional_limits() -> int:
    """Compute provisional limits again now that the calendar may be there; returns how many became definite."""
    settled = 0
    for task in Task.objects.filter(due_is_provisional=True, state__in=[State.OPEN, State.CLAIMED]):
        if task.due_workdays is None:
            continue
        limit = limit_from(timezone.localtime(task.created_at).date(), task.due_workdays)
        if not limit.is_provisional:
            Task.objects.filter(pk=task.pk).update(due_on=limit.due_on, due_is_provisional=False)
            settled += 1
    return settled
