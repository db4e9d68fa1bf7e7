"""The world of cases with divisions to choose from and a matter whose form asks for everything a form may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kunyu.engines.matters.cases.tests.conftest import seal, with_pack, world
from kunyu.engines.matters.rules.tests.conftest import people

if TYPE_CHECKING:
    from kunyu.engines.matters.hall.tests.browsing import Browser

__all__ = ["at", "hall", "people", "seal", "with_pack", "world"]


@pytest.fixture
def hall(world: Any) -> Any:
    """The world with the matter ``H-001``."""
    from kunyu.engines.matters.hall.tests.browsing import publish_everything

    publish_everything()
    return world


@pytest.fixture
def at(hall: Any) -> Any:
    """``at("applicant").get(…)``."""
    from kunyu.engines.matters.hall.tests.browsing import Browser

    kept: dict[str, Browser] = {}
    return lambda name: kept.setdefault(name, Browser(hall, name))
