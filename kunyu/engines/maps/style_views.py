"""The styles of the layers (OGC API – Styles, as far as a list and MapLibre documents go)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from kunyu.engines.catalogue.served.layers import open_layer, visible_layers
from kunyu.engines.maps import styles
from kunyu.engines.maps.answers import (
    MAPBOX_STYLE,
    Cell,
    Table,
    json_answer,
    page_answer,
    principal_of,
    reading,
    root_of,
    wants_html,
)
from kunyu.engines.maps.collections import collection_address, link, title_of
from kunyu.engines.maps.errors import NoSuchStyle
from kunyu.engines.maps.parameters import read_query
from kunyu.engines.security import scope


@reading
def style_list(request: HttpRequest) -> HttpResponse:
    """One style for every spatial collection the caller may see."""
    query = read_query(request, ("f",))
    root = root_of(request)
    listed: list[dict[str, Any]] = [
        {
            "id": layer.collection,
            "title": title_of(layer),
            "links": [link(f"{root}/styles/{layer.collection}", "stylesheet", MAPBOX_STYLE, title_of(layer))],
        }
        for layer in visible_layers(principal_of(request))
        if layer.is_spatial
    ]
    if wants_html(request, query):
        rows = [(Cell(one["title"], one["links"][0]["href"]),) for one in listed]
        return page_answer(request, ("样式", "Styles"), ("", ""), [Table(("", ""), (), rows)])
    return json_answer(request, {"styles": listed, "default": listed[0]["id"] if listed else None})


@reading
def style(request: HttpRequest, style_id: str) -> HttpResponse:
    """The MapLibre style of one collection; its source is the collection's TileJSON."""
    layer, granted = open_layer(principal_of(request), style_id, scope.SEE)
    if not layer.is_spatial:
        raise NoSuchStyle(f"{style_id} 没有几何，没有样式。", f"{style_id} has no geometry and therefore no style.")
    query = read_query(request, ("f",))
    tilejson = f"{collection_address(root_of(request), layer.collection)}/tiles/WebMercatorQuad?f=tilejson"
    if wants_html(request, query, "mapbox"):
        rows = [(Cell(one.code), Cell(one.name_zh), Cell(one.colour)) for one in styles.legend(layer)]
        return page_answer(request, (layer.name_zh, layer.name_en), ("", ""), [Table(("图例", "Legend"), (), rows)])
    return json_answer(request, styles.style_document(layer, tilejson), MAPBOX_STYLE, is_public=granted.is_public)
