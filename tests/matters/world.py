"""A committed county with plan and control lines, and the people of its bureau, for whole journeys of matters. 测试县与办事人员.

County 990101 of the tests of analyses (113.00 to 113.04 E, 34.50 to 34.54 N, parcels of 0.002 degree, all dry land) with a
built-up quarter; a concentrated construction area over its south-eastern quarter, planned for schools; permanent farmland
in its north-west, planned as fields; villages in its north-east.
"""

from __future__ import annotations

from dataclasses import dataclass

import shapely
from django.db import connection, transaction

from kunyu.engines.analysis.tests import county
from kunyu.engines.catalogue.models import Layer
from kunyu.engines.security import demo_organisation, scope
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import principal_of

COUNTY = "990101"
PARCELS, FARMLAND, BOUNDARY, PLANNED_USE = "10401-003", "10502-001", "20203-001", "20301-001"
SOUTH_EAST = shapely.box(113.02, 34.50, 113.04, 34.52)
NORTH = shapely.box(113.012, 34.522, 113.02, 34.53)
BUILT_UP = shapely.box(113.028, 34.508, 113.036, 34.514)
SCHOOL_LAND, VILLAGE_LAND = "0804", "0703"

BUILT_PLOT = shapely.box(113.029, 34.509, 113.0302, 34.5099)
"""Inside the built-up quarter and the concentrated area."""
FIELD_PLOT = shapely.box(113.0215, 34.5015, 113.0228, 34.5025)
"""Dry land in the concentrated area."""
FARMLAND_PLOT = shapely.box(113.0135, 34.5235, 113.0146, 34.5244)
"""Wholly on permanent farmland."""
VILLAGE_PLOT = shapely.box(113.0225, 34.5305, 113.0226, 34.5306)
"""Village land built on already, outside the urban boundary."""


def build() -> Bureau:
    """Commit layers and people; the caller empties the database afterwards, so it must be a test's."""
    county.build()
    with transaction.atomic():
        urban = county.bsm(1, kind="3030")
        county.publish(BOUNDARY, COUNTY, [(urban, SOUTH_EAST)])
        _recode(BOUNDARY, "GHFQDM", "JZQ", urban)
        fields = shapely.box(113.0, 34.52, 113.02, 34.54)
        village = shapely.box(113.02, 34.52, 113.04, 34.54)
        uses = [(SOUTH_EAST, SCHOOL_LAND), (fields, "0101"), (village, VILLAGE_LAND)]
        keys = [county.bsm(number, kind="3040") for number in (1, 2, 3)]
        county.publish(PLANNED_USE, COUNTY, [(key, place) for key, (place, _) in zip(keys, uses, strict=True)])
        for key, (_, code) in zip(keys, uses, strict=True):
            _recode(PLANNED_USE, "YDYHFLDM", code, key)
        county.publish(FARMLAND, COUNTY, [(county.bsm(1, kind="3020"), NORTH)])
        built = [n for n in range(2, 401) if BUILT_UP.covers(county.square(n).centroid)]
        homesteads = [n for n in range(2, 401) if county.square(n).covers(VILLAGE_PLOT)]
        for number, code in [(n, "08H2") for n in built] + [(n, "0702") for n in homesteads]:
            _recode(PARCELS, "DLBM", code, county.bsm(number))
        return _bureau()


def _recode(collection: str, column: str, code: str, key: str) -> None:
    table = Layer.objects.get(collection=collection).table_name
    with connection.cursor() as cursor:
        cursor.execute(f'UPDATE onemap."{table}" SET "{column}" = %s WHERE "BSM" = %s', [code, key])


@dataclass(frozen=True)
class Bureau:
    """Who applies and who decides."""

    applicant: Principal
    clerk: Principal
    examiner: Principal
    reviewer: Principal
    decider: Principal


def _bureau() -> Bureau:
    """The demonstration bureau with its posts, one person in each, and somebody who applies."""
    operator = scope.operator("tests")
    posts = demo_organisation.ensure(operator)
    made = {"applicant": principal_of(_user("j-applicant"), "tests")}
    for name in ("clerk", "examiner", "reviewer", "decider"):
        user = _user(f"j-{name}")
        demo_organisation.appoint(user, posts[name], operator)
        made[name] = principal_of(user, "tests")
    return Bureau(**made)


def _user(name: str) -> User:
    return User.objects.create_user(name, "a-long-password", name_zh=name)
