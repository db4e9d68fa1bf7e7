"""The sealer's loop: one process per node, four looks a second. 封存进程."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime

from django.db import connection
from django.db.utils import Error

from kunyu.engines.security import keys
from kunyu.engines.security.audit import anchors, sealing
from kunyu.kernel.errors import KunyuError

TICK_S = 0.25
STANDBY_S = 1.0
FAILED_S = 2.0
SIGN_CHECK_S = 1.0
PROCESS_LOCK = 0x6B79_6173  # "kyas": held for the life of the process's connection
logger = logging.getLogger("kunyu.sealer")


def loop(stop: threading.Event) -> None:
    """Seal, sign and anchor until told to stop; a second sealer stands by until the first is gone."""
    sign_due = 0.0
    while not stop.is_set():
        pause = TICK_S
        try:
            if not _is_ours():
                stop.wait(STANDBY_S)
                continue
            node = keys.node_signer().node_id
            if sealing.seal_batch(node) == sealing.BATCH:
                pause = 0.0
            if time.monotonic() >= sign_due:
                sign_due = time.monotonic() + SIGN_CHECK_S
                _sign(node)
        except (Error, KunyuError):
            logger.exception("the audit could not be sealed; trying again")
            connection.close()
            pause = FAILED_S
        if pause:
            stop.wait(pause)
    _finish()


def _is_ours() -> bool:
    """Whether this process is the node's sealer; the lock goes with the connection, so it is asked for each time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() "
            "AND classid = 0 AND objid = %s AND granted) OR pg_try_advisory_lock(%s)",
            [PROCESS_LOCK, PROCESS_LOCK],
        )
        return bool(cursor.fetchone()[0])


def _sign(node: str) -> None:
    if sealing.checkpoint_is_due(node, datetime.now(UTC)):
        sealing.make_checkpoint(node, keys.node_signer())
    anchors.anchor_latest(node)


def _finish() -> None:
    """A node that stops leaves nothing unsealed that it could still seal."""
    try:
        if _is_ours():
            signer = keys.node_signer()
            sealing.seal_everything(signer.node_id, signer)
            anchors.anchor_latest(signer.node_id)
    except (Error, KunyuError):
        logger.exception("the audit could not be sealed at the end; the next start does it")
    finally:
        connection.close()
