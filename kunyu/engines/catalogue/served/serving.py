"""The road to the layer tables: a small pool of read-only connections per process, under the serving role.

Statements are prepared on the server and answered in binary; parallel plans and JIT are off, because a parallel plan
makes a z14 tile eight times slower (architecture.md §6). Without ``KUNYU_SERVE_DATABASE_URL`` the node's own role logs in
and becomes the serving role at once. The pool is made at the first request, never before a worker forks.

Every statement runs in a transaction of its own that first says for whom it reads (``kunyu.principal``): row security
shows what that principal may see and nothing to a connection that has not said so. Both go to the server in one
pipeline, so saying it costs no round trip; what was said ends with the transaction, also after an error.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Mapping
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from kunyu.engines.catalogue.served.errors import NoServingDatabase, TooSlow
from kunyu.engines.catalogue.served.settings import serving_settings
from kunyu.engines.security.scope import Scope

READER = "kunyu_serve"
_IDENTIFY = "SELECT set_config('kunyu.principal', %s, true)"
WAIT_SECONDS = 5.0
_pools: dict[tuple[int, str, str], ConnectionPool] = {}
_making = threading.Lock()


def _address() -> str:
    """Connection string of the serving role, always to the database Django uses (a test has its own)."""
    own = connections["default"].settings_dict
    if settings.KUNYU_SERVE_DATABASE_URL:
        return make_conninfo(**{**conninfo_to_dict(settings.KUNYU_SERVE_DATABASE_URL), "dbname": own["NAME"]})
    given = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    return make_conninfo(**{name: own[key] for name, key in given.items() if own.get(key)})


def _session_options() -> str:
    wanted = {
        "statement_timeout": serving_settings().statement_timeout_ms,
        "default_transaction_read_only": "on",
        "max_parallel_workers_per_gather": 0,
        "jit": "off",
        "timezone": "UTC",
        "row_security": "on",
    }
    if not settings.KUNYU_SERVE_DATABASE_URL:
        wanted["role"] = READER
    return " ".join(f"-c {name}={value}" for name, value in wanted.items())


def _pool() -> ConnectionPool:
    key = (os.getpid(), settings.KUNYU_SERVE_DATABASE_URL, str(connections["default"].settings_dict["NAME"]))
    pool = _pools.get(key)
    if pool is None:
        with _making:
            pool = _pools.get(key) or _pools.setdefault(key, _new_pool(_address()))
    return pool


def _new_pool(address: str) -> ConnectionPool:
    return ConnectionPool(
        address,
        min_size=1,
        max_size=serving_settings().pool_size,
        kwargs={"autocommit": True, "options": _session_options(), "application_name": "kunyu-maps"},
        # a pool that has failed for so long begins anew at the next reader; it would pause longer and longer, up to
        # minutes, and refuse readers although the database has long been back
        reconnect_timeout=WAIT_SECONDS,
        open=True,
        name="kunyu-maps",
    )


@atexit.register
def close_pools() -> None:
    """Close every pool of this process: at its end, and before a test database is dropped."""
    for key in [key for key in _pools if key[0] == os.getpid()]:
        _pools.pop(key).close()


def fetch(
    granted: Scope, statement: str, parameters: Mapping[str, Any], *, prepare: bool = True
) -> list[tuple[Any, ...]]:
    """Run one reading statement for the principal of ``granted`` and return its rows.

    The statement carries the predicate of ``granted`` already; row security stands behind it.

    Raises
    ------
    TooSlow
        The statement timeout ended it.
    NoServingDatabase
        No connection could be had, or it broke twice.
    """
    try:
        return _fetch_once(granted.row_identity, statement, parameters, prepare)
    except psycopg.errors.QueryCanceled as error:
        seconds = serving_settings().statement_timeout_ms / 1000
        raise TooSlow(
            f"查询超过 {seconds:g} 秒，已停止；请放大地图、缩小 bbox 或减少 limit。",
            f"The query ran longer than {seconds:g} s and was stopped; zoom in, or ask for a smaller bbox or limit.",
            limit_seconds=seconds,
        ) from error
    except (PoolTimeout, psycopg.OperationalError) as error:
        raise NoServingDatabase(
            "暂时连不上地图数据库，请稍后再试；仍然如此，请运行 kunyu doctor。",
            "The map database cannot be reached now; try again shortly, or run kunyu doctor.",
        ) from error


def _fetch_once(identity: str, statement: str, parameters: Mapping[str, Any], prepare: bool) -> list[tuple[Any, ...]]:
    pool = _pool()
    with pool.connection(timeout=WAIT_SECONDS) as connection:
        try:
            return _read(connection, identity, statement, parameters, prepare)
        except psycopg.OperationalError:
            if not connection.broken:
                raise
    # the database was restarted since this connection was made: one fresh connection, then give up
    pool.check()
    with pool.connection(timeout=WAIT_SECONDS) as connection:
        return _read(connection, identity, statement, parameters, prepare)


def _read(
    connection: psycopg.Connection, identity: str, statement: str, parameters: Mapping[str, Any], prepare: bool
) -> list[tuple[Any, ...]]:
    """Both statements in one pipeline, which PostgreSQL runs as one transaction (the connection is in autocommit)."""
    with connection.pipeline():
        connection.execute(_IDENTIFY, [identity], prepare=True)
        cursor = connection.execute(statement, parameters, prepare=prepare, binary=True)
    return cursor.fetchall()
