"""Codes of matters after GB/T 39554.1-2020, on the real code of registers.md §8 (R-010, R-300)."""

import pytest

from kunyu.kernel import matter_codes
from kunyu.kernel.identifier_checks import BadIdentifier

REAL = "11370800MB28559184" + "3" + "370117002011"


def reason_of(act, *given, **more):
    with pytest.raises(BadIdentifier) as caught:
        act(*given, **more)
    assert caught.value.detail_zh and caught.value.detail_en and caught.value.exit_code == 2
    return caught.value.reason


def test_the_real_code_of_the_notes():
    parts = matter_codes.parse_implementation_code(REAL)

    assert (parts.office, parts.level, parts.item) == ("11370800MB28559184", "city", "")
    basic = parts.basic
    assert (basic.division, basic.kind, basic.department, basic.main, basic.sub) == ("37", "01", "17", "002", "011")
    assert matter_codes.build_implementation_code(parts.office, "city", basic.code) == REAL


def test_a_handling_code_has_two_digits_more():
    code = matter_codes.build_implementation_code("11370800MB28559184", "city", "370117002011", 7)

    assert code == REAL + "07" and len(code) == 33
    assert matter_codes.parse_implementation_code(code).item == "07"
    assert reason_of(matter_codes.build_implementation_code, "11370800MB28559184", "city", "370117002011", 100) == (
        "structure"
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("37011700201", "length"),
        ("37011700201X", "characters"),
        ("１７0117002011", "characters"),
        ("980117002011", "division"),
        ("371117002011", "kind"),
        ("370117000011", "structure"),
    ],
)
def test_bad_basic_codes(code, reason):
    assert reason_of(matter_codes.parse_basic_code, code) == reason
    assert not matter_codes.is_basic_code(code)


def test_the_nation_is_00():
    assert matter_codes.parse_basic_code("000115001000").division == "00"
    assert matter_codes.is_basic_code("000115001000")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (REAL[:-1], "length"),
        ("11370800MB28559185" + REAL[18:], "check"),
        (REAL[:18] + "7" + REAL[19:], "level"),
        (REAL + "0A", "structure"),
        (REAL[:19] + "371117002011", "kind"),
    ],
)
def test_bad_implementation_codes(code, reason):
    assert reason_of(matter_codes.parse_implementation_code, code) == reason


def test_a_level_is_named_in_words():
    assert reason_of(matter_codes.build_implementation_code, REAL[:18], "3", REAL[19:]) == "level"
