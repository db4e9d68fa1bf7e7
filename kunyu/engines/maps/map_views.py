"""OGC API – Maps: a collection as a picture of any box, and as raster tiles of both matrix sets. 地图图片与栅格瓦片.

Vector collections are drawn here; a coverage (imagery, terrain) is drawn by its own engine part at the same addresses.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse

from kunyu.engines.catalogue.served.asof import TIME_PARAMETERS, AsOf, read_moment
from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.catalogue.served.layers import ServedLayer, extent_of, open_layer, published_versions
from kunyu.engines.maps import crs, styles_saved
from kunyu.engines.maps.answers import (
    Caching,
    dress_time,
    entity_tag,
    is_unchanged,
    principal_of,
    reading,
)
from kunyu.engines.maps.drawing import images
from kunyu.engines.maps.drawing.colours import rgba
from kunyu.engines.maps.drawing.images import MEDIA_TYPES, DrawnLayer
from kunyu.engines.maps.drawing.view import box_in
from kunyu.engines.maps.errors import NoSuchTile
from kunyu.engines.maps.grids import PIXELS, Box, grid_of
from kunyu.engines.maps.map_tilesets import tileset_answer, tilesets_answer
from kunyu.engines.maps.parameters import read_query
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Scope

MAP_PARAMETERS = (
    "f",
    *TIME_PARAMETERS,
    "bbox",
    "bbox-crs",
    "crs",
    "width",
    "height",
    "style",
    "bgcolor",
    "transparent",
)
MAP_TILE_PARAMETERS = ("f", *TIME_PARAMETERS, "style")
_DEFAULT_SIDE = 1024


def _open(request: HttpRequest, collection_id: str, action: str) -> tuple[ServedLayer, Scope]:
    layer, granted = open_layer(principal_of(request), collection_id, action)
    if not layer.is_spatial:
        raise NoSuchTile(
            f"{layer.collection} {layer.name_zh} 是属性表，没有地图。",
            f"{layer.collection} is a table without geometry.",
        )
    return layer, granted


def read_form(query: Mapping[str, str], default: str = "png") -> str:
    """The wanted format: png, jpeg or webp; media types are understood too."""
    form = query.get("f", default).removeprefix("image/")
    form = "jpeg" if form == "jpg" else form
    if form not in MEDIA_TYPES:
        raise BadParameter(
            f"f={form[:20]!r} 不可用；可用 png、jpeg、webp。", f"f={form[:20]!r}: use png, jpeg or webp."
        )
    return form


def read_side(query: Mapping[str, str], name: str) -> int | None:
    """``width`` or ``height`` in pixels; the limits are checked where the picture is made."""
    text = query.get(name)
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 9:
        raise BadParameter(f"{name}={text[:20]!r} 应为像素数。", f"{name}={text[:20]!r} must be a number of pixels.")
    return int(text)


def read_box(text: str, named: crs.OfferedCrs) -> Box:
    """A bbox in the plane of ``named``, given in its own axis order, as x (east) and y (north)."""
    try:
        first = [float(part) for part in text.split(",")]
        if len(first) != 4:
            raise ValueError
    except ValueError:
        raise BadParameter(
            f"bbox={text[:80]!r} 应为 4 个用逗号分开的数。", f"bbox={text[:80]!r} must be four numbers."
        ) from None
    crs.bbox_polygon(first, named)  # refuses what is reversed, outside or not finite
    box = Box(first[1], first[0], first[3], first[2]) if named.is_swapped else Box(*first)
    if not (box.x_max > box.x_min and box.y_max > box.y_min):
        raise BadParameter(
            f"bbox={text[:80]!r} 没有面积，或跨越 180° 经线。", f"The bbox {text[:80]!r} has no area or crosses 180°."
        )
    return box


def picture_size(box: Box, width: int | None, height: int | None) -> tuple[int, int]:
    """The size of a picture in pixels; a missing side follows from the other, so that pixels are square."""
    shape = (box.x_max - box.x_min) / (box.y_max - box.y_min)
    if width is None and height is None:
        width = _DEFAULT_SIDE if shape >= 1 else max(1, round(_DEFAULT_SIDE * shape))
    if width is None:
        width = max(1, round((height or 1) * shape))
    if height is None:
        height = max(1, round(width / shape))
    return width, height


def read_background(query: Mapping[str, str], form: str) -> int:
    """0xAARRGGBB of ``bgcolor`` and ``transparent``."""
    is_clear = query.get("transparent", "true" if "bgcolor" not in query else "false")
    if is_clear not in ("true", "false"):
        raise BadParameter("transparent 只能是 true 或 false。", "transparent must be true or false.")
    if is_clear == "true" and form != "jpeg":
        return 0
    text = query.get("bgcolor", "#ffffff")
    text = f"#{text[2:]}" if text.lower().startswith("0x") else text
    red, green, blue, _ = rgba(text)
    return 0xFF << 24 | red << 16 | green << 8 | blue


def _coverage(request: HttpRequest, collection_id: str, view: str, *args: Any) -> HttpResponse | None:
    """The answer of the coverage part, where the collection is one of its own."""
    if not images.is_coverage(collection_id):
        return None
    answered: HttpResponse = getattr(importlib.import_module("kunyu.engines.maps.coverages.views"), view)(
        request, collection_id, *args
    )
    return answered


@reading
def collection_map(request: HttpRequest, collection_id: str) -> HttpResponse:
    """A picture of a box (OGC 20-058). Without ``bbox`` the whole extent; the default CRS is CRS84."""
    if (answer := _coverage(request, collection_id, "coverage_map")) is not None:
        return answer
    layer, granted = _open(request, collection_id, scope.QUERY)
    query = read_query(request, MAP_PARAMETERS)
    form, plane = read_form(query), crs.offered(query["crs"]) if "crs" in query else crs.DEFAULT
    box = _wanted_box(query, plane, layer, granted)
    width, height = picture_size(box, read_side(query, "width"), read_side(query, "height"))
    asof = read_moment(layer, query)
    background = read_background(query, form)
    drawn = DrawnLayer(layer.collection, styles_saved.style_layers(principal_of(request), layer, query.get("style")))
    images.picture(box, plane.epsg, width, height)  # refuses absurd sizes before a cached answer could hide them
    caching = Caching(_tag(request, layer, granted, asof, form, drawn), granted.is_public)
    if is_unchanged(request, caching.tag):
        return dress_time(caching.not_modified(), asof)
    data = images.draw_map(
        principal_of(request), [drawn], box, plane.epsg, width, height, _times(query), form=form, background=background
    )
    response = HttpResponse(data, content_type=MEDIA_TYPES[form])
    corners = (box.y_min, box.x_min, box.y_max, box.x_max) if plane.is_swapped else tuple(vars(box).values())
    response["Content-Crs"] = plane.content_crs
    response["Content-Bbox"] = ",".join(f"{side:.12g}" for side in corners)
    return dress_time(caching.dress(response), asof)


def _wanted_box(query: Mapping[str, str], plane: crs.OfferedCrs, layer: ServedLayer, granted: Scope) -> Box:
    """The box in ``plane``: of ``bbox`` (in ``bbox-crs``, CRS84 when not named), else of all data."""
    if "bbox" in query:
        named = crs.offered(query["bbox-crs"]) if "bbox-crs" in query else crs.DEFAULT
        box = read_box(query["bbox"], named)
        return box if named.epsg == plane.epsg else box_in(box, named.epsg, plane.epsg)
    extent = extent_of(published_versions(layer, granted)).box
    if extent is None:
        raise BadParameter("该数据没有范围，请给出 bbox。", "The extent is not known: give a bbox.")
    return box_in(Box(*extent).buffered(0.02), crs.STORED_EPSG, plane.epsg)


def _times(query: Mapping[str, str]) -> dict[str, str]:
    return {name: query[name] for name in TIME_PARAMETERS if name in query}


def _tag(request: HttpRequest, layer: ServedLayer, granted: Scope, asof: AsOf, form: str, drawn: DrawnLayer) -> str:
    """A saved style can change under its name: what it says now is part of the tag."""
    return entity_tag(request, layer, granted, asof, f"{form}{styles_saved.digest(drawn.style)}")


@reading
def map_tile(request: HttpRequest, collection_id: str, grid_id: str, zoom: int, row: int, column: int) -> HttpResponse:
    """One raster tile of 256 pixels, transparent where nothing lies."""
    if (answer := _coverage(request, collection_id, "coverage_tile", grid_id, zoom, row, column)) is not None:
        return answer
    layer, granted = _open(request, collection_id, scope.QUERY)
    query = read_query(request, MAP_TILE_PARAMETERS)
    return tile_answer(request, layer, granted, query, (grid_id, zoom, row, column))


def tile_answer(
    request: HttpRequest, layer: ServedLayer, granted: Scope, query: Mapping[str, str], place: tuple[str, int, int, int]
) -> HttpResponse:
    """A tile of a vector collection at ``place`` (matrix set, matrix, row, column); WMTS answers with it too."""
    form = read_form(query)
    grid = grid_of(place[0])
    grid.require(*place[1:])
    asof = read_moment(layer, query)
    drawn = DrawnLayer(layer.collection, styles_saved.style_layers(principal_of(request), layer, query.get("style")))
    caching = Caching(_tag(request, layer, granted, asof, form, drawn), granted.is_public)
    if is_unchanged(request, caching.tag):
        return dress_time(caching.not_modified(), asof)
    data = images.draw_map(
        principal_of(request),
        [drawn],
        grid.plane_bounds(*place[1:]),
        grid.epsg,
        PIXELS,
        PIXELS,
        _times(query),
        form=form,
    )
    response = HttpResponse(data, content_type=MEDIA_TYPES[form])
    return dress_time(caching.dress(response), asof)


@reading
def map_tilesets(request: HttpRequest, collection_id: str) -> HttpResponse:
    """The raster tile sets of a collection (OGC 20-057, data type map)."""
    if (answer := _coverage(request, collection_id, "coverage_tilesets")) is not None:
        return answer
    layer, granted = _open(request, collection_id, scope.SEE)
    return tilesets_answer(request, layer, granted)


@reading
def map_tileset(request: HttpRequest, collection_id: str, grid_id: str) -> HttpResponse:
    """One raster tile set."""
    if (answer := _coverage(request, collection_id, "coverage_tileset", grid_id)) is not None:
        return answer
    layer, granted = _open(request, collection_id, scope.SEE)
    return tileset_answer(request, layer, granted, grid_id)


def style_address(root: str, style_id: str) -> str:
    """Absolute address of a style."""
    return f"{root}/styles/{quote(style_id, safe='@')}"
