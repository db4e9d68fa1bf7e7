"""The workday clock of a case: when it is due, when it turns yellow and red, how much was used. 办理时限.

Pure: everything follows from the day of acceptance, the promised workdays and the pauses, so that a case is recounted
whole when the holidays of a year are published. Rules (services.md §2): the clock starts on the workday after
acceptance; it stands in corrections and special procedures; yellow at 70 %, red at 90 % of the promised days.
A day on which the clock stops still counts; the day on which it goes on again does not, as with acceptance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from kunyu.engines.matters.models.cases import Case
from kunyu.engines.worklist.limits import limit_from, remaining_workdays

YELLOW_TENTHS, RED_TENTHS = 7, 9
Colour = Case.Colour


@dataclass(frozen=True)
class Standstill:
    """A pause: from the day it began to the day it ended; None: it lasts."""

    begun_on: date
    ended_on: date | None = None


@dataclass(frozen=True)
class Clock:
    """Where a clock stands.

    ``clock_from`` is the day it last started, None while it stands. The three dates are last days: ``due_on`` of the
    limit, ``yellow_on`` and ``red_on`` the first days of their colour; all None while the clock stands or without limit.
    """

    days_used: int = 0
    clock_from: date | None = None
    due_on: date | None = None
    yellow_on: date | None = None
    red_on: date | None = None
    is_provisional: bool = False


def share_of(promised_days: int, tenths: int) -> int:
    """Workdays after which so many tenths of the promised days are gone, rounded up."""
    return -(-promised_days * tenths // 10)


def count(promised_days: int | None, accepted_on: date, pauses: Sequence[Standstill] = ()) -> Clock:
    """The clock of a case accepted on ``accepted_on``.

    Parameters
    ----------
    promised_days
        Workdays promised; None: no limit, only the days used are counted.
    pauses
        In order, not overlapping; those that ended before the acceptance do not count.
    """
    used, start = 0, accepted_on
    for one in pauses:
        begun = max(one.begun_on, start)
        if one.ended_on is not None and one.ended_on < start:
            continue
        used += remaining_workdays(start, begun)
        if one.ended_on is None:
            return Clock(days_used=used)
        start = max(one.ended_on, begun)
    return running(promised_days, used, start)


def running(promised_days: int | None, days_used: int, start: date) -> Clock:
    """A clock that goes from ``start`` with ``days_used`` behind it."""
    if promised_days is None:
        return Clock(days_used, start)
    due_on, is_provisional = _reached(start, promised_days - days_used)
    yellow_on, _ = _reached(start, share_of(promised_days, YELLOW_TENTHS) - days_used)
    red_on, _ = _reached(start, share_of(promised_days, RED_TENTHS) - days_used)
    return Clock(days_used, start, due_on, max(yellow_on, start), max(red_on, start), is_provisional)


def stopped(clock_from: date | None, days_used: int, today: date) -> int:
    """Workdays used when a clock stops today."""
    return days_used if clock_from is None else days_used + max(remaining_workdays(clock_from, today), 0)


def colour(today: date, due_on: date | None, yellow_on: date | None, red_on: date | None) -> Colour:
    """The colour on a day; none without a limit or while the clock stands."""
    if due_on is None:
        return Colour.NONE
    if today > due_on:
        return Colour.OVERDUE
    if red_on is not None and today >= red_on:
        return Colour.RED
    return Colour.YELLOW if yellow_on is not None and today >= yellow_on else Colour.GREEN


def _reached(start: date, workdays: int) -> tuple[date, bool]:
    """The day on which so many more workdays are used, and whether the holidays up to it are not yet published.

    0: used up on ``start`` itself. Fewer: used up before it, so the day before is given.
    """
    if workdays > 0:
        limit = limit_from(start, workdays)
        return limit.due_on, limit.is_provisional
    return (start if workdays == 0 else start - timedelta(days=1)), False
