"""What a composition says: layers with their looks, what part of the world, how the sheet is laid out. 专题图定义.

A definition is JSON that people save; everything about it is checked here, so that whoever draws it need not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from kunyu.engines.catalogue.served.moments import read_known_at
from kunyu.engines.maps.compositions.errors import BadComposition
from kunyu.engines.maps.drawing.base import BASE_LAYERS
from kunyu.engines.maps.styles_check import check_layer

MOST_LAYERS = 30
PAPERS = {"A4": (210, 297), "A3": (297, 420), "A2": (420, 594), "A1": (594, 841), "A0": (841, 1189)}
"""Short and long side in millimetres (ISO 216)."""
SCALES = (100, 100_000_000)
_COLLECTION = re.compile(r"[0-9A-Za-z@.:_-]{1,64}")


@dataclass(frozen=True)
class LayerUse:
    """One layer: ``style`` are MapLibre style layers or None for the layer's own look; ``classes`` how they were made."""

    collection: str
    opacity: float = 1.0
    style: tuple[Mapping[str, Any], ...] | None = None
    saved_style: str = ""
    filter: str = ""
    valid_at: str = ""
    known_at: str = ""
    classes: Mapping[str, Any] = field(default_factory=dict)
    in_legend: bool = True

    @property
    def is_base(self) -> bool:
        return self.collection in BASE_LAYERS


@dataclass(frozen=True)
class Layout:
    """The sheet. ``scale`` 0 fits the extent; ``epsg`` 0 chooses the Gauss–Krüger zone of the middle."""

    paper: str = "A4"
    orientation: str = "landscape"
    scale: float = 0.0
    epsg: int = 0
    north: str = "true"
    graticule: str = "geographic"
    legend: bool = True
    approval_number: str = ""
    author: str = ""
    unit: str = ""
    notes: str = ""


@dataclass(frozen=True)
class Definition:
    """The whole. ``layers`` are topmost first, as people list them; ``extent`` is degrees west, south, east, north."""

    title_zh: str
    title_en: str
    subtitle: str
    layers: tuple[LayerUse, ...]
    extent: tuple[float, float, float, float] | None
    layout: Layout
    valid_at: str = ""
    known_at: str = ""

    def document(self) -> dict[str, Any]:
        """JSON-ready; `read_definition` reads it back."""
        return asdict(self) | {"extent": list(self.extent) if self.extent else None}


def read_definition(given: Any) -> Definition:
    """The definition of a JSON object.

    Raises
    ------
    BadComposition, BadStyle, BadParameter
        With the member that is wrong and what is allowed.
    """
    if not isinstance(given, Mapping):
        raise bad("定义应为 JSON 对象", "A definition is a JSON object")
    _only(given, Definition, "definition")
    title = _text(given, "title_zh", 120)
    if not title.strip():
        raise bad("请填写图名（title_zh）", "Give the map a title (title_zh)")
    layers = given.get("layers")
    if not isinstance(layers, (list, tuple)) or not 1 <= len(layers) <= MOST_LAYERS:
        raise bad(f"layers 应为 1–{MOST_LAYERS} 个图层", f"layers must hold 1–{MOST_LAYERS} layers")
    return Definition(
        title_zh=title.strip(),
        title_en=_text(given, "title_en", 160),
        subtitle=_text(given, "subtitle", 160),
        layers=tuple(_layer(one, f"layers[{place}]") for place, one in enumerate(layers)),
        extent=_extent(given.get("extent")),
        layout=_layout(given.get("layout") or {}),
        valid_at=_day(given, "valid_at"),
        known_at=_instant(given, "known_at"),
    )


def _layer(given: Any, where: str) -> LayerUse:
    if not isinstance(given, Mapping):
        raise bad("图层应为 JSON 对象", "A layer is a JSON object", where)
    _only(given, LayerUse, where)
    collection = _text(given, "collection", 64, where)
    if not _COLLECTION.fullmatch(collection):
        raise bad(f"collection {collection[:40]!r} 不是数据集合代码", f"{collection[:40]!r} is no collection", where)
    style = given.get("style")
    if style is not None:
        if not isinstance(style, (list, tuple)) or not 1 <= len(style) <= 40:
            raise bad("style 应为 1–40 个 MapLibre 图层", "style must be 1–40 MapLibre layers", where)
        for place, one in enumerate(style):
            if not isinstance(one, Mapping):
                raise bad("style 的成员应为对象", "A style layer is an object", where)
            check_layer(dict(one), f"{where}.style[{place}]")
    classes = given.get("classes") or {}
    if (
        not isinstance(classes, Mapping)
        or len(classes) > 12
        or any(isinstance(one, (dict, list)) for one in classes.values())
    ):
        raise bad("classes 应为简单对象", "classes must be a flat object", where)
    return LayerUse(
        collection=collection,
        opacity=_number(given, "opacity", 1.0, 0.0, 1.0, where),
        style=None if style is None else tuple(dict(one) for one in style),
        saved_style=_text(given, "saved_style", 40, where),
        filter=_text(given, "filter", 4000, where),
        valid_at=_day(given, "valid_at", where),
        known_at=_instant(given, "known_at", where),
        classes={str(name)[:40]: one for name, one in classes.items()},
        in_legend=_flag(given, "in_legend", where),
    )


def _layout(given: Any) -> Layout:
    if not isinstance(given, Mapping):
        raise bad("layout 应为 JSON 对象", "layout is a JSON object")
    _only(given, Layout, "layout")
    scale = _number(given, "scale", 0.0, 0.0, SCALES[1], "layout")
    if 0 < scale < SCALES[0]:
        raise bad(
            f"比例尺 1:{scale:g} 不可用；1:{SCALES[0]}–1:{SCALES[1]:,}", f"The scale 1:{scale:g} is not drawn", "layout"
        )
    epsg = int(_number(given, "epsg", 0, 0, 99_999, "layout"))
    if epsg and not (epsg == 3857 or 4491 <= epsg <= 4554):
        raise bad(f"坐标系 EPSG:{epsg} 不可用于制图", f"EPSG:{epsg} is not offered for sheets", "layout")
    return Layout(
        paper=_choice(given, "paper", tuple(PAPERS), "A4"),
        orientation=_choice(given, "orientation", ("landscape", "portrait"), "landscape"),
        scale=scale,
        epsg=epsg,
        north=_choice(given, "north", ("true", "grid", "none"), "true"),
        graticule=_choice(given, "graticule", ("geographic", "grid", "none"), "geographic"),
        legend=_flag(given, "legend", "layout"),
        approval_number=_text(given, "approval_number", 60, "layout"),
        author=_text(given, "author", 60, "layout"),
        unit=_text(given, "unit", 80, "layout"),
        notes=_text(given, "notes", 400, "layout"),
    )


def bad(zh: str, en: str, where: str = "") -> BadComposition:
    """The refusal, with its place."""
    return BadComposition(
        f"{zh}{f'（{where}）' if where else ''}。", f"{en}{f' ({where})' if where else ''}.", where=where
    )


def _only(given: Mapping[str, Any], kind: type, where: str) -> None:
    allowed = tuple(kind.__dataclass_fields__)  # type: ignore[attr-defined]
    unknown = next((name for name in given if name not in allowed), None)
    if unknown is not None:
        raise bad(
            f"不认识成员 {str(unknown)[:40]!r}；可用：{'、'.join(allowed)}",
            f"Unknown member {str(unknown)[:40]!r}; use {', '.join(allowed)}", where,
        )  # fmt: skip


def _text(given: Mapping[str, Any], name: str, most: int, where: str = "") -> str:
    value = given.get(name) or ""
    if not isinstance(value, str) or len(value) > most or "\0" in value:
        raise bad(f"{name} 应为至多 {most} 字的文本", f"{name} must be text of at most {most} letters", where)
    return value


def _number(given: Mapping[str, Any], name: str, default: float, low: float, high: float, where: str) -> float:
    value = given.get(name, default)
    value = default if value is None else value
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or not low <= value <= high
    ):
        raise bad(f"{name} 应为 {low:g}–{high:g} 的数", f"{name} must be a number of {low:g}–{high:g}", where)
    return float(value)


def _flag(given: Mapping[str, Any], name: str, where: str) -> bool:
    value = given.get(name, True)
    if not isinstance(value, bool):
        raise bad(f"{name} 应为 true 或 false", f"{name} must be true or false", where)
    return value


def _choice(given: Mapping[str, Any], name: str, allowed: tuple[str, ...], default: str) -> str:
    value = given.get(name) or default
    if value not in allowed:
        raise bad(
            f"{name}={str(value)[:20]!r} 不可用；可用：{'、'.join(allowed)}",
            f"{name}={str(value)[:20]!r}: use {', '.join(allowed)}",
            "layout",
        )
    return str(value)


def _day(given: Mapping[str, Any], name: str, where: str = "") -> str:
    value = _text(given, name, 10, where)
    try:
        return str(date.fromisoformat(value)) if value else ""
    except ValueError:
        raise bad(f"{name}={value!r} 不是日期", f"{name}={value!r} is no date", where) from None


def _instant(given: Mapping[str, Any], name: str, where: str = "") -> str:
    value = _text(given, name, 40, where)
    read_known_at(value)
    return value


def _extent(given: Any) -> tuple[float, float, float, float] | None:
    if given is None:
        return None
    numbers = (
        isinstance(given, (list, tuple))
        and len(given) == 4
        and all(isinstance(one, (int, float)) and not isinstance(one, bool) and math.isfinite(one) for one in given)
    )
    if not numbers:
        raise bad("extent 应为 [西, 南, 东, 北]（度）", "extent must be [west, south, east, north] in degrees")
    west, south, east, north = (float(one) for one in given)
    if not (-180 <= west < east <= 180 and -85 <= south < north <= 85):
        raise bad("extent 超出范围，或西不小于东、南不小于北", "The extent leaves the earth or has no area")
    return west, south, east, north
