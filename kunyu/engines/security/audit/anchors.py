"""Keep checkpoints where the node cannot change them: a folder or file elsewhere, the parent node. 外部锚定.

``KUNYU_AUDIT_ANCHORS`` lists targets, separated by ``;``:

* ``file:PATH`` – a folder (write-once medium, other machine's mount): one new file for each checkpoint, never overwritten;
  or a file, appended to;
* ``simulated-parent:PATH`` – a stand-in for the parent node that does what a parent must: checks the signature, refuses
  a second story, answers with a signed receipt. For demonstration; the real transport belongs to federation.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.db import connection, transaction

from kunyu.engines.security.audit.anchor_file import SUFFIX
from kunyu.engines.security.audit.checkpoints import SignedCheckpoint, read_checkpoint
from kunyu.engines.security.audit.export_format import checkpoint_line
from kunyu.engines.security.audit.parent_simulator import SimulatedParent
from kunyu.kernel.digests import sm3_hex
from kunyu.kernel.errors import KunyuError, UsageError


class Anchor(Protocol):
    """Where a checkpoint is kept outside the node."""

    def put(self, checkpoint: SignedCheckpoint, certificate_pem: str) -> dict[str, Any]:
        """Keep it; answers with a receipt (JSON-ready). Raises OSError or KunyuError when it is not kept."""


@dataclass(frozen=True)
class FileAnchor:
    """A folder of files, or a file of lines."""

    path: Path

    def put(self, checkpoint: SignedCheckpoint, certificate_pem: str) -> dict[str, Any]:
        """Write and wait until the medium has it."""
        line = checkpoint_line(checkpoint.text, checkpoint.signature)
        found = read_checkpoint(checkpoint.text)
        if self.path.suffix:
            place, flags = self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND
        else:
            self.path.mkdir(parents=True, exist_ok=True)
            place = self.path / f"{found.node[:8]}-{found.number:010d}{SUFFIX}"
            if place.exists() and place.read_bytes() == line:
                return {"file": place.name, "sm3": sm3_hex(line)}
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with open(os.open(place, flags, 0o444 if not self.path.suffix else 0o644), "wb", closefd=True) as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        return {"file": place.name, "sm3": sm3_hex(line)}


KINDS: dict[str, Callable[[str], Anchor]] = {
    "file": lambda rest: FileAnchor(Path(rest)),
    "simulated-parent": lambda rest: SimulatedParent(Path(rest)),
}


def targets() -> tuple[str, ...]:
    """The targets of this node."""
    listed = str(settings.KUNYU_AUDIT_ANCHORS)
    return tuple(one.strip() for one in listed.split(";") if one.strip())


def open_anchor(target: str) -> Anchor:
    """The anchor of a target; UsageError for one that is none."""
    kind, _, rest = target.partition(":")
    if kind not in KINDS or not rest:
        raise UsageError(
            f"KUNYU_AUDIT_ANCHORS 中的“{target}”无法识别；可用 {'、'.join(f'{name}:路径' for name in KINDS)}。",
            f"'{target}' in KUNYU_AUDIT_ANCHORS is no target; use {', '.join(f'{name}:PATH' for name in KINDS)}.",
        )
    return KINDS[kind](rest)


def anchor_latest(node: str) -> int:
    """Bring the newest checkpoint to every target that does not have it; answers how many took it.

    The newest is enough: it names its predecessor and vouches for everything before. A target that cannot be reached gets the
    newest of the time when it can; failures are on record, one for each checkpoint and target.
    """
    done = 0
    for target in targets():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT body, signature, certificate, number FROM security_auditcheckpoint WHERE number > coalesce("
                "(SELECT max(number) FROM security_auditanchoring WHERE target = %s), 0) ORDER BY number DESC LIMIT 1",
                [target],
            )
            row = cursor.fetchone()
        if row is None:
            continue
        signed = SignedCheckpoint(row[0].encode(), bytes(row[1]))
        try:
            receipt, result = open_anchor(target).put(signed, row[2]), "done"
            done += 1
        except (OSError, KunyuError) as error:
            receipt, result = {"error": str(error)[:500], "at": datetime.now(UTC).isoformat()}, "failed"
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO security_auditanchoring (number, target, result, receipt) VALUES (%s, %s, %s, %s::jsonb)",
                [row[3], target, result, json.dumps(receipt, ensure_ascii=False)],
            )
    return done
