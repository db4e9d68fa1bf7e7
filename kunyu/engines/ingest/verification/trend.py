"""How many contradictions each run found, as the points of a small drawing. Pure. 趋势图."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 640, 160
LEFT, RIGHT, TOP, BOTTOM = 48, 16, 14, 28


@dataclass(frozen=True)
class Point:
    """One run: place in the drawing, number of the run, day, contradictions in all and by rule (as text)."""

    x: float
    y: float
    number: int
    day: str
    total: int
    rules: str


@dataclass(frozen=True)
class Drawing:
    """Points from the oldest run to the newest, the line through them, and the gridlines (y, value)."""

    width: int
    height: int
    left: int
    right: int
    baseline: float
    points: tuple[Point, ...]
    line: str
    grid: tuple[tuple[float, int], ...]


def drawn(runs: Sequence[dict[str, Any]]) -> Drawing:
    """Lay out runs ({"id", "at", "counts", "total"}, oldest first) in a box of 640 by 160."""
    most = _round_up(max(one["total"] for one in runs))
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    points = tuple(
        Point(
            round(LEFT + wide * at / max(1, len(runs) - 1), 1), round(TOP + high * (1 - one["total"] / most), 1), one["id"],
            f"{one['at']:%m-%d}", one["total"], " ".join(f"{rule} {count}" for rule, count in sorted(one["counts"].items())),
        )
        for at, one in enumerate(runs)
    )  # fmt: skip
    line = " ".join(f"{one.x},{one.y}" for one in points)
    grid = tuple((round(TOP + high * (1 - share), 1), round(most * share)) for share in (0.0, 0.5, 1.0))
    return Drawing(WIDTH, HEIGHT, LEFT, WIDTH - RIGHT, round(TOP + high, 1), points, line, grid)


def _round_up(most: int) -> int:
    """An even number to end the scale at: 2, 4, 10, 20, 40, 100 …"""
    step = 1
    while True:
        for one in (2, 4, 10):
            if most <= one * step:
                return one * step
        step *= 10
