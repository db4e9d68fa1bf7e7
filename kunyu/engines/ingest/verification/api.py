"""House API of verifications: list, one, findings, result; start one."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse, HttpRequest
from ninja import Router, Schema

from kunyu.engines.ingest.api import _principal, _require_own_page
from kunyu.engines.ingest.verification import access, queries, services
from kunyu.engines.ingest.verification.errors import UnknownVerification
from kunyu.engines.ingest.verification.tasks import verify_map
from kunyu.engines.security.errors import NotAllowed

router = Router(tags=["verifications"])


class StartBody(Schema):
    division: str


@router.get("")
def list_verifications(
    request: HttpRequest, division: str = "", before: int | None = None, limit: int = 50
) -> dict[str, Any]:
    """Runs the caller may see, newest first; ``next`` is the ``before`` of the following page."""
    return queries.verifications(_principal(request), division=division, before=before, limit=limit)


@router.post("", response={202: dict[str, Any]})
def start(request: HttpRequest, body: StartBody) -> Any:
    """Verify a county; a task worker runs it. ``existing`` tells a second click."""
    _require_own_page(request)
    started = begin(request, body.division)
    return 202, {**queries.brief(started.verification), "existing": started.existing}


def begin(request: HttpRequest, division: str) -> services.Started:
    """Start for the caller and queue the work."""
    principal = _principal(request)
    started = services.start(principal, division)
    if not started.existing:
        verify_map.defer(
            number=started.verification.pk, actor=principal.name, origin=principal.origin, user_id=principal.user_id
        )
    return started


@router.get("/{int:number}")
def verification(request: HttpRequest, number: int) -> dict[str, Any]:
    """One run in full."""
    return queries.detail(_principal(request), number)


@router.get("/{int:number}/progress")
def progress(request: HttpRequest, number: int) -> dict[str, Any]:
    """Where a run stands, for a page that asks every second."""
    one = access.visible_verification(_principal(request), number)
    return {**queries.brief(one), "working": services.is_held(one.division_code), "progress": services.stage_of(one)}


@router.get("/{int:number}/findings")
def findings(request: HttpRequest, number: int, rule: str = "", after: int = 0, limit: int = 500) -> dict[str, Any]:
    """Findings as GeoJSON, paged by id."""
    return queries.findings_page(_principal(request), number, rule=rule, after=after, limit=limit)


@router.get("/{int:number}/result")
def result(request: HttpRequest, number: int) -> FileResponse:
    """The canonical result, whose SM3 is the digest: for whoever may see all of it."""
    from kunyu.engines.ingest.storage import object_store

    principal = _principal(request)
    one = access.visible_verification(principal, number)
    if "report_sm3" not in one.summary:
        raise UnknownVerification(f"印证 {number} 还没有结果。", f"Verification {number} has no result yet.")
    seen = {rule.id for rule in access.readable_rules(principal, one.division_code)}
    codes = [given["dataset"] for given in one.inputs]
    if set(one.rules_run) - seen or access.hidden_keys(principal, one.division_code, codes):
        raise NotAllowed(
            f"印证 {number} 的结果含您无权查看的图层或要素，整份结果不能提供；可查看有权查看的发现。",
            f"The result of verification {number} holds data that you may not see; its page shows the part you may see.",
        )
    answer = FileResponse(object_store().open(one.summary["report_sm3"]), content_type="application/json")
    answer["Cache-Control"] = "private"
    return answer
