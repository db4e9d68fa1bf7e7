"""Places for geometry defects: an edge of a parcel with room on both sides. 几何缺陷的落点."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from kunyu.project.sample_county.defects.sheet import NoRoom, Sheet

Point = NDArray[np.float64]
DEPTH_M = 3.0
_MOST_VERTICES, _LEAST_M2, _LEAST_EDGE_M = 400, 1_500.0, 4.0


@dataclass(frozen=True)
class Spot:
    """Edge ``index`` of a parcel's shell, from ``a`` to ``b``; ``outward`` and ``along`` are unit vectors.

    ``neighbour`` is the row on the other side, -1 at the county boundary.
    """

    row: int
    neighbour: int
    index: int
    a: Point
    b: Point
    along: Point
    outward: Point

    @property
    def middle(self) -> Point:
        """Middle of the edge."""
        return np.asarray((self.a + self.b) / 2)

    @property
    def length(self) -> float:
        """Length of the edge in metres."""
        return float(np.sqrt(((self.b - self.a) ** 2).sum()))

    def at(self, along: float, outward: float) -> Point:
        """Return the point so many metres from the middle along the edge and outward, rounded to 0.1 mm."""
        return np.round(self.middle + along * self.along + outward * self.outward, 4)

    def insert(self, shape: shapely.Polygon, points: list[Point]) -> shapely.Polygon:
        """Return the polygon with ``points`` between ``a`` and ``b``."""
        shell = shapely.get_coordinates(shape.exterior)
        return shapely.Polygon(
            np.insert(shell, self.index + 1, np.array(points), axis=0),
            [shapely.get_coordinates(ring) for ring in shape.interiors],
        )


def inner_spot(
    sheet: Sheet, own: NDArray[np.bool_] | None = None, beside: NDArray[np.bool_] | None = None
) -> Spot:  # fmt: skip
    """Find an edge shared with one other parcel, with 3 m of room on both sides, and reserve both rows.

    ``own`` and ``beside`` say which rows suit, and which may be the neighbour.
    """
    return _spot(sheet, None, own, beside)


def rim_spot(sheet: Sheet, rim: shapely.Geometry, own: NDArray[np.bool_] | None = None) -> Spot:
    """Find an edge on the county's boundary line and reserve its row; ``own`` says which rows suit."""
    return _spot(sheet, rim, own)


def _spot(
    sheet: Sheet, rim: shapely.Geometry | None, own: NDArray[np.bool_] | None = None,
    beside: NDArray[np.bool_] | None = None,
) -> Spot:  # fmt: skip
    points = shapely.get_num_coordinates(sheet.polygon)
    wanted = (points <= _MOST_VERTICES) & (shapely.area(sheet.polygon) >= _LEAST_M2)
    if rim is not None:
        wanted &= shapely.dwithin(sheet.polygon, rim, 1e-3)
    if own is not None:
        wanted &= own
    for row in sheet.free(wanted):
        for spot in _edges(sheet, row):
            found = _beyond(sheet, spot, rim)
            if found is not None and (beside is None or beside[found]):
                sheet.used.update({row, found} - {-1})
                return Spot(row, found, spot.index, spot.a, spot.b, spot.along, spot.outward)
    raise NoRoom


def _edges(sheet: Sheet, row: int) -> list[Spot]:
    """Return the parcel's longest edges of 4 m and more (at most twelve); shells run counter-clockwise."""
    shell = shapely.get_coordinates(sheet.polygon[row].exterior)
    step = np.diff(shell, axis=0)
    length = np.sqrt((step**2).sum(axis=1))
    order = np.argsort(-length, kind="stable")[:12]
    result = []
    for k in order[length[order] >= _LEAST_EDGE_M].tolist():
        along = step[k] / length[k]
        result.append(Spot(row, -1, k, shell[k], shell[k + 1], along, np.array([along[1], -along[0]])))
    return result


def _beyond(sheet: Sheet, spot: Spot, rim: shapely.Geometry | None) -> int | None:
    """Return the row beyond the edge (-1 for none, at the rim), None where the edge does not suit."""
    reach = spot.length / 3
    inward = shapely.Polygon([spot.at(-reach, -0.01), spot.at(reach, -0.01), spot.at(0, -DEPTH_M)])
    outward = shapely.Polygon([spot.at(-reach, 0.01), spot.at(reach, 0.01), spot.at(0, DEPTH_M)])
    if not shapely.contains(sheet.polygon[spot.row], inward):
        return None
    if rim is not None:
        on_rim = shapely.distance(shapely.points([spot.a, spot.b, spot.middle]), rim) < 1e-3
        return -1 if on_rim.all() else None
    hits = sheet.tree.query(outward, predicate="intersects").tolist()
    if len(hits) != 1 or hits[0] in sheet.used or hits[0] == spot.row:
        return None
    return int(hits[0]) if shapely.contains(sheet.polygon[hits[0]], outward) else None


def inner_square(sheet: Sheet, side_m: float) -> tuple[int, shapely.Polygon]:
    """Reserve a parcel that holds a square of this side well inside, and return both."""
    for row in sheet.free(shapely.area(sheet.polygon) >= _LEAST_M2):
        x, y = np.round(shapely.get_coordinates(shapely.point_on_surface(sheet.polygon[row]))[0], 1)
        half = side_m / 2
        corners = np.round([(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)], 4)
        square = shapely.Polygon(corners)
        if shapely.contains_properly(sheet.polygon[row], square.buffer(1.0)):
            sheet.used.add(row)
            return row, square
    raise NoRoom
