"""Turn a delivery into one VCT 3.0 file or one GeoPackage, and say what either cannot hold. 格式转换.

Without a standard, layers keep their names, fields and values; with one, layers are first mapped to it, and the
mapping's own losses are part of the report. Django-free.
"""

from __future__ import annotations

import os
import sqlite3
import warnings
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyogrio

from kunyu.engines.ingest.prefetch import ahead
from kunyu.engines.ingest.source_layers import GEOMETRY, SourceField, SourceLayer
from kunyu.engines.ingest.vct import wkb
from kunyu.engines.ingest.vct.header import FeatureCode, Table, TableField
from kunyu.engines.ingest.vct.layers import VctLayer
from kunyu.engines.ingest.vct.losses import Loss, Losses
from kunyu.engines.ingest.vct.writing import VctWriter
from kunyu.kernel.errors import UsageError

if TYPE_CHECKING:
    from kunyu.engines.catalogue.standards import Field
    from kunyu.engines.ingest.mapping import MappedDelivery
    from kunyu.engines.ingest.reading import DeliverySource

FORMS = (".vct", ".gpkg")
_ROWS = 20_000
_GEOMETRIES = {"Polygon": "Polygon", "LineString": "Line", "Point": "Point"}
_BASES = {wkb.POLYGON: "Polygon", wkb.LINE: "LineString", wkb.POINT: "Point"}
_TYPES = {
    "text": "Char",
    "integer": "Int8",
    "real": "Double",
    "date": "Date",
    "datetime": "Datetime",
    "boolean": "Int1",
}
_ARROW = {"integer": pa.int64(), "real": pa.float64(), "date": pa.date32(), "datetime": pa.timestamp("ms")}
NOT_CARRIED = {
    ".gpkg": (
        ("对象标识码、图形表现编码、标识点、拓扑与图形表现部分、坐标系以外的文件头不写入 GeoPackage",
         "object numbers, style codes, label points, the topology and style sections, and head values other than the "
         "coordinate system are not carried into a GeoPackage"),
    ),
    ".vct": (
        ("VCT 不区分空文本与空值、面与单部分多面、字段别名和数据类型的细节; 图层描述、样式、索引不写入",
         "VCT knows no difference between empty text and null, or between a polygon and a multipolygon of one part; "
         "layer descriptions, styles and indexes are not carried"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Written:
    """One layer of the new file."""

    name: str
    rows: int
    geometry: str | None


@dataclass(frozen=True)
class Conversion:
    """What was written and what was lost."""

    path: Path
    layers: tuple[Written, ...]
    losses: tuple[Loss, ...]
    notes: tuple[Any, ...]
    left_out: tuple[str, ...]
    mapping: dict[str, Any] | None

    def as_json(self) -> dict[str, Any]:
        """Return the document of ``kunyu convert --json``."""
        return {
            "schema": 1, "output": self.path.name,
            "layers": [{"name": one.name, "records": one.rows, "geometry": one.geometry} for one in self.layers],
            "losses": [one.as_json() for one in self.losses],
            "notes": [{"code": one.code, "zh": one.zh, "en": one.en} for one in self.notes],
            "left_out": list(self.left_out), "mapping": self.mapping,
            "never_carried": [{"zh": zh, "en": en} for zh, en in NOT_CARRIED[self.path.suffix.lower()]],
        }  # fmt: skip


@dataclass(frozen=True)
class _Outgoing:
    """One layer on its way: the table it becomes and how to read its rows."""

    table: Table
    code: FeatureCode | None
    crs: str | None
    multi: bool | None
    """None where only reading would tell."""
    batches: Iterable[pa.RecordBatch]


def convert(
    source: DeliverySource, out: Path, mapped: MappedDelivery | None = None, decimals: int | None = None
) -> Conversion:
    """Write all layers of a delivery into ``out``; an existing file is replaced, a failed run leaves none.

    Parameters
    ----------
    source : DeliverySource
    out : Path
        ``.vct`` or ``.gpkg``.
    mapped : MappedDelivery, optional
        The same delivery in the words of a standard: its layers are written instead.
    decimals : int, optional
        Digits after the point of VCT coordinates; 4, or 9 for degrees, when left out.

    Raises
    ------
    UsageError
        Another suffix, layers in several coordinate systems, or one that a VCT head cannot say.
    UnreadableInput
        A layer breaks off while it is read.
    """
    form = out.suffix.lower()
    if form not in FORMS:
        raise UsageError(
            f"{out.name}：只能写 {'、'.join(FORMS)}。", f"{out.name}: only {', '.join(FORMS)} can be written."
        )
    if out.exists() and any(one.dataset.exists() and one.dataset.samefile(out) for one in source.layers):
        raise UsageError(f"{out.name} 就是输入文件。", f"{out.name} is the file to be read.")
    outgoing = list(_mapped(mapped) if mapped is not None else _plain(source))
    losses = Losses()
    if form == ".vct":
        written = _write_vct(out, outgoing, decimals, losses)
    else:
        written = _write_geopackage(out, outgoing, losses)
    used = {one.table.name for one in outgoing}
    left_out = (
        mapped.unmatched if mapped is not None else tuple(one.name for one in source.layers if one.name not in used)
    )
    notes = tuple(dict.fromkeys((*source.notes, *(note for one in source.layers for note in one.notes))))
    return Conversion(
        out,
        tuple(written),
        losses.listed(),
        notes,
        tuple(left_out),
        mapped.loss.to_dict() if mapped is not None else None,
    )


def _plain(source: DeliverySource) -> Iterator[_Outgoing]:
    taken: set[str] = set()
    for layer in source.layers:
        name, number = layer.name, 2
        while name.lower() in taken:  # two files of a folder may hold layers of one name
            name, number = f"{layer.name}_{number}", number + 1
        taken.add(name.lower())
        kind: str = layer.geometry_kind if layer.geometry_column else "Table"
        first = (
            None if kind != "Mixed" and "YSDM" not in layer.field_names else next(layer.batches(batch_rows=1000), None)
        )
        if kind == "Mixed":
            kind = _commonest(first) if first is not None else "Polygon"
        code = None
        if kind != "Table":
            code = FeatureCode(_feature_code(first, name), name, _vct_geometry(layer, kind), name)
        table = Table(name, tuple(_declared(one, layer) for one in layer.fields), code is not None)
        yield _Outgoing(table, code, layer.crs if code else None, _multi(layer), layer.batches(batch_rows=_ROWS))


def _mapped(mapped: MappedDelivery) -> Iterator[_Outgoing]:
    for layer in mapped.layers:
        spec = layer.spec
        code = None
        if spec.spatial:
            geometry = "Annotation" if spec.code == "ZJ" else _GEOMETRIES[spec.geometry]
            code = FeatureCode(spec.ysdm or spec.code, spec.name_zh, geometry, spec.code)
        table = Table(spec.code, tuple(_by_standard(one) for one in spec.fields), spec.spatial)
        multis = [_multi(one) for one in layer.sources]
        multi = None if None in multis else any(multis)
        yield _Outgoing(table, code, layer.crs if code else None, multi, layer.batches(_ROWS))


def _multi(layer: SourceLayer) -> bool | None:
    if isinstance(layer, VctLayer):
        return layer.shapes is not None and layer.shapes.multi
    if layer.driver == "Parquet" or not layer.geometry_column:
        return None
    named = layer.name if layer.driver != "ESRI Shapefile" else None
    kind = str(pyogrio.read_info(layer.dataset, layer=named, **layer.open_options)["geometry_type"])
    return True if layer.driver == "ESRI Shapefile" or "Multi" in kind else None if kind == "Unknown" else False


def _vct_geometry(layer: SourceLayer, kind: str) -> str:
    annotation = kind == "Point" and layer.name.upper() == "ZJ" and "ZJNR" in layer.field_names
    return "Annotation" if annotation else _GEOMETRIES[kind]


def _commonest(batch: pa.RecordBatch) -> str:
    kinds = wkb.decode(batch.column(batch.schema.get_field_index(GEOMETRY))).kind
    counts = np.bincount(kinds[kinds > 0], minlength=4)
    return _BASES[int(counts.argmax())] if counts.any() else "Polygon"


def _feature_code(batch: pa.RecordBatch | None, name: str) -> str:
    """The feature code that most of the first rows bear, else the layer's name."""
    if batch is None or "YSDM" not in batch.schema.names:
        return name
    values = [one.strip() for one in batch.column("YSDM").cast(pa.string()).drop_null().to_pylist()]
    codes = [one for one in values if one and not set(one) & set(",\r\n")]
    return max(sorted(set(codes)), key=codes.count) if codes else name


def _declared(one: SourceField, layer: SourceLayer) -> TableField:
    if isinstance(layer, VctLayer):
        return next(field for field in layer.rows.table.fields if field.name == one.name)
    if one.kind == "text" and not one.length:
        return TableField(one.name, "VarChar")
    if one.kind == "real" and one.decimals is not None:
        return TableField(one.name, "Float", one.length, one.decimals)
    return TableField(one.name, _TYPES.get(one.kind, "VarChar"), one.length)


def _by_standard(one: Field) -> TableField:
    names = {"Int": "Int4", "DateTime": "Datetime"}
    decimals = one.decimals if one.type == "Float" else None
    length = one.length if one.type in ("Char", "Float") else None
    return TableField(one.code, names.get(one.type, one.type), length or None, decimals)


def _write_vct(out: Path, outgoing: list[_Outgoing], decimals: int | None, losses: Losses) -> list[Written]:
    planes = {one.crs for one in outgoing if one.code is not None and one.crs is not None}
    if len(planes) > 1:
        raise UsageError(
            f"图层的坐标系不同 ({'、'.join(sorted(planes))}), 一个 VCT 文件只有一个坐标系。请先统一。",
            f"Layers have different coordinate systems ({', '.join(sorted(planes))}); a VCT file has one. Use one first.",
        )
    plane = next(iter(planes), None)
    written = []
    with VctWriter(out, plane, decimals) as writer:
        writer.losses = losses
        if plane is None and any(one.code for one in outgoing):
            losses.add("crs_unknown", "", 1)
        for one in outgoing:
            rows = writer.add(one.code, one.table, ahead(one.batches))
            written.append(Written(one.table.name, rows, one.code.geometry if one.code else None))
    return written


def _write_geopackage(out: Path, outgoing: list[_Outgoing], losses: Losses) -> list[Written]:
    unfinished = out.with_name(f".{out.stem}-{os.getpid()}.gpkg")
    written = []
    try:
        for one in outgoing:
            written.append(_add_layer(unfinished, one, losses))
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return written


def _add_layer(path: Path, one: _Outgoing, losses: Losses) -> Written:
    base = next((name for name, geometry in _GEOMETRIES.items() if one.code and geometry == one.code.geometry), None)
    if one.code is not None and one.code.geometry == "Annotation":
        base = "Point"
    schema = pa.schema(
        [_arrow_field(field) for field in one.table.fields] + ([pa.field("geom", pa.binary())] if base else [])
    )
    rows, several = 0, False

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal rows, several
        for batch in one.batches:
            columns = [_valued(batch.column(at), field.type, field.name, one.table.name, losses) for at, field in
                       enumerate(list(schema)[: len(one.table.fields)])]  # fmt: skip
            if base:
                column = batch.column(batch.schema.get_field_index(GEOMETRY))
                several = several or (one.multi is None and bool((wkb.kinds(column) > wkb.POLYGON).any()))
                columns.append(wkb.as_multi(column) if one.multi else column)
            rows += batch.num_rows
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    kind = f"Multi{base}" if base and one.multi else base
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=RuntimeWarning)
        warnings.filterwarnings("ignore", category=UserWarning)
        pyogrio.write_arrow(
            pa.RecordBatchReader.from_batches(schema, batches()), path, layer=one.table.name, driver="GPKG",
            geometry_name="geom" if base else None, geometry_type=kind, crs=one.crs if base else None,
        )  # fmt: skip
    if several:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(
                "UPDATE gpkg_geometry_columns SET geometry_type_name = 'GEOMETRY' WHERE table_name = ?",
                (one.table.name,),
            )
    return Written(one.table.name, rows, base)


def _arrow_field(one: TableField) -> pa.Field:
    source = one.as_source()
    kind = _ARROW.get(source.kind, pa.string())
    width = {"GDAL:OGR:width": str(one.length)} if kind == pa.string() and one.length else None
    return pa.field(one.name, kind, metadata=width)


def _valued(values: pa.Array, kind: pa.DataType, name: str, layer: str, losses: Losses) -> pa.Array:
    """Return a column in the type of the new field; what does not fit is counted and left empty."""
    if values.type == kind:
        return values
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_boolean(values.type):
        losses.add("booleans", layer, len(values), name)
        return values.cast(pa.int8()).cast(kind)
    if not pa.types.is_string(values.type) and not pa.types.is_large_string(values.type):
        return values.cast(kind, safe=False)
    if kind == pa.string():
        return values.cast(kind)
    text = pc.utf8_trim_whitespace(values.cast(pa.string()))
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        made, code = _moments(text).cast(kind, safe=False), "bad_dates"
    else:
        fits = r"^[+-]?\d{1,18}$" if pa.types.is_integer(kind) else r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
        made, code = pc.if_else(pc.match_substring_regex(text, fits), text, None).cast(kind), "bad_numbers"
    failed = pc.and_(pc.and_(pc.is_valid(text), pc.is_null(made)), pc.not_equal(text, ""))
    if pc.any(failed).as_py():
        losses.add(code, layer, pc.sum(failed).as_py(), name, text.filter(failed)[0].as_py()[:60])
    return made


def _moments(text: pa.Array) -> pa.Array:
    """Dates as 20241231, 2024-12-31, 2024/12/31, with or without a time after T or a space."""
    even = pc.replace_substring_regex(text, r"^(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})[T ]?", r"\1-\2-\3T")
    whole = pc.strptime(even, format="%Y-%m-%dT%H:%M:%S", unit="s", error_is_null=True)
    day = pc.strptime(even, format="%Y-%m-%dT", unit="s", error_is_null=True)
    return pc.coalesce(whole, day)
