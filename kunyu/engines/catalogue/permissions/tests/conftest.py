"""People of a city with the catalogue loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from django.test import Client


@pytest.fixture
def an(db: None) -> Client:
    """The security administrator of city 9901, signed in; the catalogue and the built-in roles are loaded."""
    from kunyu.engines.catalogue.permissions.tests.city import administrator, prepare

    prepare()
    return administrator("security")
