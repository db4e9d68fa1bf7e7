"""A node that really listens: two web workers over a committed county, asked by programs that are not ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from kunyu.kernel.tests.ports import free_port

if TYPE_CHECKING:
    from kunyu.engines.maps.tests.county import County


START_SECONDS = 120


@dataclass(frozen=True)
class Node:
    """Address of the running node and the people who may ask it."""

    root: str
    county: County

    def open(self, path: str, who: str = "steward", **headers: str) -> Any:
        """Ask over HTTP; answers of any status come back, with ``status``, ``headers`` and ``read()``."""
        address = path if path.startswith("http") else f"{self.root}{path}"
        sent = {"Accept": "application/json", "Authorization": f"Bearer {getattr(self.county, who)}", **headers}
        try:
            return urllib.request.urlopen(urllib.request.Request(address, headers=sent), timeout=30)
        except urllib.error.HTTPError as error:
            return error


@pytest.fixture(scope="module")
def node(django_db_setup: None, django_db_blocker: Any) -> Iterator[Node]:
    """Two granian workers on a free port of this machine, over the county of the map tests.

    Tests that use it are marked ``django_db``, else pytest-django makes no test database.
    """
    from kunyu.engines.maps.tests import county as building
    from kunyu.engines.maps.tests.conftest import empty

    with django_db_blocker.unblock():
        county = building.build()
        server = None
        try:
            server, root = start(_environment())
            yield Node(root, county)
        finally:
            if server is not None:
                server.send_signal(signal.SIGINT)
                server.wait(20)
            empty()


def _environment() -> dict[str, str]:
    """The test database of this run, for programs beside it."""
    from django.conf import settings
    from django.db import connection
    from psycopg.conninfo import conninfo_to_dict

    given = conninfo_to_dict(settings.KUNYU_SERVE_DATABASE_URL)
    own = connection.settings_dict
    address = f"postgresql://{own['USER']}:{own['PASSWORD']}@/{own['NAME']}?host={own['HOST']}&port={own['PORT']}"
    serving = f"postgresql://{given['user']}:{given['password']}@/{own['NAME']}?host={own['HOST']}&port={own['PORT']}"
    return {**os.environ, "DATABASE_URL": address, "KUNYU_SERVE_DATABASE_URL": serving}


def start(environment: dict[str, str]) -> tuple[subprocess.Popen[bytes], str]:
    """Start two web workers on a free port; return the process and its address once it answers."""
    port = free_port()
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "2", "--host", "127.0.0.1",
        "--port", str(port), "--no-ws", "kunyu.project.wsgi:application",
    ]  # fmt: skip
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    root = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{root}/healthz", timeout=2)
            return server, root
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.2)
    server.kill()
    raise RuntimeError(f"the node did not answer within {START_SECONDS} s")
