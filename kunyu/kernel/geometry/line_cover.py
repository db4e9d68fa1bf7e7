"""Where lines do not run along the boundaries of polygons: boundaries that must coincide. 界线重合.

Edges that occur in both are matched by their end points; only the others (T-junctions, faults) are measured. Unit of
every length is that of the coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from kunyu.kernel.geometry.placement import usable_polygons
from kunyu.kernel.tolerances import COORDINATE_DECIMALS, TOPOLOGY_TOLERANCE_M

_POLYGONS_AT_A_TIME = 50_000
_Bare = tuple[NDArray[np.intp], NDArray[np.object_]]


@dataclass(frozen=True)
class Uncovered:
    """Stretches of lines that no boundary follows; arrays of shape (k,), sorted by ``position``.

    ``geometry`` is a LineString or MultiLineString with every such stretch of the line at ``position``.
    """

    position: NDArray[np.intp]
    geometry: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.position)


def uncovered(
    lines: ArrayLike, polygons: ArrayLike, tolerance: float = TOPOLOGY_TOLERANCE_M,
    decimals: int = COORDINATE_DECIMALS, checked: bool = False,
) -> Uncovered:  # fmt: skip
    """Return where lines, or the boundaries of polygons, do not run along other lines or boundaries of polygons.

    Parameters
    ----------
    lines : array of lines or polygons, shape (n,)
    polygons : array of shapely polygons or lines, shape (m,)
        What should be followed: boundaries of polygons, and lines as they are.
    tolerance : float
        A line follows a boundary that is no further off than this; shorter stretches are noise.
    decimals : int
        Decimals that coordinates are delivered with: points that agree in them are the same.
    checked : bool
        Nothing among ``polygons`` is invalid.
    """
    edges = _edges(_as_lines(np.asarray(lines, dtype=object)))
    near = _followed(polygons)
    wanted = np.sort(_names(edges, decimals))
    known = [np.zeros(0, np.uint64)]
    for first in range(0, len(near), _POLYGONS_AT_A_TIME):
        names = _names(_edges(_as_lines(near[first : first + _POLYGONS_AT_A_TIME])), decimals)
        known.append(names[_among(names, wanted)])
    left = ~_among(_names(edges, decimals), np.sort(np.concatenate(known)))
    return _gathered(edges.owner[left], _bare_stretches(edges.take(left), near, tolerance))


@dataclass(frozen=True)
class _Edges:
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    owner: NDArray[np.intp]

    def take(self, chosen: NDArray[np.bool_]) -> _Edges:
        return _Edges(self.start[chosen], self.end[chosen], self.owner[chosen])


def _followed(shapes: ArrayLike) -> NDArray[np.object_]:
    array = np.asarray(shapes, dtype=object).ravel()
    lines = array[shapely.get_dimensions(array) == 1]
    lines = lines[np.isfinite(shapely.bounds(lines)).all(axis=1)] if len(lines) else lines
    return np.concatenate([usable_polygons(array)[1], lines])


def _as_lines(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    lines = shapes.copy()
    areal = shapely.get_dimensions(shapes) == 2
    lines[areal] = shapely.boundary(shapes[areal])
    return lines


def _edges(lines: NDArray[np.object_]) -> _Edges:
    parts, of_line = shapely.get_parts(lines, return_index=True)
    parts, of_line = _rings_too(parts, of_line)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    together = (part[1:] == part[:-1]) & (xy[1:] != xy[:-1]).any(axis=1)
    return _Edges(xy[:-1][together], xy[1:][together], of_line[part[1:][together]])


def _rings_too(parts: NDArray[np.object_], owner: NDArray[np.intp]) -> tuple[NDArray[np.object_], NDArray[np.intp]]:
    linear = shapely.get_dimensions(parts) == 1
    return parts[linear], owner[linear]


def _names(edges: _Edges, decimals: int) -> NDArray[np.uint64]:
    """A number for each edge, the same whichever way it runs."""
    ends = [np.rint(np.c_[one] * 10.0**decimals).astype(np.int64).view(np.uint64) for one in (edges.start, edges.end)]
    one, other = (_mixed(end[:, 0] * np.uint64(0x9E3779B97F4A7C15) + _mixed(end[:, 1])) for end in ends)
    return _mixed(one + other) ^ (one ^ other)


def _mixed(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread the bits of a number over all of it (splitmix64)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def _among(names: NDArray[np.uint64], ordered: NDArray[np.uint64]) -> NDArray[np.bool_]:
    if not len(ordered):
        return np.zeros(len(names), bool)
    at = np.minimum(np.searchsorted(ordered, names), len(ordered) - 1)
    found: NDArray[np.bool_] = ordered[at] == names
    return found


def _bare_stretches(edges: _Edges, polygons: NDArray[np.object_], tolerance: float) -> _Bare:
    """Return what of each edge no boundary runs along, as (edge, stretches)."""
    count = len(edges.start)
    if not count:
        return np.zeros(0, np.intp), np.zeros(0, object)
    lines = shapely.linestrings(np.stack([edges.start, edges.end], axis=1))
    edge, segment, segments = _segments_near(lines, polygons, tolerance)
    strips = shapely.buffer(segments, tolerance, quad_segs=4)
    covered = shapely.intersection(lines[edge], strips[segment])  # a convex strip cuts a straight edge once
    some = ~shapely.is_empty(covered) & (shapely.get_type_id(covered) == shapely.GeometryType.LINESTRING)
    edge, covered = edge[some], covered[some]
    ends = [shapely.line_locate_point(lines[edge], shapely.get_point(covered, at)) for at in (0, -1)]
    begin, stop = np.minimum(*ends), np.maximum(*ends)
    which, low, high = _holes(edge, begin, stop, shapely.length(lines))
    kept = high - low > tolerance
    which, low, high = which[kept], low[kept], high[kept]
    a, b = (shapely.get_coordinates(shapely.line_interpolate_point(lines[which], at)) for at in (low, high))
    stretches = shapely.linestrings(np.stack([a, b], axis=1)) if len(which) else np.zeros(0, object)
    return which, stretches


def _segments_near(
    lines: NDArray[np.object_], polygons: NDArray[np.object_], tolerance: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.object_]]:
    """Return pairs (line, boundary segment) no further apart than the tolerance, and the segments."""
    none = np.zeros(0, np.intp)
    if not len(polygons):
        return none, none, np.zeros(0, object)
    _, found = shapely.STRtree(polygons).query(lines, predicate="dwithin", distance=tolerance)
    near = _edges(_as_lines(polygons[np.unique(found)]))
    if not len(near.start):
        return none, none, np.zeros(0, object)
    segments = shapely.linestrings(np.stack([near.start, near.end], axis=1))
    line, segment = shapely.STRtree(segments).query(lines, predicate="dwithin", distance=tolerance)
    used, segment = np.unique(segment, return_inverse=True)
    return line, segment, segments[used]


def _holes(
    edge: NDArray[np.intp], begin: NDArray[np.float64], stop: NDArray[np.float64], length: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Return what intervals leave open of each edge: (edge, from, to). Edges lie one behind the other on one axis."""
    offset = np.r_[0.0, np.cumsum(length + 1.0)]
    every = np.arange(len(length))
    # an empty interval at either end of every edge: holes then lie between intervals of one edge
    which = np.r_[edge, every, every]
    low = np.r_[begin, np.zeros(len(length)), length]
    high = np.r_[stop, np.zeros(len(length)), length]
    order = np.lexsort((high, low, which))
    which, low, high = which[order], low[order], high[order]
    reached = np.maximum.accumulate(high + offset[which])[:-1] - offset[which[:-1]]
    same = which[1:] == which[:-1]
    return which[1:][same], reached[same], low[1:][same]


def _gathered(owner: NDArray[np.intp], bare: _Bare) -> Uncovered:
    which, stretches = bare
    if not len(which):
        return Uncovered(np.zeros(0, np.intp), np.zeros(0, object))
    lines = owner[which]
    kept, at = np.unique(lines, return_inverse=True)
    order = np.argsort(at, kind="stable")
    joined = shapely.line_merge(shapely.multilinestrings(stretches[order], indices=at[order]))
    return Uncovered(kept, joined)
