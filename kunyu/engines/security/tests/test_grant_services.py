"""Who may grant what to whom: a security administrator, inside his divisions, on record (R-035, R-041, R-142)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import epochs, grant_services, roles, scope
from kunyu.engines.security.errors import NotVisible, UnknownUser
from kunyu.engines.security.grant_errors import (
    BadGrant,
    GrantToAdministrator,
    GrantToSelf,
    NoSecurityAdministrator,
    OutsideDivision,
    RoleInUse,
    UnknownGrant,
)
from kunyu.engines.security.grant_services import Wanted
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import AdminDuty, Appointment, AuditEntry, Grant, Post, Role, User
from kunyu.engines.security.scope import Principal, operator
from kunyu.engines.security.session import principal_of
from kunyu.kernel.outbox.models import Event

pytestmark = pytest.mark.django_db


def person(name: str, division: str = "990101", **more: object) -> User:
    return User.objects.create(username=name, name_zh=f"人{name}", division_code=division, **more)


def administrator(duty: str = "security", division: str = "9901", name: str = "") -> Principal:
    user = person(name or f"{duty}{division}", division)
    AdminDuty.objects.create(user=user, duty=duty, division_prefix=division, appointed_by="operator")
    return principal_of(user)


@pytest.fixture
def an() -> Principal:
    return administrator()


@pytest.fixture
def li() -> User:
    return person("li")


def wanted(given_to: User | None, **changed: object) -> Wanted:
    given = {"actions": ("see", "query"), "user": given_to, "branch": "104", "division": "990101", "reason": "变更调查"}
    return Wanted(**(given | changed))


def test_actions_given_together_are_one_act_on_record_and_hold_at_once(an: Principal, li: User) -> None:
    made = grant_services.add(an, wanted(li, ceiling=Label(1, 0, 1), reveals=("name",)))
    assert [one.action for one in made.added] == ["see", "query"]
    entry = AuditEntry.objects.get(action="grant", actor=an.name)
    assert (entry.actor, entry.object_id) == (an.name, "li")
    assert entry.detail["before"] == {} and entry.detail["after"]["actions"] == ["see", "query"]
    assert entry.detail["after"]["ceiling"] == Label(1, 0, 1).code and entry.detail["reason"] == "变更调查"
    (right, _) = sorted(principal_of(li).rights, key=lambda one: one.action)
    assert (right.action, right.branch, right.division_prefix, right.reveals) == ("query", "104", "990101", {"name"})


def test_the_same_grant_again_makes_nothing(an: Principal, li: User) -> None:
    grant_services.add(an, wanted(li))
    again = grant_services.add(an, wanted(li, actions=("see", "query", "download")))
    assert [one.action for one in again.added] == ["download"] and len(again.already) == 2
    assert Grant.objects.count() == 3


@pytest.mark.parametrize("duty", ["system", "audit"])
def test_the_other_two_administrators_see_no_such_thing(duty: str, li: User) -> None:
    with pytest.raises(NotVisible):
        grant_services.add(administrator(duty), wanted(li))
    with pytest.raises(NotVisible):
        grant_services.visible(administrator(duty, name="x"))
    assert not Grant.objects.exists()


def test_the_operator_and_a_person_with_every_right_grant_nothing(li: User) -> None:
    with pytest.raises(NoSecurityAdministrator) as refusal:
        grant_services.add(operator(), wanted(li))
    assert refusal.value.exit_code == 4
    everything = Principal("wang", "王", 99, tuple(scope.Right("", "", one) for one in scope.ACTIONS))
    with pytest.raises(NotVisible):
        grant_services.add(everything, wanted(li))
    assert not Grant.objects.exists()


@pytest.mark.parametrize("division", ["", "99", "9902", "41", "990"])
def test_nobody_grants_beyond_his_divisions(an: Principal, li: User, division: str) -> None:
    """990 is no prefix of a division, yet lies above 9901: it would open 9902 too."""
    with pytest.raises(OutsideDivision):
        grant_services.add(an, wanted(li, division=division))
    assert not Grant.objects.exists()


def test_nobody_grants_to_people_of_other_divisions(an: Principal) -> None:
    for stranger in (person("zhao", "410101"), person("nation", "")):
        with pytest.raises(OutsideDivision):
            grant_services.add(an, wanted(stranger))


def test_nobody_grants_to_himself_or_to_administrators(an: Principal) -> None:
    with pytest.raises(GrantToSelf):
        grant_services.add(an, wanted(User.objects.get(pk=an.user_id)))
    other = administrator("audit", name="shen")
    with pytest.raises(GrantToAdministrator, match="三员分立"):
        grant_services.add(an, wanted(User.objects.get(pk=other.user_id)))


def test_the_database_refuses_what_the_check_missed(an: Principal, li: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made an administrator between the check and the act: the trigger's refusal comes in words."""
    AdminDuty.objects.create(user=li, duty="audit", appointed_by="x")
    monkeypatch.setattr(grant_services, "_require_person", lambda actor, user: None)
    with pytest.raises(GrantToAdministrator):
        grant_services.add(an, wanted(li))


@pytest.mark.parametrize(
    "changed",
    [
        {"actions": ()}, {"actions": ("see", "delete")}, {"reason": "  "}, {"reason": "长" * 301}, {"division": "9901%"},
        {"division": "９９０１"}, {"branch": "104%"}, {"branch": "1_4"}, {"branch": "104'"}, {"reveals": ("salary",)},
        {"within_post": True}, {"expires_at": timezone.now() - timedelta(seconds=1)}, {"user": None},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_nothing_written(an: Principal, li: User, changed: dict) -> None:
    """Wildcards of LIKE are no codes; a mask that is not there is not revealed."""
    with pytest.raises(BadGrant):
        grant_services.add(an, wanted(li, **changed))
    assert not Grant.objects.exists() and not AuditEntry.objects.filter(actor=an.name).exists()


def test_a_disabled_account_gets_nothing(an: Principal) -> None:
    with pytest.raises(UnknownUser):
        grant_services.add(an, wanted(person("gone", is_active=False)))


def test_an_expired_grant_is_no_right(an: Principal, li: User) -> None:
    grant_services.add(an, wanted(li, expires_at=timezone.now() + timedelta(hours=1)))
    assert principal_of(li).rights
    Grant.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    epochs.forget()  # as every request does
    scope_now = principal_of(User.objects.get(pk=li.pk))
    assert scope_now.rights == ()


def test_revoking_needs_a_reason_and_is_on_record(an: Principal, li: User) -> None:
    made = grant_services.add(an, wanted(li))
    ids = [one.pk for one in made.added]
    with pytest.raises(BadGrant):
        grant_services.revoke(an, ids, " ")
    assert grant_services.revoke(an, ids, "调离") == 2
    assert not Grant.objects.exists() and principal_of(li).rights == ()
    entries = AuditEntry.objects.filter(action="revoke", actor=an.name)
    assert entries.count() == 2 and entries[0].detail["before"]["branch"] == "104"
    with pytest.raises(UnknownGrant):
        grant_services.revoke(an, ids, "再来一次")


def test_revoking_is_all_or_nothing_and_inside_the_division(an: Principal, li: User) -> None:
    mine = grant_services.add(an, wanted(li)).added[0]
    theirs = Grant.objects.create(user=person("zhao", "410101"), division_prefix="4101", action="see")
    above = Grant.objects.create(user=person("sun", "99"), division_prefix="99", action="see")
    with pytest.raises(UnknownGrant):
        grant_services.revoke(an, [mine.pk, theirs.pk], "试")
    with pytest.raises(OutsideDivision):
        grant_services.revoke(an, [mine.pk, above.pk], "试")
    assert Grant.objects.count() == 4
    assert set(grant_services.visible(an).values_list("division_prefix", flat=True)) == {"990101", "99"}


def test_ends_are_announced_once(an: Principal, li: User) -> None:
    soon, late = timezone.now() + timedelta(days=3), timezone.now() + timedelta(days=30)
    grant_services.add(an, wanted(li, expires_at=soon))
    grant_services.add(an, wanted(li, actions=("download",), expires_at=late))
    assert grant_services.announce_ends() == 2
    assert grant_services.announce_ends() == 0
    events = Event.objects.filter(topic=grant_services.ENDING_TOPIC, payload__user=li.pk)
    assert {one.payload["user"] for one in events} == {li.pk} and events.count() == 2


def test_built_in_roles_are_made_once_and_never_overwritten() -> None:
    made = roles.load_built_in(operator("up"))
    assert made == len(roles.built_in()) >= 8
    Grant.objects.filter(role__code="viewer").delete()
    assert roles.load_built_in(operator("up")) == 0
    assert not Grant.objects.filter(role__code="viewer").exists()
    public = Grant.objects.filter(role__code="public-service")
    assert {(one.max_secrecy, one.max_sharing, one.within_post) for one in public} == {(0, 0, True)}


def test_a_role_reaches_its_holders_in_the_division_of_their_post(an: Principal, li: User) -> None:
    role = roles.create(an, "farm", "耕地保护")
    grant_services.add(an, wanted(None, role=role, division="9901", within_post=True))
    bureau = Organisation.objects.create(code="B", name_zh="局", kind="bureau", division_code="990102")
    post = Post.objects.create(organisation=bureau, name_zh="科员")
    post.roles.add(role)
    Appointment.objects.create(user=li, post=post, starts_on=timezone.localdate())
    assert [one.username for one in grant_services.holders(role)] == ["li"]
    assert {one.division_prefix for one in principal_of(li).rights} == {"990102"}


def test_roles_that_reach_beyond_are_changed_by_those_above(an: Principal) -> None:
    role = roles.create(an, "farm", "耕地保护")
    roles.rename(an, role, "耕地", "", "")
    Grant.objects.create(role=role, division_prefix="41", action="see")
    with pytest.raises(OutsideDivision):
        roles.rename(an, role, "别的", "", "")
    assert not roles.may_edit(an, role)
    with pytest.raises(OutsideDivision):
        roles.delete(an, role, "不用了")


def test_a_role_in_use_or_shipped_is_not_deleted() -> None:
    chief = administrator(division="")
    role = roles.create(chief, "farm", "耕地保护")
    bureau = Organisation.objects.create(code="B", name_zh="局", kind="bureau", division_code="990102")
    post = Post.objects.create(organisation=bureau, name_zh="科员")
    post.roles.add(role)
    with pytest.raises(RoleInUse, match="科员"):
        roles.delete(chief, role, "不用了")
    post.roles.clear()
    roles.delete(chief, role, "不用了")
    assert not Role.objects.filter(code="farm").exists()
    roles.load_built_in(operator("up"))
    with pytest.raises(RoleInUse):
        roles.delete(chief, roles.find("viewer"), "不用了")


def test_grantors_are_those_whose_divisions_hold_the_data_nearest_first(an: Principal) -> None:
    administrator(division="", name="ministry")
    administrator(division="41", name="henan")
    administrator("audit", "9901", "shen")
    assert [one.username for one in grant_services.grantors("990101")] == [an.name, "ministry"]
