"""Does the land obey its plan? Survey parcels against control lines and planned use. 规划与现状相互印证.

Rules V2xx; ids are this product's, what they ask are the monitoring indicators M-01, M-02 and M-05 place by place. Each
yields contradictions to look at: whether an approval makes one lawful is not asked here.
"""

from __future__ import annotations

from collections.abc import Iterator

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.verification.onemap import OneMap, Pick, Places
from kunyu.engines.ingest.verification.rule import Contradiction, confidence_of, mutual

PARCELS = "10401-003"
RED_LINES, FARMLAND, GROWTH, PLAN = "20201-001", "10502-001", "20203-001", "20301-001"
SURVEYED_FARMLAND = "10502-001.YJJBNTTB.TDT1057-2020"
URBAN = ("201", "201A", "202", "202A")
FARM_AND_NATURE = ("01", "02", "03", "04", "05", "17")
"""Planned classes without buildings; 06 (farm facilities) and 23 (other land) are left out: their base is mixed. [design]"""
BUILDING = ("07", "08", "09", "10", "11", "12", "13", "14", "15")


def construction() -> list[str]:
    """Land classes of construction (三大类 建设用地)."""
    rows = load_standard("TDT1057-2020").conversions["DLBM_SDL"].rows
    return sorted({row.source for row in rows if row.target == "JSYD"})


def built_by_conversion() -> list[str]:
    """Land classes that the base conversion turns into a planned class of buildings only."""
    targets: dict[str, set[str]] = {}
    for row in load_standard("MNR-CONTROL-2021").conversions["DLBM_YDYH"].rows:
        targets.setdefault(row.source, set()).add(row.target[:2])
    return sorted(source for source, found in targets.items() if found <= set(BUILDING))


def _overlaps(
    maps: OneMap, found: Places, one: str, other: str, zh: str, en: str
) -> Iterator[Contradiction]:  # fmt: skip
    """One contradiction per pair; the texts may name {id}, {zone}, {code} (the parcel's class) and {area}."""
    apart = maps.days_apart(one, other)
    code = next((name for name in found.rows.columns if name.startswith("P_")), None)
    for at, row in enumerate(found.rows.to_dict("records")):
        area = round(float(found.area_m2[at]), 2)
        words = {"id": row["id"], "zone": row.get("zone", ""), "code": row[code] if code else "", "area": f"{area:.2f}"}
        yield Contradiction(
            tuple(str(row[name]) for name in ("id", "zone") if name in row), found.geometry[at], area,
            maps.parameters.least_m2, zh.format(**words), en.format(**words),
            confidence_of(float(found.width_m[at]), maps.parameters.accuracy_m, apart),
        )  # fmt: skip


@mutual(
    "V201", clause="自然资发〔2022〕142号; 监测指标 M-01", severity="Z", needs=(PARCELS, RED_LINES),
    name_zh="生态保护红线内没有建设用地", name_en="No construction land inside red lines",
    remedy_zh="核实是否属允许的有限人为活动; 否则移交执法",
)  # fmt: skip
def no_construction_inside_red_lines(maps: OneMap) -> Iterator[Contradiction]:
    """A parcel of a construction class shares no area with STBHHX (M-01)."""
    built = Pick(PARCELS, ("DLBM",), '"DLBM" = ANY(%s::text[])', (construction(),))
    yield from _overlaps(
        maps, maps.crossing(built, Pick(RED_LINES)), PARCELS, RED_LINES,
        "图斑 {id} 为建设用地 {code}, {area} m² 在生态保护红线 {zone} 内",
        "parcel {id} is construction land ({code}), {area} m² lie inside the red line {zone}",
    )  # fmt: skip


@mutual(
    "V202", clause="《土地管理法》(2019) 第三十五条; 监测指标 M-02", severity="Z", needs=(PARCELS, FARMLAND),
    name_zh="永久基本农田内都是耕地", name_en="Permanent farmland is cultivated",
    remedy_zh="核实现状; 非农化移交执法, 确需调整的按程序补划",
)  # fmt: skip
def permanent_farmland_is_cultivated(maps: OneMap) -> Iterator[Contradiction]:
    """A parcel that is neither 01xx nor restorable (…K) shares no area with YJJBNT (M-02)."""
    other = Pick(PARCELS, ("DLBM",), "left(\"DLBM\", 2) <> '01' AND right(\"DLBM\", 1) <> 'K'")
    yield from _overlaps(
        maps, maps.crossing(other, Pick(FARMLAND)), PARCELS, FARMLAND,
        "图斑 {id} 为 {code}, {area} m² 在永久基本农田 {zone} 内",
        "parcel {id} is of class {code}, {area} m² lie on permanent farmland {zone}",
    )  # fmt: skip


@mutual(
    "V203", clause="自然资发〔2023〕193号; 监测指标 M-05", severity="Z", needs=(PARCELS, GROWTH),
    name_zh="城镇用地在开发边界内", name_en="Urban land lies inside the growth boundary",
    remedy_zh="核实用地批准; 边界外不得进行城镇集中建设",
)  # fmt: skip
def urban_land_lies_inside_the_growth_boundary(maps: OneMap) -> Iterator[Contradiction]:
    """A parcel with settlement code 201 or 202 (and A) lies inside CZKFBJ, whichever its zones (M-05)."""
    urban = Pick(PARCELS, ("CZCSXM",), '"CZCSXM" = ANY(%s::text[])', (list(URBAN),))
    yield from _overlaps(
        maps, maps.uncovered(urban, Pick(GROWTH)), PARCELS, GROWTH,
        "图斑 {id} 为城镇用地 {code}, {area} m² 在开发边界外",
        "parcel {id} is urban ({code}), {area} m² lie outside the growth boundary",
    )  # fmt: skip


@mutual(
    "V204", clause="基数转换规则", severity="W", needs=(PARCELS, PLAN),
    name_zh="规划为农业或生态的土地上没有建筑", name_en="Land planned for farming or nature is not built on",
    remedy_zh="核对规划用途与现状; 需拆除复垦的列入计划",
)  # fmt: skip
def land_planned_for_nature_is_not_built_on(maps: OneMap) -> Iterator[Contradiction]:
    """A parcel whose class converts to a class of buildings alone lies where 01 to 05 or 17 is planned."""
    built = Pick(PARCELS, ("DLBM",), '"DLBM" = ANY(%s::text[])', (built_by_conversion(),))
    planned = Pick(PLAN, ("YDYHFLDM",), 'left("YDYHFLDM", 2) = ANY(%s::text[])', (list(FARM_AND_NATURE),))
    yield from _overlaps(
        maps, maps.crossing(built, planned), PARCELS, PLAN,
        "图斑 {id} 现为 {code}, {area} m² 在规划的农业或生态用地 {zone} 内",
        "parcel {id} is {code} now, {area} m² lie in {zone}, planned for farming or nature",
    )  # fmt: skip


def _farmland_of_the_survey(maps: OneMap, this: str, that: str, zh: str, en: str) -> Iterator[Contradiction]:
    yield from _overlaps(maps, maps.uncovered(Pick(this, ("DLBM",)), Pick(that)), this, that, zh, en)


@mutual(
    "V205", clause="永久基本农田数据库更新规范", severity="Q", needs=(SURVEYED_FARMLAND, FARMLAND),
    name_zh="调查与控制线的永久基本农田一致", name_en="Permanent farmland of survey and control lines agree",
    remedy_zh="以批准的永久基本农田为准更新调查图层",
)  # fmt: skip
def farmland_of_survey_and_lines_agree(maps: OneMap) -> Iterator[Contradiction]:
    """What YJJBNTTB of the survey covers, YJJBNT covers too, and the other way round."""
    yield from _farmland_of_the_survey(
        maps, SURVEYED_FARMLAND, FARMLAND, "调查的永久基本农田 {id} 有 {area} m² 不在控制线永久基本农田内",
        "{area} m² of surveyed farmland {id} are no permanent farmland of the control lines",
    )  # fmt: skip
    yield from _farmland_of_the_survey(
        maps, FARMLAND, SURVEYED_FARMLAND, "控制线永久基本农田 {id} 有 {area} m² 不在调查的永久基本农田内",
        "{area} m² of permanent farmland {id} are missing in the survey",
    )  # fmt: skip
