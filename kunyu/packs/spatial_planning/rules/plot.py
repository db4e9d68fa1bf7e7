"""The plot itself: C-01 where it lies and how large it is, C-21 whether it is larger than the standard. 地块."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from kunyu.engines.matters.rules.answers import Answer, Ask, clear, conflict, not_checked
from kunyu.engines.matters.rules.registry import rule
from kunyu.packs.spatial_planning.rules.judging import M2, PERCENT, has_material, is_open, number, share, sum_of
from kunyu.packs.spatial_planning.rules.thresholds import AREA_DIFFERENCE, SLIVER_M2

GROUND = "10401-001"
DIVISION = "XZQDM"
COUNTY_DIGITS = 6


@rule(
    "C-01", clause="《土地管理法实施条例》(2021)；CGCS2000 界址点", weight="block", layers=(GROUND,),
    attributes=(f"{GROUND}/{DIVISION}",), fields=("declared_area_m2",),
    name_zh="地块有效、在本行政区内、面积与申报一致", name_en="The plot is valid, lies in the division, has the area declared",
)  # fmt: skip
def plot_lies_in_its_division(ask: Ask) -> Answer:
    """Valid geometry on CGCS2000, inside the division applied to, its ellipsoidal area within 1 % of the declared one."""
    ground = ask.overlaps[GROUND]
    if ground.reason == "bad_plot":
        return conflict(f"地块无效：{ground.reason_zh}", f"The plot is invalid: {ground.reason_en}",
                        "改正坐标后重新上传", "Correct the coordinates and upload again")  # fmt: skip
    assert ask.area_m2 is not None
    differs = _area_differs(ask, ask.area_m2)
    if differs is not None:
        return differs
    if ground.state == "not_checked":
        return ground.unanswered()
    inside = sum_of(one["area_m2"] for one in ground.records if _is_of(one, ask.division))
    outside = max(Decimal("0.00"), ask.area_m2 - inside)
    figures = {"measured": outside, "limit": SLIVER_M2, "unit": M2}
    if outside <= SLIVER_M2:
        return clear(f"地块 {ask.area_m2} m²，全部在申请所选的“{ask.division_words}”内（界外不超过 {SLIVER_M2} m²）。",
                     f"The plot of {ask.area_m2} m² lies in {ask.division_words} (not over {SLIVER_M2} m² outside).", **figures)  # fmt: skip
    if is_open(ground) and ground.reason != "not_covered":
        return ground.unanswered()
    return conflict(
        f"地块有 {outside} m² 不在申请所选的“{ask.division_words}”内，超过 {SLIVER_M2} m²。",
        f"{outside} m² of the plot lie outside {ask.division_words}: over {SLIVER_M2} m².",
        "核对坐标系和带号；跨行政区的分别申请", "Check the coordinate system and zone; apply in each division", **figures,
    )  # fmt: skip


def _is_of(record: Mapping[str, Any], division: str) -> bool:
    if not str(record["county"]).startswith(division[:COUNTY_DIGITS]):
        return False
    return len(division) <= COUNTY_DIGITS or str(record.get(DIVISION) or "").startswith(division)


def _area_differs(ask: Ask, area: Decimal) -> Answer | None:
    declared = number(ask, "declared_area_m2")
    if declared is None:
        return None
    difference = share(abs(declared - area), area)
    if difference <= AREA_DIFFERENCE:
        return None
    return conflict(
        f"申报面积 {declared} m²，按坐标计算 {area} m²，相差 {difference}%，超过 {AREA_DIFFERENCE}%。",
        f"{declared} m² are declared, the coordinates give {area} m²: {difference}% apart, over {AREA_DIFFERENCE}%.",
        "核对申报面积与界址点坐标（面积按 CGCS2000 椭球面计算）",
        "Check the declared area and the coordinates (areas are those on the CGCS2000 ellipsoid)",
        measured=difference, limit=AREA_DIFFERENCE, unit=PERCENT,
    )  # fmt: skip


@rule(
    "C-21", clause="《节约集约利用土地规定》", weight="document", needs_plot=True,
    materials=("land_saving_report",), fields=("standard_area_m2",),
    name_zh="面积不超过土地使用标准", name_en="No larger than the land-use standard",
)  # fmt: skip
def area_keeps_to_the_standard(ask: Ask) -> Answer:
    """Not over the area the trade's standard allows; over it, or without one, an assessment of the land use is needed."""
    assert ask.area_m2 is not None
    standard, has_report = number(ask, "standard_area_m2"), has_material(ask, "land_saving_report")
    if standard is None:
        if has_report:
            return clear(
                "没有对应的土地使用标准，已附节地评价报告。", "No standard applies; the assessment is attached."
            )
        return not_checked("no_standard", "表单未填写土地使用标准允许面积，也没有节地评价报告，未核验。",
                           "Neither the area the standard allows nor an assessment is given: not checked.")  # fmt: skip
    figures = {"measured": ask.area_m2, "limit": standard, "unit": M2}
    if ask.area_m2 <= standard:
        return clear(f"地块 {ask.area_m2} m²，不超过标准 {standard} m²。", f"{ask.area_m2} m², not over the standard of {standard} m².",
                     **figures)  # fmt: skip
    if has_report:
        return clear(f"地块 {ask.area_m2} m²，超过标准 {standard} m²，已附节地评价报告。",
                     f"{ask.area_m2} m², over the standard of {standard} m²; the assessment is attached.", **figures)  # fmt: skip
    return conflict(f"地块 {ask.area_m2} m²，超过土地使用标准 {standard} m²。",
                    f"The plot has {ask.area_m2} m², over the standard of {standard} m².",
                    "核减面积，或附节地评价报告及专家评审意见", "Reduce the area, or attach the assessment", **figures)  # fmt: skip
