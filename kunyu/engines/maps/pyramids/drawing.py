"""The part of a tile's SQL that reads derived rows, under the caller's rights. 派生几何的绘制."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from kunyu.engines.catalogue.served import queries
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.maps.grids import BUFFER_SHARE, EARTH_HALF_M, MVT_EXTENT, UNPROJECTED_FROM_ZOOM, TileAddress
from kunyu.engines.maps.models import Pyramid
from kunyu.engines.maps.pyramids import tables
from kunyu.engines.maps.pyramids.state import Ready, TileState

LAST_ZOOM = 14
_BUFFER = int(MVT_EXTENT * BUFFER_SHARE)


@dataclass(frozen=True)
class Plan:
    """``drawn`` selects geom (in units of the tile), fid and the attributes; ``counties`` are those it draws."""

    drawn: str
    parameters: dict[str, Any]
    counties: tuple[str, ...]
    methods: tuple[str, ...]
    is_whole: bool


def level_of(address: TileAddress) -> int:
    """The Web Mercator zoom whose tiles are as large: the geographic matrix has half its tiles' width at each level."""
    return address.zoom + (1 if address.grid.is_geographic else 0)


def has_level(address: TileAddress) -> bool:
    """Whether derived rows may exist for the tile: the geographic matrix has none of its own for single features."""
    return level_of(address) <= (UNPROJECTED_FROM_ZOOM - 1 if address.grid.is_geographic else LAST_ZOOM)


def plan_of(selection: Selection, address: TileAddress, attributes: tuple[str, ...], state: TileState) -> Plan | None:
    """How to draw the counties that stand ready; None when none does, or when attributes are asked that they lack."""
    level = level_of(address)
    kind = Pyramid.Kind.SMALL if level < UNPROJECTED_FROM_ZOOM else Pyramid.Kind.LARGE
    ready = tuple(
        one for one in state.usable(str(kind), selection.moment) if selection.granted.allows_division(one.county)
    )
    if not ready:
        return None
    of_classes, in_tiles = ready[0].method == "class-share", ready[0].method != "presence"
    carried = tables.carried(selection.layer)
    if not of_classes and not set(attributes) <= set(carried):
        return None
    columns = [
        queries.quoted(code)
        if code in carried
        else f"NULL::{tables.sql_type(selection.layer, code)} AS {queries.quoted(code)}"
        for code in attributes
    ]
    geometry, where, parameters = _of_tiles(address) if in_tiles else _of_features(address)
    allowed, prefixes = selection.granted.predicate()
    for number, prefix in enumerate(prefixes):
        allowed = allowed.replace("%s", f"%(reach_{number})s", 1)
        parameters[f"reach_{number}"] = prefix
    # the zoom stands in the text: each has an index of its own
    drawn = (
        f"SELECT {', '.join([geometry + ' AS geom', 'fid', *columns])} FROM {tables.table_of(selection.layer)} "
        f"WHERE build = ANY(%(builds)s::int8[]) AND {where} AND ({allowed})"
    )
    parameters["builds"] = [one.build for one in ready]
    return Plan(
        drawn, parameters, tuple(one.county for one in ready), _methods(ready), not _has_others(selection, state, ready)
    )


def _methods(ready: tuple[Ready, ...]) -> tuple[str, ...]:
    return tuple(sorted({one.method for one in ready}))


def _has_others(selection: Selection, state: TileState, ready: tuple[Ready, ...]) -> bool:
    drawn = {one.county for one in ready}
    return any(one not in drawn and selection.granted.allows_division(one) for one in state.counties)


def _of_features(address: TileAddress) -> tuple[str, str, dict[str, Any]]:
    """Rows in degrees: cut by the tile, projected below zoom 12 only."""
    grid, level = address.grid, level_of(address)
    is_projected = address.zoom < UNPROJECTED_FROM_ZOOM and not grid.is_geographic
    bounds = address.plane if is_projected else grid.lonlat(address.plane)
    moved = f"ST_Transform(geom, {grid.epsg})" if is_projected else "geom"
    reach = address.searched
    sides = (reach.x_min, reach.y_min, reach.x_max, reach.y_max)
    west, south, east, north = (repr(side) for side in sides)
    envelope = f"SRID=4490;POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"
    return (
        f"ST_AsMVTGeom({moved}, %(cut)s::box2d, {MVT_EXTENT}, {_BUFFER}, true)",
        f"zoom = {level} AND geom && %(reached)s::geometry",
        {"cut": bounds.text, "reached": envelope},
    )


def _of_tiles(address: TileAddress) -> tuple[str, str, dict[str, Any]]:
    """Rows in units of a Web Mercator tile: as they are, or moved into tiles of the geographic matrix."""
    level = level_of(address)
    if not address.grid.is_geographic:
        return (
            "geom",
            f"zoom = {level} AND tile_column = %(tile_column)s::int AND tile_row = %(tile_row)s::int",
            {"tile_column": address.column, "tile_row": address.row},
        )
    reach, side = address.searched, 2 * EARTH_HALF_M / (1 << level)
    (west, north), (east, south) = _share(reach.x_min, reach.y_max), _share(reach.x_max, reach.y_min)
    last = (1 << level) - 1
    unit = side / MVT_EXTENT
    # each tile gives what is its own, without the margin: two margins would be drawn one upon the other
    own = f"ST_ClipByBox2D(geom, 'BOX(0 0,{MVT_EXTENT} {MVT_EXTENT})'::box2d)"
    placed = (
        f"ST_Affine({own}, {unit!r}, 0, 0, {-unit!r}, {-EARTH_HALF_M!r} + tile_column * {side!r}, "
        f"{EARTH_HALF_M!r} - tile_row * {side!r})"
    )
    return (
        f"ST_AsMVTGeom(ST_Transform(ST_SetSRID({placed}, 3857), 4490), %(cut)s::box2d, {MVT_EXTENT}, {_BUFFER}, true)",
        f"zoom = {level} AND tile_column BETWEEN %(west)s::int AND %(east)s::int "
        "AND tile_row BETWEEN %(north)s::int AND %(south)s::int",
        {
            "cut": address.plane.text,
            "west": max(int(west * (last + 1)), 0), "east": min(int(east * (last + 1)), last),
            "north": max(int(north * (last + 1)), 0), "south": min(int(south * (last + 1)), last),
        },
    )  # fmt: skip


def _share(lon: float, lat: float) -> tuple[float, float]:
    """How far east and south a place lies in the Web Mercator square, from 0 to 1."""
    bounded = math.radians(max(-85.06, min(85.06, lat)))
    return (lon + 180) / 360, 0.5 - math.asinh(math.tan(bounded)) / (2 * math.pi)
