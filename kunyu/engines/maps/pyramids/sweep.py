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


def clean(now: datetime | None = None) -> int:
    """Drop rows that were replaced a minute ago and what dead builders left; answers with how many builds went."""
    instant = now or timezone.now()
    dropped = 0
    for one in Pyramid.objects.filter(status=Pyramid.Status.REPLACED, replaced_at__lte=instant - GRACE):
        if tables.drop_partition(one.pk):
            one.delete()
            dropped += 1
    for one in Pyramid.objects.filter(status=Pyramid.Status.BUILDING):
        dropped += _bury(one)
    return dropped + _drop_nobodys()


def _bury(one: Pyramid) -> bool:
    """Take away a build whose process is gone: its lock is free."""
    with connection.cursor() as cursor:
        key: list[Any] = [building.LOCK_SPACE, f"{one.layer_id} {one.county}"]
        cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", key)
        if not cursor.fetchone()[0]:
            return False
        try:
            still = Pyramid.objects.filter(pk=one.pk, status=Pyramid.Status.BUILDING)
            if still.exists() and tables.drop_partition(one.pk):
                still.delete()
                logger.warning("build %s of a dead process was taken away", one.pk)
                return True
            return False
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", key)


def _drop_nobodys() -> int:
    """Rows whose record is gone, with a layer or by a restored database."""
    known = set(Pyramid.objects.values_list("pk", flat=True))
    return sum(tables.drop_partition(build) for build in sorted(tables.builds_on_disk() - known))
