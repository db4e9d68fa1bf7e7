"""OGC API – Styles (20-009): list, MapLibre JSON and SLD 1.1, metadata, legends, and styles that people save.

A style's id is a collection (its own look), a saved style (``s-…``) or a composition. Anybody signed in saves styles of
collections he may see; only their owner replaces or removes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt

from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.catalogue.served.layers import ServedLayer, open_layer, visible_layers
from kunyu.engines.maps import styles, styles_check, styles_saved, styles_sld
from kunyu.engines.maps.answers import (
    MAPBOX_STYLE,
    Caching,
    Cell,
    Table,
    content_tag,
    is_unchanged,
    json_answer,
    page_answer,
    principal_of,
    reading,
    root_of,
    wants_html,
)
from kunyu.engines.maps.collections import collection_address, link, title_of
from kunyu.engines.maps.compositions import looks
from kunyu.engines.maps.drawing import legend
from kunyu.engines.maps.drawing.errors import BadStyle
from kunyu.engines.maps.errors import MethodNotAllowed, NoSuchStyle
from kunyu.engines.maps.models import SavedStyle
from kunyu.engines.maps.parameters import read_query
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Principal

PREVIEW_REL = "preview"


@dataclass(frozen=True)
class Found:
    """A style as it is answered: its document, and (collection, style layers) in the order of drawing."""

    id: str
    title: str
    document: Mapping[str, Any]
    parts: tuple[tuple[str, tuple[Mapping[str, Any], ...]], ...]
    is_public: bool = False


def _entry(root: str, style_id: str, title: str) -> dict[str, Any]:
    address = f"{root}/styles/{quote(style_id, safe='@')}"
    return {
        "id": style_id,
        "title": title,
        "links": [
            link(f"{address}?f=mapbox", "stylesheet", MAPBOX_STYLE, title),
            link(f"{address}?f=sld", "stylesheet", styles_sld.MEDIA_TYPE, title),
            link(f"{address}/metadata", "describedby", "application/json", title),
            link(f"{address}/legend", PREVIEW_REL, "image/png", title),
        ],
    }


def acting(*writes: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """A view that reads, and writes with the methods named; the middleware guards cookies against other sites."""

    def wrap(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in ("GET", "HEAD", *writes):
                allowed = ", ".join(("GET", "HEAD", *writes))
                raise MethodNotAllowed(f"这里可用 {allowed}。", f"Allowed here: {allowed}.")
            response = view(request, *args, **kwargs)
            patch_vary_headers(response, ("Accept", "Accept-Language", "Authorization", "Cookie"))
            return response

        return csrf_exempt(guarded)  # type: ignore[no-any-return]

    return wrap


@acting("POST")
def style_list(request: HttpRequest) -> HttpResponse:
    """Every style the caller may use: the looks of collections, saved styles, compositions. POST saves a new one."""
    if request.method == "POST":
        return _create(request)
    query = read_query(request, ("f",))
    principal, root = principal_of(request), root_of(request)
    listed = [
        _entry(root, layer.collection, title_of(layer)) for layer in visible_layers(principal) if layer.is_spatial
    ]
    default = listed[0]["id"] if listed else None
    listed += [_entry(root, one.slug, one.title) for one in styles_saved.visible_styles(principal)]
    listed += [_entry(root, slug, title) for slug, title in looks.titles(principal)]
    if wants_html(request, query):
        rows = [(Cell(one["title"], one["links"][0]["href"]),) for one in listed]
        return page_answer(request, ("样式", "Styles"), ("", ""), [Table(("", ""), (), rows)])
    return json_answer(request, {"styles": listed, "default": default})


@reading
def collection_styles(request: HttpRequest, collection_id: str) -> HttpResponse:
    """The styles in which one collection can be drawn."""
    principal, root = principal_of(request), root_of(request)
    layer, _ = open_layer(principal, collection_id, scope.SEE)
    query = read_query(request, ("f",))
    _require_spatial(layer)
    listed = [_entry(root, layer.collection, title_of(layer))]
    listed += [_entry(root, one.slug, one.title) for one in styles_saved.visible_styles(principal, layer.collection)]
    if wants_html(request, query):
        rows = [(Cell(one["title"], one["links"][0]["href"]),) for one in listed]
        return page_answer(request, ("样式", "Styles"), (title_of(layer), ""), [Table(("", ""), (), rows)])
    return json_answer(request, {"styles": listed, "default": layer.collection})


def _require_spatial(layer: ServedLayer) -> None:
    if not layer.is_spatial:
        raise NoSuchStyle(
            f"{layer.collection} 没有几何，没有样式。", f"{layer.collection} has no geometry and therefore no style."
        )


def _read_body(request: HttpRequest) -> styles_check.CheckedStyle:
    if len(request.body) > styles_check.MOST_BYTES:
        raise BadStyle(
            f"样式 {len(request.body)} 字节，至多 {styles_check.MOST_BYTES}。",
            f"The style has {len(request.body)} bytes; at most {styles_check.MOST_BYTES}.",
        )
    try:
        given = json.loads(request.body)
    except (ValueError, RecursionError):
        raise BadStyle("请求正文不是 JSON。", "The body is not JSON.") from None
    return styles_check.check_style(given, request.get_host())


def _create(request: HttpRequest) -> HttpResponse:
    principal = principal_of(request)
    styles_saved.require_person(principal)
    made = styles_saved.create(principal, _read_body(request))
    response = json_answer(request, _entry(root_of(request), made.slug, made.title))
    response.status_code = 201
    response["Location"] = f"{root_of(request)}/styles/{made.slug}"
    return response


@acting("PUT", "DELETE")
def style(request: HttpRequest, style_id: str) -> HttpResponse:
    """One style: MapLibre JSON, or SLD 1.1 with ``f=sld``. PUT replaces and DELETE removes a style of one's own."""
    principal = principal_of(request)
    if request.method == "DELETE":
        styles_saved.remove(principal, style_id)
        return HttpResponse(status=204)
    if request.method == "PUT":
        styles_saved.require_signed_in(principal)
        styles_saved.visible_style(principal, style_id)  # before the body is read
        styles_saved.replace(principal, style_id, _read_body(request))
        return HttpResponse(status=204)
    found = find_style(request, principal, style_id)
    query = read_query(request, ("f",))
    form = query.get("f") or ("sld" if "vnd.ogc.sld" in request.headers.get("Accept", "") else "")
    if form == "sld":
        content = styles_sld.sld(found.id, found.title, found.parts)
        return _bytes_answer(request, content, styles_sld.MEDIA_TYPE, is_public=found.is_public)
    if wants_html(request, query, "mapbox", "sld"):
        rows = [(Cell(one.text_zh), Cell(one.colour)) for one in _swatches(principal, found)]
        return page_answer(request, (found.title, ""), ("", ""), [Table(("图例", "Legend"), (), rows)])
    return json_answer(request, found.document, MAPBOX_STYLE, is_public=found.is_public)


def find_style(request: HttpRequest, principal: Principal, style_id: str) -> Found:
    """The style of that id, as far as the caller may see it."""
    root = root_of(request)
    if style_id.startswith(styles_saved.PREFIX):
        saved = styles_saved.visible_style(principal, style_id)
        return _saved(saved, root)
    composed = looks.find(principal, style_id)
    if composed is not None:
        shown = looks.shown(principal, composed.layers)
        sources = {layer.collection: _source(root, layer.collection) for layer, _ in shown}
        parts = tuple((layer.collection, looks.style_layers(layer, one)) for layer, one in shown)
        document = {
            "version": 8, "name": composed.title, "sources": sources,
            "metadata": {"kunyu:composition": style_id, "kunyu:version": composed.number},
            "layers": [one for _, layers in parts for one in layers],
        }  # fmt: skip
        return Found(style_id, composed.title, document, parts)
    layer, granted = open_layer(principal, style_id, scope.SEE)
    _require_spatial(layer)
    tilejson = f"{collection_address(root, layer.collection)}/tiles/WebMercatorQuad?f=tilejson"
    parts = ((layer.collection, tuple(styles.paint_layers(layer, layer.collection))),)
    return Found(style_id, title_of(layer), styles.style_document(layer, tilejson), parts, granted.is_public)


def _source(root: str, collection: str) -> dict[str, str]:
    return {"type": "vector", "url": f"{collection_address(root, collection)}/tiles/WebMercatorQuad?f=tilejson"}


def _saved(saved: SavedStyle, root: str) -> Found:
    parts = tuple((one, styles_check.layers_of(saved.document, one)) for one in saved.collections)
    sources = {
        name: _source(root, styles_check.collection_of(name, one)) for name, one in saved.document["sources"].items()
    }
    return Found(saved.slug, saved.title, {**saved.document, "sources": sources}, parts)


def _swatches(principal: Principal, found: Found) -> list[legend.Swatch]:
    listed: list[legend.Swatch] = []
    for collection, parts in found.parts:
        layer, _ = open_layer(principal, collection, scope.SEE)
        listed += legend.swatches(layer, parts)
    return listed


@reading
def style_metadata(request: HttpRequest, style_id: str) -> HttpResponse:
    """What a style is called, what it draws, where its stylesheets are."""
    found = find_style(request, principal_of(request), style_id)
    read_query(request, ("f",))
    entry = _entry(root_of(request), found.id, found.title)
    sheets = [
        {"title": "MapLibre", "version": "8", "native": True, "link": entry["links"][0]},
        {"title": "OGC SLD", "version": "1.1", "native": False, "link": entry["links"][1]},
    ]
    layers = [
        {"id": part["id"], "type": part["type"], "collection": collection}
        for collection, parts in found.parts
        for part in parts
    ]
    return json_answer(request, {**entry, "stylesheets": sheets, "layers": layers}, is_public=found.is_public)


@reading
def style_legend(request: HttpRequest, style_id: str) -> HttpResponse:
    """The legend of a style as PNG, SVG or JSON."""
    principal = principal_of(request)
    found = find_style(request, principal, style_id)
    query = read_query(request, ("f", "lang"))
    form = query.get("f", "png").removeprefix("image/").removesuffix("+xml")
    listed = _swatches(principal, found)
    if form == "json":
        rows = [{"kind": one.kind, "colour": one.colour, "zh": one.text_zh, "en": one.text_en} for one in listed]
        return json_answer(request, {"title": found.title, "entries": rows}, is_public=found.is_public)
    if form not in ("png", "svg"):
        raise BadParameter(f"f={form[:20]!r} 不可用；可用 png、svg、json。", f"f={form[:20]!r}: use png, svg or json.")
    picture = legend.legend_picture(found.title, listed, form, english=query.get("lang") == "en")
    media = "image/png" if form == "png" else "image/svg+xml"
    return _bytes_answer(request, picture, media, is_public=found.is_public)


def _bytes_answer(request: HttpRequest, content: bytes, media_type: str, *, is_public: bool) -> HttpResponse:
    caching = Caching(content_tag(content), is_public)
    if is_unchanged(request, caching.tag):
        return caching.not_modified()
    return caching.dress(HttpResponse(content, content_type=media_type))
