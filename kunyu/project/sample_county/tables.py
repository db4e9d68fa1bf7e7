"""Columns of the standard: what the generator knows, brought into a layer's fields, types and order. 标准表结构.

Areas travel as whole hundredths of a square metre (int64) so that sums are exact; other decimals as floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from kunyu.engines.catalogue.standards import Field, Layer, load_standard
from kunyu.project.sample_county.layout import COUNTY

SURVEY, CONTROL = "TDT1057-2020", "MNR-CONTROL-2021"
GEOMETRY = "geom"


@dataclass(frozen=True)
class Cents:
    """Square metres as whole hundredths, with an optional mask of missing values."""

    value: NDArray[np.int64]
    missing: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Rows:
    """Rows of one layer before they take its types: columns by field code, geometry for spatial layers."""

    columns: dict[str, Any]
    count: int
    geometry: NDArray[np.object_] | None = None


MONITORED = Layer(
    "JCTB",
    "遥感监测图斑",
    "Patches of national monitoring",
    "Polygon",
    "O",
    "",
    tuple(
        Field(code, name_zh, name_en, "Char", length)
        for code, name_zh, name_en, length in (
            ("JCBH", "监测图斑编号", "Number of the patch", 18),
            ("XZQDM", "行政区代码", "Division code", 12),
            ("TBLX", "监测图斑类型", "Kind of patch", 3),
            ("BSM", "图斑标识码", "Stored parcel it lies on", 18),
        )
    ),
    key="JCBH",
)
"""Patches are handed down by the nation: no layer of the survey standard. Field names as seen in such lists."""


def survey_layer(code: str) -> Layer:
    """Return a layer of TD/T 1057-2020."""
    return load_standard(SURVEY).layers[code]


def control_layer(code: str) -> Layer:
    """Return a layer of the control-line standard."""
    return load_standard(CONTROL).layers[code]


def bsm(layer_code: str, first: int, count: int, step: NDArray[np.int64] | None = None) -> pa.Array:
    """Return 18-digit ids: county, layer code, serial number from ``first`` (or ``first + step``)."""
    serial = first + (np.arange(count) if step is None else step)
    return joined(f"{COUNTY}{layer_code}", padded(serial, 8))


def padded(number: NDArray[np.int64], width: int) -> pa.Array:
    """Return numbers as text with leading zeros."""
    return pc.utf8_lpad(pa.array(number).cast(pa.string()), width, "0")


def joined(prefix: str, text: pa.Array) -> pa.Array:
    """Return ``prefix + text``."""
    return pc.binary_join_element_wise(pa.scalar(prefix), text, "")


def arrow_schema(layer: Layer, exact_decimals: bool) -> pa.Schema:
    """Return the layer's Arrow schema; text widths travel in GDAL's field metadata.

    ``exact_decimals`` writes Float fields as decimals, which is how drivers that store widths learn them.
    """
    fields = [_arrow_field(field, exact_decimals) for field in layer.fields]
    if layer.geometry in ("Polygon", "LineString", "Point"):
        fields.append(pa.field(GEOMETRY, pa.binary(), metadata={"ARROW:extension:name": "ogc.wkb"}))
    return pa.schema(fields)


def _arrow_field(field: Field, exact_decimals: bool) -> pa.Field:
    width = {"GDAL:OGR:width": str(field.length)} if field.length else None
    if field.type in ("Char", "VarChar"):
        return pa.field(field.code, pa.string(), metadata=width)
    if field.type == "Int":
        return pa.field(field.code, pa.int32(), metadata=width)
    if field.type in ("Date", "DateTime"):
        return pa.field(field.code, pa.date32() if field.type == "Date" else pa.timestamp("ms"))
    if exact_decimals and field.length:
        # GDAL adds two characters for sign and point to a decimal's precision
        return pa.field(field.code, pa.decimal128(max(field.decimals, field.length - 2), field.decimals))
    return pa.field(field.code, pa.float64())


def conform(layer: Layer, rows: Rows, exact_decimals: bool = False) -> pa.RecordBatch:
    """Return rows in the layer's own fields, in order; YSDM is filled in, what is not given is empty."""
    unknown = set(rows.columns) - {field.code for field in layer.fields}
    if unknown:
        raise ValueError(f"{layer.code} has no fields {sorted(unknown)}")
    schema = arrow_schema(layer, exact_decimals)
    arrays = []
    for field in layer.fields:
        given = rows.columns.get(field.code, layer.ysdm if field.code == "YSDM" else None)
        arrays.append(_array(given, schema.field(field.code).type, rows.count))
    if rows.geometry is not None:
        arrays.append(pa.array(shapely.to_wkb(rows.geometry), pa.binary()))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(given: Any, kind: pa.DataType, count: int) -> pa.Array:
    if isinstance(given, Cents):
        return _from_integers(given.value, given.missing, 2, kind)
    if isinstance(given, np.ndarray):
        return _from_numpy(given, kind)
    if isinstance(given, pa.Array):
        return given if given.type == kind else given.cast(kind)
    if isinstance(given, (list, tuple)):
        return pa.array(given, kind)
    return pa.nulls(count, kind) if given is None else pa.repeat(pa.scalar(given, kind), count)


def _from_numpy(given: NDArray[Any], kind: pa.DataType) -> pa.Array:
    if given.dtype != np.float64:
        return pa.array(given.astype(object) if given.dtype.kind == "U" else given, kind)
    missing = np.isnan(given)
    if pa.types.is_decimal(kind):
        scaled = np.rint(np.where(missing, 0.0, given) * 10**kind.scale).astype(np.int64)
        return _from_integers(scaled, missing, kind.scale, kind)
    if pa.types.is_integer(kind):
        return pa.array(np.where(missing, 0.0, given).astype(np.int64), kind, mask=missing)
    return pa.array(given, kind, mask=missing)


def _from_integers(
    value: NDArray[np.int64], missing: NDArray[np.bool_] | None, scale: int, kind: pa.DataType
) -> pa.Array:
    if not pa.types.is_decimal(kind):
        return pa.array(value / 10.0**scale, kind, mask=missing)
    wide = np.stack([value, value >> 63], axis=1).astype("<i8")  # 128-bit two's complement
    plain = pa.Array.from_buffers(kind, value.size, [None, pa.py_buffer(wide.tobytes())])
    return plain if missing is None else pc.if_else(pa.array(~missing), plain, pa.scalar(None, kind))


def text_of(table: NDArray[Any], index: NDArray[np.int64]) -> pa.Array:
    """Return ``table[index]`` as Arrow text, empty entries as missing."""
    values = pa.array([str(v) or None for v in table.tolist()], pa.string())
    return values.take(pa.array(index))
