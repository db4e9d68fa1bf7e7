"""What a checker finds at one parcel, and when it makes sense. 样本判定."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils import timezone

from kunyu.engines.security.scope import Principal
from kunyu.packs.survey_acceptance.errors import BadEntry
from kunyu.packs.survey_acceptance.models import SampleItem


@dataclass(frozen=True)
class Judgement:
    """What a checker found at one parcel; ``class_found`` is needed when the class is wrong, ``deviation_m`` in metres."""

    class_right: bool
    boundary_right: bool
    attributes_right: bool
    class_found: str = ""
    deviation_m: Decimal | None = None
    note: str = ""
    photos: tuple[str, ...] = ()


def write_judgement(item: SampleItem, found: Judgement, principal: Principal) -> None:
    """Set and save the columns of one item, once its values are seen to make sense."""
    require_sense(item, found)
    item.class_right, item.boundary_right = found.class_right, found.boundary_right
    item.attributes_right, item.deviation_m = found.attributes_right, found.deviation_m
    item.class_found = "" if found.class_right else found.class_found.strip()
    item.note, item.photos = found.note.strip(), list(found.photos)
    item.checker, item.checked_at = principal.name, timezone.now()
    item.save()


def require_sense(item: SampleItem, found: Judgement) -> None:
    """Refuse a judgement that contradicts itself."""
    if not found.class_right and found.class_found.strip() in ("", item.class_delivered):
        raise BadEntry(
            f"图斑 {item.bsm} 的地类判为错误，请填写实际地类（与成果 {item.class_delivered} 不同）。",
            f"The class of parcel {item.bsm} is judged wrong: give the actual one (other than {item.class_delivered}).",
            field="class_found",
        )
    if found.deviation_m is not None and not 0 <= found.deviation_m < 100_000:
        raise BadEntry(
            f"图斑 {item.bsm} 的边界偏差 {found.deviation_m} m 应在 0 到 99999.99 m 之间。",
            f"The boundary deviation of parcel {item.bsm} is from 0 to 99999.99 m.",
            field="deviation_m",
        )


def judged(item: SampleItem) -> dict[str, Any]:
    if not item.is_judged:
        return {}
    deviation = None if item.deviation_m is None else str(Decimal(item.deviation_m).quantize(Decimal("0.01")))
    return {
        "class_right": item.class_right, "class_found": item.class_found, "boundary_right": item.boundary_right,
        "attributes_right": item.attributes_right, "deviation_m": deviation, "note": item.note, "photos": item.photos,
        "checker": item.checker,
    }  # fmt: skip
