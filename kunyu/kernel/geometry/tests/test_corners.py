"""Short edges, sharp corners, crowded vertices (Q307, Q308): one below, one at and one above each limit."""

import numpy as np
import pytest
import shapely

from kunyu.kernel.geometry import corners
from kunyu.kernel.geometry.corners import Limits, narrow_corners
from kunyu.kernel.geometry.tests.coverages import coverage

pytestmark = pytest.mark.quick
LIMITS = Limits(0.2, 10.0, 0.25, 100)
EAST, NORTH = 38_500_000.0, 3_800_000.0


def polygon(*xy, holes=()):
    """Return a polygon at a survey's eastings, four decimals."""
    rings = [np.round(np.asarray(ring, float) + np.array([EAST, NORTH]), 4) for ring in (xy, *holes)]
    return shapely.Polygon(rings[0], rings[1:])


def found(*shapes):
    array = np.full(len(shapes), None, object)
    array[:] = shapes
    return narrow_corners(array, LIMITS)


def wedge(degrees, length=20.0):
    """A triangle whose corner at the origin has this angle."""
    turn = np.radians(degrees)
    return (0, 0), (length, 0), (length * np.cos(turn), length * np.sin(turn))


@pytest.mark.parametrize(("angle", "count"), [(9.9, 1), (9.999, 1), (10.001, 0), (10.1, 0), (45, 0)])
def test_angle_boundary(angle, count):
    result = found(polygon((0, 0), (50, 0), (50, 50), (0, 50)), polygon(*wedge(angle)))

    assert result.sharp.position.tolist() == [1] * count
    if count:
        assert result.sharp.measure[0] == pytest.approx(angle, abs=1e-3)
        assert shapely.get_coordinates(result.sharp.geometry[0]).tolist() == [[EAST, NORTH]]


@pytest.mark.parametrize("first", range(3))
@pytest.mark.parametrize("clockwise", [False, True])
def test_a_sharp_corner_at_any_vertex_and_either_way_round(first, clockwise):
    xy = np.roll(wedge(5), first, axis=0)

    assert len(found(polygon(*(xy[::-1] if clockwise else xy))).sharp) == 1


def test_a_notch_is_the_neighbours_corner_and_a_hole_has_corners_outside():
    notch = [(0, 0), (50, 0), (50, 50), (25.5, 50), (25, 30), (24.5, 50), (0, 50)]
    pointed_hole = [(10, 10), (30, 10), (30, 11)]

    assert len(found(polygon(*notch)).sharp) == 0  # its wedge-shaped neighbour has the sharp corner
    assert len(found(polygon((25.5, 50), (25, 30), (24.5, 50))).sharp) == 1
    assert len(found(polygon((0, 0), (50, 0), (50, 50), (0, 50), holes=[pointed_hole])).sharp) == 0
    star = [(20, 20), (30, 20.5), (40, 20), (39.5, 30), (40, 40), (20, 40)]
    assert len(found(polygon((0, 0), (50, 0), (50, 50), (0, 50), holes=[star])).sharp) == 0
    into_the_hole = [(10, 10), (40, 10), (40, 25.2), (20, 25), (40, 24.8 + 0.6), (40, 40), (10, 40)]
    assert len(found(polygon((0, 0), (50, 0), (50, 50), (0, 50), holes=[into_the_hole])).sharp) == 1


@pytest.mark.parametrize(("edge", "count"), [(0.0001, 1), (0.1, 1), (0.1999, 1), (0.2, 0), (0.2001, 0)])
def test_edge_boundary(edge, count):
    result = found(polygon((0, 0), (25, 0), (25 + edge, 0), (50, 0), (50, 50), (0, 50)))

    assert len(result.short) == count
    if count:
        assert result.short.measure[0] == pytest.approx(edge, abs=1e-6)
        assert shapely.length(result.short.geometry[0]) == pytest.approx(edge, abs=1e-6)


def test_what_validity_names_is_not_named_again():
    twice = polygon((0, 0), (25, 0), (25, 0), (50, 0), (50, 50), (0, 50))
    spike = shapely.Polygon([(0, 0), (50, 0), (50, 50), (25, 50), (25, 70), (25.0009, 50), (0, 50)])

    result = found(twice, spike)

    assert len(result.short) == 0 and len(result.sharp) == 0


def test_noise_and_one_finding_per_polygon():
    many = polygon((0, 0), (10, 0), (10.1, 0), (20, 0), (20.05, 0), (30, 0), (30.15, 0), (50, 0), (50, 50), (0, 50))
    at_the_limit = shapely.Polygon([(0, 0), (25, 0), (25.2 - 1e-9, 0), (50, 0), (50, 50), (0, 50)])

    result = found(many, at_the_limit)

    assert result.short.position.tolist() == [0]
    assert result.short.measure[0] == pytest.approx(0.05, abs=1e-6)


@pytest.mark.parametrize(
    ("spacing", "count", "runs"), [(0.24, 100, 1), (0.24, 99, 0), (0.2499, 150, 1), (0.25, 150, 0)]
)
def test_crowded_vertices(spacing, count, runs):
    side = np.c_[10 + spacing * np.arange(count + 1), np.zeros(count + 1)]

    result = found(polygon((0, 0), *side, (60, 0), (60, 50), (0, 50)))

    assert len(result.dense) == runs
    if runs:
        assert result.dense.measure[0] == pytest.approx(spacing, abs=1e-4)
        assert shapely.get_num_coordinates(result.dense.geometry[0]) == 101


def test_multipolygons_holes_and_what_is_no_polygon():
    short_hole = [(10, 10), (10, 20), (10.1, 20), (20, 20), (20, 10)]
    whole = polygon((0, 0), (50, 0), (50, 50), (0, 50), holes=[short_hole])
    parts = shapely.MultiPolygon([shapely.Polygon(polygon(*wedge(4, 30))), whole.buffer(0)])

    result = found(None, shapely.Polygon(), shapely.Point(1, 2), whole, parts)

    assert result.short.position.tolist() == [3, 4] and result.sharp.position.tolist() == [4]


def test_batches_do_not_change_the_answer(monkeypatch):
    parcels = coverage(5, cells=80, winding=0.2)
    wide = Limits(5.0, 60.0, 6.0, 10)
    whole = narrow_corners(parcels, wide)
    monkeypatch.setattr(corners, "_VERTICES_AT_ONCE", 40)
    pieces = narrow_corners(parcels, wide)

    for kind in ("short", "sharp", "dense"):
        one, other = getattr(whole, kind), getattr(pieces, kind)
        assert len(one) and one.position.tolist() == other.position.tolist()
        assert one.measure == pytest.approx(other.measure)


def test_degrees_are_judged_in_metres():
    """0.1 m along a parallel at 60° is 1.8e-6°, twice as many degrees as along the meridian."""
    step = 0.15 / 111_319.5 / np.cos(np.radians(60))
    east = shapely.Polygon(
        [(113, 60), (113.001, 60), (113.001 + step, 60), (113.002, 60), (113.002, 60.001), (113, 60.001)]
    )
    north = shapely.transform(shapely.Polygon([(113, 60), (113.002, 60), (113.002, 60.0005), (113.002, 60.0005 + step),
                                               (113.002, 60.001), (113, 60.001)]), lambda xy: xy)  # fmt: skip

    result = narrow_corners(np.array([east, north], object), LIMITS, geographic=True)

    assert result.short.position.tolist() == [0]  # 0.15 m; along the meridian the same degrees are 0.3 m
    assert result.short.measure[0] == pytest.approx(0.15, abs=1e-3)
