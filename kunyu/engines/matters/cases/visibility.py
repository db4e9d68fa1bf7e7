"""Which cases a person may know of, as a condition in SQL. 办件可见范围.

Rights are compared per distinct branch (there are a few dozen) with equality on prefixes of the county, never LIKE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from kunyu.engines.matters.models import Case, Matter
from kunyu.engines.security import labels, scope
from kunyu.engines.security.scope import SEE, Principal

COUNTY_DIGITS = 6


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
