"""House API of documents: public verification, the register of licences. 核验与证照接口."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import FileResponse, HttpRequest, HttpResponse
from ninja import File, Router, Schema, UploadedFile

from kunyu.engines.documents import file_verifying, licence_states, queries, verifying
from kunyu.engines.documents.models import Archive, Document, Licence
from kunyu.engines.security import audit, public_limits
from kunyu.engines.security.protection import object_store
from kunyu.engines.security.scope import APPROVE, DOWNLOAD, Principal

verify_router = Router(tags=["verification"])
router = Router(tags=["licences"])
MOST = 200


class ActBody(Schema):
    """Why, and on which article of law."""

    reason: str
    basis: str


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


@verify_router.get("/{number}", auth=None)
def verify_number(request: HttpRequest, number: str, response: HttpResponse) -> dict[str, Any]:
    """What is public of a licence or document: by number, identifier or verification code. Needs no account."""
    public_limits.take(request, public_limits.VERIFY)
    response["Cache-Control"] = "no-store"
    return verifying.verification_json(verifying.verify(number))


@verify_router.post("/", auth=None)
def verify_file(request: HttpRequest, response: HttpResponse, file: UploadedFile = File(...)) -> dict[str, Any]:
    """Verify a PDF or OFD: forged, altered, revoked, replaced, valid. The file is not kept. Needs no account."""
    public_limits.take(request, public_limits.VERIFY_FILE)
    response["Cache-Control"] = "no-store"
    verdict = file_verifying.verify_upload(file)
    return {
        "answer": verdict.answer, "words_zh": verdict.words[0], "words_en": verdict.words[1], "sm3": verdict.sm3,
        "why_zh": verdict.why[0], "why_en": verdict.why[1], "signatures": [one[0] for one in verdict.signatures],
        "licence": verifying.verification_json(verdict.licence) if verdict.licence else None,
    }  # fmt: skip


def licence_json(principal: Principal, one: Licence) -> dict[str, Any]:
    """One licence, JSON-ready; holders' codes stand masked."""
    return {
        "id": one.pk, "number": one.number, "identifier": one.identifier, "version": one.version, "kind": one.kind,
        "state": one.state, "issuer": one.issuer_zh, "holder": queries.holder_shown(principal, one),
        "holder_code": one.holder_code_masked, "project_code": one.project_code, "division": one.division_code,
        "subject": one.subject, "issued_on": one.issued_on.isoformat(),
        "valid_to": one.valid_to.isoformat() if one.valid_to else None, "facts": {name[0]: value for name, value in one.shown_facts},
    }  # fmt: skip


@router.get("/")
def licences(request: HttpRequest, state: str = "", before: int | None = None, limit: int = 50) -> dict[str, Any]:
    """Licences in the caller's reach, newest first; ``next`` is the ``before`` of the following page."""
    principal = _principal(request)
    rows = queries.licences(principal).order_by("-pk")
    if state:
        rows = rows.filter(state=state)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    limit = max(1, min(limit, MOST))
    found = list(rows[: limit + 1])
    shown = found[:limit]
    return {
        "licences": [licence_json(principal, one) for one in shown],
        "next": shown[-1].pk if len(found) > limit else None,
    }


@router.get("/{int:licence_id}")
def one_licence(request: HttpRequest, licence_id: int) -> dict[str, Any]:
    """One licence with its history."""
    principal = _principal(request)
    one = queries.licence_of(principal, licence_id)
    events = [
        {"at": event.at.isoformat(), "act": event.act, "before": event.before, "state": event.state, "reason": event.reason,
         "basis": event.basis, "actor": event.actor}
        for event in one.events.all()
    ]  # fmt: skip
    return {**licence_json(principal, one), "previous": one.previous_id, "events": events}


@router.get("/{int:licence_id}/file")
def licence_file(request: HttpRequest, licence_id: int, form: str = "pdf") -> Any:
    """The sealed file: ``form=pdf`` or ``ofd``. Needs the right to download."""
    principal = _principal(request)
    return file_answer(principal, queries.licence_of(principal, licence_id, DOWNLOAD), form)


def file_answer(principal: Principal, licence: Licence, form: str) -> FileResponse:
    """The file of a licence as an answer, on record; who may have it was decided before."""
    document = licence.ofd if form == "ofd" else licence.pdf
    if document is None:
        raise queries.UnknownLicence(
            f"证照 {licence.number} 没有 {form.upper()} 文件。", f"Licence {licence.number} has no {form.upper()} file."
        )
    return document_answer(principal, document, f"{licence.number}.{'ofd' if form == 'ofd' else 'pdf'}")


def package_answer(principal: Principal, archive: Archive, name: str) -> FileResponse:
    """An archive package as an answer, on record; for whoever has decided that the caller may have it."""
    with transaction.atomic():
        audit.record(principal, "document-read", "archive", archive.subject, sm3=archive.sm3)
    return FileResponse(
        object_store().open(archive.sm3), as_attachment=True, filename=name, content_type="application/zip",
        headers={"Cache-Control": "private, no-store"},
    )  # fmt: skip


def document_answer(principal: Principal, document: Document, name: str) -> FileResponse:
    """A document's file as an answer, on record; for whoever has decided that the caller may have it."""
    with transaction.atomic():
        audit.record(principal, "document-read", "document", document.pk, kind=document.kind, number=document.number)
    return FileResponse(
        object_store().open(document.sm3), as_attachment=True, filename=name, content_type=document.media_type,
        headers={"Cache-Control": "private, no-store"},
    )  # fmt: skip


@router.post("/{int:licence_id}/suspend")
def suspend(request: HttpRequest, licence_id: int, body: ActBody) -> dict[str, Any]:
    """Suspend a licence; needs the right to approve there."""
    return _acted(request, licence_id, body, licence_states.suspend)


@router.post("/{int:licence_id}/resume")
def resume(request: HttpRequest, licence_id: int, body: ActBody) -> dict[str, Any]:
    """Put a suspended licence into force again."""
    return _acted(request, licence_id, body, licence_states.resume)


def _acted(request: HttpRequest, licence_id: int, body: ActBody, act: Any) -> dict[str, Any]:
    principal = _principal(request)
    one = queries.licence_of(principal, licence_id, APPROVE)
    return licence_json(principal, act(principal, one.pk, body.reason, body.basis))
