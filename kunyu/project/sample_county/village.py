"""One village survey area, from its borders to its parcels. 村级调查区."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kunyu.project.sample_county.borders import Border, border
from kunyu.project.sample_county.edges import EdgeStore, Faces, build_faces
from kunyu.project.sample_county.land_use import DETAILED
from kunyu.project.sample_county.lattice import (
    Frame,
    Gap,
    Lattice,
    edge_ends,
    edge_store,
    make_axis,
    most_vertices,
    place_nodes,
    plain_counts,
)
from kunyu.project.sample_county.layout import ORIGIN, Layout
from kunyu.project.sample_county.randomness import stream
from kunyu.project.sample_county.terrain import Terrain
from kunyu.project.sample_county.tracing import Rings, trace
from kunyu.project.sample_county.zoning import Cells, countryside, merge_cells

Ints = NDArray[np.int64]
MANY_VERTICES = 1_560
"""What a parcel drawn in great detail has at least: above the 1,500 that the 99th percentile must reach."""
MANY_SHARE = 0.0115
CELLS_PER_PARCEL = 1.38


@dataclass(frozen=True)
class Village:
    """Topology, geometry and land of one village; ``parcel`` (rows, columns) numbers the parcels from 0."""

    index: int
    lattice: Lattice
    cells: Cells
    edges: EdgeStore
    parcel: Ints
    leaf: Ints
    rings: Rings
    faces: Faces


def frame_of(layout: Layout, index: int) -> Frame:
    """Return the four borders of a village."""
    row, column = (int(v) for v in layout.cells[index])
    south: Border = border(layout, False, row, column)
    return Frame(
        south,
        border(layout, False, row + 1, column),
        border(layout, True, row, column),
        border(layout, True, row, column + 1),
    )


def make_village(layout: Layout, terrain: Terrain, index: int) -> Village:
    """Generate one rural village; the same call gives the same village whatever else was generated."""
    rng = stream(layout.seed, 7, index)
    row, column = (int(v) for v in layout.cells[index])
    frame = frame_of(layout, index)
    names = layout.column_strips[column], layout.row_strips[row]
    target = int(layout.target[index])
    side = (CELLS_PER_PARCEL * target) ** 0.5
    x = make_axis(frame.south, frame.north, _gaps(frame.south, frame.north, side, rng), _straight(names[0], rng))
    y = make_axis(frame.west, frame.east, _gaps(frame.west, frame.east, side, rng), _straight(names[1], rng))
    river = names[0].index("river") if "river" in names[0] else None
    lattice = place_nodes(frame, x, y, layout.side_m, rng, 0.05, river)
    cells = countryside(lattice, terrain, *names, rng, layout.seed)
    parcel, leaf = merge_cells(cells, target, rng)
    cells = replace(cells, kind=cells.kind.ravel()[np.unique(parcel, return_index=True)[1]][parcel])
    rings = trace(parcel)
    count = _detailed(lattice, cells, parcel, rings, plain_counts(lattice), target, layout)
    edges = edge_store(lattice, frame, count, rng)
    faces = build_faces(rings, edges, ORIGIN, cells.strip.ravel())
    return Village(index, lattice, cells, edges, parcel, leaf, rings, faces)


def _gaps(low: Border, high: Border, cells: float, rng: np.random.Generator) -> list[Gap]:
    """Share about ``cells`` columns out among the gaps between strips, by length; at least one each."""

    def lengths(side: Border) -> NDArray[np.float64]:
        ends = np.concatenate([[0.0], side.t[side.ports].ravel(), [1.0]])
        return np.diff(ends)[::2]

    share = (lengths(low) + lengths(high)) / 2
    total = max(share.size, int(np.ceil(cells)))
    exact = share / share.sum() * total
    number = np.maximum(1, np.floor(exact)).astype(int)
    while number.sum() != total:  # a handful of gaps
        step = 1 if number.sum() < total else -1
        number[int(np.argmax(np.where(number + step >= 1, (exact - number) * step, -np.inf)))] += step
    result = []
    for count in number.tolist():
        width = 1 + 0.7 * (rng.random(count) - 0.5)
        result.append(Gap(np.cumsum(width)[:-1] / width.sum(), np.zeros(count, dtype=bool)))
    return result


def _straight(names: tuple[str, ...], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw highways and most lanes and ditches straight; rivers never."""
    dice = rng.random(len(names))
    return np.array([name == "highway" or (name != "river" and d < 0.6) for name, d in zip(names, dice, strict=True)])


def _detailed(
    lattice: Lattice, cells: Cells, parcel: Ints, rings: Rings, count: Ints, target: int, layout: Layout
) -> Ints:
    """Give the longest woods and waters so many vertices that the county's 99th percentile exceeds 1,500."""
    rural = layout.parcels - int(layout.target[layout.town])
    need = int(np.ceil(MANY_SHARE * target * layout.parcels / max(1, rural)))
    parcels = int(parcel.max()) + 1
    owner = np.repeat(rings.label, np.diff(rings.start))
    natural = np.bincount(owner, count[rings.edge] + 1, parcels)
    need -= int((natural >= MANY_VERTICES).sum())
    first, last = edge_ends(lattice)
    node = lattice.node.reshape(-1, 2) / 10_000
    length = np.sqrt(((node[last] - node[first]) ** 2).sum(axis=1))
    movable = (count > 0) & ~_on_border(lattice)
    reach = np.bincount(owner, (length * movable)[rings.edge], parcels)
    kind = np.zeros(parcels, dtype=np.int64)
    kind[parcel.ravel()] = cells.kind.ravel()
    wanted = np.where(DETAILED[kind] & (natural < MANY_VERTICES) & (reach > 500.0), reach, 0.0)
    wanted[~DETAILED[kind] & (natural < MANY_VERTICES) & (reach > 500.0)] = 1e-3  # only where woods do not suffice
    chosen = np.argsort(-wanted, kind="stable")[: max(0, need)]
    chosen = chosen[wanted[chosen] > 0]
    density = np.zeros(parcels)
    density[chosen] = MANY_VERTICES / reach[chosen]
    per_step = np.ceil(density[owner] * length[rings.edge] * movable[rings.edge]).astype(np.int64)
    per_step = np.minimum(per_step, most_vertices(length)[rings.edge])
    result = count.copy()
    np.maximum.at(result, rings.edge, per_step)
    return result


def _on_border(lattice: Lattice) -> NDArray[np.bool_]:
    horizontal = np.zeros((lattice.rows + 1, lattice.columns), dtype=bool)
    horizontal[[0, -1]] = True
    vertical = np.zeros((lattice.rows, lattice.columns + 1), dtype=bool)
    vertical[:, [0, -1]] = True
    return np.concatenate([horizontal.ravel(), vertical.ravel()])
