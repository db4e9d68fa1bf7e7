"""Q608: every patch of national monitoring has a changed parcel or a record of checks."""

from __future__ import annotations

from typing import Any

import pytest
import shapely

from kunyu.packs.land_survey.quality.tests.change_package import Package, part
from kunyu.packs.land_survey.quality.tests.conftest import square

pytestmark = pytest.mark.quick
PARCEL_8 = "990101211000000008"


@pytest.fixture
def package(survey: Any) -> Package:
    """One patch on the changed half of parcel 1, one on parcel 8, which did not change."""
    package = Package(survey)
    inside = square(3, 1).centroid.buffer(20)
    package.parts["monitoring_patches"] = part(
        {"JCBH": ["JC0001", "JC0002"], "TBLX": ["20", "DT"]}, [package.after(2)["geometry"].centroid.buffer(10), inside]
    )
    return package


def _checked(package: Package, **record: Any) -> None:
    package.rows["HCJL"] = [{"XH": 1, "HCJG": "TG"} | {code: value for code, value in record.items() if value}]


def test_a_patch_without_result_is_found_where_it_lies(package: Package) -> None:
    (found,) = package.found("Q608")

    assert (found.severity, found.ids, found.measured) == ("Z", ("JC0002",), "无结果")
    assert found.place.area == pytest.approx(square(3, 1).centroid.buffer(20).area, rel=1e-6)


@pytest.mark.parametrize(
    ("key", "remark", "says"),
    [
        (PARCEL_8, "推土后已恢复耕种", None),
        ("JC0002", "推土后已恢复耕种", None),
        ("-", "JC0002：推土后已恢复耕种", None),
        (PARCEL_8, None, "没有理由"),
        ("-", "JC0002", "没有理由"),
        ("JC0009", "推土后已恢复耕种", "没有变更图斑"),
        ("990101211000000007", "邻近图斑", "没有变更图斑"),
    ],
)
def test_a_record_of_checks_answers_with_a_reason(
    package: Package, key: str, remark: str | None, says: str | None
) -> None:
    _checked(package, TBBSM=key, BZ=remark)

    assert [says in one.message_zh for one in package.found("Q608")] == ([True] if says else [])


@pytest.mark.parametrize(("outcome", "count"), [("MJZ", 0), ("BTG", 1), ("CY", 1)])
def test_the_outcome_must_be_final(package: Package, outcome: str, count: int) -> None:
    _checked(package, TBBSM=PARCEL_8, HCJG=outcome, BZ="未变化")

    found = package.found("Q608")

    assert len(found) == count and all("核查结果尚未认定" in one.message_zh for one in found)


def test_a_later_record_settles_a_doubtful_one(package: Package) -> None:
    rows = [("CY", "存疑"), ("TG", "实地核实未变化")]
    package.rows["HCJL"] = [
        {"XH": at, "TBBSM": PARCEL_8, "HCJG": outcome, "BZ": why} for at, (outcome, why) in enumerate(rows)
    ]

    assert package.found("Q608") == []


@pytest.mark.parametrize(("wide", "count"), [(0.005, 1), (0.02, 0)])
def test_a_changed_parcel_that_only_touches_is_no_answer(package: Package, wide: float, count: int) -> None:
    """100 m of common edge: half a square metre is a touch, two are a change."""
    west, south, _, north = square(1, 0).bounds
    shape = shapely.box(west - wide, south, west + 50, north)
    package.parts["monitoring_patches"] = part({"JCBH": ["JC0003"], "TBLX": ["20"]}, [shape])

    assert len(package.found("Q608")) == count


def test_without_patches_the_rule_says_so(survey: Any) -> None:
    report = Package(survey).check()

    assert "Q608" in {one.rule for one in report.rules_not_run}


def test_a_node_that_knows_there_are_none_has_no_finding(survey: Any) -> None:
    package = Package(survey)
    package.parts["monitoring_patches"] = part({"JCBH": [], "TBLX": []}, [])

    assert "Q608" in package.check().rules_run and package.found("Q608") == []
