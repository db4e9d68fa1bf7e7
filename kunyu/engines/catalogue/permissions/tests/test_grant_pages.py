"""Pages of roles, grants and explanations: separation, preview, second click, hostile text (R-035, R-041, R-142)."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from kunyu.engines.catalogue.permissions.tests.city import EVIL, administrator, entered, once, person
from kunyu.engines.security.models import Grant, Role, User

pytestmark = pytest.mark.django_db

PAGES = ("/admin/roles/", "/admin/roles/new", "/admin/roles/viewer/", "/admin/roles/viewer/edit",
         "/admin/roles/viewer/delete", "/admin/grants/", "/admin/grants/new", "/admin/access/")  # fmt: skip


def form(**changed: object) -> dict[str, object]:
    given = {"person": "li", "role": "", "actions": ["see", "query"], "branch": "104", "division": "990101",
             "secrecy": "2", "grading": "0", "sharing": "1", "reveals": ["name"], "reason": "年度变更调查"}  # fmt: skip
    return given | changed


@pytest.mark.parametrize("address", PAGES)
def test_pages_do_not_exist_for_anybody_else(an: Client, address: str) -> None:
    """System and audit administrators and people with rights get 404; strangers are sent to sign in."""
    assert an.get(address).status_code in (200, 403)  # 403: a role that reaches the whole nation
    li = person("li")
    Grant.objects.create(user=li, action="approve")
    for client in (administrator("system"), administrator("audit"), entered(li)):
        assert client.get(address).status_code == 404
        assert client.post(address, form()).status_code == 404
    assert Client().get(address).status_code == 302
    assert not Grant.objects.filter(user__isnull=False).exclude(user=li).exists()


def test_a_grant_is_previewed_then_made_once(an: Client) -> None:
    person("li")
    seen = an.post("/admin/grants/new", form() | {"once": once(an, "/admin/grants/new")})
    page = seen.content.decode()
    assert "1 人可以看见、查询" in page and "地类图斑" in page and "人li" in page
    assert not Grant.objects.filter(user__username="li").exists()
    token = re.search(r'name="once" value="([^"]+)"', page)
    assert token
    act = form() | {"once": token[1], "step": "grant"}
    first, second = an.post("/admin/grants/new", act), an.post("/admin/grants/new", act)
    assert first.status_code == second.status_code == 302
    made = Grant.objects.filter(user__username="li")
    assert {(one.action, one.branch, one.division_prefix, tuple(one.reveals)) for one in made} == {
        ("see", "104", "990101", ("name",)), ("query", "104", "990101", ("name",))}  # fmt: skip


def test_the_hidden_form_of_the_preview_says_what_was_typed(an: Client) -> None:
    person("li")
    page = an.post("/admin/grants/new", form()).content.decode()
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    assert ("person", "li") in hidden and ("actions", "see") in hidden and ("actions", "query") in hidden
    assert ("division", "990101") in hidden and ("reveals", "name") in hidden


def test_only_fields_of_the_form_are_taken(an: Client) -> None:
    """Mass assignment: what the form does not know changes nothing."""
    person("li")
    extra = {"granted_by": "nobody", "max_secrecy": "5", "user": "1", "user_id": "1", "division_prefix": "", "labels": "-1",
             "expires_at": "2999-01-01", "step": "grant"}  # fmt: skip
    an.post("/admin/grants/new", form() | extra | {"once": once(an, "/admin/grants/new")})
    made = Grant.objects.filter(user__username="li")
    assert made.count() == 2
    for one in made:
        assert (one.granted_by, one.max_secrecy, one.division_prefix, one.expires_at) == (
            "security9901",
            2,
            "990101",
            None,
        )


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"division": ""}, 403), ({"division": "99"}, 403), ({"division": "9901%"}, 422), ({"branch": "104%"}, 422),
        ({"person": "zhao"}, 422), ({"person": "security9901"}, 422), ({"person": "%"}, 422), ({"role": "viewer"}, 422),
        ({"person": ""}, 422), ({"reason": ""}, 422), ({"secrecy": "9"}, 422), ({"actions": ["own"]}, 422),
        ({"expires_on": "2000-01-01"}, 422), ({"reveals": ["salary"]}, 422), ({"person": "", "role": "nope"}, 422),
    ],
)  # fmt: skip
def test_what_may_not_be_granted_stays_at_the_form(an: Client, changed: dict[str, object], status: int) -> None:
    """Divisions beyond his own, strangers, himself, wildcards, values that are not offered."""
    person("li"), person("zhao", "410101")
    before = Grant.objects.count()
    answer = an.post("/admin/grants/new", form(**changed) | {"step": "grant", "once": once(an, "/admin/grants/new")})
    assert answer.status_code == status
    assert Grant.objects.count() == before


def test_forms_need_their_csrf_token(an: Client) -> None:
    li = person("li")
    strict = entered(User.objects.get(username="security9901"), enforce_csrf_checks=True)
    Grant.objects.create(user=li, division_prefix="990101", action="see")
    assert strict.post("/admin/grants/new", form() | {"step": "grant"}).status_code == 403
    assert strict.post(f"/admin/grants/revoke?grant={li.grants.get().pk}", {"reason": "x"}).status_code == 403
    assert Grant.objects.filter(user=li).count() == 1


def test_hostile_text_is_shown_as_text(an: Client) -> None:
    li = person("li")
    Grant.objects.create(user=li, division_prefix="990101", action="see", branch="104", reason=EVIL, granted_by=EVIL)
    User.objects.filter(pk=li.pk).update(name_zh=EVIL)
    Role.objects.create(code="evil", name_zh=EVIL, description_zh=EVIL)
    for address in ("/admin/grants/?col=reason&col=recipient&col=by", "/admin/roles/", "/admin/roles/evil/",
                    "/admin/access/?person=li", "/admin/access/?person=li&dataset=10401-003",
                    "/admin/access/?dataset=10401-003&col=reason&col=person",
                    f"/admin/access/?dataset={EVIL}", f"/admin/access/?person={EVIL}"):  # fmt: skip
        page = an.get(address).content.decode()
        assert EVIL not in page and "alert(1)" in page, address


def test_revoking_names_the_loss_and_happens_once(an: Client) -> None:
    li = person("li")
    one = Grant.objects.create(user=li, division_prefix="990101", action="see", branch="104")
    address = f"/admin/grants/revoke?grant={one.pk}"
    page = an.get(address).content.decode()
    assert "人li" in page and "看见" in page and "国土调查" in page
    act = {"once": once(an, address), "reason": "调离"}
    assert an.post(address, act).status_code == an.post(address, act).status_code == 302
    assert not Grant.objects.filter(user=li).exists()
    assert an.get(address).status_code == 404


def test_the_page_answers_why_who_and_what(an: Client) -> None:
    li = person("li")
    Grant.objects.create(user=li, division_prefix="990101", action="see", branch="104", reason="年度变更调查")
    yes = an.get("/admin/access/?person=li&dataset=10401-003&action=see").content.decode()
    assert "人li（li）可以看见" in yes and "年度变更调查" in yes and yes.count('class="broken"') == 0
    no = an.get("/admin/access/?person=li&dataset=10401-003&action=download&division=坤舆县").content.decode()
    assert "不能" in no and no.count('class="broken"') == 1 and "缺“下载”" in no and "security9901" in no
    who = an.get("/admin/access/?dataset=10401-003&action=see").content.decode()
    assert "人li" in who and "直接授予" in who
    assert "人li" not in an.get("/admin/access/?dataset=10401-003&action=edit").content.decode().partition("<tbody>")[2]
    file = an.get("/admin/access/?dataset=10401-003&action=see&format=json")
    assert (
        file.status_code == 200
        and "人li" in b"".join(file.streaming_content if file.streaming else [file.content]).decode()
    )
    what = an.get("/admin/access/?person=li").content.decode()
    assert "国土调查" in what and "坤舆县" in what


def test_english_is_complete_on_the_pages(an: Client) -> None:
    person("li")
    an.cookies["django_language"] = "en"
    page = an.get("/admin/grants/new").content.decode()
    assert "Person" in page and "At most: Secrecy" in page and "Land survey" in page
    assert "What a right hangs on" in an.get("/admin/access/").content.decode()


def test_a_role_shows_its_grants_posts_and_people(an: Client) -> None:
    page = an.get("/admin/roles/examiner/").content.decode()
    assert "审批经办人" in page and "姓名显示原文" in page and "岗位所在区划" in page
    made = an.post("/admin/roles/new", {"code": "farm", "name_zh": "耕地保护", "is_built_in": "1",
                                        "once": once(an, "/admin/roles/new")})  # fmt: skip
    assert made.status_code == 302 and Role.objects.get(code="farm").is_built_in is False


def test_actions_given_together_are_one_line_and_revoked_together(an: Client) -> None:
    li = person("li")
    for action in ("see", "query", "download"):
        Grant.objects.create(user=li, division_prefix="990101", action=action, branch="104", reason="调查")
    other = Grant.objects.create(user=li, division_prefix="990101", action="see", branch="105", reason="调查")
    page = an.get("/admin/grants/?person=li").content.decode()
    assert "共 2 条" in page and "看见、查询、下载" in page
    assert "共 1 条" in an.get("/admin/grants/?person=li&action=download").content.decode()
    link = next(one for one in re.findall(r'href="(/admin/grants/revoke\?[^"]+)"', page) if str(other.pk) not in one)
    address = link.replace("&amp;", "&")
    assert an.post(address, {"once": once(an, address), "reason": "调离"}).status_code == 302
    assert list(Grant.objects.filter(user=li)) == [other]


def test_everybody_reads_his_own_rights_in_words(an: Client) -> None:
    li = person("li")
    Grant.objects.create(user=li, division_prefix="990101", action="see", branch="104", reveals=["name"])
    page = entered(li).get("/account/").content.decode()
    assert "我的权限" in page and "国土调查" in page and "坤舆县" in page and "姓名显示原文" in page
    assert "直接授予" in page and "还没有任何数据权限" not in page
