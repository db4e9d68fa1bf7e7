"""Classes of a county gathered block by block, and which tiles differ from the build before. 分类的汇集."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kunyu.engines.maps.pyramids import blocks, cells, classes
from kunyu.engines.maps.pyramids.blocks import Name
from kunyu.engines.maps.pyramids.cells import CELLS_PER_TILE, Shares
from kunyu.engines.maps.pyramids.source import Rows

Tiles = set[tuple[int, int]]
"""Row and column of tiles at the finest generalised zoom."""


class Gathered:
    """Exact shares by class and own label: rows of different labels never become one."""

    def __init__(self) -> None:
        self._numbers: dict[Name, int] = {}
        self._shares: list[Shares] = []
        self._centres: list[Shares] = []
        self.changed: Tiles = set()
        self.names: list[Name] = []

    def add_rows(self, rows: Rows, code: str, before: bytes | None) -> bytes:
        """Take a block's rows; answers with what to remember. ``before`` is what the last build remembered of it."""
        pairs: list[Name] = [
            (label, None if value is None else str(value))
            for label, value in zip(rows.labels.tolist(), rows.fields[code], strict=True)
        ]
        names = list(dict.fromkeys(pairs))
        own = {pair: number for number, pair in enumerate(names)}
        shares, centres = cells.shares_of(rows.geometries, np.array([own[pair] for pair in pairs], np.int64))
        content = blocks.packed(names, cells.together([shares]), centres)
        self._compare(before, content)
        # what was packed is what later builds will read: the same numbers now
        self.add_remembered(content)
        return content

    def add_remembered(self, content: bytes) -> None:
        """Take a block as it was remembered."""
        shares, centres = self._numbered(content)
        self._shares.append(shares)
        self._centres.append(centres)

    def lose(self, before: bytes | None) -> None:
        """A block that holds nothing any more."""
        self._compare(before, None)

    def _numbered(self, content: bytes) -> tuple[Shares, Shares]:
        names, shares, centres = blocks.unpacked(content)
        numbers = np.array([self._numbers.setdefault(name, len(self._numbers)) for name in names] or [0], np.int64)
        return Shares(shares.row, shares.column, numbers[shares.kind], shares.share), centres

    def _compare(self, before: bytes | None, after: bytes | None) -> None:
        tables = []
        for content in (before, after):
            if content is not None:
                shares, centres = self._numbered(content)
                tables += [_table(shares), _table(Shares(centres.row, centres.column, centres.kind - 1, centres.share))]
        if not tables:
            return
        values, counts = np.unique(np.concatenate(tables), axis=0, return_counts=True)
        found = values[counts == 1, :2] // CELLS_PER_TILE
        self.changed |= {(int(row), int(column)) for row, column in np.unique(found, axis=0)}

    def drawn(self, part: float, *, only_changed: bool) -> Iterator[classes.Drawn]:
        """The generalised map, all of it or the tiles that :attr:`changed` touches; kinds are places in :attr:`names`.

        ``part`` is the county's of a tile's weight (see ``classes.generalise``).
        """
        if not self._shares:
            return iter(())
        # in the order of their names, not of their reading: what comes first decides between equals
        order = sorted(self._numbers, key=lambda name: (name[0], name[1] or ""))
        renamed = np.empty(len(order), np.int64)
        renamed[[self._numbers[name] for name in order]] = np.arange(len(order))
        shares, centres = cells.together(self._shares), cells.together(self._centres)
        self.names = order
        shares = cells.together([Shares(shares.row, shares.column, renamed[shares.kind], shares.share)])
        return classes.generalise(shares, centres, self.changed if only_changed else None, part)


def _table(shares: Shares) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    exact = shares.share.astype("<f4").view("<i4").astype(np.int64)
    return np.column_stack([shares.row, shares.column, shares.kind, exact])
