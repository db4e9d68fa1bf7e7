"""Work for the task workers: one job per print. What a job needs is imported by the job."""

from __future__ import annotations

from procrastinate.contrib.django import app

QUEUE = "prints"


@app.task(name="maps.print_map", queue=QUEUE)
def print_map(print_id: int) -> None:
    """Draw one print; its outcome stands on it."""
    from kunyu.engines.maps.compositions.printing import run

    run(print_id)
