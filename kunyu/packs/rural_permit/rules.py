"""May a planning permit for rural building be given? 乡村建设规划许可证核验规则.

Homesteads, control lines and plan are judged by the rules of spatial planning; here stands what only this matter asks.
Clauses were recalled, not re-read: no rule is ``verified``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from kunyu.engines.matters.rules.answers import Answer, Ask, clear, conflict
from kunyu.engines.matters.rules.covering import covered_m2
from kunyu.engines.matters.rules.land_kinds import PARCELS, land_kinds
from kunyu.engines.matters.rules.registry import rule

BOUNDARY = "20203-001"
SLIVER_M2 = Decimal("1")
"""Areas up to this are digitising noise. [design]"""

CONVERSION = "S-002"
LEAST_INSIDE = Decimal("0.99")
CENT = Decimal("0.01")


@rule(
    "RP-001", clause="《城乡规划法》(2019) 第四十一条", weight="block", layers=(BOUNDARY,),
    name_zh="在城镇开发边界以外", name_en="Outside the urban development boundary",
)  # fmt: skip
def building_lies_outside_the_urban_boundary(ask: Ask) -> Answer:
    """Inside the urban development boundary another permit is due. 乡村许可只在开发边界外."""
    boundary = ask.overlaps[BOUNDARY]
    if boundary.state == "not_checked" or (boundary.reason and boundary.area_m2 <= SLIVER_M2):
        return boundary.unanswered()
    measured = boundary.area_m2.quantize(CENT)
    figures: dict[str, Any] = {"measured": measured, "limit": SLIVER_M2, "unit": "m²", "versions": boundary.versions}
    if boundary.area_m2 <= SLIVER_M2:
        return clear(f"在城镇开发边界内 {measured} m²，不超过 {SLIVER_M2} m²。",
                     f"{measured} m² inside the urban development boundary, not over {SLIVER_M2} m².", **figures)  # fmt: skip
    return conflict(
        f"在城镇开发边界内 {measured} m²，超过 {SLIVER_M2} m²。",
        f"{measured} m² inside the urban development boundary, over {SLIVER_M2} m².",
        "办理建设用地规划许可证、建设工程规划许可证", "Ask for the urban planning permits",
        where=boundary.geometry, **figures,
    )  # fmt: skip


@rule(
    "RP-002", clause="《城乡规划法》(2019) 第四十一条；《土地管理法》(2019) 第六十二条", weight="block",
    materials=("village_opinion",), fields=("village_opinion_date",),
    name_zh="村民委员会同意", name_en="The villagers' committee agrees",
)  # fmt: skip
def village_agrees(ask: Ask) -> Answer:
    """The villagers' committee's written opinion is there and not later than the application. 村委会书面意见."""
    given_on = str(ask.form.get("village_opinion_date") or "")
    if "village_opinion" in ask.materials and given_on and given_on <= ask.day.isoformat():
        return clear(
            f"村民委员会已于 {given_on} 出具意见。", f"The villagers' committee gave its opinion on {given_on}."
        )
    has = "已提交" if "village_opinion" in ask.materials else "未提交"
    has_en = "is handed in" if "village_opinion" in ask.materials else "is missing"
    return conflict(
        f"村民委员会书面意见{has}，日期 {given_on or '未填'}（申请日 {ask.day}）。",
        f"The villagers' opinion {has_en}, its date {given_on or 'missing'} (application {ask.day}).",
        "取得村民委员会书面意见后申请", "Apply with the villagers' opinion",
    )  # fmt: skip


@rule(
    "RP-003", clause="《城乡规划法》(2019) 第四十一条；《土地管理法》(2019) 第四十四条", weight="block", sums=(PARCELS,),
    needs_earlier=True, edition=2, name_zh="占用农用地的已批准转用", name_en="Agricultural land taken was converted",
)  # fmt: skip
def agricultural_land_was_converted(ask: Ask) -> Answer:
    """Agricultural land in the plot is covered by approved conversions. 占用农用地须先转用."""
    land = land_kinds(ask)
    if isinstance(land, Answer):
        return land
    approvals = ask.approvals(CONVERSION, of_project=False)
    covered, whole = covered_m2(ask, approvals).quantize(CENT), ask.area_m2 or Decimal(0)
    measured = land.agricultural_m2.quantize(CENT)
    figures: dict[str, Any] = {"measured": measured, "limit": SLIVER_M2, "unit": "m²", "versions": land.versions}
    if measured <= SLIVER_M2 or (whole > 0 and covered >= LEAST_INSIDE * whole):
        return clear(f"地块内农用地 {measured} m²，已批准转用 {covered} m²。",
                     f"{measured} m² of agricultural land, {covered} m² converted.", **figures)  # fmt: skip
    return conflict(
        f"地块内有农用地 {measured} m²，已批准转用的只有 {covered} m²。",
        f"The plot holds {measured} m² of agricultural land; only {covered} m² was converted.",
        "先办理农用地转用审批", "Have the agricultural land converted first", where=ask.plot, **figures,
    )  # fmt: skip
