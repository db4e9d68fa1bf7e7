"""Do two coverages that were surveyed apart meet vertex by vertex? Edge matching of neighbours. 接边.

Where the outlines run together every vertex of one must be a vertex of the other. A vertex without a partner is a fault
when it stands between vertices that have one, or so near the other outline that it can only belong to it. Where an
outline turns away for good (another neighbour, unknown here) nothing is asked. Unit of every length is that of the
coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

Rows = NDArray[np.intp]
_AWAY, _ALONE, _MATCHED = 0, 1, 2


@dataclass(frozen=True)
class Reach:
    """Two vertices within ``same`` are one; a vertex farther than ``far`` from the other outline is not of the common
    boundary; one nearer than ``near`` always is."""

    same: float
    near: float
    far: float


@dataclass(frozen=True)
class Mismatches:
    """Stretches of an outline whose vertices have no partner; arrays of shape (k,), sorted by place.

    ``geometry``: LineString through the vertices without partner and one more at either end; ``vertices``: MultiPoint of
    those without; ``offset``: the farthest distance of one of them from the nearest vertex of the other outline.
    """

    geometry: NDArray[np.object_]
    vertices: NDArray[np.object_]
    offset: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.geometry)


def mismatches(own: NDArray[np.object_], other: NDArray[np.object_], reach: Reach) -> Mismatches:
    """Return where the outline ``own`` has vertices that ``other`` lacks, along their common boundary.

    Parameters
    ----------
    own, other : object arrays of polygons
        Outlines, each taken whole: dissolve a coverage first. Swap them for what ``own`` lacks.
    reach : Reach
    """
    rings = _rings(own)
    theirs = _rings(other)
    if not len(rings) or not len(theirs):
        return _none()
    corners = shapely.points(shapely.get_coordinates(theirs))
    tree = shapely.STRtree(corners)
    segments = _segments_near(theirs, rings, reach.far)
    found: list[tuple[NDArray[np.float64], Rows, float]] = []
    for ring in rings:  # outlines: a handful
        xy = shapely.get_coordinates(ring)[:-1]
        state, distance = _states(xy, tree, segments, reach)
        for run in _runs(state, distance, reach.near):
            points = shapely.points(xy[run])
            nearest = tree.query_nearest(points, all_matches=False, return_distance=True)[1]
            found.append((xy, run, float(nearest.max())))
    if not found:
        return _none()
    lines = np.array([_stretch(xy, run) for xy, run, _ in found], dtype=object)
    vertices = np.array([shapely.multipoints(xy[run]) for xy, run, _ in found], dtype=object)
    place = shapely.bounds(lines)
    order = np.lexsort((place[:, 1], place[:, 0]))
    return Mismatches(lines[order], vertices[order], np.array([one[2] for one in found])[order])


def _none() -> Mismatches:
    return Mismatches(np.zeros(0, object), np.zeros(0, object), np.zeros(0))


def _rings(polygons: NDArray[np.object_]) -> NDArray[np.object_]:
    return np.asarray(shapely.get_rings(shapely.get_parts(np.asarray(polygons, dtype=object))), dtype=object)


def _segments_near(lines: NDArray[np.object_], around: NDArray[np.object_], reach: float) -> NDArray[np.object_]:
    """Return the segments of lines whose bounds come within ``reach`` of the bounds of ``around``."""
    xy, line = shapely.get_coordinates(lines, return_index=True)
    together = line[1:] == line[:-1]
    ends = np.stack([xy[:-1][together], xy[1:][together]], axis=1)
    low, high = ends.min(axis=1), ends.max(axis=1)
    west, south, east, north = shapely.total_bounds(around) + np.array([-reach, -reach, reach, reach])
    near = (high[:, 0] >= west) & (low[:, 0] <= east) & (high[:, 1] >= south) & (low[:, 1] <= north)
    return np.asarray(shapely.linestrings(ends[near]), dtype=object)


def _states(
    xy: NDArray[np.float64], tree: shapely.STRtree, segments: NDArray[np.object_], reach: Reach
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return per vertex whether it is away from the other outline, alone beside it or matched; and its distance."""
    points = shapely.points(xy)
    distance = np.full(len(xy), np.inf)
    if len(segments):
        vertex, segment = shapely.STRtree(segments).query(points, predicate="dwithin", distance=reach.far)
        np.minimum.at(distance, vertex, shapely.distance(points[vertex], segments[segment]))
    state = np.where(distance <= reach.far, _ALONE, _AWAY)
    state[np.unique(tree.query(points, predicate="dwithin", distance=reach.same)[0])] = _MATCHED
    return state, distance


def _runs(state: NDArray[np.int64], distance: NDArray[np.float64], near: float) -> list[Rows]:
    """Return the runs of vertices without partner that are faults, each in the order of the ring."""
    if not (state == _ALONE).any():
        return []
    others = np.flatnonzero(state != _ALONE)
    if not len(others):
        return [np.arange(len(state))]
    count = len(state)
    first = int(others[0])
    order = (first + np.arange(count)) % count  # begin where no run is cut
    alone = np.r_[state[order] == _ALONE, False]
    starts, stops = np.flatnonzero(alone[1:] & ~alone[:-1]) + 1, np.flatnonzero(~alone[1:] & alone[:-1]) + 1
    found = []
    for start, stop in zip(starts, stops, strict=True):
        run = order[start:stop]
        between = state[order[start - 1]] == _MATCHED and state[order[stop % count]] == _MATCHED
        faults = run if between else run[distance[run] <= near]
        if len(faults):
            found.append(faults)
    return found


def _stretch(xy: NDArray[np.float64], run: Rows) -> shapely.LineString:
    """Return the line from the vertex before the run to the one after it."""
    count = len(xy)
    if len(run) == count:
        return shapely.LineString(np.r_[xy, xy[:1]])
    span = (run[-1] - run[0]) % count
    return shapely.LineString(xy[(run[0] - 1 + np.arange(span + 3)) % count])
