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


def emitted_topics() -> set[str]:
    """Return the first argument of every ``emit(…)`` outside tests: a literal or a constant of its module."""
    topics = set()
    for path in ROOT.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        constants = dict(pair for node in tree.body if isinstance(node, ast.Assign) for pair in named(node))
        for node in ast.walk(tree):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "emit"
            if called and "tests" not in path.parts:
                topic = node.args[0]
                topics.add(topic.value if isinstance(topic, ast.Constant) else constants[topic.id])
    return topics


def test_every_emitted_topic_is_declared() -> None:
    from kunyu.project.handlers import HANDLERS

    assert "catalogue.version_published" in emitted_topics()
    assert emitted_topics() == set(HANDLERS)
