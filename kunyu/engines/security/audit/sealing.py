"""Order committed entries into the chain and sign checkpoints. 封存: what the sealer process does, step by step.

A batch is one transaction: read the last link, link what waits, write the seals, take the entries out of the queue. A crash
at any moment leaves a whole batch or none. What waits is the queue that the database fills with every entry, never "ids
above the last one": an entry committed late with a lower id is sealed when it appears. Numbers are given here, without gaps.

There is no NOTIFY: PostgreSQL commits notifying transactions one after another under one lock, so notifying would cost
every act of the node its group commit. Looking four times a second keeps the unsealed window under a second.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from kunyu.engines.security.audit import chain
from kunyu.engines.security.audit.checkpoints import (
    Checkpoint,
    SignedCheckpoint,
    Signer,
    read_checkpoint,
    sign_checkpoint,
)
from kunyu.engines.security.audit.records import written_time
from kunyu.engines.security.prepared import execute
from kunyu.kernel.errors import Refused

LOCK = 0x6B79_6175  # "kyau": one batch at a time, whoever makes it
BATCH = 5000
CHECKPOINT_SECONDS = 60.0
CHECKPOINT_ENTRIES = 10_000

_SEAL = """
INSERT INTO security_auditseal (seq, entry_id, leaf, link)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[], %s::bytea[])
"""


logger = logging.getLogger("kunyu.sealer")


class ChainBroken(Refused):
    """The tables no longer hold what the node has signed."""

    code = "audit.chain_broken"
    title_zh, title_en = "审计链断裂", "Audit chain broken"


@dataclass(frozen=True)
class Head:
    """The end of the chain: number of the last sealed entry (0: none) and its link."""

    seq: int
    link: bytes


def seal_batch(node: str, limit: int = BATCH) -> int:
    """Seal what waits, at most ``limit`` entries; answers how many. 0 as well when another process is at it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(
            "SELECT p.entry_id, e.leaf FROM security_auditpending p JOIN security_auditentry e ON e.id = p.entry_id "
            "ORDER BY p.entry_id LIMIT %s",
            [limit],
        )
        waiting = [(entry, bytes(leaf)) for entry, leaf in cursor.fetchall()]
        if not waiting:
            return 0
        last = head(node)
        links, link = [], last.link
        for number, (_, leaf) in enumerate(waiting, last.seq + 1):
            link = chain.link(link, leaf, number)
            links.append(link)
        entries = [entry for entry, _ in waiting]
        numbers = list(range(last.seq + 1, last.seq + 1 + len(waiting)))
        execute(_SEAL, (numbers, entries, [leaf for _, leaf in waiting], links))
        execute("DELETE FROM security_auditpending WHERE entry_id = ANY(%s)", (entries,))
        return len(waiting)


def head(node: str) -> Head:
    """The end of the chain now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq, link FROM security_auditseal ORDER BY seq DESC LIMIT 1")
        row = cursor.fetchone()
    return Head(row[0], bytes(row[1])) if row else Head(0, chain.genesis(node))


def last_checkpoint() -> tuple[Checkpoint, datetime] | None:
    """The last checkpoint and when it was written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT body, at FROM security_auditcheckpoint ORDER BY number DESC LIMIT 1")
        row = cursor.fetchone()
    return (read_checkpoint(row[0].encode()), row[1]) if row else None


def holds(checkpoint: Checkpoint) -> bool:
    """Whether the chain still has the link that a checkpoint vouches for."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT link FROM security_auditseal WHERE seq = %s", [checkpoint.seq])
        row = cursor.fetchone()
    return row is not None and bytes(row[0]).hex() == checkpoint.link


def checkpoint_is_due(node: str, now: datetime) -> bool:
    """Something is sealed that no checkpoint vouches for, and a minute has gone by or 10,000 entries have."""
    last = last_checkpoint()
    fresh = head(node).seq - (last[0].seq if last else 0)
    if last is not None and not holds(last[0]):
        return True  # the attempt says what is wrong
    if fresh <= 0:
        return False
    waited = last is None or now - last[1] >= timedelta(seconds=CHECKPOINT_SECONDS)
    return waited or fresh >= CHECKPOINT_ENTRIES


def make_checkpoint(node: str, signer: Signer) -> SignedCheckpoint | None:
    """Sign the end of the chain; None when the last checkpoint stands there already or another process is at it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return None
        found, last = last_checkpoint(), head(node)
        before = found[0] if found else None
        if before is not None and not holds(before):
            raise ChainBroken(
                f"第 {before.seq} 条的链值与已签名的检查点 {before.number} 不符或已不在：审计表被改动或截短。不再签名；"
                "请执行 kunyu audit verify，保全数据库，并与外部锚定比对。",
                f"Record {before.seq} is gone or has another link than checkpoint {before.number} vouches for: the audit's "
                "tables were changed or cut. Nothing is signed any more; run kunyu audit verify, secure the database and "
                "compare it with the anchors outside.",
                seq=before.seq,
                checkpoint=before.number,
            )
        if last.seq == (before.seq if before else 0):
            return None
        made = sign_checkpoint(signer, node, last.seq, last.link.hex(), written_time(datetime.now(UTC)), before)
        cursor.execute(
            "INSERT INTO security_auditcheckpoint (number, seq, body, signature, certificate) VALUES (%s, %s, %s, %s, %s)",
            [before.number + 1 if before else 1, last.seq, made.text.decode(), made.signature,
             signer.certificate.pem().decode()],
        )  # fmt: skip
        return made


def seal_everything(node: str, signer: Signer) -> int:
    """Seal all that is committed now and sign; for exports, tests and a node being stopped.

    A broken chain is not signed but still exported: it is evidence.
    """
    count = 0
    while done := seal_batch(node):
        count += done
    try:
        make_checkpoint(node, signer)
    except ChainBroken:
        logger.exception("the audit is not signed")
    return count
