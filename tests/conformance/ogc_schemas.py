"""Shapes that OGC 17-069r4 (Features, part 1), 18-058r1 (part 2) and 20-057 (Tiles) require, as JSON Schema.

Written from the requirements, stricter than the published schemas where the text is. ``test_ogc_schemas`` runs them
over the sample answers of OGC's own test suite, so that they are not merely what this node happens to say.
"""

from __future__ import annotations

from typing import Any

LINK = {
    "type": "object",
    "required": ["href", "rel"],
    "properties": {
        "href": {"type": "string", "minLength": 1},
        "rel": {"type": "string", "minLength": 1},
        "type": {"type": "string"},
        "title": {"type": "string"},
        "templated": {"type": "boolean"},
    },
}
LINKS = {"type": "array", "items": LINK, "minItems": 1}


def linking(*rels: str) -> dict[str, Any]:
    """A list of links that has at least one of each relation."""
    return {
        "allOf": [
            LINKS,
            *({"contains": {"type": "object", "properties": {"rel": {"const": rel}}}} for rel in rels),
        ]
    }


LANDING = {
    "type": "object",
    "required": ["links"],
    "properties": {"title": {"type": "string"}, "links": linking("self", "service-desc", "conformance", "data")},
}

CONFORMANCE = {
    "type": "object",
    "required": ["conformsTo"],
    "properties": {"conformsTo": {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^http"}}},
}

EXTENT = {
    "type": "object",
    "properties": {
        "spatial": {
            "type": "object",
            "properties": {
                "bbox": {
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6},
                }
            },
        },
        "temporal": {
            "type": "object",
            "properties": {
                "interval": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "array",
                        "minItems": 2,
                        "maxItems": 2,
                        "items": {"type": ["string", "null"], "pattern": r"^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$"},
                    },
                }
            },
        },
    },
}

COLLECTION = {
    "type": "object",
    "required": ["id", "links"],
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "title": {"type": "string"},
        "itemType": {"const": "feature"},
        "extent": EXTENT,
        "crs": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        "storageCrs": {"type": "string"},
        "links": linking("items"),
    },
}

COLLECTIONS = {
    "type": "object",
    "required": ["links", "collections"],
    "properties": {"links": linking("self"), "collections": {"type": "array", "items": COLLECTION}},
}

_POSITION = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 3}
_RING = {"type": "array", "items": _POSITION, "minItems": 4}
_LINE = {"type": "array", "items": _POSITION, "minItems": 2}
_POLYGON = {"type": "array", "items": _RING, "minItems": 1}
_COORDINATES = {
    "Point": _POSITION,
    "MultiPoint": {"type": "array", "items": _POSITION},
    "LineString": _LINE,
    "MultiLineString": {"type": "array", "items": _LINE},
    "Polygon": _POLYGON,
    "MultiPolygon": {"type": "array", "items": _POLYGON},
}
GEOMETRY = {
    "oneOf": [
        {"type": "null"},
        *(
            {
                "type": "object",
                "required": ["type", "coordinates"],
                "properties": {"type": {"const": name}, "coordinates": coordinates},
            }
            for name, coordinates in _COORDINATES.items()
        ),
    ]
}

FEATURE = {
    "type": "object",
    "required": ["type", "geometry", "properties"],
    "properties": {
        "type": {"const": "Feature"},
        "id": {"type": ["string", "integer"]},
        "geometry": GEOMETRY,
        "properties": {"type": ["object", "null"]},
        "links": LINKS,
    },
}

FEATURES = {
    "type": "object",
    "required": ["type", "features", "links"],
    "properties": {
        "type": {"const": "FeatureCollection"},
        "features": {"type": "array", "items": FEATURE},
        "links": linking("self"),
        "numberReturned": {"type": "integer", "minimum": 0},
        "numberMatched": {"type": "integer", "minimum": 0},
        "timeStamp": {"type": "string", "format": "date-time"},
    },
}

TILE_MATRIX_SET = {
    "type": "object",
    "required": ["crs", "tileMatrices"],
    "properties": {
        "id": {"type": "string"},
        "crs": {"type": "string", "pattern": "^http"},
        "tileMatrices": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": [
                    "id", "scaleDenominator", "cellSize", "pointOfOrigin", "tileWidth", "tileHeight", "matrixWidth",
                    "matrixHeight",
                ],
                "properties": {
                    "cellSize": {"type": "number", "exclusiveMinimum": 0},
                    "scaleDenominator": {"type": "number", "exclusiveMinimum": 0},
                    "pointOfOrigin": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
                    "matrixWidth": {"type": "integer", "minimum": 1},
                    "matrixHeight": {"type": "integer", "minimum": 1},
                },
            },
        },
    },
}  # fmt: skip

TILESET = {
    "type": "object",
    "required": ["dataType", "crs", "links"],
    "properties": {
        "dataType": {"const": "vector"},
        "links": linking("self", "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme", "item"),
    },
}

TILEJSON = {
    "type": "object",
    "required": ["tilejson", "tiles", "vector_layers"],
    "properties": {
        "tilejson": {"const": "3.0.0"},
        "tiles": {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": r"\{z\}/\{y\}/\{x\}"}},
        "vector_layers": {"type": "array", "minItems": 1, "items": {"required": ["id", "fields"]}},
        "bounds": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
    },
}

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail_zh", "detail_en"],
    "properties": {"status": {"type": "integer"}, "detail_zh": {"type": "string", "minLength": 4}},
}
