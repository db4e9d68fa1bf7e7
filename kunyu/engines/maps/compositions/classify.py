"""Values of an attribute sorted into classes, over the rows that a person may query. 分级.

Methods: ``unique`` values, ``equal`` interval, ``quantile``, ``jenks`` natural breaks, ``deviation`` (steps of the standard
deviation about the mean). Breaks are lower bounds: a class holds its lower bound and not its upper one, the last class
both. Attributes that the caller sees masked are refused: classes would tell their values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kunyu.engines.catalogue.served import queries
from kunyu.engines.catalogue.served.layers import ServedLayer, code_names, record_read
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.catalogue.served.serving import fetch
from kunyu.engines.maps import styles
from kunyu.engines.maps.compositions.errors import BadClasses
from kunyu.engines.maps.compositions.ramps import RAMPS, Ramp
from kunyu.engines.security.scope import Principal

METHODS = {
    "unique": ("单值", "unique values"), "equal": ("等间隔", "equal interval"), "quantile": ("分位数", "quantile"),
    "jenks": ("自然间断", "natural breaks (Jenks)"), "deviation": ("标准差", "standard deviation"),
}  # fmt: skip
MOST_BREAKS = 12
MOST_UNIQUE = 200
MOST_ROWS = 1_000_000
_JENKS_VALUES = 1_500
"""Distinct values the exact algorithm takes; more are first gathered into as many quantiles."""


@dataclass(frozen=True)
class Wanted:
    """A classification as it is asked for."""

    field: str
    method: str
    count: int = 5
    ramp: str = ""


@dataclass(frozen=True)
class Class:
    """One class: its value, or its bounds; how many rows it holds."""

    colour: str
    count: int
    value: str | None = None
    low: float | None = None
    high: float | None = None
    text_zh: str = ""
    text_en: str = ""


@dataclass(frozen=True)
class Classified:
    """Classes with the colour expression that draws them; ``rows`` counted, ``missing`` without a value."""

    wanted: Wanted
    classes: tuple[Class, ...]
    expression: list[Any]
    rows: int
    missing: int
    mean: float | None = None
    deviation: float | None = None


def classify(principal: Principal, selection: Selection, wanted: Wanted) -> Classified:
    """Sort the rows of ``selection`` into classes by one attribute.

    Raises
    ------
    BadClasses
        An unknown field, method or ramp; text by breaks; a number of classes out of range.
    FieldMasked
        The caller sees the attribute masked.
    """
    layer = selection.layer
    field, ramp = _checked(layer, selection, wanted)
    record_read(principal, layer, None, "features")
    if wanted.method == "unique":
        return _unique(selection, wanted, ramp)
    values, total = _values(selection, wanted.field)
    if not len(values):
        raise _bad(
            f"字段 {wanted.field}（{field.name_zh}）在所选记录中没有数值", f"{wanted.field} has no values in these rows"
        )
    bounds = breaks(values, wanted.method, wanted.count)
    colours = ramp.take(len(bounds) - 1)
    counts = np.histogram(values, bounds)[0]
    classes = tuple(
        Class(colours[place], int(counts[place]), None, float(bounds[place]), float(bounds[place + 1]),
              f"{_number(bounds[place])} – {_number(bounds[place + 1])}", "")
        for place in range(len(colours))
    )  # fmt: skip
    inner = [part for one in classes[1:] for part in (one.low, one.colour)]
    number: Any = ["to-number", ["get", wanted.field]]
    stepped: Any = ["step", number, classes[0].colour, *inner] if inner else classes[0].colour
    expression = ["case", ["==", ["get", wanted.field], None], "#d9d9d9", stepped]
    return Classified(
        wanted, classes, expression, total, total - len(values), float(values.mean()), float(values.std())
    )


def _checked(layer: ServedLayer, selection: Selection, wanted: Wanted) -> tuple[Any, Ramp]:
    field = layer.fields.get(wanted.field)
    if field is None:
        raise _bad(
            f"{layer.collection} 没有字段 {wanted.field[:40]!r}；可用：{'、'.join(layer.fields)}",
            f"{layer.collection} has no field {wanted.field[:40]!r}; it has {', '.join(layer.fields)}",
        )
    queries.require_clear(layer, selection.granted, wanted.field)
    if wanted.method not in METHODS:
        raise _bad(
            f"没有分级方法 {wanted.method[:20]!r}；可用：{'、'.join(METHODS)}",
            f"There is no method {wanted.method[:20]!r}; use {', '.join(METHODS)}",
        )
    is_number = field.type in ("Float", "Int")
    if wanted.method != "unique":
        if not is_number:
            raise _bad(
                f"字段 {wanted.field}（{field.name_zh}）是{_kind_zh(field.type)}，不能按{METHODS[wanted.method][0]}分级；请用单值",
                f"{wanted.field} is not a number and cannot be classed by {METHODS[wanted.method][1]}; use unique values",
            )
        if not 1 <= wanted.count <= MOST_BREAKS:
            raise _bad(f"{wanted.count} 级不可用；1–{MOST_BREAKS} 级", f"{wanted.count} classes: use 1–{MOST_BREAKS}")
    name = wanted.ramp or ("Okabe" if wanted.method == "unique" else "YlGnBu")
    if name not in RAMPS:
        raise _bad(
            f"没有色带 {name[:20]!r}；可用：{'、'.join(RAMPS)}", f"No ramp {name[:20]!r}; use {', '.join(RAMPS)}"
        )
    return field, RAMPS[name]


def _kind_zh(kind: str) -> str:
    return {"Date": "日期", "DateTime": "时刻"}.get(kind, "文本")


def _bad(zh: str, en: str) -> BadClasses:
    return BadClasses(f"{zh}。", f"{en}.")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _values(selection: Selection, code: str) -> tuple[np.ndarray, int]:
    """The attribute as one array, and how many rows there are; one array from the database, no row by row."""
    inner, parameters = queries.rows(selection, [f"{queries.quoted(code)}::float8 AS v"])
    statement = f"SELECT array_agg(v) FILTER (WHERE v IS NOT NULL), count(*) FROM (SELECT v FROM ({inner}) q LIMIT {MOST_ROWS + 1}) n"
    values, total = fetch(selection.granted, statement, parameters, prepare=False)[0]
    if total > MOST_ROWS:
        raise _bad(
            f"所选记录超过 {MOST_ROWS:,} 条；请缩小范围或加过滤条件",
            f"There are more than {MOST_ROWS:,} rows: choose a smaller area or add a filter",
        )
    found = np.array(values or [], dtype=float)
    return found[np.isfinite(found)], int(total)


def _unique(selection: Selection, wanted: Wanted, ramp: Ramp) -> Classified:
    layer, code = selection.layer, wanted.field
    inner, parameters = queries.rows(selection, [f"{queries.quoted(code)}::text AS v"])
    statement = f"SELECT v, count(*) FROM ({inner}) q GROUP BY v ORDER BY count(*) DESC, v LIMIT {MOST_UNIQUE + 2}"
    rows = fetch(selection.granted, statement, parameters, prepare=False)
    missing = sum(count for value, count in rows if value is None)
    found = [(str(value), int(count)) for value, count in rows if value is not None]
    if len(found) > MOST_UNIQUE:
        raise _bad(
            f"字段 {code} 有 {MOST_UNIQUE} 个以上不同的值，图例无法阅读；请换字段，或用分级方法",
            f"{code} has more than {MOST_UNIQUE} different values; choose another field or a method with breaks",
        )
    if not found:
        raise _bad(f"字段 {code} 在所选记录中没有值", f"{code} has no values in these rows")
    field = layer.fields[code]
    names = code_names(layer.standard_id, field.codelist) if field.codelist else {}
    official = {one.code: one for one in styles.legend(layer)} if field is layer.class_field and not wanted.ramp else {}
    found.sort(key=lambda one: one[0])
    colours = ramp.take(len(found))
    classes = tuple(
        Class(
            official[value].colour if value in official else colours[place], count, value, None, None,
            f"{value} {names.get(value, '')}".strip(),
            f"{value} {official[value].name_en}" if value in official and official[value].name_en else "",
        )
        for place, (value, count) in enumerate(found)
    )  # fmt: skip
    pairs = [part for one in classes for part in (one.value, one.colour)]
    expression = ["match", ["to-string", ["get", code]], *pairs, "#d9d9d9"]
    return Classified(wanted, classes, expression, sum(one.count for one in classes) + missing, missing)


def breaks(values: np.ndarray, method: str, count: int) -> np.ndarray:
    """Bounds of the classes, ascending and distinct; fewer than asked for where the values do not allow so many.

    Parameters
    ----------
    values : float64[n], finite, n >= 1
    """
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.array([low, np.nextafter(high, np.inf)])
    if method == "equal":
        return np.linspace(low, high, count + 1)
    if method == "quantile":
        return np.unique(np.quantile(values, np.linspace(0, 1, count + 1)))
    if method == "deviation":
        return _by_deviation(values, count, low, high)
    return jenks(values, count)


def _by_deviation(values: np.ndarray, count: int, low: float, high: float) -> np.ndarray:
    """Bounds one standard deviation apart, symmetrical about the mean, cut to the range of the values."""
    mean, deviation = float(values.mean()), float(values.std())
    inner = mean + deviation * (np.arange(1, count) - count / 2)
    return np.unique(np.concatenate([[low], inner[(inner > low) & (inner < high)], [high]]))


def jenks(values: np.ndarray, count: int) -> np.ndarray:
    """Natural breaks: the classes with the least sum of squared deviations within them (Fisher 1958, Jenks 1977).

    Exact for up to 1,500 distinct values, by dynamic programming whose inner step is one array operation; more values
    are gathered into 1,500 quantile groups first.
    """
    kinds, weights = np.unique(values, return_counts=True)
    if len(kinds) > _JENKS_VALUES:
        edges = np.unique(np.quantile(values, np.linspace(0, 1, _JENKS_VALUES + 1)))
        group = np.clip(np.searchsorted(edges, kinds, side="right") - 1, 0, len(edges) - 2)
        totals = np.bincount(group, weights * kinds, len(edges) - 1)
        sizes = np.bincount(group, weights, len(edges) - 1)
        starts = kinds[np.searchsorted(group, np.flatnonzero(sizes))]
        kinds, weights = totals[sizes > 0] / sizes[sizes > 0], sizes[sizes > 0]
    else:
        starts = kinds
    count = min(count, len(kinds))
    first = _best_starts(kinds, weights.astype(float), count)
    found = np.unique(np.concatenate([[values.min()], starts[first[1:]]]))
    high = float(values.max())
    # the largest value may be a class of its own: its upper bound is the next number
    return np.append(found, high if high > found[-1] else np.nextafter(high, np.inf))


def _best_starts(kinds: np.ndarray, weights: np.ndarray, count: int) -> np.ndarray:
    """Where each class begins among ascending ``kinds``."""
    size = len(kinds)
    centred = kinds - np.average(kinds, weights=weights)  # keeps the differences of squares exact enough
    w = np.concatenate([[0.0], np.cumsum(weights)])
    s = np.concatenate([[0.0], np.cumsum(weights * centred)])
    q = np.concatenate([[0.0], np.cumsum(weights * centred**2)])
    rows, columns = np.arange(size)[:, None], np.arange(1, size + 1)[None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        within = (q[columns] - q[rows]) - (s[columns] - s[rows]) ** 2 / (w[columns] - w[rows])
    within = np.where(columns > rows, within, np.inf)  # within[i, j-1]: cost of the class of kinds[i:j]
    best, chosen = within[0].copy(), []
    for _ in range(1, count):
        # kinds[:i] in the classes so far, kinds[i:j] in the next one
        totals = np.concatenate([[np.inf], best[:-1]])[:, None] + within
        at = np.argmin(totals, axis=0)
        chosen.append(at)
        best = totals[at, np.arange(size)]
    starts, end = [], size - 1
    for at in reversed(chosen):
        starts.append(int(at[end]))
        end = int(at[end]) - 1
    return np.array([0, *reversed(starts)], dtype=int)


def style_of(layer: ServedLayer, classified: Classified) -> list[dict[str, Any]]:
    """MapLibre style layers that draw the classes, with the legend as metadata."""
    kind = {"Polygon": "fill", "LineString": "line"}.get(layer.geometry, "circle")
    listed = [{"colour": one.colour, "zh": one.text_zh, "en": one.text_en} for one in classified.classes]
    paint: Mapping[str, Any] = {
        "fill": {"fill-color": classified.expression, "fill-opacity": 0.9},
        "line": {"line-color": classified.expression, "line-width": 2},
        "circle": {
            "circle-color": classified.expression, "circle-radius": 5, "circle-stroke-color": "#ffffff",
            "circle-stroke-width": 1,
        },
    }[kind]  # fmt: skip
    common = {"source": layer.collection, "source-layer": layer.collection}
    main = {"id": f"{layer.collection}:classes", "type": kind, **common, "paint": dict(paint),
            "metadata": {"kunyu:legend": listed}}  # fmt: skip
    if kind != "fill":
        return [main]
    outline = {"id": f"{layer.collection}:outline", "type": "line", **common, "minzoom": 13,
               "paint": {"line-color": "#5f5f5f", "line-width": 0.4}}  # fmt: skip
    return [main, outline]
