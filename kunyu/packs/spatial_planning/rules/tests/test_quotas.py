"""C-13 and C-14: clear only where nothing is taken; the ledgers that would confirm a quota are not there."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kunyu.engines.matters.rules.tests.asks import ask, stale, survey
from kunyu.packs.spatial_planning.rules import quotas


@pytest.mark.parametrize(("area", "state", "reason"), [("0.00", "clear", ""), ("1.00", "clear", ""), ("1.01", "not_checked", "no_ledger")])  # fmt: skip
def test_c13_cultivated_land(area: str, state: str, reason: str) -> None:
    rest = str(Decimal("10000.00") - Decimal(area))
    answer = quotas.cultivated_land_is_made_up_for(ask(overlaps=survey({"0103": area, "0301": rest})))
    assert (answer.state, answer.reason, answer.measured, answer.limit) == (state, reason, Decimal(area), Decimal("1"))


@pytest.mark.parametrize(("area", "state", "reason"), [("0.00", "clear", ""), ("1.00", "clear", ""), ("1.01", "not_checked", "no_ledger")])  # fmt: skip
def test_c14_new_construction_land(area: str, state: str, reason: str) -> None:
    """Agricultural and unused land becomes new construction land; a rural road (1006) is agricultural."""
    rest = str(Decimal("10000.00") - Decimal(area))
    classes = {"0701": rest} | ({"1006": area} if Decimal(area) else {})
    answer = quotas.new_construction_land_has_its_quota(ask(overlaps=survey(classes)))
    assert (answer.state, answer.reason, answer.measured) == (state, reason, Decimal(area))


def test_without_the_survey_nothing_is_clear() -> None:
    for rule in (quotas.cultivated_land_is_made_up_for, quotas.new_construction_land_has_its_quota):
        assert rule(ask(overlaps=stale("10401-003"))).reason == "stale"
    partly = ask(overlaps=survey({"0701": "9899.99"}))
    assert quotas.new_construction_land_has_its_quota(partly).reason == "not_covered"
