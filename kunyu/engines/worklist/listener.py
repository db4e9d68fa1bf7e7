"""One thread, one database connection: hears the hints of PostgreSQL and asks Django who a connection belongs to.

However many browsers wait, the events process holds this one connection. Whatever the node's middleware decides about a
session (idle, ended, password changed) is decided by that same middleware here: a request to the session address runs
through Django in this thread.
"""

from __future__ import annotations

import io
import json
import logging
import os
import select
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

import psycopg
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.db import DatabaseError, InterfaceError, connection

from kunyu.engines.worklist.live import CHANNEL, Hint, read_hint

AGAIN_S = 2.0
QUIET_S = 30.0
SESSION_PATH = "/api/worklist/session"
Headers = Iterable[tuple[bytes, bytes]]
logger = logging.getLogger("kunyu.events")


class Listener(threading.Thread):
    """Hears hints and answers questions about sessions until stopped.

    Parameters
    ----------
    deliver : callable
        Receives every hint, in this thread; ``Hint("all", None)`` after a gap in which hints may have been missed.
    """

    def __init__(self, deliver: Callable[[Hint], None]) -> None:
        super().__init__(name="kunyu-listener", daemon=True)
        self._deliver = deliver
        self._asked: deque[tuple[Headers, str, Future[int | None]]] = deque()
        self._woken, self._wake = os.pipe()
        self._ended = threading.Event()
        self._handler = BaseHandler()
        self._handler.load_middleware()
        self.listening = threading.Event()

    def whose(self, headers: Headers, origin: str) -> Future[int | None]:
        """Ask which account the headers' session or token belongs to; None: nobody's, or no longer."""
        answer: Future[int | None] = Future()
        self._asked.append((headers, origin, answer))
        os.write(self._wake, b".")
        return answer

    def stop(self) -> None:
        """End the thread and its connection."""
        self._ended.set()
        os.write(self._wake, b".")
        self.join(5)

    def run(self) -> None:
        """Listen; after an error of the database try again, for as long as the process lives."""
        while not self._ended.is_set():
            try:
                self._listen()
            except (DatabaseError, InterfaceError, psycopg.Error, OSError):
                logger.exception("the database is away, listening again in %s s", AGAIN_S)
            self.listening.clear()
            connection.close()
            self._refuse_waiting()
            self._ended.wait(AGAIN_S)
        connection.close()

    def _listen(self) -> None:
        connection.ensure_connection()
        raw = connection.connection
        raw.add_notify_handler(self._heard)
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        self.listening.set()
        self._deliver(Hint("all", None))
        while not self._ended.is_set():
            ready, _, _ = select.select([raw.fileno(), self._woken], [], [], QUIET_S)
            if self._woken in ready:
                os.read(self._woken, 65536)
                self._answer_all()
            if connection.connection is not raw:
                return  # Django gave the connection up during a question
            if not ready:
                with connection.cursor() as cursor:  # nothing for a while: is the server still there?
                    cursor.execute("SELECT 1")
            raw.pgconn.consume_input()
            while (notice := raw.pgconn.notifies()) is not None:
                self._spread(notice.extra.decode())

    def _heard(self, notice: psycopg.Notify) -> None:
        self._spread(notice.payload)

    def _spread(self, text: str) -> None:
        hint = read_hint(text)
        if hint is not None:
            self._deliver(hint)

    def _answer_all(self) -> None:
        while self._asked:
            headers, origin, answer = self._asked.popleft()
            try:
                answer.set_result(self._whose(headers, origin))
            except Exception as error:  # it belongs to whoever asked
                logger.exception("a session could not be looked up")
                answer.set_exception(error)

    def _refuse_waiting(self) -> None:
        while self._asked:
            self._asked.popleft()[2].set_exception(ConnectionError("the database is away"))

    def _whose(self, headers: Headers, origin: str) -> int | None:
        response: Any = self._handler.get_response(WSGIRequest(_environ(headers, origin)))
        if response.status_code >= 500:
            raise ConnectionError(f"the session address answered {response.status_code}")
        if response.status_code != 200:
            return None
        user_id = json.loads(response.content)["user_id"]
        return int(user_id) if user_id is not None else None


def _environ(headers: Headers, origin: str) -> dict[str, Any]:
    """The WSGI environment of a request to the session address with the headers of a waiting connection."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET", "PATH_INFO": SESSION_PATH, "SCRIPT_NAME": "", "QUERY_STRING": "",
        "SERVER_NAME": "localhost", "SERVER_PORT": "443", "REMOTE_ADDR": origin, "wsgi.input": io.BytesIO(),
        # asked inside the node: a redirect to https would only be in the way
        "wsgi.url_scheme": "https", "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_KUNYU_BACKGROUND": "1",  # a page that only waits keeps no session awake
    }  # fmt: skip
    for name, value in headers:
        key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        if key not in ("HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE"):
            environ[key] = value.decode("latin-1")
    return environ
