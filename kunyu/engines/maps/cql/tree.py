"""The tree both encodings of CQL2 become, built within the limits: operators in the words of CQL2 JSON. 语法树."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

import shapely

from kunyu.engines.maps.cql.errors import BadFilter
from kunyu.engines.maps.cql.limits import Counter, require_depth

MOST_DIGITS, MOST_EXPONENT = 40, 30


@dataclass(frozen=True)
class Property:
    """A queryable, by its name."""

    name: str


@dataclass(frozen=True)
class Shape:
    """A geometry literal as written: coordinates in the axis order of ``filter-crs``."""

    geometry: shapely.Geometry


@dataclass(frozen=True)
class Box:
    """A ``BBOX`` literal: four numbers, or six with heights, in the axis order of ``filter-crs``."""

    numbers: tuple[float, ...]


@dataclass(frozen=True)
class Interval:
    """Two ends, both included; None is open."""

    start: date | datetime | None
    end: date | datetime | None


@dataclass(frozen=True)
class Listed:
    """The right side of IN."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Operation:
    """``name`` as CQL2 JSON has it in ``op``, lower case; ``depth`` levels of operations lie in it."""

    name: str
    args: tuple[Node, ...]
    depth: int


Node = Operation | Property | Shape | Box | Interval | Listed | str | bool | Decimal | date | datetime


class Builder:
    """Makes the nodes of one filter and counts them."""

    def __init__(self) -> None:
        self._counter = Counter()

    def operation(self, name: str, args: Sequence[Node]) -> Operation:
        """An operation; AND in AND and OR in OR become one, so that a long chain is no deep one."""
        self._counter.term()
        name = name.lower()
        if name in ("and", "or"):
            args = [inner for one in args for inner in _unfolded(name, one)]
        depth = 1 + max((_depth(one) for one in args), default=0)
        require_depth(depth)
        return Operation(name, tuple(args), depth)

    def property(self, name: str) -> Property:
        self._counter.term()
        return Property(name)

    def listed(self, items: Sequence[Node]) -> Listed:
        self._counter.term(len(items))
        return Listed(tuple(items))

    def number(self, text: str) -> Decimal:
        """A number with at most ``MOST_DIGITS`` digits and an exponent of at most ``MOST_EXPONENT``."""
        self._counter.term()
        try:
            value = Decimal(text)
        except InvalidOperation:
            raise BadFilter(f"{text[:40]!r} 不是数。", f"{text[:40]!r} is no number.") from None
        if not value.is_finite() or len(value.as_tuple().digits) > MOST_DIGITS or abs(value.adjusted()) > MOST_EXPONENT:
            raise BadFilter(
                f"数 {text[:40]} 超出范围：最多 {MOST_DIGITS} 位，指数不超过 ±{MOST_EXPONENT}。",
                f"The number {text[:40]} is out of range: at most {MOST_DIGITS} digits, exponent within ±{MOST_EXPONENT}.",
            )
        return value

    def string(self, text: str) -> str:
        self._counter.term()
        if "\0" in text:
            raise BadFilter("文本中有空字符。", "A text contains a NUL character.")
        return text

    def shape(self, geometry: shapely.Geometry) -> Shape:
        """A geometry literal: valid, finite, not empty, two-dimensional from here on."""
        self._counter.term()
        self._counter.shape(int(shapely.get_num_coordinates(geometry)))
        if not all(map(math.isfinite, shapely.bounds(geometry))):
            raise BadFilter("几何为空，或坐标不是有限的数。", "A geometry is empty, or a coordinate is not finite.")
        if not shapely.is_valid(geometry):
            reason = shapely.is_valid_reason(geometry)[:100]
            raise BadFilter(
                f"几何无效（{reason}），请修正后再查询。", f"A geometry is invalid ({reason}); mend it first."
            )
        return Shape(shapely.force_2d(geometry))

    def box(self, numbers: Sequence[float]) -> Box:
        self._counter.term()
        if len(numbers) not in (4, 6) or not all(map(math.isfinite, numbers)):
            raise BadFilter("BBOX 应为 4 个或 6 个数。", "BBOX takes four or six numbers.")
        return Box(tuple(numbers))

    def day(self, text: str) -> date:
        self._counter.term()
        try:
            return date.fromisoformat(text if len(text) == 10 else "-")
        except ValueError:
            raise BadFilter(
                f"{text[:40]!r} 不是日期，应如 2025-12-31。", f"{text[:40]!r} is no date; write 2025-12-31."
            ) from None

    def instant(self, text: str) -> datetime:
        self._counter.term()
        try:
            value = datetime.fromisoformat(text)
            if value.tzinfo is None:
                raise ValueError
            return value
        except ValueError:
            raise BadFilter(
                f"{text[:40]!r} 不是带时区的时刻，应如 2025-12-31T00:00:00Z。",
                f"{text[:40]!r} is no instant with its zone; write 2025-12-31T00:00:00Z.",
            ) from None

    def interval(self, start: str, end: str) -> Interval:
        """``..`` or an empty text is an open end."""
        found = Interval(*(self._end(text) for text in (start, end)))
        if type(found.start) is type(found.end) and found.start is not None and found.start > found.end:  # type: ignore[operator]
            raise BadFilter(
                f"时间区间的起点 {start} 晚于终点 {end}。", f"The interval begins at {start}, after its end {end}."
            )
        return found

    def _end(self, text: str) -> date | datetime | None:
        if text in ("..", ""):
            return None
        return self.day(text) if len(text) == 10 else self.instant(text)


def _unfolded(name: str, node: Node) -> tuple[Node, ...]:
    return node.args if isinstance(node, Operation) and node.name == name else (node,)


def _depth(node: Node) -> int:
    if isinstance(node, Listed):
        return max((_depth(one) for one in node.items), default=0)
    return node.depth if isinstance(node, Operation) else 0
