"""The geometry somebody asks about: read, judged, measured. 地块.

A plot is in degrees of longitude and latitude on CGCS2000 (EPSG:4490), two-dimensional, valid, inside China's
neighbourhood. Everything else is refused with a sentence that names the place.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely

from kunyu.engines.analysis.errors import BadPlot, PlotTooLarge
from kunyu.engines.analysis.settings import analysis_settings
from kunyu.kernel.digests import sm3_hex
from kunyu.kernel.geodesy import area_of_lonlat

SRID = 4490
# a wide box around the land and the sea areas of China, degrees
WEST, SOUTH, EAST, NORTH = 70.0, 0.0, 140.0, 57.0
AREAS = ("Polygon", "MultiPolygon")
ANY = ("Point", "MultiPoint", "LineString", "MultiLineString", *AREAS)
_PLACE = re.compile(r"^(.*)\[(-?[\d.eE+-]+) (-?[\d.eE+-]+)")


@dataclass(frozen=True)
class Plot:
    """A judged geometry, ``geometry`` in EPSG:4490 longitude, latitude."""

    geometry: shapely.Geometry

    @cached_property
    def area_m2(self) -> float:
        """Ellipsoidal area, CGCS2000, square metres (kernel.geodesy)."""
        return float(area_of_lonlat([self.geometry])[0])

    @cached_property
    def wkb(self) -> str:
        """EWKB in hex, as SQL takes it."""
        return str(shapely.to_wkb(shapely.set_srid(self.geometry, SRID), hex=True, include_srid=True))

    @cached_property
    def sm3(self) -> str:
        """SM3 of its little-endian WKB: what a replay digest binds."""
        return sm3_hex(shapely.to_wkb(self.geometry, byte_order=1))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        west, south, east, north = self.geometry.bounds
        return west, south, east, north

    @property
    def is_area(self) -> bool:
        return self.geometry.geom_type in AREAS


def read_plot(document: Any, kinds: tuple[str, ...] = AREAS) -> Plot:
    """The plot of a GeoJSON geometry, Feature, or FeatureCollection of one feature.

    Parameters
    ----------
    document
        Parsed JSON; coordinates in longitude, latitude.
    kinds
        Geometry types accepted.

    Raises
    ------
    BadPlot, PlotTooLarge
    """
    geometry = _geometry_of(document)
    kind = geometry.get("type")
    if kind not in kinds:
        raise BadPlot(
            f"geometry 的类型是 {str(kind)[:40]!r}，这里需要：{'、'.join(kinds)}。",
            f"The geometry is a {str(kind)[:40]!r}; needed here: {', '.join(kinds)}.",
        )
    _require_coordinates(geometry.get("coordinates"))
    try:
        found = shapely.from_geojson(json.dumps({"type": kind, "coordinates": geometry.get("coordinates")}))
    except (shapely.errors.GEOSException, ValueError, TypeError) as error:
        raise _unclosed_or_bad(geometry, error) from None
    return judge(found)


def _geometry_of(document: Any) -> Mapping[str, Any]:
    if isinstance(document, Mapping) and document.get("type") == "FeatureCollection":
        features = document.get("features")
        if not isinstance(features, list) or len(features) != 1:
            raise BadPlot("要素集合里应恰好有一个要素。", "A FeatureCollection must hold exactly one feature.")
        document = features[0]
    if isinstance(document, Mapping) and document.get("type") == "Feature":
        document = document.get("geometry")
    if not isinstance(document, Mapping):
        raise BadPlot(
            "geometry 应为 GeoJSON 几何对象（经度在前、纬度在后）。",
            "geometry must be a GeoJSON geometry object (longitude, then latitude).",
        )
    return document


def _require_coordinates(coordinates: Any) -> None:
    """Refuse what is not nested lists of finite numbers, or has too many of them, before GEOS looks at it."""
    left, stack = analysis_settings().vertices_max, [(coordinates, 0)]
    while stack:
        one, depth = stack.pop()
        if not isinstance(one, list) or depth > 4:
            raise BadPlot("coordinates 应为嵌套的数组。", "coordinates must be nested arrays.")
        if one and not isinstance(one[0], list):
            left -= 1
            if left < 0:
                raise too_many_vertices()
            _require_position(one)
        else:
            stack.extend((inner, depth + 1) for inner in one)


def _require_position(position: list[Any]) -> None:
    if len(position) < 2 or not all(
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) for value in position
    ):
        raise BadPlot(
            f"坐标 {str(position)[:60]} 不是两个有限的数（经度、纬度）。",
            f"The position {str(position)[:60]} is not two finite numbers (longitude, latitude).",
        )


def too_many_vertices() -> PlotTooLarge:
    most = analysis_settings().vertices_max
    return PlotTooLarge(
        f"地块的顶点超过 {most} 个；请拆分地块，或去掉多余的顶点。",
        f"The plot has more than {most} vertices; split it, or remove needless ones.",
        limit=most,
    )


def _unclosed_or_bad(geometry: Mapping[str, Any], error: Exception) -> BadPlot:
    rings = geometry.get("coordinates") or []
    if geometry.get("type") == "MultiPolygon":
        rings = [ring for polygon in rings if isinstance(polygon, list) for ring in polygon]
    for number, ring in enumerate(rings if geometry.get("type") in AREAS else [], start=1):
        if isinstance(ring, list) and ring and isinstance(ring[0], list) and ring[0] != ring[-1]:
            return BadPlot(
                f"第 {number} 圈没有闭合：首点 {ring[0]}，末点 {ring[-1]}；末点应与首点相同。",
                f"Ring {number} is not closed: it begins at {ring[0]} and ends at {ring[-1]}.",
                ring=number,
            )
    return BadPlot(f"不能读成几何：{error}"[:300], f"No geometry can be read: {error}"[:300])


def judge(geometry: shapely.Geometry) -> Plot:
    """A plot of a geometry in EPSG:4490, or why it is none.

    Raises
    ------
    BadPlot, PlotTooLarge
    """
    geometry = shapely.force_2d(geometry)
    if shapely.is_missing(geometry) or geometry.is_empty:
        raise BadPlot("地块是空的，没有任何坐标。", "The plot is empty: it has no coordinates.")
    if shapely.get_num_coordinates(geometry) > analysis_settings().vertices_max:
        raise too_many_vertices()
    coordinates = shapely.get_coordinates(geometry)
    if not np.isfinite(coordinates).all():
        raise BadPlot("地块的坐标里有 NaN 或无穷大。", "The plot has a coordinate that is NaN or infinite.")
    _require_place(geometry.bounds)
    if not shapely.is_valid(geometry):
        raise _invalid(geometry)
    plot = Plot(geometry)
    if plot.is_area and not plot.area_m2 > 0:
        raise BadPlot("地块的面积为零。", "The plot has no area.")
    return plot


def _require_place(bounds: tuple[float, ...]) -> None:
    west, south, east, north = bounds
    if west >= WEST and east <= EAST and south >= SOUTH and north <= NORTH:
        return
    where = f"{west:.6g}, {south:.6g} – {east:.6g}, {north:.6g}"
    if south >= WEST and north <= EAST and west >= SOUTH and east <= NORTH:
        raise BadPlot(
            f"坐标 {where} 像是纬度在前、经度在后；请改成经度在前、纬度在后。",
            f"The coordinates {where} look like latitude, longitude; write longitude, then latitude.",
        )
    if max(map(abs, bounds)) > 360:
        raise BadPlot(
            f"坐标 {where} 不是经纬度（像是平面坐标，单位米）；请上传文件或坐标文本，并说明坐标系。",
            f"The coordinates {where} are no degrees (plane metres?); upload a file or a coordinate text and name its CRS.",
        )
    raise BadPlot(
        f"坐标 {where} 不在中国范围内（{WEST:g}–{EAST:g}°E，{SOUTH:g}–{NORTH:g}°N）。",
        f"The coordinates {where} lie outside China ({WEST:g}-{EAST:g} E, {SOUTH:g}-{NORTH:g} N).",
    )


def _invalid(geometry: shapely.Geometry) -> BadPlot:
    said = str(shapely.is_valid_reason(geometry))
    place = _PLACE.match(said)
    kind = place[1].strip() if place else said
    zh = {
        "Self-intersection": "自相交",
        "Ring Self-intersection": "环自相交",
        "Hole lies outside shell": "洞在外圈之外",
    }
    zh |= {"Nested holes": "洞套洞", "Nested shells": "外圈相套", "Interior is disconnected": "内部不连通"}
    zh |= {"Too few points in geometry component": "某一圈的点太少", "Duplicate Rings": "重复的圈"}
    named = zh.get(kind, kind)
    if place is None:
        return BadPlot(f"地块几何无效：{named}。", f"The plot is invalid: {kind}.")
    x, y = float(place[2]), float(place[3])
    return BadPlot(
        f"地块几何无效：{named}，位置 {x:.8f}, {y:.8f}；请改正后重试。",
        f"The plot is invalid: {kind} at {x:.8f}, {y:.8f}; correct it and ask again.",
        reason=kind,
        lon=x,
        lat=y,
    )
