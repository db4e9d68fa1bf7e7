"""What another office must answer first: C-11 geohazards, C-12 minerals below, C-17 airspace and defence. 前置意见."""

from __future__ import annotations

from kunyu.engines.matters.rules.answers import Answer, Ask, clear, conflict, not_checked
from kunyu.engines.matters.rules.registry import rule
from kunyu.packs.spatial_planning.rules.judging import free_of, has_material, hit, text

MINERALS = "10601-002"
AGENCIES = (
    ("clearance_opinion", "机场净空", "airport clearance"),
    ("microwave_opinion", "微波通道", "microwave paths"),
    ("military_opinion", "军事设施", "military facilities"),
)


@rule(
    "C-11", clause="《地质灾害防治条例》第二十一条", weight="document", materials=("geohazard_report",),
    fields=("geohazard_report_id",), needs_plot=True,
    name_zh="地质灾害易发区内有危险性评估", name_en="Prone to geohazards, it has been assessed",
)  # fmt: skip
def geohazards_were_assessed(ask: Ask) -> Answer:
    """The catalogue has hazard points but no susceptibility zones: only the assessment can answer."""
    named = text(ask, "geohazard_report_id")
    if named:
        return clear(
            f"已填写地质灾害危险性评估报告编号 {named}。", f"The number of the geohazard assessment is stated: {named}."
        )
    if has_material(ask, "geohazard_report"):
        return clear("已附地质灾害危险性评估报告。", "The geohazard assessment is attached.")
    return not_checked("missing", "数据目录没有地质灾害易发区图层，也没有危险性评估报告。",
                       "The catalogue has no layer of susceptibility to geohazards, and no assessment is given.")  # fmt: skip


@rule(
    "C-12", clause="《矿产资源法》(2009) 第三十三条", weight="document", layers=(MINERALS,),
    materials=("mineral_agreement",), fields=("mineral_approval_id",),
    name_zh="压覆重要矿产资源已批准", name_en="Covering important minerals has been approved",
)  # fmt: skip
def covering_minerals_was_approved(ask: Ask) -> Answer:
    """Over important deposits an approval of covering them, or an agreement with the holder of the mining right."""
    answer = free_of(ask.overlaps[MINERALS])
    if answer is not None and answer.state == "clear":
        return answer
    if text(ask, "mineral_approval_id"):
        return clear("已填写压覆矿产资源批复文号。", "The number of the approval to cover minerals is stated.")
    if has_material(ask, "mineral_agreement"):
        return clear("已附与矿业权人的协议。", "The agreement with the holder of the mining right is attached.")
    if answer is not None:
        return answer
    figures = hit(ask.overlaps[MINERALS])
    return conflict(f"压覆重要矿产资源 {figures['measured']} m²，没有批复或协议。",
                    f"Covers {figures['measured']} m² of important minerals without approval or agreement.",
                    "办理压覆审批，或附与矿业权人的协议", "Have it approved, or attach the agreement", **figures)  # fmt: skip


@rule(
    "C-17", clause="《民用航空法》净空保护；《军事设施保护法》", weight="document", needs_plot=True,
    materials=tuple(one[0] for one in AGENCIES),
    name_zh="机场净空、微波通道、军事设施主管单位意见", name_en="Opinions on airspace, microwave paths and defence",
)  # fmt: skip
def agencies_of_airspace_and_defence_agree(ask: Ask) -> Answer:
    """Those layers lie on the classified network: the agencies answer yes or no in a letter, this node never looks."""
    missing = [(zh, en) for kind, zh, en in AGENCIES if not has_material(ask, kind)]
    if not missing:
        return clear(
            "三类主管单位意见已附，内容由审查人员核对。", "All three opinions are attached; the examiner reads them."
        )
    zh, en = "、".join(one[0] for one in missing), ", ".join(one[1] for one in missing)
    return not_checked("classified", f"相关控制范围只在涉密网络核验；缺少{zh}主管单位意见。",
                       f"These limits are checked on the classified network only; opinions missing: {en}.")  # fmt: skip
