"""Acts on divisions and organisations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db import transaction

from kunyu.engines.reference.errors import DivisionConflict
from kunyu.engines.reference.loading import load_reference_data
from kunyu.engines.reference.models import Division, DivisionChange
from kunyu.engines.reference.queries import LEVEL_DIGITS, valid_at

__all__ = ["NewDivision", "change_codes", "load_reference_data", "register_fictional"]


@dataclass(frozen=True)
class NewDivision:
    """One division to register: ``code`` of 2, 4, 6, 9 or 12 digits."""

    code: str
    name_zh: str
    parent_code: str


@transaction.atomic
def register_fictional(divisions: Iterable[NewDivision], source: str = "sample") -> int:
    """Register sample divisions (province 99) once; a code of a real province is refused.

    A later sample with more villages adds what is missing; what is there stays.
    """
    wanted = {d.code: d for d in divisions}
    real = sorted(code for code in wanted if not code.startswith("99"))
    if real:
        raise DivisionConflict(
            f"示例区划只能使用 99 开头的代码，收到 {real[0]}。",
            f"Sample divisions must use codes that start with 99, got {real[0]}.",
        )
    have = set(Division.objects.filter(code__in=wanted).values_list("code", flat=True))
    rows = [
        Division(
            code=d.code,
            name_zh=d.name_zh,
            level=LEVEL_DIGITS[len(d.code)],
            parent_code=d.parent_code or "0",
            source=source,
            is_fictional=True,
        )
        for d in wanted.values()
        if d.code not in have
    ]
    Division.objects.bulk_create(rows, batch_size=5000)
    return len(rows)


@transaction.atomic
def change_codes(
    old: Iterable[str], new: Iterable[NewDivision], kind: DivisionChange.Kind, effective_on: date, basis: str = ""
) -> None:
    """Merge, split, rename or recode divisions from ``effective_on``: old codes end and resolve to the new ones."""
    ending = list(valid_at(effective_on).filter(code__in=list(old)))
    starting = list(new)
    kept = {d.code for d in ending} & {d.code for d in starting}
    if kind is not DivisionChange.Kind.RENAME and kept == {d.code for d in starting}:
        raise DivisionConflict("变更后的代码与变更前相同。", "The codes after the change are those before it.")
    Division.objects.filter(pk__in=[d.pk for d in ending]).update(valid_to=effective_on)
    for d in starting:
        Division.objects.create(
            code=d.code,
            name_zh=d.name_zh,
            level=LEVEL_DIGITS[len(d.code)],
            parent_code=d.parent_code,
            valid_from=effective_on,
            source=basis or "registered here",
            is_fictional=d.code.startswith("99"),
        )
    DivisionChange.objects.bulk_create(
        DivisionChange(from_code=e.code, to_code=s.code, kind=kind, effective_on=effective_on, basis=basis)
        for e in ending
        for s in starting
    )
