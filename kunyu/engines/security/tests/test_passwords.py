"""The password policy, its history and the change that an administrator forces (R-131; security domain facts §3)."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.contrib.auth.hashers import identify_hasher

from kunyu.engines.security import passwords, session
from kunyu.engines.security.models import AuditEntry, SignInSession, User
from kunyu.engines.security.scope import operator
from kunyu.engines.security.sign_in_errors import PasswordTooWeak, SignInRefused
from kunyu.engines.security.tests.identity_people import ANOTHER, PASSWORD, administrator, now, person, signed_in
from kunyu.kernel.errors import KunyuError

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("real_hashing")]


@pytest.mark.parametrize(
    "password",
    ["correct-Horse-9", "Kunyu@Map26", "four plain words here", "自然资源一张图的口令很长很长很长", "aB3$efghij"],
)
@pytest.mark.quick
def test_good_passwords_pass(password):
    assert passwords.faults(password, "li") == []


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("aB3$efghi", "At least 10"),
        ("abcdefgh12", "three kinds"),
        ("fifteenletters!"[:15], "phrase of 16"),
        ("Wangwu-2026-x", "account's name"),
        ("2026-Uwgnaw-x", "account's name"),
        ("Password123!", "common"),
        ("aaaaBBBB111!"[:10] * 1, "repeated"),
        ("A1!" + "b" * 130, "No more than"),
    ],
)
@pytest.mark.quick
def test_bad_passwords_say_why_and_are_not_repeated(password, said):
    name = "wangwu"
    texts = [en for _, en in passwords.faults(password, name)]
    assert any(said in text for text in texts), texts
    assert not any(password in text for text in texts)


def test_hashing_is_memory_hard():
    user = person()
    hasher = identify_hasher(user.password)
    cost = hasher.decode(user.password)
    assert hasher.algorithm == "scrypt" and (cost["work_factor"], cost["block_size"]) == (2**14, 8)  # 16 MiB


def test_the_last_five_do_not_come_back():
    user = person()
    used = [PASSWORD, *(f"Another-Word-{number}" for number in range(5))]
    for old, new in pairwise(used):
        passwords.change(user, old, new, operator())
    for former in used[-5:]:
        with pytest.raises(PasswordTooWeak, match="last 5"):
            passwords.change(user, used[-1], former, operator())
    passwords.change(user, used[-1], PASSWORD, operator())
    assert user.former_passwords.count() <= 5


def test_change_needs_the_present_password_and_ends_every_session():
    user = person()
    first, second = signed_in(), signed_in()
    with pytest.raises(SignInRefused):
        passwords.change(user, "wrong", ANOTHER, operator())
    answer = first.post("/account/password", {"old": PASSWORD, "new": ANOTHER, "again": ANOTHER})
    assert (answer.status_code, answer["Location"]) == (302, "/account/")
    assert first.get("/account/").status_code == 200
    assert second.get("/account/")["Location"].startswith("/login")
    reasons = SignInSession.objects.filter(user=user, ended_at__isnull=False).values_list("end_reason", flat=True)
    assert set(reasons) == {"password_changed"}
    assert AuditEntry.objects.filter(action="change-password", object_id="li").count() == 1


def test_a_direct_update_of_the_password_ends_sessions_too():
    user = person()
    client = signed_in()
    user.set_password(ANOTHER)
    user.save(update_fields=["password"])
    assert client.get("/account/").status_code == 302


def test_a_password_set_by_an_administrator_must_change_before_anything_else():
    user = person(division_code="990101")
    chief = session.principal_of(administrator("sys", "system"))
    passwords.set_by_administrator(user, "Given-Word-2026", chief)
    client = signed_in(password="Given-Word-2026")
    assert client.get("/")["Location"] == "/account/password"
    refused = client.get("/api/map/layers")
    assert (refused.status_code, refused.json()["code"]) == (403, "password_change_needed")
    page = client.get("/account/password")
    assert page.status_code == 200 and "管理员设置" in page.content.decode()
    client.post("/account/password", {"old": "Given-Word-2026", "new": ANOTHER, "again": ANOTHER})
    assert client.get("/").status_code == 200


def test_an_old_password_must_change(monkeypatch):
    person()
    User.objects.update(password_changed_at=now() - timedelta(days=91))
    assert signed_in().get("/")["Location"] == "/account/password"
    monkeypatch.setenv("KUNYU_SIGN_IN_PASSWORD_DAYS", "0")
    assert signed_in().get("/").status_code == 200


@pytest.mark.parametrize("duty", ["security", "audit", ""])
def test_only_the_system_administrator_of_the_division_resets(duty):
    user = person(division_code="990101")
    actor = administrator("adm", duty) if duty else person("wang")
    with pytest.raises(KunyuError):
        passwords.set_by_administrator(user, "Given-Word-2026", session.principal_of(actor))
    elsewhere = administrator("far", "system", "4101")
    with pytest.raises(KunyuError):
        passwords.set_by_administrator(user, "Given-Word-2026", session.principal_of(elsewhere))
    assert User.objects.get(pk=user.pk).check_password(PASSWORD)


def test_a_stolen_session_is_no_place_to_guess_the_old_password():
    person()
    client = signed_in()
    for number in range(6):
        said = {"old": f"Guess-Word-{number}", "new": ANOTHER, "again": ANOTHER}
        assert client.post("/account/password", said).status_code == 401
    locked = client.post("/account/password", {"old": PASSWORD, "new": ANOTHER, "again": ANOTHER})
    assert locked.status_code == 401 and User.objects.get().check_password(PASSWORD)


def test_behind_a_trusted_proxy_the_page_is_known_to_be_secure(settings):
    person()
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    client = signed_in(headers={"X-Forwarded-Proto": "https", "Host": "testserver"})
    client.handler.enforce_csrf_checks = True
    page = client.get("/account/").content.decode()
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    answer = client.post(
        "/account/profile", {"phone": "", "mail": "", "csrfmiddlewaretoken": token},
        headers={"Origin": "https://testserver", "Referer": "https://testserver/account/"},
    )  # fmt: skip
    assert answer.status_code == 302
