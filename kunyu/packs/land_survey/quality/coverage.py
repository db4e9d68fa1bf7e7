"""Rules about parcels together: Q303 overlaps, Q304 gaps. 重叠与缝隙.

Both are judged in the delivered plane: reprojecting first would bend straight edges and invent gaps.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.rule import rule
from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.kernel.geometry.coverage import (
    GAP_EDGE,
    GAP_HOLE,
    OUTSIDE,
    Gaps,
    gaps,
    overlaps,
)
from kunyu.kernel.tolerances import TOPOLOGY_TOLERANCE_M

_KIND = {
    GAP_HOLE: ("内部空洞或缝隙", "hole or seam", "补测该处图斑, 或移动相邻图斑的顶点使其重合"),
    GAP_EDGE: ("沿边界未覆盖", "uncovered along the boundary", "把图斑延伸到边界"),
    OUTSIDE: ("超出边界", "beyond the boundary", "把图斑裁切到边界之内"),
}


@rule(
    "Q303", clause="TD/T 1057-2020 拓扑质量: 面不重叠", severity="S", scope="G", unit="m²", needs=("DLTB|DLTBGX",),
    name_zh="地类图斑不重叠", name_en="Land parcels do not overlap",
)  # fmt: skip
def parcels_do_not_overlap(delivery: Delivered) -> Iterator[Finding]:
    """No two parcels overlap; an overlap whose mean width 2A/P is below 0.001 m is noise."""
    for code in ("DLTB", "DLTBGX"):
        layer = delivery.layers.get(code)
        if layer is None or not len(layer):
            continue
        found = overlaps(layer.on_earth, TOPOLOGY_TOLERANCE_M / layer.metres_per_unit)
        areas = _square_metres(layer, found.geometry)
        widths = _widths(layer, found.geometry)
        pairs = [
            tuple(sorted((str(layer.ids[one]), str(layer.ids[other]))))
            for one, other in zip(found.left, found.right, strict=True)
        ]
        yield from Reporter(parcels_do_not_overlap, delivery, layer).groups(
            pairs, found.geometry, measured=areas, limit=0,
            zh=[f"{code}: 图斑 {a} 与 {b} 重叠 {area:.4f} m², 平均宽 {width:.4f} m" for (a, b), area, width in
                zip(pairs, areas, widths, strict=True)],
            en=[f"{code}: parcels {a} and {b} overlap by {area:.4f} m², mean width {width:.4f} m" for (a, b), area, width
                in zip(pairs, areas, widths, strict=True)],
            remedy="移动公共边的顶点, 使两图斑恰好相接",
        )  # fmt: skip


@rule(
    "Q304", clause="TD/T 1057-2020 拓扑质量: 不出现洞、岛、缝", severity="S", scope="G", unit="m²",
    needs=("DLTB", "CJDCQ|XZQ"),
    name_zh="地类图斑没有洞、岛、缝", name_en="Land parcels leave no hole, island or seam",
)  # fmt: skip
def parcels_leave_no_gap(delivery: Delivered) -> Iterator[Finding]:
    """Parcels cover their village survey areas, and the county, exactly: no hole, no seam, nothing outside.

    The county boundary (XZQ) is asked on its own only where it differs from that of the villages; whether it may
    differ is another rule (Q305). A gap of mean width below 0.001 m is noise. An invalid parcel covers
    what its repaired geometry covers: a bow tie leaves a gap beside its own Q301.
    """
    layer = delivery.layers["DLTB"]
    villages, towns = delivery.layers.get("CJDCQ"), delivery.layers.get("XZQ")
    tolerance = TOPOLOGY_TOLERANCE_M / layer.metres_per_unit
    if villages is not None:
        yield from _report(delivery, layer, gaps(layer.on_earth, villages.on_earth, tolerance), villages)
    if towns is not None and (villages is None or len(gaps(villages.on_earth, towns.on_earth, tolerance))):
        found = gaps(layer.on_earth, towns.on_earth, tolerance)
        if villages is not None:
            found = _only_new(found, gaps(layer.on_earth, villages.on_earth, tolerance))
        yield from _report(delivery, layer, found, towns)


def _only_new(found: Gaps, known: Gaps) -> Gaps:
    """Leave out what the villages' boundary has already shown."""
    if not len(known) or not len(found):
        return found
    seen = {(kind, shapely.normalize(one).wkb) for kind, one in zip(known.kind, known.geometry, strict=True)}
    new = np.array([
        (kind, shapely.normalize(one).wkb) not in seen for kind, one in zip(found.kind, found.geometry, strict=True)
    ])  # fmt: skip
    return _select(found, new)


def _select(found: Gaps, keep: NDArray[np.bool_]) -> Gaps:
    return Gaps(found.geometry[keep], found.area[keep], found.width[keep], found.kind[keep])


def _report(delivery: Delivered, layer: DeliveredLayer, found: Gaps, boundary: DeliveredLayer) -> Iterator[Finding]:
    report = Reporter(parcels_leave_no_gap, delivery, layer)
    areas = _square_metres(layer, found.geometry)
    widths = found.width * layer.metres_per_unit
    beside = _beside(layer, found.geometry, TOPOLOGY_TOLERANCE_M / layer.metres_per_unit)
    for kind, (zh, en, remedy) in _KIND.items():
        at = np.flatnonzero(found.kind == kind)
        yield from report.groups(
            [beside[one] for one in at], found.geometry[at], measured=[areas[one] for one in at], limit=0,
            zh=[f"DLTB: {boundary.code} {zh} {areas[one]:.4f} m², 平均宽 {widths[one]:.4f} m" for one in at],
            en=[f"DLTB: {en} of {boundary.code}, {areas[one]:.4f} m², mean width {widths[one]:.4f} m" for one in at],
            remedy=remedy,
        )  # fmt: skip


def _beside(layer: DeliveredLayer, places: NDArray[np.object_], reach: float) -> list[tuple[str, ...]]:
    """Return the ids of the parcels that share an edge with each place (or lie in it)."""
    if not len(places):
        return []
    usable, parcels = _usable(layer)
    tree = shapely.STRtree(parcels)
    wide = shapely.buffer(places, reach, quad_segs=2)
    place, parcel = tree.query(wide, predicate="intersects")
    shared = shapely.length(shapely.intersection(wide[place], shapely.boundary(parcels[parcel])))
    edge = shared > 10 * reach  # a touch in a point shares no edge
    return [
        tuple(sorted({str(one) for one in layer.ids[usable[parcel[edge & (place == at)]]]}))
        for at in range(len(places))
    ]


def _usable(layer: DeliveredLayer) -> tuple[NDArray[np.intp], NDArray[np.object_]]:
    """Return rows and their polygons, invalid ones repaired as the search for gaps repairs them."""
    rows = np.flatnonzero((shapely.get_dimensions(layer.on_earth) == 2) & ~shapely.is_empty(layer.on_earth))
    parcels = layer.on_earth[rows]
    broken = np.flatnonzero(~layer.valid[rows])
    parcels[broken] = shapely.make_valid(parcels[broken], method="structure", keep_collapsed=False)
    return rows, parcels


def _square_metres(layer: DeliveredLayer, geometry: NDArray[np.object_]) -> list[float]:
    if not len(geometry):
        return []
    if layer.is_geographic:
        areas = ellipsoidal_area(geometry, layer.crs or "EPSG:4490")
    else:
        areas = shapely.area(geometry) * layer.metres_per_unit**2
    rounded: list[float] = np.round(areas, 4).tolist()
    return rounded


def _widths(layer: DeliveredLayer, geometry: NDArray[np.object_]) -> NDArray[np.float64]:
    length = shapely.length(geometry)
    return np.divide(2 * shapely.area(geometry), length, out=np.zeros(len(geometry)), where=length > 0) * (
        layer.metres_per_unit
    )
