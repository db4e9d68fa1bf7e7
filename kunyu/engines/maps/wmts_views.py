"""WMTS 1.0.0: the service, with parameters (KVP) and with addresses (RESTful). 瓦片地图服务.

The same rights, audit, times and ETags as the raster tiles of OGC API. Who acts is told by ``Authorization``: a bearer
token, or the same token as the password of Basic authentication, which every desktop client can send.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from kunyu.engines.catalogue.served.asof import TIME_PARAMETERS
from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.catalogue.served.layers import ServedLayer, extent_of, open_layer, published_versions, visible_layers
from kunyu.engines.maps import identify, map_views, styles_saved, wmts
from kunyu.engines.maps.answers import (
    Caching,
    content_tag,
    is_unchanged,
    principal_of,
    reading,
    root_of,
)
from kunyu.engines.maps.collections import title_of
from kunyu.engines.maps.compositions import looks, pictures
from kunyu.engines.maps.drawing import images
from kunyu.engines.maps.errors import NoSuchTile
from kunyu.engines.maps.grids import PIXELS, TileMatrixSet, grid_of
from kunyu.engines.maps.wmts import NOW, TiledLayer
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import KunyuError

XML = "text/xml; charset=utf-8"
_KNOWN = (
    "service", "request", "version", "acceptversions", "sections", "updatesequence", "acceptformats", "layer", "style",
    "format", "tilematrixset", "tilematrix", "tilerow", "tilecol", "i", "j", "infoformat", "time", *TIME_PARAMETERS,
)  # fmt: skip
_CODES = {400: "InvalidParameterValue", 404: "InvalidParameterValue", 401: "NoApplicableCode", 403: "NoApplicableCode"}


def speaking_ows(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Refusals as OWS exception reports, with the HTTP status of the refusal."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except KunyuError as error:
            code = error.context.get("ows") or _CODES.get(error.http_status, "NoApplicableCode")
            if isinstance(error, NoSuchTile):
                code = "TileOutOfRange"
            report = wmts.exception_report(error, str(code), str(error.context.get("parameter", "")))
            response = HttpResponse(report, content_type=XML, status=error.http_status)
            if error.http_status == 401:
                response["WWW-Authenticate"] = 'Basic realm="Kunyu", charset="UTF-8"'
            return response

    return guarded


def _parameters(request: HttpRequest) -> dict[str, str]:
    """The query with lower-case names: KVP names are not told apart by case (07-057r7, 11.5.2).

    An unknown parameter is refused, save those clients add of their own; a repeated one is refused.
    """
    found: dict[str, str] = {}
    for name, values in request.GET.lists():
        low = name.lower()
        if low not in _KNOWN:
            raise BadParameter(f"不认识参数 {name[:40]!r}。", f"Unknown parameter {name[:40]!r}.", parameter=name[:40])
        if low in found or len(values) > 1 or "\0" in values[0]:
            raise BadParameter(f"参数 {low} 只能给一次。", f"Parameter {low} is given twice.", parameter=low)
        found[low] = values[0]
    return found


def _need(query: Mapping[str, str], name: str) -> str:
    value = query.get(name, "")
    if not value:
        raise BadParameter(
            f"缺少参数 {name}。", f"Parameter {name} is missing.", parameter=name, ows="MissingParameterValue"
        )
    return value


def _whole(query: Mapping[str, str], name: str) -> int:
    text = _need(query, name)
    if not text.isdecimal() or len(text) > 9:
        raise BadParameter(
            f"{name}={text[:20]!r} 应为非负整数。", f"{name}={text[:20]!r} must be a whole number.", parameter=name
        )
    return int(text)


@speaking_ows
@reading
def service(request: HttpRequest) -> HttpResponse:
    """GetCapabilities, GetTile, GetFeatureInfo by parameters."""
    query = _parameters(request)
    if query.get("service", "WMTS").upper() != "WMTS":
        raise BadParameter("service 必须是 WMTS。", "service must be WMTS.", parameter="service")
    if query.get("version", "1.0.0") != "1.0.0":
        raise BadParameter("只提供 1.0.0 版。", "Only version 1.0.0 is offered.", parameter="version")
    wanted = query.get("request", "GetCapabilities").lower()
    if wanted == "getcapabilities":
        return _capabilities(request)
    if wanted == "gettile":
        return _tile(request, query, _need(query, "format"))
    if wanted == "getfeatureinfo":
        return _feature_info(request, query)
    raise BadParameter(
        f"没有操作 {wanted[:30]!r}。", f"There is no operation {wanted[:30]!r}.", parameter="request", ows="OperationNotSupported"
    )  # fmt: skip


@speaking_ows
@reading
def capabilities(request: HttpRequest) -> HttpResponse:
    """The capabilities document at its RESTful address."""
    return _capabilities(request)


@speaking_ows
@reading
def tile(
    request: HttpRequest, layer: str, style: str, time: str, grid: str, zoom: int, row: int, column: int, form: str
) -> HttpResponse:
    """A tile at its RESTful address."""
    query = {
        "layer": layer, "style": style, "time": time, "tilematrixset": grid, "tilematrix": str(zoom), "tilerow": str(row),
        "tilecol": str(column), **{name: value for name, value in _parameters(request).items() if name in TIME_PARAMETERS},
    }  # fmt: skip
    return _tile(request, query, f"image/{form}")


def _capabilities(request: HttpRequest) -> HttpResponse:
    content = wmts.capabilities(f"{root_of(request)}/wmts", layers_for(principal_of(request)))
    caching = Caching(content_tag(content), is_public=False)
    if is_unchanged(request, caching.tag):
        return caching.not_modified()
    return caching.dress(HttpResponse(content, content_type=XML))


def layers_for(principal: Principal) -> list[TiledLayer]:
    """The layers of the service for one caller, in the order of the catalogue; compositions after them."""
    saved: dict[str, list[tuple[str, str]]] = {}
    for one in styles_saved.visible_styles(principal):
        for collection in one.collections:
            saved.setdefault(collection, []).append((one.slug, one.title))
    found = []
    for layer in visible_layers(principal, scope.QUERY):
        is_raster = images.is_coverage(layer.collection)
        if not (layer.is_spatial or is_raster):
            continue
        granted = scope.resolve(principal, layer.collection, scope.QUERY, public=layer.is_public)
        versions = published_versions(layer, granted)
        dates = sorted({str(version.valid_from) for version in versions})
        own = [("default", "默认 / default"), *saved.get(layer.collection, [])]
        abstract = f"{layer.dataset_name_zh}；{layer.standard.number} {layer.code}"
        found.append(
            TiledLayer(layer.collection, title_of(layer), abstract, extent_of(versions).box, own, dates, not is_raster)
        )
    default = [("default", "默认 / default")]
    found += [
        TiledLayer(slug, title, "专题图 / composition", None, default, (), may_ask=False)
        for slug, title in looks.titles(principal)
    ]
    return found


def _times(query: Mapping[str, str]) -> dict[str, str]:
    """The time parameters; ``Time`` is OGC's ``datetime``, and its value ``current`` is none."""
    times = {name: query[name] for name in TIME_PARAMETERS if query.get(name)}
    if query.get("time") and query["time"] != NOW:
        times["datetime"] = query["time"]
    return times


def _place(query: Mapping[str, str]) -> tuple[TileMatrixSet, int, int, int]:
    try:
        grid = grid_of(_need(query, "tilematrixset"))
    except NoSuchTile as error:
        raise BadParameter(error.detail_zh, error.detail_en, parameter="tilematrixset") from error
    zoom, row, column = (_whole(query, name) for name in ("tilematrix", "tilerow", "tilecol"))
    grid.require(zoom, row, column)
    return grid, zoom, row, column


def _tile(request: HttpRequest, query: Mapping[str, str], form: str) -> HttpResponse:
    if form not in wmts.FORMATS:
        raise BadParameter(
            f"format={form[:30]!r} 不可用；可用：{'、'.join(wmts.FORMATS)}。",
            f"format={form[:30]!r} is not offered; use {' or '.join(wmts.FORMATS)}.", parameter="format",
        )  # fmt: skip
    name, times = _need(query, "layer"), _times(query)
    grid, zoom, row, column = _place(query)
    asked = {**times, "f": form, **({"style": style} if (style := query.get("style", "")) else {})}
    principal = principal_of(request)
    if images.is_coverage(name):
        return _coverage_tile(request, name, (grid.id, zoom, row, column), times, form)
    if looks.is_slug(name):
        look = looks.load(principal, name)
        return pictures.answer(
            request,
            look,
            grid.plane_bounds(zoom, row, column),
            grid.epsg,
            (PIXELS, PIXELS),
            times,
            form.removeprefix("image/"),
        )
    layer, granted = open_layer(principal, name, scope.QUERY)
    return map_views.tile_answer(request, layer, granted, asked, (grid.id, zoom, row, column))


def _coverage_tile(
    request: HttpRequest, name: str, place: tuple[str, int, int, int], times: Mapping[str, str], form: str
) -> HttpResponse:
    """A tile of imagery or terrain, by the part that serves coverages: it reads a query of its own kind."""
    views = importlib.import_module("kunyu.engines.maps.coverages.views")
    asked = request.GET.copy()
    asked.clear()
    for key, value in {**times, "f": form.removeprefix("image/")}.items():
        asked[key] = value
    request.GET = asked  # type: ignore[assignment]
    answered: HttpResponse = views.coverage_tile(request, name, *place)
    return answered


def _feature_info(request: HttpRequest, query: Mapping[str, str]) -> HttpResponse:
    """What is at one pixel of a tile, under the right to query, as identify answers it."""
    form = query.get("infoformat", wmts.INFO_FORMATS[0])
    if form not in wmts.INFO_FORMATS:
        raise BadParameter(
            f"infoformat={form[:30]!r} 不可用；可用：{'、'.join(wmts.INFO_FORMATS)}。",
            f"infoformat={form[:30]!r} is not offered.", parameter="infoformat",
        )  # fmt: skip
    name = _need(query, "layer")
    grid, zoom, row, column = _place(query)
    i, j = _whole(query, "i"), _whole(query, "j")
    if not (i < PIXELS and j < PIXELS):
        raise BadParameter(
            f"I、J 应为 0–{PIXELS - 1}。", f"I and J must be 0–{PIXELS - 1}.", parameter="i" if i >= PIXELS else "j",
            ows="PointIJOutOfRange",
        )  # fmt: skip
    layer: ServedLayer = open_layer(principal_of(request), name, scope.QUERY)[0]
    lon, lat = _lonlat(grid, (zoom, row, column), i, j)
    # a matrix of 256 pixels is one zoom below MapLibre's of 512
    place = identify.Place(lon, lat, max(0, zoom - 1 + (1 if grid.is_geographic else 0)))
    found = identify.identify(principal_of(request), place, [layer.collection], _times(query))
    if form == "application/json":
        features: list[dict[str, Any]] = [
            {
                "type": "Feature", "id": one["id"], "geometry": one["geometry"],
                "properties": {part["code"]: part["value"] for part in one["attributes"]},
            }
            for answer in found
            for one in answer["features"]
        ]  # fmt: skip
        return JsonResponse(
            {"type": "FeatureCollection", "features": features}, json_dumps_params={"ensure_ascii": False}
        )
    lines = [
        f"{part['name_zh']} {part['code']}: {part['value']}"
        + (f"（{part['meaning_zh']}）" if part["meaning_zh"] else "")
        for answer in found
        for one in answer["features"]
        for part in one["attributes"]
        if part["value"] is not None
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


def _lonlat(grid: TileMatrixSet, place: tuple[int, int, int], i: int, j: int) -> tuple[float, float]:
    """The middle of one pixel in degrees."""
    box = grid.plane_bounds(*place)
    x = box.x_min + (box.x_max - box.x_min) * (i + 0.5) / PIXELS
    y = box.y_max - (box.y_max - box.y_min) * (j + 0.5) / PIXELS
    if grid.is_geographic:
        return x, y
    radius = 6378137.0
    return math.degrees(x / radius), math.degrees(math.atan(math.sinh(y / radius)))
