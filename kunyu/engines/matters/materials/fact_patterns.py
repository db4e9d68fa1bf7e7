"""How codes, areas, dates, numbers and names stand in documents. 要素的写法.

Applied to one line in normal form (NFKC: ㎡ is m2, full-width letters are half-width). Every pattern is bounded in length, so that no
line makes it run long.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

_NOT_IN_CODE = "[0-9A-Za-z]"
CODE_18 = re.compile(rf"(?<!{_NOT_IN_CODE})[0-9A-Za-z]{{18}}(?!{_NOT_IN_CODE})")
CODE_WORDS = re.compile(r"(?:统一)?社会?信用代码|信用代码|公民身份号码|身份证(?:件)?号?码?")
CODE_LABEL = re.compile(r"(?P<label>(?:统一)?社会信用代码|信用代码)\W{0,6}(?P<code>[0-9A-Za-z]{12,24})(?![0-9A-Za-z])")
CONFUSED = str.maketrans({"O": "0", "I": "1", "S": "5", "Z": "2"})
"""Letters that the alphabet of credit codes leaves out for this very reason."""
CITIZEN = re.compile(
    r"(?<![0-9A-Za-z])[1-8]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[0-9Xx](?![0-9A-Za-z])"
)
SPACED_18 = re.compile(r"(?<![0-9A-Za-z])(?:\d ?){17}[0-9Xx](?![0-9A-Za-z])")
PHONE = re.compile(r"(?<![0-9A-Za-z.-])1[3-9]\d{9}(?![0-9A-Za-z])")
PROJECT_CODE = re.compile(r"(?<![0-9-])20\d{2}-\d{6}-\d{2}-\d{2}-\d{6}(?![0-9-])")

# --- areas ---
_NUMBER = r"(?P<number>\d{1,3}(?:,\d{3}){1,4}(?:\.\d{1,6})?|\d{1,12}(?:\.\d{1,6})?)"
_UNITS = {
    "万平方米": Decimal(10_000), "平方公里": Decimal(1_000_000), "平方千米": Decimal(1_000_000),
    "平方米": Decimal(1), "平米": Decimal(1), "公顷": Decimal(10_000), "亩": Decimal(2_000) / Decimal(3),
    "km2": Decimal(1_000_000), "hm2": Decimal(10_000), "ha": Decimal(10_000), "m2": Decimal(1),
}  # fmt: skip
_UNIT = "(?P<unit>" + "|".join(sorted(_UNITS, key=len, reverse=True)) + ")"
AREA = re.compile(rf"(?<![\d.,A-Za-z-]){_NUMBER} ?{_UNIT}(?![A-Za-z])", re.IGNORECASE)
_AREA_WORD = r"(?P<label>[\u4e00-\u9fff]{0,12}(?:面积|用地规模))"
AREA_LABEL = re.compile(
    rf"{_AREA_WORD}[^\u4e00-\u9fff\d]{{0,8}}(?:约|为|共|共计|合计|是){{0,2}}[^\u4e00-\u9fff\d]{{0,4}}$"
)
AREA_UNIT_IN_LABEL = re.compile(
    rf"{_AREA_WORD} ?[(〈《【<]? ?{_UNIT} ?[)〉》】>]?[:\s\"'”“]{{0,6}}{_NUMBER}(?![\d.,]|[ ]?[%年月日号])",
    re.IGNORECASE,
)
_TOTAL_WORDS = (
    "用地面积",
    "用地总面积",
    "用地规模",
    "总用地",
    "宗地面积",
    "土地面积",
    "土地总面积",
    "地块面积",
    "总面积",
    "使用权面积",
)
_PART_WORDS = (
    "建筑", "农用地", "耕地", "农田", "林地", "草地", "绿地", "水域", "未利用地", "建设用地面积", "新增", "占用", "代征", "道路",
    "其中", "配套", "围填", "永久", "临时", "户均", "人均", "地下",
)  # fmt: skip


def unit_m2(unit: str) -> Decimal:
    """Square metres in one of the unit."""
    return _UNITS[unit] if unit in _UNITS else _UNITS[unit.lower()]


def is_total_area(label: str) -> bool:
    """Does the label speak of the whole plot?"""
    return any(one in label for one in _TOTAL_WORDS) and not any(one in label for one in _PART_WORDS)


# --- dates ---
DATE = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d{2}) ?[年./-] ?(?P<month>\d{1,2}) ?[月./-] ?(?P<day>\d{1,2})(?!\d)(?!-\d)"
)
_HAN = "〇○零一二三四五六七八九十"
HAN_DATE = re.compile(
    rf"(?P<year>[〇○零一二三四五六七八九]{{4}})年(?P<month>[{_HAN}]{{1,2}})月(?P<day>[{_HAN}]{{1,3}})日"
)
_HAN_DIGITS = {"〇": 0, "○": 0, "零": 0} | {one: number for number, one in enumerate("一二三四五六七八九", 1)}


def han_number(text: str) -> str:
    """二〇二六 as 2026, 二十三 as 23."""
    if "十" in text:
        tens, _, ones = text.partition("十")
        return str(10 * (_HAN_DIGITS.get(tens, 1) if tens else 1) + _HAN_DIGITS.get(ones, 0))
    return "".join(str(_HAN_DIGITS.get(one, "")) for one in text)


def iso_date(year: str, month: str, day: str) -> str:
    """The day as ISO text; '' where the calendar has none."""
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return ""


# --- document numbers ---
LICENCE_NUMBER = re.compile(r"(?P<kind>[用地建乡村核选]字)\s?第\s?[0-9A-Za-z][0-9A-Za-z -]{3,28}\s?号")
OFFICIAL_NUMBER = re.compile(
    r"(?P<head>[\u4e00-\u9fff]{2,10}[字函发批办规审复土地资政许准建])\s?[〔\[(【]\s?(?P<year>20\d{2})\s?[〕\])】]\s?(?:第\s?)?(?P<serial>\d{1,5})\s?号"
)

# --- names ---
_APPLICANT_WORDS = (
    "申请人名称", "申请单位名称", "申请人", "申请单位", "项目建设单位", "建设单位名称", "建设单位", "用地单位", "项目单位",
    "单位名称", "企业名称", "受让人", "用地申请人",
)  # fmt: skip
_PROJECT_WORDS = ("建设项目名称", "项目名称", "工程名称")
_OTHER_WORDS = (
    "统一社会信用代码", "信用代码", "项目代码", "法定代表人", "联系人", "联系电话", "电话", "地址", "住所", "日期", "用地面积", "身份证",
    "委托", "编号", "建设地点", "项目位置", "用地总面积", "总面积",
)  # fmt: skip


def _spaced(words: tuple[str, ...]) -> str:
    """Labels are often set with spaces between their letters: 申 请 人."""
    return "|".join(" ?".join(word) for word in sorted(words, key=len, reverse=True))


_AFTER = r" ?(?:\([^)]{1,10}\))? ?(?:[:;\t]|(?= )|(?=[\u4e00-\u9fff]{6}))[ :\t]{0,4}"
_BEFORE = r"(?<![\u4e00-\u9fff])"
APPLICANT_LABEL = re.compile(rf"{_BEFORE}(?P<label>{_spaced(_APPLICANT_WORDS)}){_AFTER}")
PROJECT_LABEL = re.compile(rf"{_BEFORE}(?P<label>{_spaced(_PROJECT_WORDS)}){_AFTER}")
_ANY_LABEL = re.compile(f"(?:{_spaced((*_APPLICANT_WORDS, *_PROJECT_WORDS, *_OTHER_WORDS))})")
_NAME = re.compile(r"[\w\u4e00-\u9fff()（）〔〕\[\]·.—\-&＆、# ]{2,80}")
_TRAILING = re.compile(r"[\s(（]*(?:盖章|公章|签字|签章|签名|章)[)）]?\s*$|[\s.、—\-]+$")
_LEAST = 2


def has_label(text: str) -> bool:
    """Does the line begin a new field?"""
    return bool(_ANY_LABEL.search(text[:40])) or ":" in text[:12]


def name_after(text: str) -> str:
    """The name a text begins with: up to a tab, punctuation or the next label; '' for none."""
    cell = text.lstrip(" \t:").split("\t", 1)[0]
    found = _NAME.match(cell)
    if found is None:
        return ""
    value = found.group()
    label = _ANY_LABEL.search(value, 1)
    if label is not None:
        value = value[: label.start()]
    value = re.sub(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])", "", _TRAILING.sub("", value)).strip()
    return value if len(value) >= _LEAST and re.search(r"[\u4e00-\u9fffA-Za-z]{2}", value) else ""
