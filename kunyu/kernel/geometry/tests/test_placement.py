"""What leaves its place, what shares ground: Q401, Q402, Q404, Q405, Q407, Q408 stand on this."""

import numpy as np
import pytest
import shapely

from kunyu.kernel.geometry.placement import main_place, shared_ground, strays, usable_polygons

pytestmark = pytest.mark.quick
EAST, NORTH = 38_500_000.0, 3_800_000.0


def box(west, south, east, north):
    return shapely.box(EAST + west, NORTH + south, EAST + east, NORTH + north)


PLACES = np.array([box(0, 0, 100, 100), box(100, 0, 200, 100)], object)


@pytest.mark.parametrize(("out", "found"), [(0, 0), (1e-9, 0), (0.0009, 0), (0.0011, 1), (3, 1), (-5, 0)])
def test_a_polygon_strays_when_more_than_a_millimetre_lies_outside(out, found):
    polygon = box(90, 10, 100 + out, 40)

    result = strays([polygon], PLACES, [0])

    assert len(result) == found
    if found:
        assert result.position.tolist() == [0]
        assert result.geometry[0].area == pytest.approx(out * 30, rel=1e-4)


def test_a_place_is_left_by_its_own_notch_too():
    """Every vertex of the polygon is inside; the place has a bay that cuts into it."""
    bay = shapely.difference(box(0, 0, 100, 100), shapely.Polygon(
        [(EAST + 50, NORTH + 100), (EAST + 55, NORTH + 80), (EAST + 60, NORTH + 100)]))  # fmt: skip

    result = strays([box(20, 20, 80, 95)], [bay], [0])

    assert result.geometry[0].area == pytest.approx(0.5 * 15 * 7.5, rel=1e-6)
    assert shapely.intersection(result.geometry[0], bay).area == pytest.approx(0, abs=1e-6)


def test_all_of_it_elsewhere_nowhere_and_broken():
    bow_tie = shapely.Polygon([(EAST + 10, NORTH + 10), (EAST + 20, NORTH + 20), (EAST + 20, NORTH + 10),
                               (EAST + 10, NORTH + 20)])  # fmt: skip
    nan = shapely.transform(box(0, 0, 9, 9), lambda xy: np.where(np.arange(5)[:, None] == 2, np.nan, xy))
    polygons = [box(110, 10, 120, 20), box(110, 10, 120, 20), bow_tie, None, shapely.Polygon(), nan]

    result = strays(polygons, PLACES, [0, -1, 0, 0, 0, 0])

    assert result.position.tolist() == [0] and result.geometry[0].area == pytest.approx(100)
    assert strays(polygons[2:3], PLACES, [1]).geometry[0].area == pytest.approx(50)
    assert usable_polygons(polygons)[0].tolist() == [0, 1, 2]


def test_a_sliver_far_thinner_than_the_tolerance_is_noise_however_long():
    thin = shapely.Polygon(
        [(EAST, NORTH + 10), (EAST + 100.0004, NORTH + 10), (EAST + 100.0004, NORTH + 90), (EAST, NORTH + 90)]
    )

    assert len(strays([thin], PLACES, [0])) == 0


@pytest.mark.parametrize(("into", "found"), [(0, 0), (1e-9, 0), (0.0009, 0), (0.0011, 1), (2, 1)])
def test_shared_ground_begins_at_the_tolerance(into, found):
    result = shared_ground([box(0, 0, 100, 50), box(300, 0, 310, 10)], [box(100 - into, 0, 200, 50)])

    assert len(result) == found
    if found:
        assert (result.left[0], result.right[0]) == (0, 0)
        assert result.geometry[0].area == pytest.approx(50 * into, rel=1e-4)


def test_shared_ground_of_containment_and_duplicates():
    outer, inner = box(0, 0, 100, 100), box(40, 40, 50, 50)

    assert [g.area for g in shared_ground([outer], [inner, outer]).geometry] == pytest.approx([100, 10_000])
    assert [g.area for g in shared_ground([inner], [outer]).geometry] == pytest.approx([100])
    assert len(shared_ground([], [outer])) == 0


def test_main_place_is_that_of_a_point_inside():
    assert main_place([box(95, 0, 130, 10), box(0, 0, 1, 1), box(500, 0, 501, 1), None], PLACES).tolist() == [
        1,
        0,
        -1,
        -1,
    ]
