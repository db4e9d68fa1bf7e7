"""Attribute rows as VCT text: values joined by the separator, in the file's encoding. 属性行文本."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kunyu.engines.ingest.vct.losses import Losses
from kunyu.engines.ingest.vct.ragged import Ints, numbers_as_text, text_bytes

SEPARATOR = ","
FULL_WIDTH = "，"
END = "\r\n"
ENCODING = "GB18030"


def rows_as_text(ids: Ints, columns: list[tuple[str, pa.Array]], layer: str, losses: Losses) -> bytes:
    """Return one line per row: object number, then the values; null is nothing between two separators."""
    if not len(ids):
        return b""
    texts = [_as_text(name, _decoded(values), layer, losses) for name, values in columns]
    data, _ = text_bytes(_joined(ids, texts))
    # looking for separators inside values is slow: only when there are more of them than between values
    if [np.count_nonzero(data == one) for one in (ord(SEPARATOR), 10, 13)] != [
        len(ids) * len(columns),
        len(ids),
        len(ids),
    ]:
        texts = [_clean(name, values, layer, losses) for (name, _), values in zip(columns, texts, strict=True)]
        data, _ = text_bytes(_joined(ids, texts))
    return encoded(data.tobytes(), layer, losses)


def encoded(text: bytes, layer: str, losses: Losses) -> bytes:
    """Return UTF-8 text in the file's encoding; GB18030 holds every character, GBK readers do not know them all."""
    try:
        known = text.decode("utf-8")
    except UnicodeDecodeError:
        known = text.decode("utf-8", "replace")
        losses.add("not_utf8", layer, known.count("�"))
    try:
        return known.encode("gbk")
    except UnicodeEncodeError:
        beyond = sorted(one for one in set(known) if not _in_gbk(one))
        losses.add("beyond_gbk", layer, sum(known.count(one) for one in beyond), example="".join(beyond[:20]))
        return known.encode("gb18030")


def _decoded(values: pa.Array) -> pa.Array:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _in_gbk(character: str) -> bool:
    try:
        character.encode("gbk")
    except UnicodeEncodeError:
        return False
    return True


def _joined(ids: Ints, texts: list[pa.Array]) -> pa.Array:
    lines = pc.binary_join_element_wise(
        numbers_as_text(ids), *texts, SEPARATOR, null_handling="replace", null_replacement=""
    )
    return pc.binary_join_element_wise(lines, pa.scalar(END), "")


def _as_text(name: str, values: pa.Array, layer: str, losses: Losses) -> pa.Array:
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        losses.add("empty_texts", layer, _true(pc.equal(pc.binary_length(values), 0)), name)
        return values.cast(pa.string())
    if pa.types.is_floating(kind):
        losses.add("not_finite_numbers", layer, _true(pc.invert(pc.is_finite(values))), name)
        return pc.if_else(pc.is_finite(values), values, None).cast(pa.string())
    if pa.types.is_date(kind):
        return pc.strftime(values.cast(pa.timestamp("s")), format="%Y%m%d")
    if pa.types.is_timestamp(kind):
        whole = values.cast(pa.timestamp("s", tz=kind.tz), safe=False)
        losses.add("fractions", layer, _true(pc.not_equal(whole.cast(kind), values)), name)
        return pc.strftime(whole, format="%Y-%m-%dT%H:%M:%S")
    if pa.types.is_binary(kind) or pa.types.is_nested(kind) or pa.types.is_null(kind):
        losses.add("binary_fields", layer, len(values) - values.null_count, name)
        return pa.nulls(len(values), pa.string())
    return (values.cast(pa.int8()) if pa.types.is_boolean(kind) else values).cast(pa.string())


def _clean(name: str, values: pa.Array, layer: str, losses: Losses) -> pa.Array:
    for pattern, instead, code in ((SEPARATOR, FULL_WIDTH, "separators"), ("\r\n", " ", "line_breaks"),
                                   ("\n", " ", "line_breaks"), ("\r", " ", "line_breaks")):  # fmt: skip
        hit = pc.match_substring(values, pattern)
        count = _true(hit)
        if count:
            losses.add(code, layer, count, name, values.filter(hit)[0].as_py()[:60])
            values = pc.replace_substring(values, pattern, instead)
    return values


def _true(values: pa.Array) -> int:
    found: Any = pc.sum(values).as_py()
    return int(found or 0)
