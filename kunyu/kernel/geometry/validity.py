"""What is wrong with single polygons, and where (Q301). 单个图形的有效性.

An unclosed ring cannot occur here: neither WKB nor shapely can hold one. Readers report it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from kunyu.kernel.tolerances import SAME_POINT_TOLERANCE_M, TOPOLOGY_TOLERANCE_M

MISSING = "missing"
EMPTY = "empty"
NOT_POLYGON = "not_polygon"
NOT_FINITE = "not_finite"
SELF_INTERSECTION = "self_intersection"
HOLE_OUTSIDE = "hole_outside_shell"
NESTED = "nested"
DUPLICATE_RINGS = "duplicate_rings"
DISCONNECTED = "disconnected_interior"
TOO_FEW_POINTS = "too_few_points"
OTHER_INVALID = "invalid"
DUPLICATE_VERTEX = "duplicate_vertex"
SPIKE = "spike"
ZERO_AREA = "zero_area"

REASONS: dict[str, tuple[str, str]] = {
    MISSING: ("没有图形", "no geometry"),
    EMPTY: ("图形为空", "empty geometry"),
    NOT_POLYGON: ("不是面", "not a polygon"),
    NOT_FINITE: ("坐标含NaN或无穷大", "a coordinate is NaN or infinite"),
    SELF_INTERSECTION: ("边界自相交", "the boundary intersects itself"),
    HOLE_OUTSIDE: ("内环在外环之外", "a hole lies outside its shell"),
    NESTED: ("环相互嵌套", "rings are nested"),
    DUPLICATE_RINGS: ("环重复", "rings repeat"),
    DISCONNECTED: ("内部不连通", "the interior is not connected"),
    TOO_FEW_POINTS: ("环的顶点不足", "a ring has too few points"),
    OTHER_INVALID: ("图形无效", "invalid geometry"),
    DUPLICATE_VERTEX: ("相邻顶点重复", "consecutive vertices coincide"),
    SPIKE: ("尖刺", "spike"),
    ZERO_AREA: ("面积为零", "no area"),
}
"""Reason code → (Chinese, English)."""

_GEOS_REASONS = {
    "Self-intersection": SELF_INTERSECTION,
    "Ring Self-intersection": SELF_INTERSECTION,
    "Hole lies outside shell": HOLE_OUTSIDE,
    "Holes are nested": NESTED,
    "Nested shells": NESTED,
    "Nested holes": NESTED,
    "Duplicate Rings": DUPLICATE_RINGS,
    "Interior is disconnected": DISCONNECTED,
    "Too few points in geometry component": TOO_FEW_POINTS,
}
_GEOS_TEXT = re.compile(r"^(?P<reason>[^\[]+)\[(?P<x>[^\s\]]+) (?P<y>[^\s\]]+)[^\]]*\]$")


@dataclass(frozen=True)
class Faults:
    """Faults of single geometries; arrays of shape (k,), sorted by ``index``, then ``reason``.

    Attributes
    ----------
    index : int64
        Position in the input; one geometry may have several faults.
    reason : str
        A key of `REASONS`.
    point : object
        Where, in the input's coordinates; an empty point when there is no place to name.
    """

    index: NDArray[np.int64]
    reason: NDArray[np.str_]
    point: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.index)


def invalid_reasons(
    polygons: ArrayLike, same_point: float = SAME_POINT_TOLERANCE_M, tolerance: float = TOPOLOGY_TOLERANCE_M
) -> Faults:
    """Return the faults of polygons.

    Parameters
    ----------
    polygons : array of shapely geometries, shape (n,)
    same_point : float
        Consecutive vertices this close or closer are duplicates. Unit of the coordinates.
    tolerance : float
        Spikes narrower and polygons of less mean width 2A/P are faults. Unit of the coordinates.

    Returns
    -------
    Faults
        Self-intersections are given by their first place; duplicate vertices and spikes by every place.
    """
    array = np.asarray(polygons, dtype=object).ravel()
    absent, candidates = _absences(array)
    unbounded, finite = _not_finite(array, candidates)
    found = [
        absent,
        unbounded,
        _structural(array, finite),
        _vertex_faults(array, finite, same_point, tolerance),
        _without_area(array, finite, tolerance),
    ]
    index = np.concatenate([faults.index for faults in found])
    reason = np.concatenate([faults.reason for faults in found])
    point = np.concatenate([faults.point for faults in found])
    order = np.lexsort((reason, index))
    return Faults(index[order], reason[order], point[order])


def _faults(index: NDArray[np.int64], reason: str | NDArray[np.str_], point: NDArray[np.object_] | None) -> Faults:
    reasons = np.full(len(index), reason) if isinstance(reason, str) else reason
    points = np.full(len(index), shapely.Point(), dtype=object) if point is None else point
    return Faults(index.astype(np.int64), reasons.astype(np.str_), points)


def _join(*faults: Faults) -> Faults:
    return Faults(
        np.concatenate([part.index for part in faults]),
        np.concatenate([part.reason for part in faults]),
        np.concatenate([part.point for part in faults]),
    )


def _absences(array: NDArray[np.object_]) -> tuple[Faults, NDArray[np.int64]]:
    missing = shapely.is_missing(array)
    empty = shapely.is_empty(array) & ~missing
    kinds = shapely.get_type_id(array)
    polygonal = np.isin(kinds, (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    other = ~missing & ~empty & ~polygonal
    others = np.flatnonzero(other)
    faults = _join(
        _faults(np.flatnonzero(missing), MISSING, None),
        _faults(np.flatnonzero(empty), EMPTY, None),
        _faults(others, NOT_POLYGON, shapely.points(shapely.bounds(array[others])[:, :2])),
    )
    return faults, np.flatnonzero(polygonal & ~empty)


def _not_finite(array: NDArray[np.object_], candidates: NDArray[np.int64]) -> tuple[Faults, NDArray[np.int64]]:
    coordinates, owner = shapely.get_coordinates(array[candidates], return_index=True)
    bad_vertex = ~np.isfinite(coordinates).all(axis=1)
    bad = np.zeros(len(candidates), dtype=bool)
    bad[owner[bad_vertex]] = True
    where = np.full(len(candidates), shapely.Point(), dtype=object)
    broken, first = np.unique(owner[bad[owner] & ~bad_vertex], return_index=True)
    where[broken] = shapely.points(coordinates[bad[owner] & ~bad_vertex][first])
    return _faults(candidates[bad], NOT_FINITE, where[bad]), candidates[~bad]


def _structural(array: NDArray[np.object_], candidates: NDArray[np.int64]) -> Faults:
    """Return what GEOS finds invalid; it names the first place of each geometry only."""
    invalid = candidates[~shapely.is_valid(array[candidates])]
    texts = shapely.is_valid_reason(array[invalid])
    matches = [_GEOS_TEXT.match(text) for text in texts]
    reasons = [
        _GEOS_REASONS.get(match["reason"].strip(), OTHER_INVALID) if match else OTHER_INVALID for match in matches
    ]
    places = [shapely.Point(float(match["x"]), float(match["y"])) if match else shapely.Point() for match in matches]
    points = np.empty(len(places), dtype=object)
    points[:] = places
    return _faults(invalid, np.array(reasons, dtype=np.str_), points)


def _vertex_faults(
    array: NDArray[np.object_], candidates: NDArray[np.int64], same_point: float, tolerance: float
) -> Faults:
    """Return duplicate consecutive vertices and spikes: places where the boundary turns back on itself."""
    parts, owner = shapely.get_parts(array[candidates], return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    if len(rings) == 0:
        return _faults(np.empty(0, np.int64), SPIKE, None)
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    step = np.diff(coordinates, axis=0)
    length = np.hypot(step[:, 0], step[:, 1])
    inside_ring = ring[1:] == ring[:-1]
    twins = np.flatnonzero(inside_ring & (length <= same_point)) + 1

    arriving, leaving, vertex = _turns(ring)
    spikes = vertex[_turns_back(step, length, arriving, leaving, tolerance)]

    polygon_of = candidates[owner[part[ring]]]
    return _join(
        _faults(polygon_of[twins], DUPLICATE_VERTEX, shapely.points(coordinates[twins])),
        _faults(polygon_of[spikes], SPIKE, shapely.points(coordinates[spikes])),
    )


def _turns(ring: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return, per vertex without the closing ones, the arriving step, the leaving step and the vertex.

    A ring's vertices lie one after the other, its last repeats its first; step k leads from vertex k to k + 1.
    """
    starts = np.flatnonzero(np.concatenate(([True], ring[1:] != ring[:-1])))
    ends = np.concatenate((starts[1:], [len(ring)])) - 1
    keep = np.ones(len(ring), dtype=bool)
    keep[ends] = False
    vertex = np.flatnonzero(keep)
    arriving = vertex - 1
    arriving[np.searchsorted(vertex, starts)] = ends - 1
    return arriving, vertex, vertex


def _turns_back(
    step: NDArray[np.float64],
    length: NDArray[np.float64],
    arriving: NDArray[np.intp],
    leaving: NDArray[np.intp],
    tolerance: float,
) -> NDArray[np.bool_]:
    """Tell where two steps form a spike: they run back, and the shorter ends within ``tolerance`` of the longer."""
    x, y = np.ascontiguousarray(step[:, 0]), np.ascontiguousarray(step[:, 1])
    turns_back = x[arriving] * x[leaving] + y[arriving] * y[leaving] < 0
    sharp = np.flatnonzero(turns_back)
    before, after = arriving[sharp], leaving[sharp]
    short = np.minimum(length[before], length[after])
    long = np.maximum(length[before], length[after])
    cross = np.abs(x[before] * y[after] - y[before] * x[after])
    # Steps no longer than the tolerance end near everything: they are duplicates or detail, not spikes.
    turns_back[sharp] = (short > tolerance) & (cross < tolerance * long)
    return turns_back


def _without_area(array: NDArray[np.object_], candidates: NDArray[np.int64], tolerance: float) -> Faults:
    geometries = array[candidates]
    length = shapely.length(geometries)
    flat = 2 * shapely.area(geometries) < tolerance * length
    flat |= length == 0
    found = candidates[flat]
    return _faults(found, ZERO_AREA, _first_points(array[found]))


def _first_points(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    coordinates, owner = shapely.get_coordinates(geometries, return_index=True)
    _, first = np.unique(owner, return_index=True)
    return np.asarray(shapely.points(coordinates[first]), dtype=object)
