"""Questions about deliveries: lists by key, one delivery in full, findings as GeoJSON. Queries constant in number."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, QuerySet
from django.utils.timezone import localtime

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest import admission
from kunyu.engines.ingest.access import Hidden, hidden, visible, visible_delivery
from kunyu.engines.ingest.checks.rule import rules_for
from kunyu.engines.ingest.models import CheckRun, DeliveredLayer, Delivery, Finding, FindingException, RasterItem
from kunyu.engines.ingest.running import is_held
from kunyu.engines.ingest.services import OPEN
from kunyu.engines.ingest.settings import ingest_settings
from kunyu.engines.security.scope import Principal

SEVERITIES = ("S", "Z", "Q", "W")


@dataclass(frozen=True)
class Asked:
    """Filters of the list; empty means any. ``before`` is the id the previous page ended with."""

    status: str = ""
    division: str = ""
    standard: str = ""
    before: int | None = None
    limit: int = 50


def deliveries(principal: Principal, asked: Asked = Asked()) -> tuple[list[Delivery], int | None]:
    """Newest first; the second value is the ``before`` of the next page, None at the end."""
    rows = visible(principal).order_by("-id")
    if asked.status:
        rows = rows.filter(status=asked.status)
    if asked.division:
        rows = rows.filter(division_code__startswith=asked.division)
    if asked.standard:
        rows = rows.filter(standard_id=asked.standard)
    if asked.before is not None:
        rows = rows.filter(id__lt=asked.before)
    limit = max(1, min(asked.limit, 200))
    found = list(rows[: limit + 1])
    return found[:limit], (found[limit - 1].pk if len(found) > limit else None)


def datasets_of(delivery: Delivery) -> list[dict[str, Any]]:
    """What the command line and the API answer with: dataset codes with the version each became."""
    published = {one["layer"]: one for one in delivery.summary.get("published", [])}
    if published:
        return [{"code": one["code"], "layer": code, "version": one["version"]} for code, one in published.items()]
    layers = delivery.layers.order_by("id").values_list("collection", "layer_code")
    return [{"code": collection, "layer": code, "version": None} for collection, code in layers]


def brief(delivery: Delivery) -> dict[str, Any]:
    """One row of the list."""
    summary = delivery.summary
    return {
        "id": delivery.pk,
        "status": delivery.status,
        "status_zh": delivery.get_status_display(),
        "standard": delivery.standard_id,
        "dataset": delivery.dataset_code,
        "division": delivery.division_code,
        "file_name": delivery.file_name,
        "input_sm3": delivery.input_sm3,
        "input_size": delivery.input_size,
        "is_incremental": delivery.is_incremental,
        "valid_from": delivery.valid_from.isoformat(),
        "created_by": delivery.created_by,
        "created_at": localtime(delivery.created_at).isoformat(),
        "updated_at": localtime(delivery.updated_at).isoformat(),
        "records": sum(summary.get("layers", {}).values()),
        "findings": {severity: summary.get(severity) for severity in SEVERITIES},
    }


def detail(principal: Principal, delivery_id: int) -> dict[str, Any]:
    """One delivery: history, layers with what mapping lost and the version each became, findings by rule."""
    delivery = visible_delivery(principal, delivery_id)
    run, unseen = last_run(delivery), hidden(principal, delivery)
    return {
        **brief(delivery),
        "summary": _summary(delivery, unseen),
        "progress": delivery.progress,
        "mapping": delivery.mapping_name,
        "datasets": [one for one in datasets_of(delivery) if one["layer"] not in unseen.layers],
        "events": [
            {
                "status": event.status,
                "status_zh": event.get_status_display(),
                "at": localtime(event.at).isoformat(),
                "actor": event.actor,
                "reason_zh": event.reason_zh,
                "reason_en": event.reason_en,
                "code": event.code,
            }
            for event in delivery.events.order_by("id")
        ],
        "layers": [
            _layer(one)
            for one in delivery.layers.select_related("version").order_by("id")
            if one.layer_code not in unseen.layers
        ],
        "images": [_image(one) for one in delivery.rasters.order_by("id")],
        "check": _run(run, unseen) if run else None,
        "label_warnings": admission.warnings(delivery) if delivery.status in OPEN else [],
    }


def last_run(delivery: Delivery) -> CheckRun | None:
    return delivery.check_runs.order_by("-id").first()


def _layer(one: DeliveredLayer) -> dict[str, Any]:
    version = one.version
    return {
        "layer": one.layer_code,
        "source": one.source_name,
        "collection": one.collection,
        "role": one.role,
        "records": one.records,
        "crs": one.crs,
        "loss": one.loss,
        "version": None if version is None else {
            "id": version.pk, "number": version.number, "records": version.record_count, "inserted": version.inserted,
            "closed": version.closed, "digest": version.digest, "extent": version.extent,
        },
    }  # fmt: skip


def _image(item: RasterItem) -> dict[str, Any]:
    return {
        "id": item.pk, "name": item.name, "sm3": item.sm3, "size": item.size, "epsg": item.epsg, "gsd_m": item.gsd_m,
        "datetime": item.taken_at.isoformat() if item.taken_at else None, "bands": item.bands,
        "bbox": [item.west, item.south, item.east, item.north],
    }  # fmt: skip


def _summary(delivery: Delivery, unseen: Hidden) -> dict[str, Any]:
    """The summary without the figures of layers that the caller may not see."""
    said = dict(delivery.summary)
    if isinstance(said.get("layers"), dict):
        said["layers"] = {code: number for code, number in said["layers"].items() if code not in unseen.layers}
    if "published" in said:
        said["published"] = [one for one in said["published"] if one["layer"] not in unseen.layers]
    return said


def _run(run: CheckRun, unseen: Hidden) -> dict[str, Any]:
    return {
        "at": localtime(run.at).isoformat(),
        "summary": run.summary,
        "rules_run": run.rules_run,
        "rules_not_run": run.rules_not_run,
        "by_rule": rule_counts(run, unseen),
        "excepted": _seen(run, unseen).exclude(exception=None).count(),
        "reference": run.reference_digest,
        "reports": sorted("pdf" if form == "sheet" else form for form in run.reports),
    }


def rule_counts(run: CheckRun, unseen: Hidden = Hidden()) -> list[dict[str, Any]]:
    """Findings by rule, severity and layer, most severe first; those of unseen layers and records are not counted.

    Nor are those accepted as exceptions.
    """
    rows = _seen(run, unseen).filter(exception=None).order_by().values("rule", "severity", "layer", "clause")
    named = {one.id: one for one in rules_for(load_standard(run.delivery.standard_id)).rules}
    counted: list[dict[str, Any]] = [
        {**row, "name_zh": named[row["rule"]].name_zh, "name_en": named[row["rule"]].name_en}
        if row["rule"] in named
        else {**row, "name_zh": row["rule"], "name_en": row["rule"]}  # a rule of an earlier edition of the pack
        for row in rows.annotate(count=Count("id"))
    ]
    return sorted(counted, key=lambda row: (SEVERITIES.index(row["severity"]), row["rule"], row["layer"]))


def _seen(run: CheckRun, unseen: Hidden) -> QuerySet[Finding]:
    seen = Finding.objects.filter(run=run).exclude(layer__in=unseen.layers)
    return seen.exclude(ids__has_any_keys=sorted(unseen.keys)) if unseen.keys else seen


def progress(principal: Principal, delivery_id: int) -> dict[str, Any]:
    """Status, stage and how far, for a page that asks every second."""
    delivery = visible_delivery(principal, delivery_id)
    return {
        "id": delivery.pk,
        "status": delivery.status,
        "status_zh": delivery.get_status_display(),
        "progress": delivery.progress,
        "working": is_held(delivery.pk),
        "updated_at": localtime(delivery.updated_at).isoformat(),
    }


def findings_page(
    principal: Principal, delivery_id: int, *, rule: str = "", severity: str = "", after: int = 0, limit: int = 500,
    excepted: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Findings of the last check as a GeoJSON FeatureCollection (longitude, latitude), by id; ``next`` is ``after``.

    A finding without a place has ``geometry`` null, as GeoJSON has it. ``exception`` is ``{"id", "status"}`` of the
    exception that stands for it, else null. ``excepted`` asks for those that were accepted before and are not counted.
    """
    delivery = visible_delivery(principal, delivery_id)
    unseen = hidden(principal, delivery)
    limit = max(1, min(limit, ingest_settings().findings_page))
    run = last_run(delivery)
    rows: list[tuple[Any, ...]] = []
    if run is not None:
        with connection.cursor() as cursor:
            cursor.execute(
                'SELECT id, rule, clause, severity, layer, ids, measured, "limit", unit, message_zh, message_en,'
                " remedy_zh, fingerprint, ST_AsGeoJSON(geom, 9) FROM ingest_finding"
                " WHERE run_id = %s AND id > %s AND (%s = '' OR rule = %s) AND (%s = '' OR severity = %s)"
                " AND layer <> ALL(%s) AND NOT ids ?| %s AND (exception_id IS NOT NULL) = %s ORDER BY id LIMIT %s",
                [
                    run.pk, after, rule, rule, severity, severity, sorted(unseen.layers), sorted(unseen.keys), excepted,
                    limit + 1,
                ],
            )  # fmt: skip
            rows = cursor.fetchall()
    following = rows[limit - 1][0] if len(rows) > limit else None
    features = [_feature(row) for row in rows[:limit]]
    standing = _exceptions_of(delivery, [one["properties"]["fingerprint"] for one in features])
    for one in features:
        one["properties"]["exception"] = standing.get(one["properties"]["fingerprint"])
    return {"type": "FeatureCollection", "features": features, "next": following}


def _exceptions_of(delivery: Delivery, fingerprints: list[str]) -> dict[str, dict[str, Any]]:
    """Exceptions that stand (proposed or confirmed) by fingerprint."""
    rows = FindingException.objects.filter(
        standard_id=delivery.standard_id, division_code__startswith=delivery.division_code[:6],
        fingerprint__in=fingerprints, status__in=(FindingException.Status.PROPOSED, FindingException.Status.CONFIRMED),
    )  # fmt: skip
    return {
        one.fingerprint: {"id": one.pk, "status": one.status, "status_zh": one.get_status_display()} for one in rows
    }


def _feature(row: tuple[Any, ...]) -> dict[str, Any]:
    names = (
        "rule", "clause", "severity", "layer", "ids", "measured", "limit", "unit", "message_zh", "message_en", "remedy_zh",
        "fingerprint",
    )  # fmt: skip
    properties = dict(zip(names, row[1:13], strict=True))
    if isinstance(properties["ids"], str):
        properties["ids"] = json.loads(properties["ids"])
    return {
        "type": "Feature", "id": row[0], "properties": properties, "geometry": json.loads(row[13]) if row[13] else None
    }  # fmt: skip
