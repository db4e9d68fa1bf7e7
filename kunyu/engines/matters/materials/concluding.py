"""One answer, in words, of what all materials do to what is expected: each place, each value with its unit. 比对结论."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Any

from kunyu.engines.matters.materials import facts
from kunyu.engines.matters.materials.statements import AGREES, DIFFERS, SILENT, UNREAD, UNSURE, Found, conflicts_first
from kunyu.engines.matters.rules.answers import Answer, clear, conflict, not_checked
from kunyu.engines.matters.rules.remedies import remedy_of

AREA_LIMIT_PERCENT = Decimal(1)
"""Areas of one plot differ by at most 1 %: this product's own tolerance, no text of law names one."""
_LISTED = 6


def concluded(found: list[Found], zh: str, en: str) -> Answer:
    """The answer on one thing, named in both languages, by the worst of what materials do to it."""
    ordered = list(conflicts_first(found))
    differing = [one for one in ordered if one.verdict == DIFFERS]
    if differing:
        return _conflict(differing, zh, en)
    open_ones = [one for one in ordered if one.verdict in (UNSURE, UNREAD)]
    if open_ones:
        return left_open(open_ones, zh, en)
    agreeing = [one for one in ordered if one.verdict == AGREES]
    if not agreeing:
        listed = "、".join(f"“{one.handed.name_zh}”" for one in ordered[:_LISTED])
        return not_stated(f"材料{listed}没有载明{zh}，未核对。", f"No material states the {en}: not checked.")
    silent_zh = "、".join(f"“{one.handed.name_zh}”" for one in ordered if one.verdict == SILENT)
    silent_en = ", ".join(one.handed.name_en for one in ordered if one.verdict == SILENT)
    within_zh, within_en = _within(agreeing)
    return clear(
        f"{len(agreeing)} 处{zh}与{agreeing[0].expected.where_zh}{within_zh}一致"
        + (f"；{silent_zh}未载明。" if silent_zh else "。"),
        f"The {en} agrees with {agreeing[0].expected.where_en}{within_en} in {len(agreeing)} places"
        + (f"; {silent_en} do not state it." if silent_en else "."),
        **_measured(agreeing),
    )


def _within(agreeing: list[Found]) -> tuple[str, str]:
    """Of areas: the area they agree with, how far they are from it, and how far they may be."""
    figures = _measured(agreeing)
    if not figures:
        return "", ""
    shown = agreeing[0].expected.shown
    return (
        f"（{shown}，最多相差 {figures['measured']}%，允许 {AREA_LIMIT_PERCENT}%）",
        f" ({shown}; at most {figures['measured']}% apart, {AREA_LIMIT_PERCENT}% allowed)",
    )


def _conflict(differing: list[Found], zh: str, en: str) -> Answer:
    said_zh = "；".join(_said_zh(one) for one in differing[:_LISTED])
    said_en = "; ".join(_said_en(one) for one in differing[:_LISTED])
    rest = f"……等 {len(differing)} 处" if len(differing) > _LISTED else ""
    allowed_zh, allowed_en = _allowed(differing)
    return conflict(
        f"{zh}不一致：{said_zh}{rest}{allowed_zh}。", f"The {en} differs: {said_en}{allowed_en}.",
        "请核对，更正申请信息或更换材料", "Check; correct the application or replace the material", **_measured(differing),
    )  # fmt: skip


def _said_zh(one: Found) -> str:
    assert one.fact is not None
    bad = "（校验码不符）" if not one.fact.get("is_good", True) else ""
    fixed = "（已按校验码更正识别字符）" if one.fact.get("note") == "corrected" else ""
    return (
        f"{one.place_zh}为“{one.said}”{_also_m2_zh(one)}{bad}{fixed}，"
        f"{one.expected.where_zh}为“{one.expected.shown}”{_apart(one)[0]}"
    )


def _said_en(one: Found) -> str:
    assert one.fact is not None
    bad = " (wrong check character)" if not one.fact.get("is_good", True) else ""
    return (
        f"{one.place_en} says '{one.said}'{_also_m2_en(one)}{bad}, "
        f"{one.expected.where_en} '{one.expected.shown}'{_apart(one)[1]}"
    )


def _also_m2_zh(one: Found) -> str:
    return f"（{one.said_m2}）" if one.said_m2 else ""


def _also_m2_en(one: Found) -> str:
    return f" ({one.said_m2})" if one.said_m2 else ""


def _apart(one: Found) -> tuple[str, str]:
    """Of an area, how far it is from the expected one."""
    figures = _measured([one])
    return (f"，相差 {figures['measured']}%", f", {figures['measured']}% apart") if figures else ("", "")


def _allowed(found: list[Found]) -> tuple[str, str]:
    """Of areas, how far they may be apart."""
    if not _measured(found):
        return "", ""
    return f"；允许相差不超过 {AREA_LIMIT_PERCENT}%", f"; at most {AREA_LIMIT_PERCENT}% apart is allowed"


def left_open(open_ones: list[Found], zh: str, en: str) -> Answer:
    """*Not checked*, because materials were not read, or unsurely."""
    first = open_ones[0]
    waiting = any(one.handed.reading == "waiting" for one in open_ones)
    reason = "reading" if waiting else "unsure" if first.verdict == UNSURE else "unread"
    said_zh = "；".join(_open_zh(one) for one in open_ones[:_LISTED])
    said_en = "; ".join(_open_en(one) for one in open_ones[:_LISTED])
    allowed_zh, allowed_en = _allowed(open_ones)
    remedy = ("请稍后重新核验", "Check again in a while") if waiting else (
        "请人工对照原件；可上传带文字层的 PDF", "Compare with the original; a PDF with a text layer can be read"
    )  # fmt: skip
    return not_checked(
        reason,
        f"{zh}未核对：{said_zh}{allowed_zh}。",
        f"The {en} is not checked: {said_en}{allowed_en}.",
        remedy_zh=remedy[0],
        remedy_en=remedy[1],
    )


def _open_zh(one: Found) -> str:
    if one.fact is not None:
        sure = f"识别把握 {float(one.fact['confidence']):.0%}" if one.fact["source"] == "ocr" else "未注明是否为总面积"
        return (
            f"{one.place_zh}读作“{one.said}”{_also_m2_zh(one)}（{sure}），"
            f"{one.expected.where_zh}为“{one.expected.shown}”{_apart(one)[0]}"
        )
    return f"材料“{one.handed.name_zh}”（{one.handed.file_name}）" + _READING_ZH.get(one.handed.reading, "没有读出")


def _open_en(one: Found) -> str:
    if one.fact is not None:
        return (
            f"{one.place_en} reads '{one.said}'{_also_m2_en(one)} (unsure), "
            f"{one.expected.where_en} says '{one.expected.shown}'{_apart(one)[1]}"
        )
    return f"material {one.handed.name_en} ({one.handed.file_name}) " + _READING_EN.get(
        one.handed.reading, "was not read"
    )


_READING_ZH = {
    "waiting": "仍在读取",
    "failed": "读取失败",
    "none": "没有文字",
    "ocr": "识别结果中没有找到",
    "text": "部分页没有读出",
}
_READING_EN = {
    "waiting": "is being read", "failed": "could not be read", "none": "has no text",
    "ocr": "was recognised, and it was not found there", "text": "was read in part",
}  # fmt: skip


def _measured(found: list[Found]) -> dict[str, Any]:
    """Of areas the largest difference, in percent."""
    areas = [one for one in found if one.fact is not None and one.fact["name"] == facts.AREA]
    if not areas:
        return {}
    worst = max(deviation_percent(str(one.fact["value"]), one.expected.value) for one in areas if one.fact)
    return {"measured": _percent(worst), "limit": AREA_LIMIT_PERCENT, "unit": "%"}


def _percent(deviation: Decimal) -> Decimal:
    """To 0.01; what is over the limit by less is not rounded down to it."""
    way = ROUND_CEILING if deviation > AREA_LIMIT_PERCENT else ROUND_HALF_UP
    return deviation.quantize(Decimal("0.01"), way)


def deviation_percent(value: str, expected: str) -> Decimal:
    """Percent by which an area differs from the expected one."""
    wanted = Decimal(expected)
    return abs(Decimal(value) - wanted) / wanted * 100 if wanted else Decimal(100)


def not_stated(zh: str, en: str) -> Answer:
    """*Not checked*, because nothing states it."""
    remedy_zh, remedy_en = remedy_of("not_stated")
    return not_checked("not_stated", zh, en, remedy_zh=remedy_zh, remedy_en=remedy_en)
