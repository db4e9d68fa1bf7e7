"""Codes of investment projects: taken apart and checked by structure. 投资项目代码.

Layout after the project's register notes (registers.md §1, from memory): year, division, industry, kind and running
number, 24 characters with their dashes. There is no check digit, so a code may be well built and yet belong to nobody.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from kunyu.kernel.identifier_checks import bad, holds, require_length, require_province

_ZH, _EN = "投资项目代码", "investment project code"
_SHAPE = re.compile(r"([0-9]{4})-([0-9]{6})-([0-9]{2})-([0-9]{2})-([0-9]{6})")
_FIRST_YEAR, _LAST_YEAR = 2000, 2099


@dataclass(frozen=True)
class ProjectCode:
    """An investment project code taken apart."""

    code: str
    year: int
    division: str
    industry: str
    kind: str
    sequence: str


def plain_project_code(text: str) -> str:
    """Return a code as it is compared: half-width, long dashes as short ones, no spaces."""
    half = unicodedata.normalize("NFKC", text).replace("—", "-").replace("–", "-").replace("−", "-")
    return "".join(half.split())


def parse_project_code(code: str) -> ProjectCode:
    """Take an investment project code (投资项目代码, e.g. ``2026-990101-47-01-000123``) apart.

    Raises
    ------
    BadIdentifier
        Reasons: length, structure, division, date.
    """
    plain = plain_project_code(code)
    require_length(_ZH, _EN, plain, 24)
    found = _SHAPE.fullmatch(plain)
    if found is None:
        wanted = "须为 年4-区划6-行业2-类型2-序号6，各段以短横线隔开"
        raise bad(_ZH, _EN, plain, "structure", wanted, "must be year 4, division 6, industry 2, kind 2, number 6")
    year, division, industry, kind, sequence = found.groups()
    if not _FIRST_YEAR <= int(year) <= _LAST_YEAR:
        raise bad(_ZH, _EN, plain, "date", f"年份 {year} 不合理", f"year {year} makes no sense")
    require_province(_ZH, _EN, division, real_only=False)
    return ProjectCode(plain, int(year), division, industry, kind, sequence)


def is_project_code(code: str) -> bool:
    """Tell whether ``code`` is built like an investment project code. It has no check digit."""
    return holds(lambda: parse_project_code(code))
