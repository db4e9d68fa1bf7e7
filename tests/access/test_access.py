"""Every endpoint × every role × other division × higher label, from the route table (R-070, R-071, R-131; T17).

404 for what is invisible, 403 for what is visible but forbidden, 401 (or the sign-in page) for nobody; and no answer,
whatever its status, holds a text that its reader may not see.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from kunyu.engines.security import scope
from kunyu.engines.security.models import User
from tests.access.routes import Route, every_route
from tests.access.rules import RULES, Rule, Sample
from tests.access.world import MARKUP, PRIVATE, ROLES, TELLTALES, Role, World

pytestmark = pytest.mark.django_db(transaction=False)

REFUSED, UNSEEN, UNKNOWN = 403, 404, 401


def ask(world: World, role: Role, method: str, address: str, body: Mapping[str, object] | None = None) -> Any:
    client, headers = Client(raise_request_exception=False), {}
    if role.name in world.users and (role.duty or not address.startswith(("/api/", "/ogc/", "/proxy/"))):
        # pages are for people, and programs do not administer: a session, not a token
        client = _session(world, role)
    elif role.name in world.tokens:
        headers = {"Authorization": f"Bearer {world.tokens[role.name]}"}
    if body is None:
        return client.generic(method, address, headers=headers)
    if address.startswith("/api/"):
        return client.generic(method, address, json.dumps(body), content_type="application/json", headers=headers)
    return client.generic(method, address, urlencode(body), "application/x-www-form-urlencoded", headers=headers)


_sessions: dict[str, Client] = {}


@pytest.fixture(autouse=True)
def _fresh_sessions() -> None:
    """A session stands in the transaction of its test."""
    _sessions.clear()


def _session(world: World, role: Role) -> Client:
    if role.name not in _sessions:
        _sessions[role.name] = Client(raise_request_exception=False)
        _sessions[role.name].force_login(User.objects.get(pk=world.users[role.name]))
    return _sessions[role.name]


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def asks_to_sign_in(answer: Any) -> bool:
    return answer.status_code == UNKNOWN or (
        answer.status_code in (302, 303) and answer.headers["Location"].startswith("/login")
    )


def expected(rule: Rule, role: Role, sample: Sample, action: str) -> str:
    """``open``, ``in``, ``sign in``, ``unseen`` or ``refused``."""
    anonymous = role.name == "anonymous"
    if rule.kind == "open":
        return "open"
    if anonymous:
        return "sign in"
    if rule.kind in ("signed in", "own"):
        return "in"
    if rule.kind == "duty":
        return _for_administrators(rule, role)
    if sample.seen_by is not None:
        if role.name in (sample.seen_by if sample.done_by is None or not rule.write else sample.done_by):
            return "in"
        return "refused" if role.name in sample.seen_by else "unseen"
    if sample.subject is None:
        return "unseen"
    actions = role.reach(sample.subject)
    if action in actions:
        return "in"
    return "refused" if seen(rule, actions) else "unseen"


def _for_administrators(rule: Rule, role: Role) -> str:
    if role.duty not in rule.duty:
        return "unseen"
    if rule.whole and role.division:
        return "refused"
    return "in" if rule.everywhere or "990101".startswith(role.division) else "unseen"


def seen(rule: Rule, actions: frozenset[str]) -> bool:
    """What may be known of it at all: a delivery by who may query its data, the rest by who may see it."""
    return scope.SEE in actions


def fits(answer: Any, wanted: str) -> bool:
    status = answer.status_code
    match wanted:
        case "open":
            return status < 500 and status not in (UNKNOWN, REFUSED)
        case "in":
            return status < 500 and status not in (UNKNOWN, REFUSED) and not asks_to_sign_in(answer)
        case "sign in":
            return asks_to_sign_in(answer) or status == 405
        case "unseen":
            return status in (UNSEEN, 405)
        case "refused":
            return status in (REFUSED, 405)
    return False


def declared() -> Iterator[tuple[Route, Rule]]:
    for route in every_route():
        if route.pattern in RULES:
            yield route, RULES[route.pattern]


def test_every_route_is_declared() -> None:
    """A new endpoint without a rule fails here the day it appears (T17)."""
    undeclared = [route.pattern for route in every_route() if route.pattern not in RULES]
    gone = [pattern for pattern in RULES if pattern not in {route.pattern for route in every_route()}]
    assert not undeclared, f"declare who may ask these in tests/access/rules.py: {undeclared}"
    assert not gone, f"rules of routes that are no more: {gone}"


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_reading(world: World, role: Role) -> None:
    """Every address read as this role answers as declared, and shows nothing it may not."""
    faults = []
    for route, rule in declared():
        for sample in rule.samples(world) if route.reads and not rule.write else []:
            address = route.address(sample.values) + (f"?{sample.query}" if sample.query else "")
            answer = ask(world, role, "GET", address)
            wanted = expected(rule, role, sample, rule.act)
            # a collection exists for whoever reaches any county of it: then the other county's part is left out
            lenient = wanted == "unseen" and sample.subject is not None and _reaches_part(role, sample, rule.act)
            if not fits(answer, wanted) and not (lenient and answer.status_code in (200, 204)):
                faults.append(f"{address}: {answer.status_code}, wanted {wanted}")
            text = content(answer)
            faults += [f"{address}: shows {mark}" for mark in leaks(role, text, address)]
            if answer.headers.get("Content-Type", "").startswith("text/html") and MARKUP.encode() in text:
                faults.append(f"{address}: writes what people typed as markup")
    assert not faults, "\n".join(faults)


def _reaches_part(role: Role, sample: Sample, action: str) -> bool:
    return "feature_id" not in sample.values and "item_id" not in sample.values and "delivery_id" not in sample.values and "version_id" not in (
        sample.values
    ) and any(
        action in role.reach(one) for one in TELLTALES.values() if one.collection == sample.subject.collection
    )  # fmt: skip


def leaks(role: Role, text: bytes, address: str) -> list[str]:
    """Telltales in an answer that its reader may not query; what he wrote into the address himself is no leak."""
    return [
        mark
        for mark, subject in TELLTALES.items()
        if mark.encode() in text and mark not in address and scope.QUERY not in role.reach(subject)
    ] + [
        mark
        for mark, readers in PRIVATE.items()
        if mark.encode() in text and mark not in address and role.name not in readers
    ]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_writing_is_refused(world: World, role: Role) -> None:
    """Every unsafe method that this role may not use is refused before anything else is looked at."""
    faults = []
    for route, rule in declared():
        if rule.kind == "open":
            continue
        for sample in rule.samples(world):
            wanted = expected(rule, role, sample, rule.change or rule.write or rule.act)
            for method in route.unsafe if wanted != "in" else ():
                address = route.address(sample.values) + (f"?{sample.change_query}" if sample.change_query else "")
                answer = ask(world, role, method, address, rule.body)
                if not fits(answer, wanted):
                    faults.append(f"{method} {address}: {answer.status_code}, wanted {wanted}")
    assert not faults, "\n".join(faults)
