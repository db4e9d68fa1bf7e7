"""People's names on pages: the node's operator is named as what he is (R-022)."""

from __future__ import annotations

import pytest
from django.template import Context, Template
from django.utils import translation

from kunyu.engines.pages import cells
from kunyu.engines.pages.listing import Column
from kunyu.engines.pages.words import OPERATOR, person, person_words
from kunyu.engines.security.scope import operator

pytestmark = pytest.mark.quick


def test_the_operator_is_said_in_the_language_of_the_page() -> None:
    for name in (operator().name, operator().name_zh):
        assert person_words(name) == OPERATOR
        with translation.override("zh-hans"):
            assert person(name) == "节点操作员"
        with translation.override("en"):
            assert person(name) == "node operator"
    assert person_words("decider") == ("decider", "decider")
    assert (person("decider"), person(""), person(None)) == ("decider", "", "")


def test_lists_and_templates_say_him_alike() -> None:
    column = Column("by", ("经办", "By"), value=lambda one: one, kind="person")
    with translation.override("en"):
        assert cells.shown(column, "operator") == "node operator"
        shown = Template("{% load furniture %}{{ who|person|default:'—' }}").render(Context({"who": "operator"}))
        assert shown == "node operator"
    assert cells.plain(column, "operator") == "operator"
