"""No rule of any pack says *clear* over a layer that was not looked at whole, unless the layer is not what it stands on.

Every rule is asked with each of its layers not checked, and found in part; with forms that say nothing and forms that say
everything that could help. What may be clear all the same is listed here with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from kunyu.engines.matters.rules import registry
from kunyu.engines.matters.rules.answers import CLEAR, CONFLICT, NOT_CHECKED, Ask, Overlap
from kunyu.engines.matters.rules.registry import Rule
from kunyu.engines.matters.rules.remedies import EXAMINER, REMEDIES
from kunyu.engines.matters.rules.tests.asks import PLOT, VERSION, ask, overlap

STANDS_ON_SOMETHING_ELSE = {
    "C-12": "an approval to cover minerals, or an agreement, is named: whatever lies below",
    "C-15": "a plan that makes up for coastline is named",
    "C-16": "the use is none of the sea",
    "C-19": "proof of undisputed rights is attached",
    "C-05": "the project is no urban building",
    "C-22": "the project is a rural building",
    "LC-012": "what lies in permanent farmland is reported to the State Council already: more of it changes nothing",
}
GENEROUS: dict[str, Any] = {
    "certification_id": "认〔2026〕1号", "is_major_project": True, "supplement_area_m2": 99_999, "occupied_grade": 9,
    "supplement_grade": 1, "project_type": "urban", "boundary_adjustment_id": "调〔2026〕1号", "use_code": "0701",
    "protected_zone": "general", "discharges_pollutants": False, "mineral_approval_id": "矿〔2026〕1号",
    "coastline_plan_id": "岸〔2026〕1号", "is_single_site": True, "plot_ratio_max": 1, "building_density_max": 1,
    "green_ratio_min": 99, "height_max_m": 1, "agricultural_m2": 0, "unused_m2": 0, "approval_level": "state_council",
}  # fmt: skip
KINDS = ("一般控制区", "核心保护区", "二级保护区", "", "01")
"""What records may say of their kind."""


def rules_with_layers() -> list[str]:
    registry.load_installed()
    return [one.id for one in registry.every_rule() if one.collections and not one.id.startswith("T-")]


def part(collection: str, kind: str) -> Overlap:
    """500 m² were found; the look was not whole."""
    record = {"id": "1", "county": "990101", "area_m2": Decimal("500.00"), "share": 0.5, "code": "0301", "HXLX": kind,
              "BHQJB": kind, "RJL": 9, "JZMD": 99, "LDL": 0, "JZGD": 999, "XZQDM": ""}  # fmt: skip
    return overlap(
        collection, "500.00", CONFLICT, reason="hidden_records", reason_zh="有记录看不到。", reason_en="Some are hidden.",
        records=(record,), by_class={"0301": Decimal("500.00")}, versions=(VERSION | {"valid_from": "2025-12-31"},),
    )  # fmt: skip


def unseen(collection: str) -> Overlap:
    return overlap(collection, state=NOT_CHECKED, reason="not_shown", reason_zh="没有给出。", reason_en="Not shown.")


def asks_of(rule: Rule) -> Iterator[tuple[str, Ask]]:
    """Every layer open, and each alone open beside others that are clear or were found whole."""
    papers = {kind: {"faults": [], "facts": {}} for kind in rule.materials}
    forms = ({}, GENEROUS, GENEROUS | {"project_type": "rural"}, GENEROUS | {"is_single_site": False})
    for form in forms:
        for kind in KINDS:
            for opened in ("all", *rule.collections):
                for made in (unseen, lambda name, kind=kind: part(name, kind)):
                    others = {name: overlap(name) for name in rule.collections}
                    named = rule.collections if opened == "all" else (opened,)
                    layers = others | {name: made(name) for name in named}
                    for materials in ({}, papers):
                        yield opened, ask(form=form, overlaps=layers, materials=materials, matter="S-002")
            if len(rule.collections) > 1:  # one found whole, another not looked at
                first, *rest = rule.collections
                found = replace(part(first, kind), reason="", reason_zh="", reason_en="")
                layers = {first: found, **{name: unseen(name) for name in rest}}
                yield "rest", ask(form=form, overlaps=layers, materials=papers, matter="S-002")


@pytest.mark.parametrize("id", rules_with_layers())
def test_nothing_is_clear_over_an_open_layer(id: str) -> None:
    rule = registry.find_rule(id)
    clear = {(opened, said.message_zh) for opened, one in asks_of(rule) if (said := rule(one)).state == CLEAR}
    assert not clear or id in STANDS_ON_SOMETHING_ELSE, clear


def test_every_rule_with_a_layer_can_be_clear() -> None:
    """The test above means something: with the layers looked at whole and nothing in the way, rules do say clear."""
    said = {}
    for id in rules_with_layers():
        rule = registry.find_rule(id)
        whole = {name: overlap(name, "10000.00", by_class={"0701": Decimal("10000.00")}) if name in rule.sums else overlap(name)
                 for name in rule.collections}  # fmt: skip
        said[id] = rule(
            ask(form=GENEROUS, overlaps=whole, matter="S-002", area_m2=Decimal("10000.00"), plot=PLOT)
        ).state
    never = {id for id, state in said.items() if state != CLEAR}
    assert {"C-02", "C-03", "C-04", "C-08", "C-09", "C-12", "C-13", "C-14"}.isdisjoint(never), said


def test_every_reason_has_something_to_do_about_it() -> None:
    """Reasons of rules that are asked with nothing and with everything open all have a remedy of their own."""
    registry.load_installed()
    reasons = set()
    for rule in registry.every_rule():
        if rule.id.startswith("T-"):
            continue
        for opened in (unseen, lambda name: part(name, "")):
            bare = ask(
                overlaps={name: opened(name) for name in rule.collections}, matter="S-002", day=date(2026, 11, 23)
            )
            for one in (bare, replace(bare, form=GENEROUS), replace(bare, form={"use_code": "2001"})):
                answer = rule(one)
                if answer.state == NOT_CHECKED and not answer.remedy_zh:
                    reasons.add(answer.reason)
    assert reasons and reasons <= set(REMEDIES), reasons - set(REMEDIES)
    for zh, en in (*REMEDIES.values(), EXAMINER):
        assert zh and en and not zh.endswith("。")
