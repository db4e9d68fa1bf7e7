"""Lines along boundaries: Q403 and Q406 stand on this."""

import numpy as np
import pytest
import shapely

from kunyu.kernel.geometry.line_cover import uncovered

pytestmark = pytest.mark.quick
EAST, NORTH = 38_500_000.0, 3_800_000.0


def ring(*corners):
    return shapely.Polygon([(EAST + x, NORTH + y) for x, y in corners])


GRID = np.array(
    [ring((x, y), (x + 50, y), (x + 50, y + 50), (x, y + 50)) for x in (0, 50, 100) for y in (0, 50)], object
)


def test_an_outline_of_cells_is_covered():
    assert len(uncovered([ring((0, 0), (100, 0), (100, 50), (50, 50), (50, 100), (0, 100))], GRID)) == 0


@pytest.mark.parametrize(("off", "found"), [(0.0, 0), (1e-9, 0), (0.00005, 0), (0.0009, 0), (0.0011, 1), (0.5, 1)])
def test_a_vertex_off_the_boundary(off, found):
    """A T-junction: the line has a vertex where the boundary runs straight on; it may be a millimetre off."""
    result = uncovered([ring((0, 0), (25, -off), (50, 0), (50, 50), (0, 50))], GRID)

    assert len(result) == found
    if found:
        length = shapely.length(result.geometry[0])
        assert 0 < length <= 50.02
        assert shapely.distance(result.geometry[0], shapely.Point(EAST + 25, NORTH - off)) < 1e-6


def test_long_edges_over_many_boundaries_and_what_is_left_open():
    line = shapely.LineString([(EAST - 30, NORTH), (EAST + 170, NORTH)])

    result = uncovered([line], GRID)

    (stretches,) = result.geometry
    assert shapely.length(stretches) == pytest.approx(50, abs=0.01)
    assert shapely.get_num_geometries(stretches) == 2


def test_crossing_is_not_following():
    line = shapely.LineString([(EAST + 25, NORTH), (EAST + 25, NORTH + 100)])

    assert shapely.length(uncovered([line], GRID).geometry[0]) == pytest.approx(100, abs=0.02)


def test_nothing_to_follow_and_nothing_to_ask():
    line = shapely.LineString([(EAST, NORTH), (EAST + 7, NORTH)])

    assert shapely.length(uncovered([line], []).geometry[0]) == pytest.approx(7)
    assert len(uncovered([], GRID)) == 0 and len(uncovered([None], GRID)) == 0


def test_boundaries_followed_by_lines():
    """The other way round (Q309): what of a polygon's outline no line runs along."""
    drawn = shapely.LineString([(EAST, NORTH), (EAST, NORTH + 100), (EAST + 150, NORTH + 100), (EAST + 150, NORTH)])
    block = ring((0, 0), (150, 0), (150, 100), (0, 100))

    (bare,) = uncovered([block], [drawn, None]).geometry

    assert shapely.length(bare) == pytest.approx(150, abs=0.01)
    assert len(uncovered([drawn], [block])) == 0
