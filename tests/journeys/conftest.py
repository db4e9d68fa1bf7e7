"""A real node for journeys: its own database in the shared test cluster, the sample county, granian, Chromium."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from psycopg import sql

from kunyu.kernel.tests.ports import free_port
from kunyu.project.runtime.shared_test_cluster import SharedTestCluster, make_database, serve_address

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "journeys-only"
PARCELS = 1500
START_SECONDS = 120
PATIENCE_MS = 60_000
# what the worker or the outbox does for a page: they begin after the page has asked
JOB_MS = 120_000
STOP_SECONDS = 60
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@dataclass(frozen=True)
class Node:
    """Address of a running node and the numbers of its deliveries, the last of them returned as faulty."""

    address: str
    deliveries: tuple[int, ...]


@pytest.fixture(scope="session")
def node_environment() -> Iterator[dict[str, str]]:
    """Environment of a node with a database of its own, tables and nothing in them; everything is gone afterwards."""
    if not (ROOT / "web" / "dist" / "manifest.json").is_file():
        pytest.fail("the web parts are not built: run `make setup`, or `npm ci && npm run build` in web/")
    shared = SharedTestCluster(ROOT)
    shared.acquire()
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    # the name says whose it is: a run that dies leaves a database which the next run drops
    name = f"test_kunyu_{os.getpid()}{'_' + worker if worker else '_gw99'}"
    home = Path(tempfile.mkdtemp(prefix="ky-journeys-"))
    try:
        make_database(shared.cluster, name, shared.migrated())
        yield {
            **{key: value for key, value in os.environ.items() if not key.startswith(("KUNYU_", "DJANGO_"))},
            "KUNYU_HOME": str(home),
            "KUNYU_OBJECT_STORE": str(home / "objects"),
            "DATABASE_URL": shared.cluster.dsn("kunyu", name),
            "KUNYU_SERVE_DATABASE_URL": serve_address(shared.cluster, name),
            "DJANGO_SETTINGS_MODULE": "kunyu.project.settings",
        }
        with psycopg.connect(shared.cluster.dsn("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    finally:
        shutil.rmtree(home, ignore_errors=True)
        shared.release()


@pytest.fixture(scope="session")
def node(node_environment: dict[str, str]) -> Iterator[Node]:
    """A node that serves the sample county; stopped when the tests end."""
    home = Path(node_environment["KUNYU_HOME"])
    deliveries = _fill(home / "sample", node_environment)
    port = free_port()
    options = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--blocking-threads", "4"]
    command = [sys.executable, "-m", "granian", *options, "kunyu.project.wsgi:application"]
    with (home / "node.log").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=node_environment, stdout=log, stderr=log)
        try:
            _await_health(f"http://127.0.0.1:{port}/readyz", server, home / "node.log")
            yield Node(f"http://127.0.0.1:{port}", deliveries)
        finally:
            stop(server)


@pytest.fixture(scope="session")
def worker(node: Node, node_environment: dict[str, str]) -> Iterator[None]:
    """The process that runs jobs: exports and prints are written by it."""
    command = [sys.executable, "-m", "kunyu.project.runtime.worker"]
    with (Path(node_environment["KUNYU_HOME"]) / "worker.log").open("w") as log:
        running = subprocess.Popen(command, cwd=ROOT, env=node_environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            stop(running)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process of the node; what a busy machine does not let end in time is killed: ending is proved elsewhere."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _fill(folder: Path, environment: dict[str, str]) -> tuple[int, ...]:
    sample = [sys.executable, "-m", "kunyu", "sample", "county"]
    faulty = ["--parcels", "300", "--seed", "3", "--defects", "Q303:3,Q304:2"]
    for name, options in (("good", ["--parcels", str(PARCELS), "--seed", "1"]), ("faulty", faulty)):
        _run([*sample, str(folder / name), *options], environment)
    filler = Path(__file__).with_name("fill_node.py")
    answer = _run([sys.executable, str(filler), str(folder), PASSWORD], environment)
    return tuple(json.loads(answer.splitlines()[-1]))


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _await_health(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):  # refused, or a busy machine
            return
        time.sleep(0.2)
    pytest.fail(f"the node did not become ready\n{log.read_text()}")


RESTING = """() => { const maps = [...document.querySelectorAll('ky-map')];
  return maps.length > 0 && maps.every((one) => one.ready && one.ariaBusy === 'false'); }"""
# a change of paint alone asks for nothing: one more picture is drawn, and then none is wanted.
# Nothing is answered: the event holds the map, and a map with all its tiles would be written out and read in
ONE_MORE_PICTURE = """([patience]) => Promise.all([...document.querySelectorAll('ky-map')].map(
  ({ map }) => new Promise((done, failed) => {
    setTimeout(() => failed(new Error('the map did not come to rest')), patience);
    map.once('idle', () => done());
    map.triggerRepaint();
  })))"""


@dataclass
class Visit:
    """A person's page with everything that must not happen on it."""

    node: Node
    page: Page
    complaints: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expects(self, complaint: str) -> None:
        """The browser itself reports this, now or a moment later, and it is as it should be: a regular expression."""
        self.expected.append(complaint)

    def unexpected(self) -> list[str]:
        """Complaints that nothing on the way explains."""
        return [one for one in self.complaints if not any(re.search(known, one) for known in self.expected)]

    def open(self, path: str) -> Page:
        self.page.goto(self.node.address + path)
        return self.page

    def sign_in(self, path: str = "/", user: str = "steward") -> Page:
        """Sign in through the page, as people do, and arrive at ``path``."""
        self.open(path)
        self.page.fill("#username", user)
        self.page.fill("#password", PASSWORD)
        self.page.press("#password", "Enter")
        self.page.wait_for_url(lambda url: "/login" not in url)
        return self.page

    def map_still(self) -> None:
        """Wait until every map of the page has all it is to show, and has drawn it."""
        self.page.wait_for_function(RESTING, timeout=2 * PATIENCE_MS)
        self.page.evaluate(ONE_MORE_PICTURE, [2 * PATIENCE_MS])
        self.page.wait_for_function(RESTING, timeout=2 * PATIENCE_MS)

    def outside(self) -> list[str]:
        """Addresses asked for that are not the node's own."""
        own = (self.node.address + "/", "data:", "blob:" + self.node.address, "about:")
        return [address for address in self.addresses if not address.startswith(own)]


def _visit(browser: Browser, node: Node, size: dict[str, int], language: str) -> tuple[Visit, BrowserContext]:
    is_phone = size["width"] < 768
    context = browser.new_context(viewport=size, has_touch=is_phone, is_mobile=is_phone, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    context.add_cookies([{"name": "django_language", "value": language, "url": node.address}])
    visit = Visit(node, context.new_page())
    visit.page.on("console", lambda one: visit.complaints.append(one.text) if one.type == "error" else None)
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    context.on("request", lambda request: visit.addresses.append(request.url))
    return visit, context


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def anywhere(request: pytest.FixtureRequest, browser: Browser, node: Node) -> Iterator[Visit]:
    """A visit from a desk, and one from a phone; nothing may complain and nothing may leave the node."""
    visit, context = _visit(browser, node, request.param, "zh-hans")
    yield visit
    context.close()
    assert visit.unexpected() == []
    assert visit.outside() == []


@pytest.fixture
def desk(browser: Browser, node: Node) -> Iterator[Visit]:
    """A visit from a desk in Chinese."""
    visit, context = _visit(browser, node, DESKTOP, "zh-hans")
    yield visit
    context.close()
    assert visit.unexpected() == []
    assert visit.outside() == []


@pytest.fixture
def english_desk(browser: Browser, node: Node) -> Iterator[Visit]:
    """A visit from a desk in English."""
    visit, context = _visit(browser, node, DESKTOP, "en")
    yield visit
    context.close()
    assert visit.unexpected() == []
