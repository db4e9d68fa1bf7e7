"""Working days against chinesecalendar, the wording of the 2026 notice, and a day-by-day count."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kunyu.kernel import workdays
from kunyu.kernel.workdays import (
    BadCalendar,
    Calendar,
    Year,
    YearNotPublished,
    add_workdays,
    is_workday,
    official_calendar,
    read_calendar,
    workdays_between,
)

DAYS = st.dates(date(2005, 1, 1), date(2025, 12, 31))


def test_every_day_agrees_with_chinesecalendar():
    chinese_calendar = pytest.importorskip("chinese_calendar", reason="compares with the package chinesecalendar")
    last = max(chinese_calendar.constants.holidays).year
    calendar = official_calendar()

    assert calendar.first <= 2019 and calendar.last >= min(last, 2026)
    day = date(calendar.first, 1, 1)
    while day <= date(min(calendar.last, last), 12, 31):
        assert is_workday(day) == chinese_calendar.is_workday(day), day
        day += timedelta(days=1)


def test_the_wording_of_the_2026_notice():
    """国办发明电〔2025〕7号: 33 days off, 6 make-up days."""
    spans = [((1, 1), 3), ((2, 15), 9), ((4, 4), 3), ((5, 1), 5), ((6, 19), 3), ((9, 25), 3), ((10, 1), 7)]
    off = {date(2026, *start) + timedelta(days=k) for start, length in spans for k in range(length)}
    work = {date(2026, m, d) for m, d in [(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)]}
    year = official_calendar().years[2026]

    assert year.off == off
    assert year.work == work
    assert year.verified


def test_around_the_national_day_of_2026():
    assert add_workdays(date(2026, 9, 30), 1) == date(2026, 10, 8)
    assert add_workdays(date(2026, 9, 30), 3) == date(2026, 10, 10)
    assert add_workdays(date(2026, 10, 3), 0) == date(2026, 10, 8)
    assert add_workdays(date(2026, 10, 8), 0) == date(2026, 10, 8)
    assert add_workdays(date(2026, 10, 8), -1) == date(2026, 9, 30)
    assert workdays_between(date(2026, 9, 30), date(2026, 10, 12)) == 4
    assert workdays_between(date(2026, 10, 12), date(2026, 9, 30)) == -4


@given(DAYS, st.integers(0, 60))
def test_adding_is_counting_day_by_day(start, count):
    day, left = start, count
    while left or not is_workday(day):
        day += timedelta(days=1)
        left -= is_workday(day) if left else 0

    assert add_workdays(start, count) == day


@given(DAYS, st.integers(1, 200))
def test_between_undoes_adding(start, count):
    end = add_workdays(start, count)

    assert workdays_between(start, end) == count
    assert add_workdays(end, -count) <= start or not is_workday(start)


@pytest.mark.parametrize(
    "act",
    [
        lambda: is_workday(date(2027, 1, 4)),
        lambda: add_workdays(date(2026, 12, 25), 20),
        lambda: workdays_between(date(2026, 1, 1), date(2027, 1, 1)),
        lambda: add_workdays(date(2004, 1, 5), -10),
        lambda: is_workday(date(1999, 1, 1)),
    ],
)
def test_a_year_without_notice_is_not_guessed(act):
    with pytest.raises(YearNotPublished) as caught:
        act()

    assert caught.value.code == "workdays.year_not_published"
    assert str(caught.value.context["year"]) in caught.value.detail_zh


def test_the_last_workday_known_is_still_answered():
    assert add_workdays(date(2026, 12, 30), 1) == date(2026, 12, 31)


def test_a_newer_notice_can_be_added_by_file(tmp_path):
    path = tmp_path / "2027.toml"
    path.write_text(
        '[[year]]\nyear = 2027\nnotice = "示例"\nverified = false\noff = [2027-01-01]\nwork = [2027-01-03]\n'
    )

    calendar = read_calendar(path)

    assert not calendar.is_workday(date(2027, 1, 1))
    assert calendar.is_workday(date(2027, 1, 3))
    assert calendar.add_workdays(date(2026, 12, 31), 1) == date(2027, 1, 3)
    assert workdays.official_calendar().last == 2026


def year(number, off=(), work=()):
    return Year(number, frozenset(off), frozenset(work), "", False)


@pytest.mark.parametrize(
    "years",
    [
        [year(2020), year(2022)],
        [year(2020, off=[date(2021, 1, 1)])],
        [year(2020, off=[date(2020, 1, 4)], work=[date(2020, 1, 4)])],
        [year(2020, work=[date(2020, 1, 6)])],
    ],
)
def test_contradictions_are_refused(years):
    with pytest.raises(BadCalendar):
        Calendar(years)
