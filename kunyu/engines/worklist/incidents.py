"""Incidents: exactly one per key is open however often the alarm repeats; acknowledged, dealt with, closed with a reason.

open → acknowledged → resolved → closed; a step may be left out, only ``closed`` is final. A repeat after ``resolved``
opens the incident again; a repeat after ``closed`` is a new incident.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from kunyu.engines.security import audit
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import SEE, Principal
from kunyu.engines.worklist import audience, live
from kunyu.engines.worklist.audience import Candidates
from kunyu.engines.worklist.errors import NotYours, ReasonMissing, UnknownIncident, WrongState
from kunyu.engines.worklist.kinds import notice_kind
from kunyu.engines.worklist.models import Incident, IncidentEvent, Notification, Task
from kunyu.engines.worklist.notices import Notice, notify
from kunyu.engines.worklist.services import NewTask, Subject, assign, create_task, settle
from kunyu.kernel.errors import UsageError

State, Act, Level = Incident.State, IncidentEvent.Act, Incident.Level


@dataclass(frozen=True)
class Alarm:
    """One alarm. ``key`` names what it is about (sensor and rule); ``occurrence`` this very alarm, so that a repeated
    delivery of it is not counted.

    Whoever holds ``action`` on all ``collections`` in ``division``, or the ``duty`` there, deals with it; whoever may
    see the collections sees it. ``lon``, ``lat``: degrees, EPSG:4490.
    """

    key: str
    level: int
    title_zh: str
    source: str
    title_en: str = ""
    kind: str = "incident"
    occurrence: str = ""
    place: str = ""
    lon: float | None = None
    lat: float | None = None
    href: str = ""
    division: str = ""
    action: str = ""
    collections: tuple[str, ...] = ()
    duty: str = ""


_RAISE = """
INSERT INTO worklist_incident AS i (key, kind, level, title_zh, title_en, source, place, lon, lat, href, division_code,
  action, collections, duty, state, repeats, first_at, last_at, acknowledged_by, resolved_by, closed_by, reason)
VALUES (%(key)s, %(kind)s, %(level)s, %(title_zh)s, %(title_en)s, %(source)s, %(place)s, %(lon)s, %(lat)s, %(href)s,
  %(division)s, %(action)s, %(collections)s, %(duty)s, 'open', 1, now(), now(), '', '', '', '')
ON CONFLICT (key) WHERE NOT state = 'closed' DO UPDATE SET last_at = now()
RETURNING id, (xmax = 0)
"""


@transaction.atomic
def raise_incident(alarm: Alarm, actor: Principal) -> tuple[Incident, bool]:
    """Open an incident, or count a repeat of the one that is open; the second value tells whether it is new.

    A graver repeat raises the level; a lighter one leaves it. Those who deal with it are told once when it opens, when
    it opens again and when its level rises.

    Raises
    ------
    UsageError
        A level other than 1–4, or a place that is none.
    """
    _require_sound(alarm)
    notice_kind(alarm.kind)
    heard = _heard(alarm)
    if heard is not None:
        return heard, False
    values = {
        **{name: getattr(alarm, name) for name in ("key", "kind", "source", "place", "lon", "lat", "href", "division")},
        "level": alarm.level, "title_zh": alarm.title_zh[:200], "title_en": alarm.title_en[:300],
        "action": alarm.action, "collections": sorted(alarm.collections), "duty": alarm.duty,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_RAISE, values)
        number, is_new = cursor.fetchone()
    # the upsert holds the row: repeats of one key queue here
    incident = Incident.objects.select_for_update().get(pk=number)
    if alarm.occurrence and not _first_heard(incident, alarm, actor, is_new):
        return incident, False
    if is_new:
        if not alarm.occurrence:
            _event(incident, Act.RAISED, actor)
        audit.record(actor, "incident-raised", "incident", incident.pk, key=alarm.key, level=alarm.level)
        _tell(incident)
    else:
        _repeat(incident, alarm, actor)
    live.everybody("incident")
    return incident, is_new


def _require_sound(alarm: Alarm) -> None:
    if alarm.level not in Level.values:
        raise UsageError(
            f"事件级别 {alarm.level} 不在 1（红）至 4（蓝）之间。",
            f"The level {alarm.level} is not 1 (red) to 4 (blue).",
        )
    there = alarm.lon is not None and alarm.lat is not None
    if there and -180 <= alarm.lon <= 180 and -90 <= alarm.lat <= 90:  # type: ignore[operator]
        return
    if alarm.lon is not None or alarm.lat is not None:
        raise UsageError(
            f"事件位置（经度 {alarm.lon}，纬度 {alarm.lat}）不是经纬度。",
            f"The place (longitude {alarm.lon}, latitude {alarm.lat}) is none.",
        )


def _heard(alarm: Alarm) -> Incident | None:
    """The incident that already counted this very alarm, be it closed since."""
    if not alarm.occurrence:
        return None
    known = IncidentEvent.objects.filter(incident__key=alarm.key, occurrence=alarm.occurrence[:120])
    event = known.select_related("incident").first()
    return event.incident if event else None


def _first_heard(incident: Incident, alarm: Alarm, actor: Principal, is_new: bool) -> bool:
    """Write the alarm down under its own name; False when it was heard before."""
    _, made = IncidentEvent.objects.get_or_create(
        incident=incident, occurrence=alarm.occurrence[:120],
        defaults={"act": Act.RAISED if is_new else Act.REPEATED, "actor": actor.name},
    )  # fmt: skip
    return made


def _repeat(incident: Incident, alarm: Alarm, actor: Principal) -> None:
    graver, again = alarm.level < incident.level, incident.state == State.RESOLVED
    incident.repeats += 1
    incident.level = min(incident.level, alarm.level)
    if again:
        incident.state, incident.resolved_at, incident.resolved_by = State.OPEN, None, ""
        incident.acknowledged_at, incident.acknowledged_by = None, ""
        _event(incident, Act.REOPENED, actor)
        audit.record(actor, "incident-reopened", "incident", incident.pk, key=incident.key)
    incident.save()
    if graver or again:
        _tell(incident)


def _tell(incident: Incident) -> None:
    people = audience.people_who_hold(incident.action, incident.collections, incident.duty, incident.division_code)
    place = f"{incident.place} " if incident.place else ""
    level = Level(incident.level)
    notify(
        people,
        Notice(
            kind=incident.kind, key=f"incident:{incident.pk}:{incident.level}:{incident.repeats}",
            title_zh=f"{level.label}：{incident.title_zh}", title_en=f"{level.name}: {incident.title_en or incident.title_zh}",
            body_zh=f"{place}来源 {incident.source}", body_en=f"{place}source {incident.source}",
            href=f"/incidents/{incident.pk}", level=Notification.Level.WARNING if level is Level.BLUE else Notification.Level.ALARM,
        ),
    )  # fmt: skip


def visible(principal: Principal) -> QuerySet[Incident]:
    """Incidents the principal may know of: those he deals with, whose data he may see, or whose task he has."""
    rows = Incident.objects.all()
    if principal.is_operator:
        return rows
    own = Q(task__assignee_id=principal.user_id) if principal.user_id else Q(pk__in=[])
    return rows.filter(own | audience.held(principal, rows) | audience.held(principal, rows, SEE))


def visible_incident(principal: Principal, incident_id: int) -> Incident:
    """The incident, or the same answer as for a number that does not exist."""
    found = visible(principal).filter(pk=incident_id).first()
    if found is None:
        raise UnknownIncident(
            f"没有事件 {incident_id}，或者您无权查看。", f"There is no incident {incident_id}, or you may not see it."
        )
    return found


def may_deal(principal: Principal, incident: Incident) -> bool:
    """May the principal acknowledge, assign, resolve and close this one?"""
    if principal.is_operator:
        return True
    task = incident.task
    if task is not None and task.state == Task.State.CLAIMED and task.assignee_id == principal.user_id:
        return True
    return audience.holds(principal, incident.action, incident.collections, incident.duty, incident.division_code)


@transaction.atomic
def acknowledge(incident_id: int, principal: Principal) -> Incident:
    """Say: I have seen it. The first one counts."""
    incident = _dealt_with(incident_id, principal)
    if incident.state == State.ACKNOWLEDGED:
        return incident
    _require_state(incident, State.OPEN)
    incident.state = State.ACKNOWLEDGED
    incident.acknowledged_at, incident.acknowledged_by = timezone.now(), principal.name
    return _saved(incident, Act.ACKNOWLEDGED, principal)


@transaction.atomic
def resolve(incident_id: int, principal: Principal, how: str) -> Incident:
    """Say what was done; the incident stays on the list until it is closed."""
    _require_reason(how)
    incident = _dealt_with(incident_id, principal)
    _require_state(incident, State.OPEN, State.ACKNOWLEDGED)
    incident.state, incident.resolved_at, incident.resolved_by = State.RESOLVED, timezone.now(), principal.name
    return _saved(incident, Act.RESOLVED, principal, how)


@transaction.atomic
def close(incident_id: int, principal: Principal, reason: str) -> Incident:
    """Close for good, with a reason (dealt with, false alarm, duplicate); its task is closed with it."""
    _require_reason(reason)
    incident = _dealt_with(incident_id, principal)
    _require_state(incident, State.OPEN, State.ACKNOWLEDGED, State.RESOLVED)
    incident.state, incident.closed_at, incident.closed_by = State.CLOSED, timezone.now(), principal.name
    incident.reason = reason.strip()
    if incident.task is not None:
        settle(incident.task.key, principal, "closed", reason)
    return _saved(incident, Act.CLOSED, principal, reason)


@transaction.atomic
def assign_as_task(incident_id: int, user: User, principal: Principal, reason: str = "") -> Task:
    """Make dealing with it somebody's task; a second call hands out the same task while it is open."""
    incident = _dealt_with(incident_id, principal)
    _require_state(incident, State.OPEN, State.ACKNOWLEDGED)
    subject = Subject("incident", str(incident.pk), incident.title_zh, incident.title_en, f"/incidents/{incident.pk}")
    times = incident.events.filter(act=Act.ASSIGNED).count()
    task = incident.task
    if task is None or task.state in (Task.State.DONE, Task.State.CANCELLED):
        new = NewTask(
            key=f"incident:{incident.pk}:{times}", kind="incident_handling", subject=subject,
            division=incident.division_code, candidates=Candidates(users=(user.pk,)),
            priority=2 if incident.level <= Level.ORANGE else 1,
        )  # fmt: skip
        task, _ = create_task(new, principal)
    given = assign(task.pk, user, principal, reason)
    incident.task = given
    incident.save(update_fields=["task"])
    _saved(incident, Act.ASSIGNED, principal, f"{user.username} {reason}".strip())
    return given


def _dealt_with(incident_id: int, principal: Principal) -> Incident:
    visible_incident(principal, incident_id)
    incident = Incident.objects.select_for_update(of=("self",)).select_related("task").get(pk=incident_id)
    if not may_deal(principal, incident):
        raise NotYours(
            f"您可以看到事件 {incident_id}，但不负责处置。", f"You may see incident {incident_id} but not deal with it."
        )
    return incident


def _require_state(incident: Incident, *states: str) -> None:
    if incident.state not in states:
        raise WrongState(
            f"事件 {incident.pk}“{incident.title_zh}”的状态是“{incident.get_state_display()}”，不能这样办理。",
            f"Incident {incident.pk} is {incident.state}; this is not possible now.",
            incident=incident.pk,
            state=incident.state,
        )


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise ReasonMissing("请写明处置情况或关闭原因。", "Say what was done, or why it is closed.")


def _saved(incident: Incident, act: str, principal: Principal, reason: str = "") -> Incident:
    incident.save()
    _event(incident, act, principal, reason)
    audit.record(principal, f"incident-{act}", "incident", incident.pk, reason=reason)
    live.everybody("incident")
    return incident


def _event(incident: Incident, act: str, actor: Principal, reason: str = "") -> None:
    IncidentEvent.objects.create(incident=incident, act=act, actor=actor.name, reason=reason.strip())


def levels() -> Iterable[tuple[int, str, str]]:
    """Number, Chinese name and colour word of each level, the gravest first."""
    return [(one.value, str(one.label), one.name.lower()) for one in Level]
