"""A folder is read strictly: every fault names file, key and value, and says what to do (R-302, R-303, R-358)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kunyu.engines.matters.definitions import canonical, reading
from kunyu.engines.matters.definitions.tests.folder import CODE, FORM, STAGES, matter, write
from kunyu.engines.matters.errors import BadFlow, BadMatter

pytestmark = pytest.mark.quick


def fault(folder: Path) -> BadMatter:
    with pytest.raises(BadMatter) as caught:
        reading.read_matter_folder(folder)
    assert caught.value.detail_zh.endswith("。") and caught.value.detail_en.endswith(".")
    return caught.value


def test_a_whole_folder(tmp_path: Path) -> None:
    read = reading.read_matter_folder(write(tmp_path))
    one = read.definitions["sample"]

    assert (one.code, one.is_complete, one.is_verified) == (CODE, True, False)
    assert [stage.code for stage in one.stages] == list(STAGES)
    assert (one.materials[0].is_required, one.materials[1].is_required, one.materials[1].when) == (
        True,
        False,
        "takes_farmland",
    )
    assert list(read.decisions) == ["level"] and "bpmn:process" in read.flow
    assert reading.read_folder(tmp_path) == [one]


def test_a_definition_survives_its_canonical_form(tmp_path: Path) -> None:
    one = reading.read_folder(write(tmp_path))[0]
    stored = json.loads(json.dumps(canonical.to_json(one)))

    assert canonical.from_json(stored) == one
    assert "zones" not in stored and "window_zh" not in stored, "defaults are left out: new elements change no digest"
    assert canonical.digest_of(stored) == canonical.digest_of(canonical.to_json(one))


SPOILT: list[tuple[dict[str, Any], str, str]] = [
    ({"colour": "red"}, "sample.colour", "没有这个键"),
    ({"name_en": None}, "sample.name_en", "须为1至300字的文本"),
    ({"code": "s 1"}, "sample.code", "格式不符"),
    ({"kind": "02"}, "sample.kind", "没有这个事项类型"),
    ({"levels": ["village"]}, "sample.levels", "没有这个取值"),
    ({"levels": []}, "sample.levels", "须为文本的列表"),
    ({"basis": ["a", "a"]}, "sample.basis", "有重复项"),
    ({"promised_days": 21}, "sample.promised_days", "承诺时限大于法定时限 20 个工作日"),
    ({"statutory_days": 2.5}, "sample.statutory_days", "须为0至3650的整数"),
    ({"needs_plot": "yes"}, "sample.needs_plot", "须为 true 或 false"),
    ({"branch": None}, "sample.branch", "可以办理的事项缺少这一项"),
    ({"branch": "land"}, "sample.branch", "格式不符"),
    ({"form": "../forms/sample.json"}, "sample.form", "文件夹中没有这个文件"),
    ({"form": "forms/none.json"}, "sample.form", "文件夹中没有这个文件"),
    ({"rules": ["TT-002"]}, "sample.rules", "文件夹的 rules.py 没有声明这条规则"),
    ({"basic_code": "00011500100"}, "sample.basic_code", "长度 11, 应为 12"),
    ({"basic_code": "000117001000"}, "sample.basic_code", "第5—6位部门代码 17 不是自然资源部（15）"),
    ({"basic_code": "000715001000"}, "sample.basic_code", "第3—4位事项类型 07 与 kind 01 不一致"),
    ({"number_scheme": "第{division.__class__}{sequence}号"}, "sample.number_scheme", "没有字段 division.__class__"),
    ({"licence_kind": None, "number_scheme": None}, "sample.licence_valid_years", "没有 licence_kind"),
    ({"zones": ["moon"]}, "sample.zones", "没有这个取值"),
    ({"extra": ["a"]}, "sample.extra", "须为只含文本"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "key", "said"), SPOILT, ids=[f"{key}:{next(iter(v))}" for v, key, _ in SPOILT])
def test_a_spoilt_value_is_named(tmp_path: Path, values: dict[str, Any], key: str, said: str) -> None:
    error = fault(write(tmp_path, matter(**values)))

    assert error.context["file"] == "matters.toml" and error.context["key"] == key
    assert said in error.detail_zh, error.detail_zh


def test_the_promise_may_be_the_whole_limit(tmp_path: Path) -> None:
    assert reading.read_folder(write(tmp_path, matter(promised_days=20)))[0].promised_days == 20


def test_a_good_basic_code(tmp_path: Path) -> None:
    assert reading.read_folder(write(tmp_path, matter(basic_code="000115001000")))[0].basic_code == "000115001000"


@pytest.mark.parametrize(
    ("before", "after", "key", "said"),
    [
        ('code = "examination"', 'code = "acceptance"', "sample.stages", "环节编码重复"),
        ('code = "farmland_plan"', 'code = "application"', "sample.materials", "材料编码重复"),
        ('when = "takes_farmland"', 'when = "use"', "sample.materials[1].when", "表单中没有这个是否字段"),
        ('separate_from = ["examination"]', 'separate_from = ["nobody"]', "sample.stages[4].separate_from", "没有这个环节"),
        ('separate_from = ["acceptance", "examination"]', 'separate_from = ["examination"]',
         "sample.stages[5].separate_from", "决定环节须与受理环节 acceptance 由不同的人办理"),
        ('["grant", "refuse", "return"]', '["agree"]', "sample.stages", "没有作出决定的环节"),
        ('licence = "licence.html"', 'licence = "../licence.html"', "sample.templates.licence", "文件夹中没有这个文件"),
        ('licence = "licence.html"', 'poster = "licence.html"', "sample.templates.poster", "没有这个键"),
        ('role = "case-clerk"', 'role = "Clerk!"', "sample.stages[0].role", "格式不符"),
    ],
)  # fmt: skip
def test_what_contradicts_another_value(tmp_path: Path, before: str, after: str, key: str, said: str) -> None:
    """R-303: acceptance, examination and decision are kept apart by the definition itself."""
    text = matter()
    assert before in text
    error = fault(write(tmp_path, text.replace(before, after, 1)))

    assert error.context["key"] == key and said in error.detail_zh, error.detail_zh


def test_files_that_are_none(tmp_path: Path) -> None:
    assert fault(tmp_path).context["file"] == "matters.toml"
    assert "不是 TOML" in fault(write(tmp_path, "[sample\n")).detail_zh
    write(tmp_path)
    (tmp_path / "workflow.bpmn").unlink()
    assert "没有 workflow.bpmn" in fault(tmp_path).detail_zh
    write(tmp_path)
    (tmp_path / "forms" / "sample.json").write_text('{"a": 1, "a": 2}')
    assert "同一个键出现两次" in fault(tmp_path).detail_zh
    (tmp_path / "forms" / "sample.json").write_text("[" * 100_000)
    assert fault(tmp_path).context["file"] == "forms/sample.json"
    (tmp_path / "forms" / "sample.json").write_bytes(b" " * 300_000)
    assert "大于 262144 字节" in fault(tmp_path).detail_zh


def test_two_matters_of_one_code(tmp_path: Path) -> None:
    error = fault(write(tmp_path, matter() + matter().replace("[sample", "[other")))

    assert error.context["key"] == "other.code" and "与 sample 的编码重复" in error.detail_zh


def test_decision_files(tmp_path: Path) -> None:
    write(tmp_path)
    text = (tmp_path / "decisions" / "level.dmn").read_text()
    (tmp_path / "decisions" / "same.dmn").write_text(text)
    assert "决策编号重复" in fault(tmp_path).detail_zh
    (tmp_path / "decisions" / "same.dmn").write_text("<definitions/>")
    assert "带编号决策的 DMN 文件" in fault(tmp_path).detail_zh
    (tmp_path / "decisions" / "same.dmn").write_text('<!DOCTYPE x [<!ENTITY a "b">]><definitions/>')
    with pytest.raises(BadFlow):
        reading.read_matter_folder(tmp_path)


def test_a_schema_bomb_is_refused_in_no_time(tmp_path: Path) -> None:
    """Reference loops, combinations and nesting are no part of forms."""
    for part in (
        {"$ref": "#/properties/use"}, {"allOf": [{}]}, {"type": "object", "properties": {}}, {"not": {}},
        {"type": "string", "pattern": "(a+)+$", "title": "甲", "x-title-en": "a"},
    ):  # fmt: skip
        form = {**FORM, "properties": {**FORM["properties"], "use": part}}
        error = fault(write(tmp_path, form=form))
        assert error.context["key"].startswith("sample.form.properties.use")
