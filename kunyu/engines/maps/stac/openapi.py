"""The OpenAPI 3.0 description of the STAC API."""

from __future__ import annotations

from typing import Any

from kunyu.engines.maps.answers import GEOJSON, JSON
from kunyu.engines.maps.stac.parameters import ITEMS_PARAMETERS, SEARCH_PARAMETERS

_PLAIN = {"type": "string"}


def describe(root: str) -> dict[str, Any]:
    """The whole description; ``root`` is the absolute address of ``/stac``."""
    collection, item = ("collectionId",), ("collectionId", "itemId")
    search = _get("search", "检索影像 / search", GEOJSON, (), SEARCH_PARAMETERS)
    search["post"] = {
        **search["get"], "operationId": "searchByPost", "parameters": [],
        "requestBody": {"required": True, "content": {JSON: {"schema": {"type": "object"}}}},
    }  # fmt: skip
    return {
        "openapi": "3.0.3",
        "info": {"title": "坤舆 影像目录 / Kunyu STAC API", "version": "1.0.0"},
        "servers": [{"url": root}],
        "paths": {
            "/": _get("landing", "根目录 / root catalogue", JSON),
            "/conformance": _get("conformance", "一致性声明 / conformance", JSON),
            "/collections": _get("collections", "影像集 / collections", JSON),
            "/collections/{collectionId}": _get("collection", "一个影像集 / one collection", JSON, collection),
            "/collections/{collectionId}/items": _get("items", "影像 / items", GEOJSON, collection, ITEMS_PARAMETERS),
            "/collections/{collectionId}/items/{itemId}": _get("item", "一幅影像 / one item", GEOJSON, item),
            "/collections/{collectionId}/items/{itemId}/assets/{name}": _get(
                "asset", "影像文件，可按字节范围 / the file, by range", "image/tiff", (*item, "name")
            ),
            "/search": search,
        },
    }


def _get(
    name: str, summary: str, media_type: str, path: tuple[str, ...] = (), query: tuple[str, ...] = ()
) -> dict[str, Any]:
    parameters = [{"name": one, "in": "path", "required": True, "schema": _PLAIN} for one in path]
    parameters += [{"name": one, "in": "query", "required": False, "schema": _PLAIN} for one in query]
    schema = {"type": "string", "format": "binary"} if media_type == "image/tiff" else {"type": "object"}
    problem = {"application/problem+json": {"schema": {"type": "object"}}}
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "parameters": parameters,
            "responses": {
                "200": {"description": "OK", "content": {media_type: {"schema": schema}}},
                "400": {"description": "参数错误 / bad parameter", "content": problem},
                "404": {"description": "不存在或无权查看 / not visible", "content": problem},
            },
        }
    }
