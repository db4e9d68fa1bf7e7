"""Work for the task workers. Imported by every process, so what a job needs is imported by the job."""

from __future__ import annotations

from procrastinate.contrib.django import app


@app.periodic(cron="5 * * * *")
@app.task(name="security.prune_sessions", queueing_lock="security.prune_sessions")
def prune_sessions(timestamp: int) -> None:
    """Every hour: end sessions of people whose post ran out, forget what is old."""
    from kunyu.engines.security import sessions

    sessions.prune()


@app.periodic(cron="10 0 * * *")  # UTC: ten past eight in the morning in China
@app.task(name="security.announce_ends", queueing_lock="security.announce_ends")
def announce_ends(timestamp: int) -> None:
    """Every morning: say once which grants end within a week."""
    from kunyu.engines.security import grant_services

    grant_services.announce_ends()
