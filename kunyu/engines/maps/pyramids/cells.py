"""How much of each cell each class covers, exactly. 像元内各地类的精确面积.

A polygon's share of a cell is found from its edges alone, by the rule of signed areas: an edge piece inside one cell adds
its height times the part of the cell to its right, and its whole height to every cell further right; summed along a
row, outlines of one class add up to the area it covers. Nothing is sampled, so a ditch of one metre counts for exactly
what it is. Cells are squares of the Web Mercator plane, counted from the north-west corner of the world: column east,
row south, 512 to the side of a tile.

The same sums at the heights of cell centres tell which centres a county covers: where counties meet, a cell belongs to the
one that has its centre, so to exactly one, and the counties' areas stay what they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

CELLS_PER_TILE = 512
BASE_ZOOM = 11
"""The finest level; coarser ones are summed from it. Its cells are 38 m at the equator."""

_WIDTH = np.int64(CELLS_PER_TILE << BASE_ZOOM)
_NOTHING = 1e-9  # of a cell: what remains of sums that should be zero

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Shares:
    """Covered parts of cells, each (cell, class) once, ordered by cell and class.

    ``row`` and ``column`` count cells of the level, ``kind`` is the number of the class, ``share`` is the part of the
    cell that it covers.
    """

    row: Ints
    column: Ints
    kind: Ints
    share: Floats

    def __len__(self) -> int:
        return len(self.row)

    @staticmethod
    def none() -> Shares:
        empty = np.empty(0, np.int64)
        return Shares(empty, empty, empty, np.empty(0))


def to_cells(lonlat: Floats) -> Floats:
    """Longitude and latitude (n × 2, degrees) as columns and rows of the finest level, with fractions."""
    x = (lonlat[:, 0] + 180.0) / 360.0
    y = 0.5 - np.arcsinh(np.tan(np.radians(lonlat[:, 1]))) / (2 * np.pi)
    return np.column_stack([x, y]) * float(_WIDTH)


def shares_of(polygons: NDArray[np.object_], kinds: Ints) -> tuple[Shares, Shares]:
    """Shares of the finest level's cells, and the cells whose centre is covered (``kind`` 0, ``share`` 1).

    Parameters
    ----------
    polygons
        Polygons or multipolygons, EPSG:4490 lon/lat.
    kinds
        Number of each one's class, from 0.
    """
    rings, of_polygon = _rings(polygons)
    if not len(rings):
        return Shares.none(), Shares.none()
    points, of_ring = shapely.get_coordinates(rings, return_index=True)
    cells = to_cells(points)
    same = of_ring[1:] == of_ring[:-1]
    begin, end = cells[:-1][same], cells[1:][same]
    kind = np.asarray(kinds, np.int64)[of_polygon[of_ring[:-1][same]]]
    flat = begin[:, 1] == end[:, 1]
    begin, end, kind = begin[~flat], end[~flat], kind[~flat]
    # outer rings run counter-clockwise on the globe, which is clockwise where rows count southward
    centres = _accumulate(*_centre_events(begin, end), expand_from=0.5)
    return _accumulate(*_area_events(begin, end, kind), expand_from=_NOTHING), centres


def _rings(polygons: NDArray[np.object_]) -> tuple[NDArray[np.object_], Ints]:
    parts, of_part = shapely.get_parts(shapely.orient_polygons(polygons), return_index=True)
    rings, of_ring = shapely.get_rings(parts, return_index=True)
    return rings, of_part[of_ring]


def _area_events(begin: Floats, end: Floats, kind: Ints) -> tuple[Ints, Ints, Ints, Floats]:
    begin, end, kind = _cut(begin, end, kind)
    middle = (begin + end) / 2
    cell = np.floor(middle).astype(np.int64)
    height = end[:, 1] - begin[:, 1]
    left = middle[:, 0] - cell[:, 0]
    return (
        np.concatenate([kind, kind]),
        np.concatenate([cell[:, 1], cell[:, 1]]),
        np.concatenate([cell[:, 0], cell[:, 0] + 1]),
        np.concatenate([height * (1 - left), height * left]),
    )


def _centre_events(begin: Floats, end: Floats) -> tuple[Ints, Ints, Ints, Floats]:
    """Where edges cross the lines through the centres of rows."""
    low, high = np.minimum(begin[:, 1], end[:, 1]), np.maximum(begin[:, 1], end[:, 1])
    first, last = np.ceil(low - 0.5).astype(np.int64), np.ceil(high - 0.5).astype(np.int64)
    edge, row = _ranges(first, last)
    t = (row + 0.5 - begin[edge, 1]) / (end[edge, 1] - begin[edge, 1])
    x = begin[edge, 0] + t * (end[edge, 0] - begin[edge, 0])
    sign = np.sign(end[edge, 1] - begin[edge, 1])
    return np.zeros(len(edge), np.int64), row, np.ceil(x - 0.5).astype(np.int64), sign


def _cut(begin: Floats, end: Floats, kind: Ints) -> tuple[Floats, Floats, Ints]:
    """Cut edges where they leave a cell."""
    crosses = np.any(np.floor(begin) != np.floor(end), axis=1)
    if not crosses.any():
        return begin, end, kind
    from_, to, of = begin[crosses], end[crosses], kind[crosses]
    number = np.arange(len(from_))
    edges, stops = [number, number], [np.zeros(len(from_)), np.ones(len(from_))]
    for axis in (0, 1):
        low, high = np.minimum(from_[:, axis], to[:, axis]), np.maximum(from_[:, axis], to[:, axis])
        edge, line = _ranges(np.floor(low).astype(np.int64) + 1, np.ceil(high).astype(np.int64))
        edges.append(edge)
        stops.append((line - from_[edge, axis]) / (to[edge, axis] - from_[edge, axis]))
    edge, stop = np.concatenate(edges), np.concatenate(stops)
    order = np.lexsort((stop, edge))
    edge, stop = edge[order], stop[order]
    points = from_[edge] + stop[:, None] * (to[edge] - from_[edge])
    same = edge[1:] == edge[:-1]
    return (
        np.concatenate([begin[~crosses], points[:-1][same]]),
        np.concatenate([end[~crosses], points[1:][same]]),
        np.concatenate([kind[~crosses], of[edge[:-1][same]]]),
    )


def _ranges(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """Whole numbers from ``first`` to before ``last`` of each entry, with the number of the entry."""
    counts = np.maximum(last - first, 0)
    entry = np.repeat(np.arange(len(first)), counts)
    offset = np.arange(len(entry)) - np.repeat(np.cumsum(counts) - counts, counts)
    return entry, first[entry] + offset


def _accumulate(kind: Ints, row: Ints, column: Ints, value: Floats, *, expand_from: float) -> Shares:
    """Sum events along rows and write out every cell in which the sum is not nothing."""
    if not len(kind):
        return Shares.none()
    order = np.lexsort((column, row, kind))
    kind, row, column, value = kind[order], row[order], column[order], value[order]
    new = np.concatenate([[True], (kind[1:] != kind[:-1]) | (row[1:] != row[:-1]) | (column[1:] != column[:-1])])
    at = np.flatnonzero(new)
    value = np.add.reduceat(value, at)
    kind, row, column = kind[at], row[at], column[at]
    group = np.concatenate([[True], (kind[1:] != kind[:-1]) | (row[1:] != row[:-1])])
    running = np.cumsum(value)
    before = np.concatenate([[0.0], running[:-1]])
    running = running - np.repeat(before[group], np.diff(np.append(np.flatnonzero(group), len(value))))
    following = np.append(column[1:], 0)
    ends = np.append(group[1:], True)
    following[ends] = column[ends]  # a closed outline ends with nothing
    covered = np.abs(running) > expand_from
    entry, wide = _ranges(column[covered], following[covered])
    found = np.flatnonzero(covered)[entry]
    return Shares(row[found], wide, kind[found], np.abs(running[found]))


def together(parts: list[Shares]) -> Shares:
    """Sum shares of the same cell and class."""
    return _summed(
        np.concatenate([one.row for one in parts]),
        np.concatenate([one.column for one in parts]),
        np.concatenate([one.kind for one in parts]),
        np.concatenate([one.share for one in parts]),
    )


def coarser(shares: Shares) -> Shares:
    """The level above: four cells become one."""
    return _summed(shares.row >> 1, shares.column >> 1, shares.kind, shares.share / 4)


def coarser_centres(centres: Shares, child: int) -> Shares:
    """The level above: a cell's sample is that of one of its four children, so that exactly one county has it.

    ``child`` 1 is the south-eastern, 0 the north-western one; taken in turn, samples stay near the middle.
    """
    kept = (centres.row & 1 == child) & (centres.column & 1 == child)
    return Shares(centres.row[kept] >> 1, centres.column[kept] >> 1, centres.kind[kept], centres.share[kept])


def _summed(row: Ints, column: Ints, kind: Ints, share: Floats) -> Shares:
    if not len(row):
        return Shares.none()
    many = np.int64(kind.max() + 1)
    key = (row * _WIDTH + column) * many + kind
    order = np.argsort(key, kind="stable")
    key = key[order]
    at = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    summed = np.add.reduceat(share[order], at)
    key = key[at]
    cell = key // many
    return Shares(cell // _WIDTH, cell % _WIDTH, key % many, summed)
