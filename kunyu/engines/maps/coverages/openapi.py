"""What the OpenAPI description says of coverages."""

from __future__ import annotations

from typing import Any

CONFORMANCE = (
    "http://www.opengis.net/spec/ogcapi-coverages-1/0.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-coverages-1/0.0/conf/geotiff",
    "http://www.opengis.net/spec/ogcapi-coverages-1/0.0/conf/subsetting",
    "http://www.opengis.net/spec/ogcapi-coverages-1/0.0/conf/scaling",
)
"""OGC API - Coverages is a draft; the classes are named as its draft names them (not verified against a final text)."""

_TEXT: dict[str, Any] = {"type": "string"}
PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "width": ({"type": "integer", "minimum": 1}, "列数 / columns"),
    "height": ({"type": "integer", "minimum": 1}, "行数 / rows"),
    "scale-size": (_TEXT, "Lon(800),Lat(600)"),
    "scale-factor": ({"type": "number", "exclusiveMinimum": True, "minimum": 0}, "缩小倍数 / shrink by"),
    "subset": (_TEXT, "Lat(30:31),Lon(118:119)"),
    "resampling": ({"type": "string", "enum": ["nearest", "bilinear"]}, "重采样 / resampling"),
    "coords": (_TEXT, "POINT(lon lat)"),
}
