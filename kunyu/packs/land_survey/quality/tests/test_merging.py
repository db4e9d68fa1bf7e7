"""Q310: neighbours that agree in every attribute."""

import pytest
import shapely

from kunyu.packs.land_survey.quality.tests.conftest import EAST, NORTH, SIDE

pytestmark = pytest.mark.quick
ONE, TWO, THREE, FOUR, FIVE = (f"99010121100000000{k}" for k in range(1, 6))


def equal(survey, *numbers):
    """Give these parcels the attributes of the first; numbers, areas and shapes stay."""
    first = survey.parcel(numbers[0])
    for number in numbers[1:]:
        own = survey.parcel(number)
        kept = ("BSM", "TBYBH", "TBBH", "TBMJ", "KCMJ", "TBDLMJ", "geometry", "BZ", "XZDWKD")
        own.update({key: value for key, value in first.items() if key not in kept})


def test_q310_neighbours_that_differ(survey):
    assert survey.found("Q310") == []


def test_q310_shows_the_shared_edge(survey):
    equal(survey, 1, 2)
    survey.parcel(1)["BZ"] = "a remark"

    (found,) = survey.found("Q310")

    assert (found.severity, found.ids, found.measured, found.unit) == ("Q", (ONE, TWO), 100.0, "m")
    assert sorted(map(tuple, shapely.get_coordinates(found.place))) == [(EAST + 100, NORTH), (EAST + 100, NORTH + 100)]
    assert found.message_zh == f"DLTB: 图斑 {ONE} 与 {TWO} 相邻 100.000 m, 地类 0101 等属性全部相同, 应合并"


def test_q310_a_corner_is_no_edge_and_pairs_are_found_each(survey):
    equal(survey, 1, 4)
    assert survey.found("Q310") == []

    equal(survey, 1, 2, 3, 4)
    assert [one.ids for one in survey.found("Q310")] == [(ONE, TWO), (ONE, THREE), (TWO, FOUR), (THREE, FOUR)]


@pytest.mark.parametrize("difference", [
    {"QSDWDM": "9901011002010000003"}, {"DLBM": "0102"}, {"GDDB": 3}, {"ZZSXDM": "FLS"}, {"KCXS": 0.1}, {"CZCSXM": "203"},
    {"SJNF": 2023}, {"HDMC": "x"}, {"QSXZ": "31"},
])  # fmt: skip
def test_q310_any_attribute_keeps_them_apart(survey, difference):
    equal(survey, 1, 2)
    survey.parcel(2).update(difference)

    assert survey.found("Q310") == []


def test_q310_blank_and_missing_are_the_same(survey):
    equal(survey, 1, 2)
    survey.parcel(1)["HDMC"], survey.parcel(2)["HDMC"] = "", None

    assert len(survey.found("Q310")) == 1


def test_q310_parcels_of_two_villages(survey):
    """Parcels 2 and 5 share an edge, but lie in different places."""
    equal(survey, 2, 5)
    survey.parcel(5)["ZLDWDM"] = "9901011002020000000"
    assert survey.found("Q310") == []

    equal(survey, 2, 5)
    assert [one.ids for one in survey.found("Q310")] == [(TWO, FIVE)]


@pytest.mark.parametrize(("widths", "count"), [((5.0, 5.0), 1), ((5.0, 4.1), 1), ((5.0, 4.0), 1), ((5.0, 3.9), 0),
                                               ((5.0, None), 1)])  # fmt: skip
def test_q310_roads_of_different_width(survey, widths, count):
    equal(survey, 1, 2)
    for number, width in zip((1, 2), widths, strict=True):
        survey.parcel(number)["XZDWKD"] = width

    assert len(survey.found("Q310")) == count


@pytest.mark.parametrize(("height", "count"), [(4999.0, 1), (5000.0, 1), (5001.0, 0)])
def test_q310_very_large_parcels_may_stay_apart(survey, height, count):
    equal(survey, 1, 2)
    for number in (1, 2):
        west, south, east, _ = shapely.bounds(survey.parcel(number)["geometry"])
        survey.parcel(number)["geometry"] = shapely.box(west, south - height, east, south)

    assert len(survey.found("Q310")) == count


@pytest.mark.parametrize(("off", "count"), [(1e-9, 1), (0.00005, 1), (0.0009, 1), (0.0011, 0)])
def test_q310_t_junction_on_a_long_edge(survey, off, count):
    """Parcel 2 has vertices where parcel 1 runs straight on, a little off its edge."""
    equal(survey, 1, 2)
    west = EAST + SIDE + off
    survey.parcel(1)["geometry"] = shapely.box(EAST, NORTH - 500, EAST + SIDE, NORTH + 500)
    survey.parcel(2)["geometry"] = shapely.box(west, NORTH + 20, west + SIDE, NORTH + 80)

    found = survey.found("Q310")

    assert len(found) == count
    if count:
        assert found[0].measured == pytest.approx(60.0, abs=0.01)


def test_q310_the_same_parcel_twice_is_an_overlap(survey):
    survey.rows["DLTB"].append({**survey.parcel(1), "BSM": "990101211000000009", "TBBH": "9"})

    assert {one.rule for one in survey.check().findings} & {"Q303", "Q310"} == {"Q303"}


def test_q310_broken_and_missing_geometries(survey):
    equal(survey, 1, 2, 3, 4)
    survey.parcel(1)["geometry"] = None
    survey.parcel(2)["geometry"] = shapely.Polygon(
        [(EAST, NORTH), (EAST + 9, NORTH + 9), (EAST + 9, NORTH), (EAST, NORTH + 9)]
    )

    assert [one.ids for one in survey.found("Q310")] == [(THREE, FOUR)]
