"""Q602 to Q605 and Q610: every record of a change package leads from a stored parcel to a delivered one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely

from kunyu.packs.land_survey.quality.tests.change_package import Package, part

pytestmark = pytest.mark.quick
PARCEL_1, PARCEL_3 = "990101211000000001", "990101211000000003"
RECORD = ["990101401000000001", "990101401000000002", "990101401000000003"]
RULES = {"Q602", "Q603", "Q604", "Q605", "Q610"}


@pytest.fixture
def package(survey: Any) -> Package:
    return Package(survey)


def test_a_clean_package_has_no_finding_of_its_records(package: Package) -> None:
    report = package.check()

    assert set(report.rules_run) >= RULES
    assert [one for one in report.findings if one.rule in RULES] == []


def test_without_a_reference_the_rules_say_so(package: Package) -> None:
    package.check()
    from kunyu.engines.ingest.checks.runner import run
    from kunyu.engines.ingest.reading import open_delivery

    with open_delivery(package.survey.folder / "change.gpkg") as source:
        report = run(source, package.survey.standard)

    why = {one.rule: one.reason for one in report.rules_not_run}
    assert "参考包 (base.DLTB)" in why["Q602"] and not set(report.rules_run) & RULES


def test_q602_a_parcel_before_that_is_not_stored(package: Package) -> None:
    package.change(3)["BGQTBBSM"] = "990101211000007777"

    (found,) = package.found("Q602")

    assert (found.severity, found.layer, found.ids, found.measured) == (
        "S",
        "DLTBGXGC",
        (RECORD[2],),
        "990101211000007777",
    )
    assert "在库中现状中不存在" in found.message_zh and found.geometry.geom_type == "Polygon"


def test_q602_a_parcel_after_that_is_not_delivered(package: Package) -> None:
    package.change(2)["BGHTBBSM"] = "990101211000007777"

    found = package.found("Q602")

    assert {one.layer for one in found} == {"DLTBGXGC", "DLTBGX"}
    assert {one.ids for one in found} == {(RECORD[1],), ("990101211000009002",)}


@pytest.mark.parametrize(("kind", "count"), [("2", 1), ("3", 0)])
def test_q602_only_new_land_has_no_parcel_before(package: Package, kind: str, count: int) -> None:
    for code in [one for one in package.change(2) if one.startswith("BGQ")]:
        package.change(2)[code] = None
    package.change(2)["BGXW"] = kind

    assert len(package.found("Q602")) == count


def test_q602_only_land_that_is_gone_has_no_parcel_after(package: Package) -> None:
    old = package.survey.parcel(8)
    package.rows["DLTBGXGC"].append(package.record(old, None, "0"))
    assert package.found("Q602") == []

    package.rows["DLTBGXGC"][-1]["BGXW"] = "2"
    (found,) = package.found("Q602")
    assert "BGHTBBSM 为空" in found.message_zh


@pytest.mark.parametrize(("off", "count"), [(0.0, 0), (0.01, 0), (0.02, 2), (-0.02, 2)])
def test_q603_boundary(package: Package, off: float, count: int) -> None:
    """A cent more or less is allowed; two are found on the parcel before and the parcel after."""
    package.change(1)["TBBGMJ"] = round(package.change(1)["TBBGMJ"] + off, 2)

    found = package.found("Q603")

    assert len(found) == count
    if found:
        assert {one.ids for one in found} == {(PARCEL_1,), ("990101211000009001",)}
        assert all(round(one.measured - one.limit, 2) == off and one.unit == "m²" for one in found)
        before = next(one for one in found if one.ids == (PARCEL_1,))
        assert before.place.equals_exact(package.survey.parcel(1)["geometry"], 1e-6)


def test_q603_a_piece_that_no_record_mentions(package: Package) -> None:
    del package.rows["DLTBGXGC"][1]

    found = package.found("Q603")

    assert [one.ids for one in found] == [(PARCEL_1,)]
    assert found[0].limit - found[0].measured == pytest.approx(package.after(2)["TBMJ"], abs=1e-6)


def test_q604_new_land_has_no_fields_before(package: Package) -> None:
    package.change(2)["BGXW"] = "3"

    (found,) = package.found("Q604")

    assert (found.ids, found.severity, found.limit) == ((RECORD[1],), "Z", "空")
    assert "变更前字段 BGQTBBSM 不为空" in found.message_zh


def test_q604_gone_land_has_no_fields_after(package: Package) -> None:
    package.change(3)["BGXW"] = "0"

    (found,) = package.found("Q604")

    assert found.ids == (RECORD[2],) and "BGHTBBSM" in found.message_zh


@pytest.mark.parametrize(("shift", "count"), [(0.0, 0), (1e-9, 0), (0.00005, 0), (0.02, 1)])
def test_q604_attribute_changes_keep_the_geometry(package: Package, shift: float, count: int) -> None:
    shape = package.after(3)["geometry"]
    package.after(3)["geometry"] = shapely.transform(shape, lambda xy: xy + np.array([shift, 0.0]))

    found = [one for one in package.found("Q604") if "图形不同" in one.message_zh]

    assert len(found) == count


def test_q604_a_vertex_more_on_an_edge_is_the_same_geometry(package: Package) -> None:
    package.after(3)["geometry"] = shapely.segmentize(package.after(3)["geometry"], 30.0)

    assert package.found("Q604") == []


def test_q604_an_attribute_change_without_one(package: Package) -> None:
    old = package.survey.parcel(5)
    package.after(3).update(DLBM=old["DLBM"], DLMC=old["DLMC"])
    package.change(3).update(BGHDLBM=old["DLBM"], BGHDLMC=old["DLMC"])

    (found,) = package.found("Q604")

    assert found.measured == 0 and "属性完全相同" in found.message_zh


def test_q604_a_change_of_shape_without_one_is_listed(package: Package) -> None:
    package.change(3)["BGXW"] = "2"

    (found,) = package.found("Q604")

    assert found.severity == "W" and "图形相同" in found.message_zh


def test_q604_a_copy_that_is_not_the_stored_value(package: Package) -> None:
    package.change(1)["BGQDLBM"] = "0102"

    (found,) = package.found("Q604")

    assert (found.ids, found.measured, found.limit) == ((RECORD[0],), "0102", "库中")


@pytest.mark.parametrize(
    "fields", [{"ZLDWDM": "9901011002030000000"}, {"QSDWDM": "9901011002990000000", "QSDWMC": "新村"}]
)
def test_q605_recoding_alone_is_no_change(package: Package, fields: dict[str, str]) -> None:
    old = package.survey.parcel(5)
    package.after(3).update(old | {"SJNF": 2025} | fields)
    package.change(3).update({f"BGH{code}": package.after(3)[code] for code in ("DLBM", "DLMC", *fields)})

    report = package.check()

    found = [one for one in report.findings if one.rule == "Q605"]
    assert [one.ids for one in found] == [(RECORD[2],)] and found[0].measured == "、".join(sorted(fields))
    assert not [one for one in report.findings if one.rule == "Q604"]


def test_q605_recoding_beside_another_change_is_one(package: Package) -> None:
    package.after(3)["ZLDWDM"] = package.change(3)["BGHZLDWDM"] = "9901011002030000000"

    assert package.found("Q605") == []


def test_q610_an_unchanged_parcel_keeps_its_number(package: Package) -> None:
    old = package.survey.parcel(5)
    package.after(3).update(old | {"SJNF": 2025, "BSM": "990101211000009003"})
    package.change(3).update(BGHDLBM="0101", BGHDLMC="水田", BGHTBBSM="990101211000009003")

    (found,) = package.found("Q610")

    assert (found.measured, found.limit) == ("990101211000009003", "990101211000000005")


def test_q610_the_number_of_another_parcel_is_taken(package: Package) -> None:
    package.after(2)["BSM"] = package.change(2)["BGHTBBSM"] = PARCEL_3

    (found,) = package.found("Q610")

    assert (found.layer, found.ids) == ("DLTBGX", (PARCEL_3,)) and found.geometry.geom_type == "Polygon"


def test_q610_an_ended_number_is_used_again(package: Package) -> None:
    ended = ["990101211000009001", "990101211000004444"]
    package.parts["retired"] = part({"layer": ["DLTB", "DLTB", "XZQ"], "BSM": [*ended, "990101211000009002"]})

    (found,) = package.found("Q610")

    assert found.ids == (ended[0],) and "不得再用" in found.message_zh


def test_q610_says_that_it_did_not_ask_without_the_list_of_ended_numbers(package: Package) -> None:
    report = package.check()

    assert "Q610.retired" in {one.rule for one in report.rules_not_run}
