"""Which images of a collection a request means: those the caller may see, true and known at the moment, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import shapely

from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.served import queries
from kunyu.engines.catalogue.served.asof import AsOf
from kunyu.engines.catalogue.served.layers import ServedLayer, open_layer
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.catalogue.served.serving import fetch
from kunyu.engines.maps import crs
from kunyu.engines.maps.coverages.errors import NoCoverage
from kunyu.engines.maps.coverages.sampling import Grid
from kunyu.engines.maps.grids import WEB_MERCATOR_QUAD, Box
from kunyu.engines.security import scope
from kunyu.engines.security.errors import NotAllowed, NotVisible, SignInNeeded
from kunyu.engines.security.scope import Principal, Scope

HEIGHT_LAYERS = ("ELEVATION", "DEM")
"""Layers of the standards whose pixels are heights in metres."""


@dataclass(frozen=True)
class Scene:
    """One image: its object in the store, what it is called, when it was taken."""

    id: str
    sm3: str
    name: str
    sensed_on: date | None
    gsd_m: float | None


def is_coverage(layer: ServedLayer) -> bool:
    """Whether the layer's rows are images or grids."""
    return layer.model.holds_images


def holds_heights(layer: ServedLayer) -> bool:
    """Whether the pixels are heights in metres."""
    return layer.code in HEIGHT_LAYERS


def open_coverage(principal: Principal, collection: str, action: str) -> tuple[ServedLayer, Scope]:
    """`open_layer` for a collection of images.

    Raises
    ------
    NoCoverage
        The collection holds features, not images.
    """
    layer, granted = open_layer(principal, collection, action)
    return require_coverage(layer), granted


def height_collections(principal: Principal) -> list[tuple[ServedLayer, Scope]]:
    """The grids of heights the caller may read."""
    found = []
    layers = Layer.objects.filter(code__in=HEIGHT_LAYERS).order_by("dataset__item__position", "position", "id")
    for collection in layers.values_list("collection", flat=True):
        try:
            layer, granted = open_layer(principal, collection, scope.QUERY)
        except (NotVisible, NotAllowed, SignInNeeded):
            continue
        if is_coverage(layer):
            found.append((layer, granted))
    return found


def require_coverage(layer: ServedLayer) -> ServedLayer:
    """The layer itself, or :class:`NoCoverage`."""
    if not is_coverage(layer):
        raise NoCoverage(
            f"{layer.collection} {layer.name_zh} 不是影像或高程，没有覆盖数据；请改用 items 或 tiles。",
            f"{layer.collection} holds no images or heights, so it has no coverage; use items or tiles.",
        )
    return layer


def lonlat_area(box: Box, epsg: int) -> shapely.Geometry:
    """The area of a box of any offered plane, in degrees lon/lat, cut at the edge of the earth."""
    if epsg == WEB_MERCATOR_QUAD.epsg:
        box = WEB_MERCATOR_QUAD.lonlat(box)
    elif epsg not in crs.GEOGRAPHIC:
        return crs.bbox_polygon([box.y_min, box.x_min, box.y_max, box.x_max], crs.offered(crs.EPSG_URI.format(epsg)))
    return shapely.box(max(box.x_min, -180), max(box.y_min, -90), min(box.x_max, 180), min(box.y_max, 90))


def find_scenes(layer: ServedLayer, granted: Scope, asof: AsOf, grid: Grid, most: int) -> list[Scene]:
    """The images that meet ``grid``, newest first, at most ``most``; one taken after the day asked for is left out."""
    selection = Selection(layer, granted, asof.moment, area=lonlat_area(grid.box, grid.epsg))
    last = asof.moment.days.last
    narrowing = ('("SENSED_ON" IS NULL OR "SENSED_ON" <= %(last_sensed)s::date)', {"last_sensed": last})
    columns = ['"BSM"', '"OBJECT"', '"NAME"', '"SENSED_ON"', '"GSD_M"', "version_id"]
    order = 'ORDER BY "SENSED_ON" DESC NULLS LAST, version_id DESC, "NAME" DESC LIMIT %(most)s'
    rows, parameters = queries.rows(selection, columns, narrowing if last else ("", {}), each=order)
    found = fetch(granted, f"SELECT * FROM ({rows}) q {order}", {**parameters, "most": most})
    return [Scene(row[0], row[1], row[2], row[3], None if row[4] is None else float(row[4])) for row in found]
