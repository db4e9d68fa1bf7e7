"""Read a flow and say everything that is wrong with it. 读取与校验流程.

A flow that :func:`read_flow` returns can be run to an end by SpiffWorkflow whatever people choose: what could go wrong
later are facts, not the drawing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from kunyu.engines.matters.errors import BadFlow
from kunyu.engines.matters.flows.bpmn import find_process, read_process
from kunyu.engines.matters.flows.decisions import Table
from kunyu.engines.matters.flows.faults import Fault, refuse
from kunyu.engines.matters.flows.model import Flow, FlowTask, load_flow
from kunyu.engines.matters.flows.outcomes import dead_outcomes
from kunyu.engines.matters.flows.soundness import find_unsound
from kunyu.engines.matters.flows.tables import find_tables
from kunyu.engines.matters.flows.xml import open_xml

__all__ = ["Fault", "Flow", "FlowTask", "find_faults", "load_flow", "read_flow", "require_stages"]

_NO_DECISIONS: Mapping[str, bytes] = {}


def read_flow(xml: bytes, process: str, decisions: Mapping[str, bytes] = _NO_DECISIONS) -> Flow:
    """Read the process of this id; the same bytes are read once.

    Parameters
    ----------
    xml
        A BPMN 2.0 file, UTF-8, of any modeller.
    process
        Id of the process in it.
    decisions
        DMN files by file name; business rule tasks name the decisions in them by id.

    Raises
    ------
    BadFlow
        ``context["faults"]`` holds all of them: code, element, sentences, remedies.
    """
    return _read(bytes(xml), process, tuple(sorted((name, bytes(dmn)) for name, dmn in decisions.items())))


def find_faults(xml: bytes, process: str, decisions: Mapping[str, bytes] = _NO_DECISIONS) -> list[dict[str, str]]:
    """All faults as JSON-ready values, for a page that shows them beside the drawing; empty: the flow is sound."""
    try:
        read_flow(xml, process, decisions)
    except BadFlow as error:
        return list(error.context["faults"])
    return []


def require_stages(flow: Flow, stages: Mapping[str, Iterable[str]] | Iterable[str]) -> None:
    """Refuse a flow whose user tasks are not exactly the stages of its matter.

    Parameters
    ----------
    stages
        Codes of the stages; with a mapping, the outcomes of each: an outcome no gateway has a way for is a fault.
    """
    codes, drawn = list(stages), [task.code for task in flow.tasks]
    faults = [_no_task(code) for code in codes if code not in drawn]
    faults += [_no_stage(task) for task in flow.tasks if task.code not in codes]
    if isinstance(stages, Mapping) and not faults:
        faults = list(dead_outcomes(flow, stages))
    if faults:
        refuse(*faults)


@lru_cache(maxsize=128)
def _read(xml: bytes, process: str, decisions: tuple[tuple[str, bytes], ...]) -> Flow:
    root = open_xml(xml)
    tables, faults = _all_tables(decisions)
    element, missing = find_process(root, process)
    if element is None:
        refuse(*missing, *faults)
    flow, wrong = read_process(element, tables)
    faults += wrong
    if not faults:
        faults = find_unsound(flow)
    if faults:
        refuse(*faults)
    return flow


def _all_tables(decisions: tuple[tuple[str, bytes], ...]) -> tuple[dict[str, Table], list[Fault]]:
    tables: dict[str, Table] = {}
    faults: list[Fault] = []
    for name, dmn in decisions:
        found, wrong = find_tables(dmn)
        faults += wrong
        for code in found.keys() & tables.keys():
            faults.append(Fault("decision", code, f"决策 {code} 在 {name} 与另一个文件中都有",
                                f"decision {code} stands in {name} and in another file",
                                "只留一个", "keep one of them"))  # fmt: skip
        tables |= found
    return tables, faults


def _no_task(code: str) -> Fault:
    return Fault("stage", code, f"事项的环节 {code} 在流程中没有用户任务", f"the flow has no user task for the stage {code}",
                 "画上该用户任务（id 与环节代码相同），或从事项中删去该环节",
                 "draw that user task (its id is the stage's code), or remove the stage from the matter")  # fmt: skip


def _no_stage(task: FlowTask) -> Fault:
    return Fault("stage", task.code, f"用户任务“{task.name or task.code}”不是事项的环节",
                 f"the user task '{task.name or task.code}' is no stage of the matter",
                 "在事项中加上该环节，或把任务的 id 改为环节代码",
                 "add the stage to the matter, or give the task the id of a stage")  # fmt: skip
