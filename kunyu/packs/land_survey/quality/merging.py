"""Rule about parcels that should be one: Q310. 应合并的相邻图斑."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import MOST_FINDINGS, Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.rule import rule
from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.kernel.geometry.adjacency import Neighbours, neighbours, pairs_of_equal_key, shared_stretches
from kunyu.kernel.tolerances import TOPOLOGY_TOLERANCE_M
from kunyu.packs.land_survey.quality.slivers import sound_shapes

OWN_TO_A_PARCEL = frozenset({"BSM", "TBYBH", "TBBH", "TBMJ", "KCMJ", "TBDLMJ", "XZDWKD", "BZ"})
"""Fields that differ between two halves of one parcel too: numbers, areas, remarks, a width measured on each part."""
LEAST_SHARED_M = 0.05
"""Parcels that share less than this touch in a corner."""
LARGEST_MERGED_M2 = 1_000_000.0
"""Parcels that would be larger than this together may stay apart."""
WIDTH_CHANGE = 0.2
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
Keys = NDArray[np.uint64]


@rule(
    "Q310", clause="TD/T 1057-2020 图斑划分: 相邻同属性图斑应合并", severity="Q", scope="G", unit="m", needs=("DLTB",),
    name_zh="属性相同的相邻图斑已合并", name_en="Neighbouring parcels of equal attributes are one",
)  # fmt: skip
def equal_neighbours_are_merged(delivery: Delivered) -> Iterator[Finding]:
    """No two parcels that share an edge agree in every attribute.

    Not compared: numbers (BSM, TBYBH, TBBH), areas (TBMJ, KCMJ, TBDLMJ), remarks (BZ). ZLDWDM and QSDWDM are compared,
    so parcels of different places or owners may stay apart; so may parcels that together exceed 1,000,000 m², and
    linear features whose widths (XZDWKD) differ by more than a fifth. These two limits are ours, not confirmed. A
    common stretch below 0.05 m is a touch; parcels that overlap without an edge in common are Q303's business.
    """
    layer = delivery.layers["DLTB"]
    if not layer.has("DLBM") or not len(layer):
        return
    tolerance = TOPOLOGY_TOLERANCE_M / layer.metres_per_unit
    shapes = sound_shapes(layer)
    left, right = pairs_of_equal_key(shapes, attribute_keys(layer), tolerance)
    kept = _should_merge(layer, shapes, left, right)
    least = LEAST_SHARED_M / layer.metres_per_unit
    yield from _report(delivery, layer, neighbours(shapes, left[kept], right[kept], least, tolerance), tolerance)


def attribute_keys(layer: DeliveredLayer) -> Keys:
    """Return a number per row that is equal where every compared attribute is (null and blank are one)."""
    key = np.zeros(len(layer), np.uint64)
    for spec in layer.spec.fields:
        if spec.code in OWN_TO_A_PARCEL or not layer.has(spec.code):
            continue
        column = layer.arrow(spec.code).combine_chunks()
        if pa.types.is_string(column.type):
            column = pc.if_else(pc.equal(column, ""), None, column)
        codes = column.dictionary_encode().indices.fill_null(-1).to_numpy().astype(np.int64)
        key = _mixed(key + _mixed(codes.view(np.uint64) + _GOLDEN))
    return key


def _mixed(value: Keys) -> Keys:
    """Spread the bits of a number over all of it (splitmix64)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def _should_merge(
    layer: DeliveredLayer, shapes: NDArray[np.object_], left: NDArray[np.intp], right: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Say which pairs no exception keeps apart."""
    asked, at = np.unique(np.r_[left, right], return_inverse=True)
    if layer.is_geographic:
        areas = ellipsoidal_area(shapes[asked], layer.crs or "EPSG:4490")
    else:
        areas = shapely.area(shapes[asked]) * layer.metres_per_unit**2
    merge = areas[at[: len(left)]] + areas[at[len(left) :]] <= LARGEST_MERGED_M2
    if layer.has("XZDWKD"):
        width = layer.numbers("XZDWKD", missing=0.0)
        wide, narrow = np.maximum(width[left], width[right]), np.minimum(width[left], width[right])
        merge &= (narrow <= 0) | (wide - narrow <= WIDTH_CHANGE * wide)
    return np.asarray(merge)


def _report(delivery: Delivered, layer: DeliveredLayer, found: Neighbours, tolerance: float) -> Iterator[Finding]:
    report = Reporter(equal_neighbours_are_merged, delivery, layer)
    shapes, ids = layer.geometry, layer.ids
    left, right = found.left[:MOST_FINDINGS], found.right[:MOST_FINDINGS]
    stretches = shared_stretches(shapes[left], shapes[right], tolerance)
    lengths = np.round(shapely.length(stretches) * layer.metres_per_unit, 3).tolist()
    pairs = [tuple(sorted((str(ids[a]), str(ids[b])))) for a, b in zip(left, right, strict=True)]
    classes = layer.arrow("DLBM").take(pa.array(left)).to_pylist()
    yield from report.groups(
        pairs, stretches, measured=lengths, limit=0,
        zh=[f"DLTB: 图斑 {a} 与 {b} 相邻 {length:.3f} m, 地类 {kind} 等属性全部相同, 应合并" for (a, b), length, kind in
            zip(pairs, lengths, classes, strict=True)],
        en=[f"DLTB: parcels {a} and {b} share {length:.3f} m and agree in every attribute (class {kind}): one parcel"
            for (a, b), length, kind in zip(pairs, lengths, classes, strict=True)],
        remedy="合并为一个图斑, 或补充使两者不同的属性",
    )  # fmt: skip
    more = len(found) - len(pairs)
    if more:
        yield report.table(
            measured=more, limit=0, unit="对", remedy="合并相邻同属性图斑",
            zh=f"DLTB: 另有 {more} 对相邻同属性图斑未逐条列出",
            en=f"DLTB: {more} more pairs of equal neighbours are not listed one by one",
        )  # fmt: skip
