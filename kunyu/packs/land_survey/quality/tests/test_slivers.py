"""Q306 and Q307: what is too small to be mapped."""

import datetime

import numpy as np
import pytest
import shapely

from kunyu.engines.catalogue.standards import load_standard
from kunyu.packs.land_survey.quality.minimum_areas import least_areas
from kunyu.packs.land_survey.quality.tests.conftest import EAST, NORTH

pytestmark = pytest.mark.quick
FIRST = "990101211000000001"


def reshape(survey, number, *corners):
    survey.parcel(number)["geometry"] = shapely.Polygon([(EAST + x, NORTH + y) for x, y in corners])


def block(survey, number, width, height):
    reshape(survey, number, (0, 0), (width, 0), (width, height), (0, height))


@pytest.mark.parametrize(("area", "severity"), [(4.99, "Z"), (5.0, "W"), (5.01, "W")])
def test_q306_area_boundary(survey, area, severity):
    block(survey, 1, 2.5, area / 2.5)

    (found,) = survey.found("Q306")

    assert (found.severity, found.ids) == (severity, (FIRST,))
    assert found.measured == pytest.approx(area, abs=1e-6)
    assert found.limit == (5.0 if severity == "Z" else 400.0)
    assert found.place.area == pytest.approx(area, abs=1e-6)


@pytest.mark.parametrize(("mean_width", "count"), [(0.5, 1), (0.999, 1), (1.0, 0), (1.0 + 1e-9, 0), (1.001, 0)])
def test_q306_width_boundary(survey, mean_width, count):
    """A rectangle of 1,000 m: its mean width 2A/P is a little less than its height."""
    height = mean_width * 1000 / (1000 - mean_width)
    block(survey, 1, 1000, height)

    found = [one for one in survey.found("Q306") if one.severity == "Z"]

    assert len(found) == count
    if count:
        assert found[0].unit == "m" and found[0].measured == pytest.approx(mean_width, abs=1e-4)
        assert found[0].message_zh.startswith(f"DLTB {FIRST}: 平均宽 {mean_width:.4f} m, 小于 1 m")


@pytest.mark.parametrize(
    ("dlbm", "limit"),
    [("0101", 400), ("0301", 400), ("1104A", 400), ("1202", 200), ("0702", 200), ("1003", 200), ("09", 200),
     ("0404", 600), ("1101", 600), ("1206", 600)],
)  # fmt: skip
def test_q306_minimum_mapped_area_of_each_group(survey, dlbm, limit):
    """Construction land and 1202, agricultural land, other land: below is listed, at the limit not."""
    for area, count in ((limit - 0.01, 1), (limit, 0)):
        survey.parcel(1)["DLBM"] = dlbm
        block(survey, 1, 10, area / 10)
        found = [(one.severity, one.limit) for one in survey.found("Q306")]
        assert found == [("W", float(limit))] * count


def test_q306_the_table_covers_every_class_and_has_dates():
    standard = load_standard("TDT1057-2020")
    leaves = {row.source for row in standard.conversions["DLBM_SDL"].rows}

    assert leaves <= set(least_areas(standard, datetime.date(2024, 12, 31)))
    assert least_areas(standard, datetime.date(2010, 1, 1)) == {}


def test_q306_unknown_classes_and_broken_geometries_are_left_to_others(survey):
    block(survey, 1, 10, 10)
    survey.parcel(1)["DLBM"] = "9999"
    survey.parcel(2)["geometry"] = None
    reshape(survey, 3, (0, 0), (1, 1), (1, 0), (0, 1))

    assert survey.found("Q306") == []


def test_q306_in_degrees(survey):
    """0.00005° by 0.00001°: 4.6 m by 1.1 m, 5.1 m²."""
    from kunyu.kernel.geodesy import to_lonlat

    for number in range(1, 9):
        survey.parcel(number)["geometry"] = to_lonlat([survey.parcel(number)["geometry"]], 4526)[0]
    west, south = shapely.bounds(survey.parcel(1)["geometry"])[:2]
    survey.parcel(1)["geometry"] = shapely.box(west, south, west + 5e-5, south + 0.9e-5)
    survey.parcel(2)["geometry"] = shapely.box(west + 0.01, south, west + 0.0102, south + 0.8e-5)
    survey.crs["DLTB"] = "EPSG:4490"

    found = {one.ids[0][-1]: one for one in survey.found("Q306") if one.severity == "Z"}

    assert found["1"].measured == pytest.approx(4.59, abs=0.05) and found["1"].unit == "m²"
    assert found["2"].measured == pytest.approx(0.85, abs=0.03) and found["2"].unit == "m"


@pytest.mark.parametrize(("half", "count"), [(1.0, 0), (0.9, 0), (0.87, 1), (0.1, 1)])
def test_q307_angle_boundary(survey, half, count):
    """A wedge 10 m long: 2·atan(half / 10)."""
    reshape(survey, 1, (0, 0), (100, 0), (100, 100), (50 + half, 100), (50, 110), (50 - half, 100), (0, 100))

    found = survey.found("Q307")

    assert len(found) == count
    if count:
        assert (found[0].severity, found[0].unit, found[0].limit) == ("Q", "°", 10.0)
        assert found[0].measured == pytest.approx(2 * np.degrees(np.arctan(half / 10)), abs=1e-3)
        assert shapely.get_coordinates(found[0].place).tolist() == [[EAST + 50, NORTH + 110]]


def test_q307_short_edges_of_parcels_villages_and_townships(survey):
    reshape(survey, 1, (0, 0), (50, 0), (50.15, 0), (100, 0), (100, 100), (0, 100))
    for code in ("CJDCQ", "XZQ"):
        shape = survey.rows[code][0]["geometry"]
        xy = shapely.get_coordinates(shape)
        survey.rows[code][0]["geometry"] = shapely.Polygon(np.insert(xy, 1, xy[0] + (xy[1] - xy[0]) * 0.0005, axis=0))

    found = survey.found("Q307")

    assert [one.layer for one in found] == ["CJDCQ", "DLTB", "XZQ"]
    assert found[1].measured == pytest.approx(0.15, abs=1e-6)
    assert shapely.length(found[1].place) == pytest.approx(0.15, abs=1e-6)
    assert found[1].message_zh == f"DLTB {FIRST}: 相邻顶点相距 0.1500 m, 小于 0.2 m"


def test_q307_leaves_spikes_and_repeated_vertices_to_q301(survey):
    reshape(survey, 1, (0, 0), (100, 0), (100, 100), (50, 100), (50, 80), (49.9995, 100), (0, 100))
    reshape(survey, 2, (100, 0), (200, 0), (200, 0.00005), (200, 100), (100, 100))

    findings = survey.check().findings

    assert [one.ids for one in findings if one.rule == "Q301"] == [(FIRST,), ("990101211000000002",)]
    assert [one for one in findings if one.rule == "Q307"] == []
