"""Counting what a key asks, exactly, whichever process of the node is asked. 配额."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from kunyu.engines.security.api_keys.errors import KeySuspended, QuotaExceeded

_TAKE = """
INSERT INTO api_keys_keycount (key_id, "window", asked) VALUES (%(key)s, %(day)s, 1), (%(key)s, %(minute)s, 1)
ON CONFLICT (key_id, "window") DO UPDATE SET asked = api_keys_keycount.asked + 1
RETURNING "window", asked
"""


@dataclass(frozen=True)
class Limits:
    """What a key may ask, as its token was looked up."""

    key_id: int
    branches: tuple[str, ...]
    per_minute: int
    per_day: int
    is_suspended: bool


def take(limits: Limits) -> None:
    """Count one request of the key, or refuse it.

    One statement counts the day and the minute; two processes never let the same last request through. The count is
    committed by itself and without waiting for the disk: a crash may forget the last moments, never more.

    Raises
    ------
    KeySuspended, QuotaExceeded
    """
    if limits.is_suspended:
        raise KeySuspended(
            "此密钥已被暂停，请联系服务管理者。", "This key is suspended; ask whoever answers for the service."
        )
    now = timezone.localtime()
    day, minute = now.strftime("%Y-%m-%d"), now.strftime("%Y-%m-%dT%H:%M")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute(_TAKE, {"key": limits.key_id, "day": day, "minute": minute})
        asked = dict(cursor.fetchall())
    if asked[day] > limits.per_day:
        raise _exceeded(limits.per_day, ("每日", "a day"), _until_midnight(now))
    if asked[minute] > limits.per_minute:
        raise _exceeded(limits.per_minute, ("每分钟", "a minute"), 60 - now.second)


def _until_midnight(now: datetime) -> int:
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return int((midnight - now).total_seconds()) + 1


def _exceeded(limit: int, window: tuple[str, str], wait: int) -> QuotaExceeded:
    return QuotaExceeded(
        f"此密钥{window[0]}限 {limit} 次，已用完；请在 {wait} 秒后再试，或申请提高配额。",
        f"This key may ask {limit} times {window[1]}, and has; ask again in {wait} s, or apply for a higher quota.",
        retry_after=wait,
        limit=limit,
    )


def asked_today(key_id: int) -> int:
    """How often a key asked today."""
    from kunyu.engines.security.api_keys.models import KeyCount

    today = timezone.localdate().isoformat()
    return KeyCount.objects.filter(key_id=key_id, window=today).values_list("asked", flat=True).first() or 0


def forget_old(days: int = 40) -> int:
    """Remove counts of minutes gone and of days long past."""
    from kunyu.engines.security.api_keys.models import KeyCount

    today = timezone.localdate()
    minutes = KeyCount.objects.filter(window__contains="T", window__lt=today.isoformat())
    gone, _ = minutes.delete()
    older, _ = KeyCount.objects.filter(window__lt=(today - timedelta(days=days)).isoformat()).delete()
    return gone + older
