"""Which polygons share an edge (Q310)."""

import numpy as np
import pytest
import shapely

from kunyu.kernel.geometry import adjacency
from kunyu.kernel.geometry.adjacency import neighbours, pairs_of_equal_key, shared_stretches
from kunyu.kernel.geometry.tests.coverages import coverage

pytestmark = pytest.mark.quick
EAST, NORTH = 38_500_000.0, 3_800_000.0
LEAST = 0.05


def box(west, south, east, north):
    return shapely.box(EAST + west, NORTH + south, EAST + east, NORTH + north)


def found(shapes, key=None):
    array = np.full(len(shapes), None, object)
    array[:] = shapes
    left, right = pairs_of_equal_key(array, np.zeros(len(array), np.uint64) if key is None else key)
    result = neighbours(array, left, right, LEAST)
    return list(zip(result.left.tolist(), result.right.tolist(), strict=True))


def test_an_edge_a_corner_and_nothing():
    assert found([box(0, 0, 10, 10), box(10, 0, 20, 10), box(20, 10, 30, 20), box(50, 0, 60, 10)]) == [(0, 1)]


@pytest.mark.parametrize(("shared", "count"), [(0.0, 0), (0.04, 0), (0.06, 1), (5, 1)])
def test_a_touch_is_no_edge(shared, count):
    assert len(found([box(0, 0, 10, 10), box(10, 10 - shared, 20, 20)])) == count


@pytest.mark.parametrize(("off", "count"), [(0, 1), (1e-9, 1), (0.00005, 1), (0.0009, 1), (0.0011, 0), (1, 0)])
def test_gap_boundary(off, count):
    assert len(found([box(0, 0, 10, 10), box(10 + off, 0, 20, 10)])) == count


def test_t_junctions_on_a_long_edge():
    """Parcels beside a road whose edge of a kilometre has no vertex; theirs are rounded and 0.05 mm off it."""
    road = box(0, 0, 1000, 10)
    beside = [
        shapely.transform(box(k * 50, 10, k * 50 + 50, 40), lambda xy: xy + np.array([0, 0.00005])) for k in range(20)
    ]

    pairs = found([road, *beside])

    assert [pair for pair in pairs if pair[0] == 0] == [(0, k) for k in range(1, 21)]
    assert len(pairs) == 20 + 19


def test_a_parcel_in_anothers_hole():
    ring = shapely.difference(box(0, 0, 30, 30), box(10, 10, 20, 20))

    assert found([ring, box(10, 10, 20, 20)]) == [(0, 1)]


def test_the_same_parcel_twice_and_one_inside_another_are_no_neighbours():
    assert found([box(0, 0, 10, 10), box(0, 0, 10, 10), box(0, 0, 5, 5)]) == []


def test_only_equal_keys():
    shapes = [box(0, 0, 10, 10), box(10, 0, 20, 10), box(20, 0, 30, 10)]

    assert found(shapes, np.array([7, 8, 7], np.uint64)) == []
    assert found(shapes, np.array([7, 8, 8], np.uint64)) == [(1, 2)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_as_measured_pair_by_pair(seed, monkeypatch):
    """Against overlays of every pair, in many small pieces."""
    parcels = coverage(seed, cells=60)
    monkeypatch.setattr(adjacency, "_PAIRS_AT_ONCE", 17)
    monkeypatch.setattr(adjacency, "_SEGMENTS_AT_ONCE", 50)
    i, j = shapely.STRtree(parcels).query(parcels, predicate="intersects")
    once = i < j
    i, j = i[once], j[once]
    sharing = shapely.length(shapely.intersection(parcels[i], parcels[j])) > LEAST

    assert found(parcels) == sorted(zip(i[sharing].tolist(), j[sharing].tolist(), strict=True))


def test_the_stretch_that_is_shared():
    shapes = np.array([box(0, 0, 10, 10), box(10, 2, 20, 7), box(10.0004, 7, 20, 12)], object)

    exact, near = shared_stretches(shapes[[0, 0]], shapes[[1, 2]])

    assert shapely.length(exact) == 5.0
    assert shapely.length(near) == pytest.approx(3.0, abs=0.01)
    assert len(shared_stretches(shapes[:0], shapes[:0])) == 0
