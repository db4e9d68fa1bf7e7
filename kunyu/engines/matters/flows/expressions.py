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
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from kunyu.engines.matters.errors import FlowStopped
from kunyu.engines.matters.flows.meaning import (
    ARITHMETIC,
    COMPARISONS,
    CONSTANTS,
    FUNCTIONS,
    Forbidden,
    Value,
    bounded,
    evaluated,
)

LIMIT_LENGTH, LIMIT_DEPTH, LIMIT_PARTS, LIMIT_TEXT = 500, 20, 300, 200
NAME = re.compile(r"[^\W\d_]\w{0,59}")
_FRAME = re.compile(r"[$#]\{(.*)\}", re.DOTALL)


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
            return evaluated(_tree(self.text), facts)
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
    return Expression(plain, frozenset(names - CONSTANTS.keys()))


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
        bounded(value)
    elif value is not None:
        raise Forbidden(f"不允许的值 {value!r}", f"the value {value!r} is not allowed")


def _check_call(node: ast.Call, depth: int) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name not in FUNCTIONS:
        raise Forbidden(f"不允许调用 {name or '表达式'}，只有 min、max、len、abs",
                        f"calling {name or 'an expression'} is not allowed; there are min, max, len, abs")  # fmt: skip
    if node.keywords or not node.args or (name in ("len", "abs") and len(node.args) != 1):
        raise Forbidden(f"{name} 的参数个数不对", f"wrong number of arguments of {name}")
    for argument in node.args:
        _check(argument, depth + 1)


def _check_operators(node: ast.expr) -> None:
    known: bool
    if isinstance(node, ast.BinOp):
        known = type(node.op) in ARITHMETIC
    elif isinstance(node, ast.UnaryOp):
        known = isinstance(node.op, (ast.Not, ast.USub, ast.UAdd))
    elif isinstance(node, ast.Compare):
        known = all(type(operator) in COMPARISONS for operator in node.ops)
    else:
        known = isinstance(node, (ast.BoolOp, ast.List, ast.Tuple))
    if not known:
        shown = ast.unparse(node)[:60]
        raise Forbidden(f"不允许的写法“{shown}”", f"'{shown}' is not allowed")
