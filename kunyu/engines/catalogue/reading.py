"""Reading layer tables on Django's own connection as the person who asks: the backstop of the gateway. 按人读取图层表.

Whatever reads ``onemap`` for somebody outside ``served.serving`` (exports, jobs) does it in :func:`as_reader`: a condition
that was forgotten, or was wrong, then shows nothing more than the person's grants allow.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from kunyu.engines.catalogue.roles import READER
from kunyu.engines.security.scope import Scope


@contextmanager
def as_reader(granted: Scope) -> Iterator[None]:
    """Run the block's queries as the serving role, for the principal of ``granted``.

    Only tables of ``onemap`` can be read inside; everything else waits until the block ends. It stands in a savepoint,
    so that an error gives the connection its own role back as well.

    Raises
    ------
    django.db.utils.ProgrammingError
        The node's role is no member of the serving role: ``kunyu doctor`` says so.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('role')")
        before = cursor.fetchone()[0]
        cursor.execute(
            "SELECT set_config('kunyu.principal', %s, true), set_config('role', %s, true)",
            [granted.row_identity, READER],
        )
        yield
        cursor.execute("SELECT set_config('role', %s, true), set_config('kunyu.principal', '', true)", [before])
