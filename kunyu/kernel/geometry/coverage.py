"""Overlaps inside a set of polygons and gaps against a declared boundary. 重叠与缝隙.

Coordinates are planar and both results are measured in them: judge a delivery in its own plane. ``tolerance`` is in
the unit of the coordinates (0.001 m for a survey; about 1e-8 for degrees). A part is noise when its mean width
2A/P is below the tolerance, however long it is. See `kunyu.kernel.geometry.chains` for the method and why it is
complete; records that are missing, empty, not finite or without area take no part, invalid ones take part repaired.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from kunyu.kernel.geometry import chains, overlay
from kunyu.kernel.geometry.prepared import prepared
from kunyu.kernel.tolerances import TOPOLOGY_TOLERANCE_M

GAP_HOLE, GAP_EDGE, OUTSIDE = "hole", "edge", "outside"

# Loose vertices within this share of the tolerance of an edge are taken to lie on it; faces narrower are not looked at.
_NOISE_PER_TOLERANCE = 0.1
_PAIRS_AT_A_TIME = 50_000
_LARGE_VERTICES = 1_000
_HALVINGS = 24


@dataclass(frozen=True)
class Overlaps:
    """All pairs of polygons that overlap; arrays of shape (k,), sorted by ``left``, ``right``.

    Attributes
    ----------
    left, right : int64
        Positions in the input, ``left < right``.
    geometry : object
        What both cover: Polygon or MultiPolygon, in the input's coordinates, noise left out.
    area : float64
        Planar, square units of the coordinates.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    geometry: NDArray[np.object_]
    area: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.left)


@dataclass(frozen=True)
class Gaps:
    """Where polygons and their boundary differ; arrays of shape (k,), sorted by kind and place.

    Attributes
    ----------
    geometry : object
        Polygons in the input's coordinates.
    area : float64
        Planar, square units of the coordinates.
    width : float64
        Mean width 2A/P: seams are narrow, holes wide.
    kind : str
        ``hole``: uncovered, away from the boundary (洞); ``edge``: uncovered, along the boundary;
        ``outside``: covered beyond the boundary (岛).
    """

    geometry: NDArray[np.object_]
    area: NDArray[np.float64]
    width: NDArray[np.float64]
    kind: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.geometry)


def overlaps(polygons: ArrayLike, tolerance: float = TOPOLOGY_TOLERANCE_M) -> Overlaps:
    """Return every pair of polygons whose interiors overlap, containment and duplicates included.

    Parameters
    ----------
    polygons : array of shapely Polygons or MultiPolygons, shape (n,)
    tolerance : float
        In the unit of the coordinates; overlaps of less mean width are noise.
    """
    usable, position = _usable(polygons)
    if len(usable) < 2:
        return _no_overlaps()
    frame = chains.frame_of(usable, tolerance)
    crowded = _crowded_faces(usable, frame, tolerance)
    if len(crowded) == 0:
        return _no_overlaps()
    involved = _reaching_into(usable, crowded)
    i, j, geometry = _exact_overlaps(usable[involved], tolerance)
    i, j = position[involved[i]], position[involved[j]]
    order = np.lexsort((j, i))
    return Overlaps(i[order], j[order], geometry[order], shapely.area(geometry[order]))


def gaps(polygons: ArrayLike, boundary: ArrayLike, tolerance: float = TOPOLOGY_TOLERANCE_M) -> Gaps:
    """Return where ``polygons`` leave their declared boundary uncovered or go beyond it.

    Parameters
    ----------
    polygons : array of shapely Polygons or MultiPolygons, shape (n,)
    boundary : one polygon or an array of polygons
        What is to be covered, in the same coordinates; several polygons count as their union.
    tolerance : float
        In the unit of the coordinates; gaps of less mean width are noise.
    """
    usable, _ = _usable(polygons)
    limits = _dissolved(_usable(np.atleast_1d(np.asarray(boundary, dtype=object)))[0], tolerance)
    everything = np.concatenate((usable, limits))
    if len(everything) == 0:
        return _gaps(np.empty(0, dtype=object), np.empty(0, dtype=object), limits, tolerance)
    frame = chains.frame_of(everything, tolerance)
    chain = chains.concatenate(chains.residual(usable, frame), chains.residual(limits, frame, weight=-1))
    faces = _faces(chains.cancel(chain), frame, tolerance)
    points = shapely.point_on_surface(faces)
    # On a face cover − inside is constant: −1 only where nothing covers the boundary's inside; positive where a
    # parcel lies beyond the boundary, or two inside it, and one face may hold both.
    cover, inside = _cover_counts(usable, points), _cover_counts(limits, points)
    return _gaps(faces[cover < inside], _beyond(faces[cover > inside], limits, tolerance), limits, tolerance)


def _dissolved(limits: NDArray[np.object_], tolerance: float) -> NDArray[np.object_]:
    if len(limits) < 2:
        return limits
    return np.array([overlay.union(limits, tolerance)], dtype=object)


def _beyond(faces: NDArray[np.object_], limits: NDArray[np.object_], tolerance: float) -> NDArray[np.object_]:
    """Return what of ``faces`` lies outside ``limits``."""
    if len(limits) == 0:
        return faces
    return overlay.difference(faces[~shapely.covers(prepared(limits[0]), faces)], limits[0], tolerance)


def _usable(polygons: ArrayLike) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return valid polygonal geometries and their positions in the input."""
    array = np.asarray(polygons, dtype=object).ravel().copy()
    dimension = shapely.get_dimensions(array)
    finite = np.isfinite(shapely.bounds(array)).all(axis=1)  # also false for what is missing or empty
    position = np.flatnonzero((dimension == 2) & finite)
    array = array[position]
    # Bounds skip NaN, so coordinates are asked only where the geometry is invalid: NaN always makes it so.
    invalid = np.flatnonzero(~shapely.is_valid(array))
    if len(invalid) == 0:
        return array, position
    array[invalid] = _repaired(array[invalid])
    kept = shapely.area(array) > 0
    return array[kept], position[kept]


def _repaired(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return valid polygonal geometries; empty where a coordinate is not finite."""
    coordinates, owner = shapely.get_coordinates(geometries, return_index=True)
    broken = np.unique(owner[~np.isfinite(coordinates).all(axis=1)])
    geometries = geometries.copy()
    geometries[broken] = shapely.Polygon()
    return shapely.make_valid(geometries, method="structure", keep_collapsed=False)


def _faces(chain: chains.Edges, frame: chains.Frame, tolerance: float) -> NDArray[np.object_]:
    """Return the faces of a residual chain that are more than noise, in the input's coordinates."""
    reach = tolerance * _NOISE_PER_TOLERANCE
    faces = chains.faces(chains.mend_t_junctions(chain, frame, reach), frame)
    return chains.shift(faces[_mean_width(faces) >= reach], frame.origin)


def _mean_width(polygons: NDArray[np.object_]) -> NDArray[np.float64]:
    length = shapely.length(polygons)
    return np.divide(2 * shapely.area(polygons), length, out=np.zeros(len(polygons)), where=length > 0)


def _cover_counts(polygons: NDArray[np.object_], points: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return how many of ``polygons`` cover each point."""
    if len(polygons) == 0 or len(points) == 0:
        return np.zeros(len(points), dtype=np.int64)
    point, polygon = shapely.STRtree(polygons).query(points)
    # Prepared, a polygon of 20,000 vertices answers in logarithmic time; only the polygons asked are prepared.
    asked, of = np.unique(polygon, return_inverse=True)
    own = prepared(polygons[asked])
    hit = shapely.intersects_xy(own[of], shapely.get_x(points[point]), shapely.get_y(points[point]))
    return np.bincount(point[hit], minlength=len(points))


def _crowded_faces(polygons: NDArray[np.object_], frame: chains.Frame, tolerance: float) -> NDArray[np.object_]:
    """Return the regions that two or more polygons cover."""
    faces = _faces(chains.residual(polygons, frame), frame, tolerance)
    return faces[_cover_counts(polygons, shapely.point_on_surface(faces)) >= 2]


def _reaching_into(polygons: NDArray[np.object_], crowded: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return the positions of polygons that reach into a crowded region: among them are all overlapping pairs."""
    _, found = shapely.STRtree(polygons).query(crowded, predicate="intersects")
    return np.unique(found)


def _exact_overlaps(
    polygons: NDArray[np.object_], tolerance: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.object_]]:
    """Intersect all pairs whose bounds meet; return (i, j, what both cover) for the overlapping ones."""
    pieces, owner = _subdivided(polygons)
    one, other = shapely.STRtree(pieces).query(pieces)
    once = owner[one] < owner[other]
    one, other = one[once], other[once]
    pair_of = owner[one] * len(polygons) + owner[other]
    found_pairs, found_geometry = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=object)]
    for start in range(0, len(one), _PAIRS_AT_A_TIME):
        part = slice(start, start + _PAIRS_AT_A_TIME)
        common, index = _polygon_parts(overlay.intersection(pieces[one[part]], pieces[other[part]], tolerance))
        found_pairs.append(pair_of[part][index])
        found_geometry.append(common)
    pairs, geometry = _united(np.concatenate(found_pairs), np.concatenate(found_geometry), tolerance)
    parts, which = significant_parts(geometry, tolerance)
    pairs = pairs[np.unique(which)]
    return pairs // len(polygons), pairs % len(polygons), _grouped(parts, which)


def _subdivided(polygons: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.intp]]:
    """Halve large polygons until every piece is small; return pieces and whose they are.

    A road of 20,000 vertices with a thousand faults along it would otherwise be read whole a thousand times.
    """
    pieces, owner = polygons, np.arange(len(polygons))
    for _ in range(_HALVINGS):
        large = shapely.get_num_coordinates(pieces) > _LARGE_VERTICES
        if not large.any():
            break
        halves, index = _polygon_parts(_halves(pieces[large]))
        pieces = np.concatenate((pieces[~large], halves))
        owner = np.concatenate((owner[~large], np.tile(owner[large], 2)[index]))
    return pieces, owner


def _halves(polygons: NDArray[np.object_]) -> NDArray[np.object_]:
    """Cut polygons across the longer side of their bounds; the first halves come first, then the second."""
    minx, miny, maxx, maxy = shapely.bounds(polygons).T
    wide = maxx - minx > maxy - miny
    middle_x, middle_y = np.where(wide, (minx + maxx) / 2, maxx), np.where(wide, maxy, (miny + maxy) / 2)
    first = shapely.box(minx, miny, middle_x, middle_y)
    second = shapely.box(np.where(wide, middle_x, minx), np.where(wide, miny, middle_y), maxx, maxy)
    return np.concatenate((shapely.intersection(polygons, first), shapely.intersection(polygons, second)))


def _united(
    pairs: NDArray[np.int64], parts: NDArray[np.object_], tolerance: float
) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """Return each pair once with the union of its parts: what a cut has separated is one again."""
    order = np.argsort(pairs, kind="stable")
    unique, group, count = np.unique(pairs[order], return_inverse=True, return_counts=True)
    if len(unique) == 0:
        return unique, np.empty(0, dtype=object)
    gathered = np.asarray(shapely.geometrycollections(parts[order], indices=group), dtype=object)
    several = count > 1
    grid = tolerance * chains.GRID_PER_TOLERANCE
    gathered[several] = shapely.union_all(gathered[several, np.newaxis], axis=1, grid_size=grid)
    return unique, gathered


def significant_parts(
    geometries: NDArray[np.object_], tolerance: float
) -> tuple[NDArray[np.object_], NDArray[np.intp]]:
    """Return the polygonal parts of geometries that are more than noise, and whose they are (ascending).

    A part whose mean width is below the tolerance may still be a long sliver with a true overlap hanging on it: it
    is opened (eroded and dilated by the tolerance) and what survives is judged again.
    """
    parts, owner = _polygon_parts(geometries)
    wide = _mean_width(parts) >= tolerance
    doubtful = np.flatnonzero(~wide & (shapely.area(parts) >= np.pi * tolerance**2))
    opened = shapely.buffer(shapely.buffer(parts[doubtful], -tolerance), tolerance)
    survivors, index = _polygon_parts(opened)
    survives = _mean_width(survivors) >= tolerance
    all_parts = np.concatenate((parts[wide], survivors[survives]))
    all_owner = np.concatenate((owner[wide], owner[doubtful][index[survives]]))
    order = np.argsort(all_owner, kind="stable")
    return all_parts[order], all_owner[order]


def _polygon_parts(geometries: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.intp]]:
    parts, owner = shapely.get_parts(geometries, return_index=True)
    polygonal = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    nested = shapely.get_type_id(parts) == shapely.GeometryType.MULTIPOLYGON
    if nested.any():  # a collection of lines and multipolygons
        inner, index = shapely.get_parts(parts[nested], return_index=True)
        parts = np.concatenate((parts[polygonal], inner))
        owner = np.concatenate((owner[polygonal], owner[nested][index]))
    else:
        parts, owner = parts[polygonal], owner[polygonal]
    full = ~shapely.is_empty(parts)
    return parts[full], owner[full]


def _grouped(parts: NDArray[np.object_], owner: NDArray[np.intp]) -> NDArray[np.object_]:
    """Return one geometry per owner: the part itself, or a MultiPolygon of several."""
    _, first, group, count = np.unique(owner, return_index=True, return_inverse=True, return_counts=True)
    grouped = np.asarray(shapely.multipolygons(parts, indices=group), dtype=object)
    return np.where(count == 1, parts[first], grouped)


def _no_overlaps() -> Overlaps:
    empty = np.empty(0, dtype=np.int64)
    return Overlaps(empty, empty, np.empty(0, dtype=object), np.empty(0))


def _gaps(
    uncovered: NDArray[np.object_], beyond: NDArray[np.object_], limits: NDArray[np.object_], tolerance: float
) -> Gaps:
    outline = prepared(shapely.boundary(limits[0]) if len(limits) else shapely.LineString())
    # Faces of one gap may be cut by edges inside it: dissolve before measuring.
    holes, _ = significant_parts(np.array([overlay.union(uncovered, tolerance)], dtype=object), tolerance)
    islands, _ = significant_parts(np.array([overlay.union(beyond, tolerance)], dtype=object), tolerance)
    on_edge = shapely.dwithin(outline, holes, tolerance) if len(holes) else np.empty(0, dtype=bool)
    kind = np.concatenate((np.where(on_edge, GAP_EDGE, GAP_HOLE), np.full(len(islands), OUTSIDE)))
    geometry = np.concatenate((holes, islands))
    place = shapely.bounds(geometry).reshape(-1, 4)
    order = np.lexsort((place[:, 1], place[:, 0], kind))
    geometry, kind = geometry[order], kind[order]
    return Gaps(geometry, shapely.area(geometry), _mean_width(geometry), kind)
