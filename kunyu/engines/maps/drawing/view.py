"""The window of a picture: which rectangle of which plane falls on which rectangle of the canvas. 图幅窗口."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from pyproj import CRS, Transformer

from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.maps import crs
from kunyu.engines.maps.drawing.errors import BadImageSize
from kunyu.engines.maps.grids import Box

EARTH_M = 6378137.0
MOST_PIXELS = 4096
_TILE = 512


@dataclass(frozen=True)
class View:
    """``box`` of plane ``epsg`` (x east or longitude, y north or latitude) on ``width`` x ``height`` canvas units.

    ``unit`` is how many canvas units one pixel of a style is (1 in pictures, 25.4/96 in millimetres of a page);
    ``precision`` how far, in canvas units, an outline may be moved to hold fewer vertices.
    """

    box: Box
    epsg: int
    width: float
    height: float
    unit: float = 1.0
    precision: float = 0.4

    @cached_property
    def lonlat(self) -> Box:
        """Degrees lon/lat that hold the whole window."""
        box = self.box
        if self.epsg in crs.GEOGRAPHIC:
            return Box(max(box.x_min, -180), max(box.y_min, -90), min(box.x_max, 180), min(box.y_max, 90))
        corners = [box.x_min, box.y_min, box.x_max, box.y_max]
        offered = crs.offered(f"EPSG:{self.epsg}")
        swapped = [corners[1], corners[0], corners[3], corners[2]] if offered.is_swapped else corners
        return Box(*crs.bbox_polygon(swapped, offered).bounds)

    @property
    def degrees_per_unit(self) -> float:
        """Degrees of latitude or longitude, whichever is finer on the canvas, that one canvas unit spans."""
        inside = self.lonlat
        return min((inside.x_max - inside.x_min) / self.width, (inside.y_max - inside.y_min) / self.height)

    @cached_property
    def metres_per_unit(self) -> float:
        """Metres on the ground of one canvas unit, up and down the middle of the window."""
        if self.epsg in crs.GEOGRAPHIC:
            return math.radians(self.box.y_max - self.box.y_min) / self.height * EARTH_M
        stretch = 1.0
        if self.epsg == 3857:
            stretch = math.cos(math.radians((self.lonlat.y_min + self.lonlat.y_max) / 2))
        return (self.box.y_max - self.box.y_min) / self.height * stretch

    @cached_property
    def zoom(self) -> float:
        """The zoom at which MapLibre (tiles of 512 pixels) draws at this scale; styles depend on it."""
        latitude = (self.lonlat.y_min + self.lonlat.y_max) / 2
        around = 2 * math.pi * EARTH_M * math.cos(math.radians(min(max(latitude, -85), 85)))
        return max(0.0, math.log2(around / (_TILE * self.metres_per_unit * self.unit)))

    def to_canvas(self, lonlat: np.ndarray) -> np.ndarray:
        """``float64[n, 2]`` degrees lon/lat on canvas units, y downwards."""
        plane = lonlat if self.epsg in crs.GEOGRAPHIC else _to_plane(lonlat, self.epsg)
        box = self.box
        x = (plane[:, 0] - box.x_min) * (self.width / (box.x_max - box.x_min))
        y = (box.y_max - plane[:, 1]) * (self.height / (box.y_max - box.y_min))
        return np.column_stack([x, y])


def _to_plane(lonlat: np.ndarray, epsg: int) -> np.ndarray:
    if epsg == 3857:
        latitude = np.radians(np.clip(lonlat[:, 1], -89.9, 89.9))
        return np.column_stack([EARTH_M * np.radians(lonlat[:, 0]), EARTH_M * np.arcsinh(np.tan(latitude))])
    return np.column_stack(_transformer(epsg).transform(lonlat[:, 0], lonlat[:, 1]))


@lru_cache(maxsize=64)
def _transformer(epsg: int) -> Transformer:
    return Transformer.from_crs(CRS.from_epsg(crs.STORED_EPSG), CRS.from_epsg(epsg), always_xy=True)


def picture(box: Box, epsg: int, width: int, height: int, unit: float = 1.0) -> View:
    """The view of a picture in pixels.

    Raises
    ------
    BadImageSize
        No or more than 4,096 pixels on a side, or a box without area.
    """
    if not (1 <= width <= MOST_PIXELS and 1 <= height <= MOST_PIXELS):
        raise BadImageSize(
            f"图像 {width} × {height} 像素不可绘；每边 1–{MOST_PIXELS}。更大的图请用打印（A4–A0 PDF）。",
            f"An image of {width} × {height} pixels is not drawn; 1–{MOST_PIXELS} a side. Print larger ones as PDF.",
            limit=MOST_PIXELS,
        )
    if not (box.x_max > box.x_min and box.y_max > box.y_min):
        raise BadImageSize("范围没有面积；请给出西、南小于东、北的 bbox。", "The bbox has no area.")
    return View(box, epsg, float(width), float(height), unit)


def box_in(box: Box, from_epsg: int, to_epsg: int) -> Box:
    """The box of another plane that holds ``box``: edges bend, so many points of each are looked at.

    Raises
    ------
    BadParameter
        The box lies outside the area in which a CRS is usable.
    """
    if from_epsg == to_epsg or {from_epsg, to_epsg} <= set(crs.GEOGRAPHIC):
        return box
    transformer = Transformer.from_crs(CRS.from_epsg(from_epsg), CRS.from_epsg(to_epsg), always_xy=True)
    sides = transformer.transform_bounds(box.x_min, box.y_min, box.x_max, box.y_max, densify_pts=32)
    if not np.isfinite(sides).all():
        raise BadParameter(
            f"范围不在坐标系 EPSG:{to_epsg} 的可用范围内。",
            f"The box lies outside the area in which EPSG:{to_epsg} is usable.",
        )
    return Box(*sides)
