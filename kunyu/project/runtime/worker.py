"""The task worker: runs the jobs that engines queue, and takes up again what a killed worker left half done.

Messages to people (mail, short messages) have a lane of their own: an alarm does not wait behind a county's check. So have
tile pyramids: small-scale tiles follow a publication within a minute, whatever else is at work. So have materials: an
applicant waits for them to be read.
"""

from __future__ import annotations

import asyncio
import logging

from kunyu.project.home import state_home
from kunyu.project.runtime.django_setup import prepare_django
from kunyu.project.runtime.node_keys import sweep_left
from kunyu.project.runtime.rescue import heartbeat_s, rescue_forever, stalled_s, take_up_unfinished

MESSAGES = "messages"  # queue of kunyu.engines.worklist.tasks
PYRAMIDS = "pyramids"  # queue of kunyu.engines.maps.tasks
MATERIALS = "materials"  # queue of kunyu.engines.matters.materials.tasks
LANES = {MESSAGES: 2, PYRAMIDS: 1, MATERIALS: 1}  # queues of their own, with the jobs that each runs at once
STOP_S = 8  # below the supervisor's grace: an interrupted job is left to the next start
logger = logging.getLogger("kunyu.worker")


async def work() -> None:
    """Run jobs one after the other until a signal comes; several threads would only share the one interpreter lock."""
    from procrastinate.contrib.django import app

    worker_app = app.with_connector(app.connector.get_worker_connector())  # type: ignore[attr-defined]
    app.perform_import_paths()  # type: ignore[attr-defined]  # tasks of deeper modules bring queues of their own
    queues = {task.queue for task in app.tasks.values()}
    async with worker_app.open_async():
        rescue = asyncio.create_task(rescue_forever(worker_app.job_manager))
        lanes = [asyncio.create_task(_run_lane(worker_app, queue)) for queue in LANES]
        try:
            await worker_app.run_worker_async(
                name="kunyu",
                queues=sorted(queues - LANES.keys()),
                concurrency=1,
                update_heartbeat_interval=heartbeat_s(),
                stalled_worker_timeout=stalled_s(),
                shutdown_graceful_timeout=STOP_S,
            )
        finally:
            rescue.cancel()
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)


async def _run_lane(app: object, queue: str) -> None:
    await app.run_worker_async(  # type: ignore[attr-defined]
        name=f"kunyu-{queue}",
        queues=[queue],
        concurrency=LANES[queue],
        install_signal_handlers=False,  # the other worker hears the signal and ends this one
        update_heartbeat_interval=heartbeat_s(),
        stalled_worker_timeout=stalled_s(),
        shutdown_graceful_timeout=STOP_S / 2,
    )


def main() -> None:
    """Entry of the child process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("procrastinate.blueprints").setLevel(
        logging.ERROR
    )  # it mistakes this entry for the application's
    prepare_django()
    swept = sweep_left(state_home())
    if swept:
        logger.info("%s plain copies of ended processes removed", swept)
    take_up_unfinished()
    asyncio.run(work())


if __name__ == "__main__":
    main()
