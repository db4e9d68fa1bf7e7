"""C-08 to C-12, C-15 to C-17, C-19, C-20: protected places and what other offices must answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kunyu.engines.matters.rules.answers import Overlap
from kunyu.engines.matters.rules.tests.asks import ask, overlap, stale
from kunyu.packs.spatial_planning.rules import hazards, land_rights, protected

FILE: dict[str, Any] = {"faults": []}
RESERVE = "20505-001.ZRBHQ"


def areas(**found: str) -> dict[str, Overlap]:
    layers = {name: overlap(name) for name in protected.PROTECTED_AREAS}
    return layers | {f"20505-001.{code}": overlap(f"20505-001.{code}", area) for code, area in found.items()}


@pytest.mark.parametrize(("area", "state"), [("0", "clear"), ("1.00", "clear"), ("1.01", "conflict")])
def test_c08_protected_areas(area: str, state: str) -> None:
    answer = protected.plot_keeps_off_protected_areas(ask(overlaps=areas(ZRBHQ=area)))
    assert (answer.state, answer.measured, answer.limit) == (state, Decimal(area), Decimal("1"))


def test_c08_the_general_zone_needs_the_opinion_and_one_missing_layer_leaves_it_open() -> None:
    general, opinion = {"protected_zone": "general"}, {"protected_area_opinion": FILE}
    overlaps = areas(ZRBHQ="300.00")
    assert protected.plot_keeps_off_protected_areas(ask(overlaps=overlaps, form=general)).state == "conflict"
    assert (
        protected.plot_keeps_off_protected_areas(ask(overlaps=overlaps, form=general, materials=opinion)).state
        == "clear"
    )
    core = ask(overlaps=overlaps, form={"protected_zone": "core"}, materials=opinion)
    assert protected.plot_keeps_off_protected_areas(core).message_zh == f"占用图层{RESERVE} 300.00 m²，属核心保护区。"
    open_one = protected.plot_keeps_off_protected_areas(ask(overlaps=areas() | stale(RESERVE)))
    assert (open_one.state, open_one.reason) == ("not_checked", "stale")
    assert open_one.message_zh == f"9 个图层中有 1 个未核验：图层{RESERVE}。数据过期。"
    found = protected.plot_keeps_off_protected_areas(ask(overlaps=areas(SLGY="5.00") | stale(RESERVE)))
    assert found.state == "conflict"


def source(area: str, level: str) -> dict[str, Overlap]:
    record = {"id": "1", "county": "990101", "area_m2": Decimal(area), "BHQJB": level}
    return {protected.WATER_SOURCE: overlap(protected.WATER_SOURCE, area, records=(record,))}


def test_c09_water_sources() -> None:
    rule = protected.plot_keeps_off_water_sources
    assert rule(ask(overlaps={protected.WATER_SOURCE: overlap(protected.WATER_SOURCE)})).state == "clear"
    assert rule(ask(overlaps=source("1.00", "一级"))).state == "clear"
    first = rule(ask(overlaps=source("1.01", "一级保护区")))
    assert (first.state, first.measured, first.message_zh) == (
        "conflict",
        Decimal("1.01"),
        "占用饮用水水源一级保护区 1.01 m²。",
    )
    assert rule(ask(overlaps=source("50.00", ""))).reason == "zone_unknown"
    second = source("50.00", "二级保护区")
    assert rule(ask(overlaps=second)).reason == "field_missing"
    assert rule(ask(overlaps=second, form={"discharges_pollutants": True})).state == "conflict"
    assert rule(ask(overlaps=second, form={"discharges_pollutants": False})).state == "clear"
    assert rule(ask(overlaps=stale(protected.WATER_SOURCE))).reason == "stale"


@pytest.mark.parametrize(
    ("rule", "kinds", "reason"),
    [
        (protected.heritage_authority_agrees, ("heritage_opinion",), "missing"),
        (hazards.geohazards_were_assessed, ("geohazard_report",), "missing"),
        (hazards.agencies_of_airspace_and_defence_agree, ("clearance_opinion", "microwave_opinion", "military_opinion"), "classified"),
        (land_rights.land_was_not_taken_unlawfully, ("disposal_decision",), "missing"),
    ],
)  # fmt: skip
def test_what_only_a_document_can_answer(rule: Any, kinds: tuple[str, ...], reason: str) -> None:
    """C-10, C-11, C-17, C-20: without the document not checked, never clear; a file with faults is none."""
    assert (rule(ask()).state, rule(ask()).reason) == ("not_checked", reason)
    assert rule(ask(materials=dict.fromkeys(kinds, FILE))).state == "clear"
    for kind in kinds:
        some = {other: FILE for other in kinds if other != kind} | {kind: {"faults": [{"code": "encrypted"}]}}
        assert rule(ask(materials=some)).state == "not_checked"


def test_c11_takes_the_number_of_the_report() -> None:
    answer = hazards.geohazards_were_assessed(ask(form={"geohazard_report_id": "DZPG-2026-7"}))
    assert (answer.state, answer.message_zh) == ("clear", "已填写地质灾害危险性评估报告编号 DZPG-2026-7。")


def test_c12_minerals() -> None:
    """Nothing below: clear; below without approval: conflict; with number or agreement: clear; not looked at: open."""
    layer, rule = hazards.MINERALS, hazards.covering_minerals_was_approved
    for area, state in (("0", "clear"), ("1.00", "clear"), ("1.01", "conflict")):
        assert rule(ask(overlaps={layer: overlap(layer, area)})).state == state
    below = {layer: overlap(layer, "800.00")}
    assert rule(ask(overlaps=below, form={"mineral_approval_id": "示自然资函〔2026〕5号"})).state == "clear"
    assert rule(ask(overlaps=below, materials={"mineral_agreement": FILE})).state == "clear"
    assert rule(ask(overlaps=stale(layer))).reason == "stale"


def test_c15_coast_and_c16_sea() -> None:
    coast, sea = protected.COAST, protected.SEA_ZONES
    assert protected.plot_keeps_off_the_natural_coast(ask(overlaps=stale(coast))).reason == "stale"
    plan = ask(overlaps=stale(coast), form={"coastline_plan_id": "海岸〔2026〕3号"})
    assert protected.plot_keeps_off_the_natural_coast(plan).state == "clear"
    rule = protected.sea_use_fits_its_zone
    assert rule(ask(overlaps=stale(sea))).reason == "field_missing"
    assert rule(ask(overlaps=stale(sea), form={"use_code": "0701"})).message_zh == "不适用：不是用海项目。"
    port = {"use_code": "2001", "is_reclamation": True}
    assert rule(ask(overlaps=stale(sea), form=port)).state == "conflict"
    assert rule(ask(overlaps=stale(sea), form=port | {"is_national_strategy": True})).reason == "stale"
    assert rule(ask(overlaps={sea: overlap(sea, "10000.00")}, form={"use_code": "2001"})).reason == "no_matrix"


def test_c19_rights() -> None:
    layer, rule = land_rights.PARCELS_OF_RIGHTS, land_rights.rights_are_clear
    assert rule(ask(overlaps=stale(layer))).reason == "stale"
    assert rule(ask(overlaps={layer: overlap(layer, "10000.00")})).reason == "no_attribute"
    assert rule(ask(overlaps={layer: overlap(layer)})).reason == "no_attribute"
    assert rule(ask(overlaps=stale(layer), materials={"land_rights": FILE})).state == "clear"
