"""From labelled lattice cells to rings: the exact topology of the sample county. 格网标签追踪为环.

A lattice has ``rows × columns`` four-sided cells; node ``(r, c)`` is number ``r * (columns + 1) + c``. Edges: the
horizontal edge from node (r, c) to (r, c + 1) is number ``r * columns + c``; vertical edges follow, the one from
(r, c) to (r + 1, c) is ``horizontal + r * (columns + 1) + c``. Every edge is stored once, so two neighbours always
share the same coordinates. No Python loop runs over cells or edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

# sides of a cell walked counter-clockwise: south, east, north, west; step to the neighbour across each side
_ACROSS = np.array([[-1, 0], [0, 1], [1, 0], [0, -1]])


@dataclass(frozen=True)
class Rings:
    """Closed walks over directed edges, interior on the left; shells run counter-clockwise, holes clockwise.

    ``start`` has one more entry than there are rings; ring i covers steps ``start[i]:start[i + 1]`` of ``edge``,
    ``reverse`` (walked against the stored direction), ``node`` (where the step begins), ``cell`` (on its left)
    and ``straight`` (the step runs on in the direction of the one before).
    """

    label: Ints
    start: Ints
    edge: Ints
    reverse: NDArray[np.bool_]
    node: Ints
    cell: Ints
    straight: NDArray[np.bool_]


def components(same_right: NDArray[np.bool_], same_up: NDArray[np.bool_]) -> Ints:
    """Number the 4-connected groups of cells.

    Parameters
    ----------
    same_right : bool array (rows, columns - 1)
        Cell joins its right neighbour.
    same_up : bool array (rows - 1, columns)
        Cell joins its upper neighbour.

    Returns
    -------
    int array (rows, columns)
        Label of each cell, numbered from 0 in order of first cell.
    """
    rows, columns = same_right.shape[0], same_up.shape[1]
    index = np.arange(rows * columns).reshape(rows, columns)
    first = np.concatenate([index[:, :-1][same_right], index[:-1][same_up]])
    second = np.concatenate([index[:, 1:][same_right], index[1:][same_up]])
    parent = index.ravel().copy()
    while True:
        before = parent.copy()
        low = np.minimum(parent[first], parent[second])
        np.minimum.at(parent, parent[first], low)
        np.minimum.at(parent, parent[second], low)
        parent = parent[parent]
        if np.array_equal(before, parent):
            break
    return np.unique(parent, return_inverse=True)[1].reshape(rows, columns).astype(np.int64)


def equal_components(value: Ints) -> Ints:
    """Number the 4-connected groups of cells of equal ``value``."""
    return components(value[:, :-1] == value[:, 1:], value[:-1] == value[1:])


def trace(label: Ints) -> Rings:
    """Walk the boundaries of labelled cells; cells with a negative label are outside and give no ring.

    Where two cells of one label touch only at a corner, the walk turns right: the hole touches its shell in a
    point, which is valid, instead of a shell that passes a point twice, which is not.
    """
    rows, columns = label.shape
    padded = np.full((rows + 2, columns + 2), -1, dtype=np.int64)
    padded[1:-1, 1:-1] = label
    flat = np.arange(rows * columns)
    cell = np.repeat(flat, 4)
    side = np.tile(np.arange(4), flat.size)
    own = label.ravel()[cell]
    r, c = cell // columns, cell % columns
    across = padded[r + 1 + _ACROSS[side, 0], c + 1 + _ACROSS[side, 1]]
    boundary = (own >= 0) & (own != across)
    following = _following(padded, r, c, side, own, columns)

    kept = np.flatnonzero(boundary)
    rank_of = np.full(boundary.size, -1)
    rank_of[kept] = np.arange(kept.size)
    order, start = _cycles(rank_of[following[kept]])
    steps = kept[order]
    edge, reverse, node = _edges_of(r[steps], c[steps], side[steps], rows, columns)
    turn = side[steps] == side[steps[_previous(start)]]
    return Rings(own[steps[start[:-1]]], start, edge, reverse, node, cell[steps], turn)


def _following(padded: Ints, r: Ints, c: Ints, side: Ints, own: Ints, columns: int) -> Ints:
    """Return for each directed side (4 * cell + side) the one that continues its walk."""
    dr, dc = _ACROSS[(side + 1) % 4, 0], _ACROSS[(side + 1) % 4, 1]  # walking direction = side across, turned left
    out_r, out_c = _ACROSS[side, 0], _ACROSS[side, 1]
    ahead_r, ahead_c = r + dr, c + dc
    right_r, right_c = ahead_r + out_r, ahead_c + out_c
    to_right = padded[right_r + 1, right_c + 1] == own
    to_ahead = padded[ahead_r + 1, ahead_c + 1] == own
    same_cell = 4 * (r * columns + c) + (side + 1) % 4
    straight = 4 * (ahead_r * columns + ahead_c) + side
    turned = 4 * (right_r * columns + right_c) + (side + 3) % 4
    return np.where(to_right, turned, np.where(to_ahead, straight, same_cell))


def _cycles(following: Ints) -> tuple[Ints, Ints]:
    """Order a permutation's cycles by pointer doubling; return element order and start offsets (with the end)."""
    size = following.size
    leader = np.arange(size)
    jump = following.copy()
    for _ in range(max(1, int(size).bit_length())):
        leader = np.minimum(leader, leader[jump])
        jump = jump[jump]
    # distance to the leader: cut every cycle before its leader, then rank the lists
    ends = following == leader
    distance = np.where(ends, 0, 1)
    jump = np.where(ends, np.arange(size), following)
    for _ in range(max(1, int(size).bit_length())):
        distance = distance + distance[jump]
        jump = jump[jump]
    order = np.lexsort((-distance, leader))
    heads = np.flatnonzero(np.diff(leader[order], prepend=-1))
    return order, np.append(heads, size)


def _previous(start: Ints) -> Ints:
    """Return for each step of the rings the index of the step before it."""
    before = np.arange(start[-1]) - 1
    before[start[:-1]] = start[1:] - 1
    return before


def _edges_of(r: Ints, c: Ints, side: Ints, rows: int, columns: int) -> tuple[Ints, NDArray[np.bool_], Ints]:
    """Return edge number, direction and first node of directed cell sides."""
    horizontal = (rows + 1) * columns
    vertical = side % 2 == 1
    edge = np.where(
        vertical,
        horizontal + r * (columns + 1) + c + (side == 1),
        (r + (side == 2)) * columns + c,
    )
    node = (r + ((side == 2) | (side == 3))) * (columns + 1) + c + ((side == 1) | (side == 2))
    return edge, side >= 2, node
