"""Every event that the code emits is declared in the one list, or it would be retried for ever."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import kunyu

pytestmark = pytest.mark.quick
ROOT = Path(kunyu.__file__).parent


def named(node: ast.Assign) -> Iterator[tuple[str, object]]:
    """Yield the names and constants of ``A = "a"`` and of ``A, B = "a", "b"``."""
    for target in node.targets:
        pairs = [(target, node.value)]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts, strict=True))
        for one, value in pairs:
            if isinstance(one, ast.Name) and isinstance(value, ast.Constant):
                yield one.id, value.value


def constants_of(path: Path) -> dict[str, object]:
    """Return the constants of a module, its own and those it imports from modules of ours."""
    tree = ast.parse(path.read_text("utf-8"))
    found = dict(pair for node in tree.body if isinstance(node, ast.Assign) for pair in named(node))
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kunyu."):
            source = ROOT.parent / f"{node.module.replace('.', '/')}.py"
            wanted = [one for one in node.names if one.name.endswith("_TOPIC")]
            if wanted:
                theirs = constants_of(source)
                found |= {one.asname or one.name: theirs[one.name] for one in wanted}
    return found


def emitted_topics() -> set[str]:
    """Return the first argument of every ``emit(…)`` outside tests: a literal or a constant its module knows."""
    topics = set()
    for path in ROOT.rglob("*.py"):
        if "tests" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "emit":
                topic = node.args[0]
                topics.add(topic.value if isinstance(topic, ast.Constant) else constants_of(path)[topic.id])
    return topics


def test_every_emitted_topic_is_declared() -> None:
    from kunyu.project.handlers import HANDLERS

    assert "catalogue.version_published" in emitted_topics()
    assert emitted_topics() == set(HANDLERS)
