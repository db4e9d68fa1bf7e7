"""Work for the task workers: one job per analysis. What a job needs is imported by the job."""

from __future__ import annotations

from procrastinate.contrib.django import app

from kunyu.engines.analysis.queueing import QUEUE, TASK


@app.task(name=TASK, queue=QUEUE)
def run_analysis(job_id: int) -> None:
    """Do an analysis; its outcome stands on it."""
    from kunyu.engines.analysis.running import run

    run(job_id)


def take_up_unfinished() -> list[int]:
    """Queue every unfinished analysis, when a worker starts; a second job for the same one ends at once."""
    from kunyu.engines.analysis.running import unfinished
    from kunyu.engines.worklist.holding import without_job

    waiting = without_job(TASK, "job_id", unfinished())
    for job_id in waiting:
        run_analysis.defer(job_id=job_id)
    return waiting


@app.periodic(cron="20 18 * * *")  # UTC: twenty past two at night in China
@app.task(name="analysis.forget_old", queue=QUEUE, queueing_lock="analysis.forget_old")
def forget_old(timestamp: int) -> None:
    """Every night: remove results that nobody asked for in a long time."""
    from kunyu.engines.analysis.keeping import forget_old as forget

    forget()
