"""What must not be written down anywhere in clear, and what a form must not change (T11; attack: mass assignment)."""

import io
import json
import logging
import time

import pyotp
import pytest
from django.apps import apps
from django.db import connection
from django.test import Client

from kunyu.engines.security import access_tokens, profile, second_factors
from kunyu.engines.security.models import AuditEntry, Authenticator, User
from kunyu.engines.security.personal_data import matching
from kunyu.engines.security.scope import operator
from kunyu.engines.security.tests.identity_people import ANOTHER, PASSWORD, administrator, person, signed_in

pytestmark = pytest.mark.django_db

PHONE, MAIL, DOCUMENT = "13812341234", "li@example.cn", "11010519491231002X"


def everything_written() -> str:
    """Every row of every table, as text."""
    tables = [model._meta.db_table for model in apps.get_models(include_auto_created=True) if model._meta.managed]
    found = []
    with connection.cursor() as cursor:
        for table in set(tables) & set(connection.introspection.table_names(cursor)):
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{table}" t')
            found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found)


def test_no_secret_stands_in_logs_audit_or_tables():
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        user = person()
        user.document = DOCUMENT
        user.save()
        client = signed_in()
        client.post("/login", {"username": PASSWORD, "password": PASSWORD})  # typed into the wrong field
        client = signed_in()
        client.post("/account/profile", {"phone": PHONE, "mail": MAIL})
        token = access_tokens.issue(user, "t", operator())
        Client().get("/api/map/layers", headers={"Authorization": f"Bearer {token}"})
        Client().get("/api/map/layers", headers={"Authorization": "Bearer ky_some-unknown-token"})
        client.post("/account/factors/authenticator")
        secret = Authenticator.objects.get(user=user).secret
        code = pyotp.TOTP(secret).at(int(time.time()))
        page = client.post("/account/factors/authenticator/confirm", {"code": code}).content.decode()
        recovery = page.split("<li><code>")[1].split("<")[0]
        client.post("/account/password", {"old": PASSWORD, "new": ANOTHER, "again": ANOTHER})
        client.post("/account/password", {"old": ANOTHER, "new": "short-One", "again": "short-One"})
        cookie = client.cookies["kunyu_session"].value
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    secrets = [PASSWORD, ANOTHER, "short-One", token, "ky_some-unknown-token", secret, recovery, cookie, PHONE, MAIL,
               DOCUMENT]  # fmt: skip
    assert AuditEntry.objects.count() > 6
    written = everything_written()
    assert "scrypt$" in written and user.username in written  # the search does find what is there
    for one in secrets:
        assert one not in written, f"{one} stands in a table"
        assert one not in heard.getvalue(), f"{one} stands in a log"
        assert one not in json.dumps(list(AuditEntry.objects.values()), default=str)


def test_personal_fields_are_found_by_equality_and_masked_for_others():
    user = person(division_code="990101")
    user.phone, user.mail, user.document = PHONE, MAIL, DOCUMENT
    user.save()
    assert User.objects.get(matching(User, "phone", "１３８１２３４１２３４")) == user
    assert User.objects.get(matching(User, "document", DOCUMENT.lower())) == user
    assert (profile.shown(user, "phone"), profile.shown(user, "mail")) == ("138****1234", "l***@example.cn")
    administrator("sys", "system")
    page = signed_in("sys").get(f"/admin/identity/{user.pk}/").content.decode()
    assert "138****1234" in page and not any(one in page for one in (PHONE, MAIL, DOCUMENT))
    own = signed_in().get("/account/").content.decode()
    assert PHONE in own and MAIL in own and DOCUMENT not in own


@pytest.mark.parametrize(
    ("phone", "mail"), [("abc", ""), ("", "no-address"), ("", "a@b.c\nBcc: x@y.zz"), ("1" * 40, "")]
)
def test_impossible_addresses_are_refused(phone, mail):
    person()
    assert signed_in().post("/account/profile", {"phone": phone, "mail": mail}).status_code == 422
    assert User.objects.get().phone == ""


def test_forms_change_what_they_show_and_nothing_else():
    """Every writable form of the account gets the names of every column besides its own fields."""
    user = person()
    greedy = {
        "username": "root", "name_zh": "改名", "division_code": "", "is_active": "0", "clearance": "3", "user": "1",
        "user_id": "1", "must_change_password": "0", "password_changed_at": "2000-01-01", "duty": "system",
        "admin_duty": "system", "document": "1", "personal_key": "0", "rights": "all", "two_factors": "1", "id": "999",
        "administration": "1", "digest": "0" * 64, "expires_at": "2099-01-01", "is_superuser": "1", "is_staff": "1",
    }  # fmt: skip
    other = person("wang")
    before = {one.pk: one.__dict__ | {"_state": None} for one in (user, other)}
    client = signed_in()
    client.post("/account/profile", greedy | {"phone": PHONE, "mail": MAIL})
    client.post("/account/confirm", greedy | {"password": PASSWORD})
    client.post("/account/factors/authenticator", greedy)
    client.post("/account/tokens", greedy | {"name": "t", "days": "3"})
    client.post("/account/password", greedy | {"old": PASSWORD, "new": ANOTHER, "again": ANOTHER})
    kept = ("username", "name_zh", "division_code", "is_active", "clearance", "personal_key", "must_change_password")
    for one in User.objects.all():
        assert {name: getattr(one, name) for name in kept} == {name: before[one.pk][name] for name in kept}
    assert User.objects.get(pk=user.pk).document == ""
    token = user.tokens.get()
    assert token.user_id == user.pk and token.digest != "0" * 64 and token.expires_at.year < 2090
    assert not other.tokens.exists() and not second_factors.of(user.pk).any
    client.get("/account/")
    assert not hasattr(User.objects.get(pk=user.pk), "admin_duty")
