"""Addresses of the STAC API: each answer is of what the caller may see. STAC 接口."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt

from kunyu.engines.catalogue.served.layers import published_versions
from kunyu.engines.maps.answers import (
    GEOJSON,
    JSON,
    OPENAPI,
    Cell,
    Table,
    json_answer,
    page_answer,
    principal_of,
    reading,
)
from kunyu.engines.maps.collections import link
from kunyu.engines.maps.coverages.scenes import open_coverage
from kunyu.engines.maps.errors import MethodNotAllowed
from kunyu.engines.maps.parameters import read_query
from kunyu.engines.maps.stac import assets, documents, openapi, parameters, search
from kunyu.engines.maps.stac.errors import BadSearch, NoSuchItem
from kunyu.engines.maps.stac.parameters import ITEMS_PARAMETERS, SEARCH_PARAMETERS, Search
from kunyu.engines.security import scope
from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.labels import Label

_MOST_BODY = 1 << 20


def root_of(request: HttpRequest) -> str:
    """Absolute address of the STAC API, without a closing slash."""
    return request.build_absolute_uri("/stac")


@reading
def landing(request: HttpRequest) -> HttpResponse:
    """The root catalogue: collections the caller may see, and the way to search."""
    read_query(request, ("f",))
    opened = search.open_collections(principal_of(request), None, scope.SEE)
    return json_answer(request, documents.landing(root_of(request), [one.layer for one in opened]))


@reading
def conformance(request: HttpRequest) -> HttpResponse:
    """Conformance classes."""
    read_query(request, ("f",))
    return json_answer(request, {"conformsTo": list(documents.CONFORMANCE)}, is_public=True)


@reading
def api(request: HttpRequest) -> HttpResponse:
    """The OpenAPI description, as JSON or as a page."""
    query = read_query(request, ("f",))
    document = openapi.describe(root_of(request))
    if query.get("f") == "html":
        rows = [
            (Cell(path), Cell(next(iter(methods.values()))["summary"])) for path, methods in document["paths"].items()
        ]
        title = ("STAC 接口说明", "STAC API")
        return page_answer(
            request, title, ("", ""), [Table(("", ""), (("地址", "Address"), ("内容", "Content")), rows)]
        )
    return json_answer(request, document, OPENAPI, is_public=True)


def _collection(request: HttpRequest, opened: search.Open) -> dict[str, Any]:
    versions = published_versions(opened.layer, opened.granted)
    return documents.collection(root_of(request), opened.layer, versions, opened.granted.label)


@reading
def collections(request: HttpRequest) -> HttpResponse:
    """Every collection of images the caller may see."""
    read_query(request, ("f", "limit"))
    root, opened = root_of(request), search.open_collections(principal_of(request), None, scope.SEE)
    links = [
        link(f"{root}/collections", "self", JSON, "本文档 / this document"),
        link(f"{root}/", "root", JSON, "根目录 / root"),
    ]
    return json_answer(request, {"collections": [_collection(request, one) for one in opened], "links": links})


@reading
def collection(request: HttpRequest, collection_id: str) -> HttpResponse:
    """One collection."""
    opened = search.Open(*open_coverage(principal_of(request), collection_id, scope.SEE))
    read_query(request, ("f",))
    return json_answer(request, _collection(request, opened))


@reading
def items(request: HttpRequest, collection_id: str) -> HttpResponse:
    """The images of a collection."""
    open_coverage(principal_of(request), collection_id, scope.QUERY)
    query = read_query(request, ("f", *ITEMS_PARAMETERS))
    query.pop("f", None)
    wanted = parameters.from_query({**query, "collections": collection_id})
    address = f"{documents.collection_address(root_of(request), collection_id)}/items"
    return _found(request, wanted, _get_links(request, address, query, wanted))


@reading
def item(request: HttpRequest, collection_id: str, item_id: str) -> HttpResponse:
    """One image."""
    read_query(request, ("f",))
    image, opened = search.one_image(principal_of(request), collection_id, item_id, scope.QUERY)
    return json_answer(request, documents.item(root_of(request), image, opened.granted.label), GEOJSON)


@reading
def asset(request: HttpRequest, collection_id: str, item_id: str, name: str) -> HttpResponseBase:
    """The stored image itself, whole or by range, for who may download it."""
    read_query(request, ())
    image, opened = search.one_image(principal_of(request), collection_id, item_id, scope.DOWNLOAD)
    if name != documents.asset_name(image) or image.noted is None:
        raise NoSuchItem(f"影像 {item_id[:60]} 没有文件 {name[:80]}。", f"Item {item_id[:60]} has no file {name[:80]}.")
    return assets.stream(request, image.sm3, image.noted.size, opened.granted.is_public)


@csrf_exempt  # no cookie counts: `security.cross_site` checks every unsafe request that comes with one
def find(request: HttpRequest) -> HttpResponse:
    """Search by GET or POST."""
    root = root_of(request)
    if request.method == "POST":
        response = _post(request, root)
    elif request.method in ("GET", "HEAD"):
        query = read_query(request, SEARCH_PARAMETERS)
        wanted = parameters.from_query(query)
        response = _found(request, wanted, _get_links(request, f"{root}/search", query, wanted))
    else:
        raise MethodNotAllowed("检索用 GET 或 POST。", "Search with GET or POST.")
    patch_vary_headers(response, ("Accept", "Accept-Language", "Authorization", "Cookie"))
    return response


def _post(request: HttpRequest, root: str) -> HttpResponse:
    if int(request.headers.get("Content-Length") or 0) > _MOST_BODY:
        raise BadSearch("检索请求超过 1 MB。", "The search is larger than 1 MB.")
    wanted = parameters.from_body(parameters.read_json(request.body))
    address = f"{root}/search"

    def links(has_more: bool) -> list[dict[str, Any]]:
        found = [link(address, "self", GEOJSON, "本页 / this page"), link(f"{root}/", "root", JSON, "根目录 / root")]
        if has_more:
            body = {**wanted.given, "token": str(wanted.offset + wanted.limit)}
            found.append({**link(address, "next", GEOJSON, "下一页 / next page"), "method": "POST", "body": body})
        return found

    return _found(request, wanted, links)


def _get_links(request: HttpRequest, address: str, query: dict[str, str], wanted: Search) -> Any:
    root = root_of(request)

    def links(has_more: bool) -> list[dict[str, Any]]:
        here = f"{address}?{urlencode(query)}" if query else address
        found = [link(here, "self", GEOJSON, "本页 / this page"), link(f"{root}/", "root", JSON, "根目录 / root")]
        if "/collections/" in address:
            found.append(link(address.removesuffix("/items"), "collection", JSON, "影像集 / collection"))
            found.append(link(address.removesuffix("/items"), "parent", JSON, "影像集 / collection"))
        if has_more:
            more = urlencode({**query, "token": wanted.offset + wanted.limit})
            found.append({**link(f"{address}?{more}", "next", GEOJSON, "下一页 / next page"), "method": "GET"})
        return found

    return links


def _found(request: HttpRequest, wanted: Search, links: Any) -> HttpResponse:
    principal, root = principal_of(request), root_of(request)
    page = search.find(principal, wanted)
    labels: dict[str, Label] = {}
    for image in page.images:
        layer = image.layer
        if layer.collection not in labels:
            labels[layer.collection] = scope.resolve(
                principal, layer.collection, scope.QUERY, public=layer.is_public
            ).label
    found = [documents.item(root, image, labels[image.layer.collection]) for image in page.images]
    return json_answer(request, documents.item_collection(found, page, links(page.has_more)), GEOJSON)


@reading
def nowhere(request: HttpRequest, rest: str) -> HttpResponse:
    """Any other address: a problem document, not a page."""
    raise NotVisible(f"没有地址 /stac/{rest[:80]}。", f"There is no address /stac/{rest[:80]}.")
