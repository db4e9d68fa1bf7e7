"""Stored rows as parts of a reference pack: COPY out of the layer tables into Arrow, batch by batch. 参考资料的读取.

Rows come in the order of their key and digest, so that the same content gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import shapely
from django.db import connection
from psycopg import sql
from pyarrow import csv

from kunyu.engines.catalogue.models import DatasetVersion, Layer
from kunyu.engines.catalogue.reading import as_reader
from kunyu.engines.catalogue.standards import Layer as StandardLayer
from kunyu.engines.catalogue.tables import qualified, standard_layer
from kunyu.engines.ingest.checks.reference_file import GEOMETRY, PartContent
from kunyu.engines.ingest.column_conversion import target_type
from kunyu.engines.security import scope
from kunyu.engines.security.label_registry import record_labels
from kunyu.engines.security.scope import DOWNLOAD, Principal, Scope

LATEST = "upper_inf(known) AND upper_inf(valid) AND NOT isempty(valid)"
"""What is believed now and has not ended: the state that the next delivery follows."""
_ENDED = "upper_inf(known) AND NOT upper_inf(valid) AND NOT isempty(valid)"
_BLOCK_BYTES = 64 << 20
"""A line of COPY must fit: a polygon of a million vertices has 32 MB in hexadecimal."""


@dataclass(frozen=True)
class Asker:
    """For whom a reference is put together, in which county; ``folder`` takes intermediate files and outlives the parts."""

    principal: Principal
    county: str
    folder: Path
    _granted: dict[str, Scope | None] = field(default_factory=dict, compare=False, repr=False)

    def grant(self, layer: Layer) -> Scope | None:
        """The scope in which all rows of a layer in the county may be downloaded, unmasked; None where not all may be."""
        if layer.collection not in self._granted:
            self._granted[layer.collection] = whole_grant(self.principal, layer, self.county)
        return self._granted[layer.collection]


def whole_grant(principal: Principal, layer: Layer, county: str) -> Scope | None:
    """The scope in which ``principal`` may download every row of a layer in a county, personal fields in clear.

    A part from which rows are missing would make a rule find what is not there, so half a part is none.
    """
    if not scope.may(principal, layer.collection, DOWNLOAD, public=layer.dataset.is_public):
        return None
    granted = scope.resolve(principal, layer.collection, DOWNLOAD, public=layer.dataset.is_public)
    personal = {one.personal for one in standard_layer(layer).fields if one.personal}
    if not granted.allows_division(county) or not all(granted.reveals(kind) for kind in personal):
        return None
    return None if layer.collection in record_labels() and _hides(granted, layer, county) else granted


def _hides(granted: Scope, layer: Layer, county: str) -> bool:
    """Whether a row of the county lies above the labels of the grant."""
    allowed, values = granted.predicate()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS (SELECT 1 FROM {qualified(layer.table_name)} WHERE county = %s AND upper_inf(known) "
            f"AND NOT ({allowed}))",
            [county, *values],
        )
        return bool(cursor.fetchone()[0])


def newest_version(layer: Layer, county: str) -> DatasetVersion | None:
    """The last published version of a layer in a county; None where the node has nothing of it."""
    return (
        DatasetVersion.objects.filter(layer=layer, county=county, status=DatasetVersion.Status.PUBLISHED)
        .order_by("-number")
        .first()
    )


def source_of(layer: Layer, version: DatasetVersion) -> dict[str, Any]:
    """What a manifest says of a stored version."""
    return {
        "collection": layer.collection, "layer": layer.code, "county": version.county, "version": version.number,
        "digest": version.digest,
    }  # fmt: skip


def latest_rows(asker: Asker, layer: Layer, fields: Sequence[str] = ()) -> PartContent | None:
    """The latest rows of a layer in the asker's county; None where there are none to know or not all may be downloaded.

    Parameters
    ----------
    fields : names of the standard's fields; all of them, and the geometry, when left out.
    """
    version = newest_version(layer, asker.county)
    granted = asker.grant(layer) if version is not None else None
    if version is None or granted is None:
        return None
    model = standard_layer(layer)
    chosen = [one for one in model.fields if not fields or one.code in fields]
    columns = {one.code: (_selected(one.code, one.type), target_type(one)) for one in chosen}
    spatial = model.spatial and not fields
    query = sql.SQL("FROM {table} WHERE county = {county} AND " + LATEST + " ORDER BY {key}, digest").format(
        table=sql.SQL(qualified(layer.table_name)), county=sql.Literal(asker.county), key=sql.Identifier(model.key)
    )
    name = f"{layer.table_name}-{len(fields)}"
    return content(
        asker, granted, name, query, columns, _geometry_of(model) if spatial else "", source_of(layer, version)
    )


def ended_keys(asker: Asker, layer: Layer) -> PartContent | None:
    """``layer, BSM`` of the county's records that ended and whose key no later record bears; None as `latest_rows`."""
    version = newest_version(layer, asker.county)
    granted = asker.grant(layer) if version is not None else None
    if version is None or granted is None:
        return None
    said = "SELECT {key} FROM {table} WHERE county = {county} AND {key} IS NOT NULL AND "
    query = sql.SQL(f"FROM ({said}{_ENDED} EXCEPT {said}{LATEST}) AS ended ORDER BY 2").format(
        table=sql.SQL(qualified(layer.table_name)), county=sql.Literal(asker.county),
        key=sql.Identifier(standard_layer(layer).key),
    )  # fmt: skip
    key = sql.SQL("ended.{}").format(sql.Identifier(standard_layer(layer).key))
    columns = {"layer": (sql.Literal(layer.code), pa.string()), "BSM": (key, pa.string())}
    return content(asker, granted, f"{layer.table_name}-ended", query, columns, "", source_of(layer, version))


Column = tuple[sql.Composable, pa.DataType]


def content(
    asker: Asker, granted: Scope, name: str, query: sql.Composable, columns: Mapping[str, Column], geometry: str,
    source: Mapping[str, Any],
) -> PartContent:  # fmt: skip
    """Copy ``SELECT columns query`` into a file of the asker's folder and promise its batches.

    Parameters
    ----------
    granted : whose rights the rows are read with; row security stands behind it.
    query : FROM and what follows, values as literals: COPY takes no parameters.
    geometry : kind of geometry; then column ``geom`` of the query becomes ``geometry`` (WKB, EPSG:4490).
    """
    listed = [sql.SQL("{} AS {}").format(expression, sql.Identifier(code)) for code, (expression, _) in columns.items()]
    if geometry:
        listed.append(sql.SQL("encode(ST_AsBinary(geom, 'NDR'), 'hex') AS {}").format(sql.Identifier(GEOMETRY)))
    command = sql.SQL("COPY (SELECT {} {}) TO STDOUT (FORMAT csv)").format(sql.SQL(", ").join(listed), query)
    path = asker.folder / f"{name}.csv"
    connection.ensure_connection()
    raw: psycopg.Connection = connection.connection
    with as_reader(granted), path.open("wb") as file, raw.cursor() as cursor, cursor.copy(command) as copy:
        for block in copy:
            file.write(block)
    types = {code: kind for code, (_, kind) in columns.items()}
    schema = pa.schema([*types.items(), *([(GEOMETRY, pa.binary())] if geometry else [])])
    return PartContent(schema, _batches(path, schema), source, geometry)


def _batches(path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    if not path.stat().st_size:
        return
    read = {one.name: pa.string() if one.name == GEOMETRY else one.type for one in schema}
    options = csv.ConvertOptions(
        column_types=read, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    with csv.open_csv(
        path, csv.ReadOptions(column_names=schema.names, block_size=_BLOCK_BYTES),
        csv.ParseOptions(newlines_in_values=True), options,
    ) as reader:  # fmt: skip
        for batch in reader:
            arrays = [_as_binary(batch[one]) if one == GEOMETRY else batch[one] for one in schema.names]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
    path.unlink()


def _as_binary(hexadecimal: pa.Array) -> pa.Array:
    """WKB of hexadecimal text, without moving a coordinate."""
    return pa.array(shapely.to_wkb(shapely.from_wkb(hexadecimal.to_numpy(zero_copy_only=False))), pa.binary())


def _selected(code: str, kind: str) -> sql.Composable:
    column = sql.Identifier(code)
    if kind != "DateTime":
        return column
    # without a zone, as mapped rows have it
    return sql.SQL("to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS')").format(column)


def _geometry_of(model: StandardLayer) -> str:
    return str(model.geometry)
