"""Codes of divisions as people read them. 区划名称: a list says 坤舆县, its export keeps 990101."""

from __future__ import annotations

from kunyu.engines.pages.listing import Cell
from kunyu.engines.pages.words import Pair
from kunyu.engines.reference.models import Division


class DivisionNames:
    """Names of the codes of one list, each asked for once; a code that nothing bears is said as it is."""

    def __init__(self) -> None:
        self._known: dict[str, Pair] = {}

    def __call__(self, code: object) -> Pair:
        """The name of the newest division that bears ``code``, in both languages."""
        key = str(code)
        if key not in self._known:
            self._known[key] = self._look_up(key)
        return self._known[key]

    @staticmethod
    def _look_up(code: str) -> Pair:
        found = Division.objects.filter(code=code).order_by("-valid_to").first()  # PostgreSQL: no end comes first
        return (found.name_zh, found.name_en or found.name_zh) if found else (code, code)


def division_cell(code: str) -> Cell | str:
    """A division on the page of a record: its name, and its code as the quiet second line; '' without one."""
    return Cell(DivisionNames()(code), note=code) if code else ""
