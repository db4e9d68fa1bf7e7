"""Template tags of every page: language, rights, the built web entries, figures."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.template import Context, Template, TemplateSyntaxError

from kunyu.engines.security.scope import Principal, Right

pytestmark = pytest.mark.quick


def shown(source: str, **context: Any) -> str:
    return Template("{% load ky %}" + source).render(Context(context))


def test_text_follows_the_language_and_is_chinese_without_one() -> None:
    source = '{% t "目录" "Catalogue" %}'

    assert shown(source, lang="zh") == "目录"
    assert shown(source, lang="en") == "Catalogue"
    assert shown(source) == "目录"


def test_a_missing_english_text_falls_back_to_chinese() -> None:
    assert shown("{% t zh en %}", lang="en", zh="地类图斑", en="") == "地类图斑"


def test_an_english_text_written_as_nothing_says_nothing() -> None:
    source = '{% t "第" "version" %} 2{% t " 版" "" %}'

    assert shown(source, lang="en") == "version 2"
    assert shown(source, lang="zh") == "第 2 版"


def test_a_text_is_kept_under_a_name_and_shown_where_it_is_asked_for() -> None:
    source = '{% t "流程" "Flow" as title %}<b title="{{ title }}"></b>'

    assert shown(source, lang="en") == '<b title="Flow"></b>'
    assert shown(source, lang="zh") == '<b title="流程"></b>'


def test_a_text_without_its_other_language_is_refused_when_the_template_is_read() -> None:
    with pytest.raises(TemplateSyntaxError):
        Template('{% load ky %}{% t "目录" %}')


def test_text_is_escaped() -> None:
    assert shown("{% t zh en %}", zh="<b>", en="") == "&lt;b&gt;"


def test_what_a_person_may_do_is_asked_of_the_principal() -> None:
    source = '{% can "edit" "approve" as delivers %}{{ delivers }}'

    def asked(*actions: str) -> str:
        principal = Principal("a", rights=tuple(Right("", "", action) for action in actions))
        return shown(source, request=SimpleNamespace(principal=principal))

    assert asked("see", "edit") == "True"
    assert asked("see", "query") == "False"
    assert shown(source) == "False"


def test_an_entry_brings_the_files_of_its_imports_once(settings: Any, tmp_path: Path) -> None:
    manifest = {
        "src/workbench.ts": {"file": "web/workbench-1.js", "css": ["web/desk-1.css"], "imports": ["_map.js"]},
        "_map.js": {"file": "web/map-1.js", "css": ["web/map-1.css"], "imports": ["_lit.js"]},
        "_lit.js": {"file": "web/lit-1.js"},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    settings.WEB_DIST = tmp_path

    lines = (
        shown('{% web_entry "workbench" %}')
        .replace("><link", ">\n<link")
        .replace("><script", ">\n<script")
        .splitlines()
    )

    assert lines == [
        '<link rel="stylesheet" href="/static/web/map-1.css">',
        '<link rel="stylesheet" href="/static/web/desk-1.css">',
        '<link rel="modulepreload" href="/static/web/map-1.js">',
        '<link rel="modulepreload" href="/static/web/lit-1.js">',
        '<script type="module" src="/static/web/workbench-1.js"></script>',
    ]


def test_a_missing_web_build_is_said_and_does_not_stop_the_page(settings: Any, tmp_path: Path) -> None:
    settings.WEB_DIST = tmp_path

    assert shown('{% web_entry "base" %}') == '<meta name="kunyu-web-build" content="missing: base">'


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [
        ("hectares", 123_456.0, "12.35"),
        ("mu", 10_000.0, "15.0"),
        ("mu", None, ""),
        ("count", 1_234_567, "1,234,567"),
        ("count", 0, "0"),
        ("iso", date(2025, 12, 31), "2025-12-31"),
        ("iso", None, ""),
    ],
)
def test_figures(source: str, value: object, expected: str) -> None:
    assert shown("{{ value|" + source + " }}", value=value) == expected


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (4241.17, "4,241.17"),
        (1.0, "1"),
        (0, "0"),
        (0.00004, "0"),
        (1200, "1,200"),
        (None, ""),
        ("0199", "0199"),
        ("4241.17", "4,241.17"),
    ],
)
def test_a_measure_has_its_thousands_and_no_idle_decimals(value: object, said: str) -> None:
    assert shown("{{ value|figure }}", value=value) == said
