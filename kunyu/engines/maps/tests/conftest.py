"""The committed county and clients that ask for it as different people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kunyu.engines.maps.tests.county import County
    from kunyu.engines.maps.tile_cache import TileCache

# Django is imported inside: pytest reads this file before it sets Django up.


def empty() -> None:
    """Drop the layer tables and empty every other table, the audit too."""
    from django.core.management import call_command
    from django.db import connection

    from kunyu.engines.security.audit.tests.emptying import empty_what_flush_leaves

    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'onemap' AND tablename !~ '_p[0-9]{6}$'")
        tables = [row[0] for row in cursor.fetchall()]
        cursor.execute("SET ROLE kunyu_onemap")
        for table in tables:
            cursor.execute(f'DROP TABLE onemap."{table}" CASCADE')
        cursor.execute("RESET ROLE")
    call_command("flush", interactive=False, verbosity=0)
    empty_what_flush_leaves()


@pytest.fixture(scope="module")
def county(django_db_setup: None, django_db_blocker: Any) -> Iterator[County]:
    """The county of ``county.py``, committed, because the serving role has its own connections."""
    from kunyu.engines.catalogue.served.serving import close_pools
    from kunyu.engines.maps.tests import county as building

    with django_db_blocker.unblock():
        try:
            yield building.build()
        finally:
            close_pools()
            empty()


@pytest.fixture(autouse=True)
def nothing_drawn_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TileCache:
    """A tile cache of the test's own: no test is answered by what another drew."""
    from kunyu.engines.maps import tile_plans
    from kunyu.engines.maps.tile_cache import TileCache

    cache = TileCache(tmp_path / "tiles", 16 << 20, 64 << 20)
    monkeypatch.setattr(tile_plans, "tile_cache", lambda: cache)
    return cache


@pytest.fixture
def ask(county: County, db: None, settings: Any) -> Callable[..., Any]:
    """Ask as the steward, or as ``who``; ``who=None`` is nobody. Keyword arguments become the query string."""
    from django.test import Client

    settings.ROOT_URLCONF = "kunyu.engines.maps.tests.addresses"

    def asking(path: str, who: str | None = "steward", headers: dict[str, str] | None = None, **query: Any) -> Any:
        sent = {"Accept": "application/json, application/geo+json, */*", **(headers or {})}
        if who:
            sent["Authorization"] = f"Bearer {getattr(county, who)}"
        return Client(headers=sent).get(path, {name.replace("__", "-"): value for name, value in query.items()})

    return asking
