"""Shape of the ground from heights on a grid: slope, and the shade of a sun. 坡度与山体阴影. Pure.

Gradients after B. K. P. Horn, "Hill shading and the reflectance map", Proc. IEEE 69 (1981): weighted differences over
the eight neighbours. Distances are metres on the ellipsoid, also where the plane counts degrees or Mercator metres.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kunyu.engines.maps.coverages.sampling import Grid

_A, _E2 = 6378137.0, 0.00669438002290
_MERCATOR, _GEOGRAPHIC = 3857, (4326, 4490)


def pixel_metres(grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Width and height of the pixels of each row on the ground, in metres (two columns of one value per row).

    CGCS2000 ellipsoid (GB 22021-2008); a Gauss–Krüger plane is taken as true to scale (it errs by under 1/2,500).
    """
    dx, dy = grid.pixel
    if grid.epsg != _MERCATOR and grid.epsg not in _GEOGRAPHIC:
        one = np.ones((grid.height, 1))
        return one * dx, one * dy
    y = grid.box.y_max - (np.arange(grid.height) + 0.5) * dy
    if grid.epsg == _MERCATOR:
        latitude = np.arctan(np.sinh(y / _A))
        # the plane is that of a sphere: metres of it are shorter on the ground by the cosine of the latitude
        east, north = dx * np.cos(latitude), dy * np.cos(latitude)
        return east[:, None], north[:, None]
    latitude = np.radians(np.clip(y, -89.99, 89.99))
    curve = 1 - _E2 * np.sin(latitude) ** 2
    east = np.radians(dx) * _A / np.sqrt(curve) * np.cos(latitude)
    north = np.radians(dy) * _A * (1 - _E2) / curve**1.5
    return east[:, None], north[:, None]


def gradients(
    heights: NDArray[np.float32], valid: NDArray[np.bool_], grid: Grid
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Rise per metre to the east and to the north, and where they are known.

    Parameters
    ----------
    heights, valid
        On ``grid`` grown by one pixel on every side: [rows + 2, columns + 2]. A neighbour without a value takes the
        height of the middle, so that the last row before a gap is drawn too.
    """
    middle, known = heights[1:-1, 1:-1], valid[1:-1, 1:-1]
    rows, columns = middle.shape

    def at(down: int, right: int) -> NDArray[np.float32]:
        place = slice(down, down + rows), slice(right, right + columns)
        return np.where(valid[place], heights[place], middle)

    a, b, c, d, f, g, h, i = (at(*one) for one in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)))
    east, north = pixel_metres(grid)
    rise_east = ((c + 2 * f + i) - (a + 2 * d + g)) / (8 * east)
    rise_north = ((a + 2 * b + c) - (g + 2 * h + i)) / (8 * north)
    return rise_east.astype(np.float32), rise_north.astype(np.float32), known


def slope_degrees(rise_east: NDArray[np.float32], rise_north: NDArray[np.float32]) -> NDArray[np.float32]:
    """Steepest inclination in degrees, 0–90."""
    return np.degrees(np.arctan(np.hypot(rise_east, rise_north))).astype(np.float32)


def hillshade(
    rise_east: NDArray[np.float32],
    rise_north: NDArray[np.float32],
    azimuth: float = 315.0,
    altitude: float = 45.0,
    exaggeration: float = 1.0,
) -> NDArray[np.uint8]:
    """Brightness 0–255 under a sun at ``azimuth`` (degrees clockwise from north) and ``altitude`` above the horizon."""
    sun, zenith = np.radians(azimuth), np.radians(90 - altitude)
    rise_east, rise_north = rise_east * exaggeration, rise_north * exaggeration
    # the ground's normal is (-east, -north, 1); the sun stands at (sin a sin z, cos a sin z, cos z)
    lit = np.cos(zenith) - np.sin(zenith) * (rise_east * np.sin(sun) + rise_north * np.cos(sun))
    lit /= np.sqrt(1 + rise_east**2 + rise_north**2)
    return (np.clip(lit, 0, 1) * 255 + 0.5).astype(np.uint8)
