"""One committed world for all access tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.access.world import World


@pytest.fixture(scope="package")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """People and data, committed, because the serving role has its own connections."""
    from kunyu.engines.catalogue.served.serving import close_pools
    from kunyu.engines.maps.tests.conftest import empty
    from tests.access import world as building

    with django_db_blocker.unblock():
        try:
            yield building.build()
        finally:
            close_pools()
            empty()
