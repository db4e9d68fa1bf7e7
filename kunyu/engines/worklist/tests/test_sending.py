"""Notifications inside and outside the node: once per cause, as each person wishes, never twice on a repeat (R-041).

Mail goes through a real SMTP server of the test; short messages through the simulator, which says that it is one.
"""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.models import AdminDuty, AuditEntry, User
from kunyu.engines.worklist import notices, sending, sms
from kunyu.engines.worklist import settings as worklist
from kunyu.engines.worklist.errors import NotSent, UnknownKind, WrongState
from kunyu.engines.worklist.models import Incident, Message, Notification
from kunyu.engines.worklist.notices import Notice, notify
from kunyu.engines.worklist.tests import smtp_server
from kunyu.engines.worklist.tests.people import acting

pytestmark = pytest.mark.django_db
State = Message.State
NOTICE = Notice(
    kind="incident", key="slope:1", title_zh="北坡位移\r\nBcc: x@y.z", body_zh="来源 GNSS-7", href="/incidents/1"
)


@pytest.fixture(autouse=True)
def fresh_settings():
    worklist.worklist_settings.cache_clear()
    yield
    worklist.worklist_settings.cache_clear()


@pytest.fixture
def smtp(monkeypatch):
    with smtp_server.running() as server:
        monkeypatch.setenv("KUNYU_MAIL_URL", server.url)
        monkeypatch.setenv("KUNYU_MAIL_FROM", "node@example.org")
        monkeypatch.setenv("KUNYU_PUBLIC_ADDRESS", "https://node.example.org")
        yield server


def reached(user: User, mail: str = "", mobile: str = "") -> None:
    notices.set_contact(acting(user), mail, mobile)


def jobs() -> int:
    return ProcrastinateJob.objects.filter(task_name="worklist.send_message", status="todo").count()


def test_one_cause_is_told_once(li, wang):
    assert len(notify([li.pk, wang.pk, li.pk], NOTICE)) == 2
    assert notify([li.pk, wang.pk], NOTICE) == []
    assert Notification.objects.count() == 2


def test_disabled_accounts_and_undeclared_kinds_are_not_told(li):
    User.objects.filter(pk=li.pk).update(is_active=False)
    assert notify([li.pk], NOTICE) == []
    with pytest.raises(UnknownKind):
        notify([li.pk], Notice(kind="rumour", key="1", title_zh="?"))


def test_a_mail_leaves_by_a_job_once_however_often_the_job_runs(li, smtp):
    reached(li, "li@example.org")
    notify([li.pk], NOTICE)
    assert smtp.taken == []
    assert jobs() == 1
    message = Message.objects.get()
    assert [sending.send(message.pk) for _ in range(3)] == [State.SENT] * 3
    (mail,) = smtp.taken
    assert mail["To"] == "li@example.org"
    assert mail["From"] == "node@example.org"
    assert mail["Subject"] == "【坤舆】北坡位移 Bcc: x@y.z"
    assert mail["Bcc"] is None
    assert mail["Message-ID"] == f"<kunyu-message-{message.pk}@example.org>"
    assert mail.get_content().splitlines()[1:] == [
        "Bcc: x@y.z",
        "来源 GNSS-7",
        "",
        "https://node.example.org/incidents/1",
    ]


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_one_mail(li, smtp):
    reached(li, "li@example.org")
    notify([li.pk], NOTICE)
    number = Message.objects.get().pk
    gate = threading.Barrier(2)

    def work():
        gate.wait()
        sending.send(number)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(smtp.taken) == 1
    assert Message.objects.get().attempts == 1


def test_wishes_decide_and_the_kind_is_the_default(li, wang, smtp):
    reached(li, "li@example.org")
    reached(wang, "wang@example.org")
    notices.set_wish(acting(wang), "incident", "mail", False)
    notices.set_wish(acting(wang), "job_finished", "mail", True)
    notify([li.pk, wang.pk], NOTICE)
    notify([li.pk, wang.pk], Notice(kind="job_finished", key="j", title_zh="完成"))
    told = Message.objects.order_by("pk").values_list("notification__recipient__username", "notification__kind")
    assert list(told) == [("li", "incident"), ("wang", "job_finished")]


def test_without_an_address_nothing_is_queued(li, smtp):
    notify([li.pk], NOTICE)
    assert not Message.objects.exists()


def test_what_is_rolled_back_is_not_sent(li, smtp):
    reached(li, "li@example.org")
    with pytest.raises(RuntimeError), transaction.atomic():
        notify([li.pk], NOTICE)
        raise RuntimeError
    assert (Notification.objects.count(), Message.objects.count(), jobs()) == (0, 0, 0)


def test_a_refusal_for_good_is_a_dead_letter_with_the_servers_words(li, smtp):
    smtp.refuses["li@example.org"] = "550 5.1.1 no such user here"
    reached(li, "li@example.org")
    notify([li.pk], NOTICE)
    message = Message.objects.get()
    assert sending.send(message.pk) == State.DEAD
    message.refresh_from_db()
    assert "550 5.1.1 no such user here" in message.reason_zh
    assert message.attempts == 1


def test_dead_letters_are_one_incident_for_the_administrators_of_the_division(li, wang, smtp, person):
    """However many fail; an administrator who cannot be reached himself starts no avalanche."""
    admin = person("sys")
    AdminDuty.objects.create(user=admin, duty="system", appointed_by="operator", division_prefix="990101")
    smtp.refuses |= {f"{name}@example.org": "550 no" for name in ("li", "wang", "sys")}
    for user in (li, wang, admin):
        reached(user, f"{user.username}@example.org")
    notify([li.pk, wang.pk], NOTICE)
    while waiting := Message.objects.filter(state=State.WAITING).first():
        sending.send(waiting.pk)
    found = Incident.objects.get()
    assert (found.title_zh, found.repeats, found.duty, found.division_code) == ("邮件未送达", 3, "system", "990101")
    assert Notification.objects.filter(recipient=admin).count() == 1
    assert Message.objects.filter(state=State.DEAD).count() == 3


def test_a_passing_failure_is_retried_with_growing_pauses_and_given_up(li, smtp):
    smtp.refuses["li@example.org"] = "451 try later"
    reached(li, "li@example.org")
    notify([li.pk], NOTICE)
    number = Message.objects.get().pk
    states, pauses = [], []
    for _ in range(len(sending.PAUSES_S) + 1):
        began = timezone.now()
        states.append(sending.send(number))
        pauses.append(round((Message.objects.get().due_at - began).total_seconds()))
        assert sending.send(number) == states[-1]  # not before its time
        Message.objects.filter(state=State.WAITING).update(due_at=timezone.now())
    assert states == [State.WAITING] * 5 + [State.DEAD]
    assert pauses[:5] == list(sending.PAUSES_S)
    assert smtp.taken == []
    assert jobs() == 6


def test_a_server_that_is_away_is_a_passing_failure(li, monkeypatch):
    monkeypatch.setenv("KUNYU_MAIL_URL", "smtp://127.0.0.1:9")
    reached(li, "li@example.org")
    notify([li.pk], NOTICE)
    assert sending.send(Message.objects.get().pk) == State.WAITING
    assert "127.0.0.1" in Message.objects.get().reason_en


def test_an_interrupted_message_is_not_sent_again_by_itself(li, smtp):
    reached(li, "li@example.org")
    notify([li.pk], NOTICE)
    long_ago = timezone.now() - timedelta(seconds=sending.INTERRUPTED_S + 1)
    Message.objects.update(state=State.SENDING, started_at=long_ago)
    assert sending.take_up_messages() == 0
    message = Message.objects.get()
    assert (message.state, sending.send(message.pk)) == (State.DEAD, State.DEAD)
    assert "无法知道是否已送达" in message.reason_zh
    assert smtp.taken == []


def test_what_waits_without_a_job_is_taken_up(li, smtp):
    reached(li, "li@example.org")
    notify([li.pk], NOTICE)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    assert (sending.take_up_messages(300), jobs()) == (0, 0)
    assert (sending.take_up_messages(), jobs()) == (1, 1)


def test_an_administrator_of_the_system_sends_a_dead_letter_again_on_record(li, smtp, person):
    smtp.refuses["li@example.org"] = "550 no"
    reached(li, "li@example.org")
    notify([li.pk], NOTICE)
    number = Message.objects.get().pk
    sending.send(number)
    admin = person("sys")
    AdminDuty.objects.create(user=admin, duty="system", appointed_by="operator", division_prefix="990101")
    with pytest.raises(NotVisible):
        sending.send_again(acting(li), number)
    smtp.refuses.clear()
    sending.send_again(acting(admin), number)
    assert sending.send(number) == State.SENT
    assert len(smtp.taken) == 1
    assert AuditEntry.objects.filter(action="message-resend", actor="sys").count() == 1
    with pytest.raises(WrongState):
        sending.send_again(acting(admin), number)


def test_the_simulator_says_that_it_sent_nothing(li, monkeypatch, tmp_path):
    monkeypatch.setenv("KUNYU_SMS_ADAPTER", "simulator")
    monkeypatch.setattr(django_settings, "KUNYU_HOME", tmp_path)
    reached(li, mobile="+86 138-0000-0000")
    notify([li.pk], NOTICE)
    message = Message.objects.get()
    assert sending.send(message.pk) == State.SENT
    line = json.loads((Path(tmp_path) / "log" / "sms-simulator.jsonl").read_text("utf-8"))
    assert line["simulated_not_sent"] is True
    assert line["to"] == "+8613800000000"
    message.refresh_from_db()
    assert message.via == "simulator"


def test_an_adapter_that_does_not_exist_is_a_dead_letter(li, monkeypatch):
    monkeypatch.setenv("KUNYU_SMS_ADAPTER", "nowhere.Gateway")
    with pytest.raises(NotSent) as refused:
        sms.send_short_message("13800000000", "x", "r")
    assert refused.value.is_final


def test_a_person_who_took_the_address_away_is_not_written_to(li, smtp):
    reached(li, "li@example.org")
    notify([li.pk], NOTICE)
    reached(li)
    assert sending.send(Message.objects.get().pk) == State.DEAD
    assert smtp.taken == []
