"""A small SVG map of one finding: the parcels around it, the parcels it names, the place itself. 示意小图."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from markupsafe import Markup
from shapely.geometry.base import BaseGeometry

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer
from kunyu.engines.ingest.checks.finding import Finding

SIDE_PX = 260
LEAST_SIDE_M = 20.0
"""The window is never narrower: a sliver is understood by what lies around it."""
MOST_NEIGHBOURS = 400


@dataclass(frozen=True)
class View:
    """What a small map shows, in the delivered plane: window (west, south, east, north), its side in metres, features."""

    window: tuple[float, float, float, float]
    side_m: float
    near: tuple[BaseGeometry, ...]
    named: tuple[BaseGeometry, ...]
    place: BaseGeometry


@dataclass
class Drawer:
    """Draws findings of one delivery; keeps a search tree per layer."""

    delivery: Delivered
    _trees: dict[str, tuple[shapely.STRtree, np.ndarray]] = field(default_factory=dict)

    def draw(self, finding: Finding) -> Markup | None:
        """Return an ``<svg>`` in the delivered plane (north up), or None when there is nothing to show."""
        layer = self._layer(finding)
        if layer is None or finding.place is None:
            return None
        window = _window(finding.place, layer)
        named = set(finding.ids)
        around = self._around(layer, window)
        parts = [
            _path(layer.geometry[row], window, "ky-named" if layer.ids[row] in named else "ky-near") for row in around
        ]
        parts.append(_place(finding.place, window))
        return Markup(  # noqa: S704 - numbers and class names of ours only  # nosec B704
            f'<svg class="ky-map" viewBox="0 0 {SIDE_PX} {SIDE_PX}" width="{SIDE_PX}" height="{SIDE_PX}" role="img">'
            f"{''.join(parts)}{_scale_bar(window, layer)}</svg>"
        )

    def view(self, finding: Finding) -> View | None:
        """Return what the small map of a finding shows, or None when there is nothing to show."""
        layer = self._layer(finding)
        if layer is None or finding.place is None:
            return None
        window, names = _window(finding.place, layer), set(finding.ids)
        rows = self._around(layer, window)
        return View(
            window, (window[2] - window[0]) * layer.metres_per_unit,
            tuple(layer.geometry[row] for row in rows if layer.ids[row] not in names),
            tuple(layer.geometry[row] for row in rows if layer.ids[row] in names), finding.place,
        )  # fmt: skip

    def _layer(self, finding: Finding) -> DeliveredLayer | None:
        """The layer of a finding whose place can be drawn."""
        layer = self.delivery.layers.get(finding.layer)
        if layer is None or finding.place is None or shapely.is_empty(finding.place):
            return None
        return layer if np.isfinite(shapely.bounds(finding.place)).all() else None

    def _around(self, layer: DeliveredLayer, window: tuple[float, float, float, float]) -> list[int]:
        if layer.code not in self._trees:
            usable = np.flatnonzero(layer.valid & ~shapely.is_empty(layer.geometry))
            self._trees[layer.code] = shapely.STRtree(layer.geometry[usable]), usable
        tree, usable = self._trees[layer.code]
        found = np.sort(usable[tree.query(shapely.box(*window), predicate="intersects")])
        rows: list[int] = found[:MOST_NEIGHBOURS].tolist()
        return rows


def _window(place: BaseGeometry, layer: DeliveredLayer) -> tuple[float, float, float, float]:
    west, south, east, north = shapely.bounds(place)
    side = max(3 * max(east - west, north - south), LEAST_SIDE_M / layer.metres_per_unit)
    x, y = (west + east) / 2, (south + north) / 2
    return x - side / 2, y - side / 2, x + side / 2, y + side / 2


def _path(geometry: BaseGeometry, window: tuple[float, float, float, float], name: str) -> str:
    clipped = shapely.clip_by_rect(geometry, *window)
    pieces = []
    for part in shapely.get_parts(clipped):
        if shapely.get_dimensions(part) == 2:
            pieces += [_points(ring, window) + "Z" for ring in shapely.get_rings(part)]
        elif shapely.get_dimensions(part) == 1:
            pieces.append(_points(part, window))
    return f'<path class="{name}" d="{"".join(pieces)}"/>' if pieces else ""


def _points(line: BaseGeometry, window: tuple[float, float, float, float]) -> str:
    scale = SIDE_PX / (window[2] - window[0])
    xy = shapely.get_coordinates(line)
    px = np.round(np.c_[xy[:, 0] - window[0], window[3] - xy[:, 1]] * scale, 1)
    keep = np.r_[True, (np.diff(px, axis=0) != 0).any(axis=1)]
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in px[keep])


def _place(place: BaseGeometry, window: tuple[float, float, float, float]) -> str:
    drawn = _path(place, window, "ky-place")
    scale = SIDE_PX / (window[2] - window[0])
    if shapely.get_dimensions(place) == 0:
        for x, y in shapely.get_coordinates(place):
            at = (x - window[0]) * scale, (window[3] - y) * scale
            drawn += f'<circle class="ky-place" cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="5"/>'
    return drawn


def _scale_bar(window: tuple[float, float, float, float], layer: DeliveredLayer) -> str:
    side_m = (window[2] - window[0]) * layer.metres_per_unit
    rough = side_m / 4
    step = 10 ** np.floor(np.log10(rough))
    length = float(step * max(one for one in (1, 2, 5) if one * step <= rough))
    px = length / side_m * SIDE_PX
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    y = SIDE_PX - 8
    return (
        f'<path class="ky-bar" d="M8 {y - 4}V{y}H{8 + px:.1f}V{y - 4}"/>'
        f'<text class="ky-text" x="{12 + px:.1f}" y="{y}">{text}</text>'
    )
