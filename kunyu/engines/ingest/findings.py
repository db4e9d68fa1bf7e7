"""Findings as rows with geometry."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import shapely
from django.db import connection

from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.models import CheckRun, Verification

COLUMNS = (
    "run_id", "verification_id", "exception_id", "rule", "clause", "severity", "layer", "ids", "measured", '"limit"',
    "unit", "message_zh", "message_en", "remedy_zh", "fingerprint", "geom",
)  # fmt: skip


def store(
    run: CheckRun | Verification,
    findings: Sequence[Finding],
    excepted: Sequence[Finding] = (),
    exceptions: Mapping[str, int] | None = None,
) -> None:
    """COPY the findings of a run, in the report's order; geometry EPSG:4490, null where a finding has no place.

    Parameters
    ----------
    run : the check of a delivery, or a verification of what is published.
    excepted : findings that were accepted before; they follow the others, each with its exception.
    exceptions : number of the exception by fingerprint, for every one of ``excepted``.
    """
    with connection.cursor() as wrapper, wrapper.cursor.copy(
        f"COPY ingest_finding ({', '.join(COLUMNS)}) FROM STDIN"
    ) as copy:  # fmt: skip
        for one, exception in _numbered(findings, excepted, exceptions or {}):
            copy.write_row((*_owner(run), exception, *_row(one)))


def _numbered(
    findings: Sequence[Finding], excepted: Sequence[Finding], exceptions: Mapping[str, int]
) -> Iterator[tuple[Finding, int | None]]:
    yield from ((one, None) for one in findings)
    yield from ((one, exceptions[one.fingerprint]) for one in excepted)


def _owner(run: CheckRun | Verification) -> tuple[int | None, int | None]:
    return (None, run.pk) if isinstance(run, Verification) else (run.pk, None)


def _row(one: Finding) -> tuple[str | None, ...]:
    return (
        one.rule, one.clause[:200], one.severity, one.layer, json.dumps(one.ids, ensure_ascii=False), _text(one.measured),
        _text(one.limit), one.unit[:20], one.message_zh, one.message_en, one.remedy_zh, one.fingerprint,
        _ewkb(one.geometry),
    )  # fmt: skip


def _text(value: float | int | str | None) -> str:
    return "" if value is None else str(value)[:80]


def _ewkb(geometry: shapely.Geometry | None) -> str | None:
    if geometry is None:
        return None
    return shapely.to_wkb(shapely.set_srid(shapely.force_2d(geometry), 4490), hex=True, include_srid=True)
