"""Queue the building of pyramids: one job per layer and county, never two waiting for the same. 排队."""

from __future__ import annotations

from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

JOB = "maps.build_pyramid"


def queue(collection: str, county: str) -> bool:
    """Queue the build of a county, by name since tasks import this package; False when one waits already."""
    waiting = app.configure_task(JOB, queueing_lock=f"pyramid:{collection}:{county}", lock=f"pyramid:{county}")
    try:
        with transaction.atomic():
            waiting.defer(collection=collection, county=county)
    except AlreadyEnqueued:
        return False
    return True
