"""Starts a real events process on the test database for the tests."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

from django.db import connection

from kunyu.kernel.tests.ports import free_port

HOST = "127.0.0.1"
START_SECONDS, STOP_SECONDS = 120, 60


def database_url() -> str:
    """The address of the test database for another process."""
    known = connection.get_connection_params()
    user, password = quote(known.get("user", "")), quote(known.get("password", ""))
    return f"postgresql://{user}:{password}@/{known['dbname']}?host={quote(known['host'])}&port={known.get('port', '')}"


@contextmanager
def running(pages_port: int) -> Iterator[int]:
    """An events process that lets pages of ``pages_port`` listen; yields its own port."""
    number = free_port(HOST)
    environment = {
        **os.environ, "DATABASE_URL": database_url(), "KUNYU_EVENTS_CHECK_SECONDS": "0.6",
        "KUNYU_PORT": str(pages_port), "KUNYU_EVENTS_PORT": str(number),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "granian", "--interface", "asgi", "--host", HOST, "--port", str(number), "--workers", "1",
         "--no-ws", "--workers-kill-timeout", "2", "--no-access-log", "kunyu.project.events:application"],
        env=environment,
    )  # fmt: skip
    try:
        wait_until(lambda: status_of(number, "/healthz") == 200, START_SECONDS)
        yield number
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def status_of(port: int, path: str, **headers: str) -> int:
    """The status that an address answers with; 0 for none."""
    try:
        link = http.client.HTTPConnection(HOST, port, timeout=5)
        link.request("GET", path, headers=headers)
        return link.getresponse().status
    except OSError:
        return 0


def wait_until(true: Callable[[], bool], seconds: float) -> None:
    """Wait for something to become true, or fail."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
