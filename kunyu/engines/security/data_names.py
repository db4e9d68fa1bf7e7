"""What data is called: security knows catalogue codes only, the catalogue above it knows their names.

The catalogue registers its answer when Django starts (as in :mod:`holdings`); until then codes stand for themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from kunyu.engines.pages.words import Pair

WHOLE_CATALOGUE: Pair = ("整个目录", "the whole catalogue")
Naming = Callable[[Collection[str]], Mapping[str, Pair]]
_answering: list[Naming] = []


def register(naming: Naming) -> None:
    """Say who knows the names (once, when Django starts)."""
    _answering[:] = [naming]


def names_of(codes: Collection[str]) -> dict[str, Pair]:
    """Name of every code, (Chinese, English): branches, datasets, collections; '' is the whole catalogue."""
    wanted = {code for code in codes if code}
    known: Mapping[str, Pair] = _answering[0](wanted) if _answering and wanted else {}
    return {code: known.get(code, (code, code)) for code in wanted} | {"": WHOLE_CATALOGUE}
