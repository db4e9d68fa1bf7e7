"""The wizard from 申请 to 已提交, as a browser without scripts walks it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kunyu.engines.matters.cases import services
from kunyu.engines.matters.cases.tests.world import COMPANY, NOTICE, PLOT, SITE, World, code_of_company
from kunyu.engines.matters.hall import mine, steps
from kunyu.engines.matters.hall.tests.browsing import ANSWERS, EVERYTHING, PROJECT, faults
from kunyu.engines.matters.models import Application, Case
from kunyu.engines.security.models import ApplicantAccount, AuditEntry

pytestmark = pytest.mark.django_db
CITIZEN = "11010519491231002X"


def address(one: Application, step: str = "") -> str:
    return f"/hall/applications/{one.pk}/{step}"


def filled(at: Any, world: World, *matters: str) -> Application:
    """An application to which nothing but materials and a declaration is missing."""
    one = at("applicant").begin(*matters)
    me = world.as_("applicant")
    services.save(me, one.pk, applicant={**COMPANY, "code": code_of_company()}, form={"purpose": "厂房", "remark": "无"},
                  plot=PLOT, plot_source="画")  # fmt: skip
    one.refresh_from_db()
    return one


# -- apply ----------------------------------------------------------------------------------------------------------------


def test_who_is_not_signed_in_signs_in_and_comes_back(at: Any, client: Any) -> None:
    answer = client.get(f"/hall/apply?matter={SITE}")
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/login?next=%2Fhall%2Fapply%3Fmatter%3D{SITE}"


def test_matters_are_chosen_with_names_of_divisions(at: Any) -> None:
    page = at("applicant").get(f"/hall/apply?matter={SITE}&division=990101")
    assert re.search(rf'value="{SITE}" checked', page)
    assert not re.search(rf'value="{NOTICE}" checked', page)
    assert re.findall(r'value="(\d+)" selected>([^<]+)<', page) == [
        ("99", "示范省"), ("9901", "示范市"), ("990101", "坤舆县"),
    ]  # fmt: skip
    assert "城关镇" in page


def test_two_matters_are_one_application_and_a_second_click_makes_no_second(at: Any) -> None:
    page = at("applicant").get("/hall/apply")
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key
    given = {"key": key[1], "matter": [SITE, NOTICE], "province": "99", "city": "9901", "county": "990101",
             "township": "990101001"}  # fmt: skip
    first = at("applicant").post("/hall/apply", **given)
    second = at("applicant").post("/hall/apply", **given)
    assert first.headers["Location"] == second.headers["Location"]
    assert Application.objects.values_list("matters", "division_code").get() == ([SITE, NOTICE], "990101001")
    at("applicant").post("/hall/apply", **{**given, "matter": [NOTICE]})
    assert list(Application.objects.order_by("pk").values_list("matters", flat=True)) == [[SITE, NOTICE], [NOTICE]]


@pytest.mark.parametrize(
    ("given", "said"),
    [({"matter": []}, "请至少选择一个事项。"), ({"county": ""}, "请选择到县（市、区）。"),
     ({"county": "990199"}, "请选择到县（市、区）。"), ({"matter": ["X-1"]}, "没有事项 X-1。"),
     ({"key": ""}, "页面已过期")],
)  # fmt: skip
def test_bad_choices_come_back_with_a_sentence(at: Any, given: dict[str, Any], said: str) -> None:
    chosen = {"matter": [SITE], "province": "99", "city": "9901", "county": "990101", "township": ""}
    answer = at("applicant").client.post("/hall/apply", {"key": "k", **chosen, **given})
    assert answer.status_code in (404, 422)
    assert said in "".join(faults(answer))
    assert not Application.objects.exists()


def test_the_next_list_of_divisions_without_scripts(at: Any) -> None:
    page = at("applicant").send("/hall/apply", 200, matter=[SITE], province="99", city="", county="", show="1")
    assert "示范市" in page.content.decode()
    assert re.search(rf'value="{SITE}" checked', page.content.decode())
    assert not Application.objects.exists()


def test_a_township_of_another_county_is_not_taken(at: Any) -> None:
    at("applicant").send(
        "/hall/apply", matter=[NOTICE], province="99", city="9901", county="990102", township="990101001"
    )
    assert Application.objects.get().division_code == "990102"


# -- whose it is ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["", *steps.TITLES, "receipt", "discard"])
def test_another_persons_application_is_not_there(at: Any, step: str) -> None:
    one = at("applicant").begin(SITE)
    at("other").get(address(one, step), 404)
    at("clerk").get(address(one, step), 404)
    at("other").post(address(one, step), 405 if step in ("", "receipt") else 404, revision="0")


def test_the_entrance_leads_to_the_first_step_that_is_not_done(at: Any, hall: World) -> None:
    one = at("applicant").begin(EVERYTHING)
    codes = [step.code for step in steps.steps_of(one)]
    assert codes == ["applicant", "project", "form", "materials", "submit"]
    at("applicant").send(address(one, "applicant"), kind="organisation", name="某公司", code=code_of_company())
    answer = at("applicant").client.get(address(one))
    assert answer.headers["Location"] == address(one, "project")


# -- applicant and project ---------------------------------------------------------------------------------------------------


def test_the_code_is_kept_masked_and_never_shown_again(at: Any) -> None:
    one = at("applicant").begin(NOTICE)
    answer = at("applicant").send(address(one, "applicant"), kind="person", name="张三", code=CITIZEN.lower())
    assert answer.headers["Location"] == address(one, "form")
    one.refresh_from_db()
    assert (one.applicant_kind, one.applicant_name, one.applicant_code) == ("person", "张三", CITIZEN)
    page = at("applicant").get(address(one, "applicant"))
    assert CITIZEN not in page and one.applicant_code_masked in page
    at("applicant").send(address(one, "applicant"), kind="person", name="张三丰", code="")
    one.refresh_from_db()
    assert (one.applicant_name, one.applicant_code) == ("张三丰", CITIZEN)


@pytest.mark.parametrize(
    ("kind", "code", "said"),
    [("person", "110105194912310021", "申请人证件号码有误（校验码）。"),
     ("organisation", "", "请填写身份证号码或统一社会信用代码。"),
     ("organisation", CITIZEN, "申请人证件号码有误")],
)  # fmt: skip
def test_a_wrong_code_comes_back_at_its_field(at: Any, kind: str, code: str, said: str) -> None:
    one = at("applicant").begin(NOTICE)
    page = at("applicant").send(address(one, "applicant"), 422, kind=kind, name="张三", code=code).content.decode()
    assert said in "".join(faults(page))
    assert 'value="张三"' in page
    assert kind == "organisation" or code not in page
    one.refresh_from_db()
    assert one.applicant_code == "" and one.applicant_name == ""


def test_what_the_account_knows_need_not_be_typed(at: Any, hall: World) -> None:
    code = code_of_company()
    ApplicantAccount.objects.create(
        user=hall.users["applicant"], kind="organisation", name="登记公司", code=code, code_masked=code[:3] + "***",
    )  # fmt: skip
    one = at("applicant").begin(NOTICE)
    page = at("applicant").get(address(one, "applicant"))
    assert 'value="登记公司"' in page and code not in page and code[:3] + "***" in page
    at("applicant").send(address(one, "applicant"), kind="organisation", name="登记公司", code="")
    one.refresh_from_db()
    assert one.applicant_code == code


def test_an_unfinished_applicant_is_kept_for_later(at: Any) -> None:
    one = at("applicant").begin(NOTICE)
    answer = at("applicant").send(address(one, "applicant"), kind="person", name="张三", code="", later="1")
    assert answer.headers["Location"] == "/hall/mine/"
    one.refresh_from_db()
    assert (one.applicant_name, one.applicant_code_masked) == ("张三", "")


def test_the_project_code_is_checked(at: Any) -> None:
    one = at("applicant").begin(EVERYTHING)
    page = at("applicant").send(address(one, "project"), 422, code="2026-99-1", name="某项目")
    assert "投资项目代码" in "".join(faults(page)) and 'value="某项目"' in page.content.decode()
    answer = at("applicant").send(address(one, "project"), code=PROJECT.replace("-", "—"), name=" 某项目 ")
    assert answer.headers["Location"] == address(one, "form")
    one.refresh_from_db()
    assert (one.project_code, one.project_name) == (PROJECT, "某项目")


# -- stale pages ----------------------------------------------------------------------------------------------------------


def test_a_stale_page_keeps_what_was_typed_and_a_page_sent_twice_goes_on(at: Any) -> None:
    one = at("applicant").begin(NOTICE)
    sent = {"revision": "0", "purpose": "厂房", "remark": "甲"}
    assert at("applicant").post(address(one, "form"), **sent).headers["Location"] == address(one, "submit")
    assert at("applicant").post(address(one, "form"), **sent).headers["Location"] == address(one, "submit")
    page = at("applicant").post(address(one, "form"), 409, **{**sent, "remark": "乙"}).content.decode()
    assert "在别处" in "".join(faults(page))
    assert 'value="乙"' in page and "别处保存的是：甲" in page and 'name="revision" value="1"' in page
    one.refresh_from_db()
    assert one.form == {"purpose": "厂房", "remark": "甲"}
    at("applicant").post(address(one, "form"), **{**sent, "remark": "乙", "revision": "1"})
    one.refresh_from_db()
    assert one.form["remark"] == "乙"


# -- form -----------------------------------------------------------------------------------------------------------------


def test_fields_common_to_two_matters_are_asked_once(at: Any) -> None:
    one = at("applicant").begin(SITE, NOTICE)
    page = at("applicant").get(address(one, "form"))
    assert page.count('name="purpose"') == 1
    assert page.index("各事项共用，只填一次") < page.index('name="purpose"') < page.index('name="joint"')
    assert page.index('name="joint"') < page.index("试验告知</h2>") < page.index('name="remark"')


def test_every_type_of_field_is_read_and_shown(at: Any) -> None:
    one = at("applicant").begin(EVERYTHING)
    given = {
        **ANSWERS, "use": "A", "floors": "3", "kinds": ["耕地", "林地"], "has_reply": "true", "starts": "2027-01-02",
        "place__province": "99", "place__city": "9901", "place__county": "990101", "place__township": "990101001",
        "builder__name": "某公司", "builder__code": code_of_company().lower(), "phone": "13812345678", "notes": "一\r\n二",
    }  # fmt: skip
    answer = at("applicant").send(address(one, "form"), **given)
    assert answer.headers["Location"] == address(one, "materials")
    one.refresh_from_db()
    assert one.form == {
        "purpose": "厂房", "use": "A", "floors": 3, "area_m2": 1200.5, "kinds": ["耕地", "林地"], "has_reply": True,
        "starts": "2027-01-02", "place": "990101001", "builder": {"name": "某公司", "code": code_of_company()},
        "phone": "13812345678", "notes": "一\n二",
    }  # fmt: skip
    page = at("applicant").get(address(one, "form"))
    assert re.search(r'inputmode="decimal" name="area_m2" id="id_area_m2" value="1200.5"', page)
    assert re.search(r'type="tel" inputmode="tel" name="phone"', page)
    assert re.search(r'type="date"\s+name="starts" id="id_starts" value="2027-01-02"', page)
    assert re.search(r'name="has_reply" id="id_has_reply_0" value="true" checked', page)
    assert 'data-when="[[&quot;use&quot;, [&quot;A&quot;]]]"' in page
    assert "仅当“用地类型”为“住宅”时填写。" in page
    assert ">城关镇<" in page


def test_faults_stand_at_their_fields_in_the_language_of_the_page_and_the_answers_are_kept(at: Any) -> None:
    one = at("applicant").begin(EVERYTHING)
    page = at("applicant").send(
        address(one, "form"), 422, **{**ANSWERS, "area_m2": "一百", "floors": "2", "purpose": ""}
    )
    assert faults(page) == [
        "“用途”未填写，请填写。",
        "按其他各项的填写，“层数”不适用，请留空（现为 2）。",
        "“面积”填写为 “一百”，须为数；请只填阿拉伯数字。",
    ]
    assert re.search(r'id="id_area_m2" value="一百"[^>]*aria-describedby="id_area_m2_error"', page.content.decode())
    one.refresh_from_db()
    assert one.form["area_m2"] == "一百"
    at("applicant").client.post("/i18n/setlang/", {"language": "en"})
    english = at("applicant").get(address(one, "form") + "?check=1")
    assert "“Purpose” is empty; fill it in." in faults(english)


def test_an_unfinished_form_is_kept_for_later_without_complaint(at: Any) -> None:
    one = at("applicant").begin(EVERYTHING)
    answer = at("applicant").send(address(one, "form"), purpose="厂房", area_m2="x\x00y", later="1")
    assert answer.headers["Location"] == "/hall/mine/"
    one.refresh_from_db()
    assert one.form == {"purpose": "厂房", "area_m2": "xy"}
    assert "已暂存" in at("applicant").get("/hall/mine/")


# -- submit ---------------------------------------------------------------------------------------------------------------


def test_what_is_missing_leads_to_its_place(at: Any) -> None:
    one = at("applicant").begin(EVERYTHING)
    page = at("applicant").get(address(one, "submit"))
    for place in ("applicant#id_name", "project#id_code", "form?check=1#id_purpose", "materials#kind-sheet"):
        assert f'href="{address(one, place)}"' in page
    answer = at("applicant").send(address(one, "submit"), 422, declared="yes")
    assert "还不能提交" in answer.content.decode()
    assert not Case.objects.exists()


def test_nothing_is_submitted_without_the_declaration(at: Any, hall: World) -> None:
    one = filled(at, hall, SITE)
    page = at("applicant").send(address(one, "submit"), 422).content.decode()
    assert "请先阅读并勾选承诺" in page
    assert not Case.objects.exists()


def test_one_matter_ends_at_its_case_and_two_at_a_receipt(at: Any, hall: World) -> None:
    one = filled(at, hall, NOTICE)
    answer = at("applicant").send(address(one, "submit"), declared="yes")
    case = Case.objects.get()
    assert answer.headers["Location"] == f"/hall/cases/{case.number}"
    assert AuditEntry.objects.get(action="application-declared").detail["cases"] == [case.number]
    two = filled(at, hall, SITE, NOTICE)
    answer = at("applicant").send(address(two, "submit"), declared="yes")
    assert answer.headers["Location"] == address(two, "receipt")
    page = at("applicant").get(address(two, "receipt"))
    for made in Case.objects.filter(application=two):
        assert made.number in page
    assert Case.objects.filter(application=two).count() == 2


def test_a_second_submit_finds_the_same_cases(at: Any, hall: World) -> None:
    one = filled(at, hall, SITE, NOTICE)
    sent = {"revision": str(one.revision), "declared": "yes"}
    for _ in range(2):
        assert at("applicant").post(address(one, "submit"), **sent).headers["Location"] == address(one, "receipt")
    assert Case.objects.filter(application=one).count() == 2
    assert AuditEntry.objects.filter(action="application-declared").count() == 1


def test_a_page_read_before_a_change_does_not_submit_it(at: Any, hall: World) -> None:
    one = filled(at, hall, NOTICE)
    services.save(hall.as_("applicant"), one.pk, form={"purpose": "仓库", "remark": "无"})
    page = at("applicant").post(address(one, "submit"), 409, revision=str(one.revision), declared="yes")
    assert "在别处改过" in page.content.decode() and "仓库" in page.content.decode()
    assert not Case.objects.exists()


def test_steps_of_what_is_submitted_lead_to_its_receipt_and_change_nothing(at: Any, hall: World) -> None:
    case = hall.submitted()
    one = case.application
    for step in ("", "applicant", "form", "materials", "submit"):
        assert at("applicant").client.get(address(one, step)).headers["Location"] == address(one, "receipt")
    at("applicant").post(address(one, "form"), 409, revision=str(one.revision), purpose="改")
    one.refresh_from_db()
    assert one.form["purpose"] == "厂房"


def test_while_correcting_the_same_steps_edit(at: Any, hall: World) -> None:
    case = hall.submitted()
    services.request_correction(hall.as_("clerk"), case.pk, [{"field": "purpose", "what": "写明用途"}])
    one = case.application
    at("applicant").send(address(one, "form"), purpose="冷库", joint="false")
    one.refresh_from_db()
    assert one.form["purpose"] == "冷库"
    page = at("applicant").get(address(one, "submit"))
    assert f'href="/hall/cases/{case.number}/answer"' in page and 'name="declared"' not in page
    assert case.number in at("applicant").get("/hall/mine/").split("已提交的")[0]


# -- mine ------------------------------------------------------------------------------------------------------------------


def test_mine_lists_own_drafts_and_cases_by_pages(at: Any, hall: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mine, "CASES_A_PAGE", 2)
    for _ in range(3):
        hall.submitted()
    draft = at("applicant").begin(NOTICE)
    page = at("applicant").get("/hall/mine/")
    assert page.count("/hall/cases/") == 2 and address(draft) in page
    assert at("applicant").get("/hall/mine/?page=2").count("/hall/cases/") == 1
    assert at("applicant").get("/hall/mine/?page=x").count("/hall/cases/") == 2
    assert at("other").get("/hall/mine/").count("/hall/cases/") == 0


def test_a_draft_is_given_up_after_a_question(at: Any) -> None:
    one = at("applicant").begin(NOTICE)
    assert "试验告知" in at("applicant").get(address(one, "discard"))
    for _ in range(2):
        assert at("applicant").post(address(one, "discard")).headers["Location"] == "/hall/mine/"
    one.refresh_from_db()
    assert one.state == Application.State.DISCARDED
    assert address(one) not in at("applicant").get("/hall/mine/")


def test_a_submitted_application_cannot_be_given_up(at: Any, hall: World) -> None:
    one = hall.submitted().application
    assert at("applicant").post(address(one, "discard")).headers["Location"] == address(one, "receipt")
    one.refresh_from_db()
    assert one.state == Application.State.SUBMITTED
