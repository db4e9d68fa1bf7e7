"""One worker per delivery at a time, and what it shows while it works.

A session of its own holds a PostgreSQL advisory lock: when the worker dies, however it dies, the server ends the
session and the delivery is free again. The same session writes progress, so that it is seen while the transaction of
the load is still open.
"""

from __future__ import annotations

import contextlib
import json
import time
from types import TracebackType
from typing import Any

import psycopg
from django.db import connection

from kunyu.engines.ingest.errors import InProgress
from kunyu.engines.ingest.worklist import phase_words
from kunyu.engines.worklist.progress import Job, Reporter, own_session

LOCK_CLASS = 0x6B79  # "ky": deliveries
COUNTY_LOCK_CLASS = 0x6B7A
SHOWN_EVERY_S = 0.5


class Run:
    """Holds a delivery while it is worked on: ``with Run(delivery_id) as run``.

    ``run.report(job)`` lets the owner of the job follow it from any page; it ends with the run.
    """

    def __init__(self, delivery_id: int, listener: Any = None) -> None:
        self.delivery_id = delivery_id
        self._listener = listener
        self._shown = 0.0
        self._session: psycopg.Connection | None = None
        self._reporter: Reporter | None = None

    def report(self, job: Job) -> None:
        """Begin to tell the owner of ``job`` where it stands."""
        self._reporter = Reporter(job, self._session)
        self._reporter.begin()

    def require_attempt(self) -> None:
        """Refuse to begin the reported job again after it was interrupted too often; :class:`JobInterrupted`."""
        if self._reporter is not None:
            self._reporter.require_attempt()

    def __enter__(self) -> Run:
        session = own_session()
        row = session.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, self.delivery_id]).fetchone()
        if row is None or not row[0]:
            session.close()
            raise InProgress(
                f"汇交批次 {self.delivery_id} 正由另一个进程处理，请等它完成。",
                f"Delivery {self.delivery_id} is being worked on by another process; wait until it is done.",
                delivery=self.delivery_id,
            )
        self._session = session
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        if self._reporter is not None:
            with contextlib.suppress(psycopg.Error):
                self._reporter.finish(error, tell=False)  # the change of status tells people
        # said aloud: a session that merely closes holds its locks until the server notices
        with contextlib.suppress(psycopg.Error):
            session.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, self.delivery_id])
        session.close()

    def show(self, stage: str, done: int, total: int) -> None:
        """Tell people where the work stands; written at most twice a second, except at the ends of a stage."""
        if self._listener is not None:
            self._listener(stage, done, total)
        now = time.monotonic()
        if self._session is None or (now - self._shown < SHOWN_EVERY_S and 0 < done < total):
            return
        self._shown = now
        progress = json.dumps({"stage": stage, "done": done, "total": total})
        self._session.execute(
            "UPDATE ingest_delivery SET progress = %s::jsonb WHERE id = %s", [progress, self.delivery_id]
        )
        if self._reporter is not None:
            self._reporter.show(*phase_words(stage), done, total)


def is_held(delivery_id: int) -> bool:
    """Whether a worker holds the delivery now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND objsubid = 2"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND granted",
            [LOCK_CLASS, delivery_id],
        )
        return bool(cursor.fetchone()[0])
