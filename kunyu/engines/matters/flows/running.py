"""Run a flow one act at a time. 流程运行.

Each call takes a state, lets SpiffWorkflow go on until people are needed again, and answers with the new state: nothing
is kept between calls, and the same acts give the same bytes. Who may act, when it is due and what state a case is in
are none of the flow's business: it says only which stages wait now.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.exceptions import WorkflowException
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from kunyu.engines.matters.errors import BadFacts, FlowStopped, WrongStep
from kunyu.engines.matters.flows.meaning import LIMIT_NUMBER
from kunyu.engines.matters.flows.model import OUTCOME, REFUSALS, REFUSED, Flow
from kunyu.engines.matters.flows.routing import Whitelist, specification
from kunyu.engines.matters.flows.states import Position, kept_tasks, pack, revive, unpack

LIMIT_TEXT, LIMIT_ITEMS, LIMIT_FACTS = 1_000, 100, 16_384
"""Characters of a text, items of a list, bytes of all facts a flow reads."""

_OUTCOME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NO_FACTS: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Standing:
    """Where a case stands in its flow. Only ``state`` is needed to go on; the rest says what it holds."""

    state: bytes
    waiting: tuple[str, ...] = ()
    """Codes of the stages that wait, in the order of the file."""
    is_finished: bool = False
    end: str = ""
    """Id of the end event that was reached."""
    passed: tuple[str, ...] = ()
    """Ids of the elements and ways gone through at least once, in order: what the drawing shows."""


def start(flow: Flow, facts: Mapping[str, Any] = _NO_FACTS) -> Standing:
    """Begin ``flow`` and go on to the first stages.

    Parameters
    ----------
    facts
        Plain JSON values by name; those the flow reads (``flow.facts``) are kept, others are not looked at.

    Raises
    ------
    BadFacts
        A fact the flow reads is no plain value, or too large.
    FlowStopped
        A gateway or table before the first stage cannot decide.
    """
    position = Position(facts=_plain_facts(flow, facts, {}))
    workflow = BpmnWorkflow(specification(flow), script_engine=Whitelist(flow, position.facts))
    return _go_on(flow, workflow, position)


def complete(
    flow: Flow, standing: Standing, task_code: str, outcome: str, facts: Mapping[str, Any] = _NO_FACTS
) -> Standing:
    """Finish the stage ``task_code`` with ``outcome`` and go on to the next ones.

    Facts given earlier stay unless given anew. On an error nothing has happened: ``standing`` is as good as before.

    Raises
    ------
    WrongStep
        The stage does not wait now.
    BadFacts, FlowStopped
        As :func:`start`.
    FlowMismatch
        The state is damaged or belongs to another flow.
    """
    if not _OUTCOME.fullmatch(outcome):
        raise BadFacts(f"办理结果 {outcome!r} 不是一个代码。", f"The outcome {outcome!r} is not a code.")
    position = unpack(flow, standing.state)
    position.facts = {**position.facts, **_plain_facts(flow, facts, position.facts), OUTCOME: outcome}
    workflow = revive(flow, position)
    task = _waiting_task(flow, workflow, task_code)
    if len(_open_tasks(workflow)) > 1:
        position.joint[task_code] = outcome
    position.facts[REFUSED] = sum(chosen in REFUSALS for chosen in position.joint.values())
    task.run()
    _note_passed(flow, task, position)
    return _go_on(flow, workflow, position)


def restore(flow: Flow, state: bytes) -> Standing:
    """What a stored state says.

    Raises
    ------
    FlowMismatch
        The state is damaged or belongs to another flow.
    """
    return _standing(flow, unpack(flow, state), bytes(state))


# -- one act ----------------------------------------------------------------------------------------------------------


def _go_on(flow: Flow, workflow: BpmnWorkflow, position: Position) -> Standing:
    """Let everything run that needs nobody, then write the state."""

    def begins(task: Task) -> None:
        node = flow.node.get(task.task_spec.name)
        if node is not None and node.kind == "parallel" and len(flow.ways_out[node.id]) > 1:
            position.joint.clear()
            position.facts[REFUSED] = 0

    def done(task: Task) -> None:
        _note_passed(flow, task, position)
        if (node := flow.node.get(task.task_spec.name)) is not None and node.kind == "end":
            position.end = node.id
        elif node is not None and node.kind == "parallel":
            _forget_arrivals(task)

    try:
        workflow.do_engine_steps(will_complete_task=begins, did_complete_task=done)
    except WorkflowException as error:
        raise _no_way(flow, str(error.task_spec.name if error.task_spec else ""), position) from None
    for task in workflow.tasks.values():
        _note_way(flow, task, position)
    position.tasks = [] if workflow.is_completed() else kept_tasks(flow, workflow)
    return _standing(flow, position, pack(flow, position))


def _forget_arrivals(join: Task) -> None:
    """Take out of the tree what a join has consumed: if the review is asked again at once, SpiffWorkflow would count
    the old arrivals for the new join and let it fire before everybody has answered."""
    for task in list(join.workflow.tasks.values()):
        if task.task_spec is join.task_spec and task.has_state(TaskState.CANCELLED):
            join.workflow._remove_task(task.id)


def _standing(flow: Flow, position: Position, state: bytes) -> Standing:
    ready = {element for element, _, task_state in position.tasks if task_state == TaskState.READY}
    waiting = tuple(task.code for task in flow.tasks if task.code in ready)
    return Standing(state, waiting, not position.tasks, position.end, tuple(position.passed))


def _open_tasks(workflow: BpmnWorkflow) -> list[Task]:
    return [task for task in workflow.tasks.values() if task.has_state(TaskState.READY | TaskState.WAITING)]


def _waiting_task(flow: Flow, workflow: BpmnWorkflow, code: str) -> Task:
    ready = {task.task_spec.name: task for task in workflow.get_tasks(state=TaskState.READY)}
    if code in ready:
        return ready[code]
    names = {task.code: task.name or task.code for task in flow.tasks}
    waiting = [name for name in names if name in ready]
    raise WrongStep(
        f"环节“{names.get(code, code)}”此时不在办理中；现在等待：{'、'.join(names[name] for name in waiting) or '无（已办结）'}。",
        f"The stage {code} does not wait now; waiting: {', '.join(waiting) or 'none, the flow has ended'}.",
        waiting=waiting,
    )


def _note_passed(flow: Flow, task: Task, position: Position) -> None:
    _note_way(flow, task, position)
    if task.task_spec.name in flow.node and task.task_spec.name not in position.passed:
        position.passed.append(task.task_spec.name)


def _note_way(flow: Flow, task: Task, position: Position) -> None:
    """The way by which a task was reached, once it has been reached."""
    if task.parent is None or task.has_state(TaskState.PREDICTED_MASK | TaskState.FUTURE):
        return
    source, target = task.parent.task_spec.name, task.task_spec.name
    for way in flow.ways_out.get(source, ()):
        if way.target == target and way.id not in position.passed:
            position.passed.append(way.id)


def _no_way(flow: Flow, gateway: str, position: Position) -> FlowStopped:
    name = flow.node[gateway].name if gateway in flow.node else gateway
    outcome = position.facts.get(OUTCOME)
    return FlowStopped(
        f"流程在“{name or gateway}”没有可走的连线（办理结果 {outcome}）。请更正数据，或由事项管理员为该网关设默认连线。",
        f"No way out of '{name or gateway}' is open (outcome {outcome}). Correct the facts, or let the matter's owner "
        "give the gateway a default way.",
        element=gateway,
        outcome=outcome,
    )


# -- facts ------------------------------------------------------------------------------------------------------------


def _plain_facts(flow: Flow, facts: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    read = {name: _plain(name, facts[name]) for name in sorted(flow.facts) if name in facts}
    size = sum(len(str(value).encode()) + len(name.encode()) for name, value in {**kept, **read}.items())
    if size > LIMIT_FACTS:
        raise BadFacts(
            f"流程所读的数据共 {size} 字节，超过 {LIMIT_FACTS} 字节。请缩短文字或列表。",
            f"The facts this flow reads have {size} bytes, more than {LIMIT_FACTS}. Shorten texts or lists.",
        )
    return read


def _plain(name: str, value: Any, depth: int = 0) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and math.isfinite(value) and abs(value) <= LIMIT_NUMBER:
        return value
    if isinstance(value, str) and len(value) <= LIMIT_TEXT and "\x00" not in value:
        return value
    if isinstance(value, (list, tuple)) and len(value) <= LIMIT_ITEMS and depth == 0:
        return [_plain(name, item, 1) for item in value]
    shown = repr(value)[:60]
    raise BadFacts(
        f"数据 {name} 的值 {shown} 不能用于流程：只能是空、是否、数（不超过 {LIMIT_NUMBER:.0e}）、不超过 {LIMIT_TEXT} 字的文字，"
        f"或不超过 {LIMIT_ITEMS} 项的列表。",
        f"The value {shown} of {name} cannot be used in a flow: null, yes or no, numbers up to {LIMIT_NUMBER:.0e}, texts of "
        f"{LIMIT_TEXT} characters, lists of {LIMIT_ITEMS} of these.",
        fact=name,
    )
