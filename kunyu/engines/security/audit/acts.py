"""What people do with the log: read, export, verify – each itself on record. 对审计的操作."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime

from django.db import transaction

from kunyu.engines.security import duties, keys
from kunyu.engines.security.audit import record, sealing
from kunyu.engines.security.audit.export import Exported, export_to, require_period, stream
from kunyu.engines.security.audit.findings import Verdict
from kunyu.engines.security.audit.own_log import verify_own_log
from kunyu.engines.security.audit.records import written_time
from kunyu.engines.security.scope import Principal


def require_reader(principal: Principal, *, whole: bool = True) -> None:
    """The audit administrator, or the node's owner at the machine; NotVisible for everybody else.

    ``whole``: an act on the whole log (export, verification, report), for an administrator of the whole node only.
    """
    if principal.is_operator:
        return
    duties.require(principal, duties.AUDIT, "" if whole else None)


def note_export(principal: Principal, since: datetime | None, until: datetime | None) -> None:
    """Put an export on record before its first byte leaves; the export holds this very entry."""
    require_reader(principal)
    require_period(since, until)
    with transaction.atomic():
        record(principal, "export-audit", "audit", "log", since=written_time(since) if since else "",
               until=written_time(until) if until else "")  # fmt: skip


def export_for(
    principal: Principal, path: str | os.PathLike[str], since: datetime | None = None, until: datetime | None = None
) -> Exported:
    """Export on behalf of ``principal`` into a file."""
    note_export(principal, since, until)
    return export_to(path, since, until)


def stream_for(principal: Principal, since: datetime | None, until: datetime | None) -> Iterator[bytes]:
    """Export on behalf of ``principal`` piece by piece; refusals come before the first piece is asked for."""
    note_export(principal, since, until)
    signer = keys.node_signer()
    sealing.seal_everything(signer.node_id, signer)
    return stream(signer, since, until)


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
