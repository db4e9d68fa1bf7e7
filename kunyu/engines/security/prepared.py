"""One row from Django's own connection by a statement that the server has prepared.

Django binds values on the client, so that the server parses and plans each statement anew. What is asked at every
request (who acts, what is published) is planned once per connection here; it takes part in Django's transaction and
raises Django's errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import connection


def fetch_one(statement: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
    """The first row of a statement with ``%s`` for each value; None when there is none."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        row: tuple[Any, ...] | None = cursor.execute(statement, values, prepare=True).fetchone()
        return row
