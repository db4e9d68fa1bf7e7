"""Well-known binary of many rows ↔ arrays of rings and coordinates, without an object per geometry. WKB 批量编解码.

Rings need not be closed or valid: a reader of bad data must hand on what it found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.vct.ragged import Bytes, Ints, inside, starts_of

POINT, LINE, POLYGON = 1, 2, 3
_MULTI = 3
"""A multi type's number is its part's and 3."""


@dataclass(frozen=True)
class Shapes:
    """Geometries of n rows as m paths (a ring, a line, a point).

    ``kind`` (n,) is POINT, LINE, POLYGON or 0 for none; ``row``, ``part``, ``hole`` (m,) say which row and which part
    of it a path belongs to and whether it is a hole; path i has ``xy[start[i]:start[i + 1]]``, x before y. ``lost``
    are rows whose geometry cannot be told in points (curves, damaged bytes), ``flattened`` counts rows that had
    heights or measures.
    """

    kind: NDArray[np.uint8]
    row: Ints
    part: Ints
    hole: NDArray[np.bool_]
    start: Ints
    xy: NDArray[np.float64]
    lost: Ints
    flattened: int = 0

    @property
    def counts(self) -> Ints:
        """Vertices of each path."""
        return np.diff(self.start)


def decode(column: pa.Array) -> Shapes:
    """Read a binary Arrow array of WKB; null and empty geometries have kind 0 and no path."""
    column, lost, flattened = _plain(column)
    data, first, lengths = _laid_out(column)
    present = lengths > 0
    kind = np.zeros(len(column), np.uint8)
    kind[present] = data[first[present] + 1]
    base = np.where(kind > _MULTI, kind - _MULTI, kind).astype(np.uint8)
    last = first + lengths
    found = [_paths(data, first, last, kind, base, wanted) for wanted in (POINT, LINE, POLYGON)]
    row, part, hole, begin, count = (np.concatenate(columns) for columns in zip(*found, strict=True))
    if (len(found[0][0]) + len(found[1][0]) and len(found[2][0])) or (len(found[0][0]) and len(found[1][0])):
        order = np.argsort(begin, kind="stable")
        row, part, hole, begin, count = row[order], part[order], hole[order], begin[order], count[order]
    ends = begin + 16 * count
    gaps = begin - np.concatenate([[0], ends[:-1]]) if len(begin) else begin
    mask = inside(gaps, 16 * count, len(data) - (int(ends[-1]) if len(ends) else 0))
    xy = data[mask].view(np.float64).reshape(-1, 2)
    base[present & (np.bincount(row, minlength=len(base)) == 0)] = 0  # empty
    return Shapes(base, row, part, hole, starts_of(count), xy, lost, flattened)


def encode(rows: int, base: int, row: Ints, part: Ints, counts: Ints, xy: NDArray[np.float64]) -> pa.Array:
    """Return paths as WKB, one value per row, null where a row has no path.

    Parameters
    ----------
    rows : int
        Number of values.
    base : POINT, LINE or POLYGON
        Rows of several parts become the multi type.
    row, part, counts : (m,)
        Sorted by row, then part; a polygon's outer ring before its holes.
    xy : (sum of counts, 2)
    """
    many = len(row)
    new_row = np.ones(many, bool)
    new_row[1:] = row[1:] != row[:-1]
    new_part = new_row.copy()
    new_part[1:] |= part[1:] != part[:-1]
    parts_of_row = np.bincount(row[new_part], minlength=rows)
    multi = parts_of_row[row] > 1
    part_head, path_head = (5, 0) if base == POINT else (9, 0) if base == LINE else (9, 4)
    extra = np.where(new_row & multi, 9, 0)
    before = extra + np.where(new_part, part_head, 0) + path_head
    size = before + 16 * counts
    starts = starts_of(size)
    out = np.empty(int(starts[-1]), np.uint8)
    out[inside(before, 16 * counts)] = np.ascontiguousarray(xy, "<f8").view(np.uint8).ravel()
    at = starts[:-1]
    heads = at[new_row & multi]
    out[heads] = 1
    _put(out, heads + 1, np.full(len(heads), base + _MULTI))
    _put(out, heads + 5, parts_of_row[row[new_row & multi]])
    heads = (at + extra)[new_part]
    out[heads] = 1
    _put(out, heads + 1, np.full(len(heads), base))
    if base == LINE:
        _put(out, heads + 5, counts[new_part])
    elif base == POLYGON:
        _put(out, heads + 5, np.diff(np.append(np.flatnonzero(new_part), many)))
        _put(out, at + before - 4, counts)
    lengths = np.zeros(rows, np.int64)
    np.add.at(lengths, row[new_row], np.diff(np.append(at[new_row], starts[-1])))
    valid = np.packbits(parts_of_row > 0, bitorder="little")
    return pa.Array.from_buffers(
        pa.binary(), rows, [pa.py_buffer(valid), pa.py_buffer(starts_of(lengths).astype(np.int32)), pa.py_buffer(out)]
    )


def kinds(column: pa.Array) -> NDArray[np.uint8]:
    """Return the type number of plain WKB values that are not null."""
    data, first, lengths = _laid_out(column)
    return data[first[lengths > 0] + 1]


def as_multi(column: pa.Array) -> pa.Array:
    """Return plain WKB with every point, line and polygon as a multi geometry of one part."""
    data, first, lengths = _laid_out(column)
    single = lengths > 0
    single[single] = data[first[single] + 1] <= _MULTI
    before = np.where(single, 9, 0)
    starts = starts_of(before + lengths)
    out = np.empty(int(starts[-1]), np.uint8)
    out[inside(before, lengths)] = data[: int(lengths.sum())]
    at = starts[:-1][single]
    out[at] = 1
    _put(out, at + 1, data[first[single] + 1].astype(np.int64) + _MULTI)
    _put(out, at + 5, np.ones(len(at), np.int64))
    valid = np.packbits(lengths > 0, bitorder="little")
    return pa.Array.from_buffers(
        pa.binary(), len(column), [pa.py_buffer(valid), pa.py_buffer(starts.astype(np.int32)), pa.py_buffer(out)]
    )


def _put(out: Bytes, at: Ints, values: NDArray[np.integer]) -> None:
    for byte in range(4):
        out[at + byte] = (values >> (8 * byte)) & 255


def _take(data: Bytes, at: Ints) -> Ints:
    at = np.minimum(at, len(data) - 4)
    whole = data[at].astype(np.int64)
    for byte in (1, 2, 3):
        whole |= data[at + byte].astype(np.int64) << (8 * byte)
    return whole


def _laid_out(column: pa.Array) -> tuple[Bytes, Ints, Ints]:
    _, offsets, data = column.buffers()
    if not len(column) or data is None:
        return np.zeros(4, np.uint8), np.zeros(len(column), np.int64), np.zeros(len(column), np.int64)
    at = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1].astype(np.int64)
    found = np.frombuffer(data, np.uint8)[at[0] : at[-1]]
    lengths = np.diff(at)
    lengths[~np.asarray(column.is_valid())] = 0
    return (found if len(found) >= 4 else np.zeros(4, np.uint8)), at[:-1] - at[0], lengths


def _plain(column: pa.Array) -> tuple[pa.Array, Ints, int]:
    """Bring rows in another form (heights, big-endian, collections) into the plain one; the others are not touched."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    column = column.cast(pa.binary())
    data, first, lengths = _laid_out(column)
    at = first[lengths >= 9]
    odd = lengths > 0
    code = _take(data, at + 1)
    odd[np.flatnonzero(lengths >= 9)[(data[at] == 1) & (code >= 1) & (code <= 2 * _MULTI)]] = False
    rows = np.flatnonzero(odd)
    if not len(rows):
        return column, rows, 0
    values = column.take(pa.array(rows)).to_numpy(zero_copy_only=False)
    shapes = shapely.from_wkb(values, on_invalid="ignore")
    known = np.isin(shapely.get_type_id(shapes), (0, 1, 2, 3, 4, 5, 6))  # GEOS reads curves, but not as points
    shapes[~known] = None
    flat = int(shapely.has_z(shapes).sum())
    everything = column.to_numpy(zero_copy_only=False).copy()
    everything[rows] = shapely.to_wkb(shapely.force_2d(shapes), byte_order=1)
    return pa.array(everything, pa.binary()), rows[~known], flat


_Paths = tuple[Ints, Ints, NDArray[np.bool_], Ints, Ints]


def _paths(
    data: Bytes, first: Ints, last: Ints, kind: NDArray[np.uint8], base: NDArray[np.uint8], wanted: int
) -> _Paths:
    """Walk all rows of one kind at once: the k-th part of each, and in it the k-th ring of each."""
    rows = np.flatnonzero(base == wanted)
    none = np.zeros(0, np.int64)
    found: list[_Paths] = [(none, none, np.zeros(0, bool), none, none)]
    multi = kind[rows] > _MULTI
    at = first[rows] + np.where(multi, 9, 0)
    left = np.where(multi, _take(data, first[rows] + 5), 1)
    part = 0
    while len(rows := rows[left > 0]):
        at, left = at[left > 0], left[left > 0]
        at = _one_part(data, rows, at, last[rows], part, wanted, found)
        left = left - 1
        part += 1
    if part <= 1 and wanted != POLYGON:
        return found[-1]
    joined = tuple(np.concatenate(columns) for columns in zip(*found, strict=True))
    order = np.argsort(joined[3], kind="stable")
    row, nth, hole, begin, count = (one[order] for one in joined)
    return row, nth, hole, begin, count


def _one_part(data: Bytes, rows: Ints, at: Ints, last: Ints, part: int, wanted: int, found: list[_Paths]) -> Ints:
    if wanted != POLYGON:
        head = 5 if wanted == POINT else 9
        count = np.ones(len(rows), np.int64) if wanted == POINT else _take(data, at + 5)
        count = np.clip(count, 0, np.maximum((last - at - head) // 16, 0))
        found.append((rows, np.full(len(rows), part), np.zeros(len(rows), bool), at + head, count))
        return at + head + 16 * count
    rings = _take(data, at + 5)
    end = at + 9
    here = np.arange(len(rows))
    ring = 0
    while len(here := here[(rings[here] > ring) & (end[here] + 4 <= last[here])]):
        begin = end[here] + 4
        count = np.clip(_take(data, end[here]), 0, np.maximum((last[here] - begin) // 16, 0))
        found.append((rows[here], np.full(len(here), part), np.full(len(here), ring > 0), begin, count))
        end[here] = begin + 16 * count
        ring += 1
    return end
