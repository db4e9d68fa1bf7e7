"""What a killed worker left half done is begun again, within a stated time, and given up after a stated number of runs.

Every worker writes a heartbeat into the database (procrastinate). One that was silent for ``KUNYU_JOB_STALLED_SECONDS`` is
dead: its jobs go back into the queue, and whoever takes them begins at the beginning. That is safe, because no job is
done by two processes at once (``worklist.holding``, ``ingest.running``) and each puts its result in place in one
transaction. A job that kills its worker each time is given up after ``KUNYU_JOB_ATTEMPTS`` runs: jobs that somebody
follows say so themselves (``worklist.progress``), the others are ended here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job, Status

SPARE_ATTEMPTS = 2
"""Runs more than a job's own count allows before the queue ends it: its own way out says more."""
logger = logging.getLogger("kunyu.worker")


def stalled_s() -> int:
    """Seconds of silence after which a worker counts as dead."""
    from kunyu.engines.worklist.settings import worklist_settings

    return worklist_settings().job_stalled_s


def heartbeat_s() -> float:
    """Seconds between two heartbeats, and between two looks for dead workers."""
    return min(10.0, stalled_s() / 4)


async def rescue_forever(manager: Any) -> None:
    """Look for jobs of dead workers again and again; a failure is logged and tried again.

    After a standstill of the whole machine no worker has a young heartbeat: then they are given time to write one.
    """
    last = time.time()
    while True:
        await asyncio.sleep(heartbeat_s())
        stood_still, last = time.time() - last > stalled_s() / 2, time.time()
        if stood_still:
            continue
        try:
            await rescue(manager)
        except Exception:  # the rescue is tried again; the jobs of this worker go on
            logger.exception("stalled jobs could not be queued again")


async def rescue(manager: Any) -> int:
    """Queue the jobs of dead workers again, each for itself; answers how many there were."""
    stalled = list(await manager.get_stalled_jobs(seconds_since_heartbeat=stalled_s()))
    for job in stalled:
        try:
            await _again(manager, job)
        except Exception:  # one job that cannot be helped keeps no other from being taken up
            logger.exception("job %s of a dead worker could not be queued again", job.id)
    return len(stalled)


async def _again(manager: Any, job: Job) -> None:
    from kunyu.engines.worklist.settings import worklist_settings

    if job.attempts >= worklist_settings().job_attempts_max + SPARE_ATTEMPTS:
        logger.error("job %s (%s) was interrupted %s times and is given up", job.id, job.task_name, job.attempts)
        await asyncio.to_thread(_give_up, job)
        await manager.finish_job(job, Status.FAILED, delete_job=False)
        return
    try:
        await manager.retry_job(job, retry_at=datetime.now(UTC))
        logger.warning("job %s (%s) of a dead worker is queued again", job.id, job.task_name)
    except UniqueViolation:
        # only one job with its queueing lock may wait, and one waits: that one does the work
        await manager.finish_job(job, Status.ABORTED, delete_job=False)
        logger.warning("job %s (%s) of a dead worker is ended: another stands for it", job.id, job.task_name)


def _give_up(job: Job) -> None:
    """Write the end of a job without progress of its own where people look for it."""
    from django.db import connection

    from kunyu.engines.matters.materials.reading import give_up

    try:
        if job.task_name == "matters.read_material":
            give_up(int(str(job.task_kwargs["material_id"])))
    finally:
        connection.close()


def take_up_unfinished() -> None:
    """Queue what has no end yet when a worker starts: at once, not after the silence that tells a dead worker.

    A second job for the same work finds it done, or held by whoever does it, and ends.
    """
    from django.db import connection

    from kunyu.engines.analysis.tasks import take_up_unfinished as analyses
    from kunyu.engines.ingest.tasks import take_up_unfinished as deliveries
    from kunyu.engines.maps.compositions.tasks import take_up_unfinished as prints
    from kunyu.engines.maps.exports.tasks import take_up_unfinished as exports
    from kunyu.engines.worklist.sending import take_up_messages

    kinds: tuple[tuple[str, Callable[[], list[int]]], ...] = (
        ("deliveries", deliveries), ("exports", exports), ("analyses", analyses), ("prints", prints),
    )  # fmt: skip
    try:
        for name, take_up in kinds:
            logger.info("%s %s wait: queued", len(take_up()), name)
        logger.info("%s messages wait: queued", take_up_messages())
    finally:
        connection.close()
