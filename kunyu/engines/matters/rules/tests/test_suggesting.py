"""The suggested opinion: what the answers point to, each with its clause, and never a decision."""

from __future__ import annotations

from typing import Any

import pytest


def told(rule: str, state: str, weight: str = "block", **more: Any) -> Any:
    from kunyu.engines.matters.rules.disclosure import Told

    plain: dict[str, Any] = {
        "name_zh": f"规则{rule}", "name_en": f"Rule {rule}", "clause": "《土地管理法》第三十五条", "reason": "", "message_zh": "占用 5 m²。",
        "message_en": "Takes 5 m².", "remedy_zh": "避让", "remedy_en": "Move", "measured": None, "limit": None, "unit": "",
        "place": None, "versions": (), "measure": "whole",
    }  # fmt: skip
    return Told(rule=rule, state=state, weight=weight, **(plain | more))


@pytest.mark.parametrize(
    ("answers", "tendency"),
    [
        ([("C-01", "clear", "block")], "agree"),
        ([("C-01", "clear", "block"), ("C-18", "conflict", "warn")], "agree"),
        ([("C-01", "not_checked", "warn"), ("C-18", "conflict", "warn")], "look"),
        ([("C-01", "not_checked", "block"), ("C-11", "conflict", "document")], "complete"),
        ([("C-11", "conflict", "document"), ("C-04", "conflict", "block")], "refuse"),
        ([], "agree"),
    ],
)
def test_tendency(answers: list[tuple[str, str, str]], tendency: str) -> None:
    from kunyu.engines.matters.rules.suggesting import suggest

    assert suggest([told(*one) for one in answers]).tendency == tendency


def test_text_with_clauses_in_the_order_of_weight() -> None:
    from kunyu.engines.matters.rules.suggesting import suggest

    open_one = told(
        "C-13", "not_checked", "document", message_zh="没有台账。", message_en="No ledger.", remedy_zh="", remedy_en=""
    )
    found = suggest([open_one, told("C-11", "conflict", "document"), told("C-04", "conflict"), told("C-01", "clear")])
    assert [one.rule for one in found.points] == ["C-04", "C-11", "C-13"]
    assert found.text_zh.splitlines() == [
        "存在不符合项，建议退回调整或不予批准。",
        "共核验 4 项：通过 1 项，冲突 2 项，未核验 1 项。",
        "1. 【不符合】C-04 规则C-04：占用 5 m²；避让（依据：《土地管理法》第三十五条）。",
        "2. 【须补充材料】C-11 规则C-11：占用 5 m²；避让（依据：《土地管理法》第三十五条）。",
        "3. 【未核验】C-13 规则C-13：没有台账（依据：《土地管理法》第三十五条）。",
        "以上由系统依据自动核验结果生成，仅供参考，不是审查意见，更不是决定。",
    ]
    assert (
        found.text_en.splitlines()[2]
        == "1. [does not conform] C-04 Rule C-04: Takes 5 m²; Move (basis: 《土地管理法》第三十五条)."
    )
    assert found.text_en.splitlines()[-1].endswith("neither an opinion nor a decision.")
