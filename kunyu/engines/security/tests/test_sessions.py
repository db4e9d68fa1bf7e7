"""Sessions: keys, ends, reasons, and what identity costs (T4, R-131; attacks: session fixation)."""

from datetime import date, timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import services, session, sessions
from kunyu.engines.security.models import AdminDuty, Appointment, AuditEntry, Post, SignInSession, User
from kunyu.engines.security.scope import operator
from kunyu.engines.security.tests.identity_people import PASSWORD, administrator, now, person, signed_in
from kunyu.kernel.errors import KunyuError

pytestmark = pytest.mark.django_db
COOKIE = settings.SESSION_COOKIE_NAME


def is_in(client: Client) -> bool:
    page, program = client.get("/account/"), client.get("/api/map/layers")
    assert (page.status_code == 200) == (program.status_code == 200)
    if page.status_code != 200:
        assert page["Location"] == "/login?next=%2Faccount%2F"
        assert (program.status_code, program["Content-Type"]) == (401, "application/problem+json")
    return bool(page.status_code == 200)


def test_a_planted_key_is_never_adopted():
    person()
    planted = "planted-by-an-attacker-0123456789"
    client = Client()
    client.cookies[COOKIE] = planted
    client.post("/login", {"username": "li", "password": PASSWORD})
    assert client.cookies[COOKIE].value != planted
    thief = Client()
    thief.cookies[COOKIE] = planted
    assert not is_in(thief) and is_in(client)


def test_the_key_before_sign_in_is_dead_afterwards():
    """The attacker starts a session at the door, plants its key, and waits for the victim to sign in with it."""
    person()
    attacker = Client()
    attacker.post("/login/certificate/challenge")
    known = attacker.cookies[COOKIE].value
    victim = Client()
    victim.cookies[COOKIE] = known
    victim.post("/login", {"username": "li", "password": PASSWORD})
    assert victim.cookies[COOKIE].value != known and is_in(victim)
    assert not is_in(attacker)


def test_signing_in_again_gives_a_new_key_and_ends_the_old_session():
    person()
    client = signed_in()
    old = client.cookies[COOKIE].value
    client.post("/login", {"username": "li", "password": PASSWORD})
    stale = Client()
    stale.cookies[COOKIE] = old
    assert is_in(client) and not is_in(stale)


def test_a_fresh_proof_gives_a_new_key():
    person()
    client = signed_in()
    old = client.cookies[COOKIE].value
    assert client.post("/account/confirm", {"password": "wrong"}).status_code == 401
    assert client.cookies[COOKIE].value == old
    client.post("/account/confirm", {"password": PASSWORD})
    stale = Client()
    stale.cookies[COOKIE] = old
    assert is_in(client) and not is_in(stale)


def test_only_a_digest_of_the_key_is_kept_and_the_cookie_is_closed_to_scripts():
    person()
    client = signed_in()
    cookie = client.cookies[COOKIE]
    assert not SignInSession.objects.filter(key_digest__contains=cookie.value).exists()
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["max-age"] == ""
    assert len(cookie.value) >= 43


@pytest.mark.parametrize(("minutes", "holds"), [(29, True), (31, False)])
def test_idle_people_are_signed_out_after_thirty_minutes(minutes, holds):
    person()
    client = signed_in()
    SignInSession.objects.update(seen_at=now() - timedelta(minutes=minutes))
    assert is_in(client) is holds


@pytest.mark.parametrize(("minutes", "holds"), [(14, True), (16, False)])
def test_idle_administrators_after_fifteen(minutes, holds):
    administrator("sys", "system")
    client = signed_in("sys")
    SignInSession.objects.update(seen_at=now() - timedelta(minutes=minutes))
    assert is_in(client) is holds


def test_activity_keeps_a_session_awake_and_background_requests_do_not():
    person()
    client = signed_in()
    SignInSession.objects.update(seen_at=now() - timedelta(minutes=20))
    client.get("/api/map/layers", headers={"Kunyu-Background": "1"})
    assert SignInSession.objects.get().seen_at < now() - timedelta(minutes=19)
    client.get("/account/")
    assert SignInSession.objects.get().seen_at > now() - timedelta(minutes=1)


def test_eight_hours_are_the_end_however_active():
    person()
    client = signed_in()
    one = SignInSession.objects.get()
    assert timedelta(hours=7, minutes=59) < one.ends_at - now() <= timedelta(hours=8)
    SignInSession.objects.update(ends_at=now() - timedelta(seconds=1))
    assert not is_in(client)


def test_disabling_ends_everything_at_the_next_request():
    user = person()
    client = signed_in()
    token = services.issue_token(user, "qgis", operator())
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert not is_in(client)
    assert Client().get("/api/map/layers", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    User.objects.filter(pk=user.pk).update(is_active=True)
    assert not is_in(client)  # the session ended; it does not come back with the account
    assert SignInSession.objects.get().end_reason == "disabled"


def post_of(user: User) -> Appointment:
    bureau = Organisation.objects.create(code="990101-1", name_zh="县局", division_code="990101")
    post = Post.objects.create(organisation=bureau, name_zh="检查岗")
    return Appointment.objects.create(user=user, post=post, starts_on=date(2026, 1, 1))


def test_leaving_a_post_ends_every_session():
    user = person()
    held = post_of(user)
    client, other = signed_in(), signed_in()
    Appointment.objects.filter(pk=held.pk).update(ends_on=date.today() + timedelta(days=9))
    assert is_in(client)
    Appointment.objects.filter(pk=held.pk).update(ends_on=date.today() - timedelta(days=1))
    assert not is_in(client) and not is_in(other)
    assert set(SignInSession.objects.values_list("end_reason", flat=True)) == {"left_post"}


def test_a_post_that_runs_out_by_the_calendar_is_noticed_at_night():
    user = person()
    held = post_of(user)
    held.ends_on = date.today() - timedelta(days=1)
    Appointment.objects.filter(pk=held.pk).delete()
    Appointment.objects.create(user=user, post=held.post, starts_on=date(2026, 1, 1), ends_on=held.ends_on)
    client = signed_in()
    SignInSession.objects.update(started_at=now() - timedelta(days=1))
    sessions.prune()
    assert not is_in(client)


def test_losing_a_duty_ends_sessions():
    user = administrator("sys", "system")
    client = signed_in("sys")
    AdminDuty.objects.filter(user=user).delete()
    assert not is_in(client)


def test_signing_out_is_on_record_and_kills_the_key():
    person()
    client = signed_in()
    thief = Client()
    thief.cookies[COOKIE] = client.cookies[COOKIE].value
    client.post("/logout")
    assert not is_in(thief)
    assert AuditEntry.objects.filter(action="sign-out", actor="li").count() == 1


def test_one_sees_and_ends_ones_own_sessions_and_nobody_elses():
    person()
    person("wang")
    first, second, other = signed_in(), signed_in(), signed_in("wang")
    theirs = SignInSession.objects.get(user__username="wang")
    mine = SignInSession.objects.filter(user__username="li").latest("pk")
    page = first.get("/account/").content.decode()
    assert f"/account/sessions/{mine.pk}/end" in page and f"/account/sessions/{theirs.pk}/end" not in page
    assert first.post(f"/account/sessions/{theirs.pk}/end").status_code == 404
    assert is_in(other)
    first.post(f"/account/sessions/{mine.pk}/end")
    assert is_in(first) and not is_in(second)
    third = signed_in()
    first.post("/account/sessions/end-others")
    assert is_in(first) and not is_in(third) and is_in(other)


def test_the_system_administrator_ends_sessions_in_the_division_and_nobody_else_does():
    user = person(division_code="990101")
    client = signed_in()
    for actor in (administrator("sec", "security"), administrator("far", "system", "4101"), person("wang")):
        with pytest.raises(KunyuError):
            sessions.end_others(session.principal_of(actor), user)
        page = signed_in(actor.username)
        assert page.post(f"/admin/identity/{user.pk}/sessions").status_code == 404
    assert is_in(client)
    administrator("sys", "system")
    answer = signed_in("sys").post(f"/admin/identity/{user.pk}/sessions")
    assert answer.status_code == 302 and not is_in(client)
    assert AuditEntry.objects.filter(action="end-session", actor="sys", object_id="li").count() == 1


def test_the_oldest_session_over_the_limit_ends(monkeypatch):
    monkeypatch.setenv("KUNYU_SIGN_IN_SESSIONS_PER_PERSON", "2")
    person()
    first, second, third = signed_in(), signed_in(), signed_in()
    assert (is_in(first), is_in(second), is_in(third)) == (False, True, True)


def test_identity_costs_one_statement_then_rights_from_memory():
    """With warm rights: one statement for a session, one for a token; two when the rights must be read."""
    user = person()
    client = signed_in()
    token = services.issue_token(user, "qgis", operator())
    client.get("/api/map/base")
    for headers in ({}, {"Authorization": f"Bearer {token}"}):
        Client().get("/api/map/base", headers=headers)
        with CaptureQueriesContext(
            connection,
        ) as caught:
            client.get("/api/worklist/session", headers=headers)
        asked = [one["sql"] for one in caught if "security_" in one["sql"]]
        reads = [one for one in asked if one.lstrip().startswith("SELECT")]
        assert len(reads) <= 2, asked


def test_pruning_forgets_doors_and_marks_what_ran_out():
    person()
    Client().post("/login/certificate/challenge")
    signed_in()
    SignInSession.objects.filter(user=None).update(ends_at=now() - timedelta(minutes=1))
    SignInSession.objects.exclude(user=None).update(seen_at=now() - timedelta(hours=1))
    sessions.prune()
    assert list(SignInSession.objects.values_list("end_reason", flat=True)) == ["expired"]
    SignInSession.objects.update(ended_at=now() - timedelta(days=201))
    assert sessions.prune() >= 1 and not SignInSession.objects.exists()
