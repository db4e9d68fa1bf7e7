"""LR-001 to LR-004: what each lets pass, refuses, and says at the very limit (R-308)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kunyu.engines.matters.rules.tests.asks import approval, ask, stale, survey
from kunyu.packs.land_review.rules import (
    last_day,
    level_of,
    no_valid_opinion_stands_for_the_project,
    opinion_comes_before_project_approval,
    opinion_is_given_at_the_level_that_approves_the_project,
    plot_takes_land_that_is_not_yet_built_on,
)

NUMBER = "用字第9901012024XS0000001号"


def test_lr001_lets_a_project_pass_that_is_not_approved_yet():
    answer = opinion_comes_before_project_approval(ask(form={"project_procedure": "approval"}))

    assert (answer.state, answer.message_zh) == ("clear", "项目尚未批准、核准。")


@pytest.mark.parametrize(
    ("approved_on", "state"), [("2026-11-24", "clear"), ("2026-11-23", "conflict"), ("2026-03-01", "conflict")]
)
def test_lr001_the_day_of_approval_is_too_late(approved_on: str, state: str):
    form = {"project_procedure": "ratification", "project_approval_date": approved_on}

    assert opinion_comes_before_project_approval(ask(form=form)).state == state


def test_lr001_names_both_days():
    form = {"project_procedure": "approval", "project_approval_date": "2026-03-01"}
    answer = opinion_comes_before_project_approval(ask(form=form))

    assert answer.message_zh == "项目已于 2026-03-01 批准、核准，用地预审应在此前申请（申请日 2026-11-23）。"
    assert answer.message_en == (
        "The project was approved on 2026-03-01; the opinion is asked for before (this application: 2026-11-23)."
    )
    assert answer.remedy_zh == "核对立项时间；确属补办的，说明原因并由决定机关处理"


def test_lr001_a_filed_project_needs_no_opinion():
    answer = opinion_comes_before_project_approval(ask(form={"project_procedure": "filing"}))

    assert (answer.state, answer.message_zh) == ("conflict", "备案类项目不需要申请用地预审与选址意见书。")


@pytest.mark.parametrize(
    ("fields", "state", "measured"),
    [
        ("600.00", "clear", "600.00"),
        ("1.01", "clear", "1.01"),
        ("1.00", "conflict", "1.00"),
        ("0.00", "conflict", "0.00"),
    ],
)
def test_lr002_one_square_metre_is_noise(fields: str, state: str, measured: str):
    built = str(Decimal("10000.00") - Decimal(fields))
    answer = plot_takes_land_that_is_not_yet_built_on(ask(overlaps=survey({"0103": fields, "0701": built})))

    assert (answer.state, answer.measured) == (state, Decimal(measured))


def test_lr002_says_what_the_survey_shows():
    answer = plot_takes_land_that_is_not_yet_built_on(ask(overlaps=survey({"0701": "10000.00"})))

    assert answer.message_zh == "地块内非建设用地仅 0.00 m²（≤ 1 m²），现状全部为建设用地。"
    assert answer.message_en == "Only 0.00 m² (≤ 1 m²) of the plot is not construction land."


def test_lr002_does_not_answer_on_stale_data_nor_on_half_a_plot():
    assert plot_takes_land_that_is_not_yet_built_on(ask(overlaps=stale("10401-003"))).reason == "stale"

    half = plot_takes_land_that_is_not_yet_built_on(ask(overlaps=survey({"0701": "5000.00"})))

    assert (half.state, half.reason) == ("not_checked", "not_covered")
    assert half.message_zh == "地块 10000.00 m²，图层10401-003只覆盖 5000.00 m²，无法按地类核算。"


@pytest.mark.parametrize(
    ("authority", "division", "state"),
    [
        ("county", "990101", "clear"),
        ("city", "9901", "clear"),
        ("city", "990101", "conflict"),
        ("ministry", "99", "conflict"),
    ],
)
def test_lr003_compares_levels(authority: str, division: str, state: str):
    answer = opinion_is_given_at_the_level_that_approves_the_project(
        ask(form={"project_authority": authority}, division=division)
    )

    assert answer.state == state


def test_lr003_says_who_gives_the_opinion():
    answer = opinion_is_given_at_the_level_that_approves_the_project(ask(form={"project_authority": "province"}))

    assert answer.message_zh == "项目由省级审批、核准，本件在县级申报。"
    assert answer.remedy_zh == "本级初审后转报省级自然资源主管部门"


def test_levels_of_codes_with_and_without_zeros():
    assert [level_of(code) for code in ("", "990000", "99", "990100", "9901", "990101", "990101001")] == [
        "ministry", "province", "province", "city", "city", "county", "county",
    ]  # fmt: skip


@pytest.mark.parametrize(("decided_on", "state"), [("2023-11-24", "conflict"), ("2023-11-23", "clear")])
def test_lr004_an_opinion_holds_to_the_day_before_three_years_are_over(decided_on: str, state: str):
    earlier = (approval("S-001", NUMBER, decided_on=decided_on),)

    assert no_valid_opinion_stands_for_the_project(ask(earlier=earlier)).state == state


def test_lr004_names_the_opinion_and_takes_a_reason():
    earlier = (approval("S-001", NUMBER),)
    answer = no_valid_opinion_stands_for_the_project(ask(earlier=earlier))

    assert answer.message_zh == f"本项目已有 {NUMBER}，有效期至 2027-11-22。"
    assert no_valid_opinion_stands_for_the_project(
        ask(earlier=earlier, form={"renewal_reason": "选址调整"})
    ).message_zh == (f"已有 {NUMBER}（有效期至 2027-11-22），申请人说明重新申请的原因。")


def test_lr004_looks_at_approvals_of_this_project_only():
    others = (
        approval("S-001", NUMBER, project_code="2026-990101-47-01-000999"),
        approval("S-006", "地字第9901012024YG0000001号"),
        approval("S-001", NUMBER, kind="running", decided_on=""),
    )

    assert no_valid_opinion_stands_for_the_project(ask(earlier=others)).state == "clear"
    assert last_day("2024-02-29").isoformat() == "2027-02-28"
