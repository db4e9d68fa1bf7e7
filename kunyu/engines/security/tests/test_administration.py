"""Running the organisation: the tree, posts, accounts, appointments, leaving, three administrators (R-035, R-131, R-132)."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import (
    account_services,
    administrators,
    appointment_services,
    leaving,
    organisation_services,
    post_services,
    session,
)
from kunyu.engines.security.account_services import AccountEntry
from kunyu.engines.security.appointment_services import Term
from kunyu.engines.security.errors import BadToken, NotVisible
from kunyu.engines.security.models import AdminDuty, Appointment, AuditEntry, Handover, Invitation, SignInSession, User
from kunyu.engines.security.organisation_errors import (
    AlreadyDone,
    BadEntry,
    BadInvitation,
    DutyHeld,
    LastAdministrator,
    OtherAdministrator,
    StillHeld,
    UnknownAccount,
    UnknownPost,
    UnknownUnit,
)
from kunyu.engines.security.organisation_services import UnitEntry
from kunyu.engines.security.scope import Principal, operator
from kunyu.engines.security.sign_in_errors import PasswordTooWeak
from kunyu.engines.security.tests.administration import PASSWORD, World, rights_of, today
from kunyu.kernel.outbox.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> World:
    return World()


def acts(action: str) -> int:
    return AuditEntry.objects.filter(action=action).count()


# -- the tree ---------------------------------------------------------------------------------------------------------


def test_paths_follow_the_tree_and_move_with_their_branch(world: World) -> None:
    new = world.unit("K-2", "耕保科", "990101", world.county, "department")
    assert new.path == f"{world.city.pk}/{world.county.pk}/{new.pk}/"

    organisation_services.move(world.system, world.office.pk, new.pk, "机构调整")
    world.office.refresh_from_db()
    assert world.office.path == f"{new.path}{world.office.pk}/"
    assert world.office.division_code == "990101"
    assert AuditEntry.objects.get(action="move").detail["after"] == "K-2"


def test_a_unit_does_not_move_below_itself_nor_out_of_its_division(world: World) -> None:
    with pytest.raises(BadEntry, match="就在"):
        organisation_services.move(world.system, world.county.pk, world.office.pk, "绕回")
    north = world.unit("N", "北县局", "990102", world.city)
    with pytest.raises(BadEntry, match="990101"):
        organisation_services.move(world.system, world.office.pk, north.pk, "跨县")
    assert acts("move") == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"code": "<b>"}, "code"), ({"code": "K"}, "code"), ({"name_zh": "x"}, "name_zh"), ({"kind": "boss"}, "kind"),
        ({"division_code": "9902"}, "division_code"), ({"division_code": "99"}, "division_code"),
        ({"division_code": "990199"}, "division_code"), ({"division_code": "9901%"}, "division_code"),
        ({"uscc": "123"}, "uscc"),
    ],
)  # fmt: skip
def test_what_is_filled_in_wrongly_is_named(world: World, change: dict[str, str], field: str) -> None:
    entry = UnitEntry(**{"code": "NEW", "name_zh": "新单位", "kind": "unit", "division_code": "9901"} | change)
    before = Organisation.objects.count()
    with pytest.raises(BadEntry) as refused:
        organisation_services.create(world.system, entry)
    assert refused.value.context["field"] == field
    assert Organisation.objects.count() == before


def test_closing_is_refused_while_posts_are_held_and_names_who(world: World) -> None:
    world.appointed()
    with pytest.raises(StillHeld, match="李工（测绘科 数据管理岗）"):
        organisation_services.close(world.system, world.county.pk, "撤并")
    assert Organisation.objects.filter(closed_on=None).count() == 4

    leaving.leave(world.system, world.li.pk, "调离")
    assert organisation_services.close(world.system, world.county.pk, "撤并") == (2, 1)
    assert set(Organisation.objects.filter(closed_on=today()).values_list("code", flat=True)) == {"K", "K-1"}
    with pytest.raises(AlreadyDone):
        post_services.create(world.system, world.office.pk, "新岗位")


# -- three duties, and how far each reaches ------------------------------------------------------------------------------


def test_no_administrator_does_anothers_work(world: World) -> None:
    for other in (world.security, world.audit, session.principal_of(world.li)):
        with pytest.raises(NotVisible):
            organisation_services.rename(other, world.office.pk, "改名", "", "越权")
        with pytest.raises(NotVisible):
            account_services.create(other, AccountEntry("new", "新人", "9901"))
        with pytest.raises(NotVisible):
            appointment_services.appoint(other, world.li.pk, world.post.pk, Term(today()), "越权")
        with pytest.raises(NotVisible):
            leaving.leave(other, world.li.pk, "越权")
    for other in (world.system, world.audit, session.principal_of(world.li)):
        with pytest.raises(NotVisible):
            post_services.set_roles(other, world.post.pk, [world.role.pk], "越权")
    assert not world.post.roles.exists() and not User.objects.filter(username="new").exists()


def test_another_divisions_organisations_are_not_there(world: World) -> None:
    with pytest.raises(UnknownUnit):
        organisation_services.rename(world.system, world.far.pk, "改名", "", "越界")
    with pytest.raises(UnknownUnit):
        organisation_services.move(world.system, world.office.pk, world.far.pk, "越界")
    with pytest.raises(UnknownAccount):
        account_services.disable(world.other, world.li.pk, "越界")
    with pytest.raises(UnknownPost):
        post_services.close(world.other, world.post.pk, "越界")
    with pytest.raises(UnknownAccount):
        appointment_services.appoint(world.other, world.li.pk, world.post.pk, Term(today()), "越界")
    with pytest.raises(BadEntry):
        account_services.create(world.system, AccountEntry("new", "新人", "9902"))


def test_roles_of_a_post_reach_its_holder_at_once_and_end_with_it(world: World) -> None:
    """R-131: the post is the system administrator's, its roles the security administrator's; both are needed."""
    world.appointed()
    assert rights_of(world.li) == ()
    added, removed = post_services.set_roles(world.security, world.post.pk, [world.role.pk], "岗位说明书")
    assert (added, removed) == (["t-steward"], [])
    assert [(one.branch, one.division_prefix) for one in rights_of(world.li)] == [("104", "990101")]

    post_services.set_roles(world.security, world.post.pk, [], "收回")
    assert rights_of(world.li) == ()
    assert acts("set-roles") == 2


def test_an_administrator_holds_no_post(world: World) -> None:
    person = User.objects.get(username="aud")
    with pytest.raises(BadEntry, match="三员分立"):
        appointment_services.appoint(world.system, person.pk, world.post.pk, Term(today()), "兼任")
    with pytest.raises(IntegrityError), transaction.atomic():  # the database says so too
        Appointment.objects.create(user=person, post=world.post, starts_on=today())


def test_no_duty_takes_over_another_by_its_password(world: World) -> None:
    """A system administrator who could reset a security administrator's password would be both."""
    person = User.objects.get(username="sec")
    for act in (account_services.reset, account_services.disable, leaving.leave):
        with pytest.raises(OtherAdministrator):
            act(world.system, person.pk, "接管")
    with pytest.raises(OtherAdministrator):
        account_services.invite(world.system, person.pk)
    person.refresh_from_db()
    assert person.is_active and person.check_password(PASSWORD)


def test_administrators_are_appointed_down_the_tree_by_their_own_kind(world: World) -> None:
    world.person("deputy", "副手", "990101")
    made = administrators.appoint(world.system, "deputy", "system", "990101", "委派县级")
    below = session.principal_of(made.user)
    assert (below.duty, below.duty_division) == ("system", "990101")

    with pytest.raises(UnknownUnit):  # the deputy does not reach the city
        organisation_services.rename(below, world.city.pk, "改名", "", "越界")
    organisation_services.rename(below, world.office.pk, "测绘管理科", "", "更名文件")
    world.person("third", "第三人", "990101")
    with pytest.raises(BadEntry, match="9901"):
        administrators.appoint(below, "third", "system", "9901", "越级")
    with pytest.raises(NotVisible):  # nor appoints another duty
        administrators.appoint(below, "third", "security", "990101", "越类")
    with pytest.raises(UnknownAccount):  # nor sees his superior among those he could dismiss
        administrators.dismiss(below, AdminDuty.objects.get(user_id=world.system.user_id).pk, "夺权")
    administrators.dismiss(world.system, made.pk, "撤回委派")
    assert not AdminDuty.objects.filter(user=made.user).exists()


def test_whoever_holds_posts_or_grants_becomes_no_administrator(world: World) -> None:
    world.appointed()
    with pytest.raises(BadEntry, match="岗位或授权"):
        administrators.appoint(world.system, "li", "system", "990101", "兼任")
    with pytest.raises(UnknownAccount):
        administrators.appoint(world.system, "nobody-of-that-name", "system", "990101", "误填")


def test_the_last_administrator_of_a_duty_stays(world: World) -> None:
    with pytest.raises(LastAdministrator, match="请先委派另一位"):
        administrators.dismiss(world.audit, AdminDuty.objects.get(duty="audit").pk, "辞去")
    assert AdminDuty.objects.filter(duty="audit").count() == 1


def test_the_operator_makes_the_first_administrator_only(world: World) -> None:
    world.person("first", "首任", "99")
    with pytest.raises(DutyHeld):
        administrators.appoint(operator(), "first", "audit", "99", "引导")
    AdminDuty.objects.filter(duty="audit").delete()
    made = administrators.appoint(operator(), "first", "audit", "99", "引导")
    assert (made.duty, made.appointed_by) == ("audit", "operator")


def test_a_person_called_operator_is_not_the_operator(world: World) -> None:
    for name in ("operator", "public", "anonymous"):
        with pytest.raises(BadEntry, match="保留"):
            account_services.create(world.system, AccountEntry(name, "冒名者", "9901"))
    with pytest.raises(IntegrityError), transaction.atomic():  # the database says so too
        User.objects.create(username="operator", name_zh="冒名者")
    with pytest.raises(NotVisible):
        account_services.create(Principal("operator", user_id=world.li.pk), AccountEntry("new", "新人", "9901"))


# -- accounts -------------------------------------------------------------------------------------------------------------


def test_a_one_time_password_opens_once_and_must_change(world: World) -> None:
    made = account_services.create(world.system, AccountEntry("wang", "王工", "990101"))
    made.user.refresh_from_db()
    assert made.user.check_password(made.password) and made.user.must_change_password
    assert rights_of(made.user) == ()
    assert made.password not in str(list(AuditEntry.objects.values_list("detail", flat=True)))
    with pytest.raises(BadEntry, match="已存在"):
        account_services.create(world.system, AccountEntry("wang", "王工", "990101"))


def test_an_invitation_is_good_once(world: World) -> None:
    made = account_services.create(world.system, AccountEntry("wang", "王工", "990101"), invite=True)
    assert not made.user.has_usable_password()
    assert not Invitation.objects.filter(digest=made.invitation).exists()
    with pytest.raises(PasswordTooWeak):
        account_services.accept(made.invitation, "12345678", "test")
    account_services.accept(made.invitation, PASSWORD, "test")
    with pytest.raises(BadInvitation):
        account_services.accept(made.invitation, PASSWORD + "2", "test")
    made.user.refresh_from_db()
    assert made.user.check_password(PASSWORD)


def test_old_forged_and_replaced_invitations_are_refused_alike(world: World) -> None:
    made = account_services.create(world.system, AccountEntry("wang", "王工", "990101"), invite=True)
    again = account_services.invite(world.system, made.user.pk)
    Invitation.objects.filter(user=made.user).update(expires_at=timezone.now() - timedelta(seconds=1))
    for token in (made.invitation, again.invitation, "forged", ""):
        with pytest.raises(BadInvitation):
            account_services.invitation_of(token)


def test_disabling_ends_everything_at_once(world: World) -> None:
    """R-132."""
    token = world.token(world.li)
    account_services.disable(world.system, world.li.pk, "调查")
    with pytest.raises(BadToken):
        session.principal_of_token(token)
    account_services.enable(world.system, world.li.pk, "查清")
    with pytest.raises(BadToken):  # a revoked token does not come back
        session.principal_of_token(token)
    assert (acts("disable"), acts("enable")) == (1, 1)


def test_nobody_disables_himself(world: World) -> None:
    with pytest.raises((BadEntry, OtherAdministrator)):
        account_services.disable(world.system, world.system.user_id or 0, "误点")


# -- appointments and leaving -----------------------------------------------------------------------------------------------


def test_an_appointment_holds_from_its_first_day_to_its_last(world: World) -> None:
    post_services.set_roles(world.security, world.post.pk, [world.role.pk], "岗位说明书")
    tomorrow = today() + timedelta(days=1)
    made = appointment_services.appoint(world.system, world.li.pk, world.post.pk, Term(tomorrow, None, True), "文件")
    assert rights_of(world.li) == ()
    Appointment.objects.filter(pk=made.pk).update(starts_on=today())
    assert rights_of(world.li)
    appointment_services.end(world.system, made.pk, today(), "期满")
    assert rights_of(world.li)  # the last day is included


def test_the_same_days_are_not_given_twice(world: World) -> None:
    world.appointed()
    with pytest.raises(BadEntry, match="已任"):
        world.appointed(days_ago=0)
    with pytest.raises(BadEntry, match="早于"):
        appointment_services.appoint(
            world.system, world.li.pk, world.post.pk, Term(today(), today() - timedelta(days=2)), "误填"
        )


def test_leaving_takes_rights_sessions_and_tokens_and_tells_the_worklist(world: World) -> None:
    """R-132: a leaver is out everywhere with the next request."""
    world.appointed()
    post_services.set_roles(world.security, world.post.pk, [world.role.pk], "岗位说明书")
    heir, token = world.person("zhao", "赵工", "990101"), world.token(world.li)
    later = timezone.now() + timedelta(hours=8)
    SignInSession.objects.create(user=world.li, key_digest="d" * 64, ends_at=later, method="password")
    assert rights_of(world.li)

    made = leaving.leave(world.system, world.li.pk, "调往省厅", successor="zhao")

    world.li.refresh_from_db()
    assert not world.li.is_active and rights_of(world.li) == ()
    assert SignInSession.objects.get(user=world.li).ended_at is not None
    with pytest.raises(BadToken):
        session.principal_of_token(token)
    assert (made.sessions_ended, made.tokens_revoked, made.successor) == (1, 1, heir)
    assert [one["name"] for one in made.posts] == ["测绘科 数据管理岗"]
    event = Event.objects.get(topic="security.left_post")
    assert (event.payload["user_id"], event.payload["successor_id"]) == (world.li.pk, heir.pk)


def test_leaving_a_post_begun_today_leaves_nothing_of_it(world: World) -> None:
    post_services.set_roles(world.security, world.post.pk, [world.role.pk], "岗位说明书")
    world.appointed(days_ago=0)
    leaving.leave(world.system, world.li.pk, "误任", disable=False)
    world.li.refresh_from_db()
    assert world.li.is_active and rights_of(world.li) == ()
    assert not Appointment.objects.exists()


@pytest.mark.parametrize("successor", ["li", "sec", "no-such-person"])
def test_a_successor_who_cannot_take_over_is_refused_and_nobody_leaves(world: World, successor: str) -> None:
    world.appointed()
    with pytest.raises(BadEntry, match="接替人"):
        leaving.leave(world.system, world.li.pk, "调离", successor=successor)
    assert not Handover.objects.exists() and Appointment.objects.filter(ends_on=None).exists()


def test_every_act_needs_a_reason(world: World) -> None:
    with pytest.raises(BadEntry, match="原因"):
        account_services.disable(world.system, world.li.pk, "  ")
    with pytest.raises(BadEntry, match="原因"):
        post_services.set_roles(world.security, world.post.pk, [], "x" * 301)


@pytest.mark.django_db(transaction=True)
def test_two_moves_at_once_close_no_ring() -> None:
    """Each would be allowed alone; together they would cut both branches off the tree."""
    world = World()
    other = world.unit("K-2", "耕保科", "990101", world.county, "department")
    begin, refused = threading.Barrier(2), []

    def move(what: int, where: int) -> None:
        begin.wait(5)
        try:
            organisation_services.move(world.system, what, where, "同时")
        except BadEntry as error:
            refused.append(error)
        connection.close()

    pairs = [(world.office.pk, other.pk), (other.pk, world.office.pk)]
    movers = [threading.Thread(target=move, args=pair) for pair in pairs]
    for one in movers:
        one.start()
    for one in movers:
        one.join(30)
    assert len(refused) == 1
    for unit in Organisation.objects.exclude(parent=None):
        assert unit.path == f"{unit.parent.path}{unit.pk}/"
