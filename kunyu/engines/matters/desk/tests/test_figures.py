"""The bars and the words of officers' figures: shares of the longest bar, means to a tenth, a word for every reason."""

from __future__ import annotations

from datetime import date

import pytest

from kunyu.engines.matters.cases.statistics import Row
from kunyu.engines.matters.desk import figures
from kunyu.engines.matters.desk.reasons import REASONS, reason_words
from kunyu.engines.matters.rules.remedies import REMEDIES

pytestmark = pytest.mark.quick

DAY = date(2026, 11, 24)


def row(**given: float | None) -> Row:
    counts = dict.fromkeys(
        ("received", "accepted", "not_accepted", "granted", "refused", "withdrawn", "open", "overdue"), 0
    )
    return Row(
        key="S-1", name_zh="事项", name_en="Matter", **({"days_used": None, "days_promised": None} | counts | given)
    )  # type: ignore[arg-type]


def test_the_longest_bar_is_whole_and_the_others_are_shares_of_it() -> None:
    long, short = figures.throughput([row(received=10, granted=4, refused=1, open=5), row(received=2, granted=2)])

    assert [(one.kind, one.x, one.width) for one in long.parts] == [
        ("good", 0, 40),
        ("plain", 40, 10),
        ("open", 50, 50),
    ]
    assert sum(one.width for one in short.parts) == 20
    assert (long.text, short.text) == (("10 件", "10"), ("2 件", "2"))


def test_days_beyond_the_promise_are_drawn_as_late_and_what_is_not_decided_is_not_drawn() -> None:
    late, never = figures.time_used([row(days_used=15.0, days_promised=10.0), row(), row(days_used=0, days_promised=0)])

    assert [(one.kind, round(one.width, 2)) for one in late.parts] == [("promised", 66.67), ("late", 100)]
    assert [one.kind for one in never.parts] == ["promised", "used"]


def test_a_mean_is_said_to_a_tenth() -> None:
    (bar,) = figures.time_used([row(days_used=7.5, days_promised=13.12)])

    assert bar.text == ("7.5 / 13.1 日", "7.5 / 13.1 d")
    (line,) = figures.lines([row(days_used=7.04, days_promised=20.0)], "", DAY, DAY)
    assert line.cells[-1] == ("7 / 20", "")


def test_every_reason_that_has_a_remedy_has_words_for_its_badge() -> None:
    assert REMEDIES.keys() <= REASONS.keys()
    assert reason_words("no_prior") == ("无在先文件", "no earlier approval")
    assert reason_words("of an outside pack") == ("of an outside pack", "of an outside pack")
