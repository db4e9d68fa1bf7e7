"""Descriptions of a collection's raster tile sets (OGC 20-057, data type map): the same for drawn layers and coverages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from kunyu.engines.catalogue.served.layers import ServedLayer, extent_of, published_versions
from kunyu.engines.maps import crs
from kunyu.engines.maps.answers import JSON, Cell, Table, json_answer, page_answer, root_of, wants_html
from kunyu.engines.maps.collections import collection_address, link, title_of
from kunyu.engines.maps.grids import GRIDS, grid_of
from kunyu.engines.maps.parameters import read_query
from kunyu.engines.security.scope import Scope

TILING_SCHEME = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"


def tilesets_answer(request: HttpRequest, layer: ServedLayer, granted: Scope) -> HttpResponse:
    """Both raster tile sets of a collection."""
    query = read_query(request, ("f",))
    address = collection_address(root_of(request), layer.collection)
    document = {
        "links": [link(f"{address}/map/tiles", "self", JSON, "本文档 / this document")],
        "tilesets": [_tileset(layer, granted, grid_id, address) for grid_id in GRIDS],
    }
    if wants_html(request, query):
        rows = [(Cell(one["title"], one["links"][0]["href"]),) for one in document["tilesets"]]
        return page_answer(request, ("栅格瓦片", "Raster tiles"), (title_of(layer), ""), [Table(("", ""), (), rows)])
    return json_answer(request, document, is_public=granted.is_public)


def tileset_answer(request: HttpRequest, layer: ServedLayer, granted: Scope, grid_id: str) -> HttpResponse:
    """One raster tile set; :class:`NoSuchTile` for a matrix set that there is not."""
    query = read_query(request, ("f",))
    document = _tileset(layer, granted, grid_of(grid_id).id, collection_address(root_of(request), layer.collection))
    if wants_html(request, query):
        rows = [(Cell(one["rel"]), Cell(one["href"])) for one in document["links"]]
        return page_answer(request, (document["title"], ""), ("", ""), [Table(("", ""), (), rows)])
    return json_answer(request, document, is_public=granted.is_public)


def _tileset(layer: ServedLayer, granted: Scope, grid_id: str, address: str) -> dict[str, Any]:
    grid, here = GRIDS[grid_id], f"{address}/map/tiles/{grid_id}"
    matrix_set = f"{address.split('/collections/', maxsplit=1)[0]}/tileMatrixSets/{grid_id}"
    document: dict[str, Any] = {
        "title": f"{title_of(layer)}（{grid_id}）",
        "dataType": "map",
        "crs": crs.EPSG_URI.format(grid.epsg),
        "tileMatrixSetURI": grid.uri or matrix_set,
        "links": [
            link(here, "self", JSON, "本文档 / this document"),
            link(matrix_set, TILING_SCHEME, JSON, grid_id),
            {**link(f"{here}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}", "item", "image/png", "瓦片 / tile"),
             "templated": True},
        ],
    }  # fmt: skip
    extent = extent_of(published_versions(layer, granted)).box
    if extent:
        document["boundingBox"] = {"lowerLeft": [*extent[:2]], "upperRight": [*extent[2:]], "crs": crs.CRS84}
    return document
