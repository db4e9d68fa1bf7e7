"""Verification after publication: once for a county when nothing more was published for a while. 发布后印证."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from kunyu.engines.ingest.acting import principal_now
from kunyu.engines.ingest.models import DeliveryEvent
from kunyu.engines.ingest.settings import ingest_settings
from kunyu.engines.ingest.verification import access
from kunyu.engines.ingest.verification.services import is_held, run, start
from kunyu.engines.security.scope import OPERATOR
from kunyu.kernel.errors import KunyuError


def queue_after_publication(said: Mapping[str, Any]) -> None:
    """Queue the verification of the county, in the name of whoever published; a job that waits already stands for it."""
    county, collection = str(said["county"]), str(said["collection"])
    if not ingest_settings().verify_published_after_s or collection not in access.collections():
        return
    _queue(county, _publisher(said.get("delivery")))


def verify_after_publication(county: str, actor: str) -> None:
    """Verify for the publisher; what goes wrong stands on the verification. A run that is under way is waited for,
    one whose process died is run again."""
    try:
        principal = principal_now(actor, "worker")
        started = start(principal, county)
        if started.existing and is_held(county):
            _queue(county, actor)
        else:
            run(started.verification.pk, principal)
    except KunyuError:
        return  # he may not any more, there is nothing to compare with yet, or it is on record as failed


def _queue(county: str, actor: str) -> None:
    waiting = app.configure_task(  # by name: tasks import this package
        "ingest.verify_published",
        queueing_lock=f"verify:{county}",
        schedule_in={"seconds": ingest_settings().verify_published_after_s},
    )
    try:
        with transaction.atomic():
            waiting.defer(county=county, actor=actor)
    except AlreadyEnqueued:
        return


def _publisher(delivery_id: int | None) -> str:
    """Who published the delivery; the node's operator where a version came without one."""
    if delivery_id is None:
        return OPERATOR
    event = DeliveryEvent.objects.filter(delivery_id=delivery_id, status="published").order_by("-id").first()
    return event.actor if event is not None else OPERATOR
