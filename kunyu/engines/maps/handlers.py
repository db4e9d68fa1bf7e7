"""What the maps do on events of the outbox; listed in ``kunyu.project.handlers``. Idempotent."""

from __future__ import annotations

from kunyu.engines.maps.pyramids.queueing import queue
from kunyu.engines.maps.settings import maps_settings
from kunyu.kernel.outbox.models import Event


def version_published(event: Event) -> None:
    """``catalogue.version_published`` {collection, county}: the county's pyramid is built again in the background."""
    if maps_settings().build_pyramids:
        queue(str(event.payload["collection"]), str(event.payload["county"]))


def labels_decided(event: Event) -> None:
    """``catalogue.record_label_decided`` {collection, county}: rows of other labels are kept apart, so it is built again."""
    said = event.payload
    if maps_settings().build_pyramids and said.get("county"):
        queue(str(said["collection"]), str(said["county"]))
