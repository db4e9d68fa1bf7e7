"""Rules between layers: Q401 to Q406. 图层之间.

Every layer is judged in the delivered plane. Layers of different planes are not compared here: that is Q103's finding.
Invalid polygons count as what their repaired geometry covers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.rule import Part, Rule, rule
from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.kernel.geometry import overlay
from kunyu.kernel.geometry.line_cover import Uncovered, uncovered
from kunyu.kernel.geometry.placement import NOWHERE, main_place, shared_ground, strays, usable_polygons
from kunyu.kernel.tolerances import COORDINATE_DECIMALS, TOPOLOGY_TOLERANCE_M

TOWN_DIGITS = 9
IN_COUNTY = ("LSYD", "PZWJSTD", "KFYQ", "GFBQ", "TTQ", "CCWJQ", "LMFW")
"""Layers of special uses that must not reach out of the county."""
LAND_TITLES = ("ZD", "ZDJBXX")
"""Names under which a layer of 宗地 may be registered as an extension; the survey's own standard has none."""
_DEGREE_DECIMALS = 9

Polygons = NDArray[np.object_]


def same_plane(*layers: DeliveredLayer) -> bool:
    """Whether these layers can be laid over one another."""
    return len({layer.crs for layer in layers}) == 1


def tolerance_in(layer: DeliveredLayer) -> float:
    """The topology tolerance in the unit of the layer's plane."""
    return TOPOLOGY_TOLERANCE_M / layer.metres_per_unit


def square_metres(layer: DeliveredLayer, geometry: Polygons) -> list[float]:
    """Areas of polygons in the layer's plane, in m² (4 decimals); on the ellipsoid where the plane is in degrees."""
    if not len(geometry):
        return []
    if layer.is_geographic:
        found = ellipsoidal_area(geometry, layer.crs or "EPSG:4490")
    else:
        found = shapely.area(geometry) * layer.metres_per_unit**2
    rounded: list[float] = np.round(found, 4).tolist()
    return rounded


def sound(layer: DeliveredLayer) -> Polygons:
    """The layer's geometries (n,), invalid ones as they are repaired: nothing has to ask for validity again."""
    broken = np.flatnonzero(~layer.valid & ~shapely.is_missing(layer.on_earth))
    if not len(broken):
        return layer.on_earth
    shapes = layer.on_earth.copy()
    position, repaired = usable_polygons(shapes[broken])
    shapes[broken] = None
    shapes[broken[position]] = repaired
    return shapes


def texts(layer: DeliveredLayer, field: str) -> NDArray[np.object_]:
    """A text column without blanks around, '' where null or not delivered."""
    if not layer.has(field):
        return np.full(len(layer), "", object)
    found: NDArray[np.object_] = layer.texts(field).astype("string[pyarrow]").fillna("").str.strip().to_numpy(object)
    return found


def _by_code(layer: DeliveredLayer, codes: NDArray[np.object_]) -> tuple[dict[str, int], Polygons]:
    """Return code → place and the places: rows of one code are one place."""
    order = {code: at for at, code in enumerate(dict.fromkeys(codes[codes != ""].tolist()))}
    at = pd.Series(codes).map(order).fillna(NOWHERE).to_numpy(np.intp)
    places = np.full(len(order), None, object)
    places[at[at != NOWHERE]] = layer.on_earth[at != NOWHERE]
    for place in np.flatnonzero(np.bincount(at[at != NOWHERE], minlength=len(order)) > 1):
        rows = np.flatnonzero(at == place)
        usable = layer.on_earth[rows[layer.valid[rows]]]
        places[place] = overlay.union(usable, tolerance_in(layer)) if len(usable) else None
    return order, places


def _positions(codes: NDArray[np.object_], order: dict[str, int]) -> NDArray[np.intp]:
    return pd.Series(codes).map(order).fillna(NOWHERE).to_numpy(np.intp)


def _elsewhere(
    shapes: Polygons, own: NDArray[np.intp], places: Polygons, tolerance: float
) -> Iterator[tuple[int, Polygons, NDArray[np.intp]]]:
    """Yield (position in ``shapes``, parts, the places they lie in): what of each lies in places not its own."""
    found = shared_ground(shapes, places, tolerance)
    foreign = found.right != own[found.left]
    left, right, geometry = found.left[foreign], found.right[foreign], found.geometry[foreign]
    for position in np.unique(left):
        mine = left == position
        yield int(position), geometry[mine], right[mine]


@rule(
    "Q401", clause="TD/T 1057-2020 坐落单位代码", severity="Z", scope="X", unit="m²", needs=("DLTB", "CJDCQ"),
    name_zh="图斑在其坐落的村级调查区内", name_en="Each parcel lies in the village survey area it names",
)  # fmt: skip
def parcels_lie_in_their_village(delivery: Delivered) -> Iterator[Finding]:
    """Each DLTB lies in exactly one CJDCQ, and its ZLDWDM is that village's.

    The finding's geometry is what lies in other villages; parts of mean width below 0.001 m are noise. What lies in no
    village at all is Q304's finding, a ZLDWDM that no village has Q209's.
    """
    parcels, villages = delivery.layers["DLTB"], delivery.layers["CJDCQ"]
    if not (same_plane(parcels, villages) and parcels.has("ZLDWDM") and villages.has("ZLDWDM")):
        return
    yield from _in_their_place(
        parcels_lie_in_their_village, delivery, parcels, texts(parcels, "ZLDWDM"), villages, texts(villages, "ZLDWDM"),
        "ZLDWDM", "改正 ZLDWDM, 或沿村界分割图斑",
    )  # fmt: skip


def _in_their_place(
    this: Rule, delivery: Delivered, layer: DeliveredLayer, named: NDArray[np.object_], above: DeliveredLayer,
    codes: NDArray[np.object_], field: str, remedy: str,
) -> Iterator[Finding]:  # fmt: skip
    order, places = _by_code(above, codes)
    own, tolerance = _positions(named, order), tolerance_in(layer)
    outside = strays(sound(layer), places, own, tolerance, checked=True)
    names = list(order)
    rows, shapes, where = [], [], []
    for at, parts, others in _elsewhere(outside.geometry, own[outside.position], places, tolerance):
        rows.append(int(outside.position[at]))
        shapes.append(overlay.union(parts, tolerance))
        where.append("、".join(sorted({names[one] for one in others})))
    geometry = np.array([*shapes, None], object)[:-1]
    sizes = square_metres(layer, geometry)
    yield from Reporter(this, delivery, layer).rows(
        np.array(rows, np.intp), measured=sizes, limit=0, geometry=geometry,
        zh=[f"{layer.code} {layer.ids[row]}: {field} {named[row]}, 但有 {size:.4f} m² 位于 {above.code} {place}"
            for row, size, place in zip(rows, sizes, where, strict=True)],
        en=[f"{layer.code} {layer.ids[row]}: {field} is {named[row]}, but {size:.4f} m² lie in {above.code} {place}"
            for row, size, place in zip(rows, sizes, where, strict=True)],
        remedy=remedy,
    )  # fmt: skip


@rule(
    "Q402", clause="TD/T 1057-2020 村级调查区与行政区", severity="Z", scope="X", unit="m²", needs=("CJDCQ", "XZQ"),
    name_zh="村级调查区在其所属行政区内", name_en="Each village lies in the township its code begins with",
)  # fmt: skip
def villages_lie_in_their_township(delivery: Delivered) -> Iterator[Finding]:
    """Each CJDCQ lies in exactly one XZQ, and its code begins with that township's nine digits.

    The geometry is what lies in other townships; a village whose code begins with no township of the delivery is found
    with the township it lies in. What lies in no township is Q305's finding.
    """
    villages, towns = delivery.layers["CJDCQ"], delivery.layers["XZQ"]
    if not (same_plane(villages, towns) and villages.has("ZLDWDM") and towns.has("XZQDM")):
        return
    heads = np.array([code[:TOWN_DIGITS] for code in texts(villages, "ZLDWDM")], object)
    codes = np.array([code[:TOWN_DIGITS] for code in texts(towns, "XZQDM")], object)
    remedy = "改正代码, 或调整村界使其落在一个乡镇之内"
    yield from _in_their_place(
        villages_lie_in_their_township, delivery, villages, heads, towns, codes, "ZLDWDM 前 9 位", remedy
    )
    lost = np.flatnonzero((heads != "") & ~np.isin(heads, codes))
    home = main_place(villages.on_earth[lost], towns.on_earth)
    lost, home = lost[home != NOWHERE], home[home != NOWHERE]
    yield from Reporter(villages_lie_in_their_township, delivery, villages).rows(
        lost, measured=[heads[row] for row in lost], limit=[codes[at] for at in home], unit="",
        geometry=villages.on_earth[lost],
        zh=[f"CJDCQ {villages.ids[row]}: ZLDWDM 前 9 位 {heads[row]} 不是所在行政区 {codes[at]}"
            for row, at in zip(lost, home, strict=True)],
        en=[f"CJDCQ {villages.ids[row]}: ZLDWDM begins with {heads[row]}, but it lies in township {codes[at]}"
            for row, at in zip(lost, home, strict=True)],
        remedy=remedy,
    )  # fmt: skip


@rule(
    "Q403", clause="TD/T 1057-2020 拓扑质量: 城镇村等用地边界与地类图斑边界重合", severity="Z", scope="X", unit="m",
    needs=("CZCDYD", "DLTB"),
    name_zh="城镇村等用地边界与图斑边界重合", name_en="Built-up areas are bounded by parcel boundaries",
    optional_parts=(Part("one_township", ("XZQ",)),),
)  # fmt: skip
def built_up_areas_follow_parcels(delivery: Delivered) -> Iterator[Finding]:
    """The boundary of each CZCDYD runs along boundaries of DLTB (to 0.001 m), and each lies in one XZQ.

    One finding for each area with every stretch no parcel boundary follows; one with what lies in further townships.
    """
    areas, parcels, towns = delivery.layers["CZCDYD"], delivery.layers["DLTB"], delivery.layers.get("XZQ")
    if same_plane(areas, parcels):
        bare = _bare_outlines(areas, parcels)
        yield from _bare_findings(built_up_areas_follow_parcels, delivery, areas, bare)
    if towns is not None and same_plane(areas, towns):
        yield from _in_one_township(delivery, areas, towns)


def _bare_outlines(areas: DeliveredLayer, parcels: DeliveredLayer) -> Uncovered:
    """Where outlines leave the parcels' boundaries: asked of the marked parcels first, which outline them as a rule."""
    tolerance, decimals = tolerance_in(areas), _decimals(areas)
    marked = texts(parcels, "CZCSXM") != ""
    shapes = sound(parcels)
    first = uncovered(areas.on_earth, shapes[marked], tolerance, decimals, checked=True)
    if not len(first):
        return first
    shapes = shapes[~shapely.is_missing(shapes)]
    _, near = shapely.STRtree(shapes).query(first.geometry, predicate="dwithin", distance=tolerance)
    second = uncovered(first.geometry, shapes[np.unique(near)], tolerance, decimals, checked=True)
    return Uncovered(first.position[second.position], second.geometry)


def _decimals(layer: DeliveredLayer) -> int:
    return _DEGREE_DECIMALS if layer.is_geographic else COORDINATE_DECIMALS


def _bare_findings(this: Rule, delivery: Delivered, layer: DeliveredLayer, bare: Uncovered) -> Iterator[Finding]:
    lengths = np.round(shapely.length(bare.geometry) * layer.metres_per_unit, 3).tolist()
    pairs = list(zip(bare.position, lengths, strict=True))
    yield from Reporter(this, delivery, layer).rows(
        bare.position, measured=lengths, limit=0, geometry=bare.geometry,
        zh=[f"{layer.code} {layer.ids[row]}: 边界有 {length:.3f} m 不与地类图斑边界重合" for row, length in pairs],
        en=[f"{layer.code} {layer.ids[row]}: {length:.3f} m of its boundary run along no parcel boundary"
            for row, length in pairs],
        remedy="把边界捕捉到地类图斑的边界上",
    )  # fmt: skip


def _in_one_township(delivery: Delivered, areas: DeliveredLayer, towns: DeliveredLayer) -> Iterator[Finding]:
    own, tolerance = main_place(areas.on_earth, towns.on_earth), tolerance_in(areas)
    outside = strays(areas.on_earth, towns.on_earth, own, tolerance)
    found = list(_elsewhere(outside.geometry, own[outside.position], towns.on_earth, tolerance))
    rows = outside.position[[at for at, _, _ in found]] if found else np.zeros(0, np.intp)
    geometry = np.array([*(overlay.union(parts, tolerance) for _, parts, _ in found), None], object)[:-1]
    sizes = square_metres(areas, geometry)
    yield from Reporter(built_up_areas_follow_parcels, delivery, areas).rows(
        rows, measured=sizes, limit=0, unit="m²", geometry=geometry,
        zh=[f"CZCDYD {areas.ids[row]}: 跨行政区, 有 {size:.4f} m² 位于另一 XZQ" for row, size in
            zip(rows, sizes, strict=True)],
        en=[f"CZCDYD {areas.ids[row]}: {size:.4f} m² lie in another township" for row, size in
            zip(rows, sizes, strict=True)],
        remedy="沿行政区界线分割",
    )  # fmt: skip


@rule(
    "Q404", clause="TD/T 1057-2020 城镇村属性码与城镇村等用地", severity="Z", scope="X", unit="m²", needs=("CZCDYD", "DLTB"),
    name_zh="城镇村属性码与城镇村等用地一致", name_en="The built-up mark of a parcel is that of the area around it",
)  # fmt: skip
def marks_agree_with_built_up_areas(delivery: Delivered) -> Iterator[Finding]:
    """A parcel with CZCSXM lies inside CZCDYD of that CZCLX; a parcel without one lies in no CZCDYD.

    One finding for each parcel; its geometry is what lies outside areas of its mark, or inside an area though it has
    none. Parts of mean width below 0.001 m are noise.
    """
    areas, parcels = delivery.layers["CZCDYD"], delivery.layers["DLTB"]
    if not (same_plane(areas, parcels) and areas.has("CZCLX") and parcels.has("CZCSXM")):
        return
    marks, kinds, tolerance = texts(parcels, "CZCSXM"), texts(areas, "CZCLX"), tolerance_in(parcels)
    rows, shapes = _outside_their_kind(parcels, marks, areas, kinds, tolerance)
    sizes = square_metres(parcels, shapes)
    report = Reporter(marks_agree_with_built_up_areas, delivery, parcels)
    yield from report.rows(
        rows, measured=sizes, limit=0, geometry=shapes,
        zh=[f"DLTB {parcels.ids[row]}: CZCSXM {marks[row]}, 但有 {size:.4f} m² 不在 CZCLX {marks[row]} 的 CZCDYD 内"
            for row, size in zip(rows, sizes, strict=True)],
        en=[f"DLTB {parcels.ids[row]}: CZCSXM is {marks[row]}, but {size:.4f} m² lie in no CZCDYD of CZCLX {marks[row]}"
            for row, size in zip(rows, sizes, strict=True)],
        remedy="改正 CZCSXM, 或修改 CZCDYD 的范围与类型",
    )  # fmt: skip
    plain = np.flatnonzero(marks == "")
    found = shared_ground(sound(areas), sound(parcels)[plain], tolerance, checked=True)
    inside = np.unique(found.right)
    rows = plain[inside]
    shapes = np.array([*(overlay.union(found.geometry[found.right == at], tolerance) for at in inside), None], object)[
        :-1
    ]
    kind = ["、".join(sorted(set(kinds[found.left[found.right == at]]))) for at in inside]
    sizes = square_metres(parcels, shapes)
    yield from report.rows(
        rows, measured=sizes, limit=0, geometry=shapes,
        zh=[f"DLTB {parcels.ids[row]}: 没有 CZCSXM, 但有 {size:.4f} m² 位于 CZCLX {one} 的 CZCDYD 内"
            for row, size, one in zip(rows, sizes, kind, strict=True)],
        en=[f"DLTB {parcels.ids[row]}: no CZCSXM, but {size:.4f} m² lie in a CZCDYD of CZCLX {one}"
            for row, size, one in zip(rows, sizes, kind, strict=True)],
        remedy="补填 CZCSXM, 或修改 CZCDYD 的范围",
    )  # fmt: skip


def _outside_their_kind(
    parcels: DeliveredLayer, marks: NDArray[np.object_], areas: DeliveredLayer, kinds: NDArray[np.object_],
    tolerance: float,
) -> tuple[NDArray[np.intp], Polygons]:  # fmt: skip
    """Return marked parcels and what of them lies outside the areas of their mark."""
    marked = np.flatnonzero(marks != "")
    shapes, grounds = sound(parcels), sound(areas)
    home = main_place(shapes[marked], grounds, checked=True)
    agree = (home != NOWHERE) & (kinds[home] == marks[marked]) if len(areas) else np.zeros(len(marked), bool)
    whole = np.array(agree)
    outside = strays(shapes[marked], grounds, np.where(agree, home, NOWHERE), tolerance, checked=True)
    whole[outside.position] = False
    doubtful = marked[~whole]
    # areas of one mark may touch: a parcel across two of them is in order, so they count as one place
    order = {kind: at for at, kind in enumerate(sorted(set(marks[doubtful])))}
    places = np.full(len(order), shapely.Polygon(), object)
    near = np.zeros(len(areas), bool)
    there = np.flatnonzero(~shapely.is_missing(grounds))
    unsure = shapes[doubtful]
    if len(doubtful) and len(there):
        near[there[np.unique(shapely.STRtree(grounds[there]).query(unsure[~shapely.is_missing(unsure)])[1])]] = True
    for kind, place in order.items():
        places[place] = overlay.union(grounds[near & (kinds == kind)], tolerance)
    lost = _positions(marks[doubtful], order)
    empty = np.array([shapely.is_empty(one) for one in places], bool)
    outside = strays(unsure, places, lost, tolerance, checked=True)
    homeless = np.flatnonzero(empty[lost] & (shapely.get_dimensions(unsure) == 2))
    rows = np.concatenate([doubtful[outside.position], doubtful[homeless]])
    return rows, np.concatenate([outside.geometry, unsure[homeless]])


@rule(
    "Q405", clause="TD/T 1057-2020 专项用地图层", severity="Q", scope="X", unit="m²",
    needs=("XZQ|CJDCQ", "|".join(IN_COUNTY)),
    name_zh="专项用地不超出县界, 批准未建设土地有批准文号和日期", name_en="Special uses stay in the county; approvals are named",
)  # fmt: skip
def special_uses_stay_in_the_county(delivery: Delivered) -> Iterator[Finding]:
    """LSYD, PZWJSTD, KFYQ, GFBQ, TTQ, CCWJQ and LMFW lie inside the county; PZWJSTD has PZWH and PZRQ.

    The county is the union of XZQ, of CJDCQ without that; parts outside of mean width below 0.001 m are noise.
    """
    bounds = delivery.layers["XZQ" if "XZQ" in delivery.layers else "CJDCQ"]
    county: Polygons | None = None
    for code in IN_COUNTY:
        layer = delivery.layers.get(code)
        if layer is None or not len(layer):
            continue
        if same_plane(layer, bounds):
            county = county_of(bounds) if county is None else county
            yield from outside_the_county(special_uses_stay_in_the_county, delivery, layer, county)
        if code == "PZWJSTD":
            yield from _unnamed_approvals(delivery, layer)


def county_of(bounds: DeliveredLayer) -> Polygons:
    """The county as one polygon (in an array of one): the union of its units, invalid ones left out."""
    sound = bounds.on_earth[bounds.valid & (shapely.get_dimensions(bounds.on_earth) == 2)]
    return np.array([overlay.union(sound, tolerance_in(bounds))], object)


def outside_the_county(this: Rule, delivery: Delivered, layer: DeliveredLayer, county: Polygons) -> Iterator[Finding]:
    """Yield a finding for each row that reaches out of the county, with what lies outside."""
    outside = strays(layer.on_earth, county, np.zeros(len(layer), np.intp), tolerance_in(layer))
    sizes = square_metres(layer, outside.geometry)
    pairs = list(zip(outside.position, sizes, strict=True))
    yield from Reporter(this, delivery, layer).rows(
        outside.position, measured=sizes, limit=0, unit="m²", geometry=outside.geometry,
        zh=[f"{layer.code} {layer.ids[row]}: 有 {size:.4f} m² 超出县界" for row, size in pairs],
        en=[f"{layer.code} {layer.ids[row]}: {size:.4f} m² lie outside the county" for row, size in pairs],
        remedy="把该要素裁切到县界之内",
    )  # fmt: skip


def _unnamed_approvals(delivery: Delivered, layer: DeliveredLayer) -> Iterator[Finding]:
    for field, zh, en in (("PZWH", "批准文号", "approval number"), ("PZRQ", "批准日期", "date of approval")):
        if not layer.has(field):
            continue
        blank = texts(layer, field) == "" if field == "PZWH" else layer.arrow(field).is_null().to_numpy()
        rows = np.flatnonzero(blank)
        yield from Reporter(special_uses_stay_in_the_county, delivery, layer).rows(
            rows, measured="空", limit="非空", unit="",
            zh=[f"PZWJSTD {layer.ids[row]}: 没有{zh} {field}" for row in rows],
            en=[f"PZWJSTD {layer.ids[row]}: no {en} ({field})" for row in rows],
            remedy=f"补填 {field}",
        )  # fmt: skip


@rule(
    "Q406", clause="TD/T 1055-2019 宗地与地类图斑", severity="Q", scope="X", unit="m", needs=("DLTB", "|".join(LAND_TITLES)),
    name_zh="宗地边界与图斑边界重合", name_en="Land titles are bounded by parcel boundaries",
)  # fmt: skip
def titles_follow_parcels(delivery: Delivered) -> Iterator[Finding]:
    """Where a layer of 宗地 (ZD, ZDJBXX) is registered and delivered, its boundaries run along boundaries of DLTB.

    One finding for each title with every stretch that is more than 0.001 m off.
    """
    parcels = delivery.layers["DLTB"]
    for code in LAND_TITLES:
        titles = delivery.layers.get(code)
        if titles is not None and same_plane(titles, parcels):
            bare = uncovered(titles.on_earth, sound(parcels), tolerance_in(titles), _decimals(titles), checked=True)
            yield from _bare_findings(titles_follow_parcels, delivery, titles, bare)
