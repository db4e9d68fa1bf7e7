"""Declarations of mutual rules, confidence, the drawing of counts over runs. Pure."""

from __future__ import annotations

import datetime

import pytest

from kunyu.engines.ingest.verification.rule import confidence_of, mutual_rules, rule_edition
from kunyu.engines.ingest.verification.trend import drawn


def test_rules_of_both_packs_are_found_with_clause_needs_and_both_languages() -> None:
    rules = mutual_rules()

    assert [one.id for one in rules] == [
        *(f"V10{k}" for k in range(1, 6)), *(f"V20{k}" for k in range(1, 6)),
    ]  # fmt: skip
    assert all(one.clause and one.needs and one.name_en and one.remedy_zh and one.doc for one in rules)
    assert len(rule_edition()) == 64


@pytest.mark.parametrize(
    ("width", "days", "sure"),
    [(10, 0, 1.0), (2, 0, 1.0), (1, 0, 0.5), (0.02, 0, 0.05), (10, 365, 0.9), (10, 3650, 0.5), (1, 3650, 0.25)],
)
def test_confidence_falls_with_narrowness_and_with_the_years_between(width: float, days: int, sure: float) -> None:
    """At 1 m accuracy, 2 m of width cannot be explained; a tenth less for each year apart, at most half."""
    assert confidence_of(width, 1.0, days) == pytest.approx(sure, abs=0.001)


def test_the_drawing_ends_at_a_round_number_and_spreads_the_runs() -> None:
    day = datetime.datetime(2026, 11, 23)
    runs = [{"id": at, "at": day, "counts": {"V201": total}, "total": total} for at, total in enumerate((0, 7, 13))]
    drawing = drawn(runs)

    assert [value for _, value in drawing.grid] == [0, 10, 20]
    assert [one.x for one in drawing.points] == [48.0, 336.0, 624.0]
    assert drawing.points[0].y == drawing.baseline
    assert drawn([{**one, "total": 0} for one in runs]).grid[-1][1] == 2
