"""Short edges, sharp corners and crowded vertices of polygons: one pass over every coordinate. 短边、尖角与密集顶点.

Coordinates are judged in metres; degrees are brought to metres at the latitude of each polygon's batch. A corner or an
edge that is a fault of validity (vertices that coincide, spikes without width) is left to the rule that names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from kunyu.kernel.tolerances import SAME_POINT_TOLERANCE_M, TOPOLOGY_TOLERANCE_M

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
_VERTICES_AT_ONCE = 1 << 16
"""Small enough that scratch stays in the cache: 45 ns a vertex, 80 ns with a million at once (measured)."""
_FLOAT_NOISE_M = 1e-7
METRES_PER_DEGREE = 111_319.5


@dataclass(frozen=True)
class Limits:
    """What is too narrow: an edge below ``edge_m``, an interior angle below ``angle_deg``, and ``run`` edges in a row
    that average less than ``spacing_m``."""

    edge_m: float
    angle_deg: float
    spacing_m: float
    run: int


@dataclass(frozen=True)
class Spots:
    """One spot per polygon at most, its narrowest; arrays of shape (k,), sorted by ``position``.

    ``geometry`` is in the coordinates of the input, ``measure`` in metres or degrees of angle.
    """

    position: Rows
    geometry: NDArray[np.object_]
    measure: Floats

    def __len__(self) -> int:
        return len(self.position)


@dataclass(frozen=True)
class Corners:
    """What a pass found: edges that are too short (LineStrings), corners that are too sharp (Points), runs of vertices
    that are too dense (LineStrings)."""

    short: Spots
    sharp: Spots
    dense: Spots


def narrow_corners(
    polygons: NDArray[np.object_], limits: Limits, metres_per_unit: float = 1.0, geographic: bool = False
) -> Corners:
    """Look at every vertex of polygons.

    Parameters
    ----------
    polygons : object array of valid shapely Polygons or MultiPolygons, shape (n,)
        Others (None, empty) are passed over.
    limits : Limits
    metres_per_unit : float
        Metres in one unit of the coordinates; of plane coordinates only.
    geographic : bool
        Whether coordinates are longitude, latitude in degrees.
    """
    found: list[_Found] = []
    for rings in _rings(polygons):
        scale = _scale(rings.xy, metres_per_unit, geographic)
        found.append(_judged(rings, rings.xy * scale, limits))
    return Corners(
        _narrowest([one.short for one in found]),
        _narrowest([one.sharp for one in found]),
        _narrowest([one.dense for one in found]),
    )


@dataclass(frozen=True)
class _Rings:
    """Coordinates of closed rings one after another: ``ring`` per vertex; per ring its polygon, whether it is a hole."""

    xy: Floats
    ring: Rows
    polygon: Rows
    hole: NDArray[np.bool_]


_Hits = tuple[Rows, Floats, list[Floats] | Floats]
"""Polygon, measure, coordinates of each hit."""


@dataclass(frozen=True)
class _Found:
    short: _Hits
    sharp: _Hits
    dense: _Hits


def _rings(polygons: NDArray[np.object_]) -> Iterator[_Rings]:
    """Yield rings batch by batch; a polygon without holes is its own ring, which spares a copy of it."""
    kinds = shapely.get_type_id(polygons)
    plain = (kinds == shapely.GeometryType.POLYGON) & (shapely.get_num_interior_rings(polygons) == 0)
    plain &= ~shapely.is_empty(polygons)
    for rows in _batches(polygons, np.flatnonzero(plain)):
        xy, ring = shapely.get_coordinates(polygons[rows], return_index=True)
        yield _Rings(xy, ring, rows, np.zeros(len(rows), bool))
    other = ~plain & np.isin(kinds, (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    for rows in _batches(polygons, np.flatnonzero(other & ~shapely.is_empty(polygons))):
        parts, of_row = shapely.get_parts(polygons[rows], return_index=True)
        lines, of_part = shapely.get_rings(parts, return_index=True)
        xy, ring = shapely.get_coordinates(lines, return_index=True)
        hole = np.r_[False, of_part[1:] == of_part[:-1]]
        yield _Rings(xy, ring, rows[of_row[of_part]], hole)


def _batches(polygons: NDArray[np.object_], rows: Rows) -> Iterator[Rows]:
    if len(rows):
        counts = np.cumsum(shapely.get_num_coordinates(polygons[rows]))
        yield from np.split(rows, np.flatnonzero(np.diff(counts // _VERTICES_AT_ONCE)) + 1)


def _scale(xy: Floats, metres_per_unit: float, geographic: bool) -> Floats:
    if not geographic:
        return np.array([metres_per_unit, metres_per_unit])
    return METRES_PER_DEGREE * np.array([np.cos(np.radians(xy[:, 1].mean())), 1.0])


def _judged(rings: _Rings, metres: Floats, limits: Limits) -> _Found:
    """Judge one batch.

    ``step[i]`` leads from vertex i to i + 1; the last vertex of a ring repeats its first, so its step is the ring's
    first: every vertex but the first then has the arriving and the leaving step side by side.
    """
    first = np.flatnonzero(np.r_[True, rings.ring[1:] != rings.ring[:-1]])
    last = np.r_[first[1:], len(metres)] - 1
    dx, dy = np.empty(len(metres)), np.empty(len(metres))
    np.subtract(metres[1:, 0], metres[:-1, 0], out=dx[:-1])
    np.subtract(metres[1:, 1], metres[:-1, 1], out=dy[:-1])
    dx[last], dy[last] = dx[first], dy[first]
    length = np.sqrt(dx * dx + dy * dy)
    ends = np.zeros(len(metres), bool)
    ends[last] = True
    return _Found(
        _short_edges(rings, length, ends, limits.edge_m),
        _sharp_corners(rings, (dx, dy, length), ends, first, limits.angle_deg),
        _dense_runs(rings, np.where(ends, 0.0, length), limits),
    )


def _short_edges(rings: _Rings, length: Floats, ends: NDArray[np.bool_], least: float) -> _Hits:
    at = np.flatnonzero((length < least - _FLOAT_NOISE_M) & (length >= SAME_POINT_TOLERANCE_M * 0.99) & ~ends)
    return rings.polygon[rings.ring[at]], length[at], np.stack([rings.xy[at], rings.xy[at + 1]], axis=1)


def _sharp_corners(
    rings: _Rings, steps: tuple[Floats, Floats, Floats], ends: NDArray[np.bool_], first: Rows, least_deg: float
) -> _Hits:
    dx, dy, length = steps
    back = dx[:-1] * dx[1:] + dy[:-1] * dy[1:] < 0
    back &= ~ends[:-1]  # the pair (last of a ring, first of the next) is no corner
    at = np.flatnonzero(back) + 1
    cross = dx[at - 1] * dy[at] - dy[at - 1] * dx[at]
    dot = dx[at - 1] * dx[at] + dy[at - 1] * dy[at]
    angle = np.degrees(np.arctan2(np.abs(cross), -dot))
    longest, shortest = np.maximum(length[at - 1], length[at]), np.minimum(length[at - 1], length[at])
    width = np.abs(cross) / longest
    sharp = (angle < least_deg - 1e-7) & (shortest > TOPOLOGY_TOLERANCE_M)
    sharp &= width > TOPOLOGY_TOLERANCE_M + _FLOAT_NOISE_M
    at, angle, cross = at[sharp], angle[sharp], cross[sharp]
    ring = rings.ring[at]
    interior = (cross > 0) == (_anticlockwise(rings, ring, first) != rings.hole[ring])
    return rings.polygon[ring[interior]], angle[interior], rings.xy[at[interior]]


def _anticlockwise(rings: _Rings, chosen: Rows, first: Rows) -> NDArray[np.bool_]:
    """Say of each chosen ring whether it runs anticlockwise; sharp corners are few, so each is measured on its own."""
    stop = np.r_[first[1:], len(rings.xy)]
    found = np.zeros(len(chosen), bool)
    for at, ring in enumerate(chosen):
        xy = rings.xy[first[ring] : stop[ring]] - rings.xy[first[ring]]
        found[at] = float((xy[:-1, 0] * xy[1:, 1] - xy[1:, 0] * xy[:-1, 1]).sum()) > 0
    return found


def _dense_runs(rings: _Rings, length: Floats, limits: Limits) -> _Hits:
    """Return the densest run of ``limits.run`` edges of each ring that has one below the limit."""
    none: _Hits = (np.zeros(0, np.intp), np.zeros(0), [])
    run = limits.run
    if len(length) <= run:
        return none
    way = np.r_[0.0, np.cumsum(length)[:-1]]
    spacing = (way[run:] - way[:-run]) / run
    at = np.flatnonzero((spacing < limits.spacing_m - _FLOAT_NOISE_M) & (rings.ring[run:] == rings.ring[:-run]))
    if not len(at):
        return none
    # rings run and begin otherwise in other formats: equal runs are told apart by where they lie, not by their order
    ends = np.minimum(rings.xy[at], rings.xy[at + run])
    at = at[np.lexsort((ends[:, 1], ends[:, 0], np.round(spacing[at], 6), rings.ring[at]))]
    at = at[np.unique(rings.ring[at], return_index=True)[1]]
    return rings.polygon[rings.ring[at]], spacing[at], [rings.xy[one : one + run + 1] for one in at]


def _narrowest(found: list[_Hits]) -> Spots:
    position = np.concatenate([np.zeros(0, np.intp), *(one[0] for one in found)])
    measure = np.concatenate([np.zeros(0), *(one[1] for one in found)])
    places = [place for one in found for place in one[2]]
    shapes = np.full(len(places), None, object)
    for at, place in enumerate(places):  # findings only
        shapes[at] = shapely.Point(place) if place.ndim == 1 else shapely.LineString(place)
    corner = shapely.bounds(shapes) if len(shapes) else np.zeros((0, 4))
    order = np.lexsort((corner[:, 1], corner[:, 0], np.round(measure, 9), position))
    chosen = order[np.unique(position[order], return_index=True)[1]]
    return Spots(position[chosen], shapes[chosen], measure[chosen])
