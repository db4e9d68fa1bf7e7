"""A matter that the product does not know comes as a folder of data and rules, outside the product, and is worked to its licence.

R-037, R-302: no program but ``rules.py``; the same loader, the same services, the same seal.
"""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

import kunyu.packs.rural_permit
from kunyu.engines.documents.models import Licence
from kunyu.engines.documents.templates import content_of
from kunyu.engines.documents.verifying import verify
from kunyu.engines.matters.cases import services
from kunyu.engines.matters.definitions import shipped
from kunyu.engines.matters.errors import BadMatter
from kunyu.engines.matters.materials.tests.samples import CITIZEN
from kunyu.engines.matters.models import Matter
from kunyu.engines.security import scope
from tests.matters.journey import answers, applied, area_of, go, of_state
from tests.matters.test_one_stop import text_of
from tests.matters.world import VILLAGE_PLOT, Bureau

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db
_numbers = itertools.count(1)
YEAR = timezone.localdate().year
FORM: dict[str, Any] = {
    "purpose": "homestead", "use_code": "0703", "construction_scale": "二层住宅一栋", "floors": 2, "floor_area_m2": 180,
    "location": "坤舆县北山乡石桥村三组", "occupies_red_line": False, "other_homesteads": 0, "homestead_cap_m2": 167,
    "village_opinion_date": "2026-01-05",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, settings: SettingsWrapper, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A county's own matter, made of the shipped one: other code, other rules' ids, another number, as its owner would."""
    source = Path(next(iter(kunyu.packs.rural_permit.__path__)))
    made = tmp_path / f"village_house_{next(_numbers)}"  # a name of its own: Python remembers packages by name
    shutil.copytree(source, made, ignore=shutil.ignore_patterns("tests", "__pycache__", "pack.toml", "README.md"))
    for name, changes in {
        "matters.toml": [
            ('"S-008"', '"K-901"'),
            ("RP-", "VH-"),
            ("乡字第{division}{year}XG{sequence:07d}号", "坤村建〔{year}〕{sequence}号"),
        ],
        "rules.py": [('"RP-', '"VH-')],
    }.items():
        text = (made / name).read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (made / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    settings.INSTALLED_PACKS = [*settings.INSTALLED_PACKS, made.name]
    return made


def test_a_folder_of_data_and_rules_is_worked_to_its_licence(folder: Path, bureau: Bureau):
    assert {path.name for path in folder.rglob("*.py")} == {"__init__.py", "rules.py"}
    assert shipped.load(scope.operator("tests"), ["K-901"]) == 1
    assert shipped.load(scope.operator("tests"), ["K-901"]) == 0
    assert Matter.objects.get(code="K-901").is_open

    form = {**FORM, "declared_area_m2": area_of(VILLAGE_PLOT)}
    one = applied(bureau, ["K-901"], VILLAGE_PLOT, form, ("application", "village_opinion", "building_plan"),
                  project={"code": "", "name": ""}, applicant={"kind": "person", "name": "王建国", "code": CITIZEN})  # fmt: skip
    (case,) = services.submit(bureau.applicant, one.pk)
    assert {rule: state for rule, state in answers(case).items() if rule.startswith("VH-")} == {
        "VH-001": "clear", "VH-002": "clear", "VH-003": "clear",
    }  # fmt: skip
    assert of_state(case, "conflict") == of_state(case, "not_checked") == set()

    go(bureau.clerk, case, "acceptance", "accept")
    go(bureau.examiner, case, "site_visit", "agree")
    go(bureau.decider, case, "decision", "grant", "符合条件")
    case.refresh_from_db()
    assert (case.state, case.licence_number) == ("granted", f"坤村建〔{YEAR}〕1号")
    licence = Licence.objects.get(number=case.licence_number)
    assert licence.pdf is not None and licence.pdf.is_sealed
    said = text_of(content_of(licence.pdf))
    assert "乡村建设规划许可证" in said and "王建国" in said and CITIZEN not in said
    assert verify(licence.identifier).answer == "valid"


def test_a_rule_that_nobody_declares_keeps_a_matter_from_being_installed(folder: Path, bureau: Bureau):
    text = (folder / "matters.toml").read_text(encoding="utf-8")
    (folder / "matters.toml").write_text(text.replace('"VH-003"', '"XX-404"'), encoding="utf-8")
    shipped._read.cache_clear()

    with pytest.raises(BadMatter) as refused:
        shipped.load(scope.operator("tests"), ["K-901"])
    assert "XX-404" in refused.value.detail_zh
    assert not Matter.objects.filter(code="K-901").exists()
