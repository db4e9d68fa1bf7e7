"""Outlines as skia paths, built from arrays in one piece: no Python call per vertex. 路径.

skia reads a path from memory: a header (version 5, fill type), points, verbs. That format is private to a skia build, so
`_CHECKED` compares a small path with skia's own at import, and a build that writes another one falls back to slow calls.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import shapely
import skia

_MOVE, _LINE, _CLOSE = 0, 1, 5
_HEADER = struct.Struct("<IIII")
_VERSION = 5


def _memory(points: np.ndarray, verbs: np.ndarray) -> bytes:
    packed = _HEADER.pack(_VERSION, len(points), 0, len(verbs))
    padding = b"\0" * (-len(verbs) % 4)
    return packed + np.ascontiguousarray(points, dtype="<f4").tobytes() + verbs.astype(np.uint8).tobytes() + padding


def _from_memory(points: np.ndarray, verbs: np.ndarray) -> skia.Path:
    path = skia.Path()
    if path.readFromMemory(_memory(points, verbs)) == 0:
        raise RuntimeError("skia did not read a path")
    return path


def _slowly(points: np.ndarray, verbs: np.ndarray) -> skia.Path:
    path, listed = skia.Path(), iter(points.tolist())
    for verb in verbs.tolist():
        if verb == _CLOSE:
            path.close()
        else:
            (path.moveTo if verb == _MOVE else path.lineTo)(*next(listed))
    return path


def _format_is_known() -> bool:
    points = np.array([[1, 2], [3, 4], [5, 6], [7, 8], [9, 1]], dtype=float)
    verbs = np.array([_MOVE, _LINE, _LINE, _CLOSE, _MOVE, _LINE])
    try:
        return bytes(_from_memory(points, verbs).serialize()) == bytes(_slowly(points, verbs).serialize())
    except (RuntimeError, ValueError):
        return False


_CHECKED = _format_is_known()


def path_of(coordinates: np.ndarray, lengths: np.ndarray, *, closed: bool) -> skia.Path:
    """One path of many runs of points.

    Parameters
    ----------
    coordinates : float[n, 2]
        Canvas units, the runs behind one another; the last point of a closed run repeats its first.
    lengths : int[m]
        Points of each run; runs of fewer than two points must not be among them.
    """
    if not len(lengths):
        return skia.Path()
    ends = np.cumsum(lengths)
    verbs = np.full(len(coordinates), _LINE, dtype=np.uint8)
    verbs[ends - lengths] = _MOVE
    points = coordinates
    if closed:
        verbs[ends - 1] = _CLOSE
        keep = np.ones(len(coordinates), dtype=bool)
        keep[ends - 1] = False
        points = coordinates[keep]
    return (_from_memory if _CHECKED else _slowly)(points, verbs)


def grouped(
    geometries: np.ndarray, groups: np.ndarray, outlines: Sequence[str] = ("Polygon", "LineString")
) -> list[tuple[int, np.ndarray, np.ndarray, bool]]:
    """Runs of points of each group: ``(group, coordinates, lengths, closed)``, in ascending order of the groups.

    Parameters
    ----------
    geometries : shapely geometries[n], any mixture; in canvas units
    groups : int[n], the group of each
    """
    parts, index = shapely.get_parts(geometries, return_index=True)
    while np.isin(shapely.get_type_id(parts), (4, 5, 6, 7)).any():
        parts, inner = shapely.get_parts(parts, return_index=True)
        index = index[inner]
    of_part = np.asarray(groups)[index]
    kinds = shapely.get_type_id(parts)
    found: list[tuple[int, np.ndarray, np.ndarray, bool]] = []
    if "Polygon" in outlines and (kinds == 3).any():
        areas = shapely.orient_polygons(parts[kinds == 3])
        rings, of_ring = shapely.get_rings(areas, return_index=True)
        found += _runs(rings, of_part[kinds == 3][of_ring], closed=True)
    if "LineString" in outlines and (lines := np.isin(kinds, (1, 2))).any():
        found += _runs(parts[lines], of_part[lines], closed=False)
    return sorted(found, key=lambda one: one[0])


def _runs(lines: np.ndarray, groups: np.ndarray, *, closed: bool) -> list[tuple[int, np.ndarray, np.ndarray, bool]]:
    lengths = shapely.get_num_coordinates(lines)
    enough = lengths >= (4 if closed else 2)
    lines, groups, lengths = lines[enough], groups[enough], lengths[enough]
    order = np.argsort(groups, kind="stable")
    coordinates = shapely.get_coordinates(lines[order])
    lengths, groups = lengths[order], groups[order]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    found = []
    for group in np.unique(groups):
        first, last = np.searchsorted(groups, group), np.searchsorted(groups, group, side="right")
        found.append((int(group), coordinates[offsets[first] : offsets[last]], lengths[first:last], closed))
    return found
