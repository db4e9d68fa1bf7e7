"""The generalised map of a layer with classes, level by level. 分类图层的逐级综合.

What a tile may weigh decides how fine it is: 512 cells to its side, or 256, or 128 where the classes are so mixed that
their outlines would be too heavy. The choice is made from the cells alone, so the same county gives the same map.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from kunyu.engines.maps.grids import MVT_EXTENT
from kunyu.engines.maps.pyramids.allotment import NOBODY, Allotted, Grid, Split, allot
from kunyu.engines.maps.pyramids.cells import (
    BASE_ZOOM,
    CELLS_PER_TILE,
    Shares,
    coarser,
    coarser_centres,
)
from kunyu.engines.maps.pyramids.outlines import BUFFER_UNITS, bytes_of, outlines

BYTES_PER_TILE = 230_000
"""What the outlines of a county may weigh in a tile that it has for itself. Where there are several, each may use the
part that it fills, or an even part if that is more: all together never more than twice this."""

Place = tuple[int, int]
"""Row and column of a tile."""

COARSENINGS = (1, 2, 4)
UNIT = MVT_EXTENT // CELLS_PER_TILE
MARGIN = BUFFER_UNITS // UNIT
_FULL = 0.9  # covered but for a sliver at its sample: belongs to the county all the same
_DENSE = 0.9  # of the cells' area covered: from here on the layer is one that leaves nothing out
_TRACE = 1e-6


@dataclass(frozen=True)
class Drawn:
    """One class (its number) of one tile, in units of the tile."""

    zoom: int
    column: int
    row: int
    kind: int
    geometry: shapely.MultiPolygon


@dataclass(frozen=True)
class _Tile:
    kinds: Grid
    splits: tuple[Split, ...]
    coarsening: int


@dataclass(frozen=True)
class _Level:
    zoom: int
    dense: bool
    part: float


def is_dense(shares: Shares) -> bool:
    """Whether the county's cells are covered, edges apart: then nothing between them is a hole and not a class."""
    cells = len(np.unique(shares.row * (CELLS_PER_TILE << BASE_ZOOM) + shares.column))
    return bool(cells) and float(shares.share.sum()) / cells >= _DENSE


def touched(changed: set[Place], zoom: int) -> set[Place]:
    """Tiles of a zoom to draw anew when ``changed`` ones of the finest level differ: they and, for margins, neighbours."""
    shift = BASE_ZOOM - zoom
    return _with_neighbours({(row >> shift, column >> shift) for row, column in changed})


def _with_neighbours(places: set[Place]) -> set[Place]:
    return {(row + down, column + right) for row, column in places for down in (-1, 0, 1) for right in (-1, 0, 1)}


def generalise(
    shares: Shares, centres: Shares, changed: set[Place] | None = None, part: float = 0.0
) -> Iterator[Drawn]:
    """Every class of every tile from zoom 11 down to 0.

    Parameters
    ----------
    shares, centres
        As ``cells.shares_of`` gives them for the whole county, each cell and class once.
    changed
        Row and column of the tiles of zoom 11 that differ: only what they touch is drawn. None for everything.
    part
        The part of a tile's weight that the county may use whatever it fills of it: 1 / counties.
    """
    dense = is_dense(shares)
    for zoom in range(BASE_ZOOM, -1, -1):
        yield from _level(
            _Level(zoom, dense, part), shares, centres, None if changed is None else touched(changed, zoom)
        )
        shares, centres = coarser(shares), coarser_centres(centres, zoom % 2)


def _level(level: _Level, shares: Shares, centres: Shares, only: set[Place] | None) -> Iterator[Drawn]:
    tiles = dict(_tiles(level, shares, centres, None if only is None else _with_neighbours(only)))
    for (row, column), tile in tiles.items():
        if only is not None and (row, column) not in only:
            continue
        window = _window(tiles, row, column)
        for kind, geometry in outlines(window, tile.splits, UNIT, MARGIN, UNIT * tile.coarsening):
            yield Drawn(level.zoom, column, row, kind, geometry)


def _tiles(level: _Level, shares: Shares, centres: Shares, only: set[Place] | None) -> Iterator[tuple[Place, _Tile]]:
    ours, theirs = _by_tile(shares), _by_tile(centres)
    for place, chosen in ours.items():
        if only is not None and place not in only:
            continue
        origin = np.array(place) * CELLS_PER_TILE
        kinds, local = np.unique(shares.kind[chosen], return_inverse=True)
        row, column = shares.row[chosen] - origin[0], shares.column[chosen] - origin[1]
        grid = np.zeros((CELLS_PER_TILE, CELLS_PER_TILE, len(kinds) + (not level.dense)), np.float32)
        grid[row, column, local] = shares.share[chosen]
        centre = np.zeros(grid.shape[:2], bool)
        if place in theirs:
            at = theirs[place]
            centre[centres.row[at] - origin[0], centres.column[at] - origin[1]] = True
        found = _finest_affordable(grid, centre, level.dense, level.part)
        names = np.append(kinds.astype(np.int16), [NOBODY] if level.dense else [NOBODY, NOBODY]).astype(np.int16)
        yield place, _renamed(found, names)


def _by_tile(shares: Shares) -> dict[tuple[int, int], NDArray[np.intp]]:
    if not len(shares):
        return {}
    row, column = shares.row // CELLS_PER_TILE, shares.column // CELLS_PER_TILE
    order = np.lexsort((column, row))
    row, column = row[order], column[order]
    cuts = np.flatnonzero((np.diff(row) != 0) | (np.diff(column) != 0)) + 1
    return {
        (int(row[begin]), int(column[begin])): order[begin:end]
        for begin, end in zip([0, *cuts], [*cuts, len(row)], strict=True)
    }


def _finest_affordable(grid: NDArray[np.float32], centre: NDArray[np.bool_], dense: bool, part: float) -> _Tile:
    """Give the cells of a tile to classes, in squares as small as its part of a tile's weight allows."""
    covered = grid.sum(axis=2)
    owned = (covered >= _FULL) | (centre & (covered > _TRACE)) if dense else covered > _TRACE
    nothing = NOBODY if dense else grid.shape[2] - 1
    if not dense:
        grid[:, :, -1] = np.where(owned, np.clip(1 - covered, 0, 1), 0)
    kept = owned.astype(np.float64)
    for step in COARSENINGS:
        if step > 1:
            grid, kept = _halved(grid), _halved(kept)
        found: Allotted = allot(grid, kept)
        # whose the edge is, is decided by the finest cells, however coarse the classes are
        fine = np.where(owned, np.repeat(np.repeat(found.kinds, step, axis=0), step, axis=1), NOBODY).astype(np.int16)
        drawn = np.where(fine == nothing, NOBODY, fine).astype(np.int16)
        affordable = BYTES_PER_TILE * max(float(owned.mean()), part)
        if step == COARSENINGS[-1] or bytes_of(np.pad(drawn, 1, constant_values=NOBODY)) <= affordable:
            break
    return _Tile(fine, found.splits, step)


def _halved(grid: NDArray[Any]) -> NDArray[Any]:
    return (grid[::2, ::2] + grid[1::2, ::2] + grid[::2, 1::2] + grid[1::2, 1::2]) / 4


def _renamed(tile: _Tile, names: Grid) -> _Tile:
    """Numbers of the tile's own classes as the county's; "nothing" is nobody's."""
    splits = tuple(Split(one.row, one.column, int(names[one.kind]), one.parts) for one in tile.splits)
    return _Tile(names[tile.kinds], splits, tile.coarsening)


def _window(tiles: dict[tuple[int, int], _Tile], row: int, column: int) -> Grid:
    """A tile's grid with the margin that its neighbours lend."""
    side = CELLS_PER_TILE
    window = np.full((side + 2 * MARGIN, side + 2 * MARGIN), NOBODY, np.int16)
    parts = {-1: (slice(0, MARGIN), slice(side - MARGIN, side)), 0: (slice(MARGIN, MARGIN + side), slice(0, side)),
             1: (slice(MARGIN + side, None), slice(0, MARGIN))}  # fmt: skip
    for down, (to_rows, from_rows) in parts.items():
        for right, (to_columns, from_columns) in parts.items():
            other = tiles.get((row + down, column + right))
            if other is not None:
                window[to_rows, to_columns] = other.kinds[from_rows, from_columns]
    return window
