"""OGC API – Features: items. Pages of features for programs and people, one feature, and what changes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from django.http import HttpRequest, HttpResponse

from kunyu.engines.catalogue.served.asof import AsOf, read_moment
from kunyu.engines.catalogue.served.layers import ServedLayer, open_layer, record_read
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.maps import features
from kunyu.engines.maps.answers import (
    GEOJSON,
    HTML,
    JSON,
    Caching,
    Cell,
    Table,
    dress_time,
    entity_tag,
    is_unchanged,
    page_answer,
    principal_of,
    reading,
    root_of,
    wants_html,
)
from kunyu.engines.maps.collections import collection_address, link, title_of
from kunyu.engines.maps.cql.reading import evaluating, read_filter
from kunyu.engines.maps.crs import OfferedCrs
from kunyu.engines.maps.edits import views as edit_views
from kunyu.engines.maps.edits.states import item_tag
from kunyu.engines.maps.parameters import (
    ITEM_PARAMETERS,
    ITEMS_PARAMETERS,
    read_after,
    read_area,
    read_attributes,
    read_crs,
    read_equals,
    read_flag,
    read_limit,
    read_query,
)
from kunyu.engines.maps.sorting import Sorting, read_sorting
from kunyu.engines.security import scope
from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.scope import Scope

_PAGE_ROWS = 50


@dataclass(frozen=True)
class Asked:
    """A request for a page of features, read."""

    selection: Selection
    sorting: Sorting | None
    attributes: tuple[str, ...]
    limit: int
    with_geometry: bool


def _asked(layer: ServedLayer, granted: Scope, asof: AsOf, query: dict[str, str]) -> Asked:
    sorting = read_sorting(layer, granted, query)
    selection = Selection(
        layer, granted, asof.moment, read_area(query), read_equals(layer, query),
        None if sorting else read_after(query.get("after")), filtered=read_filter(layer, granted, query),
    )  # fmt: skip
    return Asked(
        selection,
        sorting,
        read_attributes(layer, query.get("properties"), tuple(layer.fields)),
        read_limit(query.get("limit")),
        not read_flag("skipGeometry", query.get("skipGeometry")),
    )


def items(request: HttpRequest, collection_id: str) -> HttpResponse:
    """Features: read a page, or create one (``edits``)."""
    if request.method == "POST":
        return edit_views.create(request, collection_id)
    if request.method == "OPTIONS":
        return edit_views.options("GET, HEAD, POST, OPTIONS")
    return read_items(request, collection_id)


def item(request: HttpRequest, collection_id: str, feature_id: str) -> HttpResponse:
    """One feature: read, or replace, update, delete it (``edits``)."""
    if request.method in edit_views.CHANGES:
        return edit_views.change(request, collection_id, feature_id)
    if request.method == "OPTIONS":
        return edit_views.options("GET, HEAD, PUT, PATCH, DELETE, OPTIONS")
    return read_item(request, collection_id, feature_id)


@reading
def read_items(request: HttpRequest, collection_id: str) -> HttpResponse:
    """A page of features as GeoJSON, or as a table for people."""
    layer, granted = open_layer(principal_of(request), collection_id, scope.QUERY, only_reads=True)
    query = read_query(request, (*ITEMS_PARAMETERS, *layer.fields))
    html = wants_html(request, query, "geojson")
    asof, out = read_moment(layer, query), read_crs(query.get("crs"))
    caching = Caching(entity_tag(request, layer, granted, asof, _form(request, html)), granted.is_public)
    if is_unchanged(request, caching.tag):
        return dress_time(caching.not_modified(), asof)
    asked = _asked(layer, granted, asof, query)
    extent = asked.selection.area.bounds if asked.selection.area is not None else None
    record_read(principal_of(request), layer, extent, "features")
    with evaluating(asked.selection.filtered):
        page, matched = features.read_counted(
            asked.selection, out, asked.attributes, min(asked.limit, _PAGE_ROWS) if html else asked.limit,
            sorting=asked.sorting, with_geometry=asked.with_geometry,
        )  # fmt: skip
    links = _item_links(request, layer, asof, page.next_after)
    if html:
        return _dress(_items_page(request, layer, page, matched, asked.attributes, links), caching, asof, out)
    response = HttpResponse(b"".join(_collection_text(page, matched, links)), content_type=GEOJSON)
    response["Kunyu-Number-Matched"] = "exact" if matched.is_exact else "estimated"
    return _dress(response, caching, asof, out)


def _form(request: HttpRequest, html: bool) -> str:
    return f"html-{getattr(request, 'LANGUAGE_CODE', '')}" if html else "json"


def _dress(response: Any, caching: Caching, asof: AsOf, out: OfferedCrs) -> HttpResponse:
    response["Content-Crs"] = out.content_crs
    return dress_time(caching.dress(response), asof)


def _collection_text(page: features.Page, matched: features.Matched, links: list[dict[str, Any]]) -> list[bytes]:
    """The FeatureCollection as byte pieces; the members around ``features`` are small."""
    closing = {"numberReturned": page.returned, "numberMatched": matched.number, "links": links}
    if not matched.is_exact:
        closing["numberMatchedEstimated"] = True
    tail = json.dumps(closing, ensure_ascii=False, separators=(",", ":"))[1:]
    return [b'{"type":"FeatureCollection","features":[', page.members(), b"],", tail.encode()]


def _item_links(request: HttpRequest, layer: ServedLayer, asof: AsOf, next_after: str | None) -> list[dict[str, Any]]:
    collection = collection_address(root_of(request), layer.collection)
    address = f"{collection}/items"
    given = {name: _written(name, str(value)) for name, value in request.GET.items()}

    def to(**changes: str) -> str:
        query = "&".join({**given, **{name: _written(name, value) for name, value in changes.items()}}.values())
        return f"{address}?{query}" if query else address

    links = [
        link(to(), "self", GEOJSON, "本页 / this page"),
        link(to(f="html"), "alternate", HTML, "网页 / as a page"),
        link(to(f="json"), "alternate", GEOJSON, "下载本页 GeoJSON / this page as GeoJSON"),
        link(collection, "collection", JSON, title_of(layer)),
    ]
    if next_after is not None:
        # Later pages speak of the same moment as the first, whatever is published or however late it gets meanwhile.
        pinned = {"after": next_after, "known_at": asof.known_text}
        if "datetime" not in given:
            pinned["valid_at"] = asof.valid_text
        links.append(link(to(**pinned), "next", GEOJSON, "下一页 / next page"))
    return links


def _written(name: str, value: str) -> str:
    """A parameter as an address has it."""
    return urlencode({name: value}, safe=",/:@")


def _items_page(
    request: HttpRequest,
    layer: ServedLayer,
    page: features.Page,
    matched: features.Matched,
    attributes: tuple[str, ...],
    links: list[dict[str, Any]],
) -> HttpResponse:
    found = json.loads(f"[{''.join(page.text())}]")
    address = collection_address(root_of(request), layer.collection)
    shown = attributes[:8]
    rows = [
        (Cell(one["id"], f"{address}/items/{quote(str(one['id']), safe='')}?f=html"),
         *(Cell(one["properties"][code]) for code in shown))
        for one in found
    ]  # fmt: skip
    columns = (("标识", "Id"), *((f"{layer.fields[c].name_zh} {c}", f"{layer.fields[c].name_en} {c}") for c in shown))
    onward = [
        Cell(one["title"], one["href"])
        for one in links
        if one["rel"] in ("next", "collection") or (one["rel"], one["type"]) == ("alternate", GEOJSON)
    ]
    about = "" if matched.is_exact else "约 "
    lead = (f"符合条件 {about}{matched.number} 条", f"{'about ' if about else ''}{matched.number} matched")
    kept = {n: str(v) for n, v in request.GET.items() if n not in ("filter", "filter-lang", "after", "f", "sortby")}
    more = {"kept": kept, "filter": request.GET.get("filter", ""), "sortby": request.GET.get("sortby", "")}
    return page_answer(
        request, (layer.name_zh, layer.name_en), lead, [Table(("", ""), columns, rows)], onward,
        template="maps/items.html", more=more,
    )  # fmt: skip


@reading
def read_item(request: HttpRequest, collection_id: str, feature_id: str) -> HttpResponse:
    """One feature by the value of its key.

    Its ETag begins with the number of its row. A row is never changed, a changed feature is another row: what
    ``If-Match`` brings back names the state its sender has seen (``edits``).
    """
    layer, granted = open_layer(principal_of(request), collection_id, scope.QUERY)
    query = read_query(request, ITEM_PARAMETERS)
    html = wants_html(request, query, "geojson")
    asof, out = read_moment(layer, query), read_crs(query.get("crs"))
    if "\0" in feature_id:
        raise NotVisible("没有这个要素。", "There is no such feature.")
    tag = entity_tag(request, layer, granted, asof, _form(request, html))
    attributes = read_attributes(layer, query.get("properties"), tuple(layer.fields))
    with_geometry = not read_flag("skipGeometry", query.get("skipGeometry"))
    if seen := _seen(request, tag):
        return dress_time(Caching(seen, granted.is_public).not_modified(), asof)
    selection = Selection(layer, granted, asof.moment, feature=feature_id)
    record_read(principal_of(request), layer, None, "features")
    text, fid = features.read_feature(selection, out, attributes, with_geometry=with_geometry)
    caching = Caching(item_tag(fid, tag), granted.is_public)
    if html:
        rows = [
            (Cell(code), Cell(layer.fields[code].name_zh), Cell(layer.fields[code].name_en), Cell(value))
            for code, value in json.loads(text)["properties"].items()
        ]
        response = page_answer(request, (f"{layer.name_zh} {feature_id}", ""), ("", ""), [Table(("", ""), (), rows)])
        return _dress(response, caching, asof, out)
    address = collection_address(root_of(request), layer.collection)
    links = [
        link(f"{address}/items/{quote(feature_id, safe='')}", "self", GEOJSON, "本要素 / this feature"),
        link(address, "collection", JSON, title_of(layer)),
    ]
    content = f"{text[:-1]},{json.dumps({'links': links}, ensure_ascii=False)[1:]}"
    return _dress(HttpResponse(content, content_type=GEOJSON), caching, asof, out)


def _seen(request: HttpRequest, tag: str) -> str:
    """The tag of ``If-None-Match`` that ends as this answer's would: then nothing needs to be read."""
    given = (part.strip().removeprefix("W/") for part in request.headers.get("If-None-Match", "").split(","))
    return next((one for one in given if one.startswith('"') and one.partition(".")[2] == tag[1:]), "")
