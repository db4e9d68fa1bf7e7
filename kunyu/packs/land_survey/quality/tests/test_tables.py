"""Q201 to Q204: tables and identifiers."""

import pytest

pytestmark = pytest.mark.quick


def test_the_county_of_squares_is_clean(survey):
    """R-031: a delivery as the standard has it has no finding of any rule."""
    report = survey.check()

    assert report.findings == ()
    assert report.summary == {"S": 0, "Z": 0, "Q": 0, "W": 0}
    assert len(report.rules_run) >= 31


def test_q201_names_a_missing_field(survey):
    survey.dropped["XZQ"] = {"JSMJ"}

    (found,) = survey.found("Q201")

    assert (found.severity, found.layer, found.ids, found.geometry) == ("S", "XZQ", (), None)
    assert found.message_zh == "XZQ: 缺少字段 JSMJ 计算面积, 标准为 Float(15,2)"


def test_q201_names_a_field_of_another_type(survey):
    for row in survey.rows["DLTB"]:
        row["GDDB"] = str(row["GDDB"])

    (found,) = survey.found("Q201")

    assert found.message_zh == "DLTB: 字段 GDDB 耕地等别 为 文本(2), 标准为 Int(2)"


def test_q201_names_the_row_whose_text_is_no_number_and_goes_on(survey):
    """A bad record never aborts a run."""
    for row in survey.rows["DLTB"]:
        row["GDDB"] = str(row["GDDB"])
    survey.parcel(3)["GDDB"] = "八等"

    report = survey.check()

    row = [one for one in report.findings if one.ids]
    row = [one for one in row if one.rule != "Q503"]  # the text that is no number is no grade either
    assert [(one.rule, one.ids, one.measured) for one in row] == [("Q201", ("990101211000000003",), "八等")]
    assert row[0].message_zh == "DLTB 990101211000000003: GDDB 耕地等别 的值 '八等' 不是 Int(2)"
    assert "Q506" in report.rules_run


@pytest.mark.parametrize(("length", "count"), [(8, 0), (9, 1)])
def test_q201_length_boundary(survey, length, count):
    survey.parcel(1)["TBBH"] = "1" * length

    assert len(survey.found("Q201")) == count


def test_q202_names_a_field_and_not_the_ones_formats_add(survey):
    survey.extra_columns["DLTB"] = {"NOTE2": ["x"] * 8, "Shape_Area": [1.0] * 8}

    (found,) = survey.found("Q202")

    assert found.severity == "Q"
    assert found.message_zh == "DLTB: 字段 NOTE2 不在 TD/T 1057-2020 中, 也未登记为扩展"


@pytest.mark.parametrize("blank", [None, "", "  ", "0", "000"])
def test_q203_blank_and_placeholder(survey, blank):
    survey.parcel(2)["QSDWMC"] = blank

    (found,) = survey.found("Q203")

    assert (found.severity, found.ids) == ("Z", ("990101211000000002",))
    assert "必填字段 QSDWMC 权属单位名称 为" in found.message_zh
    assert found.geometry.geom_type == "Point"


def test_q203_zero_that_is_a_value_passes(survey):
    """FRDBS 0 and a net area of 0 say something; KCXS is conditional."""
    survey.parcel(2).update(KCXS=None, FRDBS="0")

    assert survey.found("Q203") == []


def test_q204_repeated_in_another_layer_is_found_in_both(survey):
    survey.rows["CJDCQ"][0]["BSM"] = survey.parcel(1)["BSM"]

    found = survey.found("Q204")

    twice = [one for one in found if one.limit == 1]
    assert [(one.layer, one.ids, one.measured) for one in twice] == [
        ("CJDCQ", ("990101211000000001",), 2), ("DLTB", ("990101211000000001",), 2),
    ]  # fmt: skip
    assert [one.layer for one in found if one not in twice] == ["CJDCQ"]  # 2110 is not its layer code


@pytest.mark.parametrize(
    ("key", "count"),
    [("990101211000000099", 0), ("990102211000000099", 1), ("990101211100000099", 1), ("99010121100000009", 1),
     ("99010121100000009A", 1)],
)  # fmt: skip
def test_q204_form(survey, key, count):
    survey.parcel(1)["BSM"] = key

    found = survey.found("Q204")

    assert len(found) == count
    if found:
        assert found[0].message_zh == f"DLTB: 标识码 '{key}' 应为 990101+2110+顺序号8位"
