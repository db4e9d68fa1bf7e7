"""Lay out a flow that has no drawing: layers from left to right. 自动布局.

After Sugiyama, Tagawa and Toda 1981 in the small: loops are cut at the way that leads back, elements stand in the layer
of their longest way from the start, ways across several layers get a place in each, and each layer is ordered by the
middle of its neighbours. Ways that lead back run below everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from kunyu.engines.matters.flows.diagram import Box, Diagram, Line, Parts, Point, Shape, name_of, what_of

LAYER, ROW, BACK, MARGIN = 170.0, 110.0, 18.0, 40.0
"""Distance of layers and rows, of the ways that lead back, and around everything; pixels."""
SWEEPS = 8

Link = tuple[str, str]


@dataclass
class _Grid:
    """Places being found: ``layers`` of names, real or standing in for a way that passes."""

    layers: list[list[str]] = field(default_factory=list)
    chains: dict[str, list[str]] = field(default_factory=dict)
    """The names a forward way passes, its ends included."""
    back: list[str] = field(default_factory=list)


def laid_out(parts: Parts) -> Diagram:
    """Place every element of a process."""
    grid = _grid(parts)
    centres = _centres(grid)
    boxes = {name: _box_of(what_of(node), centres[name]) for name, node in parts.nodes.items()}
    floor = max((box.bottom for box in boxes.values()), default=0.0) + 40
    lines = []
    for name, way in parts.ways.items():
        if name in grid.chains:
            points = _forward(grid.chains[name], boxes, centres)
        elif name in grid.back:
            points = _backward(
                boxes[way.get("sourceRef")], boxes[way.get("targetRef")], floor + BACK * grid.back.index(name)
            )
        else:
            continue
        lines.append(Line(name, name_of(way), points, None, name in parts.defaults))
    shapes = tuple(Shape(name, what_of(node), name_of(node), boxes[name]) for name, node in parts.nodes.items())
    return Diagram(parts.title, shapes, tuple(lines))


def _grid(parts: Parts) -> _Grid:
    links = {
        name: (way.get("sourceRef", ""), way.get("targetRef", ""))
        for name, way in parts.ways.items()
        if way.get("sourceRef") in parts.nodes and way.get("targetRef") in parts.nodes
    }
    back = _leading_back(list(parts.nodes), links)
    forward = {name: link for name, link in links.items() if name not in back}
    depth = _depths(list(parts.nodes), forward)
    grid = _Grid(layers=[[] for _ in range(max(depth.values(), default=0) + 1)], back=[n for n in links if n in back])
    for name in parts.nodes:
        grid.layers[depth[name]].append(name)
    for name, (source, target) in forward.items():
        passed = [f"{name}\n{layer}" for layer in range(depth[source] + 1, depth[target])]
        for layer, place in enumerate(passed, depth[source] + 1):
            grid.layers[layer].append(place)
        grid.chains[name] = [source, *passed, target]
    _order(grid)
    return grid


def _leading_back(names: list[str], links: Mapping[str, Link]) -> set[str]:
    """Ways to an element that is still being followed: without them there are no loops."""
    after: dict[str, list[tuple[str, str]]] = {name: [] for name in names}
    for way, (source, target) in links.items():
        after[source].append((way, target))
    back: set[str] = set()
    done: set[str] = set()
    for first in names:
        if first in done:
            continue
        path, steps = {first}, [(first, iter(after[first]))]
        while steps:
            name, following = steps[-1]
            way, target = next(following, ("", ""))
            if not way:
                steps.pop()
                path.discard(name)
                done.add(name)
            elif target in path:
                back.add(way)
            elif target not in done:
                path.add(target)
                steps.append((target, iter(after[target])))
    return back


def _depths(names: list[str], links: Mapping[str, Link]) -> dict[str, int]:
    depth = dict.fromkeys(names, 0)
    for _ in names:
        moved = False
        for source, target in links.values():
            if depth[target] <= depth[source]:
                depth[target] = depth[source] + 1
                moved = True
        if not moved:
            break
    return depth


def _order(grid: _Grid) -> None:
    """Order each layer by the middle of its neighbours, forth and back a few times."""
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for chain in grid.chains.values():
        for left, right in pairwise(chain):
            before.setdefault(right, []).append(left)
            after.setdefault(left, []).append(right)
    for sweep in range(SWEEPS):
        neighbours = before if sweep % 2 == 0 else after
        layers = grid.layers if sweep % 2 == 0 else grid.layers[::-1]
        for fixed, moving in pairwise(layers):
            place = {name: number - len(fixed) / 2 for number, name in enumerate(fixed)}
            rank = {
                name: _middle(
                    [place[other] for other in neighbours.get(name, []) if other in place], number - len(moving) / 2
                )
                for number, name in enumerate(moving)
            }
            moving.sort(key=rank.__getitem__)


def _middle(places: list[float], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise


def _centres(grid: _Grid) -> dict[str, Point]:
    centres: dict[str, Point] = {}
    for number, layer in enumerate(grid.layers):
        for row, name in enumerate(layer):
            centres[name] = (MARGIN + 60 + number * LAYER, (row - (len(layer) - 1) / 2) * ROW)
    top = min((y for _, y in centres.values()), default=0.0)
    return {name: (x, y - top + MARGIN + 60) for name, (x, y) in centres.items()}


def _box_of(what: str, centre: Point) -> Box:
    width, height = 100.0, 80.0
    if what.endswith("Event"):
        width = height = 36.0
    elif what.endswith("Gateway"):
        width = height = 50.0
    return Box(centre[0] - width / 2, centre[1] - height / 2, width, height)


def _forward(chain: list[str], boxes: Mapping[str, Box], centres: Mapping[str, Point]) -> tuple[Point, ...]:
    """Right angles between the layers: out at the right, up or down in the gap, in at the left."""
    source, target = boxes[chain[0]], boxes[chain[-1]]
    points: list[Point] = [(source.right, source.centre[1])]
    for place in chain[1:]:
        x, y = centres[place]
        turn = x - LAYER / 2 - (0 if place == chain[-1] else 10)
        if abs(points[-1][1] - y) > 0.5:
            points += [(turn, points[-1][1]), (turn, y)]
    points.append((target.x, target.centre[1]))
    return tuple(points)


def _backward(source: Box, target: Box, floor: float) -> tuple[Point, ...]:
    """Down, along below everything, and up again."""
    out, into = source.centre[0] + source.width / 6, target.centre[0] - target.width / 6
    leave, enter = _edge(source, out), _edge(target, into)
    return (out, leave), (out, floor), (into, floor), (into, enter)


def _edge(box: Box, x: float) -> float:
    """Where a line straight up meets the lower side of an element: a diamond's side slopes."""
    if box.width > 60:
        return box.bottom
    return box.bottom - abs(x - box.centre[0]) * (1.0 if box.width == 50 else 0.35)
