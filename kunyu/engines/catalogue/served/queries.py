"""Which rows of a layer table a request means, as SQL with named parameters. Every predicate of a read is made here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import shapely

from kunyu.engines.catalogue.served.layers import ServedLayer
from kunyu.engines.catalogue.served.moments import Moment
from kunyu.engines.security.errors import FieldMasked
from kunyu.engines.security.masks import mask_sql
from kunyu.engines.security.scope import Scope


@dataclass(frozen=True)
class After:
    """The last feature of the page before: its key (None where the row has none) and its ``fid``."""

    key: str | None
    fid: int

    @property
    def text(self) -> str:
        """As the ``after`` parameter of a next link has it."""
        return str(self.fid) if self.key is None else f"{self.fid}~{self.key}"


@dataclass(frozen=True)
class Filtered:
    """One more condition in SQL and the values bound to its named parameters, as a filter of the caller became it.

    Whoever makes one names columns of the layer only and binds every value; ``require_clear`` was asked for each field.
    """

    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Selection:
    """Rows of ``layer`` inside ``granted``, true and known at ``moment``; the rest narrows them.

    ``moment.known_at`` is None exactly when the present belief is meant: then one partial index answers.
    ``area`` is in degrees lon/lat, ``equals`` maps attribute codes to typed values, ``feature`` is one feature id,
    ``filtered`` a condition of the caller's own.
    """

    layer: ServedLayer
    granted: Scope
    moment: Moment
    area: shapely.Geometry | None = None
    equals: Mapping[str, Any] = field(default_factory=dict)
    after: After | None = None
    feature: str | None = None
    filtered: Filtered | None = None

    @property
    def is_whole(self) -> bool:
        """Nothing narrows it but rights, time and the page."""
        return self.area is None and not self.equals and self.feature is None and self.filtered is None


def quoted(column: str) -> str:
    """A column of a layer table as an SQL name; attribute codes come from the standard, never from a request."""
    return '"' + column.replace('"', '""') + '"'


def attribute(selection: Selection, code: str) -> str:
    """SQL of an attribute under its own name: masked where the grant does not reveal that kind of personal data."""
    column, kind = quoted(code), selection.layer.fields[code].personal
    if not kind:
        return column
    return f"{selection.granted.shown(column, kind, mask_sql(kind, column))} AS {column}"


def require_clear(layer: ServedLayer, granted: Scope, code: str) -> None:
    """Refuse to filter, sort or search by a field that the caller does not see in clear everywhere he may read.

    Even a count of matches would tell whether a guessed value is right.

    Raises
    ------
    FieldMasked
    """
    field = layer.fields[code]
    if field.personal and not granted.reveals(field.personal):
        raise FieldMasked(
            f"字段 {code}（{field.name_zh}）含个人信息，您看到的是脱敏值，不能用它查询或排序；如确需查询，请申请明文权限。",
            f"{code} ({field.name_en}) holds personal data that you see masked: it cannot be filtered or sorted by. Ask "
            "for the right to see it in clear if your task needs it.",
            field=code,
        )


def rows(
    selection: Selection, columns: Iterable[str], narrowing: tuple[str, Mapping[str, Any]] = ("", {}), each: str = ""
) -> tuple[str, dict[str, Any]]:
    """A SELECT of ``columns`` for psycopg with its named parameters.

    It may have several branches under UNION ALL, so that each can use its own partial index: a past belief reads rows
    still believed and rows no longer believed; a later page reads keys beyond the last one and rows without a key.
    ``narrowing`` is one more condition with its parameters. ``each`` closes every branch, as ORDER BY and LIMIT: a
    limit outside UNION ALL alone would sort all that the branches find.
    """
    listed = ", ".join(columns)
    conditions, parameters = _conditions(selection)
    if narrowing[0]:
        conditions.append(narrowing[0])
        parameters.update(narrowing[1])
    believed, known = _believed(selection.moment)
    beyond, after = _beyond(selection)
    branches = [
        f"(SELECT {listed} FROM {selection.layer.table} WHERE {' AND '.join([*one, *conditions, *other])} {each})"
        for one in believed
        for other in beyond
    ]
    return " UNION ALL ".join(branches), {**parameters, **known, **after}


def unfiltered_in_time(selection: Selection) -> tuple[str, dict[str, Any]]:
    """Rows of any time that meet the other conditions, for the planner's estimate.

    It knows nothing about the selectivity of ``upper_inf(known)`` and takes a third; nearly all rows are current.
    """
    conditions, parameters = _conditions(selection)
    where = " AND ".join(one for one in conditions if not one.startswith("valid ")) or "TRUE"
    return f"SELECT 1 FROM {selection.layer.table} WHERE {where}", parameters


def page_order(selection: Selection, key: str) -> str:
    """The order of pages: by key, rows without one last, then by ``fid``.

    With an area the key is compared in collation "C", which no index has: otherwise PostgreSQL might walk the key's
    index through the whole county, hoping to meet features of a small box early.
    """
    return f"{_key(selection, key)}, fid"


def _key(selection: Selection, key: str) -> str:
    return f'{key} COLLATE "C"' if selection.area is not None else key


def _believed(moment: Moment) -> tuple[list[list[str]], dict[str, Any]]:
    if moment.every_belief:
        instant, parameters = _instant(moment)
        until = [f"lower(known) <= {instant}"] if moment.known_at else []
        return [["upper_inf(known)", *until], ["NOT upper_inf(known)", *until]], parameters
    if moment.known_at is None:
        return [["upper_inf(known)"]], {}
    instant, parameters = _instant(moment)
    at = f"known @> {instant}"
    return [["upper_inf(known)", at], ["NOT upper_inf(known)", at]], parameters


def _instant(moment: Moment) -> tuple[str, dict[str, Any]]:
    """SQL of the instant of belief of a row: another one in a county whose publication was under way at ``known_at``."""
    if moment.known_at is None:
        return "NULL", {}
    parameters: dict[str, Any] = {"known_at": moment.known_at}
    whens = []
    for number, (county, instant) in enumerate(moment.unseen):
        whens.append(f"WHEN %(unseen_{number})s::text THEN %(unseen_at_{number})s::timestamptz")
        parameters |= {f"unseen_{number}": county, f"unseen_at_{number}": instant}
    plain = "%(known_at)s::timestamptz"
    return (f"(CASE county {' '.join(whens)} ELSE {plain} END)" if whens else plain), parameters


def _beyond(selection: Selection) -> tuple[list[list[str]], dict[str, Any]]:
    if selection.after is None:
        return [[]], {}
    key = quoted(selection.layer.key)
    parameters: dict[str, Any] = {"after_fid": selection.after.fid}
    if selection.after.key is None:
        return [[f"{key} IS NULL", "fid > %(after_fid)s::bigint"]], parameters
    compared = f"({_key(selection, key)}, fid) > (%(after_key)s::text, %(after_fid)s::bigint)"
    return [[compared], [f"{key} IS NULL"]], {**parameters, "after_key": selection.after.key}


def _conditions(selection: Selection) -> tuple[list[str], dict[str, Any]]:
    conditions, parameters = _valid(selection.moment)
    allowed, prefixes = selection.granted.predicate()
    if allowed != "TRUE":
        for number, prefix in enumerate(prefixes):
            allowed = allowed.replace("%s", f"%(prefix_{number})s", 1)
            parameters[f"prefix_{number}"] = prefix
        conditions.append(allowed)
    if selection.area is not None:
        meets = "ST_Intersects(geom, %(area)s::geometry)"
        if (inner := _sure_inside(selection.area)) is not None:
            meets = f"(geom @ %(inner)s::geometry OR {meets})"
            parameters["inner"] = _bound(inner)
        conditions.append(f"geom && %(area)s::geometry AND {meets}")
        parameters["area"] = _bound(selection.area)
    for number, (code, value) in enumerate(selection.equals.items()):
        require_clear(selection.layer, selection.granted, code)
        conditions.append(f"{quoted(code)} = %(value_{number})s{_cast(value)}")
        parameters[f"value_{number}"] = value
    if selection.feature is not None:
        _add_feature(selection, conditions, parameters)
    if selection.filtered is not None:
        conditions.append(f"({selection.filtered.sql})")
        parameters.update(selection.filtered.parameters)
    return conditions, parameters


def _bound(area: shapely.Geometry) -> str:
    """An area in degrees lon/lat as a value for ``geometry``, EPSG:4490."""
    return str(shapely.to_wkb(shapely.set_srid(area, 4490), hex=True, include_srid=True))


def _sure_inside(area: shapely.Geometry) -> shapely.Geometry | None:
    """For an upright rectangle the largest one within it whose sides are single-precision numbers.

    PostGIS keeps boxes of geometries in single precision, rounded outward (up to 0.8 m at 114°). What lies in this
    rectangle by its box therefore lies in the area, and needs no exact look. None for any other area.
    """
    west, south, east, north = shapely.bounds(area)
    if not shapely.equals_exact(shapely.normalize(area), shapely.normalize(shapely.box(west, south, east, north))):
        return None
    low, high = np.array([west, south], np.float32), np.array([east, north], np.float32)
    low = np.where(low < [west, south], np.nextafter(low, np.float32(np.inf)), low)
    high = np.where(high > [east, north], np.nextafter(high, np.float32(-np.inf)), high)
    return shapely.box(*map(float, (*low, *high))) if (low < high).all() else None


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
    else:
        conditions.append(f"{quoted(selection.layer.key)} = %(feature)s::text")
        parameters["feature"] = text


def feature_id_sql(layer: ServedLayer) -> str:
    """SQL of the feature id as JSON text."""
    return f"coalesce(to_json({quoted(layer.key)})::text, '\"~' || fid || '\"')"
