"""From mapped rows in the delivered plane to rows of a layer table: EPSG:4490, areas, digests, COPY bytes.

Pure calculation on one batch; Django-free. Batches are bounded by vertices, so memory does not grow with the county.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from kunyu.engines.catalogue.standards import Layer
from kunyu.engines.ingest import copy_rows
from kunyu.engines.ingest.errors import BadCoordinates
from kunyu.kernel.geodesy import area_of_lonlat, to_lonlat

GEOMETRY = "geometry"


@dataclass(frozen=True)
class Batch:
    """Rows of one layer, ready but for the columns that are the same in every row.

    ``body`` holds the attributes and the geometry of each row as COPY fields; ``digests`` 16 bytes over it;
    ``area_m2`` is NaN where a row has no area; ``bounds`` (west, south, east, north) NaN when nothing is spatial.
    """

    body: pa.Array
    digests: pa.Array
    keys: pa.Array
    area_m2: NDArray[np.float64]
    bounds: NDArray[np.float64]
    vertices: int

    def __len__(self) -> int:
        return len(self.body)

    def only(self, keep: NDArray[np.bool_]) -> Batch:
        """The rows marked in ``keep``."""
        mask = pa.array(keep)
        return Batch(
            self.body.filter(mask), self.digests.filter(mask), self.keys.filter(mask), self.area_m2[keep], self.bounds,
            self.vertices,
        )  # fmt: skip


@dataclass(frozen=True)
class Constants:
    """What all rows of one load share."""

    county: str
    source_crs: int | None
    valid_from: date
    valid_to: date | None
    known_from: datetime
    version_id: int


def prepare(batch: pa.RecordBatch | pa.Table, layer: Layer, crs: str | None) -> Batch:
    """Make one batch ready.

    Parameters
    ----------
    batch : attributes under the standard's codes and, for spatial layers, ``geometry`` (WKB, x before y).
    layer : the standard's layer; attributes it does not name are ignored, those missing become NULL.
    crs : delivered coordinate system; ``None`` for tables.

    Raises
    ------
    BadCoordinates
        A coordinate is not finite or leaves the ellipsoid.
    """
    rows = batch.num_rows
    names = set(batch.schema.names)
    fields = [
        copy_rows.attribute_field(_column(batch, field.code), field)
        if field.code in names
        else copy_rows.constant(None)
        for field in layer.fields
    ]
    keys = _column(batch, layer.key) if layer.key in names else pa.nulls(rows, pa.string())
    area = np.full(rows, np.nan)
    bounds, vertices = np.full(4, np.nan), 0
    if layer.spatial:
        geometries = _lonlat(batch, layer, crs, keys)
        vertices = int(shapely.get_num_coordinates(geometries).sum())
        if layer.geometry == "Polygon":
            area = area_of_lonlat(geometries)
        bounds = shapely.total_bounds(geometries)
        fields.append(copy_rows.bytes_field(copy_rows.ewkb_multi(geometries, layer.geometry)))
    body = copy_rows.join_fields(fields, rows)
    return Batch(body, copy_rows.row_digests(body), keys.cast(pa.string()), area, bounds, vertices)


def columns(layer: Layer) -> list[str]:
    """Names of the columns in the order in which ``encode`` writes them."""
    spatial = ["geom"] if layer.spatial else []
    area = ["area_m2"] if layer.geometry == "Polygon" else []
    crs = ["source_crs"] if layer.spatial else []
    return [*(f.code for f in layer.fields), *spatial, *area, *crs, "county", "valid", "known", "version_id", "digest"]


def encode(batch: Batch, layer: Layer, constants: Constants) -> memoryview:
    """Return the rows of ``batch`` as a piece of a binary COPY stream (no header, no trailer)."""
    if len(batch) == 0:
        return memoryview(b"")
    fields: list[list[copy_rows.Piece]] = [
        [pa.scalar(len(columns(layer)).to_bytes(2, "big"), pa.binary())],
        [batch.body],
    ]
    if layer.geometry == "Polygon":
        fields.append(copy_rows.float8_field(batch.area_m2))
    if layer.spatial:
        epsg = constants.source_crs
        fields.append(copy_rows.constant(None if epsg is None else epsg.to_bytes(4, "big")))
    fields += [
        copy_rows.constant(constants.county.encode()),
        copy_rows.constant(copy_rows.date_range(constants.valid_from, constants.valid_to)),
        copy_rows.constant(copy_rows.instant_range(constants.known_from)),
        copy_rows.constant(constants.version_id.to_bytes(8, "big")),
        copy_rows.digest_field(batch.digests),
    ]
    joined = copy_rows.join_fields(fields, len(batch))
    first, last = np.frombuffer(joined.buffers()[1], np.int32)[[joined.offset, joined.offset + len(joined)]]
    return memoryview(joined.buffers()[2])[first:last]


def digest_words(digests: pa.Array) -> NDArray[np.uint64]:
    """Return digests as an (n, 2) array of unsigned words: what can be sorted and searched."""
    raw = np.frombuffer(digests.buffers()[1], np.uint8)
    start = digests.offset * copy_rows.DIGEST_BYTES
    return raw[start : start + len(digests) * copy_rows.DIGEST_BYTES].view(">u8").reshape(-1, 2).astype(np.uint64)


def bounded(batches: Iterator[pa.RecordBatch], vertices: int, rows: int) -> Iterator[pa.RecordBatch]:
    """Cut batches so that none has more than about ``vertices`` vertices (16 bytes of WKB each) or ``rows`` rows."""
    for batch in batches:
        if batch.num_rows == 0:
            continue
        ends = np.cumsum(_weights(batch))
        start = 0
        while start < batch.num_rows:
            already = ends[start - 1] if start else 0
            stop = int(np.searchsorted(ends, already + vertices * 16, side="right"))
            stop = min(max(stop, start + 1), start + rows, batch.num_rows)
            yield batch.slice(start, stop - start)
            start = stop


def _weights(batch: pa.RecordBatch) -> NDArray[np.int64]:
    if GEOMETRY not in batch.schema.names:
        return np.zeros(batch.num_rows, np.int64)
    return np.asarray(pc.fill_null(pc.binary_length(_column(batch, GEOMETRY)), 0)).astype(np.int64)


def _column(batch: pa.RecordBatch | pa.Table, name: str) -> pa.Array:
    column = batch.column(name)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _lonlat(batch: pa.RecordBatch | pa.Table, layer: Layer, crs: str | None, keys: pa.Array) -> NDArray[np.object_]:
    planar = shapely.from_wkb(np.asarray(_column(batch, GEOMETRY).to_numpy(zero_copy_only=False), dtype=object))
    moved = to_lonlat(shapely.force_2d(planar) if shapely.has_z(planar).any() else planar, crs)
    _require_on_earth(moved, keys, layer)
    return moved


def _require_on_earth(geometries: NDArray[Any], keys: pa.Array, layer: Layer) -> None:
    """Refuse coordinates that are NaN or infinite, or became so when they left the plane."""
    bounds = shapely.bounds(geometries)
    present = ~(shapely.is_missing(geometries) | shapely.is_empty(geometries))
    fine = np.isfinite(bounds).all(axis=1) & (np.abs(bounds) <= (360, 90, 360, 90)).all(axis=1)
    bad = np.flatnonzero(present & ~fine)
    if len(bad) == 0:
        # bounds pass over a NaN that is not the first vertex; the length of a line through one is NaN
        bad = np.flatnonzero(present & ~np.isfinite(shapely.length(geometries)))
    if len(bad) == 0:
        return
    named = keys[int(bad[0])].as_py()
    raise BadCoordinates(
        f"图层 {layer.code} 的记录 {named} 坐标含NaN、无穷大或无法换算为经纬度，共 {len(bad)} 条。请修正几何后重新提交。",
        f"Layer {layer.code}, record {named}: a coordinate is NaN, infinite or has no longitude and latitude "
        f"({len(bad)} records). Mend the geometry and deliver again.",
        layer=layer.code,
        record=named,
    )
