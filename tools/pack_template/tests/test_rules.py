"""Each rule: one pass, one fail, one boundary, exact numbers."""

from decimal import Decimal

import pytest

from kunyu.packs.{name}.rules import LARGEST_M2, plot_is_within_the_limit

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("area_m2", "allowed"), [(Decimal("9999.99"), True), (LARGEST_M2, True), (Decimal("10000.01"), False)]
)
def test_the_limit_is_inclusive(area_m2: Decimal, allowed: bool) -> None:
    assert plot_is_within_the_limit(area_m2) is allowed
