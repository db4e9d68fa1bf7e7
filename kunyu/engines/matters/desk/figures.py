"""Statistics drawn as bars: counts and workdays, each number with the list it counts. 统计图."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from kunyu.engines.matters.cases.statistics import PersonRow, Row
from kunyu.engines.matters.desk.lists import HERE, address
from kunyu.engines.pages.words import Pair

BY: Mapping[str, Pair] = {
    "matter": ("按事项", "By matter"), "office": ("按地区", "By office"), "person": ("按人员", "By person"),
}  # fmt: skip
MOST_BARS = 20
_WIDTH, _LEFT, _ROW, _NUMBERS = 720.0, 240.0, 34.0, 90.0
_PARTS = (("granted", "good"), ("refused", "plain"), ("open", "open"))


@dataclass(frozen=True)
class Part:
    """A piece of a bar: from ``x``, so wide, in the look ``kind``."""

    kind: str
    x: float
    width: float
    value: float


@dataclass(frozen=True)
class Bar:
    """One line of a drawing."""

    name: Pair
    y: float
    parts: tuple[Part, ...]
    text: Pair
    text_x: float


@dataclass(frozen=True)
class Bars:
    """A drawing in its own units."""

    width: float
    height: float
    left: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Line:
    """A line of the table: its name, and each number with the address of its list ('' where none can be opened)."""

    name: Pair
    note: str
    cells: tuple[tuple[str, str], ...]
    columns: tuple[Pair, ...]

    @property
    def table(self) -> tuple[tuple[str, str, Pair], ...]:
        """Each number with its list and its column."""
        return tuple((*cell, column) for cell, column in zip(self.cells, self.columns, strict=True))


def throughput(rows: Sequence[Row]) -> Bars:
    """Cases granted, refused and open, stacked."""
    most = max((one.granted + one.refused + one.open for one in rows[:MOST_BARS]), default=0) or 1
    scale = (_WIDTH - _LEFT - _NUMBERS) / most
    found = []
    for at, one in enumerate(rows[:MOST_BARS]):
        x, parts = _LEFT, []
        for name, kind in _PARTS:
            value = getattr(one, name)
            parts.append(Part(kind, round(x, 1), round(value * scale, 1), value))
            x += value * scale
        text = (f"{one.received} 件", str(one.received))
        found.append(Bar((one.name_zh, one.name_en), at * _ROW + 6, tuple(parts), text, round(x + 8, 1)))
    return Bars(_WIDTH, max(len(found), 1) * _ROW + 12, _LEFT, tuple(found))


def time_used(rows: Sequence[Row]) -> Bars:
    """Mean workdays used before the promised ones, of cases that were decided."""
    known = [one for one in rows if one.days_used is not None][:MOST_BARS]
    most = max((max(one.days_used or 0, one.days_promised or 0) for one in known), default=0) or 1
    scale = (_WIDTH - _LEFT - _NUMBERS) / most
    found = []
    for at, one in enumerate(known):
        used, promised = one.days_used or 0, one.days_promised or 0
        parts = (
            Part("promised", _LEFT, round(promised * scale, 1), promised),
            Part("late" if promised and used > promised else "used", _LEFT, round(used * scale, 1), used),
        )
        text = (f"{used:g} / {promised:g} 日", f"{used:g} / {promised:g} d")
        end = _LEFT + max(used, promised) * scale + 8
        found.append(Bar((one.name_zh, one.name_en), at * _ROW + 6, parts, text, round(end, 1)))
    return Bars(_WIDTH, max(len(found), 1) * _ROW + 12, _LEFT, tuple(found))


COLUMNS: tuple[Pair, ...] = (
    ("收件", "Received"), ("受理", "Accepted"), ("不予受理", "Not accepted"), ("准予", "Granted"), ("不予", "Refused"),
    ("撤回", "Withdrawn"), ("未办结", "Open"), ("超期", "Overdue"), ("平均用时 / 承诺（工作日）", "Mean days used / promised"),
)  # fmt: skip
PERSON_COLUMNS: tuple[Pair, ...] = (
    ("办理次数", "Acts"), ("办件数", "Cases"), ("决定", "Decisions"), ("在手", "In hand"), ("在手超期", "of those overdue"),
)  # fmt: skip
_MEASURED = ("accepted", "not_accepted", "granted", "refused", "withdrawn", "open", "overdue")


def lines(rows: Sequence[Row], by: str, since: date, until: date) -> tuple[Line, ...]:
    """Lines by matter or office; ``by`` '' is the total."""
    narrowed = {"matter": "matter", "office": "county"}
    found = []
    for one in rows:
        asked = {"submitted_from": since, "submitted_to": until}
        if by in narrowed:
            asked[narrowed[by]] = one.key  # type: ignore[assignment]
        cells = [(f"{one.received:,}", _list("all", asked))]
        cells += [(f"{getattr(one, name):,}", _list("all", asked | {"measure": name})) for name in _MEASURED]
        days = "—" if one.days_used is None else f"{one.days_used:g} / {one.days_promised or 0:g}"
        found.append(Line((one.name_zh, one.name_en), one.key, (*cells, (days, "")), COLUMNS))
    return tuple(found)


def tiles(total: Row, since: date, until: date) -> list[tuple[Pair, str, str, bool]]:
    """The totals: title, number, its list, and whether it is bad news."""
    line = lines([total], "", since, until)[0]
    late = COLUMNS.index(("超期", "Overdue"))
    return [
        (column, text, href, at == late and total.overdue > 0) for at, (text, href, column) in enumerate(line.table)
    ]


def person_lines(rows: Sequence[PersonRow], since: date, until: date) -> tuple[Line, ...]:
    """Lines by officer."""
    within = {"acted_from": since, "acted_to": until}
    return tuple(
        Line((one.name_zh or one.key, one.key), one.key, (
            (f"{one.acts:,}", ""),
            (f"{one.cases:,}", _list("all", {"actor": one.key, **within})),
            (f"{one.decisions:,}", _list("all", {"decider": one.key, **within})),
            (f"{one.in_hand:,}", _list("open", {"assignee": one.key})),
            (f"{one.overdue:,}", _list("open", {"assignee": one.key, "colour": "4"})),
        ), PERSON_COLUMNS)
        for one in rows
    )  # fmt: skip


def _list(which: str, asked: Mapping[str, Any]) -> str:
    return f"{address(which)}?{urlencode(asked)}"


def here(by: str, since: date, until: date) -> str:
    """Address of the statistics of a period."""
    return f"{HERE}statistics/?{urlencode({'by': by, 'since': since, 'until': until})}"
