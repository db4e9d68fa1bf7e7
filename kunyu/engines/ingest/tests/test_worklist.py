"""What a delivery gives people to do and to know: the task stands as long as the delivery waits for it (R-041)."""

from __future__ import annotations

import datetime

import pytest

from kunyu.engines.ingest import services
from kunyu.engines.ingest.models import DeliveredLayer, Delivery
from kunyu.engines.ingest.services import Reason, Status, change_status
from kunyu.engines.ingest.worklist import phase_words
from kunyu.engines.security import epochs
from kunyu.engines.security import services as security
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal, operator
from kunyu.engines.worklist.audience import people_who_may_take
from kunyu.engines.worklist.models import Notification, Task
from kunyu.kernel.errors import UsageError

pytestmark = pytest.mark.django_db
COUNTY = "990101"


def person(name: str, *actions: str, county: str = COUNTY) -> User:
    user = User.objects.create_user(name, "correct-horse-9", name_zh=name)
    security.grant(user, actions, actor=operator(), branch="104", division_prefix=county)
    epochs.forget()
    return user


@pytest.fixture
def delivery() -> Delivery:
    person("sender", "see", "edit")
    made = Delivery.objects.create(
        standard_id="TDT1057-2020", division_code=COUNTY, file_name="county.gpkg", input_sm3="0" * 64, input_size=1,
        valid_from=datetime.date(2025, 12, 31), status=Status.CHECKED, created_by="sender",
    )  # fmt: skip
    DeliveredLayer.objects.create(
        delivery=made, source_name="DLTB", collection="10401-003", layer_code="DLTB", records=1
    )
    return made


def told(name: str) -> list[tuple[str, str]]:
    rows = Notification.objects.filter(recipient__username=name).order_by("pk")
    return list(rows.values_list("kind", "title_zh"))


def test_an_accepted_delivery_is_a_task_for_those_who_may_approve_there(delivery):
    checker = person("checker", "approve")
    person("elsewhere", "approve", county="990202")
    change_status(delivery.pk, Status.ACCEPTED, Principal("sender"))
    task = Task.objects.get()
    assert (task.kind, task.action, task.collections, task.division_code, task.due_workdays) == (
        "delivery_approval", "approve", ["10401-003"], COUNTY, 3,
    )  # fmt: skip
    assert people_who_may_take(task) == [checker.pk]
    assert told("sender") == [("delivery_accepted", f"汇交 {delivery.pk}（county.gpkg）已通过")]


@pytest.mark.parametrize(("status", "outcome"), [(Status.PUBLISHED, "published"), (Status.REJECTED, "rejected")])
def test_the_task_ends_with_the_delivery_whoever_moved_it(delivery, status, outcome):
    change_status(delivery.pk, Status.ACCEPTED, Principal("sender"))
    change_status(delivery.pk, status, Principal("boss"), Reason("不合用", "no use"))
    task = Task.objects.get()
    assert (task.state, task.outcome, task.closed_by) == ("done", outcome, "boss")


def test_a_failed_publication_keeps_the_task_and_tells_who_tried_each_time(delivery):
    checker = person("checker", "approve")
    change_status(delivery.pk, Status.ACCEPTED, Principal("sender"))
    for _ in range(2):
        change_status(
            delivery.pk, Status.ACCEPTED, Principal("checker"), Reason.of(UsageError("磁盘已满。", "Disk full."))
        )
    assert Task.objects.get().state == "open"
    assert told("checker") == [("delivery_returned", f"汇交 {delivery.pk}（county.gpkg）发布失败")] * 2
    assert Notification.objects.filter(recipient=checker).first().body_zh == "磁盘已满。"


def test_a_returned_delivery_tells_its_sender_why_and_makes_no_task(delivery):
    change_status(
        delivery.pk, Status.RETURNED, Principal("sender"), Reason("有 3 处严重缺陷。", "3 findings of severity S.")
    )
    assert told("sender") == [("delivery_returned", f"汇交 {delivery.pk}（county.gpkg）已退回")]
    assert Notification.objects.get().body_zh == "有 3 处严重缺陷。"
    assert not Task.objects.exists()


def test_a_step_that_is_refused_leaves_nothing_behind(delivery):
    with pytest.raises(services.WrongStatus):
        change_status(delivery.pk, Status.PUBLISHED, Principal("sender"))
    assert not Task.objects.exists()
    assert not Notification.objects.exists()


def test_stages_are_told_in_words():
    assert phase_words("check Q303") == ("检查 Q303", "checking Q303")
    assert phase_words("load DLTB") == ("装载 DLTB", "loading DLTB")
