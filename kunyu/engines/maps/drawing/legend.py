"""Legends: what each colour means, as data, as PNG and as SVG. 图例."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import skia

from kunyu.engines.catalogue.served.layers import ServedLayer, code_names
from kunyu.engines.maps import styles
from kunyu.engines.maps.drawing import lettering
from kunyu.engines.maps.drawing.colours import argb
from kunyu.engines.maps.drawing.expressions import Rows, evaluate

MOST_ENTRIES = 200


@dataclass(frozen=True)
class Swatch:
    """One line of a legend: ``kind`` is Polygon, LineString or Point, ``colour`` as styles write it."""

    kind: str
    colour: str
    text_zh: str
    text_en: str = ""
    width: float = 1.5
    dashes: tuple[float, ...] = ()
    opacity: float = 1.0
    value: str | None = None
    """The attribute's value it stands for, so that a sheet lists only what is on it."""


def swatches(layer: ServedLayer, style: Sequence[Mapping[str, Any]] | None, zoom: float = 14.0) -> list[Swatch]:
    """The legend of a layer drawn with ``style`` (None: its own look).

    A style may name its classes itself: ``metadata.kunyu:legend`` of a style layer is a list of
    ``{"colour", "zh", "en"}``.
    """
    parts = style if style is not None else styles.paint_layers(layer, layer.collection)
    for part in parts:
        listed = (part.get("metadata") or {}).get("kunyu:legend")
        if isinstance(listed, list) and listed:
            shape = _shape(layer, part)
            return [
                Swatch(shape, str(one.get("colour", "#888888")), str(one.get("zh", "")), str(one.get("en", "")))
                for one in listed[:MOST_ENTRIES]
                if isinstance(one, dict)
            ]
    main = next((part for part in parts if part["type"] in ("fill", "line", "circle")), None)
    return [] if main is None else _of_expression(layer, main, zoom)


def class_attribute(style: Sequence[Mapping[str, Any]]) -> str | None:
    """The attribute by whose values a style colours."""
    for part in style:
        colour = part.get("paint", {}).get(f"{part['type']}-color")
        if isinstance(colour, list) and colour[0] == "match":
            tested = colour[1][1] if colour[1][0] == "to-string" else colour[1]
            return str(tested[1]) if tested[0] == "get" else None
    return None


def _shape(layer: ServedLayer, part: Mapping[str, Any]) -> str:
    return {"fill": "Polygon", "line": "LineString", "circle": "Point"}.get(part["type"], layer.geometry)


def _of_expression(layer: ServedLayer, part: Mapping[str, Any], zoom: float) -> list[Swatch]:
    paint, shape = part.get("paint", {}), _shape(layer, part)
    colour = paint.get(f"{part['type']}-color", "#000000")
    rows = Rows({}, 1, zoom)
    width = evaluate(paint.get("line-width", 1.5), rows)
    more: dict[str, Any] = {
        "width": float(width) if isinstance(width, (int, float)) else 1.5,
        "dashes": tuple(paint.get("line-dasharray") or ()),
    }
    if isinstance(colour, list) and colour[0] == "match":
        return _of_classes(layer, colour, shape, more)
    if isinstance(colour, list):
        plain = evaluate(colour, rows)
        colour = plain if isinstance(plain, str) else styles.plain_colour(layer)
    return [Swatch(shape, colour, layer.name_zh, layer.name_en, **more)]


def _of_classes(layer: ServedLayer, colour: list[Any], shape: str, more: Mapping[str, Any]) -> list[Swatch]:
    """One swatch for each colour; codes of the same colour stand together."""
    named = {one.code: (one.name_zh, one.name_en) for one in styles.legend(layer)}
    code = colour[1][1] if isinstance(colour[1], list) and len(colour[1]) == 2 else ""
    field = layer.fields.get(code)
    others = code_names(layer.standard_id, field.codelist) if field and field.codelist else {}
    found: dict[str, Swatch] = {}
    for label, output in zip(colour[2:-1:2], colour[3:-1:2], strict=False):
        for one in label if isinstance(label, list) else [label]:
            zh, en = named.get(str(one), (others.get(str(one), ""), ""))
            found.setdefault(f"{one}", Swatch(shape, str(output), f"{one} {zh}".strip(), en, **more, value=str(one)))
    return list(found.values())[:MOST_ENTRIES]


def draw_swatch(canvas: skia.Canvas, one: Swatch, x: float, y: float, width: float, height: float, unit: float) -> None:
    """Draw the sample of one line of a legend into a rectangle."""
    brush = skia.Paint(Color=argb(one.colour, one.opacity), AntiAlias=True)
    frame = skia.Paint(Color=0xFF6B7B80, AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeWidth=0.5 * unit)
    box = skia.Rect.MakeXYWH(x, y, width, height)
    if one.kind == "Polygon":
        canvas.drawRect(box, brush)
        canvas.drawRect(box, frame)
    elif one.kind == "LineString":
        brush.setStyle(skia.Paint.kStroke_Style)
        brush.setStrokeWidth(max(0.8, one.width) * unit)
        if len(one.dashes) >= 2 and len(one.dashes) % 2 == 0:
            brush.setPathEffect(skia.DashPathEffect.Make([max(0.1, d * one.width * unit) for d in one.dashes], 0))
        canvas.drawLine(x, y + height / 2, x + width, y + height / 2, brush)
    else:
        canvas.drawCircle(x + width / 2, y + height / 2, height * 0.4, brush)
        canvas.drawCircle(x + width / 2, y + height / 2, height * 0.4, frame)


def legend_picture(title: str, listed: Iterable[Swatch], form: str, *, english: bool = False, most: int = 100) -> bytes:
    """A legend as ``png`` or ``svg``; what is beyond ``most`` lines is counted in the last one."""
    entries = list(listed)
    shown = entries[:most]
    texts = [(one.text_en if english and one.text_en else one.text_zh) or one.text_zh for one in shown]
    if len(entries) > most:
        texts.append(f"… +{len(entries) - most}")
    row, size, pad = 22.0, 13.0, 10.0
    width = max([lettering.width_of(title, 15, bold=True), *(34 + lettering.width_of(one, size) for one in texts)])
    width, height = width + 2 * pad, pad * 2 + 24 + row * len(texts)

    def draw(canvas: skia.Canvas) -> None:
        lettering.write(canvas, title, pad, pad + 14, 15, bold=True)
        for place, text in enumerate(texts):
            top = pad + 26 + row * place
            if place < len(shown):
                draw_swatch(canvas, shown[place], pad, top + 2, 26, 14, 1.0)
            lettering.write(canvas, text, pad + 34, top + 14, size)

    if form == "svg":
        stream = skia.DynamicMemoryWStream()
        canvas = skia.SVGCanvas.Make(skia.Rect.MakeWH(width, height), stream, skia.SVGCanvas.kConvertTextToPaths_Flag)
        draw(canvas)
        del canvas
        return bytes(stream.detachAsData())
    surface = skia.Surface(int(width * 2), int(height * 2))
    with surface as canvas:
        canvas.clear(0xFFFFFFFF)
        canvas.scale(2, 2)
        draw(canvas)
    return bytes(surface.makeImageSnapshot().encodeToData(skia.kPNG, 100))
