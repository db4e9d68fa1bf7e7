"""Analyses too large for one answer, written down and queued for their owner alone. 分析作业."""

from __future__ import annotations

import shapely
from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from kunyu.engines.analysis import keeping
from kunyu.engines.analysis.errors import NoSuchJob
from kunyu.engines.analysis.models import AnalysisJob
from kunyu.engines.analysis.questions import KINDS, Question
from kunyu.engines.analysis.queueing import QUEUE, TASK
from kunyu.engines.security import audit
from kunyu.engines.security.errors import NotAllowed, SignInNeeded
from kunyu.engines.security.scope import Principal

State = AnalysisJob.State
NAMES = {
    "overlap": ("冲突检测", "Overlap"),
    "land-classes": ("地类统计", "Land classes"),
    "history": ("地块历史", "History"),
    "nearest": ("最近要素", "Nearest"),
    "buffer": ("缓冲区", "Buffer"),
}
assert set(NAMES) == set(KINDS)


def queue(principal: Principal, asked: Question, replay_of: int | None = None) -> AnalysisJob:
    """Write a job down and put it into the queue of the task workers, in one transaction.

    Raises
    ------
    SignInNeeded, NotAllowed
        Nobody in particular asks; or a service key does, whose narrower rights a job would not have.
    """
    if principal.user_id is None and not principal.is_operator:
        raise SignInNeeded(
            "涉及的记录太多，需要作为作业运行；请先登录。",
            "Too many records for one answer; sign in to run it as a job.",
        )
    if getattr(principal, "key_id", None) is not None:
        raise NotAllowed(
            "涉及的记录太多，服务密钥不能发起作业；请缩小地块，或由本人登录后提交。",
            "Too many records for one answer, and a service key starts no jobs: ask for a smaller plot, or sign in.",
        )
    packed = keeping.pack(asked) | ({"replay_of": replay_of} if replay_of else {})
    with transaction.atomic():
        job = AnalysisJob.objects.create(
            owner_id=principal.user_id, actor=principal.name, origin=principal.origin, kind=asked.kind, question=packed,
            geometry=shapely.to_wkb(asked.plot.geometry),
        )  # fmt: skip
        audit.record(principal, "analysis-queued", "analysis-job", job.pk, kind=asked.kind)
        app.configure_task(TASK, queue=QUEUE).defer(job_id=job.pk)  # with the row or not at all
    return job


def jobs_of(principal: Principal) -> list[AnalysisJob]:
    """One's own jobs, newest first, at most 200."""
    if principal.user_id is None and not principal.is_operator:
        return []
    return list(AnalysisJob.objects.filter(owner_id=principal.user_id).order_by("-id")[:200])


def job_of(principal: Principal, number: int) -> AnalysisJob:
    """One's own job, or the same answer as for one that does not exist."""
    own = AnalysisJob.objects.select_related("result").filter(pk=number, owner_id=principal.user_id)
    found = None if principal.user_id is None and not principal.is_operator else own.first()
    if found is None:
        raise NoSuchJob(f"没有作业 {number}，或者它不是您的。", f"There is no job {number} of yours.")
    return found


@transaction.atomic
def dismiss(principal: Principal, number: int) -> AnalysisJob:
    """Stop a job that waits or runs; forget one that ended. Its worker sees it at the next tile."""
    job = job_of(principal, number)
    job = AnalysisJob.objects.select_for_update().get(pk=job.pk)
    job.state, job.finished_at = State.DISMISSED, job.finished_at or timezone.now()
    job.result = None
    job.save(update_fields=["state", "finished_at", "result", "updated_at"])
    audit.record(principal, "analysis-dismissed", "analysis-job", job.pk)
    return job
