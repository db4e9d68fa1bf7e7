"""Random coverages for tests: Voronoi cells with winding shared borders, as hard as parcels in the ways that matter."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

ORIGIN = (38_450_000.0, 3_800_000.0)


def coverage(
    seed: int, cells: int = 60, spacing: float = 50.0, per_edge: int = 5, winding: float = 0.03
) -> NDArray[np.object_]:
    """Return polygons that tile a square exactly: 4-decimal metres, shared vertices bit-equal, shape (about cells,)."""
    rng = np.random.default_rng(seed)
    size = spacing * np.sqrt(cells)
    sites = shapely.multipoints(rng.uniform(0, size, (cells, 2)))
    square = shapely.box(0, 0, size, size)
    cell_array = shapely.intersection(shapely.get_parts(shapely.voronoi_polygons(sites, extend_to=square)), square)
    borders = shapely.segmentize(shapely.union_all(shapely.boundary(cell_array)), 1e9)
    points, line = shapely.get_coordinates(shapely.get_parts(borders), return_index=True)
    same = line[1:] == line[:-1]
    start, end = points[:-1][same], points[1:][same]
    rim = ((start == end) & ((start == 0) | (start == size))).any(axis=1)
    place = np.linspace(0, 1, per_edge + 2)
    off = rng.uniform(-winding, winding, (len(start), per_edge + 2))
    off[:, [0, -1]] = 0
    off[rim] = 0
    along = end - start
    normal = np.column_stack((-along[:, 1], along[:, 0]))
    winded = start[:, None] + place[None, :, None] * along[:, None] + off[..., None] * normal[:, None]
    lines = shapely.linestrings(np.round(winded, 4) + np.array(ORIGIN))
    return shapely.get_parts(shapely.polygonize([shapely.union_all(lines)]))


def with_t_junctions(polygons: NDArray[np.object_], seed: int, reach: float = 5e-5) -> NDArray[np.object_]:
    """Drop from a third of the polygons the vertices that lie within ``reach`` of the edge without them."""
    rng = np.random.default_rng(seed)
    changed = polygons.copy()
    some = rng.random(len(polygons)) < 0.35
    changed[some] = shapely.simplify(polygons[some], reach)
    return changed


def jittered(polygons: NDArray[np.object_], seed: int, amount: float) -> NDArray[np.object_]:
    """Move every vertex of every polygon by up to ``amount`` on its own: noise, each border now two lines."""
    rng = np.random.default_rng(seed)

    def move(ring: NDArray[np.float64]) -> NDArray[np.float64]:
        moved = ring[:-1] + rng.uniform(-amount, amount, ring[:-1].shape)
        return np.vstack((moved, moved[:1]))

    return np.array(
        [
            shapely.Polygon(
                move(shapely.get_coordinates(polygon.exterior)),
                [move(shapely.get_coordinates(hole)) for hole in polygon.interiors],
            )
            for polygon in polygons
        ],
        dtype=object,
    )


def sorted_pairs(left: NDArray[np.int64], right: NDArray[np.int64]) -> set[tuple[int, int]]:
    """Return pairs as a set of tuples."""
    return set(zip(left.tolist(), right.tolist(), strict=True))
