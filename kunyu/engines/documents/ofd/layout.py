"""What stands on the pages of an OFD: lines of text and rules at places in millimetres. 版面.

x runs from the left edge, y from the top edge, as GB/T 33190 has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal


@dataclass(frozen=True)
class Line:
    """One line of text; ``y_mm`` is its baseline, ``size_mm`` the letters' size (4.23 mm = 12 pt 小四)."""

    x_mm: float
    y_mm: float
    text: str
    size_mm: float = 4.23
    align: Literal["left", "centre", "right"] = "left"


@dataclass(frozen=True)
class Rule:
    """A straight line from one place to another, ``width_mm`` thick."""

    x_mm: float
    y_mm: float
    to_x_mm: float
    to_y_mm: float
    width_mm: float = 0.3


@dataclass(frozen=True)
class Sheet:
    """One page."""

    lines: tuple[Line, ...] = ()
    rules: tuple[Rule, ...] = ()
    width_mm: float = 210
    height_mm: float = 297


@dataclass(frozen=True)
class Paper:
    """A document: its title, its day and its pages. ``facts`` go into its metadata (CustomDatas), by name."""

    title: str
    created_on: date
    sheets: tuple[Sheet, ...]
    author: str = ""
    facts: dict[str, str] = field(default_factory=dict)
