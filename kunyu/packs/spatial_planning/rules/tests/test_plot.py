"""C-01 and C-21: where the plot lies and how large it is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kunyu.engines.matters.rules.answers import Overlap
from kunyu.engines.matters.rules.tests.asks import ask, overlap
from kunyu.packs.spatial_planning.rules import plot as rules

GROUND = "10401-001"


def ground(*parts: tuple[str, str, str], **more: Any) -> dict[str, Overlap]:
    """Administrative areas as (county, XZQDM, area)."""
    records = tuple({"id": str(k), "county": county, "area_m2": Decimal(area), "XZQDM": code}
                    for k, (county, code, area) in enumerate(parts))  # fmt: skip
    total = str(sum((one["area_m2"] for one in records), Decimal(0)))
    return {GROUND: overlap(GROUND, total, records=records, **more)}


@pytest.mark.parametrize(("inside", "state", "outside"), [("10000.00", "clear", "0.00"), ("9999.00", "clear", "1.00"), ("9998.99", "conflict", "1.01")])  # fmt: skip
def test_c01_inside_the_division(inside: str, state: str, outside: str) -> None:
    rest = str(Decimal("10000.00") - Decimal(inside))
    parts = [("990101", "990101101", inside)] + ([("990102", "990102101", rest)] if Decimal(rest) else [])
    answer = rules.plot_lies_in_its_division(ask(overlaps=ground(*parts)))
    assert (answer.state, answer.measured, answer.limit, answer.unit) == (state, Decimal(outside), Decimal("1"), "m²")


def test_c01_a_township_is_narrower_than_its_county() -> None:
    parts = ground(("990101", "990101101", "6000.00"), ("990101", "990101102", "4000.00"))
    assert rules.plot_lies_in_its_division(ask(overlaps=parts)).state == "clear"
    answer = rules.plot_lies_in_its_division(ask(overlaps=parts, division="990101101"))
    named = rules.plot_lies_in_its_division(ask(overlaps=parts, division="990101101", division_name="城关镇"))
    assert named.message_zh == "地块有 4000.00 m² 不在申请所选的“城关镇”内，超过 1 m²。"
    assert answer.message_zh == "地块有 4000.00 m² 不在申请所选的“990101101”内，超过 1 m²。"


@pytest.mark.parametrize(("declared", "state"), [(10000, "clear"), (10100, "clear"), (9900, "clear"), (10102, "conflict"), (9898, "conflict")])  # fmt: skip
def test_c01_one_per_cent_of_area(declared: float, state: str) -> None:
    answer = rules.plot_lies_in_its_division(
        ask(form={"declared_area_m2": declared}, overlaps=ground(("990101", "", "10000.00")))
    )
    assert answer.state == state
    if state == "conflict":
        assert (answer.measured, answer.limit, answer.unit) == (Decimal("1.02"), Decimal("1"), "%")


def test_c01_bad_missing_and_uncovered() -> None:
    """A broken plot is a conflict; a missing layer of areas is not checked; ground nobody published is outside."""
    bad = overlap(GROUND, state="not_checked", reason="bad_plot", reason_zh="自相交。", reason_en="Self-intersection.")
    answer = rules.plot_lies_in_its_division(ask(overlaps={GROUND: bad}))
    assert (answer.state, answer.message_zh) == ("conflict", "地块无效：自相交。")
    missing = overlap(GROUND, state="not_checked", reason="missing", reason_zh="没有。", reason_en="None.")
    assert rules.plot_lies_in_its_division(ask(overlaps={GROUND: missing})).reason == "missing"
    beyond = ground(("990101", "", "9000.00"), reason="not_covered", reason_zh="部分", reason_en="part")
    assert rules.plot_lies_in_its_division(ask(overlaps=beyond)).measured == Decimal("1000.00")


def test_c21_area_standard() -> None:
    for standard, state in ((10000, "clear"), (9999.99, "conflict")):
        answer = rules.area_keeps_to_the_standard(ask(form={"standard_area_m2": standard}))
        assert (answer.state, answer.measured, answer.limit) == (state, Decimal("10000.00"), Decimal(str(standard)))
    assert rules.area_keeps_to_the_standard(ask()).reason == "no_standard"
    report = {"land_saving_report": {"faults": []}}
    assert rules.area_keeps_to_the_standard(ask(materials=report)).state == "clear"
    assert rules.area_keeps_to_the_standard(ask(form={"standard_area_m2": 1}, materials=report)).state == "clear"
