"""The committed gallery and clients that ask for it as different people."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kunyu.engines.maps.coverages.tests.imagery import Gallery

# Django is imported inside: pytest reads this file before it sets Django up.


@pytest.fixture(scope="session")
def rasters() -> Path:
    """Real images of the shared data."""
    default = Path(__file__).resolve().parents[6] / "shared" / "data"
    folder = Path(os.environ.get("KUNYU_SHARED_DATA", default)) / "raster"
    if not folder.is_dir():
        pytest.skip("the shared data sets are not at hand (KUNYU_SHARED_DATA)")
    return folder


@pytest.fixture(scope="module")
def gallery(django_db_setup: None, django_db_blocker: Any, rasters: Path) -> Iterator[Gallery]:
    """The images of ``imagery.py``, committed, because the serving role has its own connections."""
    from kunyu.engines.catalogue.served.serving import close_pools
    from kunyu.engines.maps.coverages.handles import handles
    from kunyu.engines.maps.coverages.tests import imagery
    from kunyu.engines.maps.tests.conftest import empty

    with django_db_blocker.unblock():
        try:
            yield imagery.build(rasters)
        finally:
            handles().close()
            close_pools()
            empty()


@pytest.fixture
def ask(gallery: Gallery, db: None) -> Callable[..., Any]:
    """Ask as the steward, or as ``who``; None is nobody. Keyword arguments become the query string (``__`` is ``-``)."""
    from django.test import Client

    def asking(path: str, who: str | None = "steward", headers: dict[str, str] | None = None, **query: Any) -> Any:
        sent = {"Accept": "application/json, */*", **(headers or {})}
        if who:
            sent["Authorization"] = f"Bearer {getattr(gallery, who)}"
        return Client(headers=sent).get(path, {name.replace("__", "-"): value for name, value in query.items()})

    return asking
