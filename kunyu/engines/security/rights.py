"""The rights a person has now, from the one SQL definition, kept in memory per epoch."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime, time, timedelta
from threading import Lock
from zoneinfo import ZoneInfo

from django.db import connection

from kunyu.engines.security import epochs
from kunyu.engines.security.scope import Right

MOST_KEPT = 2_000
_STATEMENT = "SELECT branch, division, action, labels, reveals, until FROM security_rights(%s)"
_Key = tuple[str, int]
_kept: OrderedDict[_Key, tuple[int, datetime, tuple[Right, ...]]] = OrderedDict()
_guard = Lock()


def rights_of(user_id: int) -> tuple[Right, ...]:
    """Direct grants and those of the posts held, as they are now; () for a disabled or unknown account.

    What is kept in memory ends with the epoch, with the first grant to expire, and at midnight (appointments begin
    and end on days).
    """
    epoch, now = epochs.current().rights, datetime.now(UTC)
    key = (str(connection.settings_dict["NAME"]), user_id)
    with _guard:
        kept = _kept.get(key)
        if kept is not None and kept[0] == epoch and now < kept[1]:
            _kept.move_to_end(key)
            return kept[2]
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, [user_id])
        rows = cursor.fetchall()
    rights = tuple(Right(row[0], row[1], row[2], row[3], frozenset(row[4])) for row in rows)
    if epoch is not None:
        until = min([row[5] for row in rows if row[5] is not None], default=_midnight(now))
        with _guard:
            _kept[key] = (epoch, min(until, _midnight(now)), rights)
            if len(_kept) > MOST_KEPT:
                _kept.popitem(last=False)
    return rights


def _midnight(now: datetime) -> datetime:
    zone = ZoneInfo("Asia/Shanghai")
    return datetime.combine(now.astimezone(zone).date() + timedelta(days=1), time(), zone)
