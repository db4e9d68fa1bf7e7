"""What each dataset of a delivery declares: layers, fields, lengths, coordinate system, encoding. 图层元信息."""

from __future__ import annotations

import json
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj import CRS
from pyproj.exceptions import CRSError

from kunyu.engines.ingest.encodings import (
    DbfColumn,
    Encoding,
    dbf_columns,
    dbf_encoding,
)
from kunyu.engines.ingest.source_layers import (
    FieldKind,
    GeometryKind,
    Note,
    SourceField,
    SourceLayer,
    unreadable,
)
from kunyu.kernel.errors import KunyuError

_SHAPE = "ESRI Shapefile"
_OPEN_OPTIONS: dict[str, dict[str, Any]] = {".gml": {"WRITE_GFS": "NO"}}  # else GDAL writes beside the delivery
_WIDTH = b"GDAL:OGR:width"
_DBF_REAL_DIGITS = 10  # GDAL reads wider whole-number columns as 64-bit integers


def read_layers(dataset: Path, file: str, scratch: Path, encoding: str | None = None) -> list[SourceLayer]:
    """Return the layers of one dataset; rows stay where they are.

    Parameters
    ----------
    dataset : Path
        File or ``.gdb`` folder.
    file : str
        Its name inside the delivery, for messages.
    scratch : Path
        A folder where a shapefile's missing index may be rebuilt.
    encoding : str, optional
        Overrides what a shapefile declares or what its text suggests.

    Raises
    ------
    UnreadableInput
        The dataset is damaged, incomplete or not what its name says.
    """
    try:
        layers = _layers(dataset, file, scratch, encoding)
    except KunyuError:
        raise
    except (
        DataSourceError,
        DataLayerError,
        pa.ArrowException,
        OSError,
        RuntimeError,
        ValueError,
        LookupError,
    ) as error:
        raise unreadable(file, error) from error
    for layer in layers:
        names = layer.field_names
        twice = next((one for one in names if names.count(one) > 1), None)
        if twice is not None:
            raise unreadable(file, f"field {twice} occurs twice in {layer.name}", f"{layer.name} 的字段 {twice} 重复")
    return layers


def _layers(dataset: Path, file: str, scratch: Path, encoding: str | None) -> list[SourceLayer]:
    if dataset.suffix.lower() in (".parquet", ".geoparquet"):
        return [_parquet_layer(dataset, file)]
    if dataset.suffix.lower() in (".shp", ".dbf"):
        return [_shape_layer(dataset, file, scratch, encoding)]
    return _ogr_layers(dataset, file)


def _ogr_layers(dataset: Path, file: str) -> list[SourceLayer]:
    listed = pyogrio.list_layers(dataset)
    if not len(listed):
        raise unreadable(file, "the file holds no layer", "文件中没有图层")
    options = _OPEN_OPTIONS.get(dataset.suffix.lower(), {})
    layers = []
    for name, geometry_type in listed:
        info = pyogrio.read_info(dataset, layer=name, force_feature_count=True, **options)
        if info["driver"] == "OSM" and not info["features"]:
            continue
        schema, wkb = _arrow_schema(dataset, name, None, options)
        crs, epsg = _crs(info["crs"])
        spatial = geometry_type is not None
        layers.append(
            SourceLayer(
                name=str(name),
                file=file,
                dataset=dataset,
                driver=info["driver"],
                geometry_kind=_kind(geometry_type),
                crs=crs if spatial else None,
                epsg=epsg if spatial else None,
                encoding="UTF-8",
                encoding_assumed=False,
                fields=_fields(schema, wkb),
                count=int(info["features"]),
                geometry_column=wkb if spatial else None,
                notes=_crs_notes(str(name), crs) if spatial else (),
                open_options=options,
            )
        )
    return layers


def _shape_layer(dataset: Path, file: str, scratch: Path, encoding: str | None) -> SourceLayer:
    table = _part(dataset, ".dbf")
    if table is None:
        raise unreadable(file, f"attribute table {dataset.stem}.dbf is missing", f"缺少属性表 {dataset.stem}.dbf")
    notes: list[Note] = []
    text = Encoding(encoding, False) if encoding else dbf_encoding(table)
    if text.assumed:
        notes.append(
            Note(
                "encoding_assumed",
                f"{file} 没有可用的 .cpg, 按文本内容判断为 {text.name}",
                f"{file} has no usable .cpg; its text reads as {text.name}",
            )
        )
    if dataset.suffix.lower() == ".shp" and _part(dataset, ".shx") is None:
        dataset = _with_index(dataset, scratch)
        notes.append(
            Note("index_rebuilt", f"{file} 缺少 .shx, 已重建索引后读取", f"{file} has no .shx; read with a rebuilt one")
        )
    info = pyogrio.read_info(dataset, encoding=text.name, force_feature_count=True)
    schema, wkb = _arrow_schema(dataset, None, text.name, {})
    crs, epsg = _crs(info["crs"])
    spatial = dataset.suffix.lower() == ".shp"
    if spatial:
        notes.extend(_crs_notes(info["layer_name"], crs))
    columns = {column.name.decode(text.name, "replace"): column for column in dbf_columns(table)}
    return SourceLayer(
        name=info["layer_name"], file=file, dataset=dataset, driver=_SHAPE,
        geometry_kind=_kind(info["geometry_type"]) if spatial else "Table", crs=crs if spatial else None,
        epsg=epsg if spatial else None, encoding=text.name, encoding_assumed=text.assumed,
        fields=tuple(_dbf_field(one, columns.get(one.name)) for one in _fields(schema, wkb)),
        count=int(info["features"]), geometry_column=wkb if spatial else None, counts_bytes=True, notes=tuple(notes),
    )  # fmt: skip


def _parquet_layer(dataset: Path, file: str) -> SourceLayer:
    with pq.ParquetFile(dataset) as opened:
        schema, count = opened.schema_arrow, opened.metadata.num_rows
        # the key may stand in the file's footer alone, beside the Arrow schema that some writers keep
        keys = {**(schema.metadata or {}), **(opened.metadata.metadata or {})}
    about = json.loads(keys.get(b"geo", b"{}"))
    wkb = about.get("primary_column")
    column = about.get("columns", {}).get(wkb, {})
    if wkb is None and "geometry" in schema.names and pa.types.is_binary(schema.field("geometry").type):
        wkb = "geometry"  # plain Parquet with WKB: the coordinate system is unknown
    if wkb is not None and column.get("encoding", "WKB") != "WKB":
        raise unreadable(
            file,
            f"geometry encoding {column['encoding']} is not WKB",
            f"几何编码 {column['encoding']} 不支持, 请用 WKB",
        )
    declared = column.get("crs", "OGC:CRS84") if column else None  # GeoParquet: absent means CRS84, null unknown
    crs, epsg = _crs(json.dumps(declared) if isinstance(declared, dict) else declared)
    types = {kind.removesuffix(" Z") for kind in column.get("geometry_types", [])}
    return SourceLayer(
        name=dataset.stem, file=file, dataset=dataset, driver="Parquet",
        geometry_kind="Table" if wkb is None else _kind_of(types), crs=crs, epsg=epsg, encoding="UTF-8",
        encoding_assumed=False, fields=_fields(schema, wkb), count=count, geometry_column=wkb,
        notes=_crs_notes(dataset.stem, crs) if wkb is not None else (),
    )  # fmt: skip


def _arrow_schema(
    dataset: Path, layer: str | None, encoding: str | None, options: dict[str, Any]
) -> tuple[pa.Schema, str | None]:
    with pyogrio.open_arrow(dataset, layer=layer, encoding=encoding, use_pyarrow=True, **options) as (meta, reader):
        wkb = meta["geometry_name"] or "wkb_geometry"
        schema = reader.schema
        drop = [name for name in schema.names if name == meta["fid_column"] and name not in set(meta["fields"])]
        for name in drop:
            schema = schema.remove(schema.get_field_index(name))
    return schema, wkb if wkb in schema.names else None


def _fields(schema: pa.Schema, wkb: str | None) -> tuple[SourceField, ...]:
    found = []
    for one in schema:
        if one.name == wkb or (one.metadata or {}).get(b"ARROW:extension:name", b"").startswith(b"geoarrow"):
            continue
        width = (one.metadata or {}).get(_WIDTH)
        found.append(SourceField(one.name, _field_kind(one.type), int(width) if width else None))
    return tuple(found)


def _dbf_field(read: SourceField, column: DbfColumn | None) -> SourceField:
    if column is None:
        return read
    if column.type in "NF":
        return SourceField(read.name, "real" if column.decimals else "integer", column.width, column.decimals)
    return SourceField(read.name, read.kind, column.width if column.type == "C" else None)


def _field_kind(kind: pa.DataType) -> FieldKind:
    checks: tuple[tuple[Any, FieldKind], ...] = (
        (pa.types.is_boolean, "boolean"), (pa.types.is_integer, "integer"), (pa.types.is_floating, "real"),
        (pa.types.is_decimal, "real"), (pa.types.is_date, "date"), (pa.types.is_timestamp, "datetime"),
        (pa.types.is_string, "text"), (pa.types.is_large_string, "text"),
    )  # fmt: skip
    if pa.types.is_dictionary(kind):
        return _field_kind(kind.value_type)
    return next((name for check, name in checks if check(kind)), "other")


def _kind(geometry_type: str | None) -> GeometryKind:
    if geometry_type is None:
        return "Table"
    name = str(geometry_type).split(" ")[0].removeprefix("2.5D ").removeprefix("3D ").removeprefix("Multi")
    for part in (" ", "Z", "M"):
        name = name.removesuffix(part)
    known: dict[str, GeometryKind] = {
        "Polygon": "Polygon", "Surface": "Polygon", "CurvePolygon": "Polygon", "LineString": "LineString",
        "Curve": "LineString", "Point": "Point",
    }  # fmt: skip
    return known.get(name, "Mixed")


def _kind_of(types: set[str]) -> GeometryKind:
    kinds = {_kind(one) for one in types}
    return kinds.pop() if len(kinds) == 1 else "Mixed"


@lru_cache(maxsize=256)  # naming a WKT takes half a second, and every layer of a delivery declares the same
def _crs(declared: str | None) -> tuple[str | None, int | None]:
    """Return the CRS as text, ``EPSG:n`` where a code is certain enough, and the code."""
    if not declared:
        return None, None
    try:
        crs = CRS.from_user_input(declared)
    except CRSError:
        return None, None
    epsg = crs.to_epsg(min_confidence=70)
    if epsg is None and crs.to_authority() == ("OGC", "CRS84"):
        epsg = 4326
    return (f"EPSG:{epsg}" if epsg else crs.to_wkt()), epsg


def _crs_notes(name: str, crs: str | None) -> tuple[Note, ...]:
    if crs is not None:
        return ()
    return (
        Note("crs_missing", f"图层 {name} 没有声明坐标系, 须在映射文件中给出",
             f"Layer {name} declares no coordinate system; a mapping file must give it"),
    )  # fmt: skip


def _part(shape: Path, suffix: str) -> Path | None:
    return next((one for one in shape.parent.glob(f"{_escaped(shape.stem)}.*") if one.suffix.lower() == suffix), None)


def _escaped(stem: str) -> str:
    return "".join(f"[{letter}]" if letter in "[]*?" else letter for letter in stem)


def _with_index(shape: Path, scratch: Path) -> Path:
    """Copy a shapefile without ``.shx`` to ``scratch`` and rebuild the index there, never beside the delivery."""
    folder = scratch / f"index-{len(list(scratch.iterdir()))}"
    folder.mkdir()
    for part in shape.parent.glob(f"{_escaped(shape.stem)}.*"):
        shutil.copy2(part, folder / (shape.stem + part.suffix.lower()))
    copied = folder / (shape.stem + ".shp")
    (folder / (shape.stem + ".shx")).write_bytes(_index_of(copied.read_bytes(), shape.name))
    return copied


def _index_of(shape: bytes, file: str) -> bytes:
    """Return the ``.shx`` of a ``.shp``: its header with a new length, then offset and length of each record."""
    if len(shape) < 100 or int.from_bytes(shape[:4], "big") != 9994:
        raise unreadable(file, "the header is not a shapefile's", "文件头不是 Shapefile")
    entries = bytearray()
    at = 100
    while at + 8 <= len(shape):
        words = int.from_bytes(shape[at + 4 : at + 8], "big")
        entries += (at // 2).to_bytes(4, "big") + words.to_bytes(4, "big")
        at += 8 + 2 * words
    return shape[:24] + ((100 + len(entries)) // 2).to_bytes(4, "big") + shape[28:100] + bytes(entries)
