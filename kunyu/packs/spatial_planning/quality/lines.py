"""Rules between the control lines, the plan and the plan above: P401 to P405, P601. 三条控制线与规划."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.reference import control_line
from kunyu.engines.ingest.checks.rule import Part, Rule, rule
from kunyu.kernel.geometry.coverage import OUTSIDE, gaps
from kunyu.packs.spatial_planning.quality.geometry import CONTROL, LINES
from kunyu.packs.spatial_planning.quality.shapes import (
    LINE_TOLERANCE_M2,
    areal,
    common,
    known,
    pair_ids,
    square_metres,
    tolerance,
)

APART = "关于在国土空间规划中统筹划定落实三条控制线的指导意见 (2019) 不交叉不重叠"
UPPER = "市级国土空间总体规划编制指南(试行) 上位规划传导"
CORE_ZONE = "JZQ"
"""CZKFBJ.GHFQDM of the concentrated construction area; only it may not meet permanent farmland."""
PLANNED_BUILDING = ("07", "08", "09", "10", "11", "12", "13", "14", "15", "16")
"""First-level classes of planned construction (24 classes of 2023), without 06 farm facilities. [design]"""
UPPER_LINES = tuple(f"ref:{control_line(code)}" for code in LINES)


def texts(layer: DeliveredLayer, field: str) -> pd.Series:
    """A text column without blanks around, '' where null or not delivered."""
    if not layer.has(field):
        return pd.Series("", index=range(len(layer)), dtype="string[pyarrow]")
    return layer.texts(field).astype("string[pyarrow]").fillna("").str.strip()


def starts_with(values: pd.Series, *prefixes: str) -> NDArray[np.bool_]:
    """Which values begin with one of the prefixes."""
    found = np.zeros(len(values), bool)
    for one in prefixes:
        found |= values.str.startswith(one).to_numpy(dtype=bool)
    return found


def _apart(
    this: Rule, delivery: Delivered, one: str, other: str, chosen: NDArray[np.bool_] | None = None,
) -> Iterator[Finding]:  # fmt: skip
    """One finding per pair of polygons of two lines that share more than 1 m²; ``chosen`` rows of ``other`` only."""
    left, right = delivery.layers[one], delivery.layers[other]
    first, second = areal(left), areal(right, left.crs)
    if chosen is not None:
        second = second.of(chosen)
    found = common(left, first.shapes, second.shapes)
    ids = pair_ids(left, first.rows[found.left], right, second.rows[found.right])
    yield from Reporter(this, delivery, left).groups(
        ids, found.geometry, measured=found.area_m2.tolist(), limit=LINE_TOLERANCE_M2,
        remedy="按三条控制线统筹划定的次序调整边界, 使两线不交叉不重叠",
        zh=[f"{left.spec.name_zh} {a} 与{right.spec.name_zh} {b} 重叠 {area:.2f} m²" for (a, b), area in
            zip(ids, found.area_m2, strict=True)],
        en=[f"{left.code} {a} and {right.code} {b} overlap by {area:.2f} m²" for (a, b), area in
            zip(ids, found.area_m2, strict=True)],
    )  # fmt: skip


@rule(
    "P401", clause=APART, severity="S", scope="X", unit="m²", needs=("STBHHX", "YJJBNT"), standards=CONTROL,
    name_zh="生态保护红线与永久基本农田不重叠", name_en="Red lines and permanent farmland do not overlap",
)  # fmt: skip
def red_lines_keep_off_permanent_farmland(delivery: Delivered) -> Iterator[Finding]:
    """STBHHX ∩ YJJBNT is empty (at most 1 m² per pair)."""
    yield from _apart(red_lines_keep_off_permanent_farmland, delivery, "STBHHX", "YJJBNT")


@rule(
    "P402", clause=APART, severity="S", scope="X", unit="m²", needs=("STBHHX", "CZKFBJ"), standards=CONTROL,
    name_zh="生态保护红线与城镇开发边界不重叠", name_en="Red lines and growth boundaries do not overlap",
)  # fmt: skip
def red_lines_keep_off_growth_boundaries(delivery: Delivered) -> Iterator[Finding]:
    """STBHHX ∩ CZKFBJ is empty (at most 1 m² per pair), every zone of the boundary."""
    yield from _apart(red_lines_keep_off_growth_boundaries, delivery, "STBHHX", "CZKFBJ")


@rule(
    "P403", clause=APART, severity="S", scope="X", unit="m²", needs=("YJJBNT", "CZKFBJ"), standards=CONTROL,
    name_zh="永久基本农田与集中建设区不重叠", name_en="Permanent farmland and concentrated construction do not overlap",
)  # fmt: skip
def farmland_keeps_off_concentrated_construction(delivery: Delivered) -> Iterator[Finding]:
    """YJJBNT ∩ CZKFBJ is empty where the zone is 集中建设区 (at most 1 m² per pair); other zones may hold farmland."""
    core = (texts(delivery.layers["CZKFBJ"], "GHFQDM") == CORE_ZONE).to_numpy(dtype=bool)
    yield from _apart(farmland_keeps_off_concentrated_construction, delivery, "YJJBNT", "CZKFBJ", core)


@rule(
    "P404", clause="《土地管理法》(2019) 第三十五条", severity="Z", scope="X", unit="m²", needs=("GHYDYH", "YJJBNT"),
    standards=CONTROL,
    name_zh="永久基本农田内不规划建设用地", name_en="No construction is planned on permanent farmland",
)  # fmt: skip
def no_construction_is_planned_on_permanent_farmland(delivery: Delivered) -> Iterator[Finding]:
    """Planned use 07 to 16 shares at most 1 m² with a polygon of YJJBNT. Whether an approval exists is not asked."""
    plan = delivery.layers["GHYDYH"]
    farmland = delivery.layers["YJJBNT"]
    classes = texts(plan, "YDYHFLDM")
    building = areal(plan).of(starts_with(classes, *PLANNED_BUILDING))
    fields = areal(farmland, plan.crs)
    found = common(plan, building.shapes, fields.shapes)
    rows = building.rows[found.left]
    ids = pair_ids(plan, rows, farmland, fields.rows[found.right])
    used = [classes[row] for row in rows]
    yield from Reporter(no_construction_is_planned_on_permanent_farmland, delivery, plan).groups(
        ids, found.geometry, measured=found.area_m2.tolist(), limit=LINE_TOLERANCE_M2,
        remedy="调整规划用途, 或按法定程序占用并补划",
        zh=[f"规划用地用海 {a} ({use}) 占永久基本农田 {b} {area:.2f} m²" for (a, b), use, area in
            zip(ids, used, found.area_m2, strict=True)],
        en=[f"GHYDYH {a} (class {use}) takes {area:.2f} m² of permanent farmland {b}" for (a, b), use, area in
            zip(ids, used, found.area_m2, strict=True)],
    )  # fmt: skip


@rule(
    "P405", clause="基数转换规则", severity="Z", scope="F", needs=("XZYDYH",), standards=CONTROL,
    name_zh="用地用海分类与地类符合基数转换", name_en="The use class follows from the land class",
)  # fmt: skip
def use_class_follows_from_the_land_class(delivery: Delivered) -> Iterator[Finding]:
    """Where DLBM and YDYHFLDM are both stated, the use class is one the base conversion allows, or a class above or below.

    K and A variants follow their main class. A land class the table does not know is passed over: Q206 asks the codes.
    """
    layer = delivery.layers["XZYDYH"]
    land, use = texts(layer, "DLBM"), texts(layer, "YDYHFLDM")
    pairs = pd.DataFrame({"land": land, "use": use})
    known_pairs = pairs.drop_duplicates()
    allowed = _conversions(delivery)
    wrong = {
        (one, other): allowed[one]
        for one, other in known_pairs.itertuples(index=False)
        if other and one in allowed and not any(to.startswith(other) or other.startswith(to) for to in allowed[one])
    }
    if not wrong:
        return
    keys = pd.MultiIndex.from_frame(pairs)
    rows = np.flatnonzero(keys.isin(list(wrong)))
    limits = [" / ".join(wrong[land[row], use[row]]) for row in rows]
    yield from Reporter(use_class_follows_from_the_land_class, delivery, layer).rows(
        rows, measured=[use[row] for row in rows], limit=limits, unit="", remedy="按基数转换规则改正用地用海分类",
        zh=[f"XZYDYH {layer.ids[row]}: 地类 {land[row]} 应转为 {limit}, 现为 {use[row]}" for row, limit in
            zip(rows, limits, strict=True)],
        en=[f"XZYDYH {layer.ids[row]}: land class {land[row]} converts to {limit}, not to {use[row]}" for row, limit in
            zip(rows, limits, strict=True)],
    )  # fmt: skip


def _conversions(delivery: Delivered) -> dict[str, tuple[str, ...]]:
    """Land class → use classes, of all periods: which day a plan's base is of is not delivered."""
    found: dict[str, tuple[str, ...]] = {}
    for row in delivery.standard.conversions["DLBM_YDYH"].rows:
        found[row.source] = (*found.get(row.source, ()), row.target)
    return found


@rule(
    "P601", clause=UPPER, severity="S", scope="X", unit="m²",
    needs=("|".join(LINES), "|".join(UPPER_LINES)), standards=CONTROL,
    optional_parts=tuple(Part(code, (code, f"ref:{control_line(code)}")) for code in LINES),
    name_zh="控制线与上级下达的一致", name_en="Control lines equal those of the plan above",
)  # fmt: skip
def lines_equal_the_upper_plans(delivery: Delivered) -> Iterator[Finding]:
    """The area in which a line differs from the stored line of the plan above is at most 1 m² in all (C-25)."""
    for code in LINES:
        layer = delivery.layers.get(code)
        if layer is None or delivery.reference is None or not delivery.reference.has(control_line(code)):
            continue
        upper = known(delivery, control_line(code), layer).shapes
        found = gaps(areal(layer).shapes, upper, tolerance(layer))
        areas = square_metres(layer, found.geometry)
        if areas.sum() <= LINE_TOLERANCE_M2:
            continue
        at = np.flatnonzero(areas > LINE_TOLERANCE_M2) if (areas > LINE_TOLERANCE_M2).any() else np.arange(len(areas))
        more = found.kind[at] == OUTSIDE
        yield from Reporter(lines_equal_the_upper_plans, delivery, layer).groups(
            [() for _ in at], found.geometry[at], measured=areas[at].tolist(), limit=LINE_TOLERANCE_M2,
            remedy="按上级下达的控制线修正",
            zh=[f"{code}: 比上级下达的{'多' if one else '少'} {areas[k]:.2f} m²" for k, one in zip(at, more, strict=True)],
            en=[f"{code}: {areas[k]:.2f} m² {'more' if one else 'less'} than the plan above has" for k, one in
                zip(at, more, strict=True)],
        )  # fmt: skip
