"""Incidents: exactly one open per key however often its alarm repeats, also at once from many threads (R-180)."""

from __future__ import annotations

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from kunyu.engines.security.models import AuditEntry
from kunyu.engines.security.scope import operator
from kunyu.engines.worklist import incidents
from kunyu.engines.worklist.errors import NotYours, ReasonMissing, UnknownIncident, WrongState
from kunyu.engines.worklist.incidents import Alarm, raise_incident
from kunyu.engines.worklist.models import Incident, IncidentEvent, Notification, Task
from kunyu.engines.worklist.tests.people import COUNTY, DATASET, acting
from kunyu.kernel.errors import UsageError

pytestmark = pytest.mark.django_db
State = Incident.State


def alarm(**more: object) -> Alarm:
    values = {
        "key": "sensor:7", "level": 3, "title_zh": "北坡位移超限", "source": "GNSS-7", "division": COUNTY,
        "action": "approve", "collections": (DATASET,), "lon": 113.02, "lat": 34.51,
    }  # fmt: skip
    return Alarm(**{**values, **more})  # type: ignore[arg-type]


def test_repeats_are_counted_on_one_incident_and_told_once(li):
    first, is_new = raise_incident(alarm(), operator())
    repeats = [raise_incident(alarm(), operator()) for _ in range(4)]
    assert is_new
    assert {(one.pk, new) for one, new in repeats} == {(first.pk, False)}
    found = Incident.objects.get()
    assert (found.repeats, found.level, found.lon, found.lat) == (5, 3, 113.02, 34.51)
    assert Notification.objects.filter(recipient=li).count() == 1
    assert IncidentEvent.objects.count() == 1
    assert AuditEntry.objects.filter(action="incident-raised").count() == 1


@pytest.mark.django_db(transaction=True)
def test_alarms_at_once_make_one_incident_and_none_is_lost(li):
    gate, errors = threading.Barrier(8), []

    def alarmed():
        try:
            gate.wait()
            for _ in range(5):
                raise_incident(alarm(), operator())
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=alarmed) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert (Incident.objects.get().repeats, Notification.objects.count()) == (40, 1)


def test_the_same_alarm_delivered_again_is_not_counted_also_after_closing(li):
    for _ in range(3):
        raise_incident(alarm(occurrence="a-1"), operator())
    raise_incident(alarm(occurrence="a-2"), operator())
    found = Incident.objects.get()
    assert found.repeats == 2
    incidents.close(found.pk, acting(li), "误报")
    again, is_new = raise_incident(alarm(occurrence="a-2"), operator())
    assert (again.pk, is_new, Incident.objects.count()) == (found.pk, False, 1)
    fresh, is_new = raise_incident(alarm(occurrence="a-3"), operator())
    assert (is_new, fresh.pk != found.pk) == (True, True)


def test_a_graver_repeat_raises_the_level_and_is_told(li):
    raise_incident(alarm(level=3), operator())
    raise_incident(alarm(level=1), operator())
    raise_incident(alarm(level=4), operator())
    assert Incident.objects.get().level == 1
    assert list(Notification.objects.order_by("pk").values_list("title_zh", flat=True)) == [
        "较大（黄）：北坡位移超限", "特别重大（红）：北坡位移超限",
    ]  # fmt: skip


def test_an_alarm_after_resolving_opens_it_again(li):
    found, _ = raise_incident(alarm(), operator())
    incidents.acknowledge(found.pk, acting(li))
    incidents.resolve(found.pk, acting(li), "已加固")
    raise_incident(alarm(), operator())
    found.refresh_from_db()
    assert (found.state, found.resolved_at, found.acknowledged_by) == (State.OPEN, None, "")
    assert list(found.events.values_list("act", flat=True)) == ["raised", "acknowledged", "resolved", "reopened"]
    assert Notification.objects.count() == 2


def test_closing_needs_a_reason_and_ends_it(li):
    found, _ = raise_incident(alarm(), operator())
    with pytest.raises(ReasonMissing):
        incidents.close(found.pk, acting(li), " ")
    incidents.close(found.pk, acting(li), "误报")
    with pytest.raises(WrongState):
        incidents.acknowledge(found.pk, acting(li))
    with pytest.raises(IntegrityError), transaction.atomic():
        Incident.objects.filter(pk=found.pk).update(reason="")


def test_who_sees_it_and_who_deals_with_it(li, stranger, guard, person):
    found, _ = raise_incident(alarm(), operator())
    seer = person("seer", "see")
    assert incidents.visible_incident(acting(seer), found.pk) == found
    with pytest.raises(NotYours):
        incidents.acknowledge(found.pk, acting(seer))
    for other in (stranger, guard):
        with pytest.raises(UnknownIncident):
            incidents.acknowledge(found.pk, acting(other))
    assert Incident.objects.get().state == State.OPEN
    node, _ = raise_incident(alarm(key="chain", action="", collections=(), duty="security", division=""), operator())
    assert incidents.visible_incident(acting(guard), node.pk) == node
    with pytest.raises(UnknownIncident):
        incidents.visible_incident(acting(li), node.pk)


def test_it_becomes_a_task_and_the_task_ends_with_it(li, wang):
    found, _ = raise_incident(alarm(level=1), operator())
    task = incidents.assign_as_task(found.pk, wang, acting(li), "请到现场")
    assert (task.assignee_id, task.priority, task.state) == (wang.pk, 2, Task.State.CLAIMED)
    incidents.close(found.pk, acting(wang), "已处置")
    task.refresh_from_db()
    assert (task.state, task.outcome) == (Task.State.DONE, "closed")


@pytest.mark.parametrize("wrong", [{"level": 0}, {"level": 5}, {"lon": 200.0}, {"lat": None}, {"lat": 91.0}])
def test_nonsense_is_refused_and_nothing_written(wrong):
    with pytest.raises(UsageError):
        raise_incident(alarm(**wrong), operator())
    assert not Incident.objects.exists()
