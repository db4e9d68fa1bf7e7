"""``/api/map/exports``: ask for a file, follow its job, fetch it. 导出接口."""

from __future__ import annotations

from typing import Any, Literal

from django.http import FileResponse, HttpRequest, HttpResponseBase
from ninja import Field, Router, Schema

from kunyu.engines.maps.exports import services
from kunyu.engines.maps.models import Export

router = Router(tags=["map"])


class ExportIn(Schema):
    """What is wanted. ``bbox`` west, south, east, north and ``geometry`` (a polygon) in degrees, longitude first."""

    collection: str = Field(max_length=60)
    format: Literal["gpkg", "shp", "geojson", "csv", "parquet", "dxf"]
    filter: str | None = Field(None, max_length=200_000)
    filter_lang: Literal["cql2-text", "cql2-json"] | None = None
    filter_crs: str | None = None
    bbox: list[float] | None = Field(None, min_length=4, max_length=4)
    geometry: dict[str, Any] | None = None
    valid_at: str | None = None
    known_at: str | None = None
    datetime: str | None = None
    properties: list[str] | None = Field(None, max_length=400)
    crs: str | None = None
    encoding: Literal["UTF-8", "GBK"] = "UTF-8"


class ExportOut(Schema):
    """Where an export stands; ``download`` is there once the file is. ``attempts`` above 1: its worker was interrupted."""

    id: int
    collection: str
    format: str
    state: str
    records: int | None
    done: int
    attempts: int
    size: int | None
    file_name: str
    download: str | None
    asked_at: str
    finished_at: str | None
    expires_at: str | None
    error: dict[str, str] | None


def _out(export: Export) -> dict[str, Any]:
    is_done = export.state == Export.State.DONE
    error = {"code": export.error_code, "detail_zh": export.error_zh, "detail_en": export.error_en}
    return {
        "id": export.pk, "collection": export.collection, "format": export.format, "state": export.state,
        "records": export.records, "done": export.done, "attempts": export.attempts, "size": export.size, "file_name": export.file_name,
        "download": f"/api/map/exports/{export.pk}/file" if is_done else None,
        "asked_at": export.asked_at.isoformat(), "error": error if export.error_code else None,
        "finished_at": export.finished_at.isoformat() if export.finished_at else None,
        "expires_at": export.expires_at.isoformat() if export.expires_at else None,
    }  # fmt: skip


@router.post("", response={202: ExportOut}, summary="申请导出 / ask for an export")
def ask(request: HttpRequest, body: ExportIn) -> tuple[int, dict[str, Any]]:
    """Queue the job; progress stands at the answer's own address and in the worklist."""
    wanted = {name: value for name, value in body.dict().items() if value is not None and name != "collection"}
    return 202, _out(services.ask(request.principal, body.collection, wanted))  # type: ignore[attr-defined]


@router.get("", response=list[ExportOut], summary="我的导出 / my exports")
def newest(request: HttpRequest) -> list[dict[str, Any]]:
    """The newest fifty, newest first."""
    return [_out(one) for one in services.newest(request.principal)]  # type: ignore[attr-defined]


@router.get("/{int:export_id}", response=ExportOut, summary="一个导出 / one export")
def one(request: HttpRequest, export_id: int) -> dict[str, Any]:
    """Where it stands."""
    return _out(services.own(request.principal, export_id))  # type: ignore[attr-defined]


@router.get(
    "/{int:export_id}/file",
    summary="下载 / download",
    openapi_extra={"responses": {200: {"content": {"application/octet-stream": {}}}}},
)
def file(request: HttpRequest, export_id: int) -> HttpResponseBase:
    """The file, whole or not at all."""
    found, content = services.fetch_file(request.principal, export_id)  # type: ignore[attr-defined]
    response = FileResponse(content, as_attachment=True, filename=found.file_name)
    response["Content-Type"] = "application/octet-stream"
    if found.size is not None:
        response["Content-Length"] = str(found.size)
    response["Cache-Control"] = "private, no-store"
    return response
