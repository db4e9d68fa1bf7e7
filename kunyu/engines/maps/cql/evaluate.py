"""The tree becomes one SQL condition: columns of the layer only, every value a bound parameter. 求值."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import shapely

from kunyu.engines.catalogue.served.layers import ServedLayer
from kunyu.engines.catalogue.served.queries import Filtered, quoted, require_clear
from kunyu.engines.maps import crs as crs_module
from kunyu.engines.maps.cql import temporal
from kunyu.engines.maps.cql.errors import BadFilter, FilterNotOffered
from kunyu.engines.maps.cql.limits import MOST_LISTED, MOST_PATTERN, MOST_WILDCARDS, too_large
from kunyu.engines.maps.cql.tree import Box, Interval, Listed, Node, Operation, Property, Shape
from kunyu.engines.maps.cql.values import TIMES, Ends, Kind, Value, day_text
from kunyu.engines.maps.crs import OfferedCrs
from kunyu.engines.security.scope import Scope

GEOMETRY_NAMES = ("geom", "geometry")
VALIDITY = {
    "valid": "有效期间 / period of validity, both ends included",
    "valid_from": "有效自 / valid from",
    "valid_to": "有效至（含）；空为至今 / last valid day, empty while it stands",
}
_FIELD_KINDS = {"Int": Kind.NUMBER, "Float": Kind.NUMBER, "Date": Kind.DAY, "DateTime": Kind.INSTANT}
_CASTS = {Kind.TEXT: "text", Kind.NUMBER: "numeric"}
_COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
_ARITHMETIC = {
    "+": "({0} + {1})", "-": "({0} - {1})", "*": "({0} * {1})", "/": "({0} / nullif({1}, 0))",
    "%": "mod({0}, nullif({1}, 0))", "div": "div({0}, nullif({1}, 0))",
}  # fmt: skip
_SPATIAL = {
    "s_intersects": "ST_Intersects", "s_equals": "ST_Equals", "s_disjoint": "ST_Disjoint", "s_touches": "ST_Touches",
    "s_within": "ST_Within", "s_overlaps": "ST_Overlaps", "s_crosses": "ST_Crosses", "s_contains": "ST_Contains",
}  # fmt: skip
OPERATORS = (
    "and", "or", "not", *_COMPARISONS, "between", "like", "in", "isnull", *_ARITHMETIC, "casei", *_SPATIAL,
    *temporal.FUNCTIONS,
)  # fmt: skip


def evaluate(tree: Node, layer: ServedLayer, granted: Scope, crs: OfferedCrs) -> Filtered:
    """The condition of a filter.

    Parameters
    ----------
    tree : as ``parse_text`` or ``parse_json`` made it
    layer, granted : whose columns may be named, and which of them are seen in clear
    crs : of the geometries in the filter, with its axis order

    Raises
    ------
    BadFilter
        Unknown queryable, wrong number of arguments, kinds that do not go together; names them.
    FilterNotOffered
        A function or operator this node does not have, by its name.
    FieldMasked
        A field that the caller sees masked: even a count would tell whether a guess is right.
    """
    evaluation = _Evaluation(layer, granted, crs)
    found = evaluation.value(tree)
    return Filtered(evaluation.truth(found), evaluation.parameters)


class _Evaluation:
    """One evaluation: the parameters bound so far. Recursion is bounded by the depth of the tree."""

    def __init__(self, layer: ServedLayer, granted: Scope, crs: OfferedCrs) -> None:
        self._layer, self._granted, self._crs = layer, granted, crs
        self.parameters: dict[str, Any] = {}

    def _bind(self, value: Any, cast: str) -> str:
        name = f"cql_{len(self.parameters)}"
        self.parameters[name] = value
        return f"%({name})s::{cast}"

    def truth(self, value: Value) -> str:
        """SQL of a condition; anything else is refused."""
        if value.kind is not Kind.TRUTH:
            raise BadFilter(
                f"这里须是判断（真或假），得到的是{value.kind.zh}。",
                f"A condition is wanted here, not a {value.kind.en}.",
            )
        return value.sql

    def value(self, node: Node) -> Value:
        """Any node, by its kind."""
        match node:
            case Operation():
                return self._operation(node)
            case Property():
                return self._property(node.name)
            case bool():
                return Value("TRUE" if node else "FALSE", Kind.TRUTH)
            case Decimal() | str():
                return self._scalar(node)
            case Shape() | Box():
                return Value(self._bind(self._stored(node), "geometry"), Kind.GEOMETRY)
            case Listed():
                raise BadFilter("数组只能用在 IN 中。", "An array may only stand in IN.")
            case _:
                return self._time(node)

    def _scalar(self, node: Decimal | str) -> Value:
        if isinstance(node, str):
            return Value(self._bind(node, "text"), Kind.TEXT, literal=node)
        return Value(self._bind(node, "numeric"), Kind.NUMBER)

    def _stored(self, node: Shape | Box) -> str:
        """A geometry literal as hexadecimal EWKB in degrees lon/lat."""
        if isinstance(node, Box):
            moved = crs_module.bbox_polygon(list(node.numbers), self._crs)
        else:
            moved = crs_module.lonlat_geometry(node.geometry, self._crs)
        return str(shapely.to_wkb(shapely.set_srid(moved, crs_module.STORED_EPSG), hex=True, include_srid=True))

    def _time(self, node: date | datetime | Interval) -> Value:
        if isinstance(node, Interval):
            is_day = not any(isinstance(one, datetime) for one in (node.start, node.end))
            cast = "date" if is_day else "timestamptz"
            start, end = (
                self._bind(day_text(one, is_end=is_end), cast)
                for one, is_end in ((node.start, False), (node.end, True))
            )
            return Value("", Kind.PERIOD, Ends(start, end, is_day))
        kind = Kind.INSTANT if isinstance(node, datetime) else Kind.DAY
        bound = self._bind(day_text(node, is_end=False), "date" if kind is Kind.DAY else "timestamptz")
        return Value(bound, kind, Ends(bound, bound, kind is Kind.DAY))

    def _property(self, name: str) -> Value:
        if name in self._layer.fields:
            require_clear(self._layer, self._granted, name)
            column = quoted(name)
            kind = _FIELD_KINDS.get(self._layer.fields[name].type, Kind.TEXT)
            ends = Ends(column, column, kind is Kind.DAY) if kind in TIMES else None
            return Value(column, kind, ends, is_column=True)
        if name in GEOMETRY_NAMES and self._layer.is_spatial:
            return Value("geom", Kind.GEOMETRY, is_column=True)
        if name in VALIDITY:
            return _validity(name)
        known = "、".join([*self._layer.fields, *(["geom"] if self._layer.is_spatial else []), *VALIDITY])
        raise BadFilter(
            f"{self._layer.collection} 没有可查询字段 {name[:40]!r}；可用：{known}。",
            f"{self._layer.collection} has no queryable {name[:40]!r}; it has: {known}.",
            queryable=name[:40],
        )

    def _operation(self, node: Operation) -> Value:
        name = node.name
        if name in ("and", "or"):
            if not node.args:
                raise BadFilter(f"{name.upper()} 没有参数。", f"{name.upper()} has no arguments.")
            joined = f" {name.upper()} ".join(self.truth(self.value(one)) for one in node.args)
            return Value(f"({joined})", Kind.TRUTH)
        makes: dict[str, tuple[Callable[[Operation], Value], int]] = {
            "not": (self._not, 1), "isnull": (self._is_null, 1), "between": (self._between, 3), "like": (self._like, 2),
            "in": (self._in, 2), "casei": (self._fold, 1), **dict.fromkeys(_COMPARISONS, (self._compare, 2)),
            **dict.fromkeys(_ARITHMETIC, (self._calculate, 2)), **dict.fromkeys(_SPATIAL, (self._relate, 2)),
            **dict.fromkeys(temporal.FUNCTIONS, (self._order, 2)),
        }  # fmt: skip
        if name not in makes:
            raise _not_offered(name)
        make, wanted = makes[name]
        if len(node.args) != wanted:
            raise BadFilter(
                f"{name[:40].upper()} 应有 {wanted} 个参数，给了 {len(node.args)} 个。",
                f"{name[:40].upper()} takes {wanted} argument(s), not {len(node.args)}.",
            )
        return make(node)

    def _not(self, node: Operation) -> Value:
        return Value(f"(NOT {self.truth(self.value(node.args[0]))})", Kind.TRUTH)

    def _is_null(self, node: Operation) -> Value:
        found = self.value(node.args[0])
        # a period has no column of its own, and is never absent
        return Value(f"({found.sql} IS NULL)" if found.sql else "FALSE", Kind.TRUTH)

    def _compare(self, node: Operation) -> Value:
        left, right = (self.value(one) for one in node.args)
        return Value(_compared(node.name, left, right), Kind.TRUTH)

    def _between(self, node: Operation) -> Value:
        found, low, high = (self.value(one) for one in node.args)
        return Value(f"({_compared('>=', found, low)} AND {_compared('<=', found, high)})", Kind.TRUTH)

    def _like(self, node: Operation) -> Value:
        found, pattern = (self.value(one) for one in node.args)
        if found.kind is not Kind.TEXT or pattern.literal is None:
            raise BadFilter("LIKE 比较文本字段和文本模式。", "LIKE compares a text with a literal pattern.")
        _require_pattern(pattern.literal)
        return Value(f"({found.sql} LIKE {pattern.sql})", Kind.TRUTH)

    def _in(self, node: Operation) -> Value:
        found, listed = self.value(node.args[0]), node.args[1]
        if not isinstance(listed, Listed) or not listed.items:
            raise BadFilter("IN 后须有值的列表。", "IN takes a list of values.")
        if len(listed.items) > MOST_LISTED:
            raise too_large("IN 的值", "values of IN", len(listed.items), MOST_LISTED)
        wanted = str if found.kind is Kind.TEXT else Decimal
        if found.kind in _CASTS and all(isinstance(one, wanted) for one in listed.items) and not found.is_folded:
            # one array, one shape of statement: the server prepares it once for any number of values
            return Value(
                f"({found.sql} = ANY({self._bind(list(listed.items), _CASTS[found.kind] + '[]')}))", Kind.TRUTH
            )
        either = " OR ".join(_compared("=", found, self.value(one)) for one in listed.items)
        return Value(f"({either})", Kind.TRUTH)

    def _fold(self, node: Operation) -> Value:
        found = self.value(node.args[0])
        if found.kind is not Kind.TEXT:
            raise BadFilter("CASEI 的参数须是文本。", "CASEI takes a text.")
        return Value(f"lower({found.sql})", Kind.TEXT, literal=found.literal, is_folded=True)

    def _calculate(self, node: Operation) -> Value:
        sides = [self.value(one) for one in node.args]
        if any(side.kind is not Kind.NUMBER for side in sides):
            raise BadFilter(f"“{node.name}”两边须是数。", f"Both sides of {node.name} must be numbers.")
        return Value(_ARITHMETIC[node.name].format(*(f"({side.sql})::numeric" for side in sides)), Kind.NUMBER)

    def _relate(self, node: Operation) -> Value:
        left, right = (self.value(one) for one in node.args)
        if left.kind is not Kind.GEOMETRY or right.kind is not Kind.GEOMETRY:
            raise BadFilter(f"{node.name.upper()} 的参数须是几何。", f"{node.name.upper()} takes geometries.")
        self._require_no_collection(node)
        related = f"{_SPATIAL[node.name]}({left.sql}, {right.sql})"
        if node.name == "s_disjoint" or not (left.is_column or right.is_column):
            return Value(f"({related})", Kind.TRUTH)
        # the boxes first, by the operator that row security lets the index answer (architecture.md §4)
        return Value(f"({left.sql} && {right.sql} AND {related})", Kind.TRUTH)

    def _require_no_collection(self, node: Operation) -> None:
        kinds = [one.geometry.geom_type for one in node.args if isinstance(one, Shape)]
        if "GeometryCollection" in kinds and node.name not in ("s_intersects", "s_disjoint"):
            raise FilterNotOffered(
                f"{node.name.upper()} 不支持 GEOMETRYCOLLECTION；请用 S_INTERSECTS，或分成几个几何。",
                f"{node.name.upper()} is not offered for GEOMETRYCOLLECTION; use S_INTERSECTS or several geometries.",
            )

    def _order(self, node: Operation) -> Value:
        left, right = (self.value(one) for one in node.args)
        return Value(temporal.temporal_sql(node.name, left, right), Kind.TRUTH)


def _validity(name: str) -> Value:
    first, last = "lower(valid)", "(upper(valid) - 1)"
    if name == "valid":
        ends = Ends(f"coalesce({first}, '-infinity'::date)", f"coalesce({last}, 'infinity'::date)", is_day=True)
        return Value("", Kind.PERIOD, ends)
    column = first if name == "valid_from" else last
    return Value(column, Kind.DAY, Ends(column, column, is_day=True), is_column=True)


def _compared(operator: str, left: Value, right: Value) -> str:
    if {left.kind, right.kind} <= {Kind.DAY, Kind.INSTANT}:
        return temporal.compared_sql(operator, left, right)
    if left.kind is not right.kind or left.kind not in (Kind.TEXT, Kind.NUMBER, Kind.TRUTH):
        hint = {Kind.TEXT: "'0101'", Kind.NUMBER: "12.5", Kind.DAY: "DATE('2025-12-31')"}
        wanted = hint.get(left.kind) or hint.get(right.kind, "")
        raise BadFilter(
            f"不能用“{operator}”比较{left.kind.zh}和{right.kind.zh}；两边类型须相同，如 {wanted}。",
            f"A {left.kind.en} cannot be compared with a {right.kind.en} by {operator}; write a value such as {wanted}.",
        )
    # ordered by code point, so that every node answers alike whatever its locale
    collated = ' COLLATE "C"' if left.kind is Kind.TEXT and operator not in ("=", "<>") else ""
    return f"({left.sql} {operator} {right.sql}{collated})"


def _require_pattern(pattern: str) -> None:
    if len(pattern) > MOST_PATTERN:
        raise too_large("LIKE 模式的字符", "characters of the pattern", len(pattern), MOST_PATTERN)
    if pattern.count("%") > MOST_WILDCARDS:
        raise too_large("LIKE 模式的 %", "% in the pattern", pattern.count("%"), MOST_WILDCARDS)
    if (len(pattern) - len(pattern.rstrip("\\"))) % 2:
        raise BadFilter(
            "LIKE 模式不能以转义符 \\ 结尾；反斜线本身写作 \\\\。",
            "A pattern cannot end with its escape character \\; write a backslash as \\\\.",
        )


def _not_offered(name: str) -> FilterNotOffered:
    known = "、".join(OPERATORS)
    return FilterNotOffered(
        f"本节点不提供 CQL2 的 {name[:40]!r}；可用：{known}。",
        f"{name[:40]!r} of CQL2 is not offered here; offered: {known}.",
        operator=name[:40],
    )
