"""From where to where a photo looks: distances on the ellipsoid, bearings, view cones. 视线几何.

All geometry is CGCS2000 longitude, latitude (EPSG:4490), all arrays have one row per photo. Around each photo a plane of
metres (east, north) is laid, scaled by the radii of curvature there: within a kilometre it is off by less than 1e-4.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod

Floats = NDArray[np.float64]
Shapes = NDArray[np.object_]

SEMI_MAJOR_M, FLATTENING = 6_378_137.0, 1 / 298.257222101
"""CGCS2000 (GB/T 22482-2008)."""
CGCS2000 = Geod(a=SEMI_MAJOR_M, f=FLATTENING)
FRAME_MM = (36.0, 24.0)
"""Width and height of the 35 mm frame that equivalent focal lengths are told for."""
SIGHT_M = 20_000.0
CONE_STEPS = 12


def metres_per_degree(lat: Floats) -> tuple[Floats, Floats]:
    """Return metres in a degree of longitude and of latitude at these latitudes."""
    e2 = FLATTENING * (2 - FLATTENING)
    sine = np.sin(np.radians(lat))
    w2 = 1 - e2 * sine**2
    east = SEMI_MAJOR_M / np.sqrt(w2) * np.cos(np.radians(lat))
    north = SEMI_MAJOR_M * (1 - e2) / w2**1.5
    return np.radians(east), np.radians(north)


def around(lon: Floats, lat: Floats, shapes: Shapes) -> Shapes:
    """Return each shape in metres east and north of its photo; None stays None."""
    east, north = metres_per_degree(lat)
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    moved = np.column_stack([(xy[:, 0] - lon[owner]) * east[owner], (xy[:, 1] - lat[owner]) * north[owner]])
    found: Shapes = shapely.set_coordinates(shapes.copy(), moved)
    return found


def distances(lon: Floats, lat: Floats, shapes: Shapes) -> Floats:
    """Return metres along the ellipsoid from each photo to the nearest point of its shape, 0 inside; NaN where unknown."""
    found, _ = nearest(lon, lat, shapes)
    return found


def nearest(lon: Floats, lat: Floats, shapes: Shapes) -> tuple[Floats, Floats]:
    """Return the distances, and the nearest points (n, 2) as longitude, latitude."""
    known = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes) & np.isfinite(lon) & np.isfinite(lat)
    metres, points = np.full(len(lon), np.nan), np.full((len(lon), 2), np.nan)
    if not known.any():
        return metres, points
    at = np.flatnonzero(known)
    east, north = metres_per_degree(lat[at])
    lines = shapely.shortest_line(shapely.points(np.zeros((len(at), 2))), around(lon[at], lat[at], shapes[at]))
    ends = shapely.get_coordinates(shapely.get_point(lines, 1))
    points[at] = np.column_stack([lon[at] + ends[:, 0] / east, lat[at] + ends[:, 1] / north])
    _, _, metres[at] = CGCS2000.inv(lon[at], lat[at], points[at, 0], points[at, 1])
    metres[at[np.abs(ends).max(axis=1) == 0]] = 0.0
    return metres, points


def field_of_view(focal_mm: Floats, roll: Floats) -> Floats:
    """Return the horizontal field of view in degrees; a camera rolled beyond 45° shows the short side of the frame."""
    upright = np.abs(np.abs(np.nan_to_num(roll)) - 90) < 45
    side = np.where(upright, FRAME_MM[1], FRAME_MM[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.degrees(2 * np.arctan(side / (2 * focal_mm)))


def off_axis(lon: Floats, lat: Floats, azimuth: Floats, shapes: Shapes) -> Floats:
    """Return by how many degrees the camera's axis misses each shape; 0 where it meets it or stands inside; NaN unknown.

    The extremes of the bearings to a polygon's boundary lie at vertices unless an edge crosses the axis, so vertices and
    one intersection test suffice.
    """
    missed = np.full(len(lon), np.nan)
    known = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes) & np.isfinite(lon + lat + azimuth)
    at = np.flatnonzero(known)
    if not len(at):
        return missed
    local = around(lon[at], lat[at], shapes[at])
    turn = np.radians(azimuth[at])
    ends = np.column_stack([np.sin(turn), np.cos(turn)]) * SIGHT_M
    axes = shapely.linestrings(np.stack([np.zeros_like(ends), ends], axis=1))
    xy, owner = shapely.get_coordinates(local, return_index=True)
    bearing = np.degrees(np.arctan2(xy[:, 0], xy[:, 1]))
    apart = np.abs((bearing - azimuth[at][owner] + 180) % 360 - 180)
    least = np.full(len(at), 180.0)
    np.minimum.at(least, owner, apart)
    least[shapely.intersects(axes, local)] = 0.0
    missed[at] = least
    return missed


def cones(lon: Floats, lat: Floats, azimuth: Floats, fov: Floats, reach_m: Floats) -> Shapes:
    """Return the view cones as polygons: from the photo to an arc ``reach_m`` away; None where anything is unknown."""
    found: Shapes = np.full(len(lon), None, object)
    at = np.flatnonzero(np.isfinite(lon + lat + azimuth + fov + reach_m))
    if not len(at):
        return found
    steps = np.linspace(-0.5, 0.5, CONE_STEPS + 1)
    turns = (azimuth[at, None] + fov[at, None] * steps).ravel()
    starts = [np.repeat(one[at], len(steps)) for one in (lon, lat, reach_m)]
    far_lon, far_lat, _ = CGCS2000.fwd(starts[0], starts[1], turns, starts[2])
    arc = np.column_stack([far_lon, far_lat]).reshape(len(at), len(steps), 2)
    own = np.column_stack([lon[at], lat[at]])[:, None, :]
    found[at] = shapely.polygons(np.concatenate([own, arc, own], axis=1))
    return found


def spread(azimuths: Floats) -> float:
    """Return the largest angle in degrees between any two directions; 0 for fewer than two."""
    if len(azimuths) < 2:
        return 0.0
    apart = np.abs((azimuths[:, None] - azimuths[None, :] + 180) % 360 - 180)
    return float(apart.max())


def directions(azimuths: Floats, least_apart: float) -> int:
    """Return from how many directions photos look: the most of them that are pairwise ``least_apart`` degrees apart.

    On a circle: each start is tried, then the next direction far enough on is taken, and the last one must be as far
    from the start.
    """
    turns = np.sort(np.asarray(azimuths, float) % 360)
    best = 0
    for first in turns:
        after = np.sort((turns - first) % 360)
        count, last = 1, 0.0
        for turn in after[1:]:
            if turn - last >= least_apart - 1e-9 and 360 - turn >= least_apart - 1e-9:
                count, last = count + 1, turn
        best = max(best, count)
    return best
