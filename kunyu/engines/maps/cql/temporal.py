"""The temporal functions of CQL2 (Allen's relations), over ends that are both included. 时间关系."""

from __future__ import annotations

from kunyu.engines.maps.cql.errors import BadFilter
from kunyu.engines.maps.cql.values import TIMES, Kind, Value

_EITHER = {
    "t_after": "{a0} > {b1}",
    "t_before": "{a1} < {b0}",
    "t_disjoint": "({a1} < {b0} OR {a0} > {b1})",
    "t_equals": "({a0} = {b0} AND {a1} = {b1})",
    "t_intersects": "({a0} <= {b1} AND {a1} >= {b0})",
}
_INTERVALS = {
    "t_contains": "({a0} < {b0} AND {a1} > {b1})",
    "t_during": "({a0} > {b0} AND {a1} < {b1})",
    "t_finishedby": "({a0} < {b0} AND {a1} = {b1})",
    "t_finishes": "({a0} > {b0} AND {a1} = {b1})",
    "t_meets": "{a1} = {b0}",
    "t_metby": "{a0} = {b1}",
    "t_overlappedby": "({a0} > {b0} AND {a0} < {b1} AND {a1} > {b1})",
    "t_overlaps": "({a0} < {b0} AND {a1} > {b0} AND {a1} < {b1})",
    "t_startedby": "({a0} = {b0} AND {a1} > {b1})",
    "t_starts": "({a0} = {b0} AND {a1} < {b1})",
}
FUNCTIONS = (*_EITHER, *_INTERVALS)
_INSTANT_INSIDE = ("t_during", "t_contains")


def temporal_sql(name: str, left: Value, right: Value) -> str:
    """SQL of one temporal function.

    Where one side knows days only, both are compared by days: the day of an instant is that of the node's clock.

    Raises
    ------
    BadFilter
        A side is no time, or is an instant where the standard wants an interval.
    """
    for side in (left, right):
        if side.kind not in TIMES or side.ends is None:
            raise BadFilter(
                f"{name.upper()} 的参数须是日期、时刻或区间，得到的是{side.kind.zh}。日期写作 DATE('2025-12-31')。",
                f"{name.upper()} takes dates, instants or intervals, not a {side.kind.en}. Write DATE('2025-12-31').",
            )
    is_interval = Kind.PERIOD in (left.kind, right.kind)
    if name in _INTERVALS and not (is_interval if name in _INSTANT_INSIDE else left.kind is right.kind is Kind.PERIOD):
        raise BadFilter(f"{name.upper()} 须比较两个时间区间。", f"{name.upper()} compares two intervals.")
    return _compared((_EITHER | _INTERVALS)[name], left, right)


def compared_sql(operator: str, left: Value, right: Value) -> str:
    """SQL of ``=``, ``<`` … between two points in time."""
    return _compared(f"{{a0}} {operator} {{b0}}", left, right)


def _compared(template: str, left: Value, right: Value) -> str:
    assert left.ends is not None and right.ends is not None
    a, b = left.ends, right.ends
    if a.is_day or b.is_day:
        a, b = a.as_days(), b.as_days()
    return template.format(a0=a.start, a1=a.end, b0=b.start, b1=b.end)
