"""The serving connections under row security: no query without a principal, nothing left over from the one before.

R-142, R-131; architecture.md §4. Everything is committed, because the serving role has its own connections; the queries
carry no condition of the gateway.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection
from psycopg_pool.base import AttemptWithBackoff

from kunyu.engines.catalogue.served import queries, serving
from kunyu.engines.catalogue.served.errors import NoServingDatabase, TooSlow
from kunyu.engines.catalogue.served.layers import find_layer
from kunyu.engines.catalogue.served.moments import Moment, ValidDays
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.catalogue.served.serving import fetch
from kunyu.engines.maps.tests.county import PARCELS, County
from kunyu.engines.security import scope
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Clause, Scope
from kunyu.engines.security.session import principal_of

pytestmark = pytest.mark.django_db
TABLE = "onemap.dltb_tdt1057_2020"
COUNTIES = f"SELECT DISTINCT county FROM {TABLE} ORDER BY 1"
BOTH, NEIGHBOUR = ["990101", "990102"], ["990102"]


@pytest.fixture(autouse=True)
def fresh_pool(county: County) -> Iterator[None]:
    """Pools of this test's own (the county's fixture lets the module write for good)."""
    serving.close_pools()
    yield
    serving.close_pools()


def reading_for(name: str) -> Scope:
    """A scope that allows everything, for the principal of an account: only row security narrows it."""
    if name in ("public", "operator", ""):
        return Scope(PARCELS, "query", (Clause(""),), "", row_identity=name)
    principal = principal_of(User.objects.get(username=name))
    return Scope(PARCELS, "query", (Clause(""),), "", row_identity=principal.row_identity)


def counties(granted: Scope) -> list[str]:
    return [county for (county,) in fetch(granted, COUNTIES, {})]


EXPECTED = {"t-steward": BOTH, "operator": BOTH, "t-neighbour": NEIGHBOUR, "t-stranger": [], "t-onlooker": [],
            "public": [], "": []}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_a_query_without_any_condition_shows_what_the_person_may_query(name: str) -> None:
    """Another branch, 看见 without 查询, nobody: nothing; one county: that county."""
    assert counties(reading_for(name)) == EXPECTED[name]


def test_one_connection_serves_one_person_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reused connection shows each person his own, in every order, and nothing once the read is over."""
    monkeypatch.setattr(serving, "serving_settings", lambda: _with(pool_size=1))
    scopes = {name: reading_for(name) for name in EXPECTED}
    served = set()
    for name in random.Random(1).choices(list(EXPECTED), k=60):
        assert counties(scopes[name]) == EXPECTED[name]
        served.add(fetch(scopes[name], "SELECT pg_backend_pid()", {})[0][0])
        with serving._pool().connection() as raw:
            assert raw.execute("SELECT coalesce(current_setting('kunyu.principal', true), '')").fetchone() == ("",)
            assert raw.execute(COUNTIES).fetchall() == []
    assert len(served) == 1


def test_many_threads_never_see_another_ones_rows() -> None:
    """Eight threads over two connections: every answer belongs to who asked."""
    scopes = {name: reading_for(name) for name in EXPECTED}
    asked = random.Random(2).choices(list(EXPECTED), k=400)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda name: counties(scopes[name]), asked))
    assert answers == [EXPECTED[name] for name in asked]


def test_an_error_leaves_nobody_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failed statement the same connection starts from nobody again."""
    monkeypatch.setattr(serving, "serving_settings", lambda: _with(pool_size=1))
    steward, before = reading_for("t-steward"), fetch(reading_for("public"), "SELECT pg_backend_pid()", {})
    for statement in ("SELECT 1 / 0", "SELECT nothing FROM nowhere", f"SELECT * FROM {TABLE}_p990101"):
        with pytest.raises(psycopg.Error):
            fetch(steward, statement, {})
        with serving._pool().connection() as raw:
            assert raw.execute(COUNTIES).fetchall() == []
        assert counties(reading_for("t-neighbour")) == NEIGHBOUR
    assert fetch(steward, "SELECT pg_backend_pid()", {}) == before


def test_a_cancelled_query_leaves_nobody_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled by an administrator or by the time limit: the next person on the connection sees his own."""
    monkeypatch.setattr(serving, "serving_settings", lambda: _with(pool_size=1, statement_timeout_ms=60_000))
    steward = reading_for("t-steward")
    (pid,) = fetch(steward, "SELECT pg_backend_pid()", {})[0]

    def cancel() -> None:
        with psycopg.connect(django_settings.KUNYU_SERVE_DATABASE_URL, autocommit=True) as other:
            for _ in range(2_000):
                asked = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"
                if other.execute(asked, [pid]).fetchone() == (1,):
                    other.execute("SELECT pg_cancel_backend(%s)", [pid])
                    return
                time.sleep(0.02)

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(TooSlow):
        fetch(steward, "SELECT pg_sleep(50)", {})
    thread.join()
    with serving._pool().connection() as raw:
        assert raw.execute(COUNTIES).fetchall() == []
    assert counties(reading_for("t-neighbour")) == NEIGHBOUR
    assert fetch(steward, "SELECT pg_backend_pid()", {}) == [(pid,)]

    serving.close_pools()
    monkeypatch.setattr(serving, "serving_settings", lambda: _with(pool_size=1, statement_timeout_ms=2_000))
    with pytest.raises(TooSlow):
        fetch(steward, "SELECT pg_sleep(50)", {})
    assert counties(reading_for("t-neighbour")) == NEIGHBOUR


def test_the_next_reader_after_an_outage_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a pool pauses after failures in a row: nobody is refused once the database is back."""
    monkeypatch.setattr(serving, "serving_settings", lambda: _with(pool_size=1))
    monkeypatch.setattr(serving, "WAIT_SECONDS", 1.0)
    monkeypatch.setattr(AttemptWithBackoff, "INITIAL_DELAY", 3600.0)
    steward = reading_for("t-steward")
    assert counties(steward) == BOTH

    def away(*_: object, **__: object) -> None:
        raise psycopg.OperationalError("away")

    with monkeypatch.context() as outage:
        outage.setattr(serving._pool(), "_connect", away)
        for statement in ("SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 1"):
            with pytest.raises(NoServingDatabase):
                fetch(steward, statement, {})
    monkeypatch.setattr(serving, "WAIT_SECONDS", 60.0)
    assert counties(steward) == BOTH


def test_statements_stay_prepared_and_binary() -> None:
    """Saying who reads costs no preparing: the tenth read finds both statements prepared on the server."""
    steward = reading_for("t-steward")
    for _ in range(10):
        counties(steward)
    with serving._pool().connection() as raw:
        prepared = {row[0] for row in raw.execute("SELECT statement FROM pg_prepared_statements").fetchall()}
    assert any("set_config" in one for one in prepared) and COUNTIES in prepared


def test_without_an_address_of_its_own_the_serving_role_is_taken_on(settings: object) -> None:
    """A node on somebody else's database may lack the serving role's password: it logs in as itself and steps down."""
    settings.KUNYU_SERVE_DATABASE_URL = ""  # type: ignore[attr-defined]
    assert fetch(reading_for("operator"), "SELECT current_user, session_user", {}) == [("kunyu_serve", "kunyu")]
    assert counties(reading_for("")) == [] and counties(reading_for("t-neighbour")) == NEIGHBOUR


def test_a_revoked_grant_holds_at_the_next_statement(owner_dsn: str) -> None:
    """The connection, its prepared statements and their plans stay; the rights do not (R-142)."""
    granted = reading_for("t-neighbour")
    change = "UPDATE security_grant SET division_prefix = %s, action = %s WHERE user_id = %s AND action <> 'see'"
    with psycopg.connect(owner_dsn, autocommit=True) as other:
        for _ in range(3):
            for _ in range(7):  # past the five tries after which PostgreSQL may keep a generic plan
                assert counties(granted) == NEIGHBOUR
            other.execute(change, ["99", "query", granted.row_identity])
            assert counties(granted) == BOTH
            other.execute(change, ["990102", "download", granted.row_identity])
            assert counties(granted) == NEIGHBOUR
            other.execute(change, ["990102", "edit", granted.row_identity])
            assert counties(granted) == []
            other.execute("UPDATE security_user SET is_active = false WHERE id = %s", [granted.row_identity])
            other.execute(change, ["990102", "query", granted.row_identity])
            assert counties(granted) == []
            other.execute("UPDATE security_user SET is_active = true WHERE id = %s", [granted.row_identity])


def test_the_gateway_and_row_security_find_the_same_features(county: County) -> None:
    """With the gateway's condition the answer is the same as without it: the backstop takes nothing away."""
    layer = find_layer(PARCELS)
    assert layer is not None
    for name in ("t-steward", "t-neighbour"):
        granted = scope.resolve(principal_of(User.objects.get(username=name)), PARCELS)
        chosen = Selection(layer, granted, Moment(ValidDays(None, None), None))
        statement, parameters = queries.rows(chosen, ["fid"])
        bare = f"SELECT fid FROM {TABLE} WHERE upper_inf(known)"
        assert sorted(fetch(granted, statement, parameters)) == sorted(fetch(granted, bare, {})) != []
        with connection.cursor() as cursor:  # the node's own role, where row security does not bind
            cursor.execute(statement, parameters)
            assert sorted(cursor.fetchall()) == sorted(fetch(granted, bare, {}))


def _with(**changes: int) -> object:
    from dataclasses import replace

    from kunyu.engines.catalogue.served.settings import ServingSettings

    return replace(ServingSettings(), **changes)
