"""Identifiers of registers: taken apart, checked, explained. 标识码.

Algorithms and structures after the project's register notes (registers.md §1–§3, §9, land-survey.md §3). Each
``parse_…`` returns the parts or raises `BadIdentifier` with a reason code and both languages; each ``is_…`` answers
yes or no. Letters are compared as written: full-width or lower-case input is the caller's to normalise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from kunyu.kernel.identifier_checks import (
    PROVINCES,
    SAMPLE_PROVINCE,
    BadIdentifier,
    bad,
    holds,
    require_check,
    require_length,
    require_letters,
    wrong_length,
)
from kunyu.kernel.place_identifiers import (
    FIXTURES,
    LEVELS,
    OWNERSHIPS,
    PARCEL_RIGHTS,
    Division,
    FeatureId,
    Parcel,
    Unit,
    is_division,
    is_feature_id,
    is_parcel,
    is_unit,
    parse_division,
    parse_feature_id,
    parse_parcel,
    parse_unit,
)
from kunyu.kernel.project_codes import ProjectCode, is_project_code, parse_project_code

__all__ = [
    "FIXTURES",
    "LEVELS",
    "OWNERSHIPS",
    "PARCEL_RIGHTS",
    "PROVINCES",
    "SAMPLE_PROVINCE",
    "BadIdentifier",
    "CertificateId",
    "CitizenId",
    "CreditCode",
    "Division",
    "FeatureId",
    "Parcel",
    "ProjectCode",
    "Unit",
    "build_certificate_id",
    "certificate_check",
    "citizen_check",
    "credit_code_check",
    "is_certificate_id",
    "is_citizen_id",
    "is_credit_code",
    "is_division",
    "is_feature_id",
    "is_organisation_code",
    "is_parcel",
    "is_project_code",
    "is_unit",
    "organisation_check",
    "parse_certificate_id",
    "parse_citizen_id",
    "parse_credit_code",
    "parse_division",
    "parse_feature_id",
    "parse_organisation_code",
    "parse_parcel",
    "parse_project_code",
    "parse_unit",
]

_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_CITIZEN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CITIZEN_CHECKS = "10X98765432"
_ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CERTIFICATE_ROOT = "1.2.156.3005.2"
_PERSON_OF_DATE_FROM = date(1850, 1, 1)


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
class CertificateId:
    """An electronic certificate id (电子证照标识, GB/T 36904-2018)."""

    code: str
    certificate_type: str
    authority: str
    serial: str
    version: str


def credit_code_check(first_17: str) -> str:
    """Return the check character of a unified social credit code from its first 17 characters (GB 32100)."""
    total = sum(_USCC_ALPHABET.index(letter) * weight for letter, weight in zip(first_17, _USCC_WEIGHTS, strict=True))
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
    require_length(zh, en, code, 18)
    require_letters(zh, en, code, _USCC_ALPHABET)
    if not code[2:8].isdigit():
        raise bad(zh, en, code, "division", "第3—8位须为数字区划代码", "characters 3-8 must be a numeric division code")
    require_check(zh, en, code, credit_code_check(code[:17]))
    return CreditCode(code, code[0], code[1], code[2:8], code[8:17])


def is_credit_code(code: str) -> bool:
    """Tell whether ``code`` is a unified social credit code with a right check character."""
    return holds(lambda: parse_credit_code(code))


def organisation_check(first_8: str) -> str:
    """Return the check character of an organisation code from its first 8 characters (GB 11714)."""
    total = sum(_ALPHANUMERIC.index(c) * weight for c, weight in zip(first_8, _ORGANISATION_WEIGHTS, strict=True))
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
    require_length(zh, en, plain, 9)
    require_letters(zh, en, plain, _ALPHANUMERIC)
    require_check(zh, en, plain, organisation_check(plain[:8]))
    return plain


def is_organisation_code(code: str) -> bool:
    """Tell whether ``code`` is an organisation code with a right check character."""
    return holds(lambda: parse_organisation_code(code))


def citizen_check(first_17: str) -> str:
    """Return the check character of a citizen id from its first 17 digits (ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * weight for digit, weight in zip(first_17, _CITIZEN_WEIGHTS, strict=True))
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
        raise wrong_length(zh, en, shown, "18", len(code))
    if not re.fullmatch(r"[0-9]{17}[0-9X]", code):
        raise bad(zh, en, shown, "characters", "须为17位数字加数字或X", "must be 17 digits and a digit or X")
    if code[:2] not in PROVINCES:
        raise bad(zh, en, shown, "division", f"省级代码 {code[:2]} 不存在", f"there is no province {code[:2]}")
    try:
        born = date(int(code[6:10]), int(code[10:12]), int(code[12:14]))
    except ValueError:
        born = date.max
    if not _PERSON_OF_DATE_FROM <= born <= (today or date.max.replace(month=1)):
        raise bad(zh, en, shown, "date", "第7—14位不是有效的出生日期", "characters 7-14 are not a date of birth")
    if code[17] != citizen_check(code[:17]):
        raise bad(zh, en, shown, "check", "校验码不符", "the check character is wrong")
    return CitizenId(code[:6], born, int(code[16]) % 2 == 1)


def is_citizen_id(code: str) -> bool:
    """Tell whether ``code`` is a citizen id with a right check character."""
    return holds(lambda: parse_citizen_id(code))


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
    if not code.startswith(_CERTIFICATE_ROOT + ".") or len(pieces) != 5 or not all(pieces):
        wanted = f"须为 {_CERTIFICATE_ROOT}.类型.机构.流水号.版本.校验"
        raise bad(zh, en, code, "structure", wanted, f"must be {_CERTIFICATE_ROOT}.type.authority.serial.version.check")
    kind, authority, serial, version, check = pieces
    require_letters(zh, en, "".join(pieces), _ALPHANUMERIC)
    if not re.fullmatch(r"[0-9]{3}", version) or len(serial) > 64 or len(check) != 1:
        wanted = "版本号须为3位数字, 流水号至多64位, 校验1位"
        raise bad(zh, en, code, "structure", wanted, "version is 3 digits, serial at most 64, check 1 character")
    expected = certificate_check(kind + authority + serial + version)
    if check != expected:
        raise bad(zh, en, code, "check", f"校验位 {check} 应为 {expected}", f"check {check} should be {expected}")
    return CertificateId(code, kind, authority, serial, version)


def build_certificate_id(certificate_type: str, authority: str, serial: str, version: int) -> str:
    """Return an electronic certificate id (电子证照标识, GB/T 36904-2018) with its check character.

    Parameters
    ----------
    certificate_type : str
        证照类型代码: USCC of the defining department and three digits.
    authority : str
        颁发机构代码: USCC of the issuing office; some places write a six-digit division instead.
    serial : str
        流水号, at most 64 digits and capital letters.
    version : int
        1 to 999.

    Raises
    ------
    BadIdentifier
        A part does not fit: reasons structure, characters.
    """
    content = certificate_type + authority + serial
    if not content.isascii() or not content.isalnum() or content.upper() != content:
        wanted = "类型、机构、流水号须为数字和大写字母"
        raise bad("电子证照标识", "electronic certificate id", content, "characters", wanted,
                  "type, authority and serial are digits and capital letters")  # fmt: skip
    number = f"{version:03d}"
    check = certificate_check(content + number)
    code = f"{_CERTIFICATE_ROOT}.{certificate_type}.{authority}.{serial}.{number}.{check}"
    parse_certificate_id(code)
    return code


def is_certificate_id(code: str) -> bool:
    """Tell whether ``code`` is an electronic certificate id with a right check character."""
    return holds(lambda: parse_certificate_id(code))
