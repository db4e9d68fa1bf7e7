"""PP-001, PP-002: supply and conversion before the permit, at their limits (R-308)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import shapely

from kunyu.engines.matters.rules.tests.asks import approval, ask, stale, survey
from kunyu.packs.planning_permit.rules import agricultural_land_was_converted, supply_is_decided

CONVERTED = "农转用〔2025〕990101第0001号"
SUPPLIED = {"supply_number": "9901012026B00001", "supply_date": "2026-11-23"}
DOCUMENT: dict[str, Any] = {"supply_document": {}}


def test_pp001_a_supply_of_the_day_itself_passes():
    answer = supply_is_decided(ask(form=SUPPLIED, materials=DOCUMENT))

    assert answer.message_zh == "供地文件 9901012026B00001 已于 2026-11-23 生效。"


@pytest.mark.parametrize(
    ("changed", "materials", "said"),
    [
        ({}, {}, "未提交划拨决定书或出让合同。"),
        (
            {"supply_number": "99010120260001"},
            DOCUMENT,
            "电子监管号“99010120260001”应为区划6位、年份4位、字母、5位序号。",
        ),
        (
            {"supply_number": "3201002026B00001"},
            DOCUMENT,
            "电子监管号 3201002026B00001 的前六位是区划 320100，不是申请所在的“990101”（990101）。",
        ),
        ({"supply_date": "2026-11-24"}, DOCUMENT, "签订（决定）日期 2026-11-24 晚于申请日 2026-11-23。"),
        ({"supply_date": ""}, DOCUMENT, "没有填写签订（决定）日期。"),
        ({"supply_number": " "}, DOCUMENT, "没有填写电子监管号。"),
    ],
)
def test_pp001_says_each_fault(changed: dict[str, str], materials: dict[str, Any], said: str):
    answer = supply_is_decided(ask(form=SUPPLIED | changed, materials=materials))

    assert (answer.state, answer.message_zh) == ("conflict", said)


@pytest.mark.parametrize(("fields", "state"), [("1.00", "clear"), ("1.01", "conflict")])
def test_pp002_one_square_metre_is_noise(fields: str, state: str):
    built = str(Decimal("10000.00") - Decimal(fields))

    assert agricultural_land_was_converted(ask(overlaps=survey({"0103": fields, "0701": built}))).state == state


@pytest.mark.parametrize(
    ("first", "second", "state"), [("6000.00", "3900.00", "clear"), ("6000.00", "3899.99", "conflict")]
)
def test_pp002_conversions_add_up(first: str, second: str, state: str):
    earlier = (
        approval("S-002", CONVERTED, shared_m2=Decimal(first), project_code=""),
        approval("S-002", "农转用〔2025〕990101第0002号", shared_m2=Decimal(second)),
    )

    assert agricultural_land_was_converted(ask(overlaps=survey({"0103": "10000.00"}), earlier=earlier)).state == state


def test_pp002_says_what_was_converted():
    answer = agricultural_land_was_converted(ask(overlaps=survey({"0103": "8000.00", "0701": "2000.00"})))

    assert answer.message_zh == "地块内有农用地 8000.00 m²，已批准转用的只有 0.00 m²。"
    assert agricultural_land_was_converted(ask(overlaps=stale("10401-003"))).state == "not_checked"


def test_pp002_land_under_two_conversions_counts_once():
    """Twice the same half is half; two halves are the whole."""
    west, east = shapely.box(113.01, 34.51, 113.01055, 34.5109), shapely.box(113.01055, 34.51, 113.0111, 34.5109)
    plot = ask(overlaps=survey({"0103": "10000.00"}), area_m2=Decimal("10077.73"))
    half = {"shared_m2": Decimal("5038.87"), "outside_m2": Decimal("5038.86")}
    twice = tuple(approval("S-002", f"甲{number}", plot=west, **half) for number in (1, 2))
    assert agricultural_land_was_converted(replace(plot, earlier=twice)).state == "conflict"
    both = tuple(approval("S-002", f"甲{number}", plot=one, **half) for number, one in enumerate((west, east)))
    assert agricultural_land_was_converted(replace(plot, earlier=both)).state == "clear"
