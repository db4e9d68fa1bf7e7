"""Style layers painted on a canvas: features of one look share one path, so a county is a few hundred strokes. 绘制."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import shapely
import skia

from kunyu.engines.maps.drawing import colours, lettering, paths
from kunyu.engines.maps.drawing.expressions import Rows, attributes_of, evaluate, numbers, texts
from kunyu.engines.maps.drawing.lettering import Lettering, Places
from kunyu.engines.maps.drawing.reading import Drawable
from kunyu.engines.maps.drawing.view import View

StyleLayer = Mapping[str, Any]
KINDS = ("fill", "line", "circle", "symbol")
MOST_LABELS = 2_000
MOST_LOOKS = 2_000
"""Different combinations of colour and width in one layer; continuous colours are rounded to this many."""


def attributes_needed(layers: Iterable[StyleLayer]) -> set[str]:
    """Attribute codes that the expressions of these style layers read."""
    found: set[str] = set()
    for layer in layers:
        found |= attributes_of(layer.get("filter"))
        for value in (*layer.get("paint", {}).values(), *layer.get("layout", {}).values()):
            found |= attributes_of(value)
    return found


def is_shown(layer: StyleLayer, zoom: float) -> bool:
    """Does the layer draw at this zoom?"""
    visible = layer.get("layout", {}).get("visibility", "visible") == "visible"
    return visible and layer.get("minzoom", 0) <= zoom < layer.get("maxzoom", 99)


def paint(
    canvas: skia.Canvas, view: View, layers: Sequence[StyleLayer], found: Drawable, opacity: float, places: Places,
    geometry: str,
) -> None:  # fmt: skip
    """Draw ``found`` as each of ``layers`` says, in their order; labels take ``places``."""
    for layer in layers:
        if layer["type"] not in KINDS or not is_shown(layer, view.zoom):
            continue
        rows = Rows(found.columns, len(found), view.zoom, geometry)
        wanted = layer.get("filter")
        part = found
        if wanted is not None:
            chosen = np.broadcast_to(np.asarray(evaluate(wanted, rows), dtype=bool), (len(found),))
            part = Drawable(found.geometries[chosen], {name: one[chosen] for name, one in found.columns.items()})
            rows = Rows(part.columns, len(part), view.zoom, geometry)
        if len(part):
            _PAINTERS[layer["type"]](canvas, view, layer, part, rows, opacity, places)


def _paint_of(layer: StyleLayer, name: str, rows: Rows, default: Any) -> Any:
    value = layer.get("paint", {}).get(name, default)
    return evaluate(value, rows)


def _looks(
    rows: Rows, colour: Any, opacity: float, *sizes: Any
) -> tuple[np.ndarray, list[tuple[int, tuple[float, ...]]]]:
    """The look of each row as a number, and what each look is: colour (0xAARRGGBB) and sizes."""
    names = np.broadcast_to(np.asarray(colour, dtype=object), (rows.count,))
    kinds, of_colour = np.unique(
        np.where(np.equal(names, np.array(None, dtype=object)), "transparent", names).astype(str), return_inverse=True
    )
    table = np.column_stack([of_colour, *(np.round(numbers(size, rows.count, 0.0), 2) for size in sizes)])
    found, index = np.unique(table, axis=0, return_inverse=True)
    return index.reshape(-1), [
        (colours.argb(str(kinds[int(one[0])]), opacity), tuple(float(size) for size in one[1:])) for one in found
    ]


def _opacity(layer: StyleLayer, name: str, rows: Rows) -> Any:
    return numbers(_paint_of(layer, name, rows, 1.0), rows.count, 1.0)


def _fill(
    canvas: skia.Canvas, view: View, layer: StyleLayer, found: Drawable, rows: Rows, opacity: float, places: Places
) -> None:
    index, looks = _looks(
        rows, _paint_of(layer, "fill-color", rows, "#000000"), 1.0, _opacity(layer, "fill-opacity", rows)
    )
    for group, coordinates, lengths, closed in paths.grouped(found.geometries, index, ("Polygon",)):
        colour, (share,) = looks[group]
        brush = skia.Paint(Color=_faded(colour, share * opacity), AntiAlias=True)
        canvas.drawPath(paths.path_of(coordinates, lengths, closed=closed), brush)
    outline = layer.get("paint", {}).get("fill-outline-color")
    if outline is not None:
        _stroke(canvas, view, found, rows, (outline, 0.5 * view.unit, opacity, None), ("Polygon",))


def _faded(colour: int, share: float) -> int:
    return round((colour >> 24) * min(1.0, max(0.0, share))) << 24 | colour & 0xFFFFFF


def _line(
    canvas: skia.Canvas, view: View, layer: StyleLayer, found: Drawable, rows: Rows, opacity: float, places: Places
) -> None:
    dashes = layer.get("paint", {}).get("line-dasharray")
    share = float(np.mean(_opacity(layer, "line-opacity", rows)))
    width = numbers(_paint_of(layer, "line-width", rows, 1.0), rows.count, 1.0) * view.unit
    _stroke(
        canvas, view, found, rows, (_paint_of(layer, "line-color", rows, "#000000"), width, opacity * share, dashes)
    )


def _stroke(
    canvas: skia.Canvas, view: View, found: Drawable, rows: Rows, look: tuple[Any, Any, float, Any],
    outlines: Sequence[str] = ("Polygon", "LineString"),
) -> None:  # fmt: skip
    colour, width, opacity, dashes = look
    index, looks = _looks(rows, colour, opacity, width)
    for group, coordinates, lengths, closed in paths.grouped(found.geometries, index, outlines):
        argb, (size,) = looks[group]
        brush = skia.Paint(
            Color=argb, AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeWidth=size,
            StrokeJoin=skia.Paint.kRound_Join, StrokeCap=skia.Paint.kButt_Cap if dashes else skia.Paint.kRound_Cap,
        )  # fmt: skip
        if isinstance(dashes, list) and len(dashes) >= 2 and size > 0:
            lengths_of = [max(0.01, float(one) * size) for one in dashes]
            brush.setPathEffect(skia.DashPathEffect.Make(lengths_of * (1 + len(lengths_of) % 2), 0))
        canvas.drawPath(paths.path_of(coordinates, lengths, closed=closed), brush)


def anchors(geometries: np.ndarray) -> np.ndarray:
    """Where a symbol of each geometry stands: the point itself, half way along a line, inside an area; float[n, 2]."""
    found = np.empty(len(geometries), dtype=object)
    kinds = shapely.get_dimensions(geometries)
    found[kinds == 0] = shapely.centroid(geometries[kinds == 0])
    if (lines := kinds == 1).any():
        found[lines] = shapely.line_interpolate_point(_longest(geometries[lines]), 0.5, normalized=True)
    if (areas := kinds == 2).any():
        found[areas] = shapely.point_on_surface(geometries[areas])
    return np.column_stack([shapely.get_x(found), shapely.get_y(found)])


def _longest(lines: np.ndarray) -> np.ndarray:
    """The longest part of each multi-line."""
    parts, index = shapely.get_parts(lines, return_index=True)
    order = np.lexsort((shapely.length(parts), index))
    last = np.searchsorted(index[order], np.arange(len(lines)), side="right") - 1
    return parts[order][last]


def _circle(
    canvas: skia.Canvas, view: View, layer: StyleLayer, found: Drawable, rows: Rows, opacity: float, places: Places
) -> None:
    points = anchors(found.geometries)
    radius = numbers(_paint_of(layer, "circle-radius", rows, 5.0), rows.count, 5.0) * view.unit
    share = float(np.mean(_opacity(layer, "circle-opacity", rows))) * opacity
    index, looks = _looks(rows, _paint_of(layer, "circle-color", rows, "#000000"), share, radius)
    border = numbers(_paint_of(layer, "circle-stroke-width", rows, 0.0), rows.count, 0.0)[0] * view.unit
    edge = colours.argb(str(_first(_paint_of(layer, "circle-stroke-color", rows, "#000000"))), opacity)
    for group, (argb, (size,)) in enumerate(looks):
        at = [skia.Point(x, y) for x, y in points[index == group].tolist()]
        # a point with a round cap is a circle: all of a look in one call
        for colour, width in ((edge, 2 * (size + border)), (argb, 2 * size)):
            if width > 2 * size and not border:
                continue
            brush = skia.Paint(Color=colour, AntiAlias=True, StrokeWidth=width, StrokeCap=skia.Paint.kRound_Cap)
            canvas.drawPoints(skia.Canvas.kPoints_PointMode, at, brush)


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, np.ndarray) else value


def _symbol(
    canvas: skia.Canvas, view: View, layer: StyleLayer, found: Drawable, rows: Rows, opacity: float, places: Places
) -> None:
    layout = layer.get("layout", {})
    if "text-field" not in layout:
        return
    named = texts(evaluate(_field(layout["text-field"]), rows), rows.count)
    kinds = shapely.get_dimensions(found.geometries)
    bounds = shapely.bounds(found.geometries)
    spans = np.where(kinds == 0, np.inf, np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1]))
    order = np.argsort(-spans, kind="stable")
    order = order[named[order] != ""][:MOST_LABELS]
    size = float(np.mean(numbers(evaluate(layout.get("text-size", 16), rows), rows.count, 16.0))) * view.unit
    look = Lettering(
        size=size,
        colour=colours.argb(str(_first(_paint_of(layer, "text-color", rows, "#000000"))), opacity),
        halo=colours.argb(str(_first(_paint_of(layer, "text-halo-color", rows, "#00000000"))), opacity),
        halo_width=float(_first(numbers(_paint_of(layer, "text-halo-width", rows, 0), rows.count, 0.0))) * view.unit,
        bold="Bold" in str(layout.get("text-font", "")),
    )
    points = anchors(found.geometries[order])
    offset = layout.get("text-offset")
    if isinstance(offset, list) and len(offset) == 2:
        points = points + np.array([float(one) for one in offset]) * size
    # a line may be named across its course, an area only inside it
    room = np.where(kinds[order] == 2, 1.05 * (bounds[order, 2] - bounds[order, 0]), np.inf)
    lettering.draw_labels(canvas, places, [str(one) for one in named[order]], points, look, room)


def _field(value: Any) -> Any:
    """The older form ``{NAME}`` as an expression."""
    if isinstance(value, str) and value.startswith("{") and value.endswith("}") and value.count("{") == 1:
        return ["get", value[1:-1]]
    return value


_PAINTERS: dict[str, Callable[..., None]] = {"fill": _fill, "line": _line, "circle": _circle, "symbol": _symbol}
