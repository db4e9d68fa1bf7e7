"""Whole flows of cases, each step from a stored state to a stored state, against plain SpiffWorkflow.

The flow is the example of the engine's tests: 19 elements, four lanes, a decision table, a joint review of two stages;
taken straight through it is six acts of people and seven states. Both sides read the state from bytes, do one act and
write bytes, on one core, in turns round by round; nothing else is counted, no database. The peer is SpiffWorkflow as its
documentation shows it: ``SpiffBpmnParser``, its Python script engine, its own DMN engine, ``BpmnWorkflowSerializer`` to
JSON and back at every step, the same file with conditions and cells in the spelling it wants. What both sides
wait for is compared at every step first.

* ``flow.whole``: whole flows per CPU second; * ``flow.task``: p95 of one act by the wall clock; * ``flow.state``: bytes of
the largest state, also after twenty returns.

Run: ``python -m benchmarks.flow [rounds]``.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from lxml import etree

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "flow.json"
FILES = ROOT / "kunyu" / "engines" / "matters" / "flows" / "tests" / "files"
ROUNDS, SECONDS, RETURNS = 7, 1.5, 20
BAR_FLOWS, BAR_TASK_MS, BAR_STATE = 60, 30.0, 65_536
FACTS = {"area_ha": 12.5, "takes_farmland": True, "conflicts": 0, "not_checked": 0}
ACTS = (
    ("acceptance", "accept"),
    ("examination", "agree"),
    ("planning_review", "agree"),
    ("land_use_review", "agree"),
    ("verification", "agree"),
    ("decision", "grant"),
)
RETURN = (("planning_review", "refuse"), ("land_use_review", "agree"), ("examination", "agree"))
REVIEWS = ("planning_review", "land_use_review")
SPIFF = "http://spiffworkflow.org/bpmn/schema/1.0/core"

Begin = Callable[[], bytes]
Act = Callable[[bytes, str, str], tuple[bytes, tuple[str, ...]]]
Side = tuple[Begin, Act]


def main(arguments: list[str]) -> list[dict[str, Any]]:
    """Measure, print a table, write the results; answers with them."""
    rounds = int(arguments[0]) if arguments else ROUNDS
    rows = measure(rounds)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        print(f"{row['name']:<12} {row['project']:>9} {row['peer']:>9} {row['work']['unit']:<8} ratio {row['ratio']}  "
              f"bar {row['bar']}  {'met' if row['met'] else 'NOT MET'}")  # fmt: skip
    return rows


def measure(rounds: int) -> list[dict[str, Any]]:
    """Take turns with the peer and return the rows of the report."""
    sides = {"project": ours(), "peer": plain_spiff()}
    compare(sides["project"], sides["peer"])
    flows: dict[str, list[float]] = {name: [] for name in sides}
    tasks: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            rate, times = one_round(side)
            flows[name].append(rate)
            tasks[name].append(p95(times))
    sizes = {name: largest_state(side, ()) for name, side in sides.items()}
    returned = {name: largest_state(side, RETURN * RETURNS) for name, side in sides.items()}
    about = {"versions": versions(), "machine": machine()}
    work = {"elements": 19, "acts_of_people": len(ACTS), "rounds": rounds, "seconds_each": SECONDS}
    return [
        row("flow.whole", flows, 1, BAR_FLOWS, True, {**work, "unit": "flows/s", "counted": "per CPU second, one core"}, about),
        row("flow.task", tasks, 2, BAR_TASK_MS, False, {**work, "unit": "ms", "counted": "p95 of one act, wall clock"}, about),
        row("flow.state", {name: [size] for name, size in returned.items()}, 0, BAR_STATE, False,
            {"unit": "bytes", "counted": f"largest state after {RETURNS} returns", "straight_through": sizes}, about),
    ]  # fmt: skip


def row(
    name: str, figures: dict[str, list[float]], digits: int, bar: float, is_floor: bool, work: dict[str, Any], about: dict[str, Any]
) -> dict[str, Any]:  # fmt: skip
    """One line of the report: medians of the rounds, and the ratio round by round."""
    project, peer = median(figures["project"]), median(figures["peer"])
    ratio = median(a / b for a, b in zip(figures["project"], figures["peer"], strict=True))
    rounds = {f"{side}_rounds": [round(value, digits) for value in values] for side, values in figures.items()}
    return {"name": name, "work": {**work, **rounds}, "project": round(project, digits), "peer": round(peer, digits),
            "ratio": round(ratio, 3), "bar": bar, "met": project >= bar if is_floor else project <= bar, **about}  # fmt: skip


def one_round(side: Side) -> tuple[float, list[float]]:
    """Whole flows per CPU second, and seconds of every act."""
    begin, act = side
    times: list[float] = []
    count, start = 0, time.process_time()
    while (spent := time.process_time() - start) < SECONDS:
        state = begin()
        for stage, outcome in ACTS:
            begun = time.perf_counter()
            state, _ = act(state, stage, outcome)
            times.append(time.perf_counter() - begun)
        count += 1
    return count / spent, times


def p95(seconds: list[float]) -> float:
    """Milliseconds that 95 of 100 acts take at most."""
    return quantiles(seconds, n=20)[-1] * 1000


def compare(project: Side, peer: Side) -> None:
    """Both must wait for the same stages after every act, returns included."""
    states = [project[0](), peer[0]()]
    for stage, outcome in (*ACTS[:2], *RETURN, *ACTS[2:]):
        answers = [side[1](state, stage, outcome) for side, state in zip((project, peer), states, strict=True)]
        states = [state for state, _ in answers]
        if set(answers[0][1]) != set(answers[1][1]):
            raise RuntimeError(f"after {stage} {outcome} one waits for {answers[0][1]}, the other for {answers[1][1]}")


def largest_state(side: Side, returns: tuple[tuple[str, str], ...]) -> int:
    """Bytes of the largest state of one flow."""
    state = side[0]()
    sizes = [len(state)]
    for stage, outcome in (*ACTS[:2], *returns, *ACTS[2:]):
        state, _ = side[1](state, stage, outcome)
        sizes.append(len(state))
    return max(sizes)


# -- the two sides ----------------------------------------------------------------------------------------------------


def ours() -> Side:
    """The engine of cases."""
    from kunyu.engines.matters.flows.reading import read_flow
    from kunyu.engines.matters.flows.running import Standing, complete, start

    flow = read_flow((FILES / "review.bpmn").read_bytes(), "review", {"level.dmn": (FILES / "level.dmn").read_bytes()})

    def act(state: bytes, stage: str, outcome: str) -> tuple[bytes, tuple[str, ...]]:
        standing = complete(flow, Standing(state), stage, outcome)
        return standing.state, standing.waiting

    return (lambda: start(flow, FACTS).state), act


def plain_spiff() -> Side:
    """SpiffWorkflow by itself; the specification is parsed once, and serialised with every state as it does by default."""
    from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
    from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
    from SpiffWorkflow.spiff.parser.process import SpiffBpmnParser
    from SpiffWorkflow.spiff.serializer import DEFAULT_CONFIG
    from SpiffWorkflow.util.task import TaskState

    parser = SpiffBpmnParser()
    parser.add_dmn_xml(_spiff_table())
    parser.add_bpmn_xml(_spiff_flow())
    specification = parser.get_spec("review")
    serializer = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(DEFAULT_CONFIG))

    def save(workflow: BpmnWorkflow) -> bytes:
        return serializer.serialize_json(workflow).encode()

    def begin() -> bytes:
        workflow = BpmnWorkflow(specification)
        workflow.task_tree.data.update(FACTS, refused=0)
        workflow.do_engine_steps()
        return save(workflow)

    def act(state: bytes, stage: str, outcome: str) -> tuple[bytes, tuple[str, ...]]:
        workflow = serializer.deserialize_json(state.decode())
        task = next(t for t in workflow.get_tasks(state=TaskState.READY, manual=True) if t.task_spec.name == stage)
        task.data["outcome"] = outcome
        if stage in REVIEWS:
            task.data[f"refused_{stage}"] = int(outcome != "agree")
        else:  # branches inherit what they do not set: an old refusal would win at the join
            for review in REVIEWS:
                task.data.pop(f"refused_{review}", None)
        task.run()
        workflow.do_engine_steps()
        ready = workflow.get_tasks(state=TaskState.READY, manual=True)
        return save(workflow), tuple(task.task_spec.name for task in ready)

    return begin, act


def _spiff_flow() -> Any:
    """The same flow with conditions as Python and the decision named in SpiffWorkflow's own extension."""
    root = etree.fromstring((FILES / "review.bpmn").read_bytes())
    for condition in root.iter("{*}conditionExpression"):
        text = condition.text.strip().removeprefix("${").removesuffix("}")
        condition.text = text.replace("refused >", "refused_planning_review + refused_land_use_review >")
    for rule in root.iter("{*}businessRuleTask"):
        extensions = etree.Element(f"{{{etree.QName(rule).namespace}}}extensionElements")
        etree.SubElement(extensions, f"{{{SPIFF}}}calledDecisionId").text = "level"
        rule.insert(0, extensions)
    return root


def _spiff_table() -> Any:
    """The same table with cells as Python; SpiffWorkflow's UNIQUE takes the first row, as FIRST does."""
    root = etree.fromstring((FILES / "level.dmn").read_bytes())
    cells = {"true": "True", "false": "False", "[0..35]": "0 <= ? <= 35"}
    for text in root.iter("{*}text"):
        text.text = cells.get(text.text, text.text)
    next(root.iter("{*}decisionTable")).set("hitPolicy", "UNIQUE")
    return root


def versions() -> dict[str, str]:
    """What was measured with what."""
    return {"python": platform.python_version(), "SpiffWorkflow": version("SpiffWorkflow"), "lxml": version("lxml")}


def machine() -> dict[str, Any]:
    """Where it was measured."""
    return {"cpus": os.cpu_count(), "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1),
            "system": platform.platform(), "load_average": [round(one, 2) for one in os.getloadavg()]}  # fmt: skip


if __name__ == "__main__":
    sys.exit(0 if all(row["met"] for row in main(sys.argv[1:])) else 1)
