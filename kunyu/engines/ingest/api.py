"""House API of deliveries: list, one, findings, reports, progress; hand in, publish, reject."""

from __future__ import annotations

import datetime
from io import BytesIO
from typing import Any

from django.http import FileResponse, HttpRequest
from ninja import File, Form, Query, Router, Schema, UploadedFile
from ninja.utils import check_csrf

from kunyu.engines.ingest import access, queries, services
from kunyu.engines.ingest.errors import UnknownReport
from kunyu.engines.ingest.guards import require_unguarded
from kunyu.engines.ingest.models import Delivery
from kunyu.engines.ingest.uploads import hand_in
from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.headers import DOCUMENT_POLICY
from kunyu.engines.security.scope import APPROVE, DOWNLOAD, QUERY, Principal

router = Router(tags=["deliveries"])

REPORT_TYPES = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "gpkg": "application/geopackage+sqlite3",
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


class ListQuery(Schema):
    status: str = ""
    division: str = ""
    standard: str = ""
    before: int | None = None
    limit: int = 50


class UploadForm(Schema):
    division: str
    standard: str = ""
    dataset: str = ""
    mapping: str = ""
    valid_from: datetime.date | None = None


class RejectBody(Schema):
    why: str


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


def _require_own_page(request: HttpRequest) -> None:
    """A browser session must prove that the request comes from our page; a token proves itself."""
    if request.headers.get("Authorization", "").lower().startswith("bearer "):
        return
    if check_csrf(request) is not None:
        raise NotAllowed(
            "请求缺少页面校验（CSRF）标记。请刷新页面重试，程序请使用访问令牌。",
            "The request lacks the page's CSRF token. Reload the page; programs use an access token.",
        )


@router.get("")
def list_deliveries(request: HttpRequest, asked: Query[ListQuery]) -> dict[str, Any]:
    """Deliveries the caller may see, newest first; ``next`` is the ``before`` of the following page."""
    found, following = queries.deliveries(_principal(request), queries.Asked(**asked.dict()))
    return {"deliveries": [queries.brief(one) for one in found], "next": following}


@router.post("", response={202: dict[str, Any]})
def upload(request: HttpRequest, form: Form[UploadForm], file: UploadedFile = File(...)) -> Any:
    """Hand in a file; a task worker maps and checks it. ``existing`` tells a second click."""
    _require_own_page(request)
    received = hand_in(
        _principal(request), file, division=form.division, standard_id=form.standard, dataset_code=form.dataset,
        mapping_name=form.mapping, valid_from=form.valid_from,
    )  # fmt: skip
    return 202, {**queries.brief(received.delivery), "existing": received.existing}


@router.get("/{int:delivery_id}")
def delivery(request: HttpRequest, delivery_id: int) -> dict[str, Any]:
    """One delivery in full."""
    return queries.detail(_principal(request), delivery_id)


@router.get("/{int:delivery_id}/progress")
def progress(request: HttpRequest, delivery_id: int) -> dict[str, Any]:
    """Where the work stands now."""
    return queries.progress(_principal(request), delivery_id)


@router.get("/{int:delivery_id}/findings")
def findings(
    request: HttpRequest, delivery_id: int, rule: str = "", severity: str = "", after: int = 0, limit: int = 500
) -> dict[str, Any]:
    """Findings as GeoJSON, paged by id."""
    return queries.findings_page(
        _principal(request), delivery_id, rule=rule, severity=severity, after=after, limit=limit
    )


@router.get("/{int:delivery_id}/report.{form}")
def report(request: HttpRequest, delivery_id: int, form: str) -> FileResponse:
    """The report of the last check: json (canonical), html, gpkg; the sheet to sign as docx or pdf."""
    from kunyu.engines.ingest.checks.report.write import pdf_of
    from kunyu.engines.ingest.storage import object_store

    found = access.visible_delivery(_principal(request), delivery_id)
    access.require_whole(_principal(request), found, QUERY)
    run = queries.last_run(found)
    stored = run.reports.get("sheet" if form == "pdf" else form) if run is not None and form in REPORT_TYPES else None
    if stored is None:
        raise UnknownReport(
            f"汇交批次 {delivery_id} 没有 {form} 格式的质检报告。检查完成后才有报告，格式：{'、'.join(REPORT_TYPES)}。",
            f"Delivery {delivery_id} has no report as {form}. Reports exist once it is checked: {', '.join(REPORT_TYPES)}.",
        )
    content = object_store().open(stored)
    if form == "pdf":
        content = BytesIO(pdf_of(content.read().decode()))
    answer = FileResponse(content, content_type=REPORT_TYPES[form])
    disposition = "inline" if form in ("html", "json") else "attachment"
    answer["Content-Disposition"] = f'{disposition}; filename="delivery-{delivery_id}-report.{form}"'
    answer["Content-Security-Policy"] = DOCUMENT_POLICY
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    answer["Cache-Control"] = "private"
    return answer


@router.get("/{int:delivery_id}/file")
def delivered_file(request: HttpRequest, delivery_id: int) -> FileResponse:
    """The file as it was handed in."""
    from kunyu.engines.ingest.storage import object_store

    found = access.actionable(_principal(request), delivery_id, DOWNLOAD)
    access.require_whole(_principal(request), found, DOWNLOAD)
    access.require_clear(_principal(request), found)
    return FileResponse(object_store().open(found.input_sm3), as_attachment=True, filename=found.file_name)


@router.get("/{int:delivery_id}/reference")
def delivered_reference(request: HttpRequest, delivery_id: int) -> FileResponse:
    """The reference pack the delivery was checked by, for whoever may download all that it holds."""
    from kunyu.engines.ingest import issued_packs

    return issued_packs.of_delivery(_principal(request), delivery_id)


@router.post("/{int:delivery_id}/publish", response={202: dict[str, Any]})
def publish(request: HttpRequest, delivery_id: int) -> Any:
    """Have a task worker publish an accepted delivery; watch ``progress``."""
    _require_own_page(request)
    return 202, queries.brief(start_publishing(_principal(request), delivery_id))


@router.post("/{int:delivery_id}/reject")
def reject(request: HttpRequest, delivery_id: int, body: RejectBody) -> dict[str, Any]:
    """Close a delivery with a reason."""
    _require_own_page(request)
    principal = _principal(request)
    access.actionable(principal, delivery_id, APPROVE)
    return queries.brief(services.reject(delivery_id, body.why, principal))


def start_publishing(principal: Principal, delivery_id: int) -> Delivery:
    """Queue the publication of an accepted delivery for ``principal``."""
    from kunyu.engines.ingest.tasks import publish_delivery

    found = access.actionable(principal, delivery_id, APPROVE)
    if found.status != services.Status.ACCEPTED:
        raise services.wrong_status(found, services.Status.PUBLISHED)
    require_unguarded(found)
    publish_delivery.defer(
        delivery_id=delivery_id, actor=principal.name, origin=principal.origin, user_id=principal.user_id
    )
    return found
