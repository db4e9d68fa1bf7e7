"""Rules about the shapes of a plan's layers: P302 to P307. 几何.

As the land survey's Q302 to Q307: "Geometry QC for plans: same as" says the fact sheet, so limits are those rules'.
Single geometries are asked by the general rule Q301.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.rule import Part, rule
from kunyu.kernel.geometry import overlay
from kunyu.kernel.geometry.coverage import GAP_EDGE, GAP_HOLE, OUTSIDE, Gaps, gaps, overlaps
from kunyu.kernel.geometry.prepared import prepared
from kunyu.packs.spatial_planning.quality.shapes import (
    LINE_TOLERANCE_M2,
    Rows,
    areal,
    filled,
    known,
    overlapping,
    square_metres,
    tolerance,
)

CLAUSE = "市级国土空间总体规划数据库规范(试行) 拓扑质量"
CONTROL = ("MNR-CONTROL-2021",)
COVERAGES = ("GHYDYH", "GHFQ")
LINES = ("STBHHX", "YJJBNT", "CZKFBJ")
WITHOUT_OVERLAP = (*LINES, *COVERAGES, "XZYDYH")
COUNTY = "base.XZQ"

SMALLEST_M2 = 5.0
NARROWEST_M = 1.0
SHARPEST_DEGREES = 10.0
CLOSEST_M = 0.2
_ROWS_AT_ONCE = 50_000
_FLOAT_NOISE = 1e-6

_KIND = {
    GAP_HOLE: ("内部空洞或缝隙", "hole or seam", "补画该处, 或移动相邻图形的顶点使其重合"),
    GAP_EDGE: ("沿边界未覆盖", "uncovered along the boundary", "把图形延伸到边界"),
    OUTSIDE: ("超出边界", "beyond the boundary", "把图形裁切到边界之内"),
}


@rule(
    "P302", clause=CLAUSE, severity="Z", scope="G", unit="个",
    name_zh="面要素没有多部件", name_en="Polygons are single parts",
)  # fmt: skip
def polygons_are_single_parts(delivery: Delivered) -> Iterator[Finding]:
    """No multipart polygon in any layer."""
    for layer in delivery.spatial("Polygon"):
        parts = shapely.get_num_geometries(layer.geometry)
        rows = np.flatnonzero((parts > 1) & (shapely.get_type_id(layer.geometry) == shapely.GeometryType.MULTIPOLYGON))
        yield from Reporter(polygons_are_single_parts, delivery, layer).rows(
            rows, measured=parts[rows].tolist(), limit=1, remedy="把各部件拆成独立的要素",
            zh=[f"{layer.code} {layer.ids[row]}: 由 {parts[row]} 个部件组成" for row in rows],
            en=[f"{layer.code} {layer.ids[row]}: made of {parts[row]} parts" for row in rows],
        )  # fmt: skip


@rule(
    "P303", clause=CLAUSE, severity="S", scope="G", unit="m²", needs=("|".join(WITHOUT_OVERLAP),), standards=CONTROL,
    name_zh="同一图层的图形不重叠", name_en="Polygons of one layer do not overlap",
)  # fmt: skip
def polygons_do_not_overlap(delivery: Delivered) -> Iterator[Finding]:
    """No two polygons of a control line, the plan, the zones or the present use overlap; widths below 1 mm are noise."""
    for code in WITHOUT_OVERLAP:
        layer = delivery.layers.get(code)
        if layer is None or not len(layer):
            continue
        found = overlapping(layer) if code in LINES else overlaps(layer.on_earth, tolerance(layer))
        areas = square_metres(layer, found.geometry)
        pairs = [
            tuple(sorted((str(layer.ids[one]), str(layer.ids[other]))))
            for one, other in zip(found.left, found.right, strict=True)
        ]
        yield from Reporter(polygons_do_not_overlap, delivery, layer).groups(
            pairs, found.geometry, measured=areas.tolist(), limit=0, remedy="移动公共边的顶点, 使两图形恰好相接",
            zh=[f"{code}: {a} 与 {b} 重叠 {area:.4f} m²" for (a, b), area in zip(pairs, areas, strict=True)],
            en=[f"{code}: {a} and {b} overlap by {area:.4f} m²" for (a, b), area in zip(pairs, areas, strict=True)],
        )  # fmt: skip


@rule(
    "P304", clause=CLAUSE, severity="S", scope="G", unit="m²", needs=("|".join(COVERAGES),), standards=CONTROL,
    optional_parts=(Part("scope", (f"ref:{COUNTY}",)),),
    name_zh="规划用地用海、规划分区全覆盖", name_en="Planned use and zones cover the plan's scope",
)  # fmt: skip
def the_plan_covers_its_scope(delivery: Delivered) -> Iterator[Finding]:
    """GHYDYH, and GHFQ where delivered, leave no hole and no seam; with the county's boundary, nothing inside it either.

    The scope is the stored county (XZQ); without it only what the layer itself encloses is asked. Widths below 1 mm
    are noise.
    """
    for code in COVERAGES:
        layer = delivery.layers.get(code)
        if layer is None or not len(layer):
            continue
        cover = areal(layer).shapes
        if not len(cover):
            continue
        named = delivery.reference is not None and delivery.reference.has(COUNTY)
        scope = known(delivery, COUNTY, layer).shapes if named else filled(cover)
        yield from _gaps(Reporter(the_plan_covers_its_scope, delivery, layer), gaps(cover, scope, tolerance(layer)))


def _gaps(report: Reporter, found: Gaps) -> Iterator[Finding]:
    layer = report.layer
    areas, widths = square_metres(layer, found.geometry), found.width * layer.metres_per_unit
    beside = _beside(layer, found.geometry)
    for kind, (zh, en, remedy) in _KIND.items():
        at = np.flatnonzero(found.kind == kind)
        yield from report.groups(
            [beside[one] for one in at], found.geometry[at], measured=areas[at].tolist(), limit=0, remedy=remedy,
            zh=[f"{layer.code}: {zh} {areas[one]:.4f} m², 平均宽 {widths[one]:.4f} m" for one in at],
            en=[f"{layer.code}: {en}, {areas[one]:.4f} m², mean width {widths[one]:.4f} m" for one in at],
        )  # fmt: skip


def _beside(layer: DeliveredLayer, places: NDArray[np.object_]) -> list[tuple[str, ...]]:
    """Ids of the polygons that share more than a point with the rim of each place."""
    if not len(places):
        return []
    near = areal(layer)
    reach = tolerance(layer)
    wide = shapely.buffer(places, reach, quad_segs=2)
    place, shape = shapely.STRtree(near.shapes).query(wide, predicate="intersects")
    shared = shapely.length(shapely.intersection(wide[place], shapely.boundary(near.shapes[shape]))) > 10 * reach
    return [tuple(sorted({str(one) for one in layer.ids[near.rows[shape[shared & (place == at)]]]}))
            for at in range(len(places))]  # fmt: skip


@rule(
    "P305", clause=CLAUSE, severity="Z", scope="X", unit="m²", needs=("|".join(LINES), f"ref:{COUNTY}"),
    standards=CONTROL,
    name_zh="控制线在本县界线之内", name_en="Control lines lie within the county",
)  # fmt: skip
def lines_lie_within_the_county(delivery: Delivered) -> Iterator[Finding]:
    """No more than 1 m² of a polygon of the three lines lies beyond the stored boundary of the county."""
    for code in LINES:
        layer = delivery.layers.get(code)
        if layer is None or not len(layer):
            continue
        county = overlay.union(known(delivery, COUNTY, layer).shapes, tolerance(layer))
        line = areal(layer)
        out = np.flatnonzero(~shapely.covers(prepared(county), line.shapes))
        beyond = overlay.difference(line.shapes[out], county, tolerance(layer))
        areas = square_metres(layer, beyond)
        bad = np.flatnonzero(areas > LINE_TOLERANCE_M2)
        rows = line.rows[out[bad]]
        yield from Reporter(lines_lie_within_the_county, delivery, layer).rows(
            rows, geometry=beyond[bad], measured=areas[bad].tolist(), limit=LINE_TOLERANCE_M2,
            remedy="把图形裁切到县界之内",
            zh=[f"{code} {layer.ids[row]}: 超出县界 {area:.2f} m²" for row, area in zip(rows, areas[bad], strict=True)],
            en=[f"{code} {layer.ids[row]}: {area:.2f} m² lie beyond the county" for row, area in
                zip(rows, areas[bad], strict=True)],
        )  # fmt: skip


@rule(
    "P306", clause=CLAUSE, severity="Z", scope="G", unit="m²",
    name_zh="没有碎小图形", name_en="No sliver polygons",
)  # fmt: skip
def no_polygon_is_a_sliver(delivery: Delivered) -> Iterator[Finding]:
    """No polygon is smaller than 5 m² or narrower than 1 m on average (2A/P). [design, as Q306]"""
    for layer in delivery.spatial("Polygon"):
        found = areal(layer)
        areas = square_metres(layer, found.shapes)
        length = shapely.length(found.shapes) * layer.metres_per_unit
        width = np.divide(2 * areas, length, out=np.zeros(len(areas)), where=length > 0)
        bad = np.flatnonzero((areas < SMALLEST_M2) | (width < NARROWEST_M))
        rows = found.rows[bad]
        yield from Reporter(no_polygon_is_a_sliver, delivery, layer).rows(
            rows, geometry=found.shapes[bad], measured=areas[bad].tolist(), limit=SMALLEST_M2,
            remedy="并入相邻图形",
            zh=[f"{layer.code} {layer.ids[row]}: 面积 {areas[at]:.2f} m², 平均宽 {width[at]:.3f} m, 应不小于 "
                f"{SMALLEST_M2:.0f} m²、{NARROWEST_M:.0f} m" for row, at in zip(rows, bad, strict=True)],
            en=[f"{layer.code} {layer.ids[row]}: area {areas[at]:.2f} m², mean width {width[at]:.3f} m; at least "
                f"{SMALLEST_M2:.0f} m² and {NARROWEST_M:.0f} m are required" for row, at in zip(rows, bad, strict=True)],
        )  # fmt: skip


@rule(
    "P307", clause=CLAUSE, severity="Q", scope="G", unit="°",
    name_zh="没有过锐的角", name_en="No angle is too sharp",
)  # fmt: skip
def no_angle_is_too_sharp(delivery: Delivered) -> Iterator[Finding]:
    """No vertex of a valid polygon turns by less than 10°; per polygon the sharpest is listed. [design, as Q307]

    Turns whose shorter side is below 0.2 m are digitising noise of another kind and are left to Q301.
    """
    for layer in delivery.spatial("Polygon"):
        rows = np.flatnonzero(layer.valid & ~layer.absurd)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            yield from _sharp(Reporter(no_angle_is_too_sharp, delivery, layer), rows[start : start + _ROWS_AT_ONCE])


def _sharp(report: Reporter, rows: Rows) -> Iterator[Finding]:
    layer = report.layer
    parts, of_part = shapely.get_parts(layer.geometry[rows], return_index=True)
    rings, of_ring = shapely.get_rings(parts, return_index=True)
    of_row = of_part[of_ring]
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    angle, shorter = _angles(xy, ring)
    bad = np.flatnonzero((angle < SHARPEST_DEGREES - _FLOAT_NOISE) & (shorter * layer.metres_per_unit >= CLOSEST_M))
    owner = of_row[ring[bad]]
    order = np.lexsort((xy[bad, 1], xy[bad, 0], angle[bad], owner))
    first = order[np.unique(owner[order], return_index=True)[1]]
    chosen = bad[first]
    which = rows[owner[first]]
    yield from report.rows(
        which, geometry=np.asarray(shapely.points(xy[chosen]), object), measured=np.round(angle[chosen], 3).tolist(),
        limit=SHARPEST_DEGREES, remedy="核对该处顶点",
        zh=[f"{layer.code} {layer.ids[row]}: 锐角 {one:.2f}°, 应不小于 {SHARPEST_DEGREES:.0f}°" for row, one in
            zip(which, angle[chosen], strict=True)],
        en=[f"{layer.code} {layer.ids[row]}: an angle of {one:.2f}°, at least {SHARPEST_DEGREES:.0f}° is required"
            for row, one in zip(which, angle[chosen], strict=True)],
    )  # fmt: skip


def _angles(xy: NDArray[np.float64], ring: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return per vertex the angle between its two sides in degrees and the shorter side's length.

    The first vertex of a ring is passed over (180°): the last repeats it.
    """
    angle, shorter = np.full(len(xy), 180.0), np.zeros(len(xy))
    if len(xy) < 2:
        return angle, shorter
    first = np.flatnonzero(np.r_[True, ring[1:] != ring[:-1]])
    last = np.r_[first[1:], len(ring)] - 1
    step = np.r_[np.diff(xy, axis=0), np.zeros((1, 2))]
    step[last] = step[first]
    before, after = -step[:-1], step[1:]
    inside = ring[1:] == ring[:-1]
    cross = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0])
    angle[1:][inside] = np.degrees(np.arctan2(cross, (before * after).sum(axis=1)))[inside]
    length = np.hypot(step[:, 0], step[:, 1])
    shorter[1:] = np.minimum(length[:-1], length[1:])
    return angle, shorter
