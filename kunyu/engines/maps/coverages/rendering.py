"""Values become colours: stretch, gamma, colour maps, relief. 渲染."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling

from kunyu.engines.maps.coverages import terrain
from kunyu.engines.maps.coverages.expressions import read_expression
from kunyu.engines.maps.coverages.handles import OpenImage
from kunyu.engines.maps.coverages.mosaics import band_numbers
from kunyu.engines.maps.coverages.options import RenderOptions, colours_of
from kunyu.engines.maps.coverages.sampling import Grid, Method, Sampled, sample

DEFAULT_PERCENT = (2.0, 98.0)
_LOOKED_AT = 512
"""Pixels across the overview whose percentiles stand for the whole image."""
_KEPT = 64
_TINTS = (
    # height in metres, red, green, blue: lowland green, upland yellow to brown, snow
    (-200, 168, 203, 178), (0, 182, 212, 178), (100, 200, 221, 184), (300, 220, 229, 190), (600, 236, 232, 194),
    (1000, 238, 221, 178), (2000, 226, 199, 155), (3000, 211, 181, 148), (4500, 216, 204, 192), (6500, 247, 247, 247),
)  # fmt: skip
_SLOPE_TOP = 60.0


def draw_image(image: OpenImage, grid: Grid, options: RenderOptions) -> NDArray[np.uint8] | None:
    """One image as colours [row, column, 4] on ``grid``; None where they do not meet."""
    method: Method = options.resampling or "nearest"
    if options.expression:
        expression = read_expression(options.expression)
        bands = band_numbers(image, [str(one) for one in expression.bands])
        part = sample(image, grid, bands, method)
        if part is None:
            return None
        values = expression.of(dict(zip(expression.bands, part.values, strict=True)))
        valid = part.valid & np.isfinite(values).all(axis=0)
        limits = options.rescale or _limits(image, options)
        return _coloured(np.where(valid, values, 0), valid, limits, options)
    bands = _bands(image, options)
    part = sample(image, grid, bands, method)
    if part is None:
        return None
    if part.values.dtype == np.uint8 and not options.rescale and options.percent is None:
        return _coloured(part.values, part.valid, (), options)
    return _coloured(part.values, part.valid, options.rescale or _limits(image, options), options)


def _bands(image: OpenImage, options: RenderOptions) -> tuple[int, ...]:
    """Bands as asked for, else red, green and blue where the image says so, else the first three, or the first."""
    if options.bands:
        return band_numbers(image, options.bands)
    kinds = [one.name for one in image.dataset.colorinterp]
    if {"red", "green", "blue"} <= set(kinds) and not options.colormap:
        return tuple(kinds.index(name) + 1 for name in ("red", "green", "blue"))
    return image.bands[:3] if len(image.bands) >= 3 and not options.colormap else image.bands[:1]


def _limits(image: OpenImage, options: RenderOptions) -> tuple[tuple[float, float], ...]:
    """Percentiles of the whole image, so that its tiles match one another; kept with the open image."""
    key = f"{options.bands}|{options.expression}|{options.percent}|{bool(options.colormap)}"
    if key not in image.notes:
        if len(image.notes) >= _KEPT:
            image.notes.clear()
        image.notes[key] = _percentiles(image, options)
    found: tuple[tuple[float, float], ...] = image.notes[key]
    return found


def _percentiles(image: OpenImage, options: RenderOptions) -> tuple[tuple[float, float], ...]:
    values, valid = overview(image, _numbers(image, options))
    if options.expression:
        expression = read_expression(options.expression)
        values = expression.of(dict(zip(expression.bands, values, strict=True)))
    limits = []
    for band in values:
        seen = band[valid & np.isfinite(band)]
        low, high = np.percentile(seen, options.percent or DEFAULT_PERCENT) if seen.size else (0.0, 1.0)
        limits.append((float(low), float(high)) if high > low else (float(low), float(low) + 1))
    return tuple(limits)


def _numbers(image: OpenImage, options: RenderOptions) -> tuple[int, ...]:
    if options.expression:
        return band_numbers(image, [str(one) for one in read_expression(options.expression).bands])
    return _bands(image, options)


def overview(image: OpenImage, bands: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The whole image in at most 512 pixels across, with its validity."""
    shrink = max(1, -(-max(image.dataset.width, image.dataset.height) // _LOOKED_AT))
    shape = (max(1, image.dataset.height // shrink), max(1, image.dataset.width // shrink))
    values = image.dataset.read(list(bands), out_shape=(len(bands), *shape), resampling=Resampling.nearest)
    return values, image.valid_of(values, None, shape)


def _coloured(
    values: NDArray[Any], valid: NDArray[np.bool_], limits: tuple[tuple[float, float], ...], options: RenderOptions
) -> NDArray[np.uint8]:
    """Bytes per band, then grey, a colour map, or red, green and blue; transparent where not valid."""
    tones = _stretched(values, limits) if limits else values.astype(np.uint8)
    if options.gamma != 1:
        tones = _gamma(options.gamma)[tones]
    rgba = np.empty((*valid.shape, 4), np.uint8)
    if len(tones) >= 3:
        rgba[..., 0], rgba[..., 1], rgba[..., 2] = tones[0], tones[1], tones[2]
    elif options.colormap:
        rgba[..., :3] = colours_of(options.colormap)[tones[0]]
    else:
        rgba[..., :3] = tones[0][..., None]
    return _cleared(rgba, valid)


def _cleared(rgba: NDArray[np.uint8], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Opaque where valid; nothing at all, not even a colour, elsewhere."""
    rgba[..., 3] = 255
    if not valid.all():
        rgba[~valid] = 0
    return rgba


def _stretched(values: NDArray[Any], limits: tuple[tuple[float, float], ...]) -> NDArray[np.uint8]:
    if values.dtype in (np.uint8, np.uint16):
        # every value there can be, looked up: cheaper than arithmetic on every pixel
        every = np.arange(np.iinfo(values.dtype).max + 1)
        return np.stack([_table(every.size, *limits[min(n, len(limits) - 1)])[band] for n, band in enumerate(values)])
    found = np.empty(values.shape, np.uint8)
    for number, band in enumerate(values):
        low, high = limits[min(number, len(limits) - 1)]
        found[number] = np.clip((np.nan_to_num(band.astype(np.float32)) - low) * (255 / (high - low)), 0, 255)
    return found


@lru_cache(maxsize=64)
def _table(size: int, low: float, high: float) -> NDArray[np.uint8]:
    return np.clip((np.arange(size, dtype=np.float32) - low) * (255 / (high - low)), 0, 255).astype(np.uint8)


@lru_cache(maxsize=32)
def _gamma(gamma: float) -> NDArray[np.uint8]:
    return (255 * (np.arange(256) / 255) ** (1 / gamma) + 0.5).astype(np.uint8)


def draw_heights(heights: Sampled, grid: Grid, options: RenderOptions) -> NDArray[np.uint8]:
    """Heights as relief (tints and shade), hillshade or slope.

    Parameters
    ----------
    heights
        Values [1, row + 2, column + 2] in metres on ``grid`` grown by one pixel.
    """
    east, north, valid = terrain.gradients(heights.values[0], heights.valid, grid)
    if options.style == "slope":
        limits = options.rescale or ((0.0, _SLOPE_TOP),)
        degrees = terrain.slope_degrees(east, north)
        return _coloured(degrees[None], valid, limits, options)
    shade = terrain.hillshade(east, north, options.azimuth, options.altitude, options.exaggeration)
    if options.style == "hillshade":
        return _coloured(shade[None], valid, (), options)
    middle = heights.values[0][1:-1, 1:-1]
    tints = _tinted(middle, options)
    lit = (0.45 + 0.55 * np.minimum(shade / _flat_shade(options.altitude), 1.25)).astype(np.float32)
    rgba = np.empty((*valid.shape, 4), np.uint8)
    rgba[..., :3] = np.clip(tints * lit[..., None], 0, 255)
    return _cleared(rgba, valid)


def _flat_shade(altitude: float) -> float:
    """Brightness of level ground, so that plains keep the colour of their tint."""
    return max(255 * float(np.sin(np.radians(altitude))), 1.0)


def _tinted(heights: NDArray[np.float32], options: RenderOptions) -> NDArray[np.float32]:
    """Colours of heights: those of elevation maps, the same everywhere, or a colour map between two heights."""
    if options.colormap and options.rescale:
        return colours_of(options.colormap)[_stretched(heights[None], options.rescale)[0]].astype(np.float32)
    table = np.array(_TINTS, np.float32)
    return np.stack([np.interp(heights, table[:, 0], table[:, n]) for n in (1, 2, 3)], axis=-1).astype(np.float32)
