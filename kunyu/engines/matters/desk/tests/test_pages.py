"""Pages of officers, as browsers ask for them: who sees what, and a case handled through them alone."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from kunyu.engines.matters.cases import services
from kunyu.engines.matters.cases.tests.world import SITE, World
from kunyu.engines.matters.models import Case, CaseEvent, Check, CheckAnswer, Decision, Opinion, Pause
from kunyu.engines.security import epochs
from kunyu.engines.worklist.models import Task

pytestmark = pytest.mark.django_db


class Browser:
    """Somebody at the pages."""

    def __init__(self, world: World, name: str) -> None:
        epochs.forget()
        self.client = Client()
        self.client.force_login(world.users[name])

    def get(self, address: str, status: int = 200) -> str:
        answer = self.client.get(address)
        assert answer.status_code == status, answer.content[:3000].decode()
        return answer.content.decode()

    def send(self, address: str, status: int = 302, *, page: str = "", **given: Any) -> Any:
        """Fill in the form that ``page`` (the address itself) shows and send it."""
        shown = self.get(page or address)
        form = re.search(r"<form class=\"(?:ky-card )?ky-form\".*?</form>", shown, re.S)
        assert form, shown
        hidden = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', form[0]))
        answer = self.client.post(address, {**hidden, **given})
        assert answer.status_code == status, answer.content[:6000].decode()
        return answer


@pytest.fixture
def at(world: World) -> Any:
    """``at("clerk").get(…)``."""
    world.person("viewer", actions=("see", "query"))
    kept: dict[str, Browser] = {}
    return lambda name: kept.setdefault(name, Browser(world, name))


def unchecked(case: Case, state: str = "not_checked", weight: str = "block") -> Check:
    """A check with one answer."""
    check = Check.objects.create(
        application_id=case.application_id, case=case, matter_code=SITE, edition_digest="-", rules_digest="-",
        valid_at=timezone.localdate(), known_at=timezone.now(), digest="d" * 64, made_by="test",
        asked={"division": case.division_code, "matters": [{"code": SITE}]},
        conflicts=int(state == "conflict"), not_checked=int(state == "not_checked"),
    )  # fmt: skip
    CheckAnswer.objects.create(
        check_run=check, rule="T-01", clause="《试验法》第三条", state=state, weight=weight, message_zh="永久基本农田未核验：数据缺失",
        message_en="farmland not checked", reason="missing" if state == "not_checked" else "",
    )  # fmt: skip
    return check


@pytest.mark.parametrize(
    ("name", "one", "act"),
    [("clerk", 200, 403), ("examiner", 200, 403), ("decider", 200, 200), ("viewer", 200, 403), ("applicant", 404, 404),
     ("neighbour", 404, 404)],
)  # fmt: skip
def test_who_sees_the_pages(at: Any, world: World, name: str, one: int, act: int) -> None:
    case = world.accepted()
    at(name).get(f"/cases/{case.number}", one)
    at(name).get(f"/cases/{case.number}/places.geojson", one)
    at(name).get(f"/cases/{case.number}/supervise", act)
    assert (case.number in at(name).get("/cases/")) is (one == 200 or name == "applicant")
    for which in ("mine", "todo", "closed", "all"):
        at(name).get(f"/cases/{which}/")
    for by in ("matter", "office", "person"):
        at(name).get(f"/cases/statistics/?by={by}")


def test_nobody_is_asked_to_sign_in(world: World) -> None:
    case = world.submitted()
    for address in ("/cases/", "/cases/statistics/", f"/cases/{case.number}", f"/cases/{case.number}/claim"):
        assert Client().get(address).headers["Location"].startswith("/login")


def test_a_case_from_acceptance_to_decision_through_the_pages(at: Any, world: World) -> None:
    """R-304: claimed, accepted, examined, decided, each by another person and each on the page of the case."""
    case = world.submitted()
    here = f"/cases/{case.number}"
    assert "领取" in at("clerk").get(here) and 'id="act"' not in at("viewer").get(here)
    at("clerk").send(f"{here}/claim?stage=acceptance")
    assert case.number in at("clerk").get("/cases/mine/") and case.number not in at("clerk").get("/cases/todo/")
    at("clerk").send(f"{here}/step", page=here, outcome="accept", text="材料齐全")
    assert "剩 10 个工作日" in at("examiner").get("/cases/")
    at("examiner").send(f"{here}/step", page=here, outcome="agree", text="符合规划")
    page = at("decider").get(here)
    assert "作出决定" in page and "《试验法》第一条" in page and 'name="override"' not in page
    at("decider").send(f"{here}/step", page=here, outcome="grant", text="准予")
    found = Decision.objects.get(case=case)
    assert (found.outcome, found.basis, found.decided_by) == ("grant", ["《试验法》第一条"], "decider")
    assert [one.stage for one in Opinion.objects.filter(case=case)] == ["acceptance", "examination", "decision"]
    assert "已决定，制证中" in at("viewer").get(here)


def test_a_second_click_on_the_decision_decides_nothing(at: Any, world: World) -> None:
    case = world.to_decide()
    here = f"/cases/{case.number}"
    shown = at("decider").get(here)
    hidden = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', shown.split('id="act"')[1]))
    sent = {**hidden, "outcome": "grant", "text": "准予", "basis": "《试验法》第一条"}
    first, second = (at("decider").client.post(f"{here}/step", sent) for _ in range(2))
    assert (first.status_code, second.status_code, second.headers["Location"]) == (302, 302, here)
    assert CaseEvent.objects.filter(case=case, act="decided").count() == 1


def test_not_checked_is_shown_and_needs_an_override(at: Any, world: World) -> None:
    """R-312: not checked is not clear; the reason is asked at its field, and nothing is decided without it."""
    case = world.to_decide()
    unchecked(case)
    here = f"/cases/{case.number}"
    page = at("decider").get(here)
    assert "未核验（不等于通过）" in page and "T-01" in page and 'name="override"' in page
    refused = at("decider").send(f"{here}/step", 422, page=here, outcome="grant", text="准予", basis="《试验法》第一条")
    text = refused.content.decode()
    assert "请写明在此情况下仍然决定的理由，或先重新核验。" in text and 'id="id_override_error"' in text
    assert not Decision.objects.exists() and Case.objects.get(pk=case.pk).state == "in_review"
    at("decider").send(
        f"{here}/step", page=here, outcome="grant", text="准予", basis="《试验法》第一条", override="已实地核实"
    )
    found = Decision.objects.get(case=case)
    assert (found.override, found.override_by) == ("已实地核实", "decider")
    assert "已实地核实" in at("viewer").get(here)


def test_a_conflict_forbids_granting_and_not_refusing(at: Any, world: World) -> None:
    case = world.to_decide()
    unchecked(case, "conflict")
    here = f"/cases/{case.number}"
    at("decider").send(f"{here}/step", 422, page=here, outcome="grant", text="准予", basis="法")
    bare = at("decider").send(f"{here}/step", 422, page=here, outcome="refuse", text="占用耕地", basis="")
    assert "不予许可应当写明法律依据。" in bare.content.decode()
    at("decider").send(f"{here}/step", page=here, outcome="refuse", text="占用耕地", basis="《试验法》第三条")
    assert Decision.objects.get(case=case).override == ""


def test_the_opinion_is_drafted_from_the_suggestion_only_when_asked(at: Any, world: World) -> None:
    case = world.accepted()
    unchecked(case)
    here = f"/cases/{case.number}"
    assert "有未核验项，建议核实后再提出意见" not in _opinion(at("examiner").get(here))
    drafted = f"{here}?stage=examination&suggest=1"
    assert "有未核验项，建议核实后再提出意见" in _opinion(at("examiner").get(drafted))
    at("examiner").send(f"{here}/step", page=drafted, outcome="agree", text="我已核实")
    said = Opinion.objects.get(case=case, stage="examination")
    assert said.text == "我已核实" and said.suggested.startswith("有未核验项，建议核实后再提出意见")


def _opinion(page: str) -> str:
    return re.search(r'<textarea name="text".*?</textarea>', page, re.S)[0]  # type: ignore[index]


def test_a_stale_page_is_refused_and_keeps_what_was_typed(at: Any, world: World) -> None:
    case = world.accepted()
    here = f"/cases/{case.number}"
    shown = at("examiner").get(here)
    hidden = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', shown.split('id="act"')[1]))
    services.supervise(world.as_("decider"), case.pk, "抓紧")
    answer = at("examiner").client.post(f"{here}/step", {**hidden, "outcome": "agree", "text": "我写的意见"})
    text = answer.content.decode()
    assert answer.status_code == 422 and "在您打开之后已有变化" in text and "我写的意见" in text
    assert Case.objects.get(pk=case.pk).stage == "examination"


def test_correction_pause_and_resume(at: Any, world: World) -> None:
    case = world.accepted()
    here = f"/cases/{case.number}"
    at("examiner").send(f"{here}/pause", kind="hearing", text="相邻权利人申请听证", basis="《行政许可法》第四十七条")
    assert "停计：特别程序" in at("examiner").get(here)
    at("examiner").send(f"{here}/resume", text="听证完毕")
    gone = (timezone.localdate() - timedelta(days=1)).isoformat()
    answer = at("examiner").send(f"{here}/correct", 422, asked="勘界图\n身份证明", answer_by=gone)
    assert "补正期限应在今天之后。" in answer.content.decode() and Pause.objects.filter(kind="correction").count() == 0
    at("examiner").send(f"{here}/correct", asked="勘界图\n身份证明", answer_by="")
    asked = Pause.objects.get(case=case, kind="correction").asked
    assert [one["what"] for one in asked] == ["勘界图", "身份证明"]
    at("examiner").get(f"{here}/correct", 409)


def test_assign_and_hand_over_go_to_those_who_may(at: Any, world: World) -> None:
    case = world.submitted()
    here = f"/cases/{case.number}"
    page = at("clerk").get(f"{here}/assign?stage=acceptance")
    assert "clerk2" in page and "examiner" not in page.split("<select")[1].split("</select>")[0]
    at("clerk").send(f"{here}/assign?stage=acceptance", user="clerk2", text="")
    at("clerk2").send(f"{here}/hand-over?stage=acceptance", 422, user="clerk", text="")
    at("clerk2").send(f"{here}/hand-over?stage=acceptance", user="clerk", text="出差")
    assert Case.objects.get(pk=case.pk).assignee == world.users["clerk"]


def test_a_stage_past_its_own_day_says_so_while_the_case_has_time_left(at: Any, world: World) -> None:
    case = world.accepted()
    today = timezone.localdate()
    Case.objects.filter(pk=case.pk).update(due_on=today + timedelta(days=30))
    waiting = Task.objects.filter(object_id=case.number, closed_at=None)
    for day, is_late in ((today - timedelta(days=1), True), (today, False)):
        assert waiting.update(due_on=day) == 1
        assert ("环节超期" in at("examiner").get(f"/cases/{case.number}")) is is_late


def test_a_period_at_the_edge_of_the_calendar_is_a_period(at: Any) -> None:
    for asked in ("until=0001-01-01", "since=9999-12-31", "since=x&until=-", "since=0001-01-01&until=9999-12-31"):
        at("decider").get(f"/cases/statistics/?{asked}")


def test_supervision_reaches_the_statistics(at: Any, world: World) -> None:
    case = world.accepted()
    at("decider").send(f"/cases/{case.number}/supervise", text="请三日内办结")
    page = at("decider").get("/cases/statistics/")
    assert "请三日内办结" in page and case.number in page
    assert "请三日内办结" not in at("viewer").get("/cases/statistics/")


def test_every_figure_opens_the_list_it_counts(at: Any, world: World) -> None:
    services.decide(world.as_("decider"), world.to_decide().pk, "grant", "准")
    world.submitted()
    late = world.accepted()
    Case.objects.filter(pk=late.pk).update(due_on=timezone.localdate() - timedelta(days=3))
    for by in ("matter", "office", "person"):
        page = at("decider").get(f"/cases/statistics/?by={by}")
        links = re.findall(r'<a href="(/cases/(?:all/)?\?[^"]+)">([0-9,]+)</a>', page)
        assert len(links) >= 5, by
        for href, number in links:
            listed = at("decider").get(href.replace("&amp;", "&"))
            assert f"本页 {number} 条" in listed, (href, number)


def test_time_left_is_told_in_words_and_filters(at: Any, world: World) -> None:
    """R-035: yellow, red and overdue by colour and in words; filters and export show the same cases."""
    today = timezone.localdate()
    cases = {name: world.accepted() for name in ("green", "yellow", "red", "overdue")}
    soon, far, gone = today + timedelta(days=1), today + timedelta(days=20), today - timedelta(days=1)
    dates = {
        "green": (far, far, far),
        "yellow": (far, today, far),
        "red": (far, gone, today),
        "overdue": (gone, gone, gone),
    }
    for name, (due, yellow, red) in dates.items():
        Case.objects.filter(pk=cases[name].pk).update(due_on=due, yellow_on=yellow, red_on=red)
    assert soon
    page = at("clerk").get("/cases/")
    assert all(word in page for word in ("黄牌", "红牌", "超期"))
    for value, name in (("1", "green"), ("2", "yellow"), ("3", "red"), ("4", "overdue")):
        found = at("clerk").get(f"/cases/?colour={value}")
        assert [one.number in found for one in cases.values()] == [each == name for each in cases], name
    answer = at("clerk").client.get("/cases/?colour=4&format=csv")
    assert cases["overdue"].number in b"".join(answer.streaming_content).decode("utf-8-sig")
    assert cases["red"].number in at("clerk").get(f"/cases/?q={cases['red'].number}")


def test_pages_of_the_list_follow_by_key(at: Any, world: World, monkeypatch: Any) -> None:
    numbers = [world.submitted().number for _ in range(3)]
    from kunyu.engines.matters.cases import queries

    monkeypatch.setattr(queries.paged, "__defaults__", ("", 2))
    first = at("clerk").get("/cases/")
    assert numbers[0] in first and numbers[2] not in first
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    second = at("clerk").get(f"/cases/{following[1]}".replace("&amp;", "&"))
    assert numbers[2] in second and numbers[0] not in second and "回到第一页" in second
    at("clerk").get("/cases/?after=2026-13-99/1")
    at("clerk").get("/cases/all/?after=%27;--")


def test_the_pages_speak_english(at: Any, world: World) -> None:
    case = world.accepted()
    browser = at("decider")
    browser.client.cookies["django_language"] = "en"
    for address in ("/cases/", f"/cases/{case.number}", "/cases/statistics/", f"/cases/{case.number}/supervise"):
        page = browser.get(address)
        assert "Cases" in page or "Supervise" in page
        told = re.sub(r"<(script|style|svg|textarea).*?</\1>|<[^>]+>", " ", page, flags=re.S)
        assert not re.search("办理|时限|统计|督办|受理", told.replace("English", "").replace("中文", "")), address
