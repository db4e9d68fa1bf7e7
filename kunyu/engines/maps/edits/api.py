"""``/api/map/editing``: which counties of a layer are open for editing, and the decision about it. 编辑开放接口."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Schema

from kunyu.engines.maps.edits import opening
from kunyu.engines.maps.models import EditingDecision

router = Router(tags=["map"])


class DecisionIn(Schema):
    """Open (or close) a collection for editing in a county."""

    collection: str = Field(max_length=60)
    division: str = Field(pattern=r"^\d{6}$")
    is_open: bool
    reason: str = Field(min_length=1, max_length=400)


class DecisionOut(Schema):
    """The decision that holds."""

    collection: str
    division: str
    is_open: bool
    reason: str
    decided_at: str


def _out(one: EditingDecision) -> dict[str, Any]:
    return {
        "collection": one.collection, "division": one.division, "is_open": one.is_open, "reason": one.reason,
        "decided_at": one.decided_at.isoformat(),
    }  # fmt: skip


@router.get("", response=list[DecisionOut], summary="开放编辑的县 / counties open for editing")
def listed(request: HttpRequest, collection: str) -> list[dict[str, Any]]:
    """Decisions that hold, in the counties one may see."""
    return [_out(one) for one in opening.newest_decisions(request.principal, collection)]  # type: ignore[attr-defined]


@router.post("", response=DecisionOut, summary="开放或关闭编辑 / open or close editing")
def decide(request: HttpRequest, body: DecisionIn) -> dict[str, Any]:
    """Whoever may approve the data of the county decides."""
    principal = request.principal  # type: ignore[attr-defined]
    return _out(opening.decide(principal, body.collection, body.division, is_open=body.is_open, reason=body.reason))
