"""Pages of administration: each for its duty, everybody else finds nothing; forms act once (R-035, R-131, R-132)."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import get_resolver

from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import admin_urls, post_services
from kunyu.engines.security.models import Appointment, Handover, Post, User
from kunyu.engines.security.tests.administration import PASSWORD, World, entered, send, today

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> World:
    return World()


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


def test_every_page_is_there_for_its_duty_and_for_nobody_else(world: World) -> None:
    made = world.appointed()
    one = Handover.objects.create(user=world.li, reason="试", made_by="sys")
    values = {"unit_id": world.office.pk, "post_id": world.post.pk, "user_id": world.li.pk, "appointment_id": made.pk,
              "handover_id": one.pk, "duty_id": 0, "draft_id": 0}  # fmt: skip
    clients = {who: entered(getattr(world, who)) for who in ("system", "security", "audit", "other")}
    ordinary = Client()
    ordinary.force_login(world.li)
    assert get_resolver().resolve("/admin/")
    for pattern in admin_urls.urlpatterns:
        route = str(pattern.pattern)
        if not route.startswith("admin/") or "duty_id" in route or "draft_id" in route:
            continue
        path = "/" + re.sub(r"<int:(\w+)>", lambda found: str(values[found[1]]), route)
        ours = {"security"} if "post-roles" in path or "people" in path else {"system"}
        if path in ("/admin/", "/admin/administrators/", "/admin/administrators/new"):
            ours = {"system", "security", "audit"}
        for who in ("system", "security", "audit"):
            assert clients[who].get(path).status_code in ((200, 302) if who in ours else (404,)), (path, who)
        assert ordinary.get(path).status_code == 404, path
        assert Client().get(path)["Location"].startswith("/login"), path
        if "<int" in route:  # the administrator of another city
            assert clients["other"].get(path).status_code == 404, path
            assert clients["other"].post(path, {"reason": "越界"}).status_code == 404, path


def test_a_unit_is_made_once_however_often_it_is_clicked(world: World) -> None:
    client = entered(world.system)
    path = f"/admin/organisations/new?parent={world.county.pk}"
    token = re.search(r'name="once" value="([^"]+)"', page(client, path))[1]  # type: ignore[index]
    form = {"once": token, "code": "K-9", "name_zh": "林业科", "kind": "department", "division_code": "", "uscc": ""}
    first, second = client.post(path, form), client.post(path, form)

    unit = Organisation.objects.get(code="K-9")
    assert first["Location"] == second["Location"] == f"/admin/organisations/{unit.pk}/"
    assert (unit.parent_id, unit.division_code) == (world.county.pk, "990101")
    again = send(client, path, **{k: v for k, v in form.items() if k != "once"})
    assert again.status_code == 422 and '<a href="#id_code">单位代码</a>' in again.content.decode()


def test_closing_names_what_closes_and_who_is_in_the_way(world: World) -> None:
    world.appointed()
    client, path = entered(world.system), f"/admin/organisations/{world.county.pk}/close"
    shown = page(client, path)
    assert "下级单位“测绘科”" in shown and "岗位“测绘科 数据管理岗”" in shown
    refused = send(client, path, reason="撤并")
    assert refused.status_code == 422 and "李工（测绘科 数据管理岗）" in refused.content.decode()
    assert not Organisation.objects.exclude(closed_on=None).exists()


def test_a_post_is_made_filled_and_given_roles_by_three_people(world: World) -> None:
    system, security = entered(world.system), entered(world.security)
    send(system, f"/admin/organisations/{world.office.pk}/posts/new", name_zh="检查岗", name_en="")
    post = Post.objects.get(name_zh="检查岗")
    send(security, f"/admin/post-roles/{post.pk}/", roles=[str(world.role.pk)], reason="岗位说明书")
    assert [one.code for one in post.roles.all()] == ["t-steward"]
    refused = system.post(f"/admin/post-roles/{post.pk}/", {"roles": [], "reason": "越权"})
    assert refused.status_code == 404 and post.roles.exists()

    path = f"/admin/posts/{post.pk}/appoint"
    wrong = send(system, path, username="sec", starts_on=today().isoformat(), reason="兼任")
    assert wrong.status_code == 422 and "没有可任职的账号 sec" in wrong.content.decode()
    send(system, path, username="li", starts_on=today().isoformat(), ends_on="", reason="文件")
    assert Appointment.objects.get(post=post).user == world.li
    assert "李工" in page(system, f"/admin/posts/{post.pk}/") and "数据管理员（试）" in page(system, "/admin/posts/")


def test_a_password_is_shown_once_and_a_second_click_shows_none(world: World) -> None:
    client = entered(world.system)
    token = re.search(r'name="once" value="([^"]+)"', page(client, "/admin/users/new"))[1]  # type: ignore[index]
    form = {"once": token, "username": "wang", "name_zh": "王工", "division_code": "990101", "first": "password"}
    shown = client.post("/admin/users/new", form)
    password = re.search(r'class="ky-secret">([^<]+)<', shown.content.decode())[1]  # type: ignore[index]
    assert User.objects.get(username="wang").check_password(password)
    assert "no-store" in shown["Cache-Control"]
    again = client.post("/admin/users/new", form, follow=True)
    assert again.status_code == 200 and password not in again.content.decode()
    assert User.objects.filter(username="wang").count() == 1


def test_an_invitation_leads_to_a_password_and_is_gone(world: World) -> None:
    client = entered(world.system)
    shown = send(
        client, "/admin/users/new", username="wang", name_zh="王工", division_code="990101", first="invitation"
    )
    link = re.search(r"(/invitation/[\w-]+)", shown.content.decode())[1]  # type: ignore[index]
    guest = Client()
    assert guest.get(link)["Referrer-Policy"] == "same-origin", "a browser sends no origin under no-referrer"
    weak = send(guest, link, password="short", again="short")
    assert (
        weak.status_code == 422 and "至少 10 个字符" in weak.content.decode() and "short" not in weak.content.decode()
    )
    assert send(guest, link, password=PASSWORD, again=PASSWORD + "x").status_code == 422
    assert send(guest, link, password=PASSWORD, again=PASSWORD)["Location"] == "/login"
    assert User.objects.get(username="wang").check_password(PASSWORD)
    assert Client().get(link).status_code == 404


def test_leaving_from_the_page_keeps_a_record_to_sign(world: World) -> None:
    world.appointed()
    world.person("zhao", "赵工", "990101")
    client, path = entered(world.system), f"/admin/users/{world.li.pk}/leave"
    assert "岗位“测绘科 数据管理岗”及其权限，立即" in page(client, path)
    done = send(client, path, successor="zhao", disable="on", reason="调往省厅")
    shown = page(client, done["Location"])
    assert "赵工（zhao）" in shown and "测绘科 数据管理岗" in shown and "接替人签字" in shown
    assert "调往省厅" in page(client, "/admin/handovers/")
    assert entered(world.other).get(done["Location"]).status_code == 404
    assert "离岗" in page(client, f"/admin/users/{world.li.pk}/")  # its history


def test_one_post_is_left_and_the_others_stay(world: World) -> None:
    second = post_services.create(world.system, world.county.pk, "检查岗")
    world.appointed()
    world.appointed(post=second)
    send(entered(world.system), f"/admin/users/{world.li.pk}/leave", posts=[str(second.pk)], reason="换岗")
    running = Appointment.objects.filter(ends_on=None)
    assert [one.post for one in running] == [world.post]
    world.li.refresh_from_db()
    assert world.li.is_active


def test_a_persons_name_and_division_are_corrected_within_reach(world: World) -> None:
    client, path = entered(world.system), f"/admin/users/{world.li.pk}/correct"
    assert send(client, path, name_zh="李工", division_code="9902", reason="调动").status_code == 422
    send(client, path, name_zh="李工程师", division_code="990102", reason="调动")
    world.li.refresh_from_db()
    assert (world.li.name_zh, world.li.division_code) == ("李工程师", "990102")


def test_lists_reach_no_further_than_the_administrator(world: World) -> None:
    ours, theirs = entered(world.system), entered(world.other)
    assert "示范市自然资源局" in page(ours, "/admin/organisations/")
    assert "另一市自然资源局" not in page(ours, "/admin/organisations/")
    assert "李工" not in page(theirs, "/admin/users/") and "数据管理岗" not in page(theirs, "/admin/posts/")
    exported = b"".join(theirs.get("/admin/users/?format=csv").streaming_content).decode()
    assert "li" not in exported.split(",") and "李工" not in exported


def test_the_chart_shows_the_tree_and_finds_people(world: World) -> None:
    world.appointed()
    client = entered(world.system)
    shown = page(client, "/admin/organisations/chart")
    assert shown.index("示范市自然资源局") < shown.index("坤舆县自然资源局") < shown.index("测绘科")
    assert "李工" in shown and "另一市自然资源局" not in shown
    found = page(client, "/admin/organisations/chart?q=李工")
    assert "<mark>" in found and "找到 1 处" in found
    assert "没有相符" in page(client, "/admin/organisations/chart?q=<script>x")


def test_names_do_not_become_markup(world: World) -> None:
    attack = "<script>alert(1)</script>"
    Organisation.objects.filter(pk=world.office.pk).update(name_zh=attack)
    Post.objects.filter(pk=world.post.pk).update(name_zh=attack)
    User.objects.filter(pk=world.li.pk).update(name_zh=attack)
    world.appointed(days_ago=0)
    client = entered(world.system)
    paths = ("organisations/", "posts/", "users/", "organisations/chart", f"organisations/{world.office.pk}/",
             f"posts/{world.post.pk}/", f"users/{world.li.pk}/", f"users/{world.li.pk}/leave",
             f"organisations/{world.county.pk}/close", f"posts/{world.post.pk}/appoint")  # fmt: skip
    for path in paths:
        shown = page(client, f"/admin/{path}")
        assert attack not in shown and "&lt;script&gt;" in shown, path


def test_the_number_of_queries_does_not_grow_with_the_lists(world: World, django_assert_max_num_queries) -> None:
    client = entered(world.system)
    for number in range(30):
        post_services.create(world.system, world.office.pk, f"岗位{number:02}")
        world.appointed(world.person(f"p{number:02}", f"人{number:02}", "990101"), Post.objects.latest("pk"))
    page(client, "/admin/users/")
    for path in ("organisations/", "posts/", "users/", "organisations/chart"):
        with django_assert_max_num_queries(14):
            page(client, f"/admin/{path}")


def test_administrators_land_on_their_own_pages(world: World) -> None:
    client = entered(world.security)
    assert client.get("/")["Location"] == "/admin/"
    shown = page(client, "/admin/")
    assert "/admin/post-roles/" in shown and "/admin/users/" not in shown
    assert "/catalogue/" not in shown
