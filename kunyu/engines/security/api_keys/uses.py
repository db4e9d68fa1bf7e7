"""Who uses what how often: counted in memory, written together every few seconds. 使用统计.

A request adds to a dictionary and costs no statement; the dictionary is written by the first request after
``WRITE_AFTER`` seconds and at the end of the process.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import DatabaseError, DataError, connection, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from kunyu.engines.security.scope import ANONYMOUS, Principal

WRITE_AFTER = 5.0
logger = logging.getLogger("kunyu.uses")
# only what can be a code: an address may hold anything, a zero byte too, and one bad count would hold up all others
_COLLECTION = re.compile(r"^/ogc/collections/([A-Za-z0-9._-]{1,60})(?:/([^/?]+)|$)")
_PROXY = re.compile(r"^/proxy/([A-Za-z0-9._-]{1,60})(?:/|$)")
_KINDS = {"items": "features", "tiles": "tiles", "map": "map", "coverage": "map"}
_WRITE = """
INSERT INTO api_keys_use (day, user_id, key_id, subject, kind, requests, refused, sent_bytes)
SELECT %s, (SELECT id FROM security_user WHERE id = %s), (SELECT id FROM api_keys_apikey WHERE id = %s), %s, %s, %s, %s, %s
ON CONFLICT (day, user_id, key_id, subject, kind) DO UPDATE SET requests = api_keys_use.requests + excluded.requests,
  refused = api_keys_use.refused + excluded.refused, sent_bytes = api_keys_use.sent_bytes + excluded.sent_bytes
"""


@dataclass(frozen=True)
class _Counted:
    """What one count is about; ``day`` is ISO text of the node's clock."""

    day: str
    user_id: int | None
    key_id: int | None
    subject: str
    kind: str


_counts: dict[_Counted, list[int]] = {}
_guard = threading.Lock()
_written_at = [time.monotonic()]


def subject_of(path: str) -> tuple[str, str] | None:
    """The service or collection an address is about, and the kind of use; None for pages and everything else."""
    if found := _COLLECTION.match(path):
        return found[1], _KINDS.get(found[2] or "", "other")
    if found := _PROXY.match(path):
        return f"service:{found[1]}", "proxy"
    if path.startswith("/stac/"):
        return "service:stac", "stac"
    if path.startswith("/ogc/wmts"):
        return "service:wmts", "map"
    return None


def count(principal: Principal, key_id: int | None, path: str, status: int, sent: int) -> None:
    """Add one request."""
    about = subject_of(path)
    if about is None:
        return
    counted = _Counted(timezone.localdate().isoformat(), principal.user_id, key_id, *about)
    with _guard:
        one = _counts.setdefault(counted, [0, 0, 0])
        one[0] += 1
        one[1] += status >= 400
        one[2] += sent
        due = time.monotonic() - _written_at[0] > WRITE_AFTER
    if due:
        write()


def write() -> int:
    """Write what was counted; what cannot be written now is kept for the next time, what never can is dropped."""
    with _guard:
        counted = dict(_counts)
        _counts.clear()
        _written_at[0] = time.monotonic()
    try:
        _put(counted)
    except DataError:
        logger.exception("uses that no column holds were dropped")
        return 0
    except DatabaseError:
        logger.exception("uses could not be written")
        with _guard:
            for one, numbers in counted.items():
                kept = _counts.setdefault(one, [0, 0, 0])
                kept[:] = [a + b for a, b in zip(kept, numbers, strict=True)]
    return len(counted)


def _put(counted: dict[_Counted, list[int]]) -> None:
    rows = [(c.day, c.user_id, c.key_id, c.subject, c.kind, *numbers) for c, numbers in counted.items()]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.executemany(_WRITE, rows)


@atexit.register
def _put_at_the_end() -> None:
    """The database may be gone before the process: then the last seconds are lost, as after a kill."""
    if _counts:
        with contextlib.suppress(Exception):
            _put(dict(_counts))


class UseMiddleware:
    """Counts every request for a service, when it has been answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        # 401 and 429: nobody was let in, and asking who it is would count the key once more
        if response.status_code not in (401, 429) and subject_of(request.path) is not None:
            principal: Principal = getattr(request, "principal", ANONYMOUS)
            if response.status_code == 404 and principal.is_anonymous:
                return response  # names that nobody serves, asked by nobody: a table of them could grow for ever
            sent = 0 if response.streaming else len(response.content)  # type: ignore[attr-defined]
            count(principal, principal.key_id, request.path, response.status_code, sent)
        return response
