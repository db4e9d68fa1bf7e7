"""Flow files that are wrong, each in its own way, and what their owners are told."""

import pytest

from kunyu.engines.matters.errors import BadFlow
from kunyu.engines.matters.flows.reading import find_faults, load_flow, read_flow, require_stages
from kunyu.engines.matters.flows.tests.making import LEVEL, REVIEW, flow_xml, table_xml

pytestmark = pytest.mark.quick

SOUND = """
start s
task a name=受理
xor g default=g-e
end e
s > a
a > g
g > a : outcome == 'return'
g > e
"""


def faults_of(text, extra="", decisions=None):
    return find_faults(flow_xml(text, extra=extra), "p", decisions or {})


def codes(faults):
    return {(fault["code"], fault["element"]) for fault in faults}


def test_a_sound_flow():
    flow = read_flow(flow_xml(SOUND), "p")
    assert [task.code for task in flow.tasks] == ["a"]
    assert flow.facts == frozenset()
    assert load_flow(flow.serialised) == flow
    assert len(flow.digest) == 64


def test_the_example_is_sound():
    flow = read_flow(REVIEW, "review", {"level.dmn": LEVEL})
    assert [(task.code, task.lane) for task in flow.tasks] == [
        ("acceptance", "窗口受理"),
        ("examination", "承办审查"),
        ("planning_review", "会审复核"),
        ("land_use_review", "会审复核"),
        ("verification", "会审复核"),
        ("decision", "决定"),
    ]
    assert flow.facts == {"area_ha", "takes_farmland", "conflicts", "not_checked"}
    assert flow.results == {"level", "needs_joint_review"}


def test_the_digest_is_of_the_meaning_not_of_the_drawing():
    flow = read_flow(REVIEW, "review", {"level.dmn": LEVEL})
    moved = REVIEW.replace(b'x="280" y="100"', b'x="285" y="90"').replace(
        b"\n    <bpmn:userTask", b"\n\n    <bpmn:userTask"
    )
    assert moved != REVIEW
    assert read_flow(moved, "review", {"level.dmn": LEVEL}).digest == flow.digest
    changed = REVIEW.replace(b"conflicts &gt; 0", b"conflicts &gt; 1")
    assert read_flow(changed, "review", {"level.dmn": LEVEL}).digest != flow.digest
    table = LEVEL.replace(b"&gt; 35", b"&gt; 30").replace(b"[0..35]", b"[0..30]")
    assert read_flow(REVIEW, "review", {"level.dmn": table}).digest != flow.digest


@pytest.mark.parametrize(
    ("text", "code", "element"),
    [
        (SOUND.replace("start s\n", "start s\nstart s2\n") + "s2 > a", "start", "s2"),
        (SOUND.replace("start s\n", "").replace("s > a\n", ""), "start", ""),
        (SOUND.replace("end e\n", "").replace("g > e\n", "").replace("default=g-e", "default=g-a").replace(" : outcome == 'return'", ""), "end", ""),
        (SOUND + "task lost\nlost > e", "unreachable", "lost"),
        (SOUND.replace("g > e", "g > e\ng > x : outcome == 'x'") + "task x\n", "no_way_to_end", "x"),
        (SOUND.replace("g > e", "g > e : outcome == 'ok'").replace("default=g-e", "default=g-a"), "default", "g-a"),
        (SOUND.replace("default=g-e", ""), "condition", "g-e"),
        (SOUND.replace("default=g-e", "default=nowhere"), "default", "g"),
        (SOUND.replace("s > a", "s > a : true"), "condition", "s-a"),
        (SOUND + "a > e", "way", "a"),
        (SOUND + "e > a", "way", "e"),
        (SOUND + "a > s", "way", "a"),
        (SOUND + "a > ghost", "way", "a-ghost"),
        (SOUND + "end e", "id", "e"),
        (SOUND.replace("outcome == 'return'", "outcome.strip() == 'return'"), "expression", "g-a"),
        (SOUND.replace("g > a", "rule r decision=nothing\ng > r : outcome == 'r'\nr > a\ng > a"), "decision", "r"),
        (SOUND.replace("end e", "end " + "e" * 61).replace("g > e", "g > " + "e" * 61), "id", "e" * 60),
    ],
)  # fmt: skip
def test_faults_of_elements(text, code, element):
    faults = faults_of(text)
    assert (code, element) in codes(faults), faults
    for fault in faults:
        assert all(fault[name] for name in ("zh", "en", "remedy_zh", "remedy_en"))


def test_an_element_without_an_id():
    assert codes(faults_of(SOUND, extra="<userTask/>")) == {("id", "")}


def test_a_loop_without_a_person():
    faults = faults_of(
        """
        start s
        task a
        xor g default=g-h
        xor h default=h-e
        end e
        s > a
        a > g
        g > h
        h > g : conflicts > 0
        h > e
        """
    )
    assert codes(faults) == {("loop", "g")}
    assert faults[0]["zh"] == "“g”在一个没有用户任务的循环里，会无休止地转"


def test_a_loop_around_a_joint_review_needs_a_person_in_one_of_its_branches():
    text = """
    start s
    xor m
    and split
    task a
    xor x
    and join
    xor g default=g-e
    end e
    s > m
    m > split
    split > a
    split > x
    a > join
    x > join
    join > g
    g > m : refused > 0
    g > e
    """
    assert faults_of(text) == []
    nobody = text.replace("task a", "xor a").replace("s > m", "task t\n s > t\n t > m")
    assert {code for code, _ in codes(faults_of(nobody))} == {"loop"}


@pytest.mark.parametrize(
    ("element", "zh"),
    [
        ("<scriptTask id='x' name='算'><script>import os</script></scriptTask>", "不支持脚本任务“算”"),
        ("<serviceTask id='x'/>", "不支持服务任务"),
        ("<callActivity id='x' calledElement='other'/>", "不支持调用活动"),
        ("<subProcess id='x'/>", "不支持子流程"),
        ("<sendTask id='x'/>", "不支持发送任务"),
        ("<receiveTask id='x'/>", "不支持接收任务"),
        ("<manualTask id='x'/>", "不支持手工任务"),
        ("<task id='x'/>", "不支持未分类任务"),
        ("<inclusiveGateway id='x'/>", "不支持包容网关"),
        ("<eventBasedGateway id='x'/>", "不支持事件网关"),
        ("<complexGateway id='x'/>", "不支持复杂网关"),
        ("<boundaryEvent id='x' attachedToRef='a'><timerEventDefinition/></boundaryEvent>", "不支持边界事件"),
        ("<intermediateCatchEvent id='x'><timerEventDefinition/></intermediateCatchEvent>", "不支持中间捕获事件"),
        ("<intermediateThrowEvent id='x'/>", "不支持中间抛出事件"),
        ("<endEvent id='x'><terminateEventDefinition/></endEvent>", "不支持终止"),
        ("<endEvent id='x'><errorEventDefinition/></endEvent>", "不支持错误"),
        ("<startEvent id='x'><messageEventDefinition/></startEvent>", "不支持消息"),
        ("<startEvent id='x'><timerEventDefinition/></startEvent>", "不支持定时"),
        ("<userTask id='x'><multiInstanceLoopCharacteristics/></userTask>", "不支持多实例"),
        ("<userTask id='x'><standardLoopCharacteristics/></userTask>", "不支持循环标记"),
        ("<choreographyTask id='x'/>", "不支持choreographyTask"),
    ],
)
def test_elements_that_are_not_run_are_named(element, zh):
    faults = faults_of(SOUND, extra=element)
    assert [fault["zh"] for fault in faults if fault["element"] == "x"][:1] == [zh]


@pytest.mark.parametrize(
    "inner",
    [
        '<camunda:taskListener event="create"><camunda:script scriptFormat="groovy">1</camunda:script></camunda:taskListener>',
        '<camunda:executionListener class="evil.Class" event="start"/>',
        "<camunda:connector/>",
        '<zeebe:ioMapping><zeebe:input source="= 1" target="x"/></zeebe:ioMapping>',
        '<x:preScript xmlns:x="http://spiffworkflow.org/bpmn/schema/1.0/core">import os</x:preScript>',
    ],
)
def test_extensions_that_carry_code_are_faults(inner):
    element = f"<userTask id='x'><extensionElements>{inner}</extensionElements></userTask>"
    assert ("script", "x") in codes(faults_of(SOUND, extra=element))


def test_a_condition_elsewhere_is_a_fault():
    way = (
        '<sequenceFlow id="far" sourceRef="g" targetRef="e">'
        '<conditionExpression camunda:resource="deployment://x.groovy" language="groovy"/></sequenceFlow>'
    )
    assert ("expression", "far") in codes(faults_of(SOUND, extra=way))


PARALLEL = """
start s
and split
task a
task b
and join
xor g default=g-e
end e
s > split
split > a
split > b
a > join
b > join
join > g
g > e
"""


@pytest.mark.parametrize(
    ("text", "code", "element"),
    [
        (PARALLEL.replace("and join", "xor join"), "twice", "join"),
        (PARALLEL.replace("and split", "xor split default=split-a").replace("split > b", "split > b : conflicts > 0"), "deadlock", "join"),
        (PARALLEL.replace("b > join", "b > e2") + "end e2", "end_in_parallel", "e2"),
        (PARALLEL.replace("a > join", "a > h\nxor h default=h-join\nh > join\nh > e2 : outcome == 'x'\nend e2"), "end_in_parallel", "e2"),
        (PARALLEL.replace("a > join", "a > s2\nand s2\ntask c\ntask d\nand j2\ns2 > c\ns2 > d\nc > j2\nd > j2\nj2 > join"), "nested", "s2"),
        (PARALLEL.replace("g > e", "g > e\ng > split : refused > 0"), "deadlock", "split"),
        (PARALLEL.replace("g > e", "g > e\ng > e3 : outcome == 'refuse'") + "end e3", "outcome_after_join", "g-e3"),
        (PARALLEL.replace("a > join", "a > h\nxor h default=h-join\nh > join\nh > a : refused > 0"), "refused_before_join", "h-a"),
    ],
)  # fmt: skip
def test_faults_of_joint_reviews(text, code, element):
    assert (code, element) in codes(faults_of(text))


def test_a_flow_too_tangled_to_verify():
    branches = "\n".join(
        f"task a{n}\ntask b{n}\ntask c{n}\nsplit > a{n}\na{n} > b{n}\nb{n} > c{n}\nc{n} > join" for n in range(9)
    )
    faults = faults_of(f"start s\nand split\nand join\nend e\ns > split\njoin > e\n{branches}")
    assert codes(faults) == {("tangled", "")}


def test_too_many_elements():
    chain = "\n".join(f"task t{n}" for n in range(160)) + "\n" + "\n".join(f"t{n} > t{n + 1}" for n in range(159))
    assert ("size", "") in codes(faults_of(f"start s\nend e\ns > t0\nt159 > e\n{chain}"))


def test_an_unknown_process_names_those_there_are():
    with pytest.raises(BadFlow) as refused:
        read_flow(flow_xml(SOUND), "q")
    assert refused.value.detail_zh == "元素 q：文件中没有流程 q（已有：p）；改正事项中的流程标识，或流程的 id。"
    assert refused.value.context["fault"] == "process"


def test_all_faults_are_told_at_once():
    text = SOUND.replace("outcome == 'return'", "open('x')") + "task lost2\n"
    with pytest.raises(BadFlow) as refused:
        read_flow(flow_xml(text, extra="<scriptTask id='x'/>"), "p")
    assert [fault["code"] for fault in refused.value.context["faults"]] == ["expression", "unsupported"]
    assert "（另有 1 处差错）" in refused.value.detail_zh


def test_faults_of_decision_files_count():
    bad = table_xml([(["1"], ["3"])], policy="PRIORITY")
    assert ("table", "level") in codes(find_faults(REVIEW, "review", {"level.dmn": bad}))
    assert ("decision", "level") in codes(find_faults(REVIEW, "review", {"a.dmn": LEVEL, "b.dmn": LEVEL}))


STAGES = {
    "acceptance": ["accept", "correct", "reject"],
    "examination": ["agree", "return"],
    "planning_review": ["agree", "refuse"],
    "land_use_review": ["agree", "refuse"],
    "verification": ["agree", "return"],
    "decision": ["grant", "refuse", "return"],
}


def test_stages_and_user_tasks_are_the_same():
    flow = read_flow(REVIEW, "review", {"level.dmn": LEVEL})
    require_stages(flow, STAGES)
    require_stages(flow, list(STAGES))
    with pytest.raises(BadFlow) as refused:
        require_stages(flow, [*list(STAGES)[1:], "publicity"])
    assert [(f["element"], f["zh"]) for f in refused.value.context["faults"]] == [
        ("publicity", "事项的环节 publicity 在流程中没有用户任务"),
        ("acceptance", "用户任务“受理”不是事项的环节"),
    ]


def test_an_outcome_without_a_way():
    text = SOUND.replace("default=g-e", "").replace("g > e", "g > e : outcome == 'grant' and conflicts == 0")
    flow = read_flow(flow_xml(text), "p")
    require_stages(flow, {"a": ["return", "grant"]})
    with pytest.raises(BadFlow) as refused:
        require_stages(flow, {"a": ["return", "grant", "pause"]})
    assert refused.value.context["faults"][0]["zh"] == "环节 a 选 pause 时，“g”没有可走的连线"
