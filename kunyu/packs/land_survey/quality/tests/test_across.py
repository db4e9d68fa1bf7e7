"""Q401 to Q408: layers against one another; none, just under, just over the tolerance, noise."""

import datetime
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import shapely

from kunyu.engines.ingest.checks.reference import Reference, ReferencePart, control_line
from kunyu.kernel.geodesy import to_lonlat
from kunyu.packs.land_survey.quality.tests.conftest import EAST, EPSG, NORTH, SIDE, area, bsm, square

pytestmark = pytest.mark.quick

FIRST, SECOND = "9901011002010000000", "9901011002020000000"


def moved(shape, east=0.0, north=0.0):
    return shapely.transform(shape, lambda xy: xy + np.array([east, north]))


def wider(shape, east):
    """The square with its eastern side moved."""
    west, south, right, north = shape.bounds
    return shapely.box(west, south, right + east, north)


def ids(found):
    return [one.ids for one in found]


# Q401


@pytest.mark.parametrize(("out", "count"), [(0, 0), (1e-9, 0), (0.0009, 0), (0.0012, 1), (2.0, 1), (-2.0, 0)])
def test_q401_a_parcel_reaches_into_the_next_village(survey, out, count):
    parcel = survey.parcel(2)
    parcel["geometry"] = wider(parcel["geometry"], out)

    found = survey.found("Q401")

    assert len(found) == count
    if found:
        assert (found[0].severity, found[0].ids, found[0].limit, found[0].unit) == ("Z", (parcel["BSM"],), 0, "m²")
        assert found[0].measured == pytest.approx(out * SIDE, rel=1e-3)
        assert found[0].place.bounds == pytest.approx((EAST + 200, NORTH, EAST + 200 + out, NORTH + 100), abs=1e-4)
        assert f"位于 CJDCQ {SECOND}" in found[0].message_zh


def test_q401_a_parcel_names_the_wrong_village(survey):
    survey.parcel(1).update(ZLDWDM=SECOND, ZLDWMC="乙村")

    (found,) = survey.found("Q401")

    assert found.place.equals(survey.parcel(1)["geometry"]) and found.measured == 10_000
    assert found.message_en == (
        f"DLTB {survey.parcel(1)['BSM']}: ZLDWDM is {SECOND}, but 10000.0000 m² lie in CJDCQ {FIRST}"
    )


def test_q401_leaves_to_others_what_is_theirs(survey):
    """No such village: Q209. In no village at all: Q304. A broken parcel: Q301, and what it covers counts."""
    survey.parcel(1)["ZLDWDM"] = "9901011009990000000"
    survey.parcel(5)["geometry"] = moved(survey.parcel(5)["geometry"], north=-50)
    west, south, east, north = survey.parcel(3)["geometry"].bounds
    survey.parcel(3)["geometry"] = shapely.Polygon([(west, south), (east, north), (east, south), (west, north)])

    assert survey.found("Q401") == []


def test_q401_a_village_of_two_rows_is_one_place(survey):
    row = survey.rows["CJDCQ"][0]
    other = {**row, "BSM": bsm("1130", 9), "geometry": square(1, 0, 1, 2)}
    row["geometry"] = square(0, 0, 1, 2)
    survey.rows["CJDCQ"].append(other)

    assert survey.found("Q401") == []


# Q402


@pytest.fixture
def towns(survey):
    """Two townships, one village in each."""
    first = survey.rows["XZQ"][0]
    first["geometry"] = square(0, 0, 2, 2)
    survey.rows["XZQ"].append({
        **first, "BSM": bsm("1110", 2), "XZQDM": "990101101", "XZQMC": "东镇", "geometry": square(2, 0, 2, 2),
    })  # fmt: skip
    code = "9901011012020000000"
    survey.rows["CJDCQ"][1]["ZLDWDM"] = code
    for number in range(5, 9):
        survey.parcel(number).update(ZLDWDM=code, QSDWDM=code)
    return survey


def test_q402_villages_in_their_townships(towns):
    assert towns.found("Q402") == [] and towns.found("Q401") == []


@pytest.mark.parametrize(("out", "count"), [(1e-9, 0), (0.0009, 0), (0.0012, 1), (5, 1)])
def test_q402_a_village_across_two_townships(towns, out, count):
    village = towns.rows["CJDCQ"][0]
    village["geometry"] = wider(village["geometry"], out)

    found = towns.found("Q402")

    assert ids(found) == [(village["BSM"],)] * count
    assert [one.measured for one in found] == pytest.approx([200 * out] * count, rel=1e-2)


def test_q402_code_of_another_township_and_of_none(towns):
    towns.rows["CJDCQ"][0]["ZLDWDM"] = "9901011012010000000"
    towns.rows["CJDCQ"][1]["ZLDWDM"] = "9901019992020000000"

    found = towns.found("Q402")

    assert [(one.measured, one.limit) for one in found] == [(40_000.0, 0), ("990101999", "990101101")]
    assert "ZLDWDM begins with 990101999, but it lies in township 990101101" in found[1].message_en


# Q403, Q404


def built(survey, shape, kind="203", number=1):
    survey.rows["CZCDYD"].append({
        "BSM": bsm("2330", number), "YSDM": "2099030100", "CZCLX": kind, "CZCDM": FIRST, "CZCMC": "甲村",
        "CZCMJ": area(shape), "geometry": shape,
    })  # fmt: skip


def housing(survey, *numbers, mark="203"):
    for number in numbers:
        survey.parcel(number).update(
            DLBM="0702", DLMC="农村宅基地", CZCSXM=mark, KCXS=None, KCMJ=None, GDPDJB=None, GDDB=None, ZZSXDM=None,
            ZZSXMC=None, QSDWDM=f"{FIRST[:12]}{number:07d}",  # of different groups, or they would be one parcel (Q310)
        )  # fmt: skip


@pytest.fixture
def hamlet(survey):
    """Parcels 1 and 2 are a settlement; its area is drawn around both."""
    housing(survey, 1, 2)
    built(survey, square(0, 0, 2, 1))
    return survey


def test_a_settlement_in_order(hamlet):
    report = hamlet.check()

    assert report.findings == () and {"Q403", "Q404"} <= set(report.rules_run)


@pytest.mark.parametrize(("off", "count"), [(1e-9, 0), (0.00005, 0), (0.0009, 0), (0.0012, 1), (0.5, 1)])
def test_q403_a_vertex_of_the_outline_off_the_parcels(hamlet, off, count):
    shape = hamlet.rows["CZCDYD"][0]["geometry"]
    middle = (EAST + 50, NORTH + 100 + off)
    shell = [*shape.exterior.coords]
    at = shell.index((EAST, NORTH + 100))
    hamlet.rows["CZCDYD"][0]["geometry"] = shapely.Polygon([*shell[:at], middle, *shell[at:]])

    found = hamlet.found("Q403")

    assert ids(found) == [(bsm("2330", 1),)] * count
    if found:
        assert (found[0].severity, found[0].unit) == ("Z", "m") and 0 < found[0].measured <= 200.1
        assert found[0].place.distance(shapely.Point(middle)) < 1e-6


def test_q403_an_outline_through_a_field(hamlet):
    hamlet.rows["CZCDYD"][0]["geometry"] = wider(square(0, 0, 2, 1), -30)

    (found,) = hamlet.found("Q403")

    assert found.measured == pytest.approx(100, abs=0.01) and found.place.geom_type == "LineString"


def test_q403_an_area_across_two_townships(towns):
    housing(towns, 2, 5)
    built(towns, square(1, 0, 2, 1))

    (found,) = towns.found("Q403")

    assert (found.measured, found.unit) == (10_000, "m²") and "跨行政区" in found.message_zh


@pytest.mark.parametrize(("mark", "measured"), [("203A", [10_000.0]), (None, [10_000.0]), ("203", [])])
def test_q404_a_mark_that_is_not_the_areas(hamlet, mark, measured):
    hamlet.parcel(2)["CZCSXM"] = mark

    found = hamlet.found("Q404")

    assert [one.measured for one in found] == measured
    assert ids(found) == [(hamlet.parcel(2)["BSM"],)] * len(measured)


@pytest.mark.parametrize(("short", "count"), [(1e-9, 0), (0.0009, 0), (0.0012, 1), (10, 1)])
def test_q404_the_area_ends_inside_a_marked_parcel(hamlet, short, count):
    hamlet.rows["CZCDYD"][0]["geometry"] = wider(square(0, 0, 2, 1), -short)

    found = hamlet.found("Q404")

    assert [one.measured for one in found] == pytest.approx([short * 100] * count, rel=1e-2)


@pytest.mark.parametrize(("over", "count"), [(1e-9, 0), (0.0009, 0), (0.0013, 1), (10, 1)])
def test_q404_the_area_reaches_over_an_unmarked_parcel(hamlet, over, count):
    hamlet.rows["CZCDYD"][0]["geometry"] = wider(square(0, 0, 2, 1), over)

    found = hamlet.found("Q404")

    assert ids(found) == [(hamlet.parcel(5)["BSM"],)] * count
    assert all("没有 CZCSXM" in one.message_zh for one in found)


def test_q404_a_mark_without_any_area(survey):
    housing(survey, 4)

    (found,) = survey.found("Q404")

    assert found.place.equals(survey.parcel(4)["geometry"])


def test_q404_a_parcel_across_two_areas_of_its_mark_is_in_order(survey):
    housing(survey, 1)
    built(survey, wider(square(0, 0), -40), number=1)
    built(survey, shapely.box(EAST + 60, NORTH, EAST + 100, NORTH + 100), number=2)

    assert survey.found("Q404") == []


# Q405


def approved(survey, shape, **values):
    survey.rows["PZWJSTD"].append({
        "BSM": bsm("2320", 1), "YSDM": "2099020100", "TBBH": "1", "PZWH": "坤政土〔2023〕1号", "PZMJ": 1.0, "TBMJ": 1.0,
        "PZRQ": datetime.date(2023, 6, 30), "geometry": shape, **values,
    })  # fmt: skip


@pytest.mark.parametrize(("out", "count"), [(0, 0), (1e-9, 0), (0.0009, 0), (0.0012, 1), (7, 1)])
def test_q405_beyond_the_county(survey, out, count):
    approved(survey, wider(square(3, 0), out))

    found = survey.found("Q405")

    assert [one.measured for one in found] == pytest.approx([out * 100] * count, rel=1e-2)
    assert all((one.layer, one.severity) == ("PZWJSTD", "Q") for one in found)


def test_q405_wholly_outside(survey):
    approved(survey, square(6, 0))

    assert [one.measured for one in survey.found("Q405")] == [10_000]


@pytest.mark.parametrize(("field", "text"), [("PZWH", "没有批准文号 PZWH"), ("PZRQ", "没有批准日期 PZRQ")])
def test_q405_an_approval_without_number_or_date(survey, field, text):
    approved(survey, square(1, 1), **{field: None})

    (found,) = survey.found("Q405")

    assert found.message_zh == f"PZWJSTD {bsm('2320', 1)}: {text}"


# Q406


def titled(survey, *shapes):
    """A local extension registers ZD with the fields of the layer of approved land."""
    zd = replace(survey.standard.layers["PZWJSTD"], code="ZD", name_zh="宗地", presence="O", ysdm=None, layer_code="")
    survey.standard = replace(survey.standard, layers={**survey.standard.layers, "ZD": zd})
    approved(survey, square(0, 0))
    (row,) = survey.rows.pop("PZWJSTD")
    survey.rows["PZWJSTD"] = []
    survey.rows["ZD"] = [{**row, "BSM": bsm("0000", at), "geometry": one} for at, one in enumerate(shapes, 1)]


def test_q406_titles(survey):
    titled(survey, square(0, 0), wider(square(1, 0), -20), wider(square(2, 0), 0.0009))

    (found,) = survey.found("Q406")

    assert (found.layer, found.ids, found.severity) == ("ZD", (bsm("0000", 2),), "Q")
    assert found.measured == pytest.approx(100, abs=0.01)


def test_q406_is_not_run_without_a_layer_of_titles(survey):
    (reason,) = [one.reason for one in survey.check().rules_not_run if one.rule == "Q406"]

    assert reason == "成果中没有 ZD / ZDJBXX; the delivery has no layer ZD or ZDJBXX"


# Q407, Q408


def line(survey, code, shape, layer_code, ysdm, number=1, **values):
    survey.rows.setdefault(code, []).append({"BSM": bsm(layer_code, number), "YSDM": ysdm, "geometry": shape, **values})


def farmland(survey, shape, number=1):
    line(survey, "YJJBNTTB", shape, "2210", "2005010300", number, JBNTTBBH=str(number), DLBM="0101",
         TBMJ=area(shape), JBNTMJ=area(shape))  # fmt: skip


@pytest.mark.parametrize(("over", "count"), [(0, 0), (1e-9, 0), (0.0009, 0), (0.0013, 1), (20, 1)])
def test_q407_farmland_over_a_house(survey, over, count):
    housing(survey, 2)
    built(survey, square(1, 0))
    farmland(survey, wider(square(0, 0), over))

    found = survey.found("Q407")

    assert ids(found) == [(bsm("2210", 1), survey.parcel(2)["BSM"])] * count
    assert all(one.severity == "W" and "建设用地 0702" in one.message_zh for one in found)
    assert [one.measured for one in found] == pytest.approx([over * 100] * count, rel=1e-2)


@pytest.mark.parametrize(
    ("code", "name", "count"), [("0201K", "可调整果园", 0), ("0201", "果园", 1), ("1101", "河流水面", 1)]
)
def test_q407_classes(survey, code, name, count):
    survey.parcel(1).update(DLBM=code, DLMC=name)
    farmland(survey, square(0, 0))

    found = survey.found("Q407")

    assert len(found) == count and all(f"的地类 {code} 上" in one.message_zh for one in found)


@pytest.mark.parametrize(("out", "count"), [(0.0009, 0), (0.0012, 1)])
def test_q407_beyond_the_county(survey, out, count):
    farmland(survey, wider(square(3, 0), out))

    assert [one.message_zh[-4:] for one in survey.found("Q407")] == ["超出县界"] * count


def red_line(survey, shape):
    line(survey, "STBHHX", shape, "3310", "3003010000", HXMJ=area(shape))


def growth_boundary(survey, shape):
    line(survey, "CSKFBJ", shape, "3210", "3002010000", MJ=area(shape))


@pytest.mark.parametrize(("over", "count"), [(0, 0), (1e-9, 0), (0.0009, 0), (0.0013, 1), (100, 1)])
def test_q408_farmland_and_red_line(survey, over, count):
    farmland(survey, wider(square(0, 0), over))
    red_line(survey, square(1, 0))

    found = survey.found("Q408")

    assert ids(found) == [(bsm("3310", 1), bsm("2210", 1))] * count
    assert [one.measured for one in found] == pytest.approx([over * 100] * count, rel=1e-2)
    assert all((one.severity, one.layer) == ("W", "STBHHX") for one in found)


def test_q408_all_three_pairs(survey):
    for draw in (farmland, red_line, growth_boundary):
        draw(survey, square(0, 0))

    assert sorted(one.message_en.split()[0] + one.message_en.split()[3] for one in survey.found("Q408")) == [
        "CSKFBJYJJBNTTB", "STBHHXCSKFBJ", "STBHHXYJJBNTTB",
    ]  # fmt: skip


def stored(code, *shapes):
    lonlat = to_lonlat(np.array(shapes, object), f"EPSG:{EPSG}")
    part = ReferencePart(pa.table({"BSM": [f"s{at}" for at in range(len(shapes))]}), lonlat)
    return Reference("TDT1057-2020", "990101", {control_line(code): part})


def test_q408_against_a_stored_line(survey):
    farmland(survey, square(0, 0))

    (found,) = survey.found("Q408", reference=stored("CZKFBJ", moved(square(0, 0), east=90), square(1, 0)))

    assert found.ids == (bsm("2210", 1), "s0") and found.measured == pytest.approx(1000, rel=1e-3)
    assert found.layer == "YJJBNTTB" and "CZKFBJ s0" in found.message_zh


def test_q408_one_line_alone_has_nothing_to_be_compared_with(survey):
    report = survey.check()

    (reason,) = [one.reason for one in report.rules_not_run if one.rule == "Q408"]
    assert reason.startswith("没有第二条控制线可比较")
