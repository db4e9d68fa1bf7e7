"""The drawing a modeller stored beside a flow: shapes, lines, labels. BPMN 图形交换 (BPMN DI).

Coordinates are pixels of the modeller, x to the right, y downward. Numbers that are none, or absurd, are left out; a
diagram that lacks an element of the process is not used, and the flow is laid out anew (:mod:`flows.layout`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kunyu.engines.matters.flows.elements import HARMLESS, MODEL, NAMES, kind_of
from kunyu.engines.matters.flows.xml import local_name, namespace

DI = "http://www.omg.org/spec/BPMN/20100524/DI"
LIMIT_COORDINATE = 50_000.0

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle: left, top, width, height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> Point:
        """The middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def right(self) -> float:
        """Right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.y + self.height


@dataclass(frozen=True)
class Shape:
    """An element on the drawing; ``what`` is its BPMN name, e.g. ``userTask``."""

    id: str
    what: str
    name: str
    box: Box
    label: Box | None = None


@dataclass(frozen=True)
class Line:
    """A sequence flow on the drawing."""

    id: str
    name: str
    points: tuple[Point, ...]
    label: Box | None = None
    is_default: bool = False


@dataclass(frozen=True)
class Band:
    """A pool or a lane."""

    id: str
    name: str
    box: Box
    is_upright: bool = False
    """Drawn from top to bottom: its name stands above it, not at its left."""


@dataclass(frozen=True)
class Diagram:
    """Everything to be drawn."""

    title: str
    shapes: tuple[Shape, ...]
    lines: tuple[Line, ...]
    bands: tuple[Band, ...] = ()
    notes: tuple[Shape, ...] = ()
    """Text annotations."""


@dataclass(frozen=True)
class Parts:
    """What a process holds, before anybody places it."""

    id: str
    title: str
    nodes: Mapping[str, Any]
    """Elements a case goes through, supported or not, in the order of the file."""
    ways: Mapping[str, Any]
    notes: Mapping[str, Any]
    lanes: Mapping[str, Any]
    pools: Mapping[str, Any]
    defaults: frozenset[str]


def parts_of(root: Any, process: str = "") -> Parts | None:
    """The process of this id, or the first of the file; None when there is none."""
    processes = root.findall(f"{{{MODEL}}}process")
    element = next((found for found in processes if not process or found.get("id") == process), None)
    if element is None:
        return None
    children = [child for child in element if namespace(child) == MODEL and child.get("id")]
    nodes = {child.get("id"): child for child in children if _is_node(local_name(child))}
    pools = {
        pool.get("id"): pool
        for pool in root.iter(f"{{{MODEL}}}participant")
        if pool.get("processRef") == element.get("id")
    }
    return Parts(
        id=element.get("id", ""),
        title=name_of(element) or next((name_of(pool) for pool in pools.values()), "") or element.get("id", ""),
        nodes=nodes,
        ways={child.get("id"): child for child in children if local_name(child) == "sequenceFlow"},
        notes={child.get("id"): child for child in children if local_name(child) == "textAnnotation"},
        lanes={lane.get("id"): lane for lane in element.iter(f"{{{MODEL}}}lane")},
        pools=pools,
        defaults=frozenset(child.get("default", "") for child in nodes.values()),
    )


def drawn(root: Any, parts: Parts) -> Diagram | None:
    """The stored drawing of a process; None when it is missing or incomplete."""
    boxes, labels, upright = _shapes(root)
    if not parts.nodes or not parts.nodes.keys() <= boxes.keys():
        return None
    points, line_labels = _lines(root)
    lines = [
        Line(name, name_of(way), points[name], line_labels.get(name), name in parts.defaults)
        for name, way in parts.ways.items()
        if name in points
    ]
    if len(lines) < len(parts.ways):
        return None
    bands = [
        Band(name, name_of(band), boxes[name], name in upright)
        for name, band in {**parts.pools, **parts.lanes}.items()
        if name in boxes
    ]
    return Diagram(
        title=parts.title,
        shapes=tuple(
            Shape(name, local_name(node), name_of(node), boxes[name], labels.get(name))
            for name, node in parts.nodes.items()
        ),
        lines=tuple(lines),
        bands=tuple(bands),
        notes=tuple(
            Shape(name, "textAnnotation", note.findtext(f"{{{MODEL}}}text") or "", boxes[name])
            for name, note in parts.notes.items()
            if name in boxes
        ),
    )


def what_of(element: Any) -> str:
    """Name of the sign an element is drawn with."""
    return "businessRuleTask" if kind_of(element) == "decision" else local_name(element)


def name_of(element: Any) -> str:
    """Name of an element on one line."""
    return " ".join((element.get("name") or "").split())


def _is_node(what: str) -> bool:
    return what not in HARMLESS and (what.endswith(("Event", "Task", "Gateway")) or what in NAMES)


def _shapes(root: Any) -> tuple[dict[str, Box], dict[str, Box], frozenset[str]]:
    boxes: dict[str, Box] = {}
    labels: dict[str, Box] = {}
    upright: set[str] = set()
    for shape in root.iter(f"{{{DI}}}BPMNShape"):
        name, box = shape.get("bpmnElement", ""), _box(shape)
        if box is None or name in boxes:
            continue
        boxes[name] = box
        if shape.get("isHorizontal") == "false":
            upright.add(name)
        if (label := _label(shape)) is not None:
            labels[name] = label
    return boxes, labels, frozenset(upright)


def _lines(root: Any) -> tuple[dict[str, tuple[Point, ...]], dict[str, Box]]:
    points: dict[str, tuple[Point, ...]] = {}
    labels: dict[str, Box] = {}
    for edge in root.iter(f"{{{DI}}}BPMNEdge"):
        name, way = edge.get("bpmnElement", ""), tuple(_waypoints(edge))
        if len(way) < 2 or name in points:
            continue
        points[name] = way
        if (label := _label(edge)) is not None:
            labels[name] = label
    return points, labels


def _waypoints(edge: Any) -> Iterator[Point]:
    for point in edge.findall("{*}waypoint"):
        x, y = _number(point.get("x")), _number(point.get("y"))
        if x is not None and y is not None:
            yield x, y


def _label(element: Any) -> Box | None:
    label = element.find(f"{{{DI}}}BPMNLabel")
    return None if label is None else _box(label)


def _box(element: Any) -> Box | None:
    bounds = element.find("{*}Bounds")
    if bounds is None:
        return None
    x, y, width, height = (_number(bounds.get(name)) for name in ("x", "y", "width", "height"))
    if x is None or y is None or not width or not height or width < 0 or height < 0:
        return None
    return Box(x, y, width, height)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) <= LIMIT_COORDINATE else None
