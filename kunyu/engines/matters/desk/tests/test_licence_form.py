"""The page that corrects an issued licence asks everything that stands on it, each by a field of its own kind."""

from __future__ import annotations

from typing import Any

import pytest

from kunyu.engines.documents.models import Licence
from kunyu.engines.matters.cases import sealing, services
from kunyu.engines.matters.cases.tests.world import World
from kunyu.engines.matters.definitions.form_fields import Choice, FormField
from kunyu.engines.matters.desk.licence_form import LicenceForm, on_form
from kunyu.engines.matters.desk.tests.test_pages import Browser

pytestmark = pytest.mark.django_db


def granted(world: World) -> Any:
    case = services.decide(world.as_("decider"), world.to_decide().pk, "grant", "准", ["《试验法》第一条"], "试验")
    return sealing.seal_decision(case.pk)


def test_an_answer_on_the_licence_is_corrected_by_its_page(world: World, seal: Any) -> None:
    case = granted(world)
    decider, page = Browser(world, "decider"), f"/cases/{case.number}/correct-licence"
    shown = decider.get(page)
    assert 'name="form-purpose"' in shown and "厂房" in shown and "form-joint" not in shown
    same = decider.send(page, 422, **{"applicant_name": case.applicant_name, "form-purpose": "厂房", "text": "笔误"})
    assert "没有要更正的内容。" in same.content.decode()
    decider.send(page, **{"applicant_name": case.applicant_name, "form-purpose": "仓库", "text": "笔误"})
    old, new = Licence.objects.order_by("version")
    assert (old.state, new.version, new.facts["用途|Purpose"]) == ("replaced", 2, "仓库")


def test_the_case_says_the_state_of_its_licence(world: World, seal: Any) -> None:
    """Who reads the case must not take a licence that is void for one in force."""
    case = granted(world)
    decider, page = Browser(world, "decider"), f"/cases/{case.number}"
    licence = Licence.objects.get()
    row = f'<a href="/licences/{licence.pk}">{licence.number}</a> <span class="ky-tag {{}}">{{}}</span>'
    assert row.format("", "有效") in decider.get(page)
    decider.send(f"{page}/revoke", text="隐瞒有关情况", basis="《行政许可法》第六十九条第二款")
    assert row.format("danger", "已撤销") in decider.get(page)
    decider.client.cookies["django_language"] = "en"
    assert "revoked → revoked" not in decider.get(page)


def test_an_answer_the_form_refuses_comes_back_at_its_field(world: World, seal: Any) -> None:
    case = granted(world)
    decider, page = Browser(world, "decider"), f"/cases/{case.number}/correct-licence"
    answer = decider.send(page, 422, **{"applicant_name": case.applicant_name, "form-purpose": "", "text": "笔误"})
    assert 'id="id_form-purpose_error"' in answer.content.decode()
    assert Licence.objects.count() == 1


FIELDS = (
    FormField("name", "text", "名称", "Name", lines=3),
    FormField("area", "area", "面积", "Area", unit="m²"),
    FormField("floors", "number", "层数", "Floors", is_whole=True),
    FormField("day", "date", "日期", "Day"),
    FormField("use", "choice", "用途", "Use", choices=(Choice("a", "甲", "A"), Choice("b", "乙", "B"))),
    FormField("uses", "multi", "兼容用途", "Uses", choices=(Choice("a", "甲", "A"), Choice("b", "乙", "B"))),
    FormField("major", "boolean", "重大", "Major"),
    FormField("unit", "party", "单位", "Unit"),
)
ANSWERS: dict[str, Any] = {"name": "一", "area": 10.5, "floors": 3, "day": "2026-11-23", "use": "a", "uses": ["a"],
                           "major": True, "unit": {"name": "甲公司", "code": "9"}}  # fmt: skip
TYPED: dict[str, Any] = {"name": "一", "area": "10.5", "floors": "3", "day": "2026-11-23", "use": "a", "uses": ["a"],
                         "major": "on", "unit": "甲公司"}  # fmt: skip


def changes(**typed: Any) -> Any:
    """What a form makes of what was typed."""
    initial = {"applicant_name": "甲", "project_name": "", "project_code": "", "answers": ANSWERS}
    sent = {on_form(name): value for name, value in {**TYPED, **typed}.items() if value is not None}
    form = LicenceForm({"applicant_name": "甲", "text": "笔误", **sent}, initial=initial, fields=FIELDS)
    return form.cleaned_data["changes"] if form.is_valid() else form.errors


def test_every_kind_of_answer_is_taken_as_the_form_keeps_it() -> None:
    assert changes(name="二") == {"name": "二"}
    assert changes(area="12.25", floors="4") == {"area": 12.25, "floors": 4}
    assert changes(day="2026-11-24", use="b", uses=["a", "b"]) == {"day": "2026-11-24", "use": "b", "uses": ["a", "b"]}
    assert changes(major=None) == {"major": False}
    assert changes(unit="乙公司") == {"unit": {"name": "乙公司", "code": "9"}}
    assert list(changes(use="c")) == ["form-use"] and list(changes()) == ["__all__"]
