"""Faults of single polygons: what and where (Q301)."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from kunyu.kernel.geometry import validity
from kunyu.kernel.geometry.tests.coverages import coverage
from kunyu.kernel.geometry.validity import REASONS, invalid_reasons


def with_coordinates(coordinates):
    """Return a polygon with these coordinates, unchecked."""
    return shapely.Polygon(coordinates)


CASES = {
    validity.SELF_INTERSECTION: (with_coordinates([(0, 0), (10, 10), (10, 0), (0, 10)]), (5, 5)),
    validity.HOLE_OUTSIDE: (shapely.Polygon(shapely.box(0, 0, 9, 9).exterior, [[(20, 20), (21, 20), (21, 21)]]), None),
    validity.NESTED: (
        shapely.Polygon(
            shapely.box(0, 0, 90, 90).exterior, [shapely.box(1, 1, 80, 80).exterior, shapely.box(5, 5, 9, 9).exterior]
        ),
        None,
    ),
    validity.DISCONNECTED: (
        shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(5, 0), (9, 5), (5, 10), (1, 5)]]),
        None,
    ),
    validity.DUPLICATE_VERTEX: (with_coordinates([(0, 0), (10, 0), (10, 0.00005), (10, 10), (0, 10)]), (10, 0.00005)),
    validity.SPIKE: (with_coordinates([(0, 0), (10, 0), (10, 10), (5, 10), (5, 30), (5.0004, 10), (0, 10)]), (5, 30)),
    validity.ZERO_AREA: (with_coordinates([(0, 0), (1000, 0), (1000, 0.0004)]), (0, 0)),
    validity.EMPTY: (shapely.Polygon(), None),
    validity.MISSING: (None, None),
    validity.NOT_POLYGON: (shapely.LineString([(3, 4), (5, 6)]), (3, 4)),
    validity.NOT_FINITE: (
        shapely.set_coordinates(shapely.box(0, 0, 1, 1), [[7, 8], [0, np.nan], [1, 1], [1, 0], [7, 8]]),
        (7, 8),
    ),
}


@pytest.mark.parametrize("reason", CASES)
def test_each_fault_is_named_and_placed(reason):
    geometry, place = CASES[reason]
    polygons = np.array([shapely.box(0, 0, 10, 10), geometry, shapely.box(20, 0, 30, 10)], dtype=object)

    found = invalid_reasons(polygons)

    assert found.index.tolist() == [1] * len(found)
    assert reason in found.reason.tolist()
    point = found.point[found.reason.tolist().index(reason)]
    if place is not None:
        assert (point.x, point.y) == pytest.approx(place, abs=1e-9)
    assert all(REASONS[name][0] and REASONS[name][1] for name in found.reason)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_good_parcels_have_no_faults(seed):
    assert len(invalid_reasons(coverage(seed, cells=30, winding=0.02))) == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 2 * np.pi), st.floats(0.01, 20), st.floats(0.0, 0.0009))
def test_a_spike_is_found_wherever_it_points(seed, direction, length, width):
    """A spike is inserted in the middle of an edge, at any vertex of the ring, of width below the tolerance."""
    rng = np.random.default_rng(seed)
    ring = np.array([(0, 0), (40, 5), (45, 40), (-5, 38)], dtype=float)
    turn = np.array([[np.cos(direction), -np.sin(direction)], [np.sin(direction), np.cos(direction)]])
    # the spike leaves the middle of the first edge outwards, goes out and comes back `width` farther on
    middle = ring[0] * 0.5 + ring[1] * 0.5
    along = (ring[1] - ring[0]) / np.linalg.norm(ring[1] - ring[0])
    out = np.array([along[1], -along[0]])
    tip = middle + out * length
    spiked = np.vstack((ring[:1], middle, tip, middle + along * width, ring[1:])) @ turn.T
    origin = np.array([38_450_000.0, 3_800_000.0])
    polygon = shapely.Polygon(np.roll(spiked, int(rng.integers(len(spiked))), axis=0) + origin)

    found = invalid_reasons([polygon])
    spikes = found.point[found.reason == validity.SPIKE]

    expected = tip @ turn.T + (38_450_000, 3_800_000)
    assert min(np.hypot(point.x - expected[0], point.y - expected[1]) for point in spikes) < 1e-6


def test_a_sharp_but_real_corner_is_no_spike():
    wedge = shapely.Polygon([(0, 0), (100, 0), (100, 3)])

    assert len(invalid_reasons([wedge])) == 0


def test_several_faults_of_one_polygon_and_of_holes_and_parts():
    hole = [(2, 2), (4, 2), (4, 2), (4, 4), (2, 4)]
    part = shapely.Polygon(shapely.box(0, 0, 10, 10).exterior, [hole])
    other = shapely.Polygon([(20, 0), (30, 0), (30, 0), (30, 10)])

    found = invalid_reasons([shapely.MultiPolygon([part, other])])

    assert found.reason.tolist() == [validity.DUPLICATE_VERTEX] * 2
    assert sorted((point.x, point.y) for point in found.point) == [(4, 2), (30, 0)]


def test_nothing_in_nothing_out():
    assert len(invalid_reasons([])) == 0
