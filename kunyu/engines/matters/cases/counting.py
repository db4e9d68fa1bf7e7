"""How many cases there are, counted no further than a page says: no list ever counts a million rows. 办件计数."""

from __future__ import annotations

from datetime import date

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from kunyu.engines.matters.cases.clock import Colour
from kunyu.engines.matters.cases.queries import TODO, Filter, coloured, officer
from kunyu.engines.matters.cases.visibility import visible
from kunyu.engines.matters.models import Case
from kunyu.engines.security.scope import Principal

COUNTED = 1_000
"""Counts stop here: a page says "1000+"."""


def counts(principal: Principal) -> dict[str, int]:
    """How many open cases the principal sees, by what officers ask first; each counted up to ``COUNTED``.

    One pass where the cases are few enough; where there are more than ``PASSED`` each count is asked for itself, and
    finds its thousand at once.
    """
    day = timezone.localdate()
    seen = visible(principal).select_related(None).filter(closed_at=None)
    found = _one_pass(seen.order_by("due_on", "pk")[: PASSED + 1], day)
    if found["open"] > PASSED:
        colours = {name: coloured(one, day) for name, one in _COLOURS.items()}
        found = {name: bounded(seen.filter(one)) for name, one in {"todo": TODO, "open": Q(), **colours}.items()}
    mine = bounded(officer(principal, Filter("mine")).filter(closed_at=None))
    return {"mine": mine, **{name: min(number, COUNTED + 1) for name, number in found.items()}}


_COLOURS = {"overdue": Colour.OVERDUE, "red": Colour.RED, "yellow": Colour.YELLOW}
PASSED = 5 * COUNTED
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
