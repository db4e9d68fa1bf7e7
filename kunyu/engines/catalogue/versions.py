"""Versions of layers: opened before data is loaded, published in the transaction that loads it. 数据版本."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from kunyu.engines.catalogue.errors import (
    OverlapInTime,
    VersionNotOpen,
    VersionOutOfOrder,
)
from kunyu.engines.catalogue.models import DatasetVersion, Layer
from kunyu.engines.catalogue.record_labels import reapply
from kunyu.engines.catalogue.table_names import partition_name
from kunyu.engines.catalogue.tables import qualified, standard_layer
from kunyu.engines.security import label_services, zones
from kunyu.engines.security.labels import Label
from kunyu.kernel.outbox.services import emit

PUBLISHED_TOPIC = "catalogue.version_published"

_BEGINS = "coalesce(lower(valid), '-infinity'::date)"


@dataclass(frozen=True)
class Content:
    """What a version holds once its rows are written: figures of the county's state from ``valid_from`` on.

    ``area_m2`` is the sum of ellipsoidal areas, ``extent`` (min lon, min lat, max lon, max lat) in EPSG:4490,
    ``digest`` the SM3 of the mapped content.
    """

    record_count: int
    inserted: int
    closed: int
    area_m2: float | None = None
    extent: tuple[float, float, float, float] | None = None
    digest: str = ""


@transaction.atomic
def open_version(
    layer: Layer,
    county: str,
    valid_from: datetime.date,
    *,
    delivery_id: int | None = None,
    is_incremental: bool = False,
    lineage: Mapping[str, Any] | None = None,
) -> DatasetVersion:
    """Number the next version of a layer in a county; its rows bear ``version_id = version.id``.

    Raises
    ------
    BadCounty
        ``county`` is not six digits.
    """
    partition_name(layer.table_name, county)
    _lock(layer, county)
    last = DatasetVersion.objects.filter(layer=layer, county=county).aggregate(last=Max("number"))["last"]
    return DatasetVersion.objects.create(
        layer=layer,
        county=county,
        number=(last or 0) + 1,
        valid_from=valid_from,
        delivery_id=delivery_id,
        is_incremental=is_incremental,
        lineage=dict(lineage or {}),
    )


def _lock(layer: Layer, county: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"version {layer.pk} {county}"],
        )


@transaction.atomic
def publish_version(
    version: DatasetVersion,
    content: Content,
    *,
    known_from: datetime.datetime | None = None,
    lineage: Mapping[str, Any] | None = None,
    verify: bool = True,
) -> DatasetVersion:
    """Make an open version the current belief and tell whoever listens, in the caller's transaction.

    Parameters
    ----------
    known_from
        The instant the rows' ``known`` ranges begin at; the transaction's time when None. It is kept as
        ``rows_known_from``; the version itself is known from the commit on (decision 0024).
    lineage
        Added to what :func:`open_version` was given.
    verify
        Check set-wise that no key is true twice on one day. Only a caller that has proved it may skip this.

    Raises
    ------
    NotLabelled, NotInThisZone
        Nobody approved a label for the data, or this zone may not hold it (R-041, R-142).
    VersionNotOpen
        It was published or abandoned before.
    VersionOutOfOrder
        A later version was published meanwhile; this one was computed against an older state.
    OverlapInTime
        Names the keys that are true twice.
    """
    _lock(version.layer, version.county)
    label_services.hold_label(version.layer.collection)
    require_publishable(version.layer.collection)
    version.refresh_from_db()
    _require_open(version)
    published = DatasetVersion.Status.PUBLISHED
    siblings = DatasetVersion.objects.filter(layer=version.layer, county=version.county, status=published)
    later = siblings.filter(number__gt=version.number).order_by("number").first()
    if later is not None:
        raise VersionOutOfOrder(
            f"{version.layer.collection} {version.county} 的第 {later.number} 版已先发布，"
            f"第 {version.number} 版须重新装载。",
            f"Version {later.number} of {version.layer.collection} {version.county} was published first; "
            f"load version {version.number} again.",
            version=version.pk,
        )
    reapply(version.layer, version.county)
    if verify:
        verify_unique_in_time(version.layer, version.county)
    version.status = published
    version.known_from = version.rows_known_from = known_from or _transaction_time()
    version.record_count, version.inserted, version.closed = (
        content.record_count,
        content.inserted,
        content.closed,
    )
    version.area_m2, version.digest = content.area_m2, content.digest
    version.extent = list(content.extent) if content.extent else None
    version.lineage = {**version.lineage, **dict(lineage or {})}
    version.save()
    emit(
        PUBLISHED_TOPIC,
        {
            "version": version.pk,
            "collection": version.layer.collection,
            "layer": version.layer.code,
            "county": version.county,
            "number": version.number,
            "extent": version.extent,
            "delivery": version.delivery_id,
        },
    )
    return version


def require_publishable(collection: str) -> Label:
    """The approved label of a collection that may stand in this zone.

    Raises
    ------
    NotLabelled, NotInThisZone
    """
    label = label_services.require_approved(collection)
    zones.require_admitted(label, f"数据集 {collection} ", f"Dataset {collection}")
    return label


def _transaction_time() -> datetime.datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT transaction_timestamp()")
        instant: datetime.datetime = cursor.fetchone()[0]
    return instant if instant.tzinfo else timezone.make_aware(instant)


def _require_open(version: DatasetVersion) -> None:
    if version.status != DatasetVersion.Status.OPEN:
        raise VersionNotOpen(
            f"版本 {version} 的状态是“{version.get_status_display()}”，只有待发布的版本可以发布或放弃。",
            f"Version {version} is {version.status}; only an open version can be published or abandoned.",
            version=version.pk,
            status=version.status,
        )


@transaction.atomic
def abandon_version(version: DatasetVersion) -> DatasetVersion:
    """Give up an open version; its number is not used again."""
    version.refresh_from_db()
    _require_open(version)
    version.status = DatasetVersion.Status.ABANDONED
    version.save(update_fields=["status"])
    return version


def verify_unique_in_time(layer: Layer, county: str) -> None:
    """Prove that among the rows believed now no key is true twice on one day.

    One sorted pass over the county instead of an exclusion constraint, which would make COPY row by row. Each row is
    compared with the furthest end before it, so that a long row hides none behind a short one.

    Raises
    ------
    OverlapInTime
        Names up to five keys.
    """
    key = standard_layer(layer).key
    partition = qualified(partition_name(layer.table_name, county))
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT DISTINCT "{key}" FROM (SELECT "{key}", {_BEGINS} AS begins, '
            f"max(coalesce(upper(valid), 'infinity'::date)) OVER (PARTITION BY \"{key}\" ORDER BY {_BEGINS} "
            f"ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ended FROM {partition} "
            f'WHERE upper_inf(known) AND NOT isempty(valid) AND "{key}" IS NOT NULL) AS rows '
            "WHERE begins < ended ORDER BY 1 LIMIT 5"
        )
        keys = [str(row[0]) for row in cursor.fetchall()]
    if keys:
        listed = "、".join(keys)
        raise OverlapInTime(
            f"{layer.collection} {county}：{key} 为 {listed} 的记录在同一天有多条同时有效，未发布；请检查重复标识码。",
            f"{layer.collection} {county}: records with {key} {', '.join(keys)} are valid more than once on one day; "
            "nothing was published. Look for repeated identifiers.",
            keys=keys,
        )
