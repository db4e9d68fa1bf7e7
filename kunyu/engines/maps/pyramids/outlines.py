"""From a grid of classes to polygons of a vector tile. 栅格转矢量.

Everything is in units of the tile, 4096 to its side, x east and y south: the polygons go into a vector tile as they
are. Neighbouring classes share their border exactly, because both follow the same sides of cells.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import rasterio.features
import shapely
from numpy.typing import NDArray

from kunyu.engines.maps.grids import BUFFER_SHARE, MVT_EXTENT
from kunyu.engines.maps.pyramids.allotment import BLOCK, Grid, Split

BUFFER_UNITS = int(MVT_EXTENT * BUFFER_SHARE)
_BYTES_PER_VERTEX = 2.7
"""Two numbers of a byte each, and the ring's own commands, of which a ring of four corners has most."""


def bytes_of(kinds: Grid) -> int:
    """About how many bytes the outlines of a grid take in a vector tile, before they are made."""
    windows = [kinds[:-1, :-1], kinds[:-1, 1:], kinds[1:, 1:], kinds[1:, :-1]]
    vertices = 0
    for turn in range(4):
        cell, side, across, other = (windows[(turn + step) % 4] for step in range(4))
        outward = (cell != side) & (cell != other)
        inward = (cell == side) & (cell == other) & (cell != across)
        vertices += int(((outward | inward) & (cell >= 0)).sum())
    return int(vertices * _BYTES_PER_VERTEX)


def outlines(
    kinds: Grid, splits: tuple[Split, ...], cell: int, margin: int, split_cell: int
) -> list[tuple[int, shapely.MultiPolygon]]:
    """Multipolygons with their class, of a tile with its margin: one for each class, and one more for its split cells.

    Parameters
    ----------
    kinds
        (rows, columns) of the tile and ``margin`` cells beyond each side; negative is nothing.
    splits
        Cells of the tile itself that two classes share.
    cell, split_cell
        Units to the side of a cell of the grid, and of one that is split: multiples of 8.
    """
    traced = np.array(kinds, np.int16)
    pieces: dict[int, list[shapely.Polygon]] = defaultdict(list)
    wide = split_cell // cell
    for one in splits:
        row, column = one.row * wide + margin, one.column * wide + margin
        host = int(kinds[row, column])
        traced[row : row + wide, column : column + wide] = -1
        for kind, part in zip((one.kind, host), _halves(one, split_cell), strict=True):
            if kind >= 0:
                pieces[kind].append(part)
    found: dict[int, list[shapely.Polygon]] = defaultdict(list)
    to_units = rasterio.Affine(cell, 0, -margin * cell, 0, cell, -margin * cell)
    for shape, value in rasterio.features.shapes(traced, traced >= 0, connectivity=4, transform=to_units):
        found[int(value)].append(shapely.Polygon(shape["coordinates"][0], shape["coordinates"][1:]))
    frame = (-BUFFER_UNITS, -BUFFER_UNITS, MVT_EXTENT + BUFFER_UNITS, MVT_EXTENT + BUFFER_UNITS)
    whole = [(kind, _clipped(np.array(parts), frame)) for kind, parts in sorted(found.items())]
    # apart from the whole cells beside them, with which they would share sides inside one multipolygon
    split = [
        (kind, _clipped(shapely.get_parts(shapely.union_all(parts)), frame)) for kind, parts in sorted(pieces.items())
    ]
    return [one for one in whole + split if not one[1].is_empty]


def _clipped(parts: NDArray[np.object_], frame: tuple[int, int, int, int]) -> shapely.MultiPolygon:
    bounds = shapely.bounds(parts)
    outside = (
        (bounds[:, 0] < frame[0]) | (bounds[:, 1] < frame[1]) | (bounds[:, 2] > frame[2]) | (bounds[:, 3] > frame[3])
    )
    if outside.any():
        cut = shapely.get_parts(shapely.intersection(parts[outside], shapely.box(*frame)))
        parts = np.concatenate([parts[~outside], cut[shapely.get_type_id(cut) == 3]])
    # counter-clockwise in numbers is clockwise where y runs south, as the vector tile specification wants (2.1, §4.3.4.4)
    return shapely.multipolygons(shapely.orient_polygons(parts))


def _halves(split: Split, cell: int) -> tuple[shapely.Polygon, shapely.Polygon]:
    """The part of a split cell, filled row by row from the north-west, and what is left of it."""
    unit = cell / BLOCK
    rows, rest = divmod(split.parts, BLOCK)
    corner = np.array([split.column * cell, split.row * cell], float)

    def polygon(*points: tuple[int, int]) -> shapely.Polygon:
        listed = [point for point, before in zip(points, (None, *points), strict=False) if point != before]
        return shapely.Polygon(corner + np.array(listed, float) * unit)

    if not rest:
        return (
            polygon((0, 0), (8, 0), (8, rows), (0, rows)),
            polygon((0, rows), (8, rows), (8, 8), (0, 8)),
        )
    below = rows + 1
    first = (
        polygon((0, 0), (rest, 0), (rest, 1), (0, 1))
        if not rows
        else polygon((0, 0), (8, 0), (8, rows), (rest, rows), (rest, below), (0, below))
    )
    second = (
        polygon((rest, rows), (8, rows), (8, 8), (rest, 8))
        if below == BLOCK
        else polygon((rest, rows), (8, rows), (8, 8), (0, 8), (0, below), (rest, below))
    )
    return first, second
