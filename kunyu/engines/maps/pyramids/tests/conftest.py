"""The committed county of the maps' tests, with the database open for the whole module: builds are committed work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from kunyu.engines.maps.tests.conftest import empty

if TYPE_CHECKING:
    from kunyu.engines.maps.tests.county import County


@pytest.fixture(scope="module")
def county(django_db_setup: None, django_db_blocker: Any) -> Iterator[County]:
    """The county of ``maps/tests/county.py``; everything is dropped afterwards, what was derived too."""
    from django.db import connection

    from kunyu.engines.catalogue.served.serving import close_pools
    from kunyu.engines.maps.tests import county as building

    with django_db_blocker.unblock():
        try:
            yield building.build()
        finally:
            close_pools()
            with connection.cursor() as cursor:
                cursor.execute("SET ROLE kunyu_onemap")
                cursor.execute("DROP SCHEMA IF EXISTS onemap_tiles CASCADE")
                cursor.execute("RESET ROLE")
            empty()


@pytest.fixture
def ask(county: County, settings: Any) -> Callable[..., Any]:
    """Ask as the steward, or as ``who``; keyword arguments become the query string."""
    from django.test import Client

    settings.ROOT_URLCONF = "kunyu.engines.maps.tests.addresses"

    def asking(path: str, who: str = "steward", **query: Any) -> Any:
        return Client(headers={"Authorization": f"Bearer {getattr(county, who)}"}).get(path, query)

    return asking
