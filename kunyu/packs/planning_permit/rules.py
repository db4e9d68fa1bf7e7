"""May a planning permit for land be given? 建设用地规划许可证核验规则.

That it follows the project's earlier documents, keeps off control lines and fits the plan is judged by the rules of spatial
planning; here stands what only this matter asks. Clauses were recalled, not re-read: no rule is ``verified``.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from kunyu.engines.matters.rules.answers import Answer, Ask, clear, conflict
from kunyu.engines.matters.rules.covering import covered_m2
from kunyu.engines.matters.rules.land_kinds import PARCELS, land_kinds
from kunyu.engines.matters.rules.registry import rule

SLIVER_M2 = Decimal("1")
"""Areas up to this are digitising noise. [design]"""

LEAST_INSIDE = Decimal("0.99")
"""Share of the plot that conversions must cover (services.md §3). [design]"""

CONVERSION = "S-002"
SUPPLY_NUMBER = re.compile(r"(\d{6})(\d{4})[A-Z]\d{5}")
"""电子监管号: division, year, letter, five digits (registers.md §1, recalled)."""

CENT = Decimal("0.01")


@rule(
    "PP-001", clause="《城乡规划法》(2019) 第三十七条、第三十八条", weight="block", materials=("supply_document",),
    fields=("supply_number", "supply_date"),
    name_zh="已有供地决定", name_en="The supply of the land is decided",
)  # fmt: skip
def supply_is_decided(ask: Ask) -> Answer:
    """The decision of allocation or contract of assignment is there, numbered for this division. 供地决定及电子监管号."""
    number = str(ask.form.get("supply_number") or "").strip().upper()
    supplied_on = str(ask.form.get("supply_date") or "")
    faults: list[tuple[str, str]] = []
    if "supply_document" not in ask.materials:
        faults.append(("未提交划拨决定书或出让合同", "the decision or contract is not handed in"))
    found = SUPPLY_NUMBER.fullmatch(number)
    if not number:
        faults.append(("没有填写电子监管号", "its number is missing"))
    elif found is None:
        faults.append((f"电子监管号“{number}”应为区划6位、年份4位、字母、5位序号",
                       f"“{number}” is not division 6, year 4, a letter, 5 digits"))  # fmt: skip
    elif found[1] != ask.division[:6]:
        faults.append((f"电子监管号 {number} 的前六位是区划 {found[1]}，不是申请所在的“{ask.division_words}”（{ask.division[:6]}）",
                       f"{number} begins with division {found[1]}, not with that of {ask.division_words} ({ask.division[:6]})"))  # fmt: skip
    if not supplied_on:
        faults.append(("没有填写签订（决定）日期", "its date is missing"))
    elif supplied_on > ask.day.isoformat():
        faults.append(
            (f"签订（决定）日期 {supplied_on} 晚于申请日 {ask.day}", f"its date {supplied_on} is after {ask.day}")
        )
    if not faults:
        return clear(f"供地文件 {number} 已于 {supplied_on} 生效。", f"Supplied by {number} on {supplied_on}.")
    said = "; ".join(en for _, en in faults)
    return conflict(
        "；".join(zh for zh, _ in faults) + "。", f"{said[0].upper()}{said[1:]}.",
        "补齐供地文件，核对电子监管号和日期", "Hand in the document; check its number and date",
    )  # fmt: skip


@rule(
    "PP-002", clause="《土地管理法》(2019) 第四十四条", weight="block", sums=(PARCELS,), needs_earlier=True, edition=2,
    name_zh="农用地已批准转用", name_en="Agricultural land in the plot was converted",
)  # fmt: skip
def agricultural_land_was_converted(ask: Ask) -> Answer:
    """Agricultural land the survey still shows is covered by approved conversions. 先转用后供地."""
    land = land_kinds(ask)
    if isinstance(land, Answer):
        return land
    covered = covered_m2(ask, ask.approvals(CONVERSION, of_project=False)).quantize(CENT)
    measured = land.agricultural_m2.quantize(CENT)
    figures: dict[str, Any] = {"measured": measured, "limit": SLIVER_M2, "unit": "m²", "versions": land.versions}
    if measured <= SLIVER_M2:
        return clear(f"地块内农用地 {measured} m²，不超过 {SLIVER_M2} m²。",
                     f"{measured} m² of agricultural land, not over {SLIVER_M2} m².", **figures)  # fmt: skip
    if covered >= LEAST_INSIDE * _area(ask):
        return clear(f"地块内农用地 {measured} m²，已批准转用 {covered} m²。",
                     f"{measured} m² of agricultural land, {covered} m² converted.", **figures)  # fmt: skip
    return conflict(
        f"地块内有农用地 {measured} m²，已批准转用的只有 {covered} m²。",
        f"The plot holds {measured} m² of agricultural land; only {covered} m² was converted.",
        "先办理农用地转用审批", "Have the agricultural land converted first", where=ask.plot, **figures,
    )  # fmt: skip


def _area(ask: Ask) -> Decimal:
    """The plot's area; the rules that ask for it are declared to need a plot."""
    assert ask.area_m2 is not None
    return ask.area_m2
