"""Which rows of a layer table a request means, as SQL with named parameters. Every predicate of a read is made here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import shapely

from kunyu.engines.maps.layers import ServedLayer
from kunyu.engines.maps.moments import Moment
from kunyu.engines.security.scope import Scope


@dataclass(frozen=True)
class Selection:
    """Rows of ``layer`` inside ``granted``, true and known at ``moment``; the rest narrows them.

    ``moment.known_at`` is None exactly when the present belief is meant: then one partial index answers.
    ``area`` is in degrees lon/lat, ``equals`` maps attribute codes to typed values.
    """

    layer: ServedLayer
    granted: Scope
    moment: Moment
    area: shapely.Geometry | None = None
    equals: Mapping[str, Any] = field(default_factory=dict)
    after_fid: int | None = None
    feature: str | None = None


def quoted(column: str) -> str:
    """A column of a layer table as an SQL name; attribute codes come from the standard, never from a request."""
    return '"' + column.replace('"', '""') + '"'


def rows(selection: Selection, columns: Iterable[str], narrowing: tuple[str, Mapping[str, Any]] = ("", {})) -> tuple[str, dict[str, Any]]:
    """A SELECT of ``columns`` for psycopg with its named parameters.

    A past belief is read as two branches, one per partial index (rows still believed, rows no longer believed).
    ``narrowing`` is one more condition with its parameters.
    """
    listed = ", ".join(columns)
    conditions, parameters = _conditions(selection)
    if narrowing[0]:
        conditions.append(narrowing[0])
        parameters.update(narrowing[1])
    table = selection.layer.table
    if selection.moment.known_at is None:
        return f"SELECT {listed} FROM {table} WHERE {' AND '.join(['upper_inf(known)', *conditions])}", parameters
    parameters["known_at"] = selection.moment.known_at
    branches = [
        f"SELECT {listed} FROM {table} WHERE {' AND '.join([believed, 'known @> %(known_at)s::timestamptz', *conditions])}"
        for believed in ("upper_inf(known)", "NOT upper_inf(known)")
    ]
    return " UNION ALL ".join(branches), parameters


def _conditions(selection: Selection) -> tuple[list[str], dict[str, Any]]:
    conditions, parameters = _valid(selection.moment)
    allowed, prefixes = selection.granted.predicate()
    if allowed != "TRUE":
        for number, prefix in enumerate(prefixes):
            allowed = allowed.replace("%s", f"%(prefix_{number})s", 1)
            parameters[f"prefix_{number}"] = prefix
        conditions.append(allowed)
    if selection.area is not None:
        conditions.append("geom && %(area)s::geometry AND ST_Intersects(geom, %(area)s::geometry)")
        parameters["area"] = shapely.to_wkb(shapely.set_srid(selection.area, 4490), hex=True, include_srid=True)
    for number, (code, value) in enumerate(selection.equals.items()):
        conditions.append(f"{quoted(code)} = %(value_{number})s{_cast(value)}")
        parameters[f"value_{number}"] = value
    if selection.feature is not None:
        _add_feature(selection, conditions, parameters)
    if selection.after_fid is not None:
        conditions.append("fid > %(after)s")
        parameters["after"] = selection.after_fid
    return conditions, parameters


def _valid(moment: Moment) -> tuple[list[str], dict[str, Any]]:
    days = moment.days
    if days.is_one_day:
        return ["valid @> %(day)s::date"], {"day": days.first}
    if days.first is None and days.last is None:
        return [], {}
    parameters = {"first_day": days.first, "last_day": days.last}
    return ["valid && daterange(%(first_day)s::date, %(last_day)s::date, '[]')"], parameters


def _cast(value: Any) -> str:
    """The type of a compared value, said once so that a prepared statement has it."""
    match value:
        case datetime():
            return "::timestamp"
        case date():
            return "::date"
        case int() | Decimal():
            return "::numeric"
        case _:
            return "::text"


def _add_feature(selection: Selection, conditions: list[str], parameters: dict[str, Any]) -> None:
    """A feature id is the key's value, or ``~fid`` where a row has none."""
    text = str(selection.feature)
    if text.startswith("~") and text[1:].isdecimal() and len(text) < 20:
        conditions.append("fid = %(feature)s::bigint")
        parameters["feature"] = int(text[1:])
    elif selection.layer.key:
        conditions.append(f"{quoted(selection.layer.key)} = %(feature)s::text")
        parameters["feature"] = text
    else:
        conditions.append("FALSE")


def feature_id_sql(layer: ServedLayer) -> str:
    """SQL of the feature id as JSON text."""
    by_number = "'\"~' || fid || '\"'"
    return f"coalesce(to_json({quoted(layer.key)})::text, {by_number})" if layer.key else by_number
