"""Keys narrow, are counted exactly, end at their quota, and are suspended at once. R-138, R-168, R-170."""

from __future__ import annotations

from typing import Any

import pytest

PARCELS, ROADS = "10401-003", "10401-009"


@pytest.fixture
def holder(db: None) -> Any:
    from kunyu.engines.security import epochs
    from kunyu.engines.security.models import User

    user = User.objects.create_user("bureau-b", "a-long-password-2026", name_zh="另一部门")
    for action in ("see", "query", "download"):
        user.grants.create(
            action=action, branch="104", division_prefix="9901", max_secrecy=2, max_grading=0, max_sharing=1
        )
    epochs.forget()
    return user


def key_of(holder: Any, per_minute: int = 60, per_day: int = 1000) -> tuple[Any, str]:
    from kunyu.engines.security.api_keys.services import Quota, issue_key
    from kunyu.engines.security.scope import operator

    return issue_key(holder, "gis", [PARCELS], Quota(per_minute, per_day), operator("tests"))


def test_a_key_reaches_its_collections_only(holder: Any) -> None:
    """What the holder may do elsewhere, or with the data beyond asking, is not in the key."""
    from kunyu.engines.security.session import principal_of_token

    principal = principal_of_token(key_of(holder)[1])
    assert principal.divisions(PARCELS, "query") == ("9901",)
    assert principal.divisions(ROADS, "query") == () and principal.divisions(PARCELS, "download") == ()
    assert principal.key_id is not None


def test_the_last_request_of_a_quota_is_answered_and_the_next_refused(
    holder: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """429 with the seconds to wait; the day's quota likewise; suspended means at once."""
    from django.utils import timezone

    from kunyu.engines.security.api_keys.quotas import asked_today

    key, secret = key_of(holder, per_minute=3, per_day=5)
    instant = timezone.localtime()
    monkeypatch.setattr(
        timezone, "localtime", lambda *_: instant
    )  # four requests within one minute, whatever the clock
    answers = [_ask(client, secret) for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert 0 < int(answers[3]["Retry-After"]) <= 60 and answers[3].json()["code"] == "quota_exceeded"
    assert asked_today(key.pk) == 4


def _ask(client: Any, secret: str) -> Any:
    return client.get("/api/worklist/preferences", headers={"Authorization": f"Bearer {secret}"})


def test_the_quota_of_a_day(holder: Any, client: Any) -> None:
    key, secret = key_of(holder, per_minute=2, per_day=2)
    key.counts.create(window=_today(), asked=2)
    refused = _ask(client, secret)
    assert refused.status_code == 429 and int(refused["Retry-After"]) > 0


def _today() -> str:
    from django.utils import timezone

    return timezone.localdate().isoformat()


def test_suspended_and_resumed(holder: Any, client: Any) -> None:
    from kunyu.engines.security.api_keys import services
    from kunyu.engines.security.scope import operator

    key, secret = key_of(holder)
    assert _ask(client, secret).status_code == 200
    services.suspend(key, True, operator("tests"))
    assert _ask(client, secret).status_code == 403
    services.suspend(key, False, operator("tests"))
    assert _ask(client, secret).status_code == 200


@pytest.mark.parametrize(("minute", "day"), [(0, 10), (-1, 10), (10, 5), (10**9, 10**9)])
def test_senseless_quotas_are_refused(holder: Any, minute: int, day: int) -> None:
    from kunyu.engines.security.api_keys.errors import BadQuota

    with pytest.raises(BadQuota):
        key_of(holder, minute, day)


def test_uses_are_counted_by_person_key_and_collection(holder: Any, client: Any) -> None:
    """Counted in memory, written together, added to what stands; pages are nobody's use of a service."""
    from kunyu.engines.security.api_keys import uses
    from kunyu.engines.security.api_keys.models import Use

    uses.write()
    Use.objects.all().delete()
    key, secret = key_of(holder)
    sent = {"Authorization": f"Bearer {secret}"}
    for _ in range(3):
        client.get(f"/ogc/collections/{PARCELS}/items", headers=sent)
    client.get("/login")
    assert uses.write() == 1
    client.get(f"/ogc/collections/{PARCELS}/items", headers=sent)
    uses.write()
    (one,) = Use.objects.all()
    assert (one.user_id, one.key_id, one.subject, one.kind, one.requests) == (holder.pk, key.pk, PARCELS, "features", 4)
    assert one.refused == 4  # no parcel is published here


@pytest.mark.parametrize("name", ["a%00b", "x" * 61, "%E5%9B%BE", "a%20b", "nothing"])
def test_an_address_that_is_no_code_holds_up_no_count(holder: Any, client: Any, name: str) -> None:
    """Nobody may stop the counting, or fill its table, by asking for what is not there."""
    from kunyu.engines.security.api_keys import uses
    from kunyu.engines.security.api_keys.models import Use

    uses.write()
    Use.objects.all().delete()
    for address in (f"/ogc/collections/{name}", f"/ogc/collections/{name}/items", f"/proxy/{name}/wms"):
        client.get(address)
    key, secret = key_of(holder)
    client.get(f"/ogc/collections/{PARCELS}/items", headers={"Authorization": f"Bearer {secret}"})
    assert uses.write() == 1
    assert Use.objects.get().key_id == key.pk


def test_old_counts_are_forgotten(holder: Any) -> None:
    from kunyu.engines.security.api_keys.models import KeyCount
    from kunyu.engines.security.api_keys.quotas import forget_old

    key, _ = key_of(holder)
    for window in ("2020-01-01", "2020-01-01T08:15", _today()):
        key.counts.create(window=window, asked=1)
    assert forget_old() == 2
    assert list(KeyCount.objects.values_list("window", flat=True)) == [_today()]
