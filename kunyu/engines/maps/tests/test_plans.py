"""Every frequent question can use the index made for it, also for somebody who may see one division only.

R-142, architecture.md §4: row security stands in every plan here, and a comparison that is not LEAKPROOF would keep the
planner from the index.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg
import pytest
import shapely
from django.conf import settings

from kunyu.engines.catalogue.served import queries
from kunyu.engines.catalogue.served.layers import find_layer
from kunyu.engines.catalogue.served.moments import Moment, ValidDays
from kunyu.engines.catalogue.served.queries import After, Selection
from kunyu.engines.maps.grids import WEB_MERCATOR_QUAD
from kunyu.engines.maps.tests.county import KNOWN_1, PARCELS, County
from kunyu.engines.maps.tiles import TileAddress, tile_statement
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Principal, Right

pytestmark = pytest.mark.django_db
DAY = date(2026, 1, 1)


PRINCIPALS = {
    "everywhere": scope.operator("tests"),
    "one county": Principal("li", "李", 10**9, (Right("", "990101", "query"),)),
    "one city at two ceilings": Principal(
        "wang", "王", 10**9, (Right("", "9901", "query"), Right("", "990101", "query", 1))
    ),
}


@pytest.fixture(params=PRINCIPALS.values(), ids=PRINCIPALS.keys())
def selection(county: County, request: pytest.FixtureRequest) -> Selection:
    layer = find_layer(PARCELS)
    assert layer is not None
    return Selection(layer, scope.resolve(request.param, PARCELS), Moment(ValidDays(DAY, DAY), None))


def indexes_used(statement: str, parameters: Mapping[str, Any], *off: str) -> tuple[set[str], bool]:
    """Indexes in the plan, without partition names, and whether a layer is scanned whole.

    Scans of whole tables are discouraged, and what ``off`` names: four hundred rows are cheap to read and to sort.
    """
    with psycopg.connect(settings.KUNYU_SERVE_DATABASE_URL, autocommit=True) as connection:
        text = explained(connection, statement, parameters, *off)
    names = {part.split('"')[0].rsplit("990101_", 1)[-1] for part in text.split('"Index Name": "')[1:]}
    return {name for name in names if "990102" not in name}, '"Seq Scan"' in text


def boxes_indexed(text: str) -> list[bool]:
    """For each scan of a partition, whether the box is a condition of its index and not a filter after it."""
    scans = []

    def walk(node: dict[str, Any]) -> None:
        if "Relation Name" in node:
            below = [node, *node.get("Plans", [])]
            scans.append(any("geom &&" in one.get("Index Cond", "") for one in below))
        for one in node.get("Plans", []):
            walk(one)

    walk(json.loads(text)[0]["Plan"])
    assert scans
    return scans


def plan_of(statement: str, parameters: Mapping[str, Any]) -> str:
    with psycopg.connect(settings.KUNYU_SERVE_DATABASE_URL, autocommit=True) as connection:
        return explained(connection, statement, parameters)


def explained(connection: psycopg.Connection, statement: str, parameters: Mapping[str, Any], *off: str) -> str:
    for kind in ("seqscan", *off):
        connection.execute(f"SET enable_{kind} = off")
    row = connection.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters).fetchone()
    assert row is not None
    text = json.dumps(row[0])
    assert "InitPlan" in text and "security_reach" not in text.split("InitPlan")[0]  # row security stands in the plan
    return text


def ordered(selection: Selection) -> tuple[str, dict[str, Any]]:
    statement, parameters = queries.rows(selection, ["fid", '"BSM"', "geom"])
    return (
        f"SELECT * FROM ({statement}) q ORDER BY {queries.page_order(selection, chr(34) + 'BSM' + chr(34))} LIMIT 10",
        parameters,
    )


def test_tiles_use_the_partial_spatial_indexes(selection: Selection) -> None:
    """The present needs one index, the past both; no layer is scanned whole."""
    address = TileAddress(WEB_MERCATOR_QUAD, 14, 6516, 13335)
    names, whole = indexes_used(*tile_statement(selection, address, ("BSM",)))
    assert any("geom" in name for name in names) and not whole
    assert all(boxes_indexed(plan_of(*tile_statement(selection, address, ("BSM",)))))
    past = replace(selection, moment=Moment(selection.moment.days, KNOWN_1))
    statement, parameters = tile_statement(past, address, ("BSM",))
    assert statement.count("NOT upper_inf(known)") == 1
    assert all(boxes_indexed(plan_of(statement, parameters)))


def test_pages_and_single_features_use_the_key(selection: Selection) -> None:
    """The first page, a later page and one feature come from the index of the key."""
    for asked in (
        selection,
        replace(selection, after=After(County.bsm(100), 100)),
        replace(selection, feature=County.bsm(100)),
    ):
        names, whole = indexes_used(*ordered(asked), "sort", "bitmapscan")
        assert any("BSM" in name or "key" in name for name in names) and not whole, asked


def test_boxes_do_not_walk_the_key(selection: Selection) -> None:
    """A page of a box is found by space and sorted, not by walking the county in the order of the key."""
    asked = ordered(replace(selection, area=shapely.box(113.0, 34.5, 113.01, 34.51)))
    names, whole = indexes_used(*asked)
    assert all(boxes_indexed(plan_of(*asked)))
    assert any("geom" in name for name in names) and not any("BSM" in name or "key" in name for name in names)
    assert not whole


def test_without_leakproof_a_box_reads_the_whole_table(selection: Selection, superuser_dsn: str) -> None:
    """What provisioning sets is what lets row security use the index: taken away, the same box scans the layer."""
    statement, parameters = ordered(replace(selection, area=shapely.box(113.0, 34.5, 113.01, 34.51)))
    with psycopg.connect(superuser_dsn) as superuser:
        superuser.execute("ALTER FUNCTION geometry_overlaps(geometry, geometry) NOT LEAKPROOF")
        superuser.execute("SET LOCAL ROLE kunyu_serve")
        text = explained(superuser, statement, parameters)
        superuser.rollback()
    assert not all(boxes_indexed(text))
    assert all(boxes_indexed(plan_of(statement, parameters)))
