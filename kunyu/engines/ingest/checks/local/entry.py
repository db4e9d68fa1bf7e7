"""What a ``[[rule]]`` of a local rule set must look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from kunyu.engines.ingest.checks.local.functions import FUNCTIONS, Values

if TYPE_CHECKING:
    from kunyu.engines.catalogue.standards import Layer, Standard

NEEDED: dict[str, type] = {"id": str, "clause": str, "severity": str, "check": str, "layer": str, "name_zh": str}
ALLOWED: dict[str, type] = {"name_en": str, "remedy_zh": str, "note": str, "where": dict}

Problem = tuple[str, str]
"""What is wrong, in Chinese and English."""


def entry_problem(entry: Any, standard: Standard, severities: tuple[str, ...]) -> Problem | None:
    """Return what is wrong with an entry, None when it is right."""
    if not isinstance(entry, dict):
        return "应为表", "must be a table"
    for key, kind in NEEDED.items():
        if not isinstance(entry.get(key), kind) or not entry[key]:
            return f"缺少 {key}", f"{key} is missing"
    if entry["severity"] not in severities:
        return f"级别 {entry['severity']} 应为 S、Z、Q 或 W", f"severity {entry['severity']} must be S, Z, Q or W"
    layer = standard.layers.get(entry["layer"])
    if layer is None:
        return f"{standard.id} 没有图层 {entry['layer']}", f"{standard.id} has no layer {entry['layer']}"
    return _where_problem(entry.get("where", {}), layer) or _values_problem(entry, layer, standard)


def _where_problem(where: Any, layer: Layer) -> Problem | None:
    if not isinstance(where, dict):
        return "where 应为 { 字段 = [值] }", "where must be { FIELD = [values] }"
    for code, values in where.items():
        if code not in _fields(layer):
            return _no_field(layer, code)
        if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
            return f"where.{code} 应为文本列表", f"where.{code} must be a list of texts"
    return None


def _values_problem(entry: dict[str, Any], layer: Layer, standard: Standard) -> Problem | None:
    if entry["check"] not in FUNCTIONS:
        return None  # a local function knows its own values
    values = FUNCTIONS[entry["check"]][1]
    for key, kind in values.needed.items():
        if not isinstance(entry.get(key), kind) or entry[key] in ("", []):
            return f"{entry['check']} 须有 {key}", f"{entry['check']} needs {key}"
    for key, value in entry.items():
        expected = {**NEEDED, **ALLOWED, **values.needed, **values.allowed}.get(key)
        if expected is None or not isinstance(value, expected):
            return f"不认识 {key} = {value!r}", f"{key} = {value!r} is not understood"
    return _names_problem(entry, values, layer, standard)


def _names_problem(entry: dict[str, Any], values: Values, layer: Layer, standard: Standard) -> Problem | None:
    for key in values.fields:
        given = entry[key] if isinstance(entry[key], list) else [entry[key]]
        for code in given:
            if code not in _fields(layer):
                return _no_field(layer, code)
    for key in values.layers:
        if entry[key] not in standard.layers:
            return f"{standard.id} 没有图层 {entry[key]}", f"{standard.id} has no layer {entry[key]}"
    for key in values.patterns:
        try:
            pc.match_substring_regex(pa.array([""]), entry[key])
        except pa.ArrowInvalid as error:
            return f"{key} 不是正则表达式: {error}", f"{key} is no regular expression: {error}"
    return None


def _fields(layer: Layer) -> set[str]:
    return {one.code for one in layer.fields}


def _no_field(layer: Layer, code: str) -> Problem:
    return f"{layer.code} 没有字段 {code}", f"{layer.code} has no field {code}"
