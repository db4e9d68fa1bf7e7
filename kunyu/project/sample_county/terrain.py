"""Synthetic relief: hills in the north-west, a plain in the south-east. 地形.

Height is a formula of position, so every village, the DEM and the slope classes agree without sharing a raster.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kunyu.project.sample_county.layout import Layout
from kunyu.project.sample_county.randomness import value_noise

Floats = NDArray[np.float64]
SLOPE_LIMITS_DEG = (2.0, 6.0, 15.0, 25.0)
"""Upper limits of 坡度级别 1 to 4 (TD/T 1057-2020, GDPDJB)."""

# tangents of the limits, written out so that classes do not hang on a platform's arctangent
_LIMIT_TANGENTS = np.array([0.03492076949174773, 0.10510423526567647, 0.2679491924311227, 0.4663076581549986])


@dataclass(frozen=True)
class Terrain:
    """Relief of one county: where hills are (``hilliness``), height and slope; all positions in the county frame."""

    seed: int
    width_m: float
    height_m: float
    forest_from: float
    foot_from: float

    def hilliness(self, x: Floats, y: Floats) -> Floats:
        """Return a measure that grows toward the hills; no unit."""
        scale = max(2_500.0, 0.22 * (self.width_m + self.height_m))
        lie = 0.75 * (y / self.height_m - x / self.width_m)
        broad = value_noise(x, y, scale, self.seed * 13 + 1)
        return np.asarray(
            lie
            + 0.7 * broad
            + 0.28 * value_noise(x, y, scale / 3.7, self.seed * 13 + 2)
            + 0.08 * value_noise(x, y, 420.0, self.seed * 13 + 3)
        )

    def elevation(self, x: Floats, y: Floats) -> Floats:
        """Return height above the 1985 datum in metres."""
        rise = np.maximum(0.0, self.hilliness(x, y) - self.foot_from)
        plain = 70.0 + 6.0 * value_noise(x, y, 2_600.0, self.seed * 13 + 4)
        ridges = value_noise(x, y, 900.0, self.seed * 13 + 5) + 0.5 * value_noise(x, y, 380.0, self.seed * 13 + 6)
        return np.asarray(plain + 420.0 * rise + np.minimum(1.0, 2.2 * rise) * 110.0 * ridges)

    def slope_class(self, x: Floats, y: Floats) -> NDArray[np.int64]:
        """Return 坡度级别 1 to 5 from central differences over 50 m."""
        step = 25.0
        east = (self.elevation(x + step, y) - self.elevation(x - step, y)) / (2 * step)
        north = (self.elevation(x, y + step) - self.elevation(x, y - step)) / (2 * step)
        return 1 + np.searchsorted(_LIMIT_TANGENTS, np.sqrt(east**2 + north**2), side="left")


def terrain_of(layout: Layout) -> Terrain:
    """Return the county's relief, its forest line chosen so that hills take a steady share of the county."""
    size = layout.node.reshape(-1, 2).max(axis=0) + 0.5 * layout.side_m
    bare = Terrain(layout.seed, float(size[0]), float(size[1]), 0.0, 0.0)
    r, c = layout.cells[:, 0], layout.cells[:, 1]
    corner = layout.node[r, c], layout.node[r, c + 1], layout.node[r + 1, c], layout.node[r + 1, c + 1]
    sample = []
    for a in (0.15, 0.5, 0.85):
        for b in (0.15, 0.5, 0.85):
            sample.append((1 - a) * ((1 - b) * corner[0] + b * corner[1]) + a * ((1 - b) * corner[2] + b * corner[3]))
    points = np.concatenate(sample)
    hills = np.sort(bare.hilliness(points[:, 0], points[:, 1]))
    return Terrain(
        layout.seed,
        float(size[0]),
        float(size[1]),
        float(hills[int(0.70 * hills.size)]),
        float(hills[int(0.55 * hills.size)]),
    )
