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
    assert [(one.earlier, one.later) for one in answers if one.rule == "PR-001"] == [("甲1", "乙1"), ("甲1", "丙1")]
    assert len(answers) == 18 and {one.state for one in answers if one.rule == "PR-003"} == {"not_checked"}
    assert answers[0].plain()["clause"] == "自然资规〔2019〕2号；多审合一、多证合一"


def licence(**values: Any) -> Any:
    from kunyu.engines.documents.models import Licence

    return Licence(holder_name="示范建设公司", holder_code="91990101MA00000000", **values)


def broken(*chain: ProjectDocument, plots: dict[int, Any] | None = None) -> dict[str, str]:
    """Rules that find a conflict in a chain, with their sentence."""
    return {one.rule: one.zh for one in report(chain, plots or {}) if one.state == "conflict"}


def whole_chain(**changes: dict[str, Any]) -> list[ProjectDocument]:
    """Review, conversion, land permit and works permit of one project as the law has them, each changed by name."""
    steps = (
        ("review", date(2026, 3, 2), ""), ("conversion", date(2026, 5, 6), "review"),
        ("land_permit", date(2026, 7, 1), "conversion"), ("works_permit", date(2026, 9, 1), "land_permit"),
    )  # fmt: skip
    made: list[ProjectDocument] = []
    for number, (kind, day, before) in enumerate(steps, start=1):
        given = {"pk": number, "kind": kind, "issued_on": day, "previous_number": before, "area_m2": 10_000.0,
                 "previous_id": number - 1 or None, "licence": licence(valid_to=date(2029, 3, 1))}  # fmt: skip
        made.append(document(kind, **(given | changes.get(kind, {}))))
    return made


def test_a_whole_chain_has_no_break() -> None:
    assert broken(*whole_chain()) == {}


def test_every_seeded_break_is_found() -> None:
    """Missing review, area grown, another applicant, an opinion that had expired, one revoked upstream: each by its rule."""
    missing = whole_chain()[1:]
    missing[0].previous_number, missing[0].previous_id = "", None
    assert broken(*missing) == {"PR-009": "缺少用地预审与选址意见书"}
    grown = whole_chain(land_permit={"area_m2": 10_101.0}, works_permit={"area_m2": 10_101.0})
    assert broken(*grown) == {"PR-004": "面积相差 1.01 %"}
    other = licence(valid_to=None)
    other.holder_code = "91990101MA00000001"
    assert broken(*whole_chain(works_permit={"licence": other})) == {"PR-007": "与前一文件的持有人不同"}
    expired = whole_chain(review={"licence": licence(valid_to=date(2026, 5, 5)), "state": "expired"})
    assert broken(*expired) == {"PR-005": "前一文件有效期至 2026-05-05，早于 2026-05-06"}
    on_the_day = whole_chain(review={"licence": licence(valid_to=date(2026, 5, 6)), "state": "expired"})
    assert broken(*on_the_day) == {}
    revoked = whole_chain(review={"state": "revoked", "ended_on": date(2026, 10, 1)})
    assert broken(*revoked) == {"PR-008": "前一文件已于 2026-10-01 被撤销，本文件仍有效"}


def test_what_cannot_be_known_is_not_checked() -> None:
    """A review that is named and not registered; holders of a government's approval; an expiry without a day; a suspension."""
    named = whole_chain()[1:]
    named[0].previous_id = None
    said = {one.rule: one.state for one in report(named, {}) if one.later == "conversion"}
    assert said["PR-009"] == "not_checked"
    government = licence(valid_to=None)
    government.holder_code = "11990101000000000X"
    answers = report(whole_chain(conversion={"licence": government}), {})
    assert {one.state for one in answers if one.rule == "PR-007" and one.later in ("conversion", "land_permit")} == {
        "not_checked"
    }
    undated = report(whole_chain(review={"licence": None, "state": "expired"}), {})
    assert [one.state for one in undated if (one.rule, one.later) == ("PR-005", "conversion")] == ["not_checked"]
    suspended = report(whole_chain(review={"state": "suspended"}), {})
    assert [one.state for one in suspended if (one.rule, one.later) == ("PR-008", "conversion")] == ["not_checked"]
    assert broken(document("批1", kind="conversion", project_code_stated="")) == {}, "a batch belongs to no project"


def test_one_that_took_the_place_of_another_is_what_follows() -> None:
    """A corrected opinion bears the same number: what stood on the old one stands on the new one."""
    old, *rest = whole_chain(review={"state": "replaced"})
    new = document(
        "review", pk=9, kind="review", issued_on=date(2026, 3, 9), area_m2=10_000.0, licence=licence(valid_to=None)
    )
    answers = report([old, new, *rest], {})
    assert [(one.earlier, one.state) for one in answers if (one.rule, one.later) == ("PR-001", "conversion")] == [
        ("review", "clear")
    ]
    assert broken(old, new, *rest) == {}


def test_areas_are_ellipsoidal() -> None:
    """0.01° × 0.01° at 34.5° N is about 1.02 km², not what degrees would say."""
    assert float(area_of_lonlat([EARLIER])[0]) == pytest.approx(1_019_100, rel=2e-3)
