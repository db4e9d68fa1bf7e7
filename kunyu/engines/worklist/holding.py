"""One process at a time does one job: an advisory lock that dies with its process. 独占.

A session of its own holds the lock: when the process dies, however it dies, the server ends the session and the job is
free to be done again. So a job that is queued twice, or taken for dead too early, is never done by two at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
from procrastinate.contrib.django.models import ProcrastinateJob

from kunyu.engines.worklist.progress import own_session


@contextlib.contextmanager
def held(space: int, number: int) -> Iterator[psycopg.Connection[Any] | None]:
    """The autocommit session that holds job ``number`` of a kind (``space``); None where another process does it now."""
    session = own_session()
    try:
        row = session.execute("SELECT pg_try_advisory_lock(%s, %s)", [space, number]).fetchone()
        yield session if row and row[0] else None
    finally:
        # said aloud: a session that merely closes holds its locks until the server notices
        with contextlib.suppress(psycopg.Error):
            session.execute("SELECT pg_advisory_unlock_all()")
        session.close()


def without_job(task: str, argument: str, numbers: Iterable[int]) -> list[int]:
    """Those of ``numbers`` for which no job of ``task`` waits in the queue, as ``argument``: they need one.

    A job that is *doing* stands for nothing here: its worker may be dead, and a second job ends at once if it is not.
    """
    rows = ProcrastinateJob.objects.filter(task_name=task, status="todo").values_list("args", flat=True)
    waiting = {args.get(argument) for args in rows}
    return [one for one in numbers if one not in waiting]
