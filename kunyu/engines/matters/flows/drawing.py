"""Draw a flow as SVG: what is passed, what waits, what is still to come. 流程图.

States show by colour, by thickness of the line and by words (``已办``, ``在办``), so that nobody needs to see colours;
title and description say the same to a screen reader. The picture has no script, no style, no link and no text that was
not escaped: it is built as a tree, and names from the file are only ever text nodes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from lxml import etree

from kunyu.engines.matters.flows import symbols
from kunyu.engines.matters.flows.diagram import Band, Box, Diagram, Line, Shape, drawn, parts_of
from kunyu.engines.matters.flows.faults import Fault, refuse
from kunyu.engines.matters.flows.layout import laid_out
from kunyu.engines.matters.flows.running import Standing
from kunyu.engines.matters.flows.symbols import Look, add, number, written
from kunyu.engines.matters.flows.xml import open_xml
from kunyu.kernel.digests import sm3_hex

PADDING, LEGEND = 24.0, 44.0

WORDS = {
    "zh": {"passed": "已办", "waiting": "在办", "ahead": "未到", "faulty": "有误", "title": "流程图", "none": "无", "stages": "环节：{}。",
           "sentence": "{passed_word}：{passed}。{waiting_word}：{waiting}。{ahead_word}：{ahead}。", "and": "、"},
    "en": {"passed": "done", "waiting": "now", "ahead": "to come", "faulty": "faulty", "title": "Flow", "none": "none", "stages": "Stages: {}.",
           "sentence": "{passed_word}: {passed}. {waiting_word}: {waiting}. {ahead_word}: {ahead}.", "and": ", "},
}  # fmt: skip

# the colours of the pages (web/src/styles/theme.css): a picture is also printed, sent and archived by itself
INK_2, LINE = "#4a5a60", "#c3cdd0"
LOOKS = {
    "passed": Look("#e6f0f0", "#0b5c63", "#08474d", 1.75),
    "waiting": Look("#fff6e0", "#8a5a00", "#5c3c00", 3.0),
    "ahead": Look("#ffffff", "#748489", INK_2, 1.25),
    "reached": Look("#0b5c63", "#0b5c63", "#08474d", 1.75),
    "plain": Look("#ffffff", INK_2, "#17262b", 1.25),
    "faulty": Look("#fff6e0", "#8a5a00", "#5c3c00", 2.0, dash="5 3"),
}


@dataclass(frozen=True)
class _Picture:
    """A diagram and what is known of its elements."""

    diagram: Diagram
    passed: frozenset[str]
    waiting: frozenset[str]
    faulty: frozenset[str]
    language: str

    def state(self, element: str) -> str:
        if element in self.faulty:
            return "faulty"
        if element in self.waiting:
            return "waiting"
        if not self.is_of_case:
            return "plain"
        return "passed" if element in self.passed else "ahead"

    @property
    def is_of_case(self) -> bool:
        """A flow by itself has passed nothing and awaits nothing: no state is shown."""
        return bool(self.passed or self.waiting)

    @property
    def legend(self) -> tuple[str, ...]:
        """States that the legend explains."""
        return (*(("passed", "waiting", "ahead") if self.is_of_case else ()), *(("faulty",) if self.faulty else ()))

    def word(self, name: str) -> str:
        return WORDS[self.language][name]


def draw(
    xml: bytes,
    standing: Standing | Iterable[str] = (),
    waiting: Iterable[str] = (),
    *,
    process: str = "",
    faulty: Collection[str] = (),
    language: str = "zh",
) -> str:
    """Draw the flow of a BPMN file.

    Parameters
    ----------
    xml
        The file as it came; its own drawing is used when it is complete, otherwise the flow is laid out.
    standing
        Where a case stands; or the ids of what it has passed, with ``waiting`` beside.
    process
        Id of the process; empty: the first of the file.
    faulty
        Ids of elements to mark as wrong, for the page that checks a flow.

    Returns
    -------
    str
        An ``<svg role="img">`` element without XML declaration.

    Raises
    ------
    BadFlow
        The file cannot be read at all, or holds no process. Other faults do not keep a flow from being drawn.
    """
    root = open_xml(xml)
    parts = parts_of(root, process)
    if parts is None or not parts.nodes:
        refuse(
            Fault(
                "process",
                process,
                "文件中没有可画的流程",
                "the file holds no process to draw",
                "检查流程标识",
                "check its id",
            )
        )
    if isinstance(standing, Standing):
        passed, waiting = standing.passed, standing.waiting
    else:
        passed = tuple(standing)
    diagram = drawn(root, parts) or laid_out(parts)
    picture = _Picture(
        diagram, frozenset(passed), frozenset(waiting), frozenset(faulty), language if language in WORDS else "zh"
    )
    mark = sm3_hex(xml + repr((sorted(picture.passed), sorted(picture.waiting))).encode())[:12]
    return etree.tostring(_svg(picture, mark), encoding="unicode")


def _svg(picture: _Picture, mark: str) -> Any:
    frame = _frame(picture.diagram)
    height = frame.height + (LEGEND if picture.legend else 0)
    svg = etree.Element(
        f"{{{symbols.SVG}}}svg",
        nsmap={None: symbols.SVG},
        role="img",
        viewBox=f"{number(frame.x)} {number(frame.y)} {number(frame.width)} {number(height)}",
        width=number(frame.width),
        height=number(height),
    )
    svg.set("class", "ky-flow")
    svg.set("aria-labelledby", f"flow-{mark}-title flow-{mark}-desc")
    title = add(svg, "title", id=f"flow-{mark}-title")
    title.text = f"{picture.diagram.title} {picture.word('title')}"
    add(svg, "desc", id=f"flow-{mark}-desc").text = _description(picture)
    for band in picture.diagram.bands:
        _draw_band(svg, band)
    for line in sorted(picture.diagram.lines, key=lambda line: line.id in picture.passed):
        _draw_line(svg, picture, line)
    for shape in picture.diagram.shapes:
        _draw_shape(svg, picture, shape)
    for line in picture.diagram.lines:
        _draw_line_name(svg, picture, line)
    for note in picture.diagram.notes:
        symbols.note(svg, note)
    _draw_legend(svg, picture, frame)
    return svg


def _frame(diagram: Diagram) -> Box:
    boxes = [shape.box for shape in (*diagram.shapes, *diagram.notes)] + [band.box for band in diagram.bands]
    labels = [*(shape.label for shape in diagram.shapes), *(line.label for line in diagram.lines)]
    boxes += [label for label in labels if label is not None]
    boxes += [Box(x, y, 0, 0) for line in diagram.lines for x, y in line.points]
    below = [symbols.caption_box(shape) for shape in diagram.shapes if shape.label is None and shape.name]
    boxes += [box for box in below if box is not None]
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    width, height = max(box.right for box in boxes) - left, max(box.bottom for box in boxes) - top
    return Box(left - PADDING, top - PADDING, max(width, 300) + 2 * PADDING, height + 2 * PADDING)


def _description(picture: _Picture) -> str:
    """Which stages are passed, wait and are to come, as one reads them aloud."""
    words = WORDS[picture.language]
    stages = [shape for shape in picture.diagram.shapes if shape.what.endswith("Task") or shape.what == "endEvent"]
    if not picture.is_of_case:
        return words["stages"].format(words["and"].join(shape.name or shape.id for shape in stages))
    told = {
        state: [s.name or s.id for s in stages if picture.state(s.id) == state]
        for state in ("passed", "waiting", "ahead")
    }
    return words["sentence"].format(
        **{state: words["and"].join(names) or words["none"] for state, names in told.items()},
        **{f"{state}_word": words[state] for state in told},
    )


def _draw_band(svg: Any, band: Band) -> None:
    box = band.box
    symbols.rectangle(svg, box, Look("none", LINE, INK_2, 1.0), radius=0)
    if band.is_upright:
        written(svg, band.name, Box(box.x, box.y, box.width, 30), INK_2, bold=True)
        return
    x, y = box.x + 15, box.y + box.height / 2
    text = written(svg, band.name, Box(x - box.height / 2, y - 15, box.height, 30), INK_2, bold=True)
    if text is not None:
        text.set("transform", f"rotate(-90 {number(x)} {number(y)})")


def _draw_line(svg: Any, picture: _Picture, line: Line) -> None:
    state = "passed" if line.id in picture.passed else picture.state(line.id)
    symbols.arrow(svg, line, LOOKS[state])


def _draw_line_name(svg: Any, picture: _Picture, line: Line) -> None:
    if line.name:
        place = line.label or symbols.place_of_name(line)
        written(svg, line.name, place, LOOKS[picture.state(line.id)].text, size=11, halo=True)


def _draw_shape(svg: Any, picture: _Picture, shape: Shape) -> None:
    state = picture.state(shape.id)
    look = LOOKS[state]
    group = add(svg, "g", **{"data-element": shape.id, "data-state": state})
    word = "" if state == "plain" else picture.word(state)
    add(group, "title").text = f"{shape.name or shape.id}：{word}" if word else shape.name or shape.id
    if shape.what.endswith("Event"):
        symbols.event(group, shape, LOOKS["reached"] if (shape.what, state) == ("endEvent", "passed") else look)
    elif shape.what.endswith("Gateway"):
        symbols.gateway(group, shape, look)
    else:
        symbols.task(group, shape, look)
        if state not in ("ahead", "plain"):
            symbols.pill(group, shape.box, word, look)
        return
    place = shape.label or symbols.caption_box(shape)
    if place is not None and shape.name:
        written(group, shape.name, place, look.text, size=11, halo=True)


def _draw_legend(svg: Any, picture: _Picture, frame: Box) -> None:
    if not picture.legend:
        return
    group = add(svg, "g", **{"aria-hidden": "true"})
    x, y = frame.x + PADDING, frame.bottom + LEGEND / 2 - 14
    for state in picture.legend:
        symbols.rectangle(group, Box(x, y - 7, 22, 14), LOOKS[state], radius=4)
        word = picture.word(state)
        written(group, word, Box(x + 28, y - 10, 60, 20), INK_2, anchor="start")
        x += 28 + symbols.width_of(word, 12) + 26
