"""A BPMN 2.0 file of any modeller, taken apart. 读取 BPMN.

Only elements of the BPMN namespace count, whatever prefix the modeller gives it; extensions of products are left aside,
but one that carries code is a fault, because somebody who drew it expects it to happen. Every element that the flow
cannot go through is named in words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from kunyu.engines.matters.flows.decisions import Table
from kunyu.engines.matters.flows.elements import ANY_REMEDY, HARMLESS, MODEL, NAMES, REMEDIES, SCRIPTED, kind_of
from kunyu.engines.matters.flows.expressions import read_expression
from kunyu.engines.matters.flows.faults import Fault
from kunyu.engines.matters.flows.meaning import Forbidden
from kunyu.engines.matters.flows.model import Flow, Kind, Node, Way
from kunyu.engines.matters.flows.tables import unknown_decision
from kunyu.engines.matters.flows.xml import local_name, namespace

LIMIT_ELEMENTS, LIMIT_ID, LIMIT_NAME = 300, 60, 200


def find_process(root: Any, process: str) -> tuple[Any | None, list[Fault]]:
    """The process element of this id."""
    if local_name(root) != "definitions" or namespace(root) != MODEL:
        return None, [Fault("bpmn", "", f"不是 BPMN 2.0 文件（根元素 {root.tag}）", f"not a BPMN 2.0 file (its root is {root.tag})",
                            "在建模工具中导出为 BPMN 2.0", "export it as BPMN 2.0")]  # fmt: skip
    processes = {element.get("id", ""): element for element in root.findall(f"{{{MODEL}}}process")}
    if process in processes:
        return processes[process], []
    known = "、".join(processes) or "无"
    return None, [Fault("process", process, f"文件中没有流程 {process}（已有：{known}）",
                        f"the file has no process {process} (there are: {', '.join(processes) or 'none'})",
                        "改正事项中的流程标识，或流程的 id", "correct the matter's process, or the id in the file")]  # fmt: skip


def read_process(element: Any, tables: Mapping[str, Table]) -> tuple[Flow, list[Fault]]:
    """Read a process; the flow is whole only if there are no faults."""
    reader = _ProcessReader(element, tables)
    return reader.read(), reader.faults


class _ProcessReader:
    def __init__(self, element: Any, tables: Mapping[str, Table]) -> None:
        self.element = element
        self.tables = tables
        self.faults: list[Fault] = []

    def fault(self, code: str, element: str, zh: str, en: str, remedy_zh: str, remedy_en: str) -> None:
        self.faults.append(Fault(code, element, zh, en, remedy_zh, remedy_en))

    def read(self) -> Flow:
        lanes = _lanes(self.element)
        nodes = [self._node(child, kind, lanes) for child in self._elements() if (kind := kind_of(child))]
        ways = [self._way(child) for child in self._elements() if local_name(child) == "sequenceFlow"]
        for child in self._elements():
            if kind_of(child) is None and local_name(child) not in HARMLESS:
                self._unsupported(child, local_name(child))
        flow = Flow(
            process=self.element.get("id", ""),
            name=self.element.get("name") or self.element.get("id", ""),
            nodes=tuple(nodes),
            ways=tuple(ways),
            tables={node.decision: self.tables[node.decision] for node in nodes if node.decision in self.tables},
        )
        self._check_ids(flow)
        if not self.faults:
            self._check_ends(flow)
            self._check_ways(flow)
        return flow

    def _elements(self) -> Iterator[Any]:
        for child in self.element:
            if namespace(child) == MODEL:
                yield child

    # -- one element --------------------------------------------------------------------------------------------------

    def _node(self, element: Any, kind: Kind, lanes: Mapping[str, str]) -> Node:
        name = element.get("id", "")
        self._check_inside(element)
        decision = ""
        if kind == "decision":
            decision = _decision_of(element)
            if decision not in self.tables:
                self.faults.append(unknown_decision(name, decision, self.tables))
        label = " ".join((element.get("name") or "").split())[:LIMIT_NAME]
        return Node(name, kind, label, lanes.get(name, ""), element.get("default", ""), decision)

    def _check_inside(self, element: Any) -> None:
        """Markers, event definitions and code inside an element."""
        for inner in element.iterdescendants():
            what = local_name(inner)
            if namespace(inner) == MODEL and what in NAMES:
                self._unsupported(element, what)
            elif what in SCRIPTED:
                self.fault("script", element.get("id", ""), f"带有会执行代码的扩展 {what}",
                           f"it carries the extension {what}, which runs code",
                           "删去该扩展；这里只按连线与条件办理", "remove it; only ways and conditions are run here")  # fmt: skip

    def _unsupported(self, element: Any, what: str) -> None:
        zh, en = NAMES.get(what, (what, what))
        name = element.get("name") or ""
        self.fault("unsupported", element.get("id", ""), f"不支持{zh}{f'“{name}”' if name else ''}",
                   f"{en}{f' ({name})' if name else ''} is not supported", *REMEDIES.get(what, ANY_REMEDY))  # fmt: skip

    def _way(self, element: Any) -> Way:
        name, condition = element.get("id", ""), ""
        found = element.find(f"{{{MODEL}}}conditionExpression")
        if found is not None:
            if any(local == "resource" for local in map(_local_attribute, found.attrib)):
                self.fault("expression", name, "条件引用外部脚本", "its condition refers to a script elsewhere",
                           "把条件直接写在连线上", "write the condition on the way itself")  # fmt: skip
            condition = self._condition(name, found.text or "")
        return Way(name, element.get("sourceRef", ""), element.get("targetRef", ""),
                   " ".join((element.get("name") or "").split())[:LIMIT_NAME], condition)  # fmt: skip

    def _condition(self, way: str, text: str) -> str:
        try:
            return read_expression(text).text
        except Forbidden as stop:
            shown = " ".join(text.split())[:80]
            self.fault("expression", way, f"条件“{shown}”：{stop.zh}", f"condition '{shown}': {stop.en}",
                       "只用名称、值、比较、and or not、in、四则运算和 min max len abs",
                       "use names, values, comparisons, and or not, in, + - * /, and min max len abs")  # fmt: skip
            return ""

    # -- all of them together -----------------------------------------------------------------------------------------

    def _check_ids(self, flow: Flow) -> None:
        ids = [*(node.id for node in flow.nodes), *(way.id for way in flow.ways)]
        for name, count in Counter(ids).items():
            if count > 1:
                self.fault("id", name, f"有 {count} 个元素用同一个 id", f"{count} elements share this id",
                           "每个元素一个 id", "give each its own")  # fmt: skip
            if not 0 < len(name) <= LIMIT_ID:
                self.fault("id", name[:LIMIT_ID], f"id 的长度是 {len(name)}", f"its id has {len(name)} characters",
                           f"id 应为 1 至 {LIMIT_ID} 个字符", f"1 to {LIMIT_ID} are allowed")  # fmt: skip
        if len(ids) > LIMIT_ELEMENTS:
            self.fault("size", "", f"流程有 {len(ids)} 个元素", f"the flow has {len(ids)} elements",
                       f"不超过 {LIMIT_ELEMENTS} 个", f"at most {LIMIT_ELEMENTS} are allowed")  # fmt: skip
        for way in flow.ways:
            for end in (way.source, way.target):
                if end not in flow.node and not self._is_named(end):
                    self.fault("way", way.id, f"连线指向不存在的元素 {end or '（空）'}",
                               f"the way names an element {end or '(none)'} that is not there",
                               "重新连接", "connect it again")  # fmt: skip

    def _is_named(self, element: str) -> bool:
        """An unsupported element has been named already; its ways need no fault of their own."""
        return any(fault.element == element for fault in self.faults)

    def _check_ends(self, flow: Flow) -> None:
        starts = [node.id for node in flow.nodes if node.kind == "start"]
        if len(starts) != 1:
            self.fault("start", starts[1] if starts else "", f"有 {len(starts)} 个开始事件",
                       f"the flow has {len(starts)} start events", "只留一个开始事件", "keep exactly one")  # fmt: skip
        if not any(node.kind == "end" for node in flow.nodes):
            self.fault("end", "", "没有结束事件", "the flow has no end event", "画一个结束事件", "draw an end event")

    def _check_ways(self, flow: Flow) -> None:
        for node in flow.nodes:
            ways_in, out = flow.ways_in[node.id], flow.ways_out[node.id]
            if node.kind == "start" and ways_in:
                self.fault("way", node.id, "有连线进入开始事件", "a way leads into the start event",
                           "连到第一个环节", "lead it to the first stage")  # fmt: skip
            if node.kind == "end" and out:
                self.fault("way", node.id, "有连线离开结束事件", "a way leaves the end event", "删去", "remove it")
            if node.kind in ("start", "task", "decision") and len(out) > 1:
                self.fault("way", node.id, f"有 {len(out)} 条连线离开，含义不明", f"{len(out)} ways leave it, which says nothing",
                           "先接一个排他网关（选择）或并行网关（会审）",
                           "put an exclusive gateway (a choice) or a parallel one (a joint review) behind it")  # fmt: skip
            if node.kind == "exclusive":
                self._check_choice(node, out)
                continue
            for way in out:
                if way.condition:
                    self.fault("condition", way.id, "条件只能写在离开排他网关的连线上",
                               "only ways out of an exclusive gateway may have a condition",
                               "删去条件，或插入排他网关", "remove it, or put an exclusive gateway in")  # fmt: skip

    def _check_choice(self, node: Node, out: tuple[Way, ...]) -> None:
        if node.default and node.default not in {way.id for way in out}:
            self.fault("default", node.id, f"默认连线 {node.default} 不从这里离开", f"its default way {node.default} does not leave it",
                       "重新指定默认连线", "choose the default way again")  # fmt: skip
        for way in out:
            if way.id == node.default and way.condition:
                self.fault("default", way.id, "默认连线上写了条件，不会被判断", "the default way has a condition that is never asked",
                           "删去条件，或取消默认", "remove the condition, or the default mark")  # fmt: skip
            if way.id != node.default and not way.condition and len(out) > 1:
                self.fault("condition", way.id, f"排他网关“{node.name or node.id}”的这条连线没有条件，也不是默认连线",
                           f"this way out of the gateway '{node.name or node.id}' has no condition and is not its default",
                           "写上条件，或设为默认连线", "give it a condition, or make it the default")  # fmt: skip


def _lanes(process: Any) -> dict[str, str]:
    """Name of the innermost lane of each element."""
    found: dict[str, str] = {}
    for lane in process.iter(f"{{{MODEL}}}lane"):
        for reference in lane.findall(f"{{{MODEL}}}flowNodeRef"):
            found[(reference.text or "").strip()] = " ".join((lane.get("name") or "").split())[:LIMIT_NAME]
    return found


def _decision_of(element: Any) -> str:
    """Id of the decision a business rule task names: Camunda and Zeebe, Flowable, SpiffWorkflow each in their own way."""
    for name, value in element.attrib.items():
        if _local_attribute(name) in (
            "decisionRef",
            "calledDecisionId",
            "decisionTableReferenceKey",
            "implementationRef",
        ):
            return str(value).strip()
    for inner in element.iterdescendants():
        local = local_name(inner)
        if local == "calledDecision":
            return str(inner.get("decisionId", "")).strip()
        if local == "calledDecisionId":
            return (inner.text or "").strip()
        if local == "field" and inner.get("name") in ("decisionTableReferenceKey", "decisionServiceReferenceKey"):
            return str(inner.get("stringValue") or "".join(inner.itertext())).strip()
    return ""


def _local_attribute(name: str) -> str:
    return str(name).rsplit("}", 1)[-1]
