"""The language of gateway conditions: a few comparisons over facts, nothing else. 条件表达式.

SpiffWorkflow's own engine hands expressions to ``eval``: whoever draws a flow could run any Python. Here a condition
is read once, checked against a list of permitted forms, and evaluated by walking its tree; no Python is ever compiled.

Permitted: names, numbers, strings, ``true false null``, lists, ``== != < <= > >=`` (chained too), ``in``, ``not in``,
``and or not``, ``+ - * /``, parentheses, ``min max len abs``. The frames of other products around an expression,
``${…}`` and ``#{…}``, and a leading ``=`` are taken off. No attribute, no index, no power, no call of anything else.

Nothing is guessed: text is no number, a number is no yes or no, and comparing the size of a missing fact stops the
flow with its name instead of going some way.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kunyu.engines.matters.errors import FlowStopped

LIMIT_LENGTH, LIMIT_DEPTH, LIMIT_PARTS, LIMIT_TEXT = 500, 20, 300, 200
LIMIT_NUMBER = 10**15
"""Largest magnitude of a number written or computed: square millimetres of a county are fewer."""

NAME = re.compile(r"[^\W\d_]\w{0,59}")
_FRAME = re.compile(r"[$#]\{(.*)\}", re.DOTALL)
_CONSTANTS = {"true": True, "false": False, "null": None}

Value = Any
"""``None``, ``bool``, ``int``, ``float``, ``str`` or a list of these."""


class Forbidden(Exception):
    """An expression outside the language; carries both sentences."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


@dataclass(frozen=True)
class Expression:
    """A checked expression; equal when its text is."""

    text: str
    names: frozenset[str]
    """Facts it reads."""

    def value(self, facts: Mapping[str, Value]) -> Value:
        """Evaluate over ``facts``; a fact that is not there is null.

        Raises
        ------
        FlowStopped
            The kinds of values do not fit, a division by zero, a number beyond the limit.
        """
        try:
            return _value(_tree(self.text), facts)
        except Forbidden as stop:
            raise FlowStopped(
                f"条件“{self.text}”无法判断：{stop.zh}。请补全或更正该数据，或修改流程。",
                f"The condition '{self.text}' cannot be decided: {stop.en}. Complete or correct that fact, or the flow.",
                expression=self.text,
            ) from None

    def holds(self, facts: Mapping[str, Value]) -> bool:
        """Whether the condition holds; null does not."""
        value = self.value(facts)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise FlowStopped(
            f"条件“{self.text}”的结果是 {value!r}，不是“是”或“否”。请修改流程。",
            f"The condition '{self.text}' answers {value!r}, neither yes nor no. Correct the flow.",
            expression=self.text,
        )


@lru_cache(maxsize=4096)
def read_expression(text: str) -> Expression:
    """Check ``text`` and return it without its frame.

    Raises
    ------
    Forbidden
        Not in the language; says which part.
    """
    plain = _unframed(text)
    tree = _tree(plain)
    parts = list(ast.walk(tree))
    if len(parts) > LIMIT_PARTS:
        raise Forbidden(f"超过 {LIMIT_PARTS} 个组成部分", f"more than {LIMIT_PARTS} parts")
    _check(tree, 0)
    functions = {id(part.func) for part in parts if isinstance(part, ast.Call)}
    names = {part.id for part in parts if isinstance(part, ast.Name) and id(part) not in functions}
    return Expression(plain, frozenset(names - _CONSTANTS.keys()))


def _unframed(text: str) -> str:
    plain = " ".join(text.split())
    if framed := _FRAME.fullmatch(plain):
        plain = framed[1].strip()
    elif plain.startswith("=") and not plain.startswith("=="):
        plain = plain[1:].strip()
    if not plain:
        raise Forbidden("是空的", "it is empty")
    if len(plain) > LIMIT_LENGTH:
        raise Forbidden(
            f"有 {len(plain)} 个字符，超过 {LIMIT_LENGTH} 个", f"{len(plain)} characters, more than {LIMIT_LENGTH}"
        )
    return plain


@lru_cache(maxsize=4096)
def _tree(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of odd literals; they are judged below
            return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        hint_zh, hint_en = _hint(text)
        raise Forbidden(f"写法有误{hint_zh}", f"it cannot be read{hint_en}") from None


def _hint(text: str) -> tuple[str, str]:
    """What people of other products write out of habit."""
    for wrong, right in (("&&", "and"), ("||", "or"), ("!", "not")):
        if wrong in text.replace("!=", ""):
            return f"（“{wrong}”请写作 {right}）", f" (write '{right}' for '{wrong}')"
    if re.search(r"(?<![=<>!])=(?!=)", text):
        return "（相等请写作 ==）", " (write '==' for equal)"
    return "", ""


# -- what may be written ----------------------------------------------------------------------------------------------


def _check(node: ast.expr, depth: int) -> None:
    if depth > LIMIT_DEPTH:
        raise Forbidden(f"嵌套超过 {LIMIT_DEPTH} 层", f"nested more than {LIMIT_DEPTH} deep")
    if isinstance(node, ast.Constant):
        _check_constant(node.value)
    elif isinstance(node, ast.Name):
        if not NAME.fullmatch(node.id):
            raise Forbidden(f"名称 {node.id} 不允许", f"the name {node.id} is not allowed")
    elif isinstance(node, ast.Call):
        _check_call(node, depth)
    else:
        _check_operators(node)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                _check(child, depth + 1)


def _check_constant(value: object) -> None:
    if isinstance(value, str):
        if len(value) > LIMIT_TEXT:
            raise Forbidden(f"文字超过 {LIMIT_TEXT} 个字符", f"a text of more than {LIMIT_TEXT} characters")
    elif isinstance(value, (int, float)):
        _bounded(value)
    elif value is not None:
        raise Forbidden(f"不允许的值 {value!r}", f"the value {value!r} is not allowed")


def _check_call(node: ast.Call, depth: int) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name not in _FUNCTIONS:
        raise Forbidden(f"不允许调用 {name or '表达式'}，只有 min、max、len、abs",
                        f"calling {name or 'an expression'} is not allowed; there are min, max, len, abs")  # fmt: skip
    if node.keywords or not node.args or (name in ("len", "abs") and len(node.args) != 1):
        raise Forbidden(f"{name} 的参数个数不对", f"wrong number of arguments of {name}")
    for argument in node.args:
        _check(argument, depth + 1)


def _check_operators(node: ast.expr) -> None:
    known: bool
    if isinstance(node, ast.BinOp):
        known = type(node.op) in _ARITHMETIC
    elif isinstance(node, ast.UnaryOp):
        known = isinstance(node.op, (ast.Not, ast.USub, ast.UAdd))
    elif isinstance(node, ast.Compare):
        known = all(type(operator) in _COMPARISONS for operator in node.ops)
    else:
        known = isinstance(node, (ast.BoolOp, ast.List, ast.Tuple))
    if not known:
        shown = ast.unparse(node)[:60]
        raise Forbidden(f"不允许的写法“{shown}”", f"'{shown}' is not allowed")


# -- what it means ----------------------------------------------------------------------------------------------------


def _value(node: ast.expr, facts: Mapping[str, Value]) -> Value:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return _CONSTANTS[node.id] if node.id in _CONSTANTS else facts.get(node.id)
    return _MEANING[type(node)](node, facts)


def _list(node: ast.List | ast.Tuple, facts: Mapping[str, Value]) -> list[Value]:
    return [_value(item, facts) for item in node.elts]


def _unary(node: ast.UnaryOp, facts: Mapping[str, Value]) -> Value:
    operand = _value(node.operand, facts)
    if isinstance(node.op, ast.Not):
        return not _yes(operand, node.operand)
    number = _number(operand, node.operand)
    return -number if isinstance(node.op, ast.USub) else number


def _arithmetic(node: ast.BinOp, facts: Mapping[str, Value]) -> int | float:
    left = _number(_value(node.left, facts), node.left)
    right = _number(_value(node.right, facts), node.right)
    if isinstance(node.op, ast.Div) and right == 0:
        divisor = ast.unparse(node.right)
        raise Forbidden(f"{divisor} 为零，不能作除数", f"{divisor} is zero, a divisor")
    return _bounded(_ARITHMETIC[type(node.op)](left, right))


def _logic(node: ast.BoolOp, facts: Mapping[str, Value]) -> bool:
    wanted = isinstance(node.op, ast.Or)
    for operand in node.values:
        if _yes(_value(operand, facts), operand) is wanted:
            return wanted
    return not wanted


def _comparison(node: ast.Compare, facts: Mapping[str, Value]) -> bool:
    left, left_node = _value(node.left, facts), node.left
    for operator, right_node in zip(node.ops, node.comparators, strict=True):
        right = _value(right_node, facts)
        if isinstance(operator, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
            _same_order(left, left_node, right, right_node)
        elif isinstance(operator, (ast.In, ast.NotIn)) and not isinstance(right, list):
            raise Forbidden(f"{ast.unparse(right_node)} 不是列表", f"{ast.unparse(right_node)} is not a list")
        if not _COMPARISONS[type(operator)](left, right):
            return False
        left, left_node = right, right_node
    return True


def _same_order(left: Value, left_node: ast.expr, right: Value, right_node: ast.expr) -> None:
    if _is_number(left) and _is_number(right):
        return
    if isinstance(left, str) and isinstance(right, str):
        return
    odd, node = (left, left_node) if not _is_number(left) and not isinstance(left, str) else (right, right_node)
    what = ast.unparse(node)
    if odd is None:
        raise Forbidden(f"没有 {what} 的值", f"{what} has no value")
    raise Forbidden(f"{what} 的值 {odd!r} 不能比较大小", f"the value {odd!r} of {what} cannot be compared by size")


def same(left: Value, right: Value) -> bool:
    """Equal, of one kind: ``1`` is not ``true``, ``"1"`` is not ``1``."""
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    return bool(left == right)


def _within(left: Value, right: list[Value]) -> bool:
    return any(same(left, item) for item in right)


def _call(node: ast.Call, facts: Mapping[str, Value]) -> Value:
    name = ast.unparse(node.func)
    values = [_value(argument, facts) for argument in node.args]
    if name == "len":
        if not isinstance(values[0], (list, str)):
            raise Forbidden(f"{ast.unparse(node.args[0])} 没有长度", f"{ast.unparse(node.args[0])} has no length")
        return len(values[0])
    if len(values) == 1 and isinstance(values[0], list) and name != "abs":
        values = values[0]
    numbers = [_number(value, node) for value in values]
    if not numbers:
        raise Forbidden(f"{ast.unparse(node)} 没有可比的数", f"{ast.unparse(node)} has no numbers")
    return _FUNCTIONS[name](numbers[0] if name == "abs" else numbers)


def _yes(value: Value, node: ast.expr) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    what = ast.unparse(node)
    raise Forbidden(f"{what} 的值 {value!r} 不是“是”或“否”", f"the value {value!r} of {what} is neither yes nor no")


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: Value, node: ast.expr) -> int | float:
    if _is_number(value):
        return _bounded(value)
    what = ast.unparse(node)
    if value is None:
        raise Forbidden(f"没有 {what} 的值", f"{what} has no value")
    raise Forbidden(f"{what} 的值 {value!r} 不是数", f"the value {value!r} of {what} is not a number")


def _bounded(value: Any) -> Any:
    if not math.isfinite(value) or abs(value) > LIMIT_NUMBER:
        raise Forbidden(f"数值超过 {LIMIT_NUMBER:.0e}", f"a number beyond {LIMIT_NUMBER:.0e}")
    return value


_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {"min": min, "max": max, "len": len, "abs": abs}
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: same,
    ast.NotEq: lambda a, b: not same(a, b),
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.In: _within,
    ast.NotIn: lambda a, b: not _within(a, b),
}
_MEANING: Mapping[type[ast.expr], Callable[[Any, Mapping[str, Value]], Value]] = {
    ast.List: _list,
    ast.Tuple: _list,
    ast.BoolOp: _logic,
    ast.Compare: _comparison,
    ast.UnaryOp: _unary,
    ast.BinOp: _arithmetic,
    ast.Call: _call,
}
