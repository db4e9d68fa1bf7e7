"""Which counties need a build, and what nobody needs any more. 生成计划与清理."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.catalogue.served.layers import GEOMETRIES, ServedLayer, find_layer
from kunyu.engines.maps.models import Pyramid
from kunyu.engines.maps.pyramids import build as building
from kunyu.engines.maps.pyramids import tables
from kunyu.engines.maps.pyramids.interruptions import given_up, tell
from kunyu.engines.maps.pyramids.queueing import queue
from kunyu.engines.maps.pyramids.state import power_of_two, state_of

GRACE = timedelta(seconds=60)
"""How long replaced rows stay: no tile is drawn longer than the statement timeout."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, order=True)
class Due:
    """Kinds of a county's derived rows that are missing, older than its newest version, or not true today."""

    collection: str
    county: str
    kinds: tuple[str, ...]


def due_of(layer: ServedLayer, day: date | None = None) -> list[Due]:
    """What is due for one layer."""
    state, today = state_of(layer), day or timezone.localdate()
    wanted = building.kinds_of(layer)
    shared_by = power_of_two(len(state.counties))
    fresh = {
        (one.county, one.kind)
        for one in state.ready
        if one.is_newest and one.holds(today) and one.shared_by == shared_by
    }
    found = []
    for county in state.counties:
        kinds = tuple(kind for kind in wanted if (county, kind) not in fresh)
        if kinds:
            found.append(Due(layer.collection, county, kinds))
    return found


def counties(collection: str | None = None, county: str | None = None) -> list[tuple[str, str]]:
    """Collections of spatial layers with the counties in which they are published."""
    published = DatasetVersion.objects.filter(
        status=DatasetVersion.Status.PUBLISHED, layer__geometry__in=GEOMETRIES
    )  # fmt: skip
    if collection is not None:
        published = published.filter(layer__collection=collection)
    if county is not None:
        published = published.filter(county=county)
    return sorted(set(published.values_list("layer__collection", "county")))


def due(collection: str | None = None, county: str | None = None) -> list[Due]:
    """What is due now, of all layers with a published version or of one."""
    found: list[Due] = []
    for name in sorted({one for one, _ in counties(collection, county)}):
        layer = find_layer(name)
        if layer is not None:
            found += [one for one in due_of(layer) if county in (None, one.county)]
    return found


def rebuild(collection: str, county: str, *, anew: bool = False) -> list[building.Built]:
    """Build what is due of a county, all of it when ``anew``; the small scales first, since they wait for it."""
    layer = find_layer(collection)
    if layer is None:
        return []
    kinds = building.kinds_of(layer)
    if not anew:
        kinds = next((one.kinds for one in due_of(layer) if one.county == county), ())
    done = [building.build(layer, county, kind, anew=anew) for kind in kinds]
    return [one for one in done if one is not None]


def queue_due() -> list[str]:
    """Queue what is due, but what is given up: of that people are told. Answers with what was queued."""
    wanted = due()
    hopeless = given_up((one.collection, one.county) for one in wanted)
    tell(hopeless)
    without = {(one.collection, one.county) for one in hopeless}
    return [
        f"{one.collection} {one.county}"
        for one in wanted
        if (one.collection, one.county) not in without and queue(one.collection, one.county)
    ]


def clean(now: datetime | None = None) -> int:
    """Drop rows that were replaced a minute ago and what dead builders left; answers with how many builds' rows went."""
    instant = now or timezone.now()
    dropped = 0
    for one in Pyramid.objects.filter(status=Pyramid.Status.REPLACED, replaced_at__lte=instant - GRACE):
        if tables.drop_partition(one.pk):
            one.delete()
            dropped += 1
    for one in Pyramid.objects.filter(status=Pyramid.Status.BUILDING):
        _bury(one)
    return dropped + _drop_nobodys()


def _bury(one: Pyramid) -> None:
    """Write a build down as interrupted whose process is gone: its lock is free."""
    with connection.cursor() as cursor:
        key: list[Any] = [building.LOCK_SPACE, f"{one.layer_id} {one.county}"]
        cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", key)
        if not cursor.fetchone()[0]:
            return
        try:
            still = Pyramid.objects.filter(pk=one.pk, status=Pyramid.Status.BUILDING)
            if still.update(status=Pyramid.Status.INTERRUPTED):
                logger.warning("build %s (%s) came to no end: its process is gone", one.pk, one)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", key)


def _drop_nobodys() -> int:
    """Rows whose record is gone, with a layer or by a restored database, or whose build was interrupted."""
    lying = tables.builds_on_disk()  # read first: a build that begins now has its record before its rows
    known = set(Pyramid.objects.exclude(status=Pyramid.Status.INTERRUPTED).values_list("pk", flat=True))
    return sum(tables.drop_partition(build) for build in sorted(lying - known))
