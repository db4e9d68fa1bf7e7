"""Protected places: C-08 protected areas, C-09 water sources, C-10 heritage, C-15 coast, C-16 sea use. 保护区域."""

from __future__ import annotations

from kunyu.engines.matters.rules.answers import Answer, Ask, clear, conflict, not_checked
from kunyu.engines.matters.rules.registry import rule
from kunyu.packs.spatial_planning.rules.judging import (
    does_not_apply,
    field_missing,
    free_of,
    has_material,
    hit,
    is_true,
    lies_in,
    open_one,
    sum_of,
    text,
)
from kunyu.packs.spatial_planning.rules.thresholds import SLIVER_M2

PROTECTED = "20505-001"
PROTECTED_AREAS = (
    PROTECTED,
    *(
        f"{PROTECTED}.{code}"
        for code in ("ZRBHQ", "SLGY", "FJMSQ", "DZGY", "SJZRYCBHQ", "SDGY", "SCZZZYBHQ", "QTJZKFQ")
    ),
)
"""国家公园 and the other kinds of 自然保护地 that TD/T 1057-2020 lists, without 饮用水水源地."""
WATER_SOURCE = f"{PROTECTED}.YSYSYD"
LEVEL = "BHQJB"
FIRST, SECOND = "一级", "二级"
COAST, SEA_ZONES = "11101-002", "20504-001"
SEA_CLASSES = ("18", "19", "20", "21", "22", "24")


@rule(
    "C-08", clause="《自然保护区条例》；《关于建立以国家公园为主体的自然保护地体系的指导意见》(2019)", weight="block", edition=2,
    layers=PROTECTED_AREAS, materials=("protected_area_opinion",), fields=("protected_zone",),
    name_zh="不占用自然保护地核心保护区", name_en="Keeps off the core of protected areas",
)  # fmt: skip
def plot_keeps_off_protected_areas(ask: Ask) -> Answer:
    """The core admits nothing; the general control zone needs the forest authority's opinion, which states the zone."""
    layers = [ask.overlaps[name] for name in PROTECTED_AREAS]
    answer = free_of(*layers)
    if answer is not None:
        return answer
    touched = [one for one in layers if lies_in(one)]
    figures = hit(*touched)
    named = "、".join(one.name_zh for one in touched), ", ".join(one.name_en for one in touched)
    zone = text(ask, "protected_zone")
    if zone == "general" and has_material(ask, "protected_area_opinion"):
        return open_one(*layers) or clear(f"占用{named[0]} {figures['measured']} m²，已附林草主管部门关于一般控制区的意见。",
                     f"Takes {figures['measured']} m² of {named[1]}; the forest authority's opinion on the general zone is attached.",
                     **figures)  # fmt: skip
    where = ("，属核心保护区", ", in its core") if zone == "core" else ("", "")
    return conflict(
        f"占用{named[0]} {figures['measured']} m²{where[0]}。", f"Takes {figures['measured']} m² of {named[1]}{where[1]}.",
        "避让；属一般控制区的，附林草主管部门意见并填写所在分区",
        "Move off it; in the general control zone, attach the forest authority's opinion and state the zone", **figures,
    )  # fmt: skip


@rule(
    "C-09", clause="《水污染防治法》第六十五条、第六十六条", weight="block", edition=2, layers=(WATER_SOURCE,),
    attributes=(f"{WATER_SOURCE}/{LEVEL}",), fields=("discharges_pollutants",),
    name_zh="不占用饮用水水源保护区", name_en="Keeps off drinking-water source areas",
)  # fmt: skip
def plot_keeps_off_water_sources(ask: Ask) -> Answer:
    """Nothing new in a first-grade area; in a second-grade one nothing that discharges pollutants."""
    source = ask.overlaps[WATER_SOURCE]
    answer = free_of(source)
    if answer is not None:
        return answer
    levels = {grade: sum_of(one["area_m2"] for one in source.records if grade in str(one.get(LEVEL) or ""))
              for grade in (FIRST, SECOND)}  # fmt: skip
    if levels[FIRST] > SLIVER_M2:
        return conflict(
            f"占用饮用水水源一级保护区 {levels[FIRST]} m²。", f"Takes {levels[FIRST]} m² of a first-grade water source area.",
            "调整用地范围", "Move the plot off it", **hit(source) | {"measured": levels[FIRST]},
        )  # fmt: skip
    if source.area_m2 - levels[SECOND] > SLIVER_M2:
        return not_checked("zone_unknown", f"占用饮用水水源保护区 {source.area_m2} m²，图层没有说明级别，须人工核实。",
                           f"Takes {source.area_m2} m² of a water source area of no stated grade: let a person look.",
                           **hit(source))  # fmt: skip
    if "discharges_pollutants" not in ask.form:
        return field_missing("是否排放污染物", "whether it discharges pollutants")
    if is_true(ask, "discharges_pollutants"):
        return conflict(
            f"在饮用水水源二级保护区 {levels[SECOND]} m² 内建设排放污染物的项目。",
            f"Discharges pollutants within {levels[SECOND]} m² of a second-grade water source area.",
            "调整用地范围或取消排污", "Move the plot, or discharge nothing", **hit(source),
        )  # fmt: skip
    return open_one(source) or clear(
        "在二级保护区内，不排放污染物。", "In a second-grade area; discharges nothing.", **hit(source)
    )


@rule(
    "C-10", clause="《文物保护法》 保护范围与建设控制地带", weight="document", materials=("heritage_opinion",), needs_plot=True,
    name_zh="涉及历史文化保护线的须有文物主管部门意见", name_en="Heritage lines need the heritage authority's opinion",
)  # fmt: skip
def heritage_authority_agrees(ask: Ask) -> Answer:
    """The catalogue of this product has no layer of heritage lines: only the opinion can answer."""
    if has_material(ask, "heritage_opinion"):
        return clear(
            "已附文物主管部门意见，内容由审查人员核对。",
            "The heritage authority's opinion is attached; the examiner reads it.",
        )
    return not_checked("missing", "数据目录没有历史文化保护线、文物保护单位图层，也没有文物主管部门意见。",
                       "The catalogue has no layer of heritage lines, and no opinion is attached.")  # fmt: skip


@rule(
    "C-15", clause="《海岸线保护与利用管理办法》(2017)", weight="block", layers=(COAST,), fields=("coastline_plan_id",),
    name_zh="不占用大陆自然岸线", name_en="Keeps off the natural coastline",
)  # fmt: skip
def plot_keeps_off_the_natural_coast(ask: Ask) -> Answer:
    """No length of natural coastline, or a plan that makes up for it. Coastlines are lines: no overlay measures them here."""
    if text(ask, "coastline_plan_id"):
        return clear("已填写岸线占补方案文号。", "The number of the plan that makes up for the coastline is stated.")
    return ask.overlaps[COAST].unanswered()


@rule(
    "C-16", clause="国发〔2018〕24号；海洋功能区划", weight="block", layers=(SEA_ZONES,),
    fields=("use_code", "is_reclamation", "is_national_strategy"),
    name_zh="用海符合海洋功能区划，不新增围填海", name_en="Sea use fits its zone; no new reclamation",
)  # fmt: skip
def sea_use_fits_its_zone(ask: Ask) -> Answer:
    """New reclamation only for national strategic projects; otherwise the zone decides, for which no matrix is known."""
    use = text(ask, "use_code")
    if not use:
        return field_missing("用地用海用途", "the use")
    if not use.startswith(SEA_CLASSES):
        return does_not_apply("不是用海项目", "no use of the sea")
    if is_true(ask, "is_reclamation") and not is_true(ask, "is_national_strategy"):
        return conflict("新增围填海，且不是国家重大战略项目。", "New reclamation that is no national strategic project.",
                        "取消围填海", "Do without reclamation")  # fmt: skip
    zones = ask.overlaps[SEA_ZONES]
    if zones.state == "not_checked":
        return zones.unanswered()
    return not_checked("no_matrix", "没有海洋功能区与用海类型的对照表，须人工核实。",
                       "No table says which use a functional zone of the sea admits: let a person look.")  # fmt: skip
