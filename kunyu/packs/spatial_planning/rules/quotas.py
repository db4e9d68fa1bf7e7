"""What has to be booked: C-13 farmland made up for, C-14 quota of new construction land. 指标.

The accounts that would confirm both are ledgers this node does not keep yet: where land is taken the answer is *not
checked*, with the area to be booked; it is *clear* only where nothing is taken.
"""

from __future__ import annotations

from kunyu.engines.matters.rules.answers import Answer, Ask, clear, not_checked
from kunyu.engines.matters.rules.land_kinds import PARCELS, land_kinds
from kunyu.engines.matters.rules.registry import rule
from kunyu.packs.spatial_planning.rules.judging import M2, of_classes
from kunyu.packs.spatial_planning.rules.thresholds import SLIVER_M2

CULTIVATED = ("0101", "0102", "0103")


@rule(
    "C-13", clause="《土地管理法》(2019) 第三十条 占补平衡", weight="document", edition=2, sums=(PARCELS,), fields=("balance_id",),
    name_zh="占用耕地已落实占补平衡", name_en="Cultivated land taken is made up for",
)  # fmt: skip
def cultivated_land_is_made_up_for(ask: Ask) -> Answer:
    """Cultivated land taken, by the survey, is reserved in the account of land made up for."""
    kinds = land_kinds(ask)
    if isinstance(kinds, Answer):
        return kinds  # a survey with holes in it, or with classes nobody knows, does not say that nothing is taken
    taken = of_classes(ask.overlaps[PARCELS], *CULTIVATED)
    if taken <= SLIVER_M2:
        return clear("不占用耕地。", "Takes no cultivated land.", measured=taken, limit=SLIVER_M2, unit=M2)
    return not_checked(
        "no_ledger", f"占用耕地 {taken} m²；台账未建：本节点还没有占补平衡指标台账，不能确认指标，须人工核实指标已落实。",
        f"Takes {taken} m² of cultivated land; no ledger: this node keeps no account of land made up for yet; a person "
        "confirms it.",
        measured=taken, limit=SLIVER_M2, unit=M2,
    )  # fmt: skip


@rule(
    "C-14", clause="《土地管理法》(2019) 第二十三条 土地利用年度计划", weight="document", sums=(PARCELS,),
    name_zh="新增建设用地有计划指标", name_en="New construction land has its quota",
)  # fmt: skip
def new_construction_land_has_its_quota(ask: Ask) -> Answer:
    """What is not construction land by the survey needs quota of the year and region."""
    kinds = land_kinds(ask)
    if isinstance(kinds, Answer):
        return kinds
    new = kinds.agricultural_m2 + kinds.unused_m2
    if new <= SLIVER_M2:
        return clear("全部为现状建设用地，不新增建设用地。", "All of it is construction land already.",
                     measured=new, limit=SLIVER_M2, unit=M2)  # fmt: skip
    return not_checked(
        "no_ledger", f"新增建设用地 {new} m²；台账未建：本节点还没有计划指标台账，不能确认指标，须人工核实指标已落实。",
        f"{new} m² of new construction land; no ledger: this node keeps no account of quotas yet; a person confirms it.",
        measured=new, limit=SLIVER_M2, unit=M2,
    )  # fmt: skip
