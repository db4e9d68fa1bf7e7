"""House API of the map page: layer tree, what is at a point, search, dates, base map. OGC has no standard for these."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema

from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.catalogue.served.layers import open_layer, published_versions
from kunyu.engines.maps import at_hand, basemap, layer_nodes, search, tiles, tree
from kunyu.engines.maps import identify as identifying
from kunyu.engines.maps.answers import Caching, is_unchanged, principal_of
from kunyu.engines.security import scope

router = Router(tags=["map"])


class LegendOut(Schema):
    code: str
    name_zh: str
    name_en: str
    colour: str
    verified: bool


class FieldOut(Schema):
    code: str
    name_zh: str
    name_en: str
    unit: str


class VersionOut(Schema):
    county: str
    number: int
    valid_from: date
    known_from: datetime
    record_count: int | None
    is_incremental: bool


class LabelOut(Schema):
    """How secret (0 public to 5 top secret), and the whole label in words."""

    secrecy: int
    name_zh: str
    name_en: str


class LayerOut(Schema):
    """``tiles`` is an XYZ template from the site's root; ``paint`` are MapLibre layers on source ``collection``."""

    collection: str
    code: str
    name_zh: str
    name_en: str
    dataset: str
    dataset_name_zh: str
    standard: str
    label: LabelOut
    geometry: str
    tiles: str | None
    tile_type: str
    source_layer: str
    max_zoom: int
    may_query: bool
    paint: list[dict[str, Any]]
    class_field: str | None
    colour: str
    legend: list[LegendOut]
    key: str
    fields: list[FieldOut]
    extent: list[float] | None
    dates: list[date]
    versions: list[VersionOut]


class BranchOut(Schema):
    code: str
    name_zh: str
    name_en: str
    children: list[BranchOut]
    layers: list[LayerOut]


class NodeOut(Schema):
    """A row of the tree. ``kind``: item, dataset, layer; ``count``: visible layers under it; ``path``: where it stands."""

    id: str
    kind: str
    code: str
    name_zh: str
    name_en: str
    count: int
    parent: str
    geometry: str
    path_zh: str
    path_en: str


class NodesOut(Schema):
    """``total`` may be more than are listed; ``start`` (root only) is the layer a first visit opens."""

    nodes: list[NodeOut]
    total: int
    start: str | None


class Collections(Schema):
    """Codes of layers, in order."""

    collections: list[str]


class AttributeOut(Schema):
    """``meaning_zh`` is the name of the code, for coded attributes."""

    code: str
    name_zh: str
    name_en: str
    value: Any
    meaning_zh: str | None
    unit: str
    verified: bool


class FeatureOut(Schema):
    id: str
    geometry: dict[str, Any] | None
    valid: list[str]
    attributes: list[AttributeOut]


class IdentifiedOut(Schema):
    collection: str
    layer: str
    name_zh: str
    name_en: str
    standard: str
    valid_at: str
    known_at: str
    has_more: bool
    features: list[FeatureOut]


class HitOut(Schema):
    """``kind`` is coordinate, division or feature; ``box`` is west, south, east, north in degrees."""

    kind: str
    title: str
    subtitle: str
    lon: float | None
    lat: float | None
    box: list[float] | None
    collection: str | None
    feature: str | None


class DateOut(Schema):
    """A day from which on a layer is different, and since when that is known."""

    date: date
    known_from: datetime
    counties: list[str]


@router.get("/layers", response=list[BranchOut], summary="图层树 / layer tree")
def layers(request: HttpRequest) -> list[tree.Branch]:
    """Catalogue branches that hold a layer the caller may see."""
    return tree.layer_tree(principal_of(request))


@router.get("/layers/{collection}", response=LayerOut, summary="一个图层 / one layer")
def one_layer(request: HttpRequest, collection: str) -> dict[str, Any]:
    """All that a map page needs to draw one layer."""
    principal = principal_of(request)
    layer, _ = open_layer(principal, collection, scope.SEE)
    return tree.layer_entry(layer, principal)


@router.get("/tree", response=NodesOut, summary="图层目录 / layer tree, a level at a time")
def nodes(request: HttpRequest, parent: str = "", q: str = "", empty: bool = False) -> layer_nodes.Nodes:
    """Rows under ``parent`` ('' is the root), or layers in whose names and codes every word of ``q`` stands."""
    principal = principal_of(request)
    words = q.replace("\0", "").strip()[:80]
    if words:
        return layer_nodes.find(principal, words)
    return layer_nodes.children(principal, parent.replace("\0", ""), empty)


@router.get("/favourites", response=list[NodeOut], summary="收藏的图层 / favourite layers")
def favourites(request: HttpRequest) -> list[layer_nodes.Node]:
    """The caller's favourites that he may see, in his order."""
    return at_hand.favourites(principal_of(request))


@router.put("/favourites", response=list[NodeOut], summary="更新收藏 / replace the favourites")
def keep_favourites(request: HttpRequest, body: Collections) -> list[layer_nodes.Node]:
    """Make these the caller's favourites."""
    return at_hand.keep_favourites(principal_of(request), [one.replace("\0", "") for one in body.collections])


@router.get("/recent", response=list[NodeOut], summary="最近使用的图层 / recently used layers")
def recent(request: HttpRequest) -> list[layer_nodes.Node]:
    """Layers the caller switched on lately, the last one first."""
    return at_hand.recent(principal_of(request))


@router.post("/recent", response=list[NodeOut], summary="记住用过的图层 / remember layers as used")
def note_used(request: HttpRequest, body: Collections) -> list[layer_nodes.Node]:
    """Put these in front of the caller's recently used layers."""
    return at_hand.note_used(principal_of(request), [one.replace("\0", "") for one in body.collections])


@router.get("/identify", response=list[IdentifiedOut], summary="点查询 / what is at a point")
def identify(
    request: HttpRequest,
    lon: float = Query(..., ge=-180, le=180),
    lat: float = Query(..., ge=-90, le=90),
    layers: str | None = None,
    valid_at: str | None = None,
    known_at: str | None = None,
    zoom: float = Query(16, ge=0, le=24),
) -> list[dict[str, Any]]:
    """Features at a point; ``layers`` are collections separated by commas, all visible ones when absent."""
    named = [name for name in layers.split(",") if name] if layers is not None else None
    times = {name: value for name, value in (("valid_at", valid_at), ("known_at", known_at)) if value}
    return identifying.identify(principal_of(request), identifying.Place(lon, lat, zoom), named, times)


@router.get("/search", response=list[HitOut], summary="查找 / search")
def find(
    request: HttpRequest,
    q: str,
    valid_at: str | None = None,
    limit: int = Query(10, ge=1, le=50),
    layers: str = "",
) -> list[search.Hit]:
    """A place, a parcel (identifier or number) or a coordinate; ``layers``, separated by commas, are asked first."""
    text = q.strip().replace("\0", "")
    if not text:
        raise BadParameter(
            "请输入地名、区划代码、标识码、图斑编号或坐标。", "Enter a place, code, parcel or coordinate."
        )
    first = [one for one in layers.replace("\0", "").split(",") if one]
    return search.search(principal_of(request), text[:80], valid_at, limit, first)


@router.get("/dates", response=list[DateOut], summary="变化日期 / dates of change")
def dates(request: HttpRequest, collection: str) -> list[DateOut]:
    """Days on which something changed in a collection, for the time slider, oldest first."""
    layer, granted = open_layer(principal_of(request), collection, scope.SEE)
    found: dict[date, DateOut] = {}
    for one in published_versions(layer, granted):
        entry = found.setdefault(one.valid_from, DateOut(date=one.valid_from, known_from=one.known_from, counties=[]))
        if one.county not in entry.counties:
            entry.counties.append(one.county)
    return [found[day] for day in sorted(found)]


@router.get("/base", summary="底图 TileJSON / base map")
def base(request: HttpRequest) -> dict[str, Any]:
    """TileJSON of the administrative boundaries, marked 示意."""
    return basemap.base_tilejson(request.build_absolute_uri("/").rstrip("/"))


@router.get("/base/{zoom}/{row}/{column}", summary="底图瓦片 / base map tile")
def base_tile(request: HttpRequest, zoom: int, row: int, column: int) -> HttpResponse:
    """A vector tile of boundaries and place names (WebMercatorQuad, OGC order); 204 when empty."""
    state = basemap.base_state()
    caching = Caching(f'"{state.digest}-{zoom}-{row}-{column}"', is_public=False)
    if is_unchanged(request, caching.tag):
        return caching.not_modified()
    data = basemap.kept_base(state, zoom, row, column)
    response = HttpResponse(data, content_type=tiles.MEDIA_TYPE) if data else HttpResponse(status=204)
    response["Kunyu-Map-Approval"] = "none; illustrative"
    return caching.dress(response)
