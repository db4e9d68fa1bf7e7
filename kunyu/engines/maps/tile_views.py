"""OGC API – Tiles: tile matrix sets, tile sets, TileJSON and the tiles themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from kunyu.engines.catalogue.served.asof import read_moment
from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.catalogue.served.layers import ServedLayer, extent_of, open_layer, published_versions, record_read
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.maps import collections, tiles
from kunyu.engines.maps.answers import (
    JSON,
    Caching,
    Cell,
    Table,
    dress_time,
    entity_tag,
    is_unchanged,
    json_answer,
    page_answer,
    principal_of,
    reading,
    root_of,
    wants_html,
)
from kunyu.engines.maps.collections import collection_address, link, title_of
from kunyu.engines.maps.cql.reading import evaluating, read_filter
from kunyu.engines.maps.errors import NoSuchTile
from kunyu.engines.maps.grids import GRIDS, grid_of
from kunyu.engines.maps.parameters import TILE_PARAMETERS, read_attributes, read_geometry, read_query
from kunyu.engines.maps.pyramids.state import state_of
from kunyu.engines.maps.settings import maps_settings
from kunyu.engines.maps.short_road import REMEMBER, Told, epochs_before
from kunyu.engines.maps.tile_cache import Kept, tile_cache
from kunyu.engines.maps.tiles import TileAddress
from kunyu.engines.security import label_registry, scope
from kunyu.engines.security.scope import Scope


def _open(request: HttpRequest, collection_id: str, action: str) -> tuple[ServedLayer, Scope]:
    layer, granted = open_layer(principal_of(request), collection_id, action)
    if not layer.is_spatial:
        raise NoSuchTile(
            f"{layer.collection} {layer.name_zh} 是属性表，没有瓦片。",
            f"{layer.collection} is a table without geometry.",
        )
    return layer, granted


@reading
def matrix_sets(request: HttpRequest) -> HttpResponse:
    """The tile matrix sets in use."""
    query = read_query(request, ("f",))
    root = root_of(request)
    listed: list[dict[str, Any]] = [
        {
            "id": grid.id,
            "title": f"{grid.title_zh} / {grid.title_en}",
            **({"uri": grid.uri} if grid.uri else {}),
            "links": [link(f"{root}/tileMatrixSets/{grid.id}", "self", JSON, grid.id)],
        }
        for grid in GRIDS.values()
    ]
    if wants_html(request, query):
        rows = [(Cell(one["id"], one["links"][0]["href"]), Cell(one["title"])) for one in listed]
        return page_answer(request, ("瓦片矩阵集", "Tile matrix sets"), ("", ""), [Table(("", ""), (), rows)])
    return json_answer(request, {"tileMatrixSets": listed}, is_public=True)


@reading
def matrix_set(request: HttpRequest, grid_id: str) -> HttpResponse:
    """One tile matrix set."""
    query = read_query(request, ("f",))
    document = grid_of(grid_id).describe()
    if wants_html(request, query):
        rows = [
            (Cell(m["id"]), Cell(m["cellSize"]), Cell(f"{m['matrixWidth']} × {m['matrixHeight']}"))
            for m in document["tileMatrices"]
        ]
        columns = (("级别", "Level"), ("像元", "Cell size"), ("列 × 行", "Columns × rows"))
        return page_answer(request, (grid_id, grid_id), (document["title"], ""), [Table(("", ""), columns, rows)])
    return json_answer(request, document, is_public=True)


@reading
def tilesets(request: HttpRequest, collection_id: str) -> HttpResponse:
    """The tile sets of a collection."""
    layer, granted = _open(request, collection_id, scope.SEE)
    query = read_query(request, ("f",))
    address = collection_address(root_of(request), layer.collection)
    document = collections.tilesets(layer, extent_of(published_versions(layer, granted)), address)
    if wants_html(request, query):
        rows = [(Cell(one["title"], one["links"][0]["href"]),) for one in document["tilesets"]]
        return page_answer(request, ("矢量瓦片", "Vector tiles"), (title_of(layer), ""), [Table(("", ""), (), rows)])
    return json_answer(request, document, is_public=granted.is_public)


@reading
def tileset(request: HttpRequest, collection_id: str, grid_id: str) -> HttpResponse:
    """One tile set; ``f=tilejson`` answers with TileJSON whose template keeps the time and attribute parameters."""
    layer, granted = _open(request, collection_id, scope.SEE)
    query = read_query(request, TILE_PARAMETERS)
    grid = grid_of(grid_id)
    extent = extent_of(published_versions(layer, granted))
    address = collection_address(root_of(request), layer.collection)
    if query.get("f") == "tilejson":
        if grid.is_geographic:
            raise BadParameter(
                "TileJSON 只描述 WebMercatorQuad；CGCS2000Quad 请用 f=json。",
                "TileJSON only describes WebMercatorQuad; use f=json for CGCS2000Quad.",
            )
        read_moment(layer, query)
        read_attributes(layer, query.get("properties"), ())
        if "filter" in query:
            read_filter(
                layer,
                scope.resolve(principal_of(request), layer.collection, scope.QUERY, public=layer.is_public),
                query,
            )
        kept = urlencode({name: value for name, value in query.items() if name != "f"}, safe=",:")
        document = collections.tilejson(layer, extent, address, maps_settings().max_zoom, kept)
        return json_answer(request, document, is_public=granted.is_public)
    document = collections.tileset(layer, grid_id, extent, address)
    if wants_html(request, query, "tilejson"):
        rows = [(Cell(one["rel"]), Cell(one["href"])) for one in document["links"]]
        return page_answer(request, (document["title"], ""), ("", ""), [Table(("", ""), (), rows)])
    return json_answer(request, document, is_public=granted.is_public)


@reading
def tile(request: HttpRequest, collection_id: str, grid_id: str, zoom: int, row: int, column: int) -> HttpResponse:
    """One vector tile; 204 when nothing lies in it. An unchanged tile is answered before a connection is taken."""
    epochs = epochs_before(request)
    layer, granted = _open(request, collection_id, scope.QUERY)
    query = read_query(request, TILE_PARAMETERS)
    if query.get("f", "mvt") not in ("mvt", "pbf"):
        raise BadParameter("瓦片只有 f=mvt 一种格式。", "Tiles come as f=mvt only.")
    grid = grid_of(grid_id)
    grid.require(zoom, row, column)
    asof = read_moment(layer, query)
    strictest = label_registry.strictest_of(layer.collection)
    # what nginx answers by itself is on nobody's record: only what needs none
    alone = maps_settings().front_seconds if granted.is_public and strictest.is_open else 0
    state = state_of(layer)
    tag = entity_tag(request, layer, granted, asof, f"mvt {state.digest}")
    caching = Caching(tag, granted.is_public, alone)
    told = Told(principal_of(request), epochs, caching.tag) if epochs and asof.moment.known_at is None else None
    if is_unchanged(request, caching.tag):
        request.META[REMEMBER] = told
        return dress_time(caching.not_modified(), asof)
    attributes = read_attributes(layer, query.get("properties"), layer.tile_fields)
    is_full = read_geometry(query)
    address = TileAddress(grid, zoom, row, column)
    inside = grid.lonlat(address.plane)
    box = (inside.x_min, inside.y_min, inside.x_max, inside.y_max)
    record_read(principal_of(request), layer, box, "tiles")
    filtered = read_filter(layer, granted, query)
    kept = tile_cache().get(caching.tag)
    if kept is None:
        with evaluating(filtered):
            selection = Selection(layer, granted, asof.moment, filtered=filtered)
            drawn = tiles.draw(selection, address, attributes, state, full=is_full)
        kept = Kept(drawn.data, _own_headers(drawn))
        tile_cache().put(caching.tag, kept, strictest)
    response = HttpResponse(kept.data, content_type=tiles.MEDIA_TYPE) if kept.data else HttpResponse(status=204)
    for name, value in kept.headers.items():
        response[name] = value
    if told is not None:
        read = (layer.collection, box, strictest.code, "tiles") if strictest.code else None
        request.META[REMEMBER] = replace(told, read=read)
    return dress_time(caching.dress(response), asof)


def _own_headers(drawn: tiles.Tile) -> dict[str, str]:
    """What a tile says of itself."""
    headers = {}
    if drawn.is_generalised:
        headers["Kunyu-Generalised"] = ", ".join(drawn.methods)
    if drawn.truncated_to is not None:
        headers["Kunyu-Truncated"] = f"largest {drawn.truncated_to}"
    return headers
