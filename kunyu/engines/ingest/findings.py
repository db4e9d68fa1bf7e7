"""Findings as rows with geometry."""

from __future__ import annotations

import json
from collections.abc import Sequence

import shapely
from django.db import connection

from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.models import CheckRun

COLUMNS = (
    "run_id", "rule", "clause", "severity", "layer", "ids", "measured", '"limit"', "unit", "message_zh", "message_en",
    "remedy_zh", "fingerprint", "geom",
)  # fmt: skip


def store(run: CheckRun, findings: Sequence[Finding]) -> None:
    """COPY the findings of a run, in the report's order; geometry EPSG:4490, null where a finding has no place."""
    with connection.cursor() as wrapper, wrapper.cursor.copy(
        f"COPY ingest_finding ({', '.join(COLUMNS)}) FROM STDIN"
    ) as copy:  # fmt: skip
        for one in findings:
            copy.write_row((
                run.pk, one.rule, one.clause[:200], one.severity, one.layer, json.dumps(one.ids, ensure_ascii=False),
                _text(one.measured), _text(one.limit), one.unit[:20], one.message_zh, one.message_en, one.remedy_zh,
                one.fingerprint, _ewkb(one.geometry),
            ))  # fmt: skip


def _text(value: float | int | str | None) -> str:
    return "" if value is None else str(value)[:80]


def _ewkb(geometry: shapely.Geometry | None) -> str | None:
    if geometry is None:
        return None
    return shapely.to_wkb(shapely.set_srid(shapely.force_2d(geometry), 4490), hex=True, include_srid=True)
