"""The workday clock: starts the day after acceptance, stands in pauses, 70 % and 90 %, provisional years."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kunyu.engines.matters.cases.clock import Colour, Standstill, colour, count, running, share_of, stopped
from kunyu.kernel.workdays import is_workday, workdays_between

BEGIN, END = date(2026, 1, 5), date(2026, 9, 30)
days = st.dates(BEGIN, END)


def test_ten_days_from_a_monday() -> None:
    """Accepted on Monday 2026-03-02: day 1 is Tuesday; due on the 10th workday."""
    clock = count(10, date(2026, 3, 2))
    assert clock.due_on == date(2026, 3, 16)
    assert clock.yellow_on == date(2026, 3, 11)  # 7th workday
    assert clock.red_on == date(2026, 3, 13)  # 9th workday
    assert (clock.days_used, clock.clock_from, clock.is_provisional) == (0, date(2026, 3, 2), False)


@pytest.mark.parametrize(("promised", "yellow", "red"), [(1, 1, 1), (5, 4, 5), (10, 7, 9), (15, 11, 14), (20, 14, 18)])
def test_shares_are_rounded_up(promised: int, yellow: int, red: int) -> None:
    assert (share_of(promised, 7), share_of(promised, 9)) == (yellow, red)


def test_a_pause_moves_the_limit_by_its_workdays() -> None:
    """Stopped on Thursday (3 used), on again the Monday after next: 7 left from there."""
    clock = count(10, date(2026, 3, 2), [Standstill(date(2026, 3, 5), date(2026, 3, 16))])
    assert clock.days_used == 3
    assert clock.due_on == date(2026, 3, 25)


def test_while_it_stands_there_is_no_limit() -> None:
    clock = count(10, date(2026, 3, 2), [Standstill(date(2026, 3, 5))])
    assert (clock.days_used, clock.clock_from, clock.due_on) == (3, None, None)
    assert colour(date(2026, 12, 1), clock.due_on, clock.yellow_on, clock.red_on) is Colour.NONE


def test_a_year_without_holidays_is_provisional_and_settles_when_it_is_published() -> None:
    clock = count(10, date(2026, 12, 28))
    assert clock.is_provisional
    assert clock.due_on == date(2027, 1, 11)  # Monday to Friday counted


def test_colours_change_on_their_days() -> None:
    clock = count(10, date(2026, 3, 2))
    seen = {
        day: colour(date(2026, 3, day), clock.due_on, clock.yellow_on, clock.red_on) for day in (10, 11, 13, 16, 17)
    }
    assert seen == {10: Colour.GREEN, 11: Colour.YELLOW, 13: Colour.RED, 16: Colour.RED, 17: Colour.OVERDUE}


def test_used_up_clocks_are_late_at_once() -> None:
    assert running(10, 12, date(2026, 3, 16)).due_on == date(2026, 3, 15)
    assert running(10, 10, date(2026, 3, 16)).due_on == date(2026, 3, 16)


@given(promised=st.integers(1, 60), start=days)
@settings(max_examples=200, deadline=None)
def test_the_limit_is_a_workday_so_many_workdays_after(promised: int, start: date) -> None:
    clock = count(promised, start)
    assert clock.due_on is not None
    if not clock.is_provisional:
        assert is_workday(clock.due_on)
        assert workdays_between(start, clock.due_on) == promised
    assert clock.yellow_on is not None and clock.red_on is not None
    assert clock.yellow_on <= clock.red_on <= clock.due_on


@given(
    promised=st.integers(1, 40),
    start=days,
    gaps=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 30)), max_size=4),
)
@settings(max_examples=200, deadline=None)
def test_counting_whole_is_counting_stop_by_stop(promised: int, start: date, gaps: list[tuple[int, int]]) -> None:
    """Recounted from the trace, a clock stands where stopping and starting it step by step left it."""
    pauses, used, begin = [], 0, start
    for run_days, stand_days in gaps:
        stop = begin + timedelta(days=run_days)
        used = stopped(begin, used, stop)
        begin = stop + timedelta(days=stand_days)
        pauses.append(Standstill(stop, begin))
    whole, stepwise = count(promised, start, pauses), running(promised, used, begin)
    assert whole == stepwise


@given(promised=st.integers(1, 40), start=days, run=st.integers(0, 20), stand=st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_a_pause_never_shortens_what_is_left(promised: int, start: date, run: int, stand: int) -> None:
    stop = start + timedelta(days=run)
    clock = count(promised, start, [Standstill(stop, stop + timedelta(days=stand))])
    without = count(promised, start)
    assert clock.due_on is not None and without.due_on is not None
    assert clock.due_on >= without.due_on or clock.days_used >= promised
