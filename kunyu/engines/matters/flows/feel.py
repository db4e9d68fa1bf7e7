"""Cells of decision tables: unary tests and values of a subset of FEEL. 决策表单元格.

A test is ``-`` (anything), or tests joined by commas (any of them holds), or ``not(…)`` around such a list. One test is
a value (``"city"``, ``35``, ``true``, ``null``), a comparison (``> 35``, ``!= "city"``) or an interval (``[0..35]``,
``]0..35]``, ``(0..35)``). A date is written ``date("2026-01-01")`` and compared as its ISO text.

Source: OMG DMN 1.3 §10.3.1.2, rules 7-16; what is left out (functions, names, contexts, ranges of durations) is a fault
when the table is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from kunyu.engines.matters.flows.expressions import LIMIT_TEXT
from kunyu.engines.matters.flows.meaning import LIMIT_NUMBER, Forbidden, same

LIMIT_CELL = 2_000
"""Characters of a cell."""

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
  | (?P<number>-?(?:\d+(?:\.(?!\.)\d+)?|\.\d+))
  | (?P<mark><=|>=|!=|==|\.\.|[<>=\[\]()!,])
  | (?P<name>[^\W\d]\w*)
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)")
_WORDS = {"true": True, "false": False, "null": None}
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


@dataclass(frozen=True)
class Test:
    """One test of a cell: ``equal`` to ``low``, ``different``, ``ordered`` by ``mark``, or ``between`` low and high."""

    form: str
    low: Any = None
    high: Any = None
    mark: str = ""
    has_low: bool = True
    has_high: bool = True

    def holds(self, value: Any) -> bool:
        """Whether ``value`` passes; null passes only ``null`` and ``!=``."""
        if self.form == "equal":
            return same(value, self.low)
        if self.form == "different":
            return not same(value, self.low)
        if value is None:
            return False
        if self.form == "ordered":
            return _ORDERS[self.mark](_comparable(value, self.low), self.low)
        _comparable(value, self.low)
        above = value >= self.low if self.has_low else value > self.low
        return above and (value <= self.high if self.has_high else value < self.high)

    def values(self) -> tuple[Any, ...]:
        """Values written in the test."""
        return (self.low, self.high) if self.form == "between" else (self.low,)


@dataclass(frozen=True)
class Cell:
    """A whole cell: no test lets everything pass."""

    tests: tuple[Test, ...] = ()
    is_negated: bool = False

    def holds(self, value: Any) -> bool:
        """Whether ``value`` passes the cell."""
        if not self.tests:
            return True
        return any(test.holds(value) for test in self.tests) is not self.is_negated


def _comparable(value: Any, with_what: Any) -> Any:
    if isinstance(value, str) is isinstance(with_what, str) and not isinstance(value, (bool, list)):
        return value
    raise Forbidden(
        f"值 {value!r} 不能与 {with_what!r} 比较", f"the value {value!r} cannot be compared with {with_what!r}"
    )


def read_cell(text: str) -> Cell:
    """Read the unary tests of an input cell.

    Raises
    ------
    Forbidden
        Outside the subset; says which part.
    """
    plain = text.strip()
    if plain in ("", "-"):
        return Cell()
    reader = _Reader(plain)
    negated = reader.take_word("not")
    if negated:
        reader.expect("(")
    tests = [reader.test()]
    while reader.take(","):
        tests.append(reader.test())
    if negated:
        reader.expect(")")
    reader.finish()
    return Cell(tuple(tests), negated)


def read_value(text: str) -> Any:
    """Read the value of an output cell: text, number, ``true false null``, a date, or a list of these in brackets."""
    reader = _Reader(text.strip())
    if not reader.take("["):
        value = reader.value()
        reader.finish()
        return value
    values = [] if reader.take("]") else [reader.value()]
    while values and reader.take(","):
        values.append(reader.value())
    if values:
        reader.expect("]")
    reader.finish()
    return values


class _Reader:
    """Takes a cell apart from left to right."""

    def __init__(self, text: str) -> None:
        if len(text) > LIMIT_CELL:
            raise Forbidden(f"单元格超过 {LIMIT_CELL} 个字符", f"a cell of more than {LIMIT_CELL} characters")
        self.text = text
        self.tokens = _tokens(text)
        self.at = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self, mark: str) -> bool:
        found = self.peek() == ("mark", mark)
        self.at += found
        return found

    def take_word(self, word: str) -> bool:
        found = self.peek() == ("name", word)
        self.at += found
        return found

    def expect(self, mark: str) -> None:
        if not self.take(mark):
            raise self.wrong()

    def finish(self) -> None:
        if self.at != len(self.tokens):
            raise self.wrong()

    def wrong(self) -> Forbidden:
        kind, text = self.peek()
        if kind == "name":
            return Forbidden(f"“{self.text}”中的 {text} 不允许（文字请加引号）",
                             f"{text} is not allowed in '{self.text}' (put texts in quotes)")  # fmt: skip
        near = f"“{text}”处" if text else "末尾"
        return Forbidden(f"“{self.text}”在{near}写法有误", f"'{self.text}' cannot be read at '{text or 'its end'}'")

    def test(self) -> Test:
        kind, text = self.peek()
        if kind == "mark" and text in ("[", "]", "("):
            return self.interval()
        if kind == "mark" and text in _ORDERS:
            self.at += 1
            return Test("ordered", self.ordered_value(), mark=text)
        if kind == "mark" and text in ("!=", "=", "=="):
            self.at += 1
            return Test("different" if text == "!=" else "equal", self.value())
        return Test("equal", self.value())

    def interval(self) -> Test:
        opening = self.peek()[1]
        self.at += 1
        low = self.ordered_value()
        self.expect("..")
        high = self.ordered_value()
        closing = self.peek()[1]
        if self.peek()[0] != "mark" or closing not in ("]", ")", "["):
            raise self.wrong()
        self.at += 1
        if isinstance(low, str) is not isinstance(high, str) or low > high:
            raise Forbidden(f"区间“{self.text}”的下限大于上限或类型不同",
                            f"the interval '{self.text}' has its ends in the wrong order or of two kinds")  # fmt: skip
        return Test("between", low, high, has_low=opening == "[", has_high=closing == "]")

    def ordered_value(self) -> Any:
        value = self.value()
        if value is None or isinstance(value, bool):
            raise Forbidden(f"“{self.text}”：{value} 不能比较大小", f"'{self.text}': {value} has no size to compare")
        return value

    def value(self) -> Any:
        kind, text = self.peek()
        self.at += 1
        if kind == "text":
            return _text(text)
        if kind == "number":
            return _number(text)
        if kind == "name" and text in _WORDS:
            return _WORDS[text]
        if kind == "name" and text == "date":
            return self.date()
        self.at -= 1
        raise self.wrong()

    def date(self) -> str:
        self.expect("(")
        kind, text = self.peek()
        if kind != "text":
            raise self.wrong()
        self.at += 1
        self.expect(")")
        try:
            return date.fromisoformat(_text(text)).isoformat()
        except ValueError:
            raise Forbidden(f"{text} 不是日期（年-月-日）", f"{text} is no date (year-month-day)") from None


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            if not text[at:].strip():
                break
            raise Forbidden(
                f"“{text}”在“{text[at : at + 10]}”处写法有误", f"'{text}' cannot be read at '{text[at : at + 10]}'"
            )
        tokens.append((found.lastgroup, found[found.lastgroup]))
        at = found.end()
    return tokens


def _text(quoted: str) -> str:
    text = _ESCAPE.sub(r"\1", quoted[1:-1])
    if len(text) > LIMIT_TEXT:
        raise Forbidden(f"文字超过 {LIMIT_TEXT} 个字符", f"a text of more than {LIMIT_TEXT} characters")
    return text


def _number(text: str) -> int | float:
    number: int | float = float(text) if "." in text else int(text)
    if abs(number) > LIMIT_NUMBER:
        raise Forbidden(f"数值 {text} 超过 {LIMIT_NUMBER:.0e}", f"the number {text} is beyond {LIMIT_NUMBER:.0e}")
    return number
