"""Reading VCT 3.0: what the standard prescribes, and what exporters are known to vary. No database.

No file of another program is at hand; the forms tested here were described in public documents and programs.
"""

from __future__ import annotations

import zipfile

import pytest
import shapely

from kunyu.engines.ingest.reading import open_delivery
from kunyu.engines.ingest.vct.tests import written
from kunyu.engines.ingest.vct.tests.written import FIRST, SECOND, WHOLE, X, Y, save
from kunyu.kernel.errors import UnreadableInput

pytestmark = pytest.mark.quick


def shapes(table):
    return shapely.from_wkb(table["geometry"].to_numpy(zero_copy_only=False))


def codes(layer):
    return {one.code for one in layer.notes}


def assert_as_written(source, notes=frozenset(), notes_of="DLTB"):
    """The parcels are those of the file, whatever it looks like."""
    layer = source.layer("DLTB")
    table = layer.table()
    assert table["BSM"].to_pylist() == ["990101211000000001", "990101211000000002"]
    assert table["DLMC"].to_pylist() == ["水浇地", "水田"]
    assert table["TBMJ"].to_pylist() == ["9600.00", "10000.00"]
    first, second = shapes(table)
    assert first.normalize() == FIRST.normalize()
    assert second.normalize() == SECOND.normalize()
    assert codes(source.layer(notes_of)) == set(notes)


def test_the_layers_of_a_file(tmp_path):
    with open_delivery(save(tmp_path / "a.vct")) as source:
        assert_as_written(source)
        layers = {one.name: one for one in source.layers}
        line, point, note, table = (layers[one].table() for one in ("XZQJX", "CLKZD", "ZJ", "TKXSB"))

    assert [(one.name, one.geometry_kind, one.count) for one in source.layers] == [
        ("CLKZD", "Point", 1), ("DLTB", "Polygon", 2), ("TKXSB", "Table", 1), ("XZQJX", "LineString", 1), ("ZJ", "Point", 1),
    ]  # fmt: skip
    assert {one.driver for one in source.layers} == {"VCT"}
    assert (layers["DLTB"].crs, layers["DLTB"].epsg, layers["DLTB"].encoding) == ("EPSG:4526", 4526, "GB18030")
    assert [(one.name, one.kind, one.length, one.decimals) for one in layers["DLTB"].fields] == [
        ("BSM", "text", 18, None), ("DLMC", "text", 60, None), ("TBMJ", "real", 15, 2),
    ]  # fmt: skip
    assert shapes(line)[0] == shapely.LineString([(X, Y), (38500200.1234, 3800000.5678)])
    assert (shapes(point)[0], point["KZDMC"].to_pylist()) == (shapely.Point(X + 50, Y + 50), ["坤舆山"])
    assert shapes(note)[0] == shapely.Point(X + 30, Y + 30)
    assert note.drop_columns("geometry").to_pylist() == [
        {"BSM": "990101000000000031", "YSDM": "2001010200", "ZJNR": "水田", "ZJFX": "45"}
    ]
    assert table.to_pylist() == [{"DM": "01", "XS": "0.0425"}]


def test_the_head_is_handed_on(tmp_path):
    """Q104 judges these values."""
    with open_delivery(save(tmp_path / "a.vct")) as source:
        head = source.headers["a.vct"]
    assert (head["Datamark"], head["Version"], head["Separator"]) == ("LANDUSE-VCT", "3.0", ",")
    assert head["Spheroid"] == "CGCS2000,6378137.0,298.257222101"
    assert head["Projection"] == "高斯-克吕格投影"


def test_batches_are_as_small_as_asked_and_only_hold_what_is_asked(tmp_path):
    with open_delivery(save(tmp_path / "a.vct")) as source:
        batches = list(source.layer("DLTB").batches(["DLMC"], batch_rows=1))
        bare = list(source.layer("DLTB").batches(with_geometry=False))
    assert [(one.num_rows, one.schema.names) for one in batches] == [(1, ["DLMC", "geometry"])] * 2
    assert bare[0].schema.names == ["BSM", "DLMC", "TBMJ"]


LOWER = "".join(
    line.lower() if line.strip().lower().endswith(("begin", "end")) else line for line in WHOLE.splitlines(True)
)
DIRECT = written.POLYGONS.replace(
    "100\n38500150.0000,3800050.0000\n21\n2\n13,-12\n",
    "1\n38500150.0000,3800050.0000\n1\n11\n5\n"
    "38500100.0000,3800000.0000\n38500200.0000,3800000.0000\n38500200.0000,3800100.0000\n38500100.0000,3800100.0000\n"
    "38500100.0000,3800000.0000\n",
).replace(
    "100\n38500060.0000,3800060.0000\n21\n4\n12,-11,0,-14\n",
    "1\n38500060.0000,3800060.0000\n2\n11\n5\n"
    "38500000.0000,3800000.0000\n38500100.0000,3800000.0000\n38500100.0000,3800100.0000\n38500000.0000,3800100.0000\n"
    "38500000.0000,3800000.0000\n11\n5\n"
    "38500020.0000,3800020.0000\n38500020.0000,3800040.0000\n38500040.0000,3800040.0000\n38500040.0000,3800020.0000\n"
    "38500020.0000,3800020.0000\n",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "notes"),
    [
        ("lower-case keywords", LOWER, set()),
        ("blank lines", WHOLE.replace("\n", "\n\n"), set()),
        ("spaces around", WHOLE.replace("Begin\n", "Begin  \n").replace("12,-11,0,-14", " 12, -11, 0 ,-14 "), set()),
        ("spaces after commas in coordinates", WHOLE.replace(".0000,38", ".0000, 38"), set()),
        ("no optional sections", WHOLE.replace(written.ANNOTATIONS, "").replace(written.POINTS, "").split("StyleBegin")[0], set()),
        ("direct polygons", WHOLE.replace(written.POLYGONS, DIRECT), set()),
        ("one line number per line", WHOLE.replace("12,-11,0,-14", "12\n-11\n0\n-14"), set()),
        ("a comma at the end", WHOLE.replace("12,-11,0,-14", "12,-11,\n0,-14"), set()),
        ("zeros not counted", WHOLE.replace("4\n12,-11,0,-14", "3\n12,-11,0,-14"), {"separators_not_counted"}),
        ("zeros not counted, one per line", WHOLE.replace("4\n12,-11,0,-14", "3\n12\n-11\n0\n-14"), {"separators_not_counted"}),
        ("heights", WHOLE.replace(DIRECT, "").replace(written.LINES, written.LINES.replace(".0000\n", ".0000,12.5\n")), {"heights"}),
        ("wrong count", WHOLE.replace("\n11\n4\n", "\n11\n7\n"), {"count_differs"}),
        ("wrong direction", WHOLE.replace("13,-12", "13,12"), {"directions_mended"}),
        ("hole like the outer ring", WHOLE.replace("12,-11,0,-14", "12,-11,0,14"), {"holes_by_place"}),
        ("no AttributeEnd at the end", WHOLE.split("AttributeEnd")[0], {"section_not_ended"}),
        ("a section without end", WHOLE.replace("PolygonEnd\n", ""), {"section_not_ended"}),
        ("no last newline", WHOLE.rstrip("\n"), set()),
        ("rows in another order", WHOLE.replace(written.POLYGONS, written.POLYGONS.replace("\n1\n2001", "\n3\n2001").replace(
            "\n2\n2001", "\n1\n2001").replace("\n3\n2001", "\n2\n2001")).replace("\n1,99", "\n3,99").replace(
            "\n2,99", "\n1,99").replace("\n3,99", "\n2,99"), set()),
        ("quoted values", WHOLE.replace("水浇地", '"水浇地"').replace("水田,", '"水田",').replace("620200", '"620200"'),
         {"quoted_values"}),
        ("names in lower case", WHOLE.replace("\nDLTB\n1,", "\ndltb\n1,"), set()),
        ("the announced number of fields is wrong", WHOLE.replace("DLTB,3", "DLTB,5"), {"field_count"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_what_exporters_vary(tmp_path, name, text, notes, end):
    """Each tolerance is a note on the layer."""
    assert text != WHOLE, name
    with open_delivery(save(tmp_path / "a.vct", text, end=end)) as source:
        assert_as_written(source, notes)


@pytest.mark.parametrize(
    ("encoding", "note"), [("utf-8", {"encoding_assumed"}), ("utf-8-sig", {"encoding_assumed"}), ("gb18030", set())]
)
def test_encodings(tmp_path, encoding, note):
    with open_delivery(save(tmp_path / "a.vct", encoding=encoding)) as source:
        assert_as_written(source, note)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_separators(tmp_path, separator):
    """GBK characters may hold the byte of | as their second one: 倈 is 82 7C."""
    head, rest = WHOLE.split("FeatureCodeBegin")
    text = head.replace("Separator:,", f"Separator:{separator}") + "FeatureCodeBegin" + rest.replace(",", separator)
    with open_delivery(save(tmp_path / "a.vct", text.replace("坤舆山", "倈"))) as source:
        assert_as_written(source)
        assert source.layer("CLKZD").table()["KZDMC"].to_pylist() == ["倈"]


def test_heights_are_left_out_and_said(tmp_path):
    text = WHOLE.replace("38500200.1234,3800000.5678", "38500200.1234,3800000.5678,77.25")
    with open_delivery(save(tmp_path / "a.vct", text)) as source:
        layer = source.layer("XZQJX")
        assert shapes(layer.table())[0] == shapely.LineString([(X, Y), (38500200.1234, 3800000.5678)])
    assert codes(layer) == {"heights"}


def test_a_line_of_segments_is_one_line_when_they_meet_and_several_when_not(tmp_path):
    whole = "15\n1000600200\nUnknown\n1\n2\n11\n2\n1,1\n2,2\n11\n2\n2,2\n3,1\n0\n"
    apart = whole.replace("11\n2\n2,2\n3,1", "11\n2\n5,5\n6,6")
    start = written.LINES.index("15\n1000600200")
    for text, wanted in ((whole, "LINESTRING (1 1, 2 2, 3 1)"), (apart, "MULTILINESTRING ((1 1, 2 2), (5 5, 6 6))")):
        lines = written.LINES[:start] + text + "LineEnd\n"
        with open_delivery(save(tmp_path / "a.vct", WHOLE.replace(written.LINES, lines))) as source:
            assert shapes(source.layer("XZQJX").table())[0].wkt == wanted


def test_points_with_and_without_their_count_and_clusters(tmp_path):
    plain = WHOLE.replace("Unknown\n1\n1\n38500050", "Unknown\n1\n38500050")
    cluster = WHOLE.replace("1\n1\n38500050.0000,3800050.0000", "4\n2\n1,2\n3,4")
    with open_delivery(save(tmp_path / "a.vct", plain)) as source:
        assert shapes(source.layer("CLKZD").table())[0] == shapely.Point(X + 50, Y + 50)
    with open_delivery(save(tmp_path / "b.vct", cluster)) as source:
        assert shapes(source.layer("CLKZD").table())[0] == shapely.MultiPoint([(1, 2), (3, 4)])


def test_the_x_axis_may_point_north_and_coordinates_may_have_an_offset(tmp_path):
    text = WHOLE.replace("XAxisDirection:E", "XAxisDirection:N").replace("YAxisDirection:N", "YAxisDirection:E")
    text = text.replace("38500050.0000,3800050.0000", "3800050.0000,38500050.0000")
    with open_delivery(save(tmp_path / "a.vct", text)) as source:
        layer = source.layer("CLKZD")
        assert shapes(layer.table())[0] == shapely.Point(X + 50, Y + 50)
        assert "axes_swapped" in codes(layer)
    with open_delivery(save(tmp_path / "b.vct", WHOLE.replace("Offset:0,0", "Offset:10,-5"))) as source:
        layer = source.layer("CLKZD")
        assert shapes(layer.table())[0] == shapely.Point(X + 60, Y + 45)
        assert "offset_added" in codes(layer)


def test_two_tables_of_one_feature_code_share_its_objects(tmp_path):
    """DLTB and DLTBGX bear one code in a change package: the object number tells whose an object is."""
    text = WHOLE.replace("1000600200,行政", "2001010100,更新,Polygon,DLTBGX\n1000600200,行政")
    text = text.replace("XZQJX,1\n", "DLTBGX,1\nBSM,Char,18\n0\nXZQJX,1\n")
    text = text.replace(
        "2,990101211000000002,水田,10000.00\nTableEnd", "TableEnd\nDLTBGX\n2,990101211000000009\nTableEnd"
    )
    with open_delivery(save(tmp_path / "a.vct", text)) as source:
        old, new = source.layer("DLTB"), source.layer("DLTBGX")
        assert (old.count, new.count) == (1, 1)
        assert shapes(old.table())[0].normalize() == FIRST.normalize()
        assert shapes(new.table())[0].normalize() == SECOND.normalize()
        assert codes(old) == codes(new) == set()


def test_a_table_in_two_pieces_is_one_layer(tmp_path):
    text = WHOLE.replace("\n2,990101211000000002", "\nTableEnd\nDLTB\n2,990101211000000002")
    with open_delivery(save(tmp_path / "a.vct", text)) as source:
        assert_as_written(source)


BAD = [
    ("a line that is not there", "13,-12", "13,-99", "missing_lines"),
    ("a count that is too large", "21\n2\n13,-12", "21\n200000000\n13,-12", "bad_count"),
    ("a form that is none", "100\n38500150", "banana\n38500150", "bad_form"),
    ("polygons of polygons", "21\n2\n13,-12", "22\n2\n13,-12", "bad_polygons"),
    ("a line number that is none", "13,-12", "13,banana", "bad_reference"),
]


@pytest.mark.parametrize(("name", "old", "new", "note"), BAD)
def test_a_bad_record_has_no_geometry_and_does_not_stop_the_others(tmp_path, name, old, new, note):
    with open_delivery(save(tmp_path / "a.vct", WHOLE.replace(old, new))) as source:
        layer = source.layer("DLTB")
        first, second = shapes(layer.table())
    assert first.normalize() == FIRST.normalize(), name
    assert second is None, name
    assert note in codes(layer)


def test_an_open_ring_is_handed_on_open(tmp_path):
    """The checks close it and say so; lines that do not meet keep the gap."""
    with open_delivery(save(tmp_path / "a.vct", WHOLE.replace("2\n13,-12", "1\n13"))) as source:
        layer = source.layer("DLTB")
        raw = layer.table()["geometry"][1].as_py()
    assert "rings_not_closed" in codes(layer)
    assert shapely.from_wkb(raw, on_invalid="fix").is_valid
    assert len(raw) == 1 + 4 + 4 + 4 + 4 * 16


def test_numbers_that_are_none_become_nan(tmp_path):
    text = WHOLE.replace("38500200.0000,3800000.0000", "38500200.0000,banana")
    with open_delivery(save(tmp_path / "a.vct", text)) as source:
        layer = source.layer("DLTB")
        xy = shapely.get_coordinates(shapes(layer.table())[1])
    assert (xy != xy).sum() == 1
    assert codes(layer) == {"bad_coordinates"}


def test_numbers_that_come_twice_meet_in_order(tmp_path):
    text = WHOLE.replace("\n2\n2001010100", "\n1\n2001010100").replace("\n2,9901", "\n1,9901")
    with open_delivery(save(tmp_path / "a.vct", text)) as source:
        assert_as_written(source, {"duplicate_objects", "duplicate_rows"})


def test_rows_without_object_and_objects_without_row(tmp_path):
    text = WHOLE.replace("\n2,990101211000000002", "\n77,990101211000000002")
    with open_delivery(save(tmp_path / "a.vct", text)) as source:
        layer = source.layer("DLTB")
        table = layer.table()
    assert layer.count == table.num_rows == 3
    assert table["BSM"].to_pylist() == ["990101211000000001", "990101211000000002", None]
    assert [one is None for one in shapes(table)] == [False, True, False]
    assert codes(layer) == {"rows_without_object", "objects_without_row"}


def test_rows_with_too_few_and_too_many_values(tmp_path):
    text = WHOLE.replace(",水浇地,9600.00", "").replace("水田,10000.00", "水田,10000.00,extra")
    with open_delivery(save(tmp_path / "a.vct", text)) as source:
        layer = source.layer("DLTB")
        rows = layer.table().drop_columns("geometry").to_pylist()
    assert rows == [
        {"BSM": "990101211000000001", "DLMC": None, "TBMJ": None},
        {"BSM": "990101211000000002", "DLMC": "水田", "TBMJ": "10000.00，extra"},
    ]
    assert codes(layer) == {"row_values"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty", b"", "没有 VCT 文件的任何部分"),
        ("another text", b"id,name\n1,a\n", "没有 VCT 文件的任何部分"),
        ("bytes", bytes(range(256)) * 500, "没有 VCT 文件的任何部分"),
        ("UTF-16", WHOLE.encode("utf-16"), "UTF-16"),
        ("broken off among the lines", WHOLE.split("LineEnd")[0].encode("gbk"), "linebegin"),
        ("broken off in a row", WHOLE.split("水田,100")[0].encode("gbk"), "attributebegin"),
        ("no layer", b"PolygonBegin\nPolygonEnd\n", "没有声明任何图层"),
        ("a bad separator", WHOLE.replace("Separator:,", "Separator:7").encode("gbk"), "分隔符"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, name, content, said):
    path = tmp_path / "broken.vct"
    path.write_bytes(content)
    with pytest.raises(UnreadableInput) as refused:
        open_delivery(path)
    assert "broken.vct" in refused.value.detail_zh
    assert said in refused.value.detail_zh.replace("Begin", "begin"), name


def test_a_file_that_breaks_off_names_the_line(tmp_path):
    path = save(tmp_path / "a.vct", WHOLE.split("PolygonEnd")[0])
    with pytest.raises(UnreadableInput) as refused:
        open_delivery(path)
    lines = WHOLE.split("PolygonEnd")[0].count("\n")
    begin = WHOLE.split("PolygonBegin")[0].count("\n") + 1
    assert f"第 {lines} 行中断" in refused.value.detail_zh
    assert f"(第 {begin} 行)" in refused.value.detail_zh


def test_a_vct_in_a_zip_beside_other_files(tmp_path):
    save(tmp_path / "COUNTY.VCT")
    with zipfile.ZipFile(tmp_path / "delivery.zip", "w") as archive:
        archive.write(tmp_path / "COUNTY.VCT", "990101/COUNTY.VCT")
        archive.writestr("990101/readme.txt", "x")
    with open_delivery(tmp_path / "delivery.zip") as source:
        assert_as_written(source)
        assert list(source.headers) == ["990101/COUNTY.VCT"]
        assert source.documents == ("990101/readme.txt",)
