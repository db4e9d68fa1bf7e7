"""OGC API – Maps, Tiles and Coverages of images and heights. 影像与高程的地图、瓦片与取数."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from django.http import HttpRequest, HttpResponse

from kunyu.engines.catalogue.served.asof import AsOf, read_moment
from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.catalogue.served.layers import ServedLayer, extent_of, published_versions, record_read
from kunyu.engines.maps import crs
from kunyu.engines.maps.answers import (
    Caching,
    dress_time,
    entity_tag,
    is_unchanged,
    json_answer,
    principal_of,
    reading,
)
from kunyu.engines.maps.coverages import encoding, images
from kunyu.engines.maps.coverages.errors import NoCoverage, TooManyPixels
from kunyu.engines.maps.coverages.mosaics import read_mosaic
from kunyu.engines.maps.coverages.options import read_options
from kunyu.engines.maps.coverages.parameters import (
    COVERAGE_PARAMETERS,
    MAP_PARAMETERS,
    POSITION_PARAMETERS,
    TILE_PARAMETERS,
    grid_of_request,
    read_plane,
    read_point,
)
from kunyu.engines.maps.coverages.sampling import Grid
from kunyu.engines.maps.coverages.scenes import find_scenes, holds_heights, open_coverage
from kunyu.engines.maps.coverages.settings import coverage_settings
from kunyu.engines.maps.crs import OfferedCrs
from kunyu.engines.maps.grids import PIXELS, Box, grid_of
from kunyu.engines.maps.map_tilesets import tileset_answer, tilesets_answer
from kunyu.engines.maps.parameters import read_query
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Scope

_POINT_DEGREES = 1e-7
"""Half the side of the square that stands for a point: a centimetre."""


@reading
def coverage_tile(
    request: HttpRequest, collection_id: str, grid_id: str, zoom: int, row: int, column: int
) -> HttpResponse:
    """One raster tile of 256 pixels; 204 where nothing lies."""
    layer, granted = open_coverage(principal_of(request), collection_id, scope.QUERY)
    query = read_query(request, TILE_PARAMETERS)
    matrices = grid_of(grid_id)
    matrices.require(zoom, row, column)
    grid = Grid(matrices.plane_bounds(zoom, row, column), matrices.epsg, PIXELS, PIXELS)
    return _picture(request, layer, granted, grid, query)


@reading
def coverage_map(request: HttpRequest, collection_id: str) -> HttpResponse:
    """A picture of a box, of the whole collection when none is given."""
    layer, granted = open_coverage(principal_of(request), collection_id, scope.QUERY)
    query = read_query(request, MAP_PARAMETERS)
    plane = read_plane(query)
    grid = images.require_grid(grid_of_request(query, plane, _whole(layer, granted), None))
    response = _picture(request, layer, granted, grid, query, is_tile=False)
    return _dress_place(response, grid, plane)


def _whole(layer: ServedLayer, granted: Scope) -> Box:
    extent = extent_of(published_versions(layer, granted)).box
    if extent is None:
        raise NoCoverage(
            f"{layer.collection} 在您可见的范围内没有影像。", f"{layer.collection} has no image in what you may see."
        )
    return Box(*extent)


def _dress_place(response: HttpResponse, grid: Grid, plane: OfferedCrs) -> HttpResponse:
    box = grid.box
    sides = (box.y_min, box.x_min, box.y_max, box.x_max) if plane.is_swapped else tuple(vars(box).values())
    response["Content-Crs"] = plane.content_crs
    response["Content-Bbox"] = ",".join(f"{side:.12g}" for side in sides)
    return response


def _picture(
    request: HttpRequest,
    layer: ServedLayer,
    granted: Scope,
    grid: Grid,
    query: Mapping[str, str],
    *,
    is_tile: bool = True,
) -> HttpResponse:
    form, options, asof = encoding.read_format(query.get("f")), read_options(query), read_moment(layer, query)
    ground = _ground(query, form)
    caching = Caching(entity_tag(request, layer, granted, asof, form), granted.is_public)
    if is_unchanged(request, caching.tag):
        return dress_time(caching.not_modified(), asof)
    images.record_grid(principal_of(request), layer, grid, "tiles")
    drawn = images.draw(layer, granted, asof, grid, options)
    rgba = drawn.rgba
    if rgba is None and is_tile:
        response = HttpResponse(status=204)
    else:
        rgba = np.zeros((grid.height, grid.width, 4), np.uint8) if rgba is None else rgba
        data = encoding.encode(encoding.on_ground(rgba, ground), form)
        response = HttpResponse(data, content_type=encoding.MEDIA_TYPES[form])
    if drawn.truncated_to is not None:
        response["Kunyu-Truncated"] = f"newest {drawn.truncated_to}"
    return dress_time(caching.dress(response), asof)


def _ground(query: Mapping[str, str], form: str) -> tuple[int, int, int] | None:
    """The colour under what is transparent: ``bgcolor``, white for JPEG and where transparency is not wanted."""
    clear = query.get("transparent", "false" if "bgcolor" in query else "true")
    if clear not in ("true", "false"):
        raise BadParameter("transparent 只能是 true 或 false。", "transparent must be true or false.")
    if clear == "true" and form != "jpeg":
        return None
    text = query.get("bgcolor", "#ffffff").lower().removeprefix("#").removeprefix("0x")
    try:
        if len(text) != 6:
            raise ValueError
        red, green, blue = bytes.fromhex(text)
    except ValueError:
        raise BadParameter(
            f"bgcolor={text[:20]!r} 应写成 #rrggbb。", f"Write bgcolor as #rrggbb, not {text[:20]!r}."
        ) from None
    return red, green, blue


@reading
def coverage_tilesets(request: HttpRequest, collection_id: str) -> HttpResponse:
    """The raster tile sets of a coverage."""
    return tilesets_answer(request, *open_coverage(principal_of(request), collection_id, scope.SEE))


@reading
def coverage_tileset(request: HttpRequest, collection_id: str, grid_id: str) -> HttpResponse:
    """One raster tile set."""
    return tileset_answer(request, *open_coverage(principal_of(request), collection_id, scope.SEE), grid_id)


@reading
def coverage(request: HttpRequest, collection_id: str) -> HttpResponse:
    """Values of a box as GeoTIFF (as measured) or PNG (as drawn), newest image on top."""
    layer, granted = open_coverage(principal_of(request), collection_id, scope.QUERY)
    query = read_query(request, COVERAGE_PARAMETERS)
    form, plane, asof = _form(query.get("f")), read_plane(query), read_moment(layer, query)
    options = read_options({name: query[name] for name in ("resampling",) if name in query})
    whole = _whole(layer, granted)
    wanted = [part.strip() for part in query.get("properties", "").split(",") if part.strip()]
    needs_size = not ({"width", "height", "scale-size"} & set(query))
    around = Grid(grid_of_request({**query, "width": "1", "height": "1"}, plane, whole, None).box, plane.epsg, 1, 1)
    scenes = find_scenes(layer, granted, asof, around, coverage_settings().mosaic_images)
    gsd = min((one.gsd_m for one in scenes if one.gsd_m), default=None) if needs_size else None
    grid = _require_subset(grid_of_request(query, plane, whole, gsd), max(len(wanted), 1))
    caching = Caching(entity_tag(request, layer, granted, asof, form), granted.is_public)
    if is_unchanged(request, caching.tag):
        return dress_time(caching.not_modified(), asof)
    images.record_grid(principal_of(request), layer, grid, "features")
    found = read_mosaic(scenes, grid, wanted, options.resampling or "nearest")
    if found is None:
        response = HttpResponse(status=204)
    elif form == "png":
        drawn = images.draw(layer, granted, asof, grid, read_options({"bands": ",".join(wanted)}))
        data = encoding.encode(drawn.rgba if drawn.rgba is not None else _clear(grid), "png")
        response = HttpResponse(data, content_type="image/png")
    else:
        _require_subset(grid, len(found.values))
        data = encoding.geotiff(found.values, found.valid, grid, found.names)
        response = HttpResponse(data, content_type=encoding.GEOTIFF)
        response["Content-Disposition"] = f'attachment; filename="{layer.code.lower()}.tif"'
    return dress_time(caching.dress(_dress_place(response, grid, plane)), asof)


def _clear(grid: Grid) -> Any:
    return np.zeros((grid.height, grid.width, 4), np.uint8)


def _form(text: str | None) -> str:
    form = (text or "geotiff").removeprefix("image/")
    form = {"tiff": "geotiff", "tif": "geotiff"}.get(form.split(";")[0], form)
    if form not in ("geotiff", "png"):
        raise BadParameter(f"f={form[:20]!r} 不可用；可用 geotiff、png。", f"f={form[:20]!r}: use geotiff or png.")
    return form


def _require_subset(grid: Grid, bands: int) -> Grid:
    most = coverage_settings().subset_values
    if grid.width * grid.height * bands > most:
        raise TooManyPixels(
            f"所取 {grid.width} × {grid.height} 像元 × {bands} 波段，上限 {most} 个值；请缩小 bbox，或用 scale-size、width 降低分辨率。",
            f"{grid.width} × {grid.height} pixels × {bands} bands; at most {most} values are cut at once. Ask for a smaller "
            "bbox, or for fewer pixels with scale-size or width.",
            limit=most,
        )
    return grid


@reading
def position(request: HttpRequest, collection_id: str) -> HttpResponse:
    """The values at a point, of the newest image that has any there: heights in metres for a grid of heights."""
    layer, granted = open_coverage(principal_of(request), collection_id, scope.QUERY)
    query = read_query(request, POSITION_PARAMETERS)
    lon, lat = read_point(query)
    asof = read_moment(layer, query)
    caching = Caching(entity_tag(request, layer, granted, asof, "position"), granted.is_public)
    if is_unchanged(request, caching.tag):
        return dress_time(caching.not_modified(), asof)
    record_read(principal_of(request), layer, (lon, lat, lon, lat), "identify")
    document = _at_point(layer, granted, asof, (lon, lat), query)
    return dress_time(caching.dress(json_answer(request, document)), asof)


def _at_point(
    layer: ServedLayer, granted: Scope, asof: AsOf, place: tuple[float, float], query: Mapping[str, str]
) -> dict[str, Any]:
    lon, lat = place
    half = _POINT_DEGREES
    grid = Grid(Box(lon - half, lat - half, lon + half, lat + half), crs.STORED_EPSG, 1, 1)
    scenes = find_scenes(layer, granted, asof, grid, coverage_settings().mosaic_images)
    wanted = [part.strip() for part in query.get("properties", "").split(",") if part.strip()]
    found = read_mosaic(scenes, grid, wanted, "bilinear" if holds_heights(layer) else "nearest")
    if found is None:
        raise NoCoverage(
            f"{lon:g}, {lat:g} 处在 {asof.valid_text} 没有{layer.name_zh}的值。",
            f"{layer.collection} has no value at {lon:g}, {lat:g} on {asof.valid_text}.",
        )
    scene, unit = found.used[0], "m" if holds_heights(layer) else None
    return {
        "type": "Feature",
        "id": scene.id,
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {
            "collection": layer.collection,
            "item": scene.id,
            "name": scene.name,
            "sensed_on": scene.sensed_on and str(scene.sensed_on),
            "values": [
                {"band": name, "value": float(value), **({"unit": unit} if unit else {})}
                for name, value in zip(found.names, found.values[:, 0, 0], strict=True)
            ],
        },
    }
