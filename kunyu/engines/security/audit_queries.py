"""What an audit administrator may look at, and counts over it. 审计查询."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import connection
from django.db.models import Count, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from kunyu.engines.security.audit import acts
from kunyu.engines.security.audit.records import BEIJING
from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.models import AuditEntry, AuditSeal, User
from kunyu.engines.security.scope import Principal

SUMMARY_DAYS = 92
# a loose index scan: the distinct values of an indexed column without reading the table
_ACTIONS = """
WITH RECURSIVE known AS (
  (SELECT action FROM security_auditentry ORDER BY action LIMIT 1)
  UNION ALL
  SELECT (SELECT e.action FROM security_auditentry e WHERE e.action > k.action ORDER BY e.action LIMIT 1)
  FROM known k WHERE k.action IS NOT NULL
) SELECT action FROM known WHERE action IS NOT NULL LIMIT 500
"""


def visible(principal: Principal) -> QuerySet[AuditEntry]:
    """The entries a principal may read: all for an administrator of the whole node, else those of people of his divisions.

    Raises
    ------
    SignInNeeded, NotVisible
        Not the audit administrator.
    """
    acts.require_reader(principal, whole=False)
    rows = AuditEntry.objects.all()
    if principal.duty_division:
        people = User.objects.filter(division_code__startswith=principal.duty_division)
        rows = rows.filter(actor_id__in=people.values("pk"))
    return rows


def with_seal(rows: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
    """Entries with ``seq``, their number in the chain (None: not sealed yet)."""
    seal = AuditSeal.objects.filter(entry_id=OuterRef("pk")).values("seq")[:1]
    return rows.annotate(seq=Subquery(seal))


def known_actions() -> list[str]:
    """Every action there is on record, sorted."""
    with connection.cursor() as cursor:
        cursor.execute(_ACTIONS)
        return [row[0] for row in cursor.fetchall()]


def entry(principal: Principal, entry_id: int) -> AuditEntry:
    """One entry with its number in the chain; NotVisible when there is none for this principal."""
    found = with_seal(visible(principal)).filter(pk=entry_id).first()
    if found is None:
        raise NotVisible(f"没有编号为 {entry_id} 的审计记录。", f"There is no audit entry {entry_id}.")
    return found


@dataclass(frozen=True)
class PersonSummary:
    """One person's acts of the last three months at a glance."""

    entries: int
    first: datetime | None
    last: datetime | None
    refused: int
    night: int
    origins: tuple[tuple[str, int], ...]
    actions: tuple[tuple[str, str, int], ...]


def person_summary(rows: QuerySet[AuditEntry]) -> PersonSummary:
    """Counts over a person's entries of the last `SUMMARY_DAYS` days, whatever application they come from."""
    rows = rows.filter(at__gte=timezone.now() - timedelta(days=SUMMARY_DAYS))
    found = rows.aggregate(n=Count("pk"), first=Min("at"), last=Max("at"), refused=Count("pk", filter=~Q(result="done")),
                           night=Count("pk", filter=night()))  # fmt: skip
    origins = rows.values_list("origin").annotate(n=Count("pk")).order_by("-n", "origin")[:8]
    actions = rows.values_list("object_kind", "action").annotate(n=Count("pk")).order_by("-n", "object_kind", "action")
    return PersonSummary(
        found["n"], found["first"], found["last"], found["refused"], found["night"], tuple(origins), tuple(actions[:12])
    )


def night() -> Q:
    """Between 22:00 and 06:00 in UTC+8: outside any office hours."""
    return Q(at__hour__gte=22) | Q(at__hour__lt=6)


def day_start(day: date) -> datetime:
    """Midnight of a day in UTC+8."""
    return datetime.combine(day, time(), BEIJING)


def day_end(day: date) -> datetime:
    """The last millisecond of a day in UTC+8."""
    return day_start(day) + timedelta(days=1) - timedelta(milliseconds=1)
