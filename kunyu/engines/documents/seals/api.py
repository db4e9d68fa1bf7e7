"""House API of seals: which there are, what they sealed, acts on them. 印章接口.

Sealing itself has no address: only decisions seal.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from kunyu.engines.documents.models import Seal
from kunyu.engines.documents.seals import lists, queries, services
from kunyu.engines.security.scope import Principal

router = Router(tags=["seals"])
Limit = Annotated[int, Query(ge=1, le=500)]
Act = Literal["approve", "suspend", "resume", "destroy"]


class ReasonIn(Schema):
    """Why."""

    reason: str = Field("", max_length=services.LONGEST_REASON)


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


def _brief(one: Seal) -> dict[str, Any]:
    return {
        "code": one.code, "name_zh": one.name_zh, "name_en": one.name_en, "division": one.division_code,
        "organisation": one.organisation.code if one.organisation else "", "state": one.state,
        "valid_from": one.valid_from, "valid_to": one.valid_to, "made_by": one.made_by, "approved_by": one.approved_by,
    }  # fmt: skip


@router.get("")
def seals(request: HttpRequest, state: str = "", limit: Limit = 100, after: str = "") -> dict[str, Any]:
    """Seals of the administrator's divisions, by code; ``next`` is the ``after`` of the following page."""
    rows = queries.visible(_principal(request)).select_related("organisation").filter(code__gt=after).order_by("code")
    found = list((rows.filter(state=state) if state else rows)[: limit + 1])
    return {
        "seals": [_brief(one) for one in found[:limit]],
        "next": found[limit - 1].code if len(found) > limit else None,
    }


@router.get("/{code}")
def seal(request: HttpRequest, code: str) -> dict[str, Any]:
    """One seal with its certificates and everything that was done to it."""
    one = queries.seal(_principal(request), code)
    events = one.events.values("act", "before", "state", "reason", "actor", "at")
    return {**_brief(one), "certificates": lists.certificates(one), "events": list(events)}


@router.get("/{code}/uses")
def uses(request: HttpRequest, code: str, limit: Limit = 100, before: int = 0) -> dict[str, Any]:
    """What it sealed, newest first; ``next`` is the ``before`` of the following page."""
    rows = queries.seal(_principal(request), code).uses.order_by("-id")
    found = list((rows.filter(pk__lt=before) if before else rows)[: limit + 1])
    named = ("id", "document_sm3", "source_sm3", "profile", "subject", "used_by", "used_at")
    return {
        "uses": [{name: getattr(one, name) for name in named} for one in found[:limit]],
        "next": found[limit - 1].pk if len(found) > limit else None,
    }


@router.post("/{code}/{act}")
def change(request: HttpRequest, code: str, act: Act, given: ReasonIn) -> dict[str, Any]:
    """Approve, suspend, resume or destroy."""
    return _brief(services.ACTS[act](_principal(request), code, given.reason))
