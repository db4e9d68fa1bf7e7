"""Broken deliveries that fuzzing found: each gets its answer for ever."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely

from kunyu.engines.ingest.reading import open_delivery
from kunyu.kernel.errors import UnreadableInput


@pytest.fixture
def shape(tmp_path: Path) -> Path:
    path = tmp_path / "DLTB.shp"
    table = pa.table({
        "BSM": ["1", "2"], "DLMC": ["水田", "旱地"],
        "geometry": pa.array(shapely.to_wkb(np.array([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)])), pa.binary()),
    })  # fmt: skip
    pyogrio.write_arrow(
        table, path, driver="ESRI Shapefile", geometry_name="geometry", geometry_type="Polygon", crs="EPSG:4526",
        layer_options={"ENCODING": "GBK"},
    )  # fmt: skip
    return path


@pytest.mark.parametrize("declared", ["GNAN", "hex", "\0\0", "一二"])
def test_an_encoding_nobody_knows_is_no_encoding(shape: Path, declared: str) -> None:
    """A .cpg of nonsense is passed over, the text decides, and the layer says so."""
    shape.with_suffix(".cpg").write_text(declared, encoding="utf-8")
    with open_delivery(shape) as source:
        [layer] = source.layers
        assert layer.table().column("DLMC").to_pylist() == ["水田", "旱地"]


def test_a_field_that_occurs_twice_is_named(shape: Path) -> None:
    table = shape.with_suffix(".dbf")
    data = bytearray(table.read_bytes())
    data[64:75] = data[32:43]  # the second column takes the name of the first
    table.write_bytes(data)
    with pytest.raises(UnreadableInput, match="BSM"):
        open_delivery(shape)


def test_a_directory_that_points_nowhere_is_a_damaged_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a.gpkg", b"x" * 2000)
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 42 : entry + 46] = b"\xff\xff\xff\xfe"
    path.write_bytes(data)
    with pytest.raises(UnreadableInput, match=r"a\.zip"):
        open_delivery(path)


def test_a_message_names_the_file_and_no_folder_of_the_machine(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    path.write_bytes(b"x" * 2000)
    with pytest.raises(UnreadableInput) as caught:
        open_delivery(path)
    assert str(tmp_path) not in str(caught.value)
    assert "'a.gpkg' not recognized" in caught.value.detail_en
