"""Conditions of gateways: what they mean, and that nothing else gets through."""

import pytest

from kunyu.engines.matters.errors import FlowStopped
from kunyu.engines.matters.flows.expressions import read_expression
from kunyu.engines.matters.flows.meaning import Forbidden

pytestmark = pytest.mark.quick

FACTS = {
    "outcome": "accept",
    "conflicts": 2,
    "area": 3.5,
    "kinds": ["a", "b"],
    "farmland": True,
    "note": None,
    "name": "坤舆",
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("outcome == 'accept'", True),
        ('${outcome == "accept"}', True),
        ("#{outcome != 'accept'}", False),
        ("= conflicts > 0", True),
        ("conflicts > 0 and not farmland", False),
        ("conflicts >= 2 and (area < 1 or farmland)", True),
        ("0 < area <= 3.5", True),
        ("outcome in ['accept', 'agree']", True),
        ("outcome not in ('accept', 'agree')", False),
        ("'a' in kinds", True),
        ("len(kinds) == 2", True),
        ("max(conflicts, area, 1) == 3.5", True),
        ("min(kinds) == 1", FlowStopped),
        ("abs(-2) + 1 == 3", True),
        ("(area + 0.5) * 2 - 8 / 4 == 6", True),
        ("note == null", True),
        ("note == None or false", True),
        ("not note", True),
        ("name == '坤舆'", True),
        ("farmland == 1", False),
        ("conflicts == '2'", False),
        ("kinds == ['a', 'b']", True),
        ("kinds == ['a', true]", False),
        ("missing == null", True),
        ("missing", False),
        ("outcome\n  ==\t'accept'", True),
        ("'2026-01-01' < '2026-11-23'", True),
    ],
)
def test_what_conditions_mean(text, value):
    expression = read_expression(text)
    if value is FlowStopped:
        with pytest.raises(FlowStopped):
            expression.holds(FACTS)
    else:
        assert expression.holds(FACTS) is value


HOSTILE = [
    "__import__('os').system('true')",
    "open('/etc/passwd')",
    "().__class__.__bases__[0].__subclasses__()",
    "''.join(['a'])",
    "'{0.__class__}'.format(outcome)",
    "outcome.__class__",
    "kinds[0] == 'a'",
    "kinds[0:1] == ['a']",
    "[x for x in kinds]",
    "{x for x in kinds}",
    "{'a': 1}",
    "{'a'}",
    "(lambda: 1)()",
    "lambda: 1",
    "(x := 1)",
    "9 ** 9 ** 9 > 1",
    "1 << 1000000",
    "10 // 3 == 3",
    "10 % 3 == 1",
    "~1 == -2",
    "1 | 2",
    "1 @ 2",
    "f'{outcome}' == 'accept'",
    "b'abc' == 'abc'",
    "1j == 1",
    "... == 1",
    "1 if farmland else 2",
    "outcome is None",
    "outcome is not 'x'",
    "await outcome",
    "yield outcome",
    "eval('1')",
    "exec('1')",
    "getattr(outcome, 'x')",
    "globals()",
    "print(1)",
    "max(*kinds)",
    "max(kinds, key=len)",
    "len()",
    "len(kinds, kinds)",
    "abs(1, 2)",
    "__builtins__",
    "_private",
    "a\x00b",
    "import os",
    "x = 1",
    "conflicts > 0; conflicts",
    "conflicts >",
    "1e999 > 1",
    "1" * 40,
    "'" + "长" * 201 + "' == outcome",
    "not " * 21 + "farmland",
    "(" * 210 + "1" + ")" * 210,
    "-" * 400 + "1",
    " or ".join(["a"] * 200),
    "a + " * 90 + "a > 1",
    "",
    "   ",
    "${}",
    "${outcome == 'accept'",
    "\ud800 == 1",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_else_is_read(text):
    with pytest.raises(Forbidden) as refused:
        read_expression(text)
    assert refused.value.zh and refused.value.en


def test_there_are_enough_hostile_ones():
    assert len(HOSTILE) >= 50


@pytest.mark.parametrize(
    ("text", "hint"),
    [("a && b", "and"), ("a || b", "or"), ("!a", "not"), ("outcome = 'accept'", "==")],
)
def test_habits_of_other_products_get_a_hint(text, hint):
    with pytest.raises(Forbidden) as refused:
        read_expression(text)
    assert f"'{hint}'" in refused.value.en


@pytest.mark.parametrize(
    ("text", "zh"),
    [
        ("missing > 0", "没有 missing 的值"),
        ("note + 1 == 1", "没有 note 的值"),
        ("outcome > 1", "1 的值 1 不能比较大小"),
        ("farmland > 0", "farmland 的值 True 不能比较大小"),
        ("outcome and farmland", "outcome 的值 'accept' 不是“是”或“否”"),
        ("not conflicts", "conflicts 的值 2 不是“是”或“否”"),
        ("'a' in outcome", "outcome 不是列表"),
        ("'a' in missing", "missing 不是列表"),
        ("len(conflicts) == 1", "conflicts 没有长度"),
        ("conflicts / 0 > 1", "0 为零，不能作除数"),
        ("conflicts * 1000000000000000 > 1", "数值超过 1e+15"),
        ("name + 1 == 2", "name 的值 '坤舆' 不是数"),
        ("conflicts", "的结果是 2，不是“是”或“否”"),
        ("max([]) > 1", "没有可比的数"),
    ],
)
def test_nothing_is_guessed(text, zh):
    """A fact that is missing or of another kind stops the flow by its name instead of going some way."""
    with pytest.raises(FlowStopped) as stopped:
        read_expression(text).holds(FACTS)
    assert zh in stopped.value.detail_zh
    assert stopped.value.context["expression"] == text


def test_logic_stops_at_the_first_answer():
    assert read_expression("outcome == 'accept' or missing > 1").holds(FACTS) is True
    assert read_expression("outcome != 'accept' and missing > 1").holds(FACTS) is False


def test_names_are_known_without_evaluating():
    expression = read_expression("max(a, 1) > 0 and b in ['x'] or true or null == c")
    assert expression.names == {"a", "b", "c"}
