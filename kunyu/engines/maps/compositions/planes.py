"""The plane of a sheet: its coordinate system, its scale, and the rectangle of ground on the paper. 图幅平面.

A Gauss–Krüger plane keeps lengths within 0.03 % inside its 3-degree zone, so a scale printed for it is true on paper; Web
Mercator is used for what is wider than a zone, its scale true on the middle parallel only, and the sheet says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pyproj import CRS, Transformer

from kunyu.engines.maps.drawing.view import View, box_in
from kunyu.engines.maps.grids import Box
from kunyu.kernel.geodesy import gauss_kruger_zone, zone_epsg

PIXEL_MM = 25.4 / 96
WIDEST_ZONE = 6.0
_STEPS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5, 8, 10)


@dataclass(frozen=True)
class Plane:
    """``stretch``: metres of the plane per metre on the ground at the middle of the sheet."""

    epsg: int
    stretch: float
    name_zh: str
    name_en: str


def plane_of(extent: Box, epsg: int = 0) -> Plane:
    """The plane for an extent in degrees; ``epsg`` 0 chooses by its width and middle."""
    middle = ((extent.x_min + extent.x_max) / 2, (extent.y_min + extent.y_max) / 2)
    if not epsg:
        fits = extent.x_max - extent.x_min <= WIDEST_ZONE and 72 < middle[0] < 138
        epsg = zone_epsg(gauss_kruger_zone(middle[0], 3), 3, False) if fits else 3857
    if epsg == 3857:
        stretch = 1 / math.cos(math.radians(middle[1]))
        return Plane(
            3857,
            stretch,
            "网络墨卡托投影（比例尺仅图幅中央纬线处准确）",
            "Web Mercator; scale true on the middle parallel",
        )
    operation = CRS.from_epsg(epsg).coordinate_operation
    meridian = next(
        one.value for one in (operation.params if operation else ()) if one.name == "Longitude of natural origin"
    )
    return Plane(
        epsg, 1.0, f"2000国家大地坐标系 高斯-克吕格投影 中央经线 {meridian:g}°E（EPSG:{epsg}）",
        f"CGCS2000 Gauss–Krüger, central meridian {meridian:g}°E (EPSG:{epsg})",
    )  # fmt: skip


def nice_scale(denominator: float) -> float:
    """The next round denominator that is not smaller."""
    power = 10.0 ** math.floor(math.log10(max(denominator, 1)))
    return next(step * power for step in _STEPS if step * power >= denominator * (1 - 1e-9))


def view_of(
    extent: Box, plane: Plane, width_mm: float, height_mm: float, scale: float, factor: float
) -> tuple[View, float]:
    """The window of a frame of ``width_mm`` x ``height_mm`` about the middle of ``extent``, and its scale denominator.

    ``scale`` 0 takes the next round one at which the extent fits; ``factor`` enlarges symbols and letters.
    """
    ground = box_in(extent, 4490, plane.epsg)
    if not scale:
        wide = (ground.x_max - ground.x_min) / plane.stretch / (width_mm / 1000)
        tall = (ground.y_max - ground.y_min) / plane.stretch / (height_mm / 1000)
        scale = nice_scale(max(wide, tall, 100.0))
    x, y = (ground.x_min + ground.x_max) / 2, (ground.y_min + ground.y_max) / 2
    half_x = width_mm / 2000 * scale * plane.stretch
    half_y = height_mm / 2000 * scale * plane.stretch
    box = Box(x - half_x, y - half_y, x + half_x, y + half_y)
    return View(box, plane.epsg, width_mm, height_mm, PIXEL_MM * factor, precision=0.04), scale


def convergence(view: View) -> float:
    """Degrees from grid north to true north at the middle of the window, positive to the east (clockwise)."""
    transformer = Transformer.from_crs(CRS.from_epsg(4490), CRS.from_epsg(view.epsg), always_xy=True)
    lon, lat = transformer.transform(
        (view.box.x_min + view.box.x_max) / 2, (view.box.y_min + view.box.y_max) / 2, direction="INVERSE"
    )
    x0, y0 = transformer.transform(lon, lat)
    x1, y1 = transformer.transform(lon, lat + 0.01)
    return math.degrees(math.atan2(x1 - x0, y1 - y0))
