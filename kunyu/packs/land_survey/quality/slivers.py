"""Rules about what is too small to be mapped: Q306 slivers, Q307 sharp corners and short edges. 碎小图斑与尖角短边."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import replace
from threading import Lock

import numpy as np
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import METRES_PER_DEGREE, Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.rule import rule
from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.kernel.geometry.corners import Corners, Limits, narrow_corners
from kunyu.packs.land_survey.quality.minimum_areas import least_areas

SLIVER_M2, SLIVER_WIDTH_M = 5.0, 1.0
LEAST_EDGE_M, LEAST_ANGLE_DEG = 0.2, 10.0
LEAST_SPACING_M, SPACING_RUN = 0.25, 100
_LIMITS = Limits(LEAST_EDGE_M, LEAST_ANGLE_DEG, LEAST_SPACING_M, SPACING_RUN)
_NOISE = 1e-9
"""Relative: an area or width this near its limit has reached it."""
_LATEST = datetime.date(9998, 12, 31)
_LOCK = Lock()
Areas = NDArray[np.float64]


@rule(
    "Q306", clause="TD/T 1055-2019 最小上图面积; 细碎图斑", severity="Z", scope="G", unit="m²", needs=("DLTB|DLTBGX",),
    name_zh="没有碎小图斑", name_en="No parcel is a sliver",
)  # fmt: skip
def parcels_are_no_slivers(delivery: Delivered) -> Iterator[Finding]:
    """No parcel below 5 m² and none with a mean width 2A/P below 1 m.

    Parcels below the minimum mapped area of their class are listed with severity W: construction land and 1202
    200 m², agricultural land 400 m², other land 600 m² (a dated table, not confirmed against the printed text). Areas
    are those of the delivered plane; ellipsoidal ones where coordinates are degrees, and lengths then those at the
    parcel's latitude. Without area (Q301) nothing is judged.
    """
    for code in ("DLTB", "DLTBGX"):
        layer = delivery.layers.get(code)
        if layer is None or not len(layer):
            continue
        area, width = _sizes(layer)
        measured = np.isfinite(area) & (area > 0)
        tiny = measured & (area < SLIVER_M2 * (1 - _NOISE))
        thin = measured & ~tiny & (width < SLIVER_WIDTH_M * (1 - _NOISE))
        yield from _too_small(delivery, layer, np.flatnonzero(tiny), area)
        yield from _too_thin(delivery, layer, np.flatnonzero(thin), area, width)
        yield from _below_minimum(delivery, layer, area, measured & ~tiny & ~thin)


def _sizes(layer: DeliveredLayer) -> tuple[Areas, Areas]:
    """Return area in m² and mean width in metres; NaN where the geometry is no valid polygon."""
    rows = np.flatnonzero(layer.valid & ~layer.absurd & (shapely.get_dimensions(layer.geometry) == 2))
    area, width = np.full(len(layer), np.nan), np.full(len(layer), np.nan)
    shapes = layer.geometry[rows]
    if layer.is_geographic:
        area[rows] = ellipsoidal_area(shapes, layer.crs or "EPSG:4490")
        outline = _length_of_degrees(shapes)
    else:
        area[rows] = shapely.area(shapes) * layer.metres_per_unit**2
        outline = shapely.length(shapes) * layer.metres_per_unit
    width[rows] = np.divide(2 * area[rows], outline, out=np.zeros(len(rows)), where=outline > 0)
    return area, width


def _length_of_degrees(shapes: NDArray[np.object_]) -> Areas:
    """Return lengths in metres of geometries in degrees, each taken at its own latitude (to half a percent)."""

    def plane(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([xy[:, 0] * np.cos(np.radians(xy[:, 1].mean())), xy[:, 1]], axis=1) * METRES_PER_DEGREE

    found = np.zeros(len(shapes))
    for start in range(0, len(shapes), 1000):
        found[start : start + 1000] = shapely.length(shapely.transform(shapes[start : start + 1000], plane))
    return found


def _too_small(delivery: Delivered, layer: DeliveredLayer, rows: NDArray[np.intp], area: Areas) -> Iterator[Finding]:
    yield from Reporter(parcels_are_no_slivers, delivery, layer).rows(
        rows, measured=np.round(area[rows], 4).tolist(), limit=SLIVER_M2, geometry=layer.geometry[rows],
        zh=[f"{layer.code} {layer.ids[row]}: 面积 {area[row]:.4f} m², 小于 {SLIVER_M2:.0f} m²" for row in rows],
        en=[f"{layer.code} {layer.ids[row]}: area {area[row]:.4f} m², below {SLIVER_M2:.0f} m²" for row in rows],
        remedy="并入相邻图斑",
    )  # fmt: skip


def _too_thin(
    delivery: Delivered, layer: DeliveredLayer, rows: NDArray[np.intp], area: Areas, width: Areas
) -> Iterator[Finding]:
    yield from Reporter(parcels_are_no_slivers, delivery, layer).rows(
        rows, measured=np.round(width[rows], 4).tolist(), limit=SLIVER_WIDTH_M, unit="m", geometry=layer.geometry[rows],
        zh=[f"{layer.code} {layer.ids[row]}: 平均宽 {width[row]:.4f} m, 小于 {SLIVER_WIDTH_M:.0f} m (面积 {area[row]:.2f} m²)"
            for row in rows],
        en=[f"{layer.code} {layer.ids[row]}: mean width {width[row]:.4f} m, below {SLIVER_WIDTH_M:.0f} m (area "
            f"{area[row]:.2f} m²)" for row in rows],
        remedy="并入相邻图斑, 或按实地宽度重新采集",
    )  # fmt: skip


def _below_minimum(
    delivery: Delivered, layer: DeliveredLayer, area: Areas, judged: NDArray[np.bool_]
) -> Iterator[Finding]:
    """List parcels below the minimum mapped area of their class; unknown classes are Q206's business."""
    if not layer.has("DLBM"):
        return
    day = datetime.date(delivery.year, 12, 31) if delivery.year else _LATEST
    classes = layer.arrow("DLBM").combine_chunks().dictionary_encode()
    names = classes.dictionary.to_pylist()
    known = least_areas(delivery.standard, day)
    least = np.array([known.get((name or "").strip(), 0.0) for name in names] + [0.0])
    limit = least[classes.indices.fill_null(len(names)).to_numpy()]
    rows = np.flatnonzero(judged & (area < limit * (1 - _NOISE)))
    given = [names[at] for at in classes.indices.to_numpy(zero_copy_only=False)[rows].astype(int)]
    listed = replace(parcels_are_no_slivers, severity="W")
    yield from Reporter(listed, delivery, layer).rows(
        rows, measured=np.round(area[rows], 4).tolist(), limit=limit[rows].tolist(), geometry=layer.geometry[rows],
        zh=[f"{layer.code} {layer.ids[row]}: 地类 {name}, 面积 {area[row]:.2f} m², 小于最小上图面积 {limit[row]:.0f} m²"
            for row, name in zip(rows, given, strict=True)],
        en=[f"{layer.code} {layer.ids[row]}: class {name}, area {area[row]:.2f} m², below the minimum mapped area of "
            f"{limit[row]:.0f} m²" for row, name in zip(rows, given, strict=True)],
        remedy="核实是否需要单独上图, 否则并入相邻图斑",
    )  # fmt: skip


@rule(
    "Q307", clause="TD/T 1057-2020 图形质量: 尖角与短边", severity="Q", scope="G", unit="°",
    needs=("DLTB|DLTBGX|XZQ|CJDCQ",),
    name_zh="没有尖角与过短的边", name_en="No sharp corner and no short edge",
)  # fmt: skip
def corners_are_blunt(delivery: Delivered) -> Iterator[Finding]:
    """In DLTB, XZQ and CJDCQ no interior angle below 10° and no edge below 0.2 m.

    The narrowest corner and the shortest edge of a record are shown. Not judged: invalid geometries, coinciding
    vertices and spikes without width (Q301 names them).
    """
    for code in ("DLTB", "DLTBGX", "XZQ", "CJDCQ"):
        layer = delivery.layers.get(code)
        if layer is None or not len(layer):
            continue
        found = corners_of(delivery, layer)
        report = Reporter(corners_are_blunt, delivery, layer)
        angles, edges = np.round(found.sharp.measure, 4).tolist(), np.round(found.short.measure, 4).tolist()
        yield from report.rows(
            found.sharp.position, measured=angles, limit=LEAST_ANGLE_DEG, geometry=found.sharp.geometry,
            zh=[f"{code} {layer.ids[row]}: 内角 {angle:.2f}°, 小于 {LEAST_ANGLE_DEG:.0f}°" for row, angle in
                zip(found.sharp.position, angles, strict=True)],
            en=[f"{code} {layer.ids[row]}: interior angle {angle:.2f}°, below {LEAST_ANGLE_DEG:.0f}°" for row, angle in
                zip(found.sharp.position, angles, strict=True)],
            remedy="核实该处边界, 移动或删除尖角的顶点",
        )  # fmt: skip
        yield from report.rows(
            found.short.position, measured=edges, limit=LEAST_EDGE_M, unit="m", geometry=found.short.geometry,
            zh=[f"{code} {layer.ids[row]}: 相邻顶点相距 {edge:.4f} m, 小于 {LEAST_EDGE_M} m" for row, edge in
                zip(found.short.position, edges, strict=True)],
            en=[f"{code} {layer.ids[row]}: neighbouring vertices are {edge:.4f} m apart, below {LEAST_EDGE_M} m"
                for row, edge in zip(found.short.position, edges, strict=True)],
            remedy="删除多余的顶点, 相邻图斑同步修改",
        )  # fmt: skip


def corners_of(delivery: Delivered, layer: DeliveredLayer) -> Corners:
    """Return what one pass over a layer's vertices finds; Q307 and Q308 share it."""
    name = f"corners:{layer.code}"
    with _LOCK:
        found: Corners | None = delivery.shared.get(name)
        if found is None:
            found = narrow_corners(sound_shapes(layer), _LIMITS, layer.metres_per_unit, layer.is_geographic)
            delivery.shared[name] = found
        return found


def sound_shapes(layer: DeliveredLayer) -> NDArray[np.object_]:
    """Return the geometries, None in place of invalid ones: Q301 speaks about those."""
    if layer.valid.all() and not layer.absurd.any():
        return layer.geometry
    shapes = layer.geometry.copy()
    shapes[~layer.valid | layer.absurd] = None
    return shapes
