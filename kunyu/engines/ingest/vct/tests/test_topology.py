"""Shared lines: every border once, rings rebuilt vertex by vertex (issue: VCT indirect polygons). No database."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from kunyu.engines.ingest.vct.ragged import starts_of
from kunyu.engines.ingest.vct.topology import Topology

pytestmark = pytest.mark.quick


def cut(batches):
    """Return the lines as lists of vertices and, per ring, what it is made of."""
    topology = Topology()
    for rings in batches:
        flat = np.array([point for ring in rings for point in ring], np.int64)
        topology.add(flat[:, 0], flat[:, 1], starts_of(np.array([len(ring) for ring in rings])))
    topology.build()
    lines = []
    for x, y, counts in topology.line_vertices():
        at = starts_of(counts)
        points = list(zip(x.tolist(), y.tolist(), strict=True))
        lines += [points[at[i] : at[i + 1]] for i in range(len(counts))]
    made = [[pieces.line[pieces.ring == i].tolist() for i in range(len(rings))]
            for pieces, rings in zip(topology.pieces, batches, strict=True)]  # fmt: skip
    return lines, made


def rebuilt(lines, references):
    ring = []
    for number in references:
        points = lines[abs(number) - 1][:: 1 if number > 0 else -1]
        assert not ring or ring[-1] == points[0]
        ring += points[bool(ring) :]
    return ring


def turned(ring, start):
    """The same closed ring beginning at another vertex."""
    where = ring.index(start)
    return ring[where:-1] + ring[:where] + [ring[where]]


def square(x, y, size=10):
    return [(x, y), (x + size, y), (x + size, y + size), (x, y + size), (x, y)]


def assert_whole(batches):
    lines, made = cut(batches)
    for rings, parts in zip(batches, made, strict=True):
        for ring, references in zip(rings, parts, strict=True):
            found = rebuilt(lines, references)
            assert found == (turned(ring, found[0]) if ring[0] == ring[-1] else ring)
    return lines, made


def test_neighbours_share_one_line_in_opposite_directions():
    lines, made = assert_whole([[square(0, 0), square(10, 0)]])

    assert len(lines) == 3
    left, right = ({abs(one): np.sign(one) for one in some} for some in made[0])
    (shared,) = set(left) & set(right)
    assert left[shared] == -right[shared]
    assert sorted(lines[shared - 1]) == [(10, 0), (10, 10)]


def test_neighbours_in_different_batches_share_too():
    lines, _ = assert_whole([[square(0, 0)], [square(10, 0)]])
    assert len(lines) == 3


def test_an_island_and_the_hole_around_it_are_one_line():
    lines, made = assert_whole([[square(0, 0, 100), square(40, 40)[::-1]], [square(40, 40)[2:] + square(40, 40)[1:3]]])
    assert len(lines) == 2
    assert made[0][1][0] == -made[1][0][0]


def test_a_duplicate_polygon_uses_the_same_line():
    lines, made = assert_whole([[square(0, 0), square(0, 0)]])
    assert (len(lines), made) == (1, [[[1], [1]]])


def test_t_junction_on_a_long_edge_stays():
    """Two small squares along one long edge: the long edge has no vertex there and keeps its own line."""
    lines, made = assert_whole([[[(0, 0), (20, 0), (20, -5), (0, -5), (0, 0)], square(0, 0), square(10, 0)]])
    assert [(0, 0), (20, 0)] in [sorted(line) for line in lines]
    assert len(made[0][0]) == 2


@pytest.mark.parametrize(
    "ring",
    [
        [(0, 0), (10, 10), (10, 0), (0, 10), (0, 0)],  # bow-tie
        [(0, 0), (10, 0), (10, 10), (5, 10), (5, 20), (5, 10), (0, 10), (0, 0)],  # spike
        [(0, 0), (10, 0), (10, 0), (10, 10), (0, 0)],  # a vertex twice
        [(0, 0), (10, 0), (10, 10), (0, 0), (10, 0), (10, 10), (0, 0)],  # twice around
        [(0, 0), (5, 5), (10, 0), (5, 5), (0, 0)],  # no area
        [(0, 0), (0, 0)],  # one point
        [(0, 0), (10, 0), (10, 10), (0, 10)],  # not closed
        [(0, 0), (10, 0), (10, 10), (5, 5), (0, 10), (5, 5), (0, 0)],  # touches itself
    ],
)
def test_invalid_rings_survive(ring):
    assert_whole([[ring, square(10, 0), square(0, 10)]])


def test_random_coverages_are_rebuilt_vertex_by_vertex():
    """Squares of a grid, joined at random and wound at random, in random batches."""
    random = np.random.default_rng(3)
    for _ in range(20):
        rings = [square(10 * x, 10 * y)[:: random.choice([1, -1])] for x in range(8) for y in range(8)]
        random.shuffle(rings)
        half = int(random.integers(1, 63))
        lines, _ = assert_whole([rings[:half], rings[half:]])
        edges = [tuple(sorted(pair)) for line in lines for pair in pairwise(line)]
        assert len(edges) == len(set(edges)) == 2 * 8 * 9
