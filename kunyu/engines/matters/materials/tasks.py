"""Work for the task workers: one job per material, never one per page.

Imported by every process of the node when Django starts, so what a job needs is imported by the job.
"""

from __future__ import annotations

from procrastinate.contrib.django import app

QUEUE = "materials"


@app.task(name="matters.read_material", queue=QUEUE)
def read_material(material_id: int) -> None:
    """Read text and facts of a material, then check the cases that waited for it; the outcome stands on it."""
    from kunyu.engines.matters.materials.following import check_what_waited
    from kunyu.engines.matters.materials.reading import read

    read(material_id)
    check_what_waited(material_id)
