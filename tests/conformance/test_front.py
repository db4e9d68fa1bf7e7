"""nginx in front of a real node: what it may answer by itself, and for how long (issue "the one map", R-091, R-130)."""

from __future__ import annotations

import hashlib
import json
import os
import select
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kunyu.kernel.tests.ports import free_port
from kunyu.project.home import ROOT
from kunyu.project.runtime import front
from kunyu.project.runtime.node_settings import NodeSettings
from tests.conformance.conftest import Node

PROGRAM = front.find_nginx()
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(PROGRAM is None, reason="nginx is not installed: tools/system_packages.sh test"),
]
TILE = "/ogc/collections/10401-003/tiles/WebMercatorQuad/14/6515/13335"


@pytest.fixture(scope="module")
def behind(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The node's address through nginx, with the configuration that ``kunyu up`` writes."""
    assert PROGRAM is not None
    home = tmp_path_factory.mktemp("front") / "state folder"  # with a space, as folders of people have
    settings = NodeSettings(home=home, port=free_port())
    port = int(node.root.rpartition(":")[2])
    front.write_configuration(settings, port, free_port(), ROOT / "web" / "dist")
    process = subprocess.Popen(front.command(PROGRAM, home))
    try:
        address = f"http://127.0.0.1:{settings.port}"
        _until_answering(address)
        yield Node(address, node.county)
    finally:
        process.terminate()
        process.wait(60)


def _until_answering(address: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=2)
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("nginx does not answer")


def _nobody(node: Node, path: str, **headers: str) -> tuple[int, bytes, Any]:
    try:
        answer = urllib.request.urlopen(urllib.request.Request(node.root + path, headers=headers), timeout=30)
    except urllib.error.HTTPError as error:
        answer = error  # type: ignore[assignment]
    with answer:
        return answer.status, answer.read(), answer.headers


@pytest.fixture
def public(node: Node) -> Iterator[None]:
    """The parcels are opened to everybody for one test: the dataset is public and its label 公开, 无条件共享."""
    from kunyu.engines.catalogue.models import Dataset
    from kunyu.engines.security.models import Label

    labels = Label.objects.filter(collection="10401-003", state="approved")
    before = labels.values("secrecy", "grading", "sharing").first()
    if before is None:
        Label.objects.create(collection="10401-003", secrecy=0, grading=0, sharing=0, state="approved",
                             proposed_by="a", decided_by="b")  # fmt: skip
    else:
        labels.update(secrecy=0, grading=0, sharing=0)
    Dataset.objects.filter(code="10401-003").update(is_public=True)
    yield
    Dataset.objects.filter(code="10401-003").update(is_public=False)
    if before is None:
        Label.objects.filter(collection="10401-003", proposed_by="a").delete()
    else:
        labels.update(**before)


@pytest.fixture
def committed(transactional_db: None) -> None:
    """What a test changes is seen by the node's own processes."""


def test_private_tiles_are_asked_of_the_node_each_time(behind: Node) -> None:
    """A token opens a tile, another or none does not, in whatever order they come."""
    for _ in range(2):
        with behind.open(TILE) as answer:
            assert answer.status == 200
            assert len(answer.read()) > 100
            assert answer.headers["Cache-Control"] == "private, no-cache"
            assert "X-Accel-Expires" not in answer.headers
        assert behind.open(TILE, who="stranger").status == 404
        assert _nobody(behind, TILE)[0] == 401


def test_features_come_through_unchanged(node: Node, behind: Node) -> None:
    path = "/ogc/collections/10401-003/items?limit=20&bbox=113,34.5,113.01,34.51"
    direct, through = (json.loads(one.open(path).read()) for one in (node, behind))
    assert direct["features"] == through["features"]
    assert direct["numberMatched"] == through["numberMatched"] > 0
    assert through["links"][0]["href"].startswith(behind.root), "links name the address that was asked"


def test_a_conditional_request_is_answered_with_304(behind: Node) -> None:
    tag = behind.open(TILE).headers["ETag"]
    assert behind.open(TILE, **{"If-None-Match": tag}).status == 304


def test_scripts_come_from_nginx_with_the_nodes_headers(node: Node, behind: Node) -> None:
    built = sorted((ROOT / "web" / "dist" / "web").glob("*.js"))
    if not built:
        pytest.skip("the web pages are not built")
    status, body, headers = _nobody(behind, f"/static/web/{built[0].name}")
    assert (status, hashlib.sha256(body).digest()) == (200, hashlib.sha256(built[0].read_bytes()).digest())
    assert headers["Server"] == "nginx"
    for name in ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options"):
        assert headers[name] == _nobody(node, "/healthz")[2][name]
    for path in ("/static/../nginx.conf", "/static/%2e%2e/%2e%2e/nginx.conf", "/_front/414.json", "/static/nothing.js"):
        assert _nobody(behind, path)[0] in (400, 404)


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"GET /ogc/collections/10401-003/items?bbox=" + b"1" * 1_000_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414, "front-414"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX-Long: " + b"1" * 300_000 + b"\r\n\r\n", 431, "front-431"),
        (b"NOT HTTP\r\n\r\n", 400, "front-400"),
    ],
)  # fmt: skip
def test_what_nginx_refuses_is_refused_with_a_sentence(
    behind: Node, request_bytes: bytes, status: int, code: str
) -> None:
    with socket.create_connection(("127.0.0.1", int(behind.root.rpartition(":")[2])), timeout=10) as connection:
        try:
            connection.sendall(request_bytes)
        except OSError:
            pass  # it does not wait for the rest
        answer = b""
        try:
            while part := connection.recv(65536):
                answer += part
        except ConnectionResetError:
            pass  # closed with bytes of ours unread: what was answered before has arrived
    head, _, body = answer.partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert b"application/problem+json" in head
    assert json.loads(body)["code"] == code
    assert _nobody(behind, "/healthz")[0] == 200


def test_slow_clients_hold_no_worker(behind: Node) -> None:
    """Forty clients that never finish their request: the node answers others at once."""
    port = int(behind.root.rpartition(":")[2])
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
    try:
        for one in slow:
            one.sendall(b"GET /ogc/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        assert behind.open("/ogc/").status == 200
        ended, _, _ = select.select(slow, [], [], 0)
        assert not ended, "answered only after the slow ones had been sent away"
    finally:
        for one in slow:
            one.close()


def test_public_tiles_are_answered_by_nginx_for_a_second_and_no_longer(
    committed: None, node: Node, behind: Node, public: None
) -> None:
    """Closed again, they are closed to everybody after the second that docs/reference/serving.md states."""
    from kunyu.engines.catalogue.models import Dataset

    status, body, headers = _nobody(behind, TILE + "?properties=DLBM")
    assert (status, headers["Cache-Control"]) == (200, "public, max-age=0, must-revalidate")
    assert len(body) > 100
    assert _nobody(behind, TILE + "?properties=DLBM", **{"If-None-Match": headers["ETag"]})[0] == 304
    Dataset.objects.filter(code="10401-003").update(is_public=False)
    assert _nobody(node, TILE + "?properties=DLBM")[0] == 401, "the node itself: at the next request"
    at_once = _nobody(behind, TILE + "?properties=DLBM")
    assert at_once[0] in (200, 401)
    with behind.open(TILE + "?properties=DLBM", who="stranger") as answer:
        assert answer.status == 404, "whoever says who he is gets his own answer at once"
    time.sleep(2.1)
    assert _nobody(behind, TILE + "?properties=DLBM")[0] == 401


def test_leftovers_of_a_killed_supervisor_are_found(tmp_path: Path) -> None:
    """nginx wipes the environment that other children are known by."""
    assert PROGRAM is not None
    settings = NodeSettings(home=tmp_path, port=free_port())
    front.write_configuration(settings, free_port(), free_port(), ROOT / "web" / "dist")
    process = subprocess.Popen(front.command(PROGRAM, tmp_path))
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "run" / "nginx" / "nginx.pid").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(process.pid, 9)
        process.wait(60)
        assert front.stop_left(tmp_path) >= 1, "the workers live on without their master"
        assert front.stop_left(tmp_path) == 0
    finally:
        front.stop_left(tmp_path)
