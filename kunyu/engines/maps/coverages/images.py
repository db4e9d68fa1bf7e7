"""A coverage collection as a picture, with the rights, the time and the audit of every read. 影像出图."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kunyu.engines.catalogue.served.asof import AsOf, read_moment
from kunyu.engines.catalogue.served.layers import ServedLayer, record_read
from kunyu.engines.maps.coverages import rendering
from kunyu.engines.maps.coverages.errors import TooManyPixels
from kunyu.engines.maps.coverages.handles import handles
from kunyu.engines.maps.coverages.mosaics import read_mosaic
from kunyu.engines.maps.coverages.options import RenderOptions
from kunyu.engines.maps.coverages.sampling import Grid, Sampled
from kunyu.engines.maps.coverages.scenes import Scene, find_scenes, holds_heights, lonlat_area, open_coverage
from kunyu.engines.maps.coverages.settings import coverage_settings
from kunyu.engines.maps.grids import Box
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Principal, Scope


@dataclass(frozen=True)
class Picture:
    """``rgba`` [row, column, 4], None where nothing lies. ``truncated_to``: more images lie there than were used."""

    rgba: NDArray[np.uint8] | None
    truncated_to: int | None = None


def draw_coverage(
    principal: Principal,
    collection: str,
    box: Box,
    epsg: int,
    width: int,
    height: int,
    options: RenderOptions = RenderOptions(),
    moment: Mapping[str, str] | None = None,
) -> NDArray[np.uint8]:
    """A coverage collection as the principal may see it.

    Parameters
    ----------
    box, epsg
        The rectangle in an offered plane (x east or longitude, y north or latitude; EPSG:4490, 4326, 3857 or a zone).
    moment
        ``datetime``, ``valid_at``, ``known_at`` as a request has them; today as known now when absent.

    Returns
    -------
    numpy.ndarray
        uint8 [height, width, 4], red, green, blue, alpha (not premultiplied); transparent where nothing lies.

    Raises
    ------
    SignInNeeded, NotVisible, NotAllowed
        As every read of a layer.
    NoCoverage, TooManyPixels, ImageUnreadable, BadParameter
    """
    layer, granted = open_coverage(principal, collection, scope.QUERY)
    grid = require_grid(Grid(box, epsg, width, height))
    asof = read_moment(layer, moment or {})
    record_grid(principal, layer, grid, "tiles")
    drawn = draw(layer, granted, asof, grid, options)
    return drawn.rgba if drawn.rgba is not None else np.zeros((height, width, 4), np.uint8)


def require_grid(grid: Grid) -> Grid:
    """Refuse a picture of no or too many pixels: :class:`TooManyPixels`."""
    most = coverage_settings().map_pixels
    if grid.width < 1 or grid.height < 1 or grid.width * grid.height > most:
        raise TooManyPixels(
            f"图片 {grid.width} × {grid.height} 像元，应在 1 与 {most} 像元之间；请缩小 width、height。",
            f"A picture of {grid.width} × {grid.height} pixels; between 1 and {most} are drawn. Ask for a smaller width or "
            "height.",
            limit=most,
        )
    return grid


def record_grid(principal: Principal, layer: ServedLayer, grid: Grid, kind: str) -> None:
    """Put the read on record with the box of ``grid`` in degrees."""
    record_read(principal, layer, lonlat_area(grid.box, grid.epsg).bounds, kind)


def draw(layer: ServedLayer, granted: Scope, asof: AsOf, grid: Grid, options: RenderOptions) -> Picture:
    """Draw what ``granted`` lets see; the caller has put the read on record."""
    most = coverage_settings().mosaic_images
    scenes = find_scenes(layer, granted, asof, grid, most + 1)
    truncated = most if len(scenes) > most else None
    heights = holds_heights(layer)
    style = options.style or ("relief" if heights and not (options.expression or options.colormap) else "image")
    options = replace(options, style=style)
    return Picture(draw_scenes(scenes[:most], grid, options), truncated)


def draw_scenes(scenes: Sequence[Scene], grid: Grid, options: RenderOptions) -> NDArray[np.uint8] | None:
    """Images over one another, the first on top; None where none lies. ``options.style`` is decided."""
    if options.style in ("relief", "hillshade", "slope"):
        return _heights(scenes, grid, options)
    drawn: NDArray[np.uint8] | None = None
    for scene in scenes:
        with handles().borrowed(scene.sm3) as image:
            part = rendering.draw_image(image, grid, options)
        if part is None:
            continue
        drawn = part if drawn is None else np.where(drawn[..., 3:] > 0, drawn, part)
        if drawn[..., 3].all():
            break
    return drawn


def _heights(scenes: Sequence[Scene], grid: Grid, options: RenderOptions) -> NDArray[np.uint8] | None:
    grown = grid.grown(1)
    found = read_mosaic(scenes, grown, options.bands[:1] or ("1",), options.resampling or "bilinear")
    if found is None:
        return None
    return rendering.draw_heights(Sampled(found.values.astype(np.float32), found.valid), grid, options)
