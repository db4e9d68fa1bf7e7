"""One set of data and one release in three networks, and labels that change while people look on.

R-022, R-058 (three editions), R-142 (a node shows what belongs in its zone), R-041 (labels), T16: no address answers
with more than label, clearance and zone allow. Real HTTP requests, row security underneath.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import mapbox_vector_tile
import pytest
from django.db import connection
from django.test import Client

from kunyu.engines.catalogue import record_labels
from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.record_labels import RecordProposal
from kunyu.engines.catalogue.served.serving import close_pools
from kunyu.engines.catalogue.tables import ensure_partition
from kunyu.engines.catalogue.versions import Content, open_version, publish_version
from kunyu.engines.maps.grids import GRIDS
from kunyu.engines.maps.tests import county as building
from kunyu.engines.maps.tests.county import PARCELS, SOUTH, WEST, County
from kunyu.engines.security import label_services, labels, zones
from kunyu.engines.security.label_services import Proposal
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import AuditEntry, Clearance, Grant, User
from kunyu.engines.security.scope import EDIT, QUERY, SEE, Principal, Right, operator
from kunyu.engines.security.services import issue_token

OPENED, LINES, POINTS = "10302-901@990101", "10401-001.XZQJX", "10101-001"
OWNER = Principal("owner", user_id=10**6, rights=(Right("", "", EDIT, labels.EVERY),))
SECURITY = Principal("security", user_id=10**6 + 1, duty="security")
SECRET = Label(labels.SECRET, labels.IMPORTANT, labels.NOT_SHARED)
IMPORTANT = Label(labels.SENSITIVE, labels.IMPORTANT, labels.CONDITIONAL)
Ask = Callable[..., Any]


@pytest.fixture
def node(transactional_db: None, onemap_emptied: None, settings: Any) -> Iterator[County]:
    """Four layers, one of each level: 公开 land cover, 内部 boundary lines, 敏感 parcels, 秘密 control points."""
    settings.ROOT_URLCONF = "kunyu.engines.maps.tests.addresses"
    found = building.build()
    _publish(OPENED, "Polygon")
    row = label_services.propose(Proposal(POINTS, SECRET, "平面控制点成果", basis="测绘秘密目录（试验）"), OWNER)
    label_services.approve(row.pk, SECURITY)
    _stand_in(settings, "secret")
    _publish(POINTS, "Point")
    _stand_in(settings, "business")
    yield found
    close_pools()


def _stand_in(settings: Any, zone: str) -> None:
    """Run as a node of that zone: the setting, and what ``kunyu up`` notes of it for row security."""
    settings.KUNYU_ZONE = zone
    zones.record_zone()


def _publish(collection: str, geometry: str) -> None:
    layer = Layer.objects.get(collection=collection)
    version = open_version(layer, "990101", date(2024, 12, 31))
    area = "area_m2, " if geometry == "Polygon" else ""
    shape = f"ST_MakeEnvelope({WEST}, {SOUTH}, {WEST} + 0.002, {SOUTH} + 0.002, 4490)"
    shape = f"ST_Multi({shape})" if geometry == "Polygon" else f"ST_Centroid({shape})"
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO {ensure_partition(layer, "990101")} (county, "BSM", geom, {area}source_crs, valid, known, '
            f"version_id, digest) VALUES ('990101', '990101000000000001', {shape}, {'37000, ' if area else ''}4526, "
            "'[2024-12-31,)', tstzrange('2025-01-10', NULL), %s, '\\x00')",
            [version.pk],
        )
    publish_version(version, Content(1, 1, 0, extent=(WEST, SOUTH, WEST + 0.002, SOUTH + 0.002)),
                    known_from=datetime(2025, 1, 10, tzinfo=UTC))  # fmt: skip


def _token(name: str, ceiling: Label, clearance: int = Clearance.NONE) -> str:
    user = User.objects.create_user(name, "a-long-password", name_zh=name, clearance=clearance)
    for action in (SEE, QUERY):
        Grant.objects.create(
            user=user,
            action=action,
            max_secrecy=ceiling.secrecy,
            max_grading=ceiling.grading,
            max_sharing=ceiling.sharing,
        )
    return issue_token(user, "tests", operator("tests"))


def ask(path: str, token: str | None, headers: dict[str, str] | None = None, **query: Any) -> Any:
    sent = {"Accept": "application/json", **(headers or {})}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    return Client(headers=sent).get(path, query)


def listed(token: str | None) -> set[str]:
    return {one["id"] for one in json.loads(ask("/ogc/collections", token).getvalue())["collections"]}


LEVELS = {OPENED: Label(), LINES: Label(1, 0, 1), PARCELS: Label(2, 0, 1), POINTS: SECRET}
EDITIONS = {
    "internet": {OPENED, LINES},
    "business": {OPENED, LINES, PARCELS},
    "secret": {OPENED, LINES, PARCELS, POINTS},
    "emergency": {OPENED, LINES},
    "public_cloud": {OPENED},
}


@pytest.mark.parametrize("zone", list(EDITIONS))
def test_each_zone_lists_and_answers_what_belongs_there(node: County, settings: Any, zone: str) -> None:
    """R-058, R-142, T16: list, features, tiles, identify and map tree agree, for the best cleared person there is."""
    cleared = _token("cleared", Label(labels.TOP_SECRET, labels.CORE, labels.NOT_SHARED), Clearance.TOP_SECRET)
    _stand_in(settings, zone)
    assert listed(cleared) == EDITIONS[zone]
    tree = ask("/api/map/layers", cleared).content.decode()
    point = {"lon": WEST + 0.001, "lat": SOUTH + 0.001}
    hit = {one["collection"] for one in ask("/api/map/identify", cleared, **point).json()}
    assert hit == EDITIONS[zone] - {LINES}
    for collection in LEVELS:
        inside = collection in EDITIONS[zone]
        assert (f'"{collection}"' in tree) == inside
        for path in ("", "/items", "/queryables", "/tiles/CGCS2000Quad", _tile_path()):
            status = ask(f"/ogc/collections/{collection}{path}", cleared).status_code
            assert (status in (200, 204)) == inside and (inside or status == 404), (collection, path, status)
    assert {one for one in LEVELS if zones.current_zone().holds(LEVELS[one])} == EDITIONS[zone]


def _tile_path(zoom: int = 14) -> str:
    grid = GRIDS["CGCS2000Quad"]
    box = grid.lonlat(grid.plane_bounds(zoom, 0, 0))
    column = int((WEST + 0.001 - box.x_min) / (box.x_max - box.x_min))
    row = int((box.y_max - SOUTH - 0.001) / (box.y_max - box.y_min))
    return f"/tiles/CGCS2000Quad/{zoom}/{row}/{column}"


@pytest.mark.parametrize("zone", ["internet", "business", "secret"])
def test_clearance_and_ceiling_bound_what_the_zone_would_allow(node: County, settings: Any, zone: str) -> None:
    """R-022: nobody gets 公开 only; staff up to their ceiling; a grant without the clearance opens no state secret."""
    staff = _token("staff", labels.ORDINARY)
    uncleared = _token("uncleared", SECRET)
    internal = _token("internal", Label(1, 0, 1))
    _stand_in(settings, zone)
    assert listed(None) == {OPENED}
    assert listed(staff) == listed(uncleared) == EDITIONS[zone] - {POINTS}
    assert listed(internal) == {OPENED, LINES}
    assert ask(f"/ogc/collections/{PARCELS}/items", None).status_code == 401
    assert ask(f"/ogc/collections/{PARCELS}/items", internal).status_code == 404


# --- single records ---


def _parcels(token: str) -> Any:
    answer = ask(f"/ogc/collections/{PARCELS}/items", token, limit=1000)
    document = json.loads(answer.getvalue())
    assert len(document["features"]) == document["numberReturned"]
    return answer["ETag"], {one["id"] for one in document["features"]}, document["numberMatched"]


def _in_tile(token: str) -> Any:
    answer = ask(f"/ogc/collections/{PARCELS}{_tile_path()}", token)
    features = mapbox_vector_tile.decode(answer.content)[PARCELS]["features"] if answer.status_code == 200 else []
    return answer["ETag"], {one["properties"]["BSM"] for one in features if "BSM" in one["properties"]}


def test_a_records_label_holds_everywhere_at_once(node: County) -> None:
    """R-041: features, counts, tiles, one feature, identify, search and past beliefs; no old answer is confirmed."""
    staff, trusted = _token("staff", labels.ORDINARY), _token("trusted", IMPORTANT)
    key = node.bsm(1)
    tag, before, matched = _parcels(staff)
    tile_tag, in_tile = _in_tile(staff)
    assert key in before and key in in_tile and matched == len(before)
    row = record_labels.propose(RecordProposal(PARCELS, "990101", (key,), IMPORTANT, "要害部位"), OWNER)
    record_labels.approve(row.pk, SECURITY)

    new_tag, after, matched = _parcels(staff)
    assert after == before - {key} and matched == len(after) and new_tag != tag
    assert ask(f"/ogc/collections/{PARCELS}/items", staff, {"If-None-Match": tag}, limit=1000).status_code == 200
    new_tile_tag, now_in_tile = _in_tile(staff)
    assert now_in_tile == in_tile - {key} and new_tile_tag != tile_tag
    stale = ask(f"/ogc/collections/{PARCELS}{_tile_path()}", staff, {"If-None-Match": tile_tag})
    assert stale.status_code == 200
    item = f"/ogc/collections/{PARCELS}/items/{key}"
    point = {"lon": WEST + 0.001, "lat": SOUTH + 0.001, "layers": PARCELS}
    for past in ({}, {"known_at": "2026-01-11T00:00:00Z", "valid_at": "2025-06-01"}):
        assert ask(item, staff, **past).status_code == 404 and ask(item, trusted, **past).status_code == 200
        assert ask("/api/map/identify", staff, **point, **past).json() == []
    assert ask("/api/map/search", staff, q=key).json() == [] and len(ask("/api/map/search", trusted, q=key).json()) == 1
    assert _parcels(trusted)[1] == before and key in _in_tile(trusted)[1]


def test_a_datasets_label_holds_at_the_next_request(node: County) -> None:
    """R-041, R-360: raised, the layer is gone for whoever's ceiling is lower; lowered, it is back; never a 304."""
    staff, trusted = _token("staff", labels.ORDINARY), _token("trusted", IMPORTANT)
    tag = _parcels(staff)[0]
    trusted_tag = _parcels(trusted)[0]
    label_services.approve(label_services.propose(Proposal(PARCELS, IMPORTANT, "全县图斑"), OWNER).pk, SECURITY)
    assert PARCELS not in listed(staff) and PARCELS in listed(trusted)
    path = f"/ogc/collections/{PARCELS}/items"
    assert ask(path, staff, {"If-None-Match": tag}, limit=1000).status_code == 404
    assert ask(path, trusted, {"If-None-Match": trusted_tag}, limit=1000).status_code == 200
    label_services.approve(label_services.propose(Proposal(PARCELS, Label(2, 0, 1), "复核"), OWNER).pk, SECURITY)
    assert PARCELS in listed(staff)


def test_an_opened_layer_closes_with_its_label(node: County) -> None:
    """R-041: ``is_public`` alone opens nothing; private answers are never marked as cacheable for all."""
    path = f"/ogc/collections/{OPENED}/items"
    assert ask(path, None)["Cache-Control"].startswith("public")
    label_services.approve(label_services.propose(Proposal(OPENED, Label(1, 0, 1), "许可存疑"), OWNER).pk, SECURITY)
    staff = _token("staff", labels.ORDINARY)
    assert ask(path, None).status_code == 401
    assert ask(path, staff)["Cache-Control"].startswith("private")


def test_reads_of_labelled_data_are_on_record(node: County) -> None:
    """R-131, issue part 3: who read which labelled layer where; open data leave no trace; an unchanged answer neither."""
    staff = _token("staff", labels.ORDINARY)
    for path in ("/items", _tile_path(), f"/items/{node.bsm(1)}"):
        assert ask(f"/ogc/collections/{PARCELS}{path}", staff).status_code == 200
        assert ask(f"/ogc/collections/{OPENED}{path}", staff).status_code in (200, 204, 404)
    ask("/api/map/identify", staff, lon=WEST + 0.001, lat=SOUTH + 0.001, layers=PARCELS)
    tag = ask(f"/ogc/collections/{PARCELS}/items", staff)["ETag"]
    entries = AuditEntry.objects.filter(action="read")
    assert set(entries.values_list("actor", "object_id")) == {("staff", PARCELS)}
    assert {entry.detail["kind"] for entry in entries} == {"features", "tiles", "identify"}
    tiles = next(entry for entry in entries if entry.detail["kind"] == "tiles")
    west, south, east, north = tiles.detail["extent"]
    assert west <= WEST <= east and south <= SOUTH <= north and east - west <= 0.2
    count = entries.count()
    assert ask(f"/ogc/collections/{PARCELS}/items", staff, {"If-None-Match": tag}).status_code == 304
    assert entries.count() == count
