"""Maps as pictures: layers drawn one above the other under the rights of whoever asks. 出图."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import skia

from kunyu.engines.catalogue.served.asof import AsOf, read_moment
from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.catalogue.served.layers import ServedLayer, open_layer, record_read
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.maps import styles
from kunyu.engines.maps.basemap_relief import draw_relief
from kunyu.engines.maps.coverages.sampling import Grid
from kunyu.engines.maps.cql.reading import evaluating, read_filter
from kunyu.engines.maps.drawing import base, painting, reading
from kunyu.engines.maps.drawing.lettering import Places
from kunyu.engines.maps.drawing.painting import StyleLayer
from kunyu.engines.maps.drawing.view import View, picture
from kunyu.engines.maps.grids import Box
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Principal, Scope

MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
_FORMATS = {"png": skia.kPNG, "jpeg": skia.kJPEG, "webp": skia.kWEBP}
LEVEL_SHADE = math.sin(math.radians(45))
"""Brightness of level ground, 0–1, under the usual sun."""
RELIEF_STRENGTH = 0.7
"""Part of the contrast of the shade that is left under a thematic map."""


@dataclass(frozen=True)
class DrawnLayer:
    """One layer of a picture.

    ``style`` are MapLibre style layers (``source`` is not read); None is the layer's own look. ``filter`` is CQL2 text
    over the layer's attributes. ``times`` may hold ``valid_at``, ``known_at`` or ``datetime`` of its own.
    """

    collection: str
    style: tuple[StyleLayer, ...] | None = None
    opacity: float = 1.0
    filter: str = ""
    times: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drawn:
    """What was drawn of a layer: for headers, legends and the record of versions; None for base layers."""

    collection: str
    layer: ServedLayer | None
    granted: Scope | None
    asof: AsOf | None
    features: int
    is_truncated: bool = False
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)


def draw_map(
    principal: Principal, layers: Sequence[DrawnLayer], box: Box, epsg: int, width: int, height: int,
    query: Mapping[str, str] | None = None, *, form: str = "png", background: int = 0,
) -> bytes:  # fmt: skip
    """A picture of ``layers``, the first lowest.

    Parameters
    ----------
    box : in plane ``epsg``, x east or longitude first; ``width``, ``height`` in pixels.
    query : may hold ``datetime``, ``valid_at`` and ``known_at`` for every layer.
    background : 0xAARRGGBB; 0 leaves it transparent (JPEG has white).

    Raises
    ------
    BadImageSize
        An absurd size.
    SignInNeeded, NotVisible, NotAllowed
        A layer may not be queried.
    """
    view = picture(box, epsg, width, height)
    surface = skia.Surface(width, height)
    with surface as canvas:
        canvas.clear(background or (0xFFFFFFFF if form == "jpeg" else 0))
        draw_layers(canvas, view, principal, layers, query or {})
    return encoded(surface, form)


def encoded(surface: skia.Surface, form: str = "png", quality: int = 90) -> bytes:
    """The bytes of a picture."""
    data = surface.makeImageSnapshot().encodeToData(_FORMATS[form], quality)
    return bytes(data)


def draw_layers(
    canvas: skia.Canvas, view: View, principal: Principal, layers: Sequence[DrawnLayer], query: Mapping[str, str],
    told: Callable[[int, int], object] = lambda done, total: None, kind: str = "tiles",
) -> list[Drawn]:  # fmt: skip
    """Draw on any canvas (picture or page); ``told`` hears how many layers are done. Labels of the top win.

    ``kind`` is what the audit calls the read: ``tiles`` for pictures, ``export`` for prints.
    """
    places = Places(view.width, view.height, view.unit)
    names = {one.collection for one in layers}
    named = base.BOUNDARIES not in names or not base.shows_fiction(names, view.lonlat)
    found = []
    for number, one in enumerate(layers):
        told(number, len(layers))
        found.append(_draw(canvas, view, principal, one, query, places, kind, named))
    told(len(layers), len(layers))
    return found


def _draw(
    canvas: skia.Canvas, view: View, principal: Principal, one: DrawnLayer, query: Mapping[str, str], places: Places,
    kind: str, named: bool,
) -> Drawn:  # fmt: skip
    if one.collection == base.BOUNDARIES:
        boundaries = base.read_boundaries(view, named=named)
        painting.paint(canvas, view, base.STYLE, boundaries, one.opacity, places, "Polygon")
        return Drawn(one.collection, None, None, None, len(boundaries))
    if one.collection == base.RELIEF:
        _draw_relief(canvas, view, principal, one.opacity)
        return Drawn(one.collection, None, None, None, 0)
    if is_coverage(one.collection):
        _draw_coverage(canvas, view, principal, one, {**query, **one.times})
        return Drawn(one.collection, None, None, None, 0)
    return _draw_features(canvas, view, principal, one, query, places, kind)


def _draw_features(
    canvas: skia.Canvas, view: View, principal: Principal, one: DrawnLayer, query: Mapping[str, str], places: Places,
    kind: str,
) -> Drawn:  # fmt: skip
    layer, granted = open_layer(principal, one.collection, scope.DOWNLOAD if kind == "export" else scope.QUERY)
    if not layer.is_spatial:
        raise BadParameter(
            f"{one.collection} {layer.name_zh} 是属性表，不能绘图。", f"{one.collection} is a table without geometry."
        )
    asof = read_moment(layer, {**query, **one.times})
    style = one.style if one.style is not None else tuple(styles.paint_layers(layer, layer.collection))
    if not any(painting.is_shown(part, view.zoom) for part in style):
        return Drawn(one.collection, layer, granted, asof, 0)
    inside = view.lonlat
    record_read(principal, layer, (inside.x_min, inside.y_min, inside.x_max, inside.y_max), kind)
    filtered = read_filter(layer, granted, {"filter": one.filter}) if one.filter else None
    selection = Selection(layer, granted, asof.moment, filtered=filtered)
    with evaluating(filtered):
        found = reading.read_drawable(selection, view, sorted(painting.attributes_needed(style)))
    painting.paint(canvas, view, style, found, one.opacity, places, layer.geometry)
    return Drawn(one.collection, layer, granted, asof, len(found), found.is_truncated, found.columns)


def _coverages() -> Any:
    """The coverages of this node, where that part is installed."""
    try:
        return importlib.import_module("kunyu.engines.maps.coverages.images")
    except ModuleNotFoundError:
        return None


def is_coverage(collection: str) -> bool:
    """Is ``collection`` imagery or terrain?"""
    try:
        catalogue = importlib.import_module("kunyu.engines.maps.coverages.catalogue")
    except ModuleNotFoundError:
        return False
    known = getattr(catalogue, "is_coverage", None)
    return bool(known and known(collection))


def _draw_coverage(
    canvas: skia.Canvas, view: View, principal: Principal, one: DrawnLayer, times: Mapping[str, str]
) -> None:
    width, height = _pixels(view)
    picture_of = _coverages().draw_coverage(principal, one.collection, view.box, view.epsg, width, height, moment=times)
    _draw_array(canvas, view, picture_of, one.opacity)


def _draw_relief(canvas: skia.Canvas, view: View, principal: Principal, opacity: float) -> None:
    """Relief of the heights the principal may see; nothing where there are none."""
    width, height = _pixels(view)
    drawn = draw_relief(principal, Grid(view.box, view.epsg, width, height))
    if drawn is not None:
        _draw_array(canvas, view, _on_paper(drawn), opacity)


def _on_paper(shade: np.ndarray) -> np.ndarray:
    """Shade with level ground as white as paper: plains stay clear, and the edge of the heights is not seen."""
    lifted = shade.copy()
    lifted[..., :3] = np.clip(shade[..., :3] * RELIEF_STRENGTH + 255 * (1 - RELIEF_STRENGTH * LEVEL_SHADE), 0, 255)
    return lifted


def _pixels(view: View) -> tuple[int, int]:
    """Pixels of a raster under the view: those of the picture; 200 to the inch on paper (millimetres); at most 4,096."""
    scale = 1.0 if view.unit == 1.0 else 200 / 25.4
    scale *= min(1.0, 4096 / (max(view.width, view.height) * scale))
    return max(1, round(view.width * scale)), max(1, round(view.height * scale))


def _draw_array(canvas: skia.Canvas, view: View, array: np.ndarray, opacity: float) -> None:
    """``uint8[h, w, 4]`` RGBA over the whole window."""
    image = skia.Image.fromarray(np.ascontiguousarray(array), colorType=skia.kRGBA_8888_ColorType)
    whole = skia.Rect.MakeWH(view.width, view.height)
    canvas.drawImageRect(image, whole, skia.SamplingOptions(skia.FilterMode.kLinear), skia.Paint(Alphaf=opacity))
