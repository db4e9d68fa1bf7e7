"""Administrative boundaries as vector tiles for the base map. 行政区划底图（示意）.

The boundaries carry no map approval number (审图号): every description says 示意, and public printing is not offered.
They come from the reference engine's own tables, which the serving role does not read, so Django's connection draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection

from kunyu.engines.maps.grids import BUFFER_SHARE, MVT_EXTENT, WEB_MERCATOR_QUAD
from kunyu.engines.maps.tiles import TileAddress
from kunyu.engines.reference.models import DivisionBoundary, DivisionLevel
from kunyu.kernel.digests import canonical_json, sm3_hex

NOTICE_ZH = "行政区划界线为示意，无审图号，不得用于公开出版、印刷。"
NOTICE_EN = "Boundaries are illustrative and carry no map approval number; not for publication or printing."
BOUNDARIES, PLACES = "boundaries", "places"
# Cities are legible from zoom 4, counties from zoom 7; outlines keep under half a pixel of deviation.
_CITIES_FROM, _COUNTIES_FROM = 4, 7
_LOW_UP_TO, _MIDDLE_UP_TO = 6, 9
MAX_ZOOM = 12

_STATEMENT = f"""
WITH near AS MATERIALIZED (
  SELECT id, code, name_zh, level, geom FROM reference_divisionboundary
  WHERE geom && %(envelope)s::geometry AND level <= %(level)s AND detail = %(detail)s
), lines AS MATERIALIZED (
  SELECT ST_AsMVTGeom(ST_Transform(CASE ST_Dimension(geom) WHEN 2 THEN ST_Boundary(geom) ELSE geom END, 3857),
    %(bounds)s::box2d, {MVT_EXTENT}, {int(MVT_EXTENT * BUFFER_SHARE)}, true) AS geom, code, level::int FROM near
), labels AS MATERIALIZED (
  SELECT ST_AsMVTGeom(ST_Transform(ST_PointOnSurface(low.geom), 3857), %(bounds)s::box2d, {MVT_EXTENT}, 0, true)
    AS geom, near.code, near.name_zh AS name, near.level::int
  FROM near JOIN reference_divisionboundary low ON low.code = near.code AND low.level = near.level AND low.detail = 2
  WHERE near.code <> '' AND ST_Dimension(low.geom) = 2
)
SELECT (SELECT ST_AsMVT(lines, '{BOUNDARIES}', {MVT_EXTENT}, 'geom') FROM lines WHERE geom IS NOT NULL),
       (SELECT ST_AsMVT(labels, '{PLACES}', {MVT_EXTENT}, 'geom') FROM labels WHERE geom IS NOT NULL)
"""


@dataclass(frozen=True)
class BaseState:
    """What is loaded; changes when boundaries are loaded again."""

    digest: str


def base_state() -> BaseState:
    """A cheap fingerprint of the loaded boundaries (one index-only count)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), max(id) FROM reference_divisionboundary")
        return BaseState(sm3_hex(canonical_json(list(cursor.fetchone())))[:40])


def kept_base(state: BaseState, zoom: int, row: int, column: int) -> bytes:
    """`draw_base`, drawn once per process and state of the boundaries."""
    return _kept(state.digest, zoom, row, column)


@lru_cache(maxsize=1024)
def _kept(digest: str, zoom: int, row: int, column: int) -> bytes:
    return draw_base(zoom, row, column)


def draw_base(zoom: int, row: int, column: int) -> bytes:
    """One tile of WebMercatorQuad with the layers ``boundaries`` (lines) and ``places`` (label points).

    Raises
    ------
    NoSuchTile
        Outside the matrix set, or deeper than zoom 12: clients enlarge that one.
    """
    WEB_MERCATOR_QUAD.require(zoom, row, column)
    address = TileAddress(WEB_MERCATOR_QUAD, zoom, row, column)
    w, s, e, n = (getattr(address.searched, side) for side in ("x_min", "y_min", "x_max", "y_max"))
    level = (
        DivisionLevel.PROVINCE
        if zoom < _CITIES_FROM
        else DivisionLevel.CITY
        if zoom < _COUNTIES_FROM
        else DivisionLevel.COUNTY
    )
    detail = (
        DivisionBoundary.Detail.LOW
        if zoom <= _LOW_UP_TO
        else DivisionBoundary.Detail.MIDDLE
        if zoom <= _MIDDLE_UP_TO
        else DivisionBoundary.Detail.FULL
    )
    parameters: dict[str, str | int] = {
        "envelope": f"SRID=4490;POLYGON(({w} {s},{e} {s},{e} {n},{w} {n},{w} {s}))",
        "bounds": address.plane.text,
        "level": int(level),
        "detail": int(detail),
    }
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, parameters)
        lines, labels = cursor.fetchone()
    return bytes(lines or b"") + bytes(labels or b"")


def base_tilejson(root: str) -> dict[str, Any]:
    """TileJSON of the base map with its notice."""
    return {
        "tilejson": "3.0.0",
        "name": "行政区划（示意） / divisions (illustrative)",
        "attribution": NOTICE_ZH,
        "notice_zh": NOTICE_ZH,
        "notice_en": NOTICE_EN,
        "scheme": "xyz",
        "tiles": [f"{root}/api/map/base/{{z}}/{{y}}/{{x}}"],
        "minzoom": 0,
        "maxzoom": MAX_ZOOM,
        "vector_layers": [
            {"id": BOUNDARIES, "fields": {"code": "代码", "level": "级别"}},
            {"id": PLACES, "fields": {"code": "代码", "name": "名称", "level": "级别"}},
        ],
    }
