"""Lists of cases a person may see, decided in SQL and fast at a million. 办件查询.

What a person may see is :mod:`cases.visibility`'s to say, how many there are :mod:`cases.counting`'s. A list reads one
page by key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from django.db.models import Q, QuerySet
from django.utils import timezone

from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.matters.cases import people
from kunyu.engines.matters.cases.clock import Colour, colour
from kunyu.engines.matters.cases.visibility import visible
from kunyu.engines.matters.models import Case
from kunyu.engines.security.scope import Principal

PAGE = 50
MOST = 200
S = Case.State
OPEN_STATES = (S.SUBMITTED, S.CORRECTING, S.IN_REVIEW, S.PAUSED, S.DECIDED)
_DUE_KEY, _NUMBER_KEY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})?/([0-9]{1,18})"), re.compile(r"[0-9]{1,18}")
TODO = Q(state__in=[S.SUBMITTED, S.IN_REVIEW], assignee=None)
"""Waits for a stage, and nobody has it."""


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

    Raises
    ------
    BadParameter
        ``after`` is no such key.
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
        rows = rows.filter(TODO)
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
    return rows if wanted.colour is None else rows.filter(coloured(wanted.colour, day))


def is_by_due(wanted: Filter) -> bool:
    """Is the list ordered by what is due first?"""
    return wanted.which in ("open", "todo", "mine")


def _text(text: str) -> Q:
    if text.isdigit():
        return Q(number__gte=text, number__lte=text + "9" * (20 - min(len(text), 20)))
    return Q(applicant_name__contains=text) | Q(project_name__contains=text) | Q(project_code=text)


def coloured(wanted: int, day: date) -> Q:
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
        day, pk = _after_due(after)
        without_limit = Q(due_on=None, pk__gt=pk)
        rows = rows.filter(Q(due_on__gt=day) | Q(due_on=day, pk__gt=pk) | Q(due_on=None) if day else without_limit)
    found = _first(rows, limit + 1, "due_on", "pk")
    last = found[limit - 1] if len(found) > limit else None
    return Page(found[:limit], f"{last.due_on or ''}/{last.pk}" if last else "")


def _after_due(after: str) -> tuple[date | None, int]:
    found = _DUE_KEY.fullmatch(after)
    try:
        if found is not None:
            return (date.fromisoformat(found[1]) if found[1] else None), int(found[2])
    except ValueError:  # no day of the calendar
        pass
    raise _bad_key(after)


def _bad_key(after: str) -> BadParameter:
    return BadParameter(
        f"after={after[:40]!r} 不是上一页给出的值；请原样使用 next，或去掉 after 从头列出。",
        f"after={after[:40]!r} is not what a page before gave; use its next as it stands, or leave after out to begin anew.",
        parameter="after",
    )


def _first(rows: QuerySet[Case], count: int, *order: str) -> list[Case]:
    """The first rows with matter and holder: chosen by their keys alone, so that nothing is joined to what is not shown."""
    chosen = rows.select_related(None).values("pk")[:count]
    return list(Case.objects.filter(pk__in=chosen).select_related("matter", "assignee").order_by(*order))


def _by_number(rows: QuerySet[Case], after: str, limit: int) -> Page:
    rows = rows.order_by("-pk")
    if after:
        if _NUMBER_KEY.fullmatch(after) is None:
            raise _bad_key(after)
        rows = rows.filter(pk__lt=int(after))
    found = _first(rows, limit + 1, "-pk")
    return Page(found[:limit], str(found[limit - 1].pk) if len(found) > limit else "")


def colour_of(case: Case, today: date | None = None) -> Colour:
    """The colour of a case today; decided and closed ones have none."""
    if case.closed_at is not None or case.decided_at is not None:
        return Colour.NONE
    return colour(today or timezone.localdate(), case.due_on, case.yellow_on, case.red_on)
