"""Outlines of two neighbouring counties, and of one three degrees to the east, for the tests. 试验区划界线."""

from __future__ import annotations

import shapely
from django.db import connection

HERE, EAST, FAR = "990101", "990102", "990103"
NAMES = {HERE: "坤舆县", EAST: "东邻县", FAR: "远邻县"}
BOXES = {
    HERE: shapely.box(113.0, 34.5, 113.04, 34.54),
    EAST: shapely.box(113.04, 34.5, 113.08, 34.54),
    FAR: shapely.box(116.0, 34.5, 116.04, 34.54),
}


def draw(*codes: str) -> None:
    """Put the outlines of some counties where boundaries stand; all when none is named."""
    with connection.cursor() as cursor:
        for code in codes or tuple(NAMES):
            cursor.execute(
                "INSERT INTO reference_divisionboundary (code, name_zh, level, detail, source, geom) "
                "VALUES (%s, %s, 3, 0, 'tests', ST_SetSRID(%s::geometry, 4490))",
                [code, NAMES[code], shapely.to_wkb(BOXES[code], hex=True)],
            )
