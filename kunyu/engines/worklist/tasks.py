"""Work for the task workers. Imported by every process, so what a job needs is imported by the job."""

from __future__ import annotations

from procrastinate.contrib.django import app

from kunyu.engines.worklist.queueing import JOB, QUEUE


@app.task(name=JOB, queue=QUEUE)
def send_message(message_id: int) -> None:
    """Send one mail or short message; its outcome stands on the message."""
    from kunyu.engines.worklist.sending import send

    send(message_id)


@app.periodic(cron="*/10 * * * *")
@app.task(name="worklist.take_up_messages", queue=QUEUE, queueing_lock="worklist.take_up_messages")
def take_up(timestamp: int) -> None:
    """Every ten minutes: queue what a killed process left without a job, lay down what it interrupted."""
    from kunyu.engines.worklist.sending import take_up_messages

    take_up_messages(overdue_s=300)


@app.periodic(cron="5 0 * * *")  # UTC: five past eight in the morning in China
@app.task(name="worklist.remind", queue=QUEUE, queueing_lock="worklist.remind")
def remind(timestamp: int) -> None:
    """Every morning: tell assignees of tasks that turned yellow or red; settle provisional limits."""
    from kunyu.engines.worklist.reminders import remind_of_limits
    from kunyu.engines.worklist.services import settle_provisional_limits

    settle_provisional_limits()
    remind_of_limits()
