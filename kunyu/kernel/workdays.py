"""Working days by the State Council's yearly notice. 工作日.

The calendar is data (``data/holidays.toml``), not rule: days off and make-up days are decided year by year and cannot
be computed. A date in a year without data raises `YearNotPublished` rather than guess; next year's notice usually
appears in November, so limits running across New Year cannot be computed before it is entered.

A limit of n working days counts from the day after the event: ``add_workdays(accepted, n)`` is its last day.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from kunyu.kernel.errors import Defect, UsageError


class YearNotPublished(UsageError):
    """The calendar has no data for a year."""

    code = "workdays.year_not_published"
    title_zh, title_en = "缺少节假日安排", "Holidays not published"


class BadCalendar(Defect):
    """Calendar data contradicts itself."""

    code = "workdays.bad_calendar"


@dataclass(frozen=True)
class Year:
    """One year's notice: days off, make-up working days, its number, and whether the dates were read in it."""

    year: int
    off: frozenset[date]
    work: frozenset[date]
    notice: str
    verified: bool


class Calendar:
    """Working days of consecutive years.

    Parameters
    ----------
    years : iterable of Year
        Consecutive; a later one replaces an earlier one of the same year.

    Raises
    ------
    BadCalendar
        When years are missing in between, a date lies outside its year, or is both off and worked.
    """

    def __init__(self, years: Iterable[Year]) -> None:
        self.years = dict(sorted((year.year, year) for year in years))
        self.first, self.last = min(self.years), max(self.years)
        _require_consistent(self.years)
        self._workdays = [
            day
            for day in range(date(self.first, 1, 1).toordinal(), date(self.last, 12, 31).toordinal() + 1)
            if self._works(date.fromordinal(day))
        ]

    def _works(self, day: date) -> bool:
        year = self.years[day.year]
        return day in year.work or (day.weekday() < 5 and day not in year.off)

    def is_workday(self, day: date) -> bool:
        """Tell whether ``day`` is worked. Raises YearNotPublished."""
        self._require(day)
        return self._works(day)

    def add_workdays(self, day: date, count: int) -> date:
        """Return the ``count``-th working day after ``day``; before it when negative.

        0 gives ``day`` itself when it is worked, else the next working day. Raises YearNotPublished when ``day`` or
        the answer lies in a year without data.
        """
        self._require(day)
        ordinal = day.toordinal()
        if count > 0:
            place = bisect_right(self._workdays, ordinal) + count - 1
        elif count == 0:
            place = bisect_left(self._workdays, ordinal)
        else:
            place = bisect_left(self._workdays, ordinal) + count
        if place >= len(self._workdays):
            raise self._not_published(self.last + 1)
        if place < 0:
            raise self._not_published(self.first - 1)
        return date.fromordinal(self._workdays[place])

    def workdays_between(self, start: date, end: date) -> int:
        """Return the number of working days after ``start`` up to and including ``end``.

        The inverse of `add_workdays`; negative when ``end`` is before ``start``. Raises YearNotPublished.
        """
        self._require(start)
        self._require(end)
        return bisect_right(self._workdays, end.toordinal()) - bisect_right(self._workdays, start.toordinal())

    def _require(self, day: date) -> None:
        if day.year not in self.years:
            raise self._not_published(day.year)

    def _not_published(self, year: int) -> YearNotPublished:
        return YearNotPublished(
            f"没有 {year} 年的节假日安排(现有 {self.first}—{self.last} 年)。请待国务院办公厅通知公布后补入日历数据。",
            f"There is no holiday schedule for {year} (known: {self.first}-{self.last}). Add it to the calendar data "
            f"once the State Council's General Office has published it.",
            year=year,
        )


def _require_consistent(years: dict[int, Year]) -> None:
    missing = sorted(set(range(min(years), max(years) + 1)) - set(years))
    if missing:
        raise BadCalendar(f"日历缺少年份 {missing}。", f"The calendar lacks the years {missing}.", years=missing)
    for year in years.values():
        wrong = sorted(
            {day for day in year.off | year.work if day.year != year.year}
            | (year.off & year.work)
            | {day for day in year.work if day.weekday() < 5}
        )
        if wrong:
            shown = ", ".join(day.isoformat() for day in wrong)
            raise BadCalendar(
                f"{year.year} 年日历矛盾: {shown}(不在本年、既休又班、或调休上班日不是周末)。",
                f"The calendar of {year.year} contradicts itself: {shown} (other year, both off and worked, or a "
                f"make-up day that is no weekend).",
                dates=wrong,
            )


def read_calendar(*extra: Path) -> Calendar:
    """Return the official calendar, with the years of ``extra`` files added or replaced.

    Parameters
    ----------
    *extra : Path
        TOML files of the same form, for a notice newer than the software.
    """
    texts = [resources.files("kunyu.kernel").joinpath("data/holidays.toml").read_text("utf-8")]
    texts += [path.read_text("utf-8") for path in extra]
    return Calendar(_year(entry) for text in texts for entry in tomllib.loads(text)["year"])


def _year(entry: dict[str, Any]) -> Year:
    return Year(
        entry["year"], frozenset(entry["off"]), frozenset(entry["work"]), entry["notice"], bool(entry["verified"])
    )


@cache
def official_calendar() -> Calendar:
    """Return the calendar that comes with the software."""
    return read_calendar()


def is_workday(day: date) -> bool:
    """Tell whether ``day`` is worked, by the calendar that comes with the software. See `Calendar.is_workday`."""
    return official_calendar().is_workday(day)


def add_workdays(day: date, count: int) -> date:
    """Return the ``count``-th working day after ``day``. See `Calendar.add_workdays`."""
    return official_calendar().add_workdays(day, count)


def workdays_between(start: date, end: date) -> int:
    """Return the number of working days after ``start`` up to ``end``. See `Calendar.workdays_between`."""
    return official_calendar().workdays_between(start, end)
