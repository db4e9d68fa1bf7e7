"""The days on which a sample is lived through: acts of the past few weeks, each at its own moment. 样例的日子.

Cases that all began a minute ago show no clock: nothing is yellow, nothing overdue, no month has figures. So the services
are told an earlier time while they act, through ``django.utils.timezone.now`` of this one process. What must be true stays
true: the audit, time stamps and seals, and the instant at which the map is known take their time elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from kunyu.engines.worklist.limits import remaining_workdays

FARTHEST_DAYS = 200
_moment: ContextVar[datetime | None] = ContextVar("moment", default=None)
_true_now = timezone.now


def _now() -> datetime:
    return _moment.get() or _true_now()


@contextmanager
def lived_through() -> Iterator[None]:
    """Let :func:`at` hold inside; for programs that make samples and end, never for a process that serves."""
    timezone.now = _now
    try:
        yield
    finally:
        timezone.now = _true_now


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """What is done inside is done at ``moment``, never later than now."""
    token = _moment.set(min(moment, _true_now()))
    try:
        yield
    finally:
        _moment.reset(token)


def workdays_ago(workdays: float, since: date, minutes: int = 0) -> datetime:
    """A moment of office hours so many workdays ago, not before ``since``.

    Whole workdays lead to the day, what is left over to the hour; ``minutes`` keeps acts of one day apart.
    """
    today = timezone.localtime(_true_now()).date()
    day = today
    while remaining_workdays(day, today) < int(workdays) and (today - day).days < FARTHEST_DAYS:
        day -= timedelta(days=1)
    hour = 16 - int((workdays - int(workdays)) * 7)
    local = datetime.combine(max(day, since), time(hour), timezone.get_current_timezone())
    return local + timedelta(minutes=minutes)
