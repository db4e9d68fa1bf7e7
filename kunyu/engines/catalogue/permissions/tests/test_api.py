"""The API of permissions refuses as the pages do (R-035, R-041, R-142)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from kunyu.engines.catalogue.permissions.tests.city import EVIL, administrator, entered, person
from kunyu.engines.security import epochs, label_registry
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import Grant
from kunyu.engines.security.models import Label as LabelRow

pytestmark = pytest.mark.django_db

GRANT = {"user": "li", "actions": ["see", "query"], "branch": "104", "division": "990101", "reason": "变更调查"}


def send(client: Client, address: str, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = client.post(f"/api/security/{address}", json.dumps(document), content_type="application/json")
    return answer.status_code, answer.json()


def test_grants_are_made_listed_explained_and_revoked(an: Client) -> None:
    person("li")
    status, made = send(an, "grants", GRANT)
    assert status == 200 and [one["action"] for one in made["granted"]] == ["see", "query"]
    assert send(an, "grants", GRANT)[1] == {"granted": [], "already": [one["id"] for one in made["granted"]]}
    listed = an.get("/api/security/grants?user=li&limit=1").json()
    assert listed["more"] is True and listed["grants"][0]["ceiling"]["code"] == 19
    why = an.get("/api/security/access/why?user=li&dataset=10401-003&action=query&division=990101").json()
    assert why["allowed"] is True and why["ways"][0]["links"][0]["kind"] == "person"
    who = an.get("/api/security/access/who?dataset=10401-003&action=query").json()
    assert [one["user"] for one in who["ways"]] == ["li"]
    for one in made["granted"]:
        assert send(an, f"grants/{one['id']}/revoke", {"reason": "调离"}) == (200, {"revoked": 1})
    no = an.get("/api/security/access/why?user=li&dataset=10401-003").json()
    assert no["allowed"] is False and no["grantors"] == ["security9901"] and no["ways"][0]["links"][-1]["remedy_zh"]


ADDRESSES = ("roles", "grants", "labels", "access/why?user=li&dataset=10401-003", "access/who?dataset=10401-003",
             "labels/10401-003/advice")  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_is_there_for_anybody_else(an: Client, address: str) -> None:
    person("li")
    assert an.get(f"/api/security/{address}").status_code == 200
    viewer = person("viewer")
    Grant.objects.create(user=viewer, action="query")
    for client in (administrator("system"), administrator("audit"), entered(viewer)):
        assert client.get(f"/api/security/{address}").status_code == 404
        assert send(client, "grants", GRANT)[0] == 404
        assert send(client, "labels/1/approve", {"reason": ""})[0] == 404
    assert Client().get(f"/api/security/{address}").status_code == 401
    assert Grant.objects.filter(user__isnull=False).count() == 1


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"granted_by": "x"}, 422), ({"max_secrecy": 5}, 422), ({"ceiling": {"secrecy": 6}}, 422), ({"division": "99"}, 403),
        ({"division": "9901_"}, 422), ({"branch": "104%"}, 422), ({"branch": "78999"}, 422), ({"user": "zhao"}, 404),
        ({"user": "security9901"}, 403), ({"user": "audit9901"}, 403), ({"reason": " "}, 422), ({"actions": []}, 422),
        ({"role": "viewer"}, 422), ({"expires_at": "2020-01-01T00:00:00+08:00"}, 422),
        ({"expires_at": "2099-01-01T00:00:00"}, 422),
    ],
)  # fmt: skip
def test_what_may_not_be_granted(an: Client, changed: dict[str, Any], status: int) -> None:
    """Unknown fields are refused by name: mass assignment has nothing to hold on to."""
    person("li"), person("zhao", "410101"), administrator("audit")
    before = Grant.objects.count()
    assert send(an, "grants", GRANT | changed)[0] == status
    assert Grant.objects.count() == before


def test_a_person_may_ask_about_himself_and_nobody_else(an: Client) -> None:
    li = person("li")
    person("wang")
    Grant.objects.create(user=li, branch="104", action="see")
    mine = entered(li)
    found = mine.get("/api/security/access/why?user=li&dataset=10401-003&action=download")
    assert found.status_code == 200 and found.json()["allowed"] is False
    assert mine.get("/api/security/access/why?user=li&dataset=20201-001").status_code == 404
    assert mine.get("/api/security/access/why?user=wang&dataset=10401-003").status_code == 404


def test_labels_are_proposed_and_decided_by_two(an: Client) -> None:
    li = person("li")
    Grant.objects.create(user=li, branch="104", action="edit", max_grading=2)
    LabelRow.objects.all().delete()
    document = {"collection": "10401-003", "label": {"secrecy": 2, "grading": 1, "sharing": 1}, "reason": EVIL}
    status, row = send(entered(li), "labels", document)
    assert (status, row["state"], row["reason"]) == (200, "proposed", EVIL)
    chief = administrator("security", "")
    assert send(chief, f"labels/{row['id']}/approve", {"reason": "同意"})[1]["state"] == "approved"
    epochs.forget()
    assert label_registry.approved_label("10401-003") == Label(2, 1, 1)
    mine = entered(li).get("/api/security/labels").json()["labels"]
    assert [one["id"] for one in mine] == [row["id"]]
    assert an.get("/api/security/zone").json()["code"] == "business"
