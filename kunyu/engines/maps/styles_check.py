"""Is a MapLibre style fit to be saved and drawn? 样式校验.

Checked: version and shape, sizes, sources (only collections of this node; nothing from another address), layer types,
unique ids, ``ref`` chains that end, expressions that this node can evaluate, colours that are colours. What a style
asks of another server (sprites, glyphs, image sources, tiles) is refused: a viewer's browser must not be led away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from kunyu.engines.maps.drawing import colours, expressions
from kunyu.engines.maps.drawing.errors import BadStyle
from kunyu.engines.maps.drawing.painting import KINDS

MOST_BYTES, MOST_LAYERS, MOST_SOURCES = 512 * 1024, 200, 40
DRAWN_KINDS = (*KINDS, "background", "raster")
_MEMBERS = ("version", "name", "metadata", "sources", "layers", "center", "zoom", "bearing", "pitch", "transition")
_LAYER_MEMBERS = (
    "id",
    "type",
    "source",
    "source-layer",
    "minzoom",
    "maxzoom",
    "filter",
    "paint",
    "layout",
    "metadata",
    "ref",
)
_COLLECTION = re.compile(r"/ogc/collections/([^/?#]+)(?:/|$)")
_ADDRESS = re.compile(r"^\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)


@dataclass(frozen=True)
class CheckedStyle:
    """A style that passed: its document and the collections that its layers draw, in the order of drawing."""

    document: Mapping[str, Any]
    collections: tuple[str, ...]
    title: str

    def layers_of(self, collection: str) -> tuple[Mapping[str, Any], ...]:
        """The style layers that draw one collection."""
        return layers_of(self.document, collection)


def layers_of(document: Mapping[str, Any], collection: str) -> tuple[Mapping[str, Any], ...]:
    """The style layers of a checked document that draw one collection."""
    names = {name for name, source in document["sources"].items() if collection_of(name, source) == collection}
    return tuple(one for one in document["layers"] if one.get("source") in names)


def check_style(given: Any, host: str = "") -> CheckedStyle:
    """The style if it is fit; ``host`` is this node's own, which addresses may name.

    Raises
    ------
    BadStyle
        With the first thing that is wrong and where it stands.
    """
    if not isinstance(given, dict):
        raise _bad("样式应为 JSON 对象", "A style is a JSON object", "")
    if len(json.dumps(given, ensure_ascii=False).encode()) > MOST_BYTES:
        raise _bad(f"样式大于 {MOST_BYTES // 1024} KB", f"The style is larger than {MOST_BYTES // 1024} KB", "")
    _members(given, _MEMBERS, "style")
    if given.get("version") != 8:
        raise _bad("version 必须是 8", "version must be 8", "version")
    sources, layers = given.get("sources"), given.get("layers")
    if not isinstance(sources, dict) or not 1 <= len(sources) <= MOST_SOURCES:
        raise _bad(f"sources 应为 1–{MOST_SOURCES} 个数据源", f"sources must hold 1–{MOST_SOURCES} sources", "sources")
    if not isinstance(layers, list) or not 1 <= len(layers) <= MOST_LAYERS:
        raise _bad(f"layers 应为 1–{MOST_LAYERS} 个图层", f"layers must hold 1–{MOST_LAYERS} layers", "layers")
    found = {name: _source(name, one, host) for name, one in sources.items()}
    resolved = _without_refs(layers)
    for place, layer in enumerate(resolved):
        check_layer(layer, f"layers[{place}]", found)
    _unique([layer["id"] for layer in resolved])
    drawn = tuple(dict.fromkeys(found[one["source"]] for one in resolved if "source" in one))
    document = {**given, "layers": resolved}
    return CheckedStyle(document, drawn, str(given.get("name") or drawn[0])[:160])


def collection_of(name: str, source: Mapping[str, Any]) -> str:
    """The collection that a source reads: named in its address, else by its own name."""
    address = str(source.get("url") or (source.get("tiles") or [""])[0])
    found = _COLLECTION.search(urlsplit(address).path)
    return unquote(found[1]) if found else name


def _source(name: str, source: Any, host: str) -> str:
    where = f"sources.{name}"
    if not isinstance(source, dict) or source.get("type") not in ("vector", "raster"):
        raise _bad("数据源只能是本节点的 vector 或 raster", "A source is a vector or raster of this node", where)
    addresses = [source["url"]] if "url" in source else source.get("tiles") or []
    if not isinstance(addresses, list) or not all(isinstance(one, str) for one in addresses):
        raise _bad("url、tiles 应为地址", "url and tiles are addresses", where)
    for one in addresses:
        try:
            parts = urlsplit(one)
        except ValueError:
            raise _bad(f"地址 {one[:60]!r} 不可读", f"The address {one[:60]!r} cannot be read", where) from None
        foreign = parts.scheme not in ("", "http", "https") or (parts.netloc and parts.netloc != host)
        if foreign or not _COLLECTION.search(parts.path):
            raise _bad(
                f"数据源地址 {one[:80]!r} 不是本节点的数据集合；样式不得引用外部地址",
                f"The address {one[:80]!r} is no collection of this node; a style refers to nothing outside",
                where,
            )
    return collection_of(name, source)


def _without_refs(layers: list[Any]) -> list[dict[str, Any]]:
    """Layers with their ``ref`` (style specification, version 7) filled in; a loop of references is refused."""
    by_id = {one.get("id"): one for one in layers if isinstance(one, dict) and isinstance(one.get("id"), str)}
    found = []
    for place, layer in enumerate(layers):
        if not isinstance(layer, dict):
            raise _bad("图层应为 JSON 对象", "A layer is a JSON object", f"layers[{place}]")
        seen, above, chain = {layer.get("id")}, layer, [layer]
        while "ref" in above:
            name = above["ref"]
            if not isinstance(name, str) or name not in by_id:
                raise _bad(
                    f"ref 指向不存在的图层 {str(name)[:40]!r}",
                    f"ref names no layer {str(name)[:40]!r}",
                    f"layers[{place}]",
                )
            if name in seen:
                raise _bad(f"ref 成环：{name[:40]!r}", f"refs form a loop at {name[:40]!r}", f"layers[{place}]")
            seen.add(name)
            above = by_id[name]
            chain.append(above)
        whole: dict[str, Any] = {}
        for one in reversed(chain):
            whole |= one
        whole.pop("ref", None)
        found.append(whole)
    return found


def check_layer(layer: Mapping[str, Any], where: str, sources: Mapping[str, str] | None = None) -> None:
    """Refuse one style layer that cannot be drawn; without ``sources`` its source is not looked at."""
    _members(layer, _LAYER_MEMBERS, where)
    if not isinstance(layer.get("id"), str) or not 1 <= len(layer["id"]) <= 120:
        raise _bad("图层要有 id（1–120 个字符）", "A layer needs an id of 1–120 letters", where)
    if layer.get("type") not in DRAWN_KINDS:
        raise _bad(
            f"不支持图层类型 {str(layer.get('type'))[:40]!r}；可用：{'、'.join(DRAWN_KINDS)}",
            f"The layer type {str(layer.get('type'))[:40]!r} is not supported; use {', '.join(DRAWN_KINDS)}", where,
        )  # fmt: skip
    if sources is not None and layer["type"] != "background" and layer.get("source") not in sources:
        raise _bad(
            f"图层没有数据源 {str(layer.get('source'))[:40]!r}",
            f"There is no source {str(layer.get('source'))[:40]!r}",
            where,
        )
    for name in ("minzoom", "maxzoom"):
        if name in layer and not (_is_number(layer[name]) and 0 <= layer[name] <= 24):
            raise _bad(f"{name} 应为 0–24", f"{name} must be 0–24", where)
    if "filter" in layer:
        if not isinstance(layer["filter"], list):
            raise _bad("filter 应为表达式", "filter must be an expression", where)
        expressions.check(layer["filter"])
    for part in ("paint", "layout"):
        values = layer.get(part, {})
        if not isinstance(values, dict) or len(values) > 60:
            raise _bad(f"{part} 应为对象", f"{part} must be an object", where)
        for name, value in values.items():
            _value(name, value, f"{where}.{part}.{name}")


def _value(name: str, value: Any, where: str) -> None:
    for text in _texts(value):
        if _ADDRESS.match(text) or text.lstrip().lower().startswith(("url(", "data:", "javascript:")):
            raise _bad(
                f"样式不得引用外部地址 {text[:60]!r}", f"A style refers to nothing outside: {text[:60]!r}", where
            )
    if isinstance(value, dict):
        raise _bad(
            "旧式函数（stops）不支持，请用表达式", "Functions with stops are not supported: use an expression", where
        )
    is_array = name in (
        "line-dasharray",
        "text-offset",
        "text-font",
        "text-padding",
        "line-translate",
        "fill-translate",
    )
    if isinstance(value, list) and not is_array:
        expressions.check(value)
    if name.endswith("-color"):
        for one in _colours(value):
            colours.rgba(one)
    if (
        name in ("line-width", "circle-radius", "text-size", "circle-stroke-width")
        and _is_number(value)
        and not 0 <= value <= 512
    ):
        raise _bad(f"{name}={value} 应为 0–512", f"{name}={value} must be 0–512", where)
    if name == "line-dasharray" and not (
        isinstance(value, list) and all(_is_number(one) and 0 <= one <= 999 for one in value)
    ):
        raise _bad("line-dasharray 应为数列", "line-dasharray must be numbers", where)


def _colours(value: Any) -> Iterator[str]:
    """The literal colours of a colour property: what match, case, step and interpolate put out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and value:
        start = {"match": 3, "case": 2, "step": 2, "interpolate": 4}.get(value[0])
        if start is None:
            return
        outputs = value[start::2] + ([value[-1]] if value[0] in ("match", "case") else [])
        for one in outputs:
            yield from _colours(one)


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            waiting += one.values()


def _unique(ids: list[str]) -> None:
    twice = next((one for one in ids if ids.count(one) > 1), None)
    if twice is not None:
        raise _bad(f"图层 id {twice[:40]!r} 重复", f"The layer id {twice[:40]!r} is used twice", "layers")


def _members(given: Mapping[str, Any], allowed: tuple[str, ...], where: str) -> None:
    unknown = next((name for name in given if name not in allowed), None)
    if unknown is not None:
        outside = unknown in ("sprite", "glyphs", "imports", "terrain")
        why_zh = "会引用外部资源" if outside else "不认识"
        raise _bad(
            f"成员 {str(unknown)[:40]!r} {why_zh}，不予保存；可用：{'、'.join(allowed)}",
            f"The member {str(unknown)[:40]!r} is not allowed; use {', '.join(allowed)}", where,
        )  # fmt: skip


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12


def _bad(zh: str, en: str, where: str) -> BadStyle:
    place_zh, place_en = (f"（{where}）", f" ({where})") if where else ("", "")
    return BadStyle(f"{zh}{place_zh}。", f"{en}{place_en}.", where=where)
