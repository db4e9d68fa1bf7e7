"""OGC API – Tiles: tile matrix sets, tile sets, TileJSON and the tiles themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from kunyu.engines.catalogue.served.asof import read_moment
from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.catalogue.served.layers import ServedLayer, extent_of, open_layer, published_versions, record_read
from kunyu.engines.maps import collections, tiles
from kunyu.engines.maps.answers import (
    JSON,
    Caching,
    Cell,
    Table,
    dress_time,
    is_unchanged,
    json_answer,
    page_answer,
    principal_of,
    reading,
    root_of,
    state_digest,
    wants_html,
)
from kunyu.engines.maps.collections import collection_address, link, title_of
from kunyu.engines.maps.cql.reading import read_filter
from kunyu.engines.maps.errors import NoSuchTile
from kunyu.engines.maps.grids import GRIDS, TileMatrixSet, grid_of
from kunyu.engines.maps.parameters import TILE_PARAMETERS, read_attributes, read_geometry, read_query
from kunyu.engines.maps.pyramids.state import state_of
from kunyu.engines.maps.settings import maps_settings
from kunyu.engines.maps.short_road import FAILED, REMEMBER, Told, epochs_before, read_of
from kunyu.engines.maps.tile_plans import TilePlan
from kunyu.engines.security import label_registry, scope
from kunyu.engines.security.scope import Scope


def _open(request: HttpRequest, collection_id: str, action: str) -> tuple[ServedLayer, Scope]:
    layer, granted = open_layer(principal_of(request), collection_id, action, only_reads=True)
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
    if (failed := request.META.get(FAILED)) is not None:
        raise failed  # it was drawn ahead of the application
    epochs = epochs_before(request)
    layer, granted = _open(request, collection_id, scope.QUERY)
    query = read_query(request, TILE_PARAMETERS)
    if query.get("f", "mvt") not in ("mvt", "pbf"):
        raise BadParameter("瓦片只有 f=mvt 一种格式。", "Tiles come as f=mvt only.")
    grid, place = grid_of(grid_id), (zoom, row, column)
    grid.require(*place)
    plan = _plan(request, layer, granted, grid, query)
    # what nginx answers by itself is on nobody's record: only what needs none
    alone = maps_settings().front_seconds if granted.is_public and plan.label.is_open else 0
    caching = Caching(plan.tag(place), granted.is_public, alone)
    is_present = plan.asof.moment.known_at is None
    told = Told(principal_of(request), epochs, caching.tag) if epochs and is_present else None
    if is_unchanged(request, caching.tag):
        request.META[REMEMBER] = told
        return dress_time(caching.not_modified(), plan.asof)
    box = plan.extent(place)
    record_read(principal_of(request), layer, box, "tiles")
    kept = plan.tile(place)
    response = HttpResponse(kept.data, content_type=tiles.MEDIA_TYPE) if kept.data else _nothing()
    for name, value in kept.headers.items():
        response[name] = value
    if told is not None:
        request.META[REMEMBER] = replace(told, read=read_of(plan, box), plan=plan)
    return dress_time(caching.dress(response), plan.asof)


def _plan(
    request: HttpRequest, layer: ServedLayer, granted: Scope, grid: TileMatrixSet, query: dict[str, str]
) -> TilePlan:
    asof, state = read_moment(layer, query), state_of(layer)
    above = request.path.rsplit("/", 3)[0]
    return TilePlan(
        layer, granted, asof, state, grid, read_attributes(layer, query.get("properties"), layer.tile_fields),
        read_geometry(query), read_filter(layer, granted, query), label_registry.strictest_of(layer.collection),
        state_digest(request, layer, granted, asof, f"mvt {state.digest}", above),
    )  # fmt: skip


def _nothing() -> HttpResponse:
    response = HttpResponse(status=204)
    del response["Content-Type"]
    return response
