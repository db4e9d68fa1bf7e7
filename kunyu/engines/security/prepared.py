"""One row from Django's own connection by a statement that the server has prepared.

Django binds values on the client, so that the server parses and plans each statement anew, and asks before each request
whether its connection still lives. What is asked at every request (who acts, what is published) is planned once per
connection here, and a dead connection is noticed by failing: outside a transaction it is tried once more on a new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import OperationalError, connection


def fetch_one(statement: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
    """The first row of a statement with ``%s`` for each value; None when there is none. Raises Django's errors."""
    try:
        return _fetch_one(statement, values)
    except OperationalError:
        if connection.in_atomic_block or connection.connection is None or not connection.connection.closed:
            raise
    connection.close()
    return _fetch_one(statement, values)


def _fetch_one(statement: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        row: tuple[Any, ...] | None = cursor.execute(statement, values, prepare=True).fetchone()
        return row
