"""Features for drawing: found and thinned in SQL, decoded as arrays, projected in numpy. 绘图要素.

What is smaller than a pixel in both directions comes as its box of five points: it still tints its pixel by its share,
so a map of a whole county at a small scale keeps the balance of its colours. The largest come first; when more remain
than the limit, the smallest are left out and the picture says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from kunyu.engines.catalogue.served import queries
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.catalogue.served.serving import fetch
from kunyu.engines.maps.drawing.view import View
from kunyu.engines.maps.grids import Box

MOST_FEATURES = 200_000
# drawn beyond the window, so that outlines, symbols and labels at the edge are whole
_MARGIN_UNITS = 24
_CASTS = {"Float": "::float8", "Int": "::float8", "Date": "::text", "DateTime": "::text"}


@dataclass(frozen=True)
class Drawable:
    """Geometries in canvas units with their attribute columns; ``is_truncated`` when the smallest were left out."""

    geometries: np.ndarray
    columns: Mapping[str, np.ndarray]
    is_truncated: bool = False

    def __len__(self) -> int:
        return len(self.geometries)


def read_drawable(selection: Selection, view: View, attributes: Iterable[str]) -> Drawable:
    """The features of ``selection`` in the window of ``view``.

    Parameters
    ----------
    attributes : codes of the layer's fields; masked where the caller sees them masked
    """
    codes = tuple(dict.fromkeys(code for code in attributes if code in selection.layer.fields))
    statement, parameters = _statement(selection, view, codes)
    rows = fetch(selection.granted, statement, parameters, prepare=selection.filtered is None)
    truncated = len(rows) > MOST_FEATURES
    columns = list(zip(*rows[:MOST_FEATURES], strict=True)) if rows else [()] * (1 + len(codes))
    geometries = shapely.from_wkb(np.array(columns[0], dtype=object)) if rows else np.empty(0, dtype=object)
    drawn = ~shapely.is_missing(geometries) & ~shapely.is_empty(geometries)
    values = {code: _column(selection, code, columns[1 + place])[drawn] for place, code in enumerate(codes)}
    return Drawable(shapely.transform(geometries[drawn], view.to_canvas), values, truncated)


def _column(selection: Selection, code: str, values: tuple[Any, ...]) -> np.ndarray:
    if selection.layer.fields[code].type in ("Float", "Int") and not selection.layer.fields[code].personal:
        return np.array([np.nan if value is None else value for value in values], dtype=float)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _statement(selection: Selection, view: View, codes: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    margin = _MARGIN_UNITS * view.unit
    box = view.lonlat
    around = box.buffered(margin / min(view.width, view.height))
    condition = "geom && %(window)s::geometry"
    geometry = selection.layer.geometry
    size = "area_m2" if geometry == "Polygon" else "0::float8"
    attributes = [
        f"{queries.quoted(code)}{cast} AS {queries.quoted(code)}"
        if (cast := _CASTS.get(selection.layer.fields[code].type)) and not selection.layer.fields[code].personal
        else queries.attribute(selection, code)
        for code in codes
    ]
    picked, parameters = queries.rows(
        selection, ["geom", "fid", f"{size} AS drawn_size", *attributes], (condition, {"window": window_text(around)})
    )
    listed = "".join(f", {queries.quoted(code)}" for code in codes)
    statement = (
        f"SELECT ST_AsBinary({_thinned(geometry)}){listed} FROM (SELECT * FROM ({picked}) p "
        f"ORDER BY drawn_size DESC, fid LIMIT {MOST_FEATURES + 1}) q"
    )
    if geometry != "Point":
        parameters |= {"tolerance": view.degrees_per_unit * view.precision, "clip": around.text}
    if geometry == "Polygon":
        parameters["unit"] = view.degrees_per_unit * view.precision * 2
    return statement, parameters


def _thinned(geometry: str) -> str:
    """SQL of what is drawn; a shape that lies inside the window whole is not cut, because cutting costs most."""
    if geometry == "Point":
        return "geom"
    thinned = "ST_Simplify(geom, %(tolerance)s::float8, true)"
    cut = (
        f"CASE WHEN geom @ %(clip)s::box2d::geometry THEN {thinned} ELSE ST_ClipByBox2D({thinned}, %(clip)s::box2d) END"
    )
    if geometry == "LineString":
        return cut
    small = "ST_XMax(geom) - ST_XMin(geom) < %(unit)s::float8 AND ST_YMax(geom) - ST_YMin(geom) < %(unit)s::float8"
    return f"CASE WHEN {small} THEN ST_Envelope(geom) ELSE {cut} END"


def window_text(box: Box) -> str:
    """A box as EWKT in EPSG:4490."""
    w, s, e, n = (repr(side) for side in (box.x_min, box.y_min, box.x_max, box.y_max))
    return f"SRID=4490;POLYGON(({w} {s},{e} {s},{e} {n},{w} {n},{w} {s}))"
