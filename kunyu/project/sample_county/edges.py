"""Edge polylines and the polygons put together from them. 共用边与多边形组装.

Coordinates are whole tenths of a millimetre (int64) in the county's own frame until the last step, so that
"rounded to four decimals" is exact and sums of shifts cannot drift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from kunyu.project.sample_county.tracing import Rings

Ints = NDArray[np.int64]
TENTHS_MM = 10_000
"""Stored units per metre."""


@dataclass(frozen=True)
class EdgeStore:
    """Inner vertices of every lattice edge: ``xy[start[e]:start[e + 1]]``, and the nodes between them.

    ``node`` (n, 2) and ``xy`` (m, 2) are int64 tenths of a millimetre. ``loose`` marks nodes that lie on a straight
    strip side: the strip's own ring skips them, which leaves a T-junction.
    """

    node: Ints
    start: Ints
    xy: Ints
    loose: NDArray[np.bool_]


def ragged(start: Ints, length: Ints) -> tuple[Ints, Ints]:
    """Return for ragged runs the owner of each element and its position ``start + 0 … length - 1``."""
    owner = np.repeat(np.arange(length.size), length)
    offset = np.arange(owner.size) - np.repeat(np.cumsum(length) - length, length)
    return owner, start[owner] + offset


def ring_vertices(rings: Rings, edges: EdgeStore, strip: NDArray[np.bool_] | None) -> tuple[Ints, Ints]:
    """Return the open rings' vertices (n, 2) and the start of each ring (with the end).

    ``strip`` says per cell whether its ring may skip loose nodes; ``None`` keeps every vertex.
    """
    first, last = edges.start[rings.edge], edges.start[rings.edge + 1]
    inner = last - first
    keep = np.ones(inner.size, dtype=bool)
    if strip is not None:
        keep = ~(edges.loose[rings.node] & rings.straight & strip[rings.cell])
    count = inner + keep
    offset = np.concatenate([[0], np.cumsum(count)])
    xy = np.empty((int(offset[-1]), 2), dtype=np.int64)
    xy[offset[:-1][keep]] = edges.node[rings.node[keep]]
    owner = np.repeat(np.arange(inner.size), inner)
    within = np.arange(owner.size) - np.repeat(np.cumsum(inner) - inner, inner)
    source = np.where(rings.reverse[owner], last[owner] - 1 - within, first[owner] + within)
    xy[offset[owner] + keep[owner] + within] = edges.xy[source]
    return xy, offset[rings.start]


def signed_areas(xy: Ints, start: Ints) -> NDArray[np.float64]:
    """Return the signed plane areas (m²) of open rings; each ring is shifted to its first vertex for accuracy."""
    origin = np.repeat(xy[start[:-1]], np.diff(start), axis=0)
    local = (xy - origin) / TENTHS_MM
    after = np.arange(1, xy.shape[0] + 1)
    after[start[1:] - 1] = start[:-1]
    cross = local[:, 0] * local[after, 1] - local[after, 0] * local[:, 1]
    return np.add.reduceat(cross, start[:-1]) / 2.0


@dataclass(frozen=True)
class Faces:
    """One polygon per label, ordered by label; ``area`` is the plane area in m²."""

    label: Ints
    polygon: NDArray[np.object_]
    area: NDArray[np.float64]
    vertices: Ints


def build_faces(
    rings: Rings, edges: EdgeStore, origin: tuple[int, int], strip: NDArray[np.bool_] | None = None
) -> Faces:
    """Put rings together to polygons in the delivered plane.

    Parameters
    ----------
    rings
        Walks over the lattice; the cells of one label must be 4-connected (exactly one shell each).
    edges
        Shared polylines.
    origin : (int, int)
        Whole metres added to x and y.
    strip : bool array, per cell, optional
        See :func:`ring_vertices`.
    """
    xy, start = ring_vertices(rings, edges, strip)
    area = signed_areas(xy, start)
    hole = area < 0
    order = np.lexsort((np.arange(hole.size), hole, rings.label))
    owner, position = ragged(start[:-1][order], np.diff(start)[order] + 1)  # + 1: the ring is closed below
    closing = np.append(np.flatnonzero(np.diff(owner)), owner.size - 1)
    position[closing] = start[:-1][order]
    plane = (xy[position] + np.array(origin, dtype=np.int64) * TENTHS_MM) / TENTHS_MM
    ring_offset = np.append(0, closing + 1)
    shells = np.flatnonzero(~hole[order])
    labels = rings.label[order]
    if shells.size != np.unique(labels).size:
        raise ValueError("a label has no shell or more than one: its cells are not connected")
    polygon_offset = np.append(shells, order.size)
    polygons = shapely.from_ragged_array(shapely.GeometryType.POLYGON, plane, (ring_offset, polygon_offset))
    total = np.add.reduceat(area[order], shells)
    points = np.add.reduceat(np.diff(ring_offset), shells)
    return Faces(labels[shells], polygons, total, points)
