"""The county of the analyses, committed, and applications about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kunyu.engines.analysis.tests.county import People

# Django is imported inside: pytest reads this file before it sets Django up.


@pytest.fixture(scope="module")
def people(django_db_setup: None, django_db_blocker: Any) -> Iterator[People]:
    """The county of ``analysis/tests/county.py``, committed, because the serving role has its own connections."""
    from kunyu.engines.analysis import coverage
    from kunyu.engines.analysis.tests import county
    from kunyu.engines.analysis.tests.conftest import empty
    from kunyu.engines.catalogue.served.serving import close_pools

    with django_db_blocker.unblock():
        coverage.forget()
        try:
            yield county.build()
        finally:
            close_pools()
            empty()
            coverage.forget()
