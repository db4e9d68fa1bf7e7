"""Rows for PostgreSQL's binary COPY, joined from Arrow columns without touching a single row in Python.

A row of ``COPY … (FORMAT binary)`` is a 16-bit field count and, per field, a 32-bit length (−1 for NULL) and the
value in network order. Arrow's ``binary_join_element_wise`` glues such pieces together for a whole batch in C++; its
result buffer *is* the stream. Measured on 50,000 rows of 28 columns with 60 vertices each: 1.1 s, against 1.4 s for
``copy.write_row`` with ``set_types`` (its Python lists already made) and 1.9 s for CSV with hexadecimal WKB.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from kunyu.engines.catalogue.standards import Field

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
NOTHING = pa.scalar(b"", pa.binary())
NULL = pa.scalar((-1).to_bytes(4, "big", signed=True), pa.binary())
DIGEST_BYTES = 16

_PG_EPOCH_DAYS = (datetime.date(2000, 1, 1) - datetime.date(1970, 1, 1)).days
_PG_EPOCH_US = _PG_EPOCH_DAYS * 86_400_000_000
_MULTI_OF_ONE = {
    # byte order, type with the SRID flag, SRID, number of parts; the part's own WKB follows
    name: b"\x01" + (code | 0x20000000).to_bytes(4, "little") + (4490).to_bytes(4, "little") + b"\x01\0\0\0"
    for name, code in (("Polygon", 6), ("LineString", 5))
}

Piece: TypeAlias = pa.Array | pa.Scalar
"""Bytes of one field or half a field, one element per row, or one scalar for all rows."""


def constant(value: bytes | None) -> list[Piece]:
    """One field with the same bytes in every row."""
    if value is None:
        return [NULL]
    return [pa.scalar(len(value).to_bytes(4, "big") + value, pa.binary())]


def bytes_field(column: pa.Array) -> list[Piece]:
    """One field of varying bytes or text (UTF-8); null stays NULL."""
    values = column.cast(pa.string()) if pa.types.is_large_string(column.type) else column
    values = values.cast(pa.binary())
    lengths = pc.fill_null(pc.binary_length(values), -1)
    prefix = _fixed(np.asarray(lengths).astype(">i4").view(np.uint8), 4, len(column))
    return [prefix, pc.fill_null(values, b"") if values.null_count else values]


def float8_field(values: NDArray[np.float64]) -> list[Piece]:
    """One ``double precision`` field; NaN becomes NULL."""
    return _scalars(values, np.isfinite(values), ">f8")


def int_field(column: pa.Array, width: int = 4) -> list[Piece]:
    """One ``integer`` (4 bytes) or ``bigint`` (8 bytes) field."""
    known = np.asarray(pc.is_valid(column))
    values = np.asarray(pc.fill_null(column.cast(pa.int64()), 0))
    return _scalars(values, known, f">i{width}")


def date_field(column: pa.Array) -> list[Piece]:
    """One ``date`` field."""
    days = column.cast(pa.date32()).cast(pa.int32())
    return int_field(pc.subtract(days, pa.scalar(_PG_EPOCH_DAYS, pa.int32())))


def timestamp_field(column: pa.Array) -> list[Piece]:
    """One ``timestamp`` or ``timestamptz`` field (UTC when the column bears no zone)."""
    instants = column.cast(pa.timestamp("us")).cast(pa.int64())
    return int_field(pc.subtract(instants, pa.scalar(_PG_EPOCH_US, pa.int64())), 8)


def numeric_field(column: pa.Array, decimals: int) -> list[Piece]:
    """One ``numeric`` field rounded half up to ``decimals`` (0 to 8) places; exact up to 15 significant digits.

    The server's format is groups of four decimal digits; leading zero groups are dropped on receipt, so that every
    row may have the same number of groups.
    """
    floats = np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan), dtype=np.float64)
    known = np.isfinite(floats)
    scaled = _half_up(np.where(known, floats, 0.0) * 10.0**decimals)
    negative, scaled = scaled < 0, np.abs(scaled)
    fraction_groups = -(-decimals // 4)
    whole, fraction = np.divmod(scaled, 10**decimals)
    fraction *= 10 ** (4 * fraction_groups - decimals)
    layout = np.dtype(
        [
            ("length", ">i4"),
            ("groups", ">i2"),
            ("weight", ">i2"),
            ("sign", ">u2"),
            ("scale", ">i2"),
            ("digits", ">i2", 5 + fraction_groups),
        ]
    )
    rows = np.zeros(len(floats), layout)
    rows["length"], rows["groups"], rows["weight"] = layout.itemsize - 4, 5 + fraction_groups, 4
    rows["sign"], rows["scale"] = np.where(negative, 0x4000, 0), decimals
    for group in range(5):
        rows["digits"][:, 4 - group] = (whole // 10 ** (4 * group)) % 10_000
    for group in range(fraction_groups):
        rows["digits"][:, 5 + group] = (fraction // 10 ** (4 * (fraction_groups - 1 - group))) % 10_000
    return _nullable(rows.view(np.uint8), layout.itemsize, known)


def attribute_field(column: pa.Array, field: Field) -> list[Piece]:
    """One attribute of a standard in the type its layer table has (``catalogue.tables``)."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_null(column.type):
        return constant(None)
    if field.type == "Int":
        return int_field(column, 8 if field.length > 9 else 4)
    if field.type == "Float":
        return numeric_field(column, field.decimals)
    if field.type == "Date":
        return date_field(column)
    if field.type == "DateTime":
        return timestamp_field(column)
    return bytes_field(column.cast(pa.string()))


def ewkb_multi(geometries: NDArray[np.object_], geometry: str) -> pa.Array:
    """Return EWKB of EPSG:4490 in the type a layer table holds (multi for polygons and lines); missing is null.

    ``geometry`` is the standard's ``Polygon``, ``LineString`` or ``Point``; coordinates are longitude, latitude.
    Single polygons and lines are wrapped by prefixing bytes: building multi-geometries object by object took longer
    than the reprojection.
    """
    single_type = {"Polygon": shapely.GeometryType.POLYGON, "LineString": shapely.GeometryType.LINESTRING}
    single = shapely.get_type_id(geometries) == single_type.get(geometry, -2)
    wkb = np.empty(len(geometries), dtype=object)
    wkb[single] = shapely.to_wkb(geometries[single], output_dimension=2, byte_order=1)
    others = shapely.set_srid(geometries[~single], 4490)
    wkb[~single] = shapely.to_wkb(others, output_dimension=2, byte_order=1, include_srid=True)
    column = pa.array(wkb, pa.binary())
    if not single.any():
        return column
    wrap = pa.scalar(_MULTI_OF_ONE[geometry], pa.binary())
    wrapped = pc.binary_join_element_wise(wrap, column, NOTHING)
    return wrapped if single.all() else pc.if_else(pa.array(single), wrapped, column)


def join_fields(fields: Sequence[Sequence[Piece]], rows: int) -> pa.Array:
    """Join the fields of all rows into one binary element per row, without the field count."""
    pieces = [piece for field in fields for piece in field]
    if all(isinstance(piece, pa.Scalar) for piece in pieces):
        pieces.append(pa.array([b""] * rows, pa.binary()))
    return pc.binary_join_element_wise(*pieces, NOTHING)


def row_digests(rows: pa.Array) -> pa.Array:
    """Return the first 16 bytes of SHA-256 of each element.

    The one loop over rows of a load: no library at hand digests an Arrow column, and a weaker sum would let two
    different parcels pass for the same one. 1.2 s per million rows of 1 KB.
    """
    offsets = np.frombuffer(rows.buffers()[1], np.int32)[rows.offset : rows.offset + len(rows) + 1].tolist()
    data = memoryview(rows.buffers()[2]) if rows.buffers()[2] is not None else memoryview(b"")
    sha256 = hashlib.sha256
    digests = [sha256(data[a:b]).digest()[:DIGEST_BYTES] for a, b in pairwise(offsets)]
    return pa.array(digests, pa.binary(DIGEST_BYTES))


def digest_field(digests: pa.Array) -> list[Piece]:
    """One ``bytea`` field of row digests."""
    width = DIGEST_BYTES
    return [pa.scalar(width.to_bytes(4, "big"), pa.binary()), digests.cast(pa.binary())]


def date_range(start: datetime.date, end: datetime.date | None) -> bytes:
    """Return the binary ``daterange`` [start, end), open when ``end`` is None."""
    return _range(_pg_date(start), None if end is None else _pg_date(end), 4)


def instant_range(start: datetime.datetime) -> bytes:
    """Return the binary ``tstzrange`` [start, ∞); ``start`` bears a zone."""
    since = start.astimezone(datetime.UTC) - datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    return _range(since // datetime.timedelta(microseconds=1), None, 8)


def _pg_date(day: datetime.date) -> int:
    return (day - datetime.date(2000, 1, 1)).days


def _range(low: int, high: int | None, width: int) -> bytes:
    lower_inclusive, upper_infinite = 0x02, 0x10
    flags = lower_inclusive | (upper_infinite if high is None else 0)
    bounds = [low] if high is None else [low, high]
    return bytes([flags]) + b"".join(width.to_bytes(4, "big") + b.to_bytes(width, "big", signed=True) for b in bounds)


def _scalars(values: NDArray[np.generic], known: NDArray[np.bool_], kind: str) -> list[Piece]:
    layout = np.dtype([("length", ">i4"), ("value", kind)])
    rows = np.zeros(len(values), layout)
    rows["length"] = layout.itemsize - 4
    rows["value"] = np.where(known, values, 0)
    return _nullable(rows.view(np.uint8), layout.itemsize, known)


def _nullable(packed: NDArray[np.uint8], width: int, known: NDArray[np.bool_]) -> list[Piece]:
    field = _fixed(packed, width, len(known))
    return [field] if known.all() else [pc.if_else(pa.array(known), field, NULL)]


def _half_up(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round to whole numbers, halves away from zero; within 1e-6 of a half counts as the half."""
    nearest = np.rint(values)
    half = np.abs(np.abs(values - nearest) - 0.5) < 1e-6
    away = np.copysign(np.floor(np.abs(values) + 0.5 + 1e-6), values)
    return np.where(half, away, nearest).astype(np.int64)


def _fixed(packed: NDArray[np.uint8], width: int, rows: int) -> pa.Array:
    offsets = np.arange(0, (rows + 1) * width, width, dtype=np.int32)
    return pa.Array.from_buffers(
        pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(packed))]
    )
