"""Identifiers of registers: taken apart, checked, explained. 标识码.

Algorithms and structures after the project's register notes (registers.md §1–§3, §9, land-survey.md §3). Each
``parse_…`` returns the parts or raises `BadIdentifier` with a reason code and both languages; each ``is_…`` answers
yes or no. Letters are compared as written: full-width or lower-case input is the caller's to normalise.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from kunyu.kernel.errors import UsageError

PROVINCES = frozenset(
    [
        "11",
        "12",
        "13",
        "14",
        "15",
        "21",
        "22",
        "23",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "37",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "50",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "81",
        "82",
    ]
)
"""First two digits of GB/T 2260 (from memory, see registers.md §2.4)."""

SAMPLE_PROVINCE = "99"
"""The fictional province of the sample county: no GB/T 2260 code begins so."""

_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_CITIZEN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CITIZEN_CHECKS = "10X98765432"
_ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CERTIFICATE_ROOT = "1.2.156.3005.2"
_PERSON_OF_DATE_FROM = date(1850, 1, 1)

PARCEL_RIGHTS = {
    "A": "集体土地所有权宗地",
    "B": "建设用地使用权宗地(地表)",
    "S": "建设用地使用权宗地(地上)",
    "X": "建设用地使用权宗地(地下)",
    "C": "宅基地使用权宗地",
    "D": "土地承包经营权宗地(耕地)",
    "E": "林地使用权宗地",
    "F": "草原使用权宗地",
    "H": "海域使用权宗海",
    "G": "无居民海岛使用权",
    "W": "使用权未确定或有争议",
    "Y": "其他使用权",
    "L": "国有林地(未核实)",
    "N": "农用地其他(未核实)",
}
"""Digit 14 of a unit code → meaning. L and N are unverified (registers.md §3.1)."""

FIXTURES = {
    "F": "房屋等建筑物、构筑物",
    "L": "森林或林木",
    "Q": "其他",
    "W": "无定着物",
}
OWNERSHIPS = {"G": "国家", "J": "集体", "Z": "争议或未确权"}


class BadIdentifier(UsageError):
    """An identifier is not what its standard asks. ``reason`` in the context is stable."""

    code = "identifier.bad"
    title_zh, title_en = "标识码错误", "Bad identifier"

    @property
    def reason(self) -> str:
        """Return the reason code: length, characters, check, division, date, structure."""
        return str(self.context["reason"])


@dataclass(frozen=True)
class Division:
    """An administrative division code taken apart (GB/T 2260, GB/T 10114). ``level`` is a word of `LEVELS`."""

    code: str
    level: str
    province: str
    city: str | None
    county: str | None
    township: str | None


LEVELS = ("province", "city", "county", "township", "village")


@dataclass(frozen=True)
class CreditCode:
    """A unified social credit code (GB 32100-2015)."""

    code: str
    authority: str
    kind: str
    division: str
    organisation: str


@dataclass(frozen=True)
class CitizenId:
    """A citizen id (GB 11643-1999). Personal data: never log it."""

    division: str
    born: date
    male: bool


@dataclass(frozen=True)
class Parcel:
    """A 19-character parcel code (宗地代码, GB/T 37346-2019)."""

    code: str
    county: str
    cadastral_district: str
    cadastral_subdistrict: str
    ownership: str
    right: str
    sequence: str


@dataclass(frozen=True)
class Unit:
    """A 28-character real-estate unit code (不动产单元代码, GB/T 37346-2019)."""

    code: str
    parcel: Parcel
    fixture: str
    fixture_number: str

    def display(self) -> str:
        """Return the code in its printed groups: ``110102001001 GB00001 F00010001``."""
        return f"{self.code[:12]} {self.code[12:19]} {self.code[19:]}"


@dataclass(frozen=True)
class FeatureId:
    """An 18-digit feature id (BSM, TD/T 1057-2020): county, layer code, sequence."""

    code: str
    county: str
    layer_code: str
    sequence: str


@dataclass(frozen=True)
class CertificateId:
    """An electronic certificate id (电子证照标识, GB/T 36904-2018)."""

    code: str
    certificate_type: str
    authority: str
    serial: str
    version: str


# -- division codes ------------------------------------------------------------------------------------------------


def parse_division(code: str, real_only: bool = False) -> Division:
    """Take a division code of 2, 4, 6, 9 or 12 digits apart.

    Trailing zeros name a higher level: 410000 is a province, 410100 a city. ``real_only`` refuses the sample's
    province 99. Whether the code was ever issued is for the reference engine to say: codes change in time.

    Raises
    ------
    BadIdentifier
        Reasons: characters, length, division.
    """
    _require_digits("行政区划代码", "division code", code)
    if len(code) not in (2, 4, 6, 9, 12):
        raise _wrong_length("行政区划代码", "division code", code, "2, 4, 6, 9, 12")
    _require_province("行政区划代码", "division code", code, real_only)
    padded = code.ljust(12, "0")
    filled = [padded[:2], padded[2:4], padded[4:6], padded[6:9], padded[9:12]]
    depth = max(place for place, digits in enumerate(filled) if int(digits))
    # 00 in the middle is in use: counties directly under a province have city digits such as 90, but never 00 alone.
    if depth >= 2 and any(int(digits) == 0 for digits in filled[1:2]):
        raise _bad(
            "行政区划代码",
            "division code",
            code,
            "division",
            "市级两位不得为00",
            "the city digits are 00",
        )
    return Division(
        code=code,
        level=LEVELS[depth],
        province=padded[:2],
        city=padded[:4] if depth >= 1 else None,
        county=padded[:6] if depth >= 2 else None,
        township=padded[:9] if depth >= 3 else None,
    )


def is_division(code: str, real_only: bool = False) -> bool:
    """Tell whether ``code`` is built like a division code."""
    return _holds(lambda: parse_division(code, real_only))


# -- organisations and persons -------------------------------------------------------------------------------------


def credit_code_check(first_17: str) -> str:
    """Return the check character of a unified social credit code from its first 17 characters (GB 32100)."""
    total = sum(
        _USCC_ALPHABET.index(letter) * weight
        for letter, weight in zip(first_17, _USCC_WEIGHTS, strict=True)
    )
    return _USCC_ALPHABET[(31 - total % 31) % 31]


def parse_credit_code(code: str) -> CreditCode:
    """Take a unified social credit code (统一社会信用代码) apart and verify its check character.

    The organisation code inside has a check of its own, which codes issued before 2015 may lack: ask
    `is_organisation_code` for it.

    Raises
    ------
    BadIdentifier
        Reasons: length, characters, division, check.
    """
    zh, en = "统一社会信用代码", "unified social credit code"
    _require_length(zh, en, code, 18)
    _require_letters(zh, en, code, _USCC_ALPHABET)
    if not code[2:8].isdigit():
        raise _bad(
            zh,
            en,
            code,
            "division",
            "第3—8位须为数字区划代码",
            "characters 3-8 must be a numeric division code",
        )
    _require_check(zh, en, code, credit_code_check(code[:17]))
    return CreditCode(code, code[0], code[1], code[2:8], code[8:17])


def is_credit_code(code: str) -> bool:
    """Tell whether ``code`` is a unified social credit code with a right check character."""
    return _holds(lambda: parse_credit_code(code))


def organisation_check(first_8: str) -> str:
    """Return the check character of an organisation code from its first 8 characters (GB 11714)."""
    total = sum(
        _ALPHANUMERIC.index(c) * weight
        for c, weight in zip(first_8, _ORGANISATION_WEIGHTS, strict=True)
    )
    rest = 11 - total % 11
    return {10: "X", 11: "0"}.get(rest, str(rest))


def parse_organisation_code(code: str) -> str:
    """Return an organisation code (组织机构代码) without its hyphen, check verified.

    Raises
    ------
    BadIdentifier
        Reasons: length, characters, check.
    """
    zh, en = "组织机构代码", "organisation code"
    plain = code[:8] + code[9:] if len(code) == 10 and code[8] == "-" else code
    _require_length(zh, en, plain, 9)
    _require_letters(zh, en, plain, _ALPHANUMERIC)
    _require_check(zh, en, plain, organisation_check(plain[:8]))
    return plain


def is_organisation_code(code: str) -> bool:
    """Tell whether ``code`` is an organisation code with a right check character."""
    return _holds(lambda: parse_organisation_code(code))


def citizen_check(first_17: str) -> str:
    """Return the check character of a citizen id from its first 17 digits (ISO 7064 MOD 11-2)."""
    total = sum(
        int(digit) * weight
        for digit, weight in zip(first_17, _CITIZEN_WEIGHTS, strict=True)
    )
    return _CITIZEN_CHECKS[total % 11]


def parse_citizen_id(code: str, today: date | None = None) -> CitizenId:
    """Take a citizen id (公民身份号码) apart; verify division, birthday and check.

    Parameters
    ----------
    code : str
        18 characters, X in upper case.
    today : date, optional
        Birthdays after it are refused.

    Raises
    ------
    BadIdentifier
        Reasons: length, characters, division, date, check. The message never repeats the number.
    """
    zh, en, shown = "公民身份号码", "citizen id", "***"
    if len(code) != 18:
        raise _wrong_length(zh, en, shown, "18", len(code))
    if not re.fullmatch(r"[0-9]{17}[0-9X]", code):
        raise _bad(
            zh,
            en,
            shown,
            "characters",
            "须为17位数字加数字或X",
            "must be 17 digits and a digit or X",
        )
    if code[:2] not in PROVINCES:
        raise _bad(
            zh,
            en,
            shown,
            "division",
            f"省级代码 {code[:2]} 不存在",
            f"there is no province {code[:2]}",
        )
    try:
        born = date(int(code[6:10]), int(code[10:12]), int(code[12:14]))
    except ValueError:
        born = date.max
    if not _PERSON_OF_DATE_FROM <= born <= (today or date.max.replace(month=1)):
        raise _bad(
            zh,
            en,
            shown,
            "date",
            "第7—14位不是有效的出生日期",
            "characters 7-14 are not a date of birth",
        )
    if code[17] != citizen_check(code[:17]):
        raise _bad(zh, en, shown, "check", "校验码不符", "the check character is wrong")
    return CitizenId(code[:6], born, int(code[16]) % 2 == 1)


def is_citizen_id(code: str) -> bool:
    """Tell whether ``code`` is a citizen id with a right check character."""
    return _holds(lambda: parse_citizen_id(code))


# -- real estate ---------------------------------------------------------------------------------------------------


def parse_parcel(code: str) -> Parcel:
    """Take a parcel code (宗地代码, 19 characters) apart.

    Raises
    ------
    BadIdentifier
        Reasons: length, structure, division.
    """
    zh, en = "宗地代码", "parcel code"
    _require_length(zh, en, code, 19)
    if not re.fullmatch(r"[0-9]{12}[GJZ][A-Z][0-9]{5}", code):
        wanted = "须为12位数字、特征码2位(首位G/J/Z)、5位顺序号"
        raise _bad(
            zh,
            en,
            code,
            "structure",
            wanted,
            "must be 12 digits, two feature letters (G/J/Z first), 5 digits",
        )
    _require_province(zh, en, code, real_only=False)
    ownership, right = code[12], code[13]
    if right not in PARCEL_RIGHTS:
        raise _bad(
            zh,
            en,
            code,
            "structure",
            f"特征码第二位 {right} 不存在",
            f"there is no parcel feature {right}",
        )
    if right == "A" and ownership != "J":
        raise _bad(
            zh,
            en,
            code,
            "structure",
            "集体土地所有权宗地只能为JA",
            "collective ownership parcels are JA only",
        )
    if right in "HG" and ownership != "G":
        raise _bad(
            zh,
            en,
            code,
            "structure",
            "宗海与海岛只能为GH、GG",
            "sea and island parcels are GH and GG only",
        )
    if code[14:] == "00000":
        raise _bad(
            zh,
            en,
            code,
            "structure",
            "顺序号须从00001起",
            "the sequence starts at 00001",
        )
    return Parcel(code, code[:6], code[6:9], code[9:12], ownership, right, code[14:])


def is_parcel(code: str) -> bool:
    """Tell whether ``code`` is built like a parcel code. It has no check digit."""
    return _holds(lambda: parse_parcel(code))


def parse_unit(code: str) -> Unit:
    """Take a real-estate unit code (不动产单元代码, 28 characters, printed groups allowed) apart.

    Raises
    ------
    BadIdentifier
        Reasons: length, structure, division.
    """
    zh, en = "不动产单元代码", "real-estate unit code"
    plain = code.replace(" ", "")
    _require_length(zh, en, plain, 28)
    parcel = parse_parcel(plain[:19])
    fixture, number = plain[19], plain[20:]
    if fixture not in FIXTURES or not (number.isascii() and number.isdigit()):
        wanted = "定着物单元须为F/L/Q/W加8位数字"
        raise _bad(
            zh,
            en,
            code,
            "structure",
            wanted,
            "the fixture must be F, L, Q or W and 8 digits",
        )
    if fixture == "W" and number != "00000000":
        raise _bad(
            zh,
            en,
            code,
            "structure",
            "无定着物时后8位须为0",
            "without a fixture the last 8 digits are zero",
        )
    if fixture != "W" and number == "00000000":
        raise _bad(
            zh,
            en,
            code,
            "structure",
            "有定着物时后8位不得全为0",
            "a fixture needs a number",
        )
    if parcel.right == "A" and fixture != "W":
        raise _bad(
            zh,
            en,
            code,
            "structure",
            "所有权宗地(JA)只能无定着物(W)",
            "ownership parcels (JA) carry W only",
        )
    return Unit(plain, parcel, fixture, number)


def is_unit(code: str) -> bool:
    """Tell whether ``code`` is built like a real-estate unit code. It has no check digit."""
    return _holds(lambda: parse_unit(code))


# -- survey features and certificates ------------------------------------------------------------------------------


def parse_feature_id(
    code: str, county: str | None = None, layer_code: str | None = None
) -> FeatureId:
    """Take a BSM (标识码, 18 digits: county 6, layer code 4, sequence 8) apart.

    Parameters
    ----------
    county, layer_code : str, optional
        What digits 1–6 and 7–10 must be (Q204).

    Raises
    ------
    BadIdentifier
        Reasons: length, characters, division, structure.
    """
    zh, en = "标识码", "feature id"
    _require_length(zh, en, code, 18)
    _require_digits(zh, en, code)
    if county is not None and code[:6] != county:
        raise _bad(
            zh,
            en,
            code,
            "division",
            f"前6位应为县级代码 {county}",
            f"digits 1-6 should be county {county}",
        )
    _require_province(zh, en, code, real_only=False)
    if layer_code is not None and code[6:10] != layer_code:
        wanted = f"第7—10位应为层代码 {layer_code}"
        raise _bad(
            zh,
            en,
            code,
            "structure",
            wanted,
            f"digits 7-10 should be layer code {layer_code}",
        )
    return FeatureId(code, code[:6], code[6:10], code[10:])


def is_feature_id(
    code: str, county: str | None = None, layer_code: str | None = None
) -> bool:
    """Tell whether ``code`` is built like a BSM. It has no check digit."""
    return _holds(lambda: parse_feature_id(code, county, layer_code))


def certificate_check(text: str) -> str:
    """Return the check character of ``text`` by ISO 7064 MOD 37,36 (GB/T 17710)."""
    product = 36
    for letter in text:
        total = (product + _ALPHANUMERIC.index(letter)) % 36 or 36
        product = total * 2 % 37
    return _ALPHANUMERIC[(37 - product) % 36]


def parse_certificate_id(code: str) -> CertificateId:
    """Take an electronic certificate id (电子证照标识) apart and verify its check character.

    The check runs over type, authority, serial and version; root OID and dots are left out.

    Raises
    ------
    BadIdentifier
        Reasons: structure, characters, check.
    """
    zh, en = "电子证照标识", "electronic certificate id"
    pieces = code.removeprefix(_CERTIFICATE_ROOT + ".").split(".")
    if (
        not code.startswith(_CERTIFICATE_ROOT + ".")
        or len(pieces) != 5
        or not all(pieces)
    ):
        wanted = f"须为 {_CERTIFICATE_ROOT}.类型.机构.流水号.版本.校验"
        raise _bad(
            zh,
            en,
            code,
            "structure",
            wanted,
            f"must be {_CERTIFICATE_ROOT}.type.authority.serial.version.check",
        )
    kind, authority, serial, version, check = pieces
    _require_letters(zh, en, "".join(pieces), _ALPHANUMERIC)
    if not re.fullmatch(r"[0-9]{3}", version) or len(serial) > 64 or len(check) != 1:
        wanted = "版本号须为3位数字, 流水号至多64位, 校验1位"
        raise _bad(
            zh,
            en,
            code,
            "structure",
            wanted,
            "version is 3 digits, serial at most 64, check 1 character",
        )
    expected = certificate_check(kind + authority + serial + version)
    if check != expected:
        raise _bad(
            zh,
            en,
            code,
            "check",
            f"校验位 {check} 应为 {expected}",
            f"check {check} should be {expected}",
        )
    return CertificateId(code, kind, authority, serial, version)


def is_certificate_id(code: str) -> bool:
    """Tell whether ``code`` is an electronic certificate id with a right check character."""
    return _holds(lambda: parse_certificate_id(code))


# -- shared --------------------------------------------------------------------------------------------------------


def _holds(parse: Callable[[], object]) -> bool:
    try:
        parse()
    except BadIdentifier:
        return False
    return True


def _bad(
    zh: str, en: str, code: str, reason: str, why_zh: str, why_en: str
) -> BadIdentifier:
    shown = code[:80]
    return BadIdentifier(
        f"{zh} {shown}: {why_zh}。",
        f"{en} {shown}: {why_en}.",
        reason=reason,
        value=shown,
    )


def _wrong_length(
    zh: str, en: str, code: str, wanted: str, found: int | None = None
) -> BadIdentifier:
    length = len(code) if found is None else found
    return _bad(
        zh,
        en,
        code,
        "length",
        f"长度 {length}, 应为 {wanted}",
        f"length {length}, should be {wanted}",
    )


def _require_length(zh: str, en: str, code: str, length: int) -> None:
    if len(code) != length:
        raise _wrong_length(zh, en, code, str(length))


def _require_letters(zh: str, en: str, code: str, alphabet: str) -> None:
    strange = sorted(set(code) - set(alphabet))
    if strange:
        found = " ".join(strange)
        raise _bad(
            zh,
            en,
            code,
            "characters",
            f"含不允许的字符 {found}",
            f"contains characters not allowed: {found}",
        )


def _require_digits(zh: str, en: str, code: str) -> None:
    if not (code.isascii() and code.isdigit()):
        raise _bad(zh, en, code, "characters", "须全为数字", "must be digits only")


def _require_province(zh: str, en: str, code: str, real_only: bool) -> None:
    province = code[:2]
    if province not in PROVINCES and (real_only or province != SAMPLE_PROVINCE):
        raise _bad(
            zh,
            en,
            code,
            "division",
            f"省级代码 {province} 不存在",
            f"there is no province {province}",
        )


def _require_check(zh: str, en: str, code: str, expected: str) -> None:
    if code[-1] != expected:
        why_zh, why_en = (
            f"校验码 {code[-1]} 应为 {expected}",
            f"check character {code[-1]} should be {expected}",
        )
        raise _bad(zh, en, code, "check", why_zh, why_en)
