"""Emptying between tests that commit what Django's flush leaves alone: tables that refuse TRUNCATE, and the queue."""

from __future__ import annotations

from django.db import connection, transaction


def empty_what_flush_leaves() -> None:
    """Empty the audit, every history and the queue of jobs.

    Append-only tables refuse TRUNCATE: as their owner, who alone can, take the guard away, empty, put it back. The
    queue's models are not Django's own, so its flush does not know the tables; a job left waiting would answer for
    the next test's by its queueing lock.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '20s'")
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only_statement' ORDER BY 1"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"""
                ALTER TABLE {name} DISABLE TRIGGER append_only_statement;
                TRUNCATE {name} RESTART IDENTITY;
                ALTER TABLE {name} ENABLE ALWAYS TRIGGER append_only_statement""")
        cursor.execute("TRUNCATE security_auditpending")
        cursor.execute(
            "TRUNCATE procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers RESTART IDENTITY"
        )
    connection.close()
