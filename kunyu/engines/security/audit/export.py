"""Write the node's log into a file that anybody can verify. 审计导出."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection

from kunyu.engines.security import keys
from kunyu.engines.security.audit import chain, sealing
from kunyu.engines.security.audit.export_format import End, Header, checkpoint_line, end_line, entry_line
from kunyu.engines.security.audit.records import written_time
from kunyu.engines.security.keys import NodeSigner
from kunyu.kernel.errors import UsageError

FETCH = 5000


@dataclass(frozen=True)
class Counts:
    """Numbers of the first and last entry, how many entries and checkpoints were written."""

    first: int = 0
    last: int = 0
    entries: int = 0
    checkpoints: int = 0


@dataclass(frozen=True)
class Exported:
    """What was written where; ``size`` in bytes."""

    path: str
    first: int
    last: int
    entries: int
    checkpoints: int
    size: int

    def document(self) -> dict[str, object]:
        """JSON-ready."""
        return dict(vars(self))


class NothingInPeriod(UsageError):
    """A period that is turned round."""

    code = "audit.bad_period"
    title_zh, title_en = "时段无效", "Bad period"


def export_to(path: str | os.PathLike[str], since: datetime | None = None, until: datetime | None = None) -> Exported:
    """Write the entries of a period (both ends inclusive; None: no limit) in the order of the chain.

    A period is cut from the chain in one piece: from the first to the last sealed entry whose time lies in it, and what the
    chain holds between them. Written beside its place and moved there whole.
    """
    require_period(since, until)
    target = Path(path)
    partial = target.with_name(target.name + ".part")
    signer = keys.node_signer()
    sealing.seal_everything(signer.node_id, signer)
    counted: list[Counts] = []
    try:
        with partial.open("wb") as file:
            for piece in stream(signer, since, until, counted.append):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(0o600)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return Exported(str(target), **vars(counted[0]), size=target.stat().st_size)


def require_period(since: datetime | None, until: datetime | None) -> None:
    """Refuse a period whose end lies before its beginning."""
    if since and until and since > until:
        raise NothingInPeriod(
            f"时段起 {since.isoformat()} 晚于止 {until.isoformat()}。请调换。",
            f"The period begins at {since.isoformat()}, after its end {until.isoformat()}. Swap them.",
        )


def stream(
    signer: NodeSigner, since: datetime | None, until: datetime | None, tell: Callable[[Counts], None] = lambda _: None
) -> Iterator[bytes]:
    """The file piece by piece; ``tell`` hears what was written at the end.

    Rows only ever come behind: what is read first bounds what is read later, so no snapshot is needed. A checkpoint beyond
    the last seal goes into a whole export: it shows that the log was cut.
    """
    vouched = 0 if until else _last_vouched()
    first, last = bounds(since, until)
    head = sealing.head(signer.node_id).seq
    certificates = _certificates(signer, first, max(last, vouched))
    header = Header(
        signer.node_id, signer.name, str(settings.KUNYU_ZONE), written_time(datetime.now(UTC)),
        (written_time(since) if since else "", written_time(until) if until else ""), first, last,
        _link(first - 1, signer.node_id).hex(), certificates,
    )  # fmt: skip
    line = header.line()
    yield line
    entries = checkpoints = 0
    for piece, found, signed in _lines(first, last, max(last, vouched)):
        yield piece
        entries, checkpoints = entries + found, checkpoints + signed
    end = End(
        signer.node_id, chain.digest(line).hex(), first, last, _link(last, signer.node_id).hex(), checkpoints, head,
        written_time(datetime.now(UTC)), signer.certificate.fingerprint,
    ).text()  # fmt: skip
    yield end_line(end, signer.sign(end))
    tell(Counts(first, last, entries, checkpoints))


def bounds(since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """Numbers of the first and last sealed entry of a period; 0 and 0 when there is none."""
    with connection.cursor() as cursor:
        if since is None and until is None:
            cursor.execute("SELECT min(seq), max(seq) FROM security_auditseal")
        else:
            cursor.execute(
                "SELECT min(s.seq), max(s.seq) FROM security_auditentry e JOIN security_auditseal s ON s.entry_id = e.id "
                "WHERE (%s::timestamptz IS NULL OR e.at >= %s) AND (%s::timestamptz IS NULL OR e.at <= %s)",
                [since, since, until, until],
            )
        first, last = cursor.fetchone()
    return first or 0, last or 0


def _last_vouched() -> int:
    found = sealing.last_checkpoint()
    return found[0].seq if found else 0


def _link(seq: int, node: str) -> bytes:
    if seq <= 0:
        return chain.genesis(node)
    with connection.cursor() as cursor:
        cursor.execute("SELECT link FROM security_auditseal WHERE seq = %s", [seq])
        row = cursor.fetchone()
    return bytes(row[0]) if row else bytes(chain.DIGEST_BYTES)


def _certificates(signer: NodeSigner, first: int, last: int) -> tuple[str, ...]:
    """PEM of those who signed, the present signer first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT certificate FROM security_auditcheckpoint WHERE seq BETWEEN %s AND %s", [first, last]
        )
        found = {row[0] for row in cursor.fetchall()}
    own = signer.certificate.pem().decode()
    return (own, *sorted(found - {own}))


def _lines(first: int, last: int, vouched: int) -> Iterator[tuple[bytes, int, int]]:
    """Pieces of the file with how many entries and checkpoints each holds; memory stays at one piece."""
    signed = _checkpoints(first, vouched)
    coming = next(signed, None)
    for batch in _sealed(first, last):
        lines: list[bytes] = []
        checkpoints = 0
        for seq, leaf, link, text in batch:
            while coming is not None and coming[0] < seq:  # its entry is not there: told by whoever verifies
                lines.append(coming[1])
                checkpoints, coming = checkpoints + 1, next(signed, None)
            lines.append(entry_line(seq, bytes(leaf), bytes(link), text.encode("utf-8")))
        yield b"".join(lines), len(batch), checkpoints
    rest = [coming[1]] if coming is not None else []
    rest += [line for _, line in signed]
    yield b"".join(rest), 0, len(rest)


def _sealed(first: int, last: int) -> Iterator[list[tuple[int, bytes, bytes, str]]]:
    start = first
    while start <= last and start > 0:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT s.seq, s.leaf, s.link, e.record FROM security_auditseal s "
                "JOIN security_auditentry e ON e.id = s.entry_id WHERE s.seq BETWEEN %s AND %s ORDER BY s.seq",
                [start, min(start + FETCH - 1, last)],
            )
            rows = cursor.fetchall()
        if rows:
            yield rows
        start += FETCH


def _checkpoints(first: int, last: int) -> Iterator[tuple[int, bytes]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq, body, signature FROM security_auditcheckpoint WHERE seq BETWEEN %s AND %s ORDER BY number",
            [first, last],
        )
        rows: Iterable[tuple[int, str, bytes]] = cursor.fetchall()
    for seq, body, signature in rows:
        yield seq, checkpoint_line(body.encode("utf-8"), bytes(signature))
