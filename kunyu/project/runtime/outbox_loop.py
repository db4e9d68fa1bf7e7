"""Deliver outbox events to the handlers of ``kunyu.project.handlers`` until a signal comes."""

from __future__ import annotations

import logging
import signal
import threading

from kunyu.project.runtime.django_setup import prepare_django

IDLE_S = 0.5
FAILED_S = 5.0
BATCH = 100
logger = logging.getLogger("kunyu.outbox")


def loop(stop: threading.Event) -> None:
    """Dispatch batches; pause when nothing is due, longer when the database is away."""
    from django.db import close_old_connections
    from django.db.utils import Error

    from kunyu.kernel.outbox.services import dispatch

    while not stop.is_set():
        pause = IDLE_S
        try:
            close_old_connections()
            done = dispatch(BATCH)
            pause = 0.0 if done.delivered else IDLE_S
        except Error:
            logger.exception("the outbox could not be read")
            pause = FAILED_S
        if pause:
            stop.wait(pause)


def retry_at_once() -> int:
    """Make failed events due now: a new start often brings what they lacked; return how many that are."""
    from django.db.models.functions import Now

    from kunyu.kernel.outbox.models import Event

    return Event.objects.filter(delivered_at=None, attempts__gt=0).update(due_at=Now())


def main() -> None:
    """Entry of the child process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    prepare_django()
    retry_at_once()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    loop(stop)


if __name__ == "__main__":
    main()
