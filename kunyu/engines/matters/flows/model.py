"""What a flow consists of, free of any modeller's markup: the specification that is digested and stored. 流程模型.

The drawing, names of products and white space are not part of it: moving a box makes no new flow. The order of the
ways out of a gateway is (the first condition that holds wins), and it is the order they stand in the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from kunyu.engines.matters.flows.decisions import Table
from kunyu.engines.matters.flows.expressions import read_expression
from kunyu.kernel.digests import canonical_json, sm3_hex

Kind = Literal["start", "end", "task", "decision", "exclusive", "parallel"]

OUTCOME, REFUSED = "outcome", "refused"
"""Facts the runner itself sets: what was chosen at the last stage; how many of a joint review refused or returned."""
REFUSALS = frozenset({"refuse", "return"})
"""Outcomes of a stage in a joint review that count as a refusal (services.md §2: 任一否决退回承办)."""

FORMAT = 1


@dataclass(frozen=True)
class Node:
    """An element of a flow through which a case goes."""

    id: str
    kind: Kind
    name: str = ""
    lane: str = ""
    default: str = ""
    """Id of the way out taken when no condition holds (exclusive gateways)."""
    decision: str = ""
    """Id of the decision table (business rule tasks)."""


@dataclass(frozen=True)
class Way:
    """A sequence flow. 连线."""

    id: str
    source: str
    target: str
    name: str = ""
    condition: str = ""


@dataclass(frozen=True)
class FlowTask:
    """A user task: a stage of the matter. 环节."""

    code: str
    name: str
    lane: str


@dataclass(frozen=True)
class Flow:
    """A flow that was read and found sound; ``serialised`` is all of it, and the state of a case names ``digest``."""

    process: str
    name: str
    nodes: tuple[Node, ...]
    ways: tuple[Way, ...]
    tables: Mapping[str, Table] = field(default_factory=dict, hash=False)

    @cached_property
    def serialised(self) -> bytes:
        """Canonical JSON of the whole specification; :func:`load_flow` reads it back."""
        return canonical_json(
            {
                "format": FORMAT,
                "process": self.process,
                "name": self.name,
                "nodes": [[n.id, n.kind, n.name, n.lane, n.default, n.decision] for n in self.nodes],
                "ways": [[w.id, w.source, w.target, w.name, w.condition] for w in self.ways],
                "tables": {name: table.as_json() for name, table in self.tables.items()},
            }
        )

    @cached_property
    def digest(self) -> str:
        """SM3 over the specification: 64 hexadecimal digits."""
        return sm3_hex(self.serialised)

    @cached_property
    def tasks(self) -> tuple[FlowTask, ...]:
        """The user tasks in the order of the file."""
        return tuple(FlowTask(n.id, n.name, n.lane) for n in self.nodes if n.kind == "task")

    @cached_property
    def node(self) -> Mapping[str, Node]:
        """Nodes by id."""
        return {node.id: node for node in self.nodes}

    @cached_property
    def way(self) -> Mapping[str, Way]:
        """Ways by id."""
        return {way.id: way for way in self.ways}

    @cached_property
    def ways_out(self) -> Mapping[str, tuple[Way, ...]]:
        """Ways by the node they leave, in the order of the file."""
        return {n.id: tuple(way for way in self.ways if way.source == n.id) for n in self.nodes}

    @cached_property
    def ways_in(self) -> Mapping[str, tuple[Way, ...]]:
        """Ways by the node they reach, in the order of the file."""
        return {n.id: tuple(way for way in self.ways if way.target == n.id) for n in self.nodes}

    @cached_property
    def results(self) -> frozenset[str]:
        """Facts that decision tables of this flow answer; nobody else may set them."""
        return frozenset(output.name for table in self.tables.values() for output in table.outputs)

    @cached_property
    def facts(self) -> frozenset[str]:
        """Names of the facts this flow reads from outside; all others given to it are not kept."""
        read: set[str] = set()
        for way in self.ways:
            if way.condition:
                read |= read_expression(way.condition).names
        for table in self.tables.values():
            read |= table.names
        return frozenset(read - self.results - {OUTCOME, REFUSED})


def load_flow(serialised: bytes) -> Flow:
    """Read back what :attr:`Flow.serialised` wrote."""
    stored: dict[str, Any] = json.loads(serialised)
    if stored.get("format") != FORMAT:
        raise ValueError(f"a flow of format {stored.get('format')}, not {FORMAT}")
    return Flow(
        process=stored["process"],
        name=stored["name"],
        nodes=tuple(Node(*values) for values in stored["nodes"]),
        ways=tuple(Way(*values) for values in stored["ways"]),
        tables={name: Table.from_json(table) for name, table in stored["tables"].items()},
    )
