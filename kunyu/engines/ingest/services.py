"""Acts on deliveries. Every change of status passes one function that writes event and audit entry with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from kunyu.engines.ingest.errors import ReasonNeeded, UnknownDelivery, WrongStatus
from kunyu.engines.ingest.models import Delivery, DeliveryEvent
from kunyu.engines.ingest.worklist import follow
from kunyu.engines.security import audit
from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import KunyuError
from kunyu.kernel.outbox.services import emit

Status = Delivery.Status

# What may follow what. ``accepted → accepted`` records a publication that failed: the delivery can be published again.
FOLLOWS: dict[str, frozenset[str]] = {
    Status.RECEIVED: frozenset({Status.MAPPED, Status.FAILED, Status.REJECTED}),
    Status.MAPPED: frozenset({Status.CHECKED, Status.FAILED, Status.REJECTED}),
    Status.CHECKED: frozenset({Status.ACCEPTED, Status.RETURNED, Status.FAILED, Status.REJECTED}),
    Status.ACCEPTED: frozenset({Status.PUBLISHED, Status.REJECTED, Status.ACCEPTED}),
    Status.RETURNED: frozenset({Status.REJECTED}),
    Status.FAILED: frozenset({Status.REJECTED}),
    Status.PUBLISHED: frozenset(),
    Status.REJECTED: frozenset(),
}
UNFINISHED = (Status.RECEIVED, Status.MAPPED, Status.CHECKED)
OPEN = (*UNFINISHED, Status.ACCEPTED)

VERDICT_TOPIC = "ingest.delivery_judged"
"""A delivery got its verdict (accepted, returned) or its end (published, rejected): {delivery_id, status, before, by}."""
_TOLD = (Status.ACCEPTED, Status.RETURNED, Status.PUBLISHED, Status.REJECTED)


@dataclass(frozen=True)
class Reason:
    """Why a status changed, in both languages, with the error's code when it was an error."""

    zh: str = ""
    en: str = ""
    code: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Reason:
        """The reason an error gives; errors not raised on purpose are named as a defect, with their class."""
        if isinstance(error, KunyuError):
            return cls(error.detail_zh, error.detail_en, error.code)
        words = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:500]
        return cls(f"程序缺陷，请报告：{words}", f"A defect of the program, please report it: {words}", "defect")


def get_delivery(delivery_id: int) -> Delivery:
    """The delivery of that number, or :class:`UnknownDelivery`."""
    delivery = Delivery.objects.filter(pk=delivery_id).first()
    if delivery is None:
        raise unknown_delivery(delivery_id)
    return delivery


def unknown_delivery(delivery_id: object) -> UnknownDelivery:
    return UnknownDelivery(
        f"没有汇交批次 {delivery_id}，或者您无权查看。请用 kunyu deliveries 查看现有批次。",
        f"There is no delivery {delivery_id}, or you may not see it. List them with kunyu deliveries.",
    )


@transaction.atomic
def change_status(
    delivery_id: int, status: str, actor: Principal, reason: Reason = Reason(), *, at: Any = None, **values: Any
) -> Delivery:
    """Move a delivery to ``status`` with its event and its audit entry: all of them or none.

    Parameters
    ----------
    values : columns of the delivery to set with it, e.g. ``summary``.

    Raises
    ------
    WrongStatus
        The step is not possible from where the delivery stands; nothing is written.
    """
    delivery = Delivery.objects.select_for_update().filter(pk=delivery_id).first()
    if delivery is None:
        raise unknown_delivery(delivery_id)
    before = delivery.status
    if status not in FOLLOWS[before]:
        raise wrong_status(delivery, status)
    delivery.status = status
    for name, value in values.items():
        setattr(delivery, name, value)
    delivery.save(update_fields=["status", "updated_at", *values])
    DeliveryEvent.objects.create(
        delivery=delivery, status=status, actor=actor.name, reason_zh=reason.zh, reason_en=reason.en, code=reason.code
    )
    result = "failed" if reason.code else "done"
    audit.record(
        actor, f"delivery-{status}", "delivery", delivery.pk, result, before=before, reason=reason.zh, code=reason.code,
        at=(at or timezone.now()).isoformat(),
    )  # fmt: skip
    follow(delivery, before, actor, reason.zh, reason.en)
    if status in _TOLD and status != before:
        emit(VERDICT_TOPIC, {"delivery_id": delivery.pk, "status": str(status), "before": before, "by": actor.name})
    return delivery


def wrong_status(delivery: Delivery, wanted: str) -> WrongStatus:
    now, then = delivery.get_status_display(), Status(wanted).label
    return WrongStatus(
        f"汇交批次 {delivery.pk} 的状态是“{now}”，不能变为“{then}”。请先查看批次详情中的处理记录。",
        f"Delivery {delivery.pk} is {delivery.status}; it cannot become {wanted}. See its history first.",
        delivery=delivery.pk,
        status=delivery.status,
    )


def reject(delivery_id: int, why: str, actor: Principal) -> Delivery:
    """Close a delivery that will not be published, with a reason for those who handed it in."""
    if not why.strip():
        raise ReasonNeeded("拒绝时必须写明原因（--why）。", "A rejection needs a reason (--why).")
    return change_status(delivery_id, Status.REJECTED, actor, Reason(why.strip(), why.strip()))
