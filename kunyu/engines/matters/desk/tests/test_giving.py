"""Cases given on by their pages: to colleagues, by managers, to another region; each once, however often it is clicked."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kunyu.engines.matters.cases import services
from kunyu.engines.matters.cases.tests.world import HERE, THERE, World
from kunyu.engines.matters.desk.tests.test_pages import Browser
from kunyu.engines.matters.errors import NotYourStep, UnknownCase
from kunyu.engines.matters.models import Case, CaseEvent
from kunyu.engines.security.models import Appointment, Post
from kunyu.engines.worklist.errors import AlreadyTaken

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(world: World) -> Any:
    """``at("clerk").get(…)``."""
    kept: dict[str, Browser] = {}
    return lambda name: kept.setdefault(name, Browser(world, name))


def opened(browser: Browser, address: str) -> dict[str, str]:
    """The hidden fields of the form at an address."""
    return dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', browser.get(address)))


def counted(case: Case, act: str) -> int:
    return CaseEvent.objects.filter(case=case, act=act).count()


def test_a_second_click_on_assign_is_led_where_the_first_one_went(at: Any, world: World) -> None:
    case = world.submitted()
    page = f"/cases/{case.number}/assign?stage=acceptance"
    sent = {**opened(at("clerk"), page), "user": "clerk2", "text": "请办"}
    answers = [at("clerk").client.post(page, sent) for _ in range(3)]
    assert [(one.status_code, one.headers["Location"]) for one in answers] == [(302, f"/cases/{case.number}")] * 3
    assert counted(case, "assigned") == 1


def test_a_second_click_on_hand_over_is_led_where_the_first_one_went(at: Any, world: World) -> None:
    case = services.claim(world.as_("clerk"), world.submitted().pk)
    page = f"/cases/{case.number}/hand-over?stage=acceptance"
    sent = {**opened(at("clerk"), page), "user": "clerk2", "text": "出差"}
    answers = [at("clerk").client.post(page, sent) for _ in range(2)]
    assert [one.status_code for one in answers] == [302, 302] and counted(case, "handed_over") == 1


def test_the_same_from_two_windows_is_done_once_and_another_is_told_who_has_it(at: Any, world: World) -> None:
    """Two windows bear two tokens: giving it to whoever has it already is done, to another says who was faster."""
    world.person("clerk3", role="case-clerk", actions=("see", "query", "edit"))
    case = world.submitted()
    page = f"/cases/{case.number}/assign?stage=acceptance"
    first, second, third = (opened(at("clerk"), page) for _ in range(3))
    assert at("clerk").client.post(page, {**first, "user": "clerk2", "text": ""}).status_code == 302
    assert at("clerk").client.post(page, {**second, "user": "clerk2", "text": ""}).status_code == 302
    answer = at("clerk").client.post(page, {**third, "user": "clerk3", "text": ""})
    assert answer.status_code == 422 and "已由 clerk2同志" in answer.content.decode()
    assert counted(case, "assigned") == 1 and Case.objects.get(pk=case.pk).assignee == world.users["clerk2"]


def test_acts_that_give_a_case_away_are_the_same_twice(world: World) -> None:
    case = world.submitted()
    for _ in range(2):
        services.assign(world.as_("clerk"), case.pk, "clerk2", "请办")
    with pytest.raises(AlreadyTaken):
        services.assign(world.as_("clerk"), case.pk, "clerk", "请办")
    for _ in range(2):
        services.hand_over(world.as_("clerk2"), case.pk, "clerk", "出差")
    assert (counted(case, "assigned"), counted(case, "handed_over")) == (1, 1)


def test_a_manager_assigns_what_he_may_not_do_himself(at: Any, world: World) -> None:
    """``approve`` on the branch in the county gives a stage to its candidates; seeing, handling or approving elsewhere not."""
    world.person("manager", actions=("see", "query", "approve"))
    world.person("far-manager", county=THERE, actions=("see", "query", "approve"))
    world.person("handler", actions=("see", "query", "edit"))
    case = world.submitted()
    page = f"/cases/{case.number}/assign?stage=acceptance"
    assert page.replace("&", "&amp;") in at("manager").get(f"/cases/{case.number}")
    choice = at("manager").get(page).split("<select")[1].split("</select>")[0]
    assert "clerk2" in choice and "examiner" not in choice
    assert page not in at("handler").get(f"/cases/{case.number}")
    for name, refusal in (("handler", NotYourStep), ("examiner", NotYourStep), ("far-manager", UnknownCase),
                          ("applicant", NotYourStep)):  # fmt: skip
        with pytest.raises(refusal):
            services.assign(world.as_(name), case.pk, "clerk", "")
    assert counted(case, "assigned") == 0
    at("manager").send(page, user="clerk2", text="请尽快")
    event = CaseEvent.objects.get(case=case, act="assigned")
    assert (event.actor, event.detail["to"]) == ("manager", "clerk2")


def test_only_those_who_may_act_are_offered(at: Any, world: World) -> None:
    """Who accepted a case is no choice for its examination, whatever posts he holds."""
    both = world.person("both", role="case-clerk", actions=("see", "query", "edit"))
    world.person("both2", role="case-examiner", actions=("see", "query", "edit"))
    Appointment.objects.create(
        user=both,
        post=Post.objects.get(name_zh="case-examiner岗", organisation__division_code=HERE),
        starts_on="2026-01-01",
    )
    case = services.act(world.as_("both"), world.submitted().pk, "acceptance", "accept", "齐全")
    choice = (
        at("examiner").get(f"/cases/{case.number}/assign?stage=examination").split("<select")[1].split("</select>")[0]
    )
    assert 'value="both2"' in choice and 'value="both"' not in choice


def test_a_case_is_given_to_another_region_by_its_page(at: Any, world: World) -> None:
    """Offered are counties with a post for the stage that waits; afterwards the way back only."""
    case = world.accepted()
    page = f"/cases/{case.number}/move"
    assert page in at("examiner").get(f"/cases/{case.number}")
    choice = at("examiner").get(page).split("<select")[1].split("</select>")[0]
    assert THERE in choice and f'value="{HERE}"' not in choice
    at("examiner").send(page, 422, county=THERE, text="")
    at("examiner").send(page, 422, county="110101", text="跨区项目")
    assert counted(case, "office_changed") == 0
    sent = {**opened(at("examiner"), page), "county": THERE, "text": "跨区项目"}
    assert [at("examiner").client.post(page, sent).status_code for _ in range(2)] == [302, 302]
    moved = Case.objects.get(pk=case.pk)
    assert (moved.is_with_partner, moved.partner_county, counted(case, "office_changed")) == (True, THERE, 1)
    back = at("stranger").get(page).split("<select")[1].split("</select>")[0]
    assert f'value="{HERE}"' in back and f'value="{THERE}"' not in back
    at("stranger").send(page, county=HERE, text="已核实")
    assert Case.objects.get(pk=case.pk).is_with_partner is False
    at("decider").send(f"/cases/{case.number}/supervise", text="抓紧")
