"""The values of acceptance: ``acceptance.toml`` of the pack, changed table by table by ``acceptance.toml`` of the node."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from kunyu.packs.survey_acceptance.errors import BadPolicy

OVERLAY = "acceptance.toml"
FILE = Path(__file__).resolve().parents[1] / OVERLAY


@dataclass(frozen=True)
class Policy:
    """What a node asks for. Percentages are 0 to 100; ``table`` is (lot size up to, sample size), ascending."""

    standards: tuple[str, ...]
    parcel_layers: tuple[str, ...]
    mandatory: tuple[str, ...]
    least_right_percent: dict[str, float]
    boundary_limit_m: float
    least: int
    default_rate_percent: float
    table: tuple[tuple[int, int], ...]
    source: str
    verified: bool

    def is_mandatory(self, division: str) -> bool:
        """Must a delivery of this division be accepted before it is published?"""
        return any(division.startswith(prefix) for prefix in self.mandatory)

    def size_by_table(self, population: int) -> int:
        """Sample size of a lot."""
        found = next((sample for lot, sample in self.table if population <= lot), self.table[-1][1])
        return self._bounded(found, population)

    def size_by_rate(self, population: int, percent: float) -> int:
        """Sample size of a lot at a rate in percent, rounded up."""
        return self._bounded(math.ceil(population * percent / 100 - 1e-9), population)

    def _bounded(self, size: int, population: int) -> int:
        return min(max(size, self.least), population)


def policy() -> Policy:
    """The values that hold on this node now.

    Raises
    ------
    BadPolicy
        A file is no TOML, or a value is missing or of the wrong kind.
    """
    overlay = Path(settings.KUNYU_HOME) / OVERLAY
    return _read(overlay, overlay.stat().st_mtime_ns if overlay.is_file() else 0)


@lru_cache(maxsize=4)
def _read(overlay: Path, _stamp: int) -> Policy:
    found = _toml(FILE)
    if _stamp:
        for name, values in _toml(overlay).items():
            found[name] = {**found[name], **values} if isinstance(values, dict) and name in found else values
    try:
        return _policy(found)
    except (KeyError, TypeError, ValueError) as error:
        raise _bad(overlay if _stamp else FILE, f"{type(error).__name__}: {error}") from error


def _policy(found: dict[str, Any]) -> Policy:
    sampling = found["sampling"]
    return Policy(
        standards=tuple(found["rounds"]["standards"]),
        parcel_layers=tuple(found["rounds"]["parcel_layers"]),
        mandatory=tuple(str(one) for one in found["policy"]["mandatory"]),
        least_right_percent={place: float(found[place]["least_right_percent"]) for place in ("interior", "field")},
        boundary_limit_m=float(found["field"]["boundary_limit_m"]),
        least=int(sampling["least"]),
        default_rate_percent=float(sampling["default_rate_percent"]),
        table=tuple(sorted((int(one["lot"]), int(one["sample"])) for one in sampling["table"])),
        source=str(sampling["source"]),
        verified=bool(found["verified"]),
    )


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise _bad(path, str(error)) from error


def _bad(path: Path, why: str) -> BadPolicy:
    return BadPolicy(
        f"验收参数文件 {path.name} 有误：{why}", f"The file of acceptance values {path.name} is wrong: {why}"
    )
