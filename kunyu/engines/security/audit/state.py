"""How the seal stands now: for the page, ``doctor`` and programs that watch. 封存状态."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from kunyu.engines.security.audit import anchors, sealing
from kunyu.engines.security.audit.checkpoints import read_checkpoint
from kunyu.engines.security.audit.records import written_time
from kunyu.engines.security.audit.sealer import PROCESS_LOCK

WINDOW_SECONDS = 1.0
"""What the product promises: a committed act is sealed within this."""
STUCK_SECONDS = 60.0
GUARDED = ("security_auditentry", "security_auditseal", "security_auditcheckpoint", "security_auditanchoring")
GUARDS = ("append_only_row", "append_only_statement")
_MISSING = """
SELECT w.name, w.guard FROM unnest(%s::text[], %s::text[], %s::text[]) AS w (name, guard, state)
WHERE NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = to_regclass(w.name) AND t.tgname = w.guard
                  AND t.tgenabled::text = ANY (string_to_array(w.state, '|')))
ORDER BY 1, 2
"""


@dataclass(frozen=True)
class AnchorState:
    """One target: the last checkpoint it took and the last failure since."""

    target: str
    number: int
    at: datetime | None
    error: str


@dataclass(frozen=True)
class SealState:
    """The chain's end, what waits, who seals, what was signed and where it was anchored.

    ``oldest_s`` is the age in seconds of the entry that waits longest; 0 when none waits.
    """

    sealed: int
    sealed_at: datetime | None
    link: str
    unsealed: int
    oldest_s: float
    sealer_runs: bool
    checkpoint: int
    checkpoint_seq: int
    checkpoint_at: datetime | None
    signer: str
    anchors: tuple[AnchorState, ...]
    guards_missing: tuple[tuple[str, str], ...]
    chain_holds: bool = True

    @property
    def healthy(self) -> bool:
        """The chain holds what was signed, sealing keeps up and nobody took a guard away."""
        return self.chain_holds and not self.guards_missing and self.oldest_s < STUCK_SECONDS

    def document(self) -> dict[str, Any]:
        """JSON-ready; times in UTC+8."""
        return {
            "sealed": self.sealed,
            "sealed_at": written_time(self.sealed_at) if self.sealed_at else None,
            "link": self.link,
            "unsealed": self.unsealed,
            "oldest_unsealed_seconds": round(self.oldest_s, 3),
            "sealer_runs": self.sealer_runs,
            "checkpoint": self.checkpoint,
            "checkpoint_seq": self.checkpoint_seq,
            "checkpoint_at": written_time(self.checkpoint_at) if self.checkpoint_at else None,
            "signer": self.signer,
            "anchors": [
                {"target": one.target, "checkpoint": one.number, "at": written_time(one.at) if one.at else None,
                 "error": one.error} for one in self.anchors
            ],
            "guards_missing": [list(one) for one in self.guards_missing],
            "chain_holds": self.chain_holds,
            "healthy": self.healthy,
        }  # fmt: skip


def seal_state() -> SealState:
    """Look now; a few index reads."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq, sealed_at, link FROM security_auditseal ORDER BY seq DESC LIMIT 1")
        sealed = cursor.fetchone() or (0, None, b"")
        cursor.execute(
            "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(queued_at)), 0)::float8 "
            "FROM security_auditpending"
        )
        waiting, oldest = cursor.fetchone()
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = %s AND granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
            [PROCESS_LOCK],
        )
        runs = bool(cursor.fetchone()[0])
        cursor.execute("SELECT number, seq, at, body FROM security_auditcheckpoint ORDER BY number DESC LIMIT 1")
        number, seq, at, body = cursor.fetchone() or (0, 0, None, "")
    last = read_checkpoint(body.encode("utf-8")) if body else None
    return SealState(
        sealed[0], sealed[1], bytes(sealed[2]).hex(), waiting, max(oldest, 0.0), runs, number, seq, at,
        last.signer if last else "",
        tuple(_anchor(target) for target in anchors.targets()), missing_guards(),
        last is None or sealing.holds(last),
    )  # fmt: skip


def missing_guards() -> tuple[tuple[str, str], ...]:
    """Triggers of the log that are gone or disabled, as (table, trigger)."""
    wanted = [(table, guard, "A") for table in GUARDED for guard in GUARDS]
    wanted.append(("security_auditentry", "queue", "O|A"))
    with connection.cursor() as cursor:
        cursor.execute(_MISSING, [list(column) for column in zip(*wanted, strict=True)])
        return tuple((table, guard) for table, guard in cursor.fetchall())


def _anchor(target: str) -> AnchorState:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT number, at FROM security_auditanchoring WHERE target = %s AND result = 'done' "
            "ORDER BY number DESC LIMIT 1",
            [target],
        )
        number, at = cursor.fetchone() or (0, None)
        cursor.execute(
            "SELECT receipt ->> 'error' FROM security_auditanchoring WHERE target = %s AND result = 'failed' "
            "AND number > %s ORDER BY number DESC LIMIT 1",
            [target, number],
        )
        failed = cursor.fetchone()
    return AnchorState(target, number, at, failed[0] if failed else "")
