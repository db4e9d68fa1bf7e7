"""A search as GET parameters or a JSON body say it, read strictly. 检索条件."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import shapely
from shapely.geometry import shape

from kunyu.engines.maps import crs
from kunyu.engines.maps.stac.errors import BadSearch

SEARCH_PARAMETERS = ("collections", "ids", "bbox", "intersects", "datetime", "limit", "query", "sortby", "token")
ITEMS_PARAMETERS = ("bbox", "datetime", "limit", "query", "sortby", "token")
LIMIT, MOST = 10, 1000
DEEPEST = 10_000
_MOST_VERTICES = 10_000
_MOST_NAMES = 1000
QUERYABLE = ("eo:cloud_cover", "platform", "instruments", "gsd")
SORTABLE = ("datetime", "id", "collection", "gsd")
_OPERATORS = ("eq", "neq", "lt", "lte", "gt", "gte", "in", "startsWith")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})")


@dataclass(frozen=True)
class Condition:
    """``name operator value``, as STAC's query extension has it."""

    name: str
    operator: str
    value: Any


@dataclass(frozen=True)
class Search:
    """What is looked for. ``area`` in degrees lon/lat; ``first`` and ``last`` instants, both included, None open."""

    collections: tuple[str, ...] | None = None
    ids: tuple[str, ...] | None = None
    area: shapely.Geometry | None = None
    first: datetime | None = None
    last: datetime | None = None
    conditions: tuple[Condition, ...] = ()
    sortby: tuple[tuple[str, bool], ...] = (("datetime", True),)
    limit: int = LIMIT
    offset: int = 0
    given: Mapping[str, Any] = field(default_factory=dict)


def from_query(query: Mapping[str, str]) -> Search:
    """A search of GET parameters: lists parted by commas, ``intersects`` and ``query`` as JSON."""
    body: dict[str, Any] = {name: query[name] for name in ("datetime", "token") if name in query}
    for name in ("collections", "ids"):
        if name in query:
            body[name] = [part for part in query[name].split(",") if part]
    if "bbox" in query:
        body["bbox"] = [_number(part) for part in query["bbox"].split(",")]
    for name in ("intersects", "query"):
        if name in query:
            body[name] = _json(query[name], name)
    if "limit" in query:
        body["limit"] = (
            int(query["limit"]) if query["limit"].isdecimal() and len(query["limit"]) < 10 else query["limit"]
        )
    if "sortby" in query:
        body["sortby"] = [
            {"field": one.lstrip("+-"), "direction": "desc" if one.startswith("-") else "asc"}
            for one in query["sortby"].split(",") if one
        ]  # fmt: skip
    return from_body(body, given=dict(query))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _bad(f"{text[:40]!r} 不是数", f"{text[:40]!r} is no number") from None


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _bad(f"{name} 不是 JSON", f"{name} is no JSON") from None


def _bad(zh: str, en: str) -> BadSearch:
    return BadSearch(f"检索条件有误：{zh}。", f"The search cannot be read: {en}.")


def read_json(content: bytes) -> Any:
    """The JSON of a POST body."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise _bad("请求体不是 JSON", "the body is no JSON") from None


def from_body(body: Any, given: Mapping[str, Any] | None = None) -> Search:
    """A search of a JSON body.

    Raises
    ------
    BadSearch
        An unknown member, a value of the wrong kind, both ``bbox`` and ``intersects``.
    """
    if not isinstance(body, dict):
        raise _bad("请求体应为 JSON 对象", "the body must be a JSON object")
    unknown = [name for name in body if name not in SEARCH_PARAMETERS]
    if unknown:
        raise _bad(f"不认识 {unknown[0][:40]!r}", f"unknown member {unknown[0][:40]!r}")
    if body.get("bbox") is not None and body.get("intersects") is not None:
        raise _bad("bbox 与 intersects 只能用一个", "use bbox or intersects, not both")
    first, last = _interval(body.get("datetime"))
    return Search(
        collections=_names(body, "collections"),
        ids=_names(body, "ids"),
        area=_bbox(body.get("bbox")) if body.get("bbox") is not None else _shape(body.get("intersects")),
        first=first,
        last=last,
        conditions=_conditions(body.get("query")),
        sortby=_sortby(body.get("sortby")),
        limit=_limit(body.get("limit")),
        offset=_offset(body.get("token")),
        given=given if given is not None else body,
    )


def _names(body: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    values = body.get(name)
    if values is None:
        return None
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values) or len(values) > _MOST_NAMES:
        raise _bad(
            f"{name} 应为至多 {_MOST_NAMES} 个文本的列表", f"{name} must be a list of at most {_MOST_NAMES} texts"
        )
    return tuple(values)


def _limit(value: Any) -> int:
    if value is None:
        return LIMIT
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _bad("limit 应为正整数", "limit must be a positive whole number")
    return min(value, MOST)


def _offset(value: Any) -> int:
    if value is None:
        return 0
    if not isinstance(value, str) or not value.isdecimal() or len(value) > 6 or int(value) > DEEPEST:
        raise _bad(
            f"token 只取自 next 链接，且最多翻到第 {DEEPEST} 条，请收窄检索",
            f"token comes from a next link and reaches {DEEPEST} items; narrow the search",
        )
    return int(value)


def _bbox(value: Any) -> shapely.Geometry:
    sound = (
        isinstance(value, list)
        and len(value) in (4, 6)
        and all(isinstance(one, (int, float)) and not isinstance(one, bool) and math.isfinite(one) for one in value)
    )
    if not sound:
        raise _bad("bbox 应为 4 个（或 6 个）数", "bbox must be four (or six) numbers")
    return crs.bbox_polygon([float(one) for one in value], crs.DEFAULT)


def _shape(value: Any) -> shapely.Geometry | None:
    if value is None:
        return None
    try:
        area = shapely.force_2d(shape(value))
        count = int(shapely.get_num_coordinates(area))
    except Exception as error:
        raise _bad("intersects 不是 GeoJSON 几何", "intersects is no GeoJSON geometry") from error
    if not 0 < count <= _MOST_VERTICES:
        raise _bad(f"intersects 应有 1–{_MOST_VERTICES} 个顶点", f"intersects must have 1 to {_MOST_VERTICES} vertices")
    low_x, low_y, high_x, high_y = area.bounds
    if not (-180 <= low_x <= high_x <= 180 and -90 <= low_y <= high_y <= 90):
        raise _bad("intersects 超出经纬度范围", "intersects leaves longitude and latitude")
    return shapely.make_valid(area)


def _interval(value: Any) -> tuple[datetime | None, datetime | None]:
    """An RFC 3339 instant or an interval (STAC takes no bare days); ``..`` or nothing is an open end."""
    if value is None:
        return None, None
    if not isinstance(value, str) or not value:
        raise _bad("datetime 应为 RFC 3339 时刻或区间", "datetime must be an RFC 3339 instant or interval")
    start, slash, end = value.partition("/")
    if not slash:
        return _instant(start), _instant(start)
    if "/" in end or (start in ("", "..") and end in ("", "..")):
        raise _bad("datetime 的区间至少要有一端", "an interval needs at least one end")
    first = None if start in ("", "..") else _instant(start)
    last = None if end in ("", "..") else _instant(end)
    if first and last and first > last:
        raise _bad("datetime 的起点晚于终点", "the interval ends before it begins")
    return first, last


def _instant(text: str) -> datetime:
    try:
        text = text.replace(" ", "+") if "T" in text.upper() else text
        if not _INSTANT.fullmatch(text):
            raise ValueError
        return datetime.fromisoformat(re.sub(r"\.(\d{1,6})\d*", r".\1", text.upper())).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _bad(
            f"datetime {text[:40]!r} 不是 RFC 3339 时刻", f"datetime {text[:40]!r} is no RFC 3339 instant"
        ) from None


def _conditions(value: Any) -> tuple[Condition, ...]:
    """``{"eo:cloud_cover": {"lt": 20}}``."""
    if value is None:
        return ()
    if not isinstance(value, dict) or not all(isinstance(one, dict) for one in value.values()):
        raise _bad('query 应形如 {"eo:cloud_cover": {"lt": 20}}', 'query must be like {"eo:cloud_cover": {"lt": 20}}')
    found = []
    for name, tests in value.items():
        if name not in QUERYABLE:
            raise _bad(f"不能按 {name[:40]!r} 检索；可用 {'、'.join(QUERYABLE)}",
                       f"{name[:40]!r} cannot be searched by; use {', '.join(QUERYABLE)}")  # fmt: skip
        found += [_condition(name, operator, wanted) for operator, wanted in tests.items()]
    return tuple(found)


def _condition(name: str, operator: str, wanted: Any) -> Condition:
    is_number = name in ("eo:cloud_cover", "gsd")
    kind: tuple[type, ...] = (int, float) if is_number else (str,)
    values = wanted if operator == "in" and isinstance(wanted, list) else [wanted]
    sound = operator in _OPERATORS and 0 < len(values) <= _MOST_NAMES and (operator == "in") == isinstance(wanted, list)
    if not sound or not all(isinstance(one, kind) and not isinstance(one, bool) for one in values):
        raise _bad(
            f"{name} 的条件 {operator[:20]} 看不懂", f"the condition {operator[:20]} of {name} is not understood"
        )
    if is_number and operator == "startsWith":
        raise _bad(f"{name} 是数，没有 startsWith", f"{name} is a number and has no startsWith")
    return Condition(name, operator, wanted)


def _sortby(value: Any) -> tuple[tuple[str, bool], ...]:
    """Names with whether they run downwards."""
    if not value:
        return (("datetime", True),)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise _bad("sortby 应为列表", "sortby must be a list")
    found = []
    for one in value:
        name = str(one.get("field", "")).removeprefix("properties.")
        if name not in SORTABLE or one.get("direction", "asc") not in ("asc", "desc"):
            raise _bad(f"不能按 {name[:40]!r} 排序；可用 {'、'.join(SORTABLE)}",
                       f"Cannot sort by {name[:40]!r}; use {', '.join(SORTABLE)}")  # fmt: skip
        found.append((name, one.get("direction") == "desc"))
    return tuple(found)
