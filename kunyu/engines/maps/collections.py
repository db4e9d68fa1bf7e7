"""Documents about collections: description, extent, links, queryables. 数据集合的描述."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from kunyu.engines.catalogue.served.layers import Extent, PublishedVersion, ServedLayer, code_names, extent_of
from kunyu.engines.catalogue.standards import Field
from kunyu.engines.maps import crs
from kunyu.engines.maps.answers import GEOJSON, HTML, JSON, SCHEMA
from kunyu.engines.maps.grids import GRIDS
from kunyu.engines.maps.tiles import MEDIA_TYPE

QUERYABLES_REL = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
TILESETS_REL = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector"
GREGORIAN = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
SORTABLES_REL = "http://www.opengis.net/def/rel/ogc/1.0/sortables"
SCHEMA_REL = "http://www.opengis.net/def/rel/ogc/1.0/schema"
GEOMETRY_FORMATS = {"Polygon": "multipolygon", "LineString": "multilinestring", "Point": "point"}
_JSON_TYPES = {"Int": "integer", "Float": "number"}
# A code list longer than this would make the schema larger than the data; the catalogue has the list.
_LONGEST_ENUM = 200


def link(href: str, rel: str, media_type: str, title: str) -> dict[str, Any]:
    """One link object of OGC 17-069r4."""
    return {"href": href, "rel": rel, "type": media_type, "title": title}


def title_of(layer: ServedLayer) -> str:
    """Chinese first, English after it."""
    return f"{layer.name_zh} / {layer.name_en}" if layer.name_en else layer.name_zh


def collection_address(root: str, collection: str) -> str:
    """Absolute address of a collection; a local code holds ``@``, which may stand in a path."""
    return f"{root}/collections/{quote(collection, safe='@')}"


def describe(layer: ServedLayer, versions: list[PublishedVersion], root: str, *, alone: bool) -> dict[str, Any]:
    """A collection as JSON. In the list of all (``alone`` False) it refers to the global list of CRSs."""
    document: dict[str, Any] = {
        "id": layer.collection,
        "title": title_of(layer),
        "description": f"{layer.dataset_name_zh}；{layer.standard.number} {layer.code}",
        "itemType": "feature",
        "extent": _extent(extent_of(versions)),
        "links": _links(layer, collection_address(root, layer.collection)),
        "standard": layer.standard_id,
        "layer": layer.code,
    }
    if layer.is_spatial:
        document["crs"] = list(crs.OFFERED_URIS) if alone else ["#/crs"]
        document["storageCrs"] = crs.STORAGE_CRS
    return document


def _extent(extent: Extent) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if extent.box:
        found["spatial"] = {"bbox": [list(extent.box)], "crs": crs.CRS84}
    if extent.valid_from:
        found["temporal"] = {"interval": [[f"{extent.valid_from}T00:00:00Z", None]], "trs": GREGORIAN}
    return found


def _links(layer: ServedLayer, address: str) -> list[dict[str, Any]]:
    links = [
        link(address, "self", JSON, "本文档 / this document"),
        link(f"{address}?f=html", "alternate", HTML, "网页 / as a page"),
        link(f"{address}/items", "items", GEOJSON, "要素 / features"),
        link(f"{address}/items?f=html", "items", HTML, "要素网页 / features as a page"),
        link(f"{address}/queryables", QUERYABLES_REL, SCHEMA, "可查询字段 / queryables"),
        link(f"{address}/sortables", SORTABLES_REL, SCHEMA, "可排序字段 / sortables"),
        link(f"{address}/schema", SCHEMA_REL, SCHEMA, "字段说明 / schema"),
    ]
    if layer.is_spatial:
        links.append(link(f"{address}/tiles", TILESETS_REL, JSON, "矢量瓦片 / vector tiles"))
        root = address.split("/collections/", maxsplit=1)[0]
        style = f"{root}/styles/{quote(layer.collection, safe='@')}"
        links.append(link(style, "http://www.opengis.net/def/rel/ogc/1.0/styles", JSON, "样式 / style"))
    return links


def property_schema(layer: ServedLayer, field: Field) -> dict[str, Any]:
    """JSON Schema of one attribute, in the standard's words."""
    found: dict[str, Any] = {
        "title": f"{field.name_zh} / {field.name_en}" if field.name_en else field.name_zh,
        "type": _JSON_TYPES.get(field.type, "string"),
    }
    if field.type in ("Date", "DateTime"):
        found["format"] = "date" if field.type == "Date" else "date-time"
    if field.type in ("Char", "VarChar") and field.length:
        found["maxLength"] = field.length
    for name, value in (("minimum", field.minimum), ("maximum", field.maximum), ("x-unit", field.unit or None)):
        if value is not None:
            found[name] = value
    names = code_names(layer.standard_id, field.codelist) if field.codelist else {}
    if 0 < len(names) <= _LONGEST_ENUM:
        found["enum"] = list(names)
        found["x-enum-titles"] = list(names.values())
    if field.code == layer.key:
        found["x-ogc-role"] = "id"
    return found


def tilesets(layer: ServedLayer, extent: Extent, address: str) -> dict[str, Any]:
    """The list of tile sets of a collection (OGC 20-057)."""
    return {
        "links": [link(f"{address}/tiles", "self", JSON, "本文档 / this document")],
        "tilesets": [tileset(layer, name, extent, address) for name in GRIDS],
    }


def tileset(layer: ServedLayer, grid_id: str, extent: Extent, address: str) -> dict[str, Any]:
    """Metadata of one tile set: matrix set, where the tiles are, what the one layer in them is called."""
    grid = GRIDS[grid_id]
    here = f"{address}/tiles/{grid_id}"
    matrix_set = f"{address.split('/collections/', maxsplit=1)[0]}/tileMatrixSets/{grid_id}"
    document: dict[str, Any] = {
        "title": f"{title_of(layer)}（{grid_id}）",
        "dataType": "vector",
        "crs": crs.EPSG_URI.format(grid.epsg),
        "tileMatrixSetURI": grid.uri or matrix_set,
        "layers": [
            {
                "id": layer.collection,
                "dataType": "vector",
                "geometryDimension": {"Point": 0, "LineString": 1, "Polygon": 2}[layer.geometry],
                "propertiesSchema": {
                    "type": "object",
                    "properties": {code: property_schema(layer, layer.fields[code]) for code in layer.tile_fields},
                },
            }
        ],
        "links": [
            link(here, "self", JSON, "本文档 / this document"),
            link(matrix_set, "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme", JSON, grid_id),
            {
                **link(f"{here}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}", "item", MEDIA_TYPE, "瓦片 / tile"),
                "templated": True,
            },
        ],
    }
    if not grid.is_geographic:
        document["links"].append(link(f"{here}?f=tilejson", "describedby", JSON, "TileJSON"))
    if extent.box:
        west, south, east, north = extent.box
        document["boundingBox"] = {"lowerLeft": [west, south], "upperRight": [east, north], "crs": crs.CRS84}
    return document


def tilejson(layer: ServedLayer, extent: Extent, address: str, max_zoom: int, parameters: str = "") -> dict[str, Any]:
    """TileJSON 3.0. The XYZ template is ``{z}/{y}/{x}``: OGC writes the row before the column."""
    suffix = f"?{parameters}" if parameters else ""
    document: dict[str, Any] = {
        "tilejson": "3.0.0",
        "name": title_of(layer),
        "scheme": "xyz",
        "tiles": [f"{address}/tiles/WebMercatorQuad/{{z}}/{{y}}/{{x}}{suffix}"],
        "minzoom": 0,
        "maxzoom": max_zoom,
        "vector_layers": [
            {
                "id": layer.collection,
                "description": layer.name_zh,
                "fields": {code: layer.fields[code].name_zh for code in layer.tile_fields},
                "minzoom": 0,
                "maxzoom": max_zoom,
            }
        ],
    }
    if extent.box:
        west, south, east, north = extent.box
        document["bounds"] = [west, south, east, north]
        document["center"] = [(west + east) / 2, (south + north) / 2, 12]
    return document
