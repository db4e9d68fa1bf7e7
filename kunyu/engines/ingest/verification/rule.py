"""What a rule of mutual verification is, and how packs declare theirs. 数据相互印证规则.

A rule compares a layer with others in the one map. It refuses nothing: what it yields are contradictions, each with how
much it is to be believed. It stands in the pack that owns the law, in the module ``mutual``::

    @mutual("V101", clause="…", severity="Z", unit="m²", needs=("10401-003", "20201-001"),
            name_zh="…", name_en="…", remedy_zh="…")
    def construction_stays_out_of_red_lines(maps: OneMap) -> Iterator[Contradiction]: ...

``needs`` are catalogue codes of collections; a rule whose collection is not published, or may not be read by whoever runs
it, stands as not run, with the reason. Ids are this product's (``V…``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shapely.geometry.base import BaseGeometry

from kunyu.engines.ingest.checks.finding import Severity
from kunyu.kernel.digests import canonical_json, sm3_hex

CERTAIN = 1.0
LEAST_CONFIDENCE = 0.05
PER_YEAR_APART = 0.1
"""What a year between the two layers' days takes from the confidence, at most half of it. [design]"""


@dataclass(frozen=True)
class Contradiction:
    """One place where two layers cannot both be right.

    ``ids`` are the keys of the records, the first collection's first; ``geometry`` in longitude, latitude (EPSG:4490);
    ``confidence`` from 0 to 1.
    """

    ids: tuple[str, ...]
    geometry: BaseGeometry | None
    measured: float | str
    limit: float | str
    message_zh: str
    message_en: str
    confidence: float = CERTAIN


Predicate = Callable[[Any], Iterable[Contradiction]]
"""Takes a ``OneMap``, whose module knows rules: naming the type here would make a cycle."""


@dataclass(frozen=True)
class MutualRule:
    """One rule; ``neighbours`` also reads the counties beside the one that is verified."""

    id: str
    clause: str
    severity: Severity
    unit: str
    needs: tuple[str, ...]
    name_zh: str
    name_en: str
    remedy_zh: str
    predicate: Predicate
    neighbours: bool = False

    @property
    def doc(self) -> str:
        """What the rule says of itself."""
        return (self.predicate.__doc__ or "").strip()


def mutual(
    id: str,
    *,
    clause: str,
    severity: Severity,
    needs: tuple[str, ...],
    name_zh: str,
    name_en: str,
    remedy_zh: str,
    unit: str = "m²",
    neighbours: bool = False,
) -> Callable[[Predicate], MutualRule]:
    """Make a function a ``MutualRule``; parameters as its attributes."""

    def declare(predicate: Predicate) -> MutualRule:
        return MutualRule(id, clause, severity, unit, needs, name_zh, name_en, remedy_zh, predicate, neighbours)

    return declare


def confidence_of(width_m: float, accuracy_m: float, days_apart: int = 0) -> float:
    """Say how much a contradiction is to be believed, from 0.05 to 1.

    Parameters
    ----------
    width_m : float
        Its mean width 2A/P. At ``2 * accuracy_m`` and more, the layers' accuracy cannot explain it.
    accuracy_m : float
        Positional accuracy the two layers are taken to have.
    days_apart : int
        Days between the days they are valid from: the world may have changed between. A tenth less for each year.
    """
    share = min(1.0, width_m / (2 * accuracy_m))
    share *= max(0.5, 1 - PER_YEAR_APART * abs(days_apart) / 365.25)
    return round(max(LEAST_CONFIDENCE, share), 2)


def mutual_rules() -> tuple[MutualRule, ...]:
    """Every mutual rule of the installed packs, by id."""
    found = {one.id: one for module in _modules() for one in vars(module).values() if isinstance(one, MutualRule)}
    return tuple(found[key] for key in sorted(found))


@lru_cache(maxsize=1)
def rule_edition() -> str:
    """SM3 over the packs' modules of mutual rules: another text is another edition."""
    texts = sorted((module.__name__, _text(module)) for module in _modules())
    return sm3_hex(canonical_json([[name, sm3_hex(text)] for name, text in texts]))


def _text(module: Any) -> bytes:
    return Path(str(module.__file__)).read_bytes().replace(b"\r\n", b"\n")


def _modules() -> Iterator[Any]:
    for name in sorted({point.value for point in entry_points(group="kunyu.packs")}):
        if find_spec(f"{name}.mutual") is not None:
            yield import_module(f"{name}.mutual")
