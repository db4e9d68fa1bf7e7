"""A small committed county for the tests of analyses, with true areas.

County 990101: administrative area 113.00-113.04 E, 34.50-34.54 N; parcels in a grid of 20 x 20 squares of 0.002 degree;
one control zone over columns 0-4, rows 0-4 with a hole, one to the east, a third that is a sliver's worth beside a parcel
line. Version 1 of the parcels is valid from 2024-12-31, known since ``KNOWN_1``; version 2, known since ``KNOWN_2`` and valid
from 2025-12-31, makes parcel 1 built-up. County 990102 lies to the east and has an administrative area, parcels and no
control zones: there control lines are not published.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import shapely
from django.db import connection, transaction

from kunyu.engines.catalogue.loading import load_labelled_catalogue
from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.tables import ensure_partition
from kunyu.engines.catalogue.versions import Content, open_version, publish_version
from kunyu.engines.security import scope
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.services import issue_token
from kunyu.engines.security.session import principal_of
from kunyu.kernel.geodesy import area_of_lonlat

PARCELS, GROUND, RED_LINE = "10401-003", "10401-001", "20201-001"
WEST, SOUTH, SIDE, ACROSS = 113.0, 34.5, 0.002, 20
VALID_1, VALID_2 = date(2024, 12, 31), date(2025, 12, 31)
KNOWN_1, KNOWN_2 = datetime(2026, 1, 10, 8, tzinfo=UTC), datetime(2026, 6, 1, 8, tzinfo=UTC)
HOLED = shapely.Polygon(
    shapely.box(WEST, SOUTH, WEST + 0.0101, SOUTH + 0.0103).exterior,
    [shapely.box(WEST + 0.003, SOUTH + 0.003, WEST + 0.0055, SOUTH + 0.0047).exterior],
)
EASTERN = shapely.box(WEST + 0.03, SOUTH + 0.0305, WEST + 0.0352, SOUTH + 0.0387)


def square(number: int, west: float = WEST) -> shapely.Polygon:
    """Parcel ``number`` (1 to 400), row by row from the south-west."""
    x = west + SIDE * ((number - 1) % ACROSS)
    y = SOUTH + SIDE * ((number - 1) // ACROSS)
    return shapely.box(x, y, x + SIDE, y + SIDE)


@dataclass(frozen=True)
class People:
    """Tokens, and principals by the same names."""

    tokens: dict[str, str]
    principals: dict[str, Principal]


def bsm(number: int, county: str = "990101", kind: str = "2110") -> str:
    return f"{county}{kind}{number:08d}"


def build() -> People:
    """Commit everything; the caller empties the database afterwards, so it must be a test's."""
    name = str(connection.settings_dict["NAME"])
    assert name.startswith("test_"), f"{name} is no test database"
    with transaction.atomic():
        load_labelled_catalogue("security")
        _grounds()
        _parcels()
        _control()
        return _people()


def insert(
    layer: Layer, county: str, version: int, rows: list[tuple[str, Any]], *, code: str = "", valid: str, known: str
) -> None:
    """Rows of (key, polygon) with their ellipsoidal areas; ``code`` is the class where the layer has DLBM."""
    geometries = [shapely.multipolygons([one]) if one.geom_type == "Polygon" else one for _, one in rows]
    areas = area_of_lonlat(np.array(geometries, dtype=object))
    column, value = (', "DLBM"', ", %s") if code else ("", "")
    with connection.cursor() as cursor:
        cursor.executemany(
            f'INSERT INTO {ensure_partition(layer, county)} (county, "BSM", geom, area_m2, source_crs, valid, known, '
            f"version_id, digest{column}) VALUES (%s, %s, ST_SetSRID(%s::geometry, 4490), %s, 4526, %s::daterange, "
            f"%s::tstzrange, %s, '\\x00'{value})",
            [
                (county, key, shapely.to_wkb(geometry, hex=True), float(area), valid, known, version,
                 *([code] if code else []))
                for (key, _), geometry, area in zip(rows, geometries, areas, strict=True)
            ],
        )  # fmt: skip


def publish(
    collection: str, county: str, rows: list[tuple[str, Any]], *, code: str = "", valid_from: date = VALID_1,
    known_from: datetime = KNOWN_1,
) -> int:  # fmt: skip
    """One whole version of a layer."""
    layer = Layer.objects.get(collection=collection)
    version = open_version(layer, county, valid_from)
    insert(layer, county, version.pk, rows, code=code, valid=f"[{valid_from},)", known=f"[{known_from.isoformat()},)")
    extent = shapely.total_bounds([one for _, one in rows])
    publish_version(version, Content(len(rows), len(rows), 0, extent=tuple(extent.tolist())), known_from=known_from)
    return int(version.pk)


def _grounds() -> None:
    width = SIDE * ACROSS
    publish(GROUND, "990101", [("990101101000000001", shapely.box(WEST, SOUTH, WEST + width, SOUTH + width))])
    east = WEST + width
    publish(GROUND, "990102", [("990102101000000001", shapely.box(east, SOUTH, east + width, SOUTH + width))])


def _parcels() -> None:
    layer = Layer.objects.get(collection=PARCELS)
    version = open_version(layer, "990101", VALID_1)
    ever = f"[{KNOWN_1.isoformat()},)"
    insert(layer, "990101", version.pk, [(bsm(n), square(n)) for n in range(2, 401)], code="0103",
           valid=f"[{VALID_1},)", known=ever)  # fmt: skip
    insert(layer, "990101", version.pk, [(bsm(1), square(1))], code="0103", valid=f"[{VALID_1},)",
           known=f"[{KNOWN_1.isoformat()},{KNOWN_2.isoformat()})")  # fmt: skip
    box = (WEST, SOUTH, WEST + 0.04, SOUTH + 0.04)
    publish_version(version, Content(400, 400, 0, extent=box), known_from=KNOWN_1)
    later = open_version(layer, "990101", VALID_2)
    known = f"[{KNOWN_2.isoformat()},)"
    insert(layer, "990101", later.pk, [(bsm(1), square(1))], code="0103", valid=f"[{VALID_1},{VALID_2})", known=known)
    insert(layer, "990101", later.pk, [(bsm(1), square(1))], code="0701", valid=f"[{VALID_2},)", known=known)
    publish_version(later, Content(400, 1, 1, extent=box), known_from=KNOWN_2)
    east = WEST + SIDE * ACROSS
    publish(PARCELS, "990102", [(bsm(n, "990102"), square(n, east)) for n in range(1, 401)], code="0301")


def _control() -> None:
    publish(RED_LINE, "990101", [(bsm(1, kind="3010"), HOLED), (bsm(2, kind="3010"), EASTERN)])


def _people() -> People:
    reading = (scope.SEE, scope.QUERY)
    made = {
        "steward": _person("t-steward", reading),
        "neighbour": _person("t-neighbour", reading, division_prefix="990102"),
        "onlooker": _person("t-onlooker", (scope.SEE,)),
        "surveyor": _person("t-surveyor", reading, branch="1"),
    }
    return People(
        {name: issue_token(user, "tests", scope.operator("tests")) for name, user in made.items()},
        {name: principal_of(user, "tests") for name, user in made.items()},
    )


def _person(name: str, actions: tuple[str, ...], **where: Any) -> User:
    user = User.objects.create_user(name, "a-long-password", name_zh=name)
    for action in actions:
        user.grants.create(action=action, max_secrecy=2, max_grading=2, max_sharing=2, **where)
    return user
