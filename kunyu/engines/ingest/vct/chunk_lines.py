"""The lines of a piece of a VCT file as arrays: where they lie, what numbers they are. 文本行索引."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
from numpy.typing import NDArray

from kunyu.engines.ingest.vct.ragged import Bytes, Ints, inside, ranges, text_array

NO_NUMBER = np.iinfo(np.int64).min
_MOST_SPACES = 32
_BLANK = np.zeros(256, bool)
_BLANK[[9, 13, 32]] = True


@dataclass(frozen=True)
class Lines:
    """Lines that are not blank: bytes ``start`` to ``end`` of ``data`` without outer spaces.

    ``separators`` counts the separator in each, ``number`` is its number in the file, ``after`` where the next begins.
    """

    data: Bytes
    start: Ints
    end: Ints
    separators: Ints
    number: Ints
    after: Ints

    def __len__(self) -> int:
        return len(self.start)

    def text(self, line: int) -> bytes:
        """One line."""
        return bytes(self.data[self.start[line] : self.end[line]])

    def integers(self, lines: Ints) -> Ints:
        """Whole numbers of lines; ``NO_NUMBER`` for what is none, and for lines that do not exist."""
        there = lines < len(self)
        at = np.where(there, lines, 0)
        if not len(self):
            return np.full(len(lines), NO_NUMBER)
        found = integers(self.data, self.start[at], self.end[at])
        return found if there.all() else np.where(there, found, NO_NUMBER)

    def texts(self, lines: Ints) -> pa.Array:
        """Lines as an Arrow array of bytes."""
        lengths = self.end[lines] - self.start[lines]
        return text_array(self.data[ranges(self.start[lines], lengths)], lengths, pa.binary())


def lines_of(data: Bytes, first_line: int, separator: int) -> Lines:
    """Index a piece of text. ``data`` is written to later: it must be the caller's own."""
    newline = np.flatnonzero(data == 10)
    start = np.concatenate([[0], newline + 1])
    end = np.append(newline, len(data))
    if len(start) > 1 and start[-1] == len(data):
        start, end = start[:-1], end[:-1]
    after = end + 1
    for _ in range(_MOST_SPACES):
        trimmed = (end > start) & _BLANK[data[np.maximum(end - 1, 0)]]
        if not trimmed.any():
            break
        end = end - trimmed
    for _ in range(_MOST_SPACES):
        trimmed = (end > start) & _BLANK[data[np.minimum(start, max(len(data) - 1, 0))]] if len(data) else end > start
        if not trimmed.any():
            break
        start = start + trimmed
    full = end > start
    number = np.arange(first_line, first_line + len(start))
    if not full.all():
        start, end, number, after = start[full], end[full], number[full], after[full]
    places = np.flatnonzero(data == separator)
    counts = np.diff(np.searchsorted(places, np.append(start, len(data)))) if len(start) else start
    return Lines(data, start, end, counts, number, after)


def integers(data: Bytes, start: Ints, end: Ints) -> Ints:
    """Return the whole numbers that stand between ``start`` and ``end``; ``NO_NUMBER`` for anything else."""
    size = end - start
    if not len(size):
        return size
    sign = data[np.minimum(start, len(data) - 1)]
    signed = (size > 1) & ((sign == 45) | (sign == 43))
    begin = start + signed
    size = size - signed
    good = (size > 0) & (size <= 18)
    value = np.zeros(len(size), np.int64)
    for place in range(int(size[good].max()) if good.any() else 0):
        here = good & (place < size)
        digit = data[np.where(here, begin + place, 0)].astype(np.int64) - 48
        good &= ~here | ((digit >= 0) & (digit <= 9))
        value = np.where(here, value * 10 + digit, value)
    return np.where(good, np.where(signed & (sign == 45), -value, value), NO_NUMBER)


def coordinates(lines: Lines, chosen: Ints, separator: str) -> tuple[NDArray[np.float64], int, int]:
    """Return (n, 2) numbers of coordinate lines, how many had a third one, and how many were no numbers (NaN)."""
    if not len(chosen):
        return np.zeros((0, 2)), 0, 0
    end = lines.end[chosen].copy()
    high = np.flatnonzero(lines.separators[chosen] > 1)
    if len(high):
        places = np.flatnonzero(lines.data == ord(separator))
        first = np.searchsorted(places, lines.start[chosen[high]])
        end[high] = places[first + 1]
    lines.data[end[end < len(lines.data)]] = 10
    text = _compact(lines, chosen, end)
    try:
        table = pcsv.read_csv(
            pa.BufferReader(pa.py_buffer(text)),
            read_options=pcsv.ReadOptions(column_names=["x", "y"], block_size=1 << 22),
            parse_options=pcsv.ParseOptions(delimiter=separator, quote_char=False),
            convert_options=pcsv.ConvertOptions(column_types={"x": pa.float64(), "y": pa.float64()}, null_values=[]),
        )
    except pa.ArrowInvalid:
        return _one_by_one(text, separator), len(high), -1
    found = np.empty((len(chosen), 2))
    for place in (0, 1):
        at = 0
        for some in table.column(place).chunks:
            found[at : at + len(some), place] = some.to_numpy()
            at += len(some)
    return found, len(high), 0


def _compact(lines: Lines, chosen: Ints, end: Ints) -> Bytes:
    start = lines.start[chosen]
    after = end + 1
    gaps = start - np.concatenate([[0], after[:-1]])
    if (gaps < 0).any():
        return np.frombuffer(
            b"\n".join(bytes(lines.data[a:b]) for a, b in zip(start, end, strict=True)) + b"\n", np.uint8
        )
    inner = min(int(after[-1]), len(lines.data))
    mask = inside(gaps, np.append(after[:-1], inner) - start, len(lines.data) - inner)
    return lines.data[mask]


def _one_by_one(text: Bytes, separator: str) -> NDArray[np.float64]:
    """Numbers of a piece that holds something else too: the slow way, NaN for what is no number."""
    found = []
    for line in text.tobytes().split(b"\n"):
        if line:
            pair = line.split(separator.encode())[:2]
            found.append([_number(one) for one in pair] if len(pair) == 2 else [np.nan, np.nan])
    return np.array(found, float).reshape(-1, 2)


def _number(text: bytes) -> float:
    try:
        return float(text) if b"_" not in text else np.nan
    except ValueError:
        return np.nan
