"""Numbers of cases: division, day, six digits. 办件编号.

The six digits come from a sequence of the database: no row is locked, no two transactions ever draw the same, and
numbers drawn by transactions that were rolled back are missing, which nobody minds.
"""

from __future__ import annotations

from datetime import date

from django.db import connection


def next_number(county: str, day: date) -> str:
    """E.g. ``990101`` on 2026-11-23 → ``99010120261123000017``; the sequence comes round after a million."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('matters_case_number')")
        drawn = cursor.fetchone()[0]
    return f"{county[:6].ljust(6, '0')}{day:%Y%m%d}{drawn:06d}"
