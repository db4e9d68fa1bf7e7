"""received → mapped → checked → accepted | returned, step by step; every step can be taken up again after a crash.

A step writes its rows and the new status in one transaction, so a killed worker leaves the delivery at the last
whole step. The verdict: any finding of severity S returns a delivery of a standard that a pack has rules for (scoring
of the 质检规则: any S fails the package). Z, Q and W are reported and do not return it. Data of foreign schema have no
such law: they are accepted with their findings, and what cannot be stored is refused when it is mapped or published.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db import transaction

from kunyu.engines.catalogue.models import Layer as CatalogueLayer
from kunyu.engines.ingest import findings, geoparquet, placing, raster, references
from kunyu.engines.ingest.acting import deliverer
from kunyu.engines.ingest.admission import purge, require_admitted, require_target
from kunyu.engines.ingest.checks.reference import Reference, accepted_by
from kunyu.engines.ingest.checks.reference_file import read_pack
from kunyu.engines.ingest.checks.reference_trust import only
from kunyu.engines.ingest.checks.report.html import render_sheet
from kunyu.engines.ingest.checks.report.write import write_report
from kunyu.engines.ingest.checks.runner import CheckReport
from kunyu.engines.ingest.checks.runner import run as run_checks
from kunyu.engines.ingest.local_rules import rule_sets_for
from kunyu.engines.ingest.mapping import MappedDelivery, MappedLayer
from kunyu.engines.ingest.models import CheckRun, DeliveredLayer, Delivery
from kunyu.engines.ingest.opened import is_raster, laid_out, nothing_inside, opened
from kunyu.engines.ingest.prefetch import ahead
from kunyu.engines.ingest.receive import default_valid_from, disk_full
from kunyu.engines.ingest.running import Run
from kunyu.engines.ingest.services import UNFINISHED, Reason, Status, change_status, get_delivery
from kunyu.engines.ingest.settings import ingest_settings
from kunyu.engines.ingest.storage import object_store, protects_delivery
from kunyu.engines.ingest.worklist import job_of
from kunyu.engines.security.errors import NotInThisZone
from kunyu.engines.security.keys import node_signer
from kunyu.engines.security.protection import must_protect
from kunyu.engines.security.scope import Principal, operator
from kunyu.kernel.errors import KunyuError

YEAR_FIELD = "SJNF"
REPORT_FORMS = ("json", "html", "gpkg", "docx")
SHEET = "sheet"


def process(delivery_id: int, listener: Any = None) -> Delivery:
    """Take a delivery from where it stands to its verdict; one that has a verdict is answered as it is.

    Raises
    ------
    InProgress
        Another worker holds it.
    KunyuError
        It could not be read, mapped or checked: the delivery is then ``failed``, with an event that says why.
    """
    with Run(delivery_id, listener) as run:
        delivery = get_delivery(delivery_id)
        if delivery.status not in UNFINISHED:
            return delivery
        run.report(job_of(delivery, "check", delivery.created_by))
        actor = Principal(delivery.created_by, origin="worker")
        try:
            run.require_attempt()
            require_target(delivery.standard_id, delivery.dataset_code)
            actor = deliverer(delivery)
            return _steps(delivery, actor, run)
        except Exception as error:
            told = _told(delivery, error)
            change_status(delivery_id, Status.FAILED, actor, Reason.of(told))
            if isinstance(error, NotInThisZone):
                purge(delivery)
            if told is error:
                raise
            raise told from error


def _told(delivery: Delivery, error: Exception) -> Exception:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return disk_full(delivery.file_name, error)
    return error


def _steps(delivery: Delivery, actor: Principal, run: Run) -> Delivery:
    if delivery.status == Status.CHECKED:
        return _judge(delivery, actor)
    with laid_out(delivery) as file:
        if is_raster(delivery):
            return raster.process(delivery, file, actor, run)
        with opened(delivery, file) as mapped:
            if delivery.status == Status.RECEIVED:
                delivery = map_layers(delivery, mapped, file.parent, actor, run)
            delivery = _check(delivery, mapped, file.parent, actor, run)
    return _judge(delivery, actor)


def map_layers(delivery: Delivery, mapped: MappedDelivery, folder: Path, actor: Principal, run: Run) -> Delivery:
    """received → mapped: every layer the catalogue stores, in the standard's words, as GeoParquet."""
    started = time.perf_counter()
    collections = dict(CatalogueLayer.objects.filter(standard_id=mapped.standard.id).values_list("code", "collection"))
    layers = [one for one in mapped.layers if one.spec.code in collections]
    if not layers:
        raise nothing_inside(delivery)
    for one in layers:
        require_admitted(collections[one.spec.code])
        placing.require_crs(one)
    total, done, years = sum(one.source_rows for one in layers), 0, set[int]()
    found: list[DeliveredLayer] = []
    for one in layers:
        stored = _write_layer(
            delivery, one, folder, years, lambda rows, before=done: run.show("map", before + rows, total)
        )
        stored.collection = collections[one.spec.code]
        found.append(stored)
        done += one.source_rows
    values: dict[str, Any] = {
        "is_incremental": any(one.spec.role in ("update", "process") for one in layers),
        "summary": {
            **delivery.summary,
            "layers": {one.layer_code: one.records for one in found},
            "unmatched": list(mapped.unmatched),
            "stage_seconds": {"map": round(time.perf_counter() - started, 3)},
        },
    }
    if years and not delivery.summary.get("valid_from_given"):
        values["valid_from"] = default_valid_from(max(years))
    with transaction.atomic():
        delivery.layers.all().delete()
        DeliveredLayer.objects.bulk_create(found)
        return change_status(delivery.pk, Status.MAPPED, actor, **values)


def _write_layer(delivery: Delivery, layer: MappedLayer, folder: Path, years: set[int], seen: Any) -> DeliveredLayer:
    limits = ingest_settings()
    bounds = placing.Bounds(layer)
    path = folder / f"mapped-{layer.spec.code}.parquet"
    records = geoparquet.write(
        path, layer.schema, map(bounds.see, ahead(_watched(layer, years))), crs=layer.crs, geometry=layer.spec.geometry,
        batch_vertices=limits.batch_vertices, batch_rows=limits.batch_rows, seen=seen,
    )  # fmt: skip
    placing.require_place(layer, bounds.box, delivery.division_code)
    reference = object_store().put_file(path, protect=protects_delivery(delivery))
    path.unlink()
    return DeliveredLayer(
        delivery=delivery,
        source_name=", ".join(source.name for source in layer.sources)[:255],
        layer_code=layer.spec.code,
        role=layer.spec.role,
        records=records,
        crs=f"EPSG:{layer.epsg}" if layer.epsg else (layer.crs or "")[:80],
        mapped_sm3=reference.sm3,
        loss=layer.loss.to_dict(),
    )


def _watched(layer: MappedLayer, years: set[int]) -> Iterator[pa.RecordBatch]:
    has_year = any(field.code == YEAR_FIELD for field in layer.spec.fields)
    for batch in layer.batches(ingest_settings().batch_rows):
        if has_year:
            latest = pc.max(batch.column(batch.schema.get_field_index(YEAR_FIELD))).as_py()
            if latest is not None and 1949 < latest < 2200:
                years.add(int(latest))
        yield batch


def _check(delivery: Delivery, mapped: MappedDelivery, folder: Path, actor: Principal, run: Run) -> Delivery:
    started = time.perf_counter()
    reference, pack = _reference(delivery, mapped, folder, run)
    report = run_checks(
        mapped, mapped.standard, reference=reference, local=rule_sets_for(mapped.standard),
        division=delivery.division_code, year=delivery.valid_from.year, input_sm3=delivery.input_sm3,
        progress=lambda what, done, total: run.show(f"check {what}".strip(), done, total),
    )  # fmt: skip
    reports = _write_reports(report, folder, run, protect=protects_delivery(delivery))
    seconds = {**delivery.summary.get("stage_seconds", {}), "check": round(time.perf_counter() - started, 3)}
    summary = {**delivery.summary, **report.summary, "stage_seconds": seconds, "binding": _is_binding(report)}
    with transaction.atomic():
        checked = CheckRun.objects.create(
            delivery=delivery, standard_digest=report.standard_digest, rules_run=list(report.rules_run),
            rules_not_run=[{"rule": one.rule, "reason": one.reason} for one in report.rules_not_run],
            report_sm3=reports["json"], reports=reports, summary=report.summary, reference_sm3=pack,
            reference_digest=reference.digest,
        )  # fmt: skip
        findings.store(checked, report.findings, report.excepted, accepted_by(reference))
        return change_status(delivery.pk, Status.CHECKED, actor, summary=summary)


def _reference(delivery: Delivery, mapped: MappedDelivery, folder: Path, run: Run) -> tuple[Reference, str]:
    """Put together and store what the node knows for these layers; the check reads the pack that others may download.

    The node's own knowledge is asked for, whoever delivers: a verdict does not depend on the deliverer's rights.
    """
    run.show("reference", 0, 1)
    path = folder / "pack.kyref"
    wanted = references.needed_parts(mapped.standard, {one.spec.code for one in mapped.layers})
    issued = references.write(
        mapped.standard, delivery.division_code, operator("worker"), wanted, path, delivery.valid_from.year
    )
    protect = protects_delivery(delivery) or must_protect(issued.collections)
    stored = object_store().put_file(path, protect=protect)
    reference = read_pack(path, only([node_signer().public_key]))
    path.unlink()
    return reference, stored.sm3


def _write_reports(report: CheckReport, folder: Path, run: Run, *, protect: bool) -> dict[str, str]:
    """Store the report in every form while what was checked is at hand: drawings show a finding's surroundings."""
    digests = {}
    for number, form in enumerate(REPORT_FORMS):
        run.show(f"report {form}", number, len(REPORT_FORMS))
        path = folder / f"report.{form}"
        write_report(report, path)
        digests[form] = object_store().put_file(path, protect=protect).sm3
        path.unlink()
    # what the PDF is made from when somebody asks for it: most deliveries are never printed
    sheet = object_store().put_bytes(render_sheet(report).encode(), protect=protect)
    return {**digests, SHEET: sheet.sm3}


def _is_binding(report: CheckReport) -> bool:
    """Whether a pack speaks for this standard; general rules alone inform, they do not return a delivery."""
    return any(not rule.general for rule in report.rules)


def _judge(delivery: Delivery, actor: Principal) -> Delivery:
    serious = int(delivery.summary.get("S", 0))
    if serious and delivery.summary.get("binding"):
        why = Reason(
            f"有 {serious} 处严重缺陷（S），任一严重缺陷即整包不合格。请按质检报告更正后重新汇交。",
            f"{serious} findings of severity S; any of them fails the package. Correct them after the report and deliver "
            "again.",
        )
        return change_status(delivery.pk, Status.RETURNED, actor, why)
    return change_status(delivery.pk, Status.ACCEPTED, actor, progress={"stage": "accepted", "done": 1, "total": 1})


def unfinished() -> list[int]:
    """Deliveries that a worker should take up: new ones, and those a killed worker left behind."""
    return list(Delivery.objects.filter(status__in=UNFINISHED).order_by("id").values_list("id", flat=True))


def process_quietly(delivery_id: int) -> None:
    """As ``process`` for a task worker: what went wrong stands on the delivery, so the job itself is done."""
    try:
        process(delivery_id)
    except KunyuError:
        return
