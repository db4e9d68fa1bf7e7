"""A plane of metres around a place, for distances and buffers. 局部平面.

A transverse Mercator of its own with the place's meridian and scale 1 (a Gauss–Krüger plane on CGCS2000 whose central
meridian runs through the place). Its scale at x metres from the meridian is 1 + x²/2R²: 3e-5 at 50 km, 1.2e-4 at 100 km.
"""

from __future__ import annotations

from functools import lru_cache

import shapely
from pyproj import CRS, Geod

from kunyu.engines.analysis.errors import BadPlot
from kunyu.kernel.geodesy import INVERSE_FLATTENING, SEMI_MAJOR_M, from_lonlat, to_lonlat

GEOD = Geod(a=SEMI_MAJOR_M, rf=INVERSE_FLATTENING)
WIDEST_M = 200_000.0
LONGEST_EDGE_DEGREES = 0.005


@lru_cache(maxsize=64)
def _plane(longitude: float) -> CRS:
    return CRS.from_proj4(
        f"+proj=tmerc +lat_0=0 +lon_0={longitude!r} +k=1 +x_0=0 +y_0=0 +a={SEMI_MAJOR_M!r} +rf={INVERSE_FLATTENING!r} "
        "+units=m +no_defs +type=crs"
    )


def plane_at(geometry: shapely.Geometry) -> CRS:
    """The plane of a geometry in degrees.

    Raises
    ------
    BadPlot
        It is wider than the plane keeps its promise.
    """
    west, south, east, north = geometry.bounds
    middle = (south + north) / 2
    width = abs(GEOD.inv(west, middle, east, middle)[2]) if east > west else 0.0
    height = abs(GEOD.inv(west, south, west, north)[2]) if north > south else 0.0
    if max(width, height) > WIDEST_M:
        raise BadPlot(
            f"几何的范围 {max(width, height) / 1000:.0f} km 超过 {WIDEST_M / 1000:.0f} km，距离会失真；请分块。",
            f"The geometry spans {max(width, height) / 1000:.0f} km, more than {WIDEST_M / 1000:.0f} km; split it.",
        )
    return _plane(round((west + east) / 2, 4))


def into(plane: CRS, geometries: list[shapely.Geometry] | shapely.Geometry) -> list[shapely.Geometry]:
    """Geometries in metres; long edges get vertices first, so that they stay straight in degrees."""
    given = [geometries] if isinstance(geometries, shapely.Geometry) else list(geometries)
    return list(from_lonlat(shapely.segmentize(given, LONGEST_EDGE_DEGREES), plane))


def out_of(plane: CRS, geometry: shapely.Geometry) -> shapely.Geometry:
    """Back to longitude, latitude."""
    moved: shapely.Geometry = to_lonlat([geometry], plane)[0]
    return moved
