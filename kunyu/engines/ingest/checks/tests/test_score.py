"""Scoring: 100 − Σ weights, any S fails, grades at 60, 75, 90 (R-189; land survey §7). Weights are not verified."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kunyu.engines.ingest.checks.score import score_of, scoring_of

SCORING = scoring_of("TDT1057-2020")


@pytest.mark.parametrize(
    ("z", "q", "score", "grade"),
    [
        (0, 0, "100.00", "excellent"), (10, 0, "90.00", "excellent"), (10, 1, "89.80", "good"),
        (25, 0, "75.00", "good"), (25, 1, "74.80", "passed"), (40, 0, "60.00", "passed"), (40, 1, "59.80", "failed"),
        (101, 0, "0.00", "failed"),
    ],
)  # fmt: skip
def test_grades_begin_exactly_at_their_score(z, q, score, grade):
    """One pass, one fail, one boundary each: 90 is 优, 89.8 is 良; never below 0."""
    found = score_of([("Q501", "Z", "DLTB", z), ("Q517", "Q", "DLTB", q)], SCORING)
    assert (found.value, found.grade.code) == (Decimal(score), grade)


def test_one_severe_finding_fails_whatever_the_score():
    found = score_of([("Q303", "S", "DLTB", 1)], SCORING)
    assert (found.grade.zh, found.costs[0].rule) == ("不合格", "Q303")


def test_what_cost_points_comes_dearest_first_and_notes_cost_nothing():
    found = score_of([("Q517", "Q", "DLTB", 7), ("Q306", "W", "DLTB", 90), ("Q501", "Z", "DLTB", 3)], SCORING)
    assert [(one.rule, one.count, one.points) for one in found.costs] == [
        ("Q501", 3, Decimal("3.0")), ("Q517", 7, Decimal("1.4")),
    ]  # fmt: skip
    assert found.value == Decimal("95.60")


def test_a_standard_without_scoring_has_none():
    assert scoring_of("KUNYU-OPEN-2026") is None
