"""One address that asks too often waits; the others do not, and nobody is counted for another kind."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import RequestFactory

from kunyu.engines.security import public_limits
from kunyu.engines.security.models import SignInFailures
from kunyu.engines.security.sign_in_errors import TooManyRequests

pytestmark = pytest.mark.django_db


def asked(origin: str, kind: str = public_limits.VERIFY) -> None:
    public_limits.take(RequestFactory().get("/verify/1", REMOTE_ADDR=origin), kind)


def test_the_last_allowed_request_passes_and_the_next_waits_for_its_minute(monkeypatch):
    monkeypatch.setenv("KUNYU_PUBLIC_VERIFY_PER_MINUTE", "3")
    for _ in range(3):
        asked("10.0.0.1")
    with pytest.raises(TooManyRequests) as refused:
        asked("10.0.0.1")
    assert 0 < refused.value.context["retry_after"] <= 61 and refused.value.http_status == 429
    assert refused.value.detail_zh.startswith("从这个网络地址的请求过多（每分钟限 3 次）")
    asked("10.0.0.2")
    asked("10.0.0.1", public_limits.VERIFY_FILE)
    SignInFailures.objects.update(locked_until=datetime.now(UTC) - timedelta(seconds=1))
    asked("10.0.0.1")


def test_addresses_of_one_ipv6_network_count_as_one(monkeypatch):
    monkeypatch.setenv("KUNYU_PUBLIC_VERIFY_PER_MINUTE", "1")
    asked("2001:db8:1:2::1")
    with pytest.raises(TooManyRequests):
        asked("2001:db8:1:2:ffff::9")
    asked("2001:db8:1:3::1")


def test_zero_sets_no_limit_and_counts_nothing(monkeypatch):
    monkeypatch.setenv("KUNYU_PUBLIC_VERIFY_PER_MINUTE", "0")
    for _ in range(5):
        asked("10.0.0.1")
    assert not SignInFailures.objects.exists()


def test_the_defaults_leave_room_for_an_office_behind_one_address():
    limits = public_limits.PublicLimits()
    assert (limits.verify_per_minute, limits.verify_files_per_minute, limits.sign_ups_per_hour) == (600, 60, 60)


def test_an_address_that_waits_may_still_sign_in(monkeypatch):
    from django.test import Client

    from kunyu.engines.security.tests.identity_people import PASSWORD, person

    monkeypatch.setenv("KUNYU_PUBLIC_VERIFY_PER_MINUTE", "1")
    person()
    asked("127.0.0.1")
    with pytest.raises(TooManyRequests):
        asked("127.0.0.1")
    assert Client().post("/login", {"username": "li", "password": PASSWORD}).status_code == 302
