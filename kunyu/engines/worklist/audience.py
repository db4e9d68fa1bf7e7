"""Who may take a task or deal with an incident: named candidates, holders of a right, administrators.

A right counts as the gateway ``security.scope`` counts it now (division, label, zone, expiry), so a task disappears
from the list of a person who lost the right, without a job that sweeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connection
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from kunyu.engines.security.models import Appointment, User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import principal_of
from kunyu.engines.worklist.models import Task, TaskCandidate

MOST_TOLD = 200


@dataclass(frozen=True)
class Candidates:
    """Ids of people, posts and roles; empty: whoever has the right or duty."""

    users: tuple[int, ...] = ()
    posts: tuple[int, ...] = ()
    roles: tuple[int, ...] = ()

    @property
    def named(self) -> bool:
        """Is anybody named?"""
        return bool(self.users or self.posts or self.roles)


def holds(principal: Principal, action: str, collections: Sequence[str], duty: str, division: str) -> bool:
    """May the principal act by right (on every collection, in the division) or by an administrator's duty?"""
    if duty:
        return principal.duty == duty and division.startswith(principal.duty_division)
    if not action:
        return False
    if not collections:
        return any(one.action == action and division.startswith(one.division_prefix) for one in principal.rights)
    return all(_reaches(principal.divisions(code, action), division) for code in collections)


def may_take(principal: Principal, task: Task) -> bool:
    """Might the principal claim this task, were it open?"""
    if principal.user_id is None:
        return False
    if task.candidates.exists():
        return task.candidates.filter(_is_candidate(principal.user_id)).exists()
    return holds(principal, task.action, task.collections, task.duty, task.division_code)


def takeable(principal: Principal) -> Q:
    """The condition on :class:`Task` that says the same as :func:`may_take`, for lists."""
    if principal.user_id is None:
        return Q(pk__in=[])
    named = Q(pk__in=TaskCandidate.objects.filter(_is_candidate(principal.user_id)).values("task_id"))
    unnamed = ~Q(pk__in=TaskCandidate.objects.values("task_id"))
    return named | (unnamed & held(principal, Task.objects.all()))


def held(principal: Principal, rows: QuerySet[Model], action: str | None = None) -> Q:
    """The condition on rows with ``action collections duty division_code`` that says the same as :func:`holds`.

    ``action`` replaces the action of the row: who may *see* an incident is asked so.
    """
    allowed = Q(pk__in=[])
    if principal.duty:
        allowed |= Q(duty=principal.duty, division_code__startswith=principal.duty_division)
    if not principal.rights:
        return allowed
    combinations = rows.exclude(action="").order_by().values_list("action", "collections").distinct()
    for row_action, collections in combinations:
        reached = _where(principal, action or row_action, collections)
        if reached is not None:
            allowed |= Q(action=row_action, collections=collections, duty="") & reached
    return allowed


def _where(principal: Principal, action: str, collections: Sequence[str]) -> Q | None:
    """Divisions in which all collections are reached; None: nowhere."""
    if not collections:
        prefixes = {one.division_prefix for one in principal.rights if one.action == action}
        return _under(prefixes) if prefixes else None
    condition = Q()
    for code in collections:
        reached = principal.divisions(code, action)
        if not reached:
            return None
        condition &= _under(reached)
    return condition


def _under(prefixes: Iterable[str]) -> Q:
    condition = Q(pk__in=[])
    for prefix in prefixes:
        if not prefix:
            return Q()
        condition |= Q(division_code__startswith=prefix)
    return condition


def _reaches(prefixes: Iterable[str], division: str) -> bool:
    return any(division.startswith(prefix) for prefix in prefixes)


def _is_candidate(user_id: int, on: date | None = None) -> Q:
    held_now = _in_office(on).filter(user_id=user_id)
    return (
        Q(user_id=user_id)
        | Q(post_id__in=held_now.values("post_id"))
        | Q(role_id__in=held_now.filter(post__roles__isnull=False).values("post__roles"))
    )


def _in_office(on: date | None = None) -> QuerySet[Appointment]:
    day = on or timezone.localdate()
    return Appointment.objects.filter(Q(ends_on=None) | Q(ends_on__gte=day), starts_on__lte=day)


def people_who_may_take(task: Task, most: int = MOST_TOLD) -> list[int]:
    """Ids of up to ``most`` active people who could claim the task now: whom to tell of it."""
    named = list(task.candidates.all())
    if named:
        found = {one.user_id for one in named if one.user_id}
        posts, roles = [one.post_id for one in named if one.post_id], [one.role_id for one in named if one.role_id]
        in_office = _in_office().filter(Q(post_id__in=posts) | Q(post__roles__in=roles))
        found |= set(in_office.values_list("user_id", flat=True))
        return list(
            User.objects.filter(pk__in=found, is_active=True).order_by("pk").values_list("pk", flat=True)[:most]
        )
    return people_who_hold(task.action, task.collections, task.duty, task.division_code, most)


def people_who_hold(
    action: str, collections: Sequence[str], duty: str, division: str, most: int = MOST_TOLD
) -> list[int]:
    """Ids of up to ``most`` active people for whom :func:`holds` is true now."""
    likely = _administrators(duty) if duty else _grantees(action, collections[0] if collections else "", division)
    found = []
    for user in User.objects.filter(pk__in=likely, is_active=True).order_by("pk"):
        if holds(principal_of(user), action, collections, duty, division):
            found.append(user.pk)
            if len(found) == most:
                break
    return found


def _administrators(duty: str) -> list[int]:
    return list(User.objects.filter(admin_duty__duty=duty).values_list("pk", flat=True))


_GRANTEES = """
WITH fitting AS (
  SELECT user_id, role_id FROM security_grant
  WHERE action = %(action)s AND starts_with(%(division)s, division_prefix)
    AND (%(collection)s = '' OR starts_with(%(collection)s, branch)))
SELECT user_id FROM fitting WHERE user_id IS NOT NULL
UNION
SELECT a.user_id FROM fitting JOIN security_post_roles pr USING (role_id) JOIN security_appointment a USING (post_id)
"""


def _grantees(action: str, collection: str, division: str) -> list[int]:
    """Everybody with a grant that might do, direct or through a post: a wide net, the gateway decides."""
    with connection.cursor() as cursor:
        cursor.execute(_GRANTEES, {"action": action, "collection": collection, "division": division})
        return [row[0] for row in cursor.fetchall()]
