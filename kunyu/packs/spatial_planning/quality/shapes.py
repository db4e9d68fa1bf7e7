"""What the rules share: polygons of layers in one plane, what they have in common, areas in square metres. 图形运算."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer
from kunyu.kernel.geodesy import ellipsoidal_area, from_lonlat, to_lonlat
from kunyu.kernel.geometry import overlay
from kunyu.kernel.geometry.coverage import significant_parts
from kunyu.kernel.tolerances import TOPOLOGY_TOLERANCE_M

Rows = NDArray[np.intp]
Shapes = NDArray[np.object_]

LINE_TOLERANCE_M2 = 1.0
"""Control lines may share this much, and a lower plan's line may differ this much from the upper's. [design]"""

_PAIRS_AT_ONCE = 50_000


@dataclass(frozen=True)
class Areal:
    """Polygons of a layer that have an area, invalid ones repaired, and the rows they come from."""

    rows: Rows
    shapes: Shapes

    def of(self, mask: NDArray[np.bool_]) -> Areal:
        """Return those whose row is true in ``mask`` (one value per row of the layer)."""
        keep = mask[self.rows]
        return Areal(self.rows[keep], self.shapes[keep])


@dataclass(frozen=True)
class Common:
    """What pairs have in common; positions in the two inputs, geometry, area in m²; each (k,)."""

    left: Rows
    right: Rows
    geometry: Shapes
    area_m2: NDArray[np.float64]


def areal(layer: DeliveredLayer, crs: str | None = None) -> Areal:
    """Return the layer's polygons, moved into the plane ``crs`` where the layer is in another one."""
    rows, shapes = _areal(layer.on_earth)
    if crs is not None and layer.crs is not None and layer.crs != crs:
        shapes = from_lonlat(to_lonlat(shapes, layer.crs), crs)
    return Areal(rows, shapes)


def known(delivery: Delivered, part: str, layer: DeliveredLayer) -> Areal:
    """Return the polygons of a part of the reference in the layer's plane; rows are those of the part."""
    assert delivery.reference is not None  # the rule's needs
    return Areal(*_areal(delivery.reference.plane(part, layer.crs or "EPSG:4490")))


def _areal(geometry: Shapes) -> tuple[Rows, Shapes]:
    rows = np.flatnonzero((shapely.get_dimensions(geometry) == 2) & ~shapely.is_empty(geometry))
    shapes = geometry[rows]
    broken = np.flatnonzero(~shapely.is_valid(shapes))
    if len(broken):
        shapes[broken] = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
    return rows, shapes


def tolerance(layer: DeliveredLayer) -> float:
    """The width of noise in the unit of the layer's coordinates."""
    return TOPOLOGY_TOLERANCE_M / layer.metres_per_unit


def square_metres(layer: DeliveredLayer, geometry: Shapes) -> NDArray[np.float64]:
    """Areas in m² of geometries in the layer's plane, to four decimals."""
    if not len(geometry):
        return np.zeros(0)
    if layer.is_geographic:
        areas = ellipsoidal_area(geometry, layer.crs or "EPSG:4490")
    else:
        areas = shapely.area(geometry) * layer.metres_per_unit**2
    return np.asarray(np.round(areas, 4))


def common(layer: DeliveredLayer, one: Shapes, other: Shapes, least_m2: float = LINE_TOLERANCE_M2) -> Common:
    """Return what polygons of ``one`` and ``other`` both cover, where it is more than ``least_m2`` and no noise."""
    left, right = shapely.STRtree(other).query(one, predicate="intersects")
    found = [_shared(layer, one[left[at : at + _PAIRS_AT_ONCE]], other[right[at : at + _PAIRS_AT_ONCE]], at)
             for at in range(0, len(left), _PAIRS_AT_ONCE)]  # fmt: skip
    pairs = np.concatenate([np.zeros(0, np.intp), *(pair for pair, _ in found)])
    geometry = np.concatenate([np.zeros(0, object), *(shape for _, shape in found)])
    areas = square_metres(layer, geometry)
    keep = areas > least_m2
    return Common(left[pairs[keep]], right[pairs[keep]], geometry[keep], areas[keep])


def _shared(layer: DeliveredLayer, one: Shapes, other: Shapes, first: int) -> tuple[Rows, Shapes]:
    parts, owner = significant_parts(overlay.intersection(one, other, tolerance(layer)), tolerance(layer))
    owners, group = np.unique(owner, return_inverse=True)
    whole = shapely.multipolygons(parts, indices=group) if len(parts) else np.zeros(0, object)
    return owners + first, np.asarray(whole, object)


def filled(shapes: Shapes) -> Shapes:
    """Return the outer rings of the union as polygons: what the shapes would cover without holes.

    The union of a coverage is sixteen times as fast; where the shapes are no coverage it may fail or come out invalid.
    """
    try:
        whole = shapely.coverage_union_all(shapes)
    except shapely.errors.GEOSException:
        whole = None
    if whole is None or not shapely.is_valid(whole):
        whole = shapely.union_all(shapes)
    parts = shapely.get_parts(whole)
    return np.asarray(shapely.polygons(shapely.get_exterior_ring(parts[shapely.get_type_id(parts) == 3])), object)


def overlapping(layer: DeliveredLayer) -> Common:
    """Return pairs of a layer's polygons that overlap by more than noise; rows in ``left`` and ``right``.

    For layers of scattered polygons: those that tile the ground are faster by ``kernel.geometry.coverage.overlaps``.
    """
    own = areal(layer)
    one, other = shapely.STRtree(own.shapes).query(own.shapes, predicate="intersects")
    one, other = one[one < other], other[one < other]
    pairs, geometry = _shared(layer, own.shapes[one], own.shapes[other], 0)
    return Common(own.rows[one[pairs]], own.rows[other[pairs]], geometry, square_metres(layer, geometry))


def pair_ids(one: DeliveredLayer, left: Rows, other: DeliveredLayer, right: Rows) -> list[tuple[str, ...]]:
    """Return the ids of pairs of rows, the first layer's first."""
    return [(str(a), str(b)) for a, b in zip(one.ids[left], other.ids[right], strict=True)]
