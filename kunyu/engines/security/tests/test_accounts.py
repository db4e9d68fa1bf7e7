"""Sign-in, tokens, expiry and the record of them (R-071 seam)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from kunyu.engines.security import administrators, audit, services, session
from kunyu.engines.security.errors import BadToken, NotAllowed
from kunyu.engines.security.models import AccessToken, AdminDuty, AuditEntry, Grant, User
from kunyu.engines.security.rights import rights_of
from kunyu.engines.security.scope import operator
from kunyu.kernel.errors import Defect

pytestmark = pytest.mark.django_db


@pytest.fixture
def li() -> User:
    user = User.objects.create_user("li", "correct-horse-9", name_zh="李检查")
    services.grant(user, ["see", "query"], actor=operator(), branch="104")
    return user


def test_demo_accounts_are_made_once_with_posts_or_a_duty_on_record():
    first = services.ensure_demo_accounts("a-drawn-password", operator())
    second = services.ensure_demo_accounts("another", operator())
    assert [a["username"] for a in first] == [a["username"] for a in second]
    assert User.objects.count() == len(first)
    actions = {
        user.username: {right.action for right in rights_of(user.pk) if right.division_prefix == "990101"}
        for user in User.objects.filter(admin_duty=None)
    }
    assert actions == {
        "steward": {"see", "query", "download", "edit", "approve"},
        "checker": {"see", "query", "download", "approve"},
        "surveyor": {"see", "query", "edit"},
        "viewer": {"see", "query"},
        "clerk": {"see", "query", "edit"},
        "examiner": {"see", "query", "download", "edit"},
        "reviewer": {"see", "query", "edit"},
        "decider": {"see", "query", "download", "edit", "approve"},
        "owner": {"see", "query", "approve"},
        "applicant": set(),
    }
    assert set(AdminDuty.objects.values_list("user__username", "duty")) == {(one, one) for one in administrators.ALL}
    assert not Grant.objects.exclude(user=None).exists()
    assert AuditEntry.objects.filter(action="appoint").count() == 9
    assert AuditEntry.objects.filter(action="appoint-administrator").count() == 3


def test_sign_in_opens_a_session_and_is_on_record(li):
    client = Client()
    answer = client.post("/login", {"username": "li", "password": "correct-horse-9", "next": "/deliveries/"})
    assert (answer.status_code, answer["Location"]) == (302, "/deliveries/")
    assert AuditEntry.objects.filter(action="sign-in", actor="li", result="done").count() == 1


def test_wrong_password_is_refused_and_on_record(li):
    answer = Client().post("/login", {"username": "li", "password": "wrong"})
    assert answer.status_code == 401
    assert AuditEntry.objects.filter(action="sign-in", actor="li", result="refused").count() == 1


def test_sign_in_does_not_redirect_to_strangers(li):
    answer = Client().post("/login", {"username": "li", "password": "correct-horse-9", "next": "https://example.com/"})
    assert answer["Location"] == "/"


def test_signing_out_ends_the_session(li):
    client = Client()
    client.force_login(li)
    assert client.post("/logout").status_code == 302
    assert "_auth_user_id" not in client.session


def test_token_is_kept_as_digest_and_acts_as_its_user(li):
    token = services.issue_token(li, "qgis", operator())
    assert not AccessToken.objects.filter(digest=token).exists()
    principal = session.principal_of_token(token)
    assert (principal.name, principal.divisions("10401-003", "query")) == ("li", ("",))


@pytest.mark.parametrize("spoil", ["expired", "unknown", "inactive"])
def test_token_that_no_longer_holds_is_refused(li, spoil):
    token = services.issue_token(li, "old", operator(), datetime.now(UTC) + timedelta(days=1))
    if spoil == "expired":
        AccessToken.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    if spoil == "inactive":
        User.objects.update(is_active=False)
    with pytest.raises(BadToken):
        session.principal_of_token("ky_nobody" if spoil == "unknown" else token)


def test_nobody_issues_tokens_for_others_but_the_operator(li):
    other = User.objects.create_user("wang", "correct-horse-9", name_zh="王")
    with pytest.raises(NotAllowed, match="wang"):
        services.issue_token(other, "mine-now", session.principal_of(li))
    assert not AccessToken.objects.exists()
    assert services.issue_token(li, "own", session.principal_of(li)).startswith("ky_")


def test_revoked_token_stops_at_once(li):
    token = services.issue_token(li, "qgis", operator())
    assert services.revoke_token(li, "qgis", operator()) == 1
    with pytest.raises(BadToken):
        session.principal_of_token(token)
    assert AuditEntry.objects.filter(action="revoke-token", object_id="li").count() == 1


def test_expired_grant_gives_nothing(li):
    Grant.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert session.principal_of(li).rights == ()


def test_command_line_acts_as_operator_or_as_the_token_holder(li, monkeypatch):
    monkeypatch.delenv("KUNYU_TOKEN", raising=False)
    assert session.principal_of_command_line().name == "operator"
    monkeypatch.setenv("KUNYU_TOKEN", services.issue_token(li, "cli", operator()))
    assert session.principal_of_command_line().name == "li"


@pytest.mark.django_db(transaction=True)
def test_audit_outside_a_transaction_is_a_defect():
    with pytest.raises(Defect):
        audit.record(operator(), "test", "nothing", 1)


@pytest.mark.parametrize(
    ("sent", "status"),
    [("token:{}", 200), (":{}", 200), ("{}:", 401), ("steward:a-long-password-2026", 401), ("\xff", 401)],
)
def test_a_token_as_the_password_of_http_basic(db: None, client: Any, sent: str, status: int) -> None:
    """For desktop programs that know no bearer tokens; a person's own password opens nothing this way."""
    import base64

    from kunyu.engines.security.models import User
    from kunyu.engines.security.scope import operator
    from kunyu.engines.security.services import issue_token

    user = User.objects.create_user("steward", "a-long-password-2026", name_zh="数据管理员")
    text = sent.format(issue_token(user, "qgis", operator("tests")))
    header = f"Basic {base64.b64encode(text.encode('latin-1')).decode()}"
    assert client.get("/api/worklist/preferences", headers={"Authorization": header}).status_code == status
    assert client.get("/api/worklist/preferences", headers={"Authorization": "Basic ###"}).status_code == 401
