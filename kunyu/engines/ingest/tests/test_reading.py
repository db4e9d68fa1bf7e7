"""Reading what people deliver: formats, encodings, archives, broken files. No database."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kunyu.engines.ingest.reading import (
    UnpackLimits,
    UnsafeArchive,
    input_digest,
    open_delivery,
    safe_unpack,
)
from kunyu.kernel.errors import UnreadableInput

pytestmark = pytest.mark.quick

DATA = Path(os.environ.get("KUNYU_SHARED_DATA", Path(__file__).resolve().parents[5] / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the real data sets (KUNYU_SHARED_DATA) are not here")


def write(path: Path, names: list[str], encoding: str | None = None, crs: str | None = "EPSG:4526") -> Path:
    """Write one square per name; ``NAME`` is the only attribute besides ``N``."""
    wkb = shapely.to_wkb([shapely.box(i, 0, i + 1, 1) for i in range(len(names))])
    table = pa.table({"NAME": names, "N": np.arange(len(names)), "geometry": pa.array(wkb, pa.binary())})
    pyogrio.write_arrow(table, path, geometry_name="geometry", geometry_type="Polygon", crs=crs, encoding=encoding)
    return path


def packed(folder: Path, members: dict[str, bytes]) -> Path:
    path = folder / "delivery.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_geopackage_declares_crs_fields_and_rows(tmp_path):
    with open_delivery(write(tmp_path / "a.gpkg", ["甲", "乙"])) as source:
        (layer,) = source.layers
        table = layer.table()

    assert (layer.crs, layer.epsg, layer.geometry_kind, layer.count) == ("EPSG:4526", 4526, "Polygon", 2)
    assert [(one.name, one.kind) for one in layer.fields] == [("NAME", "text"), ("N", "integer")]
    assert table.column_names == ["NAME", "N", "geometry"]
    assert table["NAME"].to_pylist() == ["甲", "乙"]
    assert shapely.from_wkb(table["geometry"][1].as_py()).equals(shapely.box(1, 0, 2, 1))


def test_batches_are_as_small_as_asked(tmp_path):
    with open_delivery(write(tmp_path / "a.gpkg", ["x"] * 10)) as source:
        sizes = [batch.num_rows for batch in source.layers[0].batches(batch_rows=4)]

    assert sizes == [4, 4, 2]


@pytest.mark.parametrize(("written", "name"), [("GB18030", "GB18030"), ("UTF-8", "UTF-8")])
def test_text_without_cpg_is_recognised_and_said(tmp_path, written, name):
    path = write(tmp_path / "a.shp", ["天长市", "全椒县", "来安县"], encoding=written)
    path.with_suffix(".cpg").unlink()

    with open_delivery(path) as source:
        (layer,) = source.layers
        assert layer.table()["NAME"].to_pylist() == ["天长市", "全椒县", "来安县"]

    assert (layer.encoding, layer.encoding_assumed) == (name, True)
    assert [note.code for note in layer.notes] == ["encoding_assumed"]


def test_text_cut_in_the_middle_of_a_character_is_still_recognised(tmp_path):
    """DBF columns count bytes: GBK text of an odd column ends in half a character."""
    path = write(tmp_path / "a.shp", ["天长市"], encoding="GB18030")
    path.with_suffix(".cpg").unlink()
    table = path.with_suffix(".dbf")
    content = table.read_bytes()
    table.write_bytes(content.replace("天长市".encode("gb18030"), "天长市".encode("gb18030")[:5] + b" "))

    with open_delivery(path) as source:
        assert source.layers[0].encoding == "GB18030"


def test_shapefile_without_dbf_is_refused(tmp_path):
    path = write(tmp_path / "parcels.shp", ["a"])
    path.with_suffix(".dbf").unlink()

    with pytest.raises(UnreadableInput) as refused:
        open_delivery(path)

    assert refused.value.detail_zh == (
        "文件 parcels.shp 无法读取: 缺少属性表 parcels.dbf。请确认文件完整、格式正确后重新提交。"
    )
    assert refused.value.exit_code == 3


def test_shapefile_without_shx_is_read_and_said(tmp_path):
    path = write(tmp_path / "a.shp", ["a", "b", "c"])
    path.with_suffix(".shx").unlink()

    with open_delivery(path) as source:
        (layer,) = source.layers
        assert layer.table()["NAME"].to_pylist() == ["a", "b", "c"]

    assert "index_rebuilt" in [note.code for note in layer.notes]
    assert not path.with_suffix(".shx").exists()  # nothing is written beside a delivery


def test_shapefile_without_prj_has_no_crs(tmp_path):
    path = write(tmp_path / "a.shp", ["a"])
    path.with_suffix(".prj").unlink()

    with open_delivery(path) as source:
        assert source.layers[0].crs is None
        assert "crs_missing" in [note.code for note in source.layers[0].notes]


def test_folder_holds_layers_tables_and_documents(tmp_path):
    write(tmp_path / "a.shp", ["a"])
    write(tmp_path / "b.gpkg", ["b"])
    (tmp_path / "报告.docx").write_bytes(b"x")
    (tmp_path / "inner.zip").write_bytes(b"x")

    with open_delivery(tmp_path) as source:
        assert [layer.name for layer in source.layers] == ["a", "b"]
        assert source.documents == ("inner.zip", "报告.docx")
        assert [note.code for note in source.notes] == ["nested_archive"]


def test_zip_with_chinese_names_of_windows(tmp_path):
    write(tmp_path / "t.gpkg", ["a"])
    path = packed(tmp_path, {"@@@@@@@@.gpkg": (tmp_path / "t.gpkg").read_bytes()})
    raw = path.read_bytes().replace(b"@@@@@@@@", "地类图斑".encode("gbk"))
    path.write_bytes(raw)

    with open_delivery(path) as source:
        assert source.layers[0].file == "地类图斑.gpkg"


@pytest.mark.parametrize("name", ["../out.gpkg", "/etc/out.gpkg", "a/../../out.gpkg", "..\\out.gpkg", "C:\\out.gpkg"])
def test_archive_that_climbs_out_is_refused(tmp_path, name):
    path = packed(tmp_path, {name: b"x"})
    target = tmp_path / "target"
    target.mkdir()

    with pytest.raises(UnsafeArchive, match="指向压缩包之外"):
        safe_unpack(path, target)

    assert list(target.iterdir()) == []


def test_link_in_an_archive_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link.gpkg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    (tmp_path / "t").mkdir()

    with pytest.raises(UnsafeArchive, match="链接"):
        safe_unpack(path, tmp_path / "t")


def claiming(path: Path, size: int) -> Path:
    """Make the one member of a zip claim another unpacked size, in both of its headers."""
    raw = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = raw.index(mark) + offset
        raw[at : at + 4] = struct.pack("<I", size)
    path.write_bytes(raw)
    return path


def test_ten_gigabytes_claimed_in_one_megabyte(tmp_path):
    """R-031: refused by what it claims, before a byte is written."""
    path = tmp_path / "a.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.gpkg", "w", force_zip64=True) as out,
    ):
        for _ in range(300):
            out.write(bytes(1 << 20))
    limits = UnpackLimits(max_bytes=10 << 30)
    (tmp_path / "t").mkdir()

    with pytest.raises(UnsafeArchive, match="倍\\), 上限 200 倍"):
        safe_unpack(path, tmp_path / "t", limits)
    with pytest.raises(UnsafeArchive, match="上限 1000 字节"):
        safe_unpack(path, tmp_path / "t", UnpackLimits(max_bytes=1000))
    assert list((tmp_path / "t").iterdir()) == []


def test_archive_that_lies_about_its_size_is_stopped(tmp_path):
    path = claiming(packed(tmp_path, {"a.gpkg": bytes(100_000)}), 10)
    (tmp_path / "t").mkdir()

    with pytest.raises(UnreadableInput):
        safe_unpack(path, tmp_path / "t")

    assert sum(one.stat().st_size for one in (tmp_path / "t").iterdir()) <= 10


def test_truncated_zip(tmp_path):
    whole = packed(tmp_path, {"a.gpkg": os.urandom(5000)})
    whole.write_bytes(whole.read_bytes()[:2500])

    with pytest.raises(UnreadableInput) as refused:
        open_delivery(whole)

    assert "压缩包 delivery.zip 已损坏或不完整" in refused.value.detail_zh


def test_only_a_nested_archive_inside(tmp_path):
    path = packed(tmp_path, {"inner.zip": b"PK"})

    with pytest.raises(UnreadableInput, match=r"inner\.zip"):
        open_delivery(path)


def test_gzip_bomb(tmp_path):
    path = tmp_path / "a.osm.gz"
    path.write_bytes(gzip.compress(bytes(90 << 20)))

    with pytest.raises(UnsafeArchive):
        open_delivery(path)


def test_what_was_unpacked_is_removed(tmp_path):
    write(tmp_path / "t.gpkg", ["a"])
    path = packed(tmp_path, {"a.gpkg": (tmp_path / "t.gpkg").read_bytes()})
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    with open_delivery(path, scratch=scratch) as source:
        assert source.layers[0].dataset.is_relative_to(scratch)
    with pytest.raises(UnreadableInput):
        open_delivery(packed(tmp_path, {"a.gpkg": b"no"}), scratch=scratch)

    assert list(scratch.iterdir()) == []


def test_digest_of_a_folder_is_of_names_and_contents_not_of_its_place(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "a.txt").write_text("a")
        (tmp_path / name / "sub" / "b.txt").write_text("b")
    same = input_digest(tmp_path / "one") == input_digest(tmp_path / "two")
    (tmp_path / "two" / "sub" / "b.txt").write_text("c")

    assert same
    assert input_digest(tmp_path / "one") != input_digest(tmp_path / "two")


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".zip", ".parquet", ".geojson", ".gml", ".osm", ".pbf", ".fgb"])
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(content=st.binary(max_size=400))
def test_random_bytes_are_unreadable_and_nothing_else(tmp_path, suffix, content):
    path = tmp_path / f"random{suffix}"
    path.write_bytes(content)
    if suffix == ".shp":
        path.with_suffix(".dbf").write_bytes(content)

    with pytest.raises(UnreadableInput), open_delivery(path) as source:
        for layer in source.layers:
            layer.table()
        raise UnreadableInput("", "")  # bytes that are a file after all


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(at=st.integers(0, 40_000), junk=st.binary(min_size=1, max_size=60), form=st.sampled_from(["gpkg", "shp", "zip"]))
def test_damaged_files_are_read_or_refused(tmp_path, at, junk, form):
    """Bytes overwritten anywhere in a good file: rows or UnreadableInput, never another error."""
    good = tmp_path / f"good.{'gpkg' if form == 'zip' else form}"
    if not good.exists():
        write(good, ["甲"] * 50)
    damaged = tmp_path / "damaged"
    shutil.rmtree(damaged, ignore_errors=True)
    damaged.mkdir()
    if form == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(good, "good.gpkg")
        path, content = damaged / "a.zip", bytearray(buffer.getvalue())
    else:
        for part in tmp_path.glob("good.*"):
            shutil.copy(part, damaged)
        path = damaged / good.name
        content = bytearray(path.read_bytes())
    at %= max(len(content), 1)
    content[at : at + len(junk)] = junk
    path.write_bytes(content)

    try:
        with open_delivery(path) as source:
            for layer in source.layers:
                layer.table()
    except UnreadableInput as refused:
        assert refused.detail_zh and refused.detail_en


@needs_data
def test_real_gbk_shapefile():
    with open_delivery(DATA / "parcels" / "cn_gbk_shapefile") as source:
        (layer,) = source.layers
        names = layer.table(["NAME99"])["NAME99"].to_pylist()

    assert (layer.encoding, layer.encoding_assumed, layer.crs, layer.count) == ("GB18030", True, None, 78)
    assert names[:2] == ["天长市", "全椒县"]


@needs_data
@pytest.mark.parametrize(
    ("path", "layer", "count", "epsg"),
    [("parcels/finland_topo_L4132R.zip", "m_L4132R_p", 4304, 3067), ("parcels/trpa_zoning.gdb.zip", "area_plans", 267, 26910),
     ("parcels/slovenia_lulc/LULC.gpkg", "LULC", 88, 32633),
     ("parcels/osm_extracts/liechtenstein-latest.osm.pbf", "multipolygons", 9902, 4326),
     ("parcels/osm_extracts/krems.osm.gz", "multipolygons", 1360, 4326)],
)  # fmt: skip
def test_real_files(path, layer, count, epsg):
    with open_delivery(DATA / path) as source:
        one = source.layer(layer)
        assert (one.count, one.epsg) == (count, epsg)
        assert sum(batch.num_rows for batch in one.batches()) == count


@needs_data
def test_real_corrupt_image_is_refused_with_a_sentence():
    with pytest.raises(UnreadableInput) as refused:
        open_delivery(DATA / "raster" / "misc" / "corrupt.tif")

    assert "corrupt.tif" in refused.value.detail_zh
