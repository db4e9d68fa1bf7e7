"""The folders of the matters: data and rules, no other program; read, sound, filled in once for several (R-037, R-302, R-304)."""

from __future__ import annotations

from pathlib import Path

import pytest

import kunyu.packs
from kunyu.engines.matters.definitions.forms import check_form, fields_of
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.engines.matters.definitions.reading import MatterFolder, read_matter_folder
from kunyu.engines.matters.flows.reading import read_flow, require_stages
from kunyu.engines.matters.flows.tables import evaluate

pytestmark = pytest.mark.quick
PACKS = Path(next(iter(kunyu.packs.__path__)))
FOLDERS = {"land_review": "S-001", "land_conversion": "S-002", "planning_permit": "S-006", "rural_permit": "S-008"}


def read(name: str) -> MatterFolder:
    return read_matter_folder(PACKS / name)


def definition(name: str) -> Definition:
    (one,) = read(name).definitions.values()
    return one


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_holds_no_python_but_rules(name: str):
    folder = PACKS / name
    programs = {str(path.relative_to(folder)) for path in folder.rglob("*.py") if "tests" not in path.parts}

    assert programs == {"__init__.py", "rules.py"}
    assert definition(name).code == FOLDERS[name]


@pytest.mark.parametrize("name", FOLDERS)
def test_flow_and_stages_agree(name: str):
    found = read(name)
    one = definition(name)
    flow = read_flow(found.flow.encode(), one.process, {key: text.encode() for key, text in found.decisions.items()})

    require_stages(flow, {stage.code: stage.outcomes for stage in one.stages})


@pytest.mark.parametrize("name", FOLDERS)
def test_every_element_of_the_guide_is_there(name: str):
    """R-302: basis, conditions in both languages, materials, limit, window, result, stages with roles and limits."""
    one = definition(name)

    assert all("第" in basis for basis in one.basis)
    assert one.basis and len(one.conditions_zh) == len(one.conditions_en) >= 3
    assert one.statutory_days == 20 and one.promised_days is not None and one.promised_days <= 20
    assert one.materials and one.window_zh and one.result_zh and one.number_scheme
    assert all(stage.due_workdays and stage.role.startswith("case-") for stage in one.stages)
    assert not one.is_verified  # nobody compared them with the printed texts


def test_one_form_asks_each_question_once_for_all_four():
    """R-304: fields of one name agree; together there are fewer questions than apart."""
    several = [definition(name) for name in FOLDERS]
    together = fields_of(several)

    assert len({one.name for one in together}) == len(together) == 52
    assert sum(len(fields_of(one)) for one in several) == 90
    assert next(one for one in together if one.name == "use_code").matters == ("S-001", "S-002", "S-006", "S-008")


def test_an_empty_form_names_every_required_field():
    faults = check_form(definition("rural_permit"), {})

    assert [one.field for one in faults] == [
        "purpose", "use_code", "construction_scale", "floors", "floor_area_m2", "location", "declared_area_m2",
        "occupies_red_line", "village_opinion_date", "contact_name", "contact_phone",
    ]  # fmt: skip
    assert faults[0].zh == "“用途类型”未填写，请填写。"


@pytest.mark.parametrize(
    ("farmland", "authority", "major", "level", "joint"),
    [
        (True, "county", False, "ministry", True),
        (False, "ministry", False, "ministry", True),
        (False, "province", False, "province", True),
        (False, "city", True, "city", True),
        (False, "city", False, "city", False),
        (False, "county", True, "county", True),
        (False, "county", False, "county", False),
    ],
)
def test_who_gives_the_opinion(farmland: bool, authority: str, major: bool, level: str, joint: bool):
    table = read("land_review").decisions["review_level"].encode()
    facts = {"occupies_permanent_farmland": farmland, "project_authority": authority, "is_major_project": major}

    assert evaluate(table, "review_level", facts) == {"review_level": level, "joint_review": joint}


@pytest.mark.parametrize(
    ("farmland", "single", "plan", "level", "kind"),
    [
        (True, True, "province", "state_council", "single"),
        (True, False, "province", "state_council", "batch"),
        (False, True, "state_council", "province", "single"),
        (False, False, "state_council", "state_council", "batch"),
        (False, False, "province", "province", "batch"),
    ],
)
def test_who_approves_the_conversion(farmland: bool, single: bool, plan: str, level: str, kind: str):
    table = read("land_conversion").decisions["conversion_level"].encode()
    facts = {"occupies_permanent_farmland": farmland, "is_single_site": single, "plan_approved_by": plan}

    assert evaluate(table, "conversion_level", facts) == {"required_level": level, "conversion_type": kind}
