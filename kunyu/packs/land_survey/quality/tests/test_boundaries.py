"""Q305 and Q311: administrative areas as coverages, inside the county and against its neighbours."""

import numpy as np
import pyarrow as pa
import pytest
import shapely

from kunyu.engines.ingest.checks.reference import COUNTY_BOUNDARY, NEIGHBOURS, Reference, ReferencePart
from kunyu.kernel.geodesy import from_lonlat, to_lonlat
from kunyu.packs.land_survey.quality.tests.conftest import EAST, EPSG, NORTH, square

pytestmark = pytest.mark.quick
TOWN, VILLAGE_1, VILLAGE_2 = "990101111000000001", "990101113000000001", "990101113000000002"
STEPS = np.arange(9) * 50.0
"""Vertices of the common boundary, every 50 m from west to east."""


def outline(*corners):
    return shapely.Polygon([(EAST + x, NORTH + y) for x, y in corners])


def north_side(shift=0.0):
    return [(x, 200.0 + shift) for x in STEPS]


def county(survey, side):
    """Give the county this northern boundary (west to east)."""
    survey.rows["XZQ"][0]["geometry"] = outline((0, 0), (400, 0), *side[::-1])


def reference(*shapes, dates=None, part=NEIGHBOURS, codes=None):
    """Return a reference whose part holds these polygons of the delivered plane."""
    lonlat = to_lonlat(np.array([*shapes, None], object)[:-1], EPSG)
    count = len(shapes)
    rows = pa.table({
        "XZQDM": codes or ["990102"] * count, "BSM": [f"99010211100000000{k + 1}" for k in range(count)],
        "valid_from": dates or ["2023-12-31"] * count,
    })  # fmt: skip
    return Reference("TDT1057-2020", "990101", {part: ReferencePart(rows, lonlat)})


def neighbour(side):
    """A county north of ours whose southern boundary runs along ``side`` (west to east)."""
    return outline(*side, (400, 400), (0, 400))


# Q305


def move_border(survey, metres):
    """Move the eastern side of the first village."""
    survey.rows["CJDCQ"][0]["geometry"] = shapely.box(EAST, NORTH, EAST + 200 + metres, NORTH + 200)


def test_q305_is_content(survey):
    report = survey.check()

    assert not [one for one in report.findings if one.rule == "Q305"]
    assert "Q305.county_boundary" in {one.rule for one in report.rules_not_run}


@pytest.mark.parametrize(("metres", "count"), [(1e-9, 0), (0.0009, 0), (0.0011, 1), (0.5, 1)])
def test_q305_villages_overlap(survey, metres, count):
    move_border(survey, metres)

    found = survey.found("Q305")

    assert len(found) == count
    if metres == 0.5:
        assert (found[0].severity, found[0].ids, found[0].measured) == ("S", (VILLAGE_1, VILLAGE_2), 100.0)
        assert found[0].place.area == pytest.approx(100.0, abs=1e-5)
        assert found[0].message_zh == f"CJDCQ: 村级调查区 {VILLAGE_1} 与 {VILLAGE_2} 重叠 100.0000 m²"


@pytest.mark.parametrize(("metres", "count"), [(-1e-9, 0), (-0.0009, 0), (-0.0011, 1), (-2.0, 1)])
def test_q305_villages_leave_a_seam_in_the_township(survey, metres, count):
    move_border(survey, metres)

    found = survey.found("Q305")

    assert len(found) == count
    if metres == -2.0:
        assert found[0].ids == (VILLAGE_1, VILLAGE_2) and found[0].measured == 400.0
        assert "平均宽 1.9802 m" in found[0].message_zh


def test_q305_village_beyond_the_township_and_one_inside_another(survey):
    survey.rows["CJDCQ"][1]["geometry"] = shapely.box(EAST + 200, NORTH, EAST + 403, NORTH + 200)
    survey.rows["CJDCQ"].append({**survey.rows["CJDCQ"][0], "BSM": "990101113000000003", "geometry": square(0, 0)})

    found = survey.found("Q305")

    assert sorted(one.measured for one in found) == [600.0, 10_000.0]
    assert {one.ids for one in found} == {(VILLAGE_2,), (VILLAGE_1, "990101113000000003")}


def split_town(survey, hole=None):
    """Two townships, the second with a hole."""
    survey.rows["XZQ"][0]["geometry"] = square(0, 0, 2, 2)
    east = square(2, 0, 2, 2) if hole is None else shapely.difference(square(2, 0, 2, 2), hole)
    survey.rows["XZQ"].append({
        **survey.rows["XZQ"][0], "BSM": "990101111000000002", "XZQDM": "990101101", "geometry": east,
    })  # fmt: skip


def test_q305_a_gap_that_townships_enclose_needs_no_reference(survey):
    place = shapely.box(EAST + 250, NORTH + 50, EAST + 260, NORTH + 60)
    split_town(survey, place)

    found = [one for one in survey.found("Q305") if one.layer == "XZQ"]

    assert [(one.measured, one.ids) for one in found] == [(100.0, ("990101111000000002",))]
    assert shapely.symmetric_difference(found[0].place, place).area < 1e-6


def test_q305_townships_and_villages_against_the_county_boundary(survey):
    whole = square(0, 0, 4, 2)
    larger = shapely.box(EAST, NORTH, EAST + 405, NORTH + 200)

    assert not survey.found("Q305", reference=reference(whole, part=COUNTY_BOUNDARY, codes=["990101"]))
    (found,) = survey.found("Q305", reference=reference(larger, part=COUNTY_BOUNDARY, codes=["990101"]))

    assert (found.layer, found.ids, found.measured) == ("XZQ", (TOWN,), pytest.approx(1000.0, abs=0.01))
    assert found.message_zh.startswith("XZQ 与县界: 沿边界未覆盖")


def test_q305_without_townships_the_villages_are_asked(survey):
    del survey.rows["XZQ"]
    move_border(survey, 1.0)

    assert [one.measured for one in survey.found("Q305")] == [200.0]


# Q311


def test_q311_needs_a_reference(survey):
    assert "Q311" in {one.rule for one in survey.check().rules_not_run}
    assert not survey.found("Q311", reference=reference())  # no neighbour at all is knowledge too


def test_q311_vertex_by_vertex(survey):
    county(survey, north_side())

    assert not survey.found("Q311", reference=reference(neighbour(north_side())))


@pytest.mark.parametrize(("off", "count"), [(1e-9, 0), (0.0001, 0), (0.0002, 2), (0.0009, 2)])
def test_q311_same_point_boundary(survey, off, count):
    """0.0001 m and 0.00005 m for rounding; less than a millimetre makes no sliver, but a vertex on both sides."""
    side = north_side()
    county(survey, side)
    moved = [*side[:4], (side[4][0], side[4][1] + off), *side[5:]]

    found = survey.found("Q311", reference=reference(neighbour(moved)))

    assert len(found) == count
    if count:
        assert [one.measured for one in found] == [pytest.approx(off, abs=2e-5)] * 2
        assert all(one.ids == (TOWN,) and one.limit == 0.0001 and one.severity == "S" for one in found)
        assert all(
            one.place.geom_type == "LineString" and one.place.length == pytest.approx(100, abs=1) for one in found
        )


@pytest.mark.parametrize("off", [0.005, 0.5, 3.0])
def test_q311_a_vertex_moved_in_or_out(survey, off):
    """The vertex on both sides, and the land between (outward) or claimed twice (inward)."""
    side = north_side()
    county(survey, side)

    for sign, said in ((1, "无归属"), (-1, "重叠")):
        moved = [*side[:4], (side[4][0], side[4][1] + sign * off), *side[5:]]
        found = survey.found("Q311", reference=reference(neighbour(moved), dates=["2024-12-31"]))
        land = [one for one in found if one.unit == "m²"]
        assert len(found) == 3 and len(land) == 1
        assert land[0].measured == pytest.approx(50 * off, rel=0.02)
        assert said in land[0].message_zh and "990102 990102111000000001 (2024-12-31)" in land[0].message_zh
        assert land[0].place.area == pytest.approx(50 * off, rel=0.02)
        far = [one.measured for one in found if one.unit == "m"]
        assert far == [pytest.approx(off, abs=1e-3)] * 2


def test_q311_a_vertex_one_side_lacks(survey):
    """On the straight line between two vertices: no sliver, but no partner either."""
    county(survey, north_side())
    (found,) = survey.found("Q311", reference=reference(neighbour([p for k, p in enumerate(north_side()) if k != 3])))

    assert found.measured == 50.0 and "1 个本县顶点" in found.message_zh
    assert shapely.get_coordinates(found.place).tolist() == [
        [EAST + 200, NORTH + 200], [EAST + 150, NORTH + 200], [EAST + 100, NORTH + 200]
    ] or len(shapely.get_coordinates(found.place)) == 3  # fmt: skip


@pytest.mark.parametrize("sign", [1, -1])
def test_q311_a_whole_boundary_five_centimetres_off(survey, sign):
    county(survey, north_side())

    found = survey.found("Q311", reference=reference(neighbour(north_side(0.05 * sign))))

    lines = [one for one in found if one.unit == "m"]
    assert len(lines) == 2 and {one.measured for one in lines} == {0.05}
    assert [one.measured for one in found if one.unit == "m²"] == ([pytest.approx(20.0, abs=1e-3)] if sign < 0 else [])


def test_q311_where_the_boundary_turns_away_nothing_is_asked(survey):
    """The neighbour meets half of the boundary, then goes north; three counties meet in a point."""
    side = north_side()
    county(survey, side)
    half = outline(*side[:5], (205, 230), (205, 400), (0, 400))
    other = outline(*side[4:], (400, 400), (205, 400), (205, 230))

    assert not survey.found("Q311", reference=reference(half))
    assert not survey.found("Q311", reference=reference(half, other, codes=["990102", "990103"]))


def test_q311_a_neighbour_stored_from_another_zone(survey):
    """Its vertices were rounded to 0.1 mm in zone 39: nothing; moved by 1 mm there: found."""
    side = north_side()
    county(survey, side)

    def stored(shape):
        zone_39 = shapely.transform(from_lonlat(to_lonlat([shape], EPSG), 4527)[0], lambda xy: np.round(xy, 4))
        part = ReferencePart(
            pa.table({"XZQDM": ["990102"], "BSM": ["1"], "valid_from": ["2022-12-31"]}), to_lonlat([zone_39], 4527)
        )
        return Reference("TDT1057-2020", "990101", {NEIGHBOURS: part})

    moved = [*side[:4], (side[4][0], side[4][1] + 0.001), *side[5:]]
    assert not survey.found("Q311", reference=stored(neighbour(side)))
    assert len([one for one in survey.found("Q311", reference=stored(neighbour(moved))) if one.unit == "m"]) == 2


def test_q311_own_rows_and_far_counties_in_the_reference_are_passed_over(survey):
    county(survey, north_side())
    far = shapely.transform(square(0, 0), lambda xy: xy + np.array([50_000, 0]))

    assert not survey.found("Q311", reference=reference(square(0, 0, 4, 2), far, codes=["990101", "990107"]))


def test_q311_broken_neighbours_stop_nothing(survey):
    county(survey, north_side())
    bow_tie = outline((0, 200), (100, 300), (100, 200), (0, 300))

    survey.found("Q311", reference=reference(bow_tie, shapely.Polygon(), neighbour(north_side())))
