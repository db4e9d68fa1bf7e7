"""Vector tiles straight from PostGIS. 矢量瓦片.

The recipe was measured (architecture.md §6): filter with the *buffered* tile, so that no feature at an edge is
missing; at zoom 12 and above cut the stored longitude/latitude geometry by the tile's lon/lat bounds instead of
projecting it; let a MATERIALIZED step hold the cut geometry, or PostgreSQL would cut twice; compute every bound here,
not in SQL. Vertices set the price, so outlines are thinned by at most half a unit before ST_AsMVTGeom makes them valid
on the grid: at zoom 14 under half the vertices of sample parcels remain, and the tile costs a fifth less.

Counties whose derived geometry stands ready (``pyramids``) are drawn from it below zoom 15, all others live, both in one
statement under the caller's rights; ``Kunyu-Generalised`` names the methods. Live below zoom 12, coordinates snap to
1,024 units and features smaller than one unit in both directions are left out ("smaller-than-pixel": clients draw a tile
on 512 pixels, so a unit is half a pixel; a coarser limit tears visible holes into a town). Only if more features remain
than the limit are the smallest left out, and then ``Kunyu-Truncated`` says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kunyu.engines.catalogue.served import queries
from kunyu.engines.catalogue.served.layers import ServedLayer
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.catalogue.served.serving import fetch
from kunyu.engines.maps.grids import (
    BUFFER_SHARE,
    MVT_EXTENT,
    SMALL_SCALE_EXTENT,
    UNPROJECTED_FROM_ZOOM,
    Box,
    TileAddress,
)
from kunyu.engines.maps.pyramids import drawing
from kunyu.engines.maps.pyramids.state import TileState, state_of
from kunyu.engines.maps.settings import maps_settings

__all__ = ["MEDIA_TYPE", "Tile", "TileAddress", "draw", "tile_statement"]

MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
SMALLER_THAN_PIXEL = "smaller-than-pixel"
Statement = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Tile:
    """One tile's bytes, empty when nothing lies in it.

    ``methods`` are the ways its features were generalised, in alphabetical order, none for full geometry;
    ``truncated_to`` is the number of features kept, if not all.
    """

    data: bytes
    methods: tuple[str, ...] = ()
    truncated_to: int | None = None

    @property
    def is_generalised(self) -> bool:
        return bool(self.methods)


def tile_statement(selection: Selection, address: TileAddress, attributes: tuple[str, ...]) -> Statement:
    """The SQL of one live tile: one row with the tile's bytes and how many features there were.

    Parameters
    ----------
    attributes
        Codes of the layer's fields to write; the caller has checked that the layer has them.
    """
    return _encoded(selection, *_live(selection, address, attributes), _extent_of(address))


def _live(
    selection: Selection, address: TileAddress, attributes: tuple[str, ...], without: Sequence[str] = (),
    extent: int | None = None,
) -> tuple[list[str], str, dict[str, Any]]:  # fmt: skip
    """Steps of the statement, the SELECT of what they drew (geom, fid, attributes), and its parameters.

    ``without`` are counties that somebody else draws.
    """
    if address.zoom >= UNPROJECTED_FROM_ZOOM:
        return [], *_large_scale(selection, address, attributes, without)
    return _small_scale(selection, address, attributes, without, extent or SMALL_SCALE_EXTENT)


def _extent_of(address: TileAddress) -> int:
    return MVT_EXTENT if address.zoom >= UNPROJECTED_FROM_ZOOM else SMALL_SCALE_EXTENT


def _encoded(
    selection: Selection, steps: Sequence[str], drawn: str, parameters: dict[str, Any], extent: int
) -> Statement:
    picked = "(SELECT count(*) FROM picked)" if any(step.startswith("picked ") for step in steps) else "0"
    listed = ", ".join([*steps, f"drawn AS MATERIALIZED ({drawn})"])
    statement = (
        f"WITH {listed} SELECT ST_AsMVT(drawn, %(name)s::text, {extent}, 'geom', 'fid'), {picked} "
        "FROM drawn WHERE geom IS NOT NULL"
    )
    return statement, {**parameters, "name": selection.layer.collection}


def _columns(selection: Selection, attributes: tuple[str, ...]) -> list[str]:
    """Attribute columns in types a vector tile knows: numbers stay numbers, dates become text."""
    casts = {"Float": "::float8", "Int": "::int8", "Date": "::text", "DateTime": "::text"}
    return [
        f"{queries.quoted(code)}{cast} AS {queries.quoted(code)}"
        if (cast := casts.get(selection.layer.fields[code].type))
        else queries.attribute(selection, code)
        for code in attributes
    ]


def _envelope(box: Box) -> str:
    """A box as EWKT for ``geometry``, EPSG:4490."""
    w, s, e, n = (repr(side) for side in (box.x_min, box.y_min, box.x_max, box.y_max))
    return f"SRID=4490;POLYGON(({w} {s},{e} {s},{e} {n},{w} {n},{w} {s}))"


def _large_scale(
    selection: Selection, address: TileAddress, attributes: tuple[str, ...], without: Sequence[str]
) -> Statement:
    return queries.rows(
        selection,
        [
            f"ST_AsMVTGeom({_thinned(selection.layer)}, %(bounds)s::box2d, {MVT_EXTENT}, "
            f"{int(MVT_EXTENT * BUFFER_SHARE)}, true) AS geom",
            "fid",
            *_columns(selection, attributes),
        ],
        _inside(
            address,
            {"bounds": address.grid.lonlat(address.plane).text, "half_unit": _half_unit(address, MVT_EXTENT)},
            without,
        ),
    )


def _thinned(layer: ServedLayer) -> str:
    """SQL of the stored geometry, thinned. Cutting large shapes by rectangle first was tried and gains nothing."""
    return "geom" if layer.geometry == "Point" else "ST_Simplify(geom, %(half_unit)s::float8, true)"


def _half_unit(address: TileAddress, extent: int) -> float:
    """Half a unit of the tile's finer axis, in degrees."""
    tile = address.grid.lonlat(address.plane)
    return min(tile.x_max - tile.x_min, tile.y_max - tile.y_min) / extent / 2


def _inside(address: TileAddress, more: Mapping[str, Any], without: Sequence[str]) -> Statement:
    given = {"envelope": _envelope(address.searched), **more}
    if not without:
        return "geom && %(envelope)s::geometry", given
    return "geom && %(envelope)s::geometry AND county <> ALL(%(without)s::text[])", {**given, "without": list(without)}


def _small_scale(
    selection: Selection, address: TileAddress, attributes: tuple[str, ...], without: Sequence[str], extent: int
) -> tuple[list[str], str, dict[str, Any]]:
    grid, plane = address.grid, address.plane
    lonlat = grid.lonlat(plane)
    columns = [queries.quoted(code) for code in attributes]
    is_polygon = selection.layer.geometry == "Polygon"
    size = "area_m2" if is_polygon else "0"
    picked, parameters = queries.rows(
        selection,
        ["geom", "fid", f"{size} AS size", *_columns(selection, attributes)],
        _inside(address, {}, without),
    )
    if selection.layer.geometry != "Point":
        picked = f"SELECT * FROM ({picked}) q WHERE {_WIDER_THAN_UNIT}"
        parameters["unit"] = (lonlat.x_max - lonlat.x_min) / SMALL_SCALE_EXTENT
    thinned = _thinned(selection.layer)
    moved = thinned if grid.is_geographic else f"ST_Transform({thinned}, {grid.epsg})"
    parameters["half_unit"] = _half_unit(address, SMALL_SCALE_EXTENT)
    steps = [f"picked AS MATERIALIZED ({picked} ORDER BY size DESC LIMIT %(most)s + 1)"]
    drawn = (
        f"SELECT ST_AsMVTGeom({moved}, %(bounds)s::box2d, {extent}, {int(extent * BUFFER_SHARE)}, true) AS geom, "
        f"{', '.join(['fid', *columns])} FROM (SELECT * FROM picked LIMIT %(most)s) p"
    )
    return steps, drawn, {**parameters, "most": maps_settings().small_scale_features, "bounds": plane.text}


_WIDER_THAN_UNIT = (
    "(ST_XMax(geom) - ST_XMin(geom) >= %(unit)s::float8 OR ST_YMax(geom) - ST_YMin(geom) >= %(unit)s::float8)"
)


def draw(
    selection: Selection,
    address: TileAddress,
    attributes: tuple[str, ...],
    state: TileState | None = None,
    *,
    full: bool = False,
) -> Tile:
    """Draw one tile (see the module's text for what it holds).

    Parameters
    ----------
    state
        What the tile's ETag was made from; asked for when None.
    full
        Draw every county live, whatever stands ready.

    Raises
    ------
    TooSlow, NoServingDatabase
        From the serving database.
    """
    statement, parameters, methods = _statement(selection, address, attributes, state, full=full)
    row = fetch(selection.granted, statement, parameters)[0]
    most = maps_settings().small_scale_features
    return Tile(bytes(row[0] or b""), methods, truncated_to=most if row[1] > most else None)


def _statement(
    selection: Selection, address: TileAddress, attributes: tuple[str, ...], state: TileState | None, *, full: bool
) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """The SQL of a tile, its parameters, and the names of the methods that it draws by."""
    is_small = address.zoom < UNPROJECTED_FROM_ZOOM
    live = (SMALLER_THAN_PIXEL,) if is_small else ()
    plan = None
    if not full and selection.is_whole and drawing.has_level(address):
        known = state or state_of(selection.layer)
        plan = drawing.plan_of(selection, address, attributes, known)
    if plan is None:
        return *tile_statement(selection, address, attributes), live
    if plan.is_whole:
        return *_encoded(selection, [], plan.drawn, plan.parameters, MVT_EXTENT), plan.methods
    steps, drawn, parameters = _live(selection, address, attributes, plan.counties, MVT_EXTENT)
    both = f"{plan.drawn} UNION ALL {drawn}"
    methods = tuple(sorted({*plan.methods, *live}))
    return *_encoded(selection, steps, both, {**parameters, **plan.parameters}, MVT_EXTENT), methods
