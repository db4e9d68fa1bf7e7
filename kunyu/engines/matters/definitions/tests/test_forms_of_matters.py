"""Forms: the subset, the sentences about wrong answers, several matters at once (R-302, 一网申报)."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from kunyu.engines.matters.definitions import forms
from kunyu.engines.matters.definitions.faults import Place
from kunyu.engines.matters.definitions.form_schemas import read_fields
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.engines.matters.definitions.patterns import UnsafePattern, require_safe
from kunyu.engines.matters.definitions.tests.folder import FORM
from kunyu.engines.matters.errors import BadMatter

pytestmark = pytest.mark.quick

NAMES = {"title": "甲", "x-title-en": "a"}


def definition(code: str = "T-001", **properties: Any) -> Definition:
    form = {"type": "object", "properties": properties} if properties else FORM
    return Definition(code=code, name_zh="甲", name_en="a", kind="01", basis=(), levels=("county",), form=form)


def faults_of(value: Any, **declared: Any) -> list[forms.Fault]:
    return forms.check_form(definition(a={**NAMES, **declared}), {"a": value})


def test_a_form_that_fits() -> None:
    assert forms.check_form(definition(), {"use": "road", "declared_area_m2": 1200.5, "takes_farmland": False}) == []


def test_what_is_missing_comes_in_the_order_of_the_form() -> None:
    found = forms.check_form(definition(), {"declared_area_m2": None, "use": "  "})

    assert [one.field for one in found] == ["use", "declared_area_m2"]
    assert (found[0].zh, found[0].en) == ("“用途”未填写，请填写。", "“Use” is empty; fill it in.")


WRONG: list[tuple[dict[str, Any], Any, str, Any]] = [
    ({"type": "number", "minimum": 1, "x-unit": "m"}, 0.5, "“甲”填写为 0.5，小于最小值 1 m；请填不小于 1 的数。", 1),
    ({"type": "number", "maximum": 9}, 9.01, "“甲”填写为 9.01，大于最大值 9；请填不大于 9 的数。", 9),
    ({"type": "number", "exclusiveMinimum": 0}, 0, "“甲”填写为 0，须大于 0；请填大于 0 的数。", 0),
    ({"type": "integer"}, 1.5, "“甲”填写为 1.5，须为整数；请填整数。", "integer"),
    ({"type": "number"}, "12", "“甲”填写为 “12”，须为数；请只填阿拉伯数字。", "number"),
    ({"type": "number"}, True, "“甲”填写为 True，须为数；请只填阿拉伯数字。", "number"),
    ({"type": "number"}, float("nan"), "“甲”填写为 nan，须为数；请只填阿拉伯数字。", None),
    ({"type": "string", "maxLength": 2}, "abc", "“甲”填写为 “abc”，超过 2 字；请缩短到 2 字以内。", 2),
    ({"type": "string", "minLength": 2}, "a", "“甲”填写为 “a”，不足 2 字；请填写至少 2 字。", 2),
    ({"type": "string", "pattern": "^\\d{3}$", "description": "三位数字"}, "１２３", "“甲”填写为 “１２３”，格式不符；请按说明填写：三位数字。", "^\\d{3}$"),
    ({"type": "string", "format": "date"}, "2026-02-29", "“甲”填写为 “2026-02-29”，不是有效日期；请写成 2026-11-23 的样子。", "date"),
    ({"type": "string", "enum": ["x", "y"]}, "z", "“甲”填写为 “z”，不在选项中；请从 x、y 中选择。", None),
    ({"type": "array", "items": {"enum": ["x", "y"]}}, ["x", "x"], "“甲”填写为 ['x', 'x']，有重复项；请每项只选一次。", True),
    ({"type": "array", "items": {"enum": ["x", "y"]}, "minItems": 2}, ["x"], "“甲”填写为 ['x']，少于 2 项；请至少选 2 项。", 2),
    ({"type": "boolean"}, "yes", "“甲”填写为 “yes”，须为是或否；请选择是或否。", "boolean"),
    ({"type": "string", "x-type": "division"}, "99010", "“甲”填写为 “99010”，不是6、9或12位区划代码；请从列表中选择区划。", "division"),
    ({"type": "object", "x-type": "party"}, {"name": "甲公司", "code": "91350100M000100Y44"},
     "“甲”填写为 “91350100M000100Y44”，不是有效的统一社会信用代码（18位，含校验码）；请对照证照核对。", "credit-code"),
    ({"type": "string", "format": "project-code"}, "2026-1", "“甲”填写为 “2026-1”，不是投资项目代码（如 2026-990101-47-01-000123）；请对照项目赋码通知核对。", "project-code"),
]  # fmt: skip


@pytest.mark.parametrize(("declared", "value", "said", "limit"), WRONG, ids=[str(one[1])[:12] for one in WRONG])
def test_a_wrong_answer_names_field_value_limit_and_remedy(declared: Any, value: Any, said: str, limit: Any) -> None:
    (found,) = faults_of(value, **declared)

    assert (found.field, found.zh, found.limit) == ("a", said, limit)
    assert found.en.startswith("“a” is ")


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ({"type": "number", "minimum": 1}, 1),
        ({"type": "string", "maxLength": 2}, "甲乙"),
        ({"type": "string", "pattern": "^\\d{3}$"}, "123"),
        ({"type": "string", "format": "date"}, "2028-02-29"),
        ({"type": "string", "x-type": "division"}, "990101"),
        ({"type": "object", "x-type": "party"}, {"name": "甲公司", "code": "91350100M000100Y43"}),
        ({"type": "string", "format": "phone"}, "0371-65500000"),
    ],
)
def test_answers_at_the_limit(declared: Any, value: Any) -> None:
    assert faults_of(value, **declared) == []


def test_unknown_answers_are_refused() -> None:
    (found,) = forms.check_form(definition(), {"use": "road", "declared_area_m2": 1, "outcome": "grant"})

    assert found.zh == "表单中没有字段 outcome，请去掉。"


def test_a_field_is_asked_only_under_its_condition() -> None:
    given = {"use": "road", "declared_area_m2": 1}
    (found,) = forms.check_form(definition(), given | {"farmland_reason": "修路"})

    assert "“占用理由”不适用" in found.zh
    assert forms.check_form(definition(), given | {"takes_farmland": True, "farmland_reason": "修路"}) == []
    needed = replace(definition(), form={**FORM, "required": ["farmland_reason"]})
    assert [one.field for one in forms.check_form(needed, {"takes_farmland": True})] == ["farmland_reason"]
    assert forms.check_form(needed, {"takes_farmland": False}) == []


def test_conditions_hang_on_what_is_there() -> None:
    chain = {
        "a": {"type": "boolean", **NAMES}, "b": {"type": "boolean", **NAMES, "x-when": "a"},
        "c": {"type": "string", **NAMES, "x-when": {"b": True}},
    }  # fmt: skip
    one = definition(**chain)
    assert forms.check_form(one, {"a": True, "b": True, "c": "x"}) == []
    assert [fault.field for fault in forms.check_form(one, {"a": False, "b": True, "c": "x"})] == ["b", "c"]
    for wrong in ({"a": {**chain["a"], "x-when": "b"}}, {"c": {**chain["c"], "x-when": "none"}},
                  {"c": {**chain["c"], "x-when": {"b": "yes"}}}):  # fmt: skip
        with pytest.raises(BadMatter):
            forms.fields_of(definition(**(chain | wrong)))


@pytest.mark.parametrize(
    ("part", "key"),
    [
        ({"type": "string", "title": "甲"}, "x-title-en"),
        ({"type": "null", **NAMES}, "type"),
        ({"type": "string", "minimum": 1, **NAMES}, "minimum"),
        ({"type": "number", "minimum": 2, "maximum": 1, **NAMES}, "maximum"),
        ({"type": "string", "maxLength": 99_999, **NAMES}, "maxLength"),
        ({"type": "string", "format": "email", **NAMES}, "format"),
        ({"type": "string", "enum": [], **NAMES}, "enum"),
        ({"type": "string", "oneOf": [{"const": "x"}, {"const": "x"}], **NAMES}, "oneOf"),
        ({"type": "array", "items": {"type": "number"}, **NAMES}, "items"),
        ({"type": "string", "x-type": "area", **NAMES}, "x-type"),
        ({"type": "string", "x-order": "first", **NAMES}, "x-order"),
    ],
)
def test_declarations_outside_the_subset(part: Any, key: str) -> None:
    with pytest.raises(BadMatter) as caught:
        read_fields({"type": "object", "properties": {"a": part}}, Place("form.json"))

    assert caught.value.context["key"].startswith(f"properties.a.{key}") or key in caught.value.detail_zh


@pytest.mark.parametrize("name", ["Area", "outcome", "用途", "a-b", "not_checked", ""])
def test_names_that_flows_could_not_use(name: str) -> None:
    with pytest.raises(BadMatter, match="字段名"):
        read_fields({"type": "object", "properties": {name: {"type": "string", **NAMES}}}, Place("form.json"))


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)*b", "a*a*a*b", ".*x.*y.*z", "(?=a)b", "(a)\\1", "(?i:a)", "[", "x" * 201]
)
def test_patterns_that_could_run_for_long(pattern: str) -> None:
    with pytest.raises(UnsafePattern):
        require_safe(pattern, 500)


@pytest.mark.parametrize("pattern", ["^\\d{4}-\\d{6}$", "^(\\d{2})+$", "^[A-Z]{1,3}(\\.\\d{1,4})?$", "号$", ".*号"])
def test_patterns_that_end_soon(pattern: str) -> None:
    require_safe(pattern, 500)
    start = time.process_time()
    faults_of("1" * 499 + "x", type="string", pattern=pattern, maxLength=500)
    assert time.process_time() - start < 0.5


def test_several_matters_are_asked_once() -> None:
    """R-302: one form for several matters; what both ask is asked once, and needed when either needs it."""
    first, second = definition("T-001"), replace(definition("T-002"), form={**FORM, "required": ["area_ha"]})
    fields = forms.fields_of([first, second])

    assert [one.name for one in fields] == list(FORM["properties"])
    assert {one.name for one in fields if one.is_required} == {"use", "declared_area_m2", "area_ha"}
    assert all(one.matters == ("T-001", "T-002") for one in fields)
    assert [one.field for one in forms.check_form([first, second], {"use": "road", "declared_area_m2": 1})] == [
        "area_ha"
    ]
    schema = forms.schema_of([first, second])
    assert schema["properties"]["declared_area_m2"]["x-unit"] == "m²" and schema["additionalProperties"] is False


def test_contradicting_declarations_are_refused() -> None:
    other = replace(
        definition("T-002"),
        form={"type": "object", "properties": {"use": {"type": "string", "title": "用途", "x-title-en": "Use"}}},
    )

    with pytest.raises(BadMatter) as caught:
        forms.fields_of([definition("T-001"), other])
    assert caught.value.context["file"] == "form of T-002" and caught.value.context["key"] == "use"


def test_checking_is_quick() -> None:
    """A case is created 25 times a second and more: checking its form is no part of that."""
    one, answers = definition(), {"use": "road", "declared_area_m2": 1200.5}
    forms.check_form(one, answers)
    start = time.process_time()
    for _ in range(100):
        forms.check_form(one, answers)
    assert time.process_time() - start < 0.5
