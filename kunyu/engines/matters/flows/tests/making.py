"""Flows and decision tables for tests, written short."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

FILES = Path(__file__).with_name("files")

TAGS = {
    "start": "startEvent",
    "end": "endEvent",
    "task": "userTask",
    "rule": "businessRuleTask",
    "xor": "exclusiveGateway",
    "and": "parallelGateway",
}
HEAD = (
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:camunda="http://camunda.org/schema/1.0/bpmn" xmlns:zeebe="http://camunda.org/schema/zeebe/1.0">'
)


def flow_xml(text: str, process: str = "p", extra: str = "") -> bytes:
    """A BPMN file from lines ``kind id name=… default=… decision=…`` and ``source > target : condition``.

    Ways are called ``source-target``.
    """
    nodes, ways = [], []
    for line in filter(None, map(str.strip, text.splitlines())):
        (ways if " > " in line else nodes).append(_way(line) if " > " in line else _node(line))
    body = "".join([*nodes, extra, *ways])
    return f'{HEAD}<process id="{process}" isExecutable="true">{body}</process></definitions>'.encode()


def _node(line: str) -> str:
    kind, name, *rest = line.split()
    given = dict(item.split("=", 1) for item in rest)
    attributes = {"id": name, "name": given.get("name", ""), "default": given.get("default", "")}
    attributes["camunda:decisionRef"] = given.get("decision", "")
    written = " ".join(f"{key}={quoteattr(value)}" for key, value in attributes.items() if value)
    return f"<{TAGS.get(kind, kind)} {written}/>"


def _way(line: str) -> str:
    ends, _, condition = line.partition(" : ")
    source, target = (end.strip() for end in ends.split(" > "))
    inner = f"<conditionExpression>{escape(condition.strip())}</conditionExpression>" if condition else ""
    return f'<sequenceFlow id="{source}-{target}" sourceRef="{source}" targetRef="{target}">{inner}</sequenceFlow>'


def table_xml(
    rows: list[tuple[list[str], list[str]]],
    *,
    inputs: list[str] = ["area"],  # noqa: B006 - never changed
    outputs: list[str] = ["level"],  # noqa: B006
    policy: str = "UNIQUE",
    decision: str = "level",
    types: Mapping[str, str] = {},
    attributes: str = "",
    default: str = "",
) -> bytes:
    """A DMN 1.3 file of one decision table."""
    columns = "".join(
        f'<input id="i{n}" label={quoteattr(text)}><inputExpression id="e{n}" typeRef="{types.get(text, "")}">'
        f"<text>{escape(text)}</text></inputExpression></input>"
        for n, text in enumerate(inputs)
    )
    inner = f"<defaultOutputEntry><text>{escape(default)}</text></defaultOutputEntry>" if default else ""
    columns += "".join(f'<output id="o{n}" name={quoteattr(name)}>{inner}</output>' for n, name in enumerate(outputs))
    body = "".join(
        f'<rule id="r{n}">'
        + "".join(f"<inputEntry><text>{escape(cell)}</text></inputEntry>" for cell in tests)
        + "".join(f"<outputEntry><text>{escape(cell)}</text></outputEntry>" for cell in answers)
        + "</rule>"
        for n, (tests, answers) in enumerate(rows)
    )
    return (
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="n">'
        f'<decision id="{decision}" name="表"><decisionTable id="t" hitPolicy="{policy}" {attributes}>'
        f"{columns}{body}</decisionTable></decision></definitions>"
    ).encode()


REVIEW = (FILES / "review.bpmn").read_bytes()
LEVEL = (FILES / "level.dmn").read_bytes()
FACTS = {"area_ha": 12.5, "takes_farmland": False, "conflicts": 0, "not_checked": 0}
"""Facts with which the example flow needs no joint review."""
