"""Which polygons lie where: what leaves its place, what shares ground with another layer. 落区与压占.

Written for many small polygons and few large ones. What is in order costs one prepared test per polygon; only what is
not is cut. Unit of every length is that of the coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from kunyu.kernel.geometry import overlay
from kunyu.kernel.tolerances import TOPOLOGY_TOLERANCE_M

NOWHERE = -1
"""Place of a polygon that has none."""
_PAIRS_AT_A_TIME = 20_000


@dataclass(frozen=True)
class Strays:
    """Polygons that are not wholly inside their place; arrays of shape (k,), sorted by ``position``.

    ``geometry`` is what lies outside: Polygon or MultiPolygon, parts of less mean width than the tolerance left out.
    """

    position: NDArray[np.intp]
    geometry: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.position)


@dataclass(frozen=True)
class SharedGround:
    """Pairs of polygons of two layers that overlap; arrays of shape (k,), sorted by ``left``, ``right``.

    ``left`` is a position in the first input, ``right`` in the second; ``geometry`` what both cover.
    """

    left: NDArray[np.intp]
    right: NDArray[np.intp]
    geometry: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.left)


def usable_polygons(geometries: ArrayLike, checked: bool = False) -> tuple[NDArray[np.intp], NDArray[np.object_]]:
    """Return positions and polygons of what covers an area; invalid polygons as ``make_valid`` repairs them.

    ``checked`` says that none is invalid: asking that costs more than all else where polygons have many vertices.
    """
    array = np.asarray(geometries, dtype=object).ravel()
    finite = np.isfinite(shapely.bounds(array)).all(axis=1) if len(array) else np.zeros(0, bool)
    position = np.flatnonzero((shapely.get_dimensions(array) == 2) & finite)
    found = array[position].copy()
    broken = np.zeros(0, np.intp) if checked else np.flatnonzero(~shapely.is_valid(found))
    if len(broken):
        xy, owner = shapely.get_coordinates(found[broken], return_index=True)
        lost = np.unique(owner[~np.isfinite(xy).all(axis=1)])
        repairable = np.setdiff1d(np.arange(len(broken)), lost)
        fixed = shapely.make_valid(found[broken[repairable]], method="structure", keep_collapsed=False)
        found[broken[repairable]] = fixed
        keep = np.ones(len(found), bool)
        keep[broken[lost]] = False
        keep[broken[repairable]] = shapely.area(fixed) > 0
        position, found = position[keep], found[keep]
    return position, found


def strays(
    polygons: ArrayLike, places: ArrayLike, place_of: ArrayLike, tolerance: float = TOPOLOGY_TOLERANCE_M,
    checked: bool = False,
) -> Strays:  # fmt: skip
    """Return what of each polygon lies outside the place it belongs to.

    Parameters
    ----------
    polygons, places : arrays of shapely polygons, shapes (n,) and (m,)
    place_of : int array (n,)
        Position in ``places`` for each polygon; ``NOWHERE`` leaves it out.
    tolerance : float
        Parts outside of less mean width 2A/P are noise.
    checked : bool
        Nothing among ``polygons`` is invalid.
    """
    position, shapes = usable_polygons(polygons, checked)
    where = np.asarray(place_of, dtype=np.intp)[position]
    row_of, grounds = usable_polygons(places)
    ground_of = np.full(len(np.asarray(places, dtype=object)) + 1, NOWHERE)  # the last answers for NOWHERE
    ground_of[row_of] = np.arange(len(row_of))
    where = ground_of[where]
    asked = np.flatnonzero(where != NOWHERE)
    position, shapes, where = position[asked], shapes[asked], where[asked]
    inside = np.zeros(len(shapes), bool)
    if len(shapes) and len(grounds):
        ground, shape = shapely.STRtree(shapes).query(_grown(grounds, tolerance), predicate="contains_properly")
        inside[shape[where[shape] == ground]] = True
    left = np.flatnonzero(~inside)
    return Strays(
        *_more_than_noise(position[left], overlay.difference(shapes[left], grounds[where[left]], tolerance), tolerance)
    )


def shared_ground(
    first: ArrayLike, second: ArrayLike, tolerance: float = TOPOLOGY_TOLERANCE_M, checked: bool = False
) -> SharedGround:
    """Return the pairs of polygons of two layers that overlap by more than noise.

    The smaller polygons should be ``first``: they are shrunk by half the tolerance, so that what merely touches is
    passed over without being cut. ``checked``: nothing in either is invalid.
    """
    left_of, left = usable_polygons(first, checked)
    right_of, right = usable_polygons(second, checked)
    if not len(left) or not len(right):
        nothing = np.zeros(0, np.intp)
        return SharedGround(nothing, nothing, np.zeros(0, object))
    core = shapely.buffer(left, -tolerance / 2, quad_segs=1, join_style="mitre")
    other, one = shapely.STRtree(core).query(right, predicate="intersects")
    order = np.lexsort((other, one))
    one, other = one[order], other[order]
    pairs, shapes = [np.zeros(0, np.intp)], [np.zeros(0, object)]
    for start in range(0, len(one), _PAIRS_AT_A_TIME):
        part = slice(start, start + _PAIRS_AT_A_TIME)
        common = overlay.intersection(left[one[part]], right[other[part]], tolerance)
        at, kept = _more_than_noise(np.arange(len(one))[part], common, tolerance)
        pairs.append(at)
        shapes.append(kept)
    pair = np.concatenate(pairs)
    return SharedGround(left_of[one[pair]], right_of[other[pair]], np.concatenate(shapes))


def main_place(polygons: ArrayLike, places: ArrayLike, checked: bool = False) -> NDArray[np.intp]:
    """Return for each polygon the place that a point inside it lies in, ``NOWHERE`` where there is none."""
    found = np.full(len(np.asarray(polygons, dtype=object)), NOWHERE)
    position, shapes = usable_polygons(polygons, checked)
    row_of, grounds = usable_polygons(places, checked)
    if len(shapes) and len(grounds):
        point, ground = shapely.STRtree(grounds).query(shapely.point_on_surface(shapes), predicate="intersects")
        found[position[point[::-1]]] = row_of[ground[::-1]]  # reversed: the first place wins
    return found


def mean_width(polygons: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return 2A/P of each polygon, 0 where there is none."""
    length = shapely.length(polygons)
    return np.divide(2 * shapely.area(polygons), length, out=np.zeros(len(polygons)), where=length > 0)


def _grown(polygons: NDArray[np.object_], by: float) -> NDArray[np.object_]:
    """Grow by ``by``: what reaches out no further cannot be wider outside than the tolerance."""
    grown: NDArray[np.object_] = shapely.buffer(polygons, by, quad_segs=1, join_style="mitre")
    return grown


def _more_than_noise(
    position: NDArray[np.intp], geometry: NDArray[np.object_], tolerance: float
) -> tuple[NDArray[np.intp], NDArray[np.object_]]:
    """Keep the polygonal parts of at least the tolerance's mean width; leave out what has none."""
    parts, owner = shapely.get_parts(geometry, return_index=True)
    wide = (shapely.get_dimensions(parts) == 2) & (mean_width(parts) >= tolerance)
    parts, owner = parts[wide], owner[wide]
    kept = np.unique(owner)
    joined = shapely.multipolygons(parts, indices=np.searchsorted(kept, owner)) if len(kept) else np.zeros(0, object)
    single = shapely.get_num_geometries(joined) == 1
    joined[single] = shapely.get_geometry(joined[single], 0)
    return position[kept], joined
