"""How often one address may ask pages that need no account. 公开页面访问频率限制.

Counted in the database, so that all processes of a node count together; by address, an IPv6 /64 as one. An office or a
mobile network stands behind one address: the limits are far above what its people do and far below what guessing
numbers takes. Settings ``KUNYU_PUBLIC_<NAME>``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction
from django.http import HttpRequest

from kunyu.engines.security import lockout
from kunyu.engines.security.models import SignInFailures
from kunyu.engines.security.sign_in_errors import TooManyRequests

PREFIX = "KUNYU_PUBLIC_"
VERIFY, VERIFY_FILE, SIGN_UP, RESET = "verify", "verifyfile", "sign-up", "reset"
_WINDOWS = {
    VERIFY: timedelta(minutes=1), VERIFY_FILE: timedelta(minutes=1), SIGN_UP: timedelta(hours=1), RESET: timedelta(hours=1),
}  # fmt: skip


@dataclass(frozen=True)
class PublicLimits:
    """Requests of one address; 0 sets no limit.

    Attributes
    ----------
    verify_per_minute : int
        Numbers and codes verified: an office of two hundred people scans three each in that minute.
    verify_files_per_minute : int
        Files verified: each takes up to a second of the machine.
    sign_ups_per_hour : int
        Accounts asked for, whether they were made or not.
    resets_per_hour : int
        New passwords asked for with a code from the counter, right or wrong.
    """

    verify_per_minute: int = 600
    verify_files_per_minute: int = 60
    sign_ups_per_hour: int = 60
    resets_per_hour: int = 30


def public_limits() -> PublicLimits:
    """The limits as the environment gives them now."""
    given = {one.name: os.environ.get(PREFIX + one.name.upper(), "") for one in fields(PublicLimits)}
    return PublicLimits(**{name: max(0, int(text)) for name, text in given.items() if text})


def _count_of(kind: str) -> int:
    now = public_limits()
    most = {
        VERIFY: now.verify_per_minute, VERIFY_FILE: now.verify_files_per_minute, SIGN_UP: now.sign_ups_per_hour,
        RESET: now.resets_per_hour,
    }  # fmt: skip
    return most[kind]


def take(request: HttpRequest, kind: str) -> None:
    """Count one request of an address, or refuse it until its window is over.

    Raises
    ------
    TooManyRequests
        ``context['retry_after']``: seconds to wait.
    """
    most, window = _count_of(kind), _WINDOWS[kind]
    if not most:
        return
    origin = lockout.origin_of(request)
    limit = lockout.Limit(most, window, window)
    with transaction.atomic():
        with connection.cursor() as cursor:
            # a crash may forget the last moments: no reader waits for the disk because of a count
            cursor.execute("SET LOCAL synchronous_commit = off")
        number = lockout.counted(kind, origin, limit)
    if number > most:
        raise _refused(most, window, _wait(kind, origin, window))


def _wait(kind: str, origin: str, window: timedelta) -> int:
    found = SignInFailures.objects.filter(kind=kind, subject=lockout.subject(kind, origin))
    until = found.values_list("locked_until", flat=True).first()
    left = (until - datetime.now(UTC)) if until is not None else window
    return max(1, int(left.total_seconds()) + 1)


def _refused(most: int, window: timedelta, wait: int) -> TooManyRequests:
    span = ("每分钟", "a minute") if window <= timedelta(minutes=1) else ("每小时", "an hour")
    return TooManyRequests(
        f"从这个网络地址的请求过多（{span[0]}限 {most} 次），请在 {wait} 秒后再试。",
        f"Too many requests from this network address ({most} {span[1]}); try again in {wait} s.",
        retry_after=wait,
        limit=most,
    )
