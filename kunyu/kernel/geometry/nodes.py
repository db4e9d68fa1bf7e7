"""Where the ends of lines meet nothing, or meet for no reason: dangling and pseudo nodes. 悬挂点与伪结点."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from kunyu.kernel.tolerances import TOPOLOGY_TOLERANCE_M

Rows = NDArray[np.intp]
_SEARCH_TOLERANCES = 10_000
"""How many tolerances around a dangling end another line is looked for: 10 m in a survey."""


@dataclass(frozen=True)
class Dangling:
    """Ends of lines that no line touches; arrays of shape (k,), sorted by ``position``.

    ``gap`` is how far the nearest other line is, in the unit of the coordinates; infinite where none is near.
    """

    position: Rows
    geometry: NDArray[np.object_]
    gap: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.position)


@dataclass(frozen=True)
class Pseudo:
    """Points where exactly two lines end and nothing else is: one line cut in two; sorted by ``left``, ``right``."""

    left: Rows
    right: Rows
    geometry: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.left)


def loose_ends(lines: NDArray[np.object_], tolerance: float = TOPOLOGY_TOLERANCE_M) -> tuple[Dangling, Pseudo]:
    """Return dangling ends and pseudo nodes of a network of lines.

    Parameters
    ----------
    lines : object array of LineStrings or MultiLineStrings, shape (n,)
        Each part counts as a line of its own. An end that touches the inside of another line, or a line that closes
        on itself, is in order.
    tolerance : float
        Ends this near touch. Unit of the coordinates.
    """
    parts, owner = shapely.get_parts(lines, return_index=True)
    usable = (shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING) & (shapely.length(parts) > 0)
    usable &= np.isfinite(shapely.bounds(parts)).all(axis=1)
    parts, owner = parts[usable], owner[usable]
    count = len(parts)
    if not count:
        nothing, shapes = np.zeros(0, np.intp), np.zeros(0, object)
        return Dangling(nothing, shapes, np.zeros(0)), Pseudo(nothing, nothing, shapes)
    ends = np.concatenate([shapely.get_point(parts, 0), shapely.get_point(parts, -1)])
    of_end = np.tile(np.arange(count), 2)
    closed = np.tile(shapely.distance(ends[:count], ends[count:]) <= tolerance, 2)
    tree = shapely.STRtree(parts)
    end, line = tree.query(ends, predicate="dwithin", distance=tolerance)
    foreign = line != of_end[end]
    end, line = end[foreign], line[foreign]
    touching = np.bincount(end, minlength=2 * count)
    lone = np.flatnonzero((touching == 0) & ~closed)
    at_an_end = np.minimum(
        shapely.distance(ends[end], ends[line]), shapely.distance(ends[end], ends[count + line])
    ) <= tolerance  # fmt: skip
    single = (touching[end] == 1) & at_an_end & ~closed[end] & ~closed[line]
    pair = np.sort(np.stack([of_end[end[single]], line[single]], axis=1), axis=1)
    return (
        _dangling(ends, lone, owner[of_end[lone]], tree, of_end[lone], tolerance),
        _pseudo(ends[end[single]], owner[pair], tolerance),
    )


def _dangling(
    ends: NDArray[np.object_], lone: Rows, position: Rows, tree: shapely.STRtree, own: Rows, tolerance: float
) -> Dangling:
    points = ends[lone]
    gap = np.full(len(lone), np.inf)
    end, line = tree.query(points, predicate="dwithin", distance=_SEARCH_TOLERANCES * tolerance)
    end, line = end[line != own[end]], line[line != own[end]]
    np.minimum.at(gap, end, shapely.distance(points[end], tree.geometries[line]))
    order = np.lexsort((shapely.get_y(points), shapely.get_x(points), position))
    return Dangling(position[order], points[order], gap[order])


def _pseudo(points: NDArray[np.object_], pair: NDArray[np.intp], tolerance: float) -> Pseudo:
    """Each node is seen from both its lines: keep one."""
    x, y = shapely.get_x(points), shapely.get_y(points)
    order = np.lexsort((y, x, pair[:, 1], pair[:, 0]))
    pair, x, y = pair[order], x[order], y[order]
    same = np.zeros(len(pair), bool)
    same[1:] = (
        (pair[1:] == pair[:-1]).all(axis=1) & (np.abs(np.diff(x)) <= tolerance) & (np.abs(np.diff(y)) <= tolerance)
    )
    kept = order[~same]
    return Pseudo(pair[~same, 0], pair[~same, 1], points[kept])
