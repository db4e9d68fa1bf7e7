"""OGC API – Common and Features: landing page, conformance, collections, items. Tiles and styles stand beside it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from kunyu.engines.catalogue.served.layers import (
    ServedLayer,
    open_layer,
    published_versions,
    visible_layers,
)
from kunyu.engines.maps import collections, crs, openapi, schemas
from kunyu.engines.maps.answers import (
    HTML,
    JSON,
    OPENAPI,
    SCHEMA,
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
from kunyu.engines.maps.parameters import (
    read_query,
)
from kunyu.engines.security import scope
from kunyu.engines.security.errors import NotVisible


@reading
def landing(request: HttpRequest) -> HttpResponse:
    """Entry point with links to everything else."""
    query = read_query(request, ("f",))
    root = root_of(request)
    links = [
        link(f"{root}/", "self", JSON, "本文档 / this document"),
        link(f"{root}/?f=html", "alternate", HTML, "网页 / as a page"),
        link(f"{root}/api", "service-desc", OPENAPI, "接口描述 / API definition"),
        link(f"{root}/api?f=html", "service-doc", HTML, "接口说明 / API documentation"),
        link(f"{root}/conformance", "conformance", JSON, "一致性声明 / conformance"),
        link(f"{root}/collections", "data", JSON, "数据集合 / collections"),
        link(
            f"{root}/collections/catalogue",
            "http://www.opengis.net/def/rel/ogc/1.0/ogc-catalog",
            JSON,
            "数据目录 / records",
        ),
        link(f"{root}/tileMatrixSets", "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes", JSON, "瓦片矩阵集"),
        link(f"{root}/styles", "http://www.opengis.net/def/rel/ogc/1.0/styles", JSON, "样式 / styles"),
    ]
    links += [
        link(f"{root}/{path}", rel, JSON, words) for part in openapi.parts() for path, rel, words in part["links"]
    ]
    title = ("坤舆 一张图服务", "Kunyu map services")
    lead = ("自然资源“一张图”要素与瓦片服务", "Features and tiles of the one map of natural resources")
    if wants_html(request, query):
        rows = [(Cell(one["title"], one["href"]), Cell(one["rel"])) for one in links]
        return page_answer(request, title, lead, [Table(("链接", "Links"), (), rows)])
    return json_answer(
        request, {"title": " / ".join(title), "description": " / ".join(lead), "links": links}, is_public=True
    )


@reading
def conformance(request: HttpRequest) -> HttpResponse:
    """The conformance classes this node claims."""
    query = read_query(request, ("f",))
    if wants_html(request, query):
        rows = [(Cell(uri, uri),) for uri in openapi.conformance_classes()]
        return page_answer(request, ("一致性声明", "Conformance"), ("", ""), [Table(("", ""), (), rows)])
    return json_answer(request, {"conformsTo": openapi.conformance_classes()}, is_public=True)


@reading
def api(request: HttpRequest) -> HttpResponse:
    """The OpenAPI 3.0 description."""
    query = read_query(request, ("f",))
    document = openapi.describe(root_of(request))
    if wants_html(request, query):
        rows = [
            (Cell(path), Cell(method.upper()), Cell(one["summary"]), Cell("、".join(_names(one.get("parameters", [])))))
            for path, methods in document["paths"].items()
            for method, one in methods.items()
        ]
        columns = (("地址", "Address"), ("方法", "Method"), ("内容", "Content"), ("参数", "Parameters"))
        lead = ("完整描述为 OpenAPI 3.0 文档（f=json）。", "The full description is an OpenAPI 3.0 document (f=json).")
        return page_answer(request, ("接口说明", "API"), lead, [Table(("", ""), columns, rows)])
    return json_answer(request, document, OPENAPI, is_public=True)


def _names(parameters: list[dict[str, str]]) -> list[str]:
    return [one["$ref"].rsplit("/", 1)[1] if "$ref" in one else one["name"] for one in parameters]


@reading
def collections_list(request: HttpRequest) -> HttpResponse:
    """Every collection the caller may see."""
    query = read_query(request, ("f",))
    root, principal = root_of(request), principal_of(request)
    layers = visible_layers(principal)
    if wants_html(request, query):
        rows = [
            (Cell(layer.collection, f"{collection_address(root, layer.collection)}?f=html"), Cell(title_of(layer)),
             Cell(layer.standard_id))
            for layer in layers
        ]  # fmt: skip
        columns = (("编码", "Code"), ("名称", "Name"), ("标准", "Standard"))
        return page_answer(request, ("数据集合", "Collections"), ("", ""), [Table(("", ""), columns, rows)])
    described = []
    for layer in layers:
        granted = scope.resolve(principal, layer.collection, scope.SEE, public=layer.is_public)
        described.append(collections.describe(layer, published_versions(layer, granted), root, alone=False))
    links = [
        link(f"{root}/collections", "self", JSON, "本文档 / this document"),
        link(f"{root}/collections?f=html", "alternate", HTML, "网页 / as a page"),
    ]
    return json_answer(request, {"links": links, "collections": described, "crs": list(crs.OFFERED_URIS)})


@reading
def collection(request: HttpRequest, collection_id: str) -> HttpResponse:
    """One collection."""
    layer, granted = open_layer(principal_of(request), collection_id, scope.SEE)
    query = read_query(request, ("f",))
    versions = published_versions(layer, granted)
    root = root_of(request)
    address = collection_address(root, layer.collection)
    if wants_html(request, query):
        fields = [
            (Cell(c), Cell(f.name_zh), Cell(f.name_en), Cell(f.type), Cell(f.codelist)) for c, f in layer.fields.items()
        ]
        history = [
            (Cell(v.county), Cell(v.number), Cell(v.valid_from), Cell(v.known_from), Cell(v.record_count))
            for v in versions
        ]
        tables = [
            Table(
                ("字段", "Attributes"),
                (("代码", "Code"), ("名称", "Name"), ("", ""), ("类型", "Type"), ("代码表", "Code list")),
                fields,
            ),
            Table(
                ("版本", "Versions"),
                (
                    ("县", "County"),
                    ("版本", "Number"),
                    ("有效自", "Valid from"),
                    ("发布于", "Published"),
                    ("要素数", "Features"),
                ),
                history,
            ),
        ]
        links = [Cell("要素 items", f"{address}/items?f=html"), Cell("JSON", f"{address}?f=json")]
        return page_answer(
            request, (layer.name_zh, layer.name_en), (layer.dataset_name_zh, layer.dataset_name_en), tables, links
        )
    return json_answer(request, collections.describe(layer, versions, root, alone=True), is_public=granted.is_public)


@reading
def schema(request: HttpRequest, collection_id: str, kind: schemas.Kind) -> HttpResponse:
    """The attributes a client may filter by, sort by, or read: ``queryables``, ``sortables``, ``schema``."""
    layer, granted = open_layer(principal_of(request), collection_id, scope.SEE)
    query = read_query(request, ("f",))
    address = f"{collection_address(root_of(request), layer.collection)}/{kind}"
    document = schemas.document(kind, layer, address, _clear_fields(request, layer))
    if wants_html(request, query):
        rows = [(Cell(name), Cell(one["title"]), Cell(one.get("type"))) for name, one in document["properties"].items()]
        title = (schemas.TITLES[kind], kind.capitalize())
        return page_answer(request, title, (title_of(layer), ""), [Table(("", ""), (), rows)])
    return json_answer(request, document, SCHEMA, is_public=granted.is_public)


def _clear_fields(request: HttpRequest, layer: ServedLayer) -> frozenset[str]:
    """Attributes the caller may filter by: those he would read in clear."""
    if not any(field.personal for field in layer.fields.values()):
        return frozenset(layer.fields)
    principal = principal_of(request)
    may_query = scope.may(principal, layer.collection, scope.QUERY, public=layer.is_public)
    granted = open_layer(principal, layer.collection, scope.QUERY)[1] if may_query else None
    return frozenset(
        code
        for code, field in layer.fields.items()
        if not field.personal or (granted is not None and granted.reveals(field.personal))
    )


@reading
def nowhere(request: HttpRequest, rest: str) -> HttpResponse:
    """Any other address under ``/ogc/``: a problem document, not a page."""
    raise NotVisible(f"没有地址 /ogc/{rest[:80]}。", f"There is no address /ogc/{rest[:80]}.")
