"""MapLibre styles as OGC Styled Layer Descriptor 1.1 with Symbology Encoding 1.1 (05-078r4, 05-077r4). SLD 导出.

Colours by class become rules with filters; widths that change with the zoom become the width at zoom 14. What the
standard cannot say (text halos of different colours per feature, dashes by zoom) is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from kunyu.engines.maps.drawing.colours import rgba
from kunyu.engines.maps.drawing.expressions import Rows, evaluate

SLD, SE, OGC, XLINK = (
    "http://www.opengis.net/sld", "http://www.opengis.net/se", "http://www.opengis.net/ogc",
    "http://www.w3.org/1999/xlink",
)  # fmt: skip
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMA = f"{SLD} http://schemas.opengis.net/sld/1.1.0/StyledLayerDescriptor.xsd"
MEDIA_TYPE = "application/vnd.ogc.sld+xml;version=1.1"
_AT_ZOOM = 14.0
# a pixel of 0.28 mm at MapLibre's zoom 0 (tiles of 512 pixels)
_SCALE_AT_0 = 279541132.0143589
for _prefix, _uri in (("sld", SLD), ("se", SE), ("ogc", OGC), ("xlink", XLINK), ("xsi", XSI)):
    ET.register_namespace(_prefix, _uri)


def sld(name: str, title: str, layers: Iterable[tuple[str, Sequence[Mapping[str, Any]]]]) -> bytes:
    """The document.

    Parameters
    ----------
    layers : (collection, its MapLibre style layers) in the order of drawing
    """
    root = ET.Element(f"{{{SLD}}}StyledLayerDescriptor", {"version": "1.1.0", f"{{{XSI}}}schemaLocation": SCHEMA})
    _text(root, SE, "Name", name)
    for collection, parts in layers:
        named = ET.SubElement(root, f"{{{SLD}}}NamedLayer")
        _text(named, SE, "Name", collection)
        user = ET.SubElement(named, f"{{{SLD}}}UserStyle")
        _text(user, SE, "Name", name)
        description = ET.SubElement(user, f"{{{SE}}}Description")
        _text(description, SE, "Title", title)
        style = ET.SubElement(user, f"{{{SE}}}FeatureTypeStyle")
        for part in parts:
            _rules(style, part)
        if not len(style):
            rule = ET.SubElement(style, f"{{{SE}}}Rule")
            _text(rule, SE, "Name", "empty")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _text(parent: ET.Element, space: str, tag: str, text: str) -> ET.Element:
    made = ET.SubElement(parent, f"{{{space}}}{tag}")
    made.text = text
    return made


def _rules(style: ET.Element, part: Mapping[str, Any]) -> None:
    """One rule, or one for each class where the colour depends on an attribute."""
    if part["type"] not in ("fill", "line", "circle", "symbol"):
        return
    colour = part.get("paint", {}).get("text-color" if part["type"] == "symbol" else f"{part['type']}-color", "#000000")
    for number, (title, condition, one) in enumerate(classes_of(colour)):
        rule = ET.SubElement(style, f"{{{SE}}}Rule")
        _text(rule, SE, "Name", f"{part['id']}-{number}")
        if title:
            _text(ET.SubElement(rule, f"{{{SE}}}Description"), SE, "Title", title)
        if condition is not None:
            _filter(rule, condition)
        for tag, name in (("MinScaleDenominator", "maxzoom"), ("MaxScaleDenominator", "minzoom")):
            if part.get(name):
                _text(rule, SE, tag, f"{_SCALE_AT_0 / 2 ** part[name]:.6g}")
        _symbolizer(rule, part, one)


Condition = tuple[str, Any]


def classes_of(colour: Any) -> list[tuple[str, Condition | None, str]]:
    """Classes of a colour expression: title, condition (("in", (attribute, values)), ("else", …) …), colour."""
    if isinstance(colour, list) and colour[0] == "match" and _is_get(colour[1]):
        code, pairs = colour[1][1], colour[2:-1]
        of_colour: dict[str, list[Any]] = {}
        for label, output in zip(pairs[::2], pairs[1::2], strict=True):
            of_colour.setdefault(str(output), []).extend(label if isinstance(label, list) else [label])
        found: list[tuple[str, Condition | None, str]] = [
            ("、".join(map(str, values))[:200], ("in", (code, values)), output) for output, values in of_colour.items()
        ]
        return [*found, ("其他 / other", ("else", None), str(colour[-1]))]
    if isinstance(colour, list) and colour[0] == "step" and _is_get(_inner(colour[1])):
        code, outputs, stops = _inner(colour[1])[1], [colour[2], *colour[4::2]], colour[3::2]
        limits = [None, *stops, None]
        return [
            (_range_title(low, high), ("between", (code, low, high)), str(output))
            for output, low, high in zip(outputs, limits[:-1], limits[1:], strict=True)
        ]
    return [("", None, str(_plain(colour, "#000000")))]


def _range_title(low: Any, high: Any) -> str:
    if low is None:
        return f"< {high}"
    return f"≥ {low}" if high is None else f"{low} – {high}"


def _inner(value: Any) -> Any:
    return value[1] if isinstance(value, list) and value[0] == "to-number" else value


def _is_get(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and value[0] == "get"


def _plain(value: Any, default: Any) -> Any:
    """A value that may depend on the zoom, at zoom 14; the default where it depends on features."""
    if not isinstance(value, list):
        return value
    found = evaluate(value, Rows({}, 1, _AT_ZOOM))
    return default if found is None or np.ndim(found) else found


def _filter(rule: ET.Element, condition: Condition) -> None:
    kind, values = condition
    if kind == "else":
        ET.SubElement(rule, f"{{{SE}}}ElseFilter")
        return
    made = ET.SubElement(rule, f"{{{OGC}}}Filter")
    if kind == "in":
        code, listed = values
        within = made if len(listed) == 1 else ET.SubElement(made, f"{{{OGC}}}Or")
        for value in listed:
            _compare(within, "PropertyIsEqualTo", code, value)
        return
    code, low, high = values
    within = made if low is None or high is None else ET.SubElement(made, f"{{{OGC}}}And")
    if low is not None:
        _compare(within, "PropertyIsGreaterThanOrEqualTo", code, low)
    if high is not None:
        _compare(within, "PropertyIsLessThan", code, high)


def _compare(parent: ET.Element, tag: str, code: str, value: Any) -> None:
    made = ET.SubElement(parent, f"{{{OGC}}}{tag}")
    _text(made, OGC, "PropertyName", code)
    _text(made, OGC, "Literal", str(value))


def _parameter(parent: ET.Element, name: str, value: Any) -> None:
    made = ET.SubElement(parent, f"{{{SE}}}SvgParameter", {"name": name})
    made.text = f"{value:g}" if isinstance(value, float) else str(value)


def _hex(colour: str) -> tuple[str, float]:
    red, green, blue, alpha = rgba(colour)
    return f"#{red:02x}{green:02x}{blue:02x}", alpha


def _brush(parent: ET.Element, kind: str, colour: str, opacity: float, width: float | None = None) -> ET.Element:
    made = ET.SubElement(parent, f"{{{SE}}}{kind}")
    name, alpha = _hex(colour)
    low = kind.lower()
    _parameter(made, low, name)
    _parameter(made, f"{low}-opacity", float(alpha * opacity))
    if width is not None:
        _parameter(made, "stroke-width", float(width))
    return made


def _symbolizer(rule: ET.Element, part: Mapping[str, Any], colour: str) -> None:
    paint, layout, kind = part.get("paint", {}), part.get("layout", {}), part["type"]

    def number(name: str, default: float) -> float:
        return float(_plain(paint.get(name, layout.get(name, default)), default))

    if kind == "fill":
        made = ET.SubElement(rule, f"{{{SE}}}PolygonSymbolizer")
        _brush(made, "Fill", colour, number("fill-opacity", 1.0))
    elif kind == "line":
        made = ET.SubElement(rule, f"{{{SE}}}LineSymbolizer")
        width = number("line-width", 1.0)
        stroke = _brush(made, "Stroke", colour, number("line-opacity", 1.0), width)
        if isinstance(paint.get("line-dasharray"), list):
            _parameter(stroke, "stroke-dasharray", " ".join(f"{one * width:g}" for one in paint["line-dasharray"]))
    elif kind == "circle":
        made = ET.SubElement(rule, f"{{{SE}}}PointSymbolizer")
        graphic = ET.SubElement(made, f"{{{SE}}}Graphic")
        mark = ET.SubElement(graphic, f"{{{SE}}}Mark")
        _text(mark, SE, "WellKnownName", "circle")
        _brush(mark, "Fill", colour, number("circle-opacity", 1.0))
        edge = str(_plain(paint.get("circle-stroke-color", "#000000"), "#000000"))
        _brush(mark, "Stroke", edge, 1.0, number("circle-stroke-width", 0.0))
        _text(graphic, SE, "Size", f"{2 * number('circle-radius', 5.0):g}")
    else:
        _text_symbolizer(rule, layout, paint, colour, number("text-size", 16.0))


def _text_symbolizer(
    rule: ET.Element, layout: Mapping[str, Any], paint: Mapping[str, Any], colour: str, size: float
) -> None:
    made = ET.SubElement(rule, f"{{{SE}}}TextSymbolizer")
    field = layout.get("text-field")
    label = ET.SubElement(made, f"{{{SE}}}Label")
    inner = field[1] if isinstance(field, list) and field[0] == "to-string" else field
    if isinstance(inner, list) and _is_get(inner):
        _text(label, OGC, "PropertyName", inner[1])
    else:
        label.text = str(field) if isinstance(field, str) else ""
    font = ET.SubElement(made, f"{{{SE}}}Font")
    _parameter(font, "font-family", "Noto Sans CJK SC")
    _parameter(font, "font-size", size)
    if paint.get("text-halo-width"):
        halo = ET.SubElement(made, f"{{{SE}}}Halo")
        _text(halo, SE, "Radius", f"{float(_plain(paint['text-halo-width'], 1)):g}")
        _brush(halo, "Fill", str(_plain(paint.get("text-halo-color", "#ffffff"), "#ffffff")), 1.0)
    _brush(made, "Fill", colour, 1.0)
