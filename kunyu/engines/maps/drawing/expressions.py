"""MapLibre expressions over whole columns: one evaluation per layer, not one per feature. 样式表达式.

An expression is JSON: a literal, or a list whose first member names an operator. Values are arrays of one value per
feature (``object`` for texts, with None for a missing value; ``float64`` for numbers; ``bool``), or one value that
holds for all. Supported are the operators in `OPERATORS`; a style that uses another one is refused when it is saved.
Semantics follow the MapLibre style specification, version 8.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kunyu.engines.maps.drawing.colours import COLOUR, mix
from kunyu.engines.maps.drawing.errors import BadStyle

_NOTHING = np.array(None, dtype=object)
"""What a missing value is compared with."""

MOST_DEEP = 24
MOST_PARTS = 25_000
_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_SUMS: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "min": np.fmin, "max": np.fmax,
}  # fmt: skip


@dataclass(frozen=True)
class Rows:
    """What an expression is evaluated over: attribute columns of ``count`` features, and the zoom of the map."""

    columns: Mapping[str, np.ndarray]
    count: int
    zoom: float
    geometry: str = "Polygon"


def evaluate(expression: Any, rows: Rows) -> Any:
    """The value of ``expression``: an array of ``rows.count`` values, or one value for all.

    Raises
    ------
    BadStyle
        An operator that is not supported, or a wrong number of members.
    """
    if not isinstance(expression, list):
        return expression
    if not expression or not isinstance(expression[0], str) or expression[0] not in OPERATORS:
        raise _unknown(expression)
    try:
        return OPERATORS[expression[0]](expression, rows)
    except (IndexError, TypeError, ValueError) as error:
        raise BadStyle(
            f"样式表达式 {expression[0]!r} 写得不对：{str(error)[:120]}。",
            f"The style expression {expression[0]!r} is malformed: {str(error)[:120]}.",
            operator=expression[0],
        ) from error


def check(expression: Any) -> None:
    """Refuse an expression that is too deep or too large, or names an unknown operator: :class:`BadStyle`."""
    parts = 0
    waiting: list[tuple[Any, int]] = [(expression, 0)]
    while waiting:
        one, depth = waiting.pop()
        parts += 1
        if depth > MOST_DEEP or parts > MOST_PARTS:
            raise BadStyle(
                f"样式表达式过深或过大（至多 {MOST_DEEP} 层、{MOST_PARTS} 项）。",
                f"The style expression is too deep or too large (at most {MOST_DEEP} levels, {MOST_PARTS} members).",
            )
        if not isinstance(one, list):
            continue
        if not one or not isinstance(one[0], str) or one[0] not in OPERATORS:
            raise _unknown(one)
        if one[0] == "literal":
            continue
        # labels of match may be lists of values, which are not expressions
        members = one[1:2] + one[3::2] + one[-1:] if one[0] == "match" else one[1:]
        if one[0] == "interpolate":
            members = one[2:]
        waiting += [(member, depth + 1) for member in members]


def attributes_of(expression: Any) -> set[str]:
    """Attribute codes that an expression reads."""
    if not isinstance(expression, list) or not expression or expression[0] == "literal":
        return set()
    if expression[0] in ("get", "has") and len(expression) > 1:
        return {str(expression[1])}
    return set().union(*(attributes_of(member) for member in expression[1:]))


def numbers(value: Any, count: int, default: float) -> np.ndarray:
    """``value`` as ``count`` float64; what is no number becomes ``default``."""
    found = np.broadcast_to(_as_number(value), (count,)).astype(float)
    return np.where(np.isnan(found), default, found)


def texts(value: Any, count: int) -> np.ndarray:
    """``value`` as ``count`` texts, '' where missing."""
    column = np.broadcast_to(np.asarray(value, dtype=object), (count,))
    return np.array([_text(one) for one in column], dtype=object)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:g}"
    return str(value)


def _as_number(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.astype(float)
    return _TO_NUMBER(value) if isinstance(value, np.ndarray) else _number(value)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return np.nan


_TO_NUMBER = np.vectorize(_number, otypes=[float])


def _unknown(expression: Any) -> BadStyle:
    name = expression[0] if isinstance(expression, list) and expression else expression
    return BadStyle(
        f"不支持样式表达式 {str(name)[:40]!r}；可用：{'、'.join(OPERATORS)}。",
        f"The style expression {str(name)[:40]!r} is not supported; use {', '.join(OPERATORS)}.",
    )


def _get(expression: list[Any], rows: Rows) -> Any:
    return rows.columns.get(str(expression[1]))


def _has(expression: list[Any], rows: Rows) -> Any:
    column = rows.columns.get(str(expression[1]))
    return False if column is None else np.not_equal(column, _NOTHING)


def _equal(left: Any, right: Any) -> Any:
    """Equality that says False, not an error, for values of different kinds."""
    left_many, right_many = isinstance(left, np.ndarray), isinstance(right, np.ndarray)
    if not left_many and not right_many:
        return left == right
    if left_many and left.dtype == float and right is None:
        return np.isnan(left)
    if left_many and left.dtype != object and isinstance(right, str):
        return np.zeros(len(left), dtype=bool)
    return np.asarray(left == right, dtype=bool) if left_many else np.asarray(right == left, dtype=bool)


def _comparison(expression: list[Any], rows: Rows) -> Any:
    name, left, right = expression[0], evaluate(expression[1], rows), evaluate(expression[2], rows)
    if name in ("==", "!="):
        same = _equal(left, right)
        return same if name == "==" else np.logical_not(same)
    with np.errstate(invalid="ignore"):
        if isinstance(left, str) or isinstance(right, str):
            return _COMPARED[name](texts(left, rows.count), texts(right, rows.count))
        return _COMPARED[name](_as_number(left), _as_number(right))


def _all(expression: list[Any], rows: Rows) -> Any:
    found: Any = True
    for one in expression[1:]:
        found = np.logical_and(found, _true(evaluate(one, rows)))
    return found


def _any(expression: list[Any], rows: Rows) -> Any:
    found: Any = False
    for one in expression[1:]:
        found = np.logical_or(found, _true(evaluate(one, rows)))
    return found


def _not(expression: list[Any], rows: Rows) -> Any:
    return np.logical_not(_true(evaluate(expression[1], rows)))


def _true(value: Any) -> Any:
    return np.asarray(value, dtype=bool) if isinstance(value, np.ndarray) else bool(value)


def _arithmetic(expression: list[Any], rows: Rows) -> Any:
    values = [_as_number(evaluate(one, rows)) for one in expression[1:]]
    if expression[0] == "-" and len(values) == 1:
        return -values[0]
    found = values[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        for one in values[1:]:
            found = _SUMS[expression[0]](found, one)
    return found


def _pick(places: np.ndarray, outputs: list[Any], rows: Rows) -> Any:
    """The output that each row's place names; outputs are evaluated, and only those that are used."""
    first = next((value for value in (evaluate(one, rows) for one in outputs) if value is not None), None)
    is_number = isinstance(first, (int, float, np.number)) and not isinstance(first, bool)
    found = np.full(rows.count, np.nan, dtype=float) if is_number else np.full(rows.count, None, dtype=object)
    for place in np.unique(places):
        value = evaluate(outputs[place], rows)
        chosen = places == place
        if isinstance(value, np.ndarray):
            value = value[chosen]
        found[chosen] = _as_number(value) if is_number else value
    return found


def _match(expression: list[Any], rows: Rows) -> Any:
    tested = evaluate(expression[1], rows)
    pairs, default = expression[2:-1], expression[-1]
    if len(pairs) % 2:
        raise ValueError("match needs pairs and a default")
    outputs = [*pairs[1::2], default]
    places: dict[Any, int] = {}
    for place, label in enumerate(pairs[::2]):
        for one in label if isinstance(label, list) else [label]:
            places.setdefault(one, place)
    if not isinstance(tested, np.ndarray):
        return evaluate(outputs[places.get(tested, len(outputs) - 1)], rows)
    kinds, inverse = _unique(tested)
    of_kind = np.array([places.get(kind, len(outputs) - 1) for kind in kinds], dtype=int)
    return _pick(of_kind[inverse], outputs, rows)


def _unique(values: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """Distinct values and the place of each row's value among them; None and mixed kinds are allowed."""
    if values.dtype != object:
        kinds, inverse = np.unique(values, return_inverse=True)
        return kinds.tolist(), inverse
    import pandas

    inverse, found = pandas.factorize(values, use_na_sentinel=False)
    return list(found), inverse


def _case(expression: list[Any], rows: Rows) -> Any:
    conditions, outputs = expression[1:-1:2], [*expression[2:-1:2], expression[-1]]
    if len(conditions) != len(outputs) - 1:
        raise ValueError("case needs pairs and a default")
    places = np.full(rows.count, len(outputs) - 1)
    for place in reversed(range(len(conditions))):
        places[np.broadcast_to(_true(evaluate(conditions[place], rows)), (rows.count,))] = place
    return _pick(places, outputs, rows)


def _step(expression: list[Any], rows: Rows) -> Any:
    tested = _as_number(evaluate(expression[1], rows))
    outputs, stops = [expression[2], *expression[4::2]], np.array(expression[3::2], dtype=float)
    if len(stops) != len(outputs) - 1 or np.any(np.diff(stops) <= 0):
        raise ValueError("step needs ascending stops")
    places = np.searchsorted(stops, tested, side="right")
    if isinstance(tested, np.ndarray):
        # what is no number takes the first output, as MapLibre's fallback of a missing input does
        return _pick(np.where(np.isnan(tested), 0, places), outputs, rows)
    return evaluate(outputs[int(places)], rows)


def _interpolate(expression: list[Any], rows: Rows) -> Any:
    kind, tested = expression[1], _as_number(evaluate(expression[2], rows))
    stops, outputs = np.array(expression[3::2], dtype=float), [evaluate(one, rows) for one in expression[4::2]]
    if kind[0] not in ("linear", "exponential") or len(stops) != len(outputs) or not len(stops):
        raise ValueError("interpolate knows linear and exponential, with pairs of stops")
    if np.any(np.diff(stops) <= 0):
        raise ValueError("interpolate needs ascending stops")
    base = float(kind[1]) if kind[0] == "exponential" else 1.0
    place = np.clip(np.searchsorted(stops, tested, side="right") - 1, 0, max(len(stops) - 2, 0))
    low, high = stops[place], stops[np.minimum(place + 1, len(stops) - 1)]
    width = np.where(high > low, high - low, 1.0)
    share = np.clip((tested - low) / width, 0, 1)
    if base != 1.0:
        share = (base ** (share * width) - 1) / (base**width - 1)
    if isinstance(outputs[0], str):
        return mix(outputs, place, np.minimum(place + 1, len(stops) - 1), share)
    heights = np.array([float(one) for one in outputs])
    found = heights[place] + (heights[np.minimum(place + 1, len(stops) - 1)] - heights[place]) * share
    return found if isinstance(tested, np.ndarray) else float(found)


def _coalesce(expression: list[Any], rows: Rows) -> Any:
    found = np.full(rows.count, None, dtype=object)
    for one in reversed(expression[1:]):
        value = np.broadcast_to(np.asarray(evaluate(one, rows), dtype=object), (rows.count,))
        found = np.where(np.equal(value, _NOTHING), found, value)
    return found


def _concat(expression: list[Any], rows: Rows) -> Any:
    found = np.full(rows.count, "", dtype=object)
    for one in expression[1:]:
        found = found + texts(evaluate(one, rows), rows.count)
    return found


def _in(expression: list[Any], rows: Rows) -> Any:
    needle, hay = evaluate(expression[1], rows), evaluate(expression[2], rows)
    wanted = set(hay if isinstance(hay, list) else [hay])
    if not isinstance(needle, np.ndarray):
        return needle in wanted
    kinds, inverse = _unique(needle)
    return np.array([kind in wanted for kind in kinds], dtype=bool)[inverse]


def _to_string(expression: list[Any], rows: Rows) -> Any:
    return texts(evaluate(expression[1], rows), rows.count)


def _to_number(expression: list[Any], rows: Rows) -> Any:
    return _as_number(evaluate(expression[1], rows))


def _literal(expression: list[Any], rows: Rows) -> Any:
    return expression[1]


def _zoom(expression: list[Any], rows: Rows) -> float:
    return rows.zoom


def _geometry(expression: list[Any], rows: Rows) -> str:
    return rows.geometry


OPERATORS: dict[str, Callable[[list[Any], Rows], Any]] = {
    "literal": _literal, "get": _get, "has": _has, "match": _match, "case": _case, "step": _step,
    "interpolate": _interpolate, "coalesce": _coalesce, "concat": _concat, "in": _in, "zoom": _zoom,
    "to-string": _to_string, "to-number": _to_number, "geometry-type": _geometry, "all": _all, "any": _any, "!": _not,
    **dict.fromkeys(("==", "!=", *_COMPARED), _comparison), **dict.fromkeys(_SUMS, _arithmetic),
}  # fmt: skip

__all__ = ["COLOUR", "OPERATORS", "Rows", "attributes_of", "check", "evaluate", "numbers", "texts"]
