"""Q505 to Q508: areas, to the last decimal."""

import pyarrow as pa
import pytest
import shapely

from kunyu.engines.ingest.checks.reference import Reference, ReferencePart

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(("off", "count"), [(0.0, 0), (0.01, 0), (0.02, 1), (-0.01, 0), (-0.02, 1)])
def test_q505_boundary(survey, off, count):
    parcel = survey.parcel(1)
    right = round(parcel["TBMJ"] * 0.1234, 2)
    parcel.update(KCXS=0.1234, KCMJ=round(right + off, 2), TBDLMJ=round(parcel["TBMJ"] - right - off, 2))

    found = survey.found("Q505")

    assert len(found) == count
    if found:
        assert (found[0].measured, found[0].limit, found[0].unit) == (round(right + off, 2), right, "m²")
        assert f"= {right:.2f} m², 相差 0.02 m²" in found[0].message_zh


def test_q505_empty_coefficient_and_deduction_are_zero(survey):
    survey.parcel(1).update(KCXS=None, KCMJ=None)

    assert survey.found("Q505") == []


@pytest.mark.parametrize(("off", "count"), [(0.01, 0), (0.02, 1), (-0.02, 1)])
def test_q506_boundary(survey, off, count):
    parcel = survey.parcel(2)
    parcel["TBDLMJ"] = round(parcel["TBMJ"] + off, 2)

    assert len(survey.found("Q506")) == count


@pytest.mark.parametrize(("off", "count"), [(0.99, 0), (1.02, 1), (-0.99, 0), (-1.02, 1)])
def test_q507_boundary_is_a_ten_thousandth_of_a_large_parcel(survey, off, count):
    """10,000 m² parcels: max(0.5 m², 1.0 m²), the ellipsoidal figure being rounded to the cent."""
    parcel = survey.parcel(3)
    parcel["TBMJ"] = round(parcel["TBMJ"] + off, 2)

    found = survey.found("Q507")

    assert len(found) == count
    if found:
        assert (found[0].measured, found[0].severity) == (pytest.approx(1.02, abs=0.006), "Z")
        assert "椭球面积" in found[0].message_zh


def test_q508_a_cent_too_much_in_a_village(survey):
    parcel = survey.parcel(1)
    parcel["TBMJ"] = round(parcel["TBMJ"] + 0.01, 2)

    (found,) = survey.found("Q508")

    assert (found.severity, found.layer, found.ids) == ("S", "CJDCQ", ("990101113000000001",))
    assert round(found.measured - found.limit, 2) == 0.01
    assert found.message_zh.endswith("相差 0.01 m²")


def test_q508_township(survey):
    survey.rows["XZQ"][0]["DCMJ"] += 100

    (found,) = survey.found("Q508")

    assert (found.layer, found.ids) == ("XZQ", ("990101111000000001",))
    assert round(found.measured - found.limit, 2) == -100.0


def test_q507_coordinates_outside_their_system_have_no_area_and_are_found(survey):
    """Axes swapped: nothing to measure is a finding of every parcel, not silence."""
    for rows in survey.rows.values():
        for one in rows:
            one["geometry"] = shapely.transform(one["geometry"], lambda xy: xy[:, ::-1])

    found = survey.found("Q507")

    assert len(found) == 8 and {one.measured for one in found} == {"无法计算"}
    assert found[0].message_zh.endswith("坐标不在 EPSG:4526 的范围内, 椭球面积无法计算")


def controlled(**areas):
    rows = pa.table({"XZQDM": list(areas), "KZMJ": list(areas.values())})
    return Reference("TDT1057-2020", "990101", {"control_areas": ReferencePart(rows)})


@pytest.mark.parametrize(("off", "count"), [(0.0, 0), (1e-9, 0), (0.01, 1), (-0.01, 1)])
def test_q508_control_area_of_the_county_to_the_cent(survey, off, count):
    total = survey.rows["XZQ"][0]["DCMJ"]

    found = survey.found("Q508", reference=controlled(**{"990101": total + off}))

    assert [(one.severity, one.layer, one.ids) for one in found] == [("S", "XZQ", ("990101111000000001",))] * count
    assert [round(one.measured - one.limit, 2) for one in found] == [-off] * count
    assert all(one.geometry is not None for one in found)


def test_q508_the_delivered_table_counts_where_there_is_no_reference(survey):
    total = survey.rows["XZQ"][0]["DCMJ"]
    survey.rows["KZMJB"] = [{"XZQDM": "990101", "XZQMC": "坤舆县", "KZMJ": total - 1, "geometry": None}]

    assert [one.message_zh.split(", ")[-1] for one in survey.found("Q508")] == ["相差 1.00 m²"]
    assert survey.found("Q508", reference=controlled(**{"990101000000": total})) == []


def test_q508_control_areas_of_a_township_and_a_village(survey):
    town, village = survey.rows["XZQ"][0]["DCMJ"], survey.rows["CJDCQ"][1]["DCMJ"]

    found = survey.found("Q508", reference=controlled(**{"990101100": town + 1, "990101100202": village + 2}))

    assert [(one.layer, one.ids, round(one.measured - one.limit, 2)) for one in found] == [
        ("CJDCQ", ("990101113000000002",), -2.0), ("XZQ", ("990101111000000001",), -1.0),
    ]  # fmt: skip
