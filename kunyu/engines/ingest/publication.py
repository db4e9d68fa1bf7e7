"""What every publication does, whatever it publishes: open a version, prepare rows, prove keys, close the version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa

from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.catalogue.models import Layer as CatalogueLayer
from kunyu.engines.catalogue.standards import Layer, Standard
from kunyu.engines.catalogue.table_names import partition_name
from kunyu.engines.catalogue.tables import qualified
from kunyu.engines.catalogue.versions import Content, open_version, publish_version
from kunyu.engines.ingest import geoparquet, load, rows
from kunyu.engines.ingest.errors import MappedObjectDamaged, NotUniqueInTime
from kunyu.engines.ingest.load import Loaded, Stages, Target
from kunyu.engines.ingest.models import DeliveredLayer, Delivery
from kunyu.engines.ingest.prefetch import made_ahead
from kunyu.engines.ingest.running import Run
from kunyu.engines.ingest.storage import content_of, object_store
from kunyu.kernel.digests import sm3_hex


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


def _published_later(stored: CatalogueLayer, work: Work) -> Any:
    return DatasetVersion.objects.filter(
        layer=stored,
        county=work.county,
        status=DatasetVersion.Status.PUBLISHED,
        valid_from__gt=work.delivery.valid_from,
    )


def next_date(stored: CatalogueLayer, work: Work) -> date | None:
    """The next published date: a late correction of an older year says nothing about the years after it."""
    return _published_later(stored, work).order_by("valid_from").values_list("valid_from", flat=True).first()


def begin_version(work: Work, stored: CatalogueLayer, parts: list[DeliveredLayer], incremental: bool) -> DatasetVersion:
    """Number the next version of a layer in the county, with the digests of what it is made from."""
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
        "software": f"kunyu {_software_version()}",
    }
    return open_version(
        stored, work.county, work.delivery.valid_from, delivery_id=work.delivery.pk, is_incremental=incremental,
        lineage=lineage,
    )  # fmt: skip


def _software_version() -> str:
    try:
        return installed_version("kunyu")
    except PackageNotFoundError:
        return "source"


def target_of(
    work: Work, layer: Layer, stored: CatalogueLayer, version: DatasetVersion, until: date | None, crs: str
) -> Target:
    """Where the rows go and what they all share; ``crs`` is kept as ``source_crs`` when it is an EPSG code."""
    epsg = int(crs[5:]) if crs.startswith("EPSG:") else None
    constants = rows.Constants(work.county, epsg, work.delivery.valid_from, until, work.known_from, version.pk)
    return Target(layer, stored.table_name, partition_name(stored.table_name, work.county), constants)


def is_first(cursor: psycopg.Cursor, target: Target) -> bool:
    """Whether the county has no partition of the layer yet."""
    cursor.execute("SELECT to_regclass(%s) IS NULL", [qualified(target.partition)])
    row = cursor.fetchone()
    return bool(row and row[0])


def mapped_rows(delivered: DeliveredLayer) -> geoparquet.Content:
    """The GeoParquet of a mapped layer; :class:`MappedObjectDamaged` when the store lost it."""
    if not object_store().exists(delivered.mapped_sm3):
        raise MappedObjectDamaged(
            f"图层 {delivered.layer_code} 的映射成果 {delivered.mapped_sm3[:12]} 不在对象库中，请重新汇交。",
            f"The mapped rows {delivered.mapped_sm3[:12]} of {delivered.layer_code} are not in the object store.",
        )
    return content_of(delivered.mapped_sm3)


def prepared(work: Work, delivered: DeliveredLayer, layer: Layer) -> Iterator[rows.Batch]:
    """Yield the mapped rows ready for COPY, one row group at a time, made ahead in threads."""
    content = mapped_rows(delivered)
    crs = geoparquet.crs_of(content)

    def make(table: pa.Table) -> rows.Batch:
        with work.stages("prepare"):
            return rows.prepare(table, layer, crs)

    return made_ahead(make, _timed(work, geoparquet.row_groups(content)))


def _timed(work: Work, groups: Iterator[pa.Table]) -> Iterator[pa.Table]:
    while True:
        with work.stages("read"):
            table = next(groups, None)
        if table is None:
            return
        yield table


def require_unique(work: Work, target: Target, layer: Layer) -> None:
    """Raise NotUniqueInTime when a key would be true twice on one day."""
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


def finish_version(work: Work, version: DatasetVersion, loaded: Loaded, state: load.State) -> DatasetVersion:
    """Publish the version with its figures; the digest is that of the sorted row digests, so equal states are equal."""
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


def figures_of(version: DatasetVersion, stored: CatalogueLayer) -> dict[str, Any]:
    """What the summary of a delivery says of a version."""
    return {
        "code": stored.collection,
        "layer": stored.code,
        "version": version.number,
        "version_id": version.pk,
        "records": version.record_count,
        "inserted": version.inserted,
        "closed": version.closed,
    }
