"""Layers as they were delivered: what they declare, and their rows as Arrow batches. 来源图层.

Rows are streamed; nothing here holds more than one batch. The geometry column is always called ``geometry`` and
holds WKB in the delivered coordinate system, x before y.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from kunyu.kernel.errors import KunyuError, UnreadableInput

# A road with hundreds of holes makes GDAL announce that sorting its rings may be slow. It is not, and nobody can act.
warnings.filterwarnings("ignore", message=r"organizePolygons\(\)", category=RuntimeWarning)

GEOMETRY = "geometry"
BATCH_ROWS = 65_536

_FOLDERS = re.compile(r"(?:[A-Za-z]:)?(?:[\\/][^\\/'\":;,\s]+)+[\\/](?=[^\\/'\":;,\s]+)")

GeometryKind = Literal["Polygon", "LineString", "Point", "Table", "Mixed"]
FieldKind = Literal["text", "integer", "real", "date", "datetime", "boolean", "other"]


@dataclass(frozen=True)
class SourceField:
    """One delivered attribute. ``length`` and ``decimals`` are None where the format declares none.

    ``length`` counts characters, or bytes where the format counts bytes (``SourceLayer.counts_bytes``).
    """

    name: str
    kind: FieldKind
    length: int | None = None
    decimals: int | None = None


@dataclass(frozen=True)
class Note:
    """Something that was assumed or noticed while reading, in both languages."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True)
class SourceLayer:
    """One delivered layer.

    ``crs`` is WKT or ``EPSG:n`` as the file declares it, None when it declares nothing; ``epsg`` the code when one is
    known. ``count`` is the number of rows. ``file`` is the name of the file inside the delivery, for messages;
    ``dataset`` what the reader opens.
    """

    name: str
    file: str
    dataset: Path
    driver: str
    geometry_kind: GeometryKind
    crs: str | None
    epsg: int | None
    encoding: str
    encoding_assumed: bool
    fields: tuple[SourceField, ...]
    count: int
    geometry_column: str | None = None
    counts_bytes: bool = False
    notes: tuple[Note, ...] = ()
    open_options: dict[str, Any] = field(default_factory=dict)

    @property
    def field_names(self) -> tuple[str, ...]:
        """Names of the attributes, in order."""
        return tuple(one.name for one in self.fields)

    def batches(
        self, columns: list[str] | None = None, batch_rows: int = BATCH_ROWS, with_geometry: bool = True
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows as record batches: attributes under their delivered names, then ``geometry`` (WKB).

        Parameters
        ----------
        columns : list of str, optional
            Attributes to read; all when left out.
        batch_rows : int
            Most rows in one batch.
        with_geometry : bool
            False leaves ``geometry`` out, which is far quicker.

        Raises
        ------
        UnreadableInput
            The file breaks off or is damaged on the way.
        """
        read = _parquet_batches if self.driver == "Parquet" else _ogr_batches
        try:
            yield from read(self, columns, batch_rows, with_geometry and self.geometry_column is not None)
        except KunyuError:
            raise
        except (DataSourceError, DataLayerError, pa.ArrowException, OSError, RuntimeError, ValueError) as error:
            raise unreadable(self.file, error, layer=self.name) from error

    def table(self, columns: list[str] | None = None, with_geometry: bool = True) -> pa.Table:
        """Return all rows as one table, columns as ``batches``."""
        found = list(self.batches(columns, with_geometry=with_geometry))
        return pa.Table.from_batches(found) if found else self._empty(columns, with_geometry)

    def _empty(self, columns: list[str] | None, with_geometry: bool) -> pa.Table:
        kinds = {
            "text": pa.string(), "integer": pa.int64(), "real": pa.float64(), "boolean": pa.bool_(), "date": pa.date32(),
            "datetime": pa.timestamp("ms"),
        }  # fmt: skip
        chosen = [one for one in self.fields if columns is None or one.name in columns]
        schema = [pa.field(one.name, kinds.get(one.kind, pa.string())) for one in chosen]
        if with_geometry and self.geometry_column is not None:
            schema.append(pa.field(GEOMETRY, pa.binary()))
        return pa.schema(schema).empty_table()


def unreadable(file: str, error: BaseException | str, error_zh: str | None = None, **context: Any) -> UnreadableInput:
    """Return the error that says which file cannot be read and why (a library's own words when it has no Chinese)."""
    why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    why = _FOLDERS.sub("", why.split("; It might help")[0])  # where it lay on this machine helps nobody
    return UnreadableInput(
        f"文件 {file} 无法读取: {error_zh or why}。请确认文件完整、格式正确后重新提交。",
        f"File {file} cannot be read: {why}. Make sure it is whole and of a known format, then send it again.",
        file=file,
        **context,
    )


def _ogr_batches(
    layer: SourceLayer, columns: list[str] | None, batch_rows: int, with_geometry: bool
) -> Iterator[pa.RecordBatch]:
    encoding = layer.encoding if layer.driver == "ESRI Shapefile" else None
    with pyogrio.open_arrow(
        layer.dataset, layer=layer.name if layer.driver != "ESRI Shapefile" else None, encoding=encoding,
        columns=columns, read_geometry=with_geometry, batch_size=batch_rows, use_pyarrow=True, **layer.open_options,
    ) as (meta, reader):  # fmt: skip
        wkb = (meta["geometry_name"] or "wkb_geometry") if with_geometry else None
        names = [one.name for one in layer.fields if columns is None or one.name in columns]
        for batch in reader:
            yield _arranged(batch, names, wkb)


def _parquet_batches(
    layer: SourceLayer, columns: list[str] | None, batch_rows: int, with_geometry: bool
) -> Iterator[pa.RecordBatch]:
    names = [one.name for one in layer.fields if columns is None or one.name in columns]
    wkb = layer.geometry_column if with_geometry else None
    with pq.ParquetFile(layer.dataset) as file:
        for batch in file.iter_batches(batch_rows, columns=[*names, *([wkb] if wkb else [])]):
            yield _arranged(batch, names, wkb)


def _arranged(batch: pa.RecordBatch, names: list[str], wkb: str | None) -> pa.RecordBatch:
    arrays = [batch.column(name) for name in names]
    fields = [pa.field(name, array.type) for name, array in zip(names, arrays, strict=True)]
    if wkb is not None:
        found = batch.column(wkb)
        if isinstance(found, pa.ExtensionArray):
            found = found.storage
        arrays.append(found.cast(pa.binary()))
        fields.append(pa.field(GEOMETRY, pa.binary()))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
