"""Rules about boundary lines and arcs: Q308 vertices and nodes, Q309 lines on boundaries. 界线与弧段."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.rule import Part, rule
from kunyu.kernel.geometry.line_cover import Uncovered, uncovered
from kunyu.kernel.geometry.nodes import loose_ends
from kunyu.kernel.tolerances import TOPOLOGY_TOLERANCE_M
from kunyu.packs.land_survey.quality.slivers import LEAST_SPACING_M, SPACING_RUN, corners_of, sound_shapes

LINES = {"XZQJX": "XZQ", "CJDCQJX": "CJDCQ"}
"""Line layers and the polygons whose boundaries they draw."""
_NOT_COMPARED = {"BSM", "YSDM", "BZ"}
_DEGREE_DECIMALS, _METRE_DECIMALS = 9, 4


@rule(
    "Q308", clause="TD/T 1057-2020 图形质量: 弧段节点密度、悬挂点与伪结点", severity="Q", scope="G", unit="m",
    needs=("DLTB|DLTBGX|XZQ|CJDCQ|XZQJX|CJDCQJX",),
    name_zh="弧段顶点不过密, 界线没有悬挂点与伪结点", name_en="Arcs are not crowded; boundary lines have no loose ends",
    optional_parts=(Part("nodes", ("XZQJX|CJDCQJX",)),),
)  # fmt: skip
def arcs_are_in_order(delivery: Delivered) -> Iterator[Finding]:
    """In DLTB, XZQ and CJDCQ no run of 100 edges averages less than 0.25 m; XZQJX and CJDCQJX have no dangling end (an
    end no other line touches) and no pseudo node (two lines of equal attributes end there and no other line is near).

    0.25 m is half a millimetre on the largest survey scale, 1:500: denser vertices were not measured but made by a
    conversion. The limit is ours, the standard's was not at hand. Ends within 0.001 m touch; a line that closes on
    itself has no loose end.
    """
    for code in ("DLTB", "DLTBGX", "XZQ", "CJDCQ"):
        layer = delivery.layers.get(code)
        if layer is not None and len(layer):
            yield from _crowded(delivery, layer)
    for code in LINES:
        layer = delivery.layers.get(code)
        if layer is not None and len(layer):
            yield from _loose(delivery, layer)


def _crowded(delivery: Delivered, layer: DeliveredLayer) -> Iterator[Finding]:
    dense = corners_of(delivery, layer).dense
    spacing = np.round(dense.measure, 4).tolist()
    yield from Reporter(arcs_are_in_order, delivery, layer).rows(
        dense.position, measured=spacing, limit=LEAST_SPACING_M, geometry=dense.geometry,
        zh=[f"{layer.code} {layer.ids[row]}: 连续 {SPACING_RUN} 条边平均长 {value:.4f} m, 小于 {LEAST_SPACING_M} m, 顶点过密"
            for row, value in zip(dense.position, spacing, strict=True)],
        en=[f"{layer.code} {layer.ids[row]}: {SPACING_RUN} edges in a row average {value:.4f} m, below {LEAST_SPACING_M} m: "
            "too many vertices" for row, value in zip(dense.position, spacing, strict=True)],
        remedy="抽稀该弧段的顶点, 相邻图斑同步抽稀",
    )  # fmt: skip


def _loose(delivery: Delivered, layer: DeliveredLayer) -> Iterator[Finding]:
    report = Reporter(arcs_are_in_order, delivery, layer)
    tolerance = TOPOLOGY_TOLERANCE_M / layer.metres_per_unit
    dangling, pseudo = loose_ends(layer.on_earth, tolerance)
    gaps = dangling.gap * layer.metres_per_unit
    yield from report.rows(
        dangling.position, measured=[round(float(gap), 4) if np.isfinite(gap) else "> 10" for gap in gaps],
        limit=TOPOLOGY_TOLERANCE_M, geometry=dangling.geometry,
        zh=[f"{layer.code} {layer.ids[row]}: 悬挂点, {_how_far_zh(gap)}" for row, gap in
            zip(dangling.position, gaps, strict=True)],
        en=[f"{layer.code} {layer.ids[row]}: dangling end, {_how_far_en(gap)}" for row, gap in
            zip(dangling.position, gaps, strict=True)],
        remedy="把界线端点接到相邻界线的端点上",
    )  # fmt: skip
    same = _same_attributes(layer, pseudo.left, pseudo.right)
    pairs = [tuple(sorted((str(layer.ids[a]), str(layer.ids[b])))) for a, b in
             zip(pseudo.left[same], pseudo.right[same], strict=True)]  # fmt: skip
    yield from report.groups(
        pairs, pseudo.geometry[same], measured=2, limit=3, unit="条",
        zh=[f"{layer.code}: 伪结点, 只有 {a} 与 {b} 在此相接且属性相同" for a, b in pairs],
        en=[f"{layer.code}: pseudo node, only {a} and {b} end here and their attributes are equal" for a, b in pairs],
        remedy="把两条界线合并为一条",
    )  # fmt: skip


def _how_far_zh(gap: float) -> str:
    return f"距最近的界线 {gap:.4f} m" if np.isfinite(gap) else "10 m 内没有其他界线"


def _how_far_en(gap: float) -> str:
    return f"{gap:.4f} m from the nearest line" if np.isfinite(gap) else "no other line within 10 m"


def _same_attributes(layer: DeliveredLayer, left: NDArray[np.intp], right: NDArray[np.intp]) -> NDArray[np.bool_]:
    same = np.ones(len(left), bool)
    for spec in layer.spec.fields:
        if spec.code not in _NOT_COMPARED and layer.has(spec.code):
            codes = layer.arrow(spec.code).combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy()
            same &= codes[left] == codes[right]
    return same


@rule(
    "Q309", clause="TD/T 1057-2020 拓扑质量: 界线与面边界重合", severity="Z", scope="G", unit="m",
    needs=("XZQJX|CJDCQJX", "XZQ|CJDCQ"),
    name_zh="界线与面的边界重合", name_en="Boundary lines coincide with polygon boundaries",
    optional_parts=(Part("townships", ("XZQJX", "XZQ")), Part("villages", ("CJDCQJX", "CJDCQ"))),
)  # fmt: skip
def lines_coincide_with_boundaries(delivery: Delivered) -> Iterator[Finding]:
    """Every XZQJX runs along a boundary of XZQ and every boundary of XZQ along an XZQJX; CJDCQJX and CJDCQ likewise.

    What is 0.001 m off or less coincides. A finding shows the stretches of one line, or of one polygon's boundary, that
    have no partner.
    """
    for line_code, polygon_code in LINES.items():
        lines, polygons = delivery.layers.get(line_code), delivery.layers.get(polygon_code)
        if lines is None or polygons is None:
            continue
        tolerance = TOPOLOGY_TOLERANCE_M / lines.metres_per_unit
        decimals = _DEGREE_DECIMALS if lines.is_geographic else _METRE_DECIMALS
        drawn, outlines = lines.on_earth, sound_shapes(polygons)
        alone = uncovered(drawn, outlines, tolerance, decimals)
        yield from _stretches(delivery, lines, alone, f"{polygon_code} 的边界", f"a boundary of {polygon_code}")
        bare = uncovered(outlines, drawn, tolerance, decimals)
        yield from _stretches(delivery, polygons, bare, f"{line_code} 界线", f"a line of {line_code}")


def _stretches(
    delivery: Delivered, layer: DeliveredLayer, found: Uncovered, partner: str, partner_en: str
) -> Iterator[Finding]:
    metres = np.round(shapely.length(found.geometry) * layer.metres_per_unit, 3).tolist()
    yield from Reporter(lines_coincide_with_boundaries, delivery, layer).rows(
        found.position, measured=metres, limit=0, geometry=found.geometry,
        zh=[f"{layer.code} {layer.ids[row]}: 有 {value:.3f} m 不与{partner}重合" for row, value in
            zip(found.position, metres, strict=True)],
        en=[f"{layer.code} {layer.ids[row]}: {value:.3f} m do not coincide with {partner_en}" for row, value in
            zip(found.position, metres, strict=True)],
        remedy="由面的边界重新提取界线, 使两者重合",
    )  # fmt: skip
