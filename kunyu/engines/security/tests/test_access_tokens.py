"""Personal access tokens: narrowed, revoked, throttled, never wider than their maker (attack: reuse after revocation)."""

from datetime import timedelta

import pytest
from django.test import Client

from kunyu.engines.security import access_tokens, services, session
from kunyu.engines.security.errors import BadToken, NotAllowed
from kunyu.engines.security.models import AccessToken, AuditEntry
from kunyu.engines.security.scope import operator
from kunyu.engines.security.tests.identity_people import administrator, now, person, signed_in

pytestmark = pytest.mark.django_db


def ask(token: str, address: str = "/api/map/layers", origin: str = "10.0.0.1") -> int:
    return Client(REMOTE_ADDR=origin).get(address, headers={"Authorization": f"Bearer {token}"}).status_code


def make(client: Client, **values: object) -> str:
    page = client.post("/account/tokens", {"name": "qgis", "days": "30", **values})
    assert page.status_code == 200, page.content.decode()[:500]
    text = page.content.decode()
    return text.split("data-token>")[1].split("<")[0]


def test_a_token_is_shown_once_and_works_until_revoked():
    person()
    client = signed_in()
    token = make(client)
    assert token not in client.get("/account/").content.decode()
    assert ask(token) == 200
    one = AccessToken.objects.get()
    assert one.last_used_at is not None and one.last_origin == "10.0.0.1" and one.hint == token[-4:]
    client.post(f"/account/tokens/{one.pk}/revoke")
    assert ask(token) == 401
    assert ask(token) == 401
    assert AuditEntry.objects.filter(action="revoke-token", actor="li").count() == 1


def test_anothers_token_cannot_be_revoked():
    token = make(signed_in(person("wang").username))
    person()
    assert signed_in().post(f"/account/tokens/{AccessToken.objects.get().pk}/revoke").status_code == 404
    assert ask(token) == 200


def test_a_token_narrows_actions_and_branch():
    user = person()
    token = access_tokens.issue(user, "t", operator(), actions=["see"], branch="104")
    principal = session.principal_of_token(token)
    assert principal.branches("see") == ("104",) and principal.branches("query") == ()
    assert principal.divisions("10401-003", "see") == ("",) and principal.divisions("20201-001", "see") == ()
    assert principal.entitlement != session.principal_of(user).entitlement
    services.grant(user, ["see"], actor=operator(), branch="10401")
    assert set(session.principal_of_token(token).branches("see")) == {"104", "10401"}


def test_a_narrowed_token_makes_no_wider_one():
    user = person()
    narrow = session.principal_of_token(access_tokens.issue(user, "t", operator(), actions=["see"]))
    with pytest.raises(NotAllowed):
        access_tokens.issue(user, "wider", narrow)
    assert AccessToken.objects.count() == 1
    whole = session.principal_of_token(access_tokens.issue(user, "whole", operator()))
    assert access_tokens.issue(user, "same", whole).startswith("ky_")


def test_tokens_do_not_open_account_pages():
    token = access_tokens.issue(person(), "t", operator())
    for address in ("/account/", "/account/factors", "/account/password"):
        assert ask(token, address) == 403


def test_tokens_of_administrators_open_administration_only_when_made_so():
    chief = administrator("sys", "system")
    subject = person(division_code="990101")
    plain = access_tokens.issue(chief, "plain", operator())
    wide = access_tokens.issue(chief, "wide", operator(), administration=True)
    assert ask(plain, f"/admin/identity/{subject.pk}/") == 404
    assert ask(wide, f"/admin/identity/{subject.pk}/") == 200
    with pytest.raises(NotAllowed):
        access_tokens.issue(chief, "wider", session.principal_of_token(plain), administration=True)


def test_a_token_holds_a_year_at_most():
    user = person()
    with pytest.raises(access_tokens.BadTokenRequest):
        access_tokens.issue(user, "t", operator(), now() + timedelta(days=400))
    access_tokens.issue(user, "t", operator())
    assert AccessToken.objects.get().expires_at <= now() + timedelta(days=366)
    for days in ("0", "367", "-1", "x", "9" * 30):
        assert signed_in().post("/account/tokens", {"name": "t", "days": days}).status_code == 422
    assert AccessToken.objects.count() == 1


@pytest.mark.parametrize("wrong", [{"actions": "all"}, {"branch": "104%"}, {"name": " "}, {"name": "x" * 61}])
def test_unsound_wishes_are_refused(wrong):
    person()
    answer = signed_in().post("/account/tokens", {"name": "t", "days": "3", **wrong})
    assert answer.status_code == 422 and not AccessToken.objects.exists()


def test_bad_tokens_are_throttled_by_address_and_good_ones_are_not(monkeypatch):
    monkeypatch.setenv("KUNYU_SIGN_IN_BAD_TOKENS", "3")
    good = access_tokens.issue(person(), "t", operator())
    assert [ask(f"ky_bad{number}") for number in range(5)] == [401, 401, 401, 429, 429]
    assert ask(good) == 200 and ask("ky_bad", origin="10.0.0.2") == 401


def test_the_cookie_counts_for_nothing_beside_a_bad_token():
    person()
    client = signed_in()
    assert client.get("/api/map/layers", headers={"Authorization": "Bearer ky_bad"}).status_code == 401
    with pytest.raises(BadToken):
        session.principal_of_token("ky_bad", "10.0.0.3")
