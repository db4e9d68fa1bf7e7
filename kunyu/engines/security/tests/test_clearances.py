"""Clearances: by the security administrator of the division, never by himself, on record, at once (R-041, R-131)."""

from __future__ import annotations

import pytest
from django.test import Client

from kunyu.engines.security import clearances, labels
from kunyu.engines.security.errors import NotAllowed, NotVisible
from kunyu.engines.security.models import AdminDuty, AuditEntry, User
from kunyu.engines.security.rights import rights_of
from kunyu.engines.security.scope import Principal, operator
from kunyu.engines.security.services import grant
from kunyu.engines.security.session import principal_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader() -> User:
    return User.objects.create_user("li", "Long-enough-1", name_zh="李", division_code="990101")


def administrator(duty: str, division: str = "99") -> Principal:
    user = User.objects.create_user(f"{duty}{division}", "Long-enough-1", name_zh=duty, division_code=division)
    AdminDuty.objects.create(user=user, duty=duty, division_prefix=division, appointed_by="tests")
    return principal_of(user)


def test_a_clearance_opens_state_secrets_at_once_and_is_on_record(reader: User) -> None:
    user, ceiling = reader, labels.Label(labels.SECRET, labels.IMPORTANT, labels.NOT_SHARED)
    grant(user, ["query"], actor=operator())
    user.grants.update(max_secrecy=ceiling.secrecy, max_grading=ceiling.grading, max_sharing=ceiling.sharing)
    assert not labels.holds(rights_of(user.pk)[0].labels, ceiling)

    assert clearances.set_clearance(user, 1, "涉密人员审查 2026-12", administrator("security"))

    assert labels.holds(rights_of(user.pk)[0].labels, ceiling)
    entry = AuditEntry.objects.filter(action="set-clearance").latest("pk")
    assert entry.object_id == "li"
    assert not clearances.set_clearance(user, 1, "又点一次", administrator("security", "9901"))


@pytest.mark.parametrize(("duty", "division", "error"), [
    ("system", "99", NotVisible), ("audit", "99", NotVisible), ("security", "98", NotAllowed),
])  # fmt: skip
def test_nobody_else_sets_it(reader: User, duty: str, division: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        clearances.set_clearance(reader, 1, "试", administrator(duty, division))


def test_not_for_administrators_nor_without_a_ground(reader: User) -> None:
    actor = administrator("security")
    with pytest.raises(NotAllowed):
        clearances.set_clearance(User.objects.get(pk=actor.user_id), 3, "自己", actor)
    with pytest.raises(clearances.BadClearance):
        clearances.set_clearance(reader, 1, " ", actor)
    with pytest.raises(clearances.BadClearance):
        clearances.set_clearance(reader, 4, "试", actor)


def test_the_list_and_the_form(reader: User) -> None:
    actor = administrator("security")
    client = Client()
    client.force_login(User.objects.get(pk=actor.user_id))
    assert "/admin/identity/" in client.get("/admin/people/").content.decode()
    answer = client.post(f"/admin/identity/{reader.pk}/clearance", {"clearance": "2", "reason": "审查"})
    assert answer.status_code == 302
    reader.refresh_from_db()
    assert reader.clearance == 2
    assert "机密" in client.get("/admin/people/?clearance=2").content.decode()
