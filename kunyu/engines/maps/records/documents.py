"""Records as OGC API – Records Part 1 (20-004r1) and as DCAT 3 in JSON-LD. 目录记录的两种写法."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from kunyu.engines.catalogue.served.layers import GEOMETRIES
from kunyu.engines.maps.answers import GEOJSON, HTML, JSON, MAPBOX_STYLE
from kunyu.engines.maps.collections import collection_address, link
from kunyu.engines.maps.records.search import RECORD_TYPE, Box, LayerData, Record
from kunyu.engines.maps.tiles import MEDIA_TYPE

CATALOGUE = "catalogue"
LD_JSON = "application/ld+json"
RECORD_CORE = "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/record-core"
TITLE = ("数据目录", "Data catalogue")
# each property that can be asked for, with its JSON type and titles
QUERYABLES = {
    "q": ("string", "检索词 / words"),
    "ids": ("array", "数据集编码 / dataset codes"),
    "type": ("string", "资源类型 / kind of resource"),
    "bbox": ("array", "范围 / box"),
    "datetime": ("string", "有效时间 / validity"),
}
_ACCESS = "http://publications.europa.eu/resource/authority/access-right/"


def _ring(box: Box) -> dict[str, Any]:
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _title(record: Record) -> str:
    dataset = record.dataset
    return f"{dataset.name_zh} / {dataset.name_en}" if dataset.name_en else dataset.name_zh


def record_document(record: Record, root: str, *, alone: bool) -> dict[str, Any]:
    """A record as GeoJSON; coordinates are CGCS2000 degrees, longitude first. ``alone`` adds links to its collection."""
    dataset, box = record.dataset, record.box
    item = dataset.item
    concepts = [{"id": one.code, "title": one.name_zh} for one in (item.parent, item) if one]
    day = record.first_day
    properties: dict[str, Any] = {
        "type": RECORD_TYPE,
        "title": _title(record),
        "description": f"{item.name_zh}；{dataset.classification}；{dataset.update_mode}",
        "language": {"code": "zh-CN", "name": "中文"},
        "keywords": [one for one in (dataset.layer_names, item.name_zh, item.name_en) if one],
        "themes": [{"concepts": concepts, "scheme": f"{root}/collections/{CATALOGUE}"}],
        "externalIds": [{"value": one} for one in (dataset.code, *dataset.aliases)],
        "contacts": [{"organization": dataset.producer_zh, "roles": ["producer"]}] if dataset.producer_zh else [],
        "formats": [{"name": "GeoJSON", "mediaType": GEOJSON}, {"name": "MVT", "mediaType": MEDIA_TYPE}]
        if record.layers
        else [],
        "rights": dataset.classification,
        "verified": dataset.verified,
    }
    if record.updated:
        properties["updated"] = record.updated.isoformat()
    document: dict[str, Any] = {
        "id": dataset.code,
        "type": "Feature",
        "conformsTo": [RECORD_CORE],
        "geometry": _ring(box) if box else None,
        "time": {"interval": [day.isoformat(), ".."], "resolution": "P1D"} if day else None,
        "properties": properties,
        "links": [*_links(record, root)],
    }
    if box:
        document["bbox"] = list(box)
    if alone:
        here = record_address(root, dataset.code)
        document["links"] = [
            link(here, "self", GEOJSON, "本记录 / this record"),
            link(f"{here}?f=dcat", "alternate", LD_JSON, "DCAT"),
            link(f"{here}?f=html", "alternate", HTML, "网页 / as a page"),
            link(f"{root}/collections/{CATALOGUE}", "collection", JSON, " / ".join(TITLE)),
            *document["links"],
        ]
    return document


def record_address(root: str, code: str) -> str:
    """Absolute address of a record."""
    return f"{root}/collections/{CATALOGUE}/items/{quote(code, safe='@')}"


def _links(record: Record, root: str) -> list[dict[str, Any]]:
    found = []
    for one in record.layers:
        if one.known_from is None:
            continue
        address, name = collection_address(root, one.layer.collection), one.layer.name_zh
        found.append(link(address, "describes", JSON, name))
        found.append(link(f"{address}/items", "item", GEOJSON, f"{name}：要素 / features"))
        if one.layer.geometry in GEOMETRIES:
            tiles = f"{address}/tiles/WebMercatorQuad?f=tilejson"
            found.append(link(tiles, "tiles", JSON, f"{name}：矢量瓦片 / vector tiles"))
            found.append(
                link(f"{root}/styles/{quote(one.layer.collection, safe='@')}", "stylesheet", MAPBOX_STYLE, name)
            )
    return found


def dcat_document(records: list[Record], root: str) -> dict[str, Any]:
    """A DCAT catalogue of these records as JSON-LD."""
    return {
        "@context": {
            "dcat": "http://www.w3.org/ns/dcat#",
            "dct": "http://purl.org/dc/terms/",
            "foaf": "http://xmlns.com/foaf/0.1/",
            "locn": "http://www.w3.org/ns/locn#",
            "xsd": "http://www.w3.org/2001/XMLSchema#",
            "geo": "http://www.opengis.net/ont/geosparql#",
        },
        "@id": f"{root}/collections/{CATALOGUE}",
        "@type": "dcat:Catalog",
        "dct:title": [_said(TITLE[0], "zh"), _said(TITLE[1], "en")],
        "dct:conformsTo": {"@id": RECORD_CORE},
        "dcat:dataset": [_dcat_dataset(one, root) for one in records],
    }


def _said(text: str, language: str) -> dict[str, str]:
    return {"@value": text, "@language": language}


def _dcat_dataset(record: Record, root: str) -> dict[str, Any]:
    dataset = record.dataset
    titles = [_said(dataset.name_zh, "zh")] + ([_said(dataset.name_en, "en")] if dataset.name_en else [])
    document: dict[str, Any] = {
        "@id": record_address(root, dataset.code),
        "@type": "dcat:Dataset",
        "dct:identifier": dataset.code,
        "dct:title": titles,
        "dct:language": "zh-CN",
        "dcat:theme": dataset.item.name_zh,
        "dct:publisher": {"@type": "foaf:Organization", "foaf:name": dataset.producer_zh},
        "dct:accessRights": {"@id": f"{_ACCESS}{'PUBLIC' if dataset.is_public else 'RESTRICTED'}"},
        "dcat:distribution": [one for layer in record.layers for one in _distributions(layer, root)],
    }
    if record.updated:
        document["dct:modified"] = {"@value": record.updated.isoformat(), "@type": "xsd:dateTime"}
    if record.box:
        west, south, east, north = record.box
        ring = f"{west} {south},{east} {south},{east} {north},{west} {north},{west} {south}"
        text = f"<http://www.opengis.net/def/crs/OGC/1.3/CRS84> POLYGON(({ring}))"
        where = {"@value": text, "@type": "geo:wktLiteral"}
        document["dct:spatial"] = {"@type": "dct:Location", "dcat:bbox": where}
    if record.first_day:
        begin = {"@value": record.first_day.isoformat(), "@type": "xsd:date"}
        document["dct:temporal"] = {"@type": "dct:PeriodOfTime", "dcat:startDate": begin}
    return document


def _distributions(one: LayerData, root: str) -> list[dict[str, Any]]:
    if one.known_from is None:
        return []
    address = collection_address(root, one.layer.collection)
    offered = [("GeoJSON", f"{address}/items", GEOJSON)]
    if one.layer.geometry in GEOMETRIES:
        offered.append(("MVT", f"{address}/tiles/WebMercatorQuad", MEDIA_TYPE))
    return [
        {
            "@type": "dcat:Distribution",
            "dct:title": f"{one.layer.name_zh} {name}",
            "dcat:accessURL": {"@id": where},
            "dcat:mediaType": media_type,
            "dct:conformsTo": one.layer.standard_id,
        }
        for name, where, media_type in offered
    ]


def collection_document(root: str) -> dict[str, Any]:
    """The catalogue as a collection of records."""
    address = f"{root}/collections/{CATALOGUE}"
    return {
        "id": CATALOGUE,
        "title": " / ".join(TITLE),
        "description": "本节点的数据集，按您的权限 / datasets of this node, as far as you may see them",
        "itemType": "record",
        "crs": ["http://www.opengis.net/def/crs/OGC/1.3/CRS84"],
        "conformsTo": [RECORD_CORE],
        "links": [
            link(address, "self", JSON, "本文档 / this document"),
            link(f"{address}/items", "items", GEOJSON, "记录 / records"),
            link(f"{address}/items?f=dcat", "alternate", LD_JSON, "DCAT"),
            link(f"{address}/items?f=html", "items", HTML, "网页 / as a page"),
            link(f"{address}/queryables", "http://www.opengis.net/def/rel/ogc/1.0/queryables", JSON, "可查询项"),
        ],
    }


def queryables_document(root: str) -> dict[str, Any]:
    """What a search may ask for, as JSON Schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{root}/collections/{CATALOGUE}/queryables",
        "type": "object",
        "title": " / ".join(TITLE),
        "properties": {name: {"type": kind, "title": title} for name, (kind, title) in QUERYABLES.items()},
        "additionalProperties": False,
    }
