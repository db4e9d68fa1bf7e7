"""Coordinate reference systems of the services and their axis order. 坐标系与轴序.

Stored geometry is EPSG:4490 with coordinates lon, lat. A client that names a CRS by URI gets, and gives, coordinates
in the order the CRS itself declares: CRS84 lon, lat; EPSG:4326 and 4490 lat, lon; EPSG:3857 x, y; the Gauss–Krüger
zones (EPSG:4491–4554) northing, easting. CGCS2000 and WGS 84 are taken as one datum: PROJ knows no better
transformation between them, and they agree to centimetres.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import shapely
from pyproj import CRS, Transformer

from kunyu.engines.catalogue.served.errors import BadParameter

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG_URI = "http://www.opengis.net/def/crs/EPSG/0/{}"
STORED_EPSG = 4490
GEOGRAPHIC = (4326, 4490)
ZONES = tuple(range(4491, 4555))
OFFERED = (4326, 4490, 3857, *ZONES)
OFFERED_URIS = (CRS84, *(EPSG_URI.format(epsg) for epsg in OFFERED))
STORAGE_CRS = EPSG_URI.format(STORED_EPSG)

# A tenth of a millimetre is far below survey accuracy; more digits only make answers longer.
DEGREE_DIGITS, METRE_DIGITS = 9, 4
_EDGE_PIECES = 32


@dataclass(frozen=True)
class OfferedCrs:
    """One CRS a client may ask for. ``is_swapped``: its first axis is latitude or northing."""

    uri: str
    epsg: int
    is_swapped: bool
    is_geographic: bool

    @property
    def content_crs(self) -> str:
        """Value of the ``Content-Crs`` header."""
        return f"<{self.uri}>"

    def geojson_sql(self, geometry: str) -> str:
        """SQL that writes ``geometry`` (EPSG:4490, lon/lat) as GeoJSON in this CRS and its axis order."""
        moved = geometry if self.is_geographic else f"ST_Transform({geometry}, {self.epsg})"
        if self.is_swapped:
            moved = f"ST_FlipCoordinates({moved})"
        return f"ST_AsGeoJSON({moved}, {DEGREE_DIGITS if self.is_geographic else METRE_DIGITS}, 0)"


@lru_cache(maxsize=256)
def offered(uri: str) -> OfferedCrs:
    """The CRS of a URI, safe CURIE (``[EPSG:4490]``) or ``EPSG:4490``; :class:`BadParameter` when not offered."""
    name = uri.strip()
    if name in (CRS84, "[OGC:CRS84]", "OGC:CRS84", "CRS84"):
        return OfferedCrs(CRS84, STORED_EPSG, is_swapped=False, is_geographic=True)
    match = re.fullmatch(r"https?://www\.opengis\.net/def/crs/EPSG/(?:0|[\d.]+)/(\d+)|\[?EPSG:(\d+)\]?", name)
    epsg = int(match[1] or match[2]) if match else 0
    if epsg not in OFFERED:
        raise BadParameter(
            f"不支持坐标系 {uri[:120]}；可用 CRS84、EPSG:4326、4490、3857 和 4491–4554（CGCS2000 高斯-克吕格带）。",
            f"The CRS {uri[:120]} is not offered; use CRS84, EPSG:4326, 4490, 3857 or 4491–4554 (CGCS2000 zones).",
            crs=uri[:120],
        )
    return OfferedCrs(EPSG_URI.format(epsg), epsg, is_swapped=epsg != 3857, is_geographic=epsg in GEOGRAPHIC)


DEFAULT = offered(CRS84)


@lru_cache(maxsize=128)
def _to_stored(epsg: int) -> Transformer:
    return Transformer.from_crs(CRS.from_epsg(epsg), CRS.from_epsg(STORED_EPSG), always_xy=True)


def bbox_polygon(numbers: list[float], crs: OfferedCrs) -> shapely.Geometry:
    """The area a ``bbox`` names, in degrees lon/lat, for an intersection test.

    Parameters
    ----------
    numbers
        Four values (six with heights, which are ignored) in ``crs`` and its axis order. In a geographic CRS the west
        side may be greater than the east side: the box then crosses the antimeridian and becomes two.

    Raises
    ------
    BadParameter
        A side is reversed, outside the CRS, or not finite.
    """
    first_min, second_min, first_max, second_max = numbers if len(numbers) == 4 else (*numbers[:2], *numbers[3:5])
    x_min, y_min, x_max, y_max = (
        (second_min, first_min, second_max, first_max)
        if crs.is_swapped
        else (first_min, second_min, first_max, second_max)
    )
    if y_min > y_max or (x_min > x_max and not crs.is_geographic):
        raise BadParameter(
            f"bbox 的下限大于上限：{numbers}；请按坐标系 {crs.uri} 的轴序给出。",
            f"The bbox has a lower side above its upper side: {numbers}; give it in the axis order of {crs.uri}.",
        )
    if crs.is_geographic:
        _require_degrees(x_min, y_min, x_max, y_max, numbers)
        if x_min > x_max:
            return shapely.union_all([shapely.box(x_min, y_min, 180, y_max), shapely.box(-180, y_min, x_max, y_max)])
        return shapely.box(x_min, y_min, x_max, y_max)
    return _plane_box(x_min, y_min, x_max, y_max, crs)


def _require_degrees(x_min: float, y_min: float, x_max: float, y_max: float, numbers: list[float]) -> None:
    if not (-180 <= x_min <= 180 and -180 <= x_max <= 180 and y_min >= -90 and y_max <= 90):
        raise BadParameter(
            f"bbox 超出经度 ±180、纬度 ±90：{numbers}；请检查轴序。",
            f"The bbox leaves longitude ±180 or latitude ±90: {numbers}; check the axis order.",
        )


def lonlat_geometry(geometry: shapely.Geometry, crs: OfferedCrs) -> shapely.Geometry:
    """A geometry in ``crs`` and its axis order, in degrees lon/lat. Only vertices are moved.

    Raises
    ------
    BadParameter
        A coordinate lies outside the earth, or outside the area in which the CRS is usable.
    """

    def move(coordinates: np.ndarray) -> np.ndarray:
        ordered = coordinates[:, ::-1] if crs.is_swapped else coordinates
        if crs.is_geographic:
            return ordered
        return np.column_stack(_to_stored(crs.epsg).transform(ordered[:, 0], ordered[:, 1]))

    moved = shapely.transform(shapely.force_2d(geometry), move)
    if moved.is_empty:
        return moved
    bounds = np.array(moved.bounds)
    if not (np.isfinite(bounds).all() and (np.abs(bounds) <= (180, 90, 180, 90)).all()):
        raise BadParameter(
            f"几何超出坐标系 {crs.uri} 的可用范围（经度 ±180、纬度 ±90）；请检查坐标系和轴序。",
            f"The geometry lies outside the area of {crs.uri} (longitude ±180, latitude ±90); check CRS and axis order.",
        )
    return moved


def _plane_box(x_min: float, y_min: float, x_max: float, y_max: float, crs: OfferedCrs) -> shapely.Geometry:
    """A plane box in lon/lat; edges are cut in pieces because straight lines of the plane bend in degrees."""
    steps = np.linspace(0, 1, _EDGE_PIECES, endpoint=False)
    corners = np.array([(x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max), (x_min, y_min)])
    ring = np.concatenate([a + (b - a) * steps[:, None] for a, b in pairwise(corners)])
    lon, lat = _to_stored(crs.epsg).transform(ring[:, 0], ring[:, 1])
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise BadParameter(
            f"bbox 不在坐标系 {crs.uri} 的可用范围内。", f"The bbox lies outside the area in which {crs.uri} is usable."
        )
    return shapely.Polygon(np.column_stack([lon, lat]))


def lonlat_of_plane(x: float, y: float, epsg: int) -> tuple[float, float]:
    """Longitude and latitude of easting ``x`` and northing ``y`` (zone prefix included where the CRS has one)."""
    lon, lat = _to_stored(epsg).transform(x, y)
    return float(lon), float(lat)
