"""A catalogue, people around a dataset, another bureau's server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kunyu.engines.catalogue.register.tests.other_node import Other, running

PARCELS = "10401-003"


@pytest.fixture(scope="session")
def other_server() -> Iterator[Other]:
    with running() as other:
        yield other


@pytest.fixture
def other(other_server: Other) -> Other:
    other_server.is_down = False
    other_server.asked.clear()
    return other_server


@pytest.fixture
def people(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """``steward`` answers for the parcels, ``viewer`` may query them, ``stranger`` has an account only."""
    from kunyu.engines.catalogue.loading import load_labelled_catalogue
    from kunyu.engines.catalogue.register.settings import services_settings
    from kunyu.engines.security import epochs
    from kunyu.engines.security.models import User
    from kunyu.engines.security.session import principal_of

    load_labelled_catalogue("security")
    monkeypatch.setenv("KUNYU_SERVICES_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("KUNYU_SERVICES_SECONDS", "30")
    services_settings.cache_clear()
    rights = {"steward": ("see", "query", "edit", "approve"), "viewer": ("see", "query"), "stranger": ()}
    found = {}
    for name, actions in rights.items():
        user = User.objects.create_user(name, "a-long-password-2026", name_zh=name)
        for action in actions:
            user.grants.create(
                action=action, branch="104", division_prefix="", max_secrecy=2, max_grading=0, max_sharing=1
            )
        epochs.forget()
        found[name] = principal_of(user)
    yield found
    services_settings.cache_clear()


@pytest.fixture
def entry(other: Other) -> Any:
    """A WMS of the other bureau; keyword arguments replace."""
    from kunyu.engines.catalogue.register.services import Entry

    def made(**changes: Any) -> Entry:
        values = {
            "code": "relief", "name_zh": "地貌晕渲", "kind": "wms", "collection": PARCELS,
            "addresses": (f"{other.address}/geo/wms",),
        }  # fmt: skip
        return Entry(**{**values, **changes})

    return made


@pytest.fixture
def sign_in(people: dict[str, Any]) -> Any:
    """A client with the token of one of the people."""
    from django.test import Client

    from kunyu.engines.security.models import User
    from kunyu.engines.security.scope import operator
    from kunyu.engines.security.services import issue_token

    def client(name: str) -> Client:
        token = issue_token(User.objects.get(username=name), "tests", operator("tests"))
        return Client(headers={"Authorization": f"Bearer {token}"})

    return client
