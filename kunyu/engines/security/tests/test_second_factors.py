"""Second factors: codes, recovery, who must have one, who resets a lost one (T5, R-071, R-131)."""

import time
from datetime import timedelta

import pyotp
import pytest
from django.db import connection
from django.test import Client

from kunyu.engines.security import second_factors, session
from kunyu.engines.security.models import AuditEntry, Authenticator, RecoveryCode, SignInSession, User
from kunyu.engines.security.scope import operator
from kunyu.engines.security.tests.identity_people import PASSWORD, administrator, now, person, signed_in
from kunyu.kernel.errors import KunyuError

pytestmark = pytest.mark.django_db


def code_of(user: User, steps: int = 0) -> str:
    secret = Authenticator.objects.get(user=user).secret
    return pyotp.TOTP(secret).at(int(time.time()) + 30 * steps)


def enrolled(user: User) -> list[str]:
    """Enrol with a code of the step before, so that the code of now is still unused."""
    second_factors.begin_authenticator(user)
    return second_factors.confirm_authenticator(user, code_of(user, -1), operator())


def at_second_step(name: str = "li", **options: str) -> Client:
    client = Client(**options)
    answer = client.post("/login", {"username": name, "password": PASSWORD, "next": "/deliveries/"})
    assert answer["Location"] == "/login/second"
    return client


def test_enrolment_by_the_pages_and_signing_in_with_a_code():
    user = person()
    client = signed_in()
    client.post("/account/factors/authenticator")
    page = client.get("/account/factors").content.decode()
    secret = Authenticator.objects.get(user=user).secret
    assert "<svg" in page and secret in page and not second_factors.of(user.pk).any
    assert client.post("/account/factors/authenticator/confirm", {"code": "000000"}).status_code == 422
    done = client.post("/account/factors/authenticator/confirm", {"code": code_of(user, -1)}).content.decode()
    codes = [line.split("</code>")[0] for line in done.split("<li><code>")[1:]]
    assert len(codes) == second_factors.RECOVERY_CODES and second_factors.of(user.pk).any
    assert secret not in client.get("/account/factors").content.decode()
    assert SignInSession.objects.get(user=user).two_factors

    step = at_second_step()
    assert step.get("/account/")["Location"].startswith("/login")  # the password alone is not a sign-in
    assert step.get("/api/map/layers").status_code == 401
    answer = step.post("/login/second", {"code": code_of(user)})
    assert (answer.status_code, answer["Location"]) == (302, "/deliveries/")
    assert SignInSession.objects.filter(user=user, ended_at=None, two_factors=True).count() == 2


def test_the_secret_is_encrypted_in_the_database():
    user = person()
    secret = second_factors.begin_authenticator(user).secret
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM security_authenticator")
        (kept,) = cursor.fetchone()
    assert kept.startswith("kf1.") and secret not in kept


def test_a_code_opens_once():
    user = person()
    enrolled(user)
    code = code_of(user)
    assert at_second_step().post("/login/second", {"code": code}).status_code == 302
    assert at_second_step().post("/login/second", {"code": code}).status_code == 401
    assert not second_factors.check_code(user, code_of(user, -1))  # nor does an older one


@pytest.mark.parametrize(("steps", "right"), [(-2, False), (0, True), (1, True), (2, False)])
def test_clocks_may_differ_by_one_step(steps, right, monkeypatch):
    user = person()
    second_factors.begin_authenticator(user)
    Authenticator.objects.update(confirmed_at=now())
    middle = time.time() // 30 * 30 + 15  # no step ends between the making of a code and its use
    monkeypatch.setattr(time, "time", lambda: middle)
    assert second_factors.check_code(user, code_of(user, steps)) is right


def test_wrong_codes_lock_the_account_and_the_password_does_not_reset_the_count():
    user = person()
    enrolled(user)
    for number in range(5):
        client = at_second_step(REMOTE_ADDR=f"10.0.0.{number}")
        assert client.post("/login/second", {"code": "000000"}).status_code == 401
    answer = Client().post("/login", {"username": "li", "password": PASSWORD})
    assert answer.status_code == 401


def test_the_second_step_runs_out():
    user = person()
    enrolled(user)
    client = at_second_step()
    store = client.session
    store["second_step"] = {**store["second_step"], "until": (now() - timedelta(seconds=1)).timestamp()}
    store.save()
    answer = client.post("/login/second", {"code": code_of(user)})
    assert answer["Location"] == "/login" and not SignInSession.objects.filter(user=user).exists()


def test_a_recovery_code_opens_once():
    user = person()
    codes = enrolled(user)
    assert not RecoveryCode.objects.filter(digest__in=codes).exists()
    assert at_second_step().post("/login/second", {"code": codes[0].upper()}).status_code == 302
    assert at_second_step().post("/login/second", {"code": codes[0]}).status_code == 401
    assert second_factors.of(user.pk).recovery_codes == second_factors.RECOVERY_CODES - 1
    fresh = second_factors.make_recovery_codes(user, operator())
    assert not second_factors.use_recovery_code(user, codes[1]) and second_factors.use_recovery_code(user, fresh[1])


def test_anothers_recovery_code_opens_nothing():
    codes = enrolled(person())
    assert not second_factors.use_recovery_code(person("wang"), codes[0])


def test_changes_of_factors_need_a_fresh_proof():
    person()
    client = signed_in()
    SignInSession.objects.update(confirmed_at=now() - timedelta(minutes=11))
    for address in ("/account/factors/authenticator", "/account/factors/recovery", "/account/tokens"):
        assert client.post(address, {"name": "t"})["Location"] == "/account/confirm"
    assert not Authenticator.objects.exists()
    client.post("/account/confirm", {"password": PASSWORD})
    client.post("/account/factors/authenticator")
    assert Authenticator.objects.exists()


def test_step_up_of_a_person_with_an_app_needs_its_code():
    user = person()
    enrolled(user)
    client = at_second_step()
    client.post("/login/second", {"code": code_of(user)})
    assert client.post("/account/confirm", {"password": PASSWORD}).status_code == 401
    Authenticator.objects.update(last_step=0)
    assert client.post("/account/confirm", {"password": PASSWORD, "code": code_of(user)}).status_code == 302


@pytest.mark.parametrize("duty", ["system", "security", "audit"])
def test_in_production_an_administrator_enrols_before_anything_else(duty, settings):
    chief = administrator("adm", duty)
    subject = person(division_code="990101")
    settings.PRODUCTION = True
    client = signed_in("adm")
    for address in ("/", "/account/", f"/admin/identity/{subject.pk}/"):
        assert client.get(address)["Location"] == "/account/factors"
    refused = client.get("/api/map/layers")
    assert (refused.status_code, refused.json()["code"]) == (403, "factor_needed")
    client.post("/account/factors/authenticator")
    client.post("/account/factors/authenticator/confirm", {"code": code_of(chief)})
    assert client.get("/account/").status_code == 200


def test_on_a_demonstration_node_an_administrator_is_led_there_but_may_act():
    administrator("adm", "system")
    client = signed_in("adm")
    page = client.get("/account/")
    assert page.status_code == 200 and "演示节点上管理员现在仍可操作" in page.content.decode()


def test_others_are_not_forced(settings):
    person()
    settings.PRODUCTION = True
    assert signed_in().get("/account/").status_code == 200


def test_a_lost_factor_is_reset_by_the_security_administrator_only():
    user = person(division_code="990101")
    enrolled(user)
    client = at_second_step()
    client.post("/login/second", {"code": code_of(user)})
    for actor in (
        administrator("sys", "system"),
        administrator("aud", "audit"),
        administrator("far", "security", "41"),
    ):
        with pytest.raises(KunyuError):
            second_factors.reset(user, session.principal_of(actor), "手机丢失")
        assert signed_in(actor.username).post(f"/admin/identity/{user.pk}/factors", {"reason": "x"}).status_code == 404
    administrator("sec", "security")
    chief = signed_in("sec")
    assert chief.post(f"/admin/identity/{user.pk}/factors", {"reason": " "}).status_code == 422
    assert second_factors.of(user.pk).any
    assert chief.post(f"/admin/identity/{user.pk}/factors", {"reason": "手机丢失"}).status_code == 302
    assert not second_factors.of(user.pk).any and client.get("/account/").status_code == 302
    assert SignInSession.objects.filter(user=user, end_reason="factor_reset").exists()
    assert AuditEntry.objects.filter(action="reset-factors", actor="sec", object_id="li").count() == 1
    assert signed_in().get("/account/").status_code == 200
