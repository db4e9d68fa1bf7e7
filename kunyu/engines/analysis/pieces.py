"""What of a layer lies in a plot: the two branches, in one statement of PostGIS. 叠置.

A record *strictly inside* the plot keeps the ellipsoidal area that was measured when it was delivered; a record that
holds the whole plot gets the plot's area; only a record that *crosses* the boundary is cut (``ST_Intersection``), on a
grid of a tenth of a micrometre, because GEOS without a grid has answered wrongly without saying so
(``kernel.geometry.overlay``). Areas of cut pieces are ellipsoidal (CGCS2000, ``kernel.geodesy``), never those of a plane
or a sphere.

Slivers: a part whose mean width 2A/P is below the topology tolerance (1 mm) is noise of digitising or reprojection: it
is no overlap, but it is counted. What meets the plot in a point or along an edge alone has no part at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from kunyu.engines.analysis.plots import Plot
from kunyu.engines.catalogue.served import queries
from kunyu.engines.catalogue.served.layers import ServedLayer
from kunyu.engines.catalogue.served.queries import Selection, quoted
from kunyu.engines.catalogue.served.serving import fetch
from kunyu.kernel.geodesy import area_of_lonlat
from kunyu.kernel.tolerances import TOPOLOGY_TOLERANCE_M

GRID_DEGREES = 1e-12
"""Grid of the overlay: a tenth of a micrometre; still 10^14 steps in a coordinate, of 9·10^15 that a double can count."""
METRES_PER_DEGREE = 111_320.0
INSIDE, AROUND, CROSSING = 0, 1, 2
DEDUCTED, MEASURED = "KCMJ", "TBMJ"


@dataclass(frozen=True)
class Pieces:
    """Records that share area with a plot, in the order of their id; arrays of one length.

    ``area_m2`` is what lies in the plot, ``share`` the part of the record that does; ``geometry`` is the piece (None
    when geometries were not asked for and the record lies inside). ``deducted_m2`` is the record's own deduction
    (KCMJ) times ``share``, NaN where the layer states none. ``slivers`` counts the parts left out and
    ``sliver_m2`` sums them.
    """

    ids: NDArray[np.object_]
    county: NDArray[np.object_]
    version: NDArray[np.int64]
    code: NDArray[np.object_]
    area_m2: NDArray[np.float64]
    share: NDArray[np.float64]
    deducted_m2: NDArray[np.float64]
    geometry: NDArray[np.object_]
    slivers: int = 0
    sliver_m2: float = 0.0
    sliver_ids: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        return len(self.ids)

    @staticmethod
    def together(parts: Sequence[Pieces]) -> Pieces:
        """Pieces of several statements as one, sorted by id."""
        names = ("ids", "county", "version", "code", "area_m2", "share", "deducted_m2", "geometry")
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        order = np.lexsort((columns["version"], columns["ids"].astype(str)))
        return Pieces(
            **{name: values[order] for name, values in columns.items()},
            slivers=sum(part.slivers for part in parts),
            sliver_m2=sum(part.sliver_m2 for part in parts),
            sliver_ids=tuple(sorted(one for part in parts for one in part.sliver_ids)),
        )


@dataclass(frozen=True)
class _Part:
    """Polygons of pieces that were cut: which row each belongs to, its area, and whether it counts."""

    row: NDArray[np.intp]
    polygon: NDArray[np.object_]
    area: NDArray[np.float64]
    counts: NDArray[np.bool_]


def columns_of(selection: Selection) -> list[str]:
    """The columns an overlay needs of a layer table."""
    layer = selection.layer
    wanted = dict.fromkeys([layer.key, *([layer.class_field.code] if layer.class_field else [])])
    if has_deductions(layer):
        wanted |= dict.fromkeys([DEDUCTED, MEASURED])
    return ["fid", "county", "version_id", "area_m2", "geom", *(queries.attribute(selection, code) for code in wanted)]


def has_deductions(layer: ServedLayer) -> bool:
    """Whether the layer states 扣除地类面积 for its records."""
    return DEDUCTED in layer.fields and MEASURED in layer.fields


def statement_of(
    selection: Selection, narrowing: tuple[str, Mapping[str, Any]] = ("", {}), *, with_geometry: bool = False
) -> tuple[str, dict[str, Any]]:
    """The statement that finds and cuts, with its parameters; ``selection.area`` is the plot."""
    layer = selection.layer
    inner, parameters = queries.rows(selection, columns_of(selection), narrowing)
    plot = "%(area)s::geometry"
    key = quoted(layer.key)
    code = f"{quoted(layer.class_field.code)}::text" if layer.class_field else "NULL::text"
    deducted = (
        f"({quoted(DEDUCTED)} / nullif({quoted(MEASURED)}, 0))::float8" if has_deductions(layer) else "NULL::float8"
    )
    whole = "TRUE" if with_geometry else "area_m2 IS NULL"
    return (
        f"SELECT coalesce({key}::text, '~' || fid), county, version_id, {code}, {deducted}, area_m2, branch, "
        f"CASE WHEN branch = {CROSSING} THEN ST_AsBinary(ST_Intersection(geom, {plot}, {GRID_DEGREES!r}::float8)) "
        f"WHEN branch = {INSIDE} AND {whole} THEN ST_AsBinary(geom) END, "
        f"CASE WHEN branch <> {INSIDE} AND area_m2 IS NULL THEN ST_AsBinary(geom) END "
        f"FROM (SELECT *, CASE WHEN ST_Covers({plot}, geom) THEN {INSIDE} "
        f"WHEN geom ~ {plot} AND ST_Covers(geom, {plot}) THEN {AROUND} ELSE {CROSSING} END AS branch "
        f"FROM ({inner}) hit OFFSET 0) found",
        parameters,
    )


def read_pieces(
    selection: Selection,
    plot: Plot,
    narrowing: tuple[str, Mapping[str, Any]] = ("", {}),
    *,
    with_geometry: bool = False,
) -> Pieces:
    """Read what of ``selection`` lies in ``plot``.

    Raises
    ------
    TooSlow, NoServingDatabase
        As ``serving.fetch``.
    psycopg.Error
        GEOS refuses a stored geometry.
    """
    statement, parameters = statement_of(selection, narrowing, with_geometry=with_geometry)
    return pieces_of(fetch(selection.granted, statement, parameters), plot, with_geometry=with_geometry)


def count_near(selection: Selection, most: int) -> int:
    """Records whose box meets the plot's, at most ``most`` + 1: what decides between an answer and a job."""
    from dataclasses import replace

    assert selection.area is not None
    boxed = replace(selection, area=None)
    wkb = shapely.to_wkb(shapely.set_srid(selection.area, 4490), hex=True, include_srid=True)
    inner, parameters = queries.rows(boxed, ["1"], ("geom && %(area)s::geometry", {"area": wkb}))
    bounded = f"SELECT count(*) FROM (SELECT 1 FROM ({inner}) q LIMIT %(most)s::bigint + 1) n"
    return int(fetch(selection.granted, bounded, {**parameters, "most": most})[0][0])


def pieces_of(rows: Sequence[tuple[Any, ...]], plot: Plot, *, with_geometry: bool = False) -> Pieces:
    """Measure the rows of :func:`statement_of`."""
    count = len(rows)
    ids, county, version, code, ratio, stored, branch, cut, whole = zip(*rows, strict=True) if rows else ((),) * 9
    branches = np.array(branch, dtype=np.int64)
    record_m2 = np.array([np.nan if one is None else one for one in stored], dtype=np.float64)
    geometry = shapely.from_wkb(np.array(cut, dtype=object))
    missing = np.isnan(record_m2)
    if missing.any():
        held = np.where(branches == INSIDE, geometry, shapely.from_wkb(np.array(whole, dtype=object)))
        record_m2[missing] = area_of_lonlat(held[missing])
    area = np.where(branches == INSIDE, record_m2, np.where(branches == AROUND, plot.area_m2, 0.0))
    crossing = np.flatnonzero(branches == CROSSING)
    part = _parts(geometry[crossing], crossing)
    np.add.at(area, part.row[part.counts], part.area[part.counts])
    kept = (branches != CROSSING) | np.isin(np.arange(count), part.row[part.counts])
    if with_geometry:
        geometry[branches == AROUND] = plot.geometry
    geometry[crossing] = _joined(crossing, part)
    left_out = ~part.counts
    names = np.array(ids, dtype=object)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(area / record_m2, 0.0, 1.0)
    share[~np.isfinite(share)] = 0.0
    ratios = np.array([np.nan if one is None else one for one in ratio], dtype=np.float64)
    order = np.flatnonzero(kept)
    order = order[np.lexsort((np.array(version, dtype=np.int64)[order], names[order].astype(str)))]
    return Pieces(
        ids=names[order],
        county=np.array(county, dtype=object)[order],
        version=np.array(version, dtype=np.int64)[order],
        code=np.array(code, dtype=object)[order],
        area_m2=area[order],
        share=share[order],
        deducted_m2=(area * ratios)[order],
        geometry=geometry[order],
        slivers=int(left_out.sum()),
        sliver_m2=float(part.area[left_out].sum()),
        sliver_ids=tuple(sorted({str(names[row]) for row in part.row[left_out]})),
    )


def _parts(cut: NDArray[np.object_], row: NDArray[np.intp]) -> _Part:
    """Take cut geometries apart into polygons; points and lines, where things only touch, fall away."""
    polygons, owner = shapely.get_parts(cut, return_index=True)
    while (shapely.get_type_id(polygons) > shapely.GeometryType.POLYGON).any():
        polygons, inner = shapely.get_parts(polygons, return_index=True)
        owner = owner[inner]
    is_area = (shapely.get_type_id(polygons) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(polygons)
    polygons, owner = polygons[is_area], owner[is_area]
    areas = area_of_lonlat(polygons)
    return _Part(row[owner], polygons, areas, ~is_sliver(polygons, areas))


def is_sliver(polygons: NDArray[np.object_], area_m2: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the mean width 2A/P of each polygon (degrees) is below the topology tolerance."""
    if not len(polygons):
        return np.zeros(0, dtype=bool)
    latitude = float(np.mean(shapely.bounds(polygons)[:, [1, 3]]))
    scale = np.array([METRES_PER_DEGREE * math.cos(math.radians(latitude)), METRES_PER_DEGREE])
    metres = shapely.length(shapely.transform(polygons, lambda xy: xy * scale))
    return np.asarray(2.0 * area_m2 < TOPOLOGY_TOLERANCE_M * metres)


def _joined(crossing: NDArray[np.intp], part: _Part) -> NDArray[np.object_]:
    """One polygon or multipolygon of the parts that count, for each cut row; None where none does."""
    joined = np.full(len(crossing), None, dtype=object)
    kept, owner = part.polygon[part.counts], part.row[part.counts]
    place = np.searchsorted(crossing, owner)
    for index in np.unique(place):  # one step per record that crosses the boundary
        own = kept[place == index]
        joined[index] = own[0] if len(own) == 1 else shapely.multipolygons(own)
    return joined


@dataclass(frozen=True)
class ClassSum:
    """Area of one class in a plot; ``deducted_m2`` is None where the layer states no deductions."""

    code: str
    area_m2: float
    count: int
    deducted_m2: float | None = None


@dataclass(frozen=True)
class Sums:
    """Totals of pieces."""

    area_m2: float
    count: int
    classes: tuple[ClassSum, ...] = field(default_factory=tuple)


def sums_of(pieces: Pieces, *, by_class: bool) -> Sums:
    """Totals over all pieces and, where the layer has a class, by class in the order of the codes.

    Sums are exact (``math.fsum``), so that they do not depend on the order in which rows arrived.
    """
    total = math.fsum(pieces.area_m2)
    if not by_class:
        return Sums(total, pieces.count)
    codes, place = np.unique(np.array([one or "" for one in pieces.code], dtype=str), return_inverse=True)
    classes = []
    for index, code in enumerate(codes):
        own = place == index
        deducted = pieces.deducted_m2[own]
        stated = deducted[~np.isnan(deducted)]
        classes.append(
            ClassSum(
                str(code), math.fsum(pieces.area_m2[own]), int(own.sum()), math.fsum(stated) if len(stated) else None
            )
        )
    return Sums(total, pieces.count, tuple(classes))
