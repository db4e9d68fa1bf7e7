"""Fonts of the system and labels that do not cover one another. 注记.

Fontconfig finds a CJK sans-serif; a letter it lacks is drawn with whichever font has it. Labels take their places in
the order of their importance; one that would overlap another, or leave the canvas, is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import skia

FAMILIES = ("Noto Sans CJK SC", "Source Han Sans SC", "Noto Sans SC", "WenQuanYi Zen Hei", "SimHei", "Microsoft YaHei")
SERIF_FAMILIES = ("Noto Serif CJK SC", "Source Han Serif SC", "SimSun", *FAMILIES)
_CELL_PIXELS = 4.0
"""Style pixels of one cell of the grid that remembers where labels stand."""


@lru_cache(maxsize=8)
def _typeface(*, bold: bool, serif: bool) -> skia.Typeface:
    manager = skia.FontMgr()
    style = skia.FontStyle.Bold() if bold else skia.FontStyle.Normal()
    for family in SERIF_FAMILIES if serif else FAMILIES:
        found = manager.matchFamilyStyle(family, style)
        if found is not None and found.getFamilyName() == family:
            return found
    return manager.matchFamilyStyleCharacter("sans-serif", style, ["zh-Hans"], ord("图")) or skia.Typeface()


@lru_cache(maxsize=256)
def font(size: float, *, bold: bool = False, serif: bool = False) -> skia.Font:
    """A font of ``size`` canvas units that holds Chinese."""
    made = skia.Font(_typeface(bold=bold, serif=serif), size)
    made.setSubpixel(True)
    made.setEdging(skia.Font.Edging.kAntiAlias)
    # sizes on paper are in millimetres: hinting would round letters of three units to whole ones
    made.setHinting(skia.FontHinting.kNone)
    made.setLinearMetrics(True)
    return made


def width_of(text: str, size: float, *, bold: bool = False, serif: bool = False) -> float:
    """Width of one line in canvas units."""
    return float(font(size, bold=bold, serif=serif).measureText(text))


def write(
    canvas: skia.Canvas, text: str, x: float, y: float, size: float, *, colour: int = 0xFF17262B, bold: bool = False,
    serif: bool = False, align: str = "left",
) -> float:  # fmt: skip
    """Write one line with its baseline at ``y`` and return its width."""
    chosen = font(size, bold=bold, serif=serif)
    width = float(chosen.measureText(text))
    left = x - {"left": 0.0, "center": width / 2, "right": width}[align]
    canvas.drawString(text, left, y, chosen, skia.Paint(Color=colour, AntiAlias=True))
    return width


def wrapped(text: str, size: float, width: float, most: int = 99) -> list[str]:
    """``text`` in lines of at most ``width``; Chinese breaks anywhere, Latin words stay whole where they fit."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in _pieces(paragraph):
            if line and width_of(line + word, size) > width:
                lines.append(line.rstrip())
                line = word.lstrip()
            else:
                line += word
        lines.append(line)
    return lines if len(lines) <= most else [*lines[: most - 1], lines[most - 1][:-1] + "…"]


def _pieces(text: str) -> list[str]:
    pieces: list[str] = []
    for letter in text:
        if pieces and letter.isascii() and pieces[-1][-1].isascii() and not pieces[-1].endswith(" "):
            pieces[-1] += letter
        else:
            pieces.append(letter)
    return pieces


@dataclass(frozen=True)
class Lettering:
    """How labels look: colours as 0xAARRGGBB, sizes in canvas units."""

    size: float
    colour: int = 0xFF222222
    halo: int = 0
    halo_width: float = 0.0
    bold: bool = False


class Places:
    """Which parts of a canvas already hold a label."""

    def __init__(self, width: float, height: float, unit: float = 1.0) -> None:
        self._cell = _CELL_PIXELS * unit
        self._cells = np.zeros((int(height / self._cell) + 2, int(width / self._cell) + 2), dtype=bool)
        self._size = (width, height)

    def take(self, left: float, top: float, right: float, bottom: float) -> bool:
        """Take the rectangle if it is free and inside the canvas."""
        if left < 0 or top < 0 or right > self._size[0] or bottom > self._size[1]:
            return False
        cell = self._cell
        part = self._cells[int(top / cell) : int(bottom / cell) + 1, int(left / cell) : int(right / cell) + 1]
        if part.any():
            return False
        part[...] = True
        return True


def draw_labels(
    canvas: skia.Canvas, places: Places, texts: Sequence[str], points: np.ndarray, look: Lettering,
    room: np.ndarray | None = None,
) -> int:  # fmt: skip
    """Draw labels around ``points`` (float[n, 2], canvas units) in the order given; return how many found a place.

    Parameters
    ----------
    room : float[n], optional
        Width that each label may take at most: that of the area it names.
    """
    chosen = font(look.size, bold=look.bold)
    paint = skia.Paint(Color=look.colour, AntiAlias=True)
    halo = skia.Paint(
        Color=look.halo, AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeWidth=2 * look.halo_width,
        StrokeJoin=skia.Paint.kRound_Join,
    )  # fmt: skip
    drawn, pad = 0, look.size * 0.25
    widths: dict[str, float] = {}
    for place, text in enumerate(texts):
        if not text:
            continue
        width = widths.setdefault(text, float(chosen.measureText(text)))
        if room is not None and width > room[place]:
            continue
        x, y = points[place]
        left, top = x - width / 2, y - look.size / 2
        if not places.take(left - pad, top - pad, left + width + pad, top + look.size + pad):
            continue
        baseline = y + look.size * 0.36
        if look.halo_width and look.halo >> 24:
            canvas.drawString(text, left, baseline, chosen, halo)
        canvas.drawString(text, left, baseline, chosen, paint)
        drawn += 1
    return drawn
