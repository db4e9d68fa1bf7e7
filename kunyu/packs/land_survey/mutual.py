"""Does the survey agree with itself across versions, with approvals and with its neighbours? 国土调查与其他数据相互印证.

Rules V1xx; ids are this product's. Every rule yields contradictions to look at, none refuses anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import shapely

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.verification.onemap import OneMap, Pick, Places
from kunyu.engines.ingest.verification.rule import Contradiction, confidence_of, mutual

PARCELS, SLOPES, BUILT, GRADES = "10401-003", "10401-004", "10401-005", "10504-001"
UNBUILT = "10401-006.PZWJSTD"
IDLE = "1201"
LINEAR = ("1001", "1003", "1101", "1107")
"""Railways, highways, rivers and ditches do not end at a county's boundary."""
EDGE_REACH_M, SHORTEST_EDGE_M = 1.0, 3.0
EDGE_CONFIDENCE = 0.5
"""A road may end at a boundary, seldom: half of what a measured overlap would have. [design]"""
CLEAR_MAJORITY = 0.05
"""Shares of slope classes nearer to each other than this are a matter of how they were measured. [design]"""


def construction() -> tuple[str, ...]:
    """Land classes of construction (三大类 建设用地)."""
    rows = load_standard("TDT1057-2020").conversions["DLBM_SDL"].rows
    return tuple(sorted({row.source for row in rows if row.target == "JSYD"}))


def surveyed(fields: tuple[str, ...], where: str, *parameters: object) -> Pick:
    """Parcels of the survey with a condition on their columns."""
    return Pick(PARCELS, fields, where, tuple(parameters))


def overlap(maps: OneMap, found: Places, at: int, apart: int) -> dict[str, Any]:
    """What a contradiction says of place ``at``: its shape, area and confidence."""
    return {
        "geometry": found.geometry[at], "measured": round(float(found.area_m2[at]), 2),
        "limit": maps.parameters.least_m2,
        "confidence": confidence_of(float(found.width_m[at]), maps.parameters.accuracy_m, apart),
    }  # fmt: skip


@mutual(
    "V101", clause="TD/T 1057-2020 城镇村等用地", severity="Q", needs=(PARCELS, BUILT),
    name_zh="城镇村等用地与图斑属性码一致", name_en="Built-up areas agree with the parcels' settlement codes",
    remedy_zh="核对 CZCDYD 的类型与图斑的城镇村属性码, 两层应同版更新",
)  # fmt: skip
def built_up_areas_agree_with_parcels(maps: OneMap) -> Iterator[Contradiction]:
    """A parcel with CZCSXM lies in built-up areas of that type, and nowhere outside them, also when versions differ."""
    marked = surveyed(("CZCSXM",), "\"CZCSXM\" <> ''")
    apart = maps.days_apart(PARCELS, BUILT)
    found = maps.crossing(marked, Pick(BUILT, ("CZCLX",)), '"P_CZCSXM" IS DISTINCT FROM "Z_CZCLX"')
    for at, row in enumerate(found.rows.itertuples(index=False)):
        said = overlap(maps, found, at, apart)
        yield Contradiction(
            (row.id, row.zone), message_zh=f"图斑 {row.id} 属性码 {row.P_CZCSXM}, 所在城镇村等用地 {row.zone} 为 {row.Z_CZCLX}, "
            f"重叠 {said['measured']:.2f} m²",
            message_en=f"parcel {row.id} says {row.P_CZCSXM}, the built-up area {row.zone} is {row.Z_CZCLX}, "
            f"{said['measured']:.2f} m² in common", **said,
        )  # fmt: skip
    outside = maps.uncovered(marked, Pick(BUILT))
    for at, row in enumerate(outside.rows.itertuples(index=False)):
        said = overlap(maps, outside, at, apart)
        yield Contradiction(
            (row.id,), message_zh=f"图斑 {row.id} 属性码 {row.P_CZCSXM}, 有 {said['measured']:.2f} m² 不在城镇村等用地内",
            message_en=f"parcel {row.id} says {row.P_CZCSXM}, {said['measured']:.2f} m² lie in no built-up area", **said,
        )  # fmt: skip


@mutual(
    "V102", clause="TD/T 1057-2020 批准未建设土地", severity="Q", needs=(PARCELS, UNBUILT),
    name_zh="批准未建设土地尚未建设", name_en="Land approved and not built is not built",
    remedy_zh="实地核查; 已建设的从批准未建设土地层移出",
)  # fmt: skip
def approved_land_is_not_built_yet(maps: OneMap) -> Iterator[Contradiction]:
    """A parcel of a construction class other than idle land (1201) lies on land that is said to be approved and unbuilt."""
    built = surveyed(("DLBM",), '"DLBM" = ANY(%s::text[])', [one for one in construction() if one != IDLE])
    found = maps.crossing(built, Pick(UNBUILT, ("PZWH",)))
    for at, row in enumerate(found.rows.itertuples(index=False)):
        said = overlap(maps, found, at, maps.days_apart(PARCELS, UNBUILT))
        yield Contradiction(
            (row.id, row.zone), message_zh=f"批准未建设土地 {row.zone} ({row.Z_PZWH or '无文号'}) 上图斑 {row.id} 已为 {row.P_DLBM}, "
            f"{said['measured']:.2f} m²",
            message_en=f"on {row.zone}, approved and unbuilt, parcel {row.id} is {row.P_DLBM} already, "
            f"{said['measured']:.2f} m²", **said,
        )  # fmt: skip


@mutual(
    "V103", clause="TD/T 1055-2019 耕地坡度分级", severity="Q", needs=(PARCELS, SLOPES), unit="%",
    name_zh="耕地坡度级别与坡度图一致", name_en="Slope classes of fields follow the slope map",
    remedy_zh="按坡度图面积最大的级别改正 GDPDJB",
)  # fmt: skip
def slope_classes_follow_the_slope_map(maps: OneMap) -> Iterator[Contradiction]:
    """A field's GDPDJB is the slope class with most of its area; classes within 5 % of each other are let pass."""
    fields = surveyed(("GDPDJB",), "left(\"DLBM\", 2) = '01' AND \"GDPDJB\" <> ''")
    found = maps.crossing(fields, Pick(SLOPES, ("PDJB",)), met='NOT inside OR "P_GDPDJB" IS DISTINCT FROM "Z_PDJB"')
    if not len(found):
        return
    table = found.rows.assign(area=found.area_m2, at=np.arange(len(found)))
    shares = table.groupby(["id", "Z_PDJB"], as_index=False).agg(area=("area", "sum"), stated=("P_GDPDJB", "first"))
    shares["share"] = shares["area"] / shares.groupby("id")["area"].transform("sum")
    shares = shares.sort_values(["id", "share", "Z_PDJB"], ascending=[True, False, True], kind="stable")
    largest = shares.drop_duplicates("id").set_index("id")
    own = shares[shares["Z_PDJB"] == shares["stated"]].set_index("id")["share"]
    largest["own"] = own.reindex(largest.index).fillna(0.0)
    wrong = largest[(largest["Z_PDJB"] != largest["stated"]) & (largest["share"] - largest["own"] > CLEAR_MAJORITY)]
    places = _joined(table, found, wrong["Z_PDJB"])
    for row in wrong.itertuples():
        share, mine = round(100 * row.share, 2), round(100 * row.own, 2)
        zones, shape = places[str(row.Index)]
        yield Contradiction(
            (str(row.Index), *zones), shape, share, mine,
            f"图斑 {row.Index} 坡度级别 {row.stated} (占 {mine:.2f}%), 坡度图以 {row.Z_PDJB} 级最多 (占 {share:.2f}%)",
            f"parcel {row.Index} says slope class {row.stated} ({mine:.2f} %), the slope map has most of class {row.Z_PDJB} "
            f"({share:.2f} %)",
            round(min(1.0, max(0.05, row.share - row.own)), 2),
        )  # fmt: skip


def _joined(
    table: pd.DataFrame, found: Places, classes: pd.Series
) -> dict[str, tuple[tuple[str, ...], shapely.Geometry]]:
    """By parcel: the slope polygons of its largest class, and what of the parcel they cover."""
    chosen = table[table["Z_PDJB"] == table["id"].map(classes)]
    return {
        str(key): (tuple(sorted(some["zone"])), shapely.union_all(found.geometry[some["at"].to_numpy()]))
        for key, some in chosen.groupby("id")
    }


@mutual(
    "V104", clause="TD/T 1057-2020 耕地等别", severity="Q", needs=(PARCELS, GRADES), unit="等",
    name_zh="耕地等别与等别成果一致", name_en="Grades of fields agree with the layer of grades",
    remedy_zh="按耕地等别成果改正图斑的 GDDB, 或更新等别成果",
)  # fmt: skip
def grades_agree(maps: OneMap) -> Iterator[Contradiction]:
    """DLTB.GDDB equals LYD (国家利用等, rounded) of the grading unit it lies in. That LYD is the grade meant was recalled."""
    fields = surveyed(("GDDB",), 'left("DLBM", 2) = \'01\' AND "GDDB" IS NOT NULL')
    units = Pick(GRADES, ("LYD",), '"LYD" IS NOT NULL')
    found = maps.crossing(fields, units, '"P_GDDB" <> round("Z_LYD")')
    for at, row in enumerate(found.rows.itertuples(index=False)):
        said = overlap(maps, found, at, maps.days_apart(PARCELS, GRADES))
        yield Contradiction(
            (row.id, row.zone), **(said | {"measured": int(row.P_GDDB), "limit": float(row.Z_LYD)}),
            message_zh=f"图斑 {row.id} 等别 {row.P_GDDB}, 等别单元 {row.zone} 利用等 {row.Z_LYD:g}, 重叠 {found.area_m2[at]:.2f} m²",
            message_en=f"parcel {row.id} says grade {row.P_GDDB}, grading unit {row.zone} has {row.Z_LYD:g}, "
            f"{found.area_m2[at]:.2f} m² in common",
        )  # fmt: skip


@mutual(
    "V105", clause="TD/T 1055-2019 接边", severity="W", needs=(PARCELS,), unit="m", neighbours=True,
    name_zh="线状地类在县界两侧接续", name_en="Linear classes go on across the county's boundary",
    remedy_zh="与邻县核对接边处的地类",
)  # fmt: skip
def linear_classes_cross_the_boundary(maps: OneMap) -> Iterator[Contradiction]:
    """A railway, highway, river or ditch that meets the boundary for 3 m or more has its like within 1 m beyond it.

    Listed, not judged: a class may end there. Both directions are asked, each by the county that is verified.
    """
    own = surveyed(("DLBM",), 'left("DLBM", 4) = ANY(%s::text[])', list(LINEAR))
    others = Pick(PARCELS, ("DLBM",), neighbours=True)
    met = maps.edges_met(own, others, EDGE_REACH_M)
    if met.empty:
        return
    like = met["P_DLBM"].str[:4] == met["Z_DLBM"].str[:4]
    going_on = set(met.loc[like, "id"])
    ending = met[~met["id"].isin(going_on) & (met["length_m"] >= SHORTEST_EDGE_M)]
    for row in ending.sort_values(["id", "other"]).itertuples(index=False):
        yield Contradiction(
            (row.id, row.other), row.shape, round(float(row.length_m), 2), SHORTEST_EDGE_M,
            f"图斑 {row.id} ({row.P_DLBM}) 在县界处中断, 对侧图斑 {row.other} 为 {row.Z_DLBM}, 相接 {row.length_m:.2f} m",
            f"parcel {row.id} ({row.P_DLBM}) ends at the boundary; beyond lies {row.other} ({row.Z_DLBM}), "
            f"{row.length_m:.2f} m in common",
            EDGE_CONFIDENCE,
        )  # fmt: skip
