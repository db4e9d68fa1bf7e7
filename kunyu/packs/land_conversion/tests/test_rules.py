"""LC-001 to LC-005 and LC-012: what each lets pass, refuses, and says at the very limit (R-308)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kunyu.engines.matters.rules.tests.asks import PLOT, ask, overlap, stale, survey
from kunyu.packs.land_conversion.rules import (
    agricultural_land_is_as_surveyed,
    kinds_of_land_make_the_whole,
    permanent_farmland_needs_state_council,
    project_is_approved_before_conversion,
    there_is_agricultural_land_to_convert,
    unused_land_is_as_surveyed,
)

FARMLAND = "10502-001"


def areas(agricultural: float, construction: float, unused: float, whole: float = 10_000) -> dict[str, Any]:
    return {
        "declared_area_m2": whole,
        "agricultural_m2": agricultural,
        "construction_m2": construction,
        "unused_m2": unused,
    }


@pytest.mark.parametrize(
    ("unused", "state", "difference"),
    [(500, "clear", "0.00"), (499, "clear", "1.00"), (501, "clear", "1.00"), (498.99, "conflict", "1.01")],
)
def test_lc001_one_square_metre_may_be_missing(unused: float, state: str, difference: str):
    answer = kinds_of_land_make_the_whole(ask(form=areas(9_000, 500, unused)))

    assert (answer.state, answer.measured, answer.limit) == (state, Decimal(difference), Decimal("1"))


def test_lc001_says_both_sums():
    answer = kinds_of_land_make_the_whole(ask(form=areas(9_000, 500, 0)))

    assert answer.message_zh == "三大类合计 9500.00 m²，与申请面积 10000.00 m² 相差 500.00 m²，超过 1 m²。"
    assert answer.remedy_zh == "按勘测定界报告更正各地类面积"


@pytest.mark.parametrize(
    ("declared", "state"), [(9_000, "clear"), (9_100, "clear"), (9_100.01, "conflict"), (8_899.99, "conflict")]
)
def test_lc002_agricultural_land_within_one_per_cent_of_the_plot(declared: float, state: str):
    overlaps = survey({"0103": "6000.00", "1203": "500.00", "0301": "2500.00", "0701": "1000.00"})

    assert agricultural_land_is_as_surveyed(ask(form=areas(declared, 1_000, 0), overlaps=overlaps)).state == state


def test_lc002_says_declared_and_surveyed():
    overlaps = survey({"0103": "8000.00", "0701": "2000.00"})
    answer = agricultural_land_is_as_surveyed(ask(form=areas(9_000, 1_000, 0), overlaps=overlaps))

    assert answer.message_zh == "农用地申报 9000.00 m²，调查 8000.00 m²，相差 1000.00 m²，超过 100.00 m²。"
    assert (answer.measured, answer.limit) == (Decimal("1000.00"), Decimal("100.00"))


def test_lc002_and_lc003_of_a_small_plot_allow_one_square_metre():
    small = {"form": areas(49, 0, 1, 50), "area_m2": Decimal("50.00")}
    overlaps = survey({"0103": "50.00"})

    assert agricultural_land_is_as_surveyed(ask(overlaps=overlaps, **small)).limit == Decimal("1.00")
    assert unused_land_is_as_surveyed(ask(overlaps=overlaps, **small)).state == "clear"


def test_lc003_finds_unused_land_that_was_not_declared():
    overlaps = survey({"0103": "9000.00", "1206": "1000.00"})
    answer = unused_land_is_as_surveyed(ask(form=areas(10_000, 0, 0), overlaps=overlaps))

    assert answer.message_zh == "未利用地申报 0.00 m²，调查 1000.00 m²，相差 1000.00 m²，超过 100.00 m²。"


@pytest.mark.parametrize(("fields", "state"), [("1.00", "conflict"), ("1.01", "clear")])
def test_lc004_one_square_metre_is_nothing_to_convert(fields: str, state: str):
    built = str(Decimal("10000.00") - Decimal(fields))

    assert there_is_agricultural_land_to_convert(ask(overlaps=survey({"0103": fields, "0701": built}))).state == state


def test_lc004_says_there_is_nothing_to_convert():
    answer = there_is_agricultural_land_to_convert(ask(overlaps=survey({"0701": "10000.00"})))

    assert answer.message_zh == "地块内农用地仅 0.00 m²（≤ 1 m²），不需办理农用地转用。"


def test_rules_on_the_survey_do_not_answer_without_it():
    for rule in (agricultural_land_is_as_surveyed, unused_land_is_as_surveyed, there_is_agricultural_land_to_convert):
        answer = rule(ask(form=areas(1, 1, 1), overlaps=stale("10401-003")))
        assert (answer.state, answer.reason, answer.message_zh) == (
            "not_checked",
            "stale",
            "图层10401-003未核验: 数据过期。",
        )


def test_lc002_does_not_add_a_class_that_belongs_to_no_kind():
    answer = agricultural_land_is_as_surveyed(
        ask(form=areas(1, 0, 0), overlaps=survey({"0103": "9900.00", "9999": "100.00"}))
    )

    assert (answer.state, answer.reason) == ("not_checked", "unknown_class")


SINGLE = {"is_single_site": True}


@pytest.mark.parametrize(
    ("approved_on", "number", "state"),
    [
        ("2026-11-23", "发改〔2026〕1号", "clear"),
        ("2026-11-24", "发改〔2026〕1号", "conflict"),
        ("2026-11-01", "", "conflict"),
    ],
)
def test_lc005_a_single_site_is_approved_by_the_day_of_application(approved_on: str, number: str, state: str):
    form = {**SINGLE, "project_approval_date": approved_on, "project_approval_number": number}

    assert project_is_approved_before_conversion(ask(form=form)).state == state


def test_lc005_says_what_is_missing():
    answer = project_is_approved_before_conversion(ask(form=SINGLE))

    assert answer.message_zh == "单独选址项目应在申请日 2026-11-23 前批准、核准：批准日期 未填、文号 未填。"


@pytest.mark.parametrize(("area", "state"), [("0.00", "clear"), ("1.00", "clear"), ("1.01", "conflict")])
def test_lc012_one_square_metre_is_noise(area: str, state: str):
    overlaps = {FARMLAND: overlap(FARMLAND, area)}

    assert (
        permanent_farmland_needs_state_council(ask(form={"approval_level": "province"}, overlaps=overlaps)).state
        == state
    )


def test_lc012_stops_province_level_approval():
    overlaps = {FARMLAND: overlap(FARMLAND, "10000.00")}
    answer = permanent_farmland_needs_state_council(ask(form={"approval_level": "province"}, overlaps=overlaps))

    assert (answer.measured, answer.limit, answer.unit, answer.where) == (Decimal("10000.00"), Decimal("1"), "m²", PLOT)
    assert answer.message_zh == "占用永久基本农田 10000.00 m²（> 1 m²），省级无权批准转用。"
    assert answer.remedy_zh == "提级报国务院批准，或者调整用地范围"


def test_lc012_lets_the_state_council_decide():
    overlaps = {FARMLAND: overlap(FARMLAND, "10000.00")}
    answer = permanent_farmland_needs_state_council(ask(form={"approval_level": "state_council"}, overlaps=overlaps))

    assert answer.message_zh == "占用永久基本农田 10000.00 m²，报国务院批准。"


def test_lc012_does_not_answer_where_it_could_not_look():
    overlaps = stale(FARMLAND)

    assert permanent_farmland_needs_state_council(ask(overlaps=overlaps)).state == "not_checked"
    half = {
        FARMLAND: overlap(
            FARMLAND, "0.50", "conflict", reason="missing", reason_zh="部分未发布。", reason_en="In part."
        )
    }
    assert permanent_farmland_needs_state_council(ask(overlaps=half)).reason == "missing"
