"""The catalogue, loaded. Django is imported inside: the tests of the standards run without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kunyu.engines.catalogue.loading import Loaded


@pytest.fixture
def catalogue(db: None) -> Loaded:
    """The catalogue as it ships, in the test's transaction."""
    from kunyu.engines.catalogue.loading import load_catalogue

    return load_catalogue()
