"""Outcomes of a stage for which the flow has no way. 无处可去的办理结果.

Conditions are judged with the outcome known and every other fact unknown: a condition may be true, false, or open. An
outcome is dead when some gateway right behind its stage has no default and every condition is surely false.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kunyu.engines.matters.errors import FlowStopped
from kunyu.engines.matters.flows.expressions import read_expression
from kunyu.engines.matters.flows.faults import Fault
from kunyu.engines.matters.flows.model import OUTCOME, Flow, Node, Way


def dead_outcomes(flow: Flow, stages: Mapping[str, Iterable[str]]) -> Iterator[Fault]:
    """A fault for every outcome of ``stages`` with which a case would stand still."""
    for stage, outcomes in stages.items():
        for gateway in _gateways_behind(flow, stage):
            ways = flow.ways_out[gateway.id]
            if gateway.default or len(ways) < 2:
                continue
            for outcome in outcomes:
                if all(holds(way, outcome) is False for way in ways):
                    yield Fault("outcome", gateway.id, f"环节 {stage} 选 {outcome} 时，“{gateway.name or gateway.id}”没有可走的连线",
                                f"when {stage} chooses {outcome}, no way out of '{gateway.name or gateway.id}' is open",
                                "加一条条件，或设默认连线", "add a condition for it, or a default way")  # fmt: skip


def holds(way: Way, outcome: str) -> bool | None:
    """Whether the condition of ``way`` holds for this outcome; None: other facts decide."""
    return _truth(ast.parse(read_expression(way.condition).text, mode="eval").body, outcome)


def _gateways_behind(flow: Flow, stage: str) -> Iterator[Node]:
    """Exclusive gateways reached from a stage before any other person or join."""
    todo, seen = [way.target for way in flow.ways_out[stage]], set()
    while todo:
        node = flow.node[todo.pop()]
        if node.id in seen or node.kind not in ("exclusive", "decision"):
            continue
        seen.add(node.id)
        todo += [way.target for way in flow.ways_out[node.id]] if node.kind == "decision" else []
        if node.kind == "exclusive":
            yield node


def _truth(node: ast.expr, outcome: str) -> bool | None:
    if isinstance(node, ast.BoolOp):
        parts, wanted = [_truth(part, outcome) for part in node.values], isinstance(node.op, ast.Or)
        if wanted in parts:
            return wanted
        return None if None in parts else not wanted
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = _truth(node.operand, outcome)
        return None if inner is None else not inner
    names: set[Any] = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} - {"true", "false", "null"}
    if names - {OUTCOME}:
        return None
    try:
        return read_expression(ast.unparse(node)).holds({OUTCOME: outcome})
    except FlowStopped:
        return None
