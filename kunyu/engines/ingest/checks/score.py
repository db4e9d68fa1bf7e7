"""What findings cost: score and grade of a check, after the ``scoring.toml`` of its standard. 评分与等级.

score = 100 − Σ weights of the findings, not below 0; a finding of a failing severity (S) fails the package whatever
the score. Weights are decimal fractions, so that the same findings give the same score everywhere.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path

from kunyu.engines.catalogue.standards import BUILT_IN, MORE_FOLDERS
from kunyu.kernel.digests import canonical_json, sm3_hex

FILE_NAME = "scoring.toml"
FULL, LEAST = Decimal(100), Decimal(0)
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Grade:
    """A grade and the least score that earns it."""

    code: str
    least: Decimal
    zh: str
    en: str


@dataclass(frozen=True)
class Scoring:
    """How a standard's findings are weighed; ``grades`` from the best to the worst."""

    clause: str
    verified: bool
    fails: frozenset[str]
    weights: Mapping[str, Decimal]
    grades: tuple[Grade, ...]
    digest: str

    def grade_of(self, code: str) -> Grade:
        """The grade of that code; the worst for a code of an older edition."""
        return next((one for one in self.grades if one.code == code), self.grades[-1])


@dataclass(frozen=True)
class Cost:
    """What the findings of one rule in one layer cost; ``points`` may exceed what a score can lose."""

    rule: str
    severity: str
    layer: str
    count: int
    points: Decimal


@dataclass(frozen=True)
class Score:
    """The score of a check (0 to 100, two decimals), its grade, what cost points, dearest first."""

    value: Decimal
    grade: Grade
    costs: tuple[Cost, ...]


def scoring_of(standard_id: str) -> Scoring | None:
    """The scoring of a standard; None where it has none."""
    more = [Path(one) for one in os.environ.get(MORE_FOLDERS, "").split(os.pathsep) if one]
    found = (root / standard_id / FILE_NAME for root in (BUILT_IN, *more))
    path = next((one for one in found if one.is_file()), None)
    return _read(path) if path is not None else None


@lru_cache(maxsize=16)
def _read(path: Path) -> Scoring:
    found = tomllib.loads(path.read_text("utf-8"))
    grades = sorted(
        (Grade(one["code"], _decimal(one["least"]), one["zh"], one["en"]) for one in found["grades"]),
        key=lambda one: -one.least,
    )
    return Scoring(
        clause=found["clause"], verified=bool(found["verified"]), fails=frozenset(found["fails"]),
        weights={name: _decimal(value) for name, value in found["weights"].items()}, grades=tuple(grades),
        digest=sm3_hex(canonical_json(found)),
    )  # fmt: skip


def _decimal(value: float) -> Decimal:
    return Decimal(str(value))


def score_of(counts: Iterable[tuple[str, str, str, int]], scoring: Scoring) -> Score:
    """Weigh findings.

    Parameters
    ----------
    counts : iterable of (rule, severity, layer, number of findings)
    """
    costs = [
        Cost(rule, severity, layer, number, scoring.weights.get(severity, LEAST) * number)
        for rule, severity, layer, number in counts
        if number
    ]
    value = max(LEAST, FULL - sum((one.points for one in costs), LEAST)).quantize(_CENT, ROUND_HALF_UP)
    failed = any(one.severity in scoring.fails for one in costs)
    grade = scoring.grades[-1] if failed else next(one for one in scoring.grades if value >= one.least)
    dear = sorted((one for one in costs if one.points), key=lambda one: (-one.points, one.rule, one.layer))
    return Score(value, grade, tuple(dear))
