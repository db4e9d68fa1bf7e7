"""Q601: base without the parcels before, plus the parcels after, covers the county; areas equal the control area."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely

from kunyu.packs.land_survey.quality.tests.change_package import Package, part
from kunyu.packs.land_survey.quality.tests.conftest import square

pytestmark = pytest.mark.quick
PARCEL_1, PARCEL_2 = "990101211000000001", "990101211000000002"
WEST_HALF, EAST_HALF = "990101211000009001", "990101211000009002"


@pytest.fixture
def package(survey: Any) -> Package:
    return Package(survey)


def _stretched(shape: shapely.Polygon, east: float) -> shapely.Polygon:
    """The box with its east edge moved."""
    west, south, right, north = shape.bounds
    return shapely.box(west, south, right + east, north)


def test_a_clean_package_keeps_the_county_covered(package: Package) -> None:
    assert package.found("Q601") == []


@pytest.mark.parametrize(("wide", "count"), [(0.0, 0), (1e-9, 0), (0.0004, 0), (0.0021, 1), (5.0, 1)])
def test_land_that_nobody_has_after(package: Package, wide: float, count: int) -> None:
    package.after(1)["geometry"] = _stretched(package.after(1)["geometry"], -wide)

    found = package.found("Q601")

    assert len(found) == count
    if found:
        (one,) = found
        assert (one.severity, one.ids, one.unit) == ("S", (PARCEL_1,), "m²")
        assert one.measured == pytest.approx(100 * wide, rel=1e-3)
        assert one.place.area == pytest.approx(100 * wide, rel=1e-3)
        assert "没有图斑覆盖" in one.message_zh


def test_a_parcel_after_reaches_into_a_parcel_that_no_record_names(package: Package) -> None:
    package.after(2)["geometry"] = _stretched(package.after(2)["geometry"], 3.0)

    (found,) = package.found("Q601")

    assert found.ids == (PARCEL_2, EAST_HALF)
    assert found.place.normalize().equals_exact(
        _stretched(square(0, 0), 3.0).difference(square(0, 0)).normalize(), 1e-5
    )
    assert f"与没有变更记录的图斑 {PARCEL_2} 重叠" in found.message_zh


def test_a_parcel_after_leaves_the_county(package: Package) -> None:
    west, south, east, north = package.after(1)["geometry"].bounds
    package.after(1)["geometry"] = shapely.box(west, south - 2.0, east, north)

    (found,) = package.found("Q601")

    assert found.ids == (WEST_HALF,) and "该处没有库中图斑" in found.message_zh
    assert found.measured == pytest.approx(80.0, rel=1e-3)


def test_two_parcels_after_overlap(package: Package) -> None:
    package.after(1)["geometry"] = _stretched(package.after(1)["geometry"], 1.0)

    (found,) = package.found("Q601")

    assert found.ids == (WEST_HALF, EAST_HALF) and found.place.area == pytest.approx(100.0, abs=1e-3)


def test_a_parcel_that_left_the_update_layer(package: Package) -> None:
    del package.rows["DLTBGX"][1]
    _control(package)

    found = package.found("Q601")

    assert {one.ids for one in found} == {(PARCEL_1,), ("990101",)}
    gap = next(one for one in found if one.ids == (PARCEL_1,))
    assert gap.place.area == pytest.approx(6000.0, abs=1e-3)


def test_new_land_may_be_added_where_no_parcel_is(package: Package) -> None:
    """BGXW 3 beside the county: no gap, nothing beyond; the same on stored parcels is found."""
    _control(package)
    new = {**package.survey.parcel(1), "BSM": "990101211000009009", "TBBH": "9009", "geometry": square(-1, 0)}
    package.rows["DLTBGX"].append(new)
    package.rows["DLTBGXGC"].append(package.record(None, new, "3"))
    assert {one.ids for one in package.found("Q601")} == {("990101",)}  # the control area has not grown

    new["geometry"] = package.rows["DLTBGXGC"][-1]["geometry"] = square(1, 0)
    found = package.found("Q601")
    assert {one.ids for one in found} == {("990101",), (PARCEL_2,)}


def test_land_that_left_the_county_is_not_missing(package: Package) -> None:
    _control(package)
    old = package.survey.parcel(8)
    package.rows["DLTBGXGC"].append({**package.record(old, None, "0"), "XZQTZLX": "2"})
    assert {one.ids for one in package.found("Q601")} == {("990101",)}

    package.rows["DLTBGXGC"][-1]["XZQTZLX"] = "0"
    assert {one.ids for one in package.found("Q601")} == {("990101",), ("990101211000000008",)}


def _control(package: Package, more: float = 0.0) -> None:
    total = round(sum(one["TBMJ"] for one in package.survey.rows["DLTB"]) + more, 2)
    package.parts["control_areas"] = part({"XZQDM": ["990101", "990102"], "KZMJ": [total, 1.0]})


@pytest.mark.parametrize(("more", "count"), [(0.0, 0), (0.01, 1), (-0.01, 1)])
def test_the_areas_after_add_up_to_the_control_area(package: Package, more: float, count: int) -> None:
    _control(package, more)

    found = package.found("Q601")

    assert len(found) == count
    if found:
        assert found[0].ids == ("990101",) and round(found[0].limit - found[0].measured, 2) == more
        assert found[0].geometry is not None


def test_without_a_control_area_the_report_says_so(package: Package) -> None:
    assert "Q601.control_area" in {one.rule for one in package.check().rules_not_run}


def test_an_invalid_parcel_after_is_judged_by_its_repaired_shape(package: Package) -> None:
    """A bow tie never ends a check; the land it leaves out is found."""
    west, south, east, north = package.after(2)["geometry"].bounds
    package.after(2)["geometry"] = shapely.Polygon([(west, south), (east, north), (east, south), (west, north)])

    found = package.found("Q601")

    assert sum(one.place.area for one in found) == pytest.approx(3000.0, rel=1e-3)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_wild_vertex_is_no_coverage(package: Package) -> None:
    xy = shapely.get_coordinates(package.after(3)["geometry"])
    xy[1, 0] = np.nan
    package.after(3)["geometry"] = shapely.Polygon(xy)

    assert {one.ids for one in package.found("Q601")} == {("990101211000000005",)}
