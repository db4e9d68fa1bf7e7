"""House API of exceptions: list, one, its finding as GeoJSON. Acts stand on the pages, where two people meet them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.timezone import localtime
from ninja import Router

from kunyu.engines.ingest import exceptions
from kunyu.engines.ingest.models import FindingException
from kunyu.engines.security.scope import Principal

router = Router(tags=["exceptions"])
MOST = 500


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


@router.get("")
def list_exceptions(
    request: HttpRequest, status: str = "", division: str = "", before: int | None = None, limit: int = 100
) -> dict[str, Any]:
    """Exceptions the caller may see, newest first; ``next`` is the ``before`` of the following page."""
    rows = exceptions.visible(_principal(request)).filter(division_code__startswith=division).order_by("-pk")
    rows = rows.filter(status=status) if status else rows
    rows = rows.filter(pk__lt=before) if before is not None else rows
    most = max(1, min(limit, MOST))
    found = list(rows[: most + 1])
    return {
        "exceptions": [_brief(one) for one in found[:most]],
        "next": found[most - 1].pk if len(found) > most else None,
    }


@router.get("/{int:number}")
def exception(request: HttpRequest, number: int) -> dict[str, Any]:
    """One exception in full."""
    one = exceptions.visible_exception(_principal(request), number)
    return {
        **_brief(one),
        "ids": one.ids,
        "message_zh": one.message_zh,
        "message_en": one.message_en,
        "reason": one.reason,
        "evidence": one.evidence,
        "decision_reason": one.decision_reason,
        "withdrawn_by": one.withdrawn_by,
        "withdrawal_reason": one.withdrawal_reason,
        "geometry": exceptions.geometry_of(one),
    }


@router.get("/{int:number}/finding")
def finding(request: HttpRequest, number: int) -> dict[str, Any]:
    """The finding as a GeoJSON FeatureCollection, for the map."""
    one = exceptions.visible_exception(_principal(request), number)
    named = ("rule", "severity", "layer", "ids", "measured", "limit", "unit", "message_zh", "message_en", "fingerprint")
    properties = {name: getattr(one, name) for name in named}
    feature = {"type": "Feature", "id": one.pk, "properties": properties, "geometry": exceptions.geometry_of(one)}
    return {"type": "FeatureCollection", "features": [feature]}


def _brief(one: FindingException) -> dict[str, Any]:
    return {
        "id": one.pk,
        "standard": one.standard_id,
        "division": one.division_code,
        "rule": one.rule,
        "severity": one.severity,
        "layer": one.layer,
        "fingerprint": one.fingerprint,
        "status": one.status,
        "proposed_by": one.proposed_by,
        "proposed_at": localtime(one.proposed_at).isoformat(),
        "decided_by": one.decided_by,
        "decided_at": localtime(one.decided_at).isoformat() if one.decided_at else None,
        "delivery": one.delivery_id,
    }
