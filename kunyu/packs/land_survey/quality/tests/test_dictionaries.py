"""Q209 to Q211: unit codes, names and parcel numbers."""

import pyarrow as pa
import pytest

from kunyu.engines.ingest.checks.reference import Reference, ReferencePart

pytestmark = pytest.mark.quick

VILLAGE, OTHER = "9901011002010000000", "9901011002020000000"


@pytest.mark.parametrize(
    ("field", "code", "count"),
    [("ZLDWDM", "9901011009990000000", 1), ("ZLDWDM", "9901021002010000000", 1), ("QSDWDM", "9901011009990000000", 1),
     ("QSDWDM", "9901011002010000007", 0), ("QSDWDM", "9901021002010000000", 0)],
)  # fmt: skip
def test_q209_codes(survey, field, code, count):
    """A group below a village is known by its village; an owner in another county needs a reference pack."""
    survey.parcel(1)[field] = code

    assert len(survey.found("Q209")) == count


def test_q209_says_what_it_could_not_judge(survey):
    report = survey.check()

    assert "Q209" in report.rules_run
    assert {"Q209.outside_county", "Q508.control_area"} <= {
        one.rule for one in report.rules_not_run if "参考包" in one.reason
    }


@pytest.mark.parametrize(
    ("code", "count"),
    [("9901021002010000000", 0), ("9901021002010000033", 0), ("9901021002990000000", 1), ("8801021002010000000", 1)],
)
def test_q209_owners_of_other_counties_stand_in_the_reference(survey, code, count):
    """A group of a known village is known; Q515 has its own word on enclaves."""
    survey.parcel(1)["QSDWDM"] = code
    units = ReferencePart(pa.table({"QSDWDM": ["9901021002010000000"], "QSDWMC": ["邻村"]}))

    found = survey.found("Q209", reference=Reference("TDT1057-2020", "990101", {"units": units}))

    assert [(one.ids, one.measured) for one in found] == [((survey.parcel(1)["BSM"],), code)] * count


def test_q209_village_outside_every_township(survey):
    survey.rows["CJDCQ"][1]["ZLDWDM"] = "9901012002020000000"

    assert [(one.layer, one.measured) for one in survey.found("Q209") if one.layer == "CJDCQ"] == [
        ("CJDCQ", "9901012002020000000")
    ]


def test_q209_is_not_run_without_a_dictionary(survey):
    del survey.rows["CJDCQ"]

    report = survey.check()

    assert "Q209" not in report.rules_run
    (reason,) = [one.reason for one in report.rules_not_run if one.rule == "Q209"]
    assert reason == "成果中没有 CJDCQ 村级调查区; the delivery has no layer CJDCQ"


def test_q210_name_of_another_village(survey):
    survey.parcel(1)["ZLDWMC"] = "乙村"

    (found,) = survey.found("Q210")

    assert found.message_zh == f"DLTB 990101211000000001: ZLDWMC 乙村 与 ZLDWDM {VILLAGE} 不符, 应为 甲村"
    assert found.severity == "Q"


def test_q210_passes_over_groups_the_dictionary_does_not_hold(survey):
    survey.parcel(1).update(QSDWDM="9901011002010000007", QSDWMC="甲村七组")

    assert survey.found("Q210") == []


def test_q211_repeated_number_is_one_finding_with_both_parcels(survey):
    survey.parcel(2)["TBBH"] = "01"

    (found,) = survey.found("Q211")

    assert found.ids == ("990101211000000001", "990101211000000002")
    assert (found.measured, found.limit) == (2, 1)
    assert found.message_zh.startswith(f"DLTB: 坐落单位 {VILLAGE} 内图斑编号 1 出现 2 次")
    assert found.geometry.geom_type == "MultiPoint"


@pytest.mark.parametrize(("text", "count"), [("7", 0), ("0", 1), (" 7", 1), ("7 ", 1), ("七", 1)])
def test_q211_form(survey, text, count):
    survey.parcel(2)["TBBH"] = text

    found = survey.found("Q211")

    assert [one.measured for one in found] == [text] * count
