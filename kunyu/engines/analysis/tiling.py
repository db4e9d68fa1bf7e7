"""A layer read tile by tile, for plots with more records than one statement should read. 分片读取."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import shapely

from kunyu.engines.analysis.pieces import Pieces, count_near, read_pieces
from kunyu.engines.analysis.questions import Question
from kunyu.engines.analysis.settings import analysis_settings
from kunyu.engines.catalogue.served.queries import Selection

MOST_COUNTED = 5_000_000
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class _Tile:
    """A cell of the plot's box; every record near the plot belongs to the one that holds its south-west corner."""

    west: float
    south: float
    east: float
    north: float
    narrowing: tuple[str, dict[str, Any]]


def read_in_tiles(selection: Selection, asked: Question, tell: Tell = lambda read, of: None) -> Pieces:
    """The pieces of one layer, read in statements of about ``job_chunk`` records each: none runs into the time limit."""
    with_geometry = bool(asked.options.get("geometries"))
    near = count_near(selection, MOST_COUNTED)
    parts = []
    for tile in tiles_of(asked.plot.bounds, math.ceil(near / analysis_settings().job_chunk)):
        part = read_pieces(selection, asked.plot, tile.narrowing, with_geometry=with_geometry)
        parts.append(part)
        tell(part.count, near)
    return Pieces.together(parts)


def tiles_of(bounds: tuple[float, float, float, float], wanted: int) -> Iterator[_Tile]:
    """Cut a box into at least ``wanted`` tiles, row by row; corners outside the box count to its edge."""
    west, south, east, north = bounds
    side = max(1, math.ceil(math.sqrt(wanted)))
    x = [west + (east - west) * step / side for step in range(side)] + [east]
    y = [south + (north - south) * step / side for step in range(side)] + [north]
    for row in range(side):
        for column in range(side):
            yield _tile(x[column : column + 2], y[row : row + 2], (column == side - 1, row == side - 1), (west, south))


def _tile(x: list[float], y: list[float], last: tuple[bool, bool], corner: tuple[float, float]) -> _Tile:
    box = shapely.to_wkb(shapely.set_srid(shapely.box(x[0], y[0], x[1], y[1]), 4490), hex=True, include_srid=True)
    at_x = "greatest(ST_XMin(geom), %(tile_west)s::float8)"
    at_y = "greatest(ST_YMin(geom), %(tile_south)s::float8)"
    conditions = ["geom && %(tile)s::geometry", f"{at_x} >= %(tile_x0)s::float8", f"{at_y} >= %(tile_y0)s::float8"]
    conditions += [] if last[0] else [f"{at_x} < %(tile_x1)s::float8"]
    conditions += [] if last[1] else [f"{at_y} < %(tile_y1)s::float8"]
    values = {
        "tile": box, "tile_west": corner[0], "tile_south": corner[1], "tile_x0": x[0], "tile_y0": y[0],
        "tile_x1": x[1], "tile_y1": y[1],
    }  # fmt: skip
    for name, left_out in (("tile_x1", last[0]), ("tile_y1", last[1])):
        if left_out:
            values.pop(name)
    return _Tile(x[0], y[0], x[1], y[1], (" AND ".join(conditions), values))
