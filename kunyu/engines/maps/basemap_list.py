"""Base maps a page may offer to whoever asks, each with where its data come from. 底图目录."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from kunyu.engines.catalogue.served.layers import ServedLayer, open_layer
from kunyu.engines.maps import basemap
from kunyu.engines.maps.basemap_outside import outside_map
from kunyu.engines.maps.collections import title_of
from kunyu.engines.maps.coverages.scenes import height_collections
from kunyu.engines.security import scope
from kunyu.engines.security.errors import NotAllowed, NotVisible, SignInNeeded
from kunyu.engines.security.scope import Principal

PARCELS = "10401-003"
WATER_CLASSES = ("1101", "1102", "1103", "1104", "1107", "1110")
"""Rivers, lakes, reservoirs, ponds, ditches, ice and snow of the land survey (TD/T 1055, class 11)."""
_RELIEF_TO = 16


def bases(principal: Principal) -> list[dict[str, Any]]:
    """The base maps, boundaries first; relief and water only where the caller sees data of them."""
    found = [
        _base(
            "divisions", "行政区划（示意）", "Divisions (illustrative)", "vector", "/api/map/base/{z}/{y}/{x}",
            max_zoom=basemap.MAX_ZOOM, notice=(basemap.NOTICE_ZH, basemap.NOTICE_EN),
            source_layers=[basemap.BOUNDARIES, basemap.PLACES],
        )
    ]  # fmt: skip
    heights = [layer for layer, _ in height_collections(principal)]
    if heights:
        found.append(
            _base(
                "relief", "地势晕渲", "Shaded relief", "raster", "/api/map/base/relief/{z}/{y}/{x}", max_zoom=_RELIEF_TO,
                attribution="、".join(layer.name_zh for layer in heights), sources=heights,
            )
        )  # fmt: skip
    water = _readable(principal, PARCELS)
    if water:
        classes = quote("','".join(WATER_CLASSES), safe="")
        found.append(
            _base(
                "hydrography", "水系（国土调查）", "Hydrography (land survey)", "vector",
                f"/ogc/collections/{PARCELS}/tiles/WebMercatorQuad/{{z}}/{{y}}/{{x}}?filter=DLBM%20IN%20('{classes}')",
                attribution=water.name_zh, sources=[water], source_layers=[water.collection],
            )
        )  # fmt: skip
    outside = outside_map()
    if outside:
        notice = f"审图号：{outside.approval}" if outside.approval else "未提供审图号"
        found.append(
            _base(
                "outside", outside.title_zh, outside.title_en, "raster", "/api/map/base/outside/{z}/{y}/{x}",
                max_zoom=outside.max_zoom, attribution=outside.attribution, notice=(notice, outside.approval),
            )
        )  # fmt: skip
    return found


def _base(
    base_id: str, title_zh: str, title_en: str, kind: str, tiles: str, *, max_zoom: int = 18, attribution: str = "",
    notice: tuple[str, str] = ("", ""), sources: list[ServedLayer] | None = None, source_layers: list[str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "id": base_id,
        "title_zh": title_zh,
        "title_en": title_en,
        "kind": kind,
        "tiles": tiles,
        "tile_size": 256 if kind == "raster" else 512,
        "min_zoom": 0,
        "max_zoom": max_zoom,
        "attribution": attribution,
        "notice": notice[0],
        "notice_en": notice[1],
        "sources": [{"collection": one.collection, "title": title_of(one)} for one in sources or []],
        "source_layers": source_layers or [],
    }


def _readable(principal: Principal, collection: str) -> ServedLayer | None:
    try:
        return open_layer(principal, collection, scope.QUERY)[0]
    except (NotVisible, NotAllowed, SignInNeeded):
        return None
