"""Band math: arithmetic on the bands of an image, read as a tree of a few allowed operations. 波段运算. Pure.

The notation is rio-tiler's: ``(b4-b3)/(b4+b3)``, several results parted by ``;``. rio-tiler hands the text to numexpr,
which calls Python's ``eval`` on it: no sandbox. Here the text is parsed, never evaluated: only the nodes named below pass,
their number is bounded, and numpy does the arithmetic, in float32. There are no names but bands, no attributes, no calls
but the functions listed, no loops.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kunyu.engines.maps.coverages.errors import BadExpression
from kunyu.engines.maps.coverages.settings import coverage_settings

LONGEST = 400
_MOST_RESULTS = 4
_LARGEST_POWER = 8
_BINARY: dict[type[ast.operator], Callable[..., Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
_COMPARED: dict[type[ast.cmpop], Callable[..., Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
_FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "abs": (1, np.abs),
    "sqrt": (1, np.sqrt),
    "log": (1, np.log),
    "log10": (1, np.log10),
    "exp": (1, np.exp),
    "min": (2, np.minimum),
    "max": (2, np.maximum),
    "where": (3, np.where),
}


@dataclass(frozen=True)
class Expression:
    """A readable expression: its results as trees, and the numbers of the bands it needs (from 1)."""

    text: str
    results: tuple[ast.expr, ...]
    bands: tuple[int, ...]

    def of(self, values: Mapping[int, NDArray[Any]]) -> NDArray[np.float32]:
        """The results [result, row, column] for ``values`` [row, column] by band; NaN where arithmetic has no answer."""
        known = {band: array.astype(np.float32) for band, array in values.items()}
        shape = next(iter(known.values())).shape
        with np.errstate(all="ignore"):
            found = [np.broadcast_to(np.asarray(_value(one, known), np.float32), shape) for one in self.results]
        return np.stack(found)


@lru_cache(maxsize=256)
def read_expression(text: str) -> Expression:
    """Read a band expression.

    Raises
    ------
    BadExpression
        Too long, not readable, or more than arithmetic on bands.
    """
    if len(text) > LONGEST:
        raise BadExpression(
            f"波段表达式有 {len(text)} 个字符，上限 {LONGEST}。",
            f"The expression has {len(text)} of {LONGEST} characters.",
        )
    parts = [part.strip() for part in text.split(";") if part.strip()]
    if not 1 <= len(parts) <= _MOST_RESULTS:
        raise BadExpression(
            f"波段表达式应有 1–{_MOST_RESULTS} 个结果（用分号隔开），这里有 {len(parts)} 个。",
            f"An expression has 1 to {_MOST_RESULTS} results parted by semicolons, not {len(parts)}.",
        )
    trees = tuple(_parsed(part) for part in parts)
    bands: set[int] = set()
    nodes = sum(_require(tree, bands, 0) for tree in trees)
    if nodes > coverage_settings().expression_nodes:
        raise BadExpression(
            f"波段表达式有 {nodes} 步运算，上限 {coverage_settings().expression_nodes}。",
            f"The expression has {nodes} operations; the limit is {coverage_settings().expression_nodes}.",
        )
    if not bands:
        raise BadExpression("波段表达式里没有波段（b1、b2……）。", "The expression names no band (b1, b2 …).")
    return Expression(text, trees, tuple(sorted(bands)))


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _refused(text[:60]) from error


def _refused(what: str) -> BadExpression:
    names = "、".join(_FUNCTIONS)
    return BadExpression(
        f"波段表达式读不懂或不允许：{what!r}。只能用 b1、b2……、数、+ - * / **、比较，以及函数 {names}。",
        f"Not readable or not allowed in a band expression: {what!r}. Use b1, b2 …, numbers, + - * / **, comparisons and "
        f"{', '.join(_FUNCTIONS)}.",
    )


def _require(node: ast.AST, bands: set[int], depth: int) -> int:
    """Refuse any node that is not arithmetic; gather the bands and answer with the number of nodes."""
    if depth > 30:
        raise _refused(ast.unparse(node)[:60])
    children: list[ast.expr] = []
    match node:
        case ast.Constant(value=bool()):
            raise _refused(str(node.value))
        case ast.Constant(value=int() | float() as number) if abs(number) < 1e30:
            pass
        case ast.Name(id=name) if name[:1] == "b" and name[1:].isascii() and name[1:].isdigit() and len(name) <= 4:
            bands.add(int(name[1:]))
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=inner):
            children = [inner]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            if isinstance(op, ast.Pow):
                _require_small_power(right)
            children = [left, right]
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
            children = [left, right]
        case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if (
            name in _FUNCTIONS and len(given) == _FUNCTIONS[name][0]
        ):
            children = given
        case _:
            raise _refused(_words(node))
    return 1 + sum(_require(child, bands, depth + 1) for child in children)


def _words(node: ast.AST) -> str:
    try:
        return ast.unparse(node)[:60]
    except (ValueError, RecursionError):
        return type(node).__name__


def _require_small_power(node: ast.AST) -> None:
    """A power is a number of at most 8: nothing else is worth its time."""
    inner = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else node
    if (
        not (isinstance(inner, ast.Constant) and isinstance(inner.value, (int, float)))
        or abs(inner.value) > _LARGEST_POWER
    ):
        raise BadExpression(
            f"乘方的指数应为绝对值不超过 {_LARGEST_POWER} 的数。",
            f"A power must be a number of at most {_LARGEST_POWER}.",
        )


def _value(node: ast.expr, known: Mapping[int, NDArray[np.float32]]) -> Any:  # noqa: PLR0911 - one kind of node each
    match node:
        case ast.Constant(value=value):
            return np.float32(value)  # type: ignore[arg-type]
        case ast.Name(id=name):
            return known[int(name[1:])]
        case ast.UnaryOp(op=op, operand=inner):
            found = _value(inner, known)
            return -found if isinstance(op, ast.USub) else found
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_value(left, known), _value(right, known))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return np.asarray(_COMPARED[type(op)](_value(left, known), _value(right, known)), np.float32)
        case ast.Call(func=ast.Name(id="where"), args=[test, yes, no]):
            return np.where(np.asarray(_value(test, known)) != 0, _value(yes, known), _value(no, known))
        case ast.Call(func=ast.Name(id=name), args=given):
            return _FUNCTIONS[name][1](*(_value(one, known) for one in given))
    raise AssertionError(node)  # pragma: no cover - read_expression let nothing else pass
