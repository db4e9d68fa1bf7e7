"""Whether a flow can be run to its end whatever people choose. 流程可行性.

Two looks at it. The drawing as a graph: can every element be reached, can every element reach an end, is a person in
every loop of choices. Then the flow as a game of tokens, played out in full: every choice of every gateway, every order in which
parallel stages may end. A marking holds at most one token per way; found are joins that wait for a way nobody takes,
stages that would be asked twice at once, ends that are reached while others still work, loops that turn by themselves, joint reviews inside joint
reviews. Flows of offices have tens of elements, so the whole game is small; one that is not is refused.

Source of the idea: soundness of workflow nets, van der Aalst 1998 (doi:10.1142/S0218126698000043).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from kunyu.engines.matters.flows.expressions import read_expression
from kunyu.engines.matters.flows.faults import Fault
from kunyu.engines.matters.flows.model import OUTCOME, REFUSED, Flow, Node

LIMIT_MARKINGS = 20_000

_Place = TypeVar("_Place")

Marking = frozenset[str]
"""Ids of the ways that hold a token."""


def find_unsound(flow: Flow) -> list[Fault]:
    """Everything that keeps ``flow`` from running to its end. The graph first: the game needs a whole one."""
    faults = [*_unreachable(flow), *_endless(flow), *_loops_without_people(flow)]
    if faults:
        return faults
    game = _play(flow)
    return game.faults or [*_turning(game), *_stuck(flow, game), *_misread_facts(flow, game)]


# -- as a graph -------------------------------------------------------------------------------------------------------


def _reach(starts: Collection[_Place], after: Callable[[_Place], Iterable[_Place]]) -> set[_Place]:
    seen, todo = set(starts), deque(starts)
    while todo:
        for other in after(todo.popleft()):
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen


def _unreachable(flow: Flow) -> Iterator[Fault]:
    starts = [node.id for node in flow.nodes if node.kind == "start"]
    reached = _reach(starts, lambda node: (way.target for way in flow.ways_out[node]))
    for node in flow.nodes:
        if node.id not in reached:
            yield Fault(
                "unreachable",
                node.id,
                f"“{_shown(node)}”从开始事件到达不了",
                f"'{_shown(node)}' cannot be reached from the start",
                "把它接入流程，或删去",
                "connect it, or remove it",
            )


def _endless(flow: Flow) -> Iterator[Fault]:
    ends = [node.id for node in flow.nodes if node.kind == "end"]
    reaching = _reach(ends, lambda node: (way.source for way in flow.ways_in[node]))
    for node in flow.nodes:
        if node.id not in reaching:
            yield Fault(
                "no_way_to_end",
                node.id,
                f"从“{_shown(node)}”到不了任何结束事件",
                f"no end can be reached from '{_shown(node)}'",
                "画出通往结束事件的连线",
                "draw a way to an end event",
            )


def _loops_without_people(flow: Flow) -> Iterator[Fault]:
    """Loops of choices and tables only; those through a joint review are found in the game, where its people count."""
    automatic = {node.id for node in flow.nodes if node.kind not in ("task", "parallel")}

    def after(node: str) -> list[str]:
        return [way.target for way in flow.ways_out[node] if way.target in automatic]

    for node in flow.nodes:
        if node.id in automatic and node.id in _reach(after(node.id), after):
            yield _loop(node)
            return  # the other elements of the loop would say the same


def _loop(node: Node) -> Fault:
    return Fault(
        "loop",
        node.id,
        f"“{_shown(node)}”在一个没有用户任务的循环里，会无休止地转",
        f"'{_shown(node)}' lies in a loop without a user task and would turn for ever",
        "让循环经过至少一个用户任务",
        "let the loop pass a user task",
    )


# -- as a game of tokens ----------------------------------------------------------------------------------------------


@dataclass
class _Game:
    """Every marking that can come about, and which follow each other."""

    before: dict[Marking, set[Marking]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    together: set[str] = field(default_factory=set)
    """Nodes that can act while another token is about: the inside of joint reviews."""
    by_itself: dict[Marking, list[tuple[Marking, Node]]] = field(default_factory=dict)
    """What follows a marking without anybody doing anything, and the node that acts."""


def _play(flow: Flow) -> _Game:
    game = _Game()
    start = next(node for node in flow.nodes if node.kind == "start")
    first = frozenset(way.id for way in flow.ways_out[start.id])
    game.before[first] = set()
    todo = deque([first])
    while todo and not game.faults:
        marking = todo.popleft()
        for node, left, made in _moves(flow, marking):
            if left:
                game.together.add(node.id)
            game.faults += _clash(node, left, made)
            following = left | made
            if following not in game.before:
                game.before[following] = set()
                todo.append(following)
            game.before[following].add(marking)
            if node.kind != "task":
                game.by_itself.setdefault(marking, []).append((following, node))
        if len(game.before) > LIMIT_MARKINGS:
            game.faults.append(_too_many())
    return game


def _moves(flow: Flow, marking: Marking) -> Iterator[tuple[Node, Marking, Marking]]:
    """The node that acts, the tokens it leaves alone, the tokens it makes."""
    for name in sorted({flow.way[way].target for way in marking}):
        node, ways_in = flow.node[name], {way.id for way in flow.ways_in[name]}
        out = frozenset(way.id for way in flow.ways_out[name])
        if node.kind == "parallel":
            if ways_in <= marking:
                yield node, marking - ways_in, out
            continue
        for way in ways_in & marking:
            for made in [frozenset({choice}) for choice in out] if node.kind == "exclusive" else [out]:
                yield node, marking - {way}, made


def _clash(node: Node, left: Marking, made: Marking) -> list[Fault]:
    if left & made:
        return [
            Fault(
                "twice",
                node.id,
                f"“{_shown(node)}”之后的环节会同时被要求两次",
                f"what follows '{_shown(node)}' would be asked twice at once",
                "并行的分支先用并行网关汇合，再往下走",
                "join parallel branches with a parallel gateway before going on",
            )
        ]
    if node.kind == "end" and left:
        return [
            Fault(
                "end_in_parallel",
                node.id,
                f"到达“{_shown(node)}”时其他分支可能还没有办完",
                f"'{_shown(node)}' may be reached while other branches still work",
                "并行的分支先用并行网关汇合，再结束",
                "join the branches with a parallel gateway before the end",
            )
        ]
    if node.kind == "parallel" and len(made) > 1 and left:
        return [
            Fault(
                "nested",
                node.id,
                f"并行网关“{_shown(node)}”在另一个会审之中，不支持",
                f"the parallel gateway '{_shown(node)}' lies inside another joint review, which is not supported",
                "把各分支并列在同一个并行网关下",
                "put all branches under one parallel gateway",
            )
        ]
    return []


def _too_many() -> Fault:
    return Fault(
        "tangled",
        "",
        f"并行分支的组合超过 {LIMIT_MARKINGS} 种，无法验证",
        f"the parallel branches combine in more than {LIMIT_MARKINGS} ways and cannot be verified",
        "减少并行分支或分支中的元素",
        "use fewer parallel branches or fewer elements in them",
    )


def _turning(game: _Game) -> Iterator[Fault]:
    """A marking that comes back without anybody doing anything."""
    done: set[Marking] = set()
    for first in game.by_itself:
        path, steps = {first}, [(first, iter(game.by_itself[first]))]
        while steps and first not in done:
            marking, following = steps[-1]
            after, node = next(following, (None, None))
            if after is None or node is None:
                steps.pop()
                path.discard(marking)
                done.add(marking)
            elif after in path:
                yield _loop(node)
                return
            elif after not in done:
                path.add(after)
                steps.append((after, iter(game.by_itself.get(after, []))))


def _stuck(flow: Flow, game: _Game) -> Iterator[Fault]:
    """Markings from which the end cannot be reached: somewhere a join waits for a way that was not taken."""
    done: Marking = frozenset()
    finishing = _reach([done], lambda marking: game.before.get(marking, ())) if done in game.before else set()
    waiting: dict[str, None] = {}
    for marking in game.before:
        if marking not in finishing:
            waiting |= dict.fromkeys(name for name in _half_joined(flow, marking))
    for name in waiting:
        yield Fault(
            "deadlock",
            name,
            f"并行网关“{_shown(flow.node[name])}”可能永远等不齐：有的连线不一定有人走到",
            f"the parallel gateway '{_shown(flow.node[name])}' may wait for ever: not every way into it is always taken",
            "只汇合由并行网关分出的分支；其余汇合用排他网关",
            "join only branches split by a parallel gateway; merge others with an exclusive one",
        )


def _half_joined(flow: Flow, marking: Marking) -> Iterator[str]:
    for name in sorted({flow.way[way].target for way in marking}):
        if flow.node[name].kind == "parallel" and not {way.id for way in flow.ways_in[name]} <= marking:
            yield name


def _misread_facts(flow: Flow, game: _Game) -> Iterator[Fault]:
    """Conditions over ``outcome`` after a join, where it is that of whoever came last; over ``refused`` before it."""
    joins = [n.id for n in flow.nodes if n.kind == "parallel" and len(flow.ways_in[n.id]) > 1]

    def after(node: str) -> list[str]:
        return [way.target for way in flow.ways_out[node] if flow.node[way.target].kind != "task"]

    after_joins = _reach(joins, after)
    for way in flow.ways:
        names = read_expression(way.condition).names if way.condition else frozenset()
        if OUTCOME in names and way.source in after_joins:
            yield Fault(
                "outcome_after_join",
                way.id,
                "会审汇合之后 outcome 只是最后一位办理人的选择",
                "after a joint review 'outcome' is only what the last person chose",
                "改用 refused（会审中否决或退回的个数），例如 refused > 0",
                "use 'refused', the count of refusals in the review, e.g. refused > 0",
            )
        if REFUSED in names and way.source in game.together:
            yield Fault(
                "refused_before_join",
                way.id,
                "会审汇合之前 refused 还没有定数",
                "before the join of the review 'refused' is not settled",
                "把这个判断放到汇合之后",
                "move this condition behind the join",
            )


def _shown(node: Node) -> str:
    return node.name or node.id
