"""The body of an edit: a GeoJSON feature in the CRS of ``Content-Crs``. 编辑请求."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import shapely
from django.http import HttpRequest
from django.http.request import RawPostDataException, UnreadablePostError

from kunyu.engines.maps import crs as crs_module
from kunyu.engines.maps.crs import OfferedCrs
from kunyu.engines.maps.edits.errors import EditTooLarge, UnreadableEdit

MOST_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class Draft:
    """What was sent: attributes by code, and the geometry in degrees lon/lat where one was sent."""

    values: dict[str, Any]
    geometry: shapely.Geometry | None
    has_geometry: bool
    source_crs: int


def read_draft(request: HttpRequest) -> Draft:
    """The feature of a request.

    Raises
    ------
    EditTooLarge, UnreadableEdit, BadParameter
        Too long; no GeoJSON feature; a CRS that is not offered or does not fit the coordinates.
    """
    length = int(request.headers.get("Content-Length") or 0)
    if length > MOST_BYTES:
        raise EditTooLarge(
            f"请求有 {length} 字节，上限 {MOST_BYTES}。", f"The request has {length} bytes, at most {MOST_BYTES}."
        )
    try:
        document = json.loads(request.body, parse_constant=_no_constant)
    except (ValueError, RecursionError, RawPostDataException, UnreadablePostError) as error:
        raise UnreadableEdit("请求体不是 JSON。", "The body is no JSON.") from error
    if not isinstance(document, dict) or document.get("type") != "Feature":
        raise UnreadableEdit('请求体应为 {"type": "Feature", …}。', 'The body must be {"type": "Feature", …}.')
    values = document.get("properties")
    if values is not None and not isinstance(values, dict):
        raise UnreadableEdit("properties 应为对象。", "properties must be an object.")
    out = _crs(request)
    return Draft(values or {}, _geometry(document.get("geometry"), out), "geometry" in document, out.epsg)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _crs(request: HttpRequest) -> OfferedCrs:
    given = request.headers.get("Content-Crs", "").strip().strip("<>")
    return crs_module.offered(given) if given else crs_module.DEFAULT


def _geometry(document: Any, out: OfferedCrs) -> shapely.Geometry | None:
    if document is None:
        return None
    try:
        geometry = shapely.from_geojson(json.dumps(document))
    except (shapely.errors.GEOSException, ValueError, RecursionError):
        raise UnreadableEdit("geometry 不是 GeoJSON 几何。", "geometry is no GeoJSON geometry.") from None
    return crs_module.lonlat_geometry(geometry, out)
