"""What managers ask: throughput, time used against promised, overdue — by matter, office and person. 办件统计.

One statement each over the cases the manager may see. A case is overdue when it used more workdays than promised,
or is open past its limit.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from django.db.models import Avg, Count, F, Q, QuerySet
from django.utils import timezone

from kunyu.engines.matters.cases.people import STEP_ACTS
from kunyu.engines.matters.cases.visibility import visible
from kunyu.engines.matters.models import Case, CaseEvent
from kunyu.engines.reference.models import Division
from kunyu.engines.security.scope import APPROVE, Principal
from kunyu.kernel.errors import UsageError

MOST_ROWS = 500
S = Case.State


@dataclass(frozen=True)
class Row:
    """One line: counts of cases, mean workdays used and promised of those decided in the period."""

    key: str
    name_zh: str
    name_en: str
    received: int
    accepted: int
    not_accepted: int
    granted: int
    refused: int
    withdrawn: int
    open: int
    overdue: int
    days_used: float | None
    days_promised: float | None

    def values(self) -> dict[str, Any]:
        """As the API answers."""
        return asdict(self)


@dataclass(frozen=True)
class PersonRow:
    """One officer: acts at stages, decisions, cases in hand now and how many of those are overdue."""

    key: str
    name_zh: str
    acts: int
    cases: int
    decisions: int
    in_hand: int
    overdue: int

    def values(self) -> dict[str, Any]:
        """As the API answers."""
        return asdict(self)


def by_matter(principal: Principal, since: date, until: date) -> list[Row]:
    """Lines by matter over cases received from ``since`` to ``until``, both included."""
    rows = _of_period(principal, since, until).values("matter__code", "matter__name_zh", "matter__name_en")
    return [_row(one, one["matter__code"], one["matter__name_zh"], one["matter__name_en"]) for one in _counted(rows)]


def by_office(principal: Principal, since: date, until: date) -> list[Row]:
    """Lines by the county of the office."""
    rows = list(_counted(_of_period(principal, since, until).values("county")))
    named = Division.objects.filter(code__in=[one["county"] for one in rows], valid_to=None)
    names = {one.code: (one.name_zh, one.name_en) for one in named}
    return [_row(one, one["county"], *names.get(one["county"], (one["county"], ""))) for one in rows]


def totals(principal: Principal, since: date, until: date) -> Row:
    """One line over everything."""
    found = _of_period(principal, since, until).aggregate(**_measures())
    return _row(found, "", "合计", "Total")


def by_person(principal: Principal, since: date, until: date) -> list[PersonRow]:
    """Lines by officer over the acts of the period in cases the manager decides about: who is measured is his to know."""
    seen = visible(principal, APPROVE)
    acted = (
        CaseEvent.objects.filter(case__in=seen, at__date__gte=since, at__date__lte=until, act__in=STEP_ACTS)
        .values("actor", "actor_zh")
        .annotate(
            acts=Count("pk"), cases=Count("case_id", distinct=True), decisions=Count("pk", filter=Q(act="decided"))
        )
        .order_by("-acts", "actor")
    )[:MOST_ROWS]
    in_hand = _in_hand(seen)
    return [
        PersonRow(one["actor"], one["actor_zh"], one["acts"], one["cases"], one["decisions"],
                  *in_hand.get(one["actor"], (0, 0)))
        for one in acted
    ]  # fmt: skip


def _in_hand(seen: QuerySet[Case]) -> dict[str, tuple[int, int]]:
    day = timezone.localdate()
    held = (
        seen.filter(closed_at=None, assignee__isnull=False)
        .values("assignee__username")
        .annotate(held=Count("pk"), late=Count("pk", filter=Q(due_on__lt=day, decided_at=None)))
        .order_by()
    )
    return {one["assignee__username"]: (one["held"], one["late"]) for one in held}


def _of_period(principal: Principal, since: date, until: date) -> QuerySet[Case]:
    if until < since:
        raise UsageError(
            f"统计期间 {since} 至 {until} 颠倒。", f"The period from {since} to {until} ends before it begins."
        )
    return visible(principal).select_related(None).filter(
        submitted_at__date__gte=since, submitted_at__date__lte=until
    ).order_by()  # fmt: skip


def _counted(rows: Any) -> Any:
    return rows.annotate(**_measures()).order_by("-received")[:MOST_ROWS]


def conditions() -> dict[str, Q]:
    """What each count of a line counts; a list that shows its cases asks the same."""
    late = Q(decided_at=None, closed_at=None, due_on__lt=timezone.localdate()) | Q(
        decided_at__isnull=False, days_used__gt=F("promised_days")
    )
    return {
        "accepted": Q(accepted_at__isnull=False),
        "not_accepted": Q(state=S.NOT_ACCEPTED),
        "granted": Q(state__in=[S.GRANTED, S.REVOKED]),
        "refused": Q(state=S.REFUSED),
        "withdrawn": Q(state=S.WITHDRAWN),
        "open": Q(closed_at=None),
        "overdue": late,
    }


def _measures() -> dict[str, Any]:
    decided = Q(decided_at__isnull=False)
    return {
        "received": Count("pk"),
        **{name: Count("pk", filter=condition) for name, condition in conditions().items()},
        "days_used": Avg("days_used", filter=decided),
        "days_promised": Avg("promised_days", filter=decided),
    }


def _row(one: dict[str, Any], key: str, zh: str, en: str) -> Row:
    counts = {name: one[name] or 0 for name in ("received", "accepted", "not_accepted", "granted", "refused",
                                                "withdrawn", "open", "overdue")}  # fmt: skip
    return Row(key, zh, en or zh, **counts, days_used=_rounded(one["days_used"]),
               days_promised=_rounded(one["days_promised"]))  # fmt: skip


def _rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), 2)
