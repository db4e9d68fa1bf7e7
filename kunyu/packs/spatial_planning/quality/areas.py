"""Rules about stated areas and the indicator table: P501, P502. 面积与指标."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.rule import rule
from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.kernel.tolerances import SQUARE_METRES_PER_HECTARE, SQUARE_METRES_PER_MU
from kunyu.packs.spatial_planning.quality.geometry import CONTROL
from kunyu.packs.spatial_planning.quality.lines import texts

AREA_TOLERANCE_M2 = 100.0
"""0.01 ha: stated areas and indicators agree with the recomputation within this."""
STATED = {
    "STBHHX": "HXMJ", "YJJBNT": "TBMJ", "CZKFBJ": "MJ", "GHYDYH": "YDYHMJ", "GHFQ": "MJ", "XZYDYH": "YDYHMJ",
    "YJJBNTBH": "MJ", "KCGHFQ": "MJ", "KFGHQK": "MJ", "KCGHQK": "MJ",
}  # fmt: skip
"""The field of each layer that holds the area of its polygon."""
UNITS_M2 = {
    "m²": 1.0, "平方米": 1.0, "hm²": SQUARE_METRES_PER_HECTARE, "ha": SQUARE_METRES_PER_HECTARE,
    "公顷": SQUARE_METRES_PER_HECTARE, "km²": 1e6, "平方千米": 1e6, "平方公里": 1e6, "亩": SQUARE_METRES_PER_MU,
    "万亩": 1e4 * SQUARE_METRES_PER_MU,
}  # fmt: skip
RED_LINES, FARMLAND = "I-01", "I-03"
_FLOAT_NOISE = 1e-6


def measured_m2(layer: DeliveredLayer) -> np.ndarray:
    """Ellipsoidal areas (n,) in m²; NaN where there is no valid polygon, or it lies nowhere on Earth."""
    assert layer.crs is not None
    usable = np.isin(shapely.get_type_id(layer.geometry), (3, 6)) & layer.valid & ~layer.absurd
    areas = np.full(len(layer), np.nan)
    areas[usable] = ellipsoidal_area(layer.geometry[usable], layer.crs)
    return areas


@rule(
    "P501", clause="市级国土空间总体规划数据库规范(试行) 面积", severity="Z", scope="F", unit="m²",
    name_zh="图形面积与登记面积相符", name_en="The stated area agrees with the shape",
)  # fmt: skip
def stated_area_agrees_with_the_shape(delivery: Delivered) -> Iterator[Finding]:
    """|HXMJ, TBMJ, MJ or YDYHMJ − ellipsoidal area| ≤ 0.01 ha, where the coordinate system is known and the shape valid."""
    for layer in delivery:
        field = STATED.get(layer.code)
        if field is None or not layer.has(field) or layer.crs is None:
            continue
        stated, true = layer.numbers(field), measured_m2(layer)
        off = np.abs(stated - true)
        rows = np.flatnonzero(np.nan_to_num(off) > AREA_TOLERANCE_M2 + _FLOAT_NOISE)
        yield from Reporter(stated_area_agrees_with_the_shape, delivery, layer).rows(
            rows, measured=np.round(off[rows], 2).tolist(), limit=AREA_TOLERANCE_M2, remedy=f"按图形重新计算 {field}",
            zh=[f"{layer.code} {layer.ids[row]}: {field} {stated[row]:.2f} m², 椭球面积 {true[row]:.2f} m², 相差 "
                f"{off[row]:.2f} m²" for row in rows],
            en=[f"{layer.code} {layer.ids[row]}: {field} is {stated[row]:.2f} m², the ellipsoidal area "
                f"{true[row]:.2f} m², off by {off[row]:.2f} m²" for row in rows],
        )  # fmt: skip


@rule(
    "P502", clause="市级国土空间总体规划编制指南(试行) 规划指标表", severity="S", scope="X", unit="m²",
    needs=("GHZB", "STBHHX|YJJBNT"), standards=CONTROL,
    name_zh="指标表与图层面积一致", name_en="The indicator table agrees with the layers",
)  # fmt: skip
def indicators_agree_with_the_layers(delivery: Delivered) -> Iterator[Finding]:
    """I-01 is the area of STBHHX, I-03 the sum of YJJBNT.JBNTMJ, within 0.01 ha or half the value's last decimal.

    Other indicators need statistics that are not delivered and are passed over; so are units that are none of area.
    """
    table = delivery.layers["GHZB"]
    wanted = _recomputed(delivery)
    codes, units, values = texts(table, "ZBBM"), texts(table, "DW"), table.numbers("ZBZ")
    half = 0.5 * 10.0 ** -table.spec.field("ZBZ").decimals
    for row in np.flatnonzero(codes.isin(list(wanted)).to_numpy(dtype=bool)):  # a handful of rows
        code, unit = codes[row], UNITS_M2.get(units[row])
        if unit is None or not np.isfinite(values[row]):
            continue
        stated, true = values[row] * unit, wanted[code]
        off = abs(stated - true)
        if off <= max(AREA_TOLERANCE_M2, half * unit) + _FLOAT_NOISE:
            continue
        yield from Reporter(indicators_agree_with_the_layers, delivery, table).rows(
            np.array([row]), measured=round(stated, 2), limit=round(true, 2), remedy="按图层重新计算该指标",
            zh=f"GHZB {table.ids[row]}: 指标 {code} 为 {values[row]:g} {units[row]}, 按图层计算为 {true / unit:.4f} "
               f"{units[row]}, 相差 {off:.2f} m²",
            en=f"GHZB {table.ids[row]}: indicator {code} is {values[row]:g} {units[row]}, the layers give "
               f"{true / unit:.4f}, off by {off:.2f} m²",
        )  # fmt: skip


def _recomputed(delivery: Delivered) -> dict[str, float]:
    found: dict[str, float] = {}
    red, farmland = delivery.layers.get("STBHHX"), delivery.layers.get("YJJBNT")
    if red is not None and red.crs is not None:
        found[RED_LINES] = float(np.nansum(measured_m2(red)))
    if farmland is not None and farmland.has("JBNTMJ"):
        found[FARMLAND] = float(np.nansum(farmland.numbers("JBNTMJ")))
    return found
