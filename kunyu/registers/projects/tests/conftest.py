"""A state folder of their own: keys of seals and of personal fields, objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def sealing_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One state folder for all these tests."""
    return tmp_path_factory.mktemp("sealing")


@pytest.fixture(autouse=True)
def node_that_seals(sealing_home: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("KUNYU_KEY_PASSPHRASE", "KUNYU_KEY_PASSPHRASE_FILE", "KUNYU_PRODUCTION"):
        monkeypatch.delenv(name, raising=False)
    settings.KUNYU_HOME = sealing_home
    settings.KUNYU_OBJECT_STORE = str(sealing_home / "objects")
    yield
