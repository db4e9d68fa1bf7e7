"""The OpenAPI 3.0 description of the OGC services, built from the same lists the views read. 接口描述."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from kunyu.engines.maps import crs
from kunyu.engines.maps.answers import GEOJSON, HTML, JSON, MAPBOX_STYLE, SCHEMA
from kunyu.engines.maps.coverages import openapi as coverages
from kunyu.engines.maps.coverages.parameters import COVERAGE_PARAMETERS, POSITION_PARAMETERS
from kunyu.engines.maps.cql.limits import MOST_CHARACTERS
from kunyu.engines.maps.grids import GRIDS
from kunyu.engines.maps.parameters import ITEM_PARAMETERS, ITEMS_PARAMETERS, TILE_PARAMETERS
from kunyu.engines.maps.records.views import PARAMETERS as RECORD_PARAMETERS
from kunyu.engines.maps.settings import maps_settings
from kunyu.engines.maps.sorting import MOST_KEYS
from kunyu.engines.maps.tiles import MEDIA_TYPE

CONFORMANCE = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables-query-parameters",
    "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/record-core",
    "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/record-core-query-parameters",
    "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/record-collection",
    "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/create-replace-delete",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/update",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/optimistic-locking-etags",
    "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/schemas",
    "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/sortables",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/case-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions-plus",
    "http://www.opengis.net/spec/cql2/1.0/conf/spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/temporal-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/property-property",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tileset",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tilesets-list",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/geodata-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/mvt",
    "http://www.opengis.net/spec/tms/2.0/conf/tilematrixset",
    "http://www.opengis.net/spec/tms/2.0/conf/json-tilematrixset",
    *coverages.CONFORMANCE,
)


@lru_cache(maxsize=1)
def parts() -> tuple[Mapping[str, Any], ...]:
    """What other engines answer under ``/ogc/`` (setting ``KUNYU_OGC_PARTS``): conformance, links, paths."""
    path = getattr(settings, "KUNYU_OGC_PARTS", "")
    return tuple(import_string(path)) if path else ()


def conformance_classes() -> list[str]:
    """Every conformance class this node claims."""
    return [*CONFORMANCE, *(one for part in parts() for one in part["conformance"])]


def describe(root: str) -> dict[str, Any]:
    """The whole description; ``root`` is the absolute address of ``/ogc``."""
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "坤舆 一张图服务 / Kunyu map services",
            "version": "1.0.0",
            "description": "OGC API – Features 与 Tiles；坐标系、时间与权限见 docs/reference/maps.md。",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "servers": [{"url": root}],
        "tags": [
            {"name": "Capabilities"},
            {"name": "Features"},
            {"name": "Records"},
            {"name": "Tiles"},
            {"name": "Coverages"},
            {"name": "Styles"},
        ],
        "paths": {**_paths(), **{path: one for part in parts() for path, one in part["paths"]().items()}},
        "components": {
            "parameters": _parameters(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "访问令牌"}},
            "schemas": {"problem": _PROBLEM, "feature": _FEATURE},
        },
        "security": [{}, {"token": []}],
    }


MERGE_PATCH = "application/merge-patch+json"
_ONE_ITEM = ("collectionId", "featureId", "If-Match", "Content-Crs")


def _paths() -> dict[str, Any]:
    collection, tile = ("collectionId",), ("tileMatrixSetId",)
    one = ("f",)
    return {
        "/": _get("Capabilities", "landing", "入口 / landing page", one),
        "/conformance": _get("Capabilities", "conformance", "一致性声明 / conformance", one),
        "/api": _get("Capabilities", "api", "本描述 / this description", one),
        "/collections": _get("Capabilities", "collections", "数据集合 / collections", one),
        "/collections/catalogue": _get("Records", "catalogue", "数据目录 / the catalogue", one),
        "/collections/catalogue/queryables": _get("Records", "recordQueryables", "可查询项 / queryables", one, (), SCHEMA),
        "/collections/catalogue/items": _get("Records", "records", "目录记录 / records", RECORD_PARAMETERS, (), GEOJSON),
        "/collections/catalogue/items/{recordId}": _get(
            "Records", "record", "一条记录 / one record", one, ("recordId",), GEOJSON
        ),
        "/collections/{collectionId}": _get("Capabilities", "collection", "一个集合 / one collection", one, collection),
        "/collections/{collectionId}/queryables": _get(
            "Features", "queryables", "可查询字段 / queryables", one, collection, SCHEMA
        ),
        "/collections/{collectionId}/sortables": _get(
            "Features", "sortables", "可排序字段 / sortables", one, collection, SCHEMA
        ),
        "/collections/{collectionId}/schema": _get(
            "Features", "schema", "字段说明 / schema", one, collection, SCHEMA
        ),
        "/collections/{collectionId}/items": {
            **_get("Features", "items", "要素 / features", (*ITEMS_PARAMETERS, "attributes"), collection, GEOJSON),
            "post": _edit("createItem", "新建要素 / create a feature", (*collection, "county", "valid_from"), "201"),
        },
        "/collections/{collectionId}/items/{featureId}": {
            **_get("Features", "item", "一个要素 / one feature", ITEM_PARAMETERS, (*collection, "featureId"), GEOJSON),
            "put": _edit("replaceItem", "替换要素 / replace it", (*_ONE_ITEM, "valid_from"), "204"),
            "patch": _edit("updateItem", "修改要素 / merge into it", (*_ONE_ITEM, "valid_from"), "204", MERGE_PATCH),
            "delete": _edit("deleteItem", "删除要素 / delete it", (*_ONE_ITEM, "valid_from"), "204", None),
        },
        "/tileMatrixSets": _get("Tiles", "matrixSets", "瓦片矩阵集 / tile matrix sets", one),
        "/tileMatrixSets/{tileMatrixSetId}": _get("Tiles", "matrixSet", "一个矩阵集 / one matrix set", one, tile),
        "/collections/{collectionId}/tiles": _get("Tiles", "tilesets", "瓦片集 / tile sets", one, collection),
        "/collections/{collectionId}/tiles/{tileMatrixSetId}": _get(
            "Tiles", "tileset", "一个瓦片集 / one tile set", TILE_PARAMETERS, (*collection, *tile)
        ),
        "/collections/{collectionId}/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}": _get(
            "Tiles", "tile", "矢量瓦片 / vector tile", TILE_PARAMETERS,
            (*collection, *tile, "tileMatrix", "tileRow", "tileCol"), MEDIA_TYPE,
        ),
        "/collections/{collectionId}/coverage": _get(
            "Coverages", "coverage", "影像或高程的取值 / values of a box", COVERAGE_PARAMETERS, collection, "image/tiff"
        ),
        "/collections/{collectionId}/position": _get(
            "Coverages", "position", "一点的值 / values at a point", POSITION_PARAMETERS, collection, GEOJSON
        ),
        "/styles": _get("Styles", "styles", "样式 / styles", one),
        "/styles/{styleId}": _get("Styles", "style", "MapLibre 样式 / style", one, ("styleId",), MAPBOX_STYLE),
    }  # fmt: skip


def _get(
    tag: str, name: str, summary: str, query: tuple[str, ...], path: tuple[str, ...] = (), media_type: str = JSON
) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "OK", "content": {media_type: {"schema": _schema_of(media_type)}}}
    if media_type not in (MEDIA_TYPE, MAPBOX_STYLE, "image/tiff"):
        success["content"][HTML] = {"schema": {"type": "string"}}
    responses: dict[str, Any] = {"200": success, "304": {"description": "未变 / unchanged"}}
    if media_type == MEDIA_TYPE:
        responses["204"] = {"description": "空瓦片 / nothing lies in the tile"}
    for status, why in (
        ("400", "参数错误 / bad parameter"),
        ("401", "请登录 / sign in"),
        ("404", "不存在或无权查看 / not visible"),
    ):
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}
        responses[status] = {"description": why, "content": content}
    return {
        "get": {
            "tags": [tag],
            "operationId": name,
            "summary": summary,
            "parameters": [{"$ref": f"#/components/parameters/{one}"} for one in (*path, *query)],
            "responses": responses,
        }
    }


def _edit(
    name: str, summary: str, parameters: tuple[str, ...], success: str, body: str | None = GEOJSON
) -> dict[str, Any]:
    """An operation of Part 4: each accepted edit is a version of the dataset."""
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}
    reasons = {
        "400": "无法读取 / unreadable", "401": "请登录 / sign in", "403": "无权或未开放编辑 / not allowed or not opened",
        "404": "不存在或无权查看 / not visible", "409": "与现有数据冲突 / conflict", "412": "已被他人修改 / changed meanwhile",
        "413": "过大 / too large", "422": "不合标准，逐项说明 / breaks the standard, fault by fault",
        "428": "缺少 If-Match / If-Match needed",
    }  # fmt: skip
    operation: dict[str, Any] = {
        "tags": ["Features"],
        "operationId": name,
        "summary": summary,
        "parameters": [{"$ref": f"#/components/parameters/{one}"} for one in parameters],
        "responses": {
            success: {"description": "已成为新版本 / is a new version"},
            **{status: {"description": why, "content": problem} for status, why in reasons.items()},
        },
        "security": [{"token": []}],
    }
    if body is not None:
        schema = {"$ref": "#/components/schemas/feature"}
        operation["requestBody"] = {"required": True, "content": {body: {"schema": schema}}}
    return operation


def _schema_of(media_type: str) -> dict[str, Any]:
    return {"type": "string", "format": "binary"} if media_type in (MEDIA_TYPE, "image/tiff") else {"type": "object"}


def _parameters() -> dict[str, Any]:
    limits = maps_settings()
    text: dict[str, Any] = {"type": "string"}
    number = {"type": "integer", "minimum": 0}
    in_path = {
        "collectionId": text,
        "featureId": text,
        "recordId": text,
        "styleId": text,
        "tileMatrixSetId": {"type": "string", "enum": list(GRIDS)},
        "tileMatrix": {"type": "integer", "minimum": 0, "maximum": limits.max_zoom},
        "tileRow": number,
        "tileCol": number,
    }
    box = {
        "type": "array",
        "items": {"type": "number"},
        "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
    }
    in_query: dict[str, tuple[dict[str, Any], str]] = {
        "f": (text, "json、html；瓦片集另有 tilejson"),
        "q": (text, "检索词 / words, all of them"),
        "ids": ({"type": "array", "items": text}, "编码 / codes"),
        "externalIds": ({"type": "array", "items": text}, "编码或别名 / codes or aliases"),
        "type": (text, "资源类型：dataset / kind of resource"),
        "limit": (
            {"type": "integer", "minimum": 1, "maximum": limits.page_limit_max, "default": limits.page_limit},
            "每页要素数 / features per page",
        ),
        "after": (text, "只取自 next 链接 / only from a next link"),
        "bbox": (box, "范围，按 bbox-crs 的轴序 / box in the axis order of bbox-crs"),
        "bbox-crs": ({**text, "format": "uri", "default": crs.CRS84}, "bbox 的坐标系"),
        "crs": ({**text, "format": "uri", "default": crs.CRS84}, "要素坐标系及其轴序 / CRS of the answer"),
        "datetime": (text, "有效时间：日期、时刻或区间 / validity: date, instant or interval"),
        "valid_at": ({**text, "format": "date"}, "某日有效 / valid on one day"),
        "known_at": ({**text, "format": "date-time"}, "某时刻所知 / as known at an instant"),
        "county": ({**text, "pattern": "^[0-9]{6}$"}, "县级代码，缺省取标识码前六位 / county of the new feature"),
        "valid_from": ({**text, "format": "date"}, "自某日有效，缺省今天 / true from this day, today if absent"),
        "properties": ({"type": "array", "items": text}, "返回的字段 / attributes to answer with"),
        "geometry": (
            {"type": "string", "enum": ["auto", "full"], "default": "auto"},
            "瓦片几何：full 为全部细节 / full: tiles with all detail at every zoom",
        ),
        "skipGeometry": ({"type": "boolean", "default": False}, "不要几何 / without geometry"),
        "sortby": (
            {
                "type": "array",
                "items": {"type": "string", "pattern": "^[+-]?\\w+$"},
                "minItems": 1,
                "maxItems": MOST_KEYS,
            },
            "排序，-为降序 / order, - for descending: -TBMJ,+BSM",
        ),
        "filter": (
            {**text, "maxLength": MOST_CHARACTERS},
            "CQL2 条件 / filter in CQL2: DLBM LIKE '01%' AND TBMJ > 1000",
        ),
        "filter-lang": ({"type": "string", "enum": ["cql2-text", "cql2-json"]}, "条件的写法 / encoding of the filter"),
        "filter-crs": ({**text, "format": "uri", "default": crs.CRS84}, "条件中几何的坐标系 / CRS of its geometries"),
    }
    in_query |= {name: one for name, one in coverages.PARAMETERS.items() if name not in in_query}
    named = {name: {"name": name, "in": "path", "required": True, "schema": schema} for name, schema in in_path.items()}
    for name, (schema, why) in in_query.items():
        named[name] = {"name": name, "in": "query", "required": False, "schema": schema, "description": why}
        if schema.get("type") == "array":
            named[name] |= {"style": "form", "explode": False}
    named["If-Match"] = {
        "name": "If-Match", "in": "header", "required": True, "schema": text,
        "description": "读取该要素时的 ETag / the ETag it was read with",
    }  # fmt: skip
    named["Content-Crs"] = {
        "name": "Content-Crs", "in": "header", "required": False, "schema": text,
        "description": "请求中几何的坐标系，<URI> / CRS of the geometry sent",
    }  # fmt: skip
    named["attributes"] = {
        "name": "attributes",
        "in": "query",
        "required": False,
        "style": "form",
        "explode": True,
        "description": "以字段代码为名的等值条件，如 DLBM=0101 / equality filters named by attribute code",
        "schema": {"type": "object", "additionalProperties": text},
    }
    return named


_FEATURE = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"type": "string", "enum": ["Feature"]},
        "properties": {"type": "object", "nullable": True, "description": "字段代码与值 / attributes by code"},
        "geometry": {"type": "object", "nullable": True, "description": "GeoJSON，坐标系见 Content-Crs"},
    },
}
_PROBLEM = {
    "type": "object",
    "required": ["status", "code", "detail_zh", "detail_en"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail_zh": {"type": "string"},
        "detail_en": {"type": "string"},
    },
}
