"""What to do about an answer that was not checked, by its reason: told to applicants and examiners alike. 未核验的处理.

A rule that knows better says so itself. No sentence here tells of records, rights or this node more than the reason may;
reasons that must not be told are told as ``not_available`` (:mod:`rules.disclosure`).
"""

from __future__ import annotations

from collections.abc import Mapping

EXAMINER = (
    "由审查人员人工核实；确需决定的，由有审批权限的人员写明理由",
    "An examiner looks at it; to decide all the same, somebody entitled gives the reason",
)
_OTHER_READER = ("由权限包含这些记录的人员核验，或由审查人员人工核实",
                 "Somebody whose rights reach these records checks it, or an examiner looks at it")  # fmt: skip
_LATER = (
    "稍后重新核验；仍然如此，请系统管理员查看节点日志",
    "Check again later; if it stays so, the node's administrator looks at its log",
)
_PLOT = ("绘制或上传地块后重新核验", "Draw or upload the plot, then check again")
_LAYER = ("由数据管理员发布该图层后重新核验，或由审查人员人工核实",
          "Check again once the data steward has published the layer, or let an examiner look at it")  # fmt: skip
_DOCUMENT = ("附上有关部门的意见或证明，或由审查人员向其核实",
             "Attach what the office concerned says, or let an examiner ask it")  # fmt: skip
_FORM = ("在表单中补充填写后重新核验", "Fill it in, then check again")
_LEDGER = ("由审查人员在指标管理部门核实指标已落实，并在决定中写明",
           "An examiner asks the office that keeps the account, and the decision says so")  # fmt: skip
_PRIOR = (
    "填写在先文件文号并附文件，或由审查人员人工核对",
    "State the number and attach the document, or let an examiner compare",
)

REMEDIES: Mapping[str, tuple[str, str]] = {
    "bad_plot": ("改正坐标后重新上传地块", "Correct the coordinates and upload the plot again"),
    "no_plot": _PLOT,
    "too_large": ("拆分地块后分别申请，或由审查人员人工核实", "Apply for parts of the plot, or let an examiner look at it"),
    "missing": _LAYER,
    "nothing_published": _LAYER,
    "not_covered": (
        "核对地块位置和所申请的行政区；跨行政区的分别申请，没有数据的部分由审查人员人工核实",
        "Check where the plot lies; apply in each division; an examiner looks at the part without data",
    ),
    "county_outline_unknown": _LAYER,
    "stale": ("由数据管理员发布最新数据后重新核验，或由审查人员按现状核实",
              "Check again once newer data are published, or let an examiner look at the land"),
    "no_area": EXAMINER,
    "hidden_records": _OTHER_READER,
    "not_permitted": _OTHER_READER,
    "not_shown": _OTHER_READER,
    "timeout": _LATER,
    "failed": _LATER,
    "too_many": EXAMINER,
    "no_rule": ("由系统管理员安装含该规则的业务包", "The node's administrator installs the pack that declares the rule"),
    "not_available": EXAMINER,
    "no_ledger": _LEDGER,
    "no_attribute": _DOCUMENT,
    "classified": _DOCUMENT,
    "no_matrix": EXAMINER,
    "no_standard": ("填写土地使用标准允许面积，或附节地评价报告", "State the area the standard allows, or attach an assessment"),
    "no_local_cap": ("由事项管理人在本地版本中填写宅基地面积标准", "The matter's owner states the local cap"),
    "field_missing": _FORM,
    "limits_unknown": ("补充填写规划条件，或由审查人员对照详细规划文本", "State the conditions, or compare with the plan's text"),
    "quality_not_stated": _FORM,
    "core_unknown": EXAMINER,
    "zone_unknown": EXAMINER,
    "unknown_class": EXAMINER,
    "prior_not_here": _PRIOR,
    "no_prior": _PRIOR,
    "prior_without_plot": EXAMINER,
    "use_unknown": _FORM,
    "not_stated": ("更换为载明该项内容的材料，或由审查人员对照原件", "Hand in a material that states it, or let an examiner compare"),
    "reading": ("材料仍在读取，请稍后重新核验", "The materials are being read: check again in a while"),
    "unsure": ("请人工对照原件；可上传带文字层的 PDF", "Compare with the original; a PDF with a text layer can be read"),
    "unread": ("请人工对照原件；可上传带文字层的 PDF", "Compare with the original; a PDF with a text layer can be read"),
}  # fmt: skip


def remedy_of(reason: str) -> tuple[str, str]:
    """What to do, in both languages; where nothing is known of a reason, an examiner looks."""
    return REMEDIES.get(reason, EXAMINER)
