"""Numbers of documents by a scheme, gapless within their scope. 文号与证号.

A scheme is text with named fields, e.g. ``用字第{division}{year}XS{sequence:07d}号``. The row of its scope stays locked from
the count to the end of the caller's transaction: numbers follow one another without a gap, and a rollback gives the
number back. Whoever numbers does it late in the transaction, for others wait.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from string import Formatter

from django.db import connection

from kunyu.engines.documents.errors import BadNumberScheme, NumbersUsedUp
from kunyu.kernel.errors import Defect

FIELDS = ("division", "year", "month", "sequence")
_WIDTH = re.compile(r"0([1-9])d")
_LONGEST = 60
_COUNT = """
INSERT INTO documents_numbersequence AS kept (scope, last) VALUES (%s, 1)
ON CONFLICT (scope) DO UPDATE SET last = kept.last + 1 RETURNING last
"""


@dataclass(frozen=True)
class Scheme:
    """A scheme taken apart. ``digits`` is the fixed width of the running number, 0 for none."""

    text: str
    fields: tuple[str, ...]
    digits: int

    def scope(self, values: dict[str, str]) -> str:
        """What is counted by itself: the scheme with every field filled in but the running number."""
        return self._filled(values, "#")

    def number(self, values: dict[str, str], sequence: int) -> str:
        """The number as printed."""
        return self._filled(values, str(sequence).zfill(self.digits))

    def _filled(self, values: dict[str, str], sequence: str) -> str:
        parts = []
        for literal, name, _, _ in Formatter().parse(self.text):
            parts.append(literal)
            if name is not None:
                parts.append(sequence if name == "sequence" else values[name])
        return "".join(parts)


def read_scheme(text: str) -> Scheme:
    """Take a scheme apart.

    Raises
    ------
    BadNumberScheme
        No running number or two, a field that is not known, a format other than ``{sequence:07d}``, too long.
    """
    try:
        parsed = [part for part in Formatter().parse(text) if part[1] is not None]
    except ValueError as error:
        raise _bad(text, "花括号不成对", "braces do not match") from error
    names = tuple(str(name) for _, name, _, _ in parsed)
    unknown = sorted(set(names) - set(FIELDS))
    if unknown:
        listed = "、".join(unknown)
        raise _bad(text, f"没有字段 {listed}，可用 {'、'.join(FIELDS)}", f"there is no field {', '.join(unknown)}")
    if names.count("sequence") != 1:
        raise _bad(text, "须恰有一个 {sequence}", "it has exactly one {sequence}")
    if not text or len(text) > _LONGEST:
        raise _bad(text[:_LONGEST], f"长度须为1至{_LONGEST}字", f"it is 1 to {_LONGEST} letters long")
    digits = 0
    for _, name, form, conversion in parsed:
        width = _WIDTH.fullmatch(form or "") if name == "sequence" else None
        if conversion or (form and width is None):
            raise _bad(text, "只有流水号可写宽度，如 {sequence:07d}", "only {sequence:07d} may name a width")
        digits = int(width[1]) if width else digits
    return Scheme(text, names, digits)


def next_number(text: str, *, division: str, day: date) -> str:
    """The next number of a scheme; the caller's transaction holds it, its rollback gives it back.

    Parameters
    ----------
    division : str
        6 to 12 digits; the number bears the first six.
    day : date
        Day of issue: its year and month may stand in the number, and counting begins anew with them.

    Raises
    ------
    BadNumberScheme, NumbersUsedUp
    """
    scheme = read_scheme(text)
    values = {"division": division[:6], "year": f"{day.year:04d}", "month": f"{day.month:02d}"}
    counted = count(scheme.scope(values))
    if scheme.digits and counted >= 10**scheme.digits:
        raise NumbersUsedUp(
            f"编号规则 {text} 的{scheme.digits}位流水号在 {scheme.scope(values)} 内已用完，请调整规则。",
            f"The {scheme.digits} digits of scheme {text} are used up in {scheme.scope(values)}; widen the scheme.",
            scheme=text,
        )
    return scheme.number(values, counted)


def count(scope: str) -> int:
    """The next running number of a scope, from 1."""
    if not connection.in_atomic_block:
        raise Defect("编号必须在事务内取用。", "Numbers are drawn inside a transaction.")
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [scope])
        row = cursor.fetchone()
    return int(row[0])


def _bad(text: str, zh: str, en: str) -> BadNumberScheme:
    return BadNumberScheme(f"编号规则“{text}”有误：{zh}。", f"Number scheme “{text}” is wrong: {en}.", scheme=text)
