"""An edited feature against its standard: types, lengths, codes, limits, geometry. Every fault is named at once. 编辑校验."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import shapely

from kunyu.engines.catalogue.standards import Field, Layer, Standard
from kunyu.engines.maps.edits.errors import EditRejected

MOST_VERTICES = 100_000
_MULTI = {
    "Polygon": ("Polygon", "MultiPolygon"), "LineString": ("LineString", "MultiLineString"), "Point": ("Point",),
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One thing wrong: where, what was given, what the standard allows, what to do."""

    field: str
    value: str
    limit: str
    remedy_zh: str
    remedy_en: str


def require_valid(
    standard: Standard, layer: Layer, values: Mapping[str, Any], geometry: shapely.Geometry | None
) -> dict[str, Any]:
    """The values in Python types, all attributes of the layer present (None where not given).

    Raises
    ------
    EditRejected
        Lists every fault.
    """
    faults = [
        Fault(name[:40], str(values[name])[:60], "、".join(one.code for one in layer.fields),
              "去掉标准中没有的字段", "leave out what the standard does not have")
        for name in values
        if name not in {one.code for one in layer.fields}
    ]  # fmt: skip
    typed: dict[str, Any] = {}
    for field in layer.fields:
        typed[field.code], found = _value(standard, field, values.get(field.code))
        faults += found
    faults += _names(standard, layer, typed)
    if layer.ysdm and typed.get("YSDM") not in (None, layer.ysdm):
        faults.append(Fault("YSDM", str(typed["YSDM"]), layer.ysdm, f"改为 {layer.ysdm}", f"write {layer.ysdm}"))
    faults += _geometry(layer, geometry)
    if faults:
        first = faults[0]
        raise EditRejected(
            f"有 {len(faults)} 处不合标准：{first.field} 的值 {first.value!r}，要求 {first.limit}；{first.remedy_zh}。",
            f"{len(faults)} fault(s): {first.field} is {first.value!r}, the limit is {first.limit}; {first.remedy_en}.",
            faults=[asdict(one) for one in faults],
        )
    return typed


def _value(standard: Standard, field: Field, value: Any) -> tuple[Any, list[Fault]]:
    if value is None or (isinstance(value, str) and not value.strip()):
        if field.required == "M":
            return None, [_fault(field, value, "必填 / required", "填写该字段", "fill it in")]
        return None, []
    try:
        typed = _READERS.get(field.type, _text)(value)
    except (ValueError, TypeError, OverflowError):
        return None, [
            _fault(field, value, field.type, f"按类型 {field.type} 填写", f"give a value of type {field.type}")
        ]
    return typed, [*_size(field, typed), *_range(field, typed), *_code(standard, field, typed)]


def _fault(field: Field, value: Any, limit: str, zh: str, en: str) -> Fault:
    return Fault(field.code, str(value)[:60], limit, zh, en)


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    value.encode()
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError
    return value


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    return Decimal(str(value))


def _instant(value: Any) -> datetime:
    found = datetime.fromisoformat(_text(value))
    if found.tzinfo is None:
        raise ValueError
    return found


_READERS: dict[str, Callable[[Any], Any]] = {
    "Int": _whole, "Float": _number, "Date": lambda one: date.fromisoformat(_text(one)), "DateTime": _instant,
}  # fmt: skip


def _size(field: Field, value: Any) -> list[Fault]:
    if isinstance(value, str) and field.length and len(value) > field.length:
        limit = f"{field.length} 字 / characters"
        return [_fault(field, value, limit, f"缩短到 {field.length} 字以内", f"shorten it to {field.length}")]
    if isinstance(value, int) and len(str(abs(value))) > (field.length or 9):
        return [_fault(field, value, f"{field.length or 9} 位 / digits", "改为位数以内的整数", "give fewer digits")]
    if isinstance(value, Decimal):
        whole, exponent = len(str(abs(int(value)))), int(value.normalize().as_tuple().exponent)
        if -exponent > field.decimals or (field.length and whole > field.length - field.decimals):
            limit = f"({field.length},{field.decimals})"
            return [_fault(field, value, limit, f"保留 {field.decimals} 位小数", f"keep {field.decimals} decimals")]
    return []


def _range(field: Field, value: Any) -> list[Fault]:
    if isinstance(value, int | Decimal) and (
        (field.minimum is not None and value < Decimal(str(field.minimum)))
        or (field.maximum is not None and value > Decimal(str(field.maximum)))
    ):
        low = "-∞" if field.minimum is None else field.minimum
        high = "∞" if field.maximum is None else field.maximum
        return [_fault(field, value, f"[{low}, {high}]", "改为范围内的值", "give a value in the range")]
    return []


def _code(standard: Standard, field: Field, value: Any) -> list[Fault]:
    listed = standard.codelists.get(field.codelist) if field.codelist else None
    if listed is None or not listed.codes or value in listed:
        return []
    near = [code for code in listed.codes if str(code)[:2] == str(value)[:2]][:8] or list(listed.codes)[:8]
    limit = f"{listed.name}: {'、'.join(near)} …"
    return [_fault(field, value, limit, f"改为代码表 {listed.name} 中的代码", f"use a code of {listed.name}")]


def _names(standard: Standard, layer: Layer, typed: Mapping[str, Any]) -> list[Fault]:
    """A name beside a code (DLMC of DLBM) is that code's name."""
    faults = []
    for field in layer.fields:
        code = typed.get(field.name_of) if field.name_of else None
        if field.name_of and code is not None and typed[field.code] is not None:
            listed = standard.codelists.get(layer.field(field.name_of).codelist or "")
            wanted = listed.codes.get(code) if listed else None
            if wanted is not None and typed[field.code] != wanted:
                text = typed[field.code]
                faults.append(
                    _fault(field, text, wanted, f"{field.name_of} {code} 的名称是 {wanted}", f"write {wanted}")
                )
    return faults


def _geometry(layer: Layer, geometry: shapely.Geometry | None) -> list[Fault]:
    if not layer.spatial:
        return (
            [] if geometry is None else [_shape("几何 / a geometry", "属性表没有几何", "a table has no geometry", "-")]
        )
    if geometry is None or geometry.is_empty:
        return [_shape("空 / empty", "给出几何", "give a geometry", layer.geometry)]
    if geometry.geom_type not in _MULTI[layer.geometry]:
        return [_shape(geometry.geom_type, f"须为 {layer.geometry}", f"give a {layer.geometry}", layer.geometry)]
    vertices = int(shapely.get_num_coordinates(geometry))
    if vertices > MOST_VERTICES:
        return [_shape(str(vertices), "拆分或抽稀图形", "split or simplify it", f"{MOST_VERTICES} 顶点 / vertices")]
    if not shapely.is_valid(geometry):
        reason = shapely.is_valid_reason(geometry)[:100]
        return [_shape(reason, "修正自相交、重复环等错误", "mend self-intersections and rings", "有效几何 / valid")]
    return []


def _shape(value: str, zh: str, en: str, limit: str) -> Fault:
    return Fault("geometry", value, limit, zh, en)
