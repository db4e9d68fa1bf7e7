"""Simpler geometry whose shared borders stay shared. 保持公共边界的简化.

Parcels of one block are simplified as a coverage: a border between two of them is simplified once, for both. The outer
border of the block is left as it is, so that it still fits the neighbouring block, whichever is simplified when; hence
borders are shared everywhere. Each level starts from the finer one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

LARGE_ZOOMS = (14, 13, 12)
SMALL_ZOOMS = tuple(range(11, -1, -1))
PIXELS_PER_TILE = 512
PRESENCE_CELLS = 128
"""Across a tile: of the features smaller than such a cell the largest one is kept in each."""

Geometries = NDArray[np.object_]


@dataclass(frozen=True)
class Level:
    """``kept`` are positions in the block, ``geometries`` theirs at this zoom, lon/lat."""

    zoom: int
    kept: NDArray[np.intp]
    geometries: Geometries


def tile_degrees(zoom: int) -> float:
    """Width of a Web Mercator tile in degrees of longitude."""
    return 360.0 / (1 << zoom)


def large_levels(geometries: Geometries, kind: str) -> Iterator[Level]:
    """Every feature of a block at zooms 14, 13 and 12, to half a pixel of 512 to the tile."""
    everything = np.arange(len(geometries))
    for zoom in LARGE_ZOOMS:
        geometries = simplified(geometries, kind, tile_degrees(zoom) / PIXELS_PER_TILE / 2)
        yield Level(zoom, everything, geometries)


def small_levels(geometries: Geometries, kind: str) -> Iterator[Level]:
    """The features of a block worth drawing at zooms 11 to 0: the large ones simplified, of the small one in each cell."""
    kept = np.arange(len(geometries))
    for zoom in SMALL_ZOOMS:
        chosen = _present(geometries, tile_degrees(zoom) / PRESENCE_CELLS)
        kept, geometries = kept[chosen], geometries[chosen]
        geometries = simplified(geometries, kind, tile_degrees(zoom) / PIXELS_PER_TILE / 2)
        yield Level(zoom, kept, geometries)


def simplified(geometries: Geometries, kind: str, tolerance: float) -> Geometries:
    """A block at one tolerance (degrees); a geometry that would vanish stays as it was."""
    if kind == "Point" or not len(geometries):
        return geometries
    if kind == "LineString":
        found = shapely.simplify(geometries, tolerance)
    else:
        found = shapely.coverage_simplify(geometries, tolerance, simplify_boundary=False)
    return np.where(shapely.is_empty(found) | shapely.is_missing(found), geometries, found)


def _present(geometries: Geometries, cell: float) -> NDArray[np.intp]:
    """Positions of those wider or higher than a cell, and of the largest of the others in each cell."""
    west, south, east, north = shapely.bounds(geometries).T
    size = np.maximum(east - west, north - south)
    small = np.flatnonzero(size < cell)
    column, row = np.floor(west[small] / cell).astype(np.int64), np.floor(south[small] / cell).astype(np.int64)
    order = np.lexsort((small, -size[small], row, column))
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(column[order]) != 0) | (np.diff(row[order]) != 0)
    return np.sort(np.concatenate([np.flatnonzero(size >= cell), small[order[new]]]))
