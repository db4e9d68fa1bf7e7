"""Make an accepted delivery the map: one transaction, all layers or none.

A full delivery speaks of a county from ``valid_from`` up to the next published date (usually: for ever). Rows that
stand already for that whole period are left alone; others are closed and their parts outside the period believed
anew; new rows are copied in. A change package names the rows it ends (process layer) and brings their successors
(update layer). Publishers of one county queue behind an advisory lock.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from django.db import DatabaseError, connection, transaction

from kunyu import __name__ as program
from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.catalogue.models import Layer as CatalogueLayer
from kunyu.engines.catalogue.standards import Layer, Standard, load_standard
from kunyu.engines.catalogue.table_names import partition_name
from kunyu.engines.catalogue.tables import qualified, without_indexes
from kunyu.engines.catalogue.versions import Content, open_version, publish_version
from kunyu.engines.ingest import geoparquet, load, rows
from kunyu.engines.ingest.errors import (
    BeforeNotStored,
    DatabaseFailed,
    DiskFull,
    LaterVersionExists,
    MappedObjectDamaged,
    NotUniqueInTime,
    PackageContradicts,
)
from kunyu.engines.ingest.load import Loaded, Stages, Target
from kunyu.engines.ingest.models import DeliveredLayer, Delivery, RasterItem
from kunyu.engines.ingest.receive import object_store
from kunyu.engines.ingest.running import COUNTY_LOCK_CLASS, Run
from kunyu.engines.ingest.services import Reason, Status, change_status, get_delivery, wrong_status
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import sm3_hex
from kunyu.kernel.errors import KunyuError

BEFORE_KEY, AFTER_KEY = re.compile(r"BGQ\w*BSM"), re.compile(r"BGH\w*BSM")
NAMED = 5
"""Records named in an error; the rest is counted."""


@dataclass(frozen=True)
class Work:
    """What one publication needs everywhere."""

    delivery: Delivery
    standard: Standard
    county: str
    known_from: datetime
    cursor: psycopg.Cursor
    run: Run
    stages: Stages
    total: int


def publish(delivery_id: int, actor: Principal, listener: Any = None) -> Delivery:
    """Publish an accepted delivery.

    On any error the transaction is rolled back: map, tables and versions are as before, and the delivery stays
    ``accepted`` with an event that says why.

    Raises
    ------
    WrongStatus, InProgress, BeforeNotStored, PackageContradicts, NotUniqueInTime, LaterVersionExists, BadCoordinates,
    DiskFull, DatabaseFailed
    """
    with Run(delivery_id, listener) as run:
        delivery = get_delivery(delivery_id)
        if delivery.status != Status.ACCEPTED:
            raise wrong_status(delivery, Status.PUBLISHED)
        try:
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
        figures = [_publish_layer(work, one, delivered) for one in delivered]
        figures += [_apply_changes(work, base, delivered) for base in _changed_bases(work, delivered)]
        RasterItem.objects.filter(delivery=delivery).update(is_published=True)
        summary = {**delivery.summary, "published": figures}
        done = change_status(
            delivery.pk, Status.PUBLISHED, actor, summary=summary, progress={"stage": "published", "done": 1, "total": 1}
        )
        leaving = time.perf_counter()
    stages["commit"] = time.perf_counter() - leaving
    seconds = {name: round(value, 3) for name, value in stages.items()}
    done.summary = {**summary, "stage_seconds": {**summary.get("stage_seconds", {}), **seconds}}
    Delivery.objects.filter(pk=delivery.pk).update(summary=done.summary)
    return done


def _publish_layer(work: Work, delivered: DeliveredLayer, _all: list[DeliveredLayer]) -> dict[str, Any]:
    """A full layer: what it does not name ends with it. Footprints of images are added to those that stand."""
    layer = work.standard.layers[delivered.layer_code]
    stored = CatalogueLayer.objects.get(standard_id=work.standard.id, code=layer.code)
    until = None if delivered.role == "raster" else _next_date(stored, work)
    version = _open(work, stored, [delivered], delivered.role == "raster")
    target = _target(work, layer, stored, version, until, delivered.crs)
    loaded = Loaded()
    batches = _batches(work, delivered, layer)
    if delivered.role == "raster":
        state = _upsert(work, target, stored, loaded, batches)
    elif _is_first(work.cursor, target):
        state = _first_load(work, target, stored, loaded, batches)
    else:
        state = _replace(work, target, loaded, batches)
    _require_unique(work, target, layer)
    version = _close_version(work, version, loaded, state)
    DeliveredLayer.objects.filter(pk=delivered.pk).update(version=version)
    return _figures(version, stored)


def _first_load(
    work: Work, target: Target, stored: CatalogueLayer, loaded: Loaded, batches: Iterator[rows.Batch]
) -> load.State:
    """A county's first data: COPY into a table nobody sees yet, index it, attach it."""
    with work.stages("table"):
        fresh = without_indexes(stored, work.county)
        fresh.__enter__()
    try:
        with work.stages("copy"):
            load.copy_batches(work.cursor, target, load.ahead(batches), loaded, freeze=True, seen=_shown(work, target))
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
            work.cursor, target, load.ahead(batches), loaded,
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


def _changed_bases(work: Work, delivered: list[DeliveredLayer]) -> list[str]:
    """Base layers that a change package changes, in the standard's order."""
    layers = [work.standard.layers[one.layer_code] for one in delivered]
    named = {one.base for one in layers if one.role in ("update", "process") and one.base}
    full = {one.code for one in layers if one.role == "base"}
    return [code for code in work.standard.layers if code in named and code not in full]


def _apply_changes(work: Work, base: str, delivered: list[DeliveredLayer]) -> dict[str, Any]:
    """Change package: end the before-BSM, insert the update layer's rows as rows of the base layer."""
    layer = work.standard.layers[base]
    update, process = (_of_role(work, delivered, base, role) for role in ("update", "process"))
    stored = CatalogueLayer.objects.get(standard_id=work.standard.id, code=base)
    _require_latest(work, stored)
    parts = [one for one in (update, process) if one is not None]
    version = _open(work, stored, parts, True)
    target = _target(work, layer, stored, version, None, (update or parts[0]).crs)
    after = set(geoparquet.column_values(_object(update), layer.key)) if update else set()
    before = _keys_before(work, base, process, after)
    with work.stages("compare"):
        if _is_first(work.cursor, target):
            raise _before_not_stored(base, sorted(before) or ["*"])
        absent = load.list_keys(work.cursor, target, sorted(before))
    if absent and process is not None:
        raise _before_not_stored(base, absent)
    loaded = Loaded()
    with work.stages("close"):
        loaded.closed = load.close_listed(work.cursor, target)
    with work.stages("copy"):
        batches = _batches(work, update, layer) if update else iter(())
        load.copy_batches(work.cursor, target, load.ahead(batches), loaded)
    _require_unique(work, target, layer)
    state = load.state_on(work.cursor, target, work.delivery.valid_from)
    return _figures(_close_version(work, version, loaded, state), stored)


def _of_role(work: Work, delivered: list[DeliveredLayer], base: str, role: str) -> DeliveredLayer | None:
    specs = work.standard.layers
    return next((d for d in delivered if specs[d.layer_code].base == base and specs[d.layer_code].role == role), None)


def _keys_before(work: Work, base: str, process: DeliveredLayer | None, after: set[str]) -> set[str]:
    """Keys that end. Layers without a process layer (boundary lines, built-up areas): a row replaces one of its key."""
    if process is None:
        return after
    spec = work.standard.layers[process.layer_code]
    path = _object(process)
    keys: dict[re.Pattern[str], set[str]] = {}
    for pattern in (BEFORE_KEY, AFTER_KEY):
        field = next((f.code for f in spec.fields if pattern.fullmatch(f.code)), None)
        keys[pattern] = {k for k in geoparquet.column_values(path, field) if k.strip()} if field else set()
    odd = sorted(keys[AFTER_KEY] ^ after)
    if odd:
        raise PackageContradicts(
            f"更新包中 {base} 的更新层与过程层不一致：{'、'.join(odd[:NAMED])} 等 {len(odd)} 个变更后标识码只在其中一层出现。"
            "请核对变更后标识码后重新汇交。",
            f"Update and process layer of {base} contradict each other: {', '.join(odd[:NAMED])} ({len(odd)} in all) "
            "are identifiers after the change in only one of them. Correct the package and deliver it again.",
            keys=odd[:NAMED],
        )
    return keys[BEFORE_KEY]


def _before_not_stored(base: str, absent: list[str]) -> BeforeNotStored:
    return BeforeNotStored(
        f"更新包要变更的 {base} 记录 {'、'.join(absent[:NAMED])} 等 {len(absent)} 条不在库中当前版本里；未发布，原数据不变。"
        "请确认更新包以库中最新版本为基础。",
        f"Records {', '.join(absent[:NAMED])} of {base} ({len(absent)} in all) that the package changes are not in the "
        "stored version; nothing was published. Make the package from the latest stored version.",
        layer=base,
        records=absent[:NAMED],
        count=len(absent),
    )


def _published(stored: CatalogueLayer, work: Work) -> Any:
    return DatasetVersion.objects.filter(
        layer=stored, county=work.county, status=DatasetVersion.Status.PUBLISHED, valid_from__gt=work.delivery.valid_from
    )


def _next_date(stored: CatalogueLayer, work: Work) -> date | None:
    """The next published date: a late correction of an older year says nothing about the years after it."""
    return _published(stored, work).order_by("valid_from").values_list("valid_from", flat=True).first()


def _require_latest(work: Work, stored: CatalogueLayer) -> None:
    later = _next_date(stored, work)
    if later is not None:
        raise LaterVersionExists(
            f"{stored.collection} 已有自 {later} 起有效的版本，早于它的更新包（{work.delivery.valid_from}）不能再发布。"
            "请改为汇交该日期的完整成果。",
            f"{stored.collection} has a version valid from {later}; a change package for {work.delivery.valid_from} comes "
            "too late. Deliver the full state of that date instead.",
        )


def _open(work: Work, stored: CatalogueLayer, parts: list[DeliveredLayer], incremental: bool) -> DatasetVersion:
    inputs: list[dict[str, Any]] = [{"sm3": work.delivery.input_sm3, "name": work.delivery.file_name}]
    inputs += [{"sm3": part.mapped_sm3, "name": part.source_name} for part in parts]
    if incremental:
        last = DatasetVersion.objects.filter(
            layer=stored, county=work.county, status=DatasetVersion.Status.PUBLISHED
        ).order_by("-number").first()  # fmt: skip
        inputs += [{"version": last.pk}] if last else []
    lineage = {
        "inputs": inputs,
        "mapping": work.delivery.mapping_sm3,
        "rules": work.standard.digest,
        "standard": work.standard.id,
        "software": f"{program} {_software_version()}",
    }
    return open_version(
        stored, work.county, work.delivery.valid_from, delivery_id=work.delivery.pk, is_incremental=incremental,
        lineage=lineage,
    )  # fmt: skip


def _software_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("kunyu")
    except PackageNotFoundError:
        return "source"


def _target(
    work: Work, layer: Layer, stored: CatalogueLayer, version: DatasetVersion, until: date | None, crs: str
) -> Target:
    epsg = int(crs[5:]) if crs.startswith("EPSG:") else None
    constants = rows.Constants(work.county, epsg, work.delivery.valid_from, until, work.known_from, version.pk)
    return Target(layer, stored.table_name, partition_name(stored.table_name, work.county), constants)


def _is_first(cursor: psycopg.Cursor, target: Target) -> bool:
    cursor.execute("SELECT to_regclass(%s) IS NULL", [qualified(target.partition)])
    row = cursor.fetchone()
    return bool(row and row[0])


def _object(delivered: DeliveredLayer) -> Path:
    store = object_store()
    if not store.exists(delivered.mapped_sm3):
        raise MappedObjectDamaged(
            f"图层 {delivered.layer_code} 的映射成果 {delivered.mapped_sm3[:12]} 不在对象库中，请重新汇交。",
            f"The mapped rows {delivered.mapped_sm3[:12]} of {delivered.layer_code} are not in the object store.",
        )
    return Path(store.path(delivered.mapped_sm3))


def _batches(work: Work, delivered: DeliveredLayer, layer: Layer) -> Iterator[rows.Batch]:
    path = _object(delivered)
    crs = geoparquet.crs_of(path)
    groups = geoparquet.row_groups(path)
    while True:
        with work.stages("read"):
            table = next(groups, None)
        if table is None:
            return
        with work.stages("prepare"):
            batch = rows.prepare(table, layer, crs)
        yield batch


def _shown(work: Work, target: Target) -> Any:
    return lambda done: work.run.show(f"load {target.layer.code}", done, work.total)


def _require_unique(work: Work, target: Target, layer: Layer) -> None:
    with work.stages("verify"):
        doubled = load.doubled_keys(work.cursor, target)
    if doubled:
        raise NotUniqueInTime(
            f"图层 {layer.code} 的 {layer.key} {'、'.join(doubled)} 在同一时间有多条记录；未发布，原数据不变。请更正后重新汇交。",
            f"Layer {layer.code}: {layer.key} {', '.join(doubled)} would stand more than once at the same time; nothing "
            "was published. Correct the records and deliver again.",
            layer=layer.code,
            keys=doubled,
        )


def _delivered_state(loaded: Loaded) -> load.State:
    words = np.concatenate(loaded.digests) if loaded.digests else np.zeros((0, 2), np.uint64)
    return load.State(loaded.delivered, loaded.area_m2, load.sorted_words(words))


def _close_version(work: Work, version: DatasetVersion, loaded: Loaded, state: load.State) -> DatasetVersion:
    bounds = loaded.bounds
    if version.is_incremental:
        bounds = _with_previous(version, bounds)
    extent = tuple(float(v) for v in bounds) if np.isfinite(bounds).all() else None
    content = Content(
        record_count=state.records, inserted=loaded.inserted, closed=loaded.closed, area_m2=state.area_m2,
        extent=extent, digest=sm3_hex(state.digests.astype(">u8").tobytes()),  # type: ignore[arg-type]
    )  # fmt: skip
    with work.stages("version"):
        return publish_version(version, content, known_from=work.known_from, verify=False)


def _with_previous(version: DatasetVersion, bounds: Any) -> Any:
    previous = DatasetVersion.objects.filter(
        layer=version.layer, county=version.county, status=DatasetVersion.Status.PUBLISHED, extent__isnull=False
    ).order_by("-number").values_list("extent", flat=True).first()  # fmt: skip
    if previous is None:
        return bounds
    return np.concatenate([np.fmin(bounds[:2], previous[:2]), np.fmax(bounds[2:], previous[2:])])


def _figures(version: DatasetVersion, stored: CatalogueLayer) -> dict[str, Any]:
    return {
        "code": stored.collection,
        "layer": stored.code,
        "version": version.number,
        "version_id": version.pk,
        "records": version.record_count,
        "inserted": version.inserted,
        "closed": version.closed,
    }
