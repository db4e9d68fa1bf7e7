"""Values of an image on the grid of an answer: an overview read as it lies, then picked by position. Pure of Django.

GDAL's warper sets up a plan for each request that costs more than a tile. Here the positions of the answer's pixels in
the image come from a lattice of exactly projected points; if the straight line between two of them would miss by more
than a quarter of a pixel, every pixel is projected. Where both planes are the same, rows and columns are picked apart.
Nothing is averaged beyond what the overviews hold.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from rasterio.enums import Resampling
from rasterio.windows import Window

from kunyu.engines.maps.coverages.handles import HUGE, OpenImage
from kunyu.engines.maps.grids import Box

LATTICE = 17
_MISS_PIXELS = 0.25
_MOST_READ = 16_000_000
_GEOGRAPHIC = (4326, 4490)
Method = Literal["nearest", "bilinear"]


@dataclass(frozen=True)
class Grid:
    """Where the pixels of an answer lie: ``box`` in the plane of ``epsg`` (x east or longitude), row 0 at the north."""

    box: Box
    epsg: int
    width: int
    height: int

    @property
    def pixel(self) -> tuple[float, float]:
        """Width and height of a pixel in the unit of the plane."""
        box = self.box
        return (box.x_max - box.x_min) / self.width, (box.y_max - box.y_min) / self.height

    def grown(self, pixels: int) -> Grid:
        """The same grid with ``pixels`` more on every side."""
        dx, dy = (side * pixels for side in self.pixel)
        box = Box(self.box.x_min - dx, self.box.y_min - dy, self.box.x_max + dx, self.box.y_max + dy)
        return Grid(box, self.epsg, self.width + 2 * pixels, self.height + 2 * pixels)


@dataclass(frozen=True)
class Sampled:
    """``values`` [band, row, column] in the image's type (float32 when bilinear), ``valid`` [row, column]."""

    values: NDArray[Any]
    valid: NDArray[np.bool_]


@dataclass(frozen=True)
class _Places:
    """Where pixels lie in the image, in its pixels from the upper left corner; 1-D each when ``separable``."""

    columns: NDArray[np.float64]
    rows: NDArray[np.float64]
    separable: bool
    bounds: tuple[float, float, float, float] | None = None
    """Lowest and highest column and row, where every position lies on earth and they are known without looking."""


_local = threading.local()


def transformer(epsg: int, crs_wkt: str) -> Transformer:
    """From the answer's plane into the image's, x first. One per thread: PROJ's contexts are not shared."""
    known: dict[tuple[int, str], Transformer] = _local.__dict__.setdefault("transformers", {})
    if (epsg, crs_wkt) not in known:
        if len(known) > 256:
            known.clear()
        known[epsg, crs_wkt] = Transformer.from_crs(CRS.from_epsg(epsg), CRS.from_wkt(crs_wkt), always_xy=True)
    return known[epsg, crs_wkt]


def sample(image: OpenImage, grid: Grid, bands: tuple[int, ...], method: Method = "nearest") -> Sampled | None:
    """Read ``bands`` (numbers from 1) of an image at the pixels of ``grid``; None where they do not meet."""
    places = _places(image, grid)
    window = _window(image, places, margin=2 if method == "bilinear" else 1)
    if window is None:
        return None
    step = _step(image, places, window)
    values, valid, origin = _read(image, window, step, bands)
    pick = _bilinear if method == "bilinear" else _nearest
    return pick(values, valid, _seen_from(places, origin, step))


def _seen_from(places: _Places, origin: tuple[int, int], step: int) -> _Places:
    """The same places counted in pixels of an overview from another corner."""
    columns, rows, bounds = places.columns - origin[0], places.rows - origin[1], places.bounds
    if step > 1:
        columns /= step
        rows /= step
    if bounds is not None:
        low_x, low_y, high_x, high_y = ((bounds[n] - origin[n % 2]) / step for n in range(4))
        bounds = (low_x, low_y, high_x, high_y)
    return _Places(columns, rows, places.separable, bounds)


# --- positions ---
def _is_same_plane(image: OpenImage, epsg: int) -> bool:
    return image.epsg == epsg or (image.epsg in _GEOGRAPHIC and epsg in _GEOGRAPHIC)


def _places(image: OpenImage, grid: Grid) -> _Places:
    box, (dx, dy) = grid.box, grid.pixel
    x = box.x_min + (np.arange(grid.width, dtype=np.float64) + 0.5) * dx
    y = box.y_max - (np.arange(grid.height, dtype=np.float64) + 0.5) * dy
    to_pixels = image.to_pixels
    if _is_same_plane(image, grid.epsg) and to_pixels.is_rectilinear and to_pixels.b == 0:
        return _Places(to_pixels.a * x + to_pixels.c, to_pixels.e * y + to_pixels.f, separable=True)
    found = _projected_on_lattice(image, grid, x, y)
    return found or _Places(*_projected(image, grid.epsg, *np.meshgrid(x, y)), separable=False)


def _projected(
    image: OpenImage, epsg: int, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exact positions; what cannot be projected lies outside the image."""
    if not _is_same_plane(image, epsg):
        x, y = transformer(epsg, image.crs_wkt).transform(x, y)
    to_pixels = image.to_pixels
    with np.errstate(invalid="ignore"):
        columns = to_pixels.a * x + to_pixels.b * y + to_pixels.c
        rows = to_pixels.d * x + to_pixels.e * y + to_pixels.f
    outside = ~(np.isfinite(columns) & np.isfinite(rows))
    return np.where(outside, -HUGE, columns), np.where(outside, -HUGE, rows)


def _projected_on_lattice(
    image: OpenImage, grid: Grid, x: NDArray[np.float64], y: NDArray[np.float64]
) -> _Places | None:
    """Positions between exactly projected points, or None where that would not be exact enough.

    The lattice has twice the points; the odd ones, left out, tell how far the straight line misses.
    """
    if min(grid.width, grid.height) < 2 * LATTICE:
        return None
    at_x, at_y = np.linspace(x[0], x[-1], 2 * LATTICE - 1), np.linspace(y[0], y[-1], 2 * LATTICE - 1)
    columns, rows = _projected(image, grid.epsg, *np.meshgrid(at_x, at_y))
    bounds = float(columns.min()), float(rows.min()), float(columns.max()), float(rows.max())
    if min(bounds[:2]) <= -HUGE:
        return None
    miss = max(_miss(columns), _miss(rows))
    across = max((bounds[2] - bounds[0]) / grid.width, (bounds[3] - bounds[1]) / grid.height, 1.0)
    if miss > _MISS_PIXELS * across:
        return None
    size = (grid.height, grid.width)
    return _Places(_between(columns, size), _between(rows, size), separable=False, bounds=bounds)


def _miss(exact: NDArray[np.float64]) -> float:
    """How far straight lines between every second point pass from the points between."""
    along = np.abs((exact[:, :-2:2] + exact[:, 2::2]) / 2 - exact[:, 1:-1:2]).max()
    down = np.abs((exact[:-2:2] + exact[2::2]) / 2 - exact[1:-1:2]).max()
    return float(along + down)


def _between(exact: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    """Values on a finer grid, ends included. By hand: a BLAS product of such small matrices wakes all its threads."""
    for many in size:
        few = len(exact)
        low, part = _parts(many, few)
        lower = np.take(exact, low, axis=0)
        upper = np.take(exact, low + 1, axis=0)
        upper -= lower
        upper *= part[:, None]
        upper += lower
        exact = upper.T
    return exact


@lru_cache(maxsize=64)
def _parts(many: int, few: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """For ``many`` evenly spaced places among ``few``: the one below, and how far beyond it."""
    at = np.linspace(0, few - 1, many)
    low = np.minimum(at.astype(np.intp), few - 2)
    return low, at - low


# --- reading ---
def _window(image: OpenImage, places: _Places, margin: int) -> tuple[int, int, int, int] | None:
    """Columns and rows of the image the answer needs, first included, last not; None when it needs none."""
    width, height = image.dataset.width, image.dataset.height
    if places.bounds is not None:
        low_x, low_y, high_x, high_y = places.bounds
        if high_x < 0 or high_y < 0 or low_x >= width or low_y >= height:
            return None
        left, top = max(math.floor(low_x) - margin, 0), max(math.floor(low_y) - margin, 0)
        return left, top, min(math.floor(high_x) + 1 + margin, width), min(math.floor(high_y) + 1 + margin, height)
    columns, rows = places.columns, places.rows
    inside_x, inside_y = (columns >= 0) & (columns < width), (rows >= 0) & (rows < height)
    if not places.separable:
        inside_x = inside_y = inside_x & inside_y
    if not (inside_x.any() and inside_y.any()):
        return None
    seen_x, seen_y = columns[inside_x], rows[inside_y]
    left, right = int(seen_x.min()) - margin, int(seen_x.max()) + 1 + margin
    top, bottom = int(seen_y.min()) - margin, int(seen_y.max()) + 1 + margin
    return max(left, 0), max(top, 0), min(right, width), min(bottom, height)


def _step(image: OpenImage, places: _Places, window: tuple[int, int, int, int]) -> int:
    """The overview to read: the coarsest that is no coarser than the answer (1 is the image itself)."""
    left, top, right, bottom = window
    if places.separable:
        across = abs(places.columns[-1] - places.columns[0]) / max(places.columns.size - 1, 1)
        down = abs(places.rows[-1] - places.rows[0]) / max(places.rows.size - 1, 1)
    else:
        height, width = places.columns.shape
        middle = height // 2, width // 2
        across = _span(places.columns[middle[0]], places.rows[middle[0]])
        down = _span(places.columns[:, middle[1]], places.rows[:, middle[1]])
    wanted = min(across, down)
    step = max([1, *(one for one in image.overviews if one <= wanted + 1e-6)])
    # an image without overviews must not be read whole for a thumbnail
    while (right - left) * (bottom - top) / step**2 > _MOST_READ:
        step *= 2
    return step


def _span(columns: NDArray[np.float64], rows: NDArray[np.float64]) -> float:
    """Pixels of the image per pixel of the answer along one line, where the line lies on earth."""
    known = (columns > -HUGE) & (rows > -HUGE)
    if known.sum() < 2:
        return 1.0
    columns, rows = columns[known], rows[known]
    return float(np.median(np.hypot(np.diff(columns), np.diff(rows))))


def _read(
    image: OpenImage, window: tuple[int, int, int, int], step: int, bands: tuple[int, ...]
) -> tuple[NDArray[Any], NDArray[np.bool_], tuple[int, int]]:
    """Values and validity of a window at one overview; the window grows to whole pixels of it."""
    left, top = window[0] // step * step, window[1] // step * step
    width, height = image.dataset.width, image.dataset.height
    right, bottom = min(-(-window[2] // step) * step, width), min(-(-window[3] // step) * step, height)
    place = Window(left, top, right - left, bottom - top)
    shape = (max(-(-(bottom - top) // step), 1), max(-(-(right - left) // step), 1))
    values = image.dataset.read(
        list(bands), window=place, out_shape=(len(bands), *shape), resampling=Resampling.nearest
    )
    return values, image.valid_of(values, place, shape), (left, top)


# --- picking ---
def _nearest(values: NDArray[Any], valid: NDArray[np.bool_], places: _Places) -> Sampled:
    height, width = valid.shape
    bounds = places.bounds
    if bounds is not None and min(bounds[:2]) >= 0 and bounds[2] < width and bounds[3] < height:
        # wholly inside: what is cut off towards zero needs no floor, no edge and no mask of its own
        flat = places.rows.astype(np.int32)
        flat *= width
        flat += places.columns.astype(np.int32)
        picked = np.take(values.reshape(len(values), -1), flat, axis=1)
        return Sampled(picked, np.ones(flat.shape, np.bool_) if valid.all() else np.take(valid.reshape(-1), flat))
    columns, rows = np.floor(places.columns).astype(np.int32), np.floor(places.rows).astype(np.int32)
    inside_x, inside_y = (columns >= 0) & (columns < width), (rows >= 0) & (rows < height)
    np.clip(columns, 0, width - 1, out=columns)
    np.clip(rows, 0, height - 1, out=rows)
    if places.separable:
        picked = values[:, rows[:, None], columns[None, :]]
        seen = valid[rows[:, None], columns[None, :]] & inside_y[:, None] & inside_x[None, :]
        return Sampled(picked, seen)
    flat = rows * width + columns
    picked = np.take(values.reshape(len(values), -1), flat, axis=1)
    return Sampled(picked, np.take(valid.reshape(-1), flat) & inside_x & inside_y)


def _bilinear(values: NDArray[Any], valid: NDArray[np.bool_], places: _Places) -> Sampled:
    """Weighted mean of the four pixels around; those without a value take no part."""
    columns, rows = places.columns, places.rows
    if places.separable:
        columns, rows = np.broadcast_arrays(columns[None, :], rows[:, None])
    height, width = valid.shape
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    columns, rows = np.where(inside, columns - 0.5, 0), np.where(inside, rows - 0.5, 0)
    left, top = np.floor(columns).astype(np.int32), np.floor(rows).astype(np.int32)
    part_x, part_y = (columns - left).astype(np.float32), (rows - top).astype(np.float32)
    weighed = np.where(valid, values, 0).astype(np.float32).reshape(len(values), -1)
    known = valid.astype(np.float32).reshape(-1)
    total, weights = np.zeros((len(values), *left.shape), np.float32), np.zeros(left.shape, np.float32)
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        weight = (part_x if right else 1 - part_x) * (part_y if down else 1 - part_y)
        flat = np.clip(top + down, 0, height - 1) * width + np.clip(left + right, 0, width - 1)
        total += np.take(weighed, flat, axis=1) * weight
        weights += np.take(known, flat) * weight
    seen = inside & (weights > 1e-3)
    np.divide(total, weights, out=total, where=seen)
    return Sampled(total, seen)
