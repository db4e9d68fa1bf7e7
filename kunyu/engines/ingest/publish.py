"""Make an accepted delivery the map: one transaction, all layers or none.

A full delivery speaks of a county from ``valid_from`` up to the next published date (usually: for ever). Rows that
stand already for that whole period are left alone; others are closed and their parts outside the period believed
anew; new rows are copied in. A change package names the rows it ends (process layer) and brings their successors
(update layer). Publishers of one county queue behind an advisory lock.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
from django.db import DatabaseError, connection, transaction

from kunyu.engines.catalogue.models import Layer as CatalogueLayer
from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.catalogue.tables import qualified, without_indexes
from kunyu.engines.ingest import load, rows
from kunyu.engines.ingest.admission import require_approved
from kunyu.engines.ingest.changes import apply_changes, changed_bases
from kunyu.engines.ingest.errors import DatabaseFailed, DiskFull
from kunyu.engines.ingest.guards import require_unguarded
from kunyu.engines.ingest.load import Loaded, Stages, Target
from kunyu.engines.ingest.models import DeliveredLayer, Delivery, RasterItem
from kunyu.engines.ingest.publication import (
    Work,
    begin_version,
    figures_of,
    finish_version,
    is_first,
    next_date,
    prepared,
    require_unique,
    target_of,
)
from kunyu.engines.ingest.running import COUNTY_LOCK_CLASS, Run
from kunyu.engines.ingest.services import Reason, Status, change_status, get_delivery, wrong_status
from kunyu.engines.ingest.worklist import job_of
from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import KunyuError


def publish(delivery_id: int, actor: Principal, listener: Any = None) -> Delivery:
    """Publish an accepted delivery.

    On any error the transaction is rolled back: map, tables and versions are as before, and the delivery stays
    ``accepted`` with an event that says why.

    Raises
    ------
    NotLabelled, NotInThisZone
        A layer has no approved label, or one this zone may not hold.
    KunyuError
        Of a guard of the project (``guards``), e.g. because the delivery has not been accepted yet.
    WrongStatus, InProgress, BeforeNotStored, PackageContradicts, NotUniqueInTime, LaterVersionExists, BadCoordinates,
    DiskFull, DatabaseFailed
    """
    with Run(delivery_id, listener) as run:
        delivery = get_delivery(delivery_id)
        if delivery.status != Status.ACCEPTED:
            raise wrong_status(delivery, Status.PUBLISHED)
        run.report(job_of(delivery, "publish", actor.name))
        try:
            run.require_attempt()
            require_approved(delivery)
            require_unguarded(delivery)
            return _publish(delivery, actor, run)
        except (KunyuError, DatabaseError, psycopg.Error, OSError) as error:
            told = as_kunyu_error(error)
            _record_failure(delivery_id, actor, told)
            raise told from error


def as_kunyu_error(error: BaseException) -> KunyuError:
    """The answer for people to an error of the database or the disk; our own errors pass."""
    if isinstance(error, KunyuError):
        return error
    cause = error.__cause__ if isinstance(error.__cause__, psycopg.Error) else error
    state = getattr(cause, "sqlstate", None)
    words = str(error).splitlines()[0] if str(error) else type(error).__name__
    if state == "53100" or "No space left" in str(error) or "File too large" in str(error):
        return DiskFull(
            f"磁盘空间不足（{words}），未发布，原数据不变。请清理磁盘后重试。",
            f"The disk is full ({words}): nothing was published, the map is as before. Make room and try again.",
        )
    return DatabaseFailed(
        f"写入数据库失败（{words}），已全部回退，原数据不变。请稍后重试；若再次出现请联系管理员。",
        f"Writing to the database failed ({words}): all of it was rolled back, the map is as before. Try again later.",
        sqlstate=state,
    )


def _record_failure(delivery_id: int, actor: Principal, error: KunyuError) -> None:
    try:
        change_status(delivery_id, Status.ACCEPTED, actor, Reason.of(error))
    except (DatabaseError, psycopg.Error):
        # the database itself is gone or full: the error reaches the caller, and the delivery is accepted as before
        connection.close()


def _publish(delivery: Delivery, actor: Principal, run: Run) -> Delivery:
    stages = Stages()
    delivered = list(delivery.layers.order_by("id"))
    with transaction.atomic(), connection.cursor() as wrapper:
        cursor = wrapper.cursor
        county = delivery.division_code[:6]
        with stages("wait"):
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [COUNTY_LOCK_CLASS, int(county)])
        cursor.execute("SELECT clock_timestamp()")
        work = Work(
            delivery, load_standard(delivery.standard_id), county, cursor.fetchone()[0], cursor, run, stages,
            sum(one.records for one in delivered),
        )  # fmt: skip
        figures = [_publish_layer(work, one) for one in delivered]
        figures += [apply_changes(work, base, delivered) for base in changed_bases(work, delivered)]
        RasterItem.objects.filter(delivery=delivery).update(is_published=True)
        summary = {**delivery.summary, "published": figures}
        done = change_status(
            delivery.pk,
            Status.PUBLISHED,
            actor,
            summary=summary,
            progress={"stage": "published", "done": 1, "total": 1},
        )
        leaving = time.perf_counter()
    stages["commit"] = time.perf_counter() - leaving
    seconds = {name: round(value, 3) for name, value in stages.items()}
    done.summary = {**summary, "stage_seconds": {**summary.get("stage_seconds", {}), **seconds}}
    Delivery.objects.filter(pk=delivery.pk).update(summary=done.summary)
    return done


def _publish_layer(work: Work, delivered: DeliveredLayer) -> dict[str, Any]:
    """A full layer: what it does not name ends with it. Footprints of images are added to those that stand."""
    layer = work.standard.layers[delivered.layer_code]
    stored = CatalogueLayer.objects.get(standard_id=work.standard.id, code=layer.code)
    until = None if delivered.role == "raster" else next_date(stored, work)
    version = begin_version(work, stored, [delivered], delivered.role == "raster")
    target = target_of(work, layer, stored, version, until, delivered.crs)
    loaded = Loaded()
    batches = prepared(work, delivered, layer)
    if delivered.role == "raster":
        state = _upsert(work, target, stored, loaded, batches)
    elif is_first(work.cursor, target):
        state = _first_load(work, target, stored, loaded, batches)
    else:
        state = _replace(work, target, loaded, batches)
    require_unique(work, target, layer)
    version = finish_version(work, version, loaded, state)
    DeliveredLayer.objects.filter(pk=delivered.pk).update(version=version)
    return figures_of(version, stored)


def _first_load(
    work: Work, target: Target, stored: CatalogueLayer, loaded: Loaded, batches: Iterator[rows.Batch]
) -> load.State:
    """A county's first data: COPY into a table nobody sees yet, index it, attach it."""
    with work.stages("table"):
        fresh = without_indexes(stored, work.county)
        fresh.__enter__()
    try:
        with work.stages("copy"):
            load.copy_batches(work.cursor, target, batches, loaded, freeze=True, seen=_shown(work, target))
    except BaseException as error:
        fresh.__exit__(type(error), error, error.__traceback__)
        raise
    with work.stages("index"):
        work.run.show("index", 0, 1)
        fresh.__exit__(None, None, None)
        work.cursor.execute(f"ANALYZE {qualified(target.partition)}")
    return _delivered_state(loaded)


def _replace(work: Work, target: Target, loaded: Loaded, batches: Iterator[rows.Batch]) -> load.State:
    """A later full delivery, stored as a difference."""
    with work.stages("compare"):
        difference = load.Difference(work.cursor, target)
    with work.stages("copy"):
        load.copy_batches(
            work.cursor, target, batches, loaded,
            keep=lambda batch: ~difference.unchanged(batch), seen=_shown(work, target),
        )  # fmt: skip
    with work.stages("close"):
        loaded.closed = load.close_rows(work.cursor, target, difference.gone())
    return _delivered_state(loaded)


def _upsert(
    work: Work, target: Target, stored: CatalogueLayer, loaded: Loaded, batches: Iterator[rows.Batch]
) -> load.State:
    """Rows added to those that stand; a row of the same key is replaced."""
    with without_indexes(stored, work.county), work.stages("copy"):
        ready = list(batches)  # as many rows as images
        keys = [key for batch in ready for key in batch.keys.to_pylist()]
        load.list_keys(work.cursor, target, keys)
        loaded.closed = load.close_listed(work.cursor, target)
        load.copy_batches(work.cursor, target, ready, loaded)
    return load.state_on(work.cursor, target, work.delivery.valid_from)


def _delivered_state(loaded: Loaded) -> load.State:
    words = np.concatenate(loaded.digests) if loaded.digests else np.zeros((0, 2), np.uint64)
    return load.State(loaded.delivered, loaded.area_m2, load.sorted_words(words))


def _shown(work: Work, target: Target) -> Any:
    return lambda done: work.run.show(f"load {target.layer.code}", done, work.total)
