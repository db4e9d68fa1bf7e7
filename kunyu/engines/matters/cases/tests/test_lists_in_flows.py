"""A multiple choice of the form is a list that the conditions of a flow may ask."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from kunyu.engines.matters.cases import routing, services
from kunyu.engines.matters.cases.tests.world import FOLDER, SITE, World
from kunyu.engines.matters.definitions.editions import publish
from kunyu.engines.matters.definitions.reading import read_matter_folder
from kunyu.engines.matters.errors import BadFacts
from kunyu.engines.matters.flows.running import LIMIT_ITEMS, start
from kunyu.engines.matters.models import Case
from kunyu.engines.security.scope import operator

pytestmark = pytest.mark.django_db
USES = {
    "type": "array", "title": "用途清单", "x-title-en": "Uses", "x-order": 40, "uniqueItems": True,
    "items": {"type": "string", "oneOf": [{"const": "school", "title": "学校", "x-title-en": "School"},
                                          {"const": "works", "title": "工厂", "x-title-en": "Works"}]},
}  # fmt: skip


@pytest.fixture
def asking(world: World) -> World:
    """The site matter with a multiple choice, by which its flow decides about the joint review."""
    folder = read_matter_folder(FOLDER)
    one = next(each for each in folder.definitions.values() if each.code == SITE)
    form: dict[str, Any] = copy.deepcopy(dict(one.form))
    form["properties"]["uses"] = USES
    flow = folder.flow.replace("${joint == true}", "${'school' in uses}")
    publish(operator(), replace(one, form=form), flow, folder.decisions, reason="试验", pack=FOLDER.name)
    return world


@pytest.mark.parametrize(
    ("chosen", "waits"),
    [(["school"], ("planning", "farmland")), (["works", "school"], ("planning", "farmland")), (["works"], ("decision",)),
     ([], ("decision",)), (None, ("decision",))],
)  # fmt: skip
def test_a_choice_of_several_decides_the_way(asking: World, chosen: list[str] | None, waits: tuple[str, ...]) -> None:
    given = {} if chosen is None else {"uses": chosen}
    case = asking.to_decide(**given)
    assert routing.waiting(Case.objects.get(pk=case.pk)) == waits


def test_what_is_no_list_of_plain_values_is_left_out(asking: World) -> None:
    case = asking.submitted()
    facts = routing.facts_of(
        case, {"uses": ["works"], "party": {"name": "甲"}, "deep": [["x"]], "odd": [{"a": 1}]}, None
    )
    assert facts["uses"] == ["works"] and not {"party", "deep", "odd"} & set(facts)


def test_a_list_beyond_the_bound_is_refused(asking: World) -> None:
    case = asking.submitted()
    facts = routing.facts_of(case, {"uses": [str(n) for n in range(LIMIT_ITEMS + 1)]}, None)
    with pytest.raises(BadFacts):
        start(routing._flow(case.edition), facts)
    assert services.application_of(asking.as_("applicant"), case.application_id).form.get("uses") is None
