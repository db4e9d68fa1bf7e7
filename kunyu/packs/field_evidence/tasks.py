"""Work for the task workers. Imported by every process when Django starts, so what a job needs is imported by the job."""

from __future__ import annotations

from procrastinate.contrib.django import app


@app.task(name="field_evidence.protect_photos", queue="deliveries", queueing_lock="field_evidence.protect_photos")
def protect_photos() -> None:
    """Encrypt stored photos that lie in plain against a label that became strict; on record when there were any."""
    from django.db import transaction

    from kunyu.engines.security import audit
    from kunyu.engines.security.scope import Principal
    from kunyu.packs.field_evidence.imports import protect_stored

    count = protect_stored()
    if count:
        with transaction.atomic():
            audit.record(Principal("worker", origin="worker"), "files-encrypted", "object", "evidence", files=count)
