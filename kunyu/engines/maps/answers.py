"""How every answer leaves: media type, ETag, cache rules, the two time headers, JSON or a small page for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, wraps
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from kunyu.engines.catalogue.served.asof import AsOf
from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.catalogue.served.layers import ServedLayer
from kunyu.engines.maps.errors import MethodNotAllowed, NotAcceptable
from kunyu.engines.security import epochs
from kunyu.engines.security.scope import Principal, Scope
from kunyu.kernel.digests import canonical_json, sm3_hex

JSON, GEOJSON, HTML = "application/json", "application/geo+json", "text/html"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
SCHEMA = "application/schema+json"
MAPBOX_STYLE = "application/vnd.mapbox.style+json"


@lru_cache(maxsize=1)
def _software() -> str:
    try:
        return version("kunyu")
    except PackageNotFoundError:
        return "unpacked"


Answer = TypeVar("Answer", bound=HttpResponseBase)


def reading(view: Callable[..., Answer]) -> Callable[..., Answer]:
    """A read-only view: other methods get 405, and caches learn what an answer depends on."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Answer:
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed("这里只能读取（GET、HEAD）。", "This address is read-only (GET, HEAD).")
        response = view(request, *args, **kwargs)
        patch_vary_headers(response, ("Accept", "Accept-Language", "Authorization", "Cookie"))
        return response

    return guarded


def principal_of(request: HttpRequest) -> Principal:
    """Who asks."""
    return request.principal  # type: ignore[attr-defined, no-any-return]


def root_of(request: HttpRequest) -> str:
    """Absolute address of the OGC API, without a closing slash."""
    return request.build_absolute_uri("/ogc")


def wants_html(request: HttpRequest, query: dict[str, str], *others: str) -> bool:
    """Whether a page is wanted: ``f`` decides, then ``Accept``. ``others`` are further values of ``f`` that mean JSON.

    Raises
    ------
    BadParameter, NotAcceptable
        An unknown ``f``; no offered media type is acceptable.
    """
    chosen = query.get("f")
    if chosen is not None:
        if chosen not in ("json", "html", *others):
            known = "、".join(("json", "html", *others))
            raise BadParameter(
                f"f={chosen[:20]!r} 不可用；可用：{known}。", f"f={chosen[:20]!r} is not offered; use {known}."
            )
        return chosen == "html"
    # The order breaks ties: a program that accepts anything gets JSON.
    offered = (JSON, GEOJSON, OPENAPI.split(";", maxsplit=1)[0], SCHEMA, MAPBOX_STYLE, HTML)
    best = request.get_preferred_type(list(offered))
    if best is None:
        raise NotAcceptable("只提供 JSON 和 HTML。", "Only JSON and HTML are offered.")
    return best == HTML


def entity_tag(request: HttpRequest, layer: ServedLayer, granted: Scope, asof: AsOf, form: str = "json") -> str:
    """ETag of a layer's answer: its versions, what the caller may see, and every parameter (contract.md)."""
    return f'"{state_digest(request, layer, granted, asof, form, request.path)[:40]}"'


def state_digest(request: HttpRequest, layer: ServedLayer, granted: Scope, asof: AsOf, form: str, path: str) -> str:
    """Digest of everything that an answer of a layer follows from, ``path`` in place of the request's own.

    What the caller may see is in it whole: rights, prefixes, label sets, revealed fields, and the epoch of the labels,
    so that no change of a grant, a label or the zone is ever answered with 304.
    """
    parts = {
        "software": _software(),
        "standard": layer.standard.digest,
        "versions": [asof.state.count, asof.state.newest_id, str(asof.state.known_from)],
        "valid": asof.valid_text,
        "entitlement": [
            granted.entitlement,
            granted.label.code,
            epochs.current().labels,
            sorted([one.prefix, one.row_labels, sorted(one.reveals)] for one in granted.clauses),
        ],
        "address": [request.get_host(), path, sorted(request.GET.items())],
        "form": form,
    }
    return sm3_hex(canonical_json(parts))


def content_tag(content: bytes) -> str:
    """ETag of an answer that is small enough to be made before it is compared."""
    return f'"{sm3_hex(content)[:40]}"'


def is_unchanged(request: HttpRequest, tag: str) -> bool:
    """Whether ``If-None-Match`` names this very state (weak comparison, RFC 9110 §13.1.2)."""
    given = request.headers.get("If-None-Match", "")
    return given.strip() == "*" or tag in (part.strip().removeprefix("W/") for part in given.split(","))


@dataclass(frozen=True)
class Caching:
    """The headers by which a cache may keep an answer. A private answer is asked for again each time, cheaply.

    ``front_seconds`` is how long nginx in front of this node may give a public answer without asking again.
    """

    tag: str
    is_public: bool
    front_seconds: int = 0

    def dress(self, response: HttpResponse) -> HttpResponse:
        response["ETag"] = self.tag
        response["Cache-Control"] = "public, max-age=0, must-revalidate" if self.is_public else "private, no-cache"
        # for nginx in front of this node, which keeps the header to itself (docs/reference/serving.md)
        response["X-Accel-Expires"] = str(self.front_seconds)
        return response

    def not_modified(self) -> HttpResponse:
        return self.dress(HttpResponse(status=304))


def dress_time(response: HttpResponse, asof: AsOf) -> HttpResponse:
    """Name the two times of an answer (contract.md)."""
    response["Kunyu-Valid-At"], response["Kunyu-Known-At"] = asof.valid_text, asof.known_text
    return response


def json_answer(
    request: HttpRequest, document: Any, media_type: str = JSON, *, is_public: bool = False
) -> HttpResponse:
    """A small JSON document with an ETag of its content."""
    content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    caching = Caching(content_tag(content), is_public)
    if is_unchanged(request, caching.tag):
        return caching.not_modified()
    return caching.dress(HttpResponse(content, content_type=media_type))


@dataclass(frozen=True)
class Cell:
    """A value in a table of a page, perhaps with an address."""

    text: Any
    href: str = ""


@dataclass(frozen=True)
class Table:
    """A heading with rows of cells under column titles; texts come as (Chinese, English)."""

    title: tuple[str, str]
    columns: tuple[tuple[str, str], ...]
    rows: Iterable[tuple[Cell, ...]]


def page_answer(
    request: HttpRequest,
    title: tuple[str, str],
    lead: tuple[str, str],
    tables: Iterable[Table],
    links: Iterable[Cell] = (),
    *,
    template: str = "maps/ogc.html",
    more: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """The same content for people: headings, tables, links; ``more`` is for a ``template`` that shows more."""
    is_english = (getattr(request, "LANGUAGE_CODE", "") or "").startswith("en")

    def say(texts: tuple[str, str]) -> str:
        return texts[1] if is_english and texts[1] else texts[0]

    context = {
        "title": say(title),
        "lead": say(lead),
        "links": list(links),
        "tables": [
            {"title": say(table.title), "columns": [say(column) for column in table.columns], "rows": list(table.rows)}
            for table in tables
        ],
        **(more or {}),
    }
    response = render(request, template, context)
    response["Cache-Control"] = "private, no-cache"
    return response
