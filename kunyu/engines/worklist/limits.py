"""Time limits of tasks in workdays, and their colours. 时限.

A limit of n workdays counts from the day after the start, as `kunyu.kernel.workdays` does. Next year's holidays are
published in November at the earliest; a limit that runs into a year without a calendar must not stop the work, so it
is counted Monday to Friday, marked provisional, and settled when the calendar is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from kunyu.kernel.workdays import YearNotPublished, add_workdays, workdays_between

Colour = Literal["", "green", "yellow", "red"]


@dataclass(frozen=True)
class Limit:
    """Last day of a time limit; ``is_provisional`` when the calendar of that year is not published."""

    due_on: date
    is_provisional: bool


def limit_from(start: date, workdays: int) -> Limit:
    """Return the last day of a limit of ``workdays`` that begins after ``start``."""
    try:
        return Limit(add_workdays(start, workdays), False)
    except YearNotPublished:
        return Limit(_add_weekdays(start, workdays), True)


def remaining_workdays(today: date, due_on: date) -> int:
    """Return the workdays after ``today`` up to ``due_on``; negative: so many workdays past it."""
    try:
        return workdays_between(today, due_on)
    except YearNotPublished:
        return _weekdays_between(today, due_on)


def colour(today: date, due_on: date | None, yellow_workdays: int) -> Colour:
    """Return red past the limit, yellow from ``yellow_workdays`` remaining on, green before, nothing without a limit."""
    if due_on is None:
        return ""
    if today > due_on:
        return "red"
    return "yellow" if remaining_workdays(today, due_on) <= yellow_workdays else "green"


def _add_weekdays(start: date, count: int) -> date:
    day = start
    while count > 0:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


def _weekdays_between(start: date, end: date) -> int:
    first, last = min(start, end), max(start, end)
    found = sum((first + timedelta(days=n)).weekday() < 5 for n in range(1, (last - first).days + 1))
    return found if end >= start else -found
