"""Work for the task workers: looking at services, forgetting old counts."""

from __future__ import annotations

from procrastinate.contrib.django import app

QUEUE = "services"


@app.periodic(cron="*/5 * * * *")
@app.task(name="register.check_services", queue=QUEUE, queueing_lock="register.check_services")
def check_services(timestamp: int) -> None:
    """Every five minutes: look at every endpoint of every published service."""
    from kunyu.engines.catalogue.register.health import check_all

    check_all()


@app.periodic(cron="20 18 * * *")  # UTC: at night in China
@app.task(name="register.forget_counts", queue=QUEUE, queueing_lock="register.forget_counts")
def forget_counts(timestamp: int) -> None:
    """Every night: remove counts of keys that no quota needs any more."""
    from kunyu.engines.security.api_keys.quotas import forget_old

    forget_old()
