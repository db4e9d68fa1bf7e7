"""An edit becomes an incremental version, by the functions that publish a delivery (decision 0003). 编辑成版本.

One transaction: the county's lock, the row as it stands now, the check of ``If-Match``, the end of the old belief, the
new row, the version, the audit entry and the outbox event. Two editors at once queue behind the lock; the second finds
another row than it had read and is told so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import numpy as np
import psycopg
import pyarrow as pa
import shapely
from django.db import connection, transaction

from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.catalogue.models import Layer as CatalogueLayer
from kunyu.engines.catalogue.served import queries
from kunyu.engines.catalogue.served.layers import ServedLayer, require_division
from kunyu.engines.catalogue.served.moments import Moment, ValidDays
from kunyu.engines.catalogue.served.queries import Selection, quoted
from kunyu.engines.catalogue.table_names import partition_name
from kunyu.engines.catalogue.tables import qualified
from kunyu.engines.catalogue.versions import Content, open_version, publish_version
from kunyu.engines.ingest import load, rows
from kunyu.engines.ingest.load import Loaded, Target
from kunyu.engines.ingest.running import COUNTY_LOCK_CLASS
from kunyu.engines.maps.edits import opening
from kunyu.engines.maps.edits.body import Draft
from kunyu.engines.maps.edits.errors import EditRejected, FeatureExists, StateChanged
from kunyu.engines.maps.edits.validation import require_valid
from kunyu.engines.maps.errors import NoSuchFeature
from kunyu.engines.security import audit
from kunyu.engines.security.scope import Principal, Scope
from kunyu.kernel.digests import sm3_hex

Kind = Literal["create", "replace", "update", "delete"]
NEAR_DEGREES = 0.5
"""How far beyond what the county has published a feature may lie: farther is a wrong CRS or a wrong county."""


@dataclass(frozen=True)
class Edit:
    """One edit as asked for. ``seen`` are the rows named by ``If-Match``, None for any (``*``)."""

    kind: Kind
    county: str
    day: date
    feature: str = ""
    seen: frozenset[int] | None = None
    draft: Draft | None = None
    hidden: frozenset[str] = frozenset()
    """Codes that the editor sees masked: they keep what is stored."""


@dataclass(frozen=True)
class Applied:
    """What became of it: the feature's key, its row (None when deleted), the version."""

    feature: str
    fid: int | None
    version: DatasetVersion


@dataclass(frozen=True)
class _Standing:
    """The row as it stands: number, attributes, geometry, ellipsoidal area."""

    fid: int
    values: dict[str, Any]
    geometry: shapely.Geometry | None
    area_m2: float | None


@transaction.atomic
def apply(principal: Principal, layer: ServedLayer, granted: Scope, edit: Edit) -> Applied:
    """Apply one edit, or raise and leave everything as it was.

    Raises
    ------
    EditingClosed, NotAllowed, NotVisible
        The county is not open, or not the editor's.
    NoSuchFeature, StateChanged, FeatureExists
        It is gone; it was changed since; its key is taken, or a later version stands.
    EditRejected
        It breaks the standard; nothing was written.
    """
    require_division(principal, layer, granted, edit.county)
    opening.require_open(layer.collection, edit.county)
    with connection.cursor() as wrapper:
        cursor: psycopg.Cursor = wrapper.cursor
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [COUNTY_LOCK_CLASS, int(edit.county)])
        cursor.execute("SELECT clock_timestamp()")
        found = cursor.fetchone()
        assert found is not None
        previous = _newest(layer, edit)
        standing = None if edit.kind == "create" else _standing(cursor, layer, granted, edit)
        written = None if edit.kind == "delete" else _written(cursor, layer, edit, standing, previous)
        return _write(cursor, principal, layer, edit, _Change(found[0], previous, standing, written))


@dataclass(frozen=True)
class _Change:
    known_from: datetime
    previous: DatasetVersion
    standing: _Standing | None
    written: tuple[dict[str, Any], shapely.Geometry | None] | None


def _newest(layer: ServedLayer, edit: Edit) -> DatasetVersion:
    published = DatasetVersion.objects.filter(
        layer_id=layer.id, county=edit.county, status=DatasetVersion.Status.PUBLISHED
    )
    newest = published.order_by("-number").first()
    if newest is None:
        raise NoSuchFeature(
            f"{layer.collection} 在 {edit.county} 还没有发布的数据，不能编辑；请先汇交。",
            f"{layer.collection} has no published data in {edit.county} to edit; deliver it first.",
        )
    later = published.order_by("-valid_from").first()
    if later is not None and later.valid_from > edit.day:
        raise FeatureExists(
            f"{layer.collection} 已有自 {later.valid_from} 起有效的版本，{edit.day} 的编辑会与它矛盾。",
            f"A version valid from {later.valid_from} stands; an edit of {edit.day} would contradict it.",
        )
    return newest


def _standing(cursor: psycopg.Cursor, layer: ServedLayer, granted: Scope, edit: Edit) -> _Standing:
    selection = Selection(layer, granted, Moment(ValidDays(edit.day, edit.day), None), feature=edit.feature)
    geometry = "ST_AsBinary(geom)" if layer.is_spatial else "NULL::bytea"
    area = "area_m2" if layer.geometry == "Polygon" else "NULL::float8"
    columns = ['fid AS "~fid"', f'{geometry} AS "~geom"', f'{area} AS "~area"', *map(quoted, layer.fields)]
    statement, parameters = queries.rows(selection, columns, ("county = %(in_county)s", {"in_county": edit.county}))
    cursor.execute(f"{statement} ORDER BY 1 LIMIT 1", parameters)  # type: ignore[arg-type]
    row = cursor.fetchone()
    if row is None or (edit.seen is not None and row[0] not in edit.seen):
        raise StateChanged(
            f"{layer.collection} 的要素 {edit.feature} 在您读取之后已被修改或删除；请重新读取后再改。",
            f"Feature {edit.feature} of {layer.collection} was changed or deleted since you read it; read it again.",
            feature=edit.feature,
        )
    shape = shapely.from_wkb(bytes(row[1])) if row[1] is not None else None
    return _Standing(row[0], dict(zip(layer.fields, row[3:], strict=True)), shape, row[2])


def _written(
    cursor: psycopg.Cursor, layer: ServedLayer, edit: Edit, standing: _Standing | None, previous: DatasetVersion
) -> tuple[dict[str, Any], shapely.Geometry | None]:
    """Attributes and geometry of the new row, checked against the standard."""
    assert edit.draft is not None
    values, geometry = dict(edit.draft.values), edit.draft.geometry
    if standing is not None:
        kept = layer.fields if edit.kind == "update" else edit.hidden
        values = {**{code: _plain(standing.values[code]) for code in kept}, **values}
        values.setdefault(layer.key, standing.values[layer.key])
        if edit.kind == "update" and not edit.draft.has_geometry:
            geometry = standing.geometry
        _require_same_key(layer, standing, values)
    elif not values.get(layer.key):
        values[layer.key] = _new_key(cursor, layer, edit.county)
    typed = require_valid(layer.standard, layer.model, values, geometry)
    _require_place(edit, geometry, previous)
    if standing is None:
        _require_new(cursor, layer, edit, str(typed[layer.key]))
    return typed, geometry


def _plain(value: Any) -> Any:
    """A stored value as JSON would have brought it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return float(value) if type(value).__name__ == "Decimal" else value


def _require_same_key(layer: ServedLayer, standing: _Standing, values: Mapping[str, Any]) -> None:
    if values.get(layer.key) != standing.values[layer.key]:
        fault = {
            "field": layer.key, "value": str(values.get(layer.key))[:60], "limit": str(standing.values[layer.key]),
            "remedy_zh": "标识码不能改；请删除后新建", "remedy_en": "a key is not changed: delete it and create another",
        }  # fmt: skip
        raise EditRejected(
            f"{layer.key} 不能由 {standing.values[layer.key]} 改为 {fault['value']}；请删除后新建。",
            f"{layer.key} cannot change from {standing.values[layer.key]} to {fault['value']}; delete and create.",
            faults=[fault],
        )


def _new_key(cursor: psycopg.Cursor, layer: ServedLayer, county: str) -> str | None:
    """The next identifier of the county: county, layer code, running number (BSM of the survey standards)."""
    field, code = layer.fields[layer.key], layer.model.layer_code
    digits = field.length - len(county) - len(code)
    if not code or digits < 4:
        return None
    prefix = f"{county}{code}"
    partition, key = qualified(partition_name(layer.table_name, county)), quoted(layer.key)
    cursor.execute(
        f"SELECT max({key}) FROM {partition} WHERE {key} >= %s AND {key} < %s AND length({key}) = %s",  # type: ignore[arg-type]
        [prefix, f"{prefix}:", field.length],
    )
    row = cursor.fetchone()
    last = str(row[0])[len(prefix) :] if row and row[0] else "0"
    return f"{prefix}{int(last) + 1:0{digits}d}" if last.isdecimal() else None


def _require_new(cursor: psycopg.Cursor, layer: ServedLayer, edit: Edit, key: str) -> None:
    cursor.execute(
        f"SELECT 1 FROM {layer.table} WHERE {quoted(layer.key)} = %s AND upper_inf(known) "  # type: ignore[arg-type]
        "AND valid && daterange(%s::date, NULL) LIMIT 1",
        [key, edit.day],
    )
    if cursor.fetchone():
        raise FeatureExists(
            f"{layer.collection} 已有 {layer.key} 为 {key} 的要素；请改用 PUT，或换一个标识码。",
            f"A feature with {layer.key} {key} stands in {layer.collection}; use PUT, or another key.",
            feature=key,
        )


def _require_place(edit: Edit, geometry: shapely.Geometry | None, previous: DatasetVersion) -> None:
    if geometry is None or previous.extent is None:
        return
    west, south, east, north = previous.extent
    near = shapely.box(west - NEAR_DEGREES, south - NEAR_DEGREES, east + NEAR_DEGREES, north + NEAR_DEGREES)
    if not near.covers(geometry):
        said = ", ".join(f"{one:.4f}" for one in geometry.bounds)
        fault = {"field": "geometry", "value": said, "limit": ", ".join(f"{one:.4f}" for one in near.bounds),
                 "remedy_zh": "核对坐标系、轴序和县级代码", "remedy_en": "check CRS, axis order and county"}  # fmt: skip
        raise EditRejected(
            f"图形（{said}）不在 {edit.county} 附近；请核对坐标系、轴序和县级代码。",
            f"The geometry ({said}) lies far from {edit.county}; check CRS, axis order and county.",
            faults=[fault],
        )


def _write(cursor: psycopg.Cursor, principal: Principal, layer: ServedLayer, edit: Edit, change: _Change) -> Applied:
    key = str((change.written[0] if change.written else change.standing.values)[layer.key] or edit.feature)  # type: ignore[union-attr]
    stored = CatalogueLayer.objects.get(pk=layer.id)
    lineage = {"inputs": [{"version": change.previous.pk}], "standard": layer.standard_id, "rules": layer.standard.digest,
               "edit": {"kind": edit.kind, "feature": key, "by": principal.name}}  # fmt: skip
    version = open_version(stored, edit.county, edit.day, is_incremental=True, lineage=lineage)
    epsg = edit.draft.source_crs if edit.draft else None
    constants = rows.Constants(edit.county, epsg, edit.day, None, change.known_from, version.pk)
    target = Target(layer.model, layer.table_name, partition_name(layer.table_name, edit.county), constants)
    loaded = Loaded()
    if change.standing is not None:
        loaded.closed = load.close_rows(cursor, target, np.array([change.standing.fid], np.int64))
    if change.written is not None:
        load.copy_batches(
            cursor, target, [rows.prepare(_table(layer, *change.written), layer.model, "EPSG:4490")], loaded
        )
    version = publish_version(version, _content(change, loaded, edit), known_from=change.known_from, verify=False)
    changed = [] if edit.draft is None else sorted(edit.draft.values)
    audit.record(
        principal, "feature-edited", "feature", f"{layer.collection}/{key}", change=edit.kind, version=version.number,
        division=edit.county, fields=changed, geometry=bool(edit.draft and edit.draft.has_geometry),
    )  # fmt: skip
    fid = _row_of(cursor, target, change.written[0][layer.key]) if change.written else None
    return Applied(key, fid, version)


def _table(layer: ServedLayer, values: Mapping[str, Any], geometry: shapely.Geometry | None) -> pa.Table:
    types = {"Int": pa.int64(), "Float": pa.float64(), "Date": pa.date32(), "DateTime": pa.timestamp("us", "UTC")}
    columns = {
        code: pa.array([float(values[code]) if field.type == "Float" and values[code] is not None else values[code]],
                       types.get(field.type, pa.string()))
        for code, field in layer.fields.items()
    }  # fmt: skip
    if layer.is_spatial:
        columns[rows.GEOMETRY] = pa.array([None if geometry is None else shapely.to_wkb(geometry)], pa.binary())
    return pa.table(columns)


def _content(change: _Change, loaded: Loaded, edit: Edit) -> Content:
    """Figures of the county after the edit, from those before: counting a million parcels again would take a second.

    The digest is chained: that of the version before with the change. It proves the sequence of edits; two ways to the
    same state differ, unlike the digests of deliveries.
    """
    before = change.previous
    added = (1 if change.written else 0) - (1 if change.standing else 0)
    area = before.area_m2
    if area is not None:
        area += (loaded.area_m2 or 0.0) - ((change.standing.area_m2 if change.standing else 0.0) or 0.0)
    words = loaded.digests[0].astype(">u8").tobytes() if loaded.digests else b""
    row = change.standing.fid if change.standing else 0
    extent = before.extent
    if extent is not None and np.isfinite(loaded.bounds).all():
        box = loaded.bounds
        extent = [min(extent[0], box[0]), min(extent[1], box[1]), max(extent[2], box[2]), max(extent[3], box[3])]
    return Content(
        record_count=None if before.record_count is None else before.record_count + added,  # type: ignore[arg-type]
        inserted=loaded.inserted, closed=loaded.closed, area_m2=area,
        extent=tuple(float(one) for one in extent) if extent else None,  # type: ignore[arg-type]
        digest=sm3_hex(f"{before.digest}|{edit.kind}|{row}|".encode() + words),
    )  # fmt: skip


def _row_of(cursor: psycopg.Cursor, target: Target, key: str | None) -> int:
    """The new row: by its key, or, without one, the last written, for the county is ours until the end."""
    found = f"{quoted(target.layer.key)} = %s AND upper_inf(known) AND upper_inf(valid)" if key else "%s::text IS NULL"
    cursor.execute(f"SELECT max(fid) FROM {qualified(target.partition)} WHERE {found}", [key])  # type: ignore[arg-type]
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])
