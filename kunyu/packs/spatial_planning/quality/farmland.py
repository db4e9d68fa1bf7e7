"""Rules about permanent basic farmland: F101 to F106. 永久基本农田."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.reference import base
from kunyu.engines.ingest.checks.rule import rule
from kunyu.packs.spatial_planning.quality.geometry import CONTROL
from kunyu.packs.spatial_planning.quality.lines import texts
from kunyu.packs.spatial_planning.quality.shapes import LINE_TOLERANCE_M2, areal, common, known

LAW = "《土地管理法》(2019) 第三十五条"
CULTIVATED = "01"
RESTORABLE = ("0201K", "0202K", "0203K", "0204K", "0301K", "0302K", "0307K", "0403K", "1104K")
"""Land under crops that can be turned back at once (可调整地类): farmland drawn before the rules changed keeps it. [design]"""
OCCUPIED, ADDED = "ZY", "BH"
CENT_M2 = 0.01
_FLOAT_NOISE = 1e-6


def allowed(classes: pd.Series) -> NDArray[np.bool_]:
    """Which land classes permanent farmland may lie on."""
    return np.asarray((classes.str.startswith(CULTIVATED) | classes.isin(list(RESTORABLE))).to_numpy(dtype=bool))


@rule(
    "F101", clause=LAW, severity="Z", scope="F", needs=("YJJBNT|YJJBNTBH",), standards=CONTROL,
    name_zh="永久基本农田的地类为耕地", name_en="Permanent farmland states a class it may lie on",
)  # fmt: skip
def permanent_farmland_states_an_allowed_class(delivery: Delivered) -> Iterator[Finding]:
    """DLBM of YJJBNT, and of what is added (YJJBNTBH), is 01xx or a restorable class (K); blank is left to Q203."""
    for code in ("YJJBNT", "YJJBNTBH"):
        layer = delivery.layers.get(code)
        if layer is None or not layer.has("DLBM"):
            continue
        classes = texts(layer, "DLBM")
        wrong = (classes != "").to_numpy(dtype=bool) & ~allowed(classes)
        if code == "YJJBNTBH":
            wrong &= (texts(layer, "BHLX") == ADDED).to_numpy(dtype=bool)
        rows = np.flatnonzero(wrong)
        yield from Reporter(permanent_farmland_states_an_allowed_class, delivery, layer).rows(
            rows, measured=[classes[row] for row in rows], limit="01xx, xxxxK", unit="",
            remedy="调出永久基本农田, 或改正地类",
            zh=[f"{code} {layer.ids[row]}: 地类 {classes[row]} 不能划为永久基本农田" for row in rows],
            en=[f"{code} {layer.ids[row]}: class {classes[row]} cannot be permanent farmland" for row in rows],
        )  # fmt: skip


@rule(
    "F102", clause=LAW, severity="Z", scope="X", unit="m²", needs=("YJJBNT", f"ref:{base('DLTB')}"), standards=CONTROL,
    name_zh="永久基本农田的现状为耕地", name_en="The survey has cultivated land where permanent farmland is drawn",
)  # fmt: skip
def the_survey_has_fields_there(delivery: Delivered) -> Iterator[Finding]:
    """A polygon of YJJBNT shares at most 1 m² with a stored parcel (DLTB) of a class it may not lie on."""
    layer = delivery.layers["YJJBNT"]
    assert delivery.reference is not None  # the rule's needs
    survey = delivery.reference.rows(base("DLTB"))
    classes = pd.Series(survey.column("DLBM").to_pandas(), dtype="string[pyarrow]").fillna("").str.strip()
    parcels = known(delivery, base("DLTB"), layer).of((classes != "").to_numpy(dtype=bool) & ~allowed(classes))
    fields = areal(layer)
    found = common(layer, fields.shapes, parcels.shapes)
    mine, theirs = fields.rows[found.left], parcels.rows[found.right]
    keys = survey.column("BSM").to_pylist()
    ids: list[tuple[str, ...]] = [(str(layer.ids[a]), str(keys[b])) for a, b in zip(mine, theirs, strict=True)]
    yield from Reporter(the_survey_has_fields_there, delivery, layer).groups(
        ids, found.geometry, measured=found.area_m2.tolist(), limit=LINE_TOLERANCE_M2,
        remedy="核实现状; 非耕地应调出并补划",
        zh=[f"永久基本农田 {a} 内图斑 {b} 为 {classes[row]}, {area:.2f} m²" for (a, b), row, area in
            zip(ids, theirs, found.area_m2, strict=True)],
        en=[f"YJJBNT {a} holds {area:.2f} m² of parcel {b}, class {classes[row]}" for (a, b), row, area in
            zip(ids, theirs, found.area_m2, strict=True)],
    )  # fmt: skip


@rule(
    "F103", clause="市级国土空间总体规划数据库规范(试行) YJJBNT", severity="Z", scope="F", unit="m²", needs=("YJJBNT",),
    standards=CONTROL,
    name_zh="永久基本农田面积不大于图斑面积", name_en="The farmland area is no more than the parcel's",
)  # fmt: skip
def farmland_area_is_within_the_parcels(delivery: Delivered) -> Iterator[Finding]:
    """JBNTMJ ≤ TBMJ + 0.01 m²."""
    layer = delivery.layers["YJJBNT"]
    if not (layer.has("TBMJ") and layer.has("JBNTMJ")):
        return
    whole, part = layer.numbers("TBMJ"), layer.numbers("JBNTMJ")
    rows = np.flatnonzero(np.nan_to_num(part - whole) > CENT_M2 + _FLOAT_NOISE)
    yield from Reporter(farmland_area_is_within_the_parcels, delivery, layer).rows(
        rows, measured=part[rows].tolist(), limit=whole[rows].tolist(), remedy="重新计算 JBNTMJ",
        zh=[f"YJJBNT {layer.ids[row]}: 永久基本农田面积 {part[row]:.2f} m² 大于图斑面积 {whole[row]:.2f} m²" for row in rows],
        en=[f"YJJBNT {layer.ids[row]}: farmland area {part[row]:.2f} m² exceeds the parcel's {whole[row]:.2f} m²"
            for row in rows],
    )  # fmt: skip


@rule(
    "F104", clause="市级国土空间总体规划数据库规范(试行) YJJBNT", severity="Z", scope="T", needs=("YJJBNT",),
    standards=CONTROL,
    name_zh="永久基本农田图斑编号唯一", name_en="Farmland parcel numbers are unique",
)  # fmt: skip
def farmland_numbers_are_unique(delivery: Delivered) -> Iterator[Finding]:
    """No JBNTTBBH stands twice in a division (XZQDM)."""
    layer = delivery.layers["YJJBNT"]
    if not layer.has("JBNTTBBH"):
        return
    numbers, divisions = texts(layer, "JBNTTBBH"), texts(layer, "XZQDM")
    twice = pd.DataFrame({"n": numbers, "d": divisions}).duplicated(keep=False) & (numbers != "")
    rows = np.flatnonzero(twice.to_numpy(dtype=bool))
    groups: dict[tuple[str, str], list[int]] = {}
    for row in rows.tolist():
        groups.setdefault((divisions[row], numbers[row]), []).append(row)
    ids = [tuple(sorted(str(layer.ids[row]) for row in some)) for some in groups.values()]
    places = layer.points(np.array([some[0] for some in groups.values()], np.intp))
    yield from Reporter(farmland_numbers_are_unique, delivery, layer).groups(
        ids, places, measured=[len(some) for some in groups.values()], limit=1, remedy="改正重复的图斑编号",
        zh=[f"YJJBNT: 图斑编号 {number} 在 {division} 出现 {len(some)} 次" for (division, number), some in groups.items()],
        en=[f"YJJBNT: number {number} stands {len(some)} times in {division}" for (division, number), some in
            groups.items()],
    )  # fmt: skip


@rule(
    "F105", clause=LAW + " 占用须补划, 数量不减", severity="S", scope="X", unit="m²", needs=("YJJBNTBH",),
    standards=CONTROL,
    name_zh="补划数量不少于占用", name_en="No less farmland is added than occupied",
)  # fmt: skip
def no_less_is_added_than_occupied(delivery: Delivered) -> Iterator[Finding]:
    """Σ MJ of what is added (BH) ≥ Σ MJ of what is occupied (ZY), to 0.01 m²."""
    layer = delivery.layers["YJJBNTBH"]
    occupied, added = (_of_kind(layer, kind) for kind in (OCCUPIED, ADDED))
    areas = layer.numbers("MJ", missing=0.0)
    taken, given = round(float(areas[occupied].sum()), 2), round(float(areas[added].sum()), 2)
    if not occupied.any() or given >= taken - CENT_M2 - _FLOAT_NOISE:
        return
    yield Reporter(no_less_is_added_than_occupied, delivery, layer).table(
        measured=given, limit=taken, remedy="增加补划面积", ids=tuple(sorted(str(one) for one in layer.ids[occupied])),
        zh=f"永久基本农田占用 {taken:.2f} m², 补划 {given:.2f} m², 少 {taken - given:.2f} m²",
        en=f"{taken:.2f} m² of permanent farmland are occupied, {given:.2f} m² added: {taken - given:.2f} m² too few",
    )  # fmt: skip


@rule(
    "F106", clause=LAW + " 占用须补划, 质量不降", severity="S", scope="X", unit="等", needs=("YJJBNTBH",),
    standards=CONTROL,
    name_zh="补划质量不低于占用", name_en="No worse farmland is added than occupied",
)  # fmt: skip
def no_worse_is_added_than_occupied(delivery: Delivered) -> Iterator[Finding]:
    """The mean grade (GDDB, by area; 1 is best) of what is added is no higher than that of what is occupied.

    Asked where both sides state their grades in full.
    """
    layer = delivery.layers["YJJBNTBH"]
    if not layer.has("GDDB"):
        return
    occupied, added = (_of_kind(layer, kind) for kind in (OCCUPIED, ADDED))
    grades, areas = layer.numbers("GDDB"), layer.numbers("MJ", missing=0.0)
    both = occupied | added
    if not (occupied.any() and added.any()) or np.isnan(grades[both]).any():
        return
    if areas[occupied].sum() <= 0 or areas[added].sum() <= 0:
        return
    taken, given = (float(np.average(grades[some], weights=areas[some])) for some in (occupied, added))
    if given <= taken + _FLOAT_NOISE:
        return
    worse = added & (grades > taken)
    yield Reporter(no_worse_is_added_than_occupied, delivery, layer).table(
        measured=round(given, 4), limit=round(taken, 4), remedy="换用等别更高的耕地补划",
        ids=tuple(sorted(str(one) for one in layer.ids[worse])),
        zh=f"补划耕地平均 {given:.4f} 等, 占用耕地平均 {taken:.4f} 等, 质量降低",
        en=f"the mean grade added is {given:.4f}, that occupied {taken:.4f}: quality falls",
    )  # fmt: skip


def _of_kind(layer: DeliveredLayer, kind: str) -> NDArray[np.bool_]:
    return np.asarray((texts(layer, "BHLX") == kind).to_numpy(dtype=bool))
