"""Decision tables: cells, hit policies, and what is refused when they are read."""

import pytest

from kunyu.engines.matters.errors import BadFlow, FlowStopped
from kunyu.engines.matters.flows.feel import read_cell, read_value
from kunyu.engines.matters.flows.meaning import Forbidden
from kunyu.engines.matters.flows.tables import evaluate
from kunyu.engines.matters.flows.tests.making import LEVEL, table_xml

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("cell", "passes", "fails"),
    [
        ("-", [1, "x", None, True], []),
        ("", [1, None], []),
        ("35", [35, 35.0], [36, "35", True, None]),
        ("-3.5", [-3.5], [3.5]),
        ('"city"', ["city"], ["town", None]),
        ("'city'", ["city"], ["town"]),
        ('"a \\"b\\""', ['a "b"'], ["a"]),
        ("true", [True], [False, 1, None]),
        ("null", [None], [0, ""]),
        ("> 35", [35.01], [35, 0, None]),
        (">=35", [35], [34.99]),
        ("< 0", [-1], [0]),
        ("<=0", [0], [0.1]),
        ("!= 3", [4, None, "3"], [3]),
        ("[0..35]", [0, 35, 17.5], [-0.1, 35.1, None]),
        ("]0..35]", [35, 0.1], [0]),
        ("(0..35)", [1], [0, 35]),
        ("[0..35[", [0], [35]),
        ("[-5..-1]", [-5, -1], [0]),
        ('"a","b", "c"', ["a", "c"], ["d"]),
        ("< 0, > 100, 50", [-1, 101, 50], [0, 100]),
        ("not(1,2)", [3, None], [1, 2]),
        ('not("a")', ["b"], ["a"]),
        ('date("2026-01-01")', ["2026-01-01"], ["2026-01-02"]),
        ('[date("2026-01-01")..date("2026-12-31")]', ["2026-06-30"], ["2027-01-01"]),
    ],
)
def test_cells(cell, passes, fails):
    read = read_cell(cell)
    assert [value for value in passes if not read.holds(value)] == []
    assert [value for value in fails if read.holds(value)] == []


@pytest.mark.parametrize(
    "cell",
    [
        "x",
        "area > 3",
        "open('/etc/passwd')",
        "__import__('os')",
        "1 + 2",
        "> true",
        "[0..",
        "[5..1]",
        '[1.."z"]',
        "[null..3]",
        "not(1",
        "1,",
        ",1",
        "1 2",
        "> > 1",
        '"open',
        "date('2026-13-01')",
        "date(2026)",
        "@",
        "9999999999999999999",
        '"' + "长" * 201 + '"',
        "1" * 2001,
        "? > 1",
        "for x in y return x",
    ],
)
def test_cells_outside_the_subset_are_refused(cell):
    with pytest.raises(Forbidden):
        read_cell(cell)


@pytest.mark.parametrize(
    ("text", "value"),
    [('"city"', "city"), ("3", 3), ("-0.5", -0.5), ("true", True), ("null", None), ("[]", []), ('["a", 1]', ["a", 1]),
     ('date("2026-11-23")', "2026-11-23")],
)  # fmt: skip
def test_output_values(text, value):
    assert read_value(text) == value


@pytest.mark.parametrize("text", ["area", "1+1", "[1", "{}", "> 3", "[1..3]", "foo()"])
def test_output_values_outside_the_subset_are_refused(text):
    with pytest.raises(Forbidden):
        read_value(text)


@pytest.mark.parametrize(("area", "level"), [(0, "county"), (35, "county"), (35.0001, "city"), (1e6, "city")])
def test_the_example_decides_at_its_boundary(area, level):
    answer = evaluate(LEVEL, "level", {"takes_farmland": False, "area_ha": area})
    assert answer == {"level": level, "needs_joint_review": level != "county"}


def test_first_takes_the_first_row_and_asks_no_further():
    assert evaluate(LEVEL, "level", {"takes_farmland": True, "area_ha": None})["level"] == "province"


def test_unique_names_the_rows_that_both_apply():
    dmn = table_xml([(["> 1"], ['"a"']), (["< 5"], ['"b"']), (["3"], ['"c"'])])
    assert evaluate(dmn, "level", {"area": 9}) == {"level": "a"}
    with pytest.raises(FlowStopped) as stopped:
        evaluate(dmn, "level", {"area": 3})
    assert stopped.value.context["rows"] == [1, 2, 3]
    assert (
        stopped.value.detail_zh == "决策表 level（表）第 1、2、3 行同时适用，按 UNIQUE 只允许一行。请修改表中的条件。"
    )


def test_any_wants_equal_answers():
    dmn = table_xml([(["> 1"], ['"a"']), (["< 5"], ['"a"']), (["< 0"], ['"b"']), (["< -5"], ['"b"'])], policy="ANY")
    assert evaluate(dmn, "level", {"area": 3}) == {"level": "a"}
    with pytest.raises(FlowStopped) as stopped:
        evaluate(dmn, "level", {"area": -1})
    assert stopped.value.context["rows"] == [2, 3]


def test_collect_lists_and_adds_up():
    rows = [(["> 1"], ["10"]), (["< 5"], ["5"]), (["> 100"], ["7"])]
    assert evaluate(table_xml(rows, policy="COLLECT"), "level", {"area": 3}) == {"level": [10, 5]}
    for how, answer in (("SUM", 15), ("MIN", 5), ("MAX", 10), ("COUNT", 2)):
        dmn = table_xml(rows, policy="COLLECT", attributes=f'aggregation="{how}"')
        assert evaluate(dmn, "level", {"area": 3}) == {"level": answer}
    none = table_xml([(["> 100"], ["1"])], policy="COLLECT", attributes='aggregation="MAX"')
    assert evaluate(none, "level", {"area": 3}) == {"level": None}


def test_no_row_stops_or_takes_the_default():
    rows = [(["> 1"], ['"a"'])]
    with pytest.raises(FlowStopped) as stopped:
        evaluate(table_xml(rows), "level", {"area": 0})
    assert stopped.value.detail_zh == "决策表 level（表）没有适用的行：area = 0。请补全数据，或在表中增加一行。"
    assert evaluate(table_xml(rows, default='"none"'), "level", {"area": 0}) == {"level": "none"}


def test_an_unknown_value_stops_unless_a_row_foresees_it():
    with pytest.raises(FlowStopped) as stopped:
        evaluate(LEVEL, "level", {"area_ha": 3})
    assert "第 1 行“占用永久基本农田”：没有值" in stopped.value.detail_zh
    dmn = table_xml([(["null"], ['"unknown"']), (["> 1"], ['"a"'])])
    assert evaluate(dmn, "level", {}) == {"level": "unknown"}
    assert evaluate(dmn, "level", {"area": 2}) == {"level": "a"}


def test_a_value_of_another_kind_stops_with_its_row():
    with pytest.raises(FlowStopped) as stopped:
        evaluate(table_xml([(["> 1"], ['"a"'])]), "level", {"area": "many"})
    assert stopped.value.context == {"decision": "level", "row": 1}


def test_inputs_may_be_expressions():
    dmn = table_xml([(["true"], ['"steep"'])], inputs=["slope > 25 and not flat"])
    assert evaluate(dmn, "level", {"slope": 30, "flat": False}) == {"level": "steep"}


@pytest.mark.parametrize(
    ("change", "zh"),
    [
        ({"policy": "PRIORITY"}, "不支持命中策略 PRIORITY"),
        ({"policy": "COLLECT", "attributes": 'aggregation="MEAN"'}, "不支持汇总方式 MEAN"),
        ({"attributes": 'aggregation="SUM"'}, "不支持汇总方式 SUM"),
        ({"rows": []}, "有 0 行"),
        ({"rows": [(["1", "2"], ["3"])]}, "第 1 行有 2 个条件、1 个结果，应为 1 和 1"),
        ({"rows": [(["area.x"], ["3"])]}, "第 1 行第 1 个条件"),
        ({"rows": [(["1"], ["f(3)"])]}, "第 1 行第 1 个结果"),
        ({"rows": [(['"many"'], ["3"])], "types": {"area": "number"}}, "与该列的类型不符"),
        ({"rows": [(["true"], ["3"])], "types": {"area": "integer"}}, "与该列的类型不符"),
        ({"inputs": ["__import__('os')"]}, "第 1 个输入列"),
        ({"inputs": []}, "没有输入列"),
        ({"outputs": ["outcome"]}, "第 1 个输出列的名称“outcome”不能用"),
        ({"outputs": ["refused"]}, "第 1 个输出列的名称“refused”不能用"),
        ({"outputs": ["1x"]}, "第 1 个输出列的名称“1x”不能用"),
        ({"default": "x + 1"}, "默认值"),
    ],
)
def test_faults_of_tables(change, zh):
    arguments = {"rows": [(["1"], ["3"])], **change}
    with pytest.raises(BadFlow) as refused:
        evaluate(table_xml(arguments.pop("rows"), **arguments), "level", {"area": 1})
    faults = refused.value.context["faults"]
    assert any(zh in fault["zh"] for fault in faults), faults
    assert all(fault["remedy_zh"] and fault["remedy_en"] for fault in faults)


def test_two_decisions_of_one_file():
    one, two = table_xml([(["1"], ["1"])], decision="one"), table_xml([(["1"], ["2"])], decision="two")
    inner = two[two.index(b"<decision ") : two.index(b"</definitions>")]
    both = one.replace(b"</definitions>", inner + b"</definitions>")
    assert evaluate(both, "one", {"area": 1}) == {"level": 1}
    assert evaluate(both, "two", {"area": 1}) == {"level": 2}
    with pytest.raises(BadFlow) as refused:
        evaluate(both, "three", {})
    assert refused.value.detail_zh == "没有决策 three（已有：one、two）；改正决策标识，或附上含有它的 DMN 文件。"


def test_a_decision_that_is_no_table_or_needs_another():
    head = b'<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/">'
    literal = head + b'<decision id="x"><literalExpression><text>1</text></literalExpression></decision></definitions>'
    with pytest.raises(BadFlow, match="决策不是决策表"):
        evaluate(literal, "x", {})
    needing = table_xml([(["1"], ["3"])]).replace(
        b"<decisionTable",
        b'<informationRequirement><requiredDecision href="#y"/></informationRequirement><decisionTable',
    )
    with pytest.raises(BadFlow, match="决策依赖其他决策"):
        evaluate(needing, "level", {})
    with pytest.raises(BadFlow, match="不是 DMN 文件"):
        evaluate(b"<html/>", "x", {})
