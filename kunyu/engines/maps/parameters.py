"""Reads query strings strictly: an unknown, repeated or unreadable parameter is a 400 that says what is allowed."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import shapely
from django.http import HttpRequest

from kunyu.engines.catalogue.served.asof import TIME_PARAMETERS
from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.catalogue.served.layers import ServedLayer
from kunyu.engines.catalogue.served.queries import After
from kunyu.engines.catalogue.standards import Field
from kunyu.engines.maps import crs as crs_module
from kunyu.engines.maps.cql.reading import FILTER_PARAMETERS
from kunyu.engines.maps.crs import OfferedCrs
from kunyu.engines.maps.settings import maps_settings

ITEM_PARAMETERS = ("f", *TIME_PARAMETERS, "crs", "properties", "skipGeometry")
ITEMS_PARAMETERS = (*ITEM_PARAMETERS, "limit", "after", "bbox", "bbox-crs", "sortby", *FILTER_PARAMETERS)
TILE_PARAMETERS = ("f", *TIME_PARAMETERS, "properties", "geometry", *FILTER_PARAMETERS)


def read_query(request: HttpRequest, allowed: Collection[str]) -> dict[str, str]:
    """The query string as one value per name.

    Raises
    ------
    BadParameter
        A name is not in ``allowed`` or is given twice.
    """
    unknown = [name for name in request.GET if name not in allowed]
    if unknown:
        listed = "、".join(sorted(allowed)) or "-"
        raise BadParameter(
            f"不认识参数 {unknown[0][:60]!r}；这里可用：{listed}。",
            f"Unknown parameter {unknown[0][:60]!r}; allowed here: {listed}.",
            parameter=unknown[0][:60],
        )
    for name, values in request.GET.lists():
        if len(values) > 1:
            raise BadParameter(
                f"参数 {name} 给了 {len(values)} 次，只能一次。", f"Parameter {name} is given {len(values)} times."
            )
        if "\0" in values[0]:
            raise BadParameter(f"参数 {name} 含有空字符。", f"Parameter {name} contains a NUL character.")
    return {name: str(value) for name, value in request.GET.items()}


def read_geometry(query: Mapping[str, str]) -> bool:
    """Whether a tile is asked for with its features' full geometry (``geometry=full``) at every zoom.

    Raises
    ------
    BadParameter
        Another value than ``full`` and ``auto``.
    """
    given = query.get("geometry", "auto")
    if given not in ("auto", "full"):
        raise BadParameter(
            f"geometry={given[:20]!r} 不可用；可用：auto、full。",
            f"geometry={given[:20]!r} is not offered; use auto or full.",
        )
    return given == "full"


def read_limit(text: str | None) -> int:
    """Features per page, at least 1; more than the maximum means the maximum (OGC 17-069r4, requirement 21)."""
    if text is None:
        return maps_settings().page_limit
    if not text.isdecimal() or int(text[:12]) < 1:
        raise BadParameter(f"limit={text[:40]!r} 应为正整数。", f"limit={text[:40]!r} must be a positive whole number.")
    return min(int(text[:12]), maps_settings().page_limit_max)


def read_after(text: str | None) -> After | None:
    """Where a page begins; clients take it from the ``next`` link."""
    if text is None:
        return None
    fid, tilde, key = text.partition("~")
    if not fid.isdecimal() or len(fid) > 18:
        raise BadParameter(
            f"after={text[:40]!r} 只能取自 next 链接。", f"after={text[:40]!r} must come from a next link."
        )
    return After(key if tilde else None, int(fid))


def read_crs(text: str | None) -> OfferedCrs:
    """The output CRS; CRS84 when not named."""
    return crs_module.offered(text) if text else crs_module.DEFAULT


def read_area(query: Mapping[str, str]) -> shapely.Geometry | None:
    """The area of ``bbox`` in ``bbox-crs``, in degrees lon/lat; None without a bbox."""
    text = query.get("bbox")
    if text is None:
        if "bbox-crs" in query:
            read_crs(query["bbox-crs"])
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
        if len(numbers) not in (4, 6) or not all(map(math.isfinite, numbers)):
            raise ValueError
    except ValueError:
        raise BadParameter(
            f"bbox={text[:80]!r} 应为 4 个（或带高程 6 个）用逗号分开的数。",
            f"bbox={text[:80]!r} must be four (with heights six) numbers separated by commas.",
        ) from None
    return crs_module.bbox_polygon(numbers, read_crs(query.get("bbox-crs")))


def read_flag(name: str, text: str | None) -> bool:
    """A parameter that is ``true`` or ``false``; false when absent."""
    if text not in (None, "true", "false"):
        raise BadParameter(
            f"{name}={str(text)[:40]!r} 应为 true 或 false。", f"{name}={str(text)[:40]!r} must be true or false."
        )
    return text == "true"


def read_attributes(layer: ServedLayer, text: str | None, default: tuple[str, ...]) -> tuple[str, ...]:
    """Attribute codes of ``properties``; ``default`` when absent, none when empty."""
    if text is None:
        return default
    codes = tuple(dict.fromkeys(code for code in text.split(",") if code))
    unknown = [code for code in codes if code not in layer.fields]
    if unknown:
        raise BadParameter(
            f"{layer.collection} 没有字段 {unknown[0][:40]!r}；可用：{'、'.join(layer.fields)}。",
            f"{layer.collection} has no attribute {unknown[0][:40]!r}; it has: {', '.join(layer.fields)}.",
        )
    return codes


def read_equals(layer: ServedLayer, query: Mapping[str, str]) -> dict[str, Any]:
    """Equality filters: parameters named like an attribute, as values of the attribute's type."""
    return {code: _typed(layer.fields[code], text) for code, text in query.items() if code in layer.fields}


_READERS: dict[str, Callable[[str], Any]] = {
    "Int": int,
    "Float": Decimal,
    "Date": date.fromisoformat,
    "DateTime": datetime.fromisoformat,
}


def _typed(field: Field, text: str) -> Any:
    try:
        value = _READERS.get(field.type, str)(text)
        if isinstance(value, Decimal) and not value.is_finite():
            raise ValueError
        return value
    except (ValueError, InvalidOperation):
        raise BadParameter(
            f"{field.code}（{field.name_zh}）的值 {text[:40]!r} 不是{_TYPE_ZH[field.type]}。",
            f"The value {text[:40]!r} of {field.code} ({field.name_en}) is not of type {field.type}.",
        ) from None


_TYPE_ZH = {
    "Int": "整数",
    "Float": "数",
    "Date": "日期（2025-12-31）",
    "DateTime": "时刻",
    "Char": "文本",
    "VarChar": "文本",
}
