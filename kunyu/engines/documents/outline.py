"""The outline of a plot as a small drawing: shape, size and a scale, no coordinates. 地块略图."""

from __future__ import annotations

import math

import shapely
from django.utils.html import format_html
from django.utils.safestring import SafeString

_M_PER_DEGREE = 111_320.0
_SIDE = 220.0
_MARGIN = 14.0
_NICE = (1, 2, 5)


def outline_svg(plot: shapely.Geometry, title: str) -> SafeString:
    """Return an inline SVG of a plot.

    Parameters
    ----------
    plot : Polygon or MultiPolygon, EPSG:4490 (lon, lat)
        Drawn with longitudes shortened by the cosine of the middle latitude: true in shape for a plot of some
        kilometres.
    title : str
        What it is, for people who hear the page.
    """
    west, south, east, north = plot.bounds
    shrink = math.cos(math.radians((south + north) / 2))
    width_m, height_m = (east - west) * shrink * _M_PER_DEGREE, (north - south) * _M_PER_DEGREE
    across = max(width_m, height_m, 1e-6)
    scale = (_SIDE - 2 * _MARGIN) / across
    left, top = (_SIDE - width_m * scale) / 2, (_SIDE - height_m * scale) / 2

    def place(lon: float, lat: float) -> str:
        x = left + (lon - west) * shrink * _M_PER_DEGREE * scale
        y = top + (north - lat) * _M_PER_DEGREE * scale
        return f"{x:.1f} {y:.1f}"

    simple = shapely.simplify(plot, across / _M_PER_DEGREE / 500)
    rings = [ring for part in shapely.get_parts(simple) for ring in (part.exterior, *part.interiors)]
    path = "".join("M" + "L".join(place(*point[:2]) for point in ring.coords[:-1]) + "Z" for ring in rings)
    bar_m = _nice(across / 3)
    return format_html(
        '<svg class="ky-outline" viewBox="0 0 {side} {tall}" role="img" aria-label="{title}"><title>{title}</title>'
        '<path d="{path}" fill="#0b5c6322" stroke="#0b5c63" stroke-width="2" stroke-linejoin="round" fill-rule="evenodd"/>'
        '<path d="M{margin} {bar_y}h{bar}" stroke="#333" stroke-width="2"/>'
        '<text x="{margin}" y="{text_y}" font-size="11" fill="#333">{said}</text></svg>',
        side=int(_SIDE), tall=int(_SIDE + 26), title=title, path=path, margin=_MARGIN,
        bar_y=_SIDE + 4, bar=round(bar_m * scale, 1), text_y=_SIDE + 18,
        said=f"{bar_m:g} m" if bar_m < 1000 else f"{bar_m / 1000:g} km",
    )  # fmt: skip


def _nice(length: float) -> float:
    """The largest 1, 2 or 5 times a power of ten that is not longer."""
    power = 10.0 ** math.floor(math.log10(max(length, 1e-6)))
    return max(one * power for one in _NICE if one * power <= length * 1.0001) if length >= power else power
