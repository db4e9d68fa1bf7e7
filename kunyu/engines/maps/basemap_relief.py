"""Relief of the base map: shade of every grid of heights the caller may see, the finest on top. 地势晕渲."""

from __future__ import annotations

import numpy as np
from django.http import HttpRequest
from numpy.typing import NDArray

from kunyu.engines.catalogue.served.asof import read_moment
from kunyu.engines.catalogue.served.layers import record_read
from kunyu.engines.maps.answers import entity_tag
from kunyu.engines.maps.coverages import images
from kunyu.engines.maps.coverages.options import RenderOptions
from kunyu.engines.maps.coverages.sampling import Grid
from kunyu.engines.maps.coverages.scenes import Scene, find_scenes, height_collections, lonlat_area
from kunyu.engines.maps.coverages.settings import coverage_settings
from kunyu.engines.maps.grids import PIXELS, WEB_MERCATOR_QUAD
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import canonical_json, sm3_hex

SHADE = RenderOptions(style="hillshade")


def relief_tag(request: HttpRequest, principal: Principal) -> str:
    """ETag of a relief tile: of every grid of heights that takes part."""
    parts = [
        entity_tag(request, layer, granted, read_moment(layer, {}), "relief")
        for layer, granted in height_collections(principal)
    ]
    return f'"{sm3_hex(canonical_json([request.path, parts]))[:40]}"'


def relief_tile(
    principal: Principal, zoom: int, row: int, column: int, options: RenderOptions
) -> NDArray[np.uint8] | None:
    """One tile of WebMercatorQuad as colours [256, 256, 4]; None where nobody measured heights.

    Raises
    ------
    NoSuchTile
        Outside the matrix set.
    """
    WEB_MERCATOR_QUAD.require(zoom, row, column)
    box = WEB_MERCATOR_QUAD.plane_bounds(zoom, row, column)
    return draw_relief(principal, Grid(box, WEB_MERCATOR_QUAD.epsg, PIXELS, PIXELS), options)


def draw_relief(principal: Principal, grid: Grid, options: RenderOptions = SHADE) -> NDArray[np.uint8] | None:
    """Shaded relief on any grid; each layer's read is on record first."""
    images.require_grid(grid)
    scenes: list[Scene] = []
    for layer, granted in height_collections(principal):
        record_read(principal, layer, lonlat_area(grid.box, grid.epsg).bounds, "tiles")
        scenes += find_scenes(layer, granted, read_moment(layer, {}), grid, coverage_settings().mosaic_images)
    scenes.sort(key=lambda one: one.gsd_m if one.gsd_m is not None else float("inf"))
    return images.draw_scenes(scenes[: coverage_settings().mosaic_images], grid, options)
