"""The three control lines: C-02 to C-05 (planning.md §4.1). 三条控制线.

``20201-001`` holds 生态保护红线, ``10502-001`` 永久基本农田 (listed under 20202 too), ``20203-001`` 城镇开发边界.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from kunyu.engines.matters.rules.answers import Answer, Ask, Overlap, clear, conflict, not_checked
from kunyu.engines.matters.rules.registry import rule
from kunyu.packs.spatial_planning.rules.judging import (
    M2,
    does_not_apply,
    field_missing,
    free_of,
    has_material,
    hit,
    is_open,
    is_true,
    number,
    of_classes,
    open_one,
    sum_of,
    text,
)
from kunyu.packs.spatial_planning.rules.thresholds import SLIVER_M2

RED_LINE, FARMLAND, BOUNDARY = "20201-001", "10502-001", "20203-001"
RED_LINE_KIND = "HXLX"
CORE, OTHER = "核心", ("一般", "非核心")
"""What names the core protected area in HXLX, and what the rest. The field's values are not in the standard as known here:
a value that says neither is one that nobody can read, never *not the core*."""
CONCENTRATED, FLEXIBLE = "JZQ", "TXQ"
URBAN_TYPES = ("urban", "industry")
GUIDANCE = "《关于在国土空间规划中统筹划定落实三条控制线的指导意见》(2019)"


def _by_kind(found: Overlap) -> tuple[Decimal, Decimal, Decimal]:
    """Area in the core protected area, in other parts of the red line, and in parts that do not say which."""
    kinds = [(_part(str(one.get(RED_LINE_KIND) or "")), one["area_m2"]) for one in found.records]
    core, other, unknown = (sum_of(area for kind, area in kinds if kind == part) for part in ("core", "other", ""))
    return core, other, unknown


def _part(kind: str) -> str:
    if any(word in kind for word in OTHER):
        return "other"
    return "core" if CORE in kind else ""


@rule(
    "C-02", clause=f"{GUIDANCE}；自然资发〔2022〕142号", weight="block", edition=2, layers=(RED_LINE,),
    attributes=(f"{RED_LINE}/{RED_LINE_KIND}",),
    name_zh="不占用生态保护红线核心保护区", name_en="Keeps off the core of the ecological red line",
)  # fmt: skip
def plot_keeps_off_the_core_of_the_red_line(ask: Ask) -> Answer:
    """In the core protected area no human activity is admitted. 核心保护区."""
    line = ask.overlaps[RED_LINE]
    answer = free_of(line)
    if answer is not None:
        return answer
    core, _, unknown = _by_kind(line)
    if core > SLIVER_M2:
        return conflict(
            f"占用生态保护红线核心保护区 {core} m²。", f"Takes {core} m² of the core of the ecological red line.",
            "调整用地范围，避让核心保护区", "Move the plot off the core protected area",
            **hit(line) | {"measured": core},
        )  # fmt: skip
    if is_open(line):
        return line.unanswered()
    if unknown > SLIVER_M2:
        return not_checked(
            "core_unknown", f"与生态保护红线重叠 {unknown} m²，图层没有说明是否属于核心保护区，须人工核实。",
            f"{unknown} m² lie in a red line that does not say whether it is core: let a person look.",
            measured=unknown, limit=SLIVER_M2, unit=M2, where=line.geometry,
        )  # fmt: skip
    return clear("占用的生态保护红线不属于核心保护区。", "The red line taken is not core.",
                 measured=core, limit=SLIVER_M2, unit=M2)  # fmt: skip


@rule(
    "C-03", clause=f"{GUIDANCE}；自然资发〔2022〕142号", weight="block", edition=2, layers=(RED_LINE,),
    attributes=(f"{RED_LINE}/{RED_LINE_KIND}",), materials=("redline_opinion",),
    fields=("certification_id", "is_major_project"),
    name_zh="占用生态保护红线须符合准入", name_en="The red line is entered by a permitted activity only",
)  # fmt: skip
def red_line_is_entered_only_by_what_is_permitted(ask: Ask) -> Answer:
    """Outside the core only certified limited activities, or national major projects with the province's opinion."""
    line = ask.overlaps[RED_LINE]
    answer = free_of(line)
    if answer is not None:
        return answer
    core, other, unknown = _by_kind(line)
    taken = max(other + unknown, line.area_m2 - core)
    if taken <= SLIVER_M2:
        return open_one(line) or clear(
            "一般控制区未被占用。", "No part outside the core is taken.", measured=taken, limit=SLIVER_M2, unit=M2
        )
    figures = hit(line) | {"measured": taken}
    if text(ask, "certification_id"):
        return open_one(line) or clear(f"占用 {taken} m²，已填写认定意见文号。", f"Takes {taken} m²; the number of the certification is stated.",
                     **figures)  # fmt: skip
    if is_true(ask, "is_major_project") and has_material(ask, "redline_opinion"):
        return open_one(line) or clear(f"占用 {taken} m²，国家重大项目，已附省级政府不可避让论证意见。",
                     f"Takes {taken} m²; a national major project with the province's opinion attached.", **figures)  # fmt: skip
    return conflict(
        f"占用生态保护红线 {taken} m²，没有有限人为活动认定意见或不可避让论证意见。",
        f"Takes {taken} m² of the ecological red line without a certification or an opinion.",
        "避让红线；或补充有限人为活动认定意见文号，国家重大项目附省级政府不可避让论证意见",
        "Move off the line, or hand in the certification; a national major project, the province's opinion", **figures,
    )  # fmt: skip


@rule(
    "C-04", clause="《土地管理法》(2019) 第三十五条；自然资规〔2019〕1号", weight="block", edition=2, layers=(FARMLAND,),
    materials=("farmland_plan",),
    fields=("is_major_project", "supplement_area_m2", "occupied_grade", "supplement_grade"),
    name_zh="占用永久基本农田须为重大建设项目并补划", name_en="Permanent farmland is taken by major projects that replace it",
)  # fmt: skip
def permanent_farmland_is_replaced(ask: Ask) -> Answer:
    """Only listed major projects may occupy it, replaced beforehand by as much of no lower quality (grade 1 is best)."""
    farmland = ask.overlaps[FARMLAND]
    answer = free_of(farmland)
    if answer is not None:
        return answer
    figures = hit(farmland)
    taken: Decimal = figures["measured"]
    if not is_true(ask, "is_major_project"):
        return _farmland_conflict(f"占用永久基本农田 {taken} m²，项目不是重大建设项目",
                                  f"Takes {taken} m² of permanent farmland and is no listed major project", figures)  # fmt: skip
    replaced = number(ask, "supplement_area_m2")
    if replaced is None or not has_material(ask, "farmland_plan"):
        return _farmland_conflict(f"占用永久基本农田 {taken} m²，缺少补划方案或补划面积",
                                  f"Takes {taken} m² of permanent farmland; plan or area of the replacement is missing",
                                  figures)  # fmt: skip
    if replaced < taken:
        return _farmland_conflict(f"占用永久基本农田 {taken} m²，补划 {replaced} m²，数量不足",
                                  f"Takes {taken} m² of permanent farmland and replaces {replaced} m²", figures)  # fmt: skip
    return _quality(ask, taken, replaced, figures)


def _quality(ask: Ask, taken: Decimal, replaced: Decimal, figures: dict[str, Any]) -> Answer:
    occupied, supplement = number(ask, "occupied_grade"), number(ask, "supplement_grade")
    if occupied is None or supplement is None:
        return not_checked(
            "quality_not_stated", f"占用 {taken} m²、补划 {replaced} m²；未说明耕地质量等别，不能比较质量。",
            f"Takes {taken} m², replaces {replaced} m²; grades are not stated: quality was not compared.", **figures,
        )  # fmt: skip
    if supplement > occupied:
        return _farmland_conflict(f"补划耕地等别 {supplement} 低于占用耕地等别 {occupied}",
                                  f"The replacement's grade {supplement} is below the grade {occupied} taken", figures)  # fmt: skip
    return open_one(ask.overlaps[FARMLAND]) or clear(f"占用 {taken} m²，补划 {replaced} m²，等别 {supplement} 不低于 {occupied}。",
                 f"Takes {taken} m², replaced by {replaced} m² of grade {supplement}, not below {occupied}.", **figures)  # fmt: skip


def _farmland_conflict(zh: str, en: str, figures: dict[str, Any]) -> Answer:
    return conflict(
        f"{zh}。", f"{en}.", "避让永久基本农田；确需占用的重大建设项目，先补划、数量不减、质量不降，并附补划方案",
        "Move off permanent farmland; a listed major project replaces it first, as much and as good", **figures,
    )  # fmt: skip


@rule(
    "C-05", clause=f"{GUIDANCE}；自然资发〔2023〕193号", weight="block", layers=(BOUNDARY,),
    fields=("project_type", "boundary_adjustment_id"),
    name_zh="城镇建设项目在城镇开发边界内", name_en="Urban building lies inside the urban development boundary",
)  # fmt: skip
def urban_building_lies_inside_the_boundary(ask: Ask) -> Answer:
    """All of an urban plot lies in 集中建设区, or in 弹性发展区 after the procedure that adjusts it."""
    kind = text(ask, "project_type")
    if not kind:
        return field_missing("项目类型", "the kind of project")
    if kind not in URBAN_TYPES:
        return does_not_apply("不是城镇建设项目", "not an urban building project")
    boundary = ask.overlaps[BOUNDARY]
    if is_open(boundary):
        return boundary.unanswered()
    assert ask.area_m2 is not None
    flexible = of_classes(boundary, FLEXIBLE)
    admitted = of_classes(boundary, CONCENTRATED) + (flexible if text(ask, "boundary_adjustment_id") else 0)
    outside = max(Decimal("0.00"), ask.area_m2 - admitted)
    figures = {"measured": outside, "limit": SLIVER_M2, "unit": M2}
    if outside <= SLIVER_M2:
        return clear("全部在城镇集中建设区（或已办理调整的弹性发展区）内。",
                     "All of it lies in the concentrated construction area (or the adjusted flexible one).", **figures)  # fmt: skip
    return conflict(
        f"有 {outside} m² 在城镇集中建设区外，其中弹性发展区 {flexible} m²。",
        f"{outside} m² lie outside the concentrated construction area, {flexible} m² in the flexible one.",
        "调整到集中建设区内；使用弹性发展区的，先办理调整手续并填写文号",
        "Move into the concentrated area; for the flexible one do the adjustment first and state its number", **figures,
    )  # fmt: skip
