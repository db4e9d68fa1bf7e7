"""Gauss–Krüger zones, EPSG codes 4491–4554, and recognising what a file declares."""

import numpy as np
import pytest
from pyproj import CRS

from kunyu.kernel.crs import central_meridian, coordinate_problems, describe_crs, gauss_kruger_zone, zone_epsg
from kunyu.kernel.errors import UnreadableInput, UsageError


def esri_prj(name, meridian, false_easting, projection="Gauss_Kruger"):
    """Return a .prj as ArcGIS writes it: no authority codes."""
    return (
        f'PROJCS["{name}",GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",DATUM["D_China_2000",'
        'SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],'
        f'PROJECTION["{projection}"],PARAMETER["False_Easting",{false_easting}],PARAMETER["False_Northing",0.0],'
        f'PARAMETER["Central_Meridian",{meridian}],PARAMETER["Scale_Factor",1.0],'
        'PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
    )


ALL_ZONES = [(zone, 3) for zone in range(25, 46)] + [(zone, 6) for zone in range(13, 24)]


@pytest.mark.parametrize("prefixed", [True, False])
@pytest.mark.parametrize(("zone", "width"), ALL_ZONES)
def test_every_zone_has_its_epsg_code(zone, width, prefixed):
    code = zone_epsg(zone, width, prefixed)
    meridian = central_meridian(zone, width)
    values = {p.name: p.value for p in CRS.from_epsg(code).coordinate_operation.params}

    assert 4491 <= code <= 4554
    assert values["Longitude of natural origin"] == meridian
    assert values["False easting"] == 500_000 + (zone * 1_000_000 if prefixed else 0)
    assert zone_epsg(meridian, width, prefixed) == code
    assert gauss_kruger_zone(meridian, width) == zone


@pytest.mark.parametrize("prefixed", [True, False])
@pytest.mark.parametrize(("zone", "width"), ALL_ZONES)
def test_every_zone_is_described(zone, width, prefixed):
    description = describe_crs(zone_epsg(zone, width, prefixed))

    assert (description.kind, description.is_cgcs2000) == ("gauss_kruger", True)
    assert (description.zone, description.zone_width, description.prefixed) == (zone, width, prefixed)
    assert description.axis_order == "yx"


@pytest.mark.parametrize(
    ("longitude", "width", "zone"),
    [
        (112.5, 3, 38),
        (112.4999, 3, 37),
        (115.4999, 3, 38),
        (113, 3, 38),
        (113, 6, 19),
        (114, 6, 20),
        (0.5, 3, 120),
        (-0.5, 6, 60),
    ],
)
def test_zone_of_a_longitude(longitude, width, zone):
    assert gauss_kruger_zone(longitude, width) == zone
    assert gauss_kruger_zone(np.array([longitude]), width).tolist() == [zone]


@pytest.mark.parametrize(("zone", "width"), [(24, 3), (46, 3), (12, 6), (24, 6), (115, 3), (114, 6), (38, 6), (38, 5)])
def test_zones_china_does_not_have(zone, width):
    with pytest.raises(UsageError):
        zone_epsg(zone, width)


@pytest.mark.parametrize(
    ("name", "meridian", "easting", "epsg", "width", "zone", "prefixed"),
    [
        ("CGCS2000_3_Degree_GK_Zone_38", 114, 38_500_000, 4526, 3, 38, True),
        ("CGCS2000_3_Degree_GK_CM_114E", 114, 500_000, 4547, 3, 38, False),
        ("CGCS2000_3_Degree_GK_CM_117E", 117, 500_000, 4548, 3, 39, False),
        ("CGCS2000_GK_CM_117E", 117, 500_000, 4509, 6, 20, False),
        ("CGCS2000_GK_Zone_20", 117, 20_500_000, 4498, 6, 20, True),
    ],
)
def test_esri_prj_without_authority(name, meridian, easting, epsg, width, zone, prefixed):
    description = describe_crs(esri_prj(name, meridian, easting))

    assert description.is_cgcs2000
    assert (description.kind, description.epsg) == ("gauss_kruger", epsg)
    assert (description.zone_width, description.zone, description.prefixed) == (width, zone, prefixed)
    assert description.axis_order == "xy"
    assert description.false_easting == easting


def test_a_plane_with_its_own_name_is_found_by_its_parameters():
    description = describe_crs(esri_prj("坤舆县三度带", 114, 38_500_000, "Transverse_Mercator"))

    assert (description.epsg, description.zone) == (4526, 38)


def test_a_citys_own_meridian_has_no_zone():
    description = describe_crs(esri_prj("CGCS2000_local", 113.5, 500_000))

    assert description.kind == "gauss_kruger"
    assert (description.zone, description.epsg, description.central_meridian) == (None, None, 113.5)


@pytest.mark.parametrize(
    ("epsg", "kind", "cgcs2000"),
    [
        (4490, "geographic", True),
        (4326, "geographic", False),
        (4258, "geographic", False),
        (4269, "geographic", False),
        (3857, "projected", False),
        (26910, "projected", False),
        (4978, "other", False),
        (2343, "gauss_kruger", False),
        (4480, "geographic", True),
    ],
)
def test_other_systems(epsg, kind, cgcs2000):
    description = describe_crs(epsg)

    assert (description.kind, description.is_cgcs2000) == (kind, cgcs2000)


def test_nonsense_is_refused_in_words():
    with pytest.raises(UnreadableInput) as caught:
        describe_crs("PROJCS[nonsense")

    assert caught.value.exit_code == 3
    assert "EPSG:4526" in caught.value.detail_zh


PREFIXED = (38_410_000.0, 3_810_000.0, 38_450_000.0, 3_850_000.0)
PLAIN = (410_000.0, 3_810_000.0, 450_000.0, 3_850_000.0)


def test_a_prefix_that_is_not_its_zone():
    problems = coordinate_problems(esri_prj("CGCS2000_odd", 117, 38_500_000), PREFIXED)

    assert [problem.code for problem in problems] == ["crs.prefix_contradicts_meridian"]


def swap(bounds):
    return (bounds[1], bounds[0], bounds[3], bounds[2])


@pytest.mark.parametrize(
    ("crs", "bounds", "codes"),
    [
        (4526, PREFIXED, []),
        (4547, PLAIN, []),
        (4526, PLAIN, ["crs.prefix_missing"]),
        (4547, PREFIXED, ["crs.prefix_unexpected"]),
        (4527, PREFIXED, ["crs.other_zone"]),
        (4526, swap(PREFIXED), ["crs.axes_swapped"]),
        (4547, swap(PLAIN), ["crs.axes_swapped"]),
        (4526, (113.0, 34.0, 113.5, 34.5), ["crs.degrees_in_plane"]),
        (4526, (38_410_000.0, 3_810_000.0, 39_900_000.0, 3_850_000.0), ["crs.outside_zone"]),
        (4490, (113.0, 34.0, 113.5, 34.5), []),
        (4490, (34.0, 113.0, 34.5, 113.5), ["crs.axes_swapped"]),
        (4490, PREFIXED, ["crs.metres_in_degrees"]),
        (4326, (-122.0, 37.0, -121.0, 38.0), []),
        (3857, PLAIN, []),
        (4526, (np.nan, 0, 1, 1), ["crs.not_finite"]),
        (4526, (0, 0, np.inf, 1), ["crs.not_finite"]),
    ],
)
def test_coordinates_against_their_declaration(crs, bounds, codes):
    problems = coordinate_problems(crs, bounds)

    assert [problem.code for problem in problems] == codes
    assert all(problem.detail_zh and problem.detail_en for problem in problems)
