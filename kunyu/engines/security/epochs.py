"""When permissions or labels last changed: the number every cache of them is keyed by. 权限时点.

The database raises the two numbers by statement triggers (migration 0002), whoever makes the change. A request reads
them once at its start; other work reads them again after :data:`FRESH_SECONDS`. So a change holds everywhere within
one second, and a cache that missed the news is never asked.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass

from django.db import connection

FRESH_SECONDS = 0.5
_STATEMENT = "SELECT rights_epoch, labels_epoch FROM security_nodestate WHERE id = 1"


@dataclass(frozen=True)
class Epochs:
    """The numbers as read at ``read_at`` (monotonic seconds); None: nothing may be cached.

    ``data`` is known only where it came along with who asks, at the beginning of a request.
    """

    rights: int | None
    labels: int | None
    read_at: float
    data: int | None = None


_seen: ContextVar[tuple[str, Epochs] | None] = ContextVar("kunyu_epochs", default=None)


def current() -> Epochs:
    """The epochs of this piece of work, read anew when they are older than :data:`FRESH_SECONDS`."""
    seen = _seen.get()
    name = str(connection.settings_dict["NAME"])
    if seen is not None and seen[0] == name and time.monotonic() - seen[1].read_at < FRESH_SECONDS:
        return seen[1]
    return refresh()


def refresh() -> Epochs:
    """Read the epochs now: at the start of every request and job."""
    read_at = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT)
        row = cursor.fetchone()
    return note(*(row or (None, None)), read_at=read_at)


def note(rights: int | None, labels: int | None, data: int | None = None, *, read_at: float | None = None) -> Epochs:
    """Keep epochs that came along with another query."""
    epochs = Epochs(rights, labels, time.monotonic() if read_at is None else read_at, data)
    _seen.set((str(connection.settings_dict["NAME"]), epochs))
    return epochs


def raise_labels() -> None:
    """Say in the caller's transaction that labels changed where no trigger sees it: labels of single records."""
    with connection.cursor() as cursor:
        cursor.execute(_RAISE_LABELS)
    forget()


_RAISE_LABELS = """
INSERT INTO security_nodestate (id, rights_epoch, labels_epoch, zone, zone_labels)
VALUES (1, 1, (extract(epoch FROM clock_timestamp()) * 1e6)::bigint, 'business', 0)
ON CONFLICT (id) DO UPDATE SET labels_epoch =
  greatest(security_nodestate.labels_epoch + 1, (extract(epoch FROM clock_timestamp()) * 1e6)::bigint)
"""


def forget() -> None:
    """Read again at the next question: called by services that changed something, and between tests."""
    _seen.set(None)
