"""Opening a layer for editing: who may publish it in a county decides, and may close it again. 开放编辑."""

from __future__ import annotations

from django.db import transaction

from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.catalogue.served.layers import open_layer, require_division
from kunyu.engines.maps.edits.errors import EditingClosed
from kunyu.engines.maps.models import EditingDecision
from kunyu.engines.security import audit, scope
from kunyu.engines.security.scope import Principal


@transaction.atomic
def decide(principal: Principal, collection: str, county: str, *, is_open: bool, reason: str) -> EditingDecision:
    """Open or close a collection for editing in a county; on record.

    Raises
    ------
    SignInNeeded, NotAllowed, NotVisible
        Approving what is published there is not granted.
    BadParameter
        No county of six digits, or no reason.
    """
    layer, granted = open_layer(principal, collection, scope.APPROVE)
    if len(county) != scope.COUNTY_DIGITS or not county.isdecimal() or not reason.strip():
        raise BadParameter(
            "开放编辑须给出六位县级代码和理由。", "Opening for editing takes a county of six digits and a reason."
        )
    require_division(principal, layer, granted, county)
    made = EditingDecision.objects.create(
        collection=layer.collection, division=county, is_open=is_open, reason=reason.strip()[:400],
        decided_by_id=principal.user_id,
    )  # fmt: skip
    act = "editing-opened" if is_open else "editing-closed"
    audit.record(principal, act, "collection", layer.collection, division=county, reason=made.reason)
    return made


def is_open(collection: str, county: str) -> bool:
    """Whether the newest decision for the county opened the collection; closed without one."""
    newest = EditingDecision.objects.filter(collection=collection, division=county).order_by("-id").first()
    return newest is not None and newest.is_open


def require_open(collection: str, county: str) -> None:
    """Refuse where nobody opened the layer."""
    if not is_open(collection, county):
        raise EditingClosed(
            f"{collection} 在 {county} 未开放在线编辑；请走汇交流程，或请有审核权的人开放。",
            f"{collection} is not opened for editing in {county}; deliver the data, or ask who may approve it to open it.",
            collection=collection,
            division=county,
        )


def newest_decisions(principal: Principal, collection: str) -> list[EditingDecision]:
    """The decision that holds in each county the principal may edit or approve."""
    layer, granted = open_layer(principal, collection, scope.SEE)
    rows = EditingDecision.objects.filter(collection=layer.collection).order_by("division", "-id").distinct("division")
    return [one for one in rows if granted.allows_division(one.division)]
