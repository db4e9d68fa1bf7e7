"""Q205 to Q208: values of fields."""

import pytest

pytestmark = pytest.mark.quick


def test_q205_feature_code(survey):
    survey.parcel(4)["YSDM"] = "2001010200"

    (found,) = survey.found("Q205")

    assert (found.severity, found.measured, found.limit) == ("Z", "2001010200", "2001010100")
    assert found.message_en == "DLTB 990101211000000004: feature code 2001010200 should be 2001010100"


def test_q206_names_the_code_as_a_person_would(survey):
    survey.parcel(3)["DLBM"] = "0199"
    survey.parcel(3)["DLMC"] = None

    (found,) = survey.found("Q206")

    assert found.message_zh == "DLTB 990101211000000003: DLBM 地类编码 0199 不在 TD/T 1057-2020 表中"
    assert found.remedy_zh == "改为 DLBM 代码表中的代码"


@pytest.mark.parametrize("code", ["0201K", "1107A", "09", None])
def test_q206_passes_every_code_of_the_list(survey, code):
    survey.parcel(3)["DLBM"] = code

    assert survey.found("Q206") == []


def test_q207_name_of_another_code(survey):
    survey.parcel(5)["DLMC"] = "旱地"

    (found,) = survey.found("Q207")

    assert found.message_zh == "DLTB 990101211000000005: DLMC 地类名称 旱地 与 DLBM 0101 不符, 应为 水田"


def test_q207_name_without_a_code_is_a_finding_and_a_code_without_a_name_is_not(survey):
    survey.parcel(1)["ZZSXDM"] = None
    survey.parcel(2)["ZZSXMC"] = None

    assert [one.ids for one in survey.found("Q207")] == [("990101211000000001",)]


@pytest.mark.parametrize(
    ("field", "value", "count"),
    [("TBMJ", 0.01, 0), ("TBMJ", 0.0, 1), ("KCXS", 0.9999, 0), ("KCXS", 1.0, 1), ("KCMJ", -0.01, 1), ("TBDLMJ", 0.0, 0),
     ("TBDLMJ", -0.01, 1), ("GDDB", 15, 0), ("GDDB", 16, 1), ("GDDB", 1, 0), ("GDDB", 0, 1)],
)  # fmt: skip
def test_q208_boundaries(survey, field, value, count):
    survey.parcel(6)[field] = value

    found = survey.found("Q208")

    assert len(found) == count
    if found:
        assert found[0].measured == value


def test_q208_message(survey):
    survey.parcel(6)["GDDB"] = 16

    assert survey.found("Q208")[0].message_zh == "DLTB 990101211000000006: GDDB 耕地等别 16 超出 [1, 15]"


@pytest.mark.parametrize(
    ("told", "value", "count"), [(2024, 2024, 0), (2024, 2025, 1), (2025, 2025, 0), (2024, 1983, 1)]
)
def test_q208_year_of_production_is_the_survey_year_or_earlier(survey, told, value, count):
    survey.parcel(1)["SJNF"] = value

    assert len(survey.found("Q208", year=told)) == count
