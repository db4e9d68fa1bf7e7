"""Which cell is what: land kinds, merging of cells to parcels, an exact number of parcels. 地类布置与归并."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kunyu.project.sample_county.land_use import MERGE, NUMBER
from kunyu.project.sample_county.lattice import STREET, Lattice
from kunyu.project.sample_county.randomness import value_noise
from kunyu.project.sample_county.terrain import Terrain
from kunyu.project.sample_county.tracing import components, equal_components

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
RANK = {"highway": 4, "river": 3, "lane": 2, "ditch": 1}
"""Which strip runs through where two cross: a bridge carries the highway, a lane ends at the river."""


@dataclass(frozen=True)
class Cells:
    """What each cell (rows, columns) of a village is.

    ``kind`` numbers ``land_use.KINDS``; ``strip`` marks cells of roads, ditches, rivers and streets; ``zone`` keeps
    cells apart that must not merge; ``slope`` is the slope class.
    """

    kind: Ints
    strip: Flags
    zone: Ints
    slope: Ints


def strip_kinds(lattice: Lattice, column_strips: tuple[str, ...], row_strips: tuple[str, ...]) -> tuple[Ints, Flags]:
    """Return the land kind of strip cells (-1 elsewhere) and which cells are strips."""
    columns = _named(lattice.x.strip, column_strips)
    rows = _named(lattice.y.strip, row_strips)
    column_rank = np.array([RANK.get(name, 0) for name in columns])
    row_rank = np.array([RANK.get(name, 0) for name in rows])
    column_kind = np.array([NUMBER[name] if name else -1 for name in columns])
    row_kind = np.array([NUMBER[name] if name else -1 for name in rows])
    wins = column_rank[None, :] >= row_rank[:, None]
    kind = np.where(wins, column_kind[None, :], row_kind[:, None])
    return kind, kind >= 0


def _named(strip: Ints, names: tuple[str, ...]) -> list[str]:
    return ["" if s < 0 else ("lane" if s == STREET else names[s]) for s in strip.tolist()]


def countryside(
    lattice: Lattice,
    terrain: Terrain,
    column_strips: tuple[str, ...],
    row_strips: tuple[str, ...],
    rng: np.random.Generator,
    seed: int,
) -> Cells:
    """Lay out a village: fields on the plain, woods on the hills, a settlement at a crossroads, ponds, belts."""
    centre = lattice.centres()
    x, y = centre[..., 0], centre[..., 1]
    hill = terrain.hilliness(x, y)
    slope = terrain.slope_class(x, y)
    patch = value_noise(x, y, 520.0, seed * 17 + 1)
    chance = rng.random(hill.shape)
    kind = np.full(hill.shape, NUMBER["irrigated"])
    kind[patch > 0.42] = NUMBER["dry"]
    kind[(patch < -0.55) & (hill < terrain.foot_from)] = NUMBER["paddy"]
    foot = hill > terrain.foot_from
    kind[foot & (patch > -0.1)] = NUMBER["dry"]
    kind[foot & (patch > 0.15)] = NUMBER["orchard"]
    kind[foot & (patch < -0.45)] = NUMBER["orchard_restorable"]
    wood = hill > terrain.forest_from
    kind[wood] = NUMBER["woodland"]
    kind[wood & (patch > 0.35)] = NUMBER["shrub"]
    kind[wood & (patch < -0.5)] = NUMBER["grass"]
    kind[wood & (slope <= 2) & (chance < 0.25)] = NUMBER["dry"]
    kind[wood & (slope == 5) & (chance < 0.05)] = NUMBER["rock"]
    grove = value_noise(x, y, 330.0, seed * 17 + 2)
    kind[~wood & (grove > 0.60)] = NUMBER["woodland"]
    wet = value_noise(x, y, 260.0, seed * 17 + 3)
    kind[(wet > 0.72) & ~wood] = NUMBER["pond"]
    kind[(wet > 0.78) & wood] = NUMBER["reservoir"]
    kind[~wood & (chance > 0.975)] = NUMBER["farm_facility"]
    kind[~wood & (chance > 0.960) & (chance <= 0.968)] = NUMBER["fish_pond"]
    kind[~wood & (chance > 0.968) & (chance <= 0.975)] = NUMBER["garden"]
    kind[wood & (chance > 0.998)] = NUMBER["mine"]
    kind[chance < 0.0012] = NUMBER["cemetery"]
    through, strip = strip_kinds(lattice, column_strips, row_strips)
    inside = _settlement(lattice, strip, hill, slope, rng)
    _furnish(kind, inside, chance, rng)
    kind = np.where(strip, through, kind)
    kind[strip & inside & (kind == NUMBER["lane"])] = NUMBER["village_street"]
    beside_river = _beside(kind == NUMBER["river"]) & ~strip
    kind[beside_river & (chance < 0.35)] = NUMBER["flat"]
    kind[beside_river & (chance > 0.7)] = NUMBER["belt"]
    _absorb_scraps(kind, strip, lattice.cell_areas())
    return Cells(kind, strip, np.where(strip, -1, kind), slope)


def _settlement(
    lattice: Lattice, strip: Flags, hill: NDArray[np.float64], slope: Ints, rng: np.random.Generator
) -> Flags:
    """Choose about a tenth of the cells around one crossroads, low and level ground first."""
    centre = lattice.centres()
    cross = (lattice.y.strip >= 0)[:, None] & (lattice.x.strip >= 0)[None, :]
    r, c = np.nonzero(cross)
    pick = int(np.argmin(hill[r, c] + 0.05 * rng.random(r.size)))
    seat = centre[r[pick], c[pick]]
    away = np.sqrt(((centre - seat) ** 2).sum(axis=-1))
    area = lattice.row_width[:, None] * lattice.column_width[None, :]
    cost = away * (0.75 + 0.5 * rng.random(away.shape)) + 400.0 * np.maximum(0, slope - 2)
    order = np.argsort(cost, axis=None, kind="stable")
    share = 0.07 + 0.06 * rng.random()
    taken = np.cumsum(area.ravel()[order]) <= share * area.sum()
    inside = np.zeros(away.size, dtype=bool)
    inside[order[taken]] = True
    return inside.reshape(away.shape)


def _furnish(kind: Ints, inside: Flags, chance: NDArray[np.float64], rng: np.random.Generator) -> None:
    use = np.full(kind.shape, NUMBER["homestead"])
    dice = rng.random(kind.shape)
    for name, low, high in (
        ("village_school", 0.0, 0.03),
        ("village_office", 0.03, 0.05),
        ("village_shop", 0.05, 0.08),
        ("village_works", 0.08, 0.13),
        ("village_idle", 0.13, 0.145),
    ):
        use[(dice >= low) & (dice < high)] = NUMBER[name]
    kind[inside] = use[inside]
    kind[inside & (chance > 0.985)] = NUMBER["pond"]


SCRAP_M2 = 900.0
"""Strip pieces smaller than this run on as the strip beside them: they would fall below the minimum mapped area."""


def _absorb_scraps(kind: Ints, strip: Flags, area: NDArray[np.float64]) -> None:
    """Let small pieces of strips take the kind of a neighbouring strip cell, in place."""
    for _ in range(sum(kind.shape)):  # a cell a round, from the end that touches the longer strip
        piece = equal_components(np.where(strip, kind, -1 - np.arange(kind.size).reshape(kind.shape)))
        size = np.bincount(piece.ravel(), area.ravel())[piece]
        small = strip & (size < SCRAP_M2)
        padded = np.pad(np.where(strip & ~small, kind, -1), 1, constant_values=-1)
        around = np.stack([padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]]).max(axis=0)
        taken = small & (around >= 0)
        if not taken.any():
            return
        kind[taken] = around[taken]


def _beside(flag: Flags) -> Flags:
    padded = np.pad(flag, 1)
    return padded[1:-1, :-2] | padded[1:-1, 2:]


def merge_cells(cells: Cells, target: int, rng: np.random.Generator, scraps: Flags | None = None) -> tuple[Ints, Ints]:
    """Merge cells until exactly ``target`` parcels remain.

    Every cell may point to one neighbour before it, so pointers form trees and each takes away exactly one parcel;
    the best-scored pointers are taken. Strip cells of one kind always run together.

    ``scraps`` marks cells too small to stand alone: their pointers are taken first, and they go down where the cell
    to the left is a scrap too.

    Returns
    -------
    label : int array (rows, columns)
        Parcel of each cell.
    leaf : int array
        Flat numbers of cells that hang on a parcel by one pointer and carry none: each can be split off.
    """
    rows, columns = cells.kind.shape
    strip_right = cells.strip[:, :-1] & cells.strip[:, 1:] & (cells.kind[:, :-1] == cells.kind[:, 1:])
    strip_up = cells.strip[:-1] & cells.strip[1:] & (cells.kind[:-1] == cells.kind[1:])
    strip_label = components(strip_right, strip_up)
    runs = np.unique(strip_label[cells.strip]).size
    free = int((~cells.strip).sum())
    wanted = runs + free - target
    same_left, same_down = _joints(cells, cells.zone)
    candidates, left, down, score = _pointers(cells, same_left, same_down, rng, scraps)
    if wanted > candidates.size:  # a tiny village: let different uses merge, the first cell's use stays
        same_left, same_down = _joints(cells, np.zeros_like(cells.zone))
        candidates, left, down, score = _pointers(cells, same_left, same_down, rng, scraps)
    if wanted < 0 or wanted > candidates.size:
        raise ValueError(f"{target} parcels do not fit: {free} cells, {runs} strips, {candidates.size} joints")
    taken = candidates[np.argsort(-score.ravel()[candidates], kind="stable")[:wanted]]
    chosen = np.zeros(rows * columns, dtype=bool)
    chosen[taken] = True
    chosen = chosen.reshape(rows, columns)
    go_left, go_down = left & chosen, down & chosen
    label = components(strip_right | go_left[:, 1:], strip_up | go_down[1:])
    carries = np.zeros((rows, columns), dtype=bool)
    carries[:, :-1] |= go_left[:, 1:]
    carries[:-1] |= go_down[1:]
    return label, np.flatnonzero((chosen & ~carries).ravel())


def _joints(cells: Cells, zone: Ints) -> tuple[Flags, Flags]:
    """Say which cells may point left and which down: neither is a strip, both are of one zone."""
    left, down = np.zeros(zone.shape, dtype=bool), np.zeros(zone.shape, dtype=bool)
    left[:, 1:] = ~cells.strip[:, 1:] & ~cells.strip[:, :-1] & (zone[:, 1:] == zone[:, :-1])
    down[1:] = ~cells.strip[1:] & ~cells.strip[:-1] & (zone[1:] == zone[:-1])
    return left, down


def _pointers(
    cells: Cells, joins_left: Flags, joins_down: Flags, rng: np.random.Generator, scraps: Flags | None
) -> tuple[Ints, Flags, Flags, NDArray[np.float64]]:
    """Give each cell at most one pointer; return the flat cells that have one, its direction and its score."""
    prefer_left = rng.random(cells.kind.shape) < 0.5
    if scraps is not None:
        prefer_left = np.where(scraps, ~np.roll(scraps, 1, axis=1), prefer_left)
    left = joins_left & (prefer_left | ~joins_down)
    down = joins_down & ~left
    use = np.where(left, np.roll(cells.kind, 1, axis=1), np.roll(cells.kind, 1, axis=0))
    tilt = np.where(left, np.roll(cells.slope, 1, axis=1), np.roll(cells.slope, 1, axis=0))
    score = MERGE[cells.kind] - rng.random(cells.kind.shape) - 2.0 * (use != cells.kind) - 0.5 * (tilt != cells.slope)
    if scraps is not None:
        score[scraps] += 10.0
    return np.flatnonzero((left | down).ravel()), left, down, score
