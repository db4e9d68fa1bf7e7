"""One class for each cell, so that the areas of the classes stay what they are. 保持分类面积的综合.

Giving every cell its strongest class would let roads, ditches and ponds vanish and farmland grow. Instead each block of
8 × 8 cells is allotted to its classes by their areas, whole cells by largest remainder, and what rounding leaves over is
carried to the next block. Inside a block the rarest class chooses first, and takes the cells where its share exceeds
that of its strongest rival by most. What is still over in the whole tile is settled by moving cells, and at last by
splitting a few of them: one cell in 64 parts. A class is drawn in every tile it occurs in, with at least one part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 8
PARTS = 64
"""A split cell has 8 × 8 parts."""

NOBODY = -1
Grid = NDArray[np.int16]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Split:
    """``parts`` of a cell's 64 belong to ``kind``, the rest to the class the grid names."""

    row: int
    column: int
    kind: int
    parts: int


@dataclass(frozen=True)
class Allotted:
    """``kinds`` (row, column) of a tile's cells, ``NOBODY`` where none; and the cells that are split."""

    kinds: Grid
    splits: tuple[Split, ...]


def allot(shares: NDArray[np.float32], owned: NDArray[np.float64]) -> Allotted:
    """Give each owned cell of a tile to a class.

    Parameters
    ----------
    shares
        (side, side, classes): covered parts of the cells; ``side`` a multiple of ``BLOCK``.
    owned
        (side, side): how much of each cell is there to be given away, from 0 to 1. Shares of cells of which nothing is
        count in the areas of their block.

    Returns
    -------
    Allotted
        Each class has its part of what is owned, to within one part in 64 of a cell where it has cells to spare.
    """
    side, count = shares.shape[0], shares.shape[2]
    kinds = np.full((side, side), NOBODY, np.int16)
    wanted = shares.sum(axis=(0, 1), dtype=np.float64)
    cells = float(owned.sum())
    if not cells or not wanted.sum():
        return Allotted(kinds, ())
    blocks = _blocks(shares)
    free = _blocks((owned > 0)[:, :, None])[:, :, :, 0]
    quotas = _quotas(blocks.sum(axis=2, dtype=np.float64), free.sum(axis=2))
    chosen = _choose(blocks.reshape(-1, BLOCK * BLOCK, count), free.reshape(-1, BLOCK * BLOCK),
                     quotas.reshape(-1, count), np.argsort(wanted, kind="stable"))  # fmt: skip
    across = side // BLOCK
    kinds = chosen.reshape(across, across, BLOCK, BLOCK).transpose(0, 2, 1, 3).reshape(side, side)
    return _settle(np.ascontiguousarray(kinds), shares, owned, wanted * cells / wanted.sum())


def _blocks(values: NDArray[Any]) -> NDArray[Any]:
    """(side, side, n) as (block rows, block columns, cells of the block, n)."""
    across, depth = values.shape[0] // BLOCK, values.shape[2]
    cut = values.reshape(across, BLOCK, across, BLOCK, depth).transpose(0, 2, 1, 3, 4)
    return cut.reshape(across, across, BLOCK * BLOCK, depth)


def _quotas(areas: Floats, free: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole cells of each class in each block; rounding is carried eastward along each row of blocks."""
    quotas = np.zeros(areas.shape, np.int64)
    carried = np.zeros((areas.shape[0], areas.shape[2]))
    for column in range(areas.shape[1]):
        area, cells = areas[:, column], free[:, column]
        total = area.sum(axis=1)
        exact = area * np.divide(cells, total, out=np.zeros(len(total)), where=total > 0)[:, None]
        want = np.where(area > 0, np.maximum(exact + carried, 0), 0)
        sums = want.sum(axis=1)
        # carried debts may have emptied a block's wishes: then its own areas decide
        want = np.where((sums > 0)[:, None], want, exact)
        sums = want.sum(axis=1)
        want *= np.divide(cells, sums, out=np.zeros(len(sums)), where=sums > 0)[:, None]
        given = np.floor(want).astype(np.int64)
        left = np.where(sums > 0, cells, 0) - given.sum(axis=1)
        rank = np.argsort(np.argsort(-(want - given), axis=1, kind="stable"), axis=1, kind="stable")
        given += rank < left[:, None]
        quotas[:, column] = given
        carried += np.where((cells > 0)[:, None], exact - given, 0)
    return quotas


def _choose(
    shares: NDArray[np.float32], free: NDArray[np.bool_], quotas: NDArray[np.int64], order: NDArray[np.int64]
) -> Grid:
    """Classes of the cells of each block (blocks, 64), exactly as many as ``quotas`` say."""
    kinds = np.full(free.shape, NOBODY, np.int16)
    open_ = free.copy()
    rival = np.zeros((len(order) + 1, *free.shape), np.float32)
    for step in range(len(order) - 1, -1, -1):
        np.maximum(rival[step + 1], shares[:, :, order[step]], out=rival[step])
    for step, kind in enumerate(order):
        where = np.flatnonzero(quotas[:, kind])
        if not len(where):
            continue
        score = shares[where, :, kind] - rival[step + 1, where]
        score[~open_[where]] = -np.inf
        rank = np.argsort(np.argsort(-score, axis=1, kind="stable"), axis=1, kind="stable")
        taken = (rank < quotas[where, kind][:, None]) & open_[where]
        picked = kinds[where]
        picked[taken] = kind
        kinds[where] = picked
        open_[where] &= ~taken
    return kinds


def _settle(kinds: Grid, shares: NDArray[np.float32], owned: Floats, wanted: Floats) -> Allotted:
    """Move whole cells, then parts of cells, from classes that have too much to those that have too little."""
    flat, weights = kinds.reshape(-1), shares.reshape(-1, shares.shape[2])
    given = np.bincount(flat[flat >= 0], owned.reshape(-1)[flat >= 0], minlength=len(wanted))
    parts = np.rint((wanted - given) * PARTS).astype(np.int64)
    parts[(wanted > 0) & (given * PARTS + parts < 1)] += 1
    parts[np.argmax(given)] -= parts.sum()
    untouched = (flat >= 0) & (owned.reshape(-1) == 1)
    splits: list[Split] = []
    # those with few cells give first, whole surpluses if they can: a cell is split once only
    for donor in sorted(np.flatnonzero(parts < 0), key=lambda one: given[one]):
        while parts[donor] < 0:
            kind = int(np.argmax(parts))
            amount = int(min(parts[kind], -parts[donor]))
            taken = _move(flat, weights, untouched, int(donor), kind, amount, splits, kinds.shape[1])
            if not taken:
                break
            parts[kind] -= taken
            parts[donor] += taken
    return Allotted(kinds, tuple(splits))


def _move(
    flat: Grid, weights: NDArray[np.float32], untouched: NDArray[np.bool_], donor: int, kind: int, amount: int,
    splits: list[Split], width: int,
) -> int:  # fmt: skip
    """Move whole cells if ``amount`` allows, else part of one; answers with the parts moved."""
    candidates = np.flatnonzero((flat == donor) & untouched)
    if not len(candidates):
        return 0
    score = weights[candidates, kind] - weights[candidates, donor]
    whole = min(amount // PARTS, len(candidates))
    if whole:
        best = candidates[np.argsort(-score, kind="stable")[:whole]]
        flat[best] = kind
        return whole * PARTS
    cell = int(candidates[np.argmax(score)])
    untouched[cell] = False
    splits.append(Split(cell // width, cell % width, kind, amount))
    return amount
