"""A small committed county for the tests of the map services: two layers, two versions, two counties.

County 990101 has 20 x 20 parcels of 0.002 degree from 113.0 E 34.5 N, numbered 1 … 400 row by row from the south-west.
Version 1 is valid from 2024-12-31 and known since ``KNOWN_1``; version 2 from 2025-12-31, known since ``KNOWN_2``:
parcel 1 becomes 0701, parcel 2 ends, parcel 401 appears north of the grid. County 990102 has one parcel far to the
east. Parcel 3 carries text that JSON must escape, parcel 4 lacks an identifier. Layer XZQJX (lines) has one winding line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime

import shapely
from django.db import connection, transaction

from kunyu.engines.catalogue.loading import load_labelled_catalogue
from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.tables import ensure_partition
from kunyu.engines.catalogue.versions import Content, open_version, publish_version
from kunyu.engines.security import scope
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import OPERATOR
from kunyu.engines.security.services import grant, issue_token

PARCELS = "10401-003"
WEST, SOUTH, SIDE, ACROSS = 113.0, 34.5, 0.002, 20
VALID_1, VALID_2 = date(2024, 12, 31), date(2025, 12, 31)
KNOWN_1 = datetime(2026, 1, 10, 8, tzinfo=UTC)
KNOWN_2 = datetime(2026, 6, 1, 8, tzinfo=UTC)
# A winding line of 2,000 vertices across the county, about 2 m to either side of 34.51 N.
LINE = shapely.LineString([(WEST + 0.04 * i / 1999, 34.51 + 2e-5 * math.sin(i / 9)) for i in range(2000)])
AWKWARD = 'quote " backslash \\ newline \n tab \t bell \x07 坤舆 </script>'

_SQUARE = (
    "ST_Multi(ST_MakeEnvelope({west} + {side} * ((n - 1) % {across}), {south} + {side} * ((n - 1) / {across}), "
    "{west} + {side} * ((n - 1) % {across} + 1), {south} + {side} * ((n - 1) / {across} + 1), 4490))"
)
_INSERT = """
INSERT INTO {table} (county, "BSM", "YSDM", "TBBH", "DLBM", "DLMC", "TBMJ", "BZ", geom, area_m2, source_crs,
  valid, known, version_id, digest)
SELECT '{county}', CASE WHEN n = 4 THEN NULL ELSE '{county}2110' || lpad(n::text, 8, '0') END, '2001010100', n::text,
  %(class)s, '旱地', 37000.25, CASE WHEN n = 3 THEN %(remark)s END, {geometry}, 37000.25, 4526,
  %(valid)s::daterange, %(known)s::tstzrange, %(version)s, '\\x00'
FROM generate_series(%(first)s::int, %(last)s::int) n
"""


@dataclass(frozen=True)
class County:
    """Tokens of people with different rights, and the identifier of each parcel by its number."""

    steward: str
    neighbour: str
    onlooker: str
    stranger: str

    @staticmethod
    def bsm(number: int, county: str = "990101") -> str:
        return f"{county}2110{number:08d}"


def build() -> County:
    """Commit everything; the caller empties the database afterwards, so it must be a test's."""
    name = str(connection.settings_dict["NAME"])
    assert name.startswith("test_"), f"{name} is no test database: mark the test django_db"
    with transaction.atomic():
        load_labelled_catalogue("security")
        layer = Layer.objects.get(collection=PARCELS)
        _first_version(layer)
        _second_version(layer)
        _neighbour(layer)
        _line()
        return County(
            steward=_person("t-steward", (scope.SEE, scope.QUERY)),
            neighbour=_person("t-neighbour", (scope.SEE, scope.QUERY), division_prefix="990102"),
            onlooker=_person("t-onlooker", (scope.SEE,)),
            stranger=_person("t-stranger", (scope.SEE, scope.QUERY), branch="2"),
        )


def _insert(
    layer: Layer, county: str, first: int, last: int, *, kind: str, valid: str, known: str, version: int
) -> None:
    geometry = _SQUARE.format(west=WEST + (1 if county == "990102" else 0), south=SOUTH, side=SIDE, across=ACROSS)
    statement = _INSERT.format(table=ensure_partition(layer, county), county=county, geometry=geometry).replace(
        "% 20", "%% 20"
    )
    values = {
        "class": kind, "remark": AWKWARD, "valid": valid, "known": known, "version": version, "first": first, "last": last,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _first_version(layer: Layer) -> None:
    version = open_version(layer, "990101", VALID_1)
    both, ended = f"[{KNOWN_1.isoformat()},)", f"[{KNOWN_1.isoformat()},{KNOWN_2.isoformat()})"
    _insert(layer, "990101", 1, 2, kind="0103", valid=f"[{VALID_1},)", known=ended, version=version.pk)
    _insert(layer, "990101", 3, 400, kind="0103", valid=f"[{VALID_1},)", known=both, version=version.pk)
    box = (WEST, SOUTH, WEST + SIDE * ACROSS, SOUTH + SIDE * ACROSS)
    publish_version(version, Content(400, 400, 0, extent=box), known_from=KNOWN_1)


def _second_version(layer: Layer) -> None:
    version = open_version(layer, "990101", VALID_2)
    known = f"[{KNOWN_2.isoformat()},)"
    _insert(layer, "990101", 1, 2, kind="0103", valid=f"[{VALID_1},{VALID_2})", known=known, version=version.pk)
    _insert(layer, "990101", 1, 1, kind="0701", valid=f"[{VALID_2},)", known=known, version=version.pk)
    _insert(layer, "990101", 401, 401, kind="1101", valid=f"[{VALID_2},)", known=known, version=version.pk)
    box = (WEST, SOUTH, WEST + SIDE * ACROSS, SOUTH + SIDE * (ACROSS + 1))
    publish_version(version, Content(400, 2, 2, extent=box), known_from=KNOWN_2)


def _neighbour(layer: Layer) -> None:
    version = open_version(layer, "990102", VALID_1)
    known = f"[{KNOWN_1.isoformat()},)"
    _insert(layer, "990102", 1, 1, kind="0301", valid=f"[{VALID_1},)", known=known, version=version.pk)
    box = (WEST + 1, SOUTH, WEST + 1 + SIDE, SOUTH + SIDE)
    publish_version(version, Content(1, 1, 0, extent=box), known_from=KNOWN_1)


def _line() -> None:
    layer = Layer.objects.get(standard_id="TDT1057-2020", code="XZQJX")
    version = open_version(layer, "990101", VALID_1)
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO {ensure_partition(layer, "990101")} (county, "BSM", geom, source_crs, valid, known, '
            "version_id, digest) VALUES ('990101', '990101105100000001', ST_Multi(ST_GeomFromText(%s, 4490)), 4526, "
            "%s::daterange, %s::tstzrange, %s, '\\x00')",
            [LINE.wkt, f"[{VALID_1},)", f"[{KNOWN_1.isoformat()},)", version.pk],
        )
    publish_version(version, Content(1, 1, 0, extent=LINE.bounds), known_from=KNOWN_1)


def _person(name: str, actions: tuple[str, ...], **where: str) -> str:
    user = User.objects.create_user(name, "a-long-password", name_zh=name)
    actor = scope.operator("tests")
    assert actor.name == OPERATOR
    grant(user, actions, actor=actor, **where)
    return issue_token(user, "tests", actor)
