"""The least area a parcel of each land class is mapped with, read from a dated table. 最小上图面积."""

from __future__ import annotations

import csv
import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kunyu.engines.catalogue.standards import Standard

TABLE = Path(__file__).resolve().parents[1] / "codelists" / "MINIMUM_MAPPED_AREA.csv"
GROUPS = "DLBM_SDL"
"""The standard's conversion from land class to one of the three groups (三大类)."""


def least_areas(standard: Standard, day: datetime.date) -> dict[str, float]:
    """Return m² by land class (DLBM) in force on ``day``; a row for the class goes before the row for its group."""
    values = {name: area for name, area, begin, end in _rows() if begin <= day and (end is None or day < end)}
    conversion = standard.conversions.get(GROUPS)
    groups = conversion.at(day) if conversion is not None else {}
    named = {code: values[group[0]] for code, group in groups.items() if group[0] in values}
    return named | {code: area for code, area in values.items() if code in standard.codelists["DLBM"].codes}


@lru_cache(maxsize=1)
def _rows() -> tuple[tuple[str, float, datetime.date, datetime.date | None], ...]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(
            (
                row["class"],
                float(row["area_m2"]),
                datetime.date.fromisoformat(row["valid_from"]),
                datetime.date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
            )
            for row in csv.DictReader(file)
        )
