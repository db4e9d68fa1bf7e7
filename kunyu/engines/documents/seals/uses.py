"""Every use of a seal, on record: held in use while it seals, then written down with an audit entry. 用印记录."""

from __future__ import annotations

from datetime import datetime

from kunyu.engines.documents.models import Seal, SealUse
from kunyu.engines.documents.seals import queries
from kunyu.engines.security import audit
from kunyu.engines.security.errors import SignInNeeded
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import sm3_hex


def begin(principal: Principal, seal: Seal) -> datetime:
    """Hold the seal in use for this transaction and return the moment of sealing.

    Raises
    ------
    SignInNeeded, SealUnusable
    """
    if principal.is_anonymous:
        raise SignInNeeded("请先登录。", "Sign in first.")
    moment = queries.moment_now()
    queries.require_usable(seal, moment)
    return moment


def record(
    principal: Principal, seal: Seal, *, before: bytes, after: bytes, profile: str, subject: str, at: datetime
) -> SealUse:
    """Write the record of one use and its audit entry; in the transaction of the act."""
    use = SealUse.objects.create(
        seal=seal, document_sm3=sm3_hex(after), source_sm3=sm3_hex(before), profile=profile, subject=subject,
        used_by=principal.name, used_at=at,
    )  # fmt: skip
    audit.record(
        principal, "seal-used", "seal", seal.code, subject=subject, profile=profile, before_digest=use.source_sm3,
        after_digest=use.document_sm3,
    )  # fmt: skip
    return use
