"""What ingest does on events of the outbox; listed in ``kunyu.project.handlers``. Idempotent."""

from __future__ import annotations

from django.db import transaction
from procrastinate.exceptions import AlreadyEnqueued

from kunyu.engines.ingest.tasks import protect_files
from kunyu.engines.security.labels import label_of_code, needs_encryption
from kunyu.kernel.outbox.models import Event


def label_decided(event: Event) -> None:
    """``security.label_decided`` {decision, label?}: files that lie in plain against the new label are encrypted."""
    code = event.payload.get("label")
    if event.payload.get("decision") != "approved" or (code is not None and not needs_encryption(label_of_code(code))):
        return
    try:
        with transaction.atomic():
            protect_files.defer()
    except AlreadyEnqueued:
        return  # the waiting job looks at every label


def version_published(event: Event) -> None:
    """``catalogue.version_published`` {collection, county, delivery?}: layers that rules compare with it are verified."""
    from kunyu.engines.ingest.verification.published import queue_after_publication

    queue_after_publication(event.payload)
