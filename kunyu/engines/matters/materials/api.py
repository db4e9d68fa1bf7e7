"""``/api/cases/…/materials``: upload, list, download, pages as pictures, search. 材料接口.

Files go out as attachments only, pages as pictures only: nothing that somebody uploaded ever runs in a browser.
"""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from ninja import Field, Router, Schema

from kunyu.engines.matters.cases import applying
from kunyu.engines.matters.materials import access, pictures, queries, standing_in, taking
from kunyu.engines.matters.materials.refusals import refuse
from kunyu.engines.matters.materials.settings import MIB, material_settings
from kunyu.engines.matters.models import Material
from kunyu.engines.security import audit
from kunyu.engines.security.headers import DOCUMENT_POLICY
from kunyu.engines.security.protection import object_store
from kunyu.engines.security.scope import Principal

router = Router(tags=["materials"])
_PICTURE_SECONDS = 3_600
_OTHER_PARTS = 1 << 20


class ReuseBody(Schema):
    """An earlier material of the same applicant."""

    kind: str = Field(max_length=60)
    material: int


class LicenceBody(Schema):
    """A licence of the register that stands in for a paper."""

    kind: str = Field(max_length=60)
    number: str = Field(max_length=80)


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


@router.get("/applications/{int:application_id}/materials", summary="材料清单 / materials of an application")
def listed(request: HttpRequest, application_id: int) -> dict[str, Any]:
    """Every kind the matter asks for with its versions, newest first."""
    return queries.listed(_principal(request), application_id)


_UPLOAD = {
    "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": {
        "type": "object", "required": ["kind", "file"],
        "properties": {
            "kind": {"type": "string", "maxLength": 60, "description": "code of the material in the matter's list"},
            "scanned": {"type": "boolean", "description": "scanned at a counter, by the office"},
            "file": {"type": "string", "format": "binary"},
        },
    }}}}
}  # fmt: skip


@router.post(
    "/applications/{int:application_id}/materials", response={200: dict[str, Any], 201: dict[str, Any]},
    summary="上传材料 / upload a material", openapi_extra=_UPLOAD,
)  # fmt: skip
def upload(request: HttpRequest, application_id: int) -> tuple[int, dict[str, Any]]:
    """A new version of a kind: 201; the same file as the newest version: 200 with that version, nothing written.

    Who asks and how much is announced is looked at before the body is.
    """
    principal = _principal(request)
    with transaction.atomic():
        access.changed_application(principal, application_id)
    _require_announced(request)
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile):
        raise refuse("—", "no_file", "没有随请求上传", "did not come with the request", "请选择文件后再提交",
                     "Choose a file and send it as the part 'file'")  # fmt: skip
    is_scan = request.POST.get("scanned", "").lower() in ("true", "1", "on")
    taken = taking.taken(
        principal, application_id, request.POST.get("kind", ""), file.name or "material", file,
        source=Material.Source.COUNTER if is_scan else Material.Source.UPLOAD,
    )  # fmt: skip
    return 200 if taken.existing else 201, {**queries.brief(taken.material), "existing": taken.existing}


def _require_announced(request: HttpRequest) -> None:
    """Refuse by what the request says of its length, so that nobody sends a gigabyte to be told."""
    limit = material_settings().material_mb
    announced = int(request.META.get("CONTENT_LENGTH") or 0)
    if announced > limit * MIB + _OTHER_PARTS:
        raise taking.too_large("（上传的文件）", announced, limit)


@router.get("/applications/{int:application_id}/materials/earlier", summary="可再用的材料 / earlier materials")
def earlier(request: HttpRequest, application_id: int) -> list[dict[str, Any]]:
    """Materials of the same applicant that may be handed in again."""
    return [queries.brief(one) for one in standing_in.earlier_materials(_principal(request), application_id)]


@router.post(
    "/applications/{int:application_id}/materials/reuse", response={201: dict[str, Any]},
    summary="再用以前的材料 / reuse an earlier material",
)  # fmt: skip
def reuse(request: HttpRequest, application_id: int, body: ReuseBody) -> tuple[int, dict[str, Any]]:
    """The same file as a version of this application."""
    return 201, queries.brief(standing_in.reuse(_principal(request), application_id, body.kind, body.material))


@router.get("/applications/{int:application_id}/materials/licences", summary="可代替的证照 / licences that stand in")
def licences(request: HttpRequest, application_id: int, kind: str) -> list[dict[str, Any]]:
    """Valid licences of the applicant that may stand in for a kind (免提交)."""
    return [
        {"number": one.number, "kind": one.kind, "issuer_zh": one.issuer_zh, "issued_on": one.issued_on.isoformat(),
         "valid_to": one.valid_to.isoformat() if one.valid_to else None}
        for one in standing_in.licences_for(_principal(request), application_id, kind)
    ]  # fmt: skip


@router.post(
    "/applications/{int:application_id}/materials/licence", response={201: dict[str, Any]},
    summary="以证照代替 / let a licence stand in",
)  # fmt: skip
def stand_in(request: HttpRequest, application_id: int, body: LicenceBody) -> tuple[int, dict[str, Any]]:
    """The licence's file as a version of this application."""
    return 201, queries.brief(standing_in.stand_in(_principal(request), application_id, body.kind, body.number))


@router.get("/applications/{int:application_id}/materials/search", summary="在材料中查找 / search in materials")
def search(request: HttpRequest, application_id: int, q: str) -> dict[str, Any]:
    """Pages and lines of the newest materials that hold ``q`` (two letters or more)."""
    return {"hits": queries.search(_principal(request), application_id, q), "most": queries.MOST_HITS}


@router.post("/applications/{int:application_id}/materials/{int:material_id}/withdraw", summary="撤下材料 / take out")
def withdraw(request: HttpRequest, application_id: int, material_id: int) -> dict[str, Any]:
    """Take a version out; it stays on record."""
    return queries.brief(taking.withdraw(_principal(request), application_id, material_id))


@router.get("/materials/{int:material_id}", summary="一份材料 / one material")
def one(request: HttpRequest, material_id: int) -> dict[str, Any]:
    """One version with what was read of it."""
    return queries.detail(_principal(request), material_id)


@router.get(
    "/materials/{int:material_id}/file", summary="下载原件 / download",
    openapi_extra={"responses": {200: {"content": {"application/octet-stream": {}}}}},
)  # fmt: skip
def file(request: HttpRequest, material_id: int) -> HttpResponseBase:
    """The file as it was handed in, to be saved and never shown by the browser."""
    principal = _principal(request)
    material = access.seen_material(principal, material_id)
    _record(principal, material, "material-downloaded")
    answer = FileResponse(
        object_store().open(material.sm3), as_attachment=True, filename=material.file_name,
        content_type=material.media_type,
    )  # fmt: skip
    answer["Content-Length"] = str(material.size)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = DOCUMENT_POLICY
    answer["Cache-Control"] = "private, no-store"
    return answer


@router.get(
    "/materials/{int:material_id}/pages/{int:page}.png", summary="页面图 / a page as a picture",
    openapi_extra={"responses": {200: {"content": {"image/png": {}}}}},
)  # fmt: skip
def page(request: HttpRequest, material_id: int, page: int) -> HttpResponseBase:
    """A page as a picture, for reading beside the map."""
    principal = _principal(request)
    material = access.seen_material(principal, material_id)
    tag = pictures.entity_tag(material, page)
    if request.headers.get("If-None-Match") == tag:
        answer = HttpResponse(status=304)
    else:
        answer = HttpResponse(pictures.picture(material, page), content_type="image/png")
        if page == 1:
            _record(principal, material, "material-looked-at")
    answer["ETag"] = tag
    answer["Cache-Control"] = f"private, max-age={_PICTURE_SECONDS}"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _record(principal: Principal, material: Material, act: str) -> None:
    """Who looked at papers of others; one's own are one's own."""
    if not applying.is_mine(principal, material.application):
        with transaction.atomic():
            audit.record(principal, act, "material", material.pk, application=material.application_id, sm3=material.sm3)
