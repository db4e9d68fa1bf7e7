"""Pages and API: a round by clicks, the second click, what a person may not do is not shown (R-189)."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from kunyu.engines.security.models import User
from kunyu.packs.survey_acceptance import services
from kunyu.packs.survey_acceptance.models import AcceptanceRound, SampleItem
from kunyu.packs.survey_acceptance.rules.judging import Judgement
from kunyu.packs.survey_acceptance.rules.population import Wanted

pytestmark = pytest.mark.django_db(transaction=True)
ALL_RIGHT = {"all_right": "1"}


@pytest.fixture
def opened(delivered: Any) -> AcceptanceRound:
    return AcceptanceRound.objects.get(delivery=delivered())


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def send(client: Client, address: str, **values: Any) -> Any:
    """Open the form and send it, as a browser does."""
    page = client.get(address).content.decode()
    token = re.search(r'name="once" value="([^"]+)"', page)
    assert token, page[:500]
    return client.post(address, {"once": token[1], **values})


def test_a_round_by_clicks(opened, people):
    """Draw, begin, judge every sample (each answer leads to the next one), finish, decide: all through pages."""
    here, checker = f"/acceptance/{opened.pk}", signed_in("checker")
    assert "抽样" in checker.get(here).content.decode()
    drawn = send(checker, f"{here}/plan", place="interior", method="village", size_by="rate", rate="1", seed="4")
    assert (drawn.status_code, drawn["Location"]) == (302, here)
    send(checker, f"{here}/step/begin", reason="")
    at = f"{here}/interior/1"
    assert f'href="{at}"' in checker.get(here).content.decode()
    bad = send(checker, at, class_right="0", class_found="", boundary_right="1", attributes_right="1")
    assert bad.status_code == 422 and "请填写实际地类" in bad.content.decode()
    moved = send(
        checker, at, class_right="0", class_found="0307", boundary_right="1", deviation_m="0.8", attributes_right="1"
    )
    assert moved["Location"] == f"{here}/interior/2"
    moved = send(checker, f"{here}/interior/2", **ALL_RIGHT)
    assert moved["Location"] == f"{here}/interior/3"
    assert send(checker, f"{here}/interior/3", **ALL_RIGHT)["Location"] == here
    page = checker.get(here).content.decode()
    assert "1 / 3 = 33.3%" in page and "未达到" in page
    none = send(checker, f"{here}/step/interior-done", reason="")
    assert none.status_code == 422 and "写明理由" in none.content.decode()
    send(checker, f"{here}/step/interior-done", reason="不做外业")
    same = send(checker, f"{here}/decide", decision="accept", reason="")
    assert same.status_code == 422 and "须由另一人决定" in same.content.decode()
    boss = signed_in("boss")
    send(boss, f"{here}/decide", decision="accept", reason="同意")
    opened.refresh_from_db()
    assert (opened.state, opened.decided_by) == ("accepted", "boss")
    assert "同意" in boss.get(here).content.decode()


def test_the_second_click_on_a_decision_acts_once(opened, people):
    """The same form sent twice: one decision, one entry of history, both answers lead to the round."""
    services.draw_sample(people["checker"], opened.pk, Wanted("interior", "simple", 0.1))
    services.begin_checks(people["checker"], opened.pk)
    address, boss = f"/acceptance/{opened.pk}/decide", signed_in("boss")
    token = re.search(r'name="once" value="([^"]+)"', boss.get(address).content.decode())[1]
    answers = [
        boss.post(address, {"once": token, "decision": "return", "reason": "成果不全"})["Location"] for _ in range(2)
    ]
    assert answers == [f"/acceptance/{opened.pk}"] * 2
    assert opened.events.filter(act="decided").count() == 1
    opened.delivery.refresh_from_db()
    assert opened.delivery.status == "rejected"


def test_who_may_only_look_is_shown_no_act(opened, people):
    services.draw_sample(people["checker"], opened.pk, Wanted("interior", "simple", 1.0))
    services.begin_checks(people["checker"], opened.pk)
    viewer, here = signed_in("viewer"), f"/acceptance/{opened.pk}"
    page = viewer.get(here).content.decode()
    for act in ("/step/", "/decide", "/plan", "/import"):
        assert f"{here}{act}" not in page
    assert 'name="class_right"' not in viewer.get(f"{here}/interior/1").content.decode()
    assert viewer.get(f"{here}/decide").status_code == 403
    assert signed_in("stranger").get(here).status_code == 404
    assert signed_in("surveyor").get(f"{here}/interior/1").status_code == 200
    assert 'name="class_right"' not in signed_in("surveyor").get(f"{here}/interior/1").content.decode()
    assert Client().get(here).status_code == 302


def test_the_exported_list_filled_in_comes_back(opened, people):
    """The sheet is the list: export, fill in three columns, import (R-189)."""
    services.draw_sample(people["checker"], opened.pk, Wanted("interior", "simple", 2.0))
    services.begin_checks(people["checker"], opened.pk)
    checker, here = signed_in("checker"), f"/acceptance/{opened.pk}"
    answer = checker.get(f"{here}/samples/?format=csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 6
    for row in rows:
        row |= {"地类正确": "是", "边界正确": "是", "属性正确": "否"}
    written = io.StringIO()
    writer = csv.DictWriter(written, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    file = SimpleUploadedFile("results.csv", written.getvalue().encode("utf-8-sig"))
    sent = send(checker, f"{here}/interior/import", file=file)
    assert sent.status_code == 302
    assert "取用 6 行，更新 6 行" in checker.get(here).content.decode()
    assert SampleItem.objects.filter(plan__round=opened, attributes_right=False, checker="checker").count() == 6


def test_lists_accuracy_and_proof_are_pages(opened, people):
    services.draw_sample(people["checker"], opened.pk, Wanted("interior", "simple", 1.0))
    services.begin_checks(people["checker"], opened.pk)
    for number in (1, 2, 3):
        services.judge(people["checker"], opened.pk, "interior", number, Judgement(True, number != 1, True))
    boss = signed_in("boss")
    assert f"/acceptance/{opened.pk}" in boss.get("/acceptance/").content.decode()
    page = boss.get("/acceptance/accuracy/").content.decode()
    assert "1 / 3 = 33.3%" in page and '<rect class="ac-bar"' in page and "<script>" not in page
    assert "未分工" in boss.get("/acceptance/accuracy/surveyors/").content.decode()
    exported = b"".join(boss.get("/acceptance/accuracy/?format=json").streaming_content).decode()
    assert "1 / 3 = 33.3%" in json.dumps(json.loads(exported), ensure_ascii=False)
    assert "完全一致" in boss.get(f"/acceptance/{opened.pk}/interior/proof").content.decode()
    english = boss.get(f"/acceptance/{opened.pk}", headers={"Accept-Language": "en"}).content.decode()
    assert "Score of the rules" in english and "office check" in english


def test_the_api_does_the_same(opened, people):
    """Rounds, draw, judge, step, decide by JSON; refusals are problem documents with codes."""
    boss, checker = signed_in("boss"), signed_in("checker")
    here = f"/api/acceptance/{opened.pk}"

    def post(client: Client, address: str, **body: Any) -> Any:
        return client.post(address, json.dumps(body), content_type="application/json")

    assert [one["id"] for one in boss.get("/api/acceptance/rounds").json()["rounds"]] == [opened.pk]
    made = post(checker, f"{here}/plans", place="interior", method="simple", rate_percent=1.0, seed=9)
    assert made.status_code == 201
    plan = made.json()["plans"][0]
    assert (plan["seed"], plan["size"], plan["left"]) == (9, 3, 3)
    assert boss.get(f"{here}/plans/interior/proof").json()["same_list"] is True
    post(checker, f"{here}/begin")
    samples = boss.get(f"{here}/samples").json()["features"]
    assert [one["properties"]["severity"] for one in samples] == ["Q"] * 3
    assert {one["geometry"]["type"] for one in samples} <= {"Polygon", "MultiPolygon"}
    for number in (1, 2, 3):
        judged = post(
            checker, f"{here}/samples/interior/{number}", class_right=True, boundary_right=True, attributes_right=True
        )
        assert judged.json()["features"][0]["properties"]["checker"] == "checker"
    again = post(checker, f"{here}/plans", place="interior")
    assert (again.status_code, again.json()["code"]) == (409, "acceptance.wrong_step")
    post(checker, f"{here}/interior-done", reason="不做外业")
    refused = post(checker, f"{here}/decision", accept=True)
    assert (refused.status_code, refused.json()["code"]) == (409, "acceptance.same_person")
    assert post(boss, f"{here}/decision", accept=True).json()["state"] == "accepted"
    assert boss.get("/api/acceptance/accuracy").json()["by_county"][0]["checked"] == 3
