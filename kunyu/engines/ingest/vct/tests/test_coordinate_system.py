"""The coordinate system of a VCT head, both ways. No database."""

from __future__ import annotations

import pytest
from pyproj import CRS

from kunyu.engines.ingest.vct.coordinate_system import head_of, plane_of
from kunyu.kernel.errors import UsageError

pytestmark = pytest.mark.quick
SURVEY = {
    "CoordinateSystemType": "P", "XAxisDirection": "E", "Spheroid": "CGCS2000,6378137.0,298.257222101",
    "Projection": "高斯-克吕格投影", "Parameters": "114,1,38500000,0,3,38", "Offset": "0,0",
}  # fmt: skip


@pytest.mark.parametrize("zone", range(25, 46))
@pytest.mark.parametrize("prefixed", [True, False])
def test_every_three_degree_zone_comes_back(zone, prefixed):
    code = (4513 if prefixed else 4534) + zone - 25
    head = head_of(f"EPSG:{code}")
    easting = zone * 1_000_000 + 500_000 if prefixed else 500_000
    assert head["Parameters"] == f"{3 * zone},1,{easting},0,3,{zone}"
    assert plane_of(head, "a.vct").epsg == code


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({}, 4526),
        ({"Parameters": "114,1,500000,0,3,38"}, 4547),
        ({"Parameters": "114.0,1.0,38500000.0,0.0,3,38"}, 4526),
        ({"Parameters": "117,1,20500000,0,6,20"}, 4498),
        ({"Spheroid": "cgcs2000"}, 4526),
        ({"Spheroid": "2000国家大地坐标系,6378137,298.257222101"}, 4526),
        ({"Spheroid": "西安80,6378140,298.257"}, 2362),
        ({"Spheroid": "IAG-75,6378140,298.257", "Parameters": "114,1,500000,0,3,38"}, 2383),
        ({"Spheroid": "北京54,6378245,298.3"}, 2414),
        ({"CoordinateSystemType": "D", "XYUnit": "D", "Parameters": ""}, 4490),
    ],
)
def test_heads_that_name_a_code(values, code):
    plane = plane_of({**SURVEY, **values}, "a.vct")
    assert (plane.crs, plane.epsg, plane.notes) == (f"EPSG:{code}", code, ())


def test_a_meridian_of_its_own_keeps_its_parameters():
    """A county may use its own central meridian: no code, but every parameter."""
    plane = plane_of({**SURVEY, "Parameters": "112.5,1,500000,0,3,0"}, "a.vct")
    assert plane.epsg is None
    wkt = CRS.from_user_input(plane.crs)
    found = {one.name: one.value for one in wkt.coordinate_operation.params}
    assert (found["Longitude of natural origin"], found["False easting"]) == (112.5, 500_000)
    assert wkt.ellipsoid.inverse_flattening == pytest.approx(298.257222101, abs=1e-9)


@pytest.mark.parametrize(
    "values", [{"Spheroid": ""}, {"Spheroid": "Mars,3396190,169"}, {"Parameters": ""}, {"Parameters": "6378137,298"}]
)
def test_heads_that_say_too_little(values):
    plane = plane_of({**SURVEY, **values}, "a.vct")
    assert (plane.crs, [one.code for one in plane.notes]) == (None, ["crs_missing"])


def test_what_a_head_cannot_say_is_refused():
    with pytest.raises(UsageError, match="高斯-克吕格"):
        head_of("EPSG:3857")


def test_another_ellipsoid_and_scale_keep_their_parameters():
    head = head_of("EPSG:32649")
    assert head["Parameters"] == "111,0.9996,500000,0,3,37"
    found = CRS.from_user_input(plane_of(head, "a.vct").crs)
    assert found.ellipsoid.inverse_flattening == pytest.approx(298.257223563)
    assert {one.name: one.value for one in found.coordinate_operation.params}[
        "Scale factor at natural origin"
    ] == 0.9996
