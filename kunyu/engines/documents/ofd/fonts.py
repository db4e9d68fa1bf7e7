"""The font inside an OFD: cut down to the letters that stand on its pages. 字体子集.

With no such font on the machine, or when not wanted, the page names 宋体 and the reader's own is used.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont

PLACES = (
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
)
_CHINESE = ("CJK SC", "Zen Hei")
_KEPT_TABLES = {
    "CFF ", "glyf", "loca", "cmap", "head", "hhea", "hmtx", "maxp", "name", "OS/2", "post", "VORG",
}  # fmt: skip
NAMED = "宋体"
ALWAYS = frozenset(" 0123456789年月日第号字编（）()-—.,:：，。、")
"""In every subset, so that papers of one template that differ in numbers and dates share one."""


@dataclass(frozen=True)
class EmbeddedFont:
    """A font by name; ``content`` is its file (OpenType) or empty, ``advances`` widths in shares of the size."""

    name: str
    content: bytes = field(repr=False)
    suffix: str
    advances: Mapping[str, float] = field(repr=False)

    def advance(self, letter: str) -> float:
        """How far the next letter stands, in shares of the size."""
        known = self.advances.get(letter)
        return known if known is not None else 0.5 if ord(letter) < 0x2E80 else 1.0


NAMED_FONT = EmbeddedFont(NAMED, b"", "", {})


def font_for(letters: frozenset[str], *, embed: bool) -> EmbeddedFont:
    """A font with these letters; the same letters give the same bytes."""
    return _cut(letters | ALWAYS, embed=embed) if letters else NAMED_FONT


@lru_cache(maxsize=32)
def _cut(letters: frozenset[str], *, embed: bool) -> EmbeddedFont:
    place = next((Path(one) for one in PLACES if Path(one).exists()), None) if embed else None
    if place is None:
        return NAMED_FONT
    font = TTFont(place, fontNumber=_chinese_face(str(place)), lazy=True, recalcTimestamp=False)
    for table in set(font.keys()) - _KEPT_TABLES - {"GlyphOrder"}:
        del font[table]
    options = subset.Options(
        layout_features=[], hinting=False, notdef_outline=True, name_IDs=[1, 2, 4, 6], recalc_timestamp=False
    )
    cutter = subset.Subsetter(options)
    cutter.populate(text="".join(sorted(letters)))
    cutter.subset(font)
    out = io.BytesIO()
    font.save(out)
    name = font["name"].getDebugName(1) or NAMED
    suffix = "otf" if "CFF " in font else "ttf"
    return EmbeddedFont(name, out.getvalue(), suffix, _advances(font, letters))


@lru_cache(maxsize=4)
def _chinese_face(place: str) -> int:
    """Which font of a collection is the simplified Chinese one."""
    if not place.endswith(".ttc"):
        return -1
    with TTCollection(place, lazy=True) as collection:
        names = [one["name"].getDebugName(1) or "" for one in collection.fonts]
    return next((at for at, name in enumerate(names) if name.endswith(_CHINESE)), 0)


def _advances(font: TTFont, letters: frozenset[str]) -> dict[str, float]:
    units, widths, glyphs = font["head"].unitsPerEm, font["hmtx"].metrics, font.getBestCmap()
    return {one: widths[glyphs[ord(one)]][0] / units for one in letters if ord(one) in glyphs}
