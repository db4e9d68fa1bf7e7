"""One pass, one fail, one boundary for each rule of consistency, with exact figures."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import shapely

from kunyu.kernel.geodesy import area_of_lonlat
from kunyu.registers.projects.models import ProjectDocument
from kunyu.registers.projects.rules import RULES, Pair, report

pytestmark = pytest.mark.quick
CODE = "2026-990101-84-01-000001"
EARLIER = shapely.box(113.0, 34.5, 113.01, 34.51)


def document(number: str, **values: Any) -> ProjectDocument:
    given = {"kind": "review", "issued_on": date(2026, 3, 2), "project_code_stated": CODE, "division_code": "990101"}
    return ProjectDocument(number=number, **(given | values))


def pair(
    later: dict[str, Any] | None = None, earlier: dict[str, Any] | None = None, plots: tuple[Any, Any] = (None, None)
) -> Pair:
    after = {"kind": "land_permit", "issued_on": date(2026, 5, 6), "previous_number": "甲1"}
    return Pair(document("甲1", **(earlier or {})), document("乙1", **(after | (later or {}))), *plots)


def said(rule: str, one: Pair) -> tuple[str, str, float | None]:
    state, zh, _, measured, _, _ = RULES[rule](one)
    return state, zh, measured


def test_pr_001_names_the_earlier_document() -> None:
    assert said("PR-001", pair()) == ("clear", "载明 甲1", None)
    assert said("PR-001", pair({"previous_number": "甲2"})) == ("conflict", "载明 甲2，应为 甲1", None)
    assert said("PR-001", pair({"previous_number": ""}))[0] == "not_checked"


def test_pr_002_same_project_code() -> None:
    assert said("PR-002", pair()) == ("clear", f"均为 {CODE}", None)
    assert said("PR-002", pair({"project_code_stated": CODE.replace("-", "－")}))[0] == "clear"
    other = "2026-990101-84-01-000002"
    assert said("PR-002", pair({"project_code_stated": other})) == (
        "conflict",
        f"{other} 与前一文件的 {CODE} 不同",
        None,
    )
    assert said("PR-002", pair({"project_code_stated": ""}))[0] == "not_checked"


def strip(outside: float) -> shapely.Geometry:
    """A plot of which the given share lies east of the earlier one; same latitudes, so shares are those of width."""
    return shapely.box(113.01 - (1 - outside) * 0.005, 34.5, 113.01 + outside * 0.005, 34.51)


@pytest.mark.parametrize(
    ("outside", "state", "measured"), [(0.0, "clear", 100.0), (0.01, "clear", 99.0), (0.0101, "conflict", 98.99)]
)
def test_pr_003_lies_inside(outside: float, state: str, measured: float) -> None:
    """99 % is inside; 98.99 % is not. Strips of one height: the ellipsoidal share is that of their width."""
    found = said("PR-003", pair(plots=(EARLIER, strip(outside))))
    assert found[0] == state and found[2] == pytest.approx(measured, abs=1e-4)
    assert said("PR-003", pair(plots=(EARLIER, None)))[0] == "not_checked"


@pytest.mark.parametrize(
    ("area", "state", "measured"),
    [(100_000.0, "clear", 0.0), (101_000.0, "clear", 1.0), (99_000.0, "clear", 1.0), (101_001.0, "conflict", 1.001)],
)
def test_pr_004_areas_differ_by_one_percent_at_most(area: float, state: str, measured: float) -> None:
    one = pair({"area_m2": area}, {"area_m2": 100_000.0})
    assert said("PR-004", one)[::2] == (state, measured)
    assert said("PR-004", pair({"area_m2": area}))[0] == "not_checked"


def test_pr_005_follows_in_time() -> None:
    assert said("PR-005", pair()) == ("clear", "2026-03-02 → 2026-05-06", None)
    assert said("PR-005", pair({"issued_on": date(2026, 3, 2)}))[0] == "clear"
    assert said("PR-005", pair({"issued_on": date(2026, 3, 1)})) == (
        "conflict",
        "2026-03-01 早于前一文件的 2026-03-02",
        None,
    )
    ended = pair(earlier={"ended_on": date(2026, 5, 5)})
    assert said("PR-005", ended) == ("conflict", "前一文件已于 2026-05-05 失效", None)


def test_pr_006_follows_in_law() -> None:
    assert said("PR-006", pair())[0] == "clear"
    assert said("PR-006", pair({"kind": "review"}, {"kind": "land_permit"}))[0] == "conflict"
    assert said("PR-006", pair({"kind": "other"}))[0] == "not_checked"


def test_a_report_takes_the_document_pointed_at_and_leaves_out_replaced_ones() -> None:
    first, wrong = document("甲1", pk=1), document("甲2", pk=2, state="replaced", issued_on=date(2026, 3, 3))
    second = document("乙1", pk=3, kind="conversion", issued_on=date(2026, 4, 1), previous_number="甲1")
    third = document("丙1", pk=4, kind="land_permit", issued_on=date(2026, 5, 1), previous_id=1, previous_number="甲1")
    answers = report([first, wrong, second, third], {})
    assert [(one.earlier, one.later) for one in answers[::6]] == [("甲1", "乙1"), ("甲1", "丙1")]
    assert len(answers) == 12 and {one.state for one in answers if one.rule == "PR-003"} == {"not_checked"}
    assert answers[0].plain()["clause"] == "自然资规〔2019〕2号；多审合一、多证合一"


def test_areas_are_ellipsoidal() -> None:
    """0.01° × 0.01° at 34.5° N is about 1.02 km², not what degrees would say."""
    assert float(area_of_lonlat([EARLIER])[0]) == pytest.approx(1_019_100, rel=2e-3)
