"""Boundaries of many polygons as one chain of edges, in which shared edges cancel.

Write m(x) for the number of polygons that cover a point x. The sum of all polygon boundaries, each edge directed with
the interior on its left, is the boundary of m: where two neighbours share an edge it runs once each way and cancels.
What is left over, the residual chain, is exactly where m changes. A clean coverage leaves its outer boundary only, so
every fault shows in a set of edges far smaller than the data, however it came about (crossing, containment,
duplicates, whole layers twice). Faces of the residual chain have constant m; asking one point per face is complete.

Coordinates are rounded to a grid first, a thousandth of the tolerance, so that equality means equality. Rounded rings
stay closed, hence so does the residual chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

CHUNK_VERTICES = 500_000
"""Vertices in memory at a time; edges still unmatched are carried from chunk to chunk."""

GRID_PER_TOLERANCE = 1e-3

_Floats = NDArray[np.float64]
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Frame:
    """The integer grid all edges live on: ``origin`` (x, y) and ``step`` in the unit of the coordinates."""

    origin: tuple[float, float]
    step: float

    def to_grid(self, coordinates: _Floats) -> NDArray[np.int64]:
        """Return grid coordinates, shape (n, 2)."""
        return np.rint((coordinates - self.origin) / self.step).astype(np.int64)

    def to_local(self, grid: NDArray[np.int64]) -> _Floats:
        """Return coordinates relative to ``origin``: small numbers keep digits for the noding."""
        return np.multiply(grid, self.step, dtype=np.float64)


@dataclass(frozen=True)
class Edges:
    """Directed edges on the grid.

    Attributes
    ----------
    key : uint64 array, shape (n,)
        The same for an edge and its reverse; 64 hashed bits (among 10⁸ edges a false match has chance 3e-4).
    sign : int8 array, shape (n,)
        +1 or −1 by direction; the key of a shared edge sums to zero.
    ends : int64 array, shape (n, 4)
        x1, y1, x2, y2 on the grid.
    """

    key: NDArray[np.uint64]
    sign: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.key)


NO_EDGES = Edges(np.empty(0, np.uint64), np.empty(0, np.int64), np.empty((0, 4), np.int64))


def frame_of(geometries: NDArray[np.object_], tolerance: float) -> Frame:
    """Return the grid for these geometries: origin in the middle of their bounds."""
    minx, miny, maxx, maxy = shapely.total_bounds(geometries)
    origin = (float(np.floor((minx + maxx) / 2)), float(np.floor((miny + maxy) / 2)))
    return Frame(origin, tolerance * GRID_PER_TOLERANCE)


def residual(polygons: NDArray[np.object_], frame: Frame, weight: int = 1) -> Edges:
    """Return what remains of the boundaries of ``polygons`` when shared edges have cancelled.

    Parameters
    ----------
    polygons : object array of valid polygons or multipolygons, shape (n,)
    frame : Frame
    weight : int
        −1 subtracts the polygons: add the result to others' to compare two coverages.
    """
    left = NO_EDGES
    for chunk in _chunks(polygons):
        left = cancel(concatenate(left, boundary_edges(chunk, frame, weight)))
    return left


def _chunks(polygons: NDArray[np.object_]) -> Iterator[NDArray[np.object_]]:
    counts = shapely.get_num_coordinates(polygons)
    if counts.sum() > CHUNK_VERTICES:
        # From south to north: then only the edges along one line wait for their partners.
        order = np.argsort(shapely.bounds(polygons)[:, 1], kind="stable")
        polygons, counts = polygons[order], counts[order]
    piece = (np.cumsum(counts) - 1) // CHUNK_VERTICES
    yield from np.split(polygons, np.flatnonzero(np.diff(piece)) + 1)


def concatenate(one: Edges, other: Edges) -> Edges:
    """Return the sum of two chains, nothing cancelled yet."""
    if len(one) == 0:
        return other
    return Edges(
        np.concatenate((one.key, other.key)),
        np.concatenate((one.sign, other.sign)),
        np.concatenate((one.ends, other.ends)),
    )


def boundary_edges(polygons: NDArray[np.object_], frame: Frame, weight: int = 1) -> Edges:
    """Return the boundary edges of polygons that do not cancel among themselves, interior on the left."""
    rings, is_hole, _ = rings_of(polygons)
    if len(rings) == 0:
        return NO_EDGES
    counts = shapely.get_num_coordinates(rings)
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    grid = frame.to_grid(shapely.get_coordinates(rings))
    clockwise = signed_areas(frame.to_local(grid), starts, counts) < 0
    turn = np.where(clockwise != is_hole, -weight, weight)

    point = _hash_points(grid)
    first, second = point[:-1], point[1:]
    real = first != second
    real[starts[1:] - 1] = False  # the step from one ring to the next
    sign = np.where(first < second, 1, -1) * np.repeat(turn, counts)[:-1]
    kept = np.flatnonzero(real)
    key = _mix(first + second)[kept]
    chosen, sums = _survivors(key, sign[kept])
    edge = kept[chosen]
    return Edges(key[chosen], sums, np.hstack((grid[edge], grid[edge + 1])))


def rings_of(
    polygons: NDArray[np.object_],
) -> tuple[NDArray[np.object_], NDArray[np.bool_], NDArray[np.intp]]:
    """Return the rings of polygons, whether each is a hole, and the position of its polygon."""
    parts, of_part = shapely.get_parts(polygons, return_index=True)
    rings, owner = shapely.get_rings(parts, return_index=True)
    is_hole = np.zeros(len(rings), dtype=bool)
    is_hole[1:] = owner[1:] == owner[:-1]
    return rings, is_hole, of_part[owner]


def signed_areas(local: _Floats, starts: NDArray[np.intp], counts: NDArray[np.int32]) -> _Floats:
    """Return the areas of closed rings, positive anticlockwise; ring i has ``counts[i]`` vertices from ``starts[i]``."""
    near = local - np.repeat(local[starts], counts, axis=0)
    cross = np.zeros(len(near))
    cross[:-1] = near[:-1, 0] * near[1:, 1] - near[1:, 0] * near[:-1, 1]
    cross[starts + counts - 1] = 0.0
    return np.add.reduceat(cross, starts)


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit integers (the finaliser of SplitMix64: a bijection)."""
    values = values ^ (values >> np.uint64(30))
    values *= _MIX_1
    values ^= values >> np.uint64(27)
    values *= _MIX_2
    values ^= values >> np.uint64(31)
    return values


def _hash_points(grid: NDArray[np.int64]) -> NDArray[np.uint64]:
    unsigned = np.ascontiguousarray(grid.T).view(np.uint64)
    return _mix(_mix(unsigned[0] + _GOLDEN) + unsigned[1])


def cancel(edges: Edges) -> Edges:
    """Return the chain with every edge once, multiplied by its sum, and none whose sum is zero."""
    chosen, sums = _survivors(edges.key, edges.sign)
    # Direction is in the sign alone: ends keep the order they came with, which may be either.
    return Edges(edges.key[chosen], sums, edges.ends[chosen])


def _survivors(key: NDArray[np.uint64], sign: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Sum signs by key; return one position for each key whose sum is not zero, and the sum."""
    if len(key) == 0:
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.int64)
    order = np.argsort(key)
    ordered = key[order]
    run_starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    sums = np.add.reduceat(sign[order], run_starts)
    left = np.flatnonzero(sums)
    return order[run_starts[left]], sums[left]


def mend_t_junctions(edges: Edges, frame: Frame, reach: float) -> Edges:
    """Lead edges through the loose vertices that lie within ``reach`` of them, and cancel again.

    At a T-junction one neighbour has a vertex in the middle of the other's long edge, rounded to the decimals of the
    file and so a little off it. Led through that vertex, both chains cancel; what moves, moves by ``reach`` at most.
    Measured with 100,000 loose edges: 0.4 s, where noding and naming 33,000 sliver faces took 2.8 s.
    """
    if len(edges) == 0:
        return edges
    owner, place, point = _points_on_edges(edges, frame, reach)
    if len(owner) == 0:
        return edges
    start, end = edges.ends[:, :2], edges.ends[:, 2:]
    every = np.arange(len(edges))
    owner = np.concatenate((every, owner, every))
    place = np.concatenate((np.zeros(len(edges)), place, np.ones(len(edges))))
    point = np.concatenate((start, point, end))
    order = np.lexsort((place, owner))
    owner, point = owner[order], point[order]
    same_edge = np.flatnonzero(owner[1:] == owner[:-1])
    times = edges.sign * np.where(_hash_points(start) < _hash_points(end), 1, -1)
    return cancel(_directed(point[same_edge], point[same_edge + 1], times[owner[same_edge]]))


def _points_on_edges(edges: Edges, frame: Frame, reach: float) -> tuple[NDArray[np.intp], _Floats, NDArray[np.int64]]:
    """Return (edge, place on it from 0 to 1, grid point) for loose vertices near the inside of edges."""
    vertices = np.unique(edges.ends.reshape(-1, 2), axis=0)
    lines = shapely.linestrings(frame.to_local(edges.ends).reshape(-1, 2, 2))
    points = shapely.points(frame.to_local(vertices))
    vertex, edge = shapely.STRtree(lines).query(points, predicate="dwithin", distance=reach)
    start = frame.to_local(edges.ends[edge, :2])
    along = frame.to_local(edges.ends[edge, 2:]) - start
    place = ((frame.to_local(vertices[vertex]) - start) * along).sum(axis=1) / (along**2).sum(axis=1)
    margin = reach / np.hypot(along[:, 0], along[:, 1])  # an edge's own ends, and twins of them, split nothing
    inner = (place > margin) & (place < 1 - margin)
    return edge[inner], place[inner], vertices[vertex[inner]]


def _directed(start: NDArray[np.int64], end: NDArray[np.int64], times: NDArray[np.int64]) -> Edges:
    """Return edges from ``start`` to ``end``, each counted ``times``."""
    first, second = _hash_points(start), _hash_points(end)
    kept = np.flatnonzero(first != second)
    sign = np.where(first < second, times, -times)
    return Edges(_mix(first + second)[kept], sign[kept], np.hstack((start, end))[kept])


def faces(edges: Edges, frame: Frame) -> NDArray[np.object_]:
    """Return the bounded faces of the residual chain as polygons, in coordinates relative to the frame's origin."""
    if len(edges) == 0:
        return np.empty(0, dtype=object)
    lines = shapely.linestrings(frame.to_local(edges.ends).reshape(-1, 2, 2))
    noded = shapely.union_all(lines)
    return shapely.get_parts(shapely.polygonize([noded]))


def shift(geometries: NDArray[np.object_], offset: tuple[float, float]) -> NDArray[np.object_]:
    """Return geometries moved by ``offset``."""
    move = np.asarray(offset)

    def moved(coordinates: NDArray[Any]) -> NDArray[Any]:
        return coordinates + move

    return shapely.transform(geometries, moved)
