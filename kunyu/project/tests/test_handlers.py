"""Every event that the code emits is declared in the one list, or it would be retried for ever."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import kunyu

pytestmark = pytest.mark.quick
ROOT = Path(kunyu.__file__).parent


def emitted_topics() -> set[str]:
    """Return the first argument of every ``emit(…)`` outside tests: a literal or a constant of its module."""
    topics = set()
    for path in ROOT.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
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
