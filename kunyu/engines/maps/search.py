"""Finding a place: a coordinate, a division by name or code, a feature by its identifier. 查找.

Coordinates: ``113.02,34.51`` (lon, lat; also lat, lon where only one reading is possible) or a Gauss–Krüger pair in
either order, northing 7 digits and easting with its zone prefix 8 digits; without a prefix the zone is that of the
data shown here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import shapely
from django.db import connection

from kunyu.engines.catalogue.served.layers import ServedLayer, open_layer, record_read
from kunyu.engines.catalogue.served.moments import Moment, read_days
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.maps import crs, features, layer_nodes
from kunyu.engines.reference import queries as divisions
from kunyu.engines.reference.models import Division
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Principal
from kunyu.kernel.geodesy import gauss_kruger_zone, zone_epsg

Box = tuple[float, float, float, float]
_PAIR = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*[,，;；\s]\s*(-?\d+(?:\.\d+)?)\s*")
_IDENTIFIER = re.compile(r"[0-9A-Za-z\-]{1,40}")
PARCEL_NUMBER = "TBBH"
MOST_LAYERS = 24


@dataclass(frozen=True)
class Hit:
    """Something found. ``box`` is lon/lat; ``lon``/``lat`` a point in it; a feature also names its collection."""

    kind: str
    title: str
    subtitle: str
    lon: float | None = None
    lat: float | None = None
    box: Box | None = None
    collection: str | None = None
    feature: str | None = None


def search(principal: Principal, text: str, valid_at: str | None, limit: int, first: Sequence[str] = ()) -> list[Hit]:
    """At most ``limit`` hits: coordinates first, then divisions, then features.

    ``first``: collections that are asked for features before others, as those on the map are. A node may hold
    thousands of layers: at most :data:`MOST_LAYERS` of them are asked.
    """
    pair = _PAIR.fullmatch(text)
    if pair:
        return _coordinate(float(pair[1]), float(pair[2]), _middle_longitude(principal))
    hits = [_division_hit(one, principal) for one in divisions.search(text, limit)]
    if _IDENTIFIER.fullmatch(text) and any(letter.isdigit() for letter in text):
        for collection in layer_nodes.searched_layers(principal, text, first, MOST_LAYERS):
            if len(hits) >= limit:
                break
            hits += _features(principal, collection, text, valid_at, limit - len(hits))
    return hits[:limit]


def _coordinate(first: float, second: float, middle: float | None) -> list[Hit]:
    if abs(first) <= 180 and abs(second) <= 90:
        return [_point(first, second, "经度, 纬度 / longitude, latitude")]
    if abs(first) <= 90 and abs(second) <= 180:
        return [_point(second, first, "纬度, 经度 / latitude, longitude")]
    hits = []
    for northing, easting in ((first, second), (second, first)):
        epsg = _zone_of(northing, easting, middle)
        if epsg:
            lon, lat = crs.lonlat_of_plane(easting, northing, epsg)
            hits.append(_point(lon, lat, f"EPSG:{epsg} X {northing:.3f} Y {easting:.3f}"))
    return hits


def _zone_of(northing: float, easting: float, middle: float | None) -> int | None:
    """EPSG code of the zone that easting names: 13–23 are six-degree, 25–45 three-degree zones."""
    if not 0 < northing < 6_700_000:
        return None
    zone = int(easting // 1_000_000)
    if 13 <= zone <= 23:
        return zone_epsg(zone, 6, True)
    if 25 <= zone <= 45:
        return zone_epsg(zone, 3, True)
    if 100_000 < easting < 900_000 and middle is not None:
        return zone_epsg(int(gauss_kruger_zone(middle, 3)), 3, False)
    return None


def _point(lon: float, lat: float, subtitle: str) -> Hit:
    return Hit("coordinate", f"{lon:.6f}, {lat:.6f}", subtitle, lon, lat)


def _middle_longitude(principal: Principal) -> float | None:
    box = layer_nodes.extent_within(principal, "")
    return (box[0] + box[2]) / 2 if box else None


def _division_hit(division: Division, principal: Principal) -> Hit:
    """A division with its box: its own boundary, or that of the county it lies in, or the data held for it."""
    box = _boundary_box(division.code) or layer_nodes.extent_within(principal, division.code)
    path = "/".join(one.name_zh for one in divisions.path(division.code)[1:-1])
    hit = Hit("division", division.name_zh, f"{division.code} {path}".strip(), box=box)
    return replace(hit, lon=(box[0] + box[2]) / 2, lat=(box[1] + box[3]) / 2) if box else hit


def _boundary_box(code: str) -> Box | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM (SELECT ST_Extent(geom) AS e "
            "FROM reference_divisionboundary WHERE code = %s AND detail = 0) q WHERE e IS NOT NULL",
            [code[:6]],
        )
        row = cursor.fetchone()
    return tuple(row) if row else None


def _features(principal: Principal, collection: str, text: str, valid_at: str | None, limit: int) -> list[Hit]:
    """Features whose key, or else whose parcel number, is ``text``."""
    layer, granted = open_layer(principal, collection, scope.QUERY)
    number = layer.fields.get(PARCEL_NUMBER)
    tries = [Selection(layer, granted, Moment(read_days(None, valid_at), None), feature=text)]
    is_clear = number is not None and (not number.personal or granted.reveals(number.personal))
    if number and is_clear and len(text) <= number.length:
        tries.append(replace(tries[0], feature=None, equals={PARCEL_NUMBER: text}))
    for selection in tries:
        page = features.read_page(selection, crs.DEFAULT, (layer.key,), limit)
        if page.returned:
            record_read(principal, layer, None, "features")
            return [_feature_hit(layer, one) for one in json.loads(f"[{''.join(page.text())}]")]
    return []


def _feature_hit(layer: ServedLayer, feature: dict) -> Hit:
    hit = Hit("feature", str(feature["id"]), layer.name_zh, collection=layer.collection, feature=str(feature["id"]))
    if feature["geometry"] is None:
        return hit
    shape = shapely.from_geojson(json.dumps(feature["geometry"]))
    inside = shape.representative_point()
    return replace(hit, lon=inside.x, lat=inside.y, box=shape.bounds)
