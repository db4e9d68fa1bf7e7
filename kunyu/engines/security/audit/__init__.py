"""The record of acts, written in the transaction of the act itself. 审计."""

from django.db import connection

from kunyu.engines.security.models import AuditEntry
from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import Defect


def record(
    principal: Principal, action: str, object_kind: str, object_id: object, result: str = "done", **detail: object
) -> None:
    """Add one entry; must run inside the transaction of the act, so that neither stands without the other."""
    if not connection.in_atomic_block:
        raise Defect(
            "审计记录必须与所记的操作在同一事务中。", "An audit entry must be written in the transaction of its act."
        )
    AuditEntry.objects.create(
        actor=principal.name,
        action=action,
        object_kind=object_kind,
        object_id=str(object_id),
        origin=principal.origin,
        result=result,
        detail=detail,
    )
