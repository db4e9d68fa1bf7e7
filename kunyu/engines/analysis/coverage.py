"""Where a layer has been delivered: a plot that reaches beyond the counties with data is not "clear". 数据覆盖.

A county's ground is what its own survey says: the union of its published administrative areas (行政区 ``10401-001``, else
调查区 ``10401-002``), read as the node's operator, because a plot's being in a county is no secret; only that yes or no is
used. Without them the boundary of the division stands in, which illustrates and is no legal line. A county whose ground
is not known covers nothing: what cannot be shown to be checked is not checked.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import shapely
from django.db import connection
from django.db.models import Q

from kunyu.engines.analysis.plots import Plot
from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.catalogue.served.asof import AsOf
from kunyu.engines.catalogue.served.beliefs import moment_of
from kunyu.engines.catalogue.served.layers import ServedLayer, find_layer
from kunyu.engines.catalogue.served.moments import Moment
from kunyu.engines.catalogue.served.queries import Selection, rows
from kunyu.engines.catalogue.served.serving import fetch
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Scope
from kunyu.kernel.errors import KunyuError
from kunyu.kernel.geodesy import area_of_lonlat

GROUNDS = ("10401-001", "10401-002")
"""Collections whose records together are a county, in the order they are asked."""
LEAST_UNCOVERED_M2 = 1.0
_KEPT = 32
_grounds: OrderedDict[tuple[str, int, str], shapely.Geometry] = OrderedDict()
_guard = threading.Lock()
_asking = threading.Lock()
"""Kept outlines are prepared: one thread at a time may ask them (GEOS builds their indexes while they are asked)."""
Source = Literal["survey", "boundary", "unknown"]


@dataclass(frozen=True)
class County:
    """The newest version of a layer that speaks of a county at a moment."""

    id: int
    county: str
    number: int
    valid_from: date
    known_from: datetime
    digest: str
    records: int | None
    inserted: int | None
    extent: tuple[float, ...] | None

    def meets(self, bounds: tuple[float, float, float, float]) -> bool:
        """Whether the version's own records may lie in a box."""
        if not self.extent:
            return False
        west, south, east, north = bounds
        return self.extent[0] <= east and self.extent[2] >= west and self.extent[1] <= north and self.extent[3] >= south


@dataclass(frozen=True)
class Ground:
    """What of a plot lies in counties with data. ``uncovered_m2`` is the rest; ``unknown`` counties have no outline."""

    counties: tuple[str, ...]
    uncovered_m2: float
    is_illustrative: bool = False
    unknown: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        return self.uncovered_m2 < LEAST_UNCOVERED_M2


def newest_versions(layer: ServedLayer, granted: Scope, asof: AsOf) -> list[County]:
    """The version of each county that ``granted`` reaches which speaks of the day, sorted by county.

    The newest known of those that are valid from that day or before; a correction of an earlier date has a higher
    number and an earlier beginning, and does not speak of later days.
    """
    day = asof.moment.days.first or asof.moment.days.last
    wanted = Q(layer_id=layer.id, status=DatasetVersion.Status.PUBLISHED)
    if day is not None:
        wanted &= Q(valid_from__lte=day)
    if asof.moment.known_at is not None:
        wanted &= Q(known_from__lte=asof.moment.known_at)
    found = (
        DatasetVersion.objects.filter(wanted)
        .order_by("county", "-valid_from", "-number")
        .distinct("county")
        .values_list(
            "id", "county", "number", "valid_from", "known_from", "digest", "record_count", "inserted", "extent"
        )
    )
    return [_county(row) for row in found if granted.allows_division(row[1])]


def _county(row: tuple[Any, ...]) -> County:
    values: tuple[Any, ...] = (*row[:-1], tuple(row[-1]) if row[-1] else None)
    return County(*values)


def ground_under(plot: Plot, counties: list[County], moment: Moment) -> Ground:
    """How far ``counties`` cover the plot at ``moment``: by area; a line or point left over counts as uncovered."""
    left, touched, unknown, is_illustrative = plot.geometry, [], [], False
    for one in counties:
        outline, source = outline_of(one.county, plot.bounds, moment)
        if source == "unknown":
            unknown.append(one.county)
            continue
        if outline is None:
            continue
        with _asking:
            meets, covers = shapely.intersects(outline, plot.geometry), shapely.covers(outline, plot.geometry)
        if not meets:
            continue
        touched.append(one.county)
        is_illustrative |= source == "boundary"
        if covers:
            return Ground((one.county,), 0.0, source == "boundary")
        left = shapely.difference(left, outline)
        if left.is_empty:
            break
    return Ground(tuple(touched), _size(left, plot), is_illustrative, tuple(unknown))


def _size(left: shapely.Geometry, plot: Plot) -> float:
    """Square metres left; a line or point left counts as more than nothing."""
    if left.is_empty:
        return 0.0
    return float(area_of_lonlat([left])[0]) if plot.is_area else float("inf")


def outline_of(
    county: str, bounds: tuple[float, float, float, float], moment: Moment
) -> tuple[shapely.Geometry | None, Source]:
    """The ground of a county at a moment, and where it is known from; None when it cannot meet ``bounds``."""
    known = False
    for collection in GROUNDS:
        version = _ground_version(collection, county, moment)
        if version is None:
            continue
        known = True
        if not version[1] or not _meets(tuple(version[1]), bounds):
            continue
        outline = _survey_outline(collection, int(version[0]), county, moment)
        if outline is not None and not outline.is_empty:
            return outline, "survey"
    if known:
        return None, "survey"
    boundary = _boundary_outline(county)
    return (boundary, "boundary") if boundary is not None else (None, "unknown")


def _ground_version(collection: str, county: str, moment: Moment) -> tuple[Any, ...] | None:
    """Id and extent of the version of the administrative areas that speaks of the moment."""
    wanted = Q(layer__collection=collection, county=county, status=DatasetVersion.Status.PUBLISHED)
    if moment.days.first is not None:
        wanted &= Q(valid_from__lte=moment.days.first)
    if moment.known_at is not None:
        wanted &= Q(known_from__lte=moment.known_at)
    found = DatasetVersion.objects.filter(wanted).order_by("-valid_from", "-number").values_list("id", "extent")
    return found.first()


def _meets(box: tuple[float, ...], bounds: tuple[float, float, float, float]) -> bool:
    return box[0] <= bounds[2] and box[2] >= bounds[0] and box[1] <= bounds[3] and box[3] >= bounds[1]


def _survey_outline(collection: str, version: int, county: str, moment: Moment) -> shapely.Geometry | None:
    """The union of a version's administrative areas; kept in this process, for what a version says never changes."""
    key = (collection, version, county)
    with _guard:
        if key in _grounds:
            _grounds.move_to_end(key)
            return _grounds[key]
    layer = find_layer(collection)
    try:
        granted = scope.resolve(scope.operator("analysis"), collection, scope.QUERY)
    except KunyuError:  # this zone may not hold the layer: its outline is not known here
        return None
    if layer is None:
        return None
    statement, parameters = rows(
        Selection(layer, granted, moment_of(layer.id, moment.days, moment.known_at)), ["ST_AsBinary(geom)"],
        ("county = %(of_county)s::text", {"of_county": county}),
    )  # fmt: skip
    try:
        parts = shapely.from_wkb([row[0] for row in fetch(granted, statement, parameters)])
    except KunyuError:
        return None
    outline = shapely.union_all(parts, grid_size=1e-11) if len(parts) else shapely.Polygon()
    shapely.prepare(outline)
    with _guard:
        _grounds[key] = outline
        while len(_grounds) > _KEPT:
            _grounds.popitem(last=False)
    return outline


def _boundary_outline(county: str) -> shapely.Geometry | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_AsBinary(ST_Union(geom)) FROM reference_divisionboundary WHERE code = %s AND detail = 0",
            [county],
        )
        found = cursor.fetchone()[0]
    return shapely.from_wkb(bytes(found)) if found else None


def forget() -> None:
    """Forget the outlines kept: another database, or a test's."""
    with _guard:
        _grounds.clear()
