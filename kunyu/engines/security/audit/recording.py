"""Write one act: text, digest, columns, one INSERT in the transaction of the act. 写审计记录."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from kunyu.engines.security import epochs, keys, prepared
from kunyu.engines.security.audit import chain, personal
from kunyu.engines.security.audit.records import Record, Subject, to_milliseconds
from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import Defect

LIFTED = ("object_label", "purpose", "ticket", "before_digest", "after_digest", "device")
"""Names in a caller's detail that are members of the record itself."""

INSERT = """
INSERT INTO security_auditentry (at, record, leaf, actor, actor_id, actor_zh, organisation, duty, session, origin, action,
  object_kind, object_id, label, result, detail, once)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s)
ON CONFLICT (once) WHERE once IS NOT NULL DO NOTHING
"""
_ORGANISATION = """
SELECT o.name_zh FROM security_appointment a JOIN security_post p ON p.id = a.post_id
JOIN reference_organisation o ON o.id = p.organisation_id
WHERE a.user_id = %s AND a.starts_on <= %s AND (a.ends_on IS NULL OR a.ends_on >= %s)
ORDER BY a.starts_on, a.id LIMIT 1
"""
_ORGANISATION_SECONDS = 60.0
_organisations: dict[tuple[str, int, int | None], tuple[float, str]] = {}


def write(
    principal: Principal, action: str, object_kind: str, object_id: object, result: str, detail: dict[str, Any]
) -> None:
    """Add one entry inside the transaction that is open.

    Raises
    ------
    Defect
        There is no transaction: the entry would not stand and fall with its act.
    """
    if not connection.in_atomic_block:
        raise Defect(
            "审计记录必须与所记的操作在同一事务中。", "An audit entry must be written in the transaction of its act."
        )
    prepared.execute(INSERT, values_of(record_of(principal, action, object_kind, object_id, result, detail)))


def write_once(
    principal: Principal, action: str, object_kind: str, object_id: object, result: str, detail: dict[str, Any],
    once: bytes,
) -> bool:  # fmt: skip
    """Add one entry unless one with the same ``once`` stands already; answers whether a row was written.

    For what has no transaction of its own to stand or fall with: outside one the statement is one. Raises Django's errors.
    """
    record = record_of(principal, action, object_kind, object_id, result, detail)
    return prepared.execute(INSERT, values_of(record, once)) == 1


def record_of(
    principal: Principal, action: str, object_kind: str, object_id: object, result: str, detail: dict[str, Any]
) -> Record:
    """The record of an act of ``principal`` now."""
    rest = dict(detail)
    label, purpose, ticket, before, after, device = (rest.pop(name, None) for name in LIFTED)
    return Record(
        time=to_milliseconds(datetime.now(UTC)),
        zone=str(settings.KUNYU_ZONE),
        node=_node_id(str(settings.KUNYU_HOME)),
        subject=subject_of(principal),
        action=_text(action),
        object_kind=_text(object_kind),
        object_id=_text(object_id),
        result=_text(result),
        session="" if principal.session_id is None else str(principal.session_id),
        address=_text(principal.origin),
        device=_text(device or ""),
        label=None if label is None else int(label),
        purpose=personal.scrubbed(_text(purpose or "")),
        ticket=_text(ticket or ""),
        before=_text(before or ""),
        after=_text(after or ""),
        detail=personal.masked(rest),
    )


def values_of(record: Record, once: bytes | None = None) -> tuple[Any, ...]:
    """The parameters of `INSERT`."""
    text = record.text()
    who = record.subject
    return (
        record.time, text, chain.digest(text.encode("utf-8")), who.name, who.id, who.name_zh, who.organisation, who.duty,
        record.session, record.address, record.action, record.object_kind, record.object_id, record.label, record.result,
        json.dumps(record.detail, ensure_ascii=False), once,
    )  # fmt: skip


def subject_of(principal: Principal) -> Subject:
    """Who acts, with the organisation of the post held longest today."""
    user = principal.user_id
    organisation = "" if user is None else _organisation(user)
    return Subject(user, _text(principal.name), _text(principal.name_zh), organisation, principal.duty)


def _organisation(user: int) -> str:
    key = (str(connection.settings_dict["NAME"]), user, epochs.current().rights)
    now = time.monotonic()
    known = _organisations.get(key)
    if known is not None and now - known[0] < _ORGANISATION_SECONDS:
        return known[1]
    today = datetime.now(UTC).astimezone().date()
    with connection.cursor() as cursor:
        cursor.execute(_ORGANISATION, [user, today, today])
        row = cursor.fetchone()
    if len(_organisations) > 10_000:
        _organisations.clear()
    name = str(row[0]) if row else ""
    _organisations[key] = (now, name)
    return name


@cache
def _node_id(home: str) -> str:
    """The id of the node whose state folder this is; drawn once, never changed."""
    return keys.node_signer(Path(home)).node_id


def _text(value: object) -> str:
    """Text that the database and UTF-8 can hold: NUL and lone surrogates replaced."""
    return personal.storable(str(value))
