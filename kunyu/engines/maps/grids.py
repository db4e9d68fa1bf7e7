"""Tile matrix sets: which piece of the earth a tile covers. 瓦片矩阵集.

``WebMercatorQuad`` is OGC 17-083r4 annex D.1. ``CGCS2000Quad`` is the national geographic matrix in EPSG:4490 with the
numbering of OGC's ``WorldCRS84Quad``: matrix 0 has 1 row x 2 columns of 180 degrees, 0.703125 degree per 256-pixel
cell, origin at 90 N 180 W. The national tile standard counts the same matrices from 1 (level L here is its level
L + 1); that correspondence was not checked against the published text (verified = false).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from kunyu.engines.maps.crs import EPSG_URI
from kunyu.engines.maps.errors import NoSuchTile
from kunyu.engines.maps.settings import maps_settings

MVT_EXTENT = 4096
"""Units across a tile at zoom 12 and above."""

SMALL_SCALE_EXTENT = 1024
"""Units across a tile below zoom 12: half a pixel of a 512-pixel tile, so that neighbours snap to the same grid."""

BUFFER_SHARE = 64 / 4096
"""Share of the tile's width drawn beyond each side, so that outlines of cut polygons stay out of sight."""

UNPROJECTED_FROM_ZOOM = 12
"""From here on longitude/latitude bounds replace projection: within 1 of 4096 units (architecture.md §6)."""

EARTH_HALF_M = math.pi * 6378137.0
PIXELS = 256


@dataclass(frozen=True)
class Box:
    """A rectangle: x is east or longitude, y is north or latitude, in the unit of its plane."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float

    def buffered(self, share: float) -> Box:
        """Grow every side by ``share`` of the width and height."""
        dx, dy = (self.x_max - self.x_min) * share, (self.y_max - self.y_min) * share
        return Box(self.x_min - dx, self.y_min - dy, self.x_max + dx, self.y_max + dy)

    @property
    def text(self) -> str:
        """PostGIS box2d text; ``repr`` keeps every digit of a float."""
        return f"BOX({self.x_min!r} {self.y_min!r},{self.x_max!r} {self.y_max!r})"


@dataclass(frozen=True)
class TileMatrixSet:
    """One way to cut the earth: ``epsg`` names the plane, ``columns_at_0`` how many tiles level 0 has."""

    id: str
    title_zh: str
    title_en: str
    epsg: int
    uri: str
    columns_at_0: int
    is_geographic: bool
    cell_at_0: float
    scale_at_0: float
    origin: tuple[float, float]

    def size(self, zoom: int) -> tuple[int, int]:
        """Columns and rows of one level."""
        return self.columns_at_0 << zoom, 1 << zoom

    def holds(self, zoom: int, row: int, column: int) -> bool:
        """Is there such a tile, at a zoom that this node serves?"""
        columns, rows = self.size(zoom) if 0 <= zoom <= maps_settings().max_zoom else (0, 0)
        return 0 <= row < rows and 0 <= column < columns

    def require(self, zoom: int, row: int, column: int) -> None:
        """Refuse a tile outside the matrix set: :class:`NoSuchTile`."""
        if not self.holds(zoom, row, column):
            raise NoSuchTile(
                f"{self.id} 没有瓦片 {zoom}/{row}/{column}（级别/行/列）；级别 0–{maps_settings().max_zoom}。",
                f"{self.id} has no tile {zoom}/{row}/{column} (level/row/column); levels 0–{maps_settings().max_zoom}.",
            )

    def plane_bounds(self, zoom: int, row: int, column: int) -> Box:
        """Bounds of a tile in the matrix set's own plane: metres for Mercator, degrees lon/lat for CGCS2000."""
        if self.is_geographic:
            side = 180.0 / (1 << zoom)
            return Box(column * side - 180, 90 - (row + 1) * side, (column + 1) * side - 180, 90 - row * side)
        side = 2 * EARTH_HALF_M / (1 << zoom)
        west, north = column * side - EARTH_HALF_M, EARTH_HALF_M - row * side
        return Box(west, north - side, west + side, north)

    def lonlat(self, plane: Box) -> Box:
        """The same box in degrees lon/lat; exact, since both planes have straight meridians and parallels."""
        if self.is_geographic:
            return plane
        return Box(_longitude(plane.x_min), _latitude(plane.y_min), _longitude(plane.x_max), _latitude(plane.y_max))

    def describe(self) -> dict[str, Any]:
        """The tile matrix set as JSON of OGC 17-083r4; ``pointOfOrigin`` in the axis order of the CRS."""
        matrices = []
        for zoom in range(maps_settings().max_zoom + 1):
            columns, rows = self.size(zoom)
            matrices.append(
                {
                    "id": str(zoom),
                    "scaleDenominator": self.scale_at_0 / (1 << zoom),
                    "cellSize": self.cell_at_0 / (1 << zoom),
                    "cornerOfOrigin": "topLeft",
                    "pointOfOrigin": list(self.origin),
                    "tileWidth": PIXELS,
                    "tileHeight": PIXELS,
                    "matrixWidth": columns,
                    "matrixHeight": rows,
                }
            )
        document: dict[str, Any] = {
            "id": self.id,
            "title": f"{self.title_zh} / {self.title_en}",
            "crs": EPSG_URI.format(self.epsg),
            "orderedAxes": ["Lat", "Lon"] if self.is_geographic else ["X", "Y"],
            "tileMatrices": matrices,
        }
        if self.uri:
            document["uri"] = self.uri
            document["wellKnownScaleSet"] = "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible"
        return document


@dataclass(frozen=True)
class TileAddress:
    """One tile of a matrix set, in OGC order."""

    grid: TileMatrixSet
    zoom: int
    row: int
    column: int

    @property
    def plane(self) -> Box:
        return self.grid.plane_bounds(self.zoom, self.row, self.column)

    @property
    def searched(self) -> Box:
        """The tile with its buffer in degrees lon/lat: what is drawn, and therefore what must be found."""
        return self.grid.lonlat(self.plane.buffered(BUFFER_SHARE))


def _longitude(x_m: float) -> float:
    return x_m / EARTH_HALF_M * 180.0


def _latitude(y_m: float) -> float:
    return math.degrees(math.atan(math.sinh(y_m / 6378137.0)))


# Scale denominators take a pixel of 0.28 mm; degrees become metres on the equator of the ellipsoid (17-083r4, 6.2.1.1).
_DEGREE_M = math.radians(1) * 6378137.0
WEB_MERCATOR_QUAD = TileMatrixSet(
    id="WebMercatorQuad",
    title_zh="网络墨卡托四叉",
    title_en="Google Maps compatible, Web Mercator",
    epsg=3857,
    uri="http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad",
    columns_at_0=1,
    is_geographic=False,
    cell_at_0=2 * EARTH_HALF_M / PIXELS,
    scale_at_0=2 * EARTH_HALF_M / PIXELS / 0.00028,
    origin=(-EARTH_HALF_M, EARTH_HALF_M),
)
CGCS2000_QUAD = TileMatrixSet(
    id="CGCS2000Quad",
    title_zh="2000国家大地坐标系经纬度四叉",
    title_en="CGCS2000 longitude/latitude, numbered as WorldCRS84Quad",
    epsg=4490,
    uri="",
    columns_at_0=2,
    is_geographic=True,
    cell_at_0=180 / PIXELS,
    scale_at_0=180 / PIXELS * _DEGREE_M / 0.00028,
    origin=(90.0, -180.0),
)
GRIDS = {grid.id: grid for grid in (WEB_MERCATOR_QUAD, CGCS2000_QUAD)}


def grid_of(name: str) -> TileMatrixSet:
    """The tile matrix set of that id; :class:`NoSuchTile` names those there are."""
    try:
        return GRIDS[name]
    except KeyError:
        known = "、".join(GRIDS)
        raise NoSuchTile(
            f"没有瓦片矩阵集 {name}；可用：{known}。", f"No tile matrix set {name}; there are: {known}."
        ) from None
