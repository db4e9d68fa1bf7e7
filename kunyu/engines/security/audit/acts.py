"""What people do with the log: read, export, verify – each itself on record. 对审计的操作."""

from __future__ import annotations

import os
from datetime import datetime

from django.db import transaction

from kunyu.engines.security import duties, keys
from kunyu.engines.security.audit import record
from kunyu.engines.security.audit.export import Exported, export_to
from kunyu.engines.security.audit.findings import Verdict
from kunyu.engines.security.audit.own_log import verify_own_log
from kunyu.engines.security.audit.records import written_time
from kunyu.engines.security.scope import OPERATOR, Principal


def require_reader(principal: Principal) -> None:
    """The audit administrator, or the node's owner at the machine; NotVisible for everybody else."""
    if principal.name != OPERATOR or principal.user_id is not None:
        duties.require(principal, duties.AUDIT)


def export_for(
    principal: Principal, path: str | os.PathLike[str], since: datetime | None = None, until: datetime | None = None
) -> Exported:
    """Export on behalf of ``principal``; the export holds the entry that tells of it."""
    require_reader(principal)
    with transaction.atomic():
        record(principal, "export-audit", "audit", "log", since=written_time(since) if since else "",
               until=written_time(until) if until else "")  # fmt: skip
    return export_to(path, since, until)


def verify_for(
    principal: Principal, anchor: str | os.PathLike[str] | None = None, *, workers: int | None = None
) -> Verdict:
    """Verify the node's own log on behalf of ``principal``; the outcome goes on record."""
    require_reader(principal)
    verdict = verify_own_log(anchor, workers=workers)
    with transaction.atomic():
        record(principal, "verify-audit", "audit", "log", "done" if verdict.clean else "failed", last=verdict.last,
               findings=verdict.count, anchored=verdict.anchored)  # fmt: skip
    return verdict


def public_keys_pem() -> bytes:
    """Certificates of the node's signing keys, the present one first: what anybody verifies with."""
    signer = keys.node_signer()
    return b"".join(one.pem() for one in (signer.certificate, *reversed(signer.former)))
