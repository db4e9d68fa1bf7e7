"""Rules about mineral plans: M101 to M104. 矿产资源规划.

The facts at hand name three contents (zones, mining blocks, exploration blocks), the layout of mining right numbers, and
that a right may not overlap another or lie in a red line. Which kind of zone admits which block was recalled.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.reference import control_line
from kunyu.engines.ingest.checks.rule import Part, rule
from kunyu.kernel.geometry import overlay
from kunyu.kernel.geometry.prepared import prepared
from kunyu.packs.spatial_planning.quality.lines import texts
from kunyu.packs.spatial_planning.quality.shapes import (
    LINE_TOLERANCE_M2,
    areal,
    common,
    known,
    pair_ids,
    square_metres,
    tolerance,
)

MINERALS = ("MNR-MINERAL-PLAN",)
BLOCKS = ("KFGHQK", "KCGHQK")
ADMITS = {"KFGHQK": ("JD", "GK", "KF"), "KCGHQK": ("JD", "GK", "KC")}
"""Kinds of zone (FQLX) that admit a mining or an exploration block. [design]"""
FORBIDDING = {"STBHHX": "生态保护红线", "YJJBNT": "永久基本农田"}
NUMBERS = (
    r"T\d{2}[1-5](?:19|20)\d{2}(?:0[1-9]|1[0-2])0[1-4]\d{6}", r"D\d{2}0(?:19|20)\d{2}(?:0[1-9]|1[0-2])00\d{6}",
    r"[TC]\d{6}(?:19|20)\d{2}(?:0[1-9]|1[0-2])\d{10}",
)  # fmt: skip
"""18-digit exploration numbers (国土资发〔2007〕294号), geological survey numbers, 23-digit numbers since 2020-07-10."""


@rule(
    "M101", clause="自然资办发〔2020〕32号; 国土资发〔2007〕294号", severity="Z", scope="F", needs=("|".join(BLOCKS),),
    standards=MINERALS,
    name_zh="矿业权号符合编码规则", name_en="Mining right numbers follow their layout",
)  # fmt: skip
def right_numbers_follow_their_layout(delivery: Delivered) -> Iterator[Finding]:
    """KYQH, where stated, is T, D or C with 17 or 22 digits: issuing authority, year and month, kind, serial number.

    The meaning of digits 15 and 16 of the 23-digit number is not confirmed, so they are only asked to be digits.
    """
    for layer in _blocks(delivery):
        numbers = texts(layer, "KYQH")
        good = np.zeros(len(layer), bool)
        for one in NUMBERS:
            good |= numbers.str.fullmatch(one).to_numpy(dtype=bool)
        rows = np.flatnonzero((numbers != "").to_numpy(dtype=bool) & ~good)
        yield from Reporter(right_numbers_follow_their_layout, delivery, layer).rows(
            rows, measured=[numbers[row] for row in rows], limit="T/D+17位 或 T/C+22位", unit="",
            remedy="按许可证核对矿业权号",
            zh=[f"{layer.code} {layer.ids[row]}: 矿业权号 {numbers[row]} 不符合编码规则" for row in rows],
            en=[f"{layer.code} {layer.ids[row]}: {numbers[row]} is no mining right number" for row in rows],
        )  # fmt: skip


@rule(
    "M102", clause="矿产资源规划 分区管理", severity="Q", scope="X", unit="m²", needs=("KCGHFQ", "|".join(BLOCKS)),
    standards=MINERALS,
    name_zh="规划区块在相应分区之内", name_en="Blocks lie in zones of the right kind",
)  # fmt: skip
def blocks_lie_in_their_zones(delivery: Delivered) -> Iterator[Finding]:
    """At most 1 m² of a block lies outside zones that admit it: mining JD, GK, KF; exploration JD, GK, KC."""
    zones = delivery.layers["KCGHFQ"]
    kinds = texts(zones, "FQLX")
    for layer in _blocks(delivery):
        right = areal(zones, layer.crs).of(kinds.isin(list(ADMITS[layer.code])).to_numpy(dtype=bool))
        whole = overlay.union(right.shapes, tolerance(layer))
        blocks = areal(layer)
        out = np.flatnonzero(~shapely.covers(prepared(whole), blocks.shapes))
        beyond = overlay.difference(blocks.shapes[out], whole, tolerance(layer))
        areas = square_metres(layer, beyond)
        bad = np.flatnonzero(areas > LINE_TOLERANCE_M2)
        rows = blocks.rows[out[bad]]
        wanted = " / ".join(ADMITS[layer.code])
        yield from Reporter(blocks_lie_in_their_zones, delivery, layer).rows(
            rows, geometry=beyond[bad], measured=areas[bad].tolist(), limit=LINE_TOLERANCE_M2,
            remedy="调整区块范围, 或核对规划分区",
            zh=[f"{layer.code} {layer.ids[row]}: {area:.2f} m² 不在分区 {wanted} 之内" for row, area in
                zip(rows, areas[bad], strict=True)],
            en=[f"{layer.code} {layer.ids[row]}: {area:.2f} m² lie outside zones {wanted}" for row, area in
                zip(rows, areas[bad], strict=True)],
        )  # fmt: skip


@rule(
    "M103", clause="矿业权出让登记: 不与已有矿业权重叠", severity="Z", scope="X", unit="m²", needs=("|".join(BLOCKS),),
    standards=MINERALS,
    name_zh="同矿种区块不重叠", name_en="Blocks of one mineral do not overlap",
)  # fmt: skip
def blocks_of_one_mineral_do_not_overlap(delivery: Delivered) -> Iterator[Finding]:
    """Two blocks of a layer with the same KZMC share at most 1 m²."""
    for layer in _blocks(delivery):
        minerals = texts(layer, "KZMC")
        blocks = areal(layer)
        found = common(layer, blocks.shapes, blocks.shapes)
        one, other = blocks.rows[found.left], blocks.rows[found.right]
        same = (minerals.to_numpy()[one] == minerals.to_numpy()[other]) & (one < other)
        ids = pair_ids(layer, one[same], layer, other[same])
        areas = found.area_m2[same]
        yield from Reporter(blocks_of_one_mineral_do_not_overlap, delivery, layer).groups(
            ids, found.geometry[same], measured=areas.tolist(), limit=LINE_TOLERANCE_M2, remedy="调整区块边界",
            zh=[f"{layer.code}: {a} 与 {b} 重叠 {area:.2f} m²" for (a, b), area in zip(ids, areas, strict=True)],
            en=[f"{layer.code}: {a} and {b} overlap by {area:.2f} m²" for (a, b), area in zip(ids, areas, strict=True)],
        )  # fmt: skip


@rule(
    "M104", clause="矿业权出让登记: 不在禁止区内", severity="Z", scope="X", unit="m²",
    needs=("|".join(BLOCKS), "|".join(f"ref:{control_line(code)}" for code in FORBIDDING)), standards=MINERALS,
    optional_parts=tuple(Part(code, (f"ref:{control_line(code)}",)) for code in FORBIDDING),
    name_zh="区块不在红线与永久基本农田内", name_en="Blocks keep off red lines and permanent farmland",
)  # fmt: skip
def blocks_keep_off_forbidding_lines(delivery: Delivered) -> Iterator[Finding]:
    """A block shares at most 1 m² with a stored red line or permanent farmland. Whether it is an exception is not asked."""
    assert delivery.reference is not None  # the rule's needs
    for layer in _blocks(delivery):
        blocks = areal(layer)
        for code, name in FORBIDDING.items():
            if not delivery.reference.has(control_line(code)):
                continue
            lines = known(delivery, control_line(code), layer)
            keys = delivery.reference.rows(control_line(code)).column("BSM").to_pylist()
            found = common(layer, blocks.shapes, lines.shapes)
            ids: list[tuple[str, ...]] = [(str(layer.ids[a]), str(keys[b])) for a, b in
                   zip(blocks.rows[found.left], lines.rows[found.right], strict=True)]  # fmt: skip
            yield from Reporter(blocks_keep_off_forbidding_lines, delivery, layer).groups(
                ids, found.geometry, measured=found.area_m2.tolist(), limit=LINE_TOLERANCE_M2,
                remedy="调出重叠部分, 或附批准文件",
                zh=[f"{layer.code} {a} 与{name} {b} 重叠 {area:.2f} m²" for (a, b), area in
                    zip(ids, found.area_m2, strict=True)],
                en=[f"{layer.code} {a} overlaps {code} {b} by {area:.2f} m²" for (a, b), area in
                    zip(ids, found.area_m2, strict=True)],
            )  # fmt: skip


def _blocks(delivery: Delivered) -> Iterator[DeliveredLayer]:
    return (delivery.layers[code] for code in BLOCKS if code in delivery.layers)
