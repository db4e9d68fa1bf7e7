"""Ellipsoidal area against worked values, closed form, pyproj.Geod and properties (land-survey notes §6; Q507)."""

import itertools
import tracemalloc
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer

from kunyu.kernel import geodesy
from kunyu.kernel.geodesy import area_of_lonlat, ellipsoidal_area, round_area, to_lonlat

ESRI_PRJ = (
    'PROJCS["CGCS2000_3_Degree_GK_Zone_38",GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",DATUM["D_China_2000",'
    'SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],'
    'PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",38500000.0],PARAMETER["False_Northing",0.0],'
    'PARAMETER["Central_Meridian",114.0],PARAMETER["Scale_Factor",1.0],PARAMETER["Latitude_Of_Origin",0.0],'
    'UNIT["Meter",1.0]]'
)
B2 = geodesy.SEMI_MINOR_M**2
E = geodesy.ECCENTRICITY_SQUARED**0.5


def closed_form(south, north, width):
    """Area in m² of a cell between two parallels, ``width`` degrees wide: notes §6."""

    def q(latitude):
        sine = np.sin(np.radians(latitude))
        return sine / (1 - (E * sine) ** 2) + np.log((1 + E * sine) / (1 - E * sine)) / (2 * E)

    return B2 * np.radians(width) / 2 * (q(north) - q(south))


def test_constants_are_the_notes_values():
    assert pytest.approx(6356752.314140356, abs=1e-9) == geodesy.SEMI_MINOR_M
    assert pytest.approx(0.006694380022900787, rel=1e-15) == geodesy.ECCENTRICITY_SQUARED
    assert (
        pytest.approx(
            (
                1.0033640898341927,
                1.124189381927124e-3,
                1.699459473518905e-6,
                2.7178578455775555e-9,
                4.358419004834514e-12,
            ),
            rel=1e-14,
        )
        == geodesy.SERIES
    )


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ((117, 39, 118, 40), 9_549_520_093.96),
        ((117, 30, 117 + 3.75 / 60, 30 + 2.5 / 60), 27_847_757.03),
        ((117, 30, 117.01, 30.01), 1_069_521.17),
    ],
)
def test_worked_values_to_the_centimetre(cell, expected):
    assert round_area(area_of_lonlat([shapely.box(*cell)]))[0] == expected


def test_hemisphere():
    area = area_of_lonlat([shapely.box(0, 0, 360, 90)])[0]

    assert area == pytest.approx(255_032_810_857_371, abs=1)
    assert closed_form(0, 90, 360) == pytest.approx(255_032_810_859_246, abs=1)


@given(st.floats(70, 136), st.floats(0, 55), st.floats(0.0005, 1.5), st.floats(0.0005, 1.5))
def test_cells_agree_with_the_closed_form(west, south, width, height):
    area = area_of_lonlat([shapely.box(west, south, west + width, south + height)])[0]

    # 1e-9: for the smallest cell the closed form itself subtracts two numbers that agree in ten digits
    exact = closed_form(south, south + height, width)
    assert area == pytest.approx(exact, rel=1e-9)


@given(st.floats(-180, 180))
def test_area_does_not_depend_on_the_base_meridian(base):
    square = [shapely.box(117, 30, 117.01, 30.01)]

    assert area_of_lonlat(square, base_longitude=base)[0] == pytest.approx(area_of_lonlat(square)[0], abs=1e-5)


def test_base_meridians_of_the_notes():
    """117°E and 60°E agree to what float64 leaves after 57° of lever: 2e-6 m² of 1 km²."""
    square = [shapely.box(117, 30, 117.01, 30.01)]

    assert area_of_lonlat(square, base_longitude=117)[0] == pytest.approx(
        area_of_lonlat(square, base_longitude=60)[0], abs=2e-6
    )


def star(rng, centre, radius, vertices):
    """Return a star-shaped ring around ``centre`` in lon/lat degrees, closed, shape (vertices + 1, 2)."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, vertices))
    reach = radius * rng.uniform(0.4, 1.0, vertices)
    ring = np.column_stack((centre[0] + reach * np.cos(angles), centre[1] + reach * np.sin(angles)))
    return np.vstack((ring, ring[:1]))


def densified(ring, step_m=10.0):
    """Cut edges that are straight in degrees into pieces of at most ``step_m``."""
    pieces = []
    for start, end in itertools.pairwise(ring):
        length = np.hypot(*(end - start)) * 111_320
        count = int(np.ceil(length / step_m)) + 1
        pieces.append(start + (end - start) * np.linspace(0, 1, count, endpoint=False)[:, None])
    return np.vstack(pieces)


CENTRES = [(113.0, 34.5), (87.6, 43.8), (109.5, 18.3), (122.4, 53.3)]
GEOD = Geod(a=6378137.0, rf=298.257222101)


def geod_area(ring):
    """Area in m² of the geodesic polygon through ``ring``."""
    return abs(GEOD.polygon_area_perimeter(*ring.T)[0])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("centre", CENTRES)
def test_agrees_with_geod_on_edges_densified_to_ten_metres(seed, centre):
    """A kilometre-sized parcel, both sides densified to at most 10 m: 1e-6 relative is asked, 1e-9 is reached."""
    ring = densified(star(np.random.default_rng(seed), centre, 0.01, 12))
    hole = centre + (ring - centre) * 0.3

    area = area_of_lonlat([shapely.Polygon(ring, [hole])])[0]

    assert area == pytest.approx(geod_area(ring) - geod_area(hole), rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("centre", CENTRES)
def test_agrees_with_densified_geod_on_parcels_as_delivered(seed, centre):
    """Edges of up to 60 m as they stand, against Geod with edges densified to at most 10 m: 1e-6 relative."""
    ring = star(np.random.default_rng(seed), centre, 0.0006, 40)

    assert area_of_lonlat([shapely.Polygon(ring)])[0] == pytest.approx(geod_area(densified(ring)), rel=1e-6)


def test_plane_and_prefix_give_the_same_area():
    ring = star(np.random.default_rng(1), (113.4, 34.5), 0.005, 40)
    lonlat = shapely.Polygon(ring)
    planes = []
    for epsg in (4526, 4547):
        forward = Transformer.from_crs(4490, epsg, always_xy=True)
        planes.append(shapely.Polygon(np.column_stack(forward.transform(*ring.T))))

    expected = area_of_lonlat([lonlat])[0]

    assert ellipsoidal_area(planes[:1], 4526)[0] == pytest.approx(expected, abs=1e-3)
    assert ellipsoidal_area(planes[:1], ESRI_PRJ)[0] == pytest.approx(expected, abs=1e-3)
    assert ellipsoidal_area(planes[1:], "EPSG:4547")[0] == pytest.approx(expected, abs=1e-3)
    assert ellipsoidal_area([lonlat], 4490)[0] == expected
    assert ellipsoidal_area([lonlat], CRS.from_epsg(4490).to_3d())[0] == expected


def test_a_square_kilometre_is_good_to_a_hundredth():
    """With every vertex on a tenth of a millimetre grid, area moves by far less than 0.01 m²."""
    origin = np.array([38_437_000.1234, 3_820_000.5678])
    ring = np.array([[0, 0], [1000, 0], [1000, 1000], [0, 1000], [0, 0]]) + origin
    square = shapely.Polygon(ring)
    turned = shapely.Polygon(np.roll(ring[:-1], 2, axis=0)[::-1])
    quarters = [
        shapely.box(*(np.array([x, y, x + 500, y + 500]) + np.tile(ring[0], 2))) for x in (0, 500) for y in (0, 500)
    ]

    whole, other_way = ellipsoidal_area([square, turned], 4526)

    assert whole == pytest.approx(other_way, abs=1e-4)
    assert ellipsoidal_area(quarters, 4526).sum() == pytest.approx(whole, abs=0.005)


def convex(draw_seed, vertices):
    rng = np.random.default_rng(draw_seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, vertices))
    return np.column_stack((113 + 0.01 * np.cos(angles), 34.5 + 0.01 * np.sin(angles)))


@given(st.integers(0, 2**32), st.integers(5, 60), st.data())
def test_area_adds_up_when_a_parcel_is_split(seed, vertices, data):
    ring = convex(seed, vertices)
    cut = data.draw(st.integers(2, vertices - 3))

    whole, one, other = area_of_lonlat(
        [shapely.Polygon(ring), shapely.Polygon(ring[: cut + 1]), shapely.Polygon(np.vstack((ring[cut:], ring[:1])))]
    )

    assert one + other == pytest.approx(whole, rel=1e-10, abs=1e-4)


@given(st.integers(0, 2**32), st.integers(4, 60), st.integers(0, 59))
def test_orientation_and_start_do_not_matter(seed, vertices, start):
    ring = star(np.random.default_rng(seed), (113, 34.5), 0.01, vertices)[:-1]
    turned = np.roll(ring, start, axis=0)

    areas = area_of_lonlat([shapely.Polygon(ring), shapely.Polygon(ring[::-1]), shapely.Polygon(turned)])

    assert areas == pytest.approx(areas[0], rel=1e-12, abs=1e-5)


def test_holes_parts_and_collections():
    outer, hole, far = (
        shapely.box(113, 34, 113.1, 34.1),
        shapely.box(113.02, 34.02, 113.03, 34.03),
        shapely.box(114, 34, 114.1, 34.1),
    )
    ringed = outer.difference(hole)
    a_outer, a_hole, a_far = area_of_lonlat([outer, hole, far])

    areas = area_of_lonlat(
        [
            ringed,
            shapely.MultiPolygon([ringed, far]),
            shapely.GeometryCollection([shapely.MultiPolygon([ringed]), shapely.Point(0, 0), far]),
            shapely.Polygon(),
            None,
            shapely.LineString([(0, 0), (1, 1)]),
        ]
    )

    assert areas[0] == pytest.approx(a_outer - a_hole, abs=1e-4)
    assert areas[1] == pytest.approx(a_outer - a_hole + a_far, abs=1e-4)
    assert areas[2] == areas[1]
    assert areas[3] == 0 and areas[5] == 0
    assert np.isnan(areas[4])


def test_a_bad_coordinate_spoils_only_its_own_parcel():
    good = shapely.box(38_500_000, 3_800_000, 38_500_100, 3_800_100)
    broken = shapely.set_coordinates(shapely.box(0, 0, 1, 1), [[0, 0], [0, np.nan], [1, 1], [1, 0], [0, 0]])
    absurd = shapely.box(1e300, 1e300, 2e300, 2e300)

    areas = ellipsoidal_area([good, broken, good, absurd], 4526)

    assert areas[0] == areas[2] == pytest.approx(10_000, rel=1e-3)
    assert np.isnan(areas[[1, 3]]).all()


def test_chunks_do_not_change_the_answer(monkeypatch):
    rng = np.random.default_rng(5)
    parcels = [
        shapely.Polygon(star(rng, rng.uniform((112, 33), (115, 36)), 0.01, int(n))) for n in rng.integers(3, 300, 200)
    ]
    whole = area_of_lonlat(parcels)

    monkeypatch.setattr(geodesy, "_CHUNK_VERTICES", 100)

    assert np.array_equal(area_of_lonlat(parcels), whole)
    assert area_of_lonlat([]).shape == (0,)


def test_scratch_memory_stays_small():
    """Two million vertices in 5,000 parcels need less than 16 MB of scratch: memory does not grow with the county."""
    parcels = shapely.buffer(shapely.points(np.full(5_000, 38_450_000.0), 3_800_000.0), 50, quad_segs=100)
    ellipsoidal_area(parcels[:10], 4526)

    tracemalloc.start()
    ellipsoidal_area(parcels, 4526)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert shapely.get_num_coordinates(parcels).sum() > 2_000_000
    assert peak < 16e6


def test_to_lonlat_moves_vertices_and_keeps_heights():
    forward = Transformer.from_crs(4490, 4526, always_xy=True)
    x, y = forward.transform(113.25, 34.5)
    geometries = [shapely.Point(x, y, 123.5), None, shapely.Point(x, y), shapely.Polygon()]

    moved = to_lonlat(geometries, 4526)

    assert shapely.get_coordinates(moved[0], include_z=True)[0] == pytest.approx((113.25, 34.5, 123.5), abs=1e-11)
    assert moved[1] is None
    assert not moved[2].has_z and moved[2].x == pytest.approx(113.25, abs=1e-11)
    assert moved[3].is_empty
    assert to_lonlat([moved[2]], 4490)[0] == moved[2]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2.675, 2.68),
        (1.005, 1.01),
        (0.125, 0.13),
        (2.674999, 2.67),
        (-2.675, -2.68),
        (0.0, 0.0),
        (1e9 + 0.005, 1e9 + 0.01),
    ],
)
def test_round_area_halves_go_up(value, expected):
    assert round_area(value) == expected


@settings(max_examples=500)
@given(st.integers(0, 10**15 - 1), st.integers(0, 6))
def test_round_area_is_decimal_rounding(digits, decimals):
    text = Decimal(digits).scaleb(-decimals)
    expected = text.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    if expected >= 10**9:  # beyond a county's 10^9 m² a float no longer tells 15 digits from the half
        return

    assert float(round_area(float(text))) == float(expected)


def test_round_area_keeps_nan():
    assert np.isnan(round_area([np.nan, 1.0])).tolist() == [True, False]
