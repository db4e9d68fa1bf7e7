"""Whose land it is, and whether it was taken unlawfully: C-19, C-20. 权属与违法用地."""

from __future__ import annotations

from kunyu.engines.matters.rules.answers import Answer, Ask, clear, not_checked
from kunyu.engines.matters.rules.registry import rule
from kunyu.packs.spatial_planning.rules.judging import has_material, lies_in

PARCELS_OF_RIGHTS = "30201-001"


@rule(
    "C-19", clause="《不动产登记暂行条例》", weight="document", layers=(PARCELS_OF_RIGHTS,), materials=("land_rights",),
    name_zh="权属清楚，无争议、无查封", name_en="Rights are clear, undisputed and not seized",
)  # fmt: skip
def rights_are_clear(ask: Ask) -> Answer:
    """State or collective land without dispute or seizure, from the register or by a document of the registration office."""
    if has_material(ask, "land_rights"):
        return clear("已附权属来源及无争议、无查封证明，内容由审查人员核对。",
                     "Proof of undisputed, unseized rights is attached; the examiner reads it.")  # fmt: skip
    parcels = ask.overlaps[PARCELS_OF_RIGHTS]
    if lies_in(parcels) or parcels.state == "clear":
        return not_checked("no_attribute", "宗地图层不含争议、查封状态，须由登记机构查询。",
                           "The layer of parcels does not say what is disputed or seized: ask the registration office.")  # fmt: skip
    return parcels.unanswered()


@rule(
    "C-20", clause="《土地管理法》(2019) 第七十七条", weight="block", materials=("disposal_decision",), needs_plot=True,
    name_zh="不在未处置的违法用地上", name_en="Not on land taken unlawfully and not yet dealt with",
)  # fmt: skip
def land_was_not_taken_unlawfully(ask: Ask) -> Answer:
    """The catalogue has no layer of unlawful land use: only a statement of the enforcement office can answer."""
    if has_material(ask, "disposal_decision"):
        return clear("已附执法机构关于无违法用地或已处置到位的证明，内容由审查人员核对。",
                     "The enforcement office's statement is attached; the examiner reads it.")  # fmt: skip
    return not_checked("missing", "数据目录没有违法用地图斑图层，也没有执法机构证明。",
                       "The catalogue has no layer of unlawful land use, and no statement is attached.")  # fmt: skip
