"""Identifiers of places: divisions, parcels, real-estate units, survey features. 区划与地籍代码.

Structures after the project's register notes (registers.md §2.4, §3.1; land-survey.md §3). None of them has a check
digit, so these functions judge structure only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kunyu.kernel.identifier_checks import (
    bad,
    holds,
    require_digits,
    require_length,
    require_province,
    wrong_length,
)

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

FIXTURES = {"F": "房屋等建筑物、构筑物", "L": "森林或林木", "Q": "其他", "W": "无定着物"}
OWNERSHIPS = {"G": "国家", "J": "集体", "Z": "争议或未确权"}


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


def parse_division(code: str, real_only: bool = False) -> Division:
    """Take a division code of 2, 4, 6, 9 or 12 digits apart.

    Trailing zeros name a higher level: 410000 is a province, 410100 a city. ``real_only`` refuses the sample's
    province 99. Whether the code was ever issued is for the reference engine to say: codes change in time.

    Raises
    ------
    BadIdentifier
        Reasons: characters, length, division.
    """
    require_digits("行政区划代码", "division code", code)
    if len(code) not in (2, 4, 6, 9, 12):
        raise wrong_length("行政区划代码", "division code", code, "2, 4, 6, 9, 12")
    require_province("行政区划代码", "division code", code, real_only)
    padded = code.ljust(12, "0")
    filled = [padded[:2], padded[2:4], padded[4:6], padded[6:9], padded[9:12]]
    depth = max(place for place, digits in enumerate(filled) if int(digits))
    # 00 in the middle is in use: counties directly under a province have city digits such as 90, but never 00 alone.
    if depth >= 2 and any(int(digits) == 0 for digits in filled[1:2]):
        raise bad("行政区划代码", "division code", code, "division", "市级两位不得为00", "the city digits are 00")
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
    return holds(lambda: parse_division(code, real_only))


def parse_parcel(code: str) -> Parcel:
    """Take a parcel code (宗地代码, 19 characters) apart.

    Raises
    ------
    BadIdentifier
        Reasons: length, structure, division.
    """
    zh, en = "宗地代码", "parcel code"
    require_length(zh, en, code, 19)
    if not re.fullmatch(r"[0-9]{12}[GJZ][A-Z][0-9]{5}", code):
        wanted = "须为12位数字、特征码2位(首位G/J/Z)、5位顺序号"
        raise bad(zh, en, code, "structure", wanted, "must be 12 digits, two feature letters (G/J/Z first), 5 digits")
    require_province(zh, en, code, real_only=False)
    ownership, right = code[12], code[13]
    if right not in PARCEL_RIGHTS:
        raise bad(zh, en, code, "structure", f"特征码第二位 {right} 不存在", f"there is no parcel feature {right}")
    if right == "A" and ownership != "J":
        raise bad(zh, en, code, "structure", "集体土地所有权宗地只能为JA", "collective ownership parcels are JA only")
    if right in "HG" and ownership != "G":
        raise bad(zh, en, code, "structure", "宗海与海岛只能为GH、GG", "sea and island parcels are GH and GG only")
    if code[14:] == "00000":
        raise bad(zh, en, code, "structure", "顺序号须从00001起", "the sequence starts at 00001")
    return Parcel(code, code[:6], code[6:9], code[9:12], ownership, right, code[14:])


def is_parcel(code: str) -> bool:
    """Tell whether ``code`` is built like a parcel code. It has no check digit."""
    return holds(lambda: parse_parcel(code))


def parse_unit(code: str) -> Unit:
    """Take a real-estate unit code (不动产单元代码, 28 characters, printed groups allowed) apart.

    Raises
    ------
    BadIdentifier
        Reasons: length, structure, division.
    """
    zh, en = "不动产单元代码", "real-estate unit code"
    plain = code.replace(" ", "")
    require_length(zh, en, plain, 28)
    parcel = parse_parcel(plain[:19])
    fixture, number = plain[19], plain[20:]
    if fixture not in FIXTURES or not (number.isascii() and number.isdigit()):
        wanted = "定着物单元须为F/L/Q/W加8位数字"
        raise bad(zh, en, code, "structure", wanted, "the fixture must be F, L, Q or W and 8 digits")
    if fixture == "W" and number != "00000000":
        raise bad(zh, en, code, "structure", "无定着物时后8位须为0", "without a fixture the last 8 digits are zero")
    if fixture != "W" and number == "00000000":
        raise bad(zh, en, code, "structure", "有定着物时后8位不得全为0", "a fixture needs a number")
    if parcel.right == "A" and fixture != "W":
        raise bad(zh, en, code, "structure", "所有权宗地(JA)只能无定着物(W)", "ownership parcels (JA) carry W only")
    return Unit(plain, parcel, fixture, number)


def is_unit(code: str) -> bool:
    """Tell whether ``code`` is built like a real-estate unit code. It has no check digit."""
    return holds(lambda: parse_unit(code))


def parse_feature_id(code: str, county: str | None = None, layer_code: str | None = None) -> FeatureId:
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
    require_length(zh, en, code, 18)
    require_digits(zh, en, code)
    if county is not None and code[:6] != county:
        raise bad(zh, en, code, "division", f"前6位应为县级代码 {county}", f"digits 1-6 should be county {county}")
    require_province(zh, en, code, real_only=False)
    if layer_code is not None and code[6:10] != layer_code:
        wanted = f"第7—10位应为层代码 {layer_code}"
        raise bad(zh, en, code, "structure", wanted, f"digits 7-10 should be layer code {layer_code}")
    return FeatureId(code, code[:6], code[6:10], code[10:])


def is_feature_id(code: str, county: str | None = None, layer_code: str | None = None) -> bool:
    """Tell whether ``code`` is built like a BSM. It has no check digit."""
    return holds(lambda: parse_feature_id(code, county, layer_code))
