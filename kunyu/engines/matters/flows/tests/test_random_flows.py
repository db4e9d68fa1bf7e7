"""Random small flows: whatever was found sound runs to its end, and as a game of tokens says. 随机流程.

The tokens are played here by a few lines of their own, so that SpiffWorkflow, the pruning of states and the check of
soundness are compared with something that shares nothing with them but the drawing.
"""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kunyu.engines.matters.errors import BadFlow
from kunyu.engines.matters.flows.reading import read_flow
from kunyu.engines.matters.flows.running import complete, restore, start
from kunyu.engines.matters.flows.states import LIMIT_STATE
from kunyu.engines.matters.flows.tests.making import flow_xml

pytestmark = pytest.mark.quick


class Builder:
    """Blocks put into each other: stages, choices, joint reviews, loops back. Always sound by construction."""

    def __init__(self, choose: random.Random) -> None:
        self.choose, self.lines, self.count = choose, [], 0

    def new(self, kind: str, more: str = "") -> str:
        self.count += 1
        name = f"{kind}{self.count}"
        self.lines.append(f"{kind} {name} {more}".strip())
        return name

    def way(self, source: str, target: str, condition: str = "") -> None:
        self.lines.append(f"{source} > {target}" + (f" : {condition}" if condition else ""))

    def block(self, depth: int, in_parallel: bool) -> tuple[str, str]:
        kinds = (
            ["task", "task"]
            + (["chain", "choice", "loop"] if depth else [])
            + (["joint"] if depth and not in_parallel else [])
        )
        kind = self.choose.choice(kinds)
        return getattr(self, kind)(depth - 1, in_parallel) if kind != "task" else self.stage()

    def stage(self) -> tuple[str, str]:
        name = self.new("task")
        return name, name

    def chain(self, depth: int, in_parallel: bool) -> tuple[str, str]:
        first, second = self.block(depth, in_parallel), self.block(depth, in_parallel)
        self.way(first[1], second[0])
        return first[0], second[1]

    def choice(self, depth: int, in_parallel: bool) -> tuple[str, str]:
        ask, merge = self.stage()[0], self.new("xor")
        one, two = self.block(depth, in_parallel), self.block(depth, in_parallel)
        self.count += 1
        gateway = f"xor{self.count}"
        self.lines.append(f"xor {gateway} default={gateway}-{two[0]}")
        self.way(ask, gateway)
        self.way(gateway, one[0], "outcome == 'agree'")
        self.way(gateway, two[0])
        self.way(one[1], merge)
        self.way(two[1], merge)
        return ask, merge

    def loop(self, depth: int, in_parallel: bool) -> tuple[str, str]:
        inner, check, out = self.block(depth, in_parallel), self.stage()[0], self.new("xor")
        self.count += 1
        gateway, entry = f"xor{self.count}", self.new("xor")
        self.lines.append(f"xor {gateway} default={gateway}-{out}")
        self.way(entry, inner[0])
        self.way(inner[1], check)
        self.way(check, gateway)
        self.way(gateway, entry, "outcome == 'return'")
        self.way(gateway, out)
        return entry, out

    def joint(self, depth: int, in_parallel: bool) -> tuple[str, str]:
        split, join = self.new("and"), self.new("and")
        straight = self.choose.random() < 0.2
        for number in range(self.choose.randint(2, 3)):
            passing = self.new("xor") if straight and number else ""
            branch = (passing, passing) if passing else self.block(depth, True)
            self.way(split, branch[0])
            self.way(branch[1], join)
        if self.choose.random() < 0.5:
            return split, join
        self.count += 1
        gateway, entry, out = f"xor{self.count}", self.new("xor"), self.new("xor")  # asked again at once
        self.lines.append(f"xor {gateway} default={gateway}-{out}")
        for source, target, condition in [
            (entry, split, ""),
            (join, gateway, ""),
            (gateway, entry, "refused > 0"),
            (gateway, out, ""),
        ]:
            self.way(source, target, condition)
        return entry, out


def a_flow(choose: random.Random) -> str:
    builder = Builder(choose)
    builder.lines += ["start s", "end e"]
    first, last = builder.block(4, False)
    builder.way("s", first)
    builder.way(last, "e")
    return "\n".join(builder.lines)


class Tokens:
    """The game of tokens on the lines of a flow."""

    def __init__(self, text: str) -> None:
        self.kind = {line.split()[1]: line.split()[0] for line in text.splitlines() if " > " not in line}
        self.default = {
            line.split()[1]: line.split("default=")[1].split("-")[1] for line in text.splitlines() if "default=" in line
        }
        ways = [line.partition(" : ") for line in text.splitlines() if " > " in line]
        self.ways = [(*way.split(" > "), condition) for way, _, condition in ways]
        self.held: list[tuple[str, str]] = []
        self.joint: dict[str, str] = {}
        self.ended = False
        self.send("s", "")

    def send(self, source: str, outcome: str) -> None:
        out = [(a, b, c) for a, b, c in self.ways if a == source]
        if self.kind[source] == "xor" and len(out) > 1:
            chosen = [way for way in out if way[2] and self.holds(way[2], outcome)][:1]
            out = chosen or [way for way in out if way[1] == self.default[source]]
        if self.kind[source] == "and" and len(out) > 1:
            self.joint.clear()
        for a, b, _ in out:
            self.held.append((a, b))
        self.settle(outcome)

    def holds(self, condition: str, outcome: str) -> bool:
        if condition == "refused > 0":
            return "return" in self.joint.values()
        return condition.split("'")[1] == outcome

    def settle(self, outcome: str) -> None:
        for place in list(self.held):
            target = place[1]
            into = [(a, b) for a, b, _ in self.ways if b == target]
            if place not in self.held or self.kind[target] == "task":
                continue
            if self.kind[target] == "and":
                if not all(way in self.held for way in into):
                    continue
                for way in into:
                    self.held.remove(way)
            else:
                self.held.remove(place)
            if self.kind[target] == "end":
                self.ended = True
            else:
                self.send(target, outcome)

    def waiting(self) -> set[str]:
        return {b for _, b in self.held if self.kind[b] == "task"}

    def complete(self, task: str, outcome: str) -> None:
        if len(self.held) > 1:
            self.joint[task] = outcome
        self.held.remove(next(place for place in self.held if place[1] == task))
        self.send(task, outcome)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_random_flows_run_as_the_tokens_say(seed):
    choose = random.Random(seed)
    text = a_flow(choose)
    flow = read_flow(flow_xml(text), "p")
    tokens, standing = Tokens(text), start(flow)
    declared = {task.code for task in flow.tasks}
    for step in range(200):
        assert set(standing.waiting) == tokens.waiting() <= declared, text
        assert standing.is_finished is tokens.ended
        assert restore(flow, standing.state) == standing and len(standing.state) < LIMIT_STATE
        if standing.is_finished:
            break
        stage = choose.choice(standing.waiting)
        outcome = choose.choice(["agree", "return"] if step < 40 else ["agree"])
        standing = complete(flow, standing, stage, outcome)
        tokens.complete(stage, outcome)
    assert standing.end == "e"


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_flows_drawn_wrong_are_refused_or_still_run_to_an_end(seed):
    """A sound flow with one end of a way moved: never an error of the program, never a flow that stands still."""
    choose = random.Random(seed)
    lines = a_flow(choose).splitlines()
    names = [line.split()[1] for line in lines if " > " not in line]
    number = choose.choice([n for n, line in enumerate(lines) if " > " in line])
    source, rest = lines[number].split(" > ", 1)
    if f"{source}-{rest.partition(' : ')[0]}" in "\n".join(lines):  # the default way keeps its name
        return
    lines[number] = f"{source} > {choose.choice(names)}" + rest.partition(" : ")[1] + rest.partition(" : ")[2]
    try:
        flow = read_flow(flow_xml("\n".join(lines)), "p")
    except BadFlow as refused:
        assert refused.context["faults"]
        return
    standing = start(flow)
    for step in range(300):
        if standing.is_finished:
            break
        standing = complete(
            flow, standing, choose.choice(standing.waiting), choose.choice(["agree", "return"]) if step % 3 else "agree"
        )
    assert standing.is_finished or standing.waiting
