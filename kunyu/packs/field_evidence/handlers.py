"""What the pack does on events of the outbox; listed in ``kunyu.project.handlers``. Idempotent."""

from __future__ import annotations

from django.db import transaction
from procrastinate.exceptions import AlreadyEnqueued

from kunyu.engines.security.labels import label_of_code, needs_encryption
from kunyu.kernel.outbox.models import Event
from kunyu.packs.field_evidence.tasks import protect_photos


def label_decided(event: Event) -> None:
    """``security.label_decided`` {decision, label?}: photos that lie in plain against the new label are encrypted."""
    code = event.payload.get("label")
    if event.payload.get("decision") != "approved" or (code is not None and not needs_encryption(label_of_code(code))):
        return
    try:
        with transaction.atomic():
            protect_photos.defer()
    except AlreadyEnqueued:
        return  # the waiting job looks at every photo
