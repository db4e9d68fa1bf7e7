"""Puts messages into the queue of the task workers, by the name of their job: the job's module imports the senders."""

from __future__ import annotations

from datetime import datetime

from procrastinate.contrib.django import app

JOB = "worklist.send_message"
QUEUE = "messages"


def queue_message(message_id: int, due: datetime | None = None) -> None:
    """Queue one message, in the caller's transaction; not tried before ``due``."""
    app.configure_task(JOB, queue=QUEUE, schedule_at=due).defer(message_id=message_id)
