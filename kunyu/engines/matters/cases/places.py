"""Does a plot lie where it is applied for: the county of its division, another one, or none. 用地位置核对.

Only what lies wholly elsewhere is refused here, and only where the outline of the county applied for is known: boundaries are
schematic (示意). What of a plot crosses a border is told by the rules, which ask the administrative areas of the survey.
"""

from __future__ import annotations

from dataclasses import dataclass

import shapely
from django.db import connection

from kunyu.engines.matters.cases.applicants import fault
from kunyu.engines.matters.errors import BadForm

SHIFTS = (-3, 3, -6, 6)
"""Degrees of longitude by which a plot is off whose zone was named wrongly: 3-degree zones, 6-degree zones."""
_MOST_NAMED = 3

_WHERE = """
WITH county AS NOT MATERIALIZED (SELECT d.code, d.name_zh, d.geom FROM reference_divisionboundary d
  WHERE d.level = 3 AND d.detail = 0)
SELECT
  (SELECT name_zh FROM county WHERE code = %(county)s LIMIT 1),
  (SELECT bool_or(ST_Intersects(geom, %(plot)s::geometry)) FROM county WHERE code = %(county)s),
  (SELECT array_agg(ARRAY[code, name_zh] ORDER BY code) FROM (SELECT DISTINCT code, name_zh FROM county
    WHERE code <> %(county)s AND ST_Intersects(geom, %(plot)s::geometry)) AS other),
  (SELECT s.degrees FROM unnest(%(shifts)s::float[]) WITH ORDINALITY AS s(degrees, number) JOIN county
    ON county.code = %(county)s AND ST_Intersects(county.geom, ST_Translate(%(plot)s::geometry, s.degrees, 0))
    ORDER BY s.number LIMIT 1)
"""


@dataclass(frozen=True)
class Place:
    """Where a plot lies. ``name`` is '' where the county applied for has no known outline; nothing else is known then.

    ``others``: code and name of every other county it touches. ``shift``: degrees of longitude by which it would have to be
    moved to lie in the county applied for, 0 when no wrong zone explains it.
    """

    county: str
    name: str
    is_here: bool
    others: tuple[tuple[str, str], ...]
    shift: int


def place_of(plot: shapely.Geometry, division: str) -> Place:
    """Where a plot (EPSG:4490) lies, as the boundaries of this node say."""
    county = division[:6]
    wkb = shapely.to_wkb(shapely.set_srid(plot, 4490), hex=True, include_srid=True)
    with connection.cursor() as cursor:
        cursor.execute(_WHERE, {"county": county, "plot": wkb, "shifts": list(SHIFTS)})
        name, is_here, others, shift = cursor.fetchone()
    if not name:
        return Place(county, "", True, (), 0)
    return Place(county, name, bool(is_here), tuple((code, zh) for code, zh in others or ()), int(shift or 0))


def box_of(division: str) -> tuple[float, float, float, float] | None:
    """West, south, east, north of a division's county, degrees; None where no outline is known."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(ST_XMin(geom)), min(ST_YMin(geom)), max(ST_XMax(geom)), max(ST_YMax(geom)) "
            "FROM reference_divisionboundary WHERE level = 3 AND detail = 0 AND code = %s",
            [division[:6]],
        )
        west, south, east, north = cursor.fetchone()
    return None if west is None else (west, south, east, north)


def elsewhere(plot: shapely.Geometry, division: str) -> BadForm | None:
    """Why a plot that lies wholly outside the county applied for cannot be taken; None when it can.

    The fault names the place: ``lon``, ``lat`` of a point in the plot.
    """
    place = place_of(plot, division)
    if place.is_here:
        return None
    zh, en = _said(place)
    point = shapely.point_on_surface(plot)
    return fault("plot", zh, en, lon=round(point.x, 8), lat=round(point.y, 8))


def require_here(plot: shapely.Geometry, division: str) -> None:
    """Refuse a plot that lies wholly outside the county applied for. Raises BadForm."""
    found = elsewhere(plot, division)
    if found is not None:
        raise found


def _said(place: Place) -> tuple[str, str]:
    here, named = f"{place.name}（{place.county}）", place.others[:_MOST_NAMED]
    if named:
        zh = f"这块地不在{here}，而在{'、'.join(f'{name}（{code}）' for code, name in named)}。"
        en = f"The plot does not lie in {place.name} ({place.county}) but in {', '.join(f'{n} ({c})' for c, n in named)}. "
    else:
        zh = f"这块地不在{here}，也不在任何一个县（可能在海上或境外）。"
        en = f"The plot does not lie in {place.name} ({place.county}) nor in any county: perhaps at sea or abroad. "
    if place.shift:
        side_zh, side_en = ("东", "east") if place.shift > 0 else ("西", "west")
        degrees = abs(place.shift)
        return (
            zh + f"向{side_zh}移 {degrees} 度经度就正好落在{place.name}：多半是带号选错了，请核对带号后重新填报。",
            en + f"Moved {degrees} degrees {side_en} it would lie in {place.name}: most likely the zone is wrong. "
            "Check the zone and give the plot again.",
        )
    if named:
        return (
            zh + f"如果地确实在那里，请放弃这份申请，另选{named[0][1]}重新申请；否则请核对坐标。",
            en
            + f"If the land is there, give this application up and apply in {named[0][1]}; otherwise check the coordinates.",
        )
    return (
        zh + "请核对坐标系、带号和坐标的先后次序。",
        en + "Check the coordinate system, the zone and the order of the coordinates.",
    )
