"""Base geography as a drawn layer: divisions with their names, and relief where the node has a terrain. 基础地理.

Boundaries come from the reference engine's tables through Django's connection, as the vector base map does. They carry
no map approval number: whoever prints them prints the notice, unless the sheet bears a number of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import shapely
from django.db import connection

from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.maps.drawing.reading import Drawable, window_text
from kunyu.engines.maps.drawing.view import View
from kunyu.engines.maps.grids import Box
from kunyu.engines.reference.models import DivisionBoundary, DivisionLevel

BOUNDARIES = "base:boundaries"
RELIEF = "base:relief"
BASE_LAYERS = {
    BOUNDARIES: ("行政区划（示意）", "Divisions (illustrative)"),
    RELIEF: ("地势晕渲", "Relief"),
}
FICTIONAL = "99"
"""Codes of the sample's divisions begin so (province 99 示范省); GB/T 2260 gives it to no place."""
_STATEMENT = """
SELECT ST_AsBinary(ST_ClipByBox2D(ST_Simplify(geom, %(tolerance)s, true), %(clip)s::box2d)), level, name_zh
FROM reference_divisionboundary
WHERE geom && %(window)s::geometry AND level <= %(level)s AND detail = %(detail)s
"""
STYLE = (
    {"id": "division", "type": "line", "paint": {
        "line-color": ["match", ["get", "level"], 1, "#6b4a8a", 2, "#7d6a94", "#94899f"],
        "line-width": ["match", ["get", "level"], 1, 1.6, 2, 1.1, 0.8],
        "line-dasharray": [6, 2, 1, 2]}},
    {"id": "division-name", "type": "symbol",
     "filter": ["==", ["get", "level"], ["step", ["zoom"], 1, 4, 2, 6.5, 3]], "layout": {
        "text-field": ["get", "name"], "text-size": 13},
     "paint": {"text-color": "#4a3a5e", "text-halo-color": "#ffffff", "text-halo-width": 1.4}},
)  # fmt: skip


def shows_fiction(collections: Iterable[str], window: Box) -> bool:
    """Whether one of ``collections`` has published data of a fictional division in the window (degrees).

    The sample's county lies on real ground: the name of the real county written over it would tell an untruth about both.
    """
    return DatasetVersion.objects.filter(
        layer__collection__in=list(collections), county__startswith=FICTIONAL,
        status=DatasetVersion.Status.PUBLISHED, extent__0__lte=window.x_max, extent__1__lte=window.y_max,
        extent__2__gte=window.x_min, extent__3__gte=window.y_min,
    ).exists()  # fmt: skip


def read_boundaries(view: View, *, named: bool = True) -> Drawable:
    """Outlines of the divisions in the window, in canvas units, with ``level`` and ``name`` ('' unless ``named``)."""
    zoom, around = view.zoom, view.lonlat.buffered(0.02)
    level = DivisionLevel.PROVINCE if zoom < 4 else DivisionLevel.CITY if zoom < 6.5 else DivisionLevel.COUNTY
    detail = DivisionBoundary.Detail
    values: dict[str, str | float] = {
        "tolerance": view.degrees_per_unit * view.precision,
        "clip": around.text,
        "window": window_text(around),
        "level": int(level),
        "detail": int(detail.LOW if zoom <= 6 else detail.MIDDLE if zoom <= 9 else detail.FULL),
    }
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, values)
        rows = cursor.fetchall()
    if not rows:
        return Drawable(np.empty(0, dtype=object), {"level": np.empty(0), "name": np.empty(0, dtype=object)})
    geometries = shapely.from_wkb([bytes(row[0]) for row in rows])
    drawn = ~shapely.is_empty(geometries)
    names = np.array([row[2] if named else "" for row in rows], dtype=object)
    columns = {"level": np.array([row[1] for row in rows], dtype=float)[drawn], "name": names[drawn]}
    return Drawable(shapely.transform(geometries[drawn], view.to_canvas), columns)
