"""The database roles around the layer tables: who owns them, who reads them. 图层表的属主与读者.

``kunyu_onemap`` owns schema ``onemap`` and nobody logs in as it; row security does not bind it, nor the node's own role,
which is its member and writes as it. ``kunyu_serve`` only reads, and row security binds it (see ``row_security``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.utils import CursorWrapper

OWNER = "kunyu_onemap"
READER = "kunyu_serve"


@contextmanager
def owner_role(cursor: CursorWrapper) -> Iterator[None]:
    """Act as the owner of ``onemap`` inside the running transaction, where that role exists.

    On an error nothing is reset: the transaction is lost, and the role with it.
    """
    cursor.execute(
        "SELECT current_setting('role'), EXISTS (SELECT 1 FROM pg_roles WHERE rolname = %s "
        "AND pg_has_role(current_user, oid, 'MEMBER'))",
        [OWNER],
    )
    before, present = cursor.fetchone()
    if present:
        cursor.execute(f"SET LOCAL ROLE {OWNER}")
    yield
    if present:
        cursor.execute("SELECT set_config('role', %s, true)", [before])


def role_exists(cursor: CursorWrapper, role: str) -> bool:
    """Whether the server knows the role."""
    cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = %s", [role])
    return bool(cursor.fetchone()[0])
