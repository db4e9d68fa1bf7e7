"""What is asked for, read and decided: the same function serves the request and, later, the job. 导出请求."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import shapely

from kunyu.engines.catalogue.served.asof import AsOf, read_moment
from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.catalogue.served.layers import ServedLayer, open_layer
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.maps import crs as crs_module
from kunyu.engines.maps.cql.limits import MOST_VERTICES
from kunyu.engines.maps.cql.reading import read_filter
from kunyu.engines.maps.crs import OfferedCrs
from kunyu.engines.maps.parameters import read_attributes
from kunyu.engines.security.scope import DOWNLOAD, Principal

SUFFIXES = {
    "gpkg": ".gpkg", "shp": ".zip", "geojson": ".geojson", "csv": ".csv.zip", "parquet": ".parquet", "dxf": ".dxf.zip",
}  # fmt: skip
"""CSV and DXF come in an archive: their label has no place in them and lies beside."""
_QUERY = ("valid_at", "known_at", "datetime", "filter", "filter-lang", "filter-crs")


@dataclass(frozen=True)
class Asked:
    """An export, decided: rows, attributes, coordinates. ``asof`` is the moment it speaks of."""

    layer: ServedLayer
    selection: Selection
    attributes: tuple[str, ...] | None
    out: OfferedCrs
    asof: AsOf
    suffix: str


def read_request(principal: Principal, collection: str, request: Mapping[str, Any]) -> Asked:
    """Decide an export for ``principal``, with the rights that hold now.

    ``request`` is the body of ``POST /api/map/exports``; absent members are None.

    Raises
    ------
    SignInNeeded, NotAllowed, NotVisible
        Downloading is not granted.
    BadParameter, BadFilter, FieldMasked
        A member cannot be read, or names what may not be asked for.
    """
    layer, granted = open_layer(principal, collection, DOWNLOAD)
    query = {name: str(request[key]) for name in _QUERY if request.get(key := name.replace("-", "_"))}
    asof = read_moment(layer, query)
    names = request.get("properties")
    attributes = None if names is None else read_attributes(layer, ",".join(names), ())
    out = crs_module.offered(request["crs"]) if request.get("crs") else crs_module.DEFAULT
    form = str(request["format"])
    if form == "geojson" and not out.is_geographic:
        raise BadParameter(
            "GeoJSON 只用经纬度；平面坐标请选 gpkg、shp、parquet 或 dxf。",
            "GeoJSON holds longitude and latitude only; choose gpkg, shp, parquet or dxf for plane coordinates.",
        )
    selection = Selection(layer, granted, asof.moment, _area(request), filtered=read_filter(layer, granted, query))
    return Asked(layer, selection, attributes, out, asof, SUFFIXES[form])


def _area(request: Mapping[str, Any]) -> shapely.Geometry | None:
    """The box, the polygon, or what both have in common; degrees lon/lat."""
    found = None
    if request.get("bbox") is not None:
        found = crs_module.bbox_polygon([float(one) for one in request["bbox"]], crs_module.DEFAULT)
    if request.get("geometry") is not None:
        polygon = _polygon(request["geometry"])
        found = polygon if found is None else shapely.intersection(found, polygon)
    return found


def _polygon(document: Mapping[str, Any]) -> shapely.Geometry:
    try:
        geometry = shapely.force_2d(shapely.from_geojson(json.dumps(document)))
    except (shapely.errors.GEOSException, ValueError, TypeError):
        raise BadParameter("geometry 不是 GeoJSON 几何。", "geometry is no GeoJSON geometry.") from None
    vertices = int(shapely.get_num_coordinates(geometry))
    if geometry.geom_type not in ("Polygon", "MultiPolygon") or geometry.is_empty:
        raise BadParameter("geometry 须是多边形。", "geometry must be a polygon.")
    if vertices > MOST_VERTICES:
        raise BadParameter(
            f"多边形有 {vertices} 个顶点，上限 {MOST_VERTICES}；请抽稀。",
            f"The polygon has {vertices} vertices, at most {MOST_VERTICES}; simplify it.",
        )
    moved = crs_module.lonlat_geometry(geometry, crs_module.DEFAULT)
    if not shapely.is_valid(moved):
        reason = shapely.is_valid_reason(moved)[:100]
        raise BadParameter(f"多边形无效（{reason}）。", f"The polygon is invalid ({reason}).")
    return moved
