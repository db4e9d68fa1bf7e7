"""Jobs of exports: one per file; and the daily removal of old files."""

from __future__ import annotations

from procrastinate.contrib.django import app


@app.task(name="maps.run_export", queue="exports")
def run_export(export_id: int) -> None:
    """Write one export; its outcome stands on it."""
    from kunyu.engines.maps.exports.running import run

    run(export_id)


@app.periodic(cron="25 19 * * *")  # UTC: at night in China
@app.task(name="maps.remove_old_exports", queue="exports", queueing_lock="maps.remove_old_exports")
def remove_old_exports(timestamp: int) -> None:
    """Remove files whose days are over."""
    from kunyu.engines.maps.exports.services import remove_old

    remove_old()


def take_up_unfinished() -> list[int]:
    """Queue every unfinished export, when a worker starts; a second job for the same one ends at once."""
    from kunyu.engines.maps.exports.services import unfinished
    from kunyu.engines.worklist.holding import without_job

    waiting = without_job("maps.run_export", "export_id", unfinished())
    for export_id in waiting:
        run_export.defer(export_id=export_id)
    return waiting
