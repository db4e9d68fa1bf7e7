"""What is read of a material: pages of lines, each with its place and how sure the reading is. 读出的文字."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of the page's width and height, from its upper left corner."""

TEXT, OCR, BLANK, FAILED = "text", "ocr", "blank", "failed"
"""Where a page's letters come from; ``failed`` says that nobody read it."""


@dataclass(frozen=True)
class Line:
    """One line of a page. ``confidence`` 0 to 1; 1 for a text layer. A wide gap within it is a tab."""

    text: str
    confidence: float = 1.0
    box: Box | None = None


@dataclass(frozen=True)
class Page:
    """One page, numbered from 1. ``reason`` says why it could not be read."""

    number: int
    source: str
    lines: tuple[Line, ...] = ()
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """As the reading process hands it over."""
        lines = [[one.text, round(one.confidence, 3), one.box and [round(v, 4) for v in one.box]] for one in self.lines]
        return {"page": self.number, "source": self.source, "lines": lines, "reason": self.reason}


def page_of(answer: dict[str, Any]) -> Page:
    """The page of :meth:`Page.as_json`."""
    lines = (Line(str(text), float(sure), _box(box)) for text, sure, box in answer["lines"])
    return Page(int(answer["page"]), str(answer["source"]), tuple(lines), str(answer["reason"]))


def _box(box: Sequence[float] | None) -> Box | None:
    return None if box is None else (box[0], box[1], box[2], box[3])
