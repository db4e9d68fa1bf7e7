"""Why a layer was not checked, or not whole: a stable code and a sentence in both languages. 未检测的理由."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from kunyu.kernel.errors import KunyuError

if TYPE_CHECKING:
    from kunyu.engines.analysis.coverage import Ground
    from kunyu.engines.analysis.questions import Question


@dataclass(frozen=True)
class Reason:
    """``code`` is for programs and never changes its meaning."""

    code: str
    zh: str
    en: str


def missing(collection: str) -> Reason:
    """Unknown, without published data, or not visible: who may not see a layer is not told which."""
    return Reason(
        "missing",
        f"没有已发布的图层 {collection}，或者您无权查看。",
        f"There is no published layer {collection}, or you may not see it.",
    )


def not_permitted(collection: str) -> Reason:
    return Reason(
        "not_permitted",
        f"您可以看到 {collection}，但没有查询权限，因此未检测。",
        f"You may see {collection} but not query it, so it was not checked.",
    )


def no_area(collection: str) -> Reason:
    return Reason(
        "no_area", f"{collection} 不是面图层，不能叠置。", f"{collection} is no area layer; it has no overlap."
    )


def nothing_published(question: Question) -> Reason:
    day, known = question.valid_at, question.known_text
    return Reason(
        "nothing_published",
        f"在 {day}（截至 {known} 所知），该图层还没有您可查询的已发布数据。",
        f"On {day} (as known at {known}) nothing of this layer that you may query was published.",
    )


def not_covered(ground: Ground, plot_m2: float) -> Reason:
    if ground.unknown and not ground.counties:
        named = "、".join(ground.unknown)
        return Reason(
            "county_outline_unknown",
            f"本节点没有区划 {named} 的行政区图层或边界，无法确认地块是否全部在有数据的范围内。",
            f"This node knows no outline of {named}, so it cannot be shown that the plot lies where there is data.",
        )
    share = 1.0 if plot_m2 <= 0 else min(1.0, ground.uncovered_m2 / plot_m2)
    return Reason(
        "not_covered",
        f"地块有 {ground.uncovered_m2:,.2f} 平方米（{share:.2%}）不在该图层已发布的县级范围内，该部分未检测。",
        f"{ground.uncovered_m2:,.2f} m² ({share:.2%}) of the plot lie outside the counties this layer is published for; "
        "that part was not checked.",
    )


def hidden_records() -> Reason:
    return Reason(
        "hidden_records",
        "该图层有些记录的密级高于您的权限，您看不到，因此不能断定没有冲突。",
        "Some records of this layer bear labels above your rights; that nothing was found proves nothing.",
    )


def stale(oldest: date, age: int, limit: int) -> Reason:
    return Reason(
        "stale",
        f"该图层的数据自 {oldest} 起有效，距所问日期 {age} 天，超过 {limit} 天的时限。",
        f"The data of this layer are valid from {oldest}, {age} days before the day asked; the limit is {limit} days.",
    )


def not_shown(counties: tuple[str, ...]) -> Reason:
    """The database hides records that the gateway let through, or has none where a version counts some."""
    listed = "、".join(counties)
    return Reason(
        "not_shown",
        f"数据库没有给出 {listed} 的全部记录：权限刚到期、账户停用、密级刚变更，或数据表缺失，因此不能断定没有冲突。",
        f"The database did not show all records of {', '.join(counties)}: a right has just ended, an account was switched "
        "off, a label was raised, or part of the table is missing. That nothing was found proves nothing.",
    )


def too_slow(error: KunyuError) -> Reason:
    seconds = error.context.get("limit_seconds")
    return Reason(
        "timeout",
        f"查询超过 {seconds:g} 秒，已停止，因此未检测。" if seconds else "查询超时，因此未检测。",
        f"The query ran longer than {seconds:g} s and was stopped; not checked." if seconds else "The query timed out.",
    )


def failed(error: Exception) -> Reason:
    said = type(error).__name__
    return Reason(
        "failed",
        f"读取该图层失败（{said}），因此未检测；详情见节点日志。",
        f"Reading this layer failed ({said}); it was not checked. The node's log has the details.",
    )
