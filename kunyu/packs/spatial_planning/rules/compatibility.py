"""Which use a planned class admits: the same class, and what the matrix adds. 用地兼容性.

The matrix (``codelists/USE_COMPATIBILITY.csv``) is no official one: a plan's own text and local rules decide what may be
mixed. It holds pairs that are commonly admitted, every one ``verified = false``; what it does not name is not admitted.
A class admits itself, its subclasses and, where only the broader class is stated, that one.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path
from typing import Literal

TABLE = Path(__file__).resolve().parents[1] / "codelists" / "USE_COMPATIBILITY.csv"
Relation = Literal["compatible", "conditional", "none"]
ANY = "*"


@lru_cache(maxsize=1)
def matrix() -> tuple[tuple[str, str, Relation], ...]:
    """Rows of the matrix: planned class, class asked for, relation."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple((row["planned"], row["asked"], row["relation"]) for row in csv.DictReader(file))  # type: ignore[misc]


@lru_cache(maxsize=4096)
def relation(planned: str, asked: str) -> Relation:
    """How a planned class of land and sea use stands to the one asked for (codes of 2023, 2 to 6 digits)."""
    if not planned or not asked:
        return "none"
    if planned.startswith(asked) or asked.startswith(planned):
        return "compatible"
    found = {
        kind for plan, wanted, kind in matrix() if planned.startswith(plan) and (wanted == ANY or asked.startswith(wanted))
    }  # fmt: skip
    return "compatible" if "compatible" in found else "conditional" if "conditional" in found else "none"
