"""Where a long job stands, seen by its owner while the job's own transaction is still open. 进度.

The job writes through a session of its own in autocommit, at most twice a second; the owner may leave the page and is
told by a notification when it ends.

A run that begins while the one before is still written down as running follows one whose process died: it is counted,
its owner reads so, and after the runs of the settings the job is given up (:meth:`Reporter.require_attempt`).
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from types import TracebackType

import psycopg
from django.db import DatabaseError, connection
from django.utils import timezone

from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist import live
from kunyu.engines.worklist.errors import JobInterrupted, UnknownProgress
from kunyu.engines.worklist.models import Notification, Progress
from kunyu.engines.worklist.notices import Notice, notify
from kunyu.engines.worklist.settings import worklist_settings
from kunyu.kernel.errors import KunyuError

SHOWN_EVERY_S = 0.5
TOLD_AFTER_S = 5.0  # who started a shorter job still looks at the page

_BEGIN = """
INSERT INTO worklist_progress (key, kind, title_zh, title_en, owner_id, href, phase_zh, phase_en, done, total, outcome,
  message_zh, message_en, attempts, started_at, updated_at)
VALUES (%(key)s, %(kind)s, %(title_zh)s, %(title_en)s, %(owner)s, %(href)s, '', '', 0, 0, 'running', '', '',
  1, clock_timestamp(), clock_timestamp())
ON CONFLICT (key) DO UPDATE SET kind = excluded.kind, title_zh = excluded.title_zh, title_en = excluded.title_en,
  owner_id = excluded.owner_id, href = excluded.href, phase_zh = '', phase_en = '', done = 0, total = 0,
  outcome = 'running', message_zh = '', message_en = '', started_at = excluded.started_at,
  attempts = CASE worklist_progress.outcome WHEN 'running' THEN worklist_progress.attempts + 1 ELSE 1 END,
  updated_at = excluded.updated_at, finished_at = NULL
RETURNING attempts
"""
_AGAIN = "UPDATE worklist_progress SET message_zh = %(zh)s, message_en = %(en)s WHERE key = %(key)s"
_SHOW = """
UPDATE worklist_progress SET phase_zh = %(zh)s, phase_en = %(en)s, done = %(done)s, total = %(total)s,
  updated_at = clock_timestamp() WHERE key = %(key)s AND outcome = 'running'
"""
_FINISH = """
UPDATE worklist_progress SET outcome = %(outcome)s, message_zh = %(zh)s, message_en = %(en)s,
  updated_at = clock_timestamp(), finished_at = clock_timestamp() WHERE key = %(key)s
"""


@dataclass(frozen=True)
class Job:
    """A long job; ``key`` names it, a second run under the same key starts its progress over."""

    key: str
    kind: str
    title_zh: str
    title_en: str = ""
    href: str = ""
    owner: str = ""


def own_session() -> psycopg.Connection:
    """A new autocommit connection to Django's database: what it writes is seen at once."""
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(name, None)
    return psycopg.connect(**parameters, autocommit=True)


class Reporter:
    """Tells of one job: ``with Reporter(job) as told: told.show("装载", "loading", 3, 10)``.

    Parameters
    ----------
    job : Job
        ``owner`` is a user name; the progress of a job without an account is kept and seen by nobody.
    session : psycopg.Connection, optional
        An autocommit session to write through; one of its own is opened and closed otherwise.

    Leaving the block finishes the job, as failed when an error passes through it. ``attempt`` is 1, or higher where the
    runs before were interrupted; ``note_zh`` and ``note_en`` then say so.
    """

    def __init__(self, job: Job, session: psycopg.Connection | None = None) -> None:
        self.job = job
        self._given = session
        self._session = session
        self._owner: int | None = None
        self._shown = 0.0
        self._began = 0.0
        self._finished = False
        self.attempt = 1
        self.note_zh = self.note_en = ""

    def __enter__(self) -> Reporter:
        self.begin()
        return self

    def begin(self) -> None:
        """Write the job down as running."""
        if self._session is None:
            self._session = own_session()
        self._owner = User.objects.filter(username=self.job.owner).values_list("pk", flat=True).first()
        self._began = time.monotonic()
        row = self._session.execute(
            _BEGIN,
            {
                "key": self.job.key, "kind": self.job.kind, "title_zh": self.job.title_zh[:200],
                "title_en": self.job.title_en[:300], "owner": self._owner, "href": self.job.href,
            },
        ).fetchone()  # fmt: skip
        self.attempt = int(row[0]) if row else 1
        if self.attempt > 1:
            self.note_zh = f"处理进程曾中断，已自动重新开始（第 {self.attempt} 次）"
            self.note_en = f"its process was interrupted; begun again by itself (run {self.attempt})"
            self._session.execute(_AGAIN, {"zh": self.note_zh, "en": self.note_en, "key": self.job.key})
        self._hint()

    def require_attempt(self) -> None:
        """Refuse to begin a job again that was interrupted in each of the runs it may have.

        Raises
        ------
        JobInterrupted
        """
        before = self.attempt - 1
        if before < worklist_settings().job_attempts_max:
            return
        raise JobInterrupted(
            f"作业已中断 {before} 次（处理进程被终止，多因内存不足或停机），不再自动重试，没有留下半份结果。"
            "请缩小范围后重新发起，或请管理员查看节点日志 worker.log。",
            f"The job was interrupted {before} times (its process was killed, mostly for want of memory or by a shutdown) and "
            "is not tried again; nothing half done was left. Ask for less, or let the administrator read worker.log.",
            attempts=before,
        )

    def show(self, phase_zh: str, phase_en: str, done: int, total: int) -> bool:
        """Say where the job stands; written at most twice a second, except at the ends of a phase. Tells if written."""
        now = time.monotonic()
        if self._session is None or (now - self._shown < SHOWN_EVERY_S and 0 < done < total):
            return False
        self._shown = now
        self._session.execute(
            _SHOW, {"zh": phase_zh[:120], "en": phase_en[:120], "done": done, "total": total, "key": self.job.key}
        )
        self._hint()
        return True

    def finish(
        self, error: BaseException | None = None, *, message_zh: str = "", message_en: str = "", tell: bool = True
    ) -> None:
        """Write the end, failed when there is an error, and tell the owner of a job that took long or failed."""
        if self._session is None:
            return
        self._finished = True
        zh, en = _words(error) if error is not None else self._with_note(message_zh, message_en)
        outcome = Progress.Outcome.DONE if error is None else Progress.Outcome.FAILED
        self._session.execute(
            _FINISH, {"outcome": outcome.value, "zh": _stored(zh), "en": _stored(en), "key": self.job.key}
        )
        self._hint()
        took_long = time.monotonic() - self._began >= TOLD_AFTER_S
        if tell and self._owner is not None and (error is not None or took_long):
            notify([self._owner], self._notice(error is not None, zh, en))

    def _with_note(self, zh: str, en: str) -> tuple[str, str]:
        """What a finished job says, with the interruption it went through."""
        return "；".join(filter(None, (zh, self.note_zh))), "; ".join(filter(None, (en, self.note_en)))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self._finished:
                self._finish_quietly(error)
        finally:
            if self._given is None and self._session is not None:
                with contextlib.suppress(psycopg.Error):
                    self._session.close()
                self._session = None

    def _finish_quietly(self, error: BaseException | None) -> None:
        """An error that passes is worth more than one of telling about it."""
        if error is None:
            self.finish()
            return
        with contextlib.suppress(psycopg.Error, DatabaseError):
            self.finish(error)

    def _notice(self, failed: bool, zh: str, en: str) -> Notice:
        stamp = f"{timezone.now():%Y%m%dT%H%M%S%f}"
        title_en = self.job.title_en or self.job.title_zh
        return Notice(
            kind="job_finished", key=f"job:{self.job.key}:{stamp}", href=self.job.href, body_zh=zh, body_en=en,
            title_zh=f"{self.job.title_zh}：{'失败' if failed else '已完成'}",
            title_en=f"{title_en}: {'failed' if failed else 'finished'}",
            level=Notification.Level.WARNING if failed else Notification.Level.INFO,
        )  # fmt: skip

    def _hint(self) -> None:
        if self._owner is not None and self._session is not None:
            self._session.execute("SELECT pg_notify(%s, %s)", [live.CHANNEL, live.payload([self._owner], "progress")])


def _stored(text: str) -> str:
    return text[:2000].replace("\x00", "")


def _words(error: BaseException) -> tuple[str, str]:
    if isinstance(error, KunyuError):
        return error.detail_zh, error.detail_en
    return f"程序缺陷：{type(error).__name__}", f"A defect of the program: {type(error).__name__}"


def progress_of(principal: Principal, key: str) -> Progress:
    """One's own job, or the same answer as for one that does not exist."""
    found = Progress.objects.filter(key=key, owner_id=principal.user_id).first() if principal.user_id else None
    if found is None:
        raise UnknownProgress(f"没有作业 {key}，或者它不是您的。", f"There is no job {key} of yours.")
    return found
