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
_PARTS = (("granted", "good"), ("refused", "plain"), ("open", "open"))


@dataclass(frozen=True)
class Part:
    """A piece of a bar in the look ``kind``: from ``x``, so wide, both in hundredths of the longest bar."""

    kind: str
    x: float
    width: float
    value: float


@dataclass(frozen=True)
class Bar:
    """One line of a drawing: its name, its pieces, and the number said beside it."""

    name: Pair
    parts: tuple[Part, ...]
    text: Pair


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


def throughput(rows: Sequence[Row]) -> tuple[Bar, ...]:
    """Cases granted, refused and open, stacked."""
    most = max((one.granted + one.refused + one.open for one in rows[:MOST_BARS]), default=0) or 1
    return tuple(
        Bar((one.name_zh, one.name_en), _stacked(one, most), (f"{one.received:,} 件", f"{one.received:,}"))
        for one in rows[:MOST_BARS]
    )


def _stacked(row: Row, most: int) -> tuple[Part, ...]:
    x, parts = 0.0, []
    for name, kind in _PARTS:
        value = getattr(row, name)
        parts.append(Part(kind, x, value * 100 / most, value))
        x += value * 100 / most
    return tuple(parts)


def time_used(rows: Sequence[Row]) -> tuple[Bar, ...]:
    """Mean workdays used before the promised ones, of cases that were decided."""
    known = [one for one in rows if one.days_used is not None][:MOST_BARS]
    most = max((max(one.days_used or 0, one.days_promised or 0) for one in known), default=0) or 1
    return tuple(_against_promise(one, most) for one in known)


def _against_promise(row: Row, most: float) -> Bar:
    used, promised = row.days_used or 0, row.days_promised or 0
    parts = (
        Part("promised", 0, promised * 100 / most, promised),
        Part("late" if promised and used > promised else "used", 0, used * 100 / most, used),
    )
    return Bar(
        (row.name_zh, row.name_en), parts, (f"{days(used)} / {days(promised)} 日", f"{days(used)} / {days(promised)} d")
    )


def days(value: float) -> str:
    """A mean of workdays to a tenth: closer than a case is handled it says nothing."""
    return f"{round(value, 1):g}"


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
        mean = "—" if one.days_used is None else f"{days(one.days_used)} / {days(one.days_promised or 0)}"
        found.append(Line((one.name_zh, one.name_en), one.key, (*cells, (mean, "")), COLUMNS))
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
