"""Running flows act by act: gateways, joint reviews, returns, facts, and states that do not fit."""

import json
import logging
from itertools import permutations

import pytest

from kunyu.engines.matters.errors import BadFacts, FlowMismatch, FlowStopped, WrongStep
from kunyu.engines.matters.flows.model import load_flow
from kunyu.engines.matters.flows.reading import read_flow
from kunyu.engines.matters.flows.routing import Whitelist, plain_bpmn, specification
from kunyu.engines.matters.flows.running import Standing, complete, restore, start
from kunyu.engines.matters.flows.states import LIMIT_STATE, Position, pack, unpack
from kunyu.engines.matters.flows.tests.making import FACTS, FILES, LEVEL, REVIEW, flow_xml, table_xml
from kunyu.kernel.digests import sm3_hex
from kunyu.kernel.errors import Defect

pytestmark = pytest.mark.quick

JOINT = {**FACTS, "conflicts": 1}


@pytest.fixture(scope="module")
def review():
    return read_flow(REVIEW, "review", {"level.dmn": LEVEL})


def walk(flow, facts, *acts, standing=None):
    standing = standing or start(flow, facts)
    for act in acts:
        standing = complete(flow, standing, *act.split())
    return standing


def test_the_shortest_grant(review):
    standing = walk(review, FACTS, "acceptance accept", "examination agree", "verification agree", "decision grant")
    assert (standing.is_finished, standing.end, standing.waiting) == (True, "granted", ())
    assert "split" not in standing.passed and "f_alone" in standing.passed and "f_joint" not in standing.passed


@pytest.mark.parametrize(
    ("acts", "waiting", "end"),
    [
        ([], ("acceptance",), ""),
        (["acceptance reject"], (), "not_accepted"),
        (["acceptance correct"], ("acceptance",), ""),
        (["acceptance correct", "acceptance correct", "acceptance accept"], ("examination",), ""),
        (["acceptance accept", "examination return"], ("acceptance",), ""),
        (["acceptance accept", "examination agree", "verification return"], ("examination",), ""),
        (["acceptance accept", "examination agree", "verification agree", "decision refuse"], (), "refused_end"),
        (["acceptance accept", "examination agree", "verification agree", "decision return"], ("examination",), ""),
    ],
)
def test_choices_and_returns(review, acts, waiting, end):
    standing = walk(review, FACTS, *acts)
    assert (standing.waiting, standing.end, standing.is_finished) == (waiting, end, bool(end))


@pytest.mark.parametrize("order", list(permutations(["planning_review", "land_use_review"])))
@pytest.mark.parametrize(
    ("outcomes", "after"),
    [
        (("agree", "agree"), "verification"),
        (("refuse", "agree"), "examination"),
        (("agree", "return"), "examination"),
        (("refuse", "refuse"), "examination"),
    ],
)
def test_a_joint_review_ends_alike_in_every_order(review, order, outcomes, after):
    standing = walk(review, JOINT, "acceptance accept", "examination agree")
    assert standing.waiting == ("planning_review", "land_use_review")
    chosen = dict(zip(["planning_review", "land_use_review"], outcomes, strict=True))
    standing = complete(review, standing, order[0], chosen[order[0]])
    assert standing.waiting == (order[1],)
    standing = complete(review, standing, order[1], chosen[order[1]])
    assert standing.waiting == (after,)
    assert unpack(review, standing.state).facts["refused"] == sum(outcome != "agree" for outcome in outcomes)


def test_a_second_review_counts_anew(review):
    standing = walk(
        review, JOINT, "acceptance accept", "examination agree", "planning_review refuse", "land_use_review refuse",
        "examination agree", "land_use_review agree",
    )  # fmt: skip
    assert standing.waiting == ("planning_review",)
    assert complete(review, standing, "planning_review", "agree").waiting == ("verification",)


def test_a_review_asked_again_at_once_waits_for_everybody_again():
    """Arrivals of the first round must not count for the second, in whatever order people answer."""
    flow = read_flow((FILES / "signavio.bpmn").read_bytes(), "sid-process")
    for first in permutations(["land agree", "planning refuse"]):
        for second in permutations(["land agree", "planning agree"]):
            standing = walk(flow, {}, *first, second[0])
            assert standing.waiting == (second[1].split()[0],)
            assert walk(flow, {}, second[1], standing=standing).end == "agreed"


BRANCH_LOOP = """
start s
and split
task draft
task check
xor g default=g-join
task other
and join
xor h default=h-e
end e
end no
s > split
split > draft
draft > check
check > g
g > draft : outcome == 'return'
g > join
split > other
other > join
join > h
h > no : refused > 0
h > e
"""


def test_a_return_within_a_branch_counts_by_its_last_outcome():
    flow = read_flow(flow_xml(BRANCH_LOOP), "p")
    begun = walk(flow, {}, "draft agree", "check return", "draft agree", "check return", "other agree", "draft agree")
    assert begun.waiting == ("check",)
    assert complete(flow, begun, "check", "agree").end == "e"
    assert complete(flow, begun, "check", "refuse").end == "no"


def test_states_do_not_grow_with_returns(review):
    once = walk(review, JOINT, "acceptance accept", "examination agree")
    often = once
    for _ in range(60):
        often = walk(review, {}, "planning_review refuse", "land_use_review agree", "examination agree", standing=often)
    assert len(often.state) < len(once.state) + 300
    flow = read_flow(flow_xml(BRANCH_LOOP), "p")
    standing = start(flow)
    sizes = set()
    for _ in range(60):
        standing = walk(flow, {}, "draft agree", "check return", standing=standing)
        sizes.add(len(standing.state))
    assert len(sizes) <= 2 and max(sizes) < 1_000


def test_branches_of_unequal_length_and_three_ways():
    text = """
    start s
    and split
    task a
    task b
    task c1
    task c2
    and join
    end e
    s > split
    split > a
    split > b
    split > c1
    c1 > c2
    a > join
    b > join
    c2 > join
    join > e
    """
    flow = read_flow(flow_xml(text), "p")
    acts = ["a agree", "b agree", "c1 agree", "c2 agree"]
    states = set()
    for order in permutations(acts):
        if order.index("c1 agree") < order.index("c2 agree"):
            standing = walk(flow, {}, *order)
            assert (standing.is_finished, standing.end) == (True, "e")
            states.add(frozenset(standing.passed))
    assert len(states) == 1


def test_a_branch_straight_to_the_join():
    text = "start s\nand split\ntask a\nxor x\nand join\ntask b\nend e\ns > split\nsplit > a\nsplit > x\nx > join\na > join\njoin > b\nb > e"
    flow = read_flow(flow_xml(text), "p")
    standing = start(flow)
    assert standing.waiting == ("a",)
    assert walk(flow, {}, "a agree", "b agree", standing=standing).end == "e"


def test_decisions_choose_the_way(review):
    assert walk(review, {**FACTS, "takes_farmland": True}, "acceptance accept", "examination agree").waiting == (
        "planning_review",
        "land_use_review",
    )
    standing = walk(review, FACTS, "acceptance accept", "examination agree")
    assert unpack(review, standing.state).facts["level"] == "county"
    later = complete(review, walk(review, FACTS, "acceptance accept"), "examination", "agree", {"area_ha": 40})
    assert unpack(review, later.state).facts["level"] == "city"


def test_nobody_else_sets_what_a_table_answers(review):
    standing = walk(
        review, {**FACTS, "level": "county", "outcome": "grant", "refused": 9, "other": object()}, "acceptance accept"
    )
    assert set(unpack(review, standing.state).facts) == {*FACTS, "outcome", "refused"}


def test_the_first_condition_that_holds_wins_in_the_order_of_the_file():
    text = "start s\nxor g default=g-c\ntask a\ntask b\ntask c\nend e\ns > g\ng > b : x > 0\ng > a : x > 1\ng > c\na > e\nb > e\nc > e"
    flow = read_flow(flow_xml(text), "p")
    assert [start(flow, {"x": x}).waiting for x in (2, 1, 0)] == [("b",), ("b",), ("c",)]


def test_the_same_acts_give_the_same_bytes(review):
    acts = ["acceptance accept", "examination agree", "land_use_review agree"]
    one, two = walk(review, JOINT, *acts), walk(load_flow(review.serialised), dict(reversed(JOINT.items())), *acts)
    assert one == two
    assert restore(review, one.state) == one
    assert complete(review, Standing(one.state), "planning_review", "agree") == complete(
        review, two, "planning_review", "agree"
    )


# -- what stops -------------------------------------------------------------------------------------------------------


def test_a_stage_that_does_not_wait(review):
    standing = walk(review, JOINT, "acceptance accept", "examination agree")
    with pytest.raises(WrongStep) as refused:
        complete(review, standing, "decision", "grant")
    assert refused.value.detail_zh == "环节“决定”此时不在办理中；现在等待：规划会审、用途管制会审。"
    assert refused.value.context["waiting"] == ["planning_review", "land_use_review"]
    done = walk(review, FACTS, "acceptance reject")
    with pytest.raises(WrongStep, match="无（已办结）"):
        complete(review, done, "acceptance", "accept")
    half = complete(review, standing, "planning_review", "agree")
    with pytest.raises(WrongStep):
        complete(review, half, "planning_review", "agree")


def test_a_missing_fact_stops_with_its_name_and_changes_nothing(review):
    standing = walk(review, {"takes_farmland": False, "area_ha": 1}, "acceptance accept")
    with pytest.raises(FlowStopped) as stopped:
        complete(review, standing, "examination", "agree")
    assert "没有 conflicts 的值" in stopped.value.detail_zh
    assert complete(review, standing, "examination", "agree", {"conflicts": 0, "not_checked": 0}).waiting == (
        "verification",
    )


def test_no_way_open(review):
    text = "start s\ntask a\nxor g\ntask b\nend e\ns > a\na > g\ng > b : outcome == 'b'\ng > e : outcome == 'e'\nb > e"
    flow = read_flow(flow_xml(text), "p")
    with pytest.raises(FlowStopped) as stopped:
        walk(flow, {}, "a other")
    assert stopped.value.context == {"element": "g", "outcome": "other"}
    assert stopped.value.detail_zh.startswith("流程在“g”没有可走的连线（办理结果 other）。")


@pytest.mark.parametrize("outcome", ["", "A", "agree!", "__x", "a" * 41, "同意"])
def test_outcomes_are_codes(review, outcome):
    with pytest.raises(BadFacts):
        complete(review, start(review, FACTS), "acceptance", outcome)


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {"a": 1},
        [[1]],
        [{"a": 1}],
        float("nan"),
        float("inf"),
        10**16,
        "长" * 1001,
        ["a"] * 101,
        b"x",
        "a\x00b",
        1j,
    ],
)
def test_facts_are_plain_and_bounded(review, value):
    with pytest.raises(BadFacts) as refused:
        start(review, {**FACTS, "area_ha": value})
    assert refused.value.context["fact"] == "area_ha"
    start(review, {**FACTS, "not_read_by_the_flow": value})


def test_all_facts_together_are_bounded():
    names = [f"x{n}" for n in range(40)]
    text = (
        "start s\ntask a\nxor g default=g-e\nend e\nend f\ns > a\na > g\ng > f : "
        + " or ".join(f"{n}=='y'" for n in names)
        + "\ng > e"
    )
    flow = read_flow(flow_xml(text), "p")
    standing = start(flow, dict.fromkeys(names, "长" * 120))
    assert len(standing.state) < LIMIT_STATE
    with pytest.raises(BadFacts, match="16384"):
        complete(flow, standing, "a", "agree", dict.fromkeys(names, "长" * 150))


# -- states -----------------------------------------------------------------------------------------------------------


def sealed(flow, body):
    return b"kunyu-flow-state 1 " + flow.digest.encode() + b" " + sm3_hex(body).encode() + b"\n" + body


def test_a_changed_state_is_refused(review):
    state = walk(review, FACTS, "acceptance accept").state
    for changed in (
        state.replace(b"examination", b"decision"),
        state[:-1],
        state + b" ",
        b"",
        b"\x00" * 100,
        state.partition(b"\n")[2],
        state.replace(b"state 1", b"state 2"),
        state + b" " * LIMIT_STATE,
    ):
        with pytest.raises(FlowMismatch):
            complete(review, Standing(changed), "examination", "agree")


def test_a_state_of_another_flow_is_refused(review):
    other = read_flow(REVIEW.replace(b"conflicts &gt; 0", b"conflicts &gt; 1"), "review", {"level.dmn": LEVEL})
    with pytest.raises(FlowMismatch, match="另一版流程"):
        complete(other, start(review, FACTS), "acceptance", "accept")


@pytest.mark.parametrize(
    "change",
    [
        {"tasks": [["nowhere", 0, 16]]},
        {"tasks": [["examination", 1, 16]]},
        {"tasks": [["examination", -1, 16]]},
        {"tasks": [["examination", 0, 4]]},
        {"tasks": [["examination", 0]]},
        {"tasks": None},
        {"tasks": [["examination", "0", 16]]},
        {"passed": ["nowhere"]},
        {"passed": None},
        {"end": "nowhere"},
        {"surprise": 1},
    ],
)
def test_a_well_sealed_state_that_makes_no_sense_is_refused(review, change):
    body = json.loads(start(review, FACTS).state.partition(b"\n")[2])
    with pytest.raises(FlowMismatch):
        restore(review, sealed(review, json.dumps({**body, **change}).encode()))
    with pytest.raises(FlowMismatch):
        restore(review, sealed(review, b"[]"))


def test_a_state_beyond_the_limit_is_not_written(review):
    with pytest.raises(FlowMismatch, match="65536"):
        pack(review, Position(facts={"x": "a" * LIMIT_STATE}))


# -- the router -------------------------------------------------------------------------------------------------------


def test_nothing_is_ever_executed(review):
    """The script engine has no way to run code, whatever SpiffWorkflow asks of it."""
    whitelist = Whitelist(review, {})
    task = type("T", (), {"task_spec": type("S", (), {"name": "x"})})
    with pytest.raises(Defect):
        whitelist.execute(task, "import os")
    with pytest.raises(Defect):
        whitelist.call_service(task, operation_name="x")
    assert not hasattr(whitelist, "environment")


def test_the_router_gets_only_what_the_model_holds(review):
    text = [element.text for element in plain_bpmn(review).iter() if element.text]
    assert sorted(text) == sorted(way.condition for way in review.ways if way.condition)
    assert specification(review) is specification(load_flow(review.serialised))


def test_no_fact_of_a_case_reaches_a_log(review, caplog):
    with caplog.at_level(logging.DEBUG):
        walk(review, JOINT, "acceptance accept", "examination agree")
    assert not [record for record in caplog.records if record.name.startswith("spiff")]


def test_a_table_that_fails_stops_at_its_stage():
    text = "start s\ntask a\nrule r decision=level\nend e\ns > a\na > r\nr > e"
    flow = read_flow(flow_xml(text), "p", {"x.dmn": table_xml([(["> 1"], ['"a"']), (["> 2"], ['"b"'])])})
    with pytest.raises(FlowStopped, match="第 1、2 行同时适用"):
        walk(flow, {"area": 3}, "a agree")
