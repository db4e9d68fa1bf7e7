"""RP-001 to RP-003: what each lets pass, refuses, and says at the very limit (R-308)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import shapely

from kunyu.engines.matters.rules.tests.asks import PLOT, approval, ask, overlap, stale, survey
from kunyu.packs.rural_permit.rules import (
    agricultural_land_was_converted,
    building_lies_outside_the_urban_boundary,
    village_agrees,
)

BOUNDARY = "20203-001"


@pytest.mark.parametrize(("area", "state"), [("0.00", "clear"), ("1.00", "clear"), ("1.01", "conflict")])
def test_rp001_one_square_metre_is_noise(area: str, state: str):
    assert building_lies_outside_the_urban_boundary(ask(overlaps={BOUNDARY: overlap(BOUNDARY, area)})).state == state


def test_rp001_says_how_much_lies_inside():
    answer = building_lies_outside_the_urban_boundary(ask(overlaps={BOUNDARY: overlap(BOUNDARY, "120.50")}))

    assert answer.message_zh == "在城镇开发边界内 120.50 m²，超过 1 m²。"
    assert (answer.measured, answer.limit, answer.where) == (Decimal("120.50"), Decimal("1"), PLOT)
    assert building_lies_outside_the_urban_boundary(ask(overlaps=stale(BOUNDARY))).state == "not_checked"


@pytest.mark.parametrize(
    ("given_on", "materials", "state"),
    [
        ("2026-11-23", {"village_opinion": {}}, "clear"),
        ("2026-11-24", {"village_opinion": {}}, "conflict"),
        ("2026-11-01", {}, "conflict"),
    ],
)
def test_rp002_the_villagers_agree_by_the_day_of_application(given_on: str, materials: dict[str, Any], state: str):
    assert village_agrees(ask(form={"village_opinion_date": given_on}, materials=materials)).state == state


def test_rp002_says_what_is_missing():
    assert village_agrees(ask()).message_zh == "村民委员会书面意见未提交，日期 未填（申请日 2026-11-23）。"


@pytest.mark.parametrize(("shared", "state"), [("9900.00", "clear"), ("9899.99", "conflict")])
def test_rp003_conversions_cover_the_plot(shared: str, state: str):
    earlier = (approval("S-002", "农转用〔2025〕990101第0001号", shared_m2=Decimal(shared), project_code=""),)

    assert agricultural_land_was_converted(ask(overlaps=survey({"0103": "10000.00"}), earlier=earlier)).state == state


def test_rp003_says_what_was_converted():
    answer = agricultural_land_was_converted(ask(overlaps=survey({"0103": "200.00", "0702": "9800.00"})))

    assert answer.message_zh == "地块内有农用地 200.00 m²，已批准转用的只有 0.00 m²。"
    assert agricultural_land_was_converted(ask(overlaps=survey({"0702": "10000.00"}))).state == "clear"
    assert agricultural_land_was_converted(ask(overlaps=stale("10401-003"))).reason == "stale"


def test_rp003_land_under_two_conversions_counts_once():
    """Twice the same half is half: what two approvals share with the plot is not added up blindly."""
    west = shapely.box(113.01, 34.51, 113.01055, 34.5109)
    half = {"shared_m2": Decimal("5038.87"), "outside_m2": Decimal("5038.86")}
    twice = tuple(approval("S-002", f"甲{number}", plot=west, **half) for number in (1, 2))
    found = agricultural_land_was_converted(ask(overlaps=survey({"0103": "10000.00"}), earlier=twice))
    assert found.state == "conflict"
