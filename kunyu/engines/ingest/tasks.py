"""Work for the task workers: one job per delivery and step, never one per record.

Imported by every process of the node when Django starts, so what a job needs is imported by the job.
"""

from __future__ import annotations

from procrastinate.contrib.django import app

QUEUE = "deliveries"


@app.task(name="ingest.process_delivery", queue=QUEUE)
def process_delivery(delivery_id: int) -> None:
    """Map and check a delivery; its outcome stands on the delivery."""
    from kunyu.engines.ingest.process import process_quietly

    process_quietly(delivery_id)


@app.task(name="ingest.publish_delivery", queue=QUEUE)
def publish_delivery(delivery_id: int, actor: str, origin: str = "", user_id: int | None = None) -> None:
    """Publish an accepted delivery for ``actor``, if the right still holds; the outcome stands on the delivery."""
    from kunyu.engines.ingest.acting import publish_for

    publish_for(delivery_id, actor, origin, user_id)


@app.task(name="ingest.protect_files", queue=QUEUE, queueing_lock="ingest.protect_files")
def protect_files() -> None:
    """Encrypt stored files whose label has become strict; on record when there were any."""
    from django.db import transaction

    from kunyu.engines.ingest.storage import protect_stored
    from kunyu.engines.security import audit
    from kunyu.engines.security.scope import Principal

    count = protect_stored()
    if count:
        with transaction.atomic():
            audit.record(Principal("worker", origin="worker"), "files-encrypted", "object", "label", files=count)


def take_up_unfinished() -> list[int]:
    """Queue every delivery without a verdict: called when a worker starts, so that a killed one's work goes on.

    A second job for the same delivery finds it held or finished and ends at once.
    """
    from kunyu.engines.ingest.process import unfinished
    from kunyu.engines.worklist.holding import without_job

    waiting = without_job("ingest.process_delivery", "delivery_id", unfinished())
    for delivery_id in waiting:
        process_delivery.defer(delivery_id=delivery_id)
    return waiting
