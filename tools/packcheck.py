"""Check that every pack is whole, uses the standard file names, and points only where the walls allow.

What imports may not cross, foreign keys may not cross either: a relation written as a string escapes an import check, so
the relations of all models are walked by the same rule. Prints each pack's tier: bronze (cited, sampled, tested), silver
(time limits and alerts exercised), gold (results reproduced from official worked examples).
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACK_KEYS = {"code", "name_zh", "name_en", "owner", "engines", "registers", "basis", "secrecy"}
SECRECY = {"public", "internal", "secret"}
FILES = {
    "__init__.py", "apps.py", "pack.toml", "README.md", "models.py", "quality.py", "rules.py", "matters.toml",
    "workflow.bpmn", "indicators.toml", "alarms.toml", "layers.toml", "measures.py", "errors.py", "views.py", "api.py",
    "mutual.py", "sheets.py", "forms.py", "services.py", "queries.py", "lists.py", "pages.py", "urls.py", "cli.py", "tasks.py", "handlers.py",
    "worklist.py", "worklist.toml", "acceptance.toml", "access.py", "approvals.py", "imports.py", "references.py", "statistics.py", "task_list.py",
}  # fmt: skip
FOLDERS = {
    "codelists",
    "decisions",
    "forms",
    "migrations",
    "samples",
    "tests",
    "templates",
    "quality",
    "mutual",
    "rules",
    "mappings",
    "photos",
}
NEEDED = {"__init__.py", "pack.toml", "README.md"}
LAYERS = ("kernel", "engines", "registers", "packs", "project")
ENGINES = (
    "pages", "reference", "security", "worklist", "catalogue", "documents", "ingest", "maps", "analysis", "ledgers",
    "matters", "indicators", "sensing", "knowledge", "federation",
)  # fmt: skip


def packs() -> list[Path]:
    """Return the folders of packs and registers."""
    roots = [ROOT / "kunyu" / kind for kind in ("packs", "registers")]
    return [f for root in roots if root.is_dir() for f in sorted(root.iterdir()) if (f / "__init__.py").is_file()]


def check_pack(folder: Path) -> Iterator[str]:
    """Yield what is wrong with one pack's folder."""
    names = {path.name for path in folder.iterdir() if path.name != "__pycache__"}
    yield from (f"{name} is missing" for name in sorted(NEEDED - names))
    yield from (f"{name} is not a standard name (style.md §2)" for name in sorted(names - FILES - FOLDERS))
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size == 0 and path.name != "__init__.py":
            yield f"{path.relative_to(folder)} is empty: a missing file means a missing feature"
    if "pack.toml" in names:
        yield from check_manifest(folder, tomllib.loads((folder / "pack.toml").read_text("utf-8")))
    if "matters.toml" in names:
        yield from check_matters(folder)


def check_matters(folder: Path) -> Iterator[str]:
    """Yield what keeps the pack's matters, forms, flow and decision tables from being read."""
    from kunyu.project.runtime.django_setup import prepare_django

    prepare_django()
    from kunyu.engines.matters.definitions.overlays import Content
    from kunyu.engines.matters.definitions.reading import read_matter_folder
    from kunyu.engines.matters.definitions.whole import flow_of
    from kunyu.kernel.errors import KunyuError

    try:
        found = read_matter_folder(folder)
        for one in found.definitions.values():
            if one.process:
                flow_of(Content(one, found.flow, found.decisions))
    except KunyuError as error:
        yield error.detail_en


def check_manifest(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with ``pack.toml``, and imports that it does not declare."""
    yield from (f"pack.toml lacks {key}" for key in sorted(PACK_KEYS - manifest.keys()))
    if manifest.get("code") != folder.name:
        yield f"pack.toml: code {manifest.get('code')!r} is not the folder's name"
    if manifest.get("secrecy") not in SECRECY:
        yield f"pack.toml: secrecy {manifest.get('secrecy')!r} is none of {', '.join(sorted(SECRECY))}"
    if not manifest.get("basis"):
        yield "pack.toml: basis is empty, a pack cites its law"
    unknown = set(manifest.get("engines", ())) - set(ENGINES)
    yield from (f"pack.toml: there is no engine {name}" for name in sorted(unknown))
    for path, module in imports(folder):
        part = module.split(".")
        declared = manifest.get(part[1], ()) if part[1] in ("engines", "registers") else None
        is_own = imports_itself(folder, part)
        if declared is not None and len(part) > 2 and part[2] not in declared and not is_own:
            yield f"{path} imports {module}, but pack.toml does not list it under {part[1]}"
        if part[1] == "packs" and len(part) > 2 and part[2] != folder.name:
            yield f"{path} imports {module}: packs never import packs"


def imports_itself(folder: Path, module: list[str]) -> bool:
    """Tell whether a register imports itself: no pack declares its own folder."""
    return module[1] == folder.parent.name == "registers" and module[2:3] == [folder.name]


def imports(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (file, module) for every import of ``kunyu.*`` outside tests."""
    for path in sorted(folder.rglob("*.py")):
        name = str(path.relative_to(folder))
        if name.startswith("tests/"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kunyu."):
                modules = [node.module or ""]
                if (node.module or "").count(".") == 1:  # from kunyu.engines import maps
                    modules = [f"{node.module}.{alias.name}" for alias in node.names]
                yield from ((name, module) for module in modules)
            elif isinstance(node, ast.Import):
                yield from ((name, alias.name) for alias in node.names if alias.name.startswith("kunyu."))


def height(module: str) -> tuple[int, int, str]:
    """Return where a module stands: layer, place among the engines, and its pack (empty for others)."""
    parts = module.split(".")
    layer = LAYERS.index(parts[1])
    place = ENGINES.index(parts[2]) if parts[1] == "engines" else 0
    return layer, place, parts[2] if parts[1] in ("packs", "registers") else ""


def relation_allowed(source: str, target: str) -> bool:
    """Tell whether a model of module `source` may point at one of module `target`."""
    if not target.startswith("kunyu."):
        return True  # Django's own tables stand below everything
    if not source.startswith("kunyu."):
        return False
    (layer, place, pack), (their_layer, their_place, their_pack) = height(source), height(target)
    if layer == their_layer and LAYERS[layer] == "packs":
        return pack == their_pack
    return (their_layer, their_place) <= (layer, place)


def check_relations() -> Iterator[str]:
    """Yield the relations between models that the import rule would forbid."""
    from django.apps import apps

    from kunyu.project.runtime.django_setup import prepare_django

    prepare_django()
    for model in apps.get_models(include_auto_created=True):
        if not model.__module__.startswith("kunyu."):
            continue
        for field in model._meta.get_fields():
            target = getattr(field, "related_model", None)
            forward = field.is_relation and not field.auto_created and isinstance(target, type)
            if forward and not relation_allowed(model.__module__, target.__module__):
                yield f"{model.__module__}.{model.__name__}.{field.name} points at {target.__module__}.{target.__name__}"


def tier(folder: Path) -> str:
    """Return the pack's tier, judged by what its folder holds."""
    tests = " ".join(path.read_text("utf-8") for path in folder.glob("tests/**/test_*.py"))
    bronze = bool(tests) and (folder / "pack.toml").exists()
    silver = (
        bronze
        and any((folder / name).exists() for name in ("matters.toml", "acceptance.toml", "alarms.toml"))
        and "due" in tests
    )
    gold = silver and "worked example" in tests
    return "gold" if gold else "silver" if silver else "bronze" if bronze else "none"


def main() -> int:
    """Print tiers and problems; return 1 when there is a problem."""
    problems = []
    for folder in packs():
        found = list(check_pack(folder))
        problems += [f"{folder.relative_to(ROOT)}: {problem}" for problem in found]
        print(f"{folder.relative_to(ROOT / 'kunyu')}: {tier(folder)}")
    problems += list(check_relations())
    for problem in problems:
        print(problem, file=sys.stderr)
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
