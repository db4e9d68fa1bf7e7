"""The layers a person may see, in the order of the catalogue, with all a map page needs to draw them. 图层树."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from kunyu.engines.catalogue.models import CatalogueItem
from kunyu.engines.catalogue.served.layers import ServedLayer, extent_of, published_versions, visible_layers
from kunyu.engines.maps import styles
from kunyu.engines.maps.settings import maps_settings
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Principal

RASTER = "Raster"


@dataclass
class Branch:
    """A catalogue item with the branches and layers under it."""

    code: str
    name_zh: str
    name_en: str
    children: list[Branch] = field(default_factory=list)
    layers: list[dict[str, Any]] = field(default_factory=list)


def layer_tree(principal: Principal) -> list[Branch]:
    """Types, categories and content items of Table 1 that hold a visible layer, each layer under its item."""
    layers = visible_layers(principal)
    items = {item.code: item for item in CatalogueItem.objects.filter(code__in=_codes(layers))}
    branches = {code: Branch(code, item.name_zh, item.name_en) for code, item in items.items()}
    roots: list[Branch] = []
    for code, item in sorted(items.items(), key=lambda pair: pair[1].position):
        above = branches.get(item.parent_id or "")
        (above.children if above else roots).append(branches[code])
    for layer in layers:
        branches[layer.item_code].layers.append(layer_entry(layer, principal))
    return roots


def _codes(layers: list[ServedLayer]) -> set[str]:
    """Codes of the items and of everything above them: TCCNN is under TCC, TCC under T."""
    return {layer.item_code[:digits] for layer in layers for digits in (1, 3, 5)}


def _tiles_of(layer: ServedLayer) -> str | None:
    """XYZ template of its tiles: drawn pictures of a coverage, vector tiles of features, none of a table."""
    address = f"/ogc/collections/{quote(layer.collection, safe='@')}"
    if layer.geometry == RASTER:
        return f"{address}/map/tiles/WebMercatorQuad/{{z}}/{{y}}/{{x}}"
    return f"{address}/tiles/WebMercatorQuad/{{z}}/{{y}}/{{x}}" if layer.is_spatial else None


def layer_entry(layer: ServedLayer, principal: Principal) -> dict[str, Any]:
    """One layer: names, where its tiles are (XYZ template from the site's root), how it looks, since when it is."""
    granted = scope.resolve(principal, layer.collection, scope.SEE, public=layer.is_public)
    versions = published_versions(layer, granted)
    label = granted.label
    return {
        "collection": layer.collection,
        "code": layer.code,
        "name_zh": layer.name_zh,
        "name_en": layer.name_en,
        "dataset": layer.dataset_code,
        "dataset_name_zh": layer.dataset_name_zh,
        "standard": layer.standard_id,
        "label": {"secrecy": label.secrecy, "name_zh": label.name_zh, "name_en": label.name_en},
        "geometry": layer.geometry,
        "tiles": _tiles_of(layer),
        "tile_type": "raster" if layer.geometry == RASTER else "vector",
        "source_layer": layer.collection,
        "max_zoom": maps_settings().max_zoom,
        "may_query": scope.may(principal, layer.collection, scope.QUERY, public=layer.is_public),
        "paint": styles.paint_layers(layer, layer.collection) if layer.is_spatial else [],
        "class_field": layer.class_field.code if layer.class_field else None,
        "colour": styles.plain_colour(layer),
        "legend": [vars(entry) for entry in styles.legend(layer)],
        "key": layer.key,
        "fields": [
            {"code": code, "name_zh": one.name_zh, "name_en": one.name_en, "unit": one.unit}
            for code, one in layer.fields.items()
        ],
        "extent": extent_of(versions).box,
        "dates": sorted({version.valid_from for version in versions}),
        "versions": [
            {
                "county": one.county,
                "number": one.number,
                "valid_from": one.valid_from,
                "known_from": one.known_from,
                "record_count": one.record_count,
                "is_incremental": one.is_incremental,
            }
            for one in versions
        ],
    }
