"""The outbox on a real database: shared fate with the change, at least once, retries, several dispatchers."""

import threading
from datetime import timedelta

import pytest
from django.db import close_old_connections, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from kunyu.kernel.errors import UsageError
from kunyu.kernel.outbox import services
from kunyu.kernel.outbox.errors import EmittedOutsideTransaction, HandlersNotDeclared
from kunyu.kernel.outbox.models import Event
from kunyu.kernel.outbox.services import Dispatched, dispatch, emit

calls: list[int] = []
HANDLERS = {"sample.topic": [lambda event: calls.append(event.pk)]}
DECLARED = {"sample.topic": [lambda event: Event.objects.create(topic="sample.heard", payload={"of": event.pk})]}


@pytest.fixture(autouse=True)
def forget_calls():
    calls.clear()


def make_due(event):
    Event.objects.filter(pk=event.pk).update(due_at=Now() - timedelta(seconds=1))


@pytest.mark.django_db(transaction=True)
def test_emitting_outside_a_transaction_is_refused():
    with pytest.raises(EmittedOutsideTransaction) as caught:
        emit("sample.topic", {})

    assert caught.value.code == "outbox.outside_transaction"
    assert Event.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_an_event_shares_the_fate_of_its_change():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        emit("sample.topic", {"id": 1})
        raise ZeroDivisionError
    assert Event.objects.count() == 0

    with transaction.atomic():
        emit("sample.topic", {"id": 2, "名": "图斑"})
    assert Event.objects.get().payload == {"id": 2, "名": "图斑"}


@pytest.mark.django_db
@pytest.mark.parametrize("payload", [{"x": float("nan")}, {"x": object()}, {1: 2}])
def test_a_payload_that_is_no_json_is_refused(payload):
    with pytest.raises(UsageError):
        emit("sample.topic", payload)

    assert Event.objects.count() == 0


@pytest.mark.django_db
def test_each_event_is_delivered_once_in_order():
    events = [emit("sample.topic", {"n": n}) for n in range(3)]

    assert dispatch(2, HANDLERS) == Dispatched(2, 0)
    assert dispatch(10, HANDLERS) == Dispatched(1, 0)
    assert dispatch(10, HANDLERS) == Dispatched(0, 0)
    assert calls == [event.pk for event in events]
    assert Event.objects.filter(delivered_at__isnull=True).count() == 0


@pytest.mark.django_db
def test_a_failing_handler_leaves_nothing_and_is_tried_again():
    """What it wrote is rolled back; other events go on; attempts, error and the next time are recorded."""

    def write_then_fail(event):
        Event.objects.create(topic="sample.written", payload={})
        raise RuntimeError("网络中断")

    bad, good = emit("sample.bad", {}), emit("sample.topic", {})
    handlers = {**HANDLERS, "sample.bad": [write_then_fail]}

    assert dispatch(10, handlers) == Dispatched(1, 1)
    assert calls == [good.pk]
    assert not Event.objects.filter(topic="sample.written").exists()
    bad.refresh_from_db()
    assert (bad.attempts, bad.delivered_at, bad.last_error) == (1, None, "RuntimeError: 网络中断")
    assert timezone.now() < bad.due_at <= timezone.now() + timedelta(seconds=2)

    make_due(bad)
    assert dispatch(10, {"sample.bad": [lambda event: calls.append(event.pk)]}) == Dispatched(1, 0)
    bad.refresh_from_db()
    assert (calls[-1], bad.last_error) == (bad.pk, "")


@pytest.mark.django_db
def test_waiting_doubles_up_to_an_hour():
    def fail(event):
        raise RuntimeError("no")

    event = emit("sample.bad", {})
    waits = []
    for _ in range(14):
        make_due(event)
        dispatch(1, {"sample.bad": [fail]})
        event.refresh_from_db()
        waits.append(round((event.due_at - timezone.now()).total_seconds()))

    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600]


@pytest.mark.django_db
def test_a_broken_statement_in_a_handler_does_not_break_the_dispatcher():
    def break_sql(event):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    event = emit("sample.bad", {})

    assert dispatch(1, {"sample.bad": [break_sql]}) == Dispatched(0, 1)
    event.refresh_from_db()
    assert "division by zero" in event.last_error


@pytest.mark.django_db
def test_an_undeclared_topic_waits_and_an_empty_one_is_done():
    undeclared, nobody = emit("sample.unknown", {}), emit("sample.nobody", {})

    assert dispatch(10, {"sample.nobody": []}) == Dispatched(1, 1)
    undeclared.refresh_from_db()
    nobody.refresh_from_db()
    assert undeclared.delivered_at is None and "sample.unknown" in undeclared.last_error
    assert nobody.delivered_at is not None


@pytest.mark.django_db
def test_all_handlers_of_a_topic_succeed_or_all_repeat():
    order = []

    def second(event):
        order.append("second")
        if len(order) == 2:
            raise RuntimeError("once")

    handlers = {"sample.topic": [lambda event: order.append("first"), second]}
    event = emit("sample.topic", {})

    assert dispatch(1, handlers) == Dispatched(0, 1)
    make_due(event)
    assert dispatch(1, handlers) == Dispatched(1, 0)
    assert order == ["first", "second", "first", "second"]


@pytest.mark.django_db
def test_handlers_come_from_the_setting(settings):
    settings.KUNYU_OUTBOX_HANDLERS = "kunyu.kernel.outbox.tests.test_services.DECLARED"
    event = emit("sample.topic", {})

    assert dispatch(1) == Dispatched(1, 0)
    assert Event.objects.get(topic="sample.heard").payload == {"of": event.pk}


@pytest.mark.parametrize("path", [None, "", "kunyu.nothing.HANDLERS", "kunyu.kernel.outbox.services.dispatch"])
def test_a_setting_that_names_nothing_is_told(settings, path):
    settings.KUNYU_OUTBOX_HANDLERS = path

    with pytest.raises(HandlersNotDeclared):
        services.declared_handlers()


@pytest.mark.django_db(transaction=True)
def test_dispatchers_at_the_same_time_share_the_work():
    """Four threads, forty events: each delivered exactly once, none waits for another's lock."""
    with transaction.atomic():
        expected = {emit("sample.slow", {"n": n}).pk for n in range(40)}
    seen, barrier = [], threading.Barrier(4, timeout=60)
    # the first event of each is held until each has one: it could not come otherwise than without waiting for a lock
    at_work, begun = threading.Barrier(4, timeout=60), threading.local()

    def slow(event):
        if not hasattr(begun, "yet"):
            begun.yet = True
            at_work.wait()
        seen.append((threading.get_ident(), event.pk))

    def work():
        barrier.wait()
        try:
            dispatch(100, {"sample.slow": [slow]})
        finally:
            connection.close()
            close_old_connections()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(pk for _, pk in seen) == sorted(expected)
    assert len({ident for ident, _ in seen}) == 4


@pytest.mark.django_db(transaction=True)
def test_a_dispatcher_that_dies_leaves_the_event_to_the_next():
    """Its connection is cut while a handler works, as by kill -9: the event comes again."""
    with transaction.atomic():
        event = emit("sample.topic", {})

    def cut(_):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(Exception, match=r"terminat|closed|lost|connection"):
        dispatch(1, {"sample.topic": [cut]})
    connection.close()

    event.refresh_from_db()
    assert (event.delivered_at, event.attempts) == (None, 0)
    assert dispatch(1, HANDLERS) == Dispatched(1, 0)
