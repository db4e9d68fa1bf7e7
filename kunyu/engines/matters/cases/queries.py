"""Lists of cases a person may see, decided in SQL and fast at a million. 办件查询.

Rights are compared per distinct branch (there are a few dozen) with equality on prefixes of the county, never LIKE. A
list reads one page by key; its counts are bounded, so that no list ever counts a million rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from kunyu.engines.matters.cases import people
from kunyu.engines.matters.cases.clock import Colour, colour
from kunyu.engines.matters.models import Case, Matter
from kunyu.engines.security import labels, scope
from kunyu.engines.security.scope import SEE, Principal

PAGE = 50
MOST = 200
COUNTED = 1_000
"""Counts stop here: a page says "1000+"."""
S = Case.State
OPEN_STATES = (S.SUBMITTED, S.CORRECTING, S.IN_REVIEW, S.PAUSED, S.DECIDED)
COUNTY_DIGITS = 6


@dataclass(frozen=True)
class Filter:
    """What a list is narrowed to; every empty value narrows nothing.

    ``which``: ``todo`` (waits for a stage, mine or nobody's), ``mine``, ``open``, ``closed`` or ``all``; ``text``: a
    number, the beginning of one, or words of the applicant's or project's name; ``colour``: of :class:`Case.Colour`.
    """

    which: str = "open"
    state: str = ""
    matter: str = ""
    county: str = ""
    stage: str = ""
    text: str = ""
    project: str = ""
    colour: int | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Page:
    """One page and the key of the next: ``next_key`` '' at the end."""

    cases: list[Case]
    next_key: str


def branches() -> list[str]:
    """Branches of the matters in the catalogue: what rights on cases are asked by."""
    return list(Matter.objects.exclude(branch="").order_by("branch").values_list("branch", flat=True).distinct())


def visible(principal: Principal, action: str = SEE) -> QuerySet[Case]:
    """Cases the principal may know of: his own, and those of the branches and counties of his rights."""
    rows = Case.objects.select_related("matter")
    reached = _reached(principal, action)
    here = _condition(reached, "county")
    if here == EVERYTHING:
        return rows
    conditions = [here, _condition(reached, "partner_county") & ~Q(partner_county="")]
    if principal.user_id is not None and action == SEE:
        conditions.append(Q(applicant_account_id=principal.user_id))
    return rows.filter(_any(conditions))


def reach(principal: Principal, column: str, action: str = SEE) -> Q:
    """The condition on a county column that the principal's rights reach it; branches of equal reach stand together.

    :data:`EVERYTHING` when they reach every county and label in every branch.
    """
    return _condition(_reached(principal, action), column)


@dataclass(frozen=True)
class _Reached:
    """Branches by what the principal's rights reach in them: prefixes of counties with sets of labels."""

    together: Mapping[tuple[tuple[str, int], ...], list[str]]
    branches: int
    """Of the whole catalogue."""


def _reached(principal: Principal, action: str) -> _Reached:
    named = branches()
    together: dict[tuple[tuple[str, int], ...], list[str]] = {}
    for branch in named:
        key = tuple(sorted({(one.prefix, one.row_labels) for one in scope.clauses_of(principal, branch, action)}))
        if key:
            together.setdefault(key, []).append(branch)
    return _Reached(together, len(named))


def _condition(reached: _Reached, column: str) -> Q:
    conditions = []
    for clauses, some in reached.together.items():
        where = _clauses(clauses, column)
        conditions.append(where if len(some) == reached.branches else Q(branch__in=some) & where)
    return _any(conditions)


EVERYTHING = Q()
"""No condition. An empty Q vanishes in ``|``, so alternatives are joined by :func:`_any` only."""
NOTHING = Q(pk__in=[])


def _any(conditions: Sequence[Q]) -> Q:
    if any(one == EVERYTHING for one in conditions):
        return EVERYTHING
    found = NOTHING
    for one in conditions:
        found |= one
    return found


def _clauses(clauses: Sequence[tuple[str, int]], column: str) -> Q:
    by_labels: dict[int, set[str]] = {}
    for prefix, row_labels in clauses:
        by_labels.setdefault(row_labels, set()).add(prefix)
    conditions = []
    for row_labels, prefixes in by_labels.items():
        where = _under(prefixes, column)
        if row_labels != labels.EVERY:
            where &= Q(label__in=[code for code in range(labels.COUNT) if row_labels >> code & 1])
        conditions.append(where)
    return _any(conditions)


def _under(prefixes: set[str], column: str) -> Q:
    """Counties under prefixes, by ranges: ``9901`` is from 990100 to 990199, which an index can walk."""
    if "" in prefixes:
        return EVERYTHING
    conditions = [
        Q(**{f"{column}__in": sorted({one[:COUNTY_DIGITS] for one in prefixes if len(one) >= COUNTY_DIGITS})})
    ]
    for prefix in sorted(one for one in prefixes if len(one) < COUNTY_DIGITS):
        low, high = prefix.ljust(COUNTY_DIGITS, "0"), prefix.ljust(COUNTY_DIGITS, "9")
        conditions.append(Q(**{f"{column}__gte": low, f"{column}__lte": high}))
    return _any(conditions)


def case_of(principal: Principal, number: str) -> Case:
    """One case by its number, or the same answer as for a number that does not exist. Raises UnknownCase."""
    found = Case.objects.select_related("matter", "edition", "application", "assignee").filter(number=number).first()
    if found is None or not people.may_see(principal, found):
        raise people.unknown(number[:64])
    return found


def own(principal: Principal) -> QuerySet[Case]:
    """The principal's own cases as an applicant, newest first."""
    if principal.user_id is None:
        return Case.objects.none()
    return Case.objects.filter(applicant_account_id=principal.user_id).select_related("matter").order_by("-pk")


def worklist(principal: Principal) -> QuerySet[Case]:
    """Open cases in the hands of the principal, what is due first."""
    return Case.objects.filter(assignee_id=principal.user_id, closed_at=None).select_related("matter").order_by(
        "due_on", "pk"
    )  # fmt: skip


def listed(principal: Principal, wanted: Filter, after: str = "", limit: int = PAGE) -> Page:
    """One page of cases: open ones by what is due first, closed ones newest first.

    Parameters
    ----------
    after
        ``next_key`` of the page before.
    """
    return paged(narrowed(officer(principal, wanted), wanted), wanted, after, limit)


def paged(rows: QuerySet[Case], wanted: Filter, after: str = "", limit: int = PAGE) -> Page:
    """One page of rows in the order that the filter asks for; parameters as of :func:`listed`."""
    limit = max(1, min(limit, MOST))
    if is_by_due(wanted):
        return _by_due(rows, after, limit)
    return _by_number(rows, after, limit)


def officer(principal: Principal, wanted: Filter) -> QuerySet[Case]:
    """What an officer's list starts from; his own tasks need no rights compared row by row."""
    if wanted.which == "mine":
        return Case.objects.filter(assignee_id=principal.user_id).select_related("matter", "assignee")
    return visible(principal).select_related("assignee")


def narrowed(rows: QuerySet[Case], wanted: Filter) -> QuerySet[Case]:
    """Apply the filter."""
    day = timezone.localdate()
    if wanted.which in ("open", "todo", "mine") or wanted.state in OPEN_STATES:
        rows = rows.filter(closed_at=None)  # also where the state says so: the indexes of open cases are small
    if wanted.which == "todo":
        rows = rows.filter(_TODO)
    if wanted.which == "closed":
        rows = rows.filter(closed_at__isnull=False)
    exact = {"state": wanted.state, "matter__code": wanted.matter, "county": wanted.county, "stage": wanted.stage,
             "project_code": wanted.project}  # fmt: skip
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if wanted.text:
        rows = rows.filter(_text(wanted.text.strip()))
    if wanted.since:
        rows = rows.filter(submitted_at__date__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(submitted_at__date__lte=wanted.until)
    return rows if wanted.colour is None else rows.filter(_coloured(wanted.colour, day))


def is_by_due(wanted: Filter) -> bool:
    """Is the list ordered by what is due first?"""
    return wanted.which in ("open", "todo", "mine")


def _text(text: str) -> Q:
    if text.isdigit():
        return Q(number__gte=text, number__lte=text + "9" * (20 - min(len(text), 20)))
    return Q(applicant_name__contains=text) | Q(project_name__contains=text) | Q(project_code=text)


def _coloured(wanted: int, day: date) -> Q:
    """Cases of a colour on a day, by their dates."""
    running = Q(due_on__isnull=False, decided_at=None)
    conditions = {
        Colour.OVERDUE: running & Q(due_on__lt=day),
        Colour.RED: running & Q(due_on__gte=day, red_on__lte=day),
        Colour.YELLOW: running & Q(due_on__gte=day, red_on__gt=day, yellow_on__lte=day),
        Colour.GREEN: running & Q(due_on__gte=day, yellow_on__gt=day),
        Colour.NONE: Q(due_on=None),
    }
    return conditions.get(Colour(wanted), Q(pk__in=[]))


def _by_due(rows: QuerySet[Case], after: str, limit: int) -> Page:
    """By limit, then number; what has no limit now (a correction, a pause) comes last."""
    rows = rows.order_by("due_on", "pk")
    if after:
        day, _, key = after.partition("/")
        pk = int(key or 0)
        without_limit = Q(due_on=None, pk__gt=pk)
        rows = rows.filter(Q(due_on__gt=day) | Q(due_on=day, pk__gt=pk) | Q(due_on=None) if day else without_limit)
    found = _first(rows, limit + 1, "due_on", "pk")
    last = found[limit - 1] if len(found) > limit else None
    return Page(found[:limit], f"{last.due_on or ''}/{last.pk}" if last else "")


def _first(rows: QuerySet[Case], count: int, *order: str) -> list[Case]:
    """The first rows with matter and holder: chosen by their keys alone, so that nothing is joined to what is not shown."""
    chosen = rows.select_related(None).values("pk")[:count]
    return list(Case.objects.filter(pk__in=chosen).select_related("matter", "assignee").order_by(*order))


def _by_number(rows: QuerySet[Case], after: str, limit: int) -> Page:
    rows = rows.order_by("-pk")
    if after.isdigit():
        rows = rows.filter(pk__lt=int(after))
    found = _first(rows, limit + 1, "-pk")
    return Page(found[:limit], str(found[limit - 1].pk) if len(found) > limit else "")


def colour_of(case: Case, today: date | None = None) -> Colour:
    """The colour of a case today; decided and closed ones have none."""
    if case.closed_at is not None or case.decided_at is not None:
        return Colour.NONE
    return colour(today or timezone.localdate(), case.due_on, case.yellow_on, case.red_on)


def counts(principal: Principal) -> dict[str, int]:
    """How many open cases the principal sees, by what officers ask first; each counted up to ``COUNTED``.

    One pass where the cases are few enough; where there are more than ``PASSED`` each count is asked for itself, and
    finds its thousand at once.
    """
    day = timezone.localdate()
    seen = visible(principal).select_related(None).filter(closed_at=None)
    found = _one_pass(seen.order_by("due_on", "pk")[: PASSED + 1], day)
    if found["open"] > PASSED:
        colours = {name: _coloured(one, day) for name, one in _COLOURS.items()}
        found = {name: bounded(seen.filter(one)) for name, one in {"todo": _TODO, "open": Q(), **colours}.items()}
    mine = bounded(officer(principal, Filter("mine")).filter(closed_at=None))
    return {"mine": mine, **{name: min(number, COUNTED + 1) for name, number in found.items()}}


_COLOURS = {"overdue": Colour.OVERDUE, "red": Colour.RED, "yellow": Colour.YELLOW}
PASSED = 5 * COUNTED
_TODO = Q(state__in=[S.SUBMITTED, S.IN_REVIEW], assignee=None)
_COUNTS = """
SELECT count(*) FILTER (WHERE state IN ('submitted', 'in_review') AND assignee_id IS NULL), count(*),
  count(*) FILTER (WHERE runs AND due_on < %s), count(*) FILTER (WHERE runs AND due_on >= %s AND red_on <= %s),
  count(*) FILTER (WHERE runs AND due_on >= %s AND red_on > %s AND yellow_on <= %s)
FROM (SELECT *, decided_at IS NULL AS runs FROM ({inner}) AS listed) AS first_due
"""


def _one_pass(rows: QuerySet[Case], day: date) -> dict[str, int]:
    """Counts by what waits and by colour over at most so many rows as the query asks for."""
    wanted = rows.values("state", "assignee_id", "due_on", "yellow_on", "red_on", "decided_at")
    inner, parameters = wanted.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS.format(inner=inner), [*[day] * 6, *parameters])
        return dict(zip(("todo", "open", "overdue", "red", "yellow"), cursor.fetchone(), strict=True))


def bounded(rows: QuerySet[Case], most: int = COUNTED) -> int:
    """How many rows, counted no further than ``most + 1``."""
    inner = rows.order_by().values("pk")[: most + 1]
    statement, parameters = inner.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({statement}) AS counted", parameters)
        return int(cursor.fetchone()[0])
