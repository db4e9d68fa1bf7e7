"""Names of classes in the sentences of rules: people read 工业用地, and the code beside it where plans and permits state it. 名称."""

from __future__ import annotations

from functools import lru_cache

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.pages.words import Pair

LAND, USE = ("TDT1057-2020", "DLBM"), ("MNR-CONTROL-2021", "YDYH")
"""The classes of the survey, and those of land and sea use in plans and permits: standard and list."""


def land_class(code: str) -> Pair:
    """A class of the land survey: name and code; the code alone where no standard here has it."""
    return _with_code(code, _names(*LAND).get(code))


def use_class(code: str) -> Pair:
    """A class of land and sea use: name and code, as plans and permits state both; the code alone where nobody knows it."""
    return _with_code(code, _names(*USE).get(code))


def _with_code(code: str, found: Pair | None) -> Pair:
    return (code, code) if found is None else (f"{found[0]}（{code}）", f"{found[1]} ({code})")


@lru_cache(maxsize=4)
def _names(standard: str, codelist: str) -> dict[str, Pair]:
    rows = load_standard(standard).codelists[codelist].rows
    return {row.code: (row.name_zh, row.name_en or row.name_zh) for row in rows}
