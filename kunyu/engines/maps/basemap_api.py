"""House API of the base maps: which there are, relief, and the map of another house."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema

from kunyu.engines.maps import basemap_list, basemap_relief
from kunyu.engines.maps.answers import Caching, is_unchanged, principal_of
from kunyu.engines.maps.basemap_outside import adapter
from kunyu.engines.maps.coverages import encoding
from kunyu.engines.maps.coverages.options import read_options
from kunyu.engines.maps.errors import NoSuchTile
from kunyu.engines.maps.parameters import read_query

router = Router(tags=["map"])
_DAY = 86_400


class SourceOut(Schema):
    """A collection a base map is drawn from."""

    collection: str
    title: str


class BaseOut(Schema):
    """``tiles`` is an XYZ template from the site's root (the row is ``{y}``); ``notice`` stands beside the map."""

    id: str
    title_zh: str
    title_en: str
    kind: str
    tiles: str
    tile_size: int
    min_zoom: int
    max_zoom: int
    attribution: str
    notice: str
    notice_en: str
    sources: list[SourceOut]
    source_layers: list[str]


@router.get("/bases", response=list[BaseOut], summary="底图目录 / base maps")
def bases(request: HttpRequest) -> list[dict[str, object]]:
    """Base maps that the caller may switch on."""
    return basemap_list.bases(principal_of(request))


@router.get("/base/relief/{zoom}/{row}/{column}", summary="地势晕渲瓦片 / relief tile")
def relief_tile(request: HttpRequest, zoom: int, row: int, column: int) -> HttpResponse:
    """Shaded relief (``style=hillshade`` or ``relief`` with tints) of WebMercatorQuad; 204 where there are no heights."""
    query = read_query(request, ("style", "azimuth", "altitude", "exaggeration"))
    options = read_options({"style": "hillshade", **query})
    principal = principal_of(request)
    caching = Caching(basemap_relief.relief_tag(request, principal), is_public=False)
    if is_unchanged(request, caching.tag):
        return caching.not_modified()
    drawn = basemap_relief.relief_tile(principal, zoom, row, column, options)
    if drawn is None:
        return caching.dress(HttpResponse(status=204))
    return caching.dress(HttpResponse(encoding.encode(drawn, "png"), content_type="image/png"))


@router.get("/base/outside/{zoom}/{row}/{column}", summary="外部底图瓦片 / tile of an outside base map")
def outside_tile(request: HttpRequest, zoom: int, row: int, column: int) -> HttpResponse:
    """A tile the node fetched from the map of another house; 204 where that has none."""
    outside = adapter()
    if outside is None:
        raise NoSuchTile(
            "本节点没有设置外部底图（KUNYU_BASEMAP_WMTS_URL）。",
            "This node has no outside base map (KUNYU_BASEMAP_WMTS_URL).",
        )
    found = outside.tile(zoom, row, column)
    if found is None:
        return HttpResponse(status=204)
    response = HttpResponse(found.data, content_type=found.media_type)
    response["Cache-Control"] = f"private, max-age={_DAY}"
    return response
