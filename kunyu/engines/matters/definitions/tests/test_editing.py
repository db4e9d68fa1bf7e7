"""An owner's change: values as TOML, a form, a flow, decision tables (R-302, R-358)."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from kunyu.engines.matters.definitions import canonical, editing
from kunyu.engines.matters.definitions.editing import Change, Upload
from kunyu.engines.matters.definitions.overlays import Content
from kunyu.engines.matters.definitions.tests.folder import COUNTY, FORM, read
from kunyu.engines.matters.definitions.toml_text import toml_text
from kunyu.engines.matters.errors import BadFlow, BadMatter

pytestmark = pytest.mark.quick


@pytest.fixture
def base(tmp_path: Path) -> Content:
    found = read(tmp_path, window_zh='引号"与\\反斜杠', extra={"contact_zh": "0371", "sub_items_zh": ["甲", "乙"]})
    return Content(found.definitions["sample"], found.flow, found.decisions)


def field_of(base: Content, change: Change, division: str = COUNTY) -> tuple[str, str]:
    with pytest.raises((BadMatter, BadFlow)) as caught:
        editing.changed(base, change, division)
    return str(caught.value.context["field"]), caught.value.detail_zh


@pytest.mark.parametrize("division", ["", COUNTY])
def test_values_written_and_read_back_change_nothing(base: Content, division: str) -> None:
    text = editing.values_text(base, division)

    assert editing.changed(base, Change(values=text), division) == base
    assert ("name_zh" in tomllib.loads(text)) is (division == "")
    assert "form" not in tomllib.loads(text) and "code" not in tomllib.loads(text)


def test_toml_text_is_read_back_as_it_was() -> None:
    values = {"a": 'x"\\\n甲', "b": 3, "c": True, "d": ["甲" * 60, "乙" * 60], "e": [], "f": {"g": ["x"], "h": {"i": 1}},
              "j": [{"k": "l", "m": ["n"]}, {"k": "o"}], "空 键": "p", "q": "\x7f\t"}  # fmt: skip
    assert tomllib.loads(toml_text(values)) == values


def test_a_time_limit_and_a_material(base: Content) -> None:
    text = editing.values_text(base, COUNTY).replace("promised_days = 15", "promised_days = 9")
    text += '\n[[materials]]\ncode = "photo"\nname_zh = "照片"\nname_en = "Photo"\nformats = ["jpg"]\n'
    made = editing.changed(base, Change(values=text), COUNTY).definition

    assert (made.promised_days, [one.code for one in made.materials]) == (9, ["application", "farmland_plan", "photo"])
    assert made.materials[2].formats == ("jpg",)


def test_leaving_a_value_out_takes_it_away(base: Content) -> None:
    text = "\n".join(
        line for line in editing.values_text(base, COUNTY).splitlines() if not line.startswith("window_zh")
    )

    assert editing.changed(base, Change(values=text), COUNTY).definition.window_zh == ""


def test_another_form_flow_and_decision_table(base: Content) -> None:
    form = json.dumps({**FORM, "required": []}).encode()
    flow = base.flow.replace("审批流程", "新流程").encode()
    table = base.tables["level"].replace("审批层级", "新层级").encode()
    made = editing.changed(
        base,
        Change(form=Upload("f.json", form), flow=Upload("f.bpmn", flow), decisions=(Upload("l.dmn", table),)),
        COUNTY,
    )

    assert made.definition.form["required"] == [] and "新流程" in made.flow and "新层级" in made.tables["level"]
    assert canonical.to_json(made.definition) != canonical.to_json(base.definition)


def test_each_refusal_names_the_field_of_the_page(base: Content) -> None:
    assert field_of(base, Change(values="promised_days = "))[0] == "values"
    assert field_of(base, Change(values='name_zh = "别的"')) == (
        "values", "values 的 name_zh（现为 别的）：这里不能改这一项。删去；可改：" + "、".join(editing.editable_keys(COUNTY)) + "。",
    )  # fmt: skip
    assert field_of(base, Change(values=editing.values_text(base, COUNTY).replace("= 15", "= 99")))[0] == "values"
    assert field_of(base, Change(form=Upload("f.json", b"{")))[0] == "form_file"
    assert field_of(base, Change(form=Upload("f.json", b'{"type": "object", "properties": {}}')))[0] == "form_file"
    assert field_of(base, Change(flow=Upload("f.bpmn", b"\xff\xfe")))[0] == "flow_file"
    assert field_of(base, Change(decisions=(Upload("l.dmn", b"<x/>"),)))[0] == "decision_files"
    assert field_of(base, Change(decisions=(Upload("l.dmn", b"not xml"),)))[0] == "decision_files"
