"""Writing VCT 3.0, and back: nothing is lost that VCT can hold, and what is lost is said. No database."""

from __future__ import annotations

import datetime
import json
import re

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.checks.runner import run
from kunyu.engines.ingest.convert import convert
from kunyu.engines.ingest.mapping import apply
from kunyu.engines.ingest.reading import open_delivery
from kunyu.engines.ingest.vct.label_points import label_points
from kunyu.engines.ingest.vct.numbers import coordinate_lines, to_fixed
from kunyu.engines.ingest.vct.ragged import starts_of
from kunyu.kernel.errors import UsageError
from kunyu.project.sample_county.generate import generate_county

X, Y = 38_500_000.0, 3_800_000.0


def moved(shape):
    return shapely.transform(shape, lambda xy: xy + np.array([X, Y]))


def save(path, shapes, crs="EPSG:4526", kind="Unknown", layer="DLTB", **columns):
    """Write a GeoPackage layer."""
    names = columns or {"BSM": [str(one) for one in range(len(shapes))]}
    table = pa.table({**names, "geometry": pa.array(shapely.to_wkb(np.array(shapes, object)), pa.binary())})
    pyogrio.write_arrow(table, path, layer=layer, driver="GPKG", geometry_name="geometry", geometry_type=kind, crs=crs)
    return path


def there_and_back(path, **options):
    """Convert to VCT and back; returns the first report, the GeoPackage's table and the VCT's text."""
    vct, back = path.with_suffix(".vct"), path.with_name("back.gpkg")
    with open_delivery(path) as source:
        report = convert(source, vct, **options)
    with open_delivery(vct) as source:
        convert(source, back)
    with open_delivery(back) as source:
        tables = {one.name: one.table() for one in source.layers}
    return (
        {(one.code, one.field): (one.count, one.example) for one in report.losses},
        tables,
        vct.read_bytes().decode("gb18030"),
    )


def shapes_of(table):
    return shapely.from_wkb(table["geometry"].to_numpy(zero_copy_only=False))


def same(one, other):
    """The same vertices, wherever rings begin and whichever way they run."""
    return shapely.normalize(one) == shapely.normalize(other)


SHAPES = {
    "square": moved(shapely.box(0, 0, 10, 10)),
    "neighbour": moved(shapely.box(10, 0, 20, 10)),
    "duplicate": moved(shapely.box(10, 0, 20, 10)),
    "overlap": moved(shapely.box(5, 5, 15, 15)),
    "contained": moved(shapely.box(2, 2, 3, 3)),
    "bow-tie": moved(shapely.Polygon([(30, 0), (40, 10), (40, 0), (30, 10)])),
    "spike": moved(shapely.Polygon([(50, 0), (60, 0), (60, 10), (55, 10), (55, 30), (55, 10), (50, 10)])),
    "vertex twice": moved(shapely.Polygon([(70, 0), (80, 0), (80, 0), (80, 10)])),
    "two holes": moved(shapely.Polygon([(100, 0), (200, 0), (200, 100), (100, 100)], [
        [(110, 10), (110, 20), (120, 20), (120, 10)], [(130, 10), (130, 20), (140, 20), (140, 10)]])),
    "two parts and a hole": moved(shapely.MultiPolygon([
        shapely.box(300, 0, 310, 10),
        shapely.Polygon([(320, 0), (340, 0), (340, 20), (320, 20)], [[(325, 5), (325, 10), (330, 10), (330, 5)]])])),
    "hole outside": moved(shapely.Polygon([(400, 0), (410, 0), (410, 10), (400, 10)], [[(420, 0), (420, 5), (425, 5), (425, 0)]])),
    "clockwise": moved(shapely.Polygon([(500, 0), (500, 10), (510, 10), (510, 0)])),
    "none": None,
    "empty": shapely.Polygon(),
}  # fmt: skip


def test_every_shape_survives(tmp_path):
    """Invalid ones too: the checks find in the VCT what they find in the GeoPackage (Q302–Q305)."""
    losses, tables, text = there_and_back(save(tmp_path / "a.gpkg", list(SHAPES.values()), NAME=list(SHAPES)))

    assert losses == {}
    assert tables["DLTB"]["NAME"].to_pylist() == list(SHAPES)
    for name, shape in zip(SHAPES, shapes_of(tables["DLTB"]), strict=True):
        wanted = SHAPES[name]
        if wanted is None or wanted.is_empty:
            assert shape is None
        else:
            wanted = shapely.MultiPolygon([wanted]) if wanted.geom_type == "Polygon" else wanted
            assert same(shape, wanted), name
    coordinates = re.findall(r"^38500010\.0000,38000(?:00|10)\.0000\r$", text, re.MULTILINE)
    assert len(coordinates) <= 9  # the border of the first two parcels and its ends, not once per parcel


def test_a_hole_that_runs_like_its_outer_ring_is_turned(tmp_path):
    shape = moved(shapely.Polygon([(0, 0), (9, 0), (9, 9), (0, 9)], [[(1, 1), (2, 1), (2, 2), (1, 2)]]))
    losses, tables, _ = there_and_back(save(tmp_path / "a.gpkg", [shape]))
    assert losses == {("turned_rings", None): (1, None)}
    assert same(shapes_of(tables["DLTB"])[0], shape)


def test_a_part_inside_a_part_is_said_to_become_a_hole(tmp_path):
    shape = shapely.MultiPolygon([moved(shapely.box(0, 0, 9, 9)), moved(shapely.box(1, 1, 2, 2))])
    losses, tables, _ = there_and_back(save(tmp_path / "a.gpkg", [shape]))
    assert losses == {("unclear_parts", None): (1, None)}
    assert shapes_of(tables["DLTB"])[0].area == 80


def test_lines_and_points_survive(tmp_path):
    lines = [moved(shapely.from_wkt(one)) for one in (
        "LINESTRING (0 0, 5 5, 9 1)", "LINESTRING (0 0, 5 5, 9 1)", "MULTILINESTRING ((0 0, 1 1), (5 5, 6 6, 7 5))",
        "LINESTRING (0 0, 0 0)")]  # fmt: skip
    points = [shapely.Point(X, Y), shapely.MultiPoint([(X, Y), (X + 1, Y + 1)]), None]
    path = save(tmp_path / "a.gpkg", lines, layer="XZQJX")
    save(path, points, layer="CLKZD")
    losses, tables, _ = there_and_back(path)
    assert losses == {}
    found = shapes_of(tables["XZQJX"])
    assert [one.geom_type for one in found] == [
        "MultiLineString"
    ] * 4  # a layer with one multi geometry is a layer of them
    assert all(a.geoms[0] == b for a, b in zip(found[[0, 1, 3]], (lines[0], lines[1], lines[3]), strict=True))
    assert found[2] == lines[2]
    assert [None if one is None else shapely.get_parts(one).tolist() for one in shapes_of(tables["CLKZD"])] == [
        [points[0]], list(points[1].geoms), None,
    ]  # fmt: skip


def test_annotations_have_a_section_of_their_own(tmp_path):
    path = save(tmp_path / "a.gpkg", [shapely.Point(X, Y)], layer="ZJ", BSM=["990101000000000001"], YSDM=["2001010200"],
                ZJNR=["水田 0"], ZJFX=[30.5])  # fmt: skip
    _, tables, text = there_and_back(path)
    assert "水田 0\r\n38500000.0000,3800000.0000,30.5\r\n0\r\nAnnotationEnd" in text
    assert tables["ZJ"].drop_columns("geometry").to_pylist() == [
        {"BSM": "990101000000000001", "YSDM": "2001010200", "ZJNR": "水田 0", "ZJFX": 30.5}
    ]


def test_values_of_every_type_survive(tmp_path):
    columns = {
        "TEXT": pa.array(["水浇地", None, "  a  ", 'x"y', "0012"]),
        "WHOLE": pa.array([1, None, -(2**40), 0, 5], pa.int64()),
        "REAL": pa.array([0.1, None, -1e-7, 12345678.25, 1e15]),
        "DAY": pa.array([datetime.date(2024, 12, 31), None, datetime.date(1949, 10, 1), None, None]),
        "MOMENT": pa.array(
            [datetime.datetime(2024, 12, 31, 23, 59, 58, tzinfo=datetime.UTC), None, None, None, None],
            pa.timestamp("ms", "UTC"),
        ),
    }
    path = save(tmp_path / "a.gpkg", [SHAPES["square"]] * 5, **columns)
    losses, tables, _ = there_and_back(path)
    assert losses == {}
    assert {name: tables["DLTB"][name].to_pylist() for name in columns} == {
        name: values.to_pylist() for name, values in columns.items()
    }


def test_what_vct_cannot_hold_is_said(tmp_path):
    """Separators, line breaks, empty text, characters beyond GBK, odd numbers: counted per field with an example."""
    path = save(tmp_path / "a.gpkg", [SHAPES["square"]] * 3, A=["a,b", "", "c\r\nd"], B=["𠮷田", "水田", None],
                C=[float("inf"), 1.5, 2.0], D=[True, False, None])  # fmt: skip
    losses, tables, text = there_and_back(path)
    assert losses == {
        ("empty_texts", "A"): (1, None), ("separators", "A"): (1, "a,b"), ("line_breaks", "A"): (1, "c\r\nd"),
        ("beyond_gbk", None): (1, "𠮷"), ("not_finite_numbers", "C"): (1, None),
    }  # fmt: skip
    assert tables["DLTB"]["A"].to_pylist() == ["a，b", None, "c d"]
    assert tables["DLTB"]["B"].to_pylist() == ["𠮷田", "水田", None]
    assert tables["DLTB"]["C"].to_pylist() == [None, 1.5, 2.0]
    assert tables["DLTB"]["D"].to_pylist() == [1, 0, None]
    assert "D,Int1" in text


def test_coordinates_are_rounded_and_said_or_kept_with_more_decimals(tmp_path):
    shape = moved(shapely.Polygon([(0, 0), (10.00004, 0), (10, 10)]))
    path = save(tmp_path / "a.gpkg", [shape])
    losses, tables, _ = there_and_back(path)
    assert losses == {("moved_vertices", None): (1, "4e-05")}
    assert shapely.get_coordinates(shapes_of(tables["DLTB"])).max(axis=0).tolist() == [X + 10, Y + 10]
    losses, tables, _ = there_and_back(path, decimals=10)
    assert losses == {}
    assert same(shapes_of(tables["DLTB"])[0], shape)


def test_degrees_have_nine_decimals(tmp_path):
    shape = shapely.Polygon([(113.123456789, 34.5), (113.2, 34.5), (113.2, 34.6)])
    losses, tables, text = there_and_back(save(tmp_path / "a.gpkg", [shape], crs="EPSG:4490"))
    assert (losses, "CoordinateSystemType:D" in text) == ({}, True)
    assert same(shapes_of(tables["DLTB"])[0], shape)


def test_geometries_that_cannot_be_written_leave_their_row(tmp_path):
    shapes = [SHAPES["square"], shapely.Polygon([(X, Y), (X + 1, float("nan")), (X, Y + 1)]), shapely.Point(X, Y),
              shapely.Polygon([(X, Y, 1), (X + 1, Y, 2), (X, Y + 1, 3)])]  # fmt: skip
    losses, tables, _ = there_and_back(save(tmp_path / "a.gpkg", shapes))
    assert losses == {
        ("heights", None): (1, None),
        ("other_kinds", None): (1, None),
        ("not_finite_geometries", None): (1, None),
    }
    assert [one is None for one in shapes_of(tables["DLTB"])] == [False, True, True, False]


def test_two_planes_are_refused_and_nothing_stays(tmp_path):
    path = save(tmp_path / "a.gpkg", [SHAPES["square"]])
    save(path, [SHAPES["square"]], crs="EPSG:4527", layer="XZQ")
    with open_delivery(path) as source, pytest.raises(UsageError, match="坐标系不同"):
        convert(source, tmp_path / "a.vct")
    with open_delivery(path) as source, pytest.raises(UsageError, match="只能写"):
        convert(source, tmp_path / "a.shp")
    with open_delivery(path) as source, pytest.raises(UsageError, match="输入文件"):
        convert(source, path)
    assert [one.name for one in tmp_path.iterdir()] == ["a.gpkg"]


def test_a_run_that_fails_leaves_no_file(tmp_path, monkeypatch):
    path = save(tmp_path / "a.gpkg", [SHAPES["square"]])
    with open_delivery(path) as source:
        monkeypatch.setattr(type(source.layers[0]), "batches", lambda *_args, **_named: iter([None]))
        with pytest.raises(AttributeError):
            convert(source, tmp_path / "a.vct")
    assert [one.name for one in tmp_path.iterdir()] == ["a.gpkg"]


@pytest.mark.parametrize("defects", ["", "all:1"])
def test_a_check_finds_the_same_in_both_formats(tmp_path, defects):
    """Every seeded defect, invalid polygons among them, survives the way into VCT: the findings are the same, byte for byte."""
    generate_county(tmp_path, 1500 if defects else 300, 5, "gpkg", defects)
    standard = load_standard("TDT1057-2020")
    reports = []
    with open_delivery(tmp_path / "county.gpkg") as source:
        assert not [one for one in convert(source, tmp_path / "county.vct").losses if one.code != "turned_rings"]
    for name in ("county.gpkg", "county.vct"):
        with open_delivery(tmp_path / name) as source:
            reports.append(json.loads(run(apply(source, standard), standard).to_json()))
    assert reports[0]["findings"] == reports[1]["findings"]
    assert bool(reports[0]["findings"]) or not defects
    assert reports[0]["rules_run"] == [one for one in reports[1]["rules_run"] if one != "Q104"]
    assert reports[0]["layers"] == reports[1]["layers"]


def test_a_standard_gives_codes_lengths_and_decimals(tmp_path):
    generate_county(tmp_path, 100, 3)
    standard = load_standard("TDT1057-2020")
    with open_delivery(tmp_path / "county.gpkg") as source:
        report = convert(source, tmp_path / "a.vct", apply(source, standard))
    text = (tmp_path / "a.vct").read_bytes().decode("gbk")
    assert "2001010100,地类图斑,Polygon,DLTB\r\n" in text
    assert "\r\nKCXS,Float,6,4\r\n" in text
    assert "\r\nTKXSB,5,NoneGeometry\r\n" in text
    assert report.mapping["standard"] == "TDT1057-2020"
    with open_delivery(tmp_path / "a.vct") as source:
        field = next(one for one in source.layer("DLTB").fields if one.name == "TBMJ")
    assert (field.kind, field.length, field.decimals) == ("real", 15, 2)


@pytest.mark.quick
@pytest.mark.parametrize("decimals", [0, 1, 4, 9])
def test_numbers_are_written_as_python_writes_them(decimals):
    random = np.random.default_rng(5)
    values = np.concatenate(
        [random.uniform(-1e7, 4e7, 3000), random.uniform(-2, 2, 500), [0, 9.99999, 10, -0.00004, 99999.5]]
    )
    units = to_fixed(values, decimals)
    text, _ = coordinate_lines(units, units[::-1].copy(), decimals, b",", b"\n")
    lines = text.tobytes().decode().splitlines()
    for line, one, other in zip(lines, units.tolist(), units[::-1].tolist(), strict=True):
        assert [int(part.replace(".", "")) for part in line.split(",")] == [one, other]
        assert [len(part.partition(".")[2]) for part in line.split(",")] == [decimals] * 2
    assert np.abs(units / 10**decimals - values).max() <= 0.5 / 10**decimals + 1e-8


@pytest.mark.quick
def test_label_points_lie_inside():
    """A crescent and a ring too, where a centroid does not."""
    crescent = shapely.Point(0, 0).buffer(1000).difference(shapely.Point(200, 0).buffer(950))
    ring = shapely.Point(5000, 0).buffer(1000).difference(shapely.Point(5000, 0).buffer(900))
    shapes = [
        shapely.set_precision(one, 1) for one in (crescent, ring, shapely.box(0, 0, 3, 3), shapely.box(0, 0, 1, 1))
    ]
    rings = [(row, one) for row, shape in enumerate(shapes) for one in shapely.get_rings(shape)]
    xy = np.concatenate([shapely.get_coordinates(one) for _, one in rings]).astype(np.int64)
    start = starts_of(np.array([shapely.get_num_coordinates(one) for _, one in rings]))
    x, y, rows = label_points(xy[:, 0], xy[:, 1], start, np.array([row for row, _ in rings]))
    assert rows.tolist() == [0, 1, 2, 3]
    assert shapely.covers(shapes, shapely.points(x, y)).all()
    assert shapely.contains(shapes[:3], shapely.points(x, y)[:3]).all()
