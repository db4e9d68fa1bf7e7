"""House API of the worklist: tasks, notifications, jobs, incidents, and what changed for the caller."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema

from kunyu.engines.security.scope import Principal
from kunyu.engines.security.services import find_user
from kunyu.engines.worklist import incidents, notices, progress, queries, sending, services
from kunyu.engines.worklist.models import Incident, Message, Task

router = Router(tags=["worklist"])
MOST = 200


class Reason(Schema):
    reason: str = ""


class Outcome(Schema):
    note: str = ""


class ToPerson(Schema):
    user: str
    reason: str = ""


class EverythingOf(Schema):
    leaver: str
    successor: str
    reason: str


class Read(Schema):
    read: bool = True


class UpTo(Schema):
    up_to: int | None = None


class WishBody(Schema):
    kind: str
    channel: str
    wanted: bool


class ContactBody(Schema):
    mail: str = ""
    mobile: str = ""


class Page(Schema):
    before: int | None = None
    limit: int = 50


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


@router.get("/session")
def session(request: HttpRequest) -> dict[str, Any]:
    """Who the caller is: the events process asks this on behalf of each connection."""
    principal = _principal(request)
    return {"user_id": principal.user_id, "name": principal.name}


@router.get("/changes")
def changes(request: HttpRequest, since: int = 0) -> dict[str, Any]:
    """Counts, newest notifications and running jobs; answers at once, for pages that ask every 20 seconds."""
    return queries.changes(_principal(request), since)


# -- tasks ----------------------------------------------------------------------------------------------------------

_LISTS = {
    "mine": queries.my_tasks,
    "claimable": queries.claimable_tasks,
    "team": queries.team_tasks,
    "closed": queries.closed_tasks,
}


@router.get("/tasks")
def tasks(request: HttpRequest, page: Query[Page], which: str = "mine") -> dict[str, Any]:
    """Tasks: ``which`` is mine, claimable, team or closed; newest first; ``next`` is the following ``before``."""
    rows = _LISTS.get(which, queries.my_tasks)(_principal(request)).order_by("-pk")
    found, following = _paged(rows, page)
    return {"tasks": [queries.task_brief(one) for one in found], "next": following}


def _paged(rows: Any, page: Page) -> tuple[list[Any], int | None]:
    limit = max(1, min(page.limit, MOST))
    if page.before is not None:
        rows = rows.filter(pk__lt=page.before)
    found = list(rows[: limit + 1])
    return found[:limit], (found[limit - 1].pk if len(found) > limit else None)


@router.get("/tasks/{int:task_id}")
def task(request: HttpRequest, task_id: int) -> dict[str, Any]:
    """One task with its history and what the caller may do."""
    principal = _principal(request)
    return queries.task_detail(principal, services.visible_task(principal, task_id))


@router.get("/tasks/{int:task_id}/takers")
def takers(request: HttpRequest, task_id: int) -> list[dict[str, str]]:
    """People to whom the task may be given."""
    found = services.visible_task(_principal(request), task_id)
    return [{"user": one.username, "name_zh": str(one)} for one in queries.takers(found)]


@router.post("/tasks/{int:task_id}/claim")
def claim(request: HttpRequest, task_id: int) -> dict[str, Any]:
    """Take an open task; 409 names who was faster."""
    return _answer(request, services.claim(task_id, _principal(request)))


@router.post("/tasks/{int:task_id}/assign")
def assign(request: HttpRequest, task_id: int, body: ToPerson) -> dict[str, Any]:
    """Give an open task to a person who may take it."""
    principal = _principal(request)
    services.visible_task(principal, task_id)
    return _answer(request, services.assign(task_id, find_user(body.user), principal, body.reason))


@router.post("/tasks/{int:task_id}/release")
def release(request: HttpRequest, task_id: int, body: Reason) -> dict[str, Any]:
    """Give one's task back to all who may take it."""
    return _answer(request, services.release(task_id, _principal(request), body.reason))


@router.post("/tasks/{int:task_id}/hand-over")
def hand_over(request: HttpRequest, task_id: int, body: ToPerson) -> dict[str, Any]:
    """Give one's task to another person."""
    principal = _principal(request)
    services.visible_task(principal, task_id)
    return _answer(request, services.hand_over(task_id, find_user(body.user), principal, body.reason))


@router.post("/tasks/{int:task_id}/complete")
def complete(request: HttpRequest, task_id: int, body: Outcome) -> dict[str, Any]:
    """Close one's task as done."""
    return _answer(request, services.complete(task_id, _principal(request), note=body.note))


@router.post("/tasks/{int:task_id}/cancel")
def cancel(request: HttpRequest, task_id: int, body: Reason) -> dict[str, Any]:
    """Withdraw a task one made."""
    return _answer(request, services.cancel(task_id, _principal(request), body.reason))


@router.post("/tasks/hand-over-everything")
def hand_over_everything(request: HttpRequest, body: EverythingOf) -> dict[str, Any]:
    """Give all running tasks of one person to another, for leaving a post."""
    principal = _principal(request)
    services.require_may_clear_others(principal, body.leaver)
    done = services.hand_over_everything(find_user(body.leaver), find_user(body.successor), principal, body.reason)
    return {"moved": list(done.moved), "opened": list(done.opened)}


def _answer(request: HttpRequest, found: Task) -> dict[str, Any]:
    return queries.task_detail(_principal(request), found)


# -- notifications --------------------------------------------------------------------------------------------------


@router.get("/notifications")
def list_notifications(request: HttpRequest, page: Query[Page], unread: bool = False) -> dict[str, Any]:
    """The caller's notifications, newest first."""
    rows = queries.notifications(_principal(request)).order_by("-pk")
    found, following = _paged(rows.filter(read_at=None) if unread else rows, page)
    return {"notifications": [queries.notification_brief(one) for one in found], "next": following}


@router.post("/notifications/{int:notification_id}/read")
def mark(request: HttpRequest, notification_id: int, body: Read) -> dict[str, Any]:
    """Mark as read, or with ``{"read": false}`` as unread."""
    return queries.notification_brief(notices.mark(_principal(request), notification_id, read=body.read))


@router.post("/notifications/read-all")
def mark_all(request: HttpRequest, body: UpTo) -> dict[str, int]:
    """Mark all as read, up to the newest one that was on the screen."""
    return {"changed": notices.mark_all_read(_principal(request), body.up_to)}


@router.get("/preferences")
def preferences(request: HttpRequest) -> dict[str, Any]:
    """What the caller wants outside the node, and where he is reached."""
    principal = _principal(request)
    contact = notices.contact_of(principal)
    return {
        "channels": list(notices.channels_of_node()),
        "contact": {"mail": contact.mail, "mobile": contact.mobile},
        "wishes": [
            {"kind": one.kind, "name_zh": one.name_zh, "name_en": one.name_en, "mail": one.mail, "sms": one.sms}
            for one in notices.wishes_of(principal)
        ],
    }


@router.put("/preferences/wish")
def set_wish(request: HttpRequest, body: WishBody) -> dict[str, Any]:
    """Want, or do not want, one kind on one channel."""
    notices.set_wish(_principal(request), body.kind, body.channel, body.wanted)
    return preferences(request)


@router.put("/preferences/contact")
def set_contact(request: HttpRequest, body: ContactBody) -> dict[str, Any]:
    """Say where one is reached."""
    notices.set_contact(_principal(request), body.mail, body.mobile)
    return preferences(request)


@router.get("/messages")
def messages(request: HttpRequest, page: Query[Page], state: str = Message.State.DEAD) -> dict[str, Any]:
    """Mails and short messages that did not leave (system administrators): with the reason, never with the text."""
    rows = sending.visible_messages(_principal(request)).filter(state=state).order_by("-pk")
    found, following = _paged(rows, page)
    return {"messages": [_message(one) for one in found], "next": following}


@router.post("/messages/{int:message_id}/send-again")
def send_again(request: HttpRequest, message_id: int) -> dict[str, Any]:
    """Queue a dead letter anew."""
    return _message(sending.send_again(_principal(request), message_id))


def _message(one: Message) -> dict[str, Any]:
    return {
        "id": one.pk, "channel": one.channel, "state": one.state, "kind": one.notification.kind,
        "recipient": one.notification.recipient.username, "attempts": one.attempts, "reason_zh": one.reason_zh,
        "reason_en": one.reason_en,
    }  # fmt: skip


# -- jobs and incidents ---------------------------------------------------------------------------------------------


@router.get("/progress")
def list_progress(request: HttpRequest) -> list[dict[str, Any]]:
    """The caller's jobs that run or ended just now."""
    return [queries.progress_brief(one) for one in queries.jobs(_principal(request))[:MOST]]


@router.get("/progress/{path:key}")
def one_progress(request: HttpRequest, key: str) -> dict[str, Any]:
    """One of the caller's jobs."""
    return queries.progress_brief(progress.progress_of(_principal(request), key))


@router.get("/incidents")
def list_incidents(request: HttpRequest, page: Query[Page], state: str = "") -> dict[str, Any]:
    """Incidents the caller may know of, newest first; without ``state`` those that are not closed."""
    rows = incidents.visible(_principal(request)).order_by("-pk")
    rows = rows.filter(state=state) if state else rows.exclude(state=Incident.State.CLOSED)
    found, following = _paged(rows, page)
    return {"incidents": [queries.incident_brief(one) for one in found], "next": following}


@router.get("/incidents/{int:incident_id}")
def incident(request: HttpRequest, incident_id: int) -> dict[str, Any]:
    """One incident with its history."""
    return _incident(_principal(request), incidents.visible_incident(_principal(request), incident_id))


@router.post("/incidents/{int:incident_id}/acknowledge")
def acknowledge(request: HttpRequest, incident_id: int) -> dict[str, Any]:
    """Say: I have seen it."""
    principal = _principal(request)
    return _incident(principal, incidents.acknowledge(incident_id, principal))


@router.post("/incidents/{int:incident_id}/resolve")
def resolve(request: HttpRequest, incident_id: int, body: Reason) -> dict[str, Any]:
    """Say what was done."""
    principal = _principal(request)
    return _incident(principal, incidents.resolve(incident_id, principal, body.reason))


@router.post("/incidents/{int:incident_id}/close")
def close(request: HttpRequest, incident_id: int, body: Reason) -> dict[str, Any]:
    """Close with a reason."""
    principal = _principal(request)
    return _incident(principal, incidents.close(incident_id, principal, body.reason))


@router.post("/incidents/{int:incident_id}/assign")
def assign_incident(request: HttpRequest, incident_id: int, body: ToPerson) -> dict[str, Any]:
    """Make dealing with it somebody's task."""
    principal = _principal(request)
    incidents.visible_incident(principal, incident_id)
    found = incidents.assign_as_task(incident_id, find_user(body.user), principal, body.reason)
    return queries.task_brief(found)


def _incident(principal: Principal, found: Incident) -> dict[str, Any]:
    return queries.incident_detail(principal, found)
