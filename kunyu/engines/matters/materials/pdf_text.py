"""The text layer of a PDF page as lines with places. PDF 文字层.

pdfium gives letters with their boxes in the page's own coordinates (points, origin lower left, unrotated); lines are
put together here from the boxes a font gives each letter (not its ink: a full stop has little), because the order of letters in a file is whatever its maker wrote.
"""

from __future__ import annotations

import ctypes
import math
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import pypdfium2
from pypdfium2 import raw

from kunyu.engines.matters.materials.text_pages import Line

MOST_LETTERS = 60_000
_LEAST_LETTERS = 12
_GOOD_SHARE = 0.7
_NO_INK = (0, 9, 10, 13, 32, 0xA0, 0x3000)


@dataclass(frozen=True)
class _Letter:
    """A letter in points of the page turned so that its text is upright, from the upper left corner.

    ``is_spaced``: after a space; ``place``: where it stands on the page as it is shown.
    """

    text: str
    is_spaced: bool
    place: tuple[float, float, float, float]
    left: float
    top: float
    right: float
    bottom: float

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def tall(self) -> float:
        return self.bottom - self.top


def text_lines(page: pypdfium2.PdfPage) -> tuple[Line, ...]:
    """Lines of the text layer from top to bottom; empty where there is none worth reading."""
    letters = _letters(page)
    if not _is_worth_reading(letters):
        return ()
    size = page.get_size()
    return tuple(_line(row, *size) for row in _rows(letters))


def _is_worth_reading(letters: list[_Letter]) -> bool:
    """Enough letters, and letters that mean something: fonts without a table of characters give rubbish."""
    if len(letters) < _LEAST_LETTERS:
        return False
    good = sum(
        one.text.isprintable() and not 0xE000 <= ord(one.text) <= 0xF8FF and one.text != "\ufffd" for one in letters
    )
    return good >= _GOOD_SHARE * len(letters)


def _letters(page: pypdfium2.PdfPage) -> list[_Letter]:
    """Letters with ink, in the order of the file."""
    text_page = page.get_textpage()
    try:
        count = min(text_page.count_chars(), MOST_LETTERS)
        turn, upright, frame = page.get_rotation(), _upright(text_page, count), page.get_cropbox()
        found: list[_Letter] = []
        is_spaced = False
        edges = raw.FS_RECTF()
        for index in range(count):
            code = raw.FPDFText_GetUnicode(text_page, index)
            if code in _NO_INK or 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
                is_spaced = True
            elif raw.FPDFText_GetLooseCharBox(text_page, index, ctypes.byref(edges)):
                given = (edges.left, edges.right, edges.bottom, edges.top)
                box = _shown(given, frame, upright)
                if box[3] > box[1] and not chr(code).isspace():
                    place = box if turn == upright else _shown(given, frame, turn)
                    found.append(_Letter(chr(code), is_spaced, place, *box))
                    is_spaced = False
        return found
    finally:
        text_page.close()


def _upright(text_page: pypdfium2.PdfTextPage, count: int) -> int:
    """Degrees to turn the page clockwise by so that most of its text is upright; a sample of its letters decides."""
    angles = (raw.FPDFText_GetCharAngle(text_page, index) for index in range(0, count, max(1, count // 200)))
    turns = Counter(-round(math.degrees(one) / 90) * 90 % 360 for one in angles if one >= 0)
    return turns.most_common(1)[0][0] if turns else 0


def _shown(edges: tuple[float, ...], frame: tuple[float, ...], turn: int) -> tuple[float, float, float, float]:
    """Edges (left, right, bottom, top) of the unrotated page as a box of the page turned clockwise by ``turn`` degrees."""
    x0, x1, y0, y1 = edges
    left, bottom, right, top = frame
    width, height = right - left, top - bottom
    box = (x0 - left, top - y1, x1 - left, top - y0)
    if turn == 90:
        return height - box[3], box[0], height - box[1], box[2]
    if turn == 180:
        return width - box[2], height - box[3], width - box[0], height - box[1]
    if turn == 270:
        return box[1], width - box[2], box[3], width - box[0]
    return box


def _rows(letters: list[_Letter]) -> list[list[_Letter]]:
    rows: list[list[_Letter]] = []
    for letter in sorted(letters, key=lambda one: one.middle):
        row = rows[-1] if rows else None
        if row is not None and _is_beside(letter, row):
            row.append(letter)
        else:
            rows.append([letter])
    return [sorted(row, key=lambda one: one.left) for row in rows]


def _is_beside(letter: _Letter, row: list[_Letter]) -> bool:
    """Next in the row by height: near the last letter, and not far below the first."""
    last, first = row[-1], row[0]
    near = letter.middle - last.middle < 0.3 * max(letter.tall, last.tall)
    return near and letter.middle - first.middle < 0.8 * max(letter.tall, first.tall)


def _line(row: list[_Letter], width: float, height: float) -> Line:
    """Letters of one row: gaps are measured in heights of letters, of which a Han letter's width is two thirds or more."""
    em = 0.7 * sorted(one.tall for one in row)[len(row) // 2]
    text = row[0].text
    for before, letter in pairwise(row):
        gap = letter.left - before.right
        is_word = gap > 0.35 * em or (letter.is_spaced and gap > 0.1 * em)
        text += ("\t" if gap > 1.6 * em else " " if is_word else "") + letter.text
    places = [one.place for one in row]
    left, top = min(one[0] for one in places), min(one[1] for one in places)
    right, bottom = max(one[2] for one in places), max(one[3] for one in places)
    return Line(text, 1.0, (left / width, top / height, right / width, bottom / height))
