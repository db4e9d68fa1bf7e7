"""A change of permission holds at the next request, in every process of a real server, and no cache outlives it.

R-142, issue text "a change of permission holds everywhere within one second, caches included". Two worker processes
answer over HTTP; changes are committed by another connection, as an administrator's process would.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest

from kunyu.engines.maps.grids import WEB_MERCATOR_QUAD
from kunyu.engines.maps.tests.county import PARCELS, County
from kunyu.engines.security import labels
from kunyu.engines.security.labels import Label
from kunyu.kernel.tests.ports import free_port

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[4]
CONNECTIONS, START_S = 12, 120
ZOOM = 14


@dataclass
class Node:
    """A running server of two processes and several kept-alive connections to it, spread over both."""

    process: subprocess.Popen[bytes]
    port: int
    connections: list[http.client.HTTPConnection]

    def ask(self, path: str, token: str, tag: str = "") -> list[tuple[int, str, bytes]]:
        """Status, ETag and body of one answer on every connection."""
        headers = {"Authorization": f"Bearer {token}", **({"If-None-Match": tag} if tag else {})}
        answers = []
        for connection in self.connections:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answers.append((answer.status, answer.getheader("ETag") or "", answer.read()))
        return answers

    def processes_in_use(self) -> int:
        """How many worker processes hold connections of ours."""
        workers = [self.process.pid, *(one.pid for one in psutil.Process(self.process.pid).children(recursive=True))]
        held = [
            pid for pid in workers
            for one in psutil.Process(pid).net_connections("tcp")
            if one.status == psutil.CONN_ESTABLISHED and one.laddr.port == self.port
        ]  # fmt: skip
        return len(set(held))


@pytest.fixture
def node(county: County, owner_dsn: str, serve_dsn: str, tmp_path: Path) -> Iterator[Node]:
    """The node's web server over the test's database, two processes of two threads."""
    port = free_port()
    environment = {**os.environ, "DATABASE_URL": owner_dsn, "KUNYU_SERVE_DATABASE_URL": serve_dsn}
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "2", "--blocking-threads", "2", "--no-ws", "--no-access-log", "kunyu.project.wsgi:application",
    ]  # fmt: skip
    log = tmp_path / "node.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=ROOT)
    try:
        _await(port, process, log)
        yield Node(
            process, port, [http.client.HTTPConnection("127.0.0.1", port, timeout=30) for _ in range(CONNECTIONS)]
        )
    finally:
        process.terminate()
        process.wait(60)


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            probe = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            probe.request("GET", "/healthz")
            if probe.getresponse().status == 200:
                return
        except OSError:
            pass
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.2)


def _tile() -> str:
    """The tile of the only parcel of county 990102 (114.0 to 114.002 E, 34.5 to 34.502 N)."""
    west = WEB_MERCATOR_QUAD.lonlat(WEB_MERCATOR_QUAD.plane_bounds(ZOOM, 0, 0))
    column = int((114.001 - west.x_min) / (west.x_max - west.x_min))
    for row in range(6400, 6700):
        box = WEB_MERCATOR_QUAD.lonlat(WEB_MERCATOR_QUAD.plane_bounds(ZOOM, row, column))
        if box.y_min <= 34.501 < box.y_max:
            return f"/ogc/collections/{PARCELS}/tiles/WebMercatorQuad/{ZOOM}/{row}/{column}"
    raise AssertionError("no such row")


def test_every_change_holds_at_the_next_request_in_every_process(node: Node, county: County, owner_dsn: str) -> None:
    """Rights narrowed and revoked, label raised, account disabled, token revoked: no 304 and no rows any more.

    The bar is one second; what holds is that the very next request is refused, on every connection, so no clock is asked.
    """
    strict = Label(labels.SENSITIVE, labels.IMPORTANT, labels.CONDITIONAL)
    person = "(SELECT id FROM security_user WHERE username = 't-neighbour')"
    grants = f"UPDATE security_grant SET {{}} WHERE user_id = {person} AND action <> 'see'"
    label = f"UPDATE security_label SET grading = {{}} WHERE collection = '{PARCELS}' AND state = 'approved'"
    token = f"UPDATE security_accesstoken SET revoked_at = {{}} WHERE user_id = {person}"
    changes = [
        (grants.format("division_prefix = '990101'"), grants.format("division_prefix = '990102'"), {204, 200}),
        (grants.format("action = 'download'"), grants.format("action = 'query'"), {403}),
        (grants.format("expires_at = now()"), grants.format("expires_at = NULL"), {403}),
        (label.format(strict.grading), label.format(0), {404}),
        (f"UPDATE security_user SET is_active = false WHERE id = {person}",
         f"UPDATE security_user SET is_active = true WHERE id = {person}", {401}),
        (token.format("now()"), token.format("NULL"), {401}),
    ]  # fmt: skip
    paths = [_tile(), f"/ogc/collections/{PARCELS}/items?limit=10&f=json"]
    with psycopg.connect(owner_dsn, autocommit=True) as administrator:
        for path in paths:
            for change, back, expected in changes:
                first = node.ask(path, county.neighbour)
                assert {status for status, _, _ in first} == {200} and len({tag for _, tag, _ in first}) == 1, first[0]
                tag, body = first[0][1:]
                assert {status for status, _, _ in node.ask(path, county.neighbour, tag)} == {304}

                administrator.execute(change)
                after = node.ask(path, county.neighbour, tag)
                assert {status for status, _, _ in after} <= expected, (change, after[0])
                assert all(County.bsm(1, "990102").encode() not in one for _, _, one in after)
                assert all(answer[1] != tag for answer in after)

                administrator.execute(back)
                assert {one[0::2] for one in node.ask(path, county.neighbour)} == {(200, body)}
    assert node.processes_in_use() == 2
