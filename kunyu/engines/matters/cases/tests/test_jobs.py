"""What happens by itself: events delivered, limits settled when holidays are published, warnings given once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from kunyu.engines.documents.models import Document, Licence
from kunyu.engines.matters import tasks
from kunyu.engines.matters.cases import pausing, services, supervising
from kunyu.engines.matters.cases.changing import set_clock
from kunyu.engines.matters.cases.clock import count
from kunyu.engines.matters.cases.tests.world import World, handlers_of_cases
from kunyu.engines.matters.models import Case, Check, NationalMessage
from kunyu.engines.worklist.models import Notification
from kunyu.kernel import workdays
from kunyu.kernel.outbox.models import Event
from kunyu.kernel.outbox.services import dispatch

pytestmark = pytest.mark.django_db
S = Case.State


def test_the_outbox_makes_licence_letter_message_and_check(world: World, seal: Any) -> None:
    """As the node delivers: by the one list of handlers, everything idempotent."""
    case = services.request_correction(world.as_("clerk"), world.submitted().pk, [{"what": "补图"}])
    services.answer_correction(world.as_("applicant"), case.pk)
    services.act(world.as_("clerk"), case.pk, "acceptance", "accept", "")
    services.act(world.as_("examiner"), case.pk, "examination", "agree", "")
    services.decide(world.as_("decider"), case.pk, "grant", "准")
    for _ in range(3):
        Event.objects.update(delivered_at=None)
        assert dispatch(200, handlers_of_cases()).failed == 0
    case.refresh_from_db()
    assert (case.state, Licence.objects.count()) == (S.GRANTED, 1)
    letter = Document.objects.get(subject=f"case:{case.number}", kind="correction", is_sealed=True)
    assert letter.pages == 1 and letter.filled_with["asked"] == [{"what": "补图"}]
    kinds = NationalMessage.objects.filter(case=case).order_by("sequence").values_list("kind", flat=True)
    assert list(kinds) == ["application", "special", "special", "acceptance", "step", "step", "licence", "closed"]


def test_a_case_a_crash_left_unchecked_is_checked_by_the_event(world: World) -> None:
    case = world.submitted()
    Check.objects.filter(case=case).delete()
    assert dispatch(200, handlers_of_cases()).failed == 0
    assert Check.objects.filter(case=case).count() == 1
    Event.objects.update(delivered_at=None)
    dispatch(200, handlers_of_cases())
    assert Check.objects.filter(case=case).count() == 1


def test_provisional_limits_settle_when_the_holidays_are_published(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = world.accepted()
    case.accepted_at = timezone.make_aware(timezone.datetime(2026, 12, 28, 10))  # type: ignore[attr-defined]
    set_clock(case, count(10, date(2026, 12, 28)))
    case.save()
    assert (case.due_is_provisional, case.due_on) == (True, date(2027, 1, 11))
    assert pausing.settle_clocks() == 0
    known = workdays.read_calendar()
    shape = next(iter(known.years.values()))
    holidays = frozenset({date(2027, 1, 1), date(2027, 1, 4)})
    with_2027 = workdays.Calendar([*known.years.values(), replace(shape, year=2027, off=holidays, work=frozenset())])
    monkeypatch.setattr(workdays, "official_calendar", lambda: with_2027)
    assert pausing.settle_clocks() == 1
    case.refresh_from_db()
    assert (case.due_is_provisional, case.due_on) == (False, date(2027, 1, 13))
    assert pausing.settle_clocks() == 0


def test_each_colour_is_told_once_to_who_has_the_case(world: World) -> None:
    case = services.claim(world.as_("examiner"), world.accepted().pk)
    assert case.yellow_on is not None and case.red_on is not None and case.due_on is not None
    assert supervising.warn_of_limits(case.yellow_on - timedelta(days=1)) == 0
    for day in (case.yellow_on, case.yellow_on, case.red_on, case.due_on + timedelta(days=1)):
        supervising.warn_of_limits(day)
    told = Notification.objects.filter(kind="case_limit").order_by("pk")
    assert [one.title_zh.partition("：")[0] for one in told] == ["时限已过 70%", "时限已过 90%", "已超过承诺时限"]
    assert {one.recipient.username for one in told} == {"examiner"}


def test_the_jobs_of_the_workers_run(world: World) -> None:
    """Each job does its work when it is called as the worker calls it; without a platform nothing is sent."""
    late = services.request_correction(
        world.as_("clerk"), world.submitted().pk, [{"what": "图"}], timezone.localdate() - timedelta(days=1)
    )
    for job in (tasks.repair, tasks.send_national, tasks.daily, tasks.reconcile_yesterday):
        job(0)
    late.refresh_from_db()
    assert late.state == S.WITHDRAWN
