"""Work for the task workers. Imported by every process, so what a job needs is imported by the job."""

from __future__ import annotations

from procrastinate.contrib.django import app

QUEUE = "documents"


@app.periodic(cron="10 16 * * *")  # UTC: ten past midnight in China
@app.task(name="documents.expire_licences", queue=QUEUE, queueing_lock="documents.expire_licences")
def expire_licences(timestamp: int) -> None:
    """Every night: expire the licences whose last day has passed, and tell who listens."""
    from kunyu.engines.documents.licence_states import expire_due

    while expire_due():
        pass
