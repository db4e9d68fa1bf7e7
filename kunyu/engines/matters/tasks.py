"""Work for the task workers. Imported by every process, so what a job needs is imported by the job."""

from __future__ import annotations

from procrastinate.contrib.django import app

QUEUE = "matters"


@app.periodic(cron="*/5 * * * *")
@app.task(name="matters.repair_decisions", queue=QUEUE, queueing_lock="matters.repair_decisions")
def repair(timestamp: int) -> None:
    """Every five minutes: finish decisions whose licence a crash left unmade."""
    from kunyu.engines.matters.cases.sealing import repair_decisions

    repair_decisions()


@app.periodic(cron="* * * * *")
@app.task(
    name="matters.send_national", queue=QUEUE, queueing_lock="matters.send_national", lock="matters.send_national"
)
def send_national(timestamp: int) -> None:
    """Every minute: send the messages that wait for the national platform."""
    from kunyu.engines.matters.national.sending import send_waiting

    send_waiting()


@app.periodic(cron="10 16 * * *")  # UTC: ten past midnight in China
@app.task(name="matters.daily", queue=QUEUE, queueing_lock="matters.daily")
def daily(timestamp: int) -> None:
    """After midnight: let corrections lapse, settle provisional limits, warn of limits."""
    from kunyu.engines.matters.cases.pausing import lapse_corrections, settle_clocks
    from kunyu.engines.matters.cases.supervising import warn_of_limits

    lapse_corrections()
    settle_clocks()
    warn_of_limits()


@app.periodic(cron="30 17 * * *")  # UTC: half past one in China
@app.task(name="matters.reconcile", queue=QUEUE, queueing_lock="matters.reconcile")
def reconcile_yesterday(timestamp: int) -> None:
    """Every night: compare yesterday's counts with the national platform's."""
    from datetime import timedelta

    from django.utils import timezone

    from kunyu.engines.matters.national.sending import reconcile

    reconcile(timezone.localdate() - timedelta(days=1))
