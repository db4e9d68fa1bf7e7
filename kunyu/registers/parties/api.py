"""House API of parties: list, one, merge."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from kunyu.engines.security.scope import Principal
from kunyu.registers.parties import queries, services

router = Router(tags=["parties"])
MOST = 200


class MergeBody(Schema):
    other: int
    reason: str


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


@router.get("/")
def parties(request: HttpRequest, before: int | None = None, limit: int = 50) -> dict[str, Any]:
    """Parties in the caller's reach, newest first; ``next`` is the ``before`` of the following page."""
    principal = _principal(request)
    rows = queries.reached(principal).order_by("-pk")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    limit = max(1, min(limit, MOST))
    found = list(rows[: limit + 1])
    shown = found[:limit]
    return {
        "parties": [queries.brief(principal, one) for one in shown],
        "next": shown[-1].pk if len(found) > limit else None,
    }


@router.get("/{int:party_id}")
def one_party(request: HttpRequest, party_id: int) -> dict[str, Any]:
    """One party with what it is linked to."""
    return queries.detail(_principal(request), party_id)


@router.post("/{int:party_id}/merge")
def merge(request: HttpRequest, party_id: int, body: MergeBody) -> dict[str, Any]:
    """Merge another record into this party."""
    kept = services.merge(_principal(request), party_id, body.other, body.reason)
    return queries.detail(_principal(request), kept.pk)
