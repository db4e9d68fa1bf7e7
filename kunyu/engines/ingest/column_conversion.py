"""Turn a delivered column into the standard's type; what does not fit is counted, never raised. 类型转换."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from kunyu.engines.ingest.loss import BadValues, LayerLoss
from kunyu.engines.security.masks import mask

if TYPE_CHECKING:
    from kunyu.engines.catalogue.standards import Field

_TYPES = {
    "Char": pa.string(), "VarChar": pa.string(), "Int": pa.int64(), "Float": pa.float64(), "Date": pa.date32(),
    "DateTime": pa.timestamp("ms"),
}  # fmt: skip
_NUMBER = r"^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*$"
_DATE = r"^\s*\d{4}[-/.]?\d{2}[-/.]?\d{2}([T ].*)?\s*$"
_MOST_WHOLE = 2.0**63


def target_type(spec: Field) -> pa.DataType:
    """Return the Arrow type of a field of the standard."""
    return _TYPES[spec.type]


def convert(values: pa.Array, spec: Field, rows: pa.Array, loss: LayerLoss) -> pa.Array:
    """Return ``values`` in the field's type.

    Parameters
    ----------
    values : pa.Array
        As delivered; blank text counts as null.
    spec : Field
    rows : pa.Array of int64
        Row numbers, for the loss report.
    loss : LayerLoss
        Receives what failed and what was cut.
    """
    values = _plain(values)
    if spec.type in ("Char", "VarChar"):
        return _cut(_to_text(values), spec, rows, loss)
    makers = {"Int": _to_whole, "Float": _to_real, "Date": _to_date, "DateTime": _to_moment}
    made = makers[spec.type](values)
    failed = pc.and_(pc.is_valid(values), pc.is_null(made))
    if pc.any(failed).as_py():
        loss.type_failures.setdefault(spec.code, BadValues()).add(
            rows.filter(failed), values.filter(failed).cast(pa.string())
        )
    return made


def _plain(values: pa.Array) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_large_string(values.type) or pa.types.is_string_view(values.type):
        values = values.cast(pa.string())
    if pa.types.is_binary(values.type) or pa.types.is_nested(values.type) or pa.types.is_null(values.type):
        return pa.nulls(len(values), pa.string())
    if pa.types.is_string(values.type):
        try:
            trimmed = pc.utf8_trim_whitespace(values)
        except pa.ArrowInvalid:
            values = _readable(values)
            trimmed = pc.utf8_trim_whitespace(values)
        blank = pc.equal(trimmed, "")
        return pc.if_else(blank, pa.scalar(None, pa.string()), values)
    return values


def _readable(values: pa.Array) -> pa.Array:
    """Keep what can be read of text in an encoding nobody declared; the rest becomes U+FFFD, which no code list holds."""
    raw = values.cast(pa.binary()).to_pylist()
    return pa.array([one if one is None else one.decode("utf-8", "replace") for one in raw], pa.string())


def _to_text(values: pa.Array) -> pa.Array:
    if pa.types.is_string(values.type):
        return values
    if pa.types.is_floating(values.type):
        whole = pc.and_(pc.equal(values, pc.floor(values)), pc.less(pc.abs(values), _MOST_WHOLE))
        as_whole = pc.if_else(whole, values, None).cast(pa.int64(), safe=False).cast(pa.string())
        return pc.coalesce(as_whole, values.cast(pa.string()))
    return values.cast(pa.string())


def _cut(values: pa.Array, spec: Field, rows: pa.Array, loss: LayerLoss) -> pa.Array:
    if not spec.length:
        return values
    long = pc.fill_null(pc.greater(pc.utf8_length(values), spec.length), False)
    if not pc.any(long).as_py():
        return values
    cut = values.filter(long)
    if spec.personal:  # findings and reports quote what was cut, for people who see this field masked
        cut = pa.array([mask(spec.personal, one) for one in cut.to_pylist()], pa.string())
    loss.truncated.setdefault(spec.code, BadValues()).add(rows.filter(long), cut)
    return pc.utf8_slice_codeunits(values, 0, spec.length)


def _to_real(values: pa.Array) -> pa.Array:
    if pa.types.is_string(values.type):
        number = pc.match_substring_regex(values, _NUMBER)
        values = pc.utf8_trim_whitespace(pc.if_else(number, values, None))
    if not _can_be_number(values.type):
        return pa.nulls(len(values), pa.float64())
    real = values.cast(pa.float64(), safe=False)
    return pc.if_else(pc.is_finite(real), real, None)


def _to_whole(values: pa.Array) -> pa.Array:
    if pa.types.is_integer(values.type):
        return values.cast(pa.int64(), safe=False)
    real = _to_real(values)
    whole = pc.and_(pc.equal(real, pc.floor(real)), pc.less(pc.abs(real), _MOST_WHOLE))
    return pc.if_else(whole, real, None).cast(pa.int64(), safe=False)


def _to_date(values: pa.Array) -> pa.Array:
    if pa.types.is_date32(values.type):
        return values
    if pa.types.is_date(values.type) or pa.types.is_timestamp(values.type):
        return values.cast(pa.date32(), safe=False)
    return _to_moment(values).cast(pa.date32(), safe=False)


def _to_moment(values: pa.Array) -> pa.Array:
    kind = pa.timestamp("ms")
    if pa.types.is_timestamp(values.type):
        return values.cast(pa.timestamp("ms", tz=values.type.tz), safe=False).cast(kind)
    if pa.types.is_date(values.type):
        return values.cast(kind)
    text = _to_text(values)
    text = pc.if_else(pc.match_substring_regex(text, _DATE), text, None)
    digits = pc.replace_substring_regex(
        pc.utf8_trim_whitespace(text), r"^(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})", r"\1-\2-\3"
    )
    return pc.strptime(pc.utf8_slice_codeunits(digits, 0, 10), format="%Y-%m-%d", unit="ms", error_is_null=True)


def _can_be_number(kind: pa.DataType) -> bool:
    return (
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        or pa.types.is_string(kind) or pa.types.is_boolean(kind)
    )  # fmt: skip
