"""JSON Schemas of a collection: what may be filtered by, sorted by, read and written (OGC 19-079r2, Part 5). 字段说明."""

from __future__ import annotations

from typing import Any, Literal

from kunyu.engines.catalogue.served.layers import ServedLayer
from kunyu.engines.maps.collections import GEOMETRY_FORMATS, property_schema, title_of
from kunyu.engines.maps.cql.evaluate import VALIDITY

Kind = Literal["queryables", "sortables", "schema"]
TITLES = {"queryables": "可查询字段", "sortables": "可排序字段", "schema": "字段说明"}


def document(kind: Kind, layer: ServedLayer, address: str, clear: frozenset[str]) -> dict[str, Any]:
    """One of the three documents.

    Parameters
    ----------
    kind
        ``schema`` names every attribute, with its code list; the others those of ``clear``, which are not masked for
        the caller. Validity is in no attribute of the standard: it is read only, and written by editing.
    address
        Of the document itself.
    """
    listed = layer.fields if kind == "schema" else {code: one for code, one in layer.fields.items() if code in clear}
    properties: dict[str, Any] = {code: property_schema(layer, field) for code, field in listed.items()}
    if kind == "schema":
        for code, field in listed.items():
            if field.codelist:
                properties[code]["x-ogc-codelist"] = field.codelist
            if field.personal:
                properties[code]["x-kunyu-personal"] = field.personal
    if kind != "sortables":
        if layer.is_spatial:
            properties["geom"] = {
                "title": "几何 / geometry",
                "format": f"geometry-{GEOMETRY_FORMATS[layer.geometry]}",
                "x-ogc-role": "primary-geometry",
            }
        properties |= _validity(kind)
    found: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": address,
        "type": "object",
        "title": title_of(layer),
        "properties": properties,
        "additionalProperties": False,
    }
    if kind == "schema":
        found["required"] = [code for code, field in layer.fields.items() if field.required == "M"]
    return found


def _validity(kind: Kind) -> dict[str, Any]:
    roles = {"valid_from": "primary-interval-start", "valid_to": "primary-interval-end"}
    found: dict[str, Any] = {
        name: {"title": VALIDITY[name], "type": "string", "format": "date", "x-ogc-role": role, "readOnly": True}
        for name, role in roles.items()
    }
    if kind == "queryables":
        found["valid"] = {"title": VALIDITY["valid"], "type": "array", "items": {"type": "string", "format": "date"}}
    return found
