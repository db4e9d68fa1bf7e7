"""Failures, locks, and one answer for every refusal (T3, R-131): nothing tells whether an account exists."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from kunyu.engines.security import lockout, session
from kunyu.engines.security.models import AuditEntry, SignInFailures, User
from kunyu.engines.security.tests.identity_people import PASSWORD, administrator, now, person
from kunyu.kernel.errors import KunyuError

pytestmark = pytest.mark.django_db


def attempt(name: str, password: str = "wrong-Word-1", origin: str = "10.0.0.1") -> tuple[int, str]:
    answer = Client(REMOTE_ADDR=origin).post("/login", {"username": name, "password": password})
    text = answer.content.decode()
    return answer.status_code, text.split('role="alert"')[1].split("</div>")[0] if answer.status_code != 302 else ""


def test_the_fifth_failure_locks_for_thirty_minutes_even_against_the_right_password():
    user = person()
    for _ in range(5):
        assert attempt("li")[0] == 401
    assert attempt("li", PASSWORD)[0] == 401
    until = lockout.locked_until(user)
    assert until is not None and timedelta(minutes=29) < until - now() <= timedelta(minutes=30)
    SignInFailures.objects.filter(kind="account").update(locked_until=now() - timedelta(seconds=1))
    assert attempt("li", PASSWORD)[0] == 302


def test_four_failures_do_not_lock_and_success_forgets_them():
    person()
    for _ in range(2):
        for _ in range(4):
            attempt("li")
        assert attempt("li", PASSWORD)[0] == 302


def test_unknown_wrong_locked_and_disabled_are_one_answer():
    for name in ("known", "locked", "disabled"):
        person(name)
    User.objects.filter(username="disabled").update(is_active=False)
    for number in range(5):
        attempt("locked", origin=f"10.1.0.{number}")
    answers = {
        attempt("known"), attempt("nobody"), attempt("locked", PASSWORD), attempt("disabled", PASSWORD),
        attempt("locked"), attempt("disabled"),
    }  # fmt: skip
    names = {text.replace(name, "?") for _, text in answers for name in ("known", "nobody", "locked", "disabled")}
    assert {status for status, _ in answers} == {401} and len(names) == 1
    assert SignInFailures.objects.filter(kind="account").count() == 4  # the unknown name is counted like the others


def test_an_unknown_name_locks_like_a_known_one():
    for _ in range(6):
        attempt("nobody")
    counted = SignInFailures.objects.get(kind="account")
    assert counted.failures == 6 and counted.locked_until is not None


def test_one_address_cannot_lock_everybody(monkeypatch):
    monkeypatch.setenv("KUNYU_SIGN_IN_ORIGIN_FAILURES", "12")
    names = [f"person{number}" for number in range(6)]
    for name in names:
        person(name)
    statuses = [attempt(name)[0] for name in names for _ in range(5)]
    assert statuses.count(429) == len(statuses) - 12
    locked = [name for name in names if lockout.locked_until(User.objects.get(username=name))]
    assert len(locked) == 2
    assert attempt("person5", PASSWORD, origin="10.0.0.2")[0] == 302  # others are not kept out
    assert attempt("person5", PASSWORD)[0] == 429


def test_ipv6_neighbours_count_together_and_forwarded_headers_are_not_believed(monkeypatch):
    assert lockout.subject("origin", "2001:db8::1") == lockout.subject("origin", "2001:db8::ffff")
    assert lockout.subject("origin", "2001:db8::1") != lockout.subject("origin", "2001:db8:0:1::1")
    asked = Client().get("/login", REMOTE_ADDR="10.0.0.9", headers={"X-Forwarded-For": "1.2.3.4"}).wsgi_request
    assert lockout.origin_of(asked) == "10.0.0.9"
    monkeypatch.setenv("KUNYU_SIGN_IN_TRUSTED_PROXIES", "10.0.0.9")
    assert lockout.origin_of(asked) == "1.2.3.4"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("real_hashing")  # as long as a node takes, they do meet
def test_twenty_wrong_attempts_at_once_count_twenty():
    person()

    def one(number: int) -> int:
        try:
            return attempt("li", origin=f"10.2.0.{number}")[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(one, range(20)))
    assert statuses == [401] * 20
    assert SignInFailures.objects.get(kind="account").failures == 20
    assert lockout.locked_until(User.objects.get(username="li")) is not None


@pytest.mark.django_db(transaction=True)
def test_guesses_sent_at_once_are_not_weighed_beyond_the_limit():
    """Nineteen wrong guesses and the right one at once: the right one opens only if it is among the first five."""
    person()
    weighed = []

    def one(number: int) -> None:
        try:
            weighed.append(lockout.attempt(lockout.ACCOUNT, "li"))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(20)))
    assert sum(weighed) == 5


@pytest.mark.usefixtures("real_hashing")
def test_time_tells_nothing():
    """Unknown, wrong, locked and disabled take as long: medians of interleaved rounds within a quarter."""
    for name in ("known", "locked", "disabled"):
        person(name)
    User.objects.filter(username="disabled").update(is_active=False)
    for number in range(5):
        attempt("locked", origin=f"10.3.0.{number}")
    kinds = {"unknown": "nobody", "wrong": "known", "locked": "locked", "disabled": "disabled"}
    took: dict[str, list[float]] = {kind: [] for kind in kinds}
    for round_ in range(9):
        SignInFailures.objects.filter(kind="origin").delete()
        for kind, name in kinds.items():
            began = time.process_time()
            attempt(name, origin=f"10.4.0.{round_}")
            took[kind].append(time.process_time() - began)
    medians = {kind: statistics.median(values) for kind, values in took.items()}
    assert max(medians.values()) / min(medians.values()) < 1.25, medians


def test_unlocking_is_the_system_administrators_in_the_division():
    user = person(division_code="990101")
    for _ in range(5):
        attempt("li")
    for other in (administrator("sec", "security"), administrator("far", "system", "4101")):
        with pytest.raises(KunyuError):
            lockout.unlock(user, session.principal_of(other))
    assert lockout.unlock(user, session.principal_of(administrator("sys", "system"))) is True
    assert attempt("li", PASSWORD)[0] == 302
    assert AuditEntry.objects.filter(action="unlock", object_id="li", actor="sys").count() == 1


def test_refusals_are_on_record_without_what_was_typed_into_the_wrong_field():
    person()
    attempt("my-secret-password")
    attempt("li")
    names = list(AuditEntry.objects.filter(action="sign-in", result="refused").values_list("object_id", flat=True))
    assert sorted(names) == ["?", "li"]


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example/x", "/\\evil.example", "javascript:alert(1)", "https:evil.example",
     "\thttps://evil.example", "http://testserver.evil.example/", "evil.example"],
)  # fmt: skip
def test_the_way_back_stays_on_this_host(wanted):
    person()
    answer = Client().post("/login", {"username": "li", "password": PASSWORD, "next": wanted})
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_the_way_back_keeps_its_question():
    person()
    asked = Client().get("/deliveries/?status=checked&page=2")
    assert asked["Location"] == "/login?next=%2Fdeliveries%2F%3Fstatus%3Dchecked%26page%3D2"
    answer = Client().post("/login", {"username": "li", "password": PASSWORD, "next": "/deliveries/?a=1&b=2"})
    assert answer["Location"] == "/deliveries/?a=1&b=2"


def test_names_with_nul_or_beyond_the_field_are_refused_like_others():
    assert attempt("li\0")[0] == 401
    assert attempt("x" * 5000, "y" * 100_000)[0] == 401


def test_demo_hosts_show_all_ways_in():
    page = Client().get("/login")
    text = page.content.decode()
    assert all(word in text for word in ("密码", "数字证书", "通行密钥"))
    assert page["Cache-Control"] == "no-store"
