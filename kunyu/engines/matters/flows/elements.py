"""Which elements of BPMN 2.0 a flow of an office may use, and how the others are called. BPMN 元素."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kunyu.engines.matters.flows.model import Kind
from kunyu.engines.matters.flows.xml import local_name

MODEL = "http://www.omg.org/spec/BPMN/20100524/MODEL"

KINDS: Mapping[str, Kind] = {
    "startEvent": "start",
    "endEvent": "end",
    "userTask": "task",
    "businessRuleTask": "decision",
    "exclusiveGateway": "exclusive",
    "parallelGateway": "parallel",
}
"""What a case can go through."""


def kind_of(element: Any) -> Kind | None:
    """What a case does at an element; None: nothing, or nothing that is supported.

    Flowable writes a decision as a service task of type ``dmn``.
    """
    what = local_name(element)
    if what == "serviceTask" and any(
        name.endswith("}type") and value == "dmn" for name, value in element.attrib.items()
    ):
        return "decision"
    return KINDS.get(what)


HARMLESS = frozenset(
    {
        "auditing",
        "monitoring",
        "documentation",
        "extensionElements",
        "laneSet",
        "sequenceFlow",
        "textAnnotation",
        "association",
        "group",
        "property",
        "dataObject",
        "dataObjectReference",
        "dataStoreReference",
        "ioSpecification",
        "supports",
        "resourceRole",
        "correlationSubscription",
    }
)
"""Elements of a process that only describe; they are read for drawings or not at all."""

NAMES: Mapping[str, tuple[str, str]] = {
    "task": ("未分类任务", "task of no kind"),
    "manualTask": ("手工任务", "manual task"),
    "scriptTask": ("脚本任务", "script task"),
    "serviceTask": ("服务任务", "service task"),
    "sendTask": ("发送任务", "send task"),
    "receiveTask": ("接收任务", "receive task"),
    "callActivity": ("调用活动", "call activity"),
    "subProcess": ("子流程", "sub-process"),
    "transaction": ("事务子流程", "transaction"),
    "adHocSubProcess": ("特设子流程", "ad-hoc sub-process"),
    "inclusiveGateway": ("包容网关", "inclusive gateway"),
    "complexGateway": ("复杂网关", "complex gateway"),
    "eventBasedGateway": ("事件网关", "event-based gateway"),
    "boundaryEvent": ("边界事件", "boundary event"),
    "intermediateCatchEvent": ("中间捕获事件", "intermediate catch event"),
    "intermediateThrowEvent": ("中间抛出事件", "intermediate throw event"),
    "timerEventDefinition": ("定时", "timer"),
    "messageEventDefinition": ("消息", "message"),
    "signalEventDefinition": ("信号", "signal"),
    "errorEventDefinition": ("错误", "error"),
    "escalationEventDefinition": ("升级", "escalation"),
    "conditionalEventDefinition": ("条件", "condition"),
    "compensateEventDefinition": ("补偿", "compensation"),
    "cancelEventDefinition": ("取消", "cancel"),
    "terminateEventDefinition": ("终止", "terminate"),
    "linkEventDefinition": ("链接", "link"),
    "multiInstanceLoopCharacteristics": ("多实例", "multi-instance marker"),
    "standardLoopCharacteristics": ("循环标记", "loop marker"),
}
"""Elements that are not run here, by their names."""

REMEDIES: Mapping[str, tuple[str, str]] = {
    "task": ("在建模工具中把它改为用户任务", "make it a user task"),
    "manualTask": ("改为用户任务", "make it a user task"),
    "scriptTask": (
        "删去脚本；计算放进规则，判断放进网关或决策表",
        "remove it; put calculations into rules, choices into gateways or tables",
    ),
    "serviceTask": (
        "删去；系统要做的事由事项的规则与文书完成",
        "remove it; what the system does is said by rules and templates",
    ),
    "callActivity": ("把被调用的流程画进本流程", "draw the called flow into this one"),
    "subProcess": ("展开子流程", "unfold it"),
    "inclusiveGateway": (
        "用排他网关选择，用并行网关会审",
        "choose with an exclusive gateway, review jointly with a parallel one",
    ),
    "timerEventDefinition": (
        "时限写在事项的环节中，不画在流程里",
        "time limits belong to the matter's stages, not into the flow",
    ),
    "terminateEventDefinition": (
        "改为普通结束事件，并行分支先汇合",
        "use a plain end event, and join parallel branches first",
    ),
    "multiInstanceLoopCharacteristics": (
        "会审用并行网关，各部门一个用户任务",
        "use a parallel gateway with one user task for each office",
    ),
}
ANY_REMEDY = ("删去，或用用户任务、决策表、排他网关、并行网关表达", "remove it, or say it with user tasks, decision tables, exclusive and parallel gateways")  # fmt: skip

SCRIPTED = frozenset(
    {
        "script",
        "taskListener",
        "executionListener",
        "eventListener",
        "preScript",
        "postScript",
        "connector",
        "serviceTaskOperator",
        "ioMapping",
        "inputOutput",
        "formula",
    }
)
"""Extensions by which Camunda, Flowable, Zeebe or SpiffWorkflow run code; they would silently not happen here."""
