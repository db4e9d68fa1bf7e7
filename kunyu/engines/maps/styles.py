"""How layers look: fill colours of the standard's codes as MapLibre styles and legends. 样式."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kunyu.engines.catalogue.served.layers import ServedLayer
from kunyu.engines.maps.collections import title_of
from kunyu.engines.maps.grids import GRIDS

# For layers without class colours: one calm colour each, no red (red says conflict), told apart by the catalogue's order.
_PLAIN = ("#3d7ea6", "#a6703d", "#6a9a3d", "#8a5aa8", "#3d9a8b", "#7a7a3d", "#5a6aa8")
_OUTLINE = "#5f5f5f"
_UNKNOWN = "#d9d9d9"


@dataclass(frozen=True)
class LegendEntry:
    """One code with its name and colour; ``verified`` says whether the colour stands in the standard."""

    code: str
    name_zh: str
    name_en: str
    colour: str
    verified: bool


def legend(layer: ServedLayer) -> tuple[LegendEntry, ...]:
    """Coloured codes of the layer's class attribute; a code without its own colour takes that of its parent."""
    field = layer.class_field
    swatches = layer.standard.styles.get(field.codelist or "", {}) if field else {}
    if not field or not field.codelist or not swatches:
        return ()
    entries = []
    for row in layer.standard.codelists[field.codelist].rows:
        swatch = swatches.get(row.code) or swatches.get(row.parent)
        if swatch:
            entries.append(LegendEntry(row.code, row.name_zh, row.name_en, swatch.fill, swatch.verified))
    return tuple(entries)


def plain_colour(layer: ServedLayer) -> str:
    """A colour for layers without classes, the same on every node."""
    return _PLAIN[sum(layer.collection.encode()) % len(_PLAIN)]


def _colour_expression(layer: ServedLayer) -> Any:
    entries = legend(layer)
    if not entries or layer.class_field is None:
        return plain_colour(layer)
    pairs = [part for entry in entries for part in (entry.code, entry.colour)]
    return ["match", ["get", layer.class_field.code], *pairs, _UNKNOWN]


def paint_layers(layer: ServedLayer, source: str) -> list[dict[str, Any]]:
    """MapLibre style layers that draw one collection from the vector source ``source``."""
    colour = _colour_expression(layer)
    common = {"source": source, "source-layer": layer.collection}
    name = layer.collection
    match layer.geometry:
        case "Polygon":
            return [
                {"id": f"{name}:fill", "type": "fill", **common, "paint": {"fill-color": colour, "fill-opacity": 0.75}},
                {"id": f"{name}:line", "type": "line", **common, "minzoom": 13,
                 "paint": {"line-color": _OUTLINE, "line-width": 0.5}},
            ]  # fmt: skip
        case "LineString":
            paint = {"line-color": colour, "line-width": ["interpolate", ["linear"], ["zoom"], 8, 0.6, 16, 2.5]}
            return [{"id": f"{name}:line", "type": "line", **common, "paint": paint}]
        case _:
            circle = {
                "circle-color": colour,
                "circle-radius": 4,
                "circle-stroke-color": "#ffffff",
                "circle-stroke-width": 1,
            }
            return [{"id": f"{name}:circle", "type": "circle", **common, "paint": circle}]


def style_document(layer: ServedLayer, tilejson_address: str) -> dict[str, Any]:
    """A MapLibre style of one collection."""
    return {
        "version": 8,
        "name": title_of(layer),
        "metadata": {
            "kunyu:colours-verified": all(entry.verified for entry in legend(layer)),
            "kunyu:tile-matrix-sets": list(GRIDS),
        },
        "sources": {layer.collection: {"type": "vector", "url": tilejson_address}},
        "layers": paint_layers(layer, layer.collection),
    }
