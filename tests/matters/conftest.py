"""The county of the journeys, committed; the bureau, the matters that ship and a seal, in the test's transaction."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

    from tests.matters.world import Bureau

# Django is imported inside: pytest reads this file before it sets Django up.


@pytest.fixture(scope="session")
def seal_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One state folder for the keys and objects of all these tests."""
    return tmp_path_factory.mktemp("matters")


@pytest.fixture(autouse=True)
def _node(seal_home: Path, settings: SettingsWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUNYU_KEY_PASSPHRASE", "KUNYU_KEY_PASSPHRASE_FILE", "KUNYU_PRODUCTION"):
        monkeypatch.delenv(name, raising=False)
    settings.KUNYU_HOME = seal_home
    settings.KUNYU_OBJECT_STORE = str(seal_home / "objects")


@pytest.fixture(scope="module")
def people(django_db_setup: None, django_db_blocker: Any) -> Iterator[Bureau]:
    """Layers and people, committed, because the serving role has its own connections and asks what each may read."""
    from kunyu.engines.analysis import coverage
    from kunyu.engines.analysis.tests.conftest import empty
    from kunyu.engines.catalogue.served.serving import close_pools
    from tests.matters import world

    with django_db_blocker.unblock():
        coverage.forget()
        try:
            yield world.build()
        finally:
            close_pools()
            empty()
            coverage.forget()


@pytest.fixture
def bureau(people: Bureau, db: None) -> Bureau:
    """People in their posts, the shipped matters published, the bureau's seal in use."""
    from kunyu.engines.documents.seals.tests.made import active_seal
    from kunyu.engines.matters.definitions import shipped
    from kunyu.engines.security import scope

    shipped.load(scope.operator("tests"), ["S-001", "S-002", "S-006", "S-008"])
    active_seal()
    return people
