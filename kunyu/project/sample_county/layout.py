"""The county's plan: how many villages, where they lie, their codes and names. 县域布局.

Villages are the cells of a coarse lattice, bent and jittered; the county town is one of them. Everything here has one
entry per village, so a county of a million parcels is planned in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kunyu.project.sample_county.names import township_names, village_names
from kunyu.project.sample_county.randomness import stream, value_noise
from kunyu.project.sample_county.tracing import components

COUNTY, CITY, PROVINCE = "990101", "9901", "99"
COUNTY_NAME, CITY_NAME, PROVINCE_NAME = "坤舆县", "示范市", "示范省"
EPSG = 4526
ORIGIN = (38_502_000, 3_803_000)
"""South-west corner of the county frame, metres in EPSG:4526 (3° zone 38 with prefix): about 114.02°E, 34.36°N."""

PARCEL_M2 = 8_000.0
VILLAGE_PARCELS = 420
TOWN_BLOCKS = 24
SMALLEST = 60

_TILT = (0.9902680687415704, 0.13917310096006544)  # cos and sin of 8°, written out: the same on every machine


@dataclass(frozen=True)
class Layout:
    """The coarse lattice and what each of its cells is.

    ``mask``, ``township`` and ``village`` have shape (rows, columns); ``node`` (rows + 1, columns + 1, 2) in metres of
    the county frame. ``cells`` lists the (row, column) of each village, in code order; ``target`` its parcels.
    ``town`` is the index of the county town in ``cells``; ``blocks`` its street blocks per side.
    ``column_strips`` and ``row_strips`` name the kinds of strips (roads, ditches, river) of each column and row.
    """

    seed: int
    mask: NDArray[np.bool_]
    node: NDArray[np.float64]
    side_m: float
    cells: NDArray[np.int64]
    target: NDArray[np.int64]
    town: int
    blocks: int
    township: NDArray[np.int64]
    village_code: tuple[str, ...]
    village_name: tuple[str, ...]
    township_code: tuple[str, ...]
    township_name: tuple[str, ...]
    column_strips: tuple[tuple[str, ...], ...]
    row_strips: tuple[tuple[str, ...], ...]

    @property
    def parcels(self) -> int:
        """Parcels in the whole county."""
        return int(self.target.sum())

    def zldwdm(self, village: int) -> str:
        """Return the 19-digit 坐落单位代码 of a village."""
        return self.village_code[village] + "0000000"


def plan_county(parcels: int, seed: int) -> Layout:
    """Lay out a county of exactly ``parcels`` parcels."""
    in_town = min(2_300, int(0.6 * parcels) if parcels < 1_500 else max(900, int(0.06 * parcels)))
    blocks = min(TOWN_BLOCKS, max(2, int((in_town / 1.55) ** 0.5)))
    villages = max(1, round((parcels - in_town) / VILLAGE_PARCELS))
    mask = _outline(villages + 1, seed)
    side = (PARCEL_M2 * parcels / (villages + 1)) ** 0.5
    node = _nodes(mask, side, seed)
    town_at = _town_cell(mask)
    township = _townships(mask, town_at, seed)
    cells, town = _code_order(mask, township, town_at)
    target = _targets(villages + 1, town, in_town, parcels, seed)
    townships, names = int(township.max()) + 1, township_names(int(township.max()) + 1, seed)
    codes = tuple(f"{COUNTY}{100 + k:03d}" for k in range(townships))
    village_codes = _village_codes(cells, township, codes, town)
    column_strips, row_strips = _strips(mask, town_at, seed, (parcels - in_town) / villages)
    return Layout(
        seed,
        mask,
        node,
        side,
        cells,
        target,
        town,
        blocks,
        township,
        village_codes,
        village_names(len(cells), town, seed),
        codes,
        names,
        column_strips,
        row_strips,
    )


def _outline(cells: int, seed: int) -> NDArray[np.bool_]:
    """Choose exactly ``cells`` lattice cells: rows of one run each, neighbouring rows overlapping, egg-shaped."""
    rows = max(1, round((cells * 1.12) ** 0.5))
    rng = stream(seed, 1)
    position = (np.arange(rows) + 0.5) / rows * 2 - 1
    weight = (1 - 0.45 * position**4) * (1 + 0.12 * (rng.random(rows) - 0.5) * (rows > 3))
    length = np.maximum(1, np.floor(weight / weight.sum() * cells).astype(int))
    short = cells - int(length.sum())
    order = np.argsort(np.abs(position), kind="stable")
    for step in range(abs(short)):  # a handful of rows: one village each
        row = order[step % rows]
        length[row] += 1 if short > 0 else (-1 if length[row] > 1 else 0)
    lean = (
        0.07
        * length.max()
        * value_noise(np.arange(rows, dtype=np.float64), np.zeros(rows), max(2.0, rows / 3), seed + 5)
    )
    start = np.rint((length.max() - length) / 2 + lean).astype(int)
    for row in range(1, rows):  # neighbouring runs must share at least one column
        start[row] = min(max(start[row], start[row - 1] - length[row] + 1), start[row - 1] + length[row - 1] - 1)
    start -= start.min()
    columns = np.arange(int((start + length).max()))
    return (columns >= start[:, None]) & (columns < (start + length)[:, None])


def _nodes(mask: NDArray[np.bool_], side: float, seed: int) -> NDArray[np.float64]:
    rows, columns = mask.shape
    r, c = np.meshgrid(np.arange(rows + 1.0), np.arange(columns + 1.0), indexing="ij")
    x, y = c * side, r * side
    bend = 0.30 * side
    jitter = stream(seed, 2).random((rows + 1, columns + 1, 2)) - 0.5
    x1 = x + bend * value_noise(x, y, 4.3 * side, seed * 7 + 11) + 0.16 * side * jitter[..., 0]
    y1 = y + bend * value_noise(x, y, 4.3 * side, seed * 7 + 12) + 0.16 * side * jitter[..., 1]
    cos, sin = _TILT
    tilted = np.stack([cos * x1 - sin * y1, sin * x1 + cos * y1], axis=-1)
    # half a village of room: borders bulge outward beyond their nodes
    return tilted - tilted.reshape(-1, 2).min(axis=0) + 0.5 * side


def _town_cell(mask: NDArray[np.bool_]) -> tuple[int, int]:
    r, c = np.nonzero(mask)
    away = (r - r.mean()) ** 2 + (c - c.mean()) ** 2
    best = int(np.argmin(away))
    return int(r[best]), int(c[best])


def _townships(mask: NDArray[np.bool_], town: tuple[int, int], seed: int) -> NDArray[np.int64]:
    """Grow townships of about 18 villages from scattered seats; township 0 holds the county town."""
    r, c = np.nonzero(mask)
    count = max(1, min(500, round(r.size / 18))) if r.size >= 8 else max(1, min(2, r.size // 2))
    rng = stream(seed, 3)
    spread = np.sqrt(r.size / count)
    seats = [town]
    for pick in np.argsort(rng.random(r.size), kind="stable"):
        if len(seats) == count:
            break
        here = (int(r[pick]), int(c[pick]))
        if all((here[0] - a) ** 2 + (here[1] - b) ** 2 >= (0.72 * spread) ** 2 for a, b in seats):
            seats.append(here)
    owner = np.full(mask.shape, -1, dtype=np.int64)
    for index, seat in enumerate(seats):
        owner[seat] = index
    while (owner[mask] < 0).any():  # one step of growth a round
        padded = np.pad(owner, 1, constant_values=-1)
        near = np.stack([padded[1:-1, :-2], padded[:-2, 1:-1], padded[1:-1, 2:], padded[2:, 1:-1]])
        choice = near.max(axis=0)
        owner = np.where((owner < 0) & mask & (choice >= 0), choice, owner)
    return owner


def _code_order(
    mask: NDArray[np.bool_], township: NDArray[np.int64], town: tuple[int, int]
) -> tuple[NDArray[np.int64], int]:
    r, c = np.nonzero(mask)
    is_town = (r == town[0]) & (c == town[1])
    order = np.lexsort((c, -r, ~is_town, township[r, c]))
    cells = np.stack([r[order], c[order]], axis=1)
    return cells, int(np.flatnonzero(is_town[order])[0])


def _targets(count: int, town: int, in_town: int, parcels: int, seed: int) -> NDArray[np.int64]:
    """Share parcels out among villages: ± 12 %, the sum exact."""
    weight = 1 + 0.24 * (stream(seed, 4).random(count) - 0.5)
    weight[town] = 0
    exact = weight / weight.sum() * (parcels - in_town)
    share = np.floor(exact).astype(np.int64)
    missing = parcels - in_town - int(share.sum())
    share[np.argsort(share - exact, kind="stable")[:missing]] += 1
    share[town] = in_town
    return share


def _village_codes(
    cells: NDArray[np.int64], township: NDArray[np.int64], codes: tuple[str, ...], town: int
) -> tuple[str, ...]:
    """Number villages inside their township: 001 for the town's residents' committee, 200 up for villagers'."""
    owner = township[cells[:, 0], cells[:, 1]]
    result, serial = [], dict.fromkeys(range(len(codes)), 200)
    for index, mine in enumerate(owner.tolist()):
        result.append(codes[mine] + ("001" if index == town else f"{serial[mine]:03d}"))
        serial[mine] += 0 if index == town else 1
    return tuple(result)


def _strips(
    mask: NDArray[np.bool_], town: tuple[int, int], seed: int, parcels_each: float
) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
    """Name the strips that run the whole length of each lattice column (northward) and row (eastward)."""
    rng = stream(seed, 5)
    rows, columns = mask.shape
    river = (town[1] + 1) % columns if columns > 1 else -1
    rivers = {river} | ({(river + 7 * k) % columns for k in range(1, columns // 9 + 1)} - {town[1]})
    every = max(1, min(3, columns // 2))
    small = parcels_each < 150
    column = [_kinds(rng, c % every == town[1] % every, c in rivers and c != town[1], small) for c in range(columns)]
    row = [_kinds(rng, r % every == town[0] % every, False, small) for r in range(rows)]
    return tuple(column), tuple(row)


def _kinds(rng: np.random.Generator, highway: bool, river: bool, small: bool) -> tuple[str, ...]:
    middle = "river" if river else ("highway" if highway else "lane")
    if small:
        return ("lane", middle) if river else (middle,)
    outer = "lane" if rng.random() < 0.7 else "ditch"
    others = ("lane", "ditch") if rng.random() < 0.5 else ("ditch", "lane")
    return (outer, middle, *others) if rng.random() < 0.5 else (*others, middle, outer)


def same_township(layout: Layout) -> NDArray[np.int64]:
    """Return the townships as connected lattice labels (-1 outside); one label per township."""
    owner = np.where(layout.mask, layout.township, -1)
    label = components(owner[:, :-1] == owner[:, 1:], owner[:-1] == owner[1:])
    if np.unique(label[layout.mask]).size != len(layout.township_code):
        raise ValueError("a township of the plan falls apart")
    return owner
