"""The house API of the worklist: shapes, refusals, and that nobody reads another's (R-041)."""

from __future__ import annotations

import pytest
from django.test import Client

from kunyu.engines.security.scope import operator
from kunyu.engines.worklist import incidents, notices, services
from kunyu.engines.worklist.models import Notification, Task
from kunyu.engines.worklist.progress import Job, Reporter
from kunyu.engines.worklist.tests.people import COUNTY, DATASET, delivery_task

pytestmark = pytest.mark.django_db
JSON = "application/json"


def browser(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_nobody_is_answered_without_an_account(db):
    for path in ("changes", "session", "tasks", "notifications", "incidents", "progress", "messages", "preferences"):
        assert Client().get(f"/api/worklist/{path}").status_code == 401, path


def test_changes_say_what_the_bell_shows(li):
    services.create_task(delivery_task(), operator())
    services.create_task(delivery_task("b"), operator())
    client = browser(li)
    first = Task.objects.order_by("pk").first()
    assert client.post(f"/api/worklist/tasks/{first.pk}/claim").json()["may"] == ["release", "hand_over"]
    notices.notify([li.pk], notices.Notice(kind="incident", key="k", title_zh="甲"))
    said = client.get("/api/worklist/changes").json()
    assert said["tasks"] == {"mine": 1, "overdue": 0, "claimable": 1}
    assert (said["unread"], said["newest"][0]["title_zh"], said["new"]) == (1, "甲", [])
    notices.notify([li.pk], notices.Notice(kind="incident", key="l", title_zh="乙"))
    later = client.get(f"/api/worklist/changes?since={said['latest']}").json()
    assert [one["title_zh"] for one in later["new"]] == ["乙"]


def test_the_slower_one_is_answered_409_with_the_name(li, wang):
    task, _ = services.create_task(delivery_task(), operator())
    assert browser(li).post(f"/api/worklist/tasks/{task.pk}/claim").status_code == 200
    answer = browser(wang).post(f"/api/worklist/tasks/{task.pk}/claim")
    assert answer.status_code == 409
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "worklist.already_taken"
    assert "li同志" in answer.json()["detail_zh"]


@pytest.mark.parametrize("act", ["claim", "release", "hand-over", "complete", "cancel", "assign"])
def test_no_act_tells_a_stranger_that_the_task_exists(li, stranger, act):
    task, _ = services.create_task(delivery_task(), operator())
    body = {"user": "li", "reason": "x"}
    seen = browser(stranger).post(f"/api/worklist/tasks/{task.pk}/{act}", body, content_type=JSON)
    unknown = browser(stranger).post(f"/api/worklist/tasks/{task.pk + 1}/{act}", body, content_type=JSON)
    assert (seen.status_code, unknown.status_code) == (404, 404)
    assert seen.json()["code"] == unknown.json()["code"]
    assert Task.objects.get().state == "open"


def test_notifications_are_read_by_their_owner_alone(li, wang):
    notices.notify([li.pk], notices.Notice(kind="incident", key="k", title_zh="甲"))
    number = Notification.objects.get().pk
    path = f"/api/worklist/notifications/{number}/read"
    assert browser(wang).post(path, {}, content_type=JSON).status_code == 404
    assert browser(wang).get("/api/worklist/notifications").json()["notifications"] == []
    mine = browser(li)
    assert mine.post(path, {}, content_type=JSON).json()["is_read"] is True
    assert mine.post(path, {"read": False}, content_type=JSON).json()["is_read"] is False
    assert mine.post("/api/worklist/notifications/read-all", {}, content_type=JSON).json() == {"changed": 1}


def test_paging_goes_back_through_all(li):
    for n in range(5):
        notices.notify([li.pk], notices.Notice(kind="incident", key=str(n), title_zh=str(n)))
    client, before, found = browser(li), "", []
    while True:
        page = client.get(f"/api/worklist/notifications?limit=2{before}").json()
        found += [one["title_zh"] for one in page["notifications"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert found == ["4", "3", "2", "1", "0"]


@pytest.mark.django_db(transaction=True)
def test_progress_is_the_owners(li, wang):
    with Reporter(Job("load:7", "load", "装载 7", owner="li")) as told:
        told.show("装载", "loading", 1, 4)
        said = browser(li).get("/api/worklist/progress/load:7").json()
        assert (said["phase_zh"], said["done"], said["total"], said["outcome"]) == ("装载", 1, 4, "running")
        assert browser(wang).get("/api/worklist/progress/load:7").status_code == 404
        assert browser(wang).get("/api/worklist/progress").json() == []


def test_incidents_are_403_for_those_who_only_see(li, stranger, person):
    alarm = incidents.Alarm(
        "k", 2, "位移", "GNSS", division=COUNTY, action="approve", collections=(DATASET,), lon=113.0, lat=34.5
    )
    found, _ = incidents.raise_incident(alarm, operator())
    path = f"/api/worklist/incidents/{found.pk}"
    assert browser(person("seer", "see")).post(f"{path}/acknowledge").status_code == 403
    assert browser(stranger).post(f"{path}/acknowledge").status_code == 404
    assert browser(stranger).get(path).status_code == 404
    said = browser(li).post(f"{path}/acknowledge").json()
    assert (said["state"], said["acknowledged_by"], said["lon"]) == ("acknowledged", "li", 113.0)
    assert browser(li).post(f"{path}/close", {"reason": ""}, content_type=JSON).status_code == 400
    assert browser(li).post(f"{path}/assign", {"user": "li"}, content_type=JSON).json()["assignee"] == "li同志"


def test_only_the_leaver_or_an_administrator_clears_a_desk(li, wang):
    body = {"leaver": "li", "successor": "wang", "reason": "x"}
    path = "/api/worklist/tasks/hand-over-everything"
    assert browser(wang).post(path, body, content_type=JSON).status_code == 403
    unknown = browser(wang).post(path, {**body, "leaver": "nobody"}, content_type=JSON)
    assert unknown.status_code == 403
    assert browser(li).post(path, body, content_type=JSON).json() == {"moved": [], "opened": []}


def test_asking_does_not_write(li, django_assert_num_queries):
    services.create_task(delivery_task(), operator())
    client = browser(li)
    client.get("/api/worklist/changes")
    with django_assert_num_queries(12, exact=False) as asked:
        client.get("/api/worklist/changes")
    assert not [
        one["sql"] for one in asked.captured_queries if one["sql"].lstrip().upper().startswith(("INSERT", "UPDATE"))
    ]
