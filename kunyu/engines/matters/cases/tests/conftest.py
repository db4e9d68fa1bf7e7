"""The world of cases, inside a rolled-back transaction or committed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # Django is not ready when this file is loaded
    from kunyu.engines.matters.cases.tests.world import World


@pytest.fixture
def with_pack(settings: Any) -> None:
    """The folder of the test matters is an installed pack."""
    from kunyu.engines.matters.cases.tests.world import PACK

    settings.INSTALLED_PACKS = [*settings.INSTALLED_PACKS, PACK]


@pytest.fixture
def world(db: None, with_pack: None) -> World:
    from kunyu.engines.matters.cases.tests.world import build

    return build()


@pytest.fixture
def committed(transactional_db: None, with_pack: None) -> World:
    """As ``world``, seen by other connections."""
    from kunyu.engines.matters.cases.tests.world import build

    return build()


@pytest.fixture
def seal(world: World) -> Any:
    """A seal in use in the county."""
    from kunyu.engines.matters.cases.tests.seals import seal_in_use

    return seal_in_use()
