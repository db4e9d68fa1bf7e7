"""File formats of an export, written from one stream of Arrow batches: memory stays that of a batch. 导出格式.

Coordinates in files are x, y (longitude first, easting first), as every GIS reads them. The label travels inside a file
where the format has a place for it, and beside it in the same archive where it has none (DXF, Shapefile).
"""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyogrio.raw
from pyproj import CRS

from kunyu.engines.catalogue.errors import TooManyToDraw
from kunyu.engines.catalogue.label_mark import Mark
from kunyu.engines.catalogue.standards import Field

GEOMETRY = "geom"
OGR_GEOMETRY = {"Polygon": "MultiPolygon", "LineString": "MultiLineString", "Point": "Point"}
ENCODINGS = ("UTF-8", "GBK")
_DBF_NAME, _DBF_TEXT = 10, 254
DXF_MOST = 200_000
_GDAL_OPTIONS = threading.Lock()
"""GDAL's options belong to the process: one drawing at a time sets them."""


@dataclass(frozen=True)
class Content:
    """What is written: a layer's name and geometry kind (None for tables), its fields, CRS, label and batches.

    ``batches`` have the columns ``county``, the fields' codes and ``geom`` (WKB, x before y).
    """

    name: str
    geometry: str | None
    fields: tuple[Field, ...]
    epsg: int
    mark: Mark
    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    class_field: str | None = None
    encoding: str = "UTF-8"

    def reader(self, rename: dict[str, str] | None = None) -> pa.RecordBatchReader:
        """The batches as one stream, columns renamed."""
        if not rename:
            return pa.RecordBatchReader.from_batches(self.schema, self.batches)
        names = [rename.get(name, name) for name in self.schema.names]
        renamed = pa.schema(
            [one.with_name(name) for one, name in zip(self.schema, names, strict=True)], self.schema.metadata
        )
        return pa.RecordBatchReader.from_batches(renamed, (one.rename_columns(names) for one in self.batches))

    @property
    def spatial_options(self) -> dict[str, Any]:
        """What pyogrio is told of the geometry."""
        if self.geometry is None:
            return {}
        return {
            "geometry_name": GEOMETRY, "geometry_type": OGR_GEOMETRY[self.geometry], "crs": f"EPSG:{self.epsg}",
        }  # fmt: skip


def write_gpkg(path: Path, content: Content) -> None:
    """GeoPackage: one layer, the label in its metadata."""
    pyogrio.write_arrow(
        content.reader(), path, layer=content.name, driver="GPKG", layer_metadata=content.mark.metadata(),
        **content.spatial_options,
    )  # fmt: skip


def write_parquet(path: Path, content: Content) -> None:
    """GeoParquet 1.1: WKB, the CRS as PROJJSON, the label in the file's metadata."""
    metadata = {b"KUNYU_LABEL": content.mark.text().encode()}
    if content.geometry is not None:
        column = {"encoding": "WKB", "geometry_types": [OGR_GEOMETRY[content.geometry]],
                  "crs": CRS.from_epsg(content.epsg).to_json_dict(), "edges": "planar"}  # fmt: skip
        geo = {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
        metadata[b"geo"] = json.dumps(geo).encode()
    schema = content.schema.with_metadata(metadata)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in content.batches:
            writer.write_batch(batch.replace_schema_metadata(metadata))


def write_shapefile(path: Path, content: Content) -> None:
    """Shapefile in a zip, with ``.cpg``, the label, and a list of the fields whose names the format cuts.

    DBF allows ten characters for a name and 254 bytes for a text; what is longer is cut, and ``fields.csv`` says so.
    Beyond 2 GB a file cannot be read by others: GDAL refuses to write it.
    """
    rename = _short_names(content.schema.names)
    with _archive(path) as folder:
        target = folder / f"{content.name}.{'shp' if content.geometry else 'dbf'}"
        pyogrio.write_arrow(
            content.reader(rename), target, driver="ESRI Shapefile", encoding=content.encoding,
            layer_options={"2GB_LIMIT": "YES"}, **content.spatial_options,
        )  # fmt: skip
        _tell_fields(folder / "fields.csv", content, rename)
        _label_beside(target, content)


def write_dxf(path: Path, content: Content) -> None:
    """DXF in a zip: outlines on one drawing layer per class; DXF holds no attributes and no CRS, so both stand beside.

    Fills are not drawn. The drawing layer bears the value of the class field. A drawing is held whole in memory, so it
    has at most ``DXF_MOST`` shapes.
    """
    classes: list[Any] = []
    shapes: list[Any] = []
    for batch in content.batches:
        shapes += batch.column(GEOMETRY).to_pylist()
        classes += _classes(batch, content)
        if len(shapes) > DXF_MOST:
            raise TooManyToDraw(
                f"DXF 最多 {DXF_MOST} 个图形；请用范围或条件缩小，或改用 gpkg。",
                f"A DXF holds at most {DXF_MOST} shapes here; narrow the area or the filter, or choose gpkg.",
                limit=DXF_MOST,
            )
    with _archive(path) as folder, _GDAL_OPTIONS:
        target = folder / f"{content.name}.dxf"
        pyogrio.set_gdal_config_options({"DXF_WRITE_HATCH": "FALSE"})
        try:
            # GDAL's DXF driver has fixed fields and takes no Arrow stream
            pyogrio.raw.write(
                target, np.array(shapes, dtype=object), [np.array(classes, dtype=object)], ["Layer"], driver="DXF",
                geometry_type=OGR_GEOMETRY[content.geometry or "Point"], crs=f"EPSG:{content.epsg}",
            )  # fmt: skip
        finally:
            pyogrio.set_gdal_config_options({"DXF_WRITE_HATCH": None})
        (folder / f"{content.name}.prj").write_text(CRS.from_epsg(content.epsg).to_wkt("WKT1_ESRI"), encoding="utf-8")
        _label_beside(target, content)


def _classes(batch: pa.RecordBatch, content: Content) -> list[str]:
    if content.class_field not in batch.schema.names:
        return [content.name] * batch.num_rows
    found: list[str] = batch.column(content.class_field).cast(pa.string()).fill_null(content.name).to_pylist()
    return found


class _archive:
    """A folder whose files become a zip at ``path`` when the block ends well."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = Path(tempfile.mkdtemp(prefix=".export-", dir=path.parent))

    def __enter__(self) -> Path:
        return self._folder

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                with zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                    for one in sorted(self._folder.iterdir()):
                        archive.write(one, one.name)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)


def zip_with_label(path: Path, file: Path, mark: Mark) -> None:
    """Pack a file whose format has no place for a label together with it; the file itself is removed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.write(file, file.name.lstrip("."))
        archive.writestr(f"{file.name.lstrip('.')}.label.json", mark.text() + "\n")
    file.unlink()


def _label_beside(target: Path, content: Content) -> None:
    target.with_name(f"{target.name}.label.json").write_text(content.mark.text() + "\n", encoding="utf-8")


def _short_names(names: list[str]) -> dict[str, str]:
    """Unique names of at most ten characters."""
    found: dict[str, str] = {}
    for name in names:
        short, number = name[:_DBF_NAME], 1
        while short in found.values():
            short, number = f"{name[: _DBF_NAME - 2]}_{number}", number + 1
        found[name] = name if name == GEOMETRY else short
    return found


def _tell_fields(path: Path, content: Content, rename: dict[str, str]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["dbf", "code", "name_zh", "name_en", "note"])
        for one in content.fields:
            cut = f"文本超过 {_DBF_TEXT} 字节的部分被截断" if one.length > _DBF_TEXT // 3 else ""
            writer.writerow([rename[one.code], one.code, one.name_zh, one.name_en, cut])
