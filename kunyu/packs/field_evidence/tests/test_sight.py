"""Distances, bearings and cones against worked numbers and independent geodesic computation (R-186)."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from kunyu.packs.field_evidence.photos import sight

pytestmark = pytest.mark.quick

SQUARE = shapely.box(113.02, 34.52, 113.021, 34.521)


def at(*pairs: tuple[float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lon, lat = np.array(pairs, float).T
    shapes = np.full(len(pairs), None, object)
    shapes[:] = SQUARE
    return lon, lat, shapes


def test_distance_is_the_ellipsoids() -> None:
    """100 m east of the edge is 100 m, to the millimetre, at this latitude; inside and on the edge are 0."""
    lon, lat, _ = sight.CGCS2000.fwd(113.021, 34.5205, 90.0, 100.0)
    found = sight.distances(*at((lon, lat), (113.0205, 34.5205), (113.021, 34.5205)))
    assert found[0] == pytest.approx(100.0, abs=1e-3)
    assert list(found[1:]) == [0.0, 0.0]


def test_the_corner_is_the_nearest_point() -> None:
    lon, lat, _ = sight.CGCS2000.fwd(113.021, 34.521, 30.0, 250.0)
    metres, points = sight.nearest(*at((lon, lat)))
    assert metres[0] == pytest.approx(250.0, abs=1e-3)
    assert points[0] == pytest.approx([113.021, 34.521], abs=1e-9)


def test_unknown_stays_unknown() -> None:
    lon, lat, shapes = at((113.0, 34.5), (np.nan, 34.5))
    shapes[0] = None
    assert np.isnan(sight.distances(lon, lat, shapes)).all()
    assert np.isnan(sight.off_axis(lon, lat, np.array([0.0, 0.0]), shapes)).all()


def test_field_of_view_of_the_35_mm_frame() -> None:
    """26 mm sees 69.4° along the long side and 49.6° along the short one: 2·atan(d / 2f)."""
    found = sight.field_of_view(np.array([26.0, 26.0, 50.0]), np.array([0.0, 90.0, 180.0]))
    assert found == pytest.approx([69.39, 49.55, 39.60], abs=0.01)


def test_off_axis_counts_from_the_nearest_edge() -> None:
    """South of the square, looking north: 0; turned so far that the corner is 10° off: 10."""
    lon, lat, shapes = at((113.0205, 34.519), (113.0205, 34.519), (113.0205, 34.519), (113.0205, 34.519))
    corner = sight.CGCS2000.inv(113.0205, 34.519, 113.021, 34.52)[0]
    turns = np.array([0.0, corner, corner + 10, 180.0])
    found = sight.off_axis(lon, lat, turns, shapes)
    assert found == pytest.approx([0, 0, 10, 180 - corner], abs=0.01)


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 359.99), st.floats(20, 900), st.floats(0, 359.99))
def test_off_axis_equals_a_sweep_of_the_boundary(way: float, metres: float, azimuth: float) -> None:
    """The vertices and one ray give what a fine sweep along the boundary gives."""
    lon, lat, _ = sight.CGCS2000.fwd(113.0205, 34.5205, way, metres + 80)
    edge = shapely.segmentize(SQUARE.exterior, 1e-6)
    xy = shapely.get_coordinates(edge)
    bearings = sight.CGCS2000.inv(np.full(len(xy), lon), np.full(len(xy), lat), xy[:, 0], xy[:, 1])[0]
    swept = np.abs((bearings - azimuth + 180) % 360 - 180).min()
    found = sight.off_axis(np.array([lon]), np.array([lat]), np.array([azimuth]), np.array([SQUARE], object))[0]
    assert found == pytest.approx(swept, abs=0.6)


def test_cones_open_to_both_sides() -> None:
    cone = sight.cones(*(np.array([v]) for v in (113.02, 34.52, 0.0, 60.0, 100.0)))[0]
    assert shapely.is_valid(cone)
    west, south, east, north = cone.bounds
    assert sight.CGCS2000.inv(113.02, 34.52, 113.02, north)[2] == pytest.approx(100, abs=0.01)
    assert sight.CGCS2000.inv(west, 34.52, east, 34.52)[2] == pytest.approx(100, abs=0.1)
    assert south == 34.52


@pytest.mark.parametrize(
    ("turns", "count"), [([], 0), ([5], 1), ([0, 90, 180, 270], 4), ([0, 40, 80], 2), ([0, 45, 90], 3)]
)
def test_directions_around_the_circle(turns: list[float], count: int) -> None:
    assert sight.directions(np.array(turns, float), 45.0) == count
