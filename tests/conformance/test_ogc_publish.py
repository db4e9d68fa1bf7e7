"""What is published while the node runs shows at once, in every worker process."""

from __future__ import annotations

import json

import pytest

from kunyu.engines.maps.tests.county import PARCELS
from tests.conformance.conftest import Node

COLLECTION = f"/ogc/collections/{PARCELS}"


@pytest.mark.django_db(transaction=True)
def test_a_published_version_shows_at_the_next_request_of_every_worker(node: Node) -> None:
    """architecture.md §3 walk 1: no restart, no waiting; both workers answer from the new version at once."""
    from django.db import connection, transaction

    from kunyu.engines.catalogue.models import Layer
    from kunyu.engines.catalogue.tables import ensure_partition
    from kunyu.engines.catalogue.versions import Content, open_version, publish_version
    from kunyu.engines.maps.tests.county import VALID_2

    item = f"{COLLECTION}/items/990101211000000200"
    tags = {node.open(item).headers["ETag"] for _ in range(8)}
    assert len(tags) == 1
    with transaction.atomic():
        layer = Layer.objects.get(collection=PARCELS)
        version = open_version(layer, "990101", VALID_2)
        with connection.cursor() as cursor:
            partition = ensure_partition(layer, "990101")
            cursor.execute(f'UPDATE {partition} SET "BZ" = %s WHERE "BSM" = %s', ["changed", "990101211000000200"])
        publish_version(version, Content(400, 0, 0))
    answers = [node.open(item, **{"If-None-Match": next(iter(tags))}) for _ in range(12)]
    assert {one.status for one in answers} == {200}
    assert {json.loads(one.read())["properties"]["BZ"] for one in answers} == {"changed"}
