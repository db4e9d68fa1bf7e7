"""What checks of others need of this pack's registers: monitoring patches and devices. 参考包中的监测图斑与举证设备.

Named in the project's list of providers (``KUNYU_REFERENCE_PROVIDERS``).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import shapely
from django.db import connection

from kunyu.engines.ingest.checks.reference import ReferencePart
from kunyu.engines.ingest.reference_parts import AskedPart
from kunyu.engines.security import scope
from kunyu.packs.field_evidence import access
from kunyu.packs.field_evidence.access import COLLECTION
from kunyu.packs.field_evidence.models import Device, EvidenceTask


def monitoring_patches(asked: AskedPart) -> ReferencePart | None:
    """JCBH, TBLX and polygon (EPSG:4490) of the county's patches, by JCBH; None where the asker may not download all.

    A node without any patch of the county does not know the list: that is None too, not an empty list.
    """
    if not _may_download(asked):
        return None
    ours = EvidenceTask.objects.filter(division_code__startswith=asked.county).exclude(jcbh="")
    labelled = access.reached(scope.resolve(asked.principal, COLLECTION, scope.DOWNLOAD))
    if not ours.exists() or ours.exclude(labelled).exists():
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT jcbh, tblx, ST_AsBinary(geom) FROM field_evidence_evidencetask "
            "WHERE starts_with(division_code, %s) AND jcbh <> '' AND geom IS NOT NULL ORDER BY jcbh, id",
            [asked.county],
        )
        found = cursor.fetchall()
    rows = pa.table({"JCBH": pa.array([one[0] for one in found], pa.string()),
                     "TBLX": pa.array([one[1] for one in found], pa.string())})  # fmt: skip
    shapes = shapely.from_wkb(np.array([bytes(one[2]) for one in found], object))
    return ReferencePart(rows, np.atleast_1d(np.asarray(shapes, object)), {"register": "evidence tasks"})


def devices(asked: AskedPart) -> ReferencePart | None:
    """Number and public key of devices that are not revoked, of organisations of the county and above."""
    if not _may_download(asked):
        return None
    rows = [
        (number, key)
        for number, key, division in Device.objects.filter(revoked_at=None)
        .order_by("number")
        .values_list("number", "public_key", "organisation__division_code")
        if asked.county.startswith(division[:6])
    ]
    if not rows and not Device.objects.exists():
        return None
    table = pa.table({"device": pa.array([one[0] for one in rows], pa.string()),
                      "public_key": pa.array([one[1] for one in rows], pa.string())})  # fmt: skip
    return ReferencePart(table, None, {"register": "evidence devices"})


def _may_download(asked: AskedPart) -> bool:
    reach = scope.clauses_of(asked.principal, COLLECTION, scope.DOWNLOAD)
    return any(asked.county.startswith(clause.prefix) for clause in reach)
