"""Questions about tasks, notifications, jobs and incidents; each limited to what the person may know of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist import incidents
from kunyu.engines.worklist.audience import may_take, people_who_may_take, takeable
from kunyu.engines.worklist.kinds import TaskKind, kinds
from kunyu.engines.worklist.limits import colour, remaining_workdays
from kunyu.engines.worklist.models import Incident, Notification, Progress, Task

LISTED = 8
FINISHED_SHOWN_S = 120
STALE_S = 60
State = Task.State
LIVE_INCIDENTS = (Incident.State.OPEN, Incident.State.ACKNOWLEDGED, Incident.State.RESOLVED)


def my_tasks(principal: Principal) -> QuerySet[Task]:
    """Running tasks of the person."""
    return _people(Task.objects.filter(assignee_id=principal.user_id or 0, state=State.CLAIMED))


def claimable_tasks(principal: Principal) -> QuerySet[Task]:
    """Open tasks the person may take."""
    return _people(Task.objects.filter(takeable(principal), state=State.OPEN))


def team_tasks(principal: Principal) -> QuerySet[Task]:
    """Running tasks that others have and the person might take: who has what."""
    others = Task.objects.filter(takeable(principal), state=State.CLAIMED)
    return _people(others.exclude(assignee_id=principal.user_id or 0))


def closed_tasks(principal: Principal) -> QuerySet[Task]:
    """Closed tasks the person had or closed."""
    own = Q(assignee_id=principal.user_id or 0) | Q(closed_by=principal.name)
    return _people(Task.objects.filter(own, state__in=[State.DONE, State.CANCELLED]))


def _people(rows: QuerySet[Task]) -> QuerySet[Task]:
    return rows.select_related("assignee")


def task_brief(task: Task) -> dict[str, Any]:
    """One row of a list."""
    today = timezone.localdate()
    kind = kind_of(task)
    return {
        "id": task.pk,
        "kind": task.kind,
        "kind_zh": kind.name_zh,
        "kind_en": kind.name_en,
        "title_zh": task.title_zh,
        "title_en": task.title_en or task.title_zh,
        "href": task.href,
        "object": {"kind": task.object_kind, "id": task.object_id},
        "division": task.division_code,
        "state": task.state,
        "priority": task.priority,
        "assignee": str(task.assignee) if task.assignee else "",
        "due_on": task.due_on.isoformat() if task.due_on else None,
        "due_is_provisional": task.due_is_provisional,
        "remaining_workdays": remaining_workdays(today, task.due_on) if task.due_on else None,
        "colour": task_colour(task),
        "created_at": timezone.localtime(task.created_at).isoformat(timespec="seconds"),
        "closed_at": timezone.localtime(task.closed_at).isoformat(timespec="seconds") if task.closed_at else None,
        "outcome": task.outcome,
    }


def task_detail(principal: Principal, task: Task) -> dict[str, Any]:
    """One task with its history and what the person may do with it."""
    return {
        **task_brief(task),
        "note": task.note,
        "created_by": task.created_by,
        "may": acts_on(principal, task),
        "events": [
            {
                "act": event.act,
                "act_zh": event.get_act_display(),
                "at": timezone.localtime(event.at).isoformat(timespec="seconds"),
                "actor": event.actor,
                "to": str(event.to_user) if event.to_user else "",
                "reason": event.reason,
            }
            for event in task.events.select_related("to_user").order_by("id")
        ],
    }


def acts_on(principal: Principal, task: Task) -> list[str]:
    """What the person may do with the task now; what is not listed is not shown."""
    if task.state == State.OPEN:
        acts = ["claim", "assign"] if may_take(principal, task) else []
    elif task.state == State.CLAIMED and task.assignee_id == principal.user_id:
        acts = [*([] if kind_of(task).by_subject else ["complete"]), "release", "hand_over"]
    else:
        acts = []
    running = task.state in (State.OPEN, State.CLAIMED)
    return [*acts, "cancel"] if running and task.created_by == principal.name else acts


def task_colour(task: Task) -> str:
    """Green, yellow or red by the limit of a running task; '' otherwise."""
    if task.state not in (State.OPEN, State.CLAIMED):
        return ""
    return colour(timezone.localdate(), task.due_on, kind_of(task).yellow_workdays)


def kind_of(task: Task) -> TaskKind:
    """The declared kind; one whose application was taken away is called by its code."""
    return kinds().tasks.get(task.kind) or TaskKind(task.kind, task.kind, task.kind)


def takers(task: Task) -> list[User]:
    """People to whom a task may be given."""
    return list(User.objects.filter(pk__in=people_who_may_take(task)).order_by("name_zh", "username"))


def successors(leaver: User) -> list[User]:
    """People who may take at least one running task of the leaver."""
    found: dict[int, User] = {}
    for task in Task.objects.filter(assignee=leaver, state=State.CLAIMED):
        found.update((one.pk, one) for one in takers(task) if one.pk != leaver.pk)
    return sorted(found.values(), key=str)


def notifications(principal: Principal) -> QuerySet[Notification]:
    """The person's notifications."""
    return Notification.objects.filter(recipient_id=principal.user_id or 0)


def notification_brief(one: Notification) -> dict[str, Any]:
    """One notification."""
    return {
        "id": one.pk,
        "kind": one.kind,
        "level": one.level,
        "title_zh": one.title_zh,
        "title_en": one.title_en or one.title_zh,
        "body_zh": one.body_zh,
        "body_en": one.body_en or one.body_zh,
        "href": one.href,
        "at": timezone.localtime(one.created_at).isoformat(timespec="seconds"),
        "is_read": one.read_at is not None,
    }


def jobs(principal: Principal) -> QuerySet[Progress]:
    """The person's jobs that run, and those that ended just now."""
    lately = timezone.now() - timedelta(seconds=FINISHED_SHOWN_S)
    rows = Progress.objects.filter(owner_id=principal.user_id or 0)
    return rows.filter(Q(outcome=Progress.Outcome.RUNNING) | Q(finished_at__gte=lately)).order_by("-started_at")


def progress_brief(one: Progress) -> dict[str, Any]:
    """One job. ``is_stale``: it runs by name, but has not been heard of for a minute."""
    running = one.outcome == Progress.Outcome.RUNNING
    return {
        "key": one.key,
        "title_zh": one.title_zh,
        "title_en": one.title_en or one.title_zh,
        "href": one.href,
        "phase_zh": one.phase_zh,
        "phase_en": one.phase_en or one.phase_zh,
        "done": one.done,
        "total": one.total,
        "outcome": one.outcome,
        "message_zh": one.message_zh,
        "message_en": one.message_en or one.message_zh,
        "attempts": one.attempts,
        "started_at": timezone.localtime(one.started_at).isoformat(timespec="seconds"),
        "updated_at": timezone.localtime(one.updated_at).isoformat(timespec="seconds"),
        "finished_at": timezone.localtime(one.finished_at).isoformat(timespec="seconds") if one.finished_at else None,
        "is_stale": running and timezone.now() - one.updated_at > timedelta(seconds=STALE_S),
    }


def incident_brief(one: Incident) -> dict[str, Any]:
    """One incident; longitude and latitude in degrees, EPSG:4490."""
    return {
        "id": one.pk,
        "key": one.key,
        "level": one.level,
        "level_zh": one.get_level_display(),
        "title_zh": one.title_zh,
        "title_en": one.title_en or one.title_zh,
        "source": one.source,
        "place": one.place,
        "lon": one.lon,
        "lat": one.lat,
        "division": one.division_code,
        "state": one.state,
        "state_zh": one.get_state_display(),
        "repeats": one.repeats,
        "first_at": timezone.localtime(one.first_at).isoformat(timespec="seconds"),
        "last_at": timezone.localtime(one.last_at).isoformat(timespec="seconds"),
        "task": one.task_id,
        "href": one.href,
    }


def incident_detail(principal: Principal, one: Incident) -> dict[str, Any]:
    """One incident with its history."""
    return {
        **incident_brief(one),
        "acknowledged_by": one.acknowledged_by,
        "resolved_by": one.resolved_by,
        "closed_by": one.closed_by,
        "reason": one.reason,
        "may_deal": incidents.may_deal(principal, one),
        "events": [
            {
                "act": event.act,
                "act_zh": event.get_act_display(),
                "at": timezone.localtime(event.at).isoformat(timespec="seconds"),
                "actor": event.actor,
                "reason": event.reason,
            }
            for event in one.events.order_by("id")
        ],
    }


def changes(principal: Principal, since: int = 0) -> dict[str, Any]:
    """What the bell shows: counts, the newest notifications, those after ``since``, running jobs. Answers at once."""
    mine = my_tasks(principal)
    told = notifications(principal)
    newest = list(told.order_by("-pk")[:LISTED])
    live = incidents.visible(principal).filter(state=Incident.State.OPEN)
    return {
        "user_id": principal.user_id,
        "unread": told.filter(read_at=None).count(),
        "latest": newest[0].pk if newest else 0,
        "newest": [notification_brief(one) for one in newest],
        "new": [notification_brief(one) for one in newest if one.pk > since] if since else [],
        "tasks": {
            "mine": mine.count(),
            "overdue": mine.filter(due_on__lt=timezone.localdate()).count(),
            "claimable": claimable_tasks(principal).count(),
        },
        "incidents": live.count(),
        "progress": [progress_brief(one) for one in jobs(principal)[:LISTED]],
    }
