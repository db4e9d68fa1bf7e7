"""SpiffWorkflow as the router: its parser, its task tree, its joins; none of its script engine. 流程引擎接入.

SpiffWorkflow gets a plain BPMN file written from our own model (:func:`plain_bpmn`), never the file as it came: no
extensions, no scripts, no positions (its parser would order the ways out of a gateway by their height in the drawing).
Conditions and decision tables come back to :class:`Whitelist`, which evaluates our own language over the facts of the
case; what task data SpiffWorkflow copies from task to task stays empty.

Specifications are parsed once per digest and shared: nothing in them changes while flows run.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NoReturn

from lxml import etree
from SpiffWorkflow.bpmn.parser.BpmnParser import BpmnParser, full_tag
from SpiffWorkflow.bpmn.parser.TaskParser import TaskParser
from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.bpmn.specs.mixins.bpmn_spec_mixin import BpmnSpecMixin
from SpiffWorkflow.task import Task

from kunyu.engines.matters.flows.decisions import Table
from kunyu.engines.matters.flows.elements import MODEL
from kunyu.engines.matters.flows.expressions import read_expression
from kunyu.engines.matters.flows.model import Flow, Kind, load_flow
from kunyu.kernel.errors import Defect

# SpiffWorkflow composes long log records at every change of state unless its loggers themselves are quiet; they would
# also carry facts of cases into log files
for _name in ("spiff.task", "spiff.workflow"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_TAGS: Mapping[Kind, str] = {
    "start": "startEvent",
    "end": "endEvent",
    "task": "userTask",
    "decision": "businessRuleTask",
    "exclusive": "exclusiveGateway",
    "parallel": "parallelGateway",
}


class DecisionTask(BpmnSpecMixin):
    """A business rule task: asks the whitelist for the decision of its table."""

    def _run_hook(self, my_task: Task) -> bool:
        my_task.workflow.script_engine.decide(self.name)
        return True


class _Parser(BpmnParser):
    OVERRIDE_PARSER_CLASSES = {full_tag("businessRuleTask"): (TaskParser, DecisionTask)}


class Whitelist:
    """What SpiffWorkflow asks for a script engine: conditions over the facts of one case, and nothing that executes."""

    def __init__(self, flow: Flow, facts: dict[str, Any]) -> None:
        self.flow = flow
        self.facts = facts

    def evaluate(self, task: Task, expression: str, external_context: object = None) -> bool:
        """Whether a condition holds over the facts; ``task`` and its data are not asked."""
        return read_expression(expression).holds(self.facts)

    def decide(self, node: str) -> None:
        """Evaluate the decision table of a business rule task and keep what it answers."""
        table: Table = self.flow.tables[self.flow.node[node].decision]
        self.facts.update(table.decide(self.facts))

    def execute(self, task: Task, script: str, external_context: object = None) -> NoReturn:
        """No script is ever executed; the reader lets none through."""
        raise Defect("流程要求执行脚本", "a flow asked to execute a script", task=task.task_spec.name)

    def call_service(self, task: Task, **_: object) -> NoReturn:
        """No service is ever called; the reader lets none through."""
        raise Defect("流程要求调用服务", "a flow asked to call a service", task=task.task_spec.name)


def specification(flow: Flow) -> BpmnProcessSpec:
    """The SpiffWorkflow specification of ``flow``, parsed once."""
    return _parsed(flow.serialised)


@lru_cache(maxsize=128)
def _parsed(serialised: bytes) -> BpmnProcessSpec:
    flow = load_flow(serialised)
    parser = _Parser()
    parser.add_bpmn_xml(plain_bpmn(flow))
    return parser.get_spec(flow.process)


def plain_bpmn(flow: Flow) -> Any:
    """``flow`` as the least BPMN SpiffWorkflow needs (an lxml element)."""
    root = etree.Element(f"{{{MODEL}}}definitions", nsmap={"bpmn": MODEL})
    process = etree.SubElement(root, f"{{{MODEL}}}process", id=flow.process, isExecutable="true")
    for node in flow.nodes:
        element = etree.SubElement(process, f"{{{MODEL}}}{_TAGS[node.kind]}", id=node.id)
        if node.default:
            element.set("default", node.default)
    for way in flow.ways:
        element = etree.SubElement(
            process, f"{{{MODEL}}}sequenceFlow", id=way.id, sourceRef=way.source, targetRef=way.target
        )
        if way.condition:
            etree.SubElement(element, f"{{{MODEL}}}conditionExpression").text = way.condition
    return root
