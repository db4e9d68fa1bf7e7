"""Arrays of rows of unequal length: index ranges, text made of pieces, all without a loop per row. 变长数组."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]


def starts_of(counts: Ints) -> Ints:
    """Return (n + 1,) offsets: where each of n rows begins, and the end of the last."""
    found = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=found[1:])
    return found


def ranges(first: Ints, counts: Ints) -> Ints:
    """Return ``first[i], first[i] + 1, …`` (``counts[i]`` of them) for every row, one after the other."""
    total = int(counts.sum())
    if not total:
        return np.zeros(0, np.int64)
    shift = np.repeat(first - (np.cumsum(counts) - counts), counts)
    shift += np.arange(total, dtype=np.int64)
    return shift


def inside(gaps: Ints, counts: Ints, tail: int = 0) -> NDArray[np.bool_]:
    """Return a mask: ``gaps[0]`` times false, ``counts[0]`` times true, and so on, then ``tail`` times false."""
    lengths = np.empty(2 * len(gaps) + 1, np.int64)
    lengths[0:-1:2], lengths[1::2], lengths[-1] = gaps, counts, tail
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)


def woven(before: pa.Array, body: Bytes, counts: Ints) -> Bytes:
    """Return bytes: text ``before[i]``, then the next ``counts[i]`` bytes of ``body``, for every row."""
    data, lengths = text_bytes(before)
    mask = inside(lengths, counts)
    out = np.empty(len(mask), np.uint8)
    out[mask] = body
    np.logical_not(mask, out=mask)
    out[mask] = data
    return out


def text_bytes(values: pa.Array) -> tuple[Bytes, Ints]:
    """Return the bytes of a text array one after the other, and the length of each value (0 for null)."""
    if not (pa.types.is_string(values.type) or pa.types.is_binary(values.type)):
        values = values.cast(pa.string())
    _, offsets, data = values.buffers()
    if not len(values) or data is None:
        return np.zeros(0, np.uint8), np.zeros(len(values), np.int64)
    at = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1].astype(np.int64)
    return np.frombuffer(data, np.uint8)[at[0] : at[-1]], np.diff(at)


def text_array(data: Bytes, lengths: Ints, kind: Any = None) -> pa.Array:
    """Return text values that lie one after the other in ``data`` as an Arrow array (not validated)."""
    offsets = starts_of(lengths).astype(np.int32)
    return pa.Array.from_buffers(
        kind or pa.string(), len(lengths), [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data))]
    )


def numbers_as_text(values: Ints) -> pa.Array:
    """Return whole numbers as text."""
    return pa.array(values).cast(pa.string())


def closed_sums(values: NDArray[Any], starts: Ints) -> NDArray[Any]:
    """Return the sum of each row, rows without values giving 0 (``np.add.reduceat`` would not)."""
    total = np.zeros(len(values) + 1, values.dtype if values.dtype.kind == "f" else np.int64)
    np.cumsum(values, out=total[1:])
    found: NDArray[Any] = total[starts[1:]] - total[starts[:-1]]
    return found
