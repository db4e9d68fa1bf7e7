"""OGC API – Records under ``/ogc/collections/catalogue`` (contract.md, "Addresses")."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.catalogue.served.moments import read_days
from kunyu.engines.maps.answers import (
    GEOJSON,
    HTML,
    JSON,
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
from kunyu.engines.maps.collections import link
from kunyu.engines.maps.parameters import read_area, read_limit, read_query
from kunyu.engines.maps.records import documents
from kunyu.engines.maps.records.documents import CATALOGUE, LD_JSON, TITLE
from kunyu.engines.maps.records.search import Sought, find, record_of
from kunyu.engines.security import scope
from kunyu.engines.security.errors import NotVisible

PARAMETERS = ("f", "q", "ids", "externalIds", "type", "bbox", "datetime", "limit", "after")
MOST = 100
_LONGEST, _MOST_WORDS = 200, 8


@reading
def collection(request: HttpRequest) -> HttpResponse:
    """The catalogue as a collection."""
    query = read_query(request, ("f",))
    document = documents.collection_document(root_of(request))
    if wants_html(request, query):
        links = [Cell("记录 records", f"{root_of(request)}/collections/{CATALOGUE}/items?f=html")]
        return page_answer(request, TITLE, ("", ""), [], links)
    return json_answer(request, document)


@reading
def queryables(request: HttpRequest) -> HttpResponse:
    """What a search may ask for."""
    query = read_query(request, ("f",))
    document = documents.queryables_document(root_of(request))
    if wants_html(request, query):
        rows = [(Cell(name), Cell(one["title"])) for name, one in document["properties"].items()]
        return page_answer(request, ("可查询项", "Queryables"), TITLE, [Table(("", ""), (), rows)])
    return json_answer(request, document, SCHEMA)


@reading
def items(request: HttpRequest) -> HttpResponse:
    """A page of records as GeoJSON, as DCAT, or as a table for people."""
    query = read_query(request, PARAMETERS)
    html = wants_html(request, query, "geojson", "dcat")
    root, limit = root_of(request), min(read_limit(query.get("limit")), MOST)
    found = find(principal_of(request), _sought(query), limit, query.get("after"))
    links = _links(request, root, found.next_after)
    if html:
        rows = [
            (Cell(one.dataset.code, f"{documents.record_address(root, one.dataset.code)}?f=html"),
             Cell(one.dataset.name_zh), Cell(one.dataset.name_en), Cell(one.first_day))
            for one in found.records
        ]  # fmt: skip
        columns = (("编码", "Code"), ("名称", "Name"), ("", ""), ("数据自", "Data from"))
        lead = (f"共 {found.matched} 条", f"{found.matched} records")
        onward = [Cell(one["title"], one["href"]) for one in links if one["rel"] == "next"]
        return page_answer(request, TITLE, lead, [Table(("", ""), columns, rows)], onward)
    if query.get("f") == "dcat":
        return json_answer(request, documents.dcat_document(list(found.records), root), LD_JSON)
    document = {
        "type": "FeatureCollection",
        "features": [documents.record_document(one, root, alone=False) for one in found.records],
        "numberMatched": found.matched,
        "numberReturned": len(found.records),
        "links": links,
    }
    return json_answer(request, document, GEOJSON)


def _sought(query: dict[str, str]) -> Sought:
    text = query.get("q", "")
    words = tuple(text.replace(",", " ").split())
    if len(text) > _LONGEST or len(words) > _MOST_WORDS:
        raise BadParameter(
            f"q 有 {len(text)} 个字符、{len(words)} 个词；最多 {_LONGEST} 个字符、{_MOST_WORDS} 个词。",
            f"q has {len(text)} characters and {len(words)} words; at most {_LONGEST} and {_MOST_WORDS}.",
        )
    area = read_area(query)
    named = [part for name in ("ids", "externalIds") for part in query.get(name, "").split(",") if part]
    return Sought(
        words=words,
        codes=tuple(named[:MOST]),
        kinds=tuple(part for part in query.get("type", "").split(",") if part),
        box=area.bounds if area is not None else None,
        days=read_days(query["datetime"], None) if query.get("datetime") else None,
    )


def _links(request: HttpRequest, root: str, next_after: str | None) -> list[dict[str, Any]]:
    address = f"{root}/collections/{CATALOGUE}/items"
    given = {name: str(value) for name, value in request.GET.items()}

    def to(**changes: str) -> str:
        query = urlencode({**given, **changes}, safe=",/:@")
        return f"{address}?{query}" if query else address

    links = [
        link(to(), "self", GEOJSON, "本页 / this page"),
        link(to(f="dcat"), "alternate", LD_JSON, "DCAT"),
        link(to(f="html"), "alternate", HTML, "网页 / as a page"),
        link(f"{root}/collections/{CATALOGUE}", "collection", JSON, " / ".join(TITLE)),
    ]
    if next_after is not None:
        links.append(link(to(after=next_after), "next", GEOJSON, "下一页 / next page"))
    return links


@reading
def item(request: HttpRequest, code: str) -> HttpResponse:
    """One record."""
    query = read_query(request, ("f",))
    html = wants_html(request, query, "geojson", "dcat")
    record = record_of(principal_of(request), code) if "\0" not in code else None
    if record is None:
        scope.resolve(principal_of(request), code, scope.SEE)  # nobody is asked to sign in first
        raise NotVisible(
            f"目录中没有 {code[:60]}，或者您无权查看。", f"The catalogue has no {code[:60]}, or you may not see it."
        )
    root = root_of(request)
    if query.get("f") == "dcat":
        return json_answer(request, documents.dcat_document([record], root), LD_JSON)
    document = documents.record_document(record, root, alone=True)
    if html:
        shown = {**document["properties"], "bbox": document.get("bbox"), "time": document["time"]}
        rows = [(Cell(name), Cell(value)) for name, value in shown.items()]
        links = [Cell(one["title"], one["href"]) for one in document["links"]]
        return page_answer(
            request, (record.dataset.name_zh, record.dataset.name_en), ("", ""), [Table(("", ""), (), rows)], links
        )
    return json_answer(request, document, GEOJSON)
