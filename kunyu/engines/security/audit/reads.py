"""Reads of labelled data: on record once for each session, layer, minute and extent. 涉敏数据读取留痕.

Somebody who pans a map asks for thousands of tiles. The extent is widened to a grid whose cell is the smallest of 0.1°, 1°,
10° and the whole earth that is at least as wide as what was asked for, so a session gives tens of entries a minute, and
what is on record always contains what was read. What this process has recorded in the running minute is remembered; a
unique index makes it exact across processes.
"""

from __future__ import annotations

import math
import time
from contextlib import nullcontext
from datetime import UTC, datetime

from django.db import DatabaseError, connection, transaction

from kunyu.engines.security.audit import chain, recording
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import canonical_json
from kunyu.kernel.errors import NodeUnavailable

CELLS_DEG = (0.1, 1.0, 10.0)
Extent = tuple[float, float, float, float]
_Key = tuple[str, int | None, int | None, str, str, str, int, Extent | None]

_minute = 0
_recorded: set[_Key] = set()


class ReadNotRecorded(NodeUnavailable):
    """A read of labelled data that could not be put on record; it is not answered."""

    code = "audit.read_not_recorded"
    title_zh, title_en = "读取无法留痕", "Read not recorded"


def widened(extent: Extent | None) -> Extent | None:
    """The extent on its grid: west, south, east, north in degrees, whole cells that contain it."""
    if extent is None or not all(map(math.isfinite, extent)):
        return None
    west, south, east, north = extent
    span = max(east - west, north - south)
    for cell in CELLS_DEG:
        if span <= cell + 1e-9:
            steps = [math.floor(west / cell + 1e-9), math.floor(south / cell + 1e-9),
                     math.ceil(east / cell - 1e-9), math.ceil(north / cell - 1e-9)]  # fmt: skip
            return tuple(round(step * cell, 1) for step in steps)  # type: ignore[return-value]
    return (-180.0, -90.0, 180.0, 90.0)


def record_read(principal: Principal, collection: str, extent: Extent | None, label: int, kind: str) -> None:
    """See `audit.record_read`. On the hot path: one look into a set."""
    global _minute  # noqa: PLW0603 - one memory per process, emptied each minute
    minute = int(time.time() // 60)
    if minute != _minute:
        _recorded.clear()
        _minute = minute
    cells = widened(extent)
    key = (
        principal.name, principal.user_id, principal.session_id, principal.origin, collection, kind, label, cells,
    )  # fmt: skip
    if key in _recorded:
        return
    once = chain.digest(canonical_json([minute, *key]))
    moment = datetime.fromtimestamp(minute * 60, UTC)
    try:
        # one statement is a transaction of its own; within a larger one a savepoint keeps that one usable
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            recording.write_once(
                principal, "read", "collection", collection, "done",
                {"kind": kind, "extent": cells, "minute": moment.isoformat(), "object_label": label}, once,
            )  # fmt: skip
        # remembered only when it stands: the transaction may be a larger one that fails later
        transaction.on_commit(lambda: _recorded.add(key))
    except DatabaseError as error:
        raise ReadNotRecorded(
            f"{collection} 含标记数据，读取必须留痕，而现在无法写入审计。请稍后再试；持续出现时请管理员执行 kunyu doctor。",
            f"{collection} holds labelled data; reading it must be recorded and the audit cannot be written now. Try again; "
            "if it stays so, let the administrator run kunyu doctor.",
            collection=collection,
        ) from error


def is_recorded(principal: Principal, collection: str, extent: Extent | None, label: int, kind: str) -> bool:
    """Has this process recorded this read in the running minute? Asks no database."""
    if int(time.time() // 60) != _minute:
        return False
    who = (principal.name, principal.user_id, principal.session_id, principal.origin)
    return (*who, collection, kind, label, widened(extent)) in _recorded


def forget() -> None:
    """Remember nothing: between tests."""
    _recorded.clear()
