"""What acceptance does on events of the outbox; listed in ``kunyu.project.handlers``. Idempotent."""

from __future__ import annotations

from kunyu.engines.ingest.models import Delivery
from kunyu.engines.security.scope import Principal
from kunyu.kernel.outbox.models import Event
from kunyu.packs.survey_acceptance.services import follow_delivery


def delivery_judged(event: Event) -> None:
    """``ingest.delivery_judged`` {delivery_id, status, by}: open the round, or end it with its delivery.

    The delivery is read as it stands now: an event that comes late or twice finds its round where it belongs.
    """
    delivery = Delivery.objects.filter(pk=event.payload["delivery_id"]).first()
    if delivery is not None:
        follow_delivery(delivery, Principal(str(event.payload.get("by") or "ingest"), origin="outbox"))
