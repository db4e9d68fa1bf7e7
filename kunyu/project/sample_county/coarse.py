"""County-wide layers on the coarse lattice: townships, boundary lines. 行政区与界线."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from kunyu.project.sample_county.borders import border
from kunyu.project.sample_county.edges import TENTHS_MM, EdgeStore, Faces, build_faces
from kunyu.project.sample_county.layout import ORIGIN, Layout, same_township
from kunyu.project.sample_county.tracing import trace


@dataclass(frozen=True)
class Coarse:
    """Polygons of the townships and of the county, boundary lines (arcs from node to node) of villages and of townships.

    ``village_level`` and ``township_level`` say per line whether the county ends there.
    """

    townships: Faces
    county: Faces
    village_lines: NDArray[np.object_]
    village_line_outer: NDArray[np.bool_]
    township_lines: NDArray[np.object_]
    township_line_outer: NDArray[np.bool_]


def coarse_layers(layout: Layout) -> Coarse:
    """Make everything that follows from the borders between villages."""
    rows, columns = layout.mask.shape
    edges = _edge_store(layout)
    owner = same_township(layout)
    inside = np.where(layout.mask, 0, -1)
    cell = np.where(layout.mask, np.arange(rows * columns).reshape(rows, columns), -1)
    lines, outer, between = _lines(edges, cell, owner)
    return Coarse(
        build_faces(trace(owner), edges, ORIGIN),
        build_faces(trace(inside), edges, ORIGIN),
        *_arcs(lines, outer),
        *_arcs(lines[between | outer], outer[between | outer]),
    )


def _edge_store(layout: Layout) -> EdgeStore:
    rows, columns = layout.mask.shape
    padded = np.pad(layout.mask, 1)
    pieces: list[NDArray[np.int64]] = []
    for row in range(rows + 1):
        for column in range(columns):
            used = padded[row, column + 1] or padded[row + 1, column + 1]
            pieces.append(border(layout, False, row, column).xy[1:-1] if used else np.empty((0, 2), dtype=np.int64))
    for row in range(rows):
        for column in range(columns + 1):
            used = padded[row + 1, column] or padded[row + 1, column + 1]
            pieces.append(border(layout, True, row, column).xy[1:-1] if used else np.empty((0, 2), dtype=np.int64))
    start = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])])
    node = np.rint(layout.node.reshape(-1, 2) * TENTHS_MM).astype(np.int64)
    return EdgeStore(node, start, np.concatenate(pieces), np.zeros(len(node), dtype=bool))


def _lines(
    edges: EdgeStore, cell: NDArray[np.int64], owner: NDArray[np.int64]
) -> tuple[NDArray[np.object_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the line of every coarse edge in use, whether it bounds the county, whether it parts townships."""
    rows, columns = cell.shape
    padded = np.pad(cell, 1, constant_values=-1)
    held = np.pad(owner, 1, constant_values=-1)
    sides = (
        (padded[:-1, 1:-1], padded[1:, 1:-1], held[:-1, 1:-1], held[1:, 1:-1]),
        (padded[1:-1, :-1], padded[1:-1, 1:], held[1:-1, :-1], held[1:-1, 1:]),
    )
    a, b, ta, tb = (np.concatenate([sides[0][k].ravel(), sides[1][k].ravel()]) for k in range(4))
    used = np.flatnonzero(a != b)
    node = np.arange((rows + 1) * (columns + 1)).reshape(rows + 1, columns + 1)
    first = np.concatenate([node[:, :-1].ravel(), node[:-1].ravel()])
    last = np.concatenate([node[:, 1:].ravel(), node[1:].ravel()])
    lines = []
    shift = np.array(ORIGIN, dtype=np.int64) * TENTHS_MM
    for e in used.tolist():
        inner = edges.xy[edges.start[e] : edges.start[e + 1]]
        whole = np.concatenate([edges.node[first[e]][None], inner, edges.node[last[e]][None]])
        lines.append(shapely.linestrings((whole + shift) / TENTHS_MM))
    return np.array(lines, dtype=object), (a[used] < 0) | (b[used] < 0), ta[used] != tb[used]


def _arcs(lines: NDArray[np.object_], outer: NDArray[np.bool_]) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Join lines through points where exactly two meet (no pseudo nodes, Q308); return arcs and which are outer.

    Where an inner line meets the county's boundary three lines meet: an arc is wholly inner or wholly outer.
    """
    arcs = np.asarray(shapely.get_parts(shapely.line_merge(shapely.multilinestrings(lines))), dtype=object)
    rim = {end for line in lines[outer].tolist() for end in _inner_ends(line)}
    return arcs, np.array([not rim.isdisjoint(_inner_ends(arc)) for arc in arcs.tolist()], dtype=bool)


def _inner_ends(line: shapely.LineString) -> tuple[tuple[float, float], ...]:
    """Return the vertices next to a line's two ends: they lie on no other line."""
    return line.coords[1], line.coords[-2]
