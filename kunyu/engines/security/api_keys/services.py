"""Making and ending keys; the approval stands in ``catalogue.register``. 密钥的签发与管理."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from kunyu.engines.security import access_tokens, audit
from kunyu.engines.security.api_keys.errors import BadQuota
from kunyu.engines.security.api_keys.models import ApiKey
from kunyu.engines.security.models import AccessToken, User
from kunyu.engines.security.scope import QUERY, SEE, Principal, operator
from kunyu.kernel.digests import sm3_hex

MOST_PER_MINUTE, MOST_PER_DAY = 60_000, 50_000_000


@dataclass(frozen=True)
class Quota:
    """Requests a minute and a day."""

    per_minute: int
    per_day: int

    def require_sound(self) -> Quota:
        """Refuse numbers that make no sense: :class:`BadQuota`."""
        if not (0 < self.per_minute <= MOST_PER_MINUTE and self.per_minute <= self.per_day <= MOST_PER_DAY):
            raise BadQuota(
                f"配额每分钟 {self.per_minute} 次、每日 {self.per_day} 次不合理：每分钟 1–{MOST_PER_MINUTE} 次，每日不少于每分钟、"
                f"不多于 {MOST_PER_DAY} 次。",
                f"A quota of {self.per_minute} a minute and {self.per_day} a day makes no sense: 1 to {MOST_PER_MINUTE} a "
                f"minute, and a day between that and {MOST_PER_DAY}.",
                field="per_minute",
            )
        return self


@transaction.atomic
def issue_key(
    holder: User, name: str, branches: Iterable[str], quota: Quota, actor: Principal,
    expires_at: datetime | None = None, actions: tuple[str, ...] = (SEE, QUERY),
) -> tuple[ApiKey, str]:  # fmt: skip
    """A key for ``holder`` with its secret, which is shown once and not kept."""
    quota.require_sound()
    # the holder applied and another person approved: the node issues what both agreed on
    secret = access_tokens.issue(holder, name, operator(f"approved by {actor.name}"), expires_at, actions=actions)
    token = AccessToken.objects.get(digest=sm3_hex(secret.encode()))
    key = ApiKey.objects.create(
        token=token, name=name, branches=sorted(set(branches)), per_minute=quota.per_minute, per_day=quota.per_day
    )
    audit.record(
        actor, "issue-key", "user", holder.username, name=name, branches=key.branches, per_minute=quota.per_minute,
        per_day=quota.per_day,
    )  # fmt: skip
    return key, secret


@transaction.atomic
def change_quota(key: ApiKey, quota: Quota, actor: Principal) -> None:
    """Set another quota; it holds at the next request."""
    quota.require_sound()
    before = [key.per_minute, key.per_day]
    key.per_minute, key.per_day = quota.per_minute, quota.per_day
    key.save(update_fields=["per_minute", "per_day"])
    audit.record(actor, "change-quota", "api-key", str(key.pk), before=before, after=[key.per_minute, key.per_day])


@transaction.atomic
def suspend(key: ApiKey, is_suspended: bool, actor: Principal) -> None:
    """Suspend a key or let it work again; holds at the next request."""
    key.is_suspended = is_suspended
    key.save(update_fields=["is_suspended"])
    audit.record(actor, "suspend-key" if is_suspended else "resume-key", "api-key", str(key.pk), name=key.name)
