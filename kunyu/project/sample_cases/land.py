"""Land that samples ask for: pieces of real parcels of the demonstration county, some on control lines. 样例用地.

Read from the node's own map like anybody's reading, so plots lie on parcels that are there, and plans and control lines
mean something to them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import shapely
from django.utils import timezone

from kunyu.engines.catalogue.served import layers
from kunyu.engines.catalogue.served.moments import Moment, ValidDays
from kunyu.engines.catalogue.served.queries import Selection, quoted, rows
from kunyu.engines.catalogue.served.serving import fetch
from kunyu.engines.security import scope
from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import Refused
from kunyu.kernel.geodesy import area_of_lonlat
from kunyu.project.sample_cases.chance import chance

PARCELS, RED_LINE, FARMLAND, GROWTH, PLAN = "10401-003", "20201-001", "10502-001", "20203-001", "20301-001"
CLASS, PLANNED = "DLBM", "YDYHFLDM"
TOWN = ("0701", "05H1", "08H1", "08H2", "0809", "0601", "0508", "1201")
FIELD = ("0101", "0102", "0103")
METRES_PER_DEGREE = 111_320.0
_HALF_METRES = {"town": (16, 34), "village": (5, 6), "field": (20, 45), "farmland": (25, 50), "red_line": (20, 40),
                "outside": (15, 30)}  # fmt: skip
_SMALLEST_M2 = 60.0


@dataclass(frozen=True)
class Plot:
    """A piece of one parcel (EPSG:4490): its class of land now, its planned use ('' where none is planned), m²."""

    geometry: shapely.Polygon
    land_class: str
    planned_use: str
    area_m2: float


@dataclass(frozen=True)
class _Parcel:
    key: str
    land_class: str
    geometry: shapely.Geometry
    centre: shapely.Point


class Land:
    """The parcels of the county by what samples look for; the same map and seed give the same plots."""

    def __init__(self, principal: Principal, county: str, seed: int) -> None:
        """Read the map once. Raises Refused where it holds no parcels of the county."""
        self._parcels = _parcels(principal, county)
        if not self._parcels:
            raise Refused(
                f"一张图上没有 {county} 的图斑（{PARCELS}），样例办件无处落地。请先装载样例县（make up 会自动装载）。",
                f"There are no parcels ({PARCELS}) of {county} on the map: sample cases have no land. Load the sample county "
                "first; make up does.",
            )
        self._lines = {one: _area(principal, county, one) for one in (RED_LINE, FARMLAND, GROWTH)}
        uses = _polygons(principal, county, PLAN, PLANNED)
        self._uses = (shapely.STRtree([place for _, place in uses]), [code for code, _ in uses])
        self._seed = seed
        self._pools: dict[str, list[_Parcel]] = {}

    def plot(self, kind: str, number: int) -> Plot:
        """The plot of the sample with this number: another parcel for each as long as there are any."""
        pool = self._pools.get(kind) or self._pools.setdefault(kind, self._pool(kind))
        for step in range(len(pool)):
            parcel = pool[(number + step) % len(pool)]
            piece = _piece(parcel, chance(self._seed, number).randint(*_HALF_METRES[kind]))
            area = float(area_of_lonlat([piece])[0]) if piece is not None else 0.0
            if piece is not None and area >= _SMALLEST_M2:
                return Plot(piece, parcel.land_class, self._planned(piece), area)
        raise Refused(f"一张图上没有可作“{kind}”样例的图斑。", f"No parcel of the map fits the sample land '{kind}'.")

    def _pool(self, kind: str) -> list[_Parcel]:
        found = [one for one in self._parcels if self._fits(one, kind)] or list(self._parcels)
        chance(self._seed, kind).shuffle(found)
        return found

    def _fits(self, one: _Parcel, kind: str) -> bool:
        if kind in ("farmland", "red_line"):
            return shapely.contains(self._lines[FARMLAND if kind == "farmland" else RED_LINE], one.centre)
        if any(shapely.intersects(self._lines[line], one.geometry) for line in (RED_LINE, FARMLAND)):
            return False
        inside = shapely.contains(self._lines[GROWTH], one.centre)
        if kind == "town":
            return inside and one.land_class in TOWN
        if kind == "field":
            return one.land_class in FIELD
        return not inside and (one.land_class == "0702") == (kind == "village")

    def _planned(self, piece: shapely.Polygon) -> str:
        tree, codes = self._uses
        found = tree.query(piece.representative_point(), predicate="intersects")
        return codes[int(found[0])] if len(found) else ""


def _parcels(principal: Principal, county: str) -> list[_Parcel]:
    found = _polygons(principal, county, PARCELS, CLASS)
    listed = [
        _Parcel(shapely.to_wkb(place, hex=True), code, place, place.representative_point()) for code, place in found
    ]
    return sorted(listed, key=lambda one: one.key)


def _area(principal: Principal, county: str, collection: str) -> shapely.Geometry:
    """All of a layer as one area; nothing where the node has no such layer."""
    united = shapely.union_all([place for _, place in _polygons(principal, county, collection, "")])
    shapely.prepare(united)
    return united


def _polygons(principal: Principal, county: str, collection: str, attribute: str) -> list[tuple[str, shapely.Geometry]]:
    """(value of the attribute, place) of every record of the county valid today; empty where nothing is published."""
    try:
        layer, granted = layers.open_layer(principal, collection, scope.QUERY)
    except NotVisible:
        return []
    layers.record_read(principal, layer, None, "sample")
    today = timezone.localdate()
    selection = Selection(layer, granted, Moment(ValidDays(today, today), None))
    wanted = quoted(attribute) if attribute else "''"
    statement, parameters = rows(
        selection, [f"{wanted}::text", "ST_AsBinary(geom)"], ("county = %(county)s", {"county": county})
    )
    return [(code or "", shapely.from_wkb(bytes(place))) for code, place in fetch(granted, statement, parameters)]


def _piece(parcel: _Parcel, half_metres: int) -> shapely.Polygon | None:
    """The part of a parcel around its middle, no wider than twice the metres, on a grid of about 0.1 mm."""
    high = half_metres / METRES_PER_DEGREE
    wide = high / math.cos(math.radians(parcel.centre.y))
    x, y = parcel.centre.x, parcel.centre.y
    part = shapely.intersection(parcel.geometry, shapely.box(x - wide, y - high, x + wide, y + high))
    polygons = [one for one in shapely.get_parts(part) if one.geom_type == "Polygon"]
    if not polygons:
        return None
    largest = shapely.set_precision(max(polygons, key=shapely.area), 1e-9)
    return largest if largest.geom_type == "Polygon" and not largest.is_empty else None
