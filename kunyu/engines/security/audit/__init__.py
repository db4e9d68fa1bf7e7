"""The record of what people and programs did: written in the transaction of the act, chained, signed. 审计.

Callers use `record` and `record_read`; everything else lives in the modules beside. Nothing here imports Django before it
is called, so that an export is verified on a machine that has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kunyu.engines.security.scope import Principal


def record(
    principal: Principal, action: str, object_kind: str, object_id: object, result: str = "done", **detail: object
) -> None:
    """Add one entry; must run inside the transaction of the act, so that neither stands without the other."""
    from django.db import connection

    from kunyu.engines.security.models import AuditEntry
    from kunyu.kernel.errors import Defect

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
