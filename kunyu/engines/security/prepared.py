"""One row from Django's own connection by a statement that the server has prepared.

Django binds values on the client, so that the server parses and plans each statement anew, tells psycopg to prepare nothing
at all, and asks before each request whether its connection still lives. What is asked at every request (who acts, what is
published) is planned once per connection here, and a dead connection is noticed by failing: outside a transaction it is
tried once more on a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from django.db import NotSupportedError, OperationalError, connection

Answer = TypeVar("Answer")


def fetch_one(statement: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
    """The first row of a statement with ``%s`` for each value; None when there is none. Raises Django's errors."""
    return _on_a_sound_connection(lambda: _fetch_one(statement, values))


def execute(statement: str, values: Sequence[Any]) -> int:
    """Run a statement that answers with no rows, in a transaction of its own unless one is open; how many rows it wrote.

    Raises Django's errors. Outside a transaction it may be run twice when the connection dies under it: only for statements
    that bear that.
    """
    return _on_a_sound_connection(lambda: _execute(statement, values))


def _on_a_sound_connection(ask: Callable[[], Answer]) -> Answer:
    try:
        return ask()
    except OperationalError:
        if connection.in_atomic_block or connection.connection is None or not connection.connection.closed:
            raise
    except NotSupportedError:  # a table got another shape since the statement was prepared
        if connection.in_atomic_block:
            raise
    connection.close()
    return ask()


def _fetch_one(statement: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
    with _answered(statement, values) as cursor:
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row


def _execute(statement: str, values: Sequence[Any]) -> int:
    with _answered(statement, values) as cursor:
        return cursor.rowcount


@contextmanager
def _answered(statement: str, values: Sequence[Any]) -> Iterator[psycopg.Cursor[Any]]:
    connection.ensure_connection()
    raw = connection.connection
    with connection.wrap_database_errors, psycopg.Cursor(raw) as cursor:
        before, raw.prepare_threshold = raw.prepare_threshold, 0
        try:
            cursor.execute(statement, values, prepare=True)
        finally:
            raw.prepare_threshold = before
        # it has just answered: no SELECT 1 before the next statement of this request
        connection.health_check_done = True  # type: ignore[attr-defined]
        yield cursor
