"""People for the tests of the worklist: two checkers of one county, one of another, a security administrator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # Django is not ready when this file is loaded
    from kunyu.engines.security.models import User

COUNTY = "990101"


@pytest.fixture
def person(db: None) -> Callable[..., User]:
    """Make an account, granted actions in a county: ``person("li", "approve", county="990101")``."""

    def make(username: str, *actions: str, county: str = COUNTY, branch: str = "104") -> User:
        from kunyu.engines.security import epochs, services
        from kunyu.engines.security.models import User
        from kunyu.engines.security.scope import operator

        user = User.objects.create_user(username, "correct-horse-9", name_zh=f"{username}同志", division_code=county)
        if actions:
            services.grant(user, actions, actor=operator(), branch=branch, division_prefix=county)
        epochs.forget()
        return user

    return make


@pytest.fixture
def li(person: Callable[..., User]) -> User:
    return person("li", "see", "query", "approve")


@pytest.fixture
def wang(person: Callable[..., User]) -> User:
    return person("wang", "see", "query", "approve")


@pytest.fixture
def stranger(person: Callable[..., User]) -> User:
    """May approve, but in another county."""
    return person("zhao", "see", "query", "approve", county="990202")


@pytest.fixture
def guard(person: Callable[..., User]) -> User:
    """The security administrator of the whole node."""
    from kunyu.engines.security import epochs
    from kunyu.engines.security.models import AdminDuty

    user = person("an")
    AdminDuty.objects.create(user=user, duty="security", appointed_by="operator")
    epochs.forget()
    return user
