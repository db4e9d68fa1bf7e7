"""A state folder of their own for tests that make seals; imports no Django, so that any conftest may take it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def seal_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One state folder for the keys of all these tests."""
    return tmp_path_factory.mktemp("seals")


@pytest.fixture(autouse=True)
def node_of_seals(seal_home: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("KUNYU_KEY_PASSPHRASE", "KUNYU_KEY_PASSPHRASE_FILE", "KUNYU_PRODUCTION"):
        monkeypatch.delenv(name, raising=False)
    settings.KUNYU_HOME = seal_home
    settings.KUNYU_OBJECT_STORE = str(seal_home / "objects")
    yield
