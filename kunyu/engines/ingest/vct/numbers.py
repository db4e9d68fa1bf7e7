"""Coordinates as text, a million lines at a time: fixed decimals, digits by table. 坐标文本."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kunyu.engines.ingest.vct.ragged import Bytes, Ints

_FOUR = np.frombuffer("".join(f"{n:04d}" for n in range(10_000)).encode(), np.uint32)
"""The digits of 0000 … 9999, four bytes each."""
MOST_UNITS = 9e18
"""Fixed-point coordinates must fit 64 bits."""


def to_fixed(values: NDArray[np.float64], decimals: int) -> Ints:
    """Return ``values`` in units of the last decimal, rounded half to even; NaN and what is too large become 0.

    The whole and the broken part are scaled apart: at nine decimals a product would lose its last digits.
    """
    scale = 10**decimals
    usable = np.abs(values) < MOST_UNITS / scale
    with np.errstate(invalid="ignore"):
        safe = values if usable.all() else np.where(usable, values, 0.0)
    if decimals <= 4:
        return np.rint(safe * scale).astype(np.int64)
    whole = np.floor(safe)
    return whole.astype(np.int64) * scale + np.rint((safe - whole) * scale).astype(np.int64)


def fixed_texts(units: Ints, decimals: int) -> tuple[Bytes, NDArray[np.bool_] | None]:
    """Return an (n, width) matrix of characters and a mask of those that count (None when all do)."""
    size = np.abs(units)
    whole, part = np.divmod(size, 10**decimals) if decimals else (size, np.zeros_like(size))
    most = int(whole.max()) if len(whole) else 0
    digits = max(len(str(most)), 1)
    negative = bool((units < 0).any())
    width = negative + digits + (1 + decimals if decimals else 0)
    out = np.empty((len(units), width), np.uint8)
    if negative:
        out[:, 0] = 45
    _digits(whole, out[:, negative : negative + digits])
    if decimals:
        out[:, negative + digits] = 46
        _digits(part, out[:, negative + digits + 1 :])
    if not negative and (not len(whole) or int(whole.min()) >= 10 ** (digits - 1)):
        return out, None
    keep = np.ones(out.shape, bool)
    for place in range(digits - 1):
        keep[:, negative + place] = whole >= 10 ** (digits - 1 - place)
    if negative:
        keep[:, 0] = units < 0
    return out, keep


def coordinate_lines(x: Ints, y: Ints, decimals: int, separator: bytes, end: bytes) -> tuple[Bytes, Ints | None]:
    """Return the lines ``x,y`` one after the other as bytes, and the length of each (None: all are as long)."""
    texts = [fixed_texts(x, decimals), fixed_texts(y, decimals)]
    width = sum(text.shape[1] for text, _ in texts) + len(separator) + len(end)
    out = np.empty((len(x), width), np.uint8)
    keep = None if texts[0][1] is None and texts[1][1] is None else np.ones(out.shape, bool)
    at = 0
    for (text, mask), after in zip(texts, (separator, end), strict=True):
        until = at + text.shape[1]
        out[:, at:until] = text
        if mask is not None and keep is not None:
            keep[:, at:until] = mask
        out[:, until : until + len(after)] = np.frombuffer(after, np.uint8)
        at = until + len(after)
    if keep is None:
        return out.ravel(), None
    return out[keep], keep.sum(axis=1, dtype=np.int64)


def lengths_of(text: Bytes, lengths: Ints | None, lines: int) -> Ints:
    """Return the length of each line that ``coordinate_lines`` made."""
    return np.full(lines, len(text) // max(lines, 1), np.int64) if lengths is None else lengths


def _digits(values: Ints, out: NDArray[np.uint8]) -> None:
    """Write ``values`` (none negative) right-aligned with leading zeros."""
    end = out.shape[1]
    rest = values
    while end > 0:
        rest, four = np.divmod(rest, 10_000) if end > 4 else (rest, rest)
        text = _FOUR[four].view(np.uint8).reshape(-1, 4)
        take = min(4, end)
        out[:, end - take : end] = text[:, 4 - take :]
        end -= take
