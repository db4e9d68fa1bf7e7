"""Verifications as jobs of the task workers."""

from __future__ import annotations

from procrastinate.contrib.django import app

from kunyu.engines.ingest.tasks import QUEUE


@app.task(name="ingest.verify_map", queue=QUEUE)
def verify_map(number: int, actor: str, origin: str = "", user_id: int | None = None) -> None:
    """Run a started verification for ``actor``, if the right still holds; the outcome stands on it."""
    from kunyu.engines.ingest.verification.services import start_quietly

    start_quietly(number, actor, origin, user_id)


@app.task(name="ingest.verify_published", queue=QUEUE)
def verify_published(county: str, actor: str) -> None:
    """Verify a county after something was published there; when one runs already, again after it."""
    from kunyu.engines.ingest.verification.published import verify_after_publication

    verify_after_publication(county, actor)
