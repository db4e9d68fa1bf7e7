"""The lattice of one village: lines between borders, nodes, and the polylines of its edges. 村内格网.

Lines run from border to opposite border. Those of a *strip* (road, ditch, river, street) end at ports; the others end
at an existing vertex of the border polyline, so the two villages of a border need not have matching lattices. Inside,
nodes follow a Coons patch between the smooth borders.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kunyu.project.sample_county.borders import Border
from kunyu.project.sample_county.edges import TENTHS_MM, EdgeStore, ragged
from kunyu.project.sample_county.randomness import knot_noise

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Gap:
    """Lines between two strips: ``fraction`` of each inner line; ``street`` per interval (one more than lines)."""

    fraction: Floats
    street: NDArray[np.bool_]


@dataclass(frozen=True)
class Axis:
    """Lines of one direction.

    ``low``/``high`` are chord positions on the two borders the lines end at, ``low_vertex``/``high_vertex`` the
    border vertices. ``strip`` says per interval which strip it is: -1 none, 0 … a strip of the column or row,
    1000 a street. ``straight`` says per line whether it is the side of a strip drawn with straight pieces.
    """

    low: Floats
    high: Floats
    low_vertex: Ints
    high_vertex: Ints
    strip: Ints
    straight: NDArray[np.bool_]

    @property
    def intervals(self) -> int:
        """Cells along this axis."""
        return int(self.strip.size)

    @property
    def middle(self) -> Floats:
        """Mean position of each line."""
        return (self.low + self.high) / 2

    @property
    def anchors(self) -> NDArray[np.bool_]:
        """Lines where straight pieces of the other direction may bend: ends and sides of strips."""
        side = np.zeros(self.intervals + 1, dtype=bool)
        side[[0, -1]] = True
        thin = self.strip >= 0
        side[:-1] |= thin
        side[1:] |= thin
        return side


STREET = 1000
LEAST_EDGE_M = 0.26
"""No inner vertex comes closer to the one before, along the chord: edges below 0.2 m are a finding (Q307)."""
COS_SHARP = 0.9238795325112867
"""Cosine of 22.5°: edges that wind into a sharper corner are drawn straight; below 10° it is a finding (Q307)."""


def make_axis(low: Border, high: Border, gaps: list[Gap], straight_strips: NDArray[np.bool_]) -> Axis:
    """Join ports and gap lines to one axis; ``straight_strips`` is one flag per port."""
    low_vertex, high_vertex = [np.array([0])], [np.array([0])]
    strip, straight = [], [np.array([False])]
    for number, gap in enumerate(gaps):
        for border, found in ((low, low_vertex), (high, high_vertex)):
            first = border.ports[number - 1, 1] if number else 0
            last = border.ports[number, 0] if number < len(border.ports) else border.t.size - 1
            found.append(_snap(gap.fraction, int(first), int(last)))
        strip.append(np.where(gap.street, STREET, -1))
        side = np.append(gap.street, False) | np.append(False, gap.street)
        straight.append(side[1:-1])
        if number < len(low.ports):
            low_vertex.append(low.ports[number])
            high_vertex.append(high.ports[number])
            strip.append(np.array([number]))
            straight.append(np.repeat(straight_strips[number], 2))
    low_vertex.append(np.array([low.t.size - 1]))
    high_vertex.append(np.array([high.t.size - 1]))
    straight.append(np.array([False]))
    a, b = np.concatenate(low_vertex), np.concatenate(high_vertex)
    return Axis(low.t[a], high.t[b], a, b, np.concatenate(strip), np.concatenate(straight))


def _snap(fraction: Floats, first: int, last: int) -> Ints:
    """Choose strictly increasing vertices between ``first`` and ``last`` (both excluded) near the fractions."""
    count = fraction.size
    if last - first - 1 < count:
        raise ValueError(f"a border has {last - first - 1} vertices where {count} lines must end")
    step = np.arange(count)
    wish = np.rint(first + fraction * (last - first)).astype(np.int64)
    wish = np.maximum.accumulate(np.maximum(wish, first + 1) - step) + step
    ceiling = last - count + step
    return np.minimum(wish, ceiling)


@dataclass(frozen=True)
class Lattice:
    """Nodes of a village's lattice: ``node`` (rows + 1, columns + 1, 2) int64; widths in metres are nominal."""

    x: Axis
    y: Axis
    node: Ints
    loose: NDArray[np.bool_]
    column_width: Floats
    row_width: Floats

    @property
    def rows(self) -> int:
        """Cells northward."""
        return self.y.intervals

    @property
    def columns(self) -> int:
        """Cells eastward."""
        return self.x.intervals

    def centres(self) -> Floats:
        """Return the mean of each cell's four nodes, (rows, columns, 2) metres of the county frame."""
        n = self.node
        return np.asarray((n[:-1, :-1] + n[:-1, 1:] + n[1:, :-1] + n[1:, 1:]) / (4.0 * TENTHS_MM))

    def cell_areas(self) -> Floats:
        """Return the areas of the cells as their four nodes give them, (rows, columns) m²."""
        node = self.node / TENTHS_MM
        one, two = node[1:, 1:] - node[:-1, :-1], node[1:, :-1] - node[:-1, 1:]
        return np.asarray(np.maximum(0.0, 0.5 * (one[..., 0] * two[..., 1] - one[..., 1] * two[..., 0])))


@dataclass(frozen=True)
class Frame:
    """The four borders of a village."""

    south: Border
    north: Border
    west: Border
    east: Border


def place_nodes(
    frame: Frame, x: Axis, y: Axis, side_m: float, rng: np.random.Generator, wander: float, river: int | None
) -> Lattice:
    """Place the nodes of a village.

    Parameters
    ----------
    wander : float
        How far lines bend sideways, as a share of the village's side; 0 for a regular town.
    river : int, optional
        Index among the column strips of a strip that meanders.
    """
    u = (1 - y.middle[:, None]) * x.low + y.middle[:, None] * x.high
    v = (1 - x.middle[None, :]) * y.low[:, None] + x.middle[None, :] * y.high[:, None]
    shift_u = _wander(rng, u, y, wander)
    shift_v = _wander(rng, v.T, x, wander).T
    if river is not None:
        shift_u = shift_u + _meander(rng, u, v, x, river)
    jitter = rng.random((2, *u.shape)) - 0.5
    thin = np.flatnonzero(x.strip >= 0)  # both sides of a strip slide together, or a slanting strip would pinch
    jitter[1][:, thin + 1] = jitter[1][:, thin]
    thin = np.flatnonzero(y.strip >= 0)
    jitter[0][thin + 1] = jitter[0][thin]
    calm = _narrower(np.diff(x.middle)) * (wander > 0)
    u1 = u + shift_u + 0.22 * calm[None, :] * jitter[0]
    calm = _narrower(np.diff(y.middle)) * (wander > 0)
    v1 = v + shift_v + 0.22 * calm[:, None] * jitter[1]
    metres = _coons(frame, u1, v1)
    _pin_borders(metres, frame, x, y)
    for line in np.flatnonzero(x.straight):
        _straighten(metres[:, line], v[:, line], y.anchors)
    for line in np.flatnonzero(y.straight):
        _straighten(metres[line], u[line], x.anchors)
    node = np.rint(metres * TENTHS_MM).astype(np.int64)
    loose = (x.straight[None, :] & ~y.anchors[:, None]) | (y.straight[:, None] & ~x.anchors[None, :])
    return Lattice(x, y, node, loose, np.diff(x.middle) * side_m, np.diff(y.middle) * side_m)


def _narrower(width: Floats) -> Floats:
    """Return per line the narrower of its two neighbouring intervals; 0 at the ends."""
    return np.concatenate([[0.0], np.minimum(width[:-1], width[1:]), [0.0]])


def _wander(rng: np.random.Generator, u: Floats, other: Axis, amount: float) -> Floats:
    """Shift lines sideways by the same bend for all, piecewise straight between the crossing strips."""
    where = np.flatnonzero(other.anchors)
    value = np.where((where == 0) | (where == other.intervals), 0.0, rng.random(where.size) - 0.5)
    second = np.flatnonzero(other.strip[where[:-1]] >= 0) + 1  # both sides of a strip move together
    value[second] = value[second - 1]
    bend = np.interp(other.middle, other.middle[where], value)
    return np.asarray(2 * amount * 4 * u * (1 - u) * bend[:, None])


def _meander(rng: np.random.Generator, u: Floats, v: Floats, x: Axis, river: int) -> Floats:
    """Let the river swing between its neighbour strips; lines beside it give way."""
    column = int(np.flatnonzero(x.strip == river)[0])
    centre = (x.middle[column] + x.middle[column + 1]) / 2
    strips = np.flatnonzero((x.strip >= 0) & (x.strip != river))
    walls = np.concatenate([[0.0, 1.0], x.middle[strips], x.middle[strips + 1]])
    left = centre - walls[walls < x.middle[column]].max()
    right = walls[walls > x.middle[column + 1]].min() - centre
    reach = min(left, right)
    knots = rng.random((1, 7)) * 2 - 1
    knots[0, [0, -1]] = 0.0
    away = np.clip((u - centre) / reach, -1, 1)
    swing = knot_noise(knots, np.zeros(v.size, dtype=np.int64), np.clip(v, 0, 1).ravel()).reshape(v.shape)
    return np.asarray(0.21 * reach * (1 - away**2) ** 2 * swing)


def _coons(frame: Frame, u: Floats, v: Floats) -> Floats:
    """Evaluate the Coons patch of the four smooth borders at (u, v), both in [0, 1]; metres of the county frame."""
    ends = [border.xy / TENTHS_MM for border in (frame.south, frame.north)]
    (sw, se), (nw, ne) = ((e[0], e[-1]) for e in ends)
    a, b = u[..., None], v[..., None]
    ruled = (1 - b) * frame.south.smooth(u) + b * frame.north.smooth(u)
    ruled += (1 - a) * frame.west.smooth(v) + a * frame.east.smooth(v)
    corner = (1 - a) * (1 - b) * sw + a * (1 - b) * se + (1 - a) * b * nw + a * b * ne
    return np.asarray(ruled - corner)


def _pin_borders(metres: Floats, frame: Frame, x: Axis, y: Axis) -> None:
    metres[0] = frame.south.xy[x.low_vertex] / TENTHS_MM
    metres[-1] = frame.north.xy[x.high_vertex] / TENTHS_MM
    metres[:, 0] = frame.west.xy[y.low_vertex] / TENTHS_MM
    metres[:, -1] = frame.east.xy[y.high_vertex] / TENTHS_MM


def _straighten(points: Floats, position: Floats, anchors: NDArray[np.bool_]) -> None:
    """Move the points (n, 2) between anchors onto the straight line between them, in place."""
    at = np.flatnonzero(anchors)
    for axis in (0, 1):
        points[:, axis] = np.interp(position, position[at], points[at, axis])


def edge_ends(lattice: Lattice) -> tuple[Ints, Ints]:
    """Return first and last node number of every edge, in edge order."""
    number = np.arange((lattice.rows + 1) * (lattice.columns + 1)).reshape(lattice.rows + 1, lattice.columns + 1)
    first = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    last = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    return first, last


def edge_room(lattice: Lattice) -> Floats:
    """Return per edge the true width in metres of the narrower cell beside it (0 at borders).

    A cell's width is its area over the length of its sides: beside a bend of the river cells are sheared, and what
    wiggles must stay inside is narrower than the distance of the lines.
    """
    node = lattice.node / TENTHS_MM
    across, up = np.diff(node, axis=1), np.diff(node, axis=0)
    long_h, long_v = np.sqrt((across**2).sum(axis=-1)), np.sqrt((up**2).sum(axis=-1))
    area = lattice.cell_areas()
    height = area / np.maximum(long_h[:-1], long_h[1:])
    width = area / np.maximum(long_v[:, :-1], long_v[:, 1:])
    horizontal, vertical = np.zeros(long_h.shape), np.zeros(long_v.shape)
    horizontal[1:-1] = np.minimum(height[:-1], height[1:])
    vertical[:, 1:-1] = np.minimum(width[:, :-1], width[:, 1:])
    return np.concatenate([horizontal.ravel(), vertical.ravel()])


def plain_counts(lattice: Lattice) -> Ints:
    """Return how many inner vertices each inner edge gets: one about every 8 m, none on straight sides or stubs."""
    first, last = edge_ends(lattice)
    node = lattice.node.reshape(-1, 2) / TENTHS_MM
    length = np.sqrt(((node[last] - node[first]) ** 2).sum(axis=1))
    count = np.minimum(np.clip(np.rint(length / 8.0), 9, 13).astype(np.int64), most_vertices(length))
    row_straight = np.repeat(lattice.y.straight[:, None], lattice.columns, axis=1).ravel()
    column_straight = np.repeat(lattice.x.straight[None, :], lattice.rows, axis=0).ravel()
    row_stub = np.repeat((lattice.x.strip >= 0)[None, :] & (lattice.column_width < 40), lattice.rows + 1, axis=0)
    column_stub = np.repeat(
        (lattice.y.strip >= 0)[:, None] & (lattice.row_width < 40)[:, None], lattice.columns + 1, axis=1
    )
    bare = np.concatenate([row_straight | row_stub.ravel(), column_straight | column_stub.ravel()])
    return np.where(bare, 0, count)


def most_vertices(length: Floats) -> Ints:
    """Return how many inner vertices edges of this length (metres) bear at most: steps of 1.1 least edges."""
    return np.maximum(0, np.floor(length / (1.1 * LEAST_EDGE_M)).astype(np.int64) - 1)


def edge_store(lattice: Lattice, frame: Frame, count: Ints, rng: np.random.Generator) -> EdgeStore:
    """Draw every edge: ``count`` inner vertices each, borders as the frame has them."""
    first, last = edge_ends(lattice)
    node = lattice.node.reshape(-1, 2)
    border_of, vertex_from, vertex_to = _border_edges(lattice)
    count = np.where(border_of >= 0, vertex_to - vertex_from - 1, count)
    start = np.concatenate([[0], np.cumsum(count)])
    owner, step = ragged(np.zeros(count.size, dtype=np.int64), count)
    begin, along, t, aside = _wiggles(node, first, last, count, owner, step, edge_room(lattice), rng)
    borders = [frame.south.xy, frame.north.xy, frame.west.xy, frame.east.xy]

    def drawn() -> EdgeStore:
        left = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.sqrt((along**2).sum(axis=1))[:, None]
        metres = begin[owner] + t[:, None] * along[owner] + aside[:, None] * left[owner]
        xy = np.rint(metres * TENTHS_MM).astype(np.int64)
        for side, source in enumerate(borders):
            mine = border_of[owner] == side
            xy[mine] = source[vertex_from[owner[mine]] + 1 + step[mine]]
        return EdgeStore(node, start, xy, lattice.loose.ravel())

    store = drawn()
    for _ in range(3):
        sharp = _edges_at_sharp_corners(lattice, store, first, last)
        if not (aside[sharp[owner]] != 0).any():
            break
        aside[sharp[owner]] = 0.0  # what still meets sharply as straight pieces stays: the lattice itself is blunt
        store = drawn()
    return store


def _edges_at_sharp_corners(lattice: Lattice, store: EdgeStore, first: Ints, last: Ints) -> NDArray[np.bool_]:
    """Say which edges meet the next one around a node (east, north, west, south) at less than ``SHARP``."""
    rows, columns = lattice.rows, lattice.columns
    inner = np.diff(store.start) > 0
    begin, end = store.start[:-1], store.start[1:] - 1
    after = np.where(inner[:, None], store.xy[np.minimum(begin, len(store.xy) - 1)], store.node[last])
    before = np.where(inner[:, None], store.xy[np.maximum(end, 0)], store.node[first])
    leaving, arriving = (after - store.node[first]) / TENTHS_MM, (before - store.node[last]) / TENTHS_MM
    flat = (rows + 1) * columns
    number = np.full((4, rows + 1, columns + 1), -1, dtype=np.int64)
    way = np.zeros((4, rows + 1, columns + 1, 2))
    horizontal = np.arange(flat).reshape(rows + 1, columns)
    vertical = flat + np.arange(rows * (columns + 1)).reshape(rows, columns + 1)
    number[0, :, :-1], way[0, :, :-1] = horizontal, leaving[horizontal]
    number[1, :-1], way[1, :-1] = vertical, leaving[vertical]
    number[2, :, 1:], way[2, :, 1:] = horizontal, arriving[horizontal]
    number[3, 1:], way[3, 1:] = vertical, arriving[vertical]
    following = np.roll(way, -1, axis=0)
    dot = (way * following).sum(axis=-1)
    long = np.sqrt((way**2).sum(axis=-1) * (following**2).sum(axis=-1))
    close = (dot > COS_SHARP * long) & (number >= 0) & (np.roll(number, -1, axis=0) >= 0)
    sharp = np.zeros(first.size, dtype=bool)
    sharp[number[close]] = True
    sharp[np.roll(number, -1, axis=0)[close]] = True
    return sharp


def _border_edges(lattice: Lattice) -> tuple[Ints, Ints, Ints]:
    """Return per edge its border (0 south, 1 north, 2 west, 3 east, -1 none) and its vertices there."""
    rows, columns = lattice.rows, lattice.columns
    horizontal = np.full((3, rows + 1, columns), -1, dtype=np.int64)
    vertical = np.full((3, rows, columns + 1), -1, dtype=np.int64)
    for side, row, vertex in ((0, 0, lattice.x.low_vertex), (1, -1, lattice.x.high_vertex)):
        horizontal[0, row], horizontal[1, row], horizontal[2, row] = side, vertex[:-1], vertex[1:]
    for side, column, vertex in ((2, 0, lattice.y.low_vertex), (3, -1, lattice.y.high_vertex)):
        vertical[0, :, column], vertical[1, :, column], vertical[2, :, column] = side, vertex[:-1], vertex[1:]
    both = np.concatenate([horizontal.reshape(3, -1), vertical.reshape(3, -1)], axis=1)
    return both[0], both[1], both[2]


def _wiggles(
    node: Ints, first: Ints, last: Ints, count: Ints, owner: Ints, step: Ints, room: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats, Floats]:
    """Place inner vertices: along the chord in order, aside by at most a sixth of the room (never crossing).

    Returns, per edge, where its chord begins and the chord (metres); per vertex its place on the chord (0 to 1) and
    how far it lies to the left of it (metres).
    """
    begin = node[first] / TENTHS_MM
    along = node[last] / TENTHS_MM - begin
    length = np.sqrt((along**2).sum(axis=1))
    amplitude = np.minimum(0.055 * length, np.where(room < 40.0, 0.07, 0.13) * room)
    coarse = rng.random((count.size, 5)) * 2 - 1
    fine = rng.random((count.size, 21)) * 2 - 1
    shake = rng.random((owner.size, 2)) - 0.5
    spacing = length[owner] / (count[owner] + 1)
    loose = np.clip(1.0 - LEAST_EDGE_M / spacing, 0.0, 0.5)
    t = (step + 1 + loose * shake[:, 0]) / (count[owner] + 1)
    taper = np.minimum(1.0, 5.0 * np.minimum(t, 1 - t))
    wave = knot_noise(coarse, owner, t) + 0.35 * knot_noise(fine, owner, t) * (count[owner] > 30)
    rough = np.minimum(0.3 * spacing, 0.05 * room[owner]) * shake[:, 1]
    return begin, along, t, taper * (amplitude[owner] * wave + rough)
