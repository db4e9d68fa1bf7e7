"""Q301 and Q302: single geometries."""

import struct

import numpy as np
import pytest
import shapely

pytestmark = pytest.mark.quick


def ring(survey, number):
    return shapely.get_coordinates(survey.parcel(number)["geometry"])


def spoil(survey, number, corners):
    survey.parcel(number)["geometry"] = shapely.Polygon(corners)


def test_q301_self_intersection_shows_where(survey):
    xy = ring(survey, 1)
    spoil(survey, 1, xy[[0, 2, 1, 3]])

    (found,) = survey.found("Q301")

    assert (found.severity, found.ids, found.measured) == ("S", ("990101211000000001",), "自相交")
    assert found.message_zh == "DLTB 990101211000000001: 自相交"
    west, south = xy.min(axis=0)
    assert shapely.get_coordinates(found.place).tolist() == [[west + 50, south + 50]]


def test_q301_nan(survey):
    xy = ring(survey, 2).copy()
    xy[1, 0] = np.nan
    wkb = struct.pack("<BIII", 1, 3, 1, len(xy)) + xy.astype("<f8").tobytes()
    survey.parcel(2)["geometry"] = wkb

    (found,) = survey.found("Q301")

    assert found.message_zh == "DLTB 990101211000000002: 坐标为 NaN、无穷大或不在地球上"
    assert np.isfinite(shapely.get_coordinates(found.geometry)).all()


def test_q301_a_vertex_off_the_earth_does_not_hide_an_overlap_elsewhere(survey):
    far = ring(survey, 8).copy()
    far[1] = (1e17, 1e17)
    spoil(survey, 8, far)
    west, south, east, north = shapely.bounds(survey.parcel(1)["geometry"])
    survey.parcel(1)["geometry"] = shapely.box(west, south, east + 0.5, north)

    found = survey.check().findings

    assert [one.ids for one in found if one.rule == "Q301"] == [("990101211000000008",)]
    assert [one.ids for one in found if one.rule == "Q303"] == [("990101211000000001", "990101211000000002")]


@pytest.mark.parametrize(
    ("geometry", "said"),
    [(None, "没有图形"), (shapely.Polygon(), "图形为空"), (shapely.Point(38_502_000, 3_803_000), "图形类型不是Polygon"),
     (shapely.Polygon([(38_502_000, 3_803_000), (38_502_100, 3_803_000), (38_502_000, 3_803_000)]), "面积或长度为零")],
)  # fmt: skip
def test_q301_no_polygon_at_all(survey, geometry, said):
    survey.parcel(3)["geometry"] = geometry

    (found,) = survey.found("Q301")

    assert found.message_zh == f"DLTB 990101211000000003: {said}"


def test_q301_unclosed_ring(survey):
    xy = ring(survey, 4)[:-1]
    survey.parcel(4)["geometry"] = struct.pack("<BIII", 1, 3, 1, len(xy)) + xy.astype("<f8").tobytes()

    (found,) = survey.found("Q301")

    assert found.message_zh == "DLTB 990101211000000004: 环未闭合"


@pytest.mark.parametrize(("gap", "count"), [(0.0, 1), (0.00005, 1), (0.0001, 0), (0.0002, 0)])
def test_q301_repeated_vertex_boundary(survey, gap, count):
    """The same point is nearer than 0.0001 m."""
    xy = ring(survey, 1)
    spoil(survey, 1, np.insert(xy, 2, xy[1] + (0, -gap if xy[1, 1] > xy[2, 1] else gap), axis=0))

    found = survey.found("Q301")

    assert len(found) == count
    if found:
        assert found[0].measured == pytest.approx(gap, abs=2e-8)
        assert found[0].limit == 0.0001


@pytest.mark.parametrize(("width", "count"), [(0.0005, 1), (0.001, 1), (0.0011, 0)])
def test_q301_spike_boundary(survey, width, count):
    """A turn back whose sides are 0.001 m apart or less."""
    xy = ring(survey, 1)
    top = xy[:, 1].max()
    west = xy[:, 0].min()
    spike = [(west + 50, top), (west + 50, top - 20), (west + 50 - width, top)]
    corners = [xy[:, :].min(axis=0), (west + 100, xy[:, 1].min()), (west + 100, top), *spike, (west, top)]
    spoil(survey, 1, corners)

    assert len([one for one in survey.found("Q301") if "尖刺" in one.message_zh]) == count


def test_q301_spike_at_the_first_vertex_of_the_ring(survey):
    west, south = ring(survey, 1).min(axis=0)
    tip = (west + 50, south + 80)
    spoil(survey, 1, [tip, (west + 50, south), (west + 100, south), (west + 100, south + 100), (west, south + 100),
                      (west, south), (west + 49.9995, south)])  # fmt: skip

    (found,) = survey.found("Q301")

    assert "尖刺, 两侧相距 0.00050 m" in found.message_zh
    assert shapely.get_coordinates(found.place).tolist() == [list(tip)]


def test_q302_multipart(survey):
    west, south = ring(survey, 1).min(axis=0)
    survey.parcel(1)["geometry"] = shapely.MultiPolygon(
        [shapely.box(west, south, west + 100, south + 40), shapely.box(west, south + 60, west + 100, south + 100)]
    )

    (found,) = survey.found("Q302")

    assert (found.severity, found.measured, found.limit) == ("Z", 2, 1)
    assert found.message_zh == "DLTB 990101211000000001: 由 2 个部件组成"


def test_q302_multipolygon_of_one_part_passes(survey):
    survey.parcel(1)["geometry"] = shapely.MultiPolygon([survey.parcel(1)["geometry"]])

    assert survey.check().findings == ()
