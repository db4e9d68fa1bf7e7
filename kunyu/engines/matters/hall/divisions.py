"""Choosing a division by names, province to township, with and without scripts. 选择行政区划.

A chooser is up to four lists; each shows what lies under the one before. Without scripts a button asks for the next
list; with them (``web/src/hall/divisions.ts``) it is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kunyu.engines.pages.words import Pair
from kunyu.engines.reference import queries
from kunyu.engines.reference.models import Division

NATION = "0"
_LEVELS: tuple[tuple[int, str, Pair], ...] = (
    (2, "province", ("省（自治区、直辖市）", "Province")),
    (4, "city", ("市（地区、州）", "City")),
    (6, "county", ("县（市、区）", "County")),
    (9, "township", ("乡镇（街道），可不选", "Township (may be left out)")),
)
COUNTY_DIGITS = 6


@dataclass(frozen=True)
class Level:
    """One list. ``name`` is that of its control; ``digits`` the length of its codes."""

    name: str
    id: str
    label: Pair
    digits: int
    options: tuple[tuple[str, str], ...]
    chosen: str
    is_required: bool


@dataclass(frozen=True)
class Chooser:
    """The lists of one choice; ``code`` is the deepest chosen, '' for none."""

    prefix: str
    code: str
    levels: tuple[Level, ...]


def chooser(code: str, prefix: str = "") -> Chooser:
    """Lists that show ``code`` as chosen; what no division bears shows nothing chosen."""
    chosen, above = "", NATION
    levels = []
    for digits, name, label in _LEVELS:
        options = _children(above, digits) if above else ()
        here = code[:digits] if len(code) >= digits and code[:digits] in {one for one, _ in options} else ""
        control = f"{prefix}{name}"
        levels.append(Level(control, f"id_{control}", label, digits, options, here, digits <= COUNTY_DIGITS))
        chosen, above = here or chosen, here
    return Chooser(prefix, chosen, tuple(levels))


def read(data: Mapping[str, str], prefix: str = "") -> str:
    """The deepest code of a posted choice whose lists fit one another; '' for none.

    A list that was not brought up to date by a script may still hold a child of another province: it is left out.
    """
    code = ""
    for digits, name, _ in _LEVELS:
        given = data.get(f"{prefix}{name}", "").strip()
        if len(given) != digits or not given.isdigit() or not given.startswith(code):
            break
        code = given
    return code


def is_county(code: str) -> bool:
    """Is it a county or below, as applications need?"""
    return len(code) >= COUNTY_DIGITS


def exists(code: str) -> bool:
    """Is there such a division today?"""
    return queries.valid_at().filter(code=code).exists()


def _children(above: str, digits: int) -> tuple[tuple[str, str], ...]:
    rows: list[Division] = list(queries.children(above))
    return tuple((one.code, one.name_zh) for one in rows if len(one.code) == digits)
