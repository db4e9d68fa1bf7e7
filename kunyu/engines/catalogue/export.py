"""Write a dataset's state, or the catalogue itself, to a file that others can read."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyogrio
from django.db import connection, transaction
from psycopg import sql

from kunyu.engines.catalogue.bitemporal import Moment
from kunyu.engines.catalogue.errors import ExportFormatUnknown, NothingPublished
from kunyu.engines.catalogue.label_mark import Mark, mark_of, write_beside
from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.queries import datasets, open_dataset
from kunyu.engines.catalogue.reading import as_reader
from kunyu.engines.catalogue.standards import Field
from kunyu.engines.catalogue.standards import Layer as StandardLayer
from kunyu.engines.catalogue.tables import qualified, standard_layer
from kunyu.engines.security import audit, scope
from kunyu.engines.security.masks import mask_sql
from kunyu.engines.security.scope import Principal, Scope

BATCH = 20_000
_ARROW = {"Char": pa.string(), "VarChar": pa.string(), "Int": pa.int64(), "Float": pa.float64(),
          "Date": pa.date32(), "DateTime": pa.timestamp("us", "UTC")}  # fmt: skip
_OGR_GEOMETRY = {"Polygon": "MultiPolygon", "LineString": "MultiLineString", "Point": "Point"}


Told = Callable[[int], None]
Writer = Callable[[Path, "Reading", list[Any], Told], int]


@dataclass(frozen=True)
class Reading:
    """What is written: a layer's rows ``FROM … WHERE …`` and the scope that says which fields are masked."""

    layer: StandardLayer
    granted: Scope
    rows: str
    mark: Mark

    def listed(self, prefix: str = "") -> str:
        """SQL of the columns in the standard's order, personal ones masked where the grant does not reveal them."""
        return ", ".join([f"{prefix}county", *(self._column(one, prefix) for one in self.layer.fields)])

    def _column(self, field: Field, prefix: str) -> str:
        column = f'{prefix}"{field.code}"'
        if not field.personal:
            return column
        masked = mask_sql(field.personal, column)
        shown = self.granted.shown(column, field.personal, masked, f"{prefix}county", f"{prefix}label")
        return f'{shown} AS "{field.code}"'


@dataclass(frozen=True)
class Exported:
    """What was written: path, collection and number of records."""

    path: str
    collection: str
    records: int


def export_dataset(
    principal: Principal,
    code: str,
    path: Path,
    moment: Moment | None = None,
    division: str = "",
    told: Told = lambda count: None,
) -> Exported:
    """Write one layer's state to ``.gpkg``, ``.geojson`` or ``.csv``; coordinates are EPSG:4490, longitude first.

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
    write = _writer(path)
    dataset, layer, granted = open_dataset(principal, code, scope.DOWNLOAD)
    if layer is None or not _has_table(layer):
        raise NothingPublished(
            f"{dataset.code} {dataset.name_zh} 还没有发布的数据。", f"{dataset.code} has no published data yet."
        )
    allowed, parameters = granted.predicate()
    when, times = (moment or Moment()).predicate()
    query = f"FROM {qualified(layer.table_name)} WHERE {allowed} AND {when} AND starts_with(county, %s) ORDER BY fid"
    mark = mark_of(layer.collection)
    reading = Reading(standard_layer(layer), granted, query, mark)
    with transaction.atomic(), _replacing(path) as part:
        audit.record_read(principal, layer.collection, None, mark.label.code, "export")
        with as_reader(granted):
            count = write(part, reading, [*parameters, *times, division], told)
        audit.record(
            principal, "export", "collection", layer.collection, records=count, file=path.name,
            object_label=granted.label.code,
        )  # fmt: skip
    if path.suffix.lower() == ".csv":
        write_beside(path, mark)
    return Exported(str(path), layer.collection, count)


def _has_table(layer: Layer) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [qualified(layer.table_name)])
        return bool(cursor.fetchone()[0])


def _writer(path: Path) -> Writer:
    writers: dict[str, Writer] = {".gpkg": _write_gpkg, ".geojson": _write_geojson, ".csv": _write_csv}
    if path.suffix.lower() not in writers:
        raise ExportFormatUnknown(
            f"不认识的输出格式 {path.suffix or path.name}；可用：{'、'.join(writers)}。",
            f"Unknown output format {path.suffix or path.name}; use one of {', '.join(writers)}.",
        )
    return writers[path.suffix.lower()]


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A path beside the target that takes its place only when everything was written."""
    part = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _cursor(query: str, parameters: list[Any]) -> Iterator[psycopg.ServerCursor]:
    """A server-side cursor: memory stays that of one batch, however large the county."""
    connection.ensure_connection()
    raw: psycopg.Connection = connection.connection
    with psycopg.ServerCursor(raw, "kunyu_export") as cursor:
        cursor.itersize = BATCH
        cursor.execute(query, parameters)  # type: ignore[arg-type]
        yield cursor


def _write_gpkg(path: Path, reading: Reading, parameters: list[Any], told: Told) -> int:
    layer = reading.layer
    geometry = ", ST_AsBinary(geom)" if layer.spatial else ""
    fields = (Field("county", "县级区划代码", "County code", "Char", 6), *layer.fields)
    written = 0
    with _cursor(f"SELECT {reading.listed()}{geometry} {reading.rows}", parameters) as cursor:
        while (rows := cursor.fetchmany(BATCH)) or written == 0:
            table = _arrow(fields, rows, layer.spatial)
            options = {"geometry_name": "geom", "geometry_type": _OGR_GEOMETRY[layer.geometry],
                       "crs": "EPSG:4490"} if layer.spatial else {}  # fmt: skip
            told_once = {"layer_metadata": reading.mark.metadata()} if written == 0 else {}
            pyogrio.write_arrow(
                table, path, layer=layer.code, driver="GPKG", append=written > 0, **options, **told_once
            )
            written += len(rows)
            told(written)
            if len(rows) < BATCH:
                break
    return written


def _arrow(fields: tuple[Field, ...], rows: list[Any], spatial: bool) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * (len(fields) + spatial)
    arrays = []
    for one, values in zip(fields, columns, strict=False):
        if one.type == "Float":
            arrays.append(pa.array(np.array(values, dtype=np.float64), from_pandas=True))
        else:
            arrays.append(pa.array(values, _ARROW[one.type]))
    names = [one.code for one in fields]
    if spatial:
        arrays.append(pa.array([bytes(one) if one is not None else None for one in columns[-1]], pa.binary()))
        names.append("geom")
    return pa.table(arrays, names=names)


def _write_geojson(path: Path, reading: Reading, parameters: list[Any], told: Told) -> int:
    layer = reading.layer
    # json_build_object takes 100 arguments at most, and a process layer has more than 50 fields: a row instead
    geometry = "ST_AsGeoJSON(rows.geom, 9)" if layer.spatial else "'null'"
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
        for (text,) in cursor:
            file.write(("" if count == 0 else ",") + "\n" + text)
            count += 1
            if count % BATCH == 0:
                told(count)
        file.write("\n]}\n")
    return count


def _write_csv(path: Path, reading: Reading, parameters: list[Any], told: Told) -> int:
    geometry = ", ST_AsText(geom, 9) AS geom" if reading.layer.spatial else ""
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
