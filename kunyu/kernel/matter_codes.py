"""Codes of matters of government service: taken apart, built, checked. 政务服务事项编码.

After GB/T 39554.1-2020 as the project's register notes give it (registers.md §8; the structure was deduced from a real
code and is otherwise from memory): a basic code of 12 digits, an implementation code of 31 characters (who carries the
matter out, at which level), a handling code of 33. None has a check digit of its own; the credit code inside has.
"""

from __future__ import annotations

from dataclasses import dataclass

from kunyu.kernel.identifier_checks import bad, holds, require_digits, require_length, require_province
from kunyu.kernel.identifiers import parse_credit_code

NATION = "00"
NATURAL_RESOURCES = "15"
KINDS = ("01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "20")
"""行政许可, 处罚, 强制, 征收, 给付, 检查, 确认, 奖励, 裁决, 其他行政权力, 公共服务."""
LEVELS = {"nation": "1", "province": "2", "city": "3", "county": "4", "township": "5", "village": "6"}
"""行使层级 → its digit in an implementation code."""

_BASIC = ("事项基本编码", "basic code of a matter")
_IMPLEMENTATION = ("事项实施编码", "implementation code of a matter")
_HANDLING = ("业务办理项编码", "handling code of a matter")


@dataclass(frozen=True)
class BasicCode:
    """A basic code (基本编码). ``division`` is 00 for the nation, else the first two digits of a province."""

    code: str
    division: str
    kind: str
    department: str
    main: str
    sub: str


@dataclass(frozen=True)
class ImplementationCode:
    """An implementation code (实施编码). ``office`` is the credit code of who carries it out; ``item`` 2 digits or ''."""

    code: str
    office: str
    level: str
    basic: BasicCode
    item: str = ""


def parse_basic_code(code: str) -> BasicCode:
    """Take a basic code apart, e.g. ``370117002011``.

    Raises
    ------
    BadIdentifier
        Reasons: length, characters, division, kind, structure.
    """
    require_length(*_BASIC, code, 12)
    require_digits(*_BASIC, code)
    if code[:2] != NATION:
        require_province(*_BASIC, code, real_only=False)
    if code[2:4] not in KINDS:
        known = "、".join(KINDS)
        raise bad(
            *_BASIC, code, "kind", f"第3—4位 {code[2:4]} 不是事项类型（{known}）", f"{code[2:4]} is no kind of matter"
        )
    if code[6:9] == "000":
        raise bad(*_BASIC, code, "structure", "主项编码不能为000", "the main item may not be 000")
    return BasicCode(code, code[:2], code[2:4], code[4:6], code[6:9], code[9:])


def is_basic_code(code: str) -> bool:
    """Tell whether ``code`` is built like a basic code."""
    return holds(lambda: parse_basic_code(code))


def parse_implementation_code(code: str) -> ImplementationCode:
    """Take an implementation code (31 characters) or a handling code (33) apart, the credit code's check verified.

    Raises
    ------
    BadIdentifier
        Reasons: length, level, structure and those of its parts.
    """
    names = _HANDLING if len(code) == 33 else _IMPLEMENTATION
    if len(code) not in (31, 33):
        raise bad(*names, code, "length", f"长度 {len(code)}, 应为 31 或 33", f"length {len(code)}, should be 31 or 33")
    office = parse_credit_code(code[:18]).code
    level = next((name for name, digit in LEVELS.items() if digit == code[18]), None)
    if level is None:
        raise bad(*names, code, "level", f"第19位 {code[18]} 不是行使层级（1—6）", f"{code[18]} is no level (1-6)")
    item = code[31:]
    if item and not (item.isascii() and item.isdigit()):
        raise bad(*names, code, "structure", "末两位须为数字", "the last two characters must be digits")
    return ImplementationCode(code, office, level, parse_basic_code(code[19:31]), item)


def build_implementation_code(office: str, level: str, basic_code: str, item: int | None = None) -> str:
    """Return the implementation code of a matter; with ``item`` (0 to 99) the handling code.

    Parameters
    ----------
    office : str
        Credit code of who carries the matter out.
    level : str
        A key of ``LEVELS``.

    Raises
    ------
    BadIdentifier
        A part does not fit.
    """
    if level not in LEVELS:
        known = "、".join(LEVELS)
        raise bad(
            *_IMPLEMENTATION, level, "level", f"不是行使层级，可用 {known}", f"is no level; one of {', '.join(LEVELS)}"
        )
    if item is not None and not 0 <= item <= 99:
        raise bad(*_HANDLING, str(item), "structure", "办理项序号须为0至99", "the handling item is 0 to 99")
    code = office + LEVELS[level] + basic_code + ("" if item is None else f"{item:02d}")
    return parse_implementation_code(code).code
