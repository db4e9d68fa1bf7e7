"""The walls that imports cannot guard: pack folders and model relations; and the scaffold that passes them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.quick
TOOLS = Path(__file__).resolve().parents[2] / "tools"


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def packcheck() -> ModuleType:
    return tool("packcheck")


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text('[project.entry-points."kunyu.packs"]\n')
    tool("new_pack").new_pack("land_conversion", "农用地转用", root=tmp_path)
    return tmp_path / "kunyu" / "packs" / "land_conversion"


def test_a_new_pack_is_whole_and_declared(packcheck: ModuleType, pack: Path) -> None:
    assert list(packcheck.check_pack(pack)) == []
    project = (pack.parents[2] / "pyproject.toml").read_text()
    assert 'land_conversion = "kunyu.packs.land_conversion"' in project
    assert "农用地转用" in (pack / "pack.toml").read_text("utf-8")


def test_a_pack_is_never_overwritten(pack: Path) -> None:
    with pytest.raises(ValueError, match="exists already"):
        tool("new_pack").new_pack("land_conversion", root=pack.parents[2])


@pytest.mark.parametrize("name", ["LandConversion", "land-conversion", "", "../x", "1x"])
def test_a_name_is_lower_snake_case(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lower_snake_case"):
        tool("new_pack").new_pack(name, root=tmp_path)


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("utils.py", "x = 1\n", "utils.py is not a standard name (style.md §2)"),
        ("alarms.toml", "", "alarms.toml is empty: a missing file means a missing feature"),
        (
            "rules.py",
            "from kunyu.packs.land_survey import quality\n",
            "rules.py imports kunyu.packs.land_survey: packs never import packs",
        ),
        (
            "rules.py",
            "from kunyu.engines import maps\n",
            "rules.py imports kunyu.engines.maps, but pack.toml does not list it under engines",
        ),
    ],
)
def test_each_breach_is_named(packcheck: ModuleType, pack: Path, file: str, text: str, problem: str) -> None:
    (pack / file).write_text(text)
    assert list(packcheck.check_pack(pack)) == [problem]


def test_a_manifest_without_law_is_refused(packcheck: ModuleType, pack: Path) -> None:
    manifest = pack / "pack.toml"
    manifest.write_text(manifest.read_text("utf-8").replace("basis     = [", "x = ["), encoding="utf-8")
    assert list(packcheck.check_pack(pack)) == [
        "pack.toml lacks basis",
        "pack.toml: basis is empty, a pack cites its law",
    ]


@pytest.mark.parametrize(
    ("source", "target", "allowed"),
    [
        ("kunyu.packs.a.models", "kunyu.registers.parties.models", True),
        ("kunyu.packs.a.models", "kunyu.packs.a.models", True),
        ("kunyu.packs.a.models", "kunyu.packs.b.models", False),
        ("kunyu.engines.ingest.models", "kunyu.engines.catalogue.models", True),
        ("kunyu.engines.catalogue.models", "kunyu.engines.ingest.models", False),
        ("kunyu.engines.matters.models", "kunyu.registers.parties.models", False),
        ("kunyu.kernel.outbox.models", "kunyu.engines.security.models", False),
        ("kunyu.engines.security.models", "django.contrib.auth.models", True),
    ],
)
def test_relations_obey_the_direction_of_imports(
    packcheck: ModuleType, source: str, target: str, allowed: bool
) -> None:
    assert packcheck.relation_allowed(source, target) is allowed
