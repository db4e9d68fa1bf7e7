"""What an expression of a filter is worth in SQL: its kind, its text, and for times both ends. 表达式."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum

from django.utils import timezone


class Kind(Enum):
    """Kinds of values; only values of one kind are compared. The words are those of the messages."""

    TEXT = "文本", "text"
    NUMBER = "数", "number"
    DAY = "日期", "date"
    INSTANT = "时刻", "instant"
    PERIOD = "时间区间", "interval"
    GEOMETRY = "几何", "geometry"
    TRUTH = "真假", "truth value"

    @property
    def zh(self) -> str:
        return self.value[0]

    @property
    def en(self) -> str:
        return self.value[1]


TIMES = (Kind.DAY, Kind.INSTANT, Kind.PERIOD)


@dataclass(frozen=True)
class Ends:
    """SQL of the first and the last moment, both included. ``is_day``: of type date, else timestamptz."""

    start: str
    end: str
    is_day: bool

    def as_days(self) -> Ends:
        """The same by whole days on the node's clock: validity and dates know no hours."""
        if self.is_day:
            return self
        zone = timezone.get_default_timezone_name()
        start, end = (f"(({one}) AT TIME ZONE '{zone}')::date" for one in (self.start, self.end))
        return Ends(start, end, is_day=True)


@dataclass(frozen=True)
class Value:
    """SQL of one expression. ``text`` is the literal text of a pattern; ``is_folded`` says lower() was applied."""

    sql: str
    kind: Kind
    ends: Ends | None = None
    literal: str | None = None
    is_column: bool = False
    is_folded: bool = False


def day_text(value: date | datetime | None, *, is_end: bool) -> str:
    """A literal end of an interval as PostgreSQL reads it."""
    if value is None:
        return "infinity" if is_end else "-infinity"
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value.isoformat()
