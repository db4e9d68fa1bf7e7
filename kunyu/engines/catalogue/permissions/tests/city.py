"""A fictional city, its administrators and people."""

from __future__ import annotations

import re

from django.test import Client

from kunyu.engines.catalogue.loading import load_catalogue
from kunyu.engines.reference.models import Division
from kunyu.engines.security import roles
from kunyu.engines.security.models import AdminDuty, User
from kunyu.engines.security.scope import operator

EVIL = "<script>alert(1)</script>"


def prepare() -> None:
    load_catalogue()
    for code, name, level in (("99", "示范省", 1), ("9901", "示范市", 2), ("990101", "坤舆县", 3)):
        Division.objects.get_or_create(
            code=code, defaults={"name_zh": name, "level": level, "source": "test", "parent_code": code[:-2] or "0"}
        )
    roles.load_built_in(operator("up"))


def entered(user: User, **options: bool) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def person(name: str, division: str = "990101") -> User:
    return User.objects.create_user(name, "correct-horse-9", name_zh=f"人{name}", division_code=division)


def administrator(duty: str, division: str = "9901") -> Client:
    user = person(f"{duty}{division}", division)
    AdminDuty.objects.create(user=user, duty=duty, division_prefix=division, appointed_by="operator")
    return entered(user)


def once(client: Client, address: str) -> str:
    """The token of the form shown at the address."""
    found = re.search(r'name="once" value="([^"]+)"', client.get(address).content.decode())
    assert found
    return found[1]
