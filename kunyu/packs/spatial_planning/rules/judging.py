"""What several rules need to judge: an answer in the form, a document, a layer that may not be touched. 判断."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import shapely

from kunyu.engines.matters.rules.answers import CONFLICT, NOT_CHECKED, Answer, Ask, Overlap, clear, not_checked
from kunyu.packs.spatial_planning.rules.thresholds import SLIVER_M2

CENT = Decimal("0.01")
M2, PERCENT = "m²", "%"


def text(ask: Ask, field: str) -> str:
    """An answer of the form as text, '' where it was left out."""
    value = ask.form.get(field)
    return "" if value is None else str(value).strip()


def number(ask: Ask, field: str) -> Decimal | None:
    """An answer of the form as a number; None where it was left out or is none."""
    value = ask.form.get(field)
    if value is None or isinstance(value, bool):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def is_true(ask: Ask, field: str) -> bool:
    """Whether the form says so; left out counts as no."""
    return ask.form.get(field) is True


def has_material(ask: Ask, kind: str) -> bool:
    """Whether a document of this kind was handed in and can be read as a file."""
    found = ask.materials.get(kind)
    return found is not None and not found.get("faults")


def field_missing(zh: str, en: str) -> Answer:
    """The form does not say what the rule must know, named as people know it."""
    return not_checked("field_missing", f"表单未填写{zh}，未核验。", f"The form does not state {en}: not checked.")


def does_not_apply(zh: str, en: str) -> Answer:
    """The rule asks nothing of this case; *clear*, and it says why."""
    return clear(f"不适用：{zh}。", f"Does not apply: {en}.")


def share(part: Decimal, whole: Decimal) -> Decimal:
    """Per cent, half up to 0.01; 0 of nothing."""
    return (part / whole * 100).quantize(CENT, ROUND_HALF_UP) if whole else Decimal("0.00")


def lies_in(found: Overlap) -> bool:
    """Whether more than a sliver of the plot lies in the layer; true also where the look was not whole."""
    return found.state == CONFLICT and found.area_m2 > SLIVER_M2


def is_open(found: Overlap) -> bool:
    """Whether it cannot be said that nothing, or all, of the plot lies in the layer."""
    return found.state == NOT_CHECKED or bool(found.reason)


def open_one(*layers: Overlap) -> Answer | None:
    """The *not checked* to give where one of the layers was not looked at whole, though something was found in it.

    Asked before every *clear* that stands on what was found: what was not seen may be what forbids.
    """
    unanswered = [one for one in layers if is_open(one)]
    return _unanswered(unanswered, layers) if unanswered else None


def free_of(*layers: Overlap) -> Answer | None:
    """*Clear* or *not checked* where the plot keeps off all the layers; None where it lies in one of them."""
    if any(lies_in(one) for one in layers):
        return None
    unanswered = open_one(*layers)
    if unanswered is not None:
        return unanswered
    measured = sum((one.area_m2 for one in layers), Decimal("0.00"))
    zh, en = "、".join(one.name_zh for one in layers), ", ".join(one.name_en for one in layers)
    return clear(f"与{zh}不重叠（{measured} m²，不超过 {SLIVER_M2} m²）。",
                 f"Keeps off {en} ({measured} m², not over {SLIVER_M2} m²).",
                 measured=measured, limit=SLIVER_M2, unit=M2)  # fmt: skip


def _unanswered(unanswered: list[Overlap], layers: tuple[Overlap, ...]) -> Answer:
    if len(layers) == 1:
        return unanswered[0].unanswered()
    first = unanswered[0]
    zh, en = "、".join(one.name_zh for one in unanswered), ", ".join(one.name_en for one in unanswered)
    return not_checked(
        first.reason or "not_checked", f"{len(layers)} 个图层中有 {len(unanswered)} 个未核验：{zh}。{first.reason_zh}",
        f"{len(unanswered)} of {len(layers)} layers were not checked: {en}. {first.reason_en}",
    )  # fmt: skip


def hit(*layers: Overlap) -> dict[str, Any]:
    """Measured area, limit and place of what lies in the layers, for a conflict."""
    measured = sum((one.area_m2 for one in layers), Decimal("0.00"))
    return {"measured": measured, "limit": SLIVER_M2, "unit": M2, "where": place(*layers)}


def place(*layers: Overlap) -> shapely.Geometry | None:
    """Where the plot lies in the layers, as one geometry."""
    parts = [part for one in layers if one.geometry is not None for part in shapely.get_parts(one.geometry)]
    return shapely.multipolygons(parts) if parts else None


def of_classes(found: Overlap, *prefixes: str) -> Decimal:
    """Area of the classes whose code begins with one of ``prefixes``."""
    return sum_of(area for code, area in found.by_class.items() if code.startswith(prefixes))


def sum_of(areas: Iterable[Decimal]) -> Decimal:
    return sum(areas, Decimal("0.00"))
