"""Prepare a node with one published image for ``benchmarks.cog``; print where it lies and who may read it, as JSON.

A program of its own, because Django is set up once per process and each image gets a node of its own.
Run: ``python -m benchmarks.cog_node HOME IMAGE``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

from benchmarks.tiles import _environment, _token
from kunyu.project.runtime.cluster import PrivateCluster

ROOT = Path(__file__).resolve().parents[1]
DATASET, COUNTY = "10102-901@990101", "990101"


def main(home: Path, image: Path) -> None:
    """Schema, catalogue, county, one image, one token."""
    cluster = PrivateCluster(home).ensure()
    environment = _environment(cluster, home)
    os.environ.update(environment)
    import django

    subprocess.run([sys.executable, "-m", "django", "migrate", "--skip-checks", "-v0"], check=True, cwd=ROOT)
    django.setup()
    from kunyu.engines.catalogue.loading import load_labelled_catalogue
    from kunyu.engines.ingest.models import RasterItem
    from kunyu.engines.ingest.process import process
    from kunyu.engines.ingest.publish import publish
    from kunyu.engines.ingest.receive import Request, receive
    from kunyu.engines.reference.services import NewDivision, register_fictional
    from kunyu.engines.security.protection import object_store
    from kunyu.engines.security.scope import operator

    load_labelled_catalogue("security")
    register_fictional(
        [NewDivision("99", "示范省", "0"), NewDivision("9901", "示范市", "99"), NewDivision(COUNTY, "坤舆县", "9901")]
    )
    actor = operator("benchmark")
    asked = Request(image.name, COUNTY, dataset_code=DATASET, valid_from=date(2020, 1, 1))
    delivery = process(receive(image, asked, actor).delivery.pk)
    publish(delivery.pk, actor)
    place = object_store().path(RasterItem.objects.get().sm3)
    print(json.dumps({"object": str(place), "token": _token(), "environment": environment}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
