"""Files as Camunda Modeler, bpmn.io, Flowable and Signavio write them are read and run alike."""

import pytest

from kunyu.engines.matters.flows.drawing import draw
from kunyu.engines.matters.flows.reading import read_flow
from kunyu.engines.matters.flows.running import complete, start
from kunyu.engines.matters.flows.tests.making import FACTS, FILES, LEVEL, REVIEW, flow_xml, table_xml

pytestmark = pytest.mark.quick


def test_camunda_modeler():
    flow = read_flow(REVIEW, "review", {"level.dmn": LEVEL})
    standing = start(flow, FACTS)
    for stage, outcome in [("acceptance", "accept"), ("examination", "agree"), ("verification", "agree")]:
        standing = complete(flow, standing, stage, outcome)
    assert complete(flow, standing, "decision", "grant").end == "granted"


def test_bpmn_io():
    """Not marked executable, another prefix, an annotation."""
    data = (FILES / "bpmn_io.bpmn").read_bytes()
    flow = read_flow(data, "Process_1")
    assert complete(flow, start(flow), "acceptance", "refuse").end == "refused_end"
    assert "两种结果都送达" in draw(data)


@pytest.mark.parametrize(("farmland", "stage"), [(True, "province_decision"), (False, "county_decision")])
def test_flowable(farmland, stage):
    """No prefix, no drawing, a decision written as a service task of type dmn."""
    data = (FILES / "flowable.bpmn20.xml").read_bytes()
    flow = read_flow(data, "approval", {"level.dmn": LEVEL})
    standing = complete(flow, start(flow, {**FACTS, "takes_farmland": farmland}), "examination", "agree")
    assert standing.waiting == (stage,)
    assert complete(flow, standing, stage, "grant").end == "done"


def test_signavio():
    """Identifiers with dashes, a pool of somebody else, empty names, a loop around a joint review."""
    data = (FILES / "signavio.bpmn").read_bytes()
    flow = read_flow(data, "sid-process")
    assert {task.lane for task in flow.tasks} == {"各科室"}
    standing = start(flow)
    for outcome in ("refuse", "agree"):
        assert standing.waiting == ("planning", "land")
        standing = complete(flow, complete(flow, standing, "land", "agree"), "planning", outcome)
    assert standing.end == "agreed"


@pytest.mark.parametrize(
    "element",
    [
        '<businessRuleTask id="r" camunda:decisionRef="level"/>',
        '<businessRuleTask id="r"><extensionElements><zeebe:calledDecision decisionId="level" resultVariable="x"/>'
        "</extensionElements></businessRuleTask>",
        '<businessRuleTask id="r"><extensionElements>'
        '<calledDecisionId xmlns="http://spiffworkflow.org/bpmn/schema/1.0/core">level</calledDecisionId>'
        "</extensionElements></businessRuleTask>",
        '<serviceTask xmlns:f="http://flowable.org/bpmn" id="r" f:type="dmn"><extensionElements>'
        '<f:field name="decisionTableReferenceKey" stringValue="level"/></extensionElements></serviceTask>',
    ],
)
def test_each_products_way_of_naming_a_decision(element):
    text = "start s\nxor g default=g-b\ntask a\ntask b\nend e\ns > r\nr > g\ng > a : level == 'a'\ng > b\na > e\nb > e"
    dmn = table_xml([(["> 1"], ['"a"']), (["<= 1"], ['"b"'])])
    flow = read_flow(flow_xml(text, extra=element), "p", {"level.dmn": dmn})
    assert start(flow, {"area": 2}).waiting == ("a",)
    assert start(flow, {"area": 1}).waiting == ("b",)
