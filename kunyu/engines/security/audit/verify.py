"""Verify an export offline: file in, verdict out. 离线校验. Needs neither Django nor a database.

The file is cut into pieces at line ends; every piece is looked at once (`walk.glance`), on all cores when the file is
large, and taken as a whole when it is right; only a piece with a doubt is walked line by line. Memory stays at a few pieces.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from kunyu.engines.security.audit import anchor_file
from kunyu.engines.security.audit.chain import digest, genesis
from kunyu.engines.security.audit.export_format import END, End, Header, NotAnExport, read_end, read_header
from kunyu.engines.security.audit.findings import Finding, Verdict
from kunyu.engines.security.audit.public_keys import signer_keys
from kunyu.engines.security.audit.walk import Glance, Keys, Walk, glance, signature_is_right
from kunyu.kernel.errors import UnreadableInput

PIECE_BYTES = 4 << 20
PARALLEL_BYTES = 32 << 20
_HEADER_LIMIT = 1 << 22
_AHEAD = 8


class NoAuditExport(UnreadableInput):
    """A file that is no audit export at all."""

    code = "audit.no_export"
    title_zh, title_en = "不是审计导出文件", "No audit export"


@dataclass(frozen=True)
class _Piece:
    path: str
    start: int
    stop: int


def verify_file(
    path: str | os.PathLike[str], *, public_keys: Sequence[bytes] = (), anchor: str | os.PathLike[str] | None = None,
    workers: int | None = None, piece_bytes: int = PIECE_BYTES,
) -> Verdict:  # fmt: skip
    """Verify an export.

    Parameters
    ----------
    public_keys : sequence of bytes
        Public keys (65 bytes) known from elsewhere to be the node's; empty: the file's own certificates are taken, and a
        note says so.
    anchor : path
        File or folder of checkpoints that were kept outside the node.
    workers : int or None
        Processes; None: one for each core when the file is large, else none.

    Raises
    ------
    NoAuditExport
        The file cannot be read, or its first line is nothing like a header.
    """
    file = Path(path)
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            first_line = stream.readline(_HEADER_LIMIT)
    except OSError as error:
        raise _not_an_export(file, str(error)) from error
    verdict = Verdict()
    header = _header(file, first_line, verdict)
    if header is None:
        return verdict
    keys = signer_keys(header.certificates, public_keys, verdict)
    anchored = anchor_file.read(anchor, keys, header.node, verdict) if anchor is not None else []
    end_start, end = _end(file, size, header, first_line, keys, verdict)
    wanted = frozenset(one.seq for one in anchored)
    walk = Walk(keys, header.node, header.first or 1, bytes.fromhex(header.previous_link), verdict.add, wanted)
    _check_genesis(header, verdict)
    pieces = [_Piece(str(file), a, b) for a, b in _cuts(file, len(first_line), end_start, piece_bytes)]
    with _glances(pieces, keys, wanted, workers, size) as seen:
        for piece, look in zip(pieces, seen, strict=True):
            if not walk.accept(look):
                walk.go(_lines(piece), _ahead(piece, end_start))
    _close(walk, header, end, verdict)
    anchor_file.compare(anchored, walk, end, verdict)
    verdict.findings.sort(key=lambda one: (one.first, one.line))
    return verdict


# --- begin and end ---
def _header(file: Path, line: bytes, verdict: Verdict) -> Header | None:
    try:
        header = read_header(line)
        bytes.fromhex(header.previous_link)
    except (NotAnExport, ValueError, TypeError) as error:
        if not line.startswith(b'{"kun') and b'"header":' not in line[:64]:
            raise _not_an_export(file, str(error)) from error
        verdict.add(Finding("header", 0, 0, 1, f"文件首行（头）被改动，无法识别（{error}），其后未校验",
                            f"The first line (header) was changed and cannot be read ({error}); the rest was not "
                            "verified"))  # fmt: skip
        return None
    verdict.node = header.node
    return header


def _check_genesis(header: Header, verdict: Verdict) -> None:
    if header.first == 1 and header.previous_link != genesis(header.node).hex():
        verdict.add(Finding("header", 1, 1, 1, "文件头中的链起点与节点不符，文件头被改动或属于另一节点",
                            "The chain's beginning in the header does not fit the node: the header was changed, or the log is "
                            "another node's"))  # fmt: skip


def _end(
    file: Path, size: int, header: Header, first_line: bytes, keys: Keys, verdict: Verdict
) -> tuple[int, End | None]:
    start, line = _last_line(file, size, len(first_line))
    found = END.fullmatch(line)
    if found is None:
        verdict.add(Finding("end", header.last, header.last, 0,
                            f"文件没有节点签名的结尾：文件被截断，或结尾被改动；应到第 {header.last} 条为止",
                            f"The file has no end signed by the node: it was cut, or its end was changed; it should reach "
                            f"record {header.last}"))  # fmt: skip
        return (start if line.startswith(b'{"end"') else size), None
    try:
        end = read_end(found[1])
    except NotAnExport as error:
        verdict.add(_bad_end(header, f"内容被改动（{error}）", f"was changed ({error})"))
        return start, None
    key = keys.get(end.signer)
    if key is None:
        verdict.add(Finding("signer", end.last, end.last, 0, f"文件结尾由不认识的证书 {end.signer[:16]} 签名",
                            f"The end of the file is signed under an unknown certificate {end.signer[:16]}"))  # fmt: skip
        return start, end
    if not signature_is_right(key, found[1], bytes.fromhex(found[2].decode())):
        verdict.add(_bad_end(header, "签名不符", "has a wrong signature"))
        return start, None
    if end.header != digest(first_line).hex() or end.node != header.node:
        verdict.add(Finding("header", 0, 0, 1, "文件头与签名的结尾不符，文件头被改动",
                            "The header does not fit the signed end: it was changed"))  # fmt: skip
    return start, end


def _bad_end(header: Header, zh: str, en: str) -> Finding:
    return Finding("end", header.last, header.last, 0, f"文件结尾{zh}", f"The end of the file {en}")


def _close(walk: Walk, header: Header, end: End | None, verdict: Verdict) -> None:
    verdict.entries, verdict.checkpoints = walk.entries, walk.checkpoints
    verdict.first = walk.first if walk.entries else 0
    verdict.last = walk.last if walk.entries else 0
    should = end.last if end else header.last
    if should > walk.last:
        verdict.add(Finding("missing", walk.expected, should, 0, f"第 {walk.expected}–{should} 条缺失：文件尾部被截去",
                            f"Records {walk.expected} to {should} are not there: the tail of the file was cut"))  # fmt: skip
        return
    if end is None:
        return
    if walk.entries and (walk.last != end.last or end.first != header.first):
        verdict.add(_bad_end(header, f"写明第 {end.first}–{end.last} 条，实际到第 {walk.last} 条",
                             f"names records {end.first} to {end.last}, the file reaches {walk.last}"))  # fmt: skip
    elif walk.last_links and bytes.fromhex(end.link) not in walk.last_links:
        first = (walk.last_checkpoint.seq + 1) if walk.last_checkpoint else walk.first
        verdict.add(Finding("rewritten", min(first, walk.last), walk.last, 0,
                            f"第 {min(first, walk.last)}–{walk.last} 条与签名的文件结尾不符：其中有记录连同其后的链被改写",
                            f"Records {min(first, walk.last)} to {walk.last} do not lead to what the signed end vouches for: "
                            "a record among them was rewritten, with the chain behind it"))  # fmt: skip
    if walk.checkpoints != end.checkpoints:
        verdict.add(Finding("checkpoint-gap", walk.last, walk.last, 0,
                            f"文件应有 {end.checkpoints} 个检查点，实有 {walk.checkpoints} 个",
                            f"The file should hold {end.checkpoints} checkpoints and holds {walk.checkpoints}"))  # fmt: skip


# --- pieces ---
def _cuts(file: Path, start: int, stop: int, piece_bytes: int) -> list[tuple[int, int]]:
    """Byte ranges that end at line ends and cover ``start`` to ``stop``."""
    ranges = []
    with file.open("rb") as stream:
        while start < stop:
            stream.seek(min(start + piece_bytes, stop))
            if stream.tell() < stop:
                stream.readline()
            after = min(stream.tell(), stop)
            ranges.append((start, after))
            start = after
    return ranges


def _lines(piece: _Piece) -> list[bytes]:
    with open(piece.path, "rb") as stream:
        stream.seek(piece.start)
        return stream.read(piece.stop - piece.start).splitlines(keepends=True)


def _ahead(piece: _Piece, stop: int) -> list[bytes]:
    found: list[bytes] = []
    with open(piece.path, "rb") as stream:
        stream.seek(piece.stop)
        while stream.tell() < stop and len(found) < _AHEAD:
            found.append(stream.readline())
    return found


def _last_line(file: Path, size: int, floor: int) -> tuple[int, bytes]:
    """The last line and where it begins, looking back as far as needed."""
    with file.open("rb") as stream:
        reach = 1 << 12
        while True:
            start = max(floor, size - reach)
            stream.seek(start)
            tail = stream.read(size - start)
            cut = tail.rfind(b"\n", 0, len(tail) - 1)
            if cut >= 0 or start == floor:
                return start + cut + 1, tail[cut + 1 :]
            reach *= 4


def _look(task: tuple[_Piece, Keys, frozenset[int]]) -> Glance:
    piece, keys, wanted = task
    return glance(_lines(piece), keys, wanted)


@contextmanager
def _glances(
    pieces: list[_Piece], keys: Keys, wanted: frozenset[int], workers: int | None, size: int
) -> Iterator[Iterator[Glance]]:
    tasks = [(piece, keys, wanted) for piece in pieces]
    count = workers if workers is not None else ((os.cpu_count() or 1) if size >= PARALLEL_BYTES else 1)
    if count <= 1 or len(pieces) < 2:
        yield map(_look, tasks)
        return
    # a fresh interpreter each: nothing of the caller (threads, database connections) is carried over
    with ProcessPoolExecutor(min(count, len(pieces)), mp_context=get_context("spawn")) as pool:
        yield pool.map(_look, tasks)


def _not_an_export(file: Path, why: str) -> NoAuditExport:
    return NoAuditExport(
        f"{file.name} 不是可读的审计导出文件（{why}）。请给出 kunyu audit export 写出的文件。",
        f"{file.name} is no readable audit export ({why}). Give a file that kunyu audit export wrote.",
    )
