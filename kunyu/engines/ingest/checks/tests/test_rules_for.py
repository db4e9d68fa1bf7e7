"""Which rules a standard gets: those of the packs that name it, and the general ones of every pack."""

from __future__ import annotations

import pytest

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.checks.rule import rules_for

GENERAL = {"Q201", "Q202", "Q203", "Q204", "Q205", "Q206", "Q207", "Q208", "Q301"}


def ids(standard: str) -> set[str]:
    return {one.id for one in rules_for(load_standard(standard)).rules}


@pytest.mark.parametrize("standard", ["KUNYU-OPEN-2026", "MNR-CONTROL-2021", "MNR-MINERAL-PLAN", "TDT1057-2020"])
def test_general_rules_serve_every_standard(standard: str) -> None:
    """A pack that names a standard adds to the general rules of the other packs instead of hiding them."""
    assert ids(standard) >= GENERAL


def test_rules_of_one_standard_stay_with_it() -> None:
    """Land survey rules that are not general go to the land survey alone; F and M rules to their own standards."""
    control, minerals = ids("MNR-CONTROL-2021"), ids("MNR-MINERAL-PLAN")

    assert {"P401", "F101"} <= control
    assert {"M101", "P501"} <= minerals
    assert not {"M101", "Q303"} & control
    assert not {"P401", "F101", "Q303"} & minerals
    assert not {one for one in ids("TDT1057-2020") if one[0] in "PFM"}


def test_what_is_not_run_belongs_to_its_standard_too() -> None:
    assert [one.id for one in rules_for(load_standard("MNR-CONTROL-2021")).not_yet] == ["P311"]
    assert [one.id for one in rules_for(load_standard("MNR-MINERAL-PLAN")).not_yet] == ["M601"]
