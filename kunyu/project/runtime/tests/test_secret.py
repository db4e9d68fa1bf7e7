"""The drawn password of demonstration accounts passes the node's own policy."""

import pytest

from kunyu.engines.security import passwords
from kunyu.project.runtime.secret import _draw

pytestmark = pytest.mark.quick


def test_the_drawn_password_of_demo_accounts_satisfies_the_policy():
    for _ in range(300):
        assert passwords.faults(_draw("demo_password"), "steward") == []
