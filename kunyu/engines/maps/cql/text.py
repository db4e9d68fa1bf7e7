"""CQL2 text to the tree: geometries are cut out and read by GEOS, the words by an LALR grammar. CQL2 文本.

The grammar is our own, run by lark: pygeofilter 0.4.0, which ships one, gives AND and OR one precedence and so answers
``a OR b AND c`` with other rows than the standard says; it refuses ``NOT (a AND b)`` and doubled quotes as well.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import shapely
from lark import Lark, Token
from lark.exceptions import LarkError, UnexpectedInput, VisitError
from lark.visitors import Transformer_NonRecursive

from kunyu.engines.maps.cql.errors import BadFilter
from kunyu.engines.maps.cql.limits import require_length, require_words, too_large
from kunyu.engines.maps.cql.tree import Box, Builder, Interval, Node, Operation
from kunyu.kernel.errors import KunyuError

_KINDS = "POINT|LINESTRING|POLYGON|MULTIPOINT|MULTILINESTRING|MULTIPOLYGON|GEOMETRYCOLLECTION"
_CUT = re.compile(rf"'(?:[^']|'')*'|\"[^\"]*\"|(?<![\w.:])(?P<geometry>(?:{_KINDS})\s*(?:ZM|Z|M)?\s*\()", re.IGNORECASE)
_PARENTHESIS = re.compile(r"[()]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@lru_cache(maxsize=1)
def _parser() -> Lark:
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", maybe_placeholders=False)


def parse_text(text: str) -> Node:
    """Read a filter in CQL2 text.

    Raises
    ------
    BadFilter
        It does not follow the grammar; says where.
    FilterTooLarge
        It is beyond a limit of ``limits``.
    """
    require_length(text)
    if control := _CONTROL.search(text):
        raise BadFilter(
            f"过滤条件第 {control.start() + 1} 个字符是控制字符。", f"Character {control.start() + 1} is a control one."
        )
    words, shapes = _without_geometries(text)
    require_words(words)
    builder = Builder()
    try:
        read: Node = _Reader(builder, shapes).transform(_parser().parse(words))
    except VisitError as error:
        if isinstance(error.orig_exc, KunyuError):
            raise error.orig_exc from None
        raise
    except UnexpectedInput as error:
        raise _unreadable(words, getattr(error, "pos_in_stream", None)) from None
    except LarkError:
        raise _unreadable(words, None) from None
    if isinstance(read, Operation | bool):
        return read
    raise BadFilter("过滤条件须是判断（真或假），例如 DLBM='0101'。", "A filter is a condition, such as DLBM='0101'.")


def _unreadable(words: str, at: int | None) -> BadFilter:
    place = len(words) if at is None or at < 0 else at
    near = words[max(0, place - 20) : place + 20].replace("\x01", "")
    return BadFilter(
        f"过滤条件不合 CQL2 文法，在“{near}”附近（不计几何，第 {place + 1} 个字符）。",
        f"The filter does not follow the grammar of CQL2 near {near!r} (character {place + 1}, geometries apart).",
        position=place + 1,
    )


def _without_geometries(text: str) -> tuple[str, list[str]]:
    """The text with each geometry replaced by its number between two control characters, and the geometries."""
    pieces: list[str] = []
    shapes: list[str] = []
    done = 0
    for found in _CUT.finditer(text):
        if found["geometry"] is None or found.start() < done:
            continue
        end = _closing(text, found.end())
        pieces += [text[done : found.start()], f"\x01{len(shapes)}\x01"]
        shapes.append(text[found.start() : end])
        done = end
    return "".join([*pieces, text[done:]]), shapes


def _closing(text: str, start: int) -> int:
    open_ones = 1
    for found in _PARENTHESIS.finditer(text, start):
        open_ones += 1 if found[0] == "(" else -1
        if open_ones == 0:
            return found.end()
        if open_ones > 8:
            raise too_large("几何括号层数", "levels of parentheses in a geometry", open_ones, 8)
    raise BadFilter("几何的括号没有闭合。", "The parentheses of a geometry are not closed.")


class _Reader(Transformer_NonRecursive):
    """Turns lark's tree into ours, without recursion: a long filter is refused, never a stack that overflows."""

    def __init__(self, builder: Builder, shapes: list[str]) -> None:
        super().__init__()
        self._builder = builder
        self._shapes = shapes

    def __default__(self, data: Any, children: list[Any], meta: Any) -> Node:
        """An operator: its rule in the grammar bears a name of ``_OPERATORS``."""
        return self._builder.operation(_OPERATORS[str(data)], children)

    def values(self, children: list[Any]) -> Node:
        return self._builder.listed(children)

    def is_not_null(self, children: list[Any]) -> Node:
        return self._not("isnull", children)

    def not_like(self, children: list[Any]) -> Node:
        return self._not("like", children)

    def not_in(self, children: list[Any]) -> Node:
        return self._not("in", children)

    def not_between(self, children: list[Any]) -> Node:
        return self._not("between", children)

    def _not(self, name: str, children: list[Any]) -> Node:
        return self._builder.operation("not", [self._builder.operation(name, children)])

    def neg(self, children: list[Any]) -> Node:
        if isinstance(children[0], Decimal):
            return -children[0]
        return self._builder.operation("-", [Decimal(0), *children])

    def number(self, children: list[Token]) -> Node:
        return self._builder.number(str(children[0]))

    def string(self, children: list[Token]) -> Node:
        return self._builder.string(str(children[0])[1:-1].replace("''", "'"))

    def true(self, children: list[Token]) -> Node:
        return True

    def false(self, children: list[Token]) -> Node:
        return False

    def property(self, children: list[Token]) -> Node:
        return self._builder.property(str(children[0]))

    def quoted_property(self, children: list[Token]) -> Node:
        return self._builder.property(str(children[0])[1:-1])

    def geometry(self, children: list[Token]) -> Node:
        written = self._shapes[int(str(children[0]).strip("\x01"))]
        try:
            return self._builder.shape(shapely.from_wkt(written))
        except shapely.errors.GEOSException:
            raise BadFilter(f"几何 {written[:60]!r} 不是 WKT。", f"The geometry {written[:60]!r} is no WKT.") from None

    def function(self, children: list[Any]) -> Node:
        name, args = str(children[0]).lower(), children[1:]
        makes = {"date": self._day, "timestamp": self._instant, "interval": self._interval, "bbox": self._box}
        return makes[name](args) if name in makes else self._builder.operation(name, args)

    def _day(self, args: list[Any]) -> Node:
        return self._builder.day(*_texts("DATE", args, 1))

    def _instant(self, args: list[Any]) -> Node:
        return self._builder.instant(*_texts("TIMESTAMP", args, 1))

    def _interval(self, args: list[Any]) -> Interval:
        return self._builder.interval(*_texts("INTERVAL", args, 2))

    def _box(self, args: list[Any]) -> Box:
        if not all(isinstance(one, Decimal) for one in args):
            raise BadFilter("BBOX 应为 4 个或 6 个数。", "BBOX takes four or six numbers.")
        return self._builder.box([float(one) for one in args])


def _texts(name: str, args: list[Any], number: int) -> list[str]:
    """The arguments of a literal: DATE('2025-12-31'), INTERVAL('2025-01-01', DATE('2025-12-31'))."""
    texts = [one.isoformat() if hasattr(one, "isoformat") else one for one in args]
    if len(texts) != number or not all(isinstance(one, str) for one in texts):
        raise BadFilter(f"{name} 应有 {number} 个文本参数。", f"{name} takes {number} text(s).")
    return texts


_OPERATORS = {
    "or_": "or", "and_": "and", "not_": "not", "eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
    "between": "between", "like": "like", "in_": "in", "is_null": "isnull", "add": "+", "sub": "-", "mul": "*",
    "div": "/", "mod": "%", "int_div": "div", "pow": "^",
}  # fmt: skip
