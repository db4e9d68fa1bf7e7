"""Q501 to Q503, Q510 to Q517: the land class and what stands beside it (R-088, R-185)."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.quick

SLOPE = {"KCXS": 0.0425, "KCDLBM": "1203", "GDPDJB": "2", "GDLX": "PD"}
FOREST = {
    "DLBM": "0301",
    "DLMC": "乔木林地",
    "GDPDJB": None,
    "GDDB": None,
    "KCXS": None,
    "ZZSXDM": None,
    "ZZSXMC": None,
}
OUT_OF_COUNTY = "9901021002010000000"

WRONG = [
    ("Q501", {**SLOPE, "KCDLBM": None}, "KCDLBM"),
    ("Q501", {**SLOPE, "GDPDJB": "1"}, "GDPDJB"),
    ("Q501", {**SLOPE, "GDLX": None}, "GDLX"),
    ("Q501", {**FOREST, **SLOPE}, "DLBM"),
    ("Q502", {**FOREST, "GDPDJB": "1"}, "GDPDJB"),
    ("Q502", {**FOREST, "GDDB": 8}, "GDDB"),
    ("Q502", {**FOREST, "KCXS": 0.01}, "KCXS"),
    ("Q503", {"ZZSXDM": None, "ZZSXMC": None}, "ZZSXDM"),
    ("Q503", {"GDDB": None}, "GDDB"),
    ("Q503", {"GDPDJB": None}, "GDPDJB"),
    ("Q510", {**FOREST, "DLBM": "0601"}, "CZCSXM"),
    ("Q510", {**FOREST, "DLBM": "08H2A"}, "CZCSXM"),
    ("Q510", {**FOREST, "DLBM": "0602", "CZCSXM": "203"}, "CZCSXM"),
    ("Q510", {**FOREST, "DLBM": "09"}, "CZCSXM"),
    ("Q511", {**FOREST, "DLBM": "0701", "CZCSXM": "203"}, "CZCSXM"),
    ("Q511", {**FOREST, "DLBM": "0702", "CZCSXM": "201"}, "CZCSXM"),
    ("Q511", {**FOREST, "DLBM": "0702", "CZCSXM": "205"}, "CZCSXM"),
    ("Q512", {**FOREST, "TBXHDM": "LQGD"}, "TBXHDM"),
    ("Q512", {"TBXHDM": "HDGY"}, "TBXHDM"),
    ("Q513", {**FOREST, "ZZSXDM": "LS"}, "ZZSXDM"),
    ("Q513", {"ZZSXDM": "JKHF"}, "ZZSXDM"),
    ("Q514", {"QSDWDM": "9901011000000000000"}, "QSDWDM"),
    ("Q514", {**FOREST, "DLBM": "1101"}, "QSXZ"),
    ("Q515", {"QSDWDM": OUT_OF_COUNTY}, "FRDBS"),
    ("Q515", {"FRDBS": "1"}, "FRDBS"),
    ("Q516", {"MSSM": "01"}, "HDMC"),
    ("Q516", {"HDMC": "月亮岛"}, "MSSM"),
    ("Q517", {**FOREST, "DLBM": "1107A"}, "XZDWKD"),
    ("Q517", {**FOREST, "DLBM": "1003", "XZDWKD": 0.0}, "XZDWKD"),
]

RIGHT = [
    ("Q501", SLOPE),
    ("Q501", {**SLOPE, "GDPDJB": "5", "GDLX": "TT"}),
    ("Q501", {"KCXS": 0.0}),
    ("Q502", FOREST),
    ("Q502", {**FOREST, "KCXS": 0.0, "GDDB": 0, "GDPDJB": "0"}),
    ("Q502", {**FOREST, "DLBM": None}),
    ("Q503", FOREST),
    ("Q510", {**FOREST, "DLBM": "0601", "CZCSXM": "201A"}),
    ("Q510", {**FOREST, "DLBM": "0603", "CZCSXM": "204"}),
    ("Q510", {**FOREST, "DLBM": "09", "CZCSXM": "205"}),
    ("Q511", {**FOREST, "DLBM": "0701", "CZCSXM": "202"}),
    ("Q511", {**FOREST, "DLBM": "0702", "CZCSXM": "203"}),
    ("Q512", {"TBXHDM": "HDGD"}),
    ("Q512", {**FOREST, "DLBM": "0201K", "TBXHDM": "LQYD"}),
    ("Q513", {**FOREST, "ZZSXDM": "GCHF"}),
    ("Q514", {"QSXZ": "33", "QSDWDM": "9901011000000000000"}),
    ("Q514", {**FOREST, "DLBM": "1101", "QSXZ": "20"}),
    ("Q515", {"QSDWDM": OUT_OF_COUNTY, "FRDBS": "1"}),
    ("Q516", {"MSSM": "01", "HDMC": "月亮岛"}),
    ("Q517", {**FOREST, "DLBM": "1003", "XZDWKD": 7.5}),
]


@pytest.fixture
def with_every_field(survey: Any) -> Any:
    """A survey whose other parcels leave optional fields empty but supplied."""
    for number in range(1, 9):
        for field in ("TBXHDM", "CZCSXM", "XZDWKD", "HDMC", "KCDLBM", "GDLX"):
            survey.parcel(number).setdefault(field, None)
    return survey


@pytest.mark.parametrize(("rule", "values", "field"), WRONG, ids=[f"{one[0]}-{at}" for at, one in enumerate(WRONG)])
def test_wrong_values_are_named(with_every_field: Any, rule: str, values: dict[str, Any], field: str) -> None:
    with_every_field.parcel(1).update(values)

    (found,) = [
        one for one in with_every_field.found(rule) if f"{field} " in one.message_zh or f"{field} " in one.message_en
    ]

    assert found.ids == ("990101211000000001",) and found.geometry is not None and found.remedy_zh


@pytest.mark.parametrize(("rule", "values"), RIGHT, ids=[f"{one[0]}-{at}" for at, one in enumerate(RIGHT)])
def test_right_values_pass(with_every_field: Any, rule: str, values: dict[str, Any]) -> None:
    with_every_field.parcel(1).update(values)

    assert with_every_field.found(rule) == []


def test_a_clean_survey_has_no_finding_of_these(with_every_field: Any) -> None:
    assert [one.rule for one in with_every_field.check().findings if one.rule in {rule for rule, _ in RIGHT}] == []
