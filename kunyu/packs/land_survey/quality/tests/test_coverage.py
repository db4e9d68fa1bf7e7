"""Q303 and Q304: overlaps and gaps, judged in the delivered plane."""

import numpy as np
import pytest
import shapely

pytestmark = pytest.mark.quick


def move_east_side(survey, number, metres):
    """Move the eastern side of a parcel."""
    west, south, east, north = shapely.bounds(survey.parcel(number)["geometry"])
    survey.parcel(number)["geometry"] = shapely.box(west, south, east + metres, north)


@pytest.mark.parametrize(("metres", "count"), [(0.0, 0), (0.0009, 0), (0.0011, 1), (0.5, 1)])
def test_q303_noise_is_judged_by_width(survey, metres, count):
    """A hundred metres long, thinner than 0.001 m: noise."""
    move_east_side(survey, 1, metres)

    assert len(survey.found("Q303")) == count


def test_q303_shows_the_overlap_itself(survey):
    move_east_side(survey, 1, 0.5)

    (found,) = survey.found("Q303")

    assert (found.severity, found.ids) == ("S", ("990101211000000001", "990101211000000002"))
    assert (found.measured, found.limit, found.unit) == (50.0, 0, "m²")
    width = 2 * 50 / 201
    assert found.message_zh == (
        f"DLTB: 图斑 990101211000000001 与 990101211000000002 重叠 50.0000 m², 平均宽 {width:.4f} m"
    )
    assert found.place.area == pytest.approx(50.0, abs=1e-6)
    lon, lat = shapely.get_coordinates(found.geometry).mean(axis=0)
    assert 114.0 < lon < 114.1 and 34.3 < lat < 34.5


def test_q303_duplicate_and_contained_parcels(survey):
    survey.rows["DLTB"].append({**survey.parcel(1), "BSM": "990101211000000009", "TBBH": "9"})

    (found,) = survey.found("Q303")

    assert found.ids == ("990101211000000001", "990101211000000009")
    assert found.measured == 10_000.0


@pytest.mark.parametrize(("metres", "count"), [(-0.0009, 0), (-0.0011, 1), (-0.5, 1)])
def test_q304_seam(survey, metres, count):
    move_east_side(survey, 1, metres)

    found = survey.found("Q304")

    assert len(found) == count
    if count:
        assert set(found[0].ids) >= {"990101211000000001", "990101211000000002"}  # 3 borders on half a metre's end
        assert found[0].measured == pytest.approx(-metres * 100, abs=1e-4)
        assert "CJDCQ" in found[0].message_zh


def test_q304_missing_parcel_is_a_hole_as_wide_as_the_parcel(survey):
    del survey.rows["DLTB"][0]

    (found,) = survey.found("Q304")

    assert found.measured == 10_000.0
    assert "沿边界未覆盖 10000.0000 m², 平均宽 50.0000 m" in found.message_zh


def test_q304_parcel_beyond_the_county(survey):
    move_east_side(survey, 8, 2.0)

    (found,) = survey.found("Q304")

    assert found.ids == ("990101211000000008",)
    assert found.message_zh.startswith("DLTB: CJDCQ 超出边界 200.0000 m²")


def test_q304_county_boundary_where_it_differs_from_the_villages(survey):
    """A strip of the county that no village claims: asked against XZQ too."""
    survey.rows["XZQ"][0]["geometry"] = shapely.box(
        *(shapely.bounds(survey.rows["XZQ"][0]["geometry"]) + np.array([0, 0, 10, 0]))
    )

    (found,) = survey.found("Q304")

    assert found.message_zh.startswith("DLTB: XZQ 沿边界未覆盖 2000.0000 m²")


def test_q304_is_not_run_without_a_boundary(survey):
    del survey.rows["CJDCQ"], survey.rows["XZQ"]

    report = survey.check()

    assert "Q304" not in report.rules_run
    assert "Q303" in report.rules_run
    assert "CJDCQ" in next(one.reason for one in report.rules_not_run if one.rule == "Q304")


def test_a_parcel_with_nan_leaves_a_gap_and_stops_nothing(survey):
    broken = shapely.get_coordinates(survey.parcel(1)["geometry"]).copy()
    broken[2] = np.nan
    survey.parcel(1)["geometry"] = shapely.to_wkb(shapely.Polygon(broken))

    assert {"Q301", "Q304"} <= {one.rule for one in survey.check().findings}
