"""Outer rings and holes: VCT only lists rings, so direction and containment tell them apart. 环的角色.

Writing turns every hole against its outer ring and every further outer ring like the first one. Reading takes a ring
that runs against the first one for a hole of the part before it, a ring that runs like it for a new part, unless it
lies inside the part before it: then a writer has not minded direction, and it is a hole.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.vct.ragged import Ints, ranges, starts_of

_FLAT = 1e-9
"""A ring whose area is below this part of its box has no direction."""


def directions(xy: NDArray[np.float64], start: Ints, chosen: Ints) -> Ints:
    """Return +1 (counter-clockwise), −1 or 0 (flat) for the chosen rings."""
    counts = np.diff(start)[chosen]
    where = ranges(start[chosen], counts)
    begin = starts_of(counts)
    first = np.repeat(xy[np.minimum(start[chosen], len(xy) - 1)], counts, axis=0)
    with np.errstate(invalid="ignore", over="ignore"):
        x, y = (xy[where] - first).T
        cross = np.zeros(len(x))
        cross[:-1] = x[:-1] * y[1:] - x[1:] * y[:-1]
        cross[begin[1:][counts > 0] - 1] = 0.0  # the step to the next ring is no edge
        full = counts > 0
        area, box = np.zeros(len(chosen)), np.zeros(len(chosen))
        if full.any():
            at = begin[:-1][full]
            area[full] = np.add.reduceat(cross, at)
            box[full] = _spread(x, at) * _spread(y, at)
        return np.where(np.abs(area) > _FLAT * box, np.sign(area), 0.0).astype(np.int64)


def _spread(values: NDArray[np.float64], at: Ints) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.maximum.reduceat(values, at) - np.minimum.reduceat(values, at)
    return found


def parts_and_holes(xy: NDArray[np.float64], start: Ints, row: Ints) -> tuple[Ints, NDArray[np.bool_], int]:
    """Return the part and whether it is a hole for every ring, and how many rings containment had to decide.

    Parameters
    ----------
    xy, start
        Rings one after the other.
    row : (m,)
        Polygon of each ring, ascending.
    """
    part, hole = np.zeros(len(row), np.int64), np.zeros(len(row), bool)
    opening = np.ones(len(row), bool)
    opening[1:] = row[1:] != row[:-1]
    head = np.maximum.accumulate(np.where(opening, np.arange(len(row)), 0))
    further = np.flatnonzero(~opening)
    if not len(further):
        return part, hole, 0
    chosen = np.unique(np.concatenate([further, head[further]]))
    way = np.zeros(len(row), np.int64)
    way[chosen] = directions(xy, start, chosen)
    hole[further] = (way[further] == 0) | (way[further] != np.where(way[head[further]] == 0, 1, way[head[further]]))
    same = further[~hole[further]]
    inner = same[_inside_part_before(xy, start, row, hole, same)] if len(same) else same
    hole[inner] = True
    new = ~hole
    numbered = np.cumsum(new)
    part = numbered - numbered[head]
    return part, hole, len(inner)


def _inside_part_before(
    xy: NDArray[np.float64], start: Ints, row: Ints, hole: NDArray[np.bool_], rings: Ints
) -> NDArray[np.bool_]:
    """Tell which rings have most of their vertices inside an earlier outer ring of their polygon (few come here)."""
    found = np.zeros(len(rings), bool)
    for at, ring in enumerate(rings):
        earlier = [one for one in range(int(np.searchsorted(row, row[ring])), ring) if not hole[one]][-50:]
        vertices = xy[start[ring] : start[ring + 1]]
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        for one in earlier:
            shell = xy[start[one] : start[one + 1]]
            # a ring with a vertex that is no number bounds nothing; the check of the geometry names it
            if len(shell) < 3 or not np.isfinite(shell).all():
                continue
            if (low < shell.min(axis=0)).any() or (high > shell.max(axis=0)).any():
                continue
            inside = shapely.contains_xy(shapely.Polygon(shell), vertices[:, 0], vertices[:, 1])
            if inside.mean() > 0.5:
                found[at] = True
                hole[ring] = True
                break
    return found


def turned(
    xy: NDArray[np.float64], start: Ints, row: Ints, part: Ints, hole: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], int, int]:
    """Return coordinates whose rings run as a reader expects, how many were turned, and how many parts stay unclear."""
    opening = np.ones(len(row), bool)
    opening[1:] = row[1:] != row[:-1]
    head = np.maximum.accumulate(np.where(opening, np.arange(len(row)), 0))
    further = np.flatnonzero(~opening)
    if not len(further):
        return xy, 0, 0
    chosen = np.unique(np.concatenate([further, head[further]]))
    way = np.zeros(len(row), np.int64)
    way[chosen] = directions(xy, start, chosen)
    like = np.where(way[head[further]] == 0, 1, way[head[further]])
    wrong = further[(way[further] != 0) & (way[further] != np.where(hole[further], -like, like))]
    if len(wrong):
        counts = np.diff(start)[wrong]
        where = ranges(start[wrong], counts)
        mirrored = np.repeat(start[wrong] + start[wrong + 1] - 1, counts) - where
        xy = xy.copy()
        xy[where] = xy[mirrored]
    read_part, read_hole, _ = parts_and_holes(xy, start, row)
    unclear = int(((read_part != part) | (read_hole != hole)).sum())
    return xy, len(wrong), unclear
