"""Rules about single geometries: Q301 and Q302. 几何有效性."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import FARTHEST, Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.rule import rule
from kunyu.kernel.tolerances import SAME_POINT_TOLERANCE_M, TOPOLOGY_TOLERANCE_M

Rows = NDArray[np.intp]

_ROWS_AT_ONCE = 10_000
_FLOAT_NOISE_M = 1e-7
"""Distances between eastings of 38 million metres carry this much noise."""
_EXPECTED = {"Polygon": (3, 6), "LineString": (1, 2, 5), "Point": (0, 4)}
_REASONS_ZH = {
    "Self-intersection": "自相交", "Ring Self-intersection": "环自相交", "Hole lies outside shell": "洞在外环之外",
    "Holes are nested": "洞相互嵌套", "Interior is disconnected": "内部不连通", "Nested shells": "部件相互嵌套",
    "Duplicate Rings": "环重复", "Too few points in geometry component": "顶点不足",
    "Invalid Coordinate": "坐标无效", "Ring is not closed": "环未闭合",
}  # fmt: skip
_PLACE = re.compile(r"^(?P<reason>[^\[]+)\[(?P<x>[-+\d.eE]+) (?P<y>[-+\d.eE]+)\]$")


@dataclass(frozen=True)
class _Spots:
    """Vertices where something is wrong: the row each belongs to, where it is, and a measure in metres."""

    row: Rows
    place: NDArray[np.object_]
    measure_m: NDArray[np.float64]


@rule(
    "Q301", clause="TD/T 1057-2020 图形质量: 图形有效", severity="S", scope="G", unit="m", general=True,
    name_zh="图形有效", name_en="Geometries are valid",
)  # fmt: skip
def geometries_are_valid(delivery: Delivered) -> Iterator[Finding]:
    """No empty or damaged geometry, no NaN, no self-intersection or self-overlap, no unclosed ring, no zero area.

    In geometries that pass so far also no vertices closer than 0.0001 m to the one before, and no spikes: a turn back
    whose two sides are 0.001 m apart or less (in polygons).
    """
    for layer in delivery.spatial():
        report = Reporter(geometries_are_valid, delivery, layer)
        sound = yield from _broken(report)
        if layer.spec.geometry != "Point" and len(sound):
            yield from _vertices(report, sound)


def _broken(report: Reporter) -> Generator[Finding, None, Rows]:
    """Yield findings of geometries that are broken as a whole; return the rows that are not."""
    layer = report.layer
    geometry = layer.geometry
    kinds = shapely.get_type_id(geometry)
    left = np.ones(len(layer), bool)

    def take(mask: NDArray[np.bool_]) -> Rows:
        rows = np.flatnonzero(mask & left)
        left[rows] = False
        return rows

    unreadable, unclosed = np.zeros(len(layer), bool), np.zeros(len(layer), bool)
    unreadable[layer.unreadable] = True
    unclosed[layer.unclosed] = True
    steps = (
        (unreadable, "图形数据损坏, 无法读取", "geometry is damaged and cannot be read"),
        (kinds < 0, "没有图形", "has no geometry"),
        (shapely.is_empty(geometry), "图形为空", "geometry is empty"),
        (~np.isin(kinds, _EXPECTED[layer.spec.geometry]), "图形类型不是" + layer.spec.geometry,
         f"geometry is no {layer.spec.geometry}"),
        (unclosed, "环未闭合", "a ring is not closed"),
    )  # fmt: skip
    for mask, zh, en in steps:
        rows = take(mask)
        yield from _whole(report, rows, zh, en)
    rows = take(layer.absurd)
    yield from _whole(report, rows, "坐标为 NaN、无穷大或不在地球上", "a coordinate is NaN, infinite or not on Earth")
    flat = take(_without_extent(layer))
    yield from _whole(report, flat, "面积或长度为零", "area or length is zero")
    yield from _invalid(report, take(~layer.valid))
    return np.flatnonzero(left)


def _whole(report: Reporter, rows: Rows, zh: str, en: str) -> Iterator[Finding]:
    code, ids = report.layer.code, report.layer.ids
    yield from report.rows(
        rows, measured=zh, limit="有效", unit="", geometry=_any_vertex(report.layer.geometry[rows]),
        zh=[f"{code} {ids[row]}: {zh}" for row in rows], en=[f"{code} {ids[row]}: {en}" for row in rows],
        remedy="重新采集或修复该图形",
    )  # fmt: skip


def _invalid(report: Reporter, rows: Rows) -> Iterator[Finding]:
    code, ids = report.layer.code, report.layer.ids
    reasons, places = _reasons(report.layer.geometry[rows])
    yield from report.rows(
        rows, measured=[_REASONS_ZH.get(one, one) for one in reasons], limit="有效", unit="", geometry=places,
        zh=[f"{code} {ids[row]}: {_REASONS_ZH.get(one, one)}" for row, one in zip(rows, reasons, strict=True)],
        en=[f"{code} {ids[row]}: {one}" for row, one in zip(rows, reasons, strict=True)],
        remedy="修复该图形: 移开或删除交叉处的顶点",
    )  # fmt: skip


def _reasons(geometry: NDArray[np.object_]) -> tuple[list[str], NDArray[np.object_]]:
    """Why each geometry is not valid, and where.

    GEOS names the first place along the ring, so rings begin at their smallest vertex: formats begin them elsewhere.
    """
    reasons: list[str] = []
    geometry = shapely.normalize(geometry)
    places = _any_vertex(geometry)
    for at, text in enumerate(shapely.is_valid_reason(geometry)):
        found = _PLACE.match(text or "")
        reasons.append(found["reason"] if found else str(text).split("[")[0])
        if found:
            places[at] = shapely.Point(float(found["x"]), float(found["y"]))
    return reasons, places


def _any_vertex(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """A finite vertex of each geometry, where it has one."""
    places = np.full(len(geometry), None, object)
    xy, owner = shapely.get_coordinates(geometry, return_index=True)
    finite = (np.abs(xy) < FARTHEST).all(axis=1)
    first, at = np.unique(owner[finite], return_index=True)
    if len(first):
        places[first] = shapely.points(xy[finite][at])
    return places


def _without_extent(layer: DeliveredLayer) -> NDArray[np.bool_]:
    """Polygons whose vertices lie on one line, lines shorter than the distance of "the same point".

    An area of zero alone is not enough: the two halves of a bow tie cancel out.
    """
    same = SAME_POINT_TOLERANCE_M / layer.metres_per_unit
    if layer.spec.geometry == "Polygon":
        flat = np.asarray(shapely.area(layer.geometry) < same * same)
        flat[flat] = shapely.area(shapely.convex_hull(layer.geometry[flat])) < same * same
        return flat
    if layer.spec.geometry == "LineString":
        return np.asarray(shapely.length(layer.geometry) < same)
    return np.zeros(len(layer), bool)


def _vertices(report: Reporter, sound: Rows) -> Iterator[Finding]:
    layer, code, ids = report.layer, report.layer.code, report.layer.ids
    twice, spikes = _scan(layer, sound)
    yield from report.rows(
        twice.row, measured=_rounded(twice.measure_m), limit=SAME_POINT_TOLERANCE_M, geometry=twice.place,
        zh=[f"{code} {ids[row]}: 相邻顶点相距 {gap:.5f} m, 应不小于 {SAME_POINT_TOLERANCE_M:.4f} m" for row, gap in
            zip(twice.row, twice.measure_m, strict=True)],
        en=[f"{code} {ids[row]}: neighbouring vertices are {gap:.5f} m apart, at least {SAME_POINT_TOLERANCE_M:.4f} m "
            "is required" for row, gap in zip(twice.row, twice.measure_m, strict=True)],
        remedy="删除重复的顶点",
    )  # fmt: skip
    yield from report.rows(
        spikes.row, measured=_rounded(spikes.measure_m), limit=TOPOLOGY_TOLERANCE_M, geometry=spikes.place,
        zh=[f"{code} {ids[row]}: 尖刺, 两侧相距 {gap:.5f} m, 应大于 {TOPOLOGY_TOLERANCE_M:.3f} m" for row, gap in
            zip(spikes.row, spikes.measure_m, strict=True)],
        en=[f"{code} {ids[row]}: spike, its sides are {gap:.5f} m apart, more than {TOPOLOGY_TOLERANCE_M:.3f} m is "
            "required" for row, gap in zip(spikes.row, spikes.measure_m, strict=True)],
        remedy="删除尖刺的顶点",
    )  # fmt: skip


def _scan(layer: DeliveredLayer, sound: Rows) -> tuple[_Spots, _Spots]:
    """Look at every vertex of the sound rows; at most one spot of each kind per row is kept, the narrowest."""
    twice: list[tuple[Rows, NDArray[np.float64], NDArray[np.float64]]] = []
    spikes: list[tuple[Rows, NDArray[np.float64], NDArray[np.float64]]] = []
    for start in range(0, len(sound), _ROWS_AT_ONCE):
        rows = sound[start : start + _ROWS_AT_ONCE]
        xy, owner, closed = _rings_or_lines(layer, rows)
        step = np.diff(xy, axis=0) * layer.metres_per_unit
        same_ring = owner[1:] == owner[:-1]
        length = np.hypot(step[:, 0], step[:, 1])
        short = np.flatnonzero(same_ring & (length < SAME_POINT_TOLERANCE_M * 0.99))
        twice.append((closed[owner[short]], xy[short], length[short]))
        if layer.spec.geometry == "Polygon":
            at, width = _spikes(step, length, owner)
            spikes.append((closed[owner[at]], xy[at], width))
    return _spots(twice), _spots(spikes)


def _rings_or_lines(layer: DeliveredLayer, rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.intp], Rows]:
    """Return coordinates, the ring (or line) each belongs to, and the row of each ring."""
    chosen = layer.geometry[rows]
    parts, of_row = shapely.get_parts(chosen, return_index=True)
    if layer.spec.geometry == "Polygon":
        parts, of_part = shapely.get_rings(parts, return_index=True)
        of_row = of_row[of_part]
    xy, owner = shapely.get_coordinates(parts, return_index=True)
    return xy, owner, rows[of_row]


def _spikes(
    step: NDArray[np.float64], length: NDArray[np.float64], owner: NDArray[np.intp]
) -> tuple[Rows, NDArray[np.float64]]:
    """Return the vertices where a ring turns straight back, and the distance of the two sides in metres.

    ``step[i]`` leads from vertex i to i + 1; ``length`` its length in metres. The last vertex of a ring repeats the
    first, so its step, which would lead into the next ring, is replaced by the ring's first: every vertex but the
    first then has the step that arrives and the step that leaves side by side, and nothing is gathered by index.
    """
    first = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    last = np.r_[first[1:], len(owner)] - 1
    step, length = np.r_[step, np.zeros((1, 2))], np.r_[length, 0.0]
    step[last], length[last] = step[first], length[first]
    dx, dy = step[:, 0], step[:, 1]
    back = dx[:-1] * dx[1:] + dy[:-1] * dy[1:] < 0
    back &= owner[1:] == owner[:-1]
    at = np.flatnonzero(back) + 1
    cross = np.abs(dx[at - 1] * dy[at] - dy[at - 1] * dx[at])
    longest = np.maximum(length[at - 1], length[at])
    shortest = np.minimum(length[at - 1], length[at])
    width = np.divide(cross, longest, out=np.full(len(at), np.inf), where=longest > 0)
    spike = (width <= TOPOLOGY_TOLERANCE_M + _FLOAT_NOISE_M) & (shortest > TOPOLOGY_TOLERANCE_M)
    return at[spike], width[spike]


def _spots(found: list[tuple[Rows, NDArray[np.float64], NDArray[np.float64]]]) -> _Spots:
    rows = np.concatenate([one[0] for one in found]) if found else np.zeros(0, np.intp)
    if not len(rows):
        return _Spots(np.zeros(0, np.intp), np.zeros(0, object), np.zeros(0))
    xy = np.concatenate([one[1] for one in found])
    measure = np.concatenate([one[2] for one in found])
    order = np.lexsort((xy[:, 1], xy[:, 0], measure, rows))
    chosen = order[np.unique(rows[order], return_index=True)[1]]
    return _Spots(rows[chosen], shapely.points(xy[chosen]), measure[chosen])


def _rounded(measures: NDArray[np.float64]) -> list[float]:
    rounded: list[float] = np.round(measures, 6).tolist()
    return rounded


@rule(
    "Q302", clause="TD/T 1057-2020 图形质量: 无多部件", severity="Z", scope="G", unit="个",
    name_zh="面要素没有多部件", name_en="Polygons are single parts",
)  # fmt: skip
def polygons_are_single_parts(delivery: Delivered) -> Iterator[Finding]:
    """No multipart polygon in XZQ, CJDCQ, DLTB and the other polygon layers."""
    for layer in delivery.spatial("Polygon"):
        parts = shapely.get_num_geometries(layer.geometry)
        kinds = shapely.get_type_id(layer.geometry)
        rows = np.flatnonzero((parts > 1) & (kinds == shapely.GeometryType.MULTIPOLYGON))
        yield from Reporter(polygons_are_single_parts, delivery, layer).rows(
            rows, measured=parts[rows].tolist(), limit=1,
            zh=[f"{layer.code} {layer.ids[row]}: 由 {parts[row]} 个部件组成" for row in rows],
            en=[f"{layer.code} {layer.ids[row]}: made of {parts[row]} parts" for row in rows],
            remedy="把各部件拆成独立的要素",
        )  # fmt: skip
