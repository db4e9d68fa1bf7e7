"""Tasks: one per cause, one winner of a race, seen by those who may take them, every act on record (R-041, R-071)."""

from __future__ import annotations

import datetime

import pytest
from django.db import IntegrityError, transaction

from kunyu.engines.pages.tests.at_once import at_once
from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import services as security
from kunyu.engines.security.models import Appointment, AuditEntry, Grant, Post, Role
from kunyu.engines.security.scope import operator
from kunyu.engines.worklist import services
from kunyu.engines.worklist.audience import Candidates, people_who_may_take, takeable
from kunyu.engines.worklist.errors import AlreadyTaken, NotYours, ReasonMissing, UnknownKind, UnknownTask, WrongState
from kunyu.engines.worklist.models import Notification, Task, TaskEvent
from kunyu.engines.worklist.services import Subject
from kunyu.engines.worklist.tests.people import COUNTY, DATASET, acting, delivery_task
from kunyu.kernel.outbox.models import Event

pytestmark = pytest.mark.django_db
State = Task.State


def make(**more: object) -> Task:
    return services.create_task(delivery_task(**more), operator())[0]  # type: ignore[arg-type]


def listed(user: object) -> list[int]:
    return list(Task.objects.filter(takeable(acting(user))).values_list("pk", flat=True))  # type: ignore[arg-type]


def test_the_same_cause_makes_one_task_however_often_it_is_told(li):
    first, made = services.create_task(delivery_task(), operator())
    again, made_again = services.create_task(delivery_task(), operator())
    assert (made, made_again, first.pk) == (True, False, again.pk)
    assert Task.objects.count() == 1
    assert TaskEvent.objects.count() == 1
    assert Event.objects.filter(topic=services.CREATED_TOPIC).count() == 1
    assert AuditEntry.objects.filter(action="task-created", object_id=str(first.pk)).count() == 1


def test_an_undeclared_kind_is_a_defect_and_writes_nothing(db):
    with pytest.raises(UnknownKind):
        make(kind="no_such_kind")
    assert not Task.objects.exists()


def test_the_right_in_the_division_decides_who_sees_and_takes_it(li, stranger, guard):
    task = make()
    assert listed(li) == [task.pk]
    assert listed(stranger) == listed(guard) == []
    assert people_who_may_take(task) == [li.pk]
    for other in (stranger, guard):
        with pytest.raises(UnknownTask):
            services.claim(task.pk, acting(other))
    assert Task.objects.get().state == State.OPEN


def test_a_lost_right_takes_the_task_off_the_list_at_once(li):
    task = make()
    assert listed(li) == [task.pk]
    Grant.objects.filter(user=li, action="approve").delete()
    assert listed(li) == []
    with pytest.raises(UnknownTask):
        services.claim(task.pk, acting(li))


def test_a_duty_decides_for_administrators_tasks(guard, li):
    task = make(key="label:1", kind="label_approval", division="", collections=())
    assert listed(guard) == [task.pk]
    assert listed(li) == []
    assert services.claim(task.pk, acting(guard)).assignee_id == guard.pk


def test_named_candidates_alone_may_take_it(li, wang):
    task = make(candidates=Candidates(users=(wang.pk,)))
    assert (listed(li), listed(wang)) == ([], [task.pk])


def test_holders_of_a_post_and_of_a_role_take_it_while_they_hold_it(li, wang, person):
    unit = Organisation.objects.create(name_zh="坤舆县自然资源局", division_code=COUNTY)
    role = Role.objects.create(code="checker", name_zh="检查")
    post = Post.objects.create(organisation=unit, name_zh="检查岗")
    post.roles.add(role)
    today = datetime.date.today()
    Appointment.objects.create(user=li, post=post, starts_on=today - datetime.timedelta(days=3))
    Appointment.objects.create(
        user=wang, post=post, starts_on=today - datetime.timedelta(days=9), ends_on=today - datetime.timedelta(days=1)
    )
    by_post = make(key="p", candidates=Candidates(posts=(post.pk,)))
    by_role = make(key="r", candidates=Candidates(roles=(role.pk,)))
    assert listed(li) == [by_post.pk, by_role.pk]
    assert listed(wang) == []
    assert people_who_may_take(by_post) == people_who_may_take(by_role) == [li.pk]


@pytest.mark.django_db(transaction=True)
def test_of_two_people_who_claim_at_once_exactly_one_wins(li, wang):
    task = make()
    principals = [acting(user) for user in (li, wang)]
    outcomes = at_once([lambda who=who: services.claim(task.pk, who).assignee_id for who in principals])
    won = [one for one in outcomes if isinstance(one, int)]
    lost = [one for one in outcomes if isinstance(one, AlreadyTaken)]
    assert (len(won), len(lost)) == (1, 1)
    task.refresh_from_db()
    assert task.assignee_id == won[0]
    assert str(task.assignee) in lost[0].detail_zh
    assert TaskEvent.objects.filter(act="claimed").count() == 1


def test_the_later_one_is_told_who_has_it_and_claiming_twice_is_harmless(li, wang):
    task = make()
    services.claim(task.pk, acting(li))
    assert services.claim(task.pk, acting(li)).assignee_id == li.pk
    with pytest.raises(AlreadyTaken, match="li同志") as told:
        services.claim(task.pk, acting(wang))
    assert told.value.http_status == 409
    assert TaskEvent.objects.filter(act="claimed").count() == 1


def test_release_hand_over_and_complete_follow_the_assignee(li, wang):
    task = make(kind="incident_handling", candidates=Candidates(users=(li.pk, wang.pk)))
    with pytest.raises(WrongState):
        services.complete(task.pk, acting(li))
    services.claim(task.pk, acting(li))
    for act in (services.complete, lambda number, who: services.release(number, who, "x")):
        with pytest.raises(AlreadyTaken):
            act(task.pk, acting(wang))
    with pytest.raises(ReasonMissing):
        services.release(task.pk, acting(li), "  ")
    services.release(task.pk, acting(li), "出差")
    assert Task.objects.get().state == State.OPEN
    services.claim(task.pk, acting(wang))
    services.hand_over(task.pk, li, acting(wang), "业务归口")
    services.complete(task.pk, acting(li), note="已核对")
    task.refresh_from_db()
    assert (task.state, task.closed_by, task.note) == (State.DONE, "li", "已核对")
    acts = list(TaskEvent.objects.values_list("act", "actor", "reason"))
    assert acts == [
        ("created", "operator", ""), ("claimed", "li", ""), ("released", "li", "出差"), ("claimed", "wang", ""),
        ("handed_over", "wang", "业务归口"), ("completed", "li", "已核对"),
    ]  # fmt: skip
    assert AuditEntry.objects.filter(object_kind="task", object_id=str(task.pk)).count() == len(acts)
    with pytest.raises(WrongState, match="li"):
        services.complete(task.pk, acting(li))


def test_nobody_is_given_what_he_may_not_do(li, stranger):
    task = make()
    services.claim(task.pk, acting(li))
    with pytest.raises(NotYours, match="zhao"):
        services.hand_over(task.pk, stranger, acting(li), "x")
    assert Task.objects.get().assignee_id == li.pk
    assert not Notification.objects.exists()


def test_a_person_is_told_of_what_was_handed_to_him_once(li, wang):
    task = make()
    services.assign(task.pk, wang, acting(li), "请今天办")
    told = Notification.objects.get()
    assert (told.recipient_id, told.kind, told.href) == (wang.pk, "task_assigned", f"/tasks/{task.pk}")
    assert "请今天办" in told.body_zh


def test_everything_of_a_leaver_goes_to_the_successor_or_back_to_all(li, wang, guard, person):
    mine = make(key="a", candidates=Candidates(users=(li.pk,)))
    common = make(key="b")
    done = make(key="c")
    for task in (mine, common, done):
        services.claim(task.pk, acting(li))
    services.settle(done.key, operator(), "published")
    with pytest.raises(NotYours):
        services.hand_over_everything(li, wang, acting(guard), "离岗")
    moved = services.hand_over_everything(li, wang, acting(li), "离岗")
    assert moved == services.HandedOver(moved=(common.pk,), opened=(mine.pk,))
    assert not Task.objects.filter(assignee=li, state=State.CLAIMED).exists()
    assert Task.objects.get(pk=done.pk).assignee_id == li.pk


def test_settle_closes_the_task_of_a_cause_whoever_has_it(li):
    task = make()
    services.claim(task.pk, acting(li))
    assert services.settle(task.key, operator(), "published") is True
    assert services.settle(task.key, operator(), "published") is False
    task.refresh_from_db()
    assert (task.state, task.outcome, task.closed_by) == (State.DONE, "published", "operator")


def test_a_task_that_its_subject_decides_is_not_done_by_hand(li):
    task = make()
    services.claim(task.pk, acting(li))
    with pytest.raises(WrongState, match="自动办结"):
        services.complete(task.pk, acting(li))
    assert Task.objects.get().state == State.CLAIMED


def test_who_need_not_act_any_more_has_nothing_unread(li, wang):
    """Claimed by one, the news of it is settled for all; so it is when its subject moves on."""
    first, second = make(key="a"), make(key="b")
    for task in (first, second):
        services.tell_of_new_task(task.pk)
    services.claim(first.pk, acting(li))
    assert Notification.objects.filter(read_at=None).count() == 2
    services.settle(second.key, operator(), "published")
    assert not Notification.objects.filter(read_at=None).exists()


def test_only_the_maker_withdraws(li):
    task = make()
    with pytest.raises(NotYours):
        services.cancel(task.pk, acting(li), "x")
    assert services.cancel(task.pk, operator(), "重复").state == State.CANCELLED


def test_the_handler_tells_all_who_may_take_it_and_nobody_twice(li, wang, stranger):
    task = make()
    assert services.tell_of_new_task(task.pk) == 2
    assert services.tell_of_new_task(task.pk) == 0
    assert set(Notification.objects.values_list("recipient_id", flat=True)) == {li.pk, wang.pk}


def test_the_database_refuses_states_that_contradict_themselves(li):
    task = make()
    for values in ({"state": "claimed"}, {"assignee_id": li.pk}, {"state": "done"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Task.objects.filter(pk=task.pk).update(**values)


def test_a_percent_sign_in_a_division_opens_nothing(person):
    """LIKE wildcards in division codes."""
    make()
    other = person("liu", "see", county="990202")
    with pytest.raises(IntegrityError), transaction.atomic():
        security.grant(other, ["approve"], actor=operator(), branch="104", division_prefix="99%")
    assert listed(other) == []


def test_a_task_over_two_datasets_needs_the_right_on_both(person):
    task = make(collections=(DATASET, "20202-001"))
    half = person("half", "approve")
    both = person("both", "approve")
    security.grant(both, ["approve"], actor=operator(), branch="202", division_prefix=COUNTY)
    assert listed(half) == []
    assert listed(both) == [task.pk]


def test_titles_are_cut_and_subjects_named(li):
    task = make(subject=Subject("delivery", "7", "长" * 400))
    assert len(task.title_zh) == 200
