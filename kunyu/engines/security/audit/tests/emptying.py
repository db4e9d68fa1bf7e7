"""Emptying between tests that commit: what Django's flush does, in a tenth of its time, and what it leaves alone.

The flush truncates every table of the node and makes the content types anew, after each test, though a test writes to a
few. Truncating those few alone is no way out: PostgreSQL refuses it for a table that others refer to.
"""

from __future__ import annotations

import psycopg
from django.db import connection, transaction
from psycopg import sql

# what `migrate` filled and no test changes; the flush would empty both and fill them again
KEPT = {"django_content_type", "auth_permission"}
# dead rows are cleared away when there are as many of them, so that the tables of a long run stay small
CLEARED_BYTES = 256 << 10
LOCK_TIMEOUT = "SET lock_timeout = '20s'"


def empty_all_but_the_append_only(superuser_dsn: str) -> None:
    """Delete every row of Django's tables, as their superuser without foreign keys' checks: nothing is left to refer to.

    Raises ``psycopg.errors.LockNotAvailable`` when another connection still writes after 20 s.
    """
    names = [sql.Identifier(name) for name in _tables()]
    with psycopg.connect(superuser_dsn, autocommit=True) as own:
        own.execute(LOCK_TIMEOUT)
        with own.transaction():
            # whoever still writes ends first, as TRUNCATE would have it
            own.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(sql.SQL(", ").join(names)))
            filled = own.execute(
                "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace "
                "AND relname = ANY(%s) AND (relkind = 'p' OR pg_relation_size(oid) > 0)",
                [_tables()],
            ).fetchall()
            own.execute("SET LOCAL session_replication_role = replica")
            for name, _ in filled:
                own.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
        for name, size in filled:
            if size > CLEARED_BYTES:
                own.execute(sql.SQL("VACUUM {}").format(sql.Identifier(name)))


def _tables() -> list[str]:
    """Django's own tables without those that refuse to be emptied."""
    if not _known:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only_statement'")
            guarded = {row[0] for row in cursor.fetchall()}
        found = connection.introspection.django_table_names(only_existing=True, include_views=False)
        _known.extend(sorted(set(found) - guarded - KEPT))
    return _known


_known: list[str] = []


def empty_what_flush_leaves() -> None:
    """Empty the audit, every history and the queue of jobs.

    Append-only tables refuse TRUNCATE: as their owner, who alone can, take the guard away, empty, put it back. The
    queue's models are not Django's own, so its flush does not know the tables; a job left waiting would answer for
    the next test's by its queueing lock. A table that nobody wrote to since it was emptied has no file to speak of and
    is left alone.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '20s'")
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only_statement' ORDER BY 1"
        )
        for name in _written(cursor, [row[0] for row in cursor.fetchall()]):
            cursor.execute(f"""
                ALTER TABLE {name} DISABLE TRIGGER append_only_statement;
                TRUNCATE {name} RESTART IDENTITY;
                ALTER TABLE {name} ENABLE ALWAYS TRIGGER append_only_statement""")
        if _written(cursor, ["security_auditpending"]):
            cursor.execute("TRUNCATE security_auditpending")
        queue = ["procrastinate_jobs", "procrastinate_events", "procrastinate_periodic_defers"]
        if _written(cursor, queue):
            cursor.execute(f"TRUNCATE {', '.join(queue)} RESTART IDENTITY")
    connection.close()


def _written(cursor, names: list[str]) -> list[str]:  # type: ignore[no-untyped-def]
    """The tables that somebody wrote to or drew a number for, be it in a transaction that was undone."""
    cursor.execute(
        """
        SELECT name FROM unnest(%s::text[]) AS name WHERE pg_relation_size(name::regclass) > 0 OR EXISTS (
          SELECT 1 FROM pg_depend d JOIN pg_sequence s ON s.seqrelid = d.objid
          WHERE d.refobjid = name::regclass AND d.deptype IN ('a', 'i') AND pg_sequence_last_value(s.seqrelid) IS NOT NULL)
        """,
        [names],
    )
    return [row[0] for row in cursor.fetchall()]
