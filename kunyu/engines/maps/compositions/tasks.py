"""Work for the task workers: one job per print. What a job needs is imported by the job."""

from __future__ import annotations

from procrastinate.contrib.django import app

QUEUE = "prints"


@app.task(name="maps.print_map", queue=QUEUE)
def print_map(print_id: int) -> None:
    """Draw one print; its outcome stands on it."""
    from kunyu.engines.maps.compositions.printing import run

    run(print_id)


def take_up_unfinished() -> list[int]:
    """Queue every unfinished print, when a worker starts; a second job for the same one ends at once."""
    from kunyu.engines.maps.compositions.printing import unfinished
    from kunyu.engines.worklist.holding import without_job

    waiting = without_job("maps.print_map", "print_id", unfinished())
    for print_id in waiting:
        print_map.defer(print_id=print_id)
    return waiting
