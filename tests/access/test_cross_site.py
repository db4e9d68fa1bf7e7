"""Requests that other sites make a browser send (attack: CSRF), on every route there is; and the headers of answers.

R-131. A route written tomorrow is in here tomorrow: the list is the route table.
"""

from __future__ import annotations

import re
import uuid

import pytest
from django.conf import settings
from django.test import Client
from django.urls import resolve
from django.urls.converters import get_converters

from kunyu.engines.security import access_tokens
from kunyu.engines.security.models import AuditEntry, SignInSession
from kunyu.engines.security.scope import operator
from kunyu.engines.security.tests.identity_people import PASSWORD, administrator, person, signed_in
from tests.access.routes import every_route

pytestmark = pytest.mark.django_db
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
_PARAMETER = re.compile(r"<(?:([a-z_]+):)?([a-z_]+)>")
FOREIGN = {"Origin": "https://evil.example", "Referer": "https://evil.example/page"}


def addresses() -> list[str]:
    """Every address, with values that its parameters take; each of them does lead to a view."""
    found = []
    for route in every_route():
        address = "/" + _PARAMETER.sub(lambda part: _value(part[1] or "str"), route.pattern)
        resolve(address)
        found.append(address)
    return found


def _value(kind: str) -> str:
    regex = get_converters()[kind].regex
    first = regex.split("|")[0].replace("\\", "")
    return next(one for one in ("1", "a1", first, str(uuid.UUID(int=1))) if re.fullmatch(regex, one))


@pytest.mark.parametrize("who", ["viewer", "system", "security", "audit"])
@pytest.mark.parametrize("headers", [{}, FOREIGN], ids=["no origin", "foreign origin"])
def test_every_unsafe_request_with_a_session_needs_the_pages_token(who, headers):
    if who == "viewer":
        person(who)
    else:
        administrator(who, who)
    client = signed_in(who)
    client.handler.enforce_csrf_checks = True
    done = AuditEntry.objects.exclude(result="refused")
    living = SignInSession.objects.filter(ended_at=None)
    before = done.count(), living.count()
    open_doors = []
    for address in addresses():
        for method in UNSAFE:
            answer = client.generic(method, address, b"{}", content_type="application/json", headers=headers)
            if answer.status_code != 403:
                open_doors.append((method, address, answer.status_code))
    assert open_doors == []
    assert (done.count(), living.count()) == before


def test_the_door_itself_needs_the_token():
    """Else another site signs its visitor in under the attacker's account (login CSRF)."""
    person()
    client = Client(enforce_csrf_checks=True)
    assert client.post("/login", {"username": "li", "password": PASSWORD}).status_code == 403
    for address in ("/login/passkey", "/login/certificate", "/login/passkey/options", "/login/certificate/challenge"):
        assert client.post(address, {}, content_type="application/json").status_code == 403


def test_the_pages_own_form_passes_and_a_programs_token_needs_no_other():
    person()
    client = Client(enforce_csrf_checks=True)
    page = client.get("/login").content.decode()
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    said = {"username": "li", "password": PASSWORD, "csrfmiddlewaretoken": token}
    assert client.post("/login", said).status_code == 302
    assert client.cookies["csrftoken"]["httponly"] and client.cookies["csrftoken"]["samesite"] == "Lax"
    stale = client.post("/account/profile", {"phone": "1", "csrfmiddlewaretoken": token})
    assert stale.status_code == 403  # the token of before sign-in is dead
    key = access_tokens.issue(person("wang"), "t", operator())
    answer = Client(enforce_csrf_checks=True).post(
        "/api/deliveries", {}, headers={"Authorization": f"Bearer {key}"}
    )  # fmt: skip
    assert answer.status_code != 403 or answer.json()["code"] != "cross_site_refused"


def test_every_answer_carries_the_headers(settings):
    person()
    client = signed_in()
    for address in ("/", "/login", "/account/", "/catalogue/", "/api/map/layers", "/ogc/", "/nowhere", "/healthz"):
        answer = client.get(address)
        policy = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
        assert policy["script-src"] == "'self'" and policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'" and policy["object-src"] == "'none'"
        assert "unsafe-eval" not in answer["Content-Security-Policy"]
        assert answer["X-Content-Type-Options"] == "nosniff" and answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "same-origin" and "Strict-Transport-Security" not in answer
    settings.PRODUCTION = True
    assert client.get("/healthz")["Strict-Transport-Security"].startswith("max-age=")
    for address in ("/login", "/account/", "/account/factors"):
        assert client.get(address)["Cache-Control"] == "no-store"


def test_no_page_holds_a_script_or_a_style_of_its_own():
    """Templates are read, not only pages that a test happens to open."""
    templates = [path for path in (settings.ROOT / "kunyu").rglob("*.html") if "/templates/" in str(path)]
    printed = {
        "report.html",
        "sheet.html",
        "audit_report_print.html",
        "archive.html",
    }  # whole documents, not pages: shown under their own policy
    assert len(templates) > 20
    for path in templates:
        text = path.read_text(encoding="utf-8")
        assert "<script" not in text and "javascript:" not in text, path
        # letters of matters stand in the matter's folder: made into PDF, never sent to a browser
        is_letter = path.parent.name == "templates" and "packs" in path.parts
        assert path.name in printed or is_letter or "<style" not in text, path
        assert not any(f" on{event}=" in text for event in ("click", "load", "error", "submit", "change")), path
