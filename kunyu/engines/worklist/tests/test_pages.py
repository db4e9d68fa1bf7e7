"""Pages of tasks, notifications and incidents: what each person sees there and what the buttons do (R-041, R-312)."""

from __future__ import annotations

import datetime

import pytest
from django.db import connection
from django.test import Client

from kunyu.engines.security.models import AdminDuty
from kunyu.engines.security.scope import operator
from kunyu.engines.worklist import incidents, notices, services
from kunyu.engines.worklist.models import Incident, Notification, Task
from kunyu.engines.worklist.tests.people import COUNTY, DATASET, acting, delivery_task

pytestmark = pytest.mark.django_db


def browser(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(answer) -> str:
    return answer.content.decode()


def alarm(**more) -> incidents.Alarm:
    values = {
        "key": "sensor:7", "level": 2, "title_zh": "北坡位移超限", "title_en": "North slope moves", "source": "GNSS-7",
        "place": "坤舆县北坡", "lon": 113.02, "lat": 34.51, "division": COUNTY, "action": "approve",
        "collections": (DATASET,),
    }  # fmt: skip
    return incidents.Alarm(**{**values, **more})


def test_a_claimable_task_is_claimed_with_one_click_and_then_mine(li, wang):
    task, _ = services.create_task(delivery_task(), operator())
    mine, others = browser(li), browser(wang)
    page = text(mine.get("/tasks/claimable/"))
    assert f'formaction="/tasks/{task.pk}/claim"' in page
    assert "剩 3 个工作日" in page
    answer = mine.post(f"/tasks/{task.pk}/claim", {"next": "/tasks/claimable/"})
    assert (answer.status_code, answer["Location"]) == (302, "/tasks/claimable/")
    assert "汇交 7 待审核发布" in text(mine.get("/tasks/"))
    assert f'formaction="/tasks/{task.pk}/claim"' not in text(others.get("/tasks/claimable/"))
    assert "li同志" in text(others.get("/tasks/team/"))
    others.post(f"/tasks/{task.pk}/claim")
    assert "已由 li同志" in text(others.get("/tasks/"))
    assert Task.objects.get().assignee_id == li.pk


def test_a_task_is_not_found_by_those_who_may_not_take_it(li, stranger):
    task, _ = services.create_task(delivery_task(), operator())
    assert browser(li).get(f"/tasks/{task.pk}").status_code == 200
    assert browser(stranger).get(f"/tasks/{task.pk}").status_code == 404
    assert browser(stranger).get(f"/tasks/{task.pk + 999}").status_code == 404
    assert browser(stranger).post(f"/tasks/{task.pk}/claim").status_code == 404
    assert Client().get("/tasks/")["Location"].startswith("/login")


def test_acts_are_posted_and_carry_the_token_of_our_page(li):
    task, _ = services.create_task(delivery_task(), operator())
    client = Client(enforce_csrf_checks=True)
    client.force_login(li)
    assert client.post(f"/tasks/{task.pk}/claim").status_code == 403
    assert client.get(f"/tasks/{task.pk}/claim").status_code == 405
    assert Task.objects.get().state == "open"


def test_hand_over_from_the_page_of_the_task(li, wang, stranger):
    task, _ = services.create_task(delivery_task(), operator())
    client = browser(li)
    client.post(f"/tasks/{task.pk}/claim")
    page = text(client.get(f"/tasks/{task.pk}"))
    assert "wang同志" in page
    assert "zhao同志" not in page
    client.post(f"/tasks/{task.pk}/hand_over", {"user": "wang", "reason": "请接手"})
    assert Task.objects.get().assignee_id == wang.pk
    told = Notification.objects.get(recipient=wang)
    answer = browser(wang).get(f"/notifications/{told.pk}")
    assert answer["Location"] == f"/tasks/{task.pk}"
    told.refresh_from_db()
    assert told.read_at is not None
    assert browser(li).get(f"/notifications/{told.pk}").status_code == 404


def test_leaving_a_post_hands_over_everything(li, wang, person):
    services.create_task(delivery_task(), operator())
    services.claim(Task.objects.get().pk, acting(li))
    client = browser(li)
    assert "wang同志" in text(client.get("/tasks/leave"))
    assert client.post("/tasks/leave", {"leaver": "li", "successor": "wang", "reason": "调离"})["Location"] == "/tasks/"
    assert Task.objects.get().assignee_id == wang.pk
    assert browser(wang).get("/tasks/leave?user=li").status_code == 403
    admin = person("sys")
    AdminDuty.objects.create(user=admin, duty="system", appointed_by="operator", division_prefix=COUNTY)
    answer = browser(admin).post("/tasks/leave", {"leaver": "wang", "successor": "li", "reason": "调离"})
    assert answer["Location"] == "/tasks/"
    assert Task.objects.get().assignee_id == li.pk


def test_a_list_shows_what_is_overdue_in_the_colour_of_conflict(li):
    services.create_task(delivery_task(), operator())
    Task.objects.update(due_on=datetime.date(2026, 1, 5))
    client = browser(li)
    assert 'class="ky-tag danger"' in text(client.get("/tasks/claimable/?colour=red"))
    assert "没有相符" in text(client.get("/tasks/claimable/?colour=yellow"))
    csv = client.get("/tasks/claimable/?format=csv")
    exported = b"".join(csv.streaming_content).decode() if csv.streaming else text(csv)
    assert "领取" in exported
    assert "<button" not in exported


@pytest.mark.parametrize("which", ["", "claimable/", "team/", "closed/"])
def test_a_list_costs_the_same_queries_however_many_tasks(li, wang, which, django_assert_max_num_queries):
    for number in range(30):
        task, _ = services.create_task(delivery_task(str(number)), operator())
        if number % 3:
            services.claim(task.pk, acting((li, wang)[number % 3 - 1]))
        if number % 9 == 1:
            services.settle(task.key, operator(), "published")
    client = browser(li)
    client.get(f"/tasks/{which}")
    with django_assert_max_num_queries(22):
        client.get(f"/tasks/{which}")


def test_titles_from_outside_are_text_on_the_page(li):
    """XSS."""
    notices.notify([li.pk], notices.Notice(kind="incident", key="x", title_zh="<script>alert(1)</script>"))
    page = text(browser(li).get("/notifications/"))
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page


def test_a_notification_never_leads_off_the_node(li):
    notices.notify([li.pk], notices.Notice(kind="incident", key="x", title_zh="x", href="https://evil.example/"))
    answer = browser(li).get(f"/notifications/{Notification.objects.get().pk}")
    assert answer["Location"] == "/notifications/"


def test_read_all_spares_what_came_after_the_page_was_drawn(li):
    for key in ("a", "b"):
        notices.notify([li.pk], notices.Notice(kind="incident", key=key, title_zh=key))
    client, first = browser(li), Notification.objects.order_by("pk").first()
    client.post("/notifications/read-all", {"up_to": first.pk})
    assert list(Notification.objects.filter(read_at=None).values_list("key", flat=True)) == ["b"]
    client.post("/notifications/read-all")
    assert not Notification.objects.filter(read_at=None).exists()


def test_preferences_are_kept_and_wrong_addresses_refused(li):
    client = browser(li)
    client.post("/notifications/settings", {"mail": "li@example.org", "mobile": "138 0000 0000", "mail:incident": "on"})
    contact = notices.contact_of(acting(li))
    assert (contact.mail, contact.mobile) == ("li@example.org", "13800000000")
    page = text(client.get("/notifications/settings"))
    assert 'name="mail:incident" checked' in page
    assert 'name="mail:task_assigned" checked' not in page
    assert "没有配置邮件服务器" in page
    assert "不是邮箱地址" in text(client.post("/notifications/settings", {"mail": "no mail"}))
    assert notices.contact_of(acting(li)) == contact
    with connection.cursor() as cursor:
        cursor.execute("SELECT mail, phone FROM security_user WHERE id = %s", [li.pk])
        assert "13800000000" not in str(cursor.fetchone())


def test_an_incident_is_acknowledged_resolved_and_closed_on_its_page(li, person):
    found, _ = incidents.raise_incident(alarm(), operator())
    seer = person("seer", "see")
    client = browser(li)
    assert "北坡位移超限" in text(client.get("/incidents/"))
    page = text(client.get(f"/incidents/{found.pk}"))
    assert "113.020000, 34.510000" in page
    assert 'href="/#map=15/34.510000/113.020000"' in page
    assert "确认收到" not in text(browser(seer).get(f"/incidents/{found.pk}"))
    browser(seer).post(f"/incidents/{found.pk}/acknowledge")
    assert Incident.objects.get().state == "open"
    for act, reason in (("acknowledge", ""), ("resolve", "已疏散"), ("close", "监测恢复正常")):
        client.post(f"/incidents/{found.pk}/{act}", {"reason": reason})
    found.refresh_from_db()
    assert (found.state, found.acknowledged_by, found.resolved_by, found.reason) == (
        "closed", "li", "li", "监测恢复正常",
    )  # fmt: skip


def test_administrators_of_the_system_see_what_was_not_delivered_and_nobody_else(li, person):
    admin = person("sys")
    AdminDuty.objects.create(user=admin, duty="system", appointed_by="operator")
    assert browser(admin).get("/notifications/undelivered/").status_code == 200
    assert browser(li).get("/notifications/undelivered/").status_code == 404


def test_pages_speak_english(li):
    services.create_task(delivery_task(), operator())
    page = text(browser(li).get("/tasks/claimable/", headers={"Accept-Language": "en"}))
    assert "Delivery 7 awaits approval" in page
    assert "3 workdays left" in page
