"""A composition as whoever asks sees it: its layers under his rights, with the looks they have in it. 专题图的呈现."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kunyu.engines.catalogue.served.layers import ServedLayer, find_layer
from kunyu.engines.maps import styles, styles_saved
from kunyu.engines.maps.compositions import services
from kunyu.engines.maps.compositions.definition import Definition, LayerUse, read_definition
from kunyu.engines.maps.compositions.errors import NoSuchComposition
from kunyu.engines.maps.drawing import images
from kunyu.engines.maps.drawing.images import DrawnLayer
from kunyu.engines.maps.errors import NoSuchStyle
from kunyu.engines.security import scope
from kunyu.engines.security.errors import SignInNeeded
from kunyu.engines.security.scope import Principal


@dataclass(frozen=True)
class Look:
    """One version of a composition."""

    slug: str
    number: int
    title: str
    definition: Definition
    versions: Mapping[str, Any]

    @property
    def layers(self) -> tuple[LayerUse, ...]:
        """Lowest first, as they are drawn."""
        return tuple(reversed(self.definition.layers))


def load(principal: Principal, slug: str, number: int | None = None) -> Look:
    """One version, the newest without ``number``; :class:`NoSuchComposition`, :class:`SignInNeeded`."""
    composition = services.one(principal, slug)
    version = services.version_of(composition, number)
    title = f"{version.title_zh} / {version.title_en}" if version.title_en else version.title_zh
    return Look(slug, version.number, title, read_definition(version.definition), version.versions)


def find(principal: Principal, slug: str) -> Look | None:
    """The composition of that name, or None when there is none for the caller."""
    if not is_slug(slug):
        return None
    try:
        return load(principal, slug)
    except (NoSuchComposition, SignInNeeded):
        return None


def is_slug(name: str) -> bool:
    """Can this be a composition's name? Collections begin with a digit, base layers with their own word."""
    return not name[:1].isdigit() and ":" not in name


def titles(principal: Principal) -> list[tuple[str, str]]:
    """Name and title of every composition the caller may open."""
    found = []
    for composition in services.visible(principal).order_by("-ships", "slug")[:1000]:
        version = composition.versions.order_by("-number").first()
        if version is not None:
            found.append((composition.slug, version.title_zh))
    return found


def shown(principal: Principal, uses: Iterable[LayerUse]) -> list[tuple[ServedLayer, LayerUse]]:
    """The vector layers that the caller may query, with their use; others are left out without a word of them."""
    found = []
    for use in uses:
        layer = None if use.is_base else find_layer(use.collection)
        if layer is None or not layer.is_spatial or layer.state.count == 0:
            continue
        if scope.may(principal, layer.collection, scope.QUERY, public=layer.is_public):
            found.append((layer, use))
    return found


def style_layers(layer: ServedLayer, use: LayerUse) -> tuple[dict[str, Any], ...]:
    """The MapLibre layers of one use, on the source of the layer's own name and with ids of their own."""
    parts = use.style if use.style is not None else styles.paint_layers(layer, layer.collection)
    made = []
    for place, part in enumerate(parts):
        one = {**part, "id": f"{layer.collection}:{place}:{part['id']}"[:120], "source": layer.collection}
        one["source-layer"] = layer.collection
        made.append(_faded(one, use.opacity))
    return tuple(made)


def _faded(part: dict[str, Any], opacity: float) -> dict[str, Any]:
    if opacity >= 1 or part["type"] not in ("fill", "line", "circle"):
        return part
    name = f"{part['type']}-opacity"
    own = part.get("paint", {}).get(name, 1.0)
    faded = ["*", own, opacity] if isinstance(own, list) else own * opacity
    return {**part, "paint": {**part.get("paint", {}), name: faded}}


def drawn_layers(
    principal: Principal, look: Look, times: Mapping[str, str], action: str = scope.QUERY
) -> list[DrawnLayer]:
    """What is drawn for the caller, lowest first; layers he may not ``action`` are left out.

    ``times`` (``valid_at``, ``known_at``) replace the composition's own; a layer's own date stays.
    """
    common = dict(times)
    if not {"valid_at", "datetime"} & set(common) and look.definition.valid_at:
        common["valid_at"] = look.definition.valid_at
    if "known_at" not in common and look.definition.known_at:
        common["known_at"] = look.definition.known_at
    found = []
    for use in look.layers:
        if not use.is_base and not _may(principal, use.collection, action):
            continue
        own = {name: value for name in ("valid_at", "known_at") if (value := getattr(use, name))}
        if "valid_at" in own:
            common_here = {name: value for name, value in common.items() if name != "datetime"}
        else:
            common_here = common
        found.append(
            DrawnLayer(use.collection, _style(principal, use), use.opacity, use.filter, {**common_here, **own})
        )
    return found


def _style(principal: Principal, use: LayerUse) -> tuple[Mapping[str, Any], ...] | None:
    if use.style is not None or not use.saved_style or use.is_base:
        return use.style
    layer = find_layer(use.collection)
    try:
        return styles_saved.style_layers(principal, layer, use.saved_style) if layer else None
    except NoSuchStyle:
        return None  # its owner took the style back: the layer's own look stands in


def _may(principal: Principal, collection: str, action: str) -> bool:
    if images.is_coverage(collection):
        return scope.may(principal, collection, action)
    layer = find_layer(collection)
    if layer is None or not layer.is_spatial or layer.state.count == 0:
        return False
    return scope.may(principal, collection, action, public=layer.is_public)
