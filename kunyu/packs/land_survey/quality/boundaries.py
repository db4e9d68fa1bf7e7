"""Rules about administrative areas as coverages: Q305 inside the county, Q311 against its neighbours. 行政区与接边."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.reference import COUNTY_BOUNDARY, NEIGHBOURS
from kunyu.engines.ingest.checks.rule import Part, rule
from kunyu.kernel.geometry import overlay
from kunyu.kernel.geometry.coverage import GAP_EDGE, GAP_HOLE, OUTSIDE, Gaps, gaps, overlaps, significant_parts
from kunyu.kernel.geometry.edge_matching import Mismatches, Reach, mismatches
from kunyu.kernel.geometry.placement import usable_polygons
from kunyu.kernel.tolerances import SAME_POINT_TOLERANCE_M, TOPOLOGY_TOLERANCE_M
from kunyu.packs.land_survey.quality.across import same_plane, square_metres, tolerance_in

Shapes = NDArray[np.object_]
NAMES = {"XZQ": ("行政区", "townships"), "CJDCQ": ("村级调查区", "village survey areas")}
_KINDS = {
    GAP_HOLE: ("内部空洞或缝隙", "hole or seam"), GAP_EDGE: ("沿边界未覆盖", "uncovered along the boundary"),
    OUTSIDE: ("超出边界", "beyond the boundary"),
}  # fmt: skip

ROUNDING_M = 0.00005
"""What rounding to four decimals in two planes adds to the distance of one point from itself."""
NEAR_M, FAR_M = 0.5, 10.0
"""A vertex this near a neighbour's boundary belongs to it; one this far belongs elsewhere (design)."""


@rule(
    "Q305", clause="TD/T 1057-2020 拓扑质量: 行政区、村级调查区不重叠、无缝隙", severity="S", scope="G", unit="m²",
    needs=("XZQ|CJDCQ",),
    name_zh="行政区与村级调查区不重叠、没有缝隙", name_en="Townships and villages cover the county exactly",
    optional_parts=(
        Part("villages_in_townships", ("CJDCQ", "XZQ")), Part("county_boundary", ("XZQ", f"ref:{COUNTY_BOUNDARY}")),
    ),
)  # fmt: skip
def administrative_areas_cover_the_county(delivery: Delivered) -> Iterator[Finding]:
    """XZQ do not overlap each other, CJDCQ neither; CJDCQ cover XZQ exactly, XZQ cover the county.

    The county boundary comes from the reference. Without it a gap is found only where XZQ enclose it, so an enclave of
    another county is one too. Overlaps and gaps of mean width below 0.001 m are noise.
    """
    towns, villages = delivery.layers.get("XZQ"), delivery.layers.get("CJDCQ")
    for layer in (towns, villages):
        if layer is not None and len(layer):
            yield from _overlaps(delivery, layer)
    if villages is not None and towns is not None and same_plane(villages, towns):
        found = gaps(villages.on_earth, towns.on_earth, tolerance_in(villages))
        yield from _gaps(delivery, villages, found, "XZQ", "XZQ")
    outer = towns if towns is not None else villages
    if outer is not None and len(outer):
        yield from _against_the_county(delivery, outer)


def _against_the_county(delivery: Delivered, layer: DeliveredLayer) -> Iterator[Finding]:
    tolerance, known = tolerance_in(layer), delivery.reference
    if known is not None and known.has(COUNTY_BOUNDARY) and layer.crs is not None:
        found = gaps(layer.on_earth, known.plane(COUNTY_BOUNDARY, layer.crs), tolerance)
        yield from _gaps(delivery, layer, found, "县界", "the county boundary")
        return
    outline = _outline(layer.on_earth, tolerance)
    found = gaps(layer.on_earth, shapely.polygons(shapely.get_exterior_ring(outline)), tolerance)
    yield from _gaps(delivery, layer, found, f"{layer.code} 外边界", f"the outer boundary of {layer.code}")


def _outline(shapes: Shapes, tolerance: float) -> Shapes:
    """Return the polygons that these make together."""
    _, polygons = usable_polygons(shapes)
    parts = np.asarray(shapely.get_parts(overlay.union(polygons, tolerance)), object)
    return parts[shapely.get_dimensions(parts) == 2]


def _overlaps(delivery: Delivered, layer: DeliveredLayer) -> Iterator[Finding]:
    found = overlaps(layer.on_earth, tolerance_in(layer))
    areas = square_metres(layer, found.geometry)
    zh, en = NAMES[layer.code]
    pairs = [tuple(sorted((str(layer.ids[a]), str(layer.ids[b])))) for a, b in
             zip(found.left, found.right, strict=True)]  # fmt: skip
    yield from Reporter(administrative_areas_cover_the_county, delivery, layer).groups(
        pairs, found.geometry, measured=areas, limit=0,
        zh=[f"{layer.code}: {zh} {a} 与 {b} 重叠 {area:.4f} m²" for (a, b), area in zip(pairs, areas, strict=True)],
        en=[f"{layer.code}: {en} {a} and {b} overlap by {area:.4f} m²" for (a, b), area in zip(pairs, areas, strict=True)],
        remedy="移动公共边界的顶点, 使两者恰好相接",
    )  # fmt: skip


def _gaps(
    delivery: Delivered, layer: DeliveredLayer, found: Gaps, against_zh: str, against_en: str
) -> Iterator[Finding]:
    areas = square_metres(layer, found.geometry)
    widths = found.width * layer.metres_per_unit
    yield from Reporter(administrative_areas_cover_the_county, delivery, layer).groups(
        [_beside(layer, place) for place in found.geometry], found.geometry, measured=areas, limit=0,
        zh=[f"{layer.code} 与{against_zh}: {_KINDS[kind][0]} {area:.4f} m², 平均宽 {width:.4f} m" for kind, area, width in
            zip(found.kind, areas, widths, strict=True)],
        en=[f"{layer.code} against {against_en}: {_KINDS[kind][1]}, {area:.4f} m², mean width {width:.4f} m"
            for kind, area, width in zip(found.kind, areas, widths, strict=True)],
        remedy="使两者的边界逐点一致; 确为飞地或外县插花地的, 登记例外",
    )  # fmt: skip


def _beside(layer: DeliveredLayer, place: Any, reach_m: float = TOPOLOGY_TOLERANCE_M) -> tuple[str, ...]:
    """Return the ids of the areas that touch a place."""
    near = shapely.dwithin(layer.on_earth, place, reach_m / layer.metres_per_unit)
    return tuple(sorted({str(one) for one in layer.ids[near]}))


@rule(
    "Q311", clause="TD/T 1057-2020 接边: 县级行政区界线", severity="S", scope="G", unit="m",
    needs=("XZQ", f"ref:{NEIGHBOURS}"), needs_crs=True,
    name_zh="县级行政区界线与邻县接边", name_en="The county boundary meets the neighbours' vertex by vertex",
)  # fmt: skip
def county_boundary_meets_its_neighbours(delivery: Delivered) -> Iterator[Finding]:
    """Along the common boundary every vertex has a partner within 0.0001 m in the neighbour's stored XZQ, and the
    other way round; the counties do not overlap and leave no gap between them.

    0.00005 m are added for coordinates rounded in two planes: a neighbour may be stored in another zone. A vertex more
    than 10 m from the neighbour's boundary is not of the common stretch; where the boundary turns away, vertices
    beyond 0.5 m are not asked. Overlaps and gaps of mean width below 0.001 m are noise, a gap wider than 10 m is none
    of two neighbours. The neighbours' date stands in the message: what they have changed since is not known here.
    """
    towns = delivery.layers["XZQ"]
    assert delivery.reference is not None  # the rule's needs
    if towns.crs is None or not len(towns):
        return
    foreign, dates = _neighbours(delivery, towns)
    if not len(foreign):
        return
    tolerance = tolerance_in(towns)
    reach = Reach(*(one / towns.metres_per_unit for one in (SAME_POINT_TOLERANCE_M + ROUNDING_M, NEAR_M, FAR_M)))
    own, theirs = _outline(towns.on_earth, tolerance), _outline(foreign, tolerance)
    report = Reporter(county_boundary_meets_its_neighbours, delivery, towns)
    yield from _shared_land(report, foreign, dates)
    yield from _land_between(report, np.concatenate([own, theirs]), foreign, dates)
    yield from _unmatched(report, mismatches(own, theirs, reach), foreign, dates, "本县顶点", "vertices of this county")
    yield from _unmatched(
        report, mismatches(theirs, own, reach), foreign, dates, "邻县顶点", "vertices of the neighbour"
    )


def _neighbours(delivery: Delivered, layer: DeliveredLayer) -> tuple[Shapes, list[str]]:
    """Return the neighbours' areas in the delivered plane that come near the county, and what each is called."""
    reference = delivery.reference
    assert reference is not None and layer.crs is not None
    rows = reference.rows(NEIGHBOURS)
    shapes = reference.plane(NEIGHBOURS, layer.crs)
    codes = [str(code or "") for code in rows.column("XZQDM").to_pylist()]
    days = rows.column("valid_from").to_pylist() if "valid_from" in rows.column_names else [None] * len(codes)
    ids = rows.column("BSM").to_pylist() if "BSM" in rows.column_names else codes
    position, usable = usable_polygons(shapes)
    county = delivery.county or ""
    abroad = (
        np.array([not codes[at].startswith(county) for at in position], bool)
        if county
        else np.ones(len(position), bool)
    )
    _, own = usable_polygons(layer.on_earth)
    west, south, east, north = shapely.total_bounds(own)
    room = 2 * FAR_M / layer.metres_per_unit
    near = shapely.intersects(usable, shapely.box(west - room, south - room, east + room, north + room))
    kept = np.flatnonzero(abroad & near)
    named = [f"{codes[position[at]]} {ids[position[at]]} ({days[position[at]] or '?'})" for at in kept]
    return usable[kept], named


def _named(foreign: Shapes, names: list[str], place: Any, reach: float) -> str:
    """Say which neighbours, of which date, a place lies at."""
    near = np.flatnonzero(shapely.dwithin(foreign, place, reach))
    return "、".join(names[at] for at in near[:3]) or "?"


def _shared_land(report: Reporter, foreign: Shapes, names: list[str]) -> Iterator[Finding]:
    layer = report.layer
    own = layer.on_earth
    found = overlaps(np.concatenate([own, foreign]), tolerance_in(layer))
    across = (found.left < len(own)) & (found.right >= len(own))
    left, right, shapes = found.left[across], found.right[across] - len(own), found.geometry[across]
    areas = square_metres(layer, shapes)
    yield from report.groups(
        [(str(layer.ids[row]),) for row in left], shapes, measured=areas, limit=0, unit="m²",
        zh=[f"XZQ {layer.ids[row]}: 与邻县 {names[at]} 重叠 {area:.4f} m²" for row, at, area in
            zip(left, right, areas, strict=True)],
        en=[f"XZQ {layer.ids[row]}: overlaps the neighbour {names[at]} by {area:.4f} m²" for row, at, area in
            zip(left, right, areas, strict=True)],
        remedy="与邻县核对勘界成果, 双方采用同一界线",
    )  # fmt: skip


def _land_between(report: Reporter, all_around: Shapes, foreign: Shapes, names: list[str]) -> Iterator[Finding]:
    """Report what this county and its neighbours enclose without either claiming it."""
    layer = report.layer
    tolerance = tolerance_in(layer)
    outline = _outline(all_around, tolerance)
    rings, owner = shapely.get_rings(outline, return_index=True)
    holes = shapely.polygons(rings[np.r_[False, owner[1:] == owner[:-1]]]) if len(rings) else np.zeros(0, object)
    parts, _ = significant_parts(np.asarray(holes, object), tolerance)
    width = np.divide(
        2 * shapely.area(parts), shapely.length(parts), out=np.zeros(len(parts)), where=shapely.length(parts) > 0
    )
    ids = [_beside(layer, place) for place in parts]
    touched = np.array([bool(some) for some in ids], bool)
    abroad = np.array([bool(shapely.dwithin(foreign, place, tolerance).any()) for place in parts], bool)
    kept = np.flatnonzero(touched & abroad & (width * layer.metres_per_unit <= FAR_M))
    areas = square_metres(layer, parts[kept])
    who = [_named(foreign, names, parts[at], tolerance) for at in kept]
    yield from report.groups(
        [ids[at] for at in kept], parts[kept], measured=areas, limit=0, unit="m²",
        zh=[f"XZQ: 与邻县 {name} 之间有 {area:.4f} m² 无归属" for name, area in zip(who, areas, strict=True)],
        en=[f"XZQ: {area:.4f} m² between this county and {name} belong to neither" for name, area in
            zip(who, areas, strict=True)],
        remedy="与邻县核对勘界成果, 双方采用同一界线",
    )  # fmt: skip


def _unmatched(
    report: Reporter, found: Mismatches, foreign: Shapes, names: list[str], whose_zh: str, whose_en: str
) -> Iterator[Finding]:
    layer = report.layer
    reach = FAR_M / layer.metres_per_unit
    offset = np.round(found.offset * layer.metres_per_unit, 5).tolist()
    count = shapely.get_num_geometries(found.vertices).tolist()
    who = [_named(foreign, names, place, reach) for place in found.vertices]
    yield from report.groups(
        [_beside(layer, place, FAR_M) for place in found.vertices], found.geometry, measured=offset,
        limit=SAME_POINT_TOLERANCE_M,
        zh=[f"XZQ: {number} 个{whose_zh}在对方界线上没有同点, 最远相差 {far:.5f} m (邻县 {name})" for number, far, name in
            zip(count, offset, who, strict=True)],
        en=[f"XZQ: {number} {whose_en} have no partner on the other boundary, the farthest by {far:.5f} m (neighbour {name})"
            for number, far, name in zip(count, offset, who, strict=True)],
        remedy="与邻县核对勘界成果, 公共界线逐点一致",
    )  # fmt: skip
