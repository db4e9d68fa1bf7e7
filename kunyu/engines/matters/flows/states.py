"""The state of a running flow, small and checked. 流程状态.

SpiffWorkflow's serializer writes the specification and every task ever run, with identifiers, times and data: tens of
kilobytes that grow with every return. What routing needs is less: which stages wait, which ways into a waiting join are
taken, and the facts that conditions read. That is written here, as a line with the digests of flow and body and a body
of canonical JSON, so the same acts always give the same bytes; the task tree is built again from it, and SpiffWorkflow
predicts the rest.

Kept of the task tree: the root, the tasks that are ready or wait, and the arrivals at joins that have not fired yet with
the element each came from. Everything else has been passed and can have no influence any more: no two joint reviews
overlap (:mod:`flows.soundness`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from kunyu.engines.matters.errors import FlowMismatch
from kunyu.engines.matters.flows.model import Flow
from kunyu.engines.matters.flows.routing import Whitelist, specification
from kunyu.kernel.digests import canonical_json, sm3_hex

LIMIT_STATE = 65_536
"""Bytes; a state of the shipped flows has about one thousand."""

_MAGIC = b"kunyu-flow-state 1"
_STATES = frozenset({TaskState.READY, TaskState.WAITING, TaskState.COMPLETED, TaskState.CANCELLED})


@dataclass
class Position:
    """What a state holds, taken apart."""

    tasks: list[list[Any]] = field(default_factory=list)
    """``[element, number of the parent, SpiffWorkflow's state]``; number 0 is the root, which is not listed."""
    facts: dict[str, Any] = field(default_factory=dict)
    joint: dict[str, str] = field(default_factory=dict)
    """Latest outcome of each stage of the joint review that runs or ran last."""
    passed: list[str] = field(default_factory=list)
    end: str = ""


def pack(flow: Flow, position: Position) -> bytes:
    """Write a state.

    Raises
    ------
    FlowMismatch
        It would be larger than :data:`LIMIT_STATE`; cannot happen with bounded facts and a bounded flow.
    """
    body = canonical_json(
        {
            "tasks": position.tasks,
            "facts": position.facts,
            "joint": position.joint,
            "passed": position.passed,
            "end": position.end,
        }
    )
    state = b" ".join([_MAGIC, flow.digest.encode(), sm3_hex(body).encode()]) + b"\n" + body
    if len(state) > LIMIT_STATE:
        raise FlowMismatch(
            f"流程状态有 {len(state)} 字节，超过 {LIMIT_STATE} 字节。请减少流程所读的数据。",
            f"The state of the flow has {len(state)} bytes, more than {LIMIT_STATE}. Let the flow read fewer facts.",
        )
    return state


def unpack(flow: Flow, state: bytes) -> Position:
    """Read a state back.

    Raises
    ------
    FlowMismatch
        It is damaged, was changed, or belongs to another flow.
    """
    head, _, body = bytes(state).partition(b"\n")
    words = head.rsplit(b" ", 2)
    if len(words) != 3 or words[0] != _MAGIC or len(state) > LIMIT_STATE:
        raise _damaged("开头不是流程状态", "it does not begin as a state does")
    if words[1].decode("ascii", "replace") != flow.digest:
        raise FlowMismatch(
            f"办件的流程状态属于另一版流程（{words[1][:12].decode('ascii', 'replace')}…，当前 {flow.digest[:12]}…）。"
            "办件须按其开始时的版本办理。",
            f"The state belongs to another edition of the flow ({words[1][:12].decode('ascii', 'replace')}…, given "
            f"{flow.digest[:12]}…). A case stays with the edition it began with.",
        )
    if words[2].decode("ascii", "replace") != sm3_hex(body):
        raise _damaged("内容与其摘要不符", "its content does not fit its digest")
    return _checked(flow, body)


def _checked(flow: Flow, body: bytes) -> Position:
    """A state written by another version of this module may fit its digest and still not this flow."""
    try:
        position = Position(**json.loads(body))
        if not isinstance(position.facts, dict) or not isinstance(position.joint, dict):
            raise ValueError("facts")
        for number, (element, parent, state) in enumerate(position.tasks, 1):
            if element not in flow.node or not 0 <= parent < number or state not in _STATES:
                raise ValueError(element)
        if not set(position.passed) <= flow.node.keys() | flow.way.keys() or position.end not in {*flow.node, ""}:
            raise ValueError(position.end)
    except (TypeError, ValueError, RecursionError) as error:
        raise _damaged(f"内容不可读（{error}）", f"its content cannot be read ({error})") from None
    return position


def _damaged(zh: str, en: str) -> FlowMismatch:
    return FlowMismatch(
        f"办件的流程状态已损坏：{zh}。请从备份恢复该办件。",
        f"The state of the flow is damaged: {en}. Restore the case from a backup.",
    )


# -- the task tree ----------------------------------------------------------------------------------------------------


def revive(flow: Flow, position: Position) -> BpmnWorkflow:
    """Build SpiffWorkflow's workflow from a state."""
    workflow = BpmnWorkflow(specification(flow), script_engine=Whitelist(flow, position.facts), deserializing=True)
    specs = workflow.spec.task_specs
    tasks = [Task(workflow, workflow.spec.start, state=TaskState.COMPLETED, id=UUID(int=0))]
    workflow.task_tree = tasks[0]
    for number, (element, parent, state) in enumerate(position.tasks, 1):
        task = Task(workflow, specs[element], tasks[parent], state=state, id=UUID(int=number))
        task.last_state_change = number  # only its order is ever asked
        tasks.append(task)
    for task in tasks[1:]:
        if task.has_state(TaskState.READY | TaskState.WAITING):
            task.task_spec._predict(task, mask=TaskState.NOT_FINISHED_MASK)
    return workflow


def kept_tasks(flow: Flow, workflow: BpmnWorkflow) -> list[list[Any]]:
    """The tasks a later step needs, as :attr:`Position.tasks`."""
    tasks = list(workflow.tasks.values())
    kept = {task.id for task in tasks if _is_open(task)}
    if len(kept) > 1:
        for task in tasks:
            if _is_arrival(flow, task):
                kept |= {task.id, task.parent.id}
    numbers = {workflow.task_tree.id: 0}
    rows: list[list[Any]] = []
    for task in workflow.get_tasks():
        if task.id in kept and task.id not in numbers:
            numbers[task.id] = len(rows) + 1
            rows.append([task.task_spec.name, _kept_ancestor(task, numbers), task.state])
    return rows


def _is_open(task: Task) -> bool:
    return task.has_state(TaskState.READY | TaskState.WAITING)


def _is_arrival(flow: Flow, task: Task) -> bool:
    """A token that has come to a join which has not fired: SpiffWorkflow lets the newest wait and cancels the others."""
    node = flow.node.get(task.task_spec.name)
    return (
        node is not None
        and node.kind == "parallel"
        and len(flow.ways_in[node.id]) > 1
        and task.has_state(TaskState.WAITING | TaskState.CANCELLED)
        and task.parent is not None
        and task.parent.has_state(TaskState.COMPLETED)
    )


def _kept_ancestor(task: Task, numbers: Mapping[UUID, int]) -> int:
    parent = task.parent
    while parent.id not in numbers:
        parent = parent.parent
    return numbers[parent.id]
