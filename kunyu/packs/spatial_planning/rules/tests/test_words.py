"""What rules say to people: names, never the fields and codes behind them. 结论用语."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kunyu.engines.catalogue.standards import load_standard, standard_ids
from kunyu.engines.matters.definitions.packs import pack_folders
from kunyu.engines.matters.rules.answers import Ask, Overlap
from kunyu.engines.matters.rules.naming import land_class, use_class
from kunyu.engines.matters.rules.registry import every_rule
from kunyu.engines.matters.rules.tests.asks import VERSION, approval, ask, overlap

CODES = re.compile(r"S-0\d\d|\d{5}-\d{3}")
"""Numbers of matters and of datasets."""
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
FORM: dict[str, Any] = {
    "use_code": "1001", "project_type": "urban", "is_single_site": True, "prior_number": "用字第1号", "declared_area_m2": 12000,
    "plot_ratio_max": 9, "building_density_max": 90, "green_ratio_min": 1, "height_max_m": 500, "is_major_project": True,
    "supply_number": "320100", "other_homesteads": 0,
}  # fmt: skip
LIMITS = {"RJL": 2, "JZMD": 30, "LDL": 35, "JZGD": 60, "HXLX": "", "BHQJB": "", "XZQDM": "990101"}


def fields() -> set[str]:
    """Fields of all forms, and of all layers of the standards."""
    files = [one for folder in pack_folders() for one in Path(folder).glob("forms/*.json")]
    forms = {name for one in files for name in json.loads(one.read_text("utf-8"))["properties"]}
    assert "prior_number" in forms
    layers = {
        field.code for one in standard_ids() for layer in load_standard(one).layers.values() for field in layer.fields
    }
    assert {"DLBM", "TBMJ", "MJ"} <= layers
    return forms | layers


def layer(collection: str, state: str, area: str) -> Overlap:
    record = {"id": "1", "county": "990101", "code": "0101", "area_m2": Decimal(area), "share": 1.0, **LIMITS}
    more: dict[str, Any] = {"by_class": {"0101": Decimal(area)}, "records": (record,), "versions": (VERSION,)}
    if state == "not_checked":
        more = {"reason": "stale", "reason_zh": "数据过期。", "reason_en": "Too old."}
    found = overlap(collection, area, state, **more)  # type: ignore[arg-type]
    return replace(found, name_zh="某图层", name_en="a layer")


def asks() -> list[Ask]:
    """Nothing filled in; everything wrong; what comes before another, and after."""
    names = {name for one in every_rule() for name in one.collections}
    kinds = {"x": {"code": "x", "name_zh": "批复", "name_en": "reply", "is_required": True, "when": "is_major_project",
                   "reads": ["prior_number"]}}  # fmt: skip
    titles = {"is_major_project": ("重大建设项目", "Major project"), "prior_number": ("意见书编号", "Number")}
    made = [
        ask(form=form, matter=matter, earlier=earlier, kinds=kinds, titles=titles, division_name="坤舆县",
            overlaps={name: layer(name, state, area) for name in names})
        for form in ({}, FORM)
        for matter, earlier in (
            ("S-006", ()), ("S-006", (approval("S-002", "用字第1号", use_code="0701"), approval("S-007", "建字第1号"))),
        )
        for state, area in (("clear", "0"), ("conflict", "10000"), ("not_checked", "0"))
    ]  # fmt: skip
    return made


@pytest.mark.parametrize("name", sorted(one.id for one in every_rule()))
def test_no_rule_says_a_field_or_a_code(name: str) -> None:
    """In either language, sentence or remedy: names of fields, matters, datasets are for programs."""
    known, found = fields(), next(one for one in every_rule() if one.id == name)
    said = [text for one in asks() for answer in [found(one)]
            for text in (answer.message_zh, answer.message_en, answer.remedy_zh, answer.remedy_en)]  # fmt: skip
    assert any(said)
    for text in said:
        assert CODES.search(text) is None, text
        assert not {word for word in WORD.findall(text) if word in known}, text


def test_classes_are_named_with_their_code() -> None:
    """The code stands beside the name because plans and permits state it; what nobody knows is the code alone."""
    assert use_class("1001") == ("工业用地（1001）", "Industry (1001)")
    assert land_class("0101") == ("水田（0101）", "Paddy field (0101)")
    assert use_class("9999") == ("9999", "9999")
