"""Time limits in workdays and their colours; a year without a calendar is counted provisionally (R-041)."""

from datetime import date

import pytest

from kunyu.engines.worklist.limits import colour, limit_from, remaining_workdays

pytestmark = pytest.mark.quick


def test_limits_count_workdays_from_the_day_after():
    """National Day 2026: 1 to 7 October off; Saturday 10 October is worked (calendar data of the year)."""
    limit = limit_from(date(2026, 9, 29), 3)
    assert (limit.due_on, limit.is_provisional) == (date(2026, 10, 9), False)
    assert remaining_workdays(date(2026, 9, 29), limit.due_on) == 3


def test_a_year_without_a_calendar_counts_weekdays_and_says_so():
    limit = limit_from(date(2026, 12, 30), 3)
    assert (limit.due_on, limit.is_provisional) == (date(2027, 1, 4), True)
    assert remaining_workdays(date(2027, 1, 4), date(2027, 1, 1)) == -1


@pytest.mark.parametrize(
    ("today", "shown"),
    [(date(2026, 11, 23), "green"), (date(2026, 11, 25), "yellow"), (date(2026, 11, 26), "yellow"),
     (date(2026, 11, 27), "red")],
)  # fmt: skip
def test_colours_at_their_boundaries(today, shown):
    assert colour(today, date(2026, 11, 26), 1) == shown


def test_no_limit_has_no_colour():
    assert colour(date(2026, 11, 23), None, 1) == ""
