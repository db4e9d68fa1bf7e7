"""What a mutual rule reads: current rows of layers of the one map, as the person who runs it may see them. 一张图读取.

Pairs are found and judged by PostGIS: zones outside, parcels inside by their index. A parcel that lies strictly inside a
zone keeps its stored area; only one that crosses the zone's edge is intersected, with the part of the zone in its own
bounds (architecture.md §6). Areas of intersections are ellipsoidal, computed here.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import shapely
from django.db import connection
from numpy.typing import NDArray

from kunyu.engines.catalogue.bitemporal import Moment
from kunyu.engines.catalogue.reading import as_reader
from kunyu.engines.catalogue.tables import qualified
from kunyu.engines.security.scope import Scope
from kunyu.kernel.geodesy import area_of_lonlat

METRES_PER_DEGREE = 111_319.5
_SQUARE_METRES_PER_SQUARE_DEGREE = 1.25e10
"""More than a square degree measures anywhere: what is smaller than a limit divided by it is below the limit."""
_MARGIN_DEGREES = 1e-6
_ROWS_AT_ONCE = 5_000


@dataclass(frozen=True)
class Parameters:
    """What a run may be told; stored with its result.

    ``valid_at`` is the day asked about, ``known_at`` what is believed at which instant (None = now). Contradictions of no
    more than ``least_m2``, or narrower than ``narrowest_m`` on average, are noise. ``accuracy_m`` is the positional
    accuracy that layers are taken to have, for confidence.
    """

    valid_at: datetime.date
    known_at: datetime.datetime | None = None
    least_m2: float = 1.0
    narrowest_m: float = 0.01
    accuracy_m: float = 1.0

    def stored(self) -> dict[str, Any]:
        """What the digest covers: the versions read stand for ``known_at``."""
        return {
            "valid_at": self.valid_at.isoformat(), "least_m2": self.least_m2, "narrowest_m": self.narrowest_m,
            "accuracy_m": self.accuracy_m,
        }  # fmt: skip


@dataclass(frozen=True)
class Source:
    """One collection as it is read: its table, what the person may see of it, the version of the county."""

    collection: str
    layer: str
    name_zh: str
    name_en: str
    table: str
    granted: Scope
    version: int
    digest: str
    valid_from: datetime.date
    unseen: tuple[tuple[str, datetime.datetime], ...] = ()


@dataclass(frozen=True)
class Pick:
    """Rows of a collection: fields to bring along and a condition on the standard's columns, which stand in quotes.

    ``where`` may use any column of the layer; its values are ``parameters``, psycopg style.
    """

    collection: str
    fields: tuple[str, ...] = ()
    where: str = "TRUE"
    parameters: tuple[Any, ...] = ()
    neighbours: bool = False


@dataclass(frozen=True)
class Places:
    """Pairs that meet, or records not covered: a table of keys and fields, shapes, areas in m², mean widths in m.

    Columns of ``rows``: ``id`` and ``P_<field>`` of the parcels; for pairs also ``zone`` and ``Z_<field>``; ``inside``
    tells which parcels lie wholly in the zone (or wholly outside every zone).
    """

    rows: pd.DataFrame
    geometry: NDArray[np.object_]
    area_m2: NDArray[np.float64]
    width_m: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, keep: NDArray[np.bool_]) -> Places:
        """Return the places that are true in ``keep``."""
        return Places(
            self.rows[keep].reset_index(drop=True), self.geometry[keep], self.area_m2[keep], self.width_m[keep]
        )


@dataclass(frozen=True)
class OneMap:
    """The layers of one county, for the rules of one run."""

    county: str
    parameters: Parameters
    sources: Mapping[str, Source]
    neighbours: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By collection, the other counties that have published it and whose extents meet the county's."""

    def days_apart(self, one: str, other: str) -> int:
        """Days between the days that the versions of two collections are valid from."""
        return abs((self.sources[one].valid_from - self.sources[other].valid_from).days)

    def crossing(self, parcels: Pick, zones: Pick, pairs: str = "TRUE", met: str = "TRUE") -> Places:
        """Return pairs of a parcel and a zone that share an area, with what they share.

        ``pairs`` is a condition on ``"P_<field>"`` and ``"Z_<field>"``, asked before any geometry; ``met`` one that may
        name ``inside`` too. Pairs that fail either are left out.
        """
        early = pairs.replace('"P_', 'l."').replace('"Z_', 'zone."Z_')
        zone, zone_values = self._from(zones, "z")
        parcel, parcel_values = self._from(parcels, "l")
        sql = f"""
WITH zone AS MATERIALIZED (
  SELECT z."BSM" AS zone{_named(zones, "z", "Z")}, {_sound("z.geom")} AS geom FROM {zone})
SELECT id, zone, inside, area_m2{_outer(parcels, "P")}{_outer(zones, "Z")}, ST_AsBinary(shape) FROM (
  SELECT *, CASE WHEN inside THEN lgeom ELSE ST_CollectionExtract(ST_Intersection({_sound("lgeom")},
      {_clipped("zgeom", "lgeom")}), 3) END AS shape
  FROM (
    SELECT zone.zone{_outer(zones, "Z", "zone")}, zone.geom AS zgeom, p.*, ST_Covers(zone.geom, p.lgeom) AS inside
    FROM zone CROSS JOIN LATERAL (
      SELECT l."BSM" AS id, l.area_m2, l.geom AS lgeom{_named(parcels, "l", "P")} FROM {parcel}
        AND l.geom && zone.geom AND ({early}) AND ST_Intersects(zone.geom, l.geom)) p
    OFFSET 0) met
  WHERE {met}
  OFFSET 0) shared
WHERE inside OR ST_Area(shape) > {self.parameters.least_m2 / _SQUARE_METRES_PER_SQUARE_DEGREE}
"""
        names = ["id", "zone", "inside", "area_m2", *_aliases(parcels, "P"), *_aliases(zones, "Z")]
        return self._places(parcels, sql, [*zone_values, *parcel_values], names)

    def uncovered(self, parcels: Pick, zones: Pick) -> Places:
        """Return records of which something lies outside all the zones, with that part; ``inside``: all of it does."""
        zone, zone_values = self._from(zones, "z")
        parcel, parcel_values = self._from(parcels, "l")
        sql = f"""
SELECT id, inside, area_m2{_outer(parcels, "P")}, ST_AsBinary(shape) FROM (
  SELECT l."BSM" AS id, l.area_m2{_named(parcels, "l", "P")}, cover.geom IS NULL AS inside,
    CASE WHEN cover.geom IS NULL THEN l.geom
         ELSE ST_CollectionExtract(ST_Difference({_sound("l.geom")}, cover.geom), 3) END AS shape
  FROM (SELECT * FROM {parcel} OFFSET 0) l LEFT JOIN LATERAL (
    SELECT ST_Union({_clipped("z.geom", "l.geom")}) AS geom FROM {zone} AND z.geom && l.geom
  ) cover ON true
  OFFSET 0) left_over
WHERE inside OR ST_Area(shape) > {self.parameters.least_m2 / _SQUARE_METRES_PER_SQUARE_DEGREE}
"""
        names = ["id", "inside", "area_m2", *_aliases(parcels, "P")]
        return self._places(parcels, sql, [*parcel_values, *zone_values], names)

    def edges_met(self, parcels: Pick, others: Pick, reach_m: float) -> pd.DataFrame:
        """Return pairs of a parcel and a neighbouring county's within ``reach_m``, with the length they share in metres.

        Columns ``id``, ``other``, ``P_<field>``, ``Z_<field>``, ``length_m``, ``shape`` (the shared stretch).
        """
        other, other_values = self._from(others, "z")
        parcel, parcel_values = self._from(parcels, "l")
        reach = reach_m / METRES_PER_DEGREE
        sql = f"""
SELECT id, other{_outer(parcels, "P")}{_outer(others, "Z")}, ST_AsBinary(stretch) FROM (
  SELECT l."BSM" AS id{_named(parcels, "l", "P")}, o.*,
    ST_CollectionExtract(ST_Intersection(ST_Boundary({_sound("l.geom")}), ST_Buffer(o.ogeom, {reach})), 2) AS stretch
  FROM (SELECT * FROM {parcel} OFFSET 0) l CROSS JOIN LATERAL (
    SELECT z."BSM" AS other{_named(others, "z", "Z")}, {_clipped("z.geom", "l.geom", 2 * reach)} AS ogeom
    FROM {other} AND z.geom && ST_Expand(l.geom, {reach}) AND ST_DWithin(z.geom, l.geom, {reach})) o
  OFFSET 0) met
WHERE NOT ST_IsEmpty(stretch)
"""
        names = ["id", "other", *_aliases(parcels, "P"), *_aliases(others, "Z"), "shape"]
        rows = self._read(parcels, sql, [*parcel_values, *other_values])
        found = pd.DataFrame(rows, columns=names)
        shapes = _shapes(found.pop("shape").tolist())
        found["shape"] = pd.Series(shapes, dtype=object)
        found["length_m"] = shapely.length(_metric(shapes))
        return found

    def _from(self, pick: Pick, alias: str) -> tuple[str, list[Any]]:
        """FROM and WHERE of a pick: county, time, what the person may see, the pick's own condition."""
        source = self.sources[pick.collection]
        seen, seen_values = source.granted.predicate(f"{alias}.county", f"{alias}.label")
        moment, days = Moment(self.parameters.valid_at, self.parameters.known_at, source.unseen).predicate()
        counties = list(self.neighbours.get(pick.collection, ())) if pick.neighbours else [self.county]
        where = f"{alias}.county = ANY(%s::text[]) AND ({moment}) AND ({seen}) AND ({pick.where})"
        return f"{qualified(source.table)} {alias} WHERE {where}", [counties, *days, *seen_values, *pick.parameters]

    def _read(self, pick: Pick, sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
        with as_reader(self.sources[pick.collection].granted), connection.cursor() as cursor:
            # one county's partition at a time, by its index: a plan that reads it whole for every zone takes hours
            cursor.execute(
                "SET LOCAL enable_seqscan = off; SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0"
            )
            cursor.execute(sql, values)
            found = cursor.fetchall()
            cursor.execute("RESET enable_seqscan; RESET jit; RESET max_parallel_workers_per_gather")
        return found

    def _places(self, pick: Pick, sql: str, values: list[Any], names: list[str]) -> Places:
        rows = self._read(pick, sql, values)
        table = pd.DataFrame([row[:-1] for row in rows], columns=names)
        geometry = _shapes([row[-1] for row in rows])
        inside = table["inside"].to_numpy(dtype=bool)
        stored = table.pop("area_m2").to_numpy(dtype=float)
        areas = np.where(inside & np.isfinite(stored), stored, 0.0)
        rest = np.flatnonzero(areas == 0.0)
        areas[rest] = area_of_lonlat(geometry[rest])
        length = shapely.length(_metric(geometry))
        width = np.divide(2 * areas, length, out=np.zeros(len(areas)), where=length > 0)
        keep = (areas > self.parameters.least_m2) & (width >= self.parameters.narrowest_m)
        order = np.lexsort([table[name].astype(str) for name in ("zone", "id") if name in table])
        order = order[keep[order]]
        return Places(table.iloc[order].reset_index(drop=True), geometry[order], areas[order], width[order])


def _shapes(wkb: list[Any]) -> NDArray[np.object_]:
    given = [None if one is None else bytes(one) for one in wkb]
    return np.asarray(shapely.from_wkb(np.array([*given, None], object)), object)[:-1]


def _metric(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Stretch degrees to metres, for lengths: within 1 % in the latitudes of China."""

    def stretch(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([xy[:, 0] * np.cos(np.radians(xy[:, 1])), xy[:, 1]]) * METRES_PER_DEGREE

    return np.asarray(shapely.transform(geometry, stretch), object)


def _sound(geom: str) -> str:
    return f"CASE WHEN ST_IsValid({geom}) THEN {geom} ELSE ST_MakeValid({geom}) END"


def _clipped(zone: str, parcel: str, margin: float = _MARGIN_DEGREES) -> str:
    """The part of a zone in the bounds of a parcel: a zone of 28,000 vertices is not intersected whole with each."""
    clip = f"ST_ClipByBox2D({zone}, ST_Expand({parcel}, {margin})::box2d)"
    return f"ST_CollectionExtract(ST_MakeValid({clip}), 3)"


def _named(pick: Pick, alias: str, prefix: str) -> str:
    return "".join(f', {alias}."{one}" AS "{prefix}_{one}"' for one in pick.fields)


def _aliases(pick: Pick, prefix: str) -> list[str]:
    return [f"{prefix}_{one}" for one in pick.fields]


def _outer(pick: Pick, prefix: str, table: str = "") -> str:
    dot = f"{table}." if table else ""
    return "".join(f', {dot}"{one}"' for one in _aliases(pick, prefix))
