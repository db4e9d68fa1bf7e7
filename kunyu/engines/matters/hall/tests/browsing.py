"""Somebody at the pages of the hall, as a browser without scripts sends them; and a matter that asks for everything."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from django.test import Client

from kunyu.engines.matters.cases.tests.world import FOLDER, PACK, World
from kunyu.engines.matters.definitions.editions import publish
from kunyu.engines.matters.definitions.matter import MaterialKind
from kunyu.engines.matters.definitions.reading import read_matter_folder
from kunyu.engines.matters.models import Application
from kunyu.engines.reference.models import Division
from kunyu.engines.security import epochs
from kunyu.engines.security.scope import Principal, operator

EVERYTHING = "H-001"
PROJECT = "2026-990101-47-01-000123"
DIVISIONS = (("99", "示范省", "0"), ("9901", "示范市", "99"), ("990101", "坤舆县", "9901"), ("990102", "邻县", "9901"),
             ("990101001", "城关镇", "990101"))  # fmt: skip
FORM: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "各种字段", "x-title-en": "Every field", "type": "object", "x-groups": {"用地": "Land", "联系": "Contact"},
    "required": ["purpose", "use", "has_reply", "area_m2"],
    "properties": {
        "purpose": {"type": "string", "title": "用途", "x-title-en": "Purpose", "x-order": 10, "maxLength": 100},
        "use": {"type": "string", "title": "用地类型", "x-title-en": "Use", "x-order": 20, "x-group": "用地", "oneOf": [
            {"const": "A", "title": "住宅", "x-title-en": "Homes"}, {"const": "B", "title": "工业", "x-title-en": "Industry"}]},
        "floors": {"type": "integer", "title": "层数", "x-title-en": "Floors", "x-order": 30, "minimum": 1, "maximum": 99,
                   "x-when": {"use": ["A"]}, "x-group": "用地"},
        "area_m2": {"type": "number", "x-type": "area", "title": "面积", "x-title-en": "Area", "x-order": 40, "minimum": 1,
                    "x-unit": "m²", "x-group": "用地"},
        "kinds": {"type": "array", "title": "地类", "x-title-en": "Classes", "x-order": 50, "x-group": "用地", "items": {
            "type": "string", "enum": ["耕地", "林地"], "x-enum-en": ["cultivated", "forest"]}},
        "has_reply": {"type": "boolean", "title": "已有批复", "x-title-en": "Has a reply", "x-order": 60, "x-group": "用地"},
        "starts": {"type": "string", "format": "date", "title": "开工日期", "x-title-en": "Begins", "x-order": 70,
                   "x-group": "用地"},
        "place": {"type": "string", "x-type": "division", "title": "所在乡镇", "x-title-en": "Township", "x-order": 80,
                  "x-group": "用地"},
        "builder": {"type": "object", "x-type": "party", "title": "建设单位", "x-title-en": "Builder", "x-order": 90,
                    "x-group": "联系"},
        "phone": {"type": "string", "format": "phone", "title": "电话", "x-title-en": "Telephone", "x-order": 100,
                  "x-group": "联系"},
        "notes": {"type": "string", "x-lines": 4, "title": "备注", "x-title-en": "Notes", "x-order": 110, "x-group": "联系",
                  "maxLength": 2000},
    },
}  # fmt: skip
ANSWERS = {"purpose": "厂房", "use": "B", "area_m2": "1,200.5", "has_reply": "false"}
KINDS = (
    MaterialKind("sheet", "申请表", "application form", reads=("applicant_name", "project_code")),
    MaterialKind("reply", "批复", "reply", is_required=False, when="has_reply"),
    MaterialKind("proof", "主体资格证明", "identity", is_required=False, licence_kind="business_licence"),
)


def publish_everything() -> None:
    """Divisions to choose from, and the matter with a form of every type, materials of every sort and a project."""
    for code, name, above in DIVISIONS:
        level = {2: 1, 4: 2, 6: 3, 9: 4}[len(code)]
        Division.objects.get_or_create(
            code=code, defaults={"name_zh": name, "level": level, "parent_code": above, "source": "tests"}
        )
    folder = read_matter_folder(FOLDER)
    made = replace(
        folder.definitions["notice"], code=EVERYTHING, name_zh="试验全项", name_en="Everything", form=FORM,
        materials=KINDS, needs_project=True,
    )  # fmt: skip
    publish(operator(), made, folder.flow, folder.decisions, reason="试验", pack=PACK.rpartition(".")[2])


class Browser:
    """One person."""

    def __init__(self, world: World, name: str) -> None:
        epochs.forget()
        self.world, self.name = world, name
        self.client = Client()
        self.client.force_login(world.users[name])

    def principal(self) -> Principal:
        """Who it is."""
        return self.world.as_(self.name)

    def get(self, address: str, status: int = 200) -> str:
        """The page."""
        answer = self.client.get(address)
        assert answer.status_code == status, answer.content[:3000].decode()
        return str(answer.content.decode())

    def send(self, address: str, status: int = 302, *, page: str = "", **given: Any) -> Any:
        """Fill in the form that ``page`` (the address itself) shows and send it."""
        shown = self.get(page or address)
        form = re.search(r'<form class="hl-form".*?</form>', shown, re.S)
        assert form, shown
        hidden = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', form[0]))
        return self.post(address, status, **{**hidden, **given})

    def post(self, address: str, status: int = 302, **given: Any) -> Any:
        """Send exactly this."""
        answer = self.client.post(address, given)
        assert answer.status_code == status, answer.content[:6000].decode()
        return answer

    def begin(self, *matters: str, county: str = "990101") -> Application:
        """Apply for matters in a county."""
        self.send("/hall/apply", matter=list(matters), province=county[:2], city=county[:4], county=county, township="")
        return Application.objects.latest("pk")


def faults(answer: Any) -> list[str]:
    """Sentences of the summary above a page, without their marks."""
    page = answer if isinstance(answer, str) else answer.content.decode()
    summary = re.search(r'id="form-errors".*?</div>', page, re.S)
    return (
        []
        if summary is None
        else [re.sub(r"<[^>]+>", "", one).strip() for one in re.findall(r"<li>(.*?)</li>", summary[0], re.S)]
    )
