"""Work for the task workers. Imported by every process, so what a job needs is imported by the job."""

from __future__ import annotations

from procrastinate.contrib.django import app

QUEUE = "pyramids"


@app.task(name="maps.build_pyramid", queue=QUEUE)
def build_pyramid(collection: str, county: str) -> None:
    """Build what tiles of one layer in one county need and is missing or older than the newest version."""
    from kunyu.engines.maps.pyramids.sweep import rebuild

    rebuild(collection, county)


@app.periodic(cron="* * * * * */20")
@app.task(name="maps.sweep_pyramids", queue=QUEUE, queueing_lock="maps.sweep_pyramids")
def sweep_pyramids(timestamp: int) -> None:
    """Every twenty seconds: queue what is due, drop what was replaced and what dead builders left."""
    from kunyu.engines.maps.pyramids.sweep import clean, queue_due
    from kunyu.engines.maps.settings import maps_settings

    clean()
    if maps_settings().build_pyramids:
        queue_due()
