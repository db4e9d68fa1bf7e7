"""Why something was not checked, in the few words of a badge. 未核验原因; the sentence and the remedy stand beside it."""

from __future__ import annotations

from collections.abc import Mapping

from kunyu.engines.pages.words import Pair

_PRIOR: Pair = ("无在先文件", "no earlier approval")
_UNSAID: Pair = ("数据未载明", "the data do not say")
_FORM: Pair = ("表单未填", "not filled in")
_NO_DATA: Pair = ("数据缺失", "data missing")
_HIDDEN: Pair = ("无权读取数据", "data may not be read")
_UNREAD: Pair = ("材料未读出", "the material was not read")

REASONS: Mapping[str, Pair] = {
    "missing": _NO_DATA, "nothing_published": _NO_DATA, "county_outline_unknown": _NO_DATA, "no_area": _NO_DATA,
    "not_covered": ("数据未覆盖全部", "data cover a part only"), "stale": ("数据过期", "data out of date"),
    "failed": ("规则出错", "the rule failed"), "timeout": ("超时", "took too long"),
    "too_large": ("地块过大", "the plot is too large"), "too_many": ("数量过多", "too many"),
    "unavailable": ("数据服务不可用", "the data service is down"), "not_available": ("未能核验", "could not be checked"),
    "not_permitted": _HIDDEN, "not_shown": _HIDDEN, "hidden_records": ("有记录不可见", "some records are hidden"),
    "no_plot": ("没有用地范围", "no plot"), "bad_plot": ("用地范围有误", "the plot is faulty"),
    "no_rule": ("没有安装该规则", "the rule is not installed"),
    "no_prior": _PRIOR, "prior_not_here": ("在先文件不在本节点", "the earlier approval is elsewhere"),
    "prior_without_plot": ("在先文件无范围", "the earlier approval has no plot"),
    "no_ledger": ("没有台账", "no ledger"), "no_matrix": ("没有对照表", "no table to compare with"),
    "no_standard": ("标准未填", "the standard is not stated"), "no_local_cap": ("当地标准未填", "the local cap is not stated"),
    "no_attribute": _UNSAID, "core_unknown": _UNSAID, "zone_unknown": _UNSAID, "limits_unknown": _UNSAID,
    "unknown_class": ("地类未归类", "a class of land is not known"), "use_unknown": _FORM, "quality_not_stated": _FORM,
    "field_missing": _FORM, "classified": ("涉密数据，线下核对", "classified: compare on paper"),
    "reading": ("材料读取中", "the material is being read"), "not_stated": ("材料未载明", "the material does not say"),
    "unread": _UNREAD, "unsure": ("材料读不准", "read without certainty"),
}  # fmt: skip


def reason_words(reason: str) -> Pair:
    """The words of a reason; a rule of an outside pack may bring one that this node has no words for."""
    return REASONS.get(reason, (reason, reason))
