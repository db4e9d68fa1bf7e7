"""A copy of a delivery as a GeoPackage in which some columns have new values. 写出副本.

Every layer is streamed through; only the named columns are exchanged. Documents beside the layers are not copied.
Django-free.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
from numpy.typing import NDArray

from kunyu.engines.ingest.mapping import MappedDelivery
from kunyu.engines.ingest.source_layers import GEOMETRY, SourceLayer
from kunyu.kernel.errors import UsageError

Columns = dict[str, NDArray[np.float64]]
"""New values by field of the standard, one per row of a layer as mapped; NaN stays empty."""
_COLUMN = "geom"


def write_copy(mapped: MappedDelivery, out: Path, columns: Mapping[str, Columns]) -> None:
    """Write every delivered layer to ``out``, with new values in some columns.

    Parameters
    ----------
    mapped : MappedDelivery
        Says which delivered column a field of the standard is; a field that was not delivered is added.
    out : Path
        ``.gpkg`` that does not exist; a broken run leaves nothing behind.
    columns : mapping
        By layer of the standard.

    Raises
    ------
    UsageError
        ``out`` is no ``.gpkg``, exists already, or its folder is not there.
    UnreadableInput
        The delivery breaks off.
    """
    require_free(out)
    exchanged = _by_source(mapped, columns)
    unfinished = out.with_name(f".{out.stem}.unfinished.gpkg")
    unfinished.unlink(missing_ok=True)
    try:
        for layer, name in _names(mapped.source.layers):
            _write(layer, name, unfinished, exchanged.get((layer.file, layer.name), {}))
        unfinished.rename(out)
    finally:
        unfinished.unlink(missing_ok=True)


def require_free(out: Path) -> None:
    """Refuse, before anything is computed, an output that could not be written afterwards."""
    if out.suffix.lower() != ".gpkg":
        raise UsageError(f"输出文件 {out.name} 须为 .gpkg。", f"The output {out.name} must be a .gpkg.")
    if out.exists():
        raise UsageError(
            f"输出文件 {out.name} 已存在，不覆盖。请换一个文件名。",
            f"{out.name} exists and is not overwritten. Choose another name.",
        )
    if not out.absolute().parent.is_dir():
        raise UsageError(f"输出文件夹 {out.parent} 不存在。", f"The folder {out.parent} is not there.")


def _by_source(mapped: MappedDelivery, columns: Mapping[str, Columns]) -> dict[tuple[str, str], Columns]:
    """Return new values by delivered layer and delivered column name."""
    found: dict[tuple[str, str], Columns] = {}
    for code, values in columns.items():
        first = 0
        for part in mapped.layer(code).parts:
            rows = slice(first, first + part.source.count)
            first += part.source.count
            found[part.source.file, part.source.name] = {
                part.fields.get(field, field): some[rows] for field, some in values.items()
            }
    return found


def _names(layers: tuple[SourceLayer, ...]) -> Iterator[tuple[SourceLayer, str]]:
    """Names in one container: a second layer of a name gets a number."""
    seen: dict[str, int] = {}
    for layer in layers:
        seen[layer.name] = seen.get(layer.name, 0) + 1
        yield layer, layer.name if seen[layer.name] == 1 else f"{layer.name}_{seen[layer.name]}"


def _write(layer: SourceLayer, name: str, out: Path, columns: Columns) -> None:
    spatial = layer.geometry_column is not None
    kind = _geometry_type(layer) if spatial else None
    relay = _Relay(layer, columns)
    schema, batches = relay.schema, iter(relay)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(crs|CRS|width|organizePolygons).*")
        try:
            pyogrio.write_arrow(
                pa.RecordBatchReader.from_batches(schema, batches), out, layer=name, driver="GPKG",
                geometry_name=_COLUMN if spatial else None, geometry_type=kind, crs=layer.crs if spatial else None,
                append=False,
            )  # fmt: skip
        except Exception:
            if relay.error is not None:  # the driver only knows that the stream broke off
                raise relay.error from None
            raise


class _Relay:
    """The batches of a layer with columns exchanged; remembers an error, which cannot cross the driver's stream."""

    def __init__(self, layer: SourceLayer, columns: Columns) -> None:
        self.layer, self.columns = layer, columns
        self.error: Exception | None = None
        self._batches = layer.batches()
        self._first = next(self._batches, None)
        empty = layer.table() if self._first is None else None
        given = self._first.schema if self._first is not None else empty.schema if empty is not None else pa.schema([])
        self.schema = self._target(given)

    def _target(self, given: pa.Schema) -> pa.Schema:
        lengths = {one.name: one.length for one in self.layer.fields if one.kind == "text" and one.length}
        fields = []
        for one in given:
            if one.name == GEOMETRY:
                continue
            kind = pa.float64() if one.name in self.columns else one.type
            width = {"GDAL:OGR:width": str(lengths[one.name])} if one.name in lengths else None
            fields.append(pa.field(one.name, kind, metadata=width))
        fields += [pa.field(name, pa.float64()) for name in self.columns if name not in given.names]
        if GEOMETRY in given.names:
            fields.append(pa.field(_COLUMN, pa.binary(), metadata={"ARROW:extension:name": "ogc.wkb"}))
        return pa.schema(fields)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        first = 0
        try:
            batch = self._first
            while batch is not None:
                yield self._exchanged(batch, slice(first, first + batch.num_rows))
                first += batch.num_rows
                batch = next(self._batches, None)
        except Exception as error:
            self.error = error
            raise

    def _exchanged(self, batch: pa.RecordBatch, rows: slice) -> pa.RecordBatch:
        arrays = []
        for one in self.schema:
            if one.name in self.columns:
                arrays.append(pa.array(self.columns[one.name][rows], pa.float64(), from_pandas=True))
            else:
                arrays.append(batch.column(GEOMETRY if one.name == _COLUMN else one.name))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def _geometry_type(layer: SourceLayer) -> str:
    if layer.driver == "Parquet":
        return "Unknown"
    shapefile = layer.driver == "ESRI Shapefile"
    found = pyogrio.read_info(layer.dataset, **({} if shapefile else {"layer": layer.name}))["geometry_type"]
    # a shapefile says Polygon of what may have parts
    return "Unknown" if shapefile or not found else str(found)
