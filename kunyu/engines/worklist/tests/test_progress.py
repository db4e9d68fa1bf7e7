"""Progress of jobs: seen from outside while the job's transaction is open, written twice a second at most."""

from __future__ import annotations

from types import SimpleNamespace

import psycopg
import pytest
from django.db import connection, transaction

from kunyu.engines.worklist import progress
from kunyu.engines.worklist.errors import UnknownProgress
from kunyu.engines.worklist.models import Notification, Progress
from kunyu.engines.worklist.progress import Job, Reporter, own_session, progress_of
from kunyu.engines.worklist.tests.people import acting
from kunyu.kernel.errors import UsageError

pytestmark = pytest.mark.django_db(transaction=True)
JOB = Job("load:7", "load", "装载 7", "Loading 7", "/deliveries/7", "li")


def seen() -> tuple[str, int, int, str]:
    """What another session sees."""
    with own_session() as other:
        row = other.execute("SELECT phase_zh, done, total, outcome FROM worklist_progress").fetchone()
    assert row is not None
    return row


def test_it_is_seen_while_the_work_is_not_committed(li):
    with transaction.atomic(), Reporter(JOB) as told:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        told.show("装载", "loading", 0, 10)
        assert seen() == ("装载", 0, 10, "running")
    assert seen() == ("装载", 0, 10, "done")


def test_it_is_written_at_most_twice_a_second(li, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    with Reporter(JOB) as told:
        written = 0
        for _ in range(260):  # 1.3 s
            written += told.show("装载", "loading", 5, 10)
            clock[0] += 0.005
    assert written == 3


def test_a_failure_is_told_with_the_reason_and_passes_on(li):
    with pytest.raises(UsageError), Reporter(JOB):
        raise UsageError("第 3 行面积为空。", "Row 3 has no area.")
    found = Progress.objects.get()
    assert (found.outcome, found.message_zh, found.finished_at is not None) == ("failed", "第 3 行面积为空。", True)
    told = Notification.objects.get()
    assert (told.recipient_id, told.title_zh, told.body_zh) == (li.pk, "装载 7：失败", "第 3 行面积为空。")


def test_a_short_job_is_not_told_and_a_long_one_is(li, monkeypatch):
    with Reporter(JOB):
        pass
    assert not Notification.objects.exists()
    monkeypatch.setattr(progress, "TOLD_AFTER_S", 0.0)
    with Reporter(JOB):
        pass
    assert Notification.objects.get().title_zh == "装载 7：已完成"


def test_a_second_run_starts_over_and_only_the_owner_sees_it(li, wang):
    with pytest.raises(UsageError), Reporter(JOB):
        raise UsageError("x", "x")
    with Reporter(JOB):
        assert progress_of(acting(li), "load:7").outcome == "running"
        with pytest.raises(UnknownProgress):
            progress_of(acting(wang), "load:7")
    assert Progress.objects.count() == 1


def test_a_session_that_was_given_stays_open(li):
    with own_session() as session:
        with Reporter(JOB, session):
            pass
        assert session.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")


def test_the_job_of_a_name_without_account_is_nobodys(li):
    with Reporter(Job("x", "load", "x", owner="operator")) as told:
        told.show("a", "a", 0, 1)
    assert Progress.objects.get().owner is None
    assert not Notification.objects.exists()
