"""Approved plots as features of the one map: versions of collection 30401-001, written by the node itself. 批准地块上图.

What stands on the map follows the licence as it is now, whatever event called: in force from its day of issue to its last
day; suspended from the day it was; gone from the day it was revoked or replaced. What was true and believed before stays,
as everywhere (decision 0003). Heard twice, nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import shapely
from django.db import connection, transaction
from django.utils import timezone

from kunyu.engines.catalogue.models import DatasetVersion, Layer
from kunyu.engines.catalogue.standards import Layer as StandardLayer
from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.catalogue.table_names import partition_name
from kunyu.engines.catalogue.tables import ensure_partition, qualified
from kunyu.engines.catalogue.versions import Content, open_version, publish_version
from kunyu.engines.ingest import load, rows
from kunyu.engines.ingest.load import Loaded, Target
from kunyu.engines.ingest.running import COUNTY_LOCK_CLASS
from kunyu.engines.maps.edits.validation import require_valid
from kunyu.engines.security import audit
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import sm3_hex

STANDARD, LAYER = "KUNYU-APPROVALS-2026", "PZDK"


@dataclass(frozen=True)
class Plot:
    """What should stand on the map. ``values`` None: nothing from ``day`` on. ``last``: last day, None without end."""

    key: str
    county: str
    day: date
    last: date | None
    values: Mapping[str, Any] | None
    geometry: shapely.Geometry | None


def feature_key(county: str, licence_id: int) -> str:
    """The BSM of a licence's plot: county, layer code, number of the licence. The same licence is the same feature."""
    return f"{county}{_model().layer_code}{licence_id:08d}"


@transaction.atomic
def put(principal: Principal, plot: Plot) -> DatasetVersion | None:
    """Bring the layer to what ``plot`` says; None when it says so already.

    Raises
    ------
    NotLabelled, NotInThisZone
        The layer has no approved label yet: nothing is written, and the event comes again.
    EditRejected
        The values break the layer's standard.
    """
    stored = Layer.objects.get(standard_id=STANDARD, code=LAYER)
    model = _model()
    values = None
    if plot.values is not None:
        values = require_valid(load_standard(STANDARD), model, dict(plot.values), plot.geometry)
    with connection.cursor() as wrapper:
        cursor: psycopg.Cursor = wrapper.cursor
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [COUNTY_LOCK_CLASS, int(plot.county)])
        ensure_partition(stored, plot.county)
        if _says_so(cursor, stored, plot):
            return None
        return _write(cursor, principal, stored, model, plot, values)


def _model() -> StandardLayer:
    return load_standard(STANDARD).layers[LAYER]


def _says_so(cursor: psycopg.Cursor, stored: Layer, plot: Plot) -> bool:
    """Does what is believed now of this feature, on ``day`` and later, say what is wanted?"""
    cursor.execute(
        f'SELECT "ZZZT", upper(valid), "XMDM" FROM {qualified(partition_name(stored.table_name, plot.county))} '  # type: ignore[arg-type]
        'WHERE "BSM" = %s AND upper_inf(known) AND valid && daterange(%s::date, NULL)',
        [plot.key, plot.day],
    )
    standing = cursor.fetchall()
    if plot.values is None:
        return not standing
    end = plot.last + timedelta(days=1) if plot.last else None
    return standing == [(plot.values["ZZZT"], end, plot.values["XMDM"])]


def _write(
    cursor: psycopg.Cursor, principal: Principal, stored: Layer, model: StandardLayer, plot: Plot,
    values: Mapping[str, Any] | None,
) -> DatasetVersion:  # fmt: skip
    cursor.execute("SELECT clock_timestamp()")
    known_from: datetime = cursor.fetchone()[0]  # type: ignore[index]
    before = DatasetVersion.objects.filter(
        layer=stored, county=plot.county, status=DatasetVersion.Status.PUBLISHED
    ).order_by("-number").first()  # fmt: skip
    lineage = {
        "inputs": [{"version": before.pk}] if before else [], "standard": STANDARD, "rules": load_standard(STANDARD).digest,
        "approval": {"feature": plot.key, "number": str((plot.values or {}).get("WSBH", "")), "by": principal.name},
    }  # fmt: skip
    version = open_version(stored, plot.county, plot.day, is_incremental=True, lineage=lineage)
    loaded, target = Loaded(), _target(stored, model, plot, known_from, version.pk, None)
    load.list_keys(cursor, target, [plot.key])
    _also_later(cursor, target, plot)
    loaded.closed = load.close_listed(cursor, target)
    if values is not None:
        until = plot.last + timedelta(days=1) if plot.last else None
        ready = rows.prepare(_table(model, values, plot.geometry), model, "EPSG:4490")
        load.copy_batches(cursor, _target(stored, model, plot, known_from, version.pk, until), [ready], loaded)
    state = load.state_on(cursor, target, max(plot.day, timezone.localdate()))
    content = Content(
        state.records, loaded.inserted, loaded.closed, state.area_m2, _extent(before, loaded),
        sm3_hex(np.ascontiguousarray(state.digests.astype(">u8")).tobytes()),
    )  # fmt: skip
    published = publish_version(version, content, known_from=known_from)
    act = "approval-mapped" if values is not None else "approval-unmapped"
    audit.record(
        principal, act, "feature", f"{stored.collection}/{plot.key}", version=published.number, division=plot.county
    )
    return published


def _target(
    stored: Layer, model: StandardLayer, plot: Plot, known_from: datetime, version_id: int, until: date | None
) -> Target:
    constants = rows.Constants(plot.county, 4490, plot.day, until, known_from, version_id)
    return Target(model, stored.table_name, partition_name(stored.table_name, plot.county), constants)


def _also_later(cursor: psycopg.Cursor, target: Target, plot: Plot) -> None:
    """Rows of the feature that begin after ``day`` end too: what is written now speaks of all days from then on."""
    cursor.execute(
        f'INSERT INTO closing_fids SELECT fid, "BSM" FROM {qualified(target.partition)} '  # type: ignore[arg-type]
        'WHERE "BSM" = %s AND upper_inf(known) AND lower(valid) > %s',
        [plot.key, plot.day],
    )


def _table(model: StandardLayer, values: Mapping[str, Any], geometry: shapely.Geometry | None) -> pa.Table:
    types = {"Int": pa.int64(), "Float": pa.float64(), "Date": pa.date32()}
    columns = {
        field.code: pa.array([float(values[field.code]) if field.type == "Float" and values.get(field.code) is not None
                              else values.get(field.code)], types.get(field.type, pa.string()))
        for field in model.fields
    }  # fmt: skip
    columns[rows.GEOMETRY] = pa.array([shapely.to_wkb(geometry)], pa.binary())
    return pa.table(columns)


def _extent(before: DatasetVersion | None, loaded: Loaded) -> tuple[float, float, float, float] | None:
    """The box of everything the county has ever had here: it never shrinks, as for edits."""
    extent = before.extent if before else None
    if np.isfinite(loaded.bounds).all():
        west, south, east, north = (float(one) for one in loaded.bounds)
        if extent is None:
            return west, south, east, north
        return min(extent[0], west), min(extent[1], south), max(extent[2], east), max(extent[3], north)
    return tuple(extent) if extent else None  # type: ignore[return-value]
