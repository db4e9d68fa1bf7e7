"""Mapped rows as GeoParquet 1.1: what was checked is what is loaded, and anybody can open it later. Django-free.

Geometry stays in the delivered plane. Row groups are bounded by vertices, so that reading one back needs the memory
of one batch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from pyproj import CRS

from kunyu.engines.ingest.rows import GEOMETRY, bounded

Content = Path | Callable[[], BinaryIO]
"""A file to read: its path, or a function that opens it, as for an encrypted object."""
_TYPES = {"Polygon": ["Polygon", "MultiPolygon"], "LineString": ["LineString", "MultiLineString"], "Point": ["Point"]}


def write(
    path: Path,
    schema: pa.Schema,
    batches: Iterator[pa.RecordBatch],
    *,
    crs: str | None,
    geometry: str,
    batch_vertices: int,
    batch_rows: int,
    seen: Any = lambda rows: None,
) -> int:
    """Write batches and return the number of rows.

    Parameters
    ----------
    schema : Arrow schema with a binary column ``geometry`` when the layer is spatial.
    crs : delivered coordinate system in any form pyproj takes; None when unknown or not spatial.
    geometry : the standard's geometry, which bounds the types named in the file.
    """
    attributes = [name for name in schema.names if name != GEOMETRY]
    # coordinates hardly compress and are read once: packing them costs more than the disk it spares
    compression = {name: "NONE" if name == GEOMETRY else "ZSTD" for name in schema.names}
    rows = 0
    described = schema.with_metadata(_metadata(crs, geometry) if GEOMETRY in schema.names else {})
    with pq.ParquetWriter(
        path, described, compression=compression, use_dictionary=attributes, write_statistics=attributes
    ) as writer:
        for batch in bounded(batches, batch_vertices, batch_rows):
            writer.write_batch(batch.cast(described) if batch.schema != described else batch)
            rows += batch.num_rows
            seen(rows)
    return rows


def row_groups(content: Content) -> Iterator[pa.Table]:
    """Yield the row groups as tables of one chunk per column."""
    with _readable(content) as source, pq.ParquetFile(source) as file:
        for index in range(file.num_row_groups):
            yield file.read_row_group(index, use_threads=False)


def crs_of(content: Content) -> str | None:
    """The coordinate system the file names, as PROJJSON text; None when it names none."""
    with _readable(content) as source:
        about = json.loads((pq.read_schema(source).metadata or {}).get(b"geo", b"{}"))
    declared = about.get("columns", {}).get(GEOMETRY, {}).get("crs")
    return json.dumps(declared) if declared else None


def column_values(content: Content, name: str) -> list[Any]:
    """All values of one attribute that are not null."""
    with _readable(content) as source:
        column = pq.read_table(source, columns=[name]).column(name)
    return [value for value in column.to_pylist() if value is not None]


def attributes(content: Content, names: list[str]) -> pa.Table:
    """Whole columns without geometry; names the file does not have are left out."""
    with _readable(content) as source:
        file = pq.ParquetFile(source)
        return file.read(columns=[name for name in names if name in file.schema_arrow.names and name != GEOMETRY])


@contextmanager
def _readable(content: Content) -> Iterator[Path | BinaryIO]:
    if isinstance(content, Path):
        yield content
        return
    with content() as opened:
        yield opened


def _metadata(crs: str | None, geometry: str) -> dict[bytes, bytes]:
    column = {
        "encoding": "WKB",
        "geometry_types": _TYPES.get(geometry, []),
        "crs": CRS.from_user_input(crs).to_json_dict() if crs else None,
    }
    about = {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
    return {b"geo": json.dumps(about, ensure_ascii=False, sort_keys=True).encode()}
