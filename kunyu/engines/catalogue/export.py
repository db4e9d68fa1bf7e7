"""Write a dataset's state, or the catalogue itself, to a file that others can read."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
from django.db import connection, transaction
from psycopg import sql

from kunyu.engines.catalogue import export_formats
from kunyu.engines.catalogue.bitemporal import Moment
from kunyu.engines.catalogue.errors import ExportFormatUnknown, NotDrawable, NothingPublished
from kunyu.engines.catalogue.label_mark import Mark, mark_of, write_beside
from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.queries import datasets, open_dataset
from kunyu.engines.catalogue.reading import as_reader
from kunyu.engines.catalogue.served import queries
from kunyu.engines.catalogue.served.beliefs import unseen_at
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.catalogue.standards import Field
from kunyu.engines.catalogue.standards import Layer as StandardLayer
from kunyu.engines.catalogue.tables import qualified, standard_layer
from kunyu.engines.security import audit, scope
from kunyu.engines.security.masks import mask_sql
from kunyu.engines.security.scope import Principal, Scope

BATCH = 20_000
STORED_EPSG = 4490
_ARROW = {"Char": pa.string(), "VarChar": pa.string(), "Int": pa.int64(), "Float": pa.float64(),
          "Date": pa.date32(), "DateTime": pa.timestamp("us", "UTC")}  # fmt: skip
_COUNTY = Field("county", "县级区划代码", "County code", "Char", 6)

Told = Callable[[int], None]
Parameters = list[Any] | Mapping[str, Any]


@dataclass(frozen=True)
class Reading:
    """What is written: a layer's rows ``FROM … WHERE …`` and the scope that says which fields are masked.

    ``fields`` are the attributes wanted, ``epsg`` the CRS of the coordinates, ``encoding`` that of Shapefile texts.
    """

    layer: StandardLayer
    granted: Scope
    rows: str
    mark: Mark
    fields: tuple[Field, ...]
    epsg: int = STORED_EPSG
    encoding: str = "UTF-8"
    class_field: str | None = None

    @property
    def geometry_sql(self) -> str:
        """SQL of the geometry in ``epsg``, x before y."""
        return "geom" if self.epsg == STORED_EPSG else f"ST_Transform(geom, {self.epsg})"

    def listed(self, prefix: str = "", *, floats: bool = False) -> str:
        """SQL of the columns in the standard's order, personal ones masked where the grant does not reveal them.

        ``floats`` turns numbers with decimals into doubles, as Arrow takes them; text formats keep every digit.
        """
        return ", ".join([f"{prefix}county", *(self._column(one, prefix, floats) for one in self.fields)])

    def _column(self, field: Field, prefix: str, floats: bool) -> str:
        column = f'{prefix}"{field.code}"'
        if floats and field.type == "Float":
            return f'{column}::float8 AS "{field.code}"'
        if not field.personal:
            return column
        masked = mask_sql(field.personal, column)
        shown = self.granted.shown(column, field.personal, masked, f"{prefix}county", f"{prefix}label")
        return f'{shown} AS "{field.code}"'


Writer = Callable[[Path, Reading, Parameters, Told], int]


@dataclass(frozen=True)
class Exported:
    """What was written: path, collection and number of records."""

    path: str
    collection: str
    records: int


def export_selection(
    principal: Principal,
    selection: Selection,
    path: Path,
    *,
    attributes: tuple[str, ...] | None = None,
    epsg: int = STORED_EPSG,
    encoding: str = "UTF-8",
    told: Told = lambda count: None,
    **detail: Any,
) -> Exported:
    """Write the rows of a selection, whose scope was granted for downloading; the suffix of ``path`` is the format.

    Parameters
    ----------
    attributes
        Codes of the attributes wanted; None for all.
    epsg
        CRS of the coordinates, x before y. GeoJSON takes a geographic one only.
    encoding
        ``UTF-8`` or ``GBK``, of texts in a Shapefile.
    told
        Called with the number of records written so far, once per batch.
    detail
        What else the audit keeps of the act.

    Raises
    ------
    ExportFormatUnknown, NotDrawable
        Another suffix; a drawing of a table.
    """
    layer = selection.layer
    statement, parameters = queries.rows(selection, ["*"])
    mark = mark_of(layer.collection)
    wanted = layer.model.fields if attributes is None else tuple(layer.fields[code] for code in attributes)
    reading = Reading(
        layer.model, selection.granted, f"FROM ({statement}) AS chosen ORDER BY fid", mark, wanted, epsg, encoding,
        layer.class_field.code if layer.class_field else None,
    )  # fmt: skip
    extent = None if selection.area is None else selection.area.bounds
    return _export(principal, layer.collection, reading, parameters, path, told, extent, detail)


def _export(
    principal: Principal,
    collection: str,
    reading: Reading,
    parameters: Parameters,
    path: Path,
    told: Told,
    extent: tuple[float, float, float, float] | None,
    detail: Mapping[str, Any],
) -> Exported:
    write = _writer(path)
    with transaction.atomic(), _replacing(path) as part:
        audit.record_read(principal, collection, extent, reading.mark.label.code, "export")
        with as_reader(reading.granted):
            count = write(part, reading, parameters, told)
        audit.record(
            principal, "export", "collection", collection, records=count, file=path.name,
            object_label=reading.granted.label.code, **detail,
        )  # fmt: skip
    if path.suffix.lower() == ".csv":
        write_beside(path, reading.mark)
    return Exported(str(path), collection, count)


def export_dataset(
    principal: Principal,
    code: str,
    path: Path,
    moment: Moment | None = None,
    division: str = "",
    told: Told = lambda count: None,
) -> Exported:
    """Write one layer's state to a file; coordinates are EPSG:4490, longitude first.

    The suffix chooses: ``.gpkg``, ``.geojson``, ``.csv``, ``.parquet`` (GeoParquet), ``.zip`` (Shapefile), ``.dxf`` in a
    ``.dxf.zip``.

    Parameters
    ----------
    code
        Dataset code (its first layer), alias, or collection of a layer.
    moment
        The state wanted; None is today as believed now.
    division
        Only rows of counties whose code starts with it; empty is all the principal may download.
    told
        Called with the number of records written so far, once per batch.

    Raises
    ------
    ExportFormatUnknown
        Another suffix.
    NothingPublished
        The dataset has no layer, or the layer has no table yet.
    SignInNeeded, NotVisible, NotAllowed
        As ``security.scope`` says for downloading.
    OSError
        The file cannot be written; a file that stood there before is untouched.
    """
    _writer(path)
    dataset, layer, granted = open_dataset(principal, code, scope.DOWNLOAD)
    if layer is None or not _has_table(layer):
        raise NothingPublished(
            f"{dataset.code} {dataset.name_zh} 还没有发布的数据。", f"{dataset.code} has no published data yet."
        )
    allowed, parameters = granted.predicate()
    asked = moment or Moment()
    when, times = replace(asked, unseen=unseen_at(layer.pk, asked.known_at)).predicate()
    query = f"FROM {qualified(layer.table_name)} WHERE {allowed} AND {when} AND starts_with(county, %s) ORDER BY fid"
    standard = standard_layer(layer)
    drawn = next((one.code for one in standard.fields if one.codelist), None)
    reading = Reading(standard, granted, query, mark_of(layer.collection), standard.fields, class_field=drawn)
    return _export(principal, layer.collection, reading, [*parameters, *times, division], path, told, None, {})


def _has_table(layer: Layer) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [qualified(layer.table_name)])
        return bool(cursor.fetchone()[0])


def _writer(path: Path) -> Writer:
    form = suffix_of(path)
    writers: dict[str, Writer] = {".geojson": _write_geojson, ".csv": _write_csv, ".csv.zip": _write_csv_zip}
    if form in writers:
        return writers[form]
    if form in _ARROW_FORMATS:
        return _write_arrow
    known = [*_ARROW_FORMATS, *writers]
    raise ExportFormatUnknown(
        f"不认识的输出格式 {path.suffix or path.name}；可用：{'、'.join(known)}（.zip 为 Shapefile）。",
        f"Unknown output format {path.suffix or path.name}; use one of {', '.join(known)} (.zip is a Shapefile).",
    )


_ARROW_FORMATS = {
    ".gpkg": export_formats.write_gpkg, ".parquet": export_formats.write_parquet,
    ".zip": export_formats.write_shapefile, ".dxf.zip": export_formats.write_dxf,
}  # fmt: skip


def suffix_of(path: Path) -> str:
    """The suffix that names the format: ``.dxf.zip`` and ``.csv.zip`` are two in one."""
    name = path.name.lower()
    return next((one for one in (".dxf.zip", ".csv.zip") if name.endswith(one)), path.suffix.lower())


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A path beside the target that takes its place only when everything was written."""
    part = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _cursor(query: str, parameters: Parameters) -> Iterator[psycopg.ServerCursor]:
    """A server-side cursor: memory stays that of one batch, however large the county."""
    connection.ensure_connection()
    raw: psycopg.Connection = connection.connection
    with psycopg.ServerCursor(raw, "kunyu_export") as cursor:
        cursor.itersize = BATCH
        cursor.execute(query, parameters)  # type: ignore[arg-type]
        yield cursor


def _write_arrow(path: Path, reading: Reading, parameters: Parameters, told: Told) -> int:
    spatial = reading.layer.spatial
    form = suffix_of(path)
    if form == ".dxf.zip" and not spatial:
        raise NotDrawable(
            f"{reading.layer.code} 是属性表，没有图形，不能导出为 DXF。",
            f"{reading.layer.code} is a table: nothing to draw.",
        )
    geometry = f", ST_AsBinary({reading.geometry_sql})" if spatial else ""
    schema = _schema(reading, spatial)
    with _cursor(f"SELECT {reading.listed(floats=True)}{geometry} {reading.rows}", parameters) as cursor:
        count = [0]
        content = export_formats.Content(
            reading.layer.code, reading.layer.geometry if spatial else None, (_COUNTY, *reading.fields), reading.epsg,
            reading.mark, schema, _batches(cursor, schema, count, told), reading.class_field, reading.encoding,
        )  # fmt: skip
        _ARROW_FORMATS[form](path, content)
    return count[0]


def _schema(reading: Reading, spatial: bool) -> pa.Schema:
    fields = [pa.field(one.code, _ARROW[one.type]) for one in (_COUNTY, *reading.fields)]
    if spatial:
        extension = {b"ARROW:extension:name": b"ogc.wkb"}
        fields.append(pa.field(export_formats.GEOMETRY, pa.binary(), metadata=extension))
    return pa.schema(fields)


def _batches(cursor: psycopg.ServerCursor, schema: pa.Schema, count: list[int], told: Told) -> Iterator[pa.RecordBatch]:
    """Rows as columns, a batch at a time; ``count[0]`` follows."""
    while rows := cursor.fetchmany(BATCH):
        columns = zip(*rows, strict=True)
        arrays = [pa.array(values, one.type) for values, one in zip(columns, schema, strict=True)]
        count[0] += len(rows)
        told(count[0])
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _write_geojson(path: Path, reading: Reading, parameters: Parameters, told: Told) -> int:
    layer = reading.layer
    # json_build_object takes 100 arguments at most, and a process layer has more than 50 fields: a row instead
    geometry = f"ST_AsGeoJSON({reading.geometry_sql.replace('geom', 'rows.geom')}, 9, 0)" if layer.spatial else "'null'"
    key = f'rows."{layer.key}"'
    feature = (
        f'SELECT \'{{"type":"Feature","id":\' || coalesce(to_json({key})::text, \'null\') || \',"geometry":\' '
        f"|| coalesce({geometry}, 'null') || ',\"properties\":' || row_to_json(attributes)::text || '}}' "
        f"FROM (SELECT * {reading.rows}) AS rows, LATERAL (SELECT {reading.listed('rows.')}) AS attributes"
    )
    count = 0
    with path.open("w", encoding="utf-8") as file, _cursor(feature, parameters) as cursor:
        head = (
            f'{{"type":"FeatureCollection","name":{json.dumps(layer.code)},"label":{reading.mark.text()},"features":['
        )
        file.write(head)
        while rows := cursor.fetchmany(BATCH):
            file.write(("" if count == 0 else ",") + "\n" + ",\n".join(map(itemgetter(0), rows)))
            count += len(rows)
            told(count)
        file.write("\n]}\n")
    return count


def _write_csv(path: Path, reading: Reading, parameters: Parameters, told: Told) -> int:
    geometry = f", ST_AsText({reading.geometry_sql}, 9) AS geom" if reading.layer.spatial else ""
    connection.ensure_connection()
    raw: psycopg.Connection = connection.connection
    # COPY takes no parameters of the extended protocol: they are quoted by a client-side cursor
    bound = psycopg.ClientCursor(raw).mogrify(f"SELECT {reading.listed()}{geometry} {reading.rows}", parameters)
    with path.open("wb") as file, raw.cursor() as cursor:
        file.write(b"\xef\xbb\xbf")  # spreadsheets take UTF-8 for a local code page without it
        with cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER)").format(sql.SQL(bound))) as copy:  # type: ignore[arg-type]
            for block in copy:
                file.write(block)
        told(cursor.rowcount)
        return cursor.rowcount


def _write_csv_zip(path: Path, reading: Reading, parameters: Parameters, told: Told) -> int:
    file = path.with_name(path.name.removesuffix(".zip"))
    try:
        count = _write_csv(file, reading, parameters, told)
        export_formats.zip_with_label(path, file, reading.mark)
        return count
    finally:
        file.unlink(missing_ok=True)


def export_catalogue(principal: Principal, path: Path) -> Exported:
    """Write the list of datasets the principal may see as ``.csv`` or ``.json``.

    Raises
    ------
    ExportFormatUnknown
        Another suffix.
    """
    rows = [asdict(one) for one in datasets(principal)]
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".json"):
        raise ExportFormatUnknown(
            f"目录只能导出为 .csv 或 .json，不是 {path.suffix or path.name}。",
            f"The catalogue itself exports to .csv or .json, not {path.suffix or path.name}.",
        )
    with _replacing(path) as part:
        if suffix == ".json":
            part.write_text(json.dumps(rows, ensure_ascii=False, indent=1, default=str) + "\n", encoding="utf-8")
        else:
            with part.open("w", encoding="utf-8-sig", newline="") as file:
                writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else ["code"])
                writer.writeheader()
                writer.writerows(rows)
    return Exported(str(path), "catalogue", len(rows))
