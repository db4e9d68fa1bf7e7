"""CQL2 JSON to the tree. CQL2 JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import shapely

from kunyu.engines.maps.cql.errors import BadFilter
from kunyu.engines.maps.cql.limits import MOST_DEPTH, require_depth, require_length
from kunyu.engines.maps.cql.tree import Builder, Node, Operation


def parse_json(text: str) -> Node:
    """Read a filter in CQL2 JSON.

    Raises
    ------
    BadFilter
        No JSON, or an object that is no part of CQL2; names it.
    FilterTooLarge
        It is beyond a limit of ``limits``.
    """
    require_length(text)
    try:
        document = json.loads(text, parse_float=_Written, parse_int=_Written, parse_constant=_no_constant)
    except RecursionError:
        require_depth(MOST_DEPTH + 1)
        raise
    except ValueError as error:
        raise BadFilter(
            f"过滤条件不是 JSON：{str(error)[:80]}。", f"The filter is no JSON: {str(error)[:80]}."
        ) from None
    read = _Reader().read(document, 0)
    if isinstance(read, Operation | bool):
        return read
    raise BadFilter('过滤条件须是带 "op" 的对象。', 'A filter is an object with "op".')


class _Written(str):
    """A number as written: no float takes its digits away."""


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


class _Reader:
    """One filter; objects are read by the member that tells what they are."""

    def __init__(self) -> None:
        self._builder = Builder()
        self._members: dict[str, Callable[[dict[str, Any], int], Node]] = {
            "op": self._operation,
            "property": lambda one, _: self._builder.property(_text(one["property"])),
            "date": lambda one, _: self._builder.day(_text(one["date"])),
            "timestamp": lambda one, _: self._builder.instant(_text(one["timestamp"])),
            "interval": self._interval,
            "bbox": lambda one, _: self._builder.box([_number(value) for value in _list(one["bbox"])]),
            "type": self._geometry,
        }

    def read(self, value: Any, level: int) -> Node:
        # a list inside an operation is a level of JSON and none of the filter
        require_depth(level / 2)
        if isinstance(value, _Written):
            return self._builder.number(value)
        if isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._builder.string(value)
        if isinstance(value, list):
            return self._builder.listed([self.read(one, level + 1) for one in value])
        if isinstance(value, dict):
            for member, make in self._members.items():
                if member in value:
                    return make(value, level)
        raise BadFilter(
            f"过滤条件中有不认识的部分：{str(value)[:60]}。",
            f"The filter holds what CQL2 does not know: {str(value)[:60]}.",
        )

    def _operation(self, one: dict[str, Any], level: int) -> Node:
        name = _text(one["op"])
        given = one.get("args", [])
        args = [self.read(value, level + 1) for value in (given if isinstance(given, list) else [given])]
        return self._builder.operation(name, args)

    def _interval(self, one: dict[str, Any], level: int) -> Node:
        ends = _list(one["interval"])
        if len(ends) != 2:
            raise BadFilter("interval 应有两个端点。", "An interval has two ends.")
        return self._builder.interval(*(_text(end["date"] if _is_day(end) else end) for end in ends))

    def _geometry(self, one: dict[str, Any], level: int) -> Node:
        try:
            return self._builder.shape(shapely.from_geojson(json.dumps(_plain(one))))
        except shapely.errors.GEOSException:
            raise BadFilter(
                f"几何 {str(one)[:60]} 不是 GeoJSON。", f"The geometry {str(one)[:60]} is no GeoJSON."
            ) from None


def _plain(value: Any) -> Any:
    """Numbers as numbers again, for GEOS."""
    if isinstance(value, _Written):
        return float(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return {name: _plain(one) for name, one in value.items()} if isinstance(value, dict) else value


def _is_day(value: Any) -> bool:
    return isinstance(value, dict) and "date" in value


def _text(value: Any) -> str:
    if isinstance(value, str) and not isinstance(value, _Written):
        return value
    raise BadFilter(f"{str(value)[:60]} 应为文本。", f"{str(value)[:60]} must be a text.")


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise BadFilter(f"{str(value)[:60]} 应为数组。", f"{str(value)[:60]} must be an array.")


def _number(value: Any) -> float:
    if isinstance(value, _Written):
        return float(value)
    raise BadFilter(f"{str(value)[:60]} 应为数。", f"{str(value)[:60]} must be a number.")
