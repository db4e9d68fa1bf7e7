"""Fixtures for every test: a real PostGIS, shared, started only when a test asks for a database.

Ask for the ``db`` fixture (or mark ``django_db``) to get Django's connection inside a rolled-back transaction.
What another connection must see (the serving role, a task worker, a child process) needs committed rows: mark
``django_db(transaction=True)``.

Environment
-----------
``KUNYU_SHARED_DATA``
    Folder of the real data sets; default ``../shared/data`` beside the repository.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from kunyu.project.runtime.shared_test_cluster import SharedTestCluster

ROOT = Path(__file__).resolve().parent
# The checks run without Django (extra `check`); then so do their tests.
HAS_NODE = all(importlib.util.find_spec(name) for name in ("django", "psycopg", "psutil", "pytest_django"))

CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]

# software rendering on a busy machine is slow
PATIENCE_MS, LAUNCH_MS = 60_000, 180_000
CHEAP_HASHER = "kunyu.engines.security.tests.cheap_hashing.CheapScrypt"

_cluster: SharedTestCluster | None = None
_own_objects: str | None = None


def _point_settings_at_tests() -> None:
    """Set the environment that Django's settings read, before anything loads them.

    Workers of pytest-xdist inherit it, so all share one object store and one name for their databases.
    """
    global _cluster, _own_objects
    from kunyu.project.runtime.shared_test_cluster import SharedTestCluster

    _cluster = SharedTestCluster(ROOT)
    if "KUNYU_TEST_RUN" not in os.environ:
        os.environ["KUNYU_TEST_RUN"] = str(os.getpid())
        _own_objects = os.environ["KUNYU_OBJECT_STORE"] = tempfile.mkdtemp(prefix="kunyu-objects-")
    os.environ["KUNYU_HOME"] = str(_cluster.home)
    os.environ["DATABASE_URL"] = _cluster.cluster.addresses()["database_url"]
    os.environ["KUNYU_SERVE_DATABASE_URL"] = _cluster.cluster.addresses()["serve_database_url"]
    os.environ["DJANGO_SETTINGS_MODULE"] = "kunyu.project.settings"
    # Playwright keeps an event loop in the thread of the tests; Django would take every later query for async code
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    from django.conf import settings

    # pytest-django looked for settings before this file was loaded; it sets Django up later if they are loaded by then
    assert settings.DATABASES
    settings.PASSWORD_HASHERS = [CHEAP_HASHER, *settings.PASSWORD_HASHERS[1:]]


def _list_static_files_once() -> None:
    """Every test client loads the middleware anew, and WhiteNoise lists and reads all static files each time.

    What it found for the same folders is taken again: a fifth of the time of tests that ask thousands of addresses.
    """
    from django.conf import settings
    from whitenoise.middleware import WhiteNoiseMiddleware

    found: dict[tuple[str, ...], dict[str, Any]] = {}
    listing = WhiteNoiseMiddleware.add_files_from_finders

    def listed(self: WhiteNoiseMiddleware) -> None:
        folders = (self.static_prefix, *map(str, settings.STATICFILES_DIRS))
        if folders not in found:
            listing(self)
            found[folders] = dict(self.files)
        self.files.update(found[folders])

    WhiteNoiseMiddleware.add_files_from_finders = listed


def _draw_the_same_examples_each_time() -> None:
    """A run tells of the code alone: neither of luck nor of how busy the machine is.

    ``--hypothesis-profile=wandering`` draws others each time, to look for what nobody has thought of.
    """
    patient: dict[str, Any] = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
    hypothesis.settings.register_profile("steady", derandomize=True, database=None, **patient)
    hypothesis.settings.register_profile("wandering", **patient)
    hypothesis.settings.load_profile("steady")


def _load_middleware_once() -> None:
    """A process of a node loads its middleware once; every test client would load it anew, for its one request or two.

    A test that changes settings has its clients load their own, for middleware reads settings when it is made.
    """
    from django.conf import settings
    from django.test.client import ClientHandler

    loading, unchanged = ClientHandler.load_middleware, settings._wrapped
    loaded: dict[str, Any] = {}

    def load(self: ClientHandler, is_async: bool = False) -> None:
        if is_async or settings._wrapped is not unchanged:
            loading(self, is_async)
            return
        if not loaded:
            first = ClientHandler()
            loading(first)
            loaded.update(
                {name: value for name, value in vars(first).items() if name.endswith(("_middleware", "_chain"))}
            )
        vars(self).update(loaded)

    ClientHandler.load_middleware = load


def _write_geopackages_unsafely() -> None:
    """No fsync and no journal file for the GeoPackages that this process writes; its children write as a node does.

    A delivery of a test has some twenty layers, each its own transaction: they waited five times as long as they wrote.
    """
    import pyogrio

    pyogrio.set_gdal_config_options({"OGR_SQLITE_SYNCHRONOUS": "OFF", "OGR_SQLITE_JOURNAL": "MEMORY"})


_draw_the_same_examples_each_time()
_write_geopackages_unsafely()
if HAS_NODE:
    _point_settings_at_tests()
    _list_static_files_once()
    _load_middleware_once()


def pytest_collection_finish() -> None:
    """All that was collected lives as long as the run: spare the garbage collector looking through it time and again.

    What requests leave has few cycles, so it need not look after every 700 new objects either: both took a tenth of the
    time of tests that ask many addresses.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_unconfigure() -> None:
    """Stop the cluster when nobody else uses it; remove the objects this run stored."""
    if _cluster is not None:
        _cluster.release()
    if _own_objects is not None:
        shutil.rmtree(_own_objects, ignore_errors=True)


def pytest_runtest_setup() -> None:
    """Forget the statements of earlier tests: Django keeps the last 9,000, and a full list counts none that are new."""
    if HAS_NODE:
        from django.db import connections

        for connection in connections.all(initialized_only=True):
            connection.queries_log.clear()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One browser at a time: all journeys are one scope, so one worker walks them with one node of its own.

    Two software-rendered browsers beside two nodes on two cores wait for one another until something times out.
    """
    if config.getvalue("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class JourneysTogether(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "tests/journeys" if nodeid.startswith("tests/journeys/") else super()._split_scope(nodeid)

    return JourneysTogether(config, log)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """Start the cluster and name this run's database after the run, so that parallel runs never meet."""
    from django.conf import settings

    assert _cluster is not None
    _cluster.acquire()
    worker = getattr(request.config, "workerinput", {}).get("workerid")
    name = "_".join(filter(None, ["test_kunyu", os.environ["KUNYU_TEST_RUN"], worker]))
    settings.DATABASES["default"].setdefault("TEST", {}).update(NAME=name, TEMPLATE=_cluster.migrated())
    # deliveries of two databases bear the same numbers: each run unpacks in a folder of its own
    settings.KUNYU_QUARANTINE = _cluster.home / f"quarantine-{name}"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Point the serving role at the test database; close what pools still hold before it is dropped."""
    from django.conf import settings

    from kunyu.project.runtime.shared_test_cluster import serve_address

    assert _cluster is not None
    name = settings.DATABASES["default"]["NAME"]
    settings.KUNYU_SERVE_DATABASE_URL = serve_address(_cluster.cluster, name)
    _empty_quickly(_cluster.cluster.dsn("postgres", name))
    yield
    _cluster.end_sessions(name)


def _empty_quickly(superuser_dsn: str) -> None:
    """Put a quicker emptying in the place of the flush that ends each test which commits."""
    from django.db import connections
    from django.test import TransactionTestCase

    from kunyu.engines.security.audit.tests.emptying import empty_all_but_the_append_only

    def emptied(self: TransactionTestCase) -> None:
        connections.close_all()  # what a test left open must not hold its own emptying up
        empty_all_but_the_append_only(superuser_dsn)

    TransactionTestCase._fixture_teardown = emptied


@pytest.fixture(autouse=True)
def _no_epochs_of_another_test() -> None:
    """What permissions an earlier, rolled-back test saw must not be taken for this one's."""
    if HAS_NODE:
        from kunyu.engines.security import epochs

        epochs.forget()


@pytest.fixture
def real_hashing(settings: Any) -> Iterator[None]:
    """Hash passwords as a node does, for tests of what hashing costs and of passwords themselves."""
    from kunyu.engines.security import passwords
    from kunyu.project import settings as of_the_node

    settings.PASSWORD_HASHERS = of_the_node.PASSWORD_HASHERS
    passwords._nobody.cache_clear()  # kept with the hasher of the time
    yield
    passwords._nobody.cache_clear()


@pytest.fixture
def serve_dsn(db: None) -> str:
    """The address of the test database for role ``kunyu_serve`` (sees committed rows only)."""
    from django.conf import settings

    return str(settings.KUNYU_SERVE_DATABASE_URL)


@pytest.fixture
def owner_dsn(db: None) -> str:
    """The address of the test database for the node's own role ``kunyu``, on a connection of its own."""
    return _address_of("kunyu")


@pytest.fixture
def superuser_dsn(db: None) -> str:
    """The address of the test database for the superuser: for tests of what only provisioning may do."""
    return _address_of("postgres")


def _address_of(role: str) -> str:
    from django.db import connection

    assert _cluster is not None
    return _cluster.cluster.dsn(role, str(connection.settings_dict["NAME"]))


@pytest.fixture
def onemap_emptied(transactional_db: None) -> Iterator[None]:
    """For tests that commit layer tables: drop every table of schema ``onemap`` when the test ends."""
    from django.db import connection

    yield
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE kunyu_onemap")
        cursor.execute("SELECT format('DROP TABLE IF EXISTS onemap.%I CASCADE', tablename) FROM pg_tables "
                       "WHERE schemaname = 'onemap'")  # fmt: skip
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)
        cursor.execute("RESET ROLE")


@pytest.fixture(autouse=HAS_NODE)
def audit_emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    """Empty audit, histories and queue after a test that commits: Django's flush leaves them alone."""
    marker = request.node.get_closest_marker("django_db")
    commits = {"transactional_db", "live_server", "django_db_reset_sequences"} & set(request.fixturenames)
    if not commits and not (marker and marker.kwargs.get("transaction")):
        yield
        return
    blocker = request.getfixturevalue("django_db_blocker")
    request.getfixturevalue("django_db_setup")
    yield
    from kunyu.engines.security.audit.tests.emptying import empty_what_flush_leaves

    with blocker.unblock():
        empty_what_flush_leaves()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets; the test is skipped where it is absent."""
    folder = Path(os.environ.get("KUNYU_SHARED_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not at {folder}; set KUNYU_SHARED_DATA")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium of the system, software rendering; one at a time in a worker.

    Playwright's event loop runs in the thread of the tests while it is open, so what comes after in the same worker
    could not start a loop of its own (pyHanko does): each module closes it.
    """
    from playwright.sync_api import expect, sync_playwright

    if not (ROOT / "web" / "dist" / "manifest.json").is_file():
        pytest.fail("the web parts are not built: run `make setup`, or `npm ci && npm run build` in web/")
    named = os.environ.get("KUNYU_CHROMIUM")
    path = named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine: install chromium or set KUNYU_CHROMIUM")
    # the same for every module, in whatever order they come; a test that passes waits no longer than it must
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_OPTIONS, timeout=LAUNCH_MS)
        yield chromium
        chromium.close()


@pytest.fixture
def node_home() -> Iterator[Path]:
    """A short, empty state folder that the database account may enter (pytest's own temp folders are closed)."""
    home = Path(tempfile.mkdtemp(prefix="ky-"))
    home.chmod(0o711)
    yield home
    shutil.rmtree(home, ignore_errors=True)
