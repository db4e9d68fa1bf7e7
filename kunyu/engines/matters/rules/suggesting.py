"""A suggested opinion from the answers of a check, each point with its clause. 智能审批建议.

The text is what an examiner may take over, change or leave; it is made of what *he* is told of the check and is never a
decision: whoever signs gives his own opinion, and the suggestion is kept beside it (:class:`models.Opinion`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kunyu.engines.matters.rules.disclosure import Told

Tendency = Literal["refuse", "complete", "look", "agree"]


@dataclass(frozen=True)
class Point:
    """One reason of a suggestion."""

    rule: str
    state: str
    weight: str
    clause: str
    text_zh: str
    text_en: str


@dataclass(frozen=True)
class Suggestion:
    """What the answers point to, in words, with the reasons in the order of their weight."""

    tendency: Tendency
    text_zh: str
    text_en: str
    points: tuple[Point, ...]


_HEAD = {
    "refuse": ("存在不符合项，建议退回调整或不予批准。",
               "Something does not conform: suggest that the plot be adjusted, or a refusal."),
    "complete": ("须补充材料后再审，建议告知申请人一次性补正。",
                 "Documents are missing: suggest that the applicant be asked for all of them at once."),
    "look": ("有未核验项，建议核实后再提出意见；未核验不等于通过。",
             "Something was not checked: suggest looking at it first; not checked is not clear."),
    "agree": ("自动核验未发现问题，建议通过审查。", "The automatic checks found nothing against it: suggest approval."),
}  # fmt: skip
_CAVEAT = (
    "以上由系统依据自动核验结果生成，仅供参考，不是审查意见，更不是决定。",
    "Made by the system from the automatic checks, for reference: neither an opinion nor a decision.",
)
_WEIGHTS = {"block": ("不符合", "does not conform"), "document": ("须补充材料", "needs a document"),
            "warn": ("提示", "note")}  # fmt: skip
_ORDER = ("block", "document", "warn")


def suggest(answers: Sequence[Told]) -> Suggestion:
    """The suggestion that follows from the answers somebody was told."""
    conflicts = [one for one in answers if one.state == "conflict"]
    open_points = [one for one in answers if one.state == "not_checked"]
    conflicts.sort(key=lambda one: (_ORDER.index(one.weight), one.rule))
    points = tuple(_point(one) for one in (*conflicts, *sorted(open_points, key=lambda one: one.rule)))
    tendency = _tendency({one.weight for one in conflicts}, has_open=bool(open_points))
    clear = sum(one.state == "clear" for one in answers)
    zh, en = _HEAD[tendency]
    count_zh = f"共核验 {len(answers)} 项：通过 {clear} 项，冲突 {len(conflicts)} 项，未核验 {len(open_points)} 项。"
    count_en = f"{len(answers)} checks: {clear} clear, {len(conflicts)} in conflict, {len(open_points)} not checked."
    return Suggestion(
        tendency,
        "\n".join([zh, count_zh, *(f"{k}. {one.text_zh}" for k, one in enumerate(points, 1)), _CAVEAT[0]]),
        "\n".join([en, count_en, *(f"{k}. {one.text_en}" for k, one in enumerate(points, 1)), _CAVEAT[1]]),
        points,
    )


def _tendency(weights: set[str], *, has_open: bool) -> Tendency:
    if "block" in weights:
        return "refuse"
    if "document" in weights:
        return "complete"
    return "look" if has_open else "agree"


def _point(one: Told) -> Point:
    kind = _WEIGHTS[one.weight] if one.state == "conflict" else ("未核验", "not checked")
    clause = one.clause or "—"
    remedy = (f"；{one.remedy_zh}", f"; {one.remedy_en}") if one.remedy_zh else ("", "")
    return Point(
        one.rule, one.state, one.weight, clause,
        f"【{kind[0]}】{one.rule} {one.name_zh}：{one.message_zh.rstrip('。')}{remedy[0].rstrip('。')}（依据：{clause}）。",
        f"[{kind[1]}] {one.rule} {one.name_en}: {one.message_en.rstrip('.')}{remedy[1].rstrip('.')} (basis: {clause}).",
    )  # fmt: skip
