"""Record labels on pages: proposed by keys or by a field, decided by another, on the rows at once (R-041)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test import Client

from kunyu.engines.catalogue.permissions.tests.city import EVIL, administrator, entered, once, person
from kunyu.engines.catalogue.tests.conftest import Publish
from kunyu.engines.security import label_services
from kunyu.engines.security.models import Grant, RecordLabel

if TYPE_CHECKING:
    from kunyu.engines.security.models import User

pytestmark = pytest.mark.django_db

NEW = "/admin/record-labels/new"
PROPOSAL = {
    "layer": "10401-003",
    "county": "990101",
    "secrecy": "2",
    "grading": "1",
    "sharing": "2",
    "reason": "军事用地",
}


@pytest.fixture
def owner(an: Client) -> Client:
    label_services.approve_proposed("security")
    Publish("990101")("2025-12-31", "2026-01-10 00:00+08", {"1": "0101", "2": "0906", "3": "0906"})
    li: User = person("li")
    for action in ("edit", "see", "query"):
        Grant.objects.create(
            user=li, branch="104", division_prefix="990101", action=action, max_grading=2, max_sharing=2
        )
    return entered(li)


def rows() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute('SELECT "BSM", label FROM onemap.dltb_tdt1057_2020 WHERE upper_inf(known) AND upper_inf(valid)')
        return dict(cursor.fetchall())


def test_by_keys_then_approved_by_the_county_s_administrator(owner: Client, an: Client) -> None:
    act = PROPOSAL | {"keys": "2，3\n2", "once": once(owner, NEW)}
    assert owner.post(NEW, act).status_code == owner.post(NEW, act).status_code == 302
    row = RecordLabel.objects.get()
    assert (row.keys, row.proposed_by) == (["2", "3"], "li") and set(rows().values()) == {0}
    address = f"/admin/record-labels/{row.pk}/"
    assert owner.post(f"{address}decide", {"decision": "approve"}).status_code == 404
    assert administrator("security", "41").get(address).status_code == 404
    done = {"decision": "approve", "reason": "同意", "once": once(an, address)}
    assert an.post(f"{address}decide", done).status_code == an.post(f"{address}decide", done).status_code == 302
    assert rows() == {"1": 0, "2": 23, "3": 23}
    assert "同意" in an.get(address).content.decode()


def test_by_the_value_of_a_field(owner: Client) -> None:
    act = PROPOSAL | {"field": "dlbm", "values": "0906", "once": once(owner, NEW)}
    assert owner.post(NEW, act).status_code == 302
    assert RecordLabel.objects.get().keys == ["2", "3"]


@pytest.mark.parametrize(
    "changed",
    [
        {"keys": ""}, {"keys": "9"}, {"keys": "1", "county": "99010%"}, {"keys": "1", "county": "410101"},
        {"keys": "1", "layer": "20201-001"}, {"field": 'BSM" OR 1=1 --', "values": "1"}, {"field": "geom", "values": "x"},
        {"field": "DLBM", "values": "' OR '1'='1"}, {"keys": "1", "reason": ""}, {"keys": "1", "secrecy": "7"},
    ],
)  # fmt: skip
def test_what_cannot_be_proposed_writes_nothing(owner: Client, changed: dict[str, str]) -> None:
    """No keys, unknown keys, other counties and layers, SQL in a field's name or values."""
    answer = owner.post(NEW, PROPOSAL | changed | {"once": once(owner, NEW)})
    assert answer.status_code in (400, 403, 404, 422)
    assert not RecordLabel.objects.exists()


def test_pages_are_for_owners_and_security_administrators(owner: Client, an: Client) -> None:
    row = RecordLabel.objects.create(collection="10401-003", county="990101", keys=["1"], secrecy=2, grading=0, sharing=0,
                                     reason=EVIL, proposed_by=EVIL)  # fmt: skip
    for client in (administrator("system"), administrator("audit"), entered(person("nobody"))):
        for address in ("/admin/record-labels/", NEW, f"/admin/record-labels/{row.pk}/"):
            assert client.get(address).status_code == 404
    for client in (owner, an):
        for address in ("/admin/record-labels/", f"/admin/record-labels/{row.pk}/"):
            page = client.get(address).content.decode()
            assert EVIL not in page and "alert(1)" in page
