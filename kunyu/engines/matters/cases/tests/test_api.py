"""The house API of cases and the ZGW shape over it, asked as programs ask: with a token."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
import shapely
from django.test import Client

from kunyu.engines.matters.cases import services
from kunyu.engines.matters.cases.tests.world import HERE, NOTICE, PLOT, SITE, World, code_of_company
from kunyu.engines.matters.models import Application, Case, CaseEvent, Material, MatterEdition
from kunyu.engines.matters.zgw.identities import ZAAK, ZAAKTYPE, key_of_url
from kunyu.engines.security.scope import operator
from kunyu.engines.security.services import issue_token

pytestmark = pytest.mark.django_db


class Asker:
    """Somebody's program."""

    def __init__(self, world: World, name: str) -> None:
        token = issue_token(world.users[name], "tests", operator("tests"))
        self.client, self.headers = Client(), {"Authorization": f"Bearer {token}"}

    def get(self, path: str, status: int = 200) -> Any:
        answer = self.client.get(path, headers=self.headers)
        assert answer.status_code == status, answer.content
        return answer.json()

    def send(self, method: str, path: str, body: dict[str, Any], status: int = 200) -> Any:
        answer = self.client.generic(method, path, json.dumps(body), "application/json", headers=self.headers)
        assert answer.status_code == status, answer.content
        return answer.json()


@pytest.fixture
def ask(world: World) -> Any:
    """``ask("clerk").get(…)``."""
    kept: dict[str, Asker] = {}
    return lambda name: kept.setdefault(name, Asker(world, name))


def applied(ask: Any, matters: list[str]) -> list[dict[str, Any]]:
    me = ask("applicant")
    one = me.send("POST", "/api/cases/applications", {"matters": matters, "division": HERE, "key": "by-api"})
    me.send("PUT", f"/api/cases/applications/{one['id']}", {
        "form": {"purpose": "厂房", "joint": False, **({"remark": "无"} if NOTICE in matters else {})},
        "plot": json.loads(shapely.to_geojson(PLOT)), "project": {"code": "", "name": "一期"},
        "applicant": {"kind": "organisation", "name": "试验建设有限公司", "code": code_of_company()},
    })  # fmt: skip
    return list(me.send("POST", f"/api/cases/applications/{one['id']}/submit", {})["cases"])


@pytest.mark.parametrize("after", ["5", "2026-13-99/1", "\x90/1", "2026-01-01/", "²", "/" + "9" * 19])
def test_a_key_that_no_page_gave_is_refused_and_named(ask: Any, after: str) -> None:
    """A program that is not told would read the first page for ever."""
    for which, bad in (("open", after), ("all", f"{after}/")):
        said = ask("clerk").get(f"/api/cases?{urlencode({'which': which, 'after': bad})}", 400)
        assert "after=" in said["detail_zh"] and "after=" in said["detail_en"]


def test_a_colour_that_is_none_is_refused(ask: Any) -> None:
    assert ask("clerk").get("/api/cases?colour=-7", 422)["detail_zh"]
    assert ask("clerk").get("/api/cases?colour=2")["cases"] == []


def test_a_case_from_click_to_decision_over_http(ask: Any) -> None:
    """R-304, R-307: applied for once, accepted, examined, decided, each by another person."""
    case = applied(ask, [SITE, NOTICE])[0]
    number = case["number"]
    base = f"/api/cases/{number}"
    assert ask("clerk").get("/api/cases?which=todo")["cases"][0]["number"] in (number, str(number))
    ask("clerk").send("POST", f"{base}/acts/claim", {})
    done = ask("clerk").send("POST", f"{base}/acts/step", {"stage": "acceptance", "outcome": "accept", "text": "齐全"})
    assert (done["state"], done["colour"], done["days_left"]) == ("in_review", "green", 10)
    ask("examiner").send("POST", f"{base}/acts/step", {"stage": "examination", "outcome": "agree", "text": "符合"})
    done = ask("decider").send("POST", f"{base}/acts/decide", {"outcome": "grant", "text": "准予"})
    assert (done["state"], done["decision"]["outcome"]) == ("decided", "grant")
    again = ask("decider2").send(
        "POST", f"{base}/acts/decide", {"outcome": "refuse", "text": "不", "basis": ["法"]}, 409
    )
    assert again["code"] == "matters.wrong_step" and again["context"]["allowed"] == [
        "seal",
        "step",
        "assign",
        "supervise",
    ]


def test_the_applicant_sees_his_case_and_not_the_officers_words(ask: Any, world: World) -> None:
    case = services.act(world.as_("clerk"), world.submitted().pk, "acceptance", "accept", "内部意见")
    services.supervise(world.as_("decider"), case.pk, "抓紧")
    me, base = ask("applicant"), f"/api/cases/{case.number}"
    told = me.get(f"{base}/events")["events"]
    assert [one["act"] for one in told] == ["submitted", "accepted"]
    assert "内部意见" not in json.dumps(told, ensure_ascii=False) and "actor" not in told[0]
    me.get(f"{base}/opinions", 404)
    assert ask("examiner").get(f"{base}/opinions")["opinions"][0]["text"] == "内部意见"
    assert [one["act"] for one in ask("examiner").get(f"{base}/events")["events"]][-1] == "supervised"
    assert me.get("/api/cases/own")["cases"][0]["number"] == case.number


def test_strangers_get_the_answer_of_what_is_not_there(ask: Any, world: World) -> None:
    case = world.submitted()
    for name in ("other", "neighbour"):
        assert ask(name).get(f"/api/cases/{case.number}", 404)["code"] == "matters.unknown_case"
        ask(name).send("POST", f"/api/cases/{case.number}/acts/withdraw", {"text": "x"}, 404)
        assert ask(name).get("/api/cases?which=all")["cases"] == []
    assert ask("clerk").send("POST", f"/api/cases/{case.number}/acts/fly", {}, 404)["code"] == "matters.unknown_case"


def test_faults_of_a_form_are_named_in_the_problem(ask: Any) -> None:
    me = ask("applicant")
    one = me.send("POST", "/api/cases/applications", {"matters": [SITE], "division": HERE, "key": "empty"})
    problem = me.send("POST", f"/api/cases/applications/{one['id']}/submit", {}, 422)
    assert problem["code"] == "matters.bad_form"
    assert {"plot", "purpose", "applicant.name"} <= {fault["field"] for fault in problem["context"]["faults"]}
    crossed = {"type": "Polygon", "coordinates": [[[113, 34], [113.01, 34.01], [113.01, 34], [113, 34.01], [113, 34]]]}
    me.send("PUT", f"/api/cases/applications/{one['id']}", {"plot": crossed}, 400)
    assert Application.objects.get(pk=one["id"]).plot_area_m2 is None and not Case.objects.exists()


def test_statistics_by_matter_office_and_person(ask: Any, world: World) -> None:
    world.accepted()
    services.decide(world.as_("decider"), world.to_decide().pk, "grant", "准")
    world.submitted((NOTICE,))
    asked = "/api/cases/statistics?since=2020-01-01&until=2100-01-01&by="
    found = ask("decider").get(f"{asked}matter")
    rows = {one["key"]: one for one in found["rows"]}
    assert (rows[SITE]["received"], rows[SITE]["accepted"], rows[SITE]["open"], rows[NOTICE]["received"]) == (
        2,
        2,
        2,
        1,
    )
    assert (rows[SITE]["days_promised"], found["total"]["received"], found["total"]["overdue"]) == (10.0, 3, 0)
    assert [one["key"] for one in ask("decider").get(f"{asked}office")["rows"]] == [HERE]
    people = {one["key"]: one for one in ask("decider").get(f"{asked}person")["rows"]}
    assert (people["clerk"]["acts"], people["decider"]["decisions"], people["examiner"]["cases"]) == (2, 1, 1)
    assert ask("other").get(f"{asked}matter")["rows"] == []


# -- the ZGW shape ----------------------------------------------------------------------------------------------------

ZAAK_MEMBERS = {
    "url", "uuid", "identificatie", "bronorganisatie", "omschrijving", "toelichting", "zaaktype", "registratiedatum",
    "verantwoordelijkeOrganisatie", "startdatum", "einddatum", "einddatumGepland", "uiterlijkeEinddatumAfdoening",
    "publicatiedatum", "communicatiekanaal", "vertrouwelijkheidaanduiding", "betalingsindicatie", "zaakgeometrie",
    "opschorting", "verlenging", "hoofdzaak", "deelzaken", "relevanteAndereZaken", "eigenschappen", "rollen", "kenmerken",
    "status", "resultaat", "zaakinformatieobjecten", "archiefnominatie", "archiefstatus", "archiefactiedatum",
}  # fmt: skip


def test_a_zaak_is_read_with_its_status_result_and_documents(ask: Any, world: World) -> None:
    case = services.act(world.as_("clerk"), world.submitted().pk, "acceptance", "reject", "不属职权")
    Material.objects.create(
        application_id=case.application_id, kind="application", version=1, file_name="表.pdf", sm3="0" * 64, size=1,
        media_type="application/pdf", uploaded_by="applicant",
    )  # fmt: skip
    page = ask("examiner").get("/api/zgw/zaken/v1/zaken")
    assert {name: page[name] for name in ("count", "countExact", "next", "previous")} == {
        "count": 1, "countExact": True, "next": None, "previous": None,
    }  # fmt: skip
    listed = page["results"][0]
    assert set(listed) == ZAAK_MEMBERS and listed["identificatie"] == case.number
    assert key_of_url(ZAAK, listed["url"]) == case.pk
    one = ask("examiner").get(listed["url"])
    assert one["zaakgeometrie"]["type"] == "MultiPolygon" and one["einddatum"] is not None
    statuses = ask("examiner").get(f"/api/zgw/zaken/v1/statussen?zaak={listed['url']}")["results"]
    assert [one["statustoelichting"] for one in statuses] == ["不予受理", "待受理"]
    assert [one["indicatieLaatstGezetteStatus"] for one in statuses] == [True, False]
    assert ask("examiner").get(statuses[0]["url"]) == statuses[0]
    assert ask("examiner").get(statuses[0]["statustype"])["isEindstatus"] is True
    result = ask("examiner").get(f"/api/zgw/zaken/v1/resultaten?zaak={listed['url']}")["results"]
    assert ask("examiner").get(result[0]["resultaattype"])["omschrijvingGeneriek"] == "not_accepted"
    assert ask("examiner").get(one["resultaat"]) == result[0]
    documents = ask("examiner").get(f"/api/zgw/zaken/v1/zaakinformatieobjecten?zaak={listed['url']}")
    assert documents[0]["titel"] == "表.pdf" and one["zaakinformatieobjecten"] == [documents[0]["url"]]
    assert ask("examiner").get(documents[0]["url"]) == documents[0]
    for address in (listed["url"], statuses[0]["url"], result[0]["url"], documents[0]["url"]):
        ask("other").get(address, 404)


def test_a_zaak_is_created_whole_once(ask: Any, world: World) -> None:
    me = ask("applicant")
    kind = me.get(f"/api/zgw/catalogi/v1/zaaktypen?identificatie={SITE}")["results"][0]
    assert (kind["doorlooptijd"], kind["servicenorm"], key_of_url(ZAAKTYPE, kind["url"])) == (
        "P20D", "P10D", MatterEdition.objects.get(matter__code=SITE).pk,
    )  # fmt: skip
    body = {
        "zaaktype": kind["url"], "bronorganisatie": HERE, "verantwoordelijkeOrganisatie": HERE, "startdatum": "2026-11-23",
        "identificatie": "ours-1", "zaakgeometrie": json.loads(shapely.to_geojson(PLOT)),
        "kunyu": {"form": {"purpose": "厂房", "joint": False},
                  "applicant": {"kind": "organisation", "name": "甲", "code": code_of_company()}},
    }  # fmt: skip
    made = me.send("POST", "/api/zgw/zaken/v1/zaken", body, 201)
    again = me.send("POST", "/api/zgw/zaken/v1/zaken", body, 201)
    assert made["url"] == again["url"] and Case.objects.count() == 1
    assert CaseEvent.objects.get().act == "submitted"
    bad = {**body, "identificatie": "ours-2", "zaakgeometrie": None}
    assert me.send("POST", "/api/zgw/zaken/v1/zaken", bad, 422)["code"] == "matters.bad_form"
    assert (Case.objects.count(), Application.objects.count()) == (1, 1)


def test_filters_and_pages(ask: Any, world: World) -> None:
    first, second = world.submitted(), world.submitted((NOTICE,))
    base = "/api/zgw/zaken/v1/zaken"
    clerk = ask("clerk")
    assert clerk.get(f"{base}?identificatie={first.number}")["count"] == 1
    kind = clerk.get(clerk.get(f"{base}?identificatie={second.number}")["results"][0]["zaaktype"])
    assert clerk.get(f"{base}?zaaktype={kind['url']}")["results"][0]["identificatie"] == second.number
    assert clerk.get(f"{base}?einddatum__isnull=false")["count"] == 0
    assert clerk.get(f"{base}?startdatum__gte=2100-01-01")["count"] == 0
    assert [one["identificatie"] for one in clerk.get(f"{base}?ordering=startdatum")["results"]] == [
        first.number, second.number,
    ]  # fmt: skip
    clerk.get(f"{base}?page=0", 400)
    clerk.get(f"{base}/00000000-0000-4000-8000-000000000000", 404)
    clerk.get("/api/zgw/zaken/v1/statussen", 400)
