"""House API of the audit, for the audit administrator's programs. 审计接口."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from ninja import Query, Router, Schema

from kunyu.engines.security import audit, audit_queries
from kunyu.engines.security.audit import acts
from kunyu.engines.security.audit.state import seal_state
from kunyu.engines.security.models import AuditEntry
from kunyu.engines.security.scope import Principal

router = Router(tags=["audit"])
MOST = 500


class Asked(Schema):
    """What to look for; everything given must hold. ``before``: entries with a lower id, for the next page."""

    person: str = ""
    action: str = ""
    object: str = ""
    origin: str = ""
    result: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    limit: int = 100


class Period(Schema):
    since: datetime | None = None
    until: datetime | None = None


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


@router.get("/entries", summary="查询审计 / Search the audit")
def entries(request: HttpRequest, asked: Query[Asked]) -> dict[str, Any]:
    """Entries, newest first; the search itself is on record."""
    rows = audit_queries.visible(_principal(request))
    with transaction.atomic():
        audit.record(_principal(request), "read-audit", "audit", asked.person or "search",
                     query=str(asked.dict(exclude_defaults=True))[:500])  # fmt: skip
    exact = {"actor": asked.person, "action": asked.action, "object_id": asked.object, "origin": asked.origin,
             "result": asked.result, "at__gte": asked.since, "at__lte": asked.until, "id__lt": asked.before}  # fmt: skip
    rows = rows.filter(**{name: value for name, value in exact.items() if value not in ("", None)})
    found = list(audit_queries.with_seal(rows).order_by("-id")[: max(1, min(asked.limit, MOST))])
    return {"entries": [document(one) for one in found], "before": found[-1].pk if found else None}


@router.get("/entries/{entry_id}", summary="一条审计记录 / One entry")
def entry(request: HttpRequest, entry_id: int) -> dict[str, Any]:
    """One entry with the text that was hashed."""
    found = audit_queries.entry(_principal(request), entry_id)
    return {**document(found), "record": found.record, "leaf": bytes(found.leaf).hex()}


@router.get("/state", summary="封存状态 / State of the seal")
def state(request: HttpRequest) -> dict[str, Any]:
    """The end of the chain, what waits, checkpoints, anchors."""
    acts.require_reader(_principal(request))
    return seal_state().document()


@router.get("/export", summary="导出审计 / Export the log")
def export(request: HttpRequest, period: Query[Period]) -> HttpResponseBase:
    """The log of a period as JSON lines that ``kunyu audit verify`` reads."""
    pieces = acts.stream_for(_principal(request), period.since, period.until)
    return StreamingHttpResponse(pieces, content_type="application/jsonl")


def document(one: AuditEntry) -> dict[str, Any]:
    """An entry, JSON-ready."""
    return {
        "id": one.pk, "seq": getattr(one, "seq", None), "at": one.at, "person": one.actor, "person_id": one.actor_id,
        "name": one.actor_zh, "organisation": one.organisation, "duty": one.duty, "session": one.session,
        "origin": one.origin, "action": one.action, "object_kind": one.object_kind, "object": one.object_id,
        "label": one.label, "result": one.result, "detail": one.detail,
    }  # fmt: skip
