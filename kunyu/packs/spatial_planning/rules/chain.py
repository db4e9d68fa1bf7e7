"""One project's documents follow one another: C-18, DU-01, DU-02, TO-01, CH-01 to CH-05 (services.md §3, §4). 前后衔接.

Each later document contains the number of the one before, bears the same project code, lies at least 99 % inside it with
an area at most 1 % different, for a compatible use. Several matters name these rules; what comes before what stands in
:data:`BEFORE`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import shapely

from kunyu.engines.matters.rules.answers import Answer, Ask, clear, conflict, not_checked
from kunyu.engines.matters.rules.naming import use_class
from kunyu.engines.matters.rules.registry import HOUSE_RULE, rule
from kunyu.packs.spatial_planning.rules.compatibility import relation
from kunyu.packs.spatial_planning.rules.judging import M2, PERCENT, does_not_apply, share, text
from kunyu.packs.spatial_planning.rules.thresholds import AREA_DIFFERENCE, INSIDE_SHARE, SLIVER_M2

BEFORE: Mapping[str, tuple[str, ...]] = {
    "S-002": ("S-001",),
    "S-003": ("S-001",),
    "S-004": ("S-002",),
    "S-005": ("S-002",),
    "S-006": ("S-004", "S-005", "S-002", "S-001"),
    "S-007": ("S-006",),
    "S-011": ("S-007",),
}
"""Which matters come before one, the nearest first. 预审 → 转用/征收 → 供地 → 用地规划许可 → 工程规划许可 → 核实."""
DOCUMENTS: Mapping[str, tuple[str, str]] = {
    "S-001": ("用地预审与选址意见书", "pre-approval and site opinion"),
    "S-002": ("农用地转用批准文件", "conversion of agricultural land"),
    "S-003": ("土地征收批准文件", "expropriation"),
    "S-004": ("国有建设用地划拨决定书", "allocation of the land"),
    "S-005": ("国有建设用地出让合同", "assignment of the land"),
    "S-006": ("建设用地规划许可证", "planning permit for land"),
    "S-007": ("建设工程规划许可证", "planning permit for works"),
    "S-011": ("规划核实文件", "verification of planning"),
}
"""What each matter of the chain gives, as people call it, in the order of the chain."""
ORDER = tuple(DOCUMENTS)
CHAIN = "自然资规〔2019〕2号"
PRIOR_FIELD = "prior_number"
GRID_DEGREES = 1e-12
_APART = re.compile(r"[、，,；;\s]+")
Earlier = Mapping[str, Any]


def _approvals(ask: Ask) -> list[Earlier]:
    return [one for one in ask.earlier if one["kind"] == "approval"]


def _running(ask: Ask) -> list[Earlier]:
    return [one for one in ask.earlier if one["kind"] == "running"]


def _same_project(ask: Ask, one: Earlier) -> bool:
    return bool(ask.project_code) and one["project_code"] == ask.project_code


def _stated(ask: Ask) -> set[str]:
    """Numbers of earlier documents that the form states."""
    return {one for one in _APART.split(text(ask, PRIOR_FIELD)) if one}


def _prior(ask: Ask) -> Earlier | None:
    """The approval that this one follows: stated by its number, else the nearest and latest of the same project."""
    stated = _stated(ask)
    named = [one for one in _approvals(ask) if one["number"] in stated]
    nearest = BEFORE.get(ask.matter, ())
    own = [one for one in _approvals(ask) if _same_project(ask, one) and one["matter"] in nearest]
    for found in (named, own):
        if found:
            return min(found, key=lambda one: (_place_in(nearest, one), _late(one)))
    return None


def _place_in(nearest: tuple[str, ...], one: Earlier) -> int:
    return nearest.index(one["matter"]) if one["matter"] in nearest else len(nearest)


def _late(one: Earlier) -> tuple[int, ...]:
    """Sorts later days first."""
    return tuple(-int(part) for part in str(one["decided_on"] or "0").split("-"))


def _needs_none(ask: Ask) -> Answer | None:
    """*Clear* where no document comes before this matter."""
    if ask.matter not in BEFORE:
        return does_not_apply("本事项没有前置文件", "no document comes before this matter")
    if ask.matter == "S-002" and ask.form.get("is_single_site") is False:
        return does_not_apply("批次用地不需要用地预审", "a batch needs no pre-approval")
    return None


def _not_here(ask: Ask) -> Answer:
    if _stated(ask):
        return not_checked("prior_not_here", "表单所填在先文件不在本节点的审批和证照中，须人工核对。",
                           "The earlier document stated in the form is not on this node: let a person compare.")  # fmt: skip
    return not_checked(
        "no_prior", "没有找到同一项目的在先文件，未核验。", "No earlier document of the project was found: not checked."
    )


@rule(
    "C-18", clause=f"{HOUSE_RULE}：同一块地不重复审批", weight="document", needs_plot=True, needs_earlier=True, verified=True,
    name_zh="不与其他有效审批重叠", name_en="Does not overlap other valid approvals",
)  # fmt: skip
def plot_keeps_off_other_approvals(ask: Ask) -> Answer:
    """No more than 1 m² in common with a valid approval of another project; those without a plot cannot be compared."""
    others = [one for one in _approvals(ask) if not _same_project(ask, one)]
    return _kept_off(ask, [one for one in others if one["shared_m2"] is not None], "有效审批", "valid approvals")


@rule(
    "DU-02", clause=f"{HOUSE_RULE}：在办申请的用地不重叠", weight="warn", needs_plot=True, needs_earlier=True, verified=True,
    name_zh="不与其他在办件重叠", name_en="Does not overlap other running cases",
)  # fmt: skip
def plot_keeps_off_other_running_cases(ask: Ask) -> Answer:
    """No more than 1 m² in common with a running case of another project."""
    others = [one for one in _running(ask) if not _same_project(ask, one) and one["shared_m2"] is not None]
    return _kept_off(ask, others, "在办件", "running cases")


def _kept_off(ask: Ask, others: list[Earlier], zh: str, en: str) -> Answer:
    hits = sorted(
        (one for one in others if one["shared_m2"] > SLIVER_M2), key=lambda one: (-one["shared_m2"], one["number"])
    )
    if not hits:
        return clear(f"与其他项目的{zh}不重叠。", f"Overlaps no {en} of other projects.",
                     measured=max((one["shared_m2"] for one in others), default=Decimal("0.00")), limit=SLIVER_M2, unit=M2)  # fmt: skip
    listed = "、".join(f"{one['number']} ({one['shared_m2']} m²)" for one in hits[:5])
    return conflict(
        f"与其他项目的 {len(hits)} 件{zh}重叠：{listed}。", f"Overlaps {len(hits)} {en} of other projects: {listed}.",
        "核实并协调；调整用地范围，或附在先审批已失效、双方同意的文件",
        "Settle it: move the plot, or show that the earlier one lapsed or agrees",
        measured=hits[0]["shared_m2"], limit=SLIVER_M2, unit=M2, where=_common(ask, hits),
    )  # fmt: skip


def _common(ask: Ask, hits: list[Earlier]) -> shapely.Geometry | None:
    plots = [one["plot"] for one in hits if one["plot"] is not None]
    if not plots or ask.plot is None:
        return None
    return shapely.union_all(shapely.intersection(plots, ask.plot, grid_size=GRID_DEGREES), grid_size=GRID_DEGREES)


@rule(
    "DU-01", clause=f"{HOUSE_RULE}：同一项目不重复申请", weight="block", needs_earlier=True, verified=True,
    name_zh="同一项目没有重复的在办件", name_en="The project has no other running case of this matter",
)  # fmt: skip
def project_is_not_applied_for_twice(ask: Ask) -> Answer:
    """No other running case of the matter bears the project code, or asks for (99 % of) the same land."""
    same = [
        one
        for one in _running(ask)
        if one["matter"] == ask.matter and (_same_project(ask, one) or _same_land(ask, one))
    ]
    if not same:
        return clear("没有同一项目或同一地块的在办件。", "No other running case of the project or the land.")
    return conflict(
        f"同一项目或地块已有 {len(same)} 件在办：{'、'.join(one['number'] for one in same[:5])}。",
        f"{len(same)} case(s) of the project or the land are running: {', '.join(one['number'] for one in same[:5])}.",
        "撤回其中一件", "Withdraw one of them", measured=Decimal(len(same)), limit=Decimal(0),
    )  # fmt: skip


def _same_land(ask: Ask, one: Earlier) -> bool:
    if one["shared_m2"] is None or ask.area_m2 is None or not one["area_m2"]:
        return False
    return min(share(one["shared_m2"], ask.area_m2), share(one["shared_m2"], one["area_m2"])) >= INSIDE_SHARE


@rule(
    "TO-01", clause=f"{CHAIN} 法定办理顺序", weight="block", needs_earlier=True, fields=(PRIOR_FIELD, "is_single_site"),
    name_zh="符合法定办理顺序", name_en="Keeps the statutory order",
)  # fmt: skip
def order_is_kept(ask: Ask) -> Answer:
    """What comes before has been granted, and nothing that comes after has been granted already."""
    own = [one for one in _approvals(ask) if _same_project(ask, one)]
    later = [one for one in own if one["matter"] in ORDER and _comes_after(one["matter"], ask.matter)]
    if later:
        zh, en = DOCUMENTS[later[0]["matter"]]
        return conflict(
            f"后续的{zh} {later[0]['number']} 已经核发。",
            f"The later document {later[0]['number']} ({en}) has been issued already.",
            "核实项目代码和办理顺序", "Check project code and order",
        )  # fmt: skip
    none_needed = _needs_none(ask)
    if none_needed is not None:
        return none_needed
    prior = _prior(ask)
    if prior is not None:
        return clear(f"前置文件 {prior['number']} 有效。", f"The earlier document {prior['number']} is valid.")
    if _stated(ask):
        return _not_here(ask)
    return conflict("没有前置文件。", "No earlier document was found or stated.",
                    "先办理前置事项，或在表单中填写在先文件文号",
                    "Do what comes before first, or state the number of the earlier document")  # fmt: skip


def _comes_after(matter: str, this: str) -> bool:
    """Whether ``this`` stands, at any distance, before ``matter``."""
    before = BEFORE.get(matter, ())
    return this in before or any(_comes_after(one, this) for one in before)


@rule(
    "CH-01", clause=f"{CHAIN} 前后衔接", weight="document", needs_earlier=True, fields=(PRIOR_FIELD, "is_single_site"),
    edition=2,
    name_zh="载明在先文件文号", name_en="States the number of the earlier document",
)  # fmt: skip
def number_of_the_earlier_document_is_stated(ask: Ask) -> Answer:
    """The later document contains the number of the earlier one; nobody is asked for one given on the same application."""
    none_needed = _needs_none(ask)
    if none_needed is not None:
        return none_needed
    prior = _prior(ask)
    if prior is None:
        return _not_here(ask)
    if prior["number"] in _stated(ask):
        return clear(f"已载明在先文件 {prior['number']}。", f"The earlier document {prior['number']} is stated.")
    if prior.get("is_together") and not _stated(ask):
        return clear(
            f"在先文件 {prior['number']} 与本件一并申请，文号由系统记入项目登记，不再要求填写。",
            f"The earlier document {prior['number']} was applied for together with this one: the register of projects takes "
            "its number, nobody is asked for it.",
        )
    return conflict(f"没有载明同一项目的在先文件 {prior['number']}。", f"The project's earlier document {prior['number']} is not stated.",
                    "在表单中填写在先文件文号", "State its number in the form")  # fmt: skip


@rule(
    "CH-02", clause=f"{CHAIN} 前后衔接", weight="block", needs_earlier=True, fields=(PRIOR_FIELD, "is_single_site"),
    name_zh="与在先文件项目代码一致", name_en="Bears the project code of the earlier document",
)  # fmt: skip
def project_code_is_that_of_the_earlier_document(ask: Ask) -> Answer:
    """Both bear one project code."""
    found = _needs_none(ask)
    if found is not None:
        return found
    prior = _prior(ask)
    if prior is None:
        return _not_here(ask)
    if _same_project(ask, prior):
        return clear("项目代码一致。", "The project code is the same.")
    return conflict(
        f"在先文件 {prior['number']} 的项目代码为 {prior['project_code'] or '（无）'}，本件为 {ask.project_code or '（无）'}。",
        f"The earlier document {prior['number']} bears {prior['project_code'] or 'none'}, this one {ask.project_code or 'none'}.",
        "核对投资项目代码", "Check the project code",
    )  # fmt: skip


def _compared(ask: Ask) -> tuple[Earlier | None, Answer | None]:
    """The earlier document whose plot is known, or the answer where there is none to compare with."""
    found = _needs_none(ask)
    if found is not None:
        return None, found
    prior = _prior(ask)
    if prior is None:
        return None, _not_here(ask)
    if prior["plot"] is None or not prior["area_m2"] or prior["outside_m2"] is None:
        return None, not_checked("prior_without_plot", f"在先文件 {prior['number']} 没有地块范围，不能比较。",
                                 f"The earlier document {prior['number']} has no plot to compare with.")  # fmt: skip
    return prior, None


@rule(
    "CH-03", clause=f"{CHAIN} 前后衔接", weight="block", needs_plot=True, needs_earlier=True, fields=(PRIOR_FIELD,),
    name_zh="地块在在先审批范围内", name_en="Lies inside the earlier approval",
)  # fmt: skip
def plot_lies_inside_the_earlier_one(ask: Ask) -> Answer:
    """At least 99 % of the plot lies inside the earlier document's."""
    prior, answer = _compared(ask)
    if prior is None:
        assert answer is not None
        return answer
    assert ask.area_m2 is not None
    inside = share(ask.area_m2 - prior["outside_m2"], ask.area_m2)
    figures = {"measured": inside, "limit": INSIDE_SHARE, "unit": PERCENT}
    if inside >= INSIDE_SHARE:
        return clear(f"{inside}% 在 {prior['number']} 范围内，不低于 {INSIDE_SHARE}%。",
                     f"{inside}% lie inside {prior['number']}, not below {INSIDE_SHARE}%.", **figures)  # fmt: skip
    return conflict(
        f"只有 {inside}% 在 {prior['number']} 范围内（应不低于 {INSIDE_SHARE}%），有 {prior['outside_m2']} m² 超出。",
        f"Only {inside}% lie inside {prior['number']} (at least {INSIDE_SHARE}%); {prior['outside_m2']} m² lie outside.",
        "调整到在先审批范围内，或先变更在先文件", "Keep inside it, or have the earlier document changed first",
        where=shapely.difference(ask.plot, prior["plot"], grid_size=GRID_DEGREES), **figures,
    )  # fmt: skip


@rule(
    "CH-04", clause=f"{CHAIN} 前后衔接", weight="document", needs_plot=True, needs_earlier=True,
    fields=(PRIOR_FIELD, "is_part"),
    name_zh="面积与在先审批一致", name_en="Has the area of the earlier approval",
)  # fmt: skip
def area_is_that_of_the_earlier_one(ask: Ask) -> Answer:
    """The areas differ by at most 1 %; land supplied in parts may be smaller."""
    prior, answer = _compared(ask)
    if prior is None:
        assert answer is not None
        return answer
    assert ask.area_m2 is not None
    difference = share(abs(ask.area_m2 - prior["area_m2"]), prior["area_m2"])
    figures = {"measured": difference, "limit": AREA_DIFFERENCE, "unit": PERCENT}
    if ask.form.get("is_part") is True and ask.area_m2 < prior["area_m2"]:
        return clear("分期供地，面积小于在先审批。", "Supplied in parts: smaller than the earlier approval.", **figures)
    if difference <= AREA_DIFFERENCE:
        return clear(f"面积与 {prior['number']} 相差 {difference}%，不超过 {AREA_DIFFERENCE}%。",
                     f"The area differs from {prior['number']} by {difference}%, not over {AREA_DIFFERENCE}%.", **figures)  # fmt: skip
    return conflict(
        f"面积 {ask.area_m2} m²，{prior['number']} 为 {prior['area_m2']} m²，相差 {difference}%，超过 {AREA_DIFFERENCE}%。",
        f"{ask.area_m2} m² against {prior['area_m2']} m² of {prior['number']}: {difference}% apart, over {AREA_DIFFERENCE}%.",
        "说明原因；分期供地的在表单中选择", "Say why; for land supplied in parts, say so in the form", **figures,
    )  # fmt: skip


@rule(
    "CH-05", clause=f"{CHAIN} 前后衔接", weight="block", needs_earlier=True, fields=(PRIOR_FIELD, "use_code"),
    name_zh="用途与在先审批相容", name_en="Is for a use the earlier approval admits",
)  # fmt: skip
def use_fits_the_earlier_one(ask: Ask) -> Answer:
    """The use asked for is the earlier document's, or one it admits."""
    found = _needs_none(ask)
    if found is not None:
        return found
    prior, use = _prior(ask), text(ask, "use_code")
    if prior is None:
        return _not_here(ask)
    if not use or not prior["use_code"]:
        return not_checked(
            "use_unknown", "本件或在先文件没有用途代码，不能比较。", "One of the two states no use: not compared."
        )
    own, before = use_class(use), use_class(prior["use_code"])
    if relation(prior["use_code"], use) == "compatible":
        return clear(
            f"用途“{own[0]}”与在先文件的“{before[0]}”相容。",
            f"The use, {own[1]}, fits {before[1]} of the earlier document.",
        )
    return conflict(
        f"用途“{own[0]}”与 {prior['number']} 的用途“{before[0]}”不相容。",
        f"The use, {own[1]}, does not fit {before[1]} of {prior['number']}.",
        "按在先审批的用途申请，或先变更在先文件", "Ask for the approved use, or have the earlier document changed first",
    )  # fmt: skip
