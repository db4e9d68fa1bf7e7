"""What is wrong with a flow file: one fault names the element, says it in both languages, and what to do. 流程差错."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NoReturn

from kunyu.engines.matters.errors import BadFlow

SHOWN_FAULTS = 50
"""A file with more faults than this is no better described by the rest."""


@dataclass(frozen=True)
class Fault:
    """One thing that keeps a flow or a decision table from running."""

    code: str
    """Stable name of the kind of fault, e.g. ``loop``, ``unsupported``, ``expression``."""
    element: str
    """Id of the BPMN or DMN element; empty: the file as a whole."""
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str

    def sentence_zh(self) -> str:
        """The fault with its element and the remedy. 中文."""
        return f"{f'元素 {self.element}：' if self.element else ''}{self.zh}；{self.remedy_zh}"

    def sentence_en(self) -> str:
        """The fault with its element and the remedy. English."""
        return f"{f'element {self.element}: ' if self.element else ''}{self.en}; {self.remedy_en}"


def refuse(*faults: Fault) -> NoReturn:
    """Raise all ``faults`` as one BadFlow: the first in words, every one in its context for pages that list them."""
    raise bad_flow(faults)


def bad_flow(faults: Sequence[Fault]) -> BadFlow:
    """The error that carries ``faults`` (at least one)."""
    first, more = faults[0], len(faults) - 1
    zh, en = first.sentence_zh(), first.sentence_en()
    if more:
        zh, en = f"{zh}（另有 {more} 处差错）", f"{en} (and {more} more)"
    return BadFlow(
        f"{zh}。",
        f"{en[0].upper()}{en[1:]}.",
        fault=first.code,
        element=first.element,
        faults=[asdict(fault) for fault in faults[:SHOWN_FAULTS]],
    )
