"""The signs of BPMN in SVG, and text that fits its place. 图元."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from typing import Any

from lxml import etree

from kunyu.engines.matters.flows.diagram import Box, Line, Point, Shape

SVG = "http://www.w3.org/2000/svg"
FONT = "system-ui, 'Noto Sans CJK SC', 'Source Han Sans SC', 'Microsoft YaHei', 'PingFang SC', sans-serif"
LIMIT_LINES = 4
CAPTION_WIDTH = 110.0


@dataclass(frozen=True)
class Look:
    """Colours and line of a state."""

    fill: str
    stroke: str
    text: str
    width: float
    dash: str = ""


def add(parent: Any, tag: str, **attributes: str) -> Any:
    """Append an SVG element."""
    return etree.SubElement(
        parent, f"{{{SVG}}}{tag}", {name.replace("_", "-"): value for name, value in attributes.items()}
    )


def number(value: float) -> str:
    """A coordinate to a tenth of a pixel."""
    return (
        f"{value:.1f}".removesuffix(".0").replace("-0", "0", 1)
        if abs(value) < 0.05
        else f"{value:.1f}".removesuffix(".0")
    )


def _drawn_as(look: Look, fill: str | None = None) -> dict[str, str]:
    attributes = {
        "fill": look.fill if fill is None else fill,
        "stroke": look.stroke,
        "stroke_width": number(look.width),
    }
    if look.dash:
        attributes["stroke_dasharray"] = look.dash
    return attributes


def rectangle(parent: Any, box: Box, look: Look, radius: float) -> Any:
    """A rectangle with round corners."""
    return add(parent, "rect", x=number(box.x), y=number(box.y), width=number(box.width), height=number(box.height),
               rx=number(radius), **_drawn_as(look))  # fmt: skip


def event(parent: Any, shape: Shape, look: Look) -> None:
    """A circle; an end has a thick one, and one that was reached is filled."""
    x, y = shape.box.centre
    radius = min(shape.box.width, shape.box.height) / 2
    circle = add(parent, "circle", cx=number(x), cy=number(y), r=number(radius), **_drawn_as(look))
    if shape.what == "endEvent":
        circle.set("stroke-width", number(look.width + 2))
    if shape.what not in ("startEvent", "endEvent"):
        add(parent, "circle", cx=number(x), cy=number(y), r=number(radius - 4), **_drawn_as(look, "none"))


def gateway(parent: Any, shape: Shape, look: Look) -> None:
    """A diamond with its sign: × one of them, + all of them, ○ some."""
    box = shape.box
    x, y = box.centre
    corners = ((x, box.y), (box.right, y), (x, box.bottom), (box.x, y))
    add(parent, "path", d=_path(corners) + "Z", stroke_linejoin="round", **_drawn_as(look))
    size = min(box.width, box.height) / 5
    signs = {
        "exclusiveGateway": [(-0.8, -1.0, 0.8, 1.0), (-0.8, 1.0, 0.8, -1.0)],
        "parallelGateway": [(-1.2, 0.0, 1.2, 0.0), (0.0, -1.2, 0.0, 1.2)],
    }
    for x1, y1, x2, y2 in signs.get(shape.what, []):
        _stroke(parent, (x + x1 * size, y + y1 * size), (x + x2 * size, y + y2 * size), look, 2.5)
    if shape.what not in signs:
        add(parent, "circle", cx=number(x), cy=number(y), r=number(size), **_drawn_as(look, "none"))


def task(parent: Any, shape: Shape, look: Look) -> None:
    """A rectangle with a small sign of its kind, a person or a table, and its name."""
    box = shape.box
    rectangle(parent, box, look, radius=8)
    x, y = box.x + 8, box.y + 8
    if shape.what == "userTask":
        add(parent, "circle", cx=number(x + 6), cy=number(y + 4), r="3.5", **_sign(look))
        add(parent, "path", d=f"M{number(x)} {number(y + 14)}a6 6 0 0 1 12 0z", **_sign(look))
    elif shape.what == "businessRuleTask":
        add(parent, "path", d=f"M{number(x)} {number(y)}h14v12h-14zm0 4h14m-9 0v8m-5 -4h14", **_sign(look))
    written(parent, shape.name or shape.id, Box(box.x + 6, box.y + 14, box.width - 12, box.height - 16), look.text)


def _sign(look: Look) -> dict[str, str]:
    return {"fill": "none", "stroke": look.stroke, "stroke_width": "1.2"}


def pill(parent: Any, box: Box, word: str, look: Look) -> None:
    """A word in the upper right corner of a task, inside: ways arrive at its edges."""
    width = width_of(word, 10.5) + 12
    place = Box(box.right - width - 5, box.y + 5, width, 17)
    rectangle(parent, place, Look(look.stroke, look.stroke, "#ffffff", 1.0), radius=8.5)
    written(parent, word, place, "#ffffff", size=10.5)


def note(parent: Any, shape: Shape) -> None:
    """A text annotation: a bracket and its words."""
    box = shape.box
    corners = ((box.x + 10, box.y), (box.x, box.y), (box.x, box.bottom), (box.x + 10, box.bottom))
    add(parent, "path", d=_path(corners), fill="none", stroke="#748489", stroke_width="1")
    written(parent, shape.name, Box(box.x + 8, box.y, box.width - 8, box.height), "#4a5a60", size=11)


def arrow(parent: Any, line: Line, look: Look) -> None:
    """A line with round corners and a head; a default way has a stroke across its begin."""
    tip, before = line.points[-1], _previous(line.points)
    angle = math.atan2(tip[1] - before[1], tip[0] - before[0])
    neck = (tip[0] - 8 * math.cos(angle), tip[1] - 8 * math.sin(angle))
    path = add(parent, "path", d=_rounded((*line.points[:-1], neck)), **_drawn_as(look, "none"))
    path.set("data-element", line.id)
    wings = [(tip[0] - 10 * math.cos(angle + turn), tip[1] - 10 * math.sin(angle + turn)) for turn in (0.42, -0.42)]
    add(parent, "path", d=_path((tip, *wings)) + "Z", fill=look.stroke)
    if line.is_default:
        first, second = line.points[0], line.points[1]
        along = math.atan2(second[1] - first[1], second[0] - first[0])
        x, y = first[0] + 10 * math.cos(along), first[1] + 10 * math.sin(along)
        across = along + math.pi / 3
        dx, dy = 6 * math.cos(across), 6 * math.sin(across)
        _stroke(parent, (x - dx, y - dy), (x + dx, y + dy), look, look.width)


def _previous(points: tuple[Point, ...]) -> Point:
    """The last corner that is not the tip itself: modellers may repeat a point."""
    return next((point for point in reversed(points[:-1]) if point != points[-1]), (points[-1][0] - 1, points[-1][1]))


def _stroke(parent: Any, start: Point, end: Point, look: Look, width: float) -> None:
    add(parent, "path", d=_path((start, end)), stroke=look.stroke, stroke_width=number(width), stroke_linecap="round")


def _path(points: tuple[Point, ...]) -> str:
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)


def _rounded(points: tuple[Point, ...], radius: float = 6.0) -> str:
    """A path through ``points`` whose corners are cut by a curve."""
    parts = [f"M{number(points[0][0])} {number(points[0][1])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        start, end = _toward(corner, before, radius), _toward(corner, after, radius)
        parts.append(
            f"L{number(start[0])} {number(start[1])}Q{number(corner[0])} {number(corner[1])} {number(end[0])} {number(end[1])}"
        )
    parts.append(f"L{number(points[-1][0])} {number(points[-1][1])}")
    return "".join(parts)


def _toward(corner: Point, other: Point, distance: float) -> Point:
    length = math.dist(corner, other)
    if length == 0:
        return corner
    share = min(distance, length / 2) / length
    return corner[0] + (other[0] - corner[0]) * share, corner[1] + (other[1] - corner[1]) * share


# -- text -------------------------------------------------------------------------------------------------------------


def width_of(text: str, size: float) -> float:
    """Width of a text in pixels, near enough: wide characters are as wide as high, others a little over half."""
    return sum(size if unicodedata.east_asian_width(char) in "WF" else size * 0.58 for char in text)


def wrapped(text: str, width: float, size: float, limit: int = LIMIT_LINES) -> list[str]:
    """Lines of at most ``width`` pixels; what does not fit ends in an ellipsis."""
    lines = [""]
    for piece in _pieces(text):
        if lines[-1] and width_of(lines[-1] + piece.rstrip(), size) > width:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    lines = [line.strip() for line in lines if line.strip()]
    if len(lines) > limit:
        lines = [*lines[: limit - 1], lines[limit - 1][:-1] + "…"]
    return lines


def _pieces(text: str) -> list[str]:
    """Where a line may break: after spaces, and around every wide character."""
    pieces: list[str] = [""]
    for char in " ".join(text.split())[:400]:
        wide = unicodedata.east_asian_width(char) in "WF"
        if pieces[-1] and (
            wide
            or pieces[-1][-1] == " "
            or unicodedata.east_asian_width(pieces[-1][-1]) in "WF"
            or len(pieces[-1]) > 20
        ):
            pieces.append("")
        pieces[-1] += char
    return pieces


def written(
    parent: Any,
    text: str,
    box: Box,
    colour: str,
    *,
    size: float = 12,
    bold: bool = False,
    halo: bool = False,
    anchor: str = "middle",
) -> Any | None:
    """Text in the middle of ``box``, on as many lines as it needs.

    With ``halo`` it lies over lines: a white copy with a thick stroke is drawn below it, because printing to PDF knows
    no ``paint-order``. Answers with the group, None when there is nothing to write.
    """
    limit = LIMIT_LINES if halo else max(1, min(LIMIT_LINES, int(box.height // (size + 2))))
    lines = wrapped(text, max(box.width, 60), size, limit)
    if not lines:
        return None
    group = add(parent, "g", font_family=FONT, font_size=number(size), text_anchor=anchor)
    if bold:
        group.set("font-weight", "600")
    x = box.x if anchor == "start" else box.centre[0]
    y = box.centre[1] - size * 1.25 * (len(lines) - 1) / 2 + size * 0.35
    if halo:
        below = {
            "fill": "#ffffff",
            "stroke": "#ffffff",
            "stroke_width": "4",
            "stroke_linejoin": "round",
            "aria_hidden": "true",
        }
        _lines(add(group, "text", **below), lines, x, y, size)
    _lines(add(group, "text", fill=colour), lines, x, y, size)
    return group


def _lines(element: Any, lines: list[str], x: float, y: float, size: float) -> None:
    for index, line in enumerate(lines):
        add(element, "tspan", x=number(x), y=number(y + index * size * 1.25)).text = line


def caption_box(shape: Shape) -> Box | None:
    """Place of the name of an event or gateway that has none of its own: below it."""
    if not shape.what.endswith(("Event", "Gateway")):
        return None
    x, _ = shape.box.centre
    return Box(x - CAPTION_WIDTH / 2, shape.box.bottom + 4, CAPTION_WIDTH, 16)


def place_of_name(line: Line) -> Box:
    """Place of the name of a way that has none of its own: over the middle of its longest level part."""
    pairs = list(zip(line.points, line.points[1:], strict=False))
    (x1, y1), (x2, y2) = max(pairs, key=lambda pair: (abs(pair[0][1] - pair[1][1]) < 1, math.dist(*pair)))
    return Box((x1 + x2) / 2 - 30, (y1 + y2) / 2 - 16, 60, 14)
