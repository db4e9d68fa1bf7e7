"""People for the tests of identity."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.test import Client

from kunyu.engines.security import services
from kunyu.engines.security.models import AdminDuty, User
from kunyu.engines.security.scope import operator

PASSWORD = "correct-Horse-9"
ANOTHER = "Battery-Staple-7"


def person(name: str = "li", **fields: Any) -> User:
    """Somebody who may see and query everything."""
    user = User.objects.create_user(name, PASSWORD, name_zh=f"{name}某", **fields)
    services.grant(user, ["see", "query"], actor=operator())
    return user


def administrator(name: str, duty: str, division: str = "9901") -> User:
    """One of the three."""
    user = User.objects.create_user(name, PASSWORD, name_zh=f"{name}某", division_code=division)
    AdminDuty.objects.create(user=user, duty=duty, division_prefix=division, appointed_by="operator")
    return user


def signed_in(name: str = "li", password: str = PASSWORD, **options: Any) -> Client:
    """A browser at which ``name`` has signed in by the page."""
    client = Client(**options)
    answer = client.post("/login", {"username": name, "password": password})
    assert answer.status_code == 302, answer.content.decode()[:2000]
    return client


def now() -> datetime:
    return datetime.now(UTC)
