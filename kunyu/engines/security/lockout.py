"""Wrong attempts are counted, whoever they name, and locks follow from the count. 登录失败处理 (T3).

An attempt is counted *before* its password is looked at and taken back when it was right. So twenty guesses sent at
once count twenty and no more than ``failures`` of them are weighed. Accounts are counted under the name typed, whether
it exists or not: an unknown name locks like a known one, and the answer tells nothing. An address that fails too often
waits for itself and counts no further against accounts: it can lock few, never all.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest

from kunyu.engines.security import audit
from kunyu.engines.security.models import SignInFailures, User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.sign_in_errors import TooManyAttempts
from kunyu.engines.security.sign_in_settings import sign_in_settings
from kunyu.kernel.crypto.kdf import hmac_sm3

ACCOUNT, ORIGIN, TOKEN = "account", "origin", "token"

_COUNT = """
INSERT INTO security_signinfailures AS f (kind, subject, failures, since)
VALUES (%(kind)s, %(subject)s, 1, %(now)s)
ON CONFLICT (kind, subject) DO UPDATE SET
  failures = CASE WHEN {over} THEN 1 ELSE f.failures + 1 END,
  since = CASE WHEN {over} THEN %(now)s ELSE f.since END,
  locked_until = CASE WHEN {over} THEN NULL
                      WHEN f.failures + 1 >= %(limit)s THEN coalesce(f.locked_until, %(until)s) END
RETURNING failures
""".format(over="(f.locked_until <= %(now)s OR (f.locked_until IS NULL AND f.since <= %(forget)s))")


@dataclass(frozen=True)
class Limit:
    """``count`` wrong attempts within ``window`` lock for ``lock``."""

    count: int
    window: timedelta
    lock: timedelta


def _limit(kind: str) -> Limit:
    now = sign_in_settings()
    if kind == ACCOUNT:
        return Limit(now.failures, timedelta(days=1), timedelta(minutes=now.lock_minutes))
    if kind == TOKEN:
        return Limit(now.bad_tokens, timedelta(minutes=1), timedelta(minutes=1))
    return Limit(now.origin_failures, timedelta(minutes=now.origin_minutes), timedelta(minutes=now.origin_minutes))


def origin_of(request: HttpRequest) -> str:
    """The address a request came from; what a trusted proxy says in X-Forwarded-For is believed, nothing else is."""
    near: str = request.META.get("REMOTE_ADDR", "")
    trusted = {one.strip() for one in sign_in_settings().trusted_proxies.split(",") if one.strip()}
    if near in trusted:
        for address in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
            if address.strip() and address.strip() not in trusted:
                return address.strip()[:45]
    return near


def attempt(kind: str, name: str) -> bool:
    """Count one attempt; may it still be weighed?"""
    limit = _limit(kind)
    return counted(kind, name, limit) <= limit.count


def counted(kind: str, name: str, limit: Limit) -> int:
    """Count one attempt of a kind; which of its window it was."""
    now = datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {
            "kind": kind, "subject": subject(kind, name), "now": now, "limit": limit.count,
            "until": now + limit.lock, "forget": now - limit.window,
        })  # fmt: skip
        return int(cursor.fetchone()[0])


def taken_back(kind: str, name: str, *, everything: bool) -> None:
    """The attempt was right: forget the account's failures, or only this attempt of an address."""
    statement = "UPDATE security_signinfailures SET failures = 0, locked_until = NULL" if everything else (
        "UPDATE security_signinfailures SET failures = greatest(failures - 1, 0), "
        "locked_until = CASE WHEN failures - 1 < %s THEN NULL ELSE locked_until END"
    )  # fmt: skip
    parameters = [] if everything else [_limit(kind).count]
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} WHERE kind = %s AND subject = %s", [*parameters, kind, subject(kind, name)])


def refuse_busy(kind: str, origin: str) -> None:
    """Stop an address that has failed too often; nothing is counted."""
    now = datetime.now(UTC)
    found = SignInFailures.objects.filter(kind=kind, subject=subject(kind, origin), locked_until__gt=now)
    until = found.values_list("locked_until", flat=True).first()
    if until is not None:
        raise too_many(until - now)


def too_many(wait: timedelta) -> TooManyAttempts:
    """The refusal of an address, with the minutes to wait."""
    seconds = max(1, int(wait.total_seconds()) + 1)
    minutes = -(-seconds // 60)
    return TooManyAttempts(
        f"从这个网络地址的失败尝试过多，请在 {minutes} 分钟后再试；急需时请找系统管理员。",
        f"Too many failed attempts from this network address; try again in {minutes} minutes or ask the system "
        "administrator.",
        minutes=minutes,
        retry_after=seconds,
    )


def locked_until(user: User) -> datetime | None:
    """Until when the account is locked, for administrators' pages; None when it is not."""
    found = SignInFailures.objects.filter(
        kind=ACCOUNT, subject=subject(ACCOUNT, user.username), locked_until__gt=datetime.now(UTC)
    )
    return found.values_list("locked_until", flat=True).first()


@transaction.atomic
def unlock(user: User, actor: Principal) -> bool:
    """Let an account in again: the system administrator of its division. Was it locked?"""
    from kunyu.engines.security import duties

    duties.require(actor, duties.SYSTEM, user.division_code)
    was_locked = locked_until(user) is not None
    taken_back(ACCOUNT, user.username, everything=True)
    audit.record(actor, "unlock", "user", user.username, was_locked=was_locked)
    return was_locked


def subject(kind: str, name: str) -> str:
    """Keyed digest of a name or an address: the table must not show what people mistyped."""
    compared = _network(name) if kind != ACCOUNT else name.strip()
    return hmac_sm3(settings.SECRET_KEY.encode(), f"{kind}:{compared}".encode()).hex()


def _network(address: str) -> str:
    """An IPv6 customer has a /64: one attacker must not count as 2**64 addresses."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address


def prune() -> int:
    """Forget counts that are over; returns how many."""
    count, _ = SignInFailures.objects.filter(since__lt=datetime.now(UTC) - timedelta(days=2)).delete()
    return count
