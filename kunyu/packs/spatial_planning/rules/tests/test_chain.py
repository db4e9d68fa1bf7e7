"""C-18, DU-01, DU-02, TO-01, CH-01 to CH-05: other approvals, duplicates, order, one project's chain of documents."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import shapely

from kunyu.engines.matters.rules.tests.asks import PLOT, PROJECT, approval, ask
from kunyu.packs.spatial_planning.rules import chain as rules

OPINION = "用字第990101202600001号"
OTHER = "2025-990101-47-01-000999"
CONVERSION: dict[str, Any] = {"matter": "S-002", "form": {"is_single_site": True, "prior_number": OPINION}}
CHAINED = (
    rules.order_is_kept, rules.number_of_the_earlier_document_is_stated,
    rules.project_code_is_that_of_the_earlier_document, rules.plot_lies_inside_the_earlier_one,
    rules.area_is_that_of_the_earlier_one, rules.use_fits_the_earlier_one,
)  # fmt: skip


def running(number: str, **changed: Any) -> dict[str, Any]:
    return approval("S-001", number, kind="running", state="in_review", decided_on="", **changed)


@pytest.mark.parametrize(("shared", "state"), [("0.00", "clear"), ("1.00", "clear"), ("1.01", "conflict")])
def test_c18_other_approvals(shared: str, state: str) -> None:
    other = approval(
        "S-001", OPINION, project_code=OTHER, shared_m2=Decimal(shared), plot=shapely.box(113.011, 34.51, 113.02, 34.52)
    )
    answer = rules.plot_keeps_off_other_approvals(ask(earlier=(other,)))
    assert (answer.state, answer.measured, answer.limit) == (state, Decimal(shared), Decimal("1"))
    if state == "conflict":
        assert answer.message_zh == f"与其他项目的 1 件有效审批重叠：{OPINION} (1.01 m²)。"
        assert answer.where is not None
        assert shapely.covers(PLOT, answer.where)


def test_c18_and_du02_leave_the_same_project_and_those_without_a_plot_alone() -> None:
    """The project's own approval may cover the plot; running cases are DU-02's business and no approval."""
    own = approval("S-001", OPINION)
    unknown = approval("S-001", "用字第2号", project_code=OTHER, shared_m2=None, plot=None)
    case = running("990101202611230007", project_code=OTHER)
    assert rules.plot_keeps_off_other_approvals(ask(earlier=(own, unknown, case))).state == "clear"
    found = rules.plot_keeps_off_other_running_cases(ask(earlier=(own, case)))
    assert (found.state, found.measured) == ("conflict", Decimal("10000.00"))
    # without a project code nothing is the same project
    assert rules.plot_keeps_off_other_approvals(ask(earlier=(own,), project_code="")).state == "conflict"


def test_du01_duplicates() -> None:
    """The same project or the same land (99 %), the same matter, still running."""
    same = running("990101202611230007")
    found = rules.project_is_not_applied_for_twice(ask(matter="S-001", earlier=(same,)))
    assert (found.state, found.message_zh) == ("conflict", "同一项目或地块已有 1 件在办：990101202611230007。")
    for shared, state in (("9900.00", "conflict"), ("9899.00", "clear")):
        land = running("7", project_code=OTHER, shared_m2=Decimal(shared))
        assert rules.project_is_not_applied_for_twice(ask(matter="S-001", earlier=(land,))).state == state
    assert rules.project_is_not_applied_for_twice(ask(matter="S-006", earlier=(same,))).state == "clear"
    assert (
        rules.project_is_not_applied_for_twice(ask(matter="S-001", earlier=(approval("S-001", OPINION),))).state
        == "clear"
    )


def test_to01_order() -> None:
    """What comes before is there: clear; nothing: conflict; stated but not on this node: open; the later one first: conflict."""
    before = approval("S-001", OPINION)
    assert rules.order_is_kept(ask(**CONVERSION, earlier=(before,))).message_zh == f"前置文件 {OPINION} 有效。"
    nothing = rules.order_is_kept(ask(matter="S-002", form={"is_single_site": True}))
    assert (nothing.state, nothing.message_zh) == ("conflict", "没有前置文件。")
    assert rules.order_is_kept(ask(**CONVERSION)).reason == "prior_not_here"
    permit = approval("S-006", "地字第1号")
    late = rules.order_is_kept(ask(**CONVERSION, earlier=(before, permit)))
    assert (late.state, late.message_zh) == ("conflict", "后续的建设用地规划许可证 地字第1号 已经核发。")
    assert rules.order_is_kept(ask(matter="S-001")).message_zh == "不适用：本事项没有前置文件。"
    batch = {"matter": "S-002", "form": {"is_single_site": False}}
    assert rules.order_is_kept(ask(**batch)).message_zh == "不适用：批次用地不需要用地预审。"
    assert rules.order_is_kept(ask(matter="S-006", earlier=(approval("S-002", "农转用〔2026〕1号"),))).state == "clear"


def test_ch01_number() -> None:
    before = approval("S-001", OPINION)
    assert rules.number_of_the_earlier_document_is_stated(ask(**CONVERSION, earlier=(before,))).state == "clear"
    several = {"matter": "S-002", "form": {"is_single_site": True, "prior_number": f"发改〔2026〕3号、{OPINION}"}}
    assert rules.number_of_the_earlier_document_is_stated(ask(**several, earlier=(before,))).state == "clear"
    without = {"matter": "S-002", "form": {"is_single_site": True}}
    silent = rules.number_of_the_earlier_document_is_stated(ask(**without, earlier=(before,)))
    assert (silent.state, silent.message_zh) == ("conflict", f"没有载明同一项目的在先文件 {OPINION}。")
    together = approval("S-001", OPINION, is_together=True)
    known = rules.number_of_the_earlier_document_is_stated(ask(**without, earlier=(together,)))
    assert (known.state, known.message_zh) == (
        "clear", f"在先文件 {OPINION} 与本件一并申请，文号由系统记入项目登记，不再要求填写。"
    )  # fmt: skip
    wrong = {"matter": "S-002", "form": {"is_single_site": True, "prior_number": "用字第1号"}}
    assert rules.number_of_the_earlier_document_is_stated(ask(**wrong, earlier=(together,))).state == "conflict"


def test_ch02_project_code() -> None:
    same = rules.project_code_is_that_of_the_earlier_document(ask(**CONVERSION, earlier=(approval("S-001", OPINION),)))
    assert same.state == "clear"
    other = approval("S-001", OPINION, project_code=OTHER)
    found = rules.project_code_is_that_of_the_earlier_document(ask(**CONVERSION, earlier=(other,)))
    assert (found.state, found.message_zh) == (
        "conflict",
        f"在先文件 {OPINION} 的项目代码为 {OTHER}，本件为 {PROJECT}。",
    )


@pytest.mark.parametrize(("outside", "state", "inside"), [("0.00", "clear", "100.00"), ("100.00", "clear", "99.00"), ("101.00", "conflict", "98.99")])  # fmt: skip
def test_ch03_ninety_nine_per_cent_inside(outside: str, state: str, inside: str) -> None:
    prior = approval("S-001", OPINION, outside_m2=Decimal(outside), plot=shapely.box(113.0, 34.5, 113.0110, 34.52))
    answer = rules.plot_lies_inside_the_earlier_one(ask(**CONVERSION, earlier=(prior,)))
    assert (answer.state, answer.measured, answer.limit, answer.unit) == (state, Decimal(inside), Decimal("99"), "%")
    assert (answer.where is not None) is (state == "conflict")


@pytest.mark.parametrize(("area", "state"), [("10000.00", "clear"), ("10100.00", "clear"), ("9900.99", "clear"), ("9899.00", "conflict")])  # fmt: skip
def test_ch04_one_per_cent_of_area(area: str, state: str) -> None:
    prior = approval("S-001", OPINION, area_m2=Decimal("10000.00"))
    answer = rules.area_is_that_of_the_earlier_one(ask(**CONVERSION, area_m2=Decimal(area), earlier=(prior,)))
    assert (answer.state, answer.limit) == (state, Decimal("1"))


def test_ch04_land_supplied_in_parts_may_be_smaller_but_not_larger() -> None:
    part = {"matter": "S-006", "form": {"is_part": True, "prior_number": OPINION}}
    prior = approval("S-002", OPINION)
    assert (
        rules.area_is_that_of_the_earlier_one(ask(**part, area_m2=Decimal("4000.00"), earlier=(prior,))).state
        == "clear"
    )
    assert (
        rules.area_is_that_of_the_earlier_one(ask(**part, area_m2=Decimal("10200.00"), earlier=(prior,))).state
        == "conflict"
    )


def test_ch05_use() -> None:
    prior = approval("S-001", OPINION, use_code="1001")
    for use, state in (("1001", "clear"), ("100101", "clear"), ("0701", "conflict")):
        form = CONVERSION["form"] | {"use_code": use}
        assert rules.use_fits_the_earlier_one(ask(matter="S-002", form=form, earlier=(prior,))).state == state
    assert rules.use_fits_the_earlier_one(ask(**CONVERSION, earlier=(prior,))).reason == "use_unknown"


def test_the_nearest_and_latest_document_comes_before() -> None:
    """For a planning permit the conversion goes before the pre-approval, a newer one before an older one."""
    found = (
        approval("S-001", OPINION, decided_on="2026-10-01"), approval("S-002", "老", decided_on="2024-01-01"),
        approval("S-002", "新", decided_on="2025-01-01"),
    )  # fmt: skip
    assert rules.order_is_kept(ask(matter="S-006", earlier=found)).message_zh == "前置文件 新 有效。"
    named = ask(matter="S-006", form={"prior_number": OPINION}, earlier=found)
    assert rules.order_is_kept(named).message_zh == f"前置文件 {OPINION} 有效。"


@pytest.mark.parametrize("rule", CHAINED)
def test_a_document_that_is_not_on_this_node_is_never_clear(rule: Any) -> None:
    answer = rule(ask(**CONVERSION))
    assert (answer.state, answer.reason) == ("not_checked", "prior_not_here")


@pytest.mark.parametrize("rule", [rules.plot_lies_inside_the_earlier_one, rules.area_is_that_of_the_earlier_one])
def test_a_document_without_a_plot_is_not_compared(rule: Any) -> None:
    prior = approval("S-001", OPINION, plot=None, area_m2=None, shared_m2=None, outside_m2=None)
    assert rule(ask(**CONVERSION, earlier=(prior,))).reason == "prior_without_plot"
