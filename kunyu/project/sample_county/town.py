"""The county town: a street grid of blocks, every block cut into parcels. 县城.

The streets are one polygon whose holes are the blocks. Block corners are rounded; between the corners a block side is
straight, and parcels end on it where the street polygon has no vertex: T-junctions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kunyu.project.sample_county.borders import Border
from kunyu.project.sample_county.edges import TENTHS_MM, EdgeStore, build_faces
from kunyu.project.sample_county.land_use import NUMBER
from kunyu.project.sample_county.lattice import (
    STREET,
    Axis,
    Gap,
    Lattice,
    edge_store,
    make_axis,
    place_nodes,
    plain_counts,
)
from kunyu.project.sample_county.layout import ORIGIN, Layout
from kunyu.project.sample_county.randomness import stream
from kunyu.project.sample_county.terrain import Terrain
from kunyu.project.sample_county.tracing import equal_components, trace
from kunyu.project.sample_county.village import Village, frame_of
from kunyu.project.sample_county.zoning import Cells, merge_cells, strip_kinds

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
CORNER_M = 8.0
CORNER_STEPS = 5
WALL_VERTICES = 15
"""Inner vertices of a boundary between two parcels of one block: houses, walls and gates make it uneven."""
SHORT_STUB_M2, SMALL_LOT_M2 = 500.0, 300.0
"""Below the minimum mapped area with some room: such lanes outside the ring join the streets, such blocks one parcel."""


@dataclass(frozen=True)
class Grid:
    """Where blocks lie on the town's lattice: first column and first row of each; every block is 2 × 2 cells."""

    column: Ints
    row: Ints
    inside: tuple[slice, slice]


def make_town(layout: Layout, terrain: Terrain) -> Village:
    """Generate the county town."""
    rng = stream(layout.seed, 8)
    index = layout.town
    row, column = (int(v) for v in layout.cells[index])
    frame = frame_of(layout, index)
    x = _axis(frame.south, frame.north, layout, rng)
    y = _axis(frame.west, frame.east, layout, rng)
    lattice = place_nodes(frame, x, y, layout.side_m, rng, 0.0, None)
    grid = _grid(x, y)
    cells, scraps = _uses(lattice, terrain, grid, layout.column_strips[column], layout.row_strips[row], rng)
    parcel, leaf = merge_cells(cells, int(layout.target[index]), rng, scraps)
    first = np.unique(parcel, return_index=True)[1]
    cells = replace(cells, kind=cells.kind.ravel()[first][parcel])
    rings = trace(parcel)
    count = plain_counts(lattice)
    count = np.where(count > 0, WALL_VERTICES, 0)
    corners = _corners(lattice, grid)
    for corner in corners:
        count[corner.horizontal] = CORNER_STEPS
        count[corner.vertical] = CORNER_STEPS
    edges = _rounded(edge_store(lattice, frame, count, rng), corners)
    faces = build_faces(rings, edges, ORIGIN, cells.strip.ravel())
    return Village(index, lattice, cells, edges, parcel, leaf, rings, faces)


def _axis(low: Border, high: Border, layout: Layout, rng: np.random.Generator) -> Axis:
    """Lay streets between the ports: a ring street on both outer sides, all ports are streets too."""
    ends = np.concatenate([[0.0], ((low.t[low.ports] + high.t[high.ports]) / 2).ravel(), [1.0]])
    length = np.diff(ends)[::2] * layout.side_m
    pitch = layout.side_m / (layout.blocks + 3.2)
    street, margin = min(11.0, 0.14 * pitch), 1.5 * pitch
    usable = length.copy()
    usable[[0, -1]] -= margin + street
    exact = np.maximum(usable, 0.3 * pitch) / np.maximum(usable, 0.3 * pitch).sum() * layout.blocks
    blocks = np.maximum(1, np.floor(exact).astype(int))
    while blocks.sum() != layout.blocks:  # a handful of gaps
        step = 1 if blocks.sum() < layout.blocks else -1
        room = np.where((blocks + step >= 1), (exact - blocks) * step, -np.inf)
        blocks[int(np.argmax(room))] += step
    gaps = []
    for number, count in enumerate(blocks.tolist()):
        width, is_street = _intervals(
            count, number == 0, number == len(blocks) - 1, length[number], margin, street, rng
        )
        gaps.append(Gap(np.cumsum(width)[:-1] / width.sum(), is_street))
    return make_axis(low, high, gaps, np.ones(len(low.ports), dtype=bool))


def _intervals(
    blocks: int, first: bool, last: bool, length: float, margin: float, street: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], Flags]:
    """Return the widths of a gap's intervals and which are streets: margin, ring street, blocks of two cells."""
    fixed = street * (blocks - 1) + (margin + street) * (first + last)
    each = max(0.35 * length / blocks, (length - fixed) / blocks)
    width: list[float] = [margin, street] if first else []
    flag = [False, True] if first else []
    for number in range(blocks):
        size = each * (1 + 0.2 * (rng.random() - 0.5))
        middle = 0.42 + 0.16 * rng.random()
        width += [size * middle, size * (1 - middle)]
        flag += [False, False]
        if number < blocks - 1:
            width.append(street)
            flag.append(True)
    if last:
        width += [street, margin]
        flag += [True, False]
    return np.array(width), np.array(flag)


def _grid(x: Axis, y: Axis) -> Grid:
    """Find the blocks: pairs of cells between two strips, inside the ring streets."""

    def starts(axis: Axis) -> tuple[Ints, slice]:
        strips = np.flatnonzero(axis.strip >= 0)
        ring = np.flatnonzero(axis.strip == STREET)[[0, -1]]
        inside = strips[(strips >= ring[0]) & (strips <= ring[1])]
        return inside[:-1] + 1, slice(int(ring[0]), int(ring[1]) + 1)

    (columns, across), (rows, along) = starts(x), starts(y)
    column, row = np.meshgrid(columns, rows)
    return Grid(column.ravel(), row.ravel(), (along, across))


def _uses(
    lattice: Lattice,
    terrain: Terrain,
    grid: Grid,
    column_strips: tuple[str, ...],
    row_strips: tuple[str, ...],
    rng: np.random.Generator,
) -> tuple[Cells, Flags]:
    """Give every cell its use; second result marks scraps of streets outside the ring, which must merge."""
    shape = lattice.rows, lattice.columns
    ring = np.zeros(shape, dtype=bool)
    ring[grid.inside] = True
    port_x = (lattice.x.strip >= 0) & (lattice.x.strip != STREET)
    port_y = (lattice.y.strip >= 0) & (lattice.y.strip != STREET)
    street = ring & ((lattice.x.strip >= 0)[None, :] | (lattice.y.strip >= 0)[:, None])
    stub = ~ring & (port_x[None, :] | port_y[:, None])
    through, _ = strip_kinds(lattice, column_strips, row_strips)
    kind, zone = _margin(lattice, grid, rng)
    use, block = _block_uses(lattice, grid, rng)
    kind = np.where(block >= 0, use, kind)
    zone = np.where(block >= 0, block, zone)
    kind = np.where(street, NUMBER["street"], np.where(stub, through, kind))
    area = lattice.cell_areas()
    short = stub & (_piece_areas(np.where(stub, kind, -1), area) < SHORT_STUB_M2)
    kind[short] = NUMBER["street"]  # a lane too short for a parcel of its own is a street's end
    small = np.zeros(grid.column.size, dtype=bool)
    for down in (0, 1):
        for right in (0, 1):
            small |= area[grid.row + down, grid.column + right] < SMALL_LOT_M2
    scraps = ~ring & ~stub & ((lattice.x.strip == STREET)[None, :] | (lattice.y.strip == STREET)[:, None])
    scraps |= np.isin(block, np.flatnonzero(small))
    centre = lattice.centres()
    slope = terrain.slope_class(centre[..., 0], centre[..., 1])
    return Cells(kind, street | stub, np.where(street | stub, -1, zone), np.minimum(slope, 2)), scraps


def _piece_areas(kind: Ints, area: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return per cell the area of the connected piece of its kind."""
    piece = equal_components(kind)
    return np.asarray(np.bincount(piece.ravel(), area.ravel())[piece])


def _margin(lattice: Lattice, grid: Grid, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Surround the town with vegetable fields, a belt of trees, idle land: one use per side and stretch."""
    choice = np.array([NUMBER[name] for name in ("irrigated", "irrigated", "belt", "irrigated", "garden")])
    rows, columns = lattice.rows, lattice.columns
    stretch_x = np.cumsum((lattice.x.strip >= 0) & (lattice.x.strip != STREET))
    stretch_y = np.cumsum((lattice.y.strip >= 0) & (lattice.y.strip != STREET))
    side = np.zeros((rows, columns), dtype=np.int64)
    side += stretch_x[None, :] + 11 * stretch_y[:, None]
    picked = choice[rng.integers(0, choice.size, side.max() + 1)]
    return picked[side], 1_000_000 + side


def _block_uses(lattice: Lattice, grid: Grid, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Return use and block number (-1 outside blocks) of every cell."""
    shape = lattice.rows, lattice.columns
    count = grid.column.size
    u = (grid.column - grid.inside[1].start) / max(1, grid.inside[1].stop - grid.inside[1].start)
    v = (grid.row - grid.inside[0].start) / max(1, grid.inside[0].stop - grid.inside[0].start)
    away = np.sqrt((u - 0.5) ** 2 + (v - 0.5) ** 2)
    dice = rng.random(count)
    use = np.full(count, NUMBER["residence"])
    centre = away < 0.22
    works = (u + 0.35 * v > 1.0) & (dice < 0.75)
    for name, where in (
        ("commerce", centre & (dice < 0.45)),
        ("office", centre & (dice > 0.85)),
        ("commerce", ~centre & (dice < 0.10)),
        ("school", (dice > 0.10) & (dice < 0.16)),
        ("park", (dice > 0.16) & (dice < 0.20)),
        ("utility", (dice > 0.20) & (dice < 0.22)),
        ("town_idle", (dice > 0.22) & (dice < 0.24)),
        ("square", (dice > 0.24) & (dice < 0.25)),
        ("works", works & (dice < 0.55)),
        ("warehouse", works & (dice >= 0.55)),
        ("station", (dice > 0.998)),
    ):
        use[where] = NUMBER[name]
    kind = np.full(shape, -1, dtype=np.int64)
    block = np.full(shape, -1, dtype=np.int64)
    minor = np.array([NUMBER[n] for n in ("residence", "residence", "commerce", "office", "utility", "commerce")])
    for down in (0, 1):
        for right in (0, 1):
            odd = rng.random(count) < 0.22
            cell = grid.row + down, grid.column + right
            kind[cell] = np.where(odd, minor[rng.integers(0, minor.size, count)], use)
            block[cell] = np.arange(count)
    return kind, block


@dataclass(frozen=True)
class Corner:
    """One of the four corners of all blocks: its node, the two block sides that start there, and the curve.

    ``outgoing`` says whether a stored edge starts (True) or ends at the corner. ``toward_side`` and ``toward_front``
    are the tangent points on the horizontal and on the vertical block side, metres.
    """

    node: Ints
    horizontal: Ints
    vertical: Ints
    outgoing: tuple[bool, bool]
    at: NDArray[np.float64]
    toward_side: NDArray[np.float64]
    toward_front: NDArray[np.float64]


def _corners(lattice: Lattice, grid: Grid) -> list[Corner]:
    node = lattice.node / TENTHS_MM
    width = lattice.columns
    first_vertical = (lattice.rows + 1) * width
    result = []
    for up in (0, 1):
        for right in (0, 1):
            row, column = grid.row + 2 * up, grid.column + 2 * right
            at = node[row, column]
            side = node[row, grid.column + 2 * (1 - right)] - at
            front = node[grid.row + 2 * (1 - up), column] - at
            side_m, front_m = (np.sqrt((v**2).sum(axis=1))[:, None] for v in (side, front))
            radius = np.minimum(CORNER_M, 0.25 * np.minimum(side_m, front_m))
            result.append(
                Corner(
                    row * (width + 1) + column,
                    row * width + grid.column + right,
                    first_vertical + (grid.row + up) * (width + 1) + column,
                    (right == 0, up == 0),
                    at,
                    at + side / side_m * radius,
                    at + front / front_m * radius,
                )
            )
    return result


def _rounded(edges: EdgeStore, corners: list[Corner]) -> EdgeStore:
    """Round the block corners: the node moves to the middle of a parabola, both sides take half of it each."""
    node, xy = edges.node.copy(), edges.xy.copy()
    for corner in corners:
        node[corner.node] = _tenths((corner.toward_side + 2 * corner.at + corner.toward_front) / 4)
        for edge, leaves, near, far in (
            (corner.horizontal, corner.outgoing[0], corner.toward_side, corner.toward_front),
            (corner.vertical, corner.outgoing[1], corner.toward_front, corner.toward_side),
        ):
            for step in range(CORNER_STEPS):
                t = 0.5 + 0.5 * (step + 1) / CORNER_STEPS
                point = (1 - t) ** 2 * far + 2 * t * (1 - t) * corner.at + t * t * near
                xy[edges.start[edge] + (step if leaves else CORNER_STEPS - 1 - step)] = _tenths(point)
    return EdgeStore(node, edges.start, xy, edges.loose)


def _tenths(metres: NDArray[np.float64]) -> Ints:
    return np.rint(metres * TENTHS_MM).astype(np.int64)
