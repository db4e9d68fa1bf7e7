"""What reaches the worklist by the outbox: labels, leavings, rights that end; each delivered twice acts once (R-041)."""

from __future__ import annotations

import datetime

import pytest

from kunyu.engines.security.models import User
from kunyu.engines.security.scope import operator
from kunyu.engines.worklist import handlers, reminders, services
from kunyu.engines.worklist.models import Notification, Task
from kunyu.engines.worklist.tests.people import acting, delivery_task
from kunyu.kernel.outbox.models import Event

pytestmark = pytest.mark.django_db


def event(**payload: object) -> Event:
    return Event(topic="x", payload=payload)


def test_a_proposed_label_is_a_task_for_security_administrators_until_it_is_decided(guard, li):
    proposed = event(label_id=5, collection="10401-003", proposed_by="li")
    for _ in range(2):
        handlers.label_proposed(proposed)
    task = Task.objects.get()
    assert (task.duty, task.object_kind, task.object_id, task.created_by) == ("security", "label", "5", "li")
    assert services.claim(task.pk, acting(guard)).assignee_id == guard.pk
    for _ in range(2):
        handlers.label_decided(event(label_id=5, collection="10401-003", decision="approved", by="an"))
    task.refresh_from_db()
    assert (task.state, task.outcome, task.closed_by) == ("done", "approved", "an")
    handlers.label_decided(event(label_id=None, collection="", decision="approved", by="an", count=3))


def test_labels_of_records_have_tasks_of_their_own(guard):
    handlers.label_proposed(event(label_id=5, collection="10401-003", proposed_by="li"))
    handlers.record_label_proposed(event(record_label_id=5, collection="10401-003", proposed_by="li"))
    handlers.label_decided(event(record_label_id=5, decision="rejected", by="an"))
    assert list(Task.objects.order_by("pk").values_list("state", flat=True)) == ["open", "done"]


def test_who_leaves_hands_everything_to_the_successor(li, wang):
    task, _ = services.create_task(delivery_task(), operator())
    services.claim(task.pk, acting(li))
    User.objects.filter(pk=li.pk).update(is_active=False)
    left = event(user_id=li.pk, successor_id=wang.pk, by="sys", reason="调离", post_ids=[])
    for _ in range(2):
        handlers.left_post(left)
    task.refresh_from_db()
    assert task.assignee_id == wang.pk
    assert list(task.events.values_list("act", "reason")) == [
        ("created", ""), ("claimed", ""), ("handed_over", "调离"),
    ]  # fmt: skip
    assert Notification.objects.filter(recipient=wang, kind="task_assigned").count() == 1


def test_without_a_successor_the_tasks_are_open_again(li, wang):
    task, _ = services.create_task(delivery_task(), operator())
    services.claim(task.pk, acting(li))
    User.objects.filter(pk=li.pk).update(is_active=False)
    handlers.left_post(event(user_id=li.pk, successor_id=None, by="sys", reason="调离"))
    task.refresh_from_db()
    assert (task.state, task.assignee_id) == ("open", None)


def test_who_leaves_one_post_of_two_keeps_what_he_may_still_do(li, wang):
    task, _ = services.create_task(delivery_task(), operator())
    services.claim(task.pk, acting(li))
    handlers.left_post(event(user_id=li.pk, successor_id=wang.pk, by="sys", reason="调整"))
    task.refresh_from_db()
    assert task.assignee_id == li.pk


def test_an_ending_right_is_told_to_its_holder_once(li):
    for _ in range(2):
        handlers.grant_ending(event(grant=3, user=li.pk, role="", expires_at="2026-12-01T00:00:00+08:00"))
    handlers.grant_ending(event(grant=4, user=None, role="checker", expires_at="2026-12-01T00:00:00+08:00"))
    assert Notification.objects.get().title_zh == "您的一项数据权限将于 2026-12-01 到期"


def test_limits_are_reminded_of_once_per_colour(li):
    task, _ = services.create_task(delivery_task(), operator())
    Task.objects.update(due_on=datetime.date(2026, 11, 26))
    assert reminders.remind_of_limits(datetime.date(2026, 11, 25)) == 0  # nobody has it yet
    services.claim(task.pk, acting(li))
    days = [datetime.date(2026, 11, day) for day in (24, 25, 26, 27, 30)]
    assert [reminders.remind_of_limits(day) for day in days] == [0, 1, 0, 1, 0]
    titles = list(Notification.objects.order_by("pk").values_list("title_zh", flat=True))
    assert titles == ["剩余 1 个工作日：汇交 7 待审核发布", "已超期 1 个工作日：汇交 7 待审核发布"]


def test_provisional_limits_are_settled_when_the_calendar_is_there(li):
    task, _ = services.create_task(delivery_task(), operator())
    Task.objects.update(due_is_provisional=True, due_on=datetime.date(2027, 1, 1))
    assert services.settle_provisional_limits() == 1
    task.refresh_from_db()
    assert task.due_is_provisional is False
    assert task.due_on != datetime.date(2027, 1, 1)
