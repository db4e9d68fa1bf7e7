"""Figures of acceptance: error rates with their confidence, bars to draw. 精度统计."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z_95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


@dataclass(frozen=True)
class Rate:
    """``wrong`` of ``checked``; the interval is Wilson's at 95 %. Shares are 0 to 1, None where nothing was checked."""

    wrong: int
    checked: int

    @property
    def value(self) -> float | None:
        """The share that is wrong."""
        return self.wrong / self.checked if self.checked else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the true share lies with 95 % confidence."""
        return wilson(self.wrong, self.checked) if self.checked else None

    @property
    def text(self) -> str:
        """``3 / 80 = 3.8 % (1.3–10.5 %)``: the numbers behind the figure go with it."""
        if not self.checked:
            return "—"
        low, high = wilson(self.wrong, self.checked)
        return (
            f"{self.wrong:,} / {self.checked:,} = {self.wrong / self.checked:.1%} ({low * 100:.1f}–{high * 100:.1f} %)"
        )


def wilson(wrong: int, checked: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson's score interval of a share (E. B. Wilson, 1927), within 0 to 1.

    It holds for small samples and shares near 0, where the plain normal interval would end below 0.
    """
    p = wrong / checked
    middle = p + z * z / (2 * checked)
    half = z * math.sqrt(p * (1 - p) / checked + z * z / (4 * checked * checked))
    scale = 1 + z * z / checked
    # exact at the ends: rounding must not leave 1e-18 where nothing was wrong
    low = 0.0 if wrong == 0 else (middle - half) / scale
    high = 1.0 if wrong == checked else (middle + half) / scale
    return low, high


@dataclass(frozen=True)
class Bar:
    """One bar of the drawing, in its own units: lengths along x, already scaled."""

    name: str
    rate: Rate
    y: float
    length: float
    low: float
    high: float


@dataclass(frozen=True)
class Bars:
    """Horizontal bars with whiskers: ``width`` and ``height`` of the drawing, ticks as (x, text)."""

    width: float
    height: float
    left: float
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]


def bars(named: list[tuple[str, Rate]], width: float = 720, left: float = 170, row: float = 30) -> Bars:
    """Lay out error rates as bars; the axis ends at the next tenth above the highest whisker."""
    known = [(name, rate) for name, rate in named if rate.checked]
    highest = max((wilson(rate.wrong, rate.checked)[1] for _, rate in known), default=0.1)
    top = max(math.ceil(highest * 10) / 10, 0.1)
    scale = (width - left - 20) / top
    drawn = []
    for at, (name, rate) in enumerate(known):
        low, high = wilson(rate.wrong, rate.checked)
        drawn.append(
            Bar(name, rate, at * row + 8, rate.wrong / rate.checked * scale, left + low * scale, left + high * scale)
        )
    ticks = tuple((left + top * scale * one / 4, f"{top * one / 4:.1%}") for one in range(5))
    return Bars(width, len(known) * row + 30, left, tuple(drawn), ticks)
