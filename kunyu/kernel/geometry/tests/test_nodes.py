"""Dangling ends and pseudo nodes of boundary lines (Q308)."""

import numpy as np
import pytest
import shapely

from kunyu.kernel.geometry.nodes import loose_ends

pytestmark = pytest.mark.quick
EAST, NORTH = 38_500_000.0, 3_800_000.0
RING = [(0, 0), (100, 0), (100, 100), (0, 100), (0, 0)]


def lines(*several):
    shapes = np.full(len(several), None, object)
    shapes[:] = [shapely.LineString(np.asarray(one, float) + np.array([EAST, NORTH])) for one in several]
    return shapes


def test_a_network_in_order():
    """Three arcs meet in two nodes."""
    half = lines(RING[:3], RING[2:], [RING[0], RING[2]])

    dangling, pseudo = loose_ends(half)

    assert len(dangling) == 0 and len(pseudo) == 0


def test_a_ring_on_its_own_and_an_end_inside_another_line():
    dangling, pseudo = loose_ends(lines(RING, [(50, 0), (50, 100)]))

    assert len(dangling) == 0 and len(pseudo) == 0


@pytest.mark.parametrize(("short", "count"), [(0.0, 0), (1e-9, 0), (0.0009, 0), (0.0011, 1), (3.0, 1)])
def test_dangling_boundary(short, count):
    dangling, pseudo = loose_ends(lines(RING, [(50, 0), (50, 100 - short)]))

    assert dangling.position.tolist() == [1] * count and len(pseudo) == 0
    if count:
        assert dangling.gap[0] == pytest.approx(short, abs=1e-6)
        assert shapely.get_y(dangling.geometry[0]) == pytest.approx(NORTH + 100 - short)


def test_a_line_alone_dangles_twice_and_is_far_from_others():
    dangling, _ = loose_ends(lines(RING, [(500, 0), (600, 0)]))

    assert dangling.position.tolist() == [1, 1] and np.isinf(dangling.gap).all()


def test_pseudo_nodes():
    """Two arcs that only meet each other, at one node and at two."""
    _, one = loose_ends(lines(RING, [(0, 0), (40, 40)], [(40, 40), (100, 100)]))
    _, two = loose_ends(lines(RING[:3], RING[2:]))

    assert list(zip(one.left, one.right, strict=True)) == [(1, 2)]
    assert shapely.get_coordinates(one.geometry).tolist() == [[EAST + 40, NORTH + 40]]
    assert list(zip(two.left, two.right, strict=True)) == [(0, 1), (0, 1)]
    assert len({shapely.to_wkb(place) for place in two.geometry}) == 2


def test_three_lines_at_a_node_are_no_pseudo_node():
    _, pseudo = loose_ends(lines([(0, 0), (50, 50)], [(50, 50), (100, 0)], [(50, 50), (50, 100)]))

    assert len(pseudo) == 0


def test_parts_and_nothing():
    parts = np.array(
        [shapely.MultiLineString([shapely.LineString([(0, 0), (9, 0)]), shapely.LineString([(9, 0), (9, 9)])])]
    )

    dangling, pseudo = loose_ends(parts)

    assert dangling.position.tolist() == [0, 0] and list(zip(pseudo.left, pseudo.right, strict=True)) == [(0, 0)]
    assert len(loose_ends(np.array([None, shapely.LineString()], object))[0]) == 0
