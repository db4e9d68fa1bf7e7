"""Verify the node's own tables: the chain as an export shows it, and what only the database can tell. 在库校验."""

from __future__ import annotations

import json
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection

from kunyu.engines.security import keys
from kunyu.engines.security.audit.export import export_to
from kunyu.engines.security.audit.findings import Finding, Verdict
from kunyu.engines.security.audit.state import missing_guards
from kunyu.engines.security.audit.verify import verify_file

FETCH = 5000
CLOCK_SECONDS = 5.0
_COLUMNS = (
    ("actor", "who", "name"), ("actor_id", "who", "id"), ("actor_zh", "who", "name_zh"),
    ("organisation", "who", "organisation"), ("duty", "who", "duty"), ("session", "from", "session"),
    ("origin", "from", "address"), ("object_kind", "object", "kind"), ("object_id", "object", "id"),
    ("label", "object", "label"), ("action", "action", ""), ("result", "result", ""), ("detail", "detail", ""),
)  # fmt: skip


def verify_own_log(anchor: str | os.PathLike[str] | None = None, *, workers: int | None = None) -> Verdict:
    """Seal what is committed, then verify everything; the signer must be the node's own key, present or former."""
    signer = keys.node_signer()
    pinned = [signer.public_key, *(certificate.public_key for certificate in signer.former)]
    with tempfile.TemporaryDirectory(prefix="ky-audit-") as folder:
        path = Path(folder) / "log.jsonl"
        export_to(path)
        verdict = verify_file(path, public_keys=pinned, anchor=anchor, workers=workers)
    _compare_columns(verdict)
    _look_for_lost(verdict)
    _look_at_clocks(verdict)
    for table, trigger in missing_guards():
        verdict.add(Finding("trigger", 0, 0, 0, f"表 {table} 的保护触发器 {trigger} 不在或被停用",
                            f"The guarding trigger {trigger} of table {table} is gone or disabled"))  # fmt: skip
    verdict.findings.sort(key=lambda one: (one.first, one.line))
    return verdict


def _compare_columns(verdict: Verdict) -> None:
    """The columns that people search must say what the hashed text says."""
    last = -1
    names = ", ".join(f"e.{column}" for column, _, _ in _COLUMNS)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT e.id, coalesce(s.seq, 0), e.record, e.at, {names} FROM security_auditentry e "
                "LEFT JOIN security_auditseal s ON s.entry_id = e.id WHERE e.id > %s ORDER BY e.id LIMIT %s",
                [last, FETCH],
            )
            rows = cursor.fetchall()
        if not rows:
            return
        last = rows[-1][0]
        for _, seq, text, at, *values in rows:
            changed = _changed(text, at, values)
            if changed:
                verdict.add(Finding("columns", seq, seq, 0, f"第 {seq} 条的查询列与其文本不符，被改动：{'、'.join(changed)}",
                                    f"Record {seq}: columns differ from its text, they were changed: "
                                    f"{', '.join(changed)}"))  # fmt: skip


def _changed(text: str, at: datetime, values: list[Any]) -> list[str]:
    try:
        record = json.loads(text)
        changed = [] if datetime.fromisoformat(record["time"]) == at else ["at"]
        for (column, part, member), value in zip(_COLUMNS, values, strict=True):
            found = record.get(part, {}) if not member else record.get(part, {}).get(member)
            held = json.loads(value) if column == "detail" and isinstance(value, str) else value
            if (found or None) != (held or None) and found != held:
                changed.append(column)
    except (ValueError, KeyError, AttributeError, TypeError):
        return ["record"]
    return changed


def _look_for_lost(verdict: Verdict) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.id FROM security_auditentry e WHERE NOT EXISTS (SELECT FROM security_auditseal s "
            "WHERE s.entry_id = e.id) AND NOT EXISTS (SELECT FROM security_auditpending p WHERE p.entry_id = e.id) "
            "ORDER BY e.id LIMIT 100"
        )
        hidden = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            "SELECT p.entry_id FROM security_auditpending p WHERE NOT EXISTS (SELECT FROM security_auditentry e "
            "WHERE e.id = p.entry_id) ORDER BY p.entry_id LIMIT 100"
        )
        removed = [row[0] for row in cursor.fetchall()]
    for entry in hidden:
        verdict.add(Finding("unsealed", 0, 0, 0, f"库内编号 {entry} 的记录既未封存也不在待封存队列：队列被改动",
                            f"The entry with database number {entry} is neither sealed nor waiting: the queue was "
                            "changed"))  # fmt: skip
    for entry in removed:
        verdict.add(Finding("missing", 0, 0, 0, f"库内编号 {entry} 的记录在封存前被删除",
                            f"The entry with database number {entry} was deleted before it was sealed"))  # fmt: skip


def _look_at_clocks(verdict: Verdict) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), max(extract(epoch FROM e.at - s.sealed_at)) FROM security_auditentry e "
            "JOIN security_auditseal s ON s.entry_id = e.id WHERE e.at > s.sealed_at + %s * interval '1 second'",
            [CLOCK_SECONDS],
        )
        count, largest = cursor.fetchone()
    if count:
        verdict.notes.append((
            f"{count} 条记录的时间晚于其封存时间（最多 {largest:.0f} 秒）：请检查应用与数据库的时钟同步。",
            f"{count} records carry a time later than their sealing (by up to {largest:.0f} s): check the clocks of "
            "application and database.",
        ))  # fmt: skip
