"""Faults in a real county, seeded by other means than the sample's own, and what brute force says must be found.

A fault changes the geometries of a clean county as a slip of the hand, a rounding or a copy would. What must be found
is not written down by the fault: every changed parcel is intersected with all that lie around it, and what the county
covered before is compared with what it covers now, with plain overlays on a grid of 0.001 mm (``GRID_M``; without one GEOS
was seen to lose whole parcels). They share nothing with the rules but the definition of noise (mean width 2A/P below
0.001 m).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import shapely
from shapely.geometry.base import BaseGeometry

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer
from kunyu.kernel.tolerances import TOPOLOGY_TOLERANCE_M

GRID_M = 1e-6


@dataclass
class County:
    """Parcels of a clean county to spoil: ``geometry`` is changed in place, ``added`` are copies with new keys."""

    layer: DeliveredLayer
    rng: np.random.Generator
    geometry: np.ndarray = field(init=False)
    added: list[tuple[int, BaseGeometry]] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.geometry = self.layer.geometry.copy()
        self._tree = shapely.STRtree(self.layer.geometry)

    def take(self, wanted: Callable[[np.ndarray], np.ndarray] | None = None) -> int:
        """A parcel that no fault has touched, nor any of its neighbours; the smaller the likelier."""
        order = self.rng.permutation(len(self.geometry))
        fitting = order if wanted is None else order[wanted(self.layer.geometry[order])]
        for row in fitting:
            near = set(self._tree.query(self.layer.geometry[row], predicate="dwithin", distance=10.0).tolist())
            if not near & self.touched and shapely.get_num_coordinates(self.layer.geometry[row]) < 2000:
                self.touched |= near
                return int(row)
        raise LookupError("the county is full of faults")

    def neighbours(self, row: int) -> np.ndarray:
        """Parcels that share an edge with one."""
        found = self._tree.query(self.layer.geometry[row], predicate="intersects")
        shared = shapely.length(shapely.intersection(self.layer.geometry[found], self.layer.geometry[row])) > 1
        return found[shared & (found != row)]

    def delivered(self, delivery: Delivered) -> Delivered:
        """The delivery with this county's parcels."""
        rows, geometry = self.layer.rows, self.geometry
        if self.added:
            copies = rows.take([row for row, _ in self.added])
            keys = pa.array([f"99010121109{number:07d}" for number in range(len(self.added))], pa.string())
            at = copies.schema.get_field_index("BSM")
            copies = copies.set_column(at, copies.schema.field(at), pa.chunked_array([keys]))
            rows = pa.concat_tables([rows, copies])
            geometry = np.concatenate([geometry, np.array([*(shape for _, shape in self.added), None], object)[:-1]])
        spoiled = replace(self.layer, rows=rows, geometry=geometry)
        return replace(delivery, layers={**delivery.layers, "DLTB": spoiled}, shared={})

    def overlapping(self, spoiled: DeliveredLayer) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
        """Pairs of keys that must be found, and those that may: around the width of noise opinions may differ."""
        shapes = shapely.make_valid(spoiled.geometry, method="structure", keep_collapsed=False)
        changed = np.flatnonzero(np.r_[self.geometry != self.layer.geometry, np.ones(len(self.added), bool)])
        one, other = shapely.STRtree(shapes).query(shapes[changed], predicate="intersects")
        one = changed[one]
        apart = one != other
        one, other = one[apart], other[apart]
        common = shapely.intersection(shapes[one], shapes[other], grid_size=GRID_M)
        pairs = np.sort(np.c_[spoiled.ids[one], spoiled.ids[other]].astype(str), axis=1)
        must = wide(common, 1.25 * TOPOLOGY_TOLERANCE_M)
        may = ~shapely.is_empty(shapely.buffer(common, -0.4 * TOPOLOGY_TOLERANCE_M))
        return set(map(tuple, pairs[must].tolist())), set(map(tuple, pairs[may].tolist()))

    def uncovered(self, spoiled: DeliveredLayer, least: float = TOPOLOGY_TOLERANCE_M) -> np.ndarray:
        """Parts of the county, ``least`` wide, that nothing covers any more, by brute force around each changed parcel."""
        shapes = shapely.make_valid(spoiled.geometry, method="structure", keep_collapsed=False)
        tree = shapely.STRtree(shapes)
        lost = []
        for row in np.flatnonzero(self.geometry != self.layer.geometry):
            around = shapes[tree.query(self.layer.geometry[row], predicate="dwithin", distance=1.0)]
            lost.append(
                shapely.difference(
                    self.layer.geometry[row], shapely.union_all(around, grid_size=GRID_M), grid_size=GRID_M
                )
            )
        parts = shapely.get_parts(np.array(lost, object))
        return parts[wide(parts, least)]


def wide(shapes: np.ndarray, least: float = TOPOLOGY_TOLERANCE_M) -> np.ndarray:
    """Whether a shape has a polygonal part of at least this mean width (m)."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    nested, index = shapely.get_parts(parts, return_index=True)
    length = shapely.length(nested)
    width = np.divide(2 * shapely.area(nested), length, out=np.zeros(len(nested)), where=length > 0)
    found = np.zeros(len(shapes), bool)
    found[owner[index[width >= least]]] = True
    return found


Fault = Callable[[County], None]


def _with_vertex(shape: BaseGeometry, at: int, place: np.ndarray) -> BaseGeometry:
    """A polygon whose outer vertex ``at`` lies elsewhere."""
    xy = shapely.get_coordinates(shape.exterior).copy()
    xy[at] = place
    if at == 0:
        xy[-1] = place
    return shapely.Polygon(xy, list(shape.interiors))


def moved_vertex(by: float) -> Fault:
    """One vertex moves by ``by`` metres: into a neighbour or away from it."""

    def spoil(county: County) -> None:
        row = county.take()
        shape = county.geometry[row]
        shape = shapely.get_parts(shape)[0]
        xy = shapely.get_coordinates(shape.exterior)
        at = int(county.rng.integers(1, len(xy) - 1))
        angle = county.rng.uniform(0, 2 * np.pi)
        moved = _with_vertex(shape, at, xy[at] + by * np.array([np.cos(angle), np.sin(angle)]))
        if moved.is_valid:
            county.geometry[row] = moved

    return spoil


def grown(by: float) -> Fault:
    """A parcel grows (or shrinks) by ``by`` metres all around."""

    def spoil(county: County) -> None:
        row = county.take()
        county.geometry[row] = shapely.buffer(county.geometry[row], by, join_style="mitre", mitre_limit=2)

    return spoil


def deleted(county: County) -> None:
    """A parcel becomes a crumb of itself: the rest is a hole."""
    row = county.take()
    county.geometry[row] = shapely.buffer(shapely.point_on_surface(county.geometry[row]), 0.5)


def contained(county: County) -> None:
    """A parcel more, wholly inside another."""
    row = county.take()
    county.added.append((row, shapely.buffer(shapely.point_on_surface(county.geometry[row]), 0.8)))


def copied(noise: float) -> Fault:
    """The same parcel once more, every coordinate off by up to ``noise``; ring begun elsewhere and turned round."""

    def spoil(county: County) -> None:
        row = county.take()
        shape = shapely.get_parts(county.geometry[row])[0]
        xy = shapely.get_coordinates(shape.exterior)[:-1][::-1]
        xy = np.roll(xy, int(county.rng.integers(len(xy))), axis=0)
        xy = xy + county.rng.uniform(-noise, noise, xy.shape)
        county.added.append((row, shapely.Polygon(np.r_[xy, xy[:1]], list(shape.interiors))))

    return spoil


def shaken(noise: float) -> Fault:
    """Every coordinate of a parcel is off by up to ``noise``: what another program's arithmetic does."""

    def spoil(county: County) -> None:
        row = county.take()
        county.geometry[row] = shapely.transform(
            county.geometry[row], lambda xy: xy + county.rng.uniform(-noise, noise, (1, 2))
        )

    return spoil


def turned(county: County) -> None:
    """A ring runs the other way and begins elsewhere: the same parcel."""
    row = county.take()
    county.geometry[row] = shapely.reverse(shapely.normalize(county.geometry[row]))


def swapped(county: County) -> None:
    """Two neighbours are exchanged: nothing is uncovered, nothing overlaps."""
    row = county.take()
    beside = county.neighbours(row)
    if len(beside):
        other = int(beside[0])
        county.geometry[row], county.geometry[other] = county.geometry[other], county.geometry[row]


def displaced(by: float) -> Fault:
    """A whole parcel lies ``by`` metres beside its place: overlap on one side, gap on the other."""

    def spoil(county: County) -> None:
        row = county.take()
        angle = county.rng.uniform(0, 2 * np.pi)
        step = by * np.array([np.cos(angle), np.sin(angle)])
        county.geometry[row] = shapely.transform(county.geometry[row], lambda xy: xy + step)

    return spoil


def bow_tie(county: County) -> None:
    """Two vertices of a ring change places: it crosses itself."""
    row = county.take(lambda shapes: shapely.get_num_coordinates(shapes) > 8)
    shape = shapely.get_parts(county.geometry[row])[0]
    xy = shapely.get_coordinates(shape.exterior).copy()
    xy[[2, 4]] = xy[[4, 2]]
    county.geometry[row] = shapely.Polygon(xy)


COVERAGE_FAULTS: dict[str, Fault] = {
    "vertex 0.1 mm": moved_vertex(0.0001), "vertex 3 mm": moved_vertex(0.003), "vertex 5 cm": moved_vertex(0.05),
    "vertex 2 m": moved_vertex(2.0), "grown 0.2 mm": grown(0.0002), "grown 2 mm": grown(0.002), "grown 1 m": grown(1.0),
    "shrunk 0.2 mm": grown(-0.0002), "shrunk 2 mm": grown(-0.002), "shrunk 1 m": grown(-1.0), "deleted": deleted,
    "contained": contained, "copied": copied(0.0), "copied 1e-9": copied(1e-9), "copied 0.1 mm": copied(0.0001),
    "shaken 1e-9": shaken(1e-9), "turned": turned, "swapped": swapped, "displaced 3 mm": displaced(0.003),
    "displaced 4 m": displaced(4.0), "bow tie": bow_tie,
}  # fmt: skip
HARMLESS = ("turned", "swapped", "shaken 1e-9", "vertex 0.1 mm", "grown 0.2 mm", "shrunk 0.2 mm")
