"""The events process, real: a granian process, real HTTP, the test database (R-041, R-071).

Proves: a page of a signed-in person is told of what concerns that person and of nothing else, within a second; nobody
else is let in; the stream ends when the session ends; one database connection serves many pages.
"""

from __future__ import annotations

import http.client
import queue
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from kunyu.engines.security.models import User
from kunyu.engines.security.scope import operator
from kunyu.engines.worklist import live, notices, services
from kunyu.engines.worklist.tests.events_process import HOST, running, status_of, wait_until
from kunyu.engines.worklist.tests.people import delivery_task

pytestmark = pytest.mark.django_db(transaction=True)


PATIENCE_S = 30.0


@pytest.fixture
def port(transactional_db: None) -> Iterator[int]:
    """A running events process on a free port."""
    with running(8080) as number:
        yield number


class Page:
    """A browser's EventSource: reads events in a thread."""

    def __init__(self, port: int, client: Client, **headers: str) -> None:
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
        self._link = http.client.HTTPConnection(HOST, port, timeout=2 * PATIENCE_S)
        self._link.request("GET", "/events", headers={"Cookie": cookies, **headers})
        self.answer = self._link.getresponse()
        self.heard: queue.Queue[tuple[str, str]] = queue.Queue()
        self.ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        event = ""
        try:
            for line in self.answer:
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    event = text[7:]
                elif text.startswith("data: "):
                    self.heard.put((event, text[6:]))
        except (OSError, http.client.HTTPException):
            pass
        self.ended.set()

    def next(self, seconds: float = PATIENCE_S) -> tuple[str, str]:
        return self.heard.get(timeout=seconds)

    def close(self) -> None:
        if self._link.sock is not None:
            self._link.sock.shutdown(socket.SHUT_RDWR)
        self.ended.wait(PATIENCE_S)
        self._link.close()


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_page_hears_what_concerns_its_person_and_nothing_else(port, li, wang):
    mine, other = Page(port, signed_in(li)), Page(port, signed_in(wang))
    assert mine.next() == other.next() == ("changed", "all")
    took = []
    for number in range(5):
        began = time.monotonic()
        notices.notify([li.pk], notices.Notice(kind="incident", key=f"k{number}", title_zh="测试"))
        assert mine.next() == ("changed", "notification")
        took.append(time.monotonic() - began)
    # the quickest: what others do on the machine only adds to it, and nothing that is asked by the clock comes so soon
    assert min(took) < 1, took
    with pytest.raises(queue.Empty):
        other.next(0.8)
    services.create_task(delivery_task(), operator())
    assert mine.next() == other.next() == ("changed", "task")
    mine.close()
    other.close()


def test_what_was_rolled_back_is_not_told(port, li):
    from django.db import transaction

    page = Page(port, signed_in(li))
    page.next()
    with pytest.raises(RuntimeError), transaction.atomic():
        live.people([li.pk], "notification")
        raise RuntimeError
    with pytest.raises(queue.Empty):
        page.next(0.8)
    page.close()


def test_strangers_and_foreign_pages_are_refused(port, li):
    assert status_of(port, "/events") == 401
    assert status_of(port, "/events", Cookie=f"{settings.SESSION_COOKIE_NAME}=guessed") == 401
    assert status_of(port, "/elsewhere") == 404
    client = signed_in(li)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    assert status_of(port, "/events", Cookie=cookie, Origin="https://evil.example") == 403
    assert status_of(port, "/events", Cookie=cookie, Origin=f"http://{HOST}:9999") == 403
    page = Page(port, client, Origin=f"http://{HOST}:8080")
    assert page.answer.getheader("access-control-allow-origin") == f"http://{HOST}:8080"
    assert page.answer.getheader("access-control-allow-credentials") == "true"
    page.close()


def test_the_stream_ends_with_the_session(port, li):
    client = signed_in(li)
    page = Page(port, client)
    page.next()
    client.post("/logout")
    assert page.next() == ("bye", "session ended")
    assert page.ended.wait(PATIENCE_S)


def test_the_stream_ends_when_the_account_is_disabled(port, li):
    page = Page(port, signed_in(li))
    page.next()
    User.objects.filter(pk=li.pk).update(is_active=False)
    assert page.next() == ("bye", "session ended")


def test_many_pages_share_one_database_connection(port, li, wang):
    def connections() -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND backend_type = 'client backend' AND application_name <> 'kunyu-maps'"
            )
            return int(cursor.fetchone()[0])

    before = connections()
    clients = [signed_in(li), signed_in(wang)]
    pages = [Page(port, clients[n % 2]) for n in range(20)]
    for page in pages:
        assert page.next() == ("changed", "all")
    assert connections() == before
    live.everybody("task")
    for page in pages:
        assert page.next() == ("changed", "task")
        page.close()
    # the process forgets pages that went away: new ones of the same person are let in
    wait_until(lambda: status_ok(port, clients[0]), PATIENCE_S)


def status_ok(port: int, client: Client) -> bool:
    page = Page(port, client)
    page.close()
    return page.answer.status == 200


def test_it_listens_again_after_the_database_ended_its_connection(port, li):
    page = Page(port, signed_in(li))
    page.next()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    assert page.next() == ("changed", "all")
    notices.notify([li.pk], notices.Notice(kind="incident", key="k", title_zh="测试"))
    assert page.next() == ("changed", "notification")
    page.close()
