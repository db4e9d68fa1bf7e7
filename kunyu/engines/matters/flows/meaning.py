"""What the parts of a condition mean, walked as a tree; nothing is ever compiled. 表达式求值.

The tree was checked by :mod:`flows.expressions` when it was read. Values are compared and counted only with their like.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

LIMIT_NUMBER = 10**15
"""Largest magnitude of a number written or computed: square millimetres of a county are fewer."""
CONSTANTS = {"true": True, "false": False, "null": None}

Value = Any
"""``None``, ``bool``, ``int``, ``float``, ``str`` or a list of these."""


class Forbidden(Exception):
    """An expression outside the language, or values that do not fit it; carries both sentences."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


def evaluated(node: ast.expr, facts: Mapping[str, Value]) -> Value:
    """Value of a checked tree over ``facts``; a fact that is not there is null.

    Raises
    ------
    Forbidden
        The kinds of values do not fit, a division by zero, a number beyond the limit.
    """
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return CONSTANTS[node.id] if node.id in CONSTANTS else facts.get(node.id)
    return _MEANING[type(node)](node, facts)


def _list(node: ast.List | ast.Tuple, facts: Mapping[str, Value]) -> list[Value]:
    return [evaluated(item, facts) for item in node.elts]


def _unary(node: ast.UnaryOp, facts: Mapping[str, Value]) -> Value:
    operand = evaluated(node.operand, facts)
    if isinstance(node.op, ast.Not):
        return not _yes(operand, node.operand)
    number = _number(operand, node.operand)
    return -number if isinstance(node.op, ast.USub) else number


def _arithmetic(node: ast.BinOp, facts: Mapping[str, Value]) -> int | float:
    left = _number(evaluated(node.left, facts), node.left)
    right = _number(evaluated(node.right, facts), node.right)
    if isinstance(node.op, ast.Div) and right == 0:
        divisor = ast.unparse(node.right)
        raise Forbidden(f"{divisor} 为零，不能作除数", f"{divisor} is zero, a divisor")
    return bounded(ARITHMETIC[type(node.op)](left, right))


def _logic(node: ast.BoolOp, facts: Mapping[str, Value]) -> bool:
    wanted = isinstance(node.op, ast.Or)
    for operand in node.values:
        if _yes(evaluated(operand, facts), operand) is wanted:
            return wanted
    return not wanted


def _comparison(node: ast.Compare, facts: Mapping[str, Value]) -> bool:
    left, left_node = evaluated(node.left, facts), node.left
    for operator, right_node in zip(node.ops, node.comparators, strict=True):
        right = evaluated(right_node, facts)
        if isinstance(operator, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
            _same_order(left, left_node, right, right_node)
        elif isinstance(operator, (ast.In, ast.NotIn)) and not isinstance(right, list):
            raise Forbidden(f"{ast.unparse(right_node)} 不是列表", f"{ast.unparse(right_node)} is not a list")
        if not COMPARISONS[type(operator)](left, right):
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
    values = [evaluated(argument, facts) for argument in node.args]
    if name == "len":
        if not isinstance(values[0], (list, str)):
            raise Forbidden(f"{ast.unparse(node.args[0])} 没有长度", f"{ast.unparse(node.args[0])} has no length")
        return len(values[0])
    if len(values) == 1 and isinstance(values[0], list) and name != "abs":
        values = values[0]
    numbers = [_number(value, node) for value in values]
    if not numbers:
        raise Forbidden(f"{ast.unparse(node)} 没有可比的数", f"{ast.unparse(node)} has no numbers")
    return FUNCTIONS[name](numbers[0] if name == "abs" else numbers)


def _yes(value: Value, node: ast.expr) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    what = ast.unparse(node)
    raise Forbidden(f"{what} 的值 {value!r} 不是“是”或“否”", f"the value {value!r} of {what} is neither yes nor no")


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: Value, node: ast.expr) -> int | float:
    if _is_number(value):
        return bounded(value)
    what = ast.unparse(node)
    if value is None:
        raise Forbidden(f"没有 {what} 的值", f"{what} has no value")
    raise Forbidden(f"{what} 的值 {value!r} 不是数", f"the value {value!r} of {what} is not a number")


def bounded(value: Any) -> Any:
    """``value`` itself, when it is a number of ordinary size."""
    if not math.isfinite(value) or abs(value) > LIMIT_NUMBER:
        raise Forbidden(f"数值超过 {LIMIT_NUMBER:.0e}", f"a number beyond {LIMIT_NUMBER:.0e}")
    return value


FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {"min": min, "max": max, "len": len, "abs": abs}
ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}
COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
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
