"""C-06, C-07, C-22, C-23 and the matrix of compatible uses."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.matters.rules.answers import Overlap
from kunyu.engines.matters.rules.tests.asks import ask, overlap, stale
from kunyu.packs.spatial_planning.rules import plan_use as rules
from kunyu.packs.spatial_planning.rules.compatibility import ANY, matrix, relation

PLAN, DETAIL, URBAN = "20301-001", "20302-001", "20203-001"
FILE = {"faults": []}


def planned(**classes: str) -> dict[str, Overlap]:
    by_class = {code.removeprefix("c"): Decimal(area) for code, area in classes.items()}
    return {PLAN: overlap(PLAN, str(sum(by_class.values(), Decimal(0))), by_class=by_class)}


def test_the_matrix_names_classes_of_the_standard_only() -> None:
    """Every code is one of 用地用海分类, every relation one of two."""
    codes = load_standard("MNR-CONTROL-2021").codelists["YDYH"].codes
    for plan, asked, kind in matrix():
        assert plan in codes
        assert asked == ANY or asked in codes
        assert kind in ("compatible", "conditional")


@pytest.mark.parametrize(
    ("plan", "asked", "kind"),
    [
        ("0701", "0701", "compatible"), ("100101", "1001", "compatible"), ("10", "1001", "compatible"),
        ("0901", "0902", "compatible"), ("0701", "080403", "conditional"), ("16", "0701", "conditional"),
        ("0101", "0701", "none"), ("1401", "0701", "none"), ("", "0701", "none"),
    ],
)  # fmt: skip
def test_relations(plan: str, asked: str, kind: str) -> None:
    assert relation(plan, asked) == kind


@pytest.mark.parametrize(
    ("fits", "state", "measured"), [("10000.00", "clear", "100.00"), ("9500.00", "clear", "95.00"), ("9499.00", "conflict", "94.99")]
)  # fmt: skip
def test_c06_ninety_five_per_cent(fits: str, state: str, measured: str) -> None:
    rest = str(Decimal(10000) - Decimal(fits))
    answer = rules.use_fits_the_plan(ask(form={"use_code": "0701"}, overlaps=planned(c0701=fits, c0101=rest)))
    assert (answer.state, answer.measured, answer.limit, answer.unit) == (state, Decimal(measured), Decimal("95"), "%")


def test_c06_conditions_and_gaps() -> None:
    """On conditions only with the authority's opinion; land the plan does not cover fits nothing; no use: not checked."""
    form = {"use_code": "0701"}
    mixed = planned(c0701="9000.00", c16="1000.00")
    bare = rules.use_fits_the_plan(ask(form=form, overlaps=mixed))
    assert bare.message_zh == "规划用途与“城镇住宅用地（0701）”相容的占 90.00%（有条件相容 10.00%），低于 95%。"
    assert (
        rules.use_fits_the_plan(ask(form=form, overlaps=mixed, materials={"planning_opinion": FILE})).state == "clear"
    )
    gap = rules.use_fits_the_plan(ask(form=form, overlaps=planned(c0701="9000.00")))
    assert (gap.state, gap.measured) == ("conflict", Decimal("90.00"))
    assert rules.use_fits_the_plan(ask(overlaps=mixed)).reason == "field_missing"
    assert rules.use_fits_the_plan(ask(form=form, overlaps=stale(PLAN))).reason == "stale"


def detail(**limits: Any) -> dict[str, Overlap]:
    record = {"id": "1", "county": "990101", "area_m2": Decimal("10000"), **limits}
    return {DETAIL: overlap(DETAIL, "10000.00", records=(record,))}


def test_c07_planning_conditions() -> None:
    """Equal to every limit: clear; one over: conflict; one not known: not checked; outside detailed plans: no matter."""
    limits = {"RJL": "2.5", "JZMD": "30", "LDL": "35", "JZGD": "80"}
    form = {"plot_ratio_max": 2.5, "building_density_max": 30, "green_ratio_min": 35, "height_max_m": 80}
    assert rules.conditions_stay_within_the_detailed_plan(ask(form=form, overlaps=detail(**limits))).state == "clear"
    over = rules.conditions_stay_within_the_detailed_plan(
        ask(form=form | {"plot_ratio_max": 2.6}, overlaps=detail(**limits))
    )
    assert (over.state, over.measured, over.limit) == ("conflict", Decimal("2.6"), Decimal("2.5"))
    assert over.message_zh == "容积率 2.6，限值 2.5。"
    green = rules.conditions_stay_within_the_detailed_plan(
        ask(form=form | {"green_ratio_min": 34}, overlaps=detail(**limits))
    )
    assert (green.state, green.measured, green.limit) == ("conflict", Decimal("34"), Decimal("35"))
    blind = rules.conditions_stay_within_the_detailed_plan(ask(form=form, overlaps=detail()))
    assert (blind.state, blind.reason) == ("not_checked", "limits_unknown")
    assert rules.conditions_stay_within_the_detailed_plan(ask(overlaps={DETAIL: overlap(DETAIL)})).state == "clear"
    assert rules.conditions_stay_within_the_detailed_plan(ask(overlaps=stale(DETAIL))).reason == "stale"


def concentrated(area: str) -> dict[str, Overlap]:
    return {URBAN: overlap(URBAN, area, by_class={"JZQ": Decimal(area)} if Decimal(area) else {})}


@pytest.mark.parametrize(
    ("is_single", "inside", "state"),
    [
        (False, "10000.00", "clear"), (False, "9900.00", "clear"), (False, "9898.00", "conflict"),
        (True, "0.00", "clear"), (True, "100.00", "clear"), (True, "102.00", "conflict"),
    ],
)  # fmt: skip
def test_c22_way_of_approval(is_single: bool, inside: str, state: str) -> None:
    answer = rules.way_of_approval_fits_the_place(
        ask(form={"is_single_site": is_single}, overlaps=concentrated(inside))
    )
    assert answer.state == state
    assert answer.limit == (Decimal("1") if is_single else Decimal("99"))


def test_c22_open() -> None:
    assert rules.way_of_approval_fits_the_place(ask(overlaps=concentrated("0"))).reason == "field_missing"
    rural = {"is_single_site": False, "project_type": "rural"}
    assert rules.way_of_approval_fits_the_place(ask(form=rural, overlaps=stale(URBAN))).state == "clear"


@pytest.mark.parametrize(
    ("area", "cap", "others", "state", "reason"),
    [
        ("167.00", 167, 0, "clear", ""), ("167.01", 167, 0, "conflict", ""), ("100.00", 167, 1, "conflict", ""),
        ("100.00", None, 0, "not_checked", "no_local_cap"), ("100.00", 167, None, "not_checked", "field_missing"),
    ],
)  # fmt: skip
def test_c23_homesteads(area: str, cap: int | None, others: int | None, state: str, reason: str) -> None:
    form = {"use_code": "0703", "homestead_cap_m2": cap, "other_homesteads": others}
    answer = rules.homestead_keeps_to_the_cap(ask(form=form, area_m2=Decimal(area)))
    assert (answer.state, answer.reason) == (state, reason)
    assert rules.homestead_keeps_to_the_cap(ask(form={"use_code": "0701"})).message_zh == "不适用：不是农村宅基地。"
