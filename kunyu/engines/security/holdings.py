"""What security asks of the engines above it about collections: do they exist, and do data stand in them?

The catalogue answers, registered when Django starts: security itself knows codes only and imports nothing above it.
"""

from __future__ import annotations

from typing import Protocol

from kunyu.engines.security.labels import Label
from kunyu.kernel.errors import Defect


class Holdings(Protocol):
    """Answers about collections; ``collection`` is a dataset code or the collection of one layer."""

    def exists(self, collection: str) -> bool:
        """Is it in the catalogue of this node?"""
        ...

    def stands(self, collection: str) -> tuple[str, ...]:
        """What of it is stored on this node, in words such as ``10401-003 990101 v2``; () for nothing."""
        ...

    def strictest_record(self, collection: str) -> Label:
        """The join of the labels that its single records bear; (0, 0, 0) when none does."""
        ...


_answering: list[Holdings] = []


def register(answers: Holdings) -> None:
    """Say who answers (once, when Django starts)."""
    _answering[:] = [answers]


def current() -> Holdings:
    """Who answers on this node."""
    if not _answering:
        raise Defect("没有登记数据目录的应答。", "Nobody answers for the holdings of this node.")
    return _answering[0]
