"""May agricultural land be converted? 农用地转用核验规则.

Control lines, farmland balance and plan quotas are judged by the rules of spatial planning; here stands what only this
matter asks. Areas by class come from the land survey, field ridges counted as agricultural land. No clause was re-read.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from kunyu.engines.matters.rules.answers import Answer, Ask, clear, conflict
from kunyu.engines.matters.rules.land_kinds import PARCELS, LandKinds, land_kinds
from kunyu.engines.matters.rules.registry import rule

FARMLAND = "10502-001"
SLIVER_M2 = Decimal("1")
"""Areas up to this are digitising noise. [design]"""

DIFFERENCE_SHARE = Decimal("0.01")
"""Declared and surveyed areas of a kind of land may differ by this share of the plot. [design]"""

CENT = Decimal("0.01")


@rule(
    "LC-001", clause="《土地管理法》(2019) 第四条", weight="block",
    fields=("declared_area_m2", "agricultural_m2", "construction_m2", "unused_m2"),
    name_zh="三大类面积之和等于申请面积", name_en="The three kinds of land make the whole",
)  # fmt: skip
def kinds_of_land_make_the_whole(ask: Ask) -> Answer:
    """Agricultural, construction and unused land add up to the area asked for. 农用地、建设用地、未利用地之和."""
    parts = [area_of(ask, name) for name in ("agricultural_m2", "construction_m2", "unused_m2")]
    whole, total = area_of(ask, "declared_area_m2"), sum(parts, Decimal(0))
    difference = abs(whole - total).quantize(CENT)
    figures: dict[str, Any] = {"measured": difference, "limit": SLIVER_M2, "unit": "m²"}
    if difference <= SLIVER_M2:
        return clear(f"三大类合计 {total} m²，与申请面积 {whole} m² 相差 {difference} m²。",
                     f"The three kinds are {total} m², {difference} m² from the {whole} m² asked for.", **figures)  # fmt: skip
    return conflict(
        f"三大类合计 {total} m²，与申请面积 {whole} m² 相差 {difference} m²，超过 {SLIVER_M2} m²。",
        f"The three kinds are {total} m², {difference} m² from the {whole} m² asked for: over {SLIVER_M2} m².",
        "按勘测定界报告更正各地类面积", "Correct the areas after the boundary survey", **figures,
    )  # fmt: skip


@rule(
    "LC-002", clause="《土地管理法实施条例》(2021) 第二十三条", weight="document", sums=(PARCELS,),
    fields=("agricultural_m2",),
    name_zh="申报农用地面积与调查一致", name_en="Agricultural land as declared is as surveyed",
)  # fmt: skip
def agricultural_land_is_as_surveyed(ask: Ask) -> Answer:
    """The agricultural land declared is what the current survey shows in the plot. 农用地面积核对."""
    return _as_surveyed(ask, "agricultural_m2", "农用地", "Agricultural land")


@rule(
    "LC-003", clause="《土地管理法实施条例》(2021) 第二十三条", weight="document", sums=(PARCELS,),
    fields=("unused_m2",),
    name_zh="申报未利用地面积与调查一致", name_en="Unused land as declared is as surveyed",
)  # fmt: skip
def unused_land_is_as_surveyed(ask: Ask) -> Answer:
    """The unused land declared is what the current survey shows in the plot. 未利用地面积核对."""
    return _as_surveyed(ask, "unused_m2", "未利用地", "Unused land")


@rule(
    "LC-004", clause="《土地管理法》(2019) 第四十四条", weight="block", sums=(PARCELS,),
    name_zh="地块内应有农用地", name_en="There is agricultural land to convert",
)  # fmt: skip
def there_is_agricultural_land_to_convert(ask: Ask) -> Answer:
    """A plot without agricultural land needs no conversion. 无农用地不需转用."""
    land = land_kinds(ask)
    if isinstance(land, Answer):
        return land
    measured = land.agricultural_m2.quantize(CENT)
    figures: dict[str, Any] = {"measured": measured, "limit": SLIVER_M2, "unit": "m²", "versions": land.versions}
    if measured > SLIVER_M2:
        return clear(f"地块含农用地 {measured} m²。", f"The plot holds {measured} m² of agricultural land.", **figures)
    return conflict(
        f"地块内农用地仅 {measured} m²（≤ {SLIVER_M2} m²），不需办理农用地转用。",
        f"The plot holds only {measured} m² (≤ {SLIVER_M2} m²) of agricultural land: nothing to convert.",
        "撤回申请；使用未利用地的按未利用地办理", "Withdraw; unused land has a procedure of its own", **figures,
    )  # fmt: skip


@rule(
    "LC-005", clause="《土地管理法实施条例》(2021) 第二十四条", weight="block",
    fields=("is_single_site", "project_approval_date", "project_approval_number"),
    name_zh="单独选址项目先立项后转用", name_en="A project on its own site is approved first",
)  # fmt: skip
def project_is_approved_before_conversion(ask: Ask) -> Answer:
    """A project on a site of its own is approved or ratified before its land is converted. 先批准、核准后转用."""
    if not ask.form.get("is_single_site"):
        return clear("按批次报批，不要求单个项目立项。", "Reported in a batch: no single project is asked for.")
    approved_on = str(ask.form.get("project_approval_date") or "")
    number = str(ask.form.get("project_approval_number") or "").strip()
    if approved_on and number and approved_on <= ask.day.isoformat():
        return clear(
            f"项目已于 {approved_on} 以 {number} 批准、核准。",
            f"The project was approved on {approved_on} by {number}.",
        )
    found = f"批准日期 {approved_on or '未填'}、文号 {number or '未填'}"
    found_en = f"date of approval {approved_on or 'missing'}, number {number or 'missing'}"
    return conflict(
        f"单独选址项目应在申请日 {ask.day} 前批准、核准：{found}。",
        f"A project on its own site is approved by the day of application, {ask.day}: {found_en}.",
        "取得项目批准、核准文件后再申请",
        "Apply when the project is approved or ratified",
    )


@rule(
    "LC-012", clause="《土地管理法》(2019) 第三十五条、第四十四条", weight="block", layers=(FARMLAND,),
    fields=("approval_level",),
    name_zh="占用永久基本农田须国务院批准", name_en="Permanent farmland needs the State Council's approval",
)  # fmt: skip
def permanent_farmland_needs_state_council(ask: Ask) -> Answer:
    """Converting permanent basic farmland is for the State Council to approve. 占用永久基本农田."""
    farmland = ask.overlaps[FARMLAND]
    if farmland.state == "not_checked" or (farmland.reason and farmland.area_m2 <= SLIVER_M2):
        return farmland.unanswered()
    measured = farmland.area_m2.quantize(CENT)
    figures: dict[str, Any] = {"measured": measured, "limit": SLIVER_M2, "unit": "m²", "versions": farmland.versions}
    if farmland.area_m2 <= SLIVER_M2:
        return clear(f"占用永久基本农田 {measured} m²，不超过 {SLIVER_M2} m²。",
                     f"{measured} m² of permanent farmland, not over {SLIVER_M2} m².", **figures)  # fmt: skip
    if ask.form.get("approval_level") == "state_council":
        return clear(f"占用永久基本农田 {measured} m²，报国务院批准。",
                     f"{measured} m² of permanent farmland, reported to the State Council.", **figures)  # fmt: skip
    return conflict(
        f"占用永久基本农田 {measured} m²（> {SLIVER_M2} m²），省级无权批准转用。",
        f"{measured} m² (> {SLIVER_M2} m²) of permanent farmland: no province may approve this.",
        "提级报国务院批准，或者调整用地范围", "Report it to the State Council, or move the plot",
        where=farmland.geometry, **figures,
    )  # fmt: skip


def _as_surveyed(ask: Ask, field: str, name_zh: str, name_en: str) -> Answer:
    """Compare the area declared in ``field`` with the survey's of the same name."""
    land = land_kinds(ask)
    if not isinstance(land, LandKinds):
        return land
    declared, found = area_of(ask, field), getattr(land, field).quantize(CENT)
    difference = abs(declared - found).quantize(CENT)
    limit = max(SLIVER_M2, DIFFERENCE_SHARE * (ask.area_m2 or 0)).quantize(CENT)
    figures: dict[str, Any] = {"measured": difference, "limit": limit, "unit": "m²", "versions": land.versions}
    zh = f"{name_zh}申报 {declared} m²，调查 {found} m²，相差 {difference} m²"
    en = f"{name_en}: declared {declared} m², surveyed {found} m², {difference} m² apart"
    if difference <= limit:
        return clear(f"{zh}，不超过 {limit} m²。", f"{en}, not over {limit} m².", **figures)
    return conflict(
        f"{zh}，超过 {limit} m²。", f"{en}: over {limit} m².",
        "按最新国土变更调查核对勘测定界；实地已变化的附举证", "Compare with the newest survey; prove what changed since", **figures,
    )  # fmt: skip


def area_of(ask: Ask, field: str) -> Decimal:
    """An area of the form in square metres to the cent; what is not filled in is 0."""
    return Decimal(str(ask.form.get(field) or 0)).quantize(CENT)
