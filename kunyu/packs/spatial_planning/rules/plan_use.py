"""What the plan says of the land: C-06, C-07, C-22, C-23 (planning.md §4.1). 规划用途与规划条件."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from kunyu.engines.matters.rules.answers import Answer, Ask, clear, conflict, not_checked
from kunyu.engines.matters.rules.naming import use_class
from kunyu.engines.matters.rules.registry import rule
from kunyu.packs.spatial_planning.rules.compatibility import relation
from kunyu.packs.spatial_planning.rules.control_lines import BOUNDARY, CONCENTRATED
from kunyu.packs.spatial_planning.rules.judging import (
    M2,
    PERCENT,
    does_not_apply,
    field_missing,
    free_of,
    has_material,
    is_open,
    number,
    of_classes,
    open_one,
    share,
    sum_of,
    text,
)
from kunyu.packs.spatial_planning.rules.thresholds import COMPATIBLE_SHARE, INSIDE_SHARE

PLANNED_USE, DETAILED_PLAN = "20301-001", "20302-001"
HOMESTEAD = "0703"


@rule(
    "C-06", clause="《城乡规划法》(2019) 第三十八条；用地用海分类指南 (自然资发〔2023〕234号)", weight="block",
    sums=(PLANNED_USE,), materials=("planning_opinion",), fields=("use_code",),
    name_zh="拟用途与规划用途相容", name_en="The use asked for fits the planned use",
)  # fmt: skip
def use_fits_the_plan(ask: Ask) -> Answer:
    """At least 95 % of the plot is planned for a use that admits the one asked for."""
    asked = text(ask, "use_code")
    if not asked:
        return field_missing("用地用途", "the use")
    planned = ask.overlaps[PLANNED_USE]
    if is_open(planned):
        return planned.unanswered()
    assert ask.area_m2 is not None
    fits = {kind: sum_of(area for code, area in planned.by_class.items() if relation(code, asked) == kind)
            for kind in ("compatible", "conditional")}  # fmt: skip
    measured = min(share(fits["compatible"], ask.area_m2), Decimal("100.00"))
    conditional = share(fits["conditional"], ask.area_m2)
    figures = {"measured": measured, "limit": COMPATIBLE_SHARE, "unit": PERCENT}
    use_zh, use_en = use_class(asked)
    if measured >= COMPATIBLE_SHARE:
        return clear(
            f"地块的 {measured}% 规划用途与“{use_zh}”相容，不低于 {COMPATIBLE_SHARE}%。",
            f"The planned use of {measured}% admits {use_en}, not below {COMPATIBLE_SHARE}%.",
            **figures,
        )
    if measured + conditional >= COMPATIBLE_SHARE and has_material(ask, "planning_opinion"):
        return clear(f"相容 {measured}%，有条件相容 {conditional}%，已附规划主管部门意见。",
                     f"{measured}% fit, {conditional}% fit on conditions; the planning authority's opinion is attached.", **figures)  # fmt: skip
    return conflict(
        f"规划用途与“{use_zh}”相容的占 {measured}%（有条件相容 {conditional}%），低于 {COMPATIBLE_SHARE}%。",
        f"The planned use of {measured}% admits {use_en} ({conditional}% on conditions), below {COMPATIBLE_SHARE}%.",
        "调整用地范围或用途；有条件相容的附规划主管部门意见；否则先依法修改规划",
        "Change plot or use; where it fits on conditions attach the planning authority's opinion; else have the plan changed",
        **figures,
    )  # fmt: skip


_CONDITIONS: tuple[tuple[str, str, str, str, str, int], ...] = (
    ("plot_ratio_max", "RJL", "容积率", "floor area ratio", "", 1),
    ("building_density_max", "JZMD", "建筑密度", "building density", PERCENT, 1),
    ("green_ratio_min", "LDL", "绿地率", "share of green", PERCENT, -1),
    ("height_max_m", "JZGD", "建筑高度", "height", " m", 1),
)
"""Field of the form, field of the detailed plan (no standard of those plots is known here: [design]), names, unit, and 1 where
the plan's value is the most, -1 where it is the least."""


@rule(
    "C-07", clause="《城乡规划法》(2019) 第三十八条 规划条件", weight="block", edition=3, layers=(DETAILED_PLAN,),
    attributes=tuple(f"{DETAILED_PLAN}/{one[1]}" for one in _CONDITIONS), fields=tuple(one[0] for one in _CONDITIONS),
    name_zh="规划条件在详细规划限值内", name_en="Planning conditions stay within the detailed plan",
)  # fmt: skip
def conditions_stay_within_the_detailed_plan(ask: Ask) -> Answer:
    """Inside a detailed plan, floor area ratio, density, green and height keep to its limits."""
    plan = ask.overlaps[DETAILED_PLAN]
    answer = free_of(plan)
    if answer is not None:
        return answer if answer.state != "clear" else does_not_apply("不在详细规划范围内", "outside detailed plans")
    compared, broken = 0, []
    for field, attribute, zh, en, unit, sign in _CONDITIONS:
        value, limits = number(ask, field), [_limit(one, attribute) for one in plan.records]
        known = [one for one in limits if one is not None]
        if value is None or not known:
            continue
        compared += 1
        limit = min(known) if sign > 0 else max(known)
        if sign * (value - limit) > 0:
            broken.append((zh, en, value, limit, unit))
    if broken:
        zh, en, value, limit, unit = broken[0]
        return conflict(
            "；".join(f"{one[0]} {one[2]}{one[4]}，限值 {one[3]}{one[4]}" for one in broken) + "。",
            "; ".join(f"{one[1]} {one[2]}{one[4]}, limit {one[3]}{one[4]}" for one in broken) + ".",
            "按详细规划调整规划条件，或依法修改详细规划", "Keep to the detailed plan, or have it changed",
            measured=value, limit=limit, unit=unit.strip(), where=plan.geometry,
        )  # fmt: skip
    if compared < len(_CONDITIONS):
        return not_checked(
            "limits_unknown", f"{len(_CONDITIONS)} 项规划条件中只比较了 {compared} 项：表单或详细规划图层没有数值。",
            f"Only {compared} of {len(_CONDITIONS)} conditions could be compared: form or layer has no value.",
        )  # fmt: skip
    return open_one(plan) or clear("规划条件都在详细规划限值内。", "All conditions stay within the detailed plan.")


def _limit(record: Mapping[str, Any], attribute: str) -> Decimal | None:
    value = record.get(attribute)
    try:
        return None if value is None else Decimal(str(value))
    except ArithmeticError:
        return None


@rule(
    "C-22", clause="《土地管理法》(2019) 第四十四条", weight="warn", sums=(BOUNDARY,),
    fields=("is_single_site", "project_type"),
    name_zh="报批方式与位置一致", name_en="The way of approval fits the place",
)  # fmt: skip
def way_of_approval_fits_the_place(ask: Ask) -> Answer:
    """A batch lies inside the concentrated construction area, a project on its own site outside it (1 % allowed)."""
    if "is_single_site" not in ask.form:
        return field_missing("是否单独选址", "whether it is on its own site")
    if text(ask, "project_type") == "rural":
        return does_not_apply("乡村建设项目", "rural building")
    boundary = ask.overlaps[BOUNDARY]
    if is_open(boundary):
        return boundary.unanswered()
    assert ask.area_m2 is not None
    inside = min(share(of_classes(boundary, CONCENTRATED), ask.area_m2), Decimal("100.00"))
    is_single = ask.form["is_single_site"] is True
    limit = Decimal("100") - INSIDE_SHARE if is_single else INSIDE_SHARE
    figures = {"measured": inside, "limit": limit, "unit": PERCENT}
    if (inside <= limit) if is_single else (inside >= limit):
        return clear(
            f"集中建设区内占 {inside}%，与报批方式一致（界限 {limit}%）。",
            f"{inside}% lie in the concentrated area, as the way asks (limit {limit}%).",
            **figures,
        )
    kind = ("单独选址", "own site") if is_single else ("批次", "batch")
    return conflict(
        f"按{kind[0]}报批，集中建设区内占 {inside}%，界限 {limit}%。",
        f"Asked for as {kind[1]}; {inside}% lie in the concentrated construction area, the limit is {limit}%.",
        "核对报批方式；跨越边界的，边界内外分别报批", "Check the way of approval; split what crosses the boundary", **figures,
    )  # fmt: skip


@rule(
    "C-23", clause="《土地管理法》(2019) 第六十二条", weight="block",
    fields=("use_code", "declared_area_m2", "homestead_cap_m2", "other_homesteads"),
    name_zh="宅基地一户一宅、不超面积标准", name_en="One homestead a household, within the local cap",
)  # fmt: skip
def homestead_keeps_to_the_cap(ask: Ask) -> Answer:
    """Of a household only one homestead, no larger than the province's cap, which the form's local edition states."""
    if not text(ask, "use_code").startswith(HOMESTEAD):
        return does_not_apply("不是农村宅基地", "no homestead")
    others, cap = number(ask, "other_homesteads"), number(ask, "homestead_cap_m2")
    area = ask.area_m2 if ask.area_m2 is not None else number(ask, "declared_area_m2")
    if others is not None and others > 0:
        return conflict(f"该户已有宅基地 {others} 处。", f"The household has {others} homestead(s) already.",
                        "退出原宅基地后再申请", "Give up the other homestead first",
                        measured=others, limit=Decimal(0))  # fmt: skip
    if others is None or area is None:
        return field_missing("其他宅基地处数或面积", "other homesteads, or the area")
    if cap is None:
        return not_checked("no_local_cap", "没有当地宅基地面积标准，未核验面积。",
                           "No local cap of homesteads is stated: the area was not checked.")  # fmt: skip
    figures = {"measured": area, "limit": cap, "unit": M2}
    if area <= cap:
        return clear(
            f"宅基地 {area} m²，不超过 {cap} m²。", f"The homestead has {area} m², not over {cap} m².", **figures
        )
    return conflict(f"宅基地 {area} m²，超过当地标准 {cap} m²。", f"The homestead has {area} m², over the cap of {cap} m².",
                    "按当地标准缩小面积", "Keep to the local cap", **figures)  # fmt: skip
