"""Check digits and structures of register identifiers; examples from registers.md §2, §3, §9 (R on registers)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kunyu.kernel import identifiers as ids
from kunyu.kernel.identifiers import BadIdentifier

CREDIT_CODES = [
    "91350100M000100Y43",
    "11100000000013338W",
    "11100000MB03271699",
    "11370800MB28559184",
    "11430000006122244L",
    "11330105002500287C",
]
CERTIFICATES = [
    "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
    "1.2.156.3005.2.11100000000013338W009.11330105002500287C.2025052201.002.0",
    "1.2.156.3005.2.11100000MB03271699022.340100.000000016.001.9",
]
USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def reason_of(parse, code, *arguments):
    with pytest.raises(BadIdentifier) as caught:
        parse(code, *arguments)
    assert caught.value.detail_zh and caught.value.detail_en and caught.value.exit_code == 2
    return caught.value.reason


@pytest.mark.parametrize("code", CREDIT_CODES)
def test_credit_codes_of_the_notes(code):
    assert ids.parse_credit_code(code).code == code


def test_credit_code_parts():
    parts = ids.parse_credit_code("91350100M000100Y43")

    assert (parts.authority, parts.kind, parts.division, parts.organisation) == ("9", "1", "350100", "M000100Y4")
    assert ids.is_organisation_code(parts.organisation)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("91350100M000100Y44", "check"),
        ("91350100M000100Y4", "length"),
        ("91350100M000I00Y43", "characters"),
        ("91350100m000100y43", "characters"),
        ("9135A100M000100Y43", "division"),
        ("", "length"),
    ],
)
def test_bad_credit_codes(code, reason):
    assert reason_of(ids.parse_credit_code, code) == reason


def test_credit_code_message_names_value_and_remedy():
    with pytest.raises(BadIdentifier) as caught:
        ids.parse_credit_code("91350100M000100Y44")

    assert caught.value.detail_zh == "统一社会信用代码 91350100M000100Y44: 校验码 4 应为 3。"


@given(
    st.text(USCC, min_size=2, max_size=2),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(USCC, min_size=9, max_size=9),
    st.integers(0, 17),
    st.sampled_from(USCC),
)
def test_any_single_change_of_a_credit_code_is_caught(head, division, body, place, letter):
    """31 is prime and no weight is a multiple of it: every single substitution shows."""
    first = head + division + body
    code = first + ids.credit_code_check(first)
    changed = code[:place] + letter + code[place + 1 :]

    assert ids.is_credit_code(code)
    assert ids.is_credit_code(changed) == (changed == code)


def test_organisation_code_with_and_without_hyphen():
    assert ids.parse_organisation_code("M000100Y-4") == "M000100Y4"
    assert reason_of(ids.parse_organisation_code, "M000100Y5") == "check"
    assert reason_of(ids.parse_organisation_code, "M000100Y") == "length"
    assert reason_of(ids.parse_organisation_code, "m000100Y4") == "characters"


@given(st.text("0123456789", min_size=8, max_size=8), st.integers(0, 7), st.sampled_from("0123456789"))
def test_any_single_change_of_a_numeric_organisation_code_is_caught(first, place, digit):
    """Among digits 11 shows every substitution; letters 11 apart share a remainder, so no such promise there."""
    code = first + ids.organisation_check(first)
    changed = code[:place] + digit + code[place + 1 :]

    assert ids.is_organisation_code(changed) == (changed == code)


def test_citizen_id_of_the_standard():
    person = ids.parse_citizen_id("11010519491231002X")

    assert (person.division, person.born, person.male) == ("110105", date(1949, 12, 31), False)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("110105194912310021", "check"),
        ("11010519491231002x", "characters"),
        ("1101051949123100", "length"),
        ("110105194902300020", "date"),
        ("990105194912310023", "division"),
        ("11010517491231002X", "date"),
    ],
)
def test_bad_citizen_ids_never_show_the_number(code, reason):
    with pytest.raises(BadIdentifier) as caught:
        ids.parse_citizen_id(code)

    assert caught.value.reason == reason
    assert code not in str(caught.value) and code not in str(caught.value.context)


def test_citizen_cannot_be_born_tomorrow():
    first = "11010520261124001"
    code = first + ids.citizen_check(first)

    assert ids.parse_citizen_id(code, today=date(2026, 11, 24)).male
    assert reason_of(ids.parse_citizen_id, code, date(2026, 11, 23)) == "date"


@given(st.text("0123456789", min_size=17, max_size=17), st.integers(0, 17), st.sampled_from("0123456789X"))
def test_any_single_change_of_a_citizen_id_changes_the_check(first, place, digit):
    """ISO 7064 MOD 11-2 catches every single substitution."""
    if place < 17 and digit == "X":
        return
    code = first + ids.citizen_check(first)
    changed = code[:place] + digit + code[place + 1 :]

    assert (ids.citizen_check(changed[:17]) == changed[17]) == (changed == code)


@pytest.mark.parametrize("code", CERTIFICATES)
def test_certificates_of_the_notes(code):
    assert ids.parse_certificate_id(code).code == code


def test_certificate_parts():
    parts = ids.parse_certificate_id(CERTIFICATES[2])

    assert (parts.certificate_type, parts.authority) == ("11100000MB03271699022", "340100")
    assert (parts.serial, parts.version) == ("000000016", "001")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (CERTIFICATES[0][:-1] + "V", "check"),
        (CERTIFICATES[0].replace("1.2.156", "1.2.157"), "structure"),
        (CERTIFICATES[0][:-2], "structure"),
        (CERTIFICATES[0].lower(), "characters"),
        (CERTIFICATES[0].replace(".001.", ".01."), "structure"),
        ("", "structure"),
    ],
)
def test_bad_certificates(code, reason):
    assert reason_of(ids.parse_certificate_id, code) == reason


@given(st.text(ALPHANUMERIC, min_size=1, max_size=60), st.integers(0, 60), st.sampled_from(ALPHANUMERIC))
def test_any_single_change_of_a_certificate_number_is_caught(text, place, letter):
    """ISO 7064 MOD 37,36 catches every single substitution."""
    full = text + ids.certificate_check(text)
    place %= len(full)
    changed = full[:place] + letter + full[place + 1 :]

    assert (ids.certificate_check(changed[:-1]) == changed[-1]) == (changed == full)


def test_unit_code_of_the_notes():
    unit = ids.parse_unit("110102001001 GB00001 F00010001")

    assert unit.code == "110102001001GB00001F00010001"
    assert unit.display() == "110102001001 GB00001 F00010001"
    assert (unit.parcel.county, unit.parcel.cadastral_district, unit.parcel.cadastral_subdistrict) == (
        "110102",
        "001",
        "001",
    )
    assert (unit.parcel.ownership, unit.parcel.right, unit.parcel.sequence) == ("G", "B", "00001")
    assert (unit.fixture, unit.fixture_number) == ("F", "00010001")
    assert ids.is_unit("990101001001JA00001W00000000")
    assert ids.is_unit("370211000000GH00001W00000000")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("110102001001GB00001F0001000", "length"),
        ("110102001001XB00001F00010001", "structure"),
        ("110102001001GZ00001F00010001", "structure"),
        ("110102001001GB00000F00010001", "structure"),
        ("110102001001GB00001P00010001", "structure"),
        ("110102001001GB00001W00010001", "structure"),
        ("110102001001GB00001F00000000", "structure"),
        ("110102001001JA00001F00010001", "structure"),
        ("110102001001GA00001W00000000", "structure"),
        ("110102001001JH00001W00000000", "structure"),
        ("180102001001GB00001F00010001", "division"),
        ("110102001001GB00001F0001000１", "structure"),
    ],
)
def test_bad_unit_codes(code, reason):
    assert reason_of(ids.parse_unit, code) == reason


def test_parcel_code():
    assert ids.is_parcel("110102001001GB00001")
    assert reason_of(ids.parse_parcel, "110102001001GB0000") == "length"


def test_feature_id_of_the_notes():
    feature = ids.parse_feature_id("420982211000158643", county="420982", layer_code="2110")

    assert (feature.county, feature.layer_code, feature.sequence) == ("420982", "2110", "00158643")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("42098221100015864", "length"),
        ("42098221100015864A", "characters"),
        ("420983211000158643", "division"),
        ("420982219000158643", "structure"),
        ("４20982211000158643", "characters"),
    ],
)
def test_bad_feature_ids(code, reason):
    assert reason_of(ids.parse_feature_id, code, "420982", "2110") == reason


@pytest.mark.parametrize(
    ("code", "level", "county"),
    [
        ("41", "province", None),
        ("410000", "province", None),
        ("4101", "city", None),
        ("410100", "city", None),
        ("410102", "county", "410102"),
        ("429004", "county", "429004"),
        ("410102001", "township", "410102"),
        ("410102001002", "village", "410102"),
        ("990101", "county", "990101"),
        ("410102000000", "county", "410102"),
    ],
)
def test_division_codes(code, level, county):
    division = ids.parse_division(code)

    assert (division.level, division.county) == (level, county)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("4", "length"),
        ("41010", "length"),
        ("41010a", "characters"),
        ("170102", "division"),
        ("410002", "division"),
        ("", "characters"),
        ("00", "division"),
    ],
)
def test_bad_division_codes(code, reason):
    assert reason_of(ids.parse_division, code) == reason


def test_the_sample_province_is_refused_where_only_real_ones_count():
    assert ids.is_division("990101")
    assert not ids.is_division("990101", real_only=True)


@given(st.text(max_size=40))
def test_no_text_breaks_a_parser(text):
    for holds in (
        ids.is_credit_code,
        ids.is_organisation_code,
        ids.is_citizen_id,
        ids.is_parcel,
        ids.is_unit,
        ids.is_feature_id,
        ids.is_certificate_id,
        ids.is_division,
    ):
        assert holds(text) in (True, False)
