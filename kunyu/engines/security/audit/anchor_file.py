"""Checkpoints kept outside the node, and what they prove about an export. 外部锚定.

An anchor is a file of checkpoint lines as `export_format.checkpoint_line` writes them, or a folder of such files. It shows
what an export alone cannot: that the node's log was cut, or is another one now than it was then.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from kunyu.engines.security.audit.checkpoints import Checkpoint, NotACheckpoint, read_checkpoint
from kunyu.engines.security.audit.export_format import CHECKPOINT, End
from kunyu.engines.security.audit.findings import Finding, Verdict
from kunyu.engines.security.audit.walk import Keys, Walk, signature_is_right
from kunyu.kernel.errors import UnreadableInput

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIX = ".jsonl"


class NoAnchor(UnreadableInput):
    """An anchor that cannot be read at all."""

    code = "audit.no_anchor"
    title_zh, title_en = "锚定文件无法读取", "Anchor unreadable"


def read(path: str | os.PathLike[str], keys: Keys, node: str, verdict: Verdict) -> list[Checkpoint]:
    """The checkpoints of an anchor whose signatures are right, in order; tells about the others.

    Raises
    ------
    NoAnchor
        The path cannot be read or holds no line.
    """
    found: dict[int, Checkpoint] = {}
    count = 0
    for name, number, line in _lines(Path(path)):
        count += 1
        checkpoint = _checked(name, number, line, keys, node, verdict)
        if checkpoint is None:
            continue
        known = found.setdefault(checkpoint.seq, checkpoint)
        if known.link != checkpoint.link:
            verdict.add(Finding("fork", checkpoint.seq, checkpoint.seq, 0,
                f"锚定中第 {checkpoint.seq} 条有两个不同的链值（检查点 {known.number}、{checkpoint.number}）：节点签过两份不同的审计",
                f"The anchor holds two links for record {checkpoint.seq} (checkpoints {known.number} and "
                f"{checkpoint.number}): the node signed two different logs"))  # fmt: skip
    if not count:
        raise NoAnchor(
            f"锚定 {Path(path).name} 是空的。请核对路径。", f"The anchor {Path(path).name} is empty. Check the path."
        )
    verdict.anchored = len(found)
    return [found[seq] for seq in sorted(found)]


def compare(anchored: list[Checkpoint], walk: Walk, end: End | None, verdict: Verdict) -> None:
    """Hold an export against the checkpoints of an anchor."""
    if not anchored:
        verdict.notes.append((
            "没有锚定文件：如果节点的审计在导出之前已从尾部截短，仅凭导出文件看不出来。",
            "No anchor was given: if the node's log was cut at its tail before the export, the export alone cannot show it.",
        ))  # fmt: skip
        return
    head = end.head if end else walk.last
    agreed = walk.first
    for checkpoint in anchored:
        seq = checkpoint.seq
        if seq > head:
            verdict.add(Finding("cut", head + 1, seq, 0,
                f"第 {head + 1}–{seq} 条缺失：锚定的检查点 {checkpoint.number} 已到第 {seq} 条，审计尾部被截去",
                f"Records {head + 1} to {seq} are not there: checkpoint {checkpoint.number} of the anchor reached record {seq}; "
                "the tail of the log was cut"))  # fmt: skip
        elif seq in walk.links and walk.links[seq].hex() != checkpoint.link:
            verdict.add(Finding("fork", agreed, seq, 0,
                f"第 {seq} 条的链值与锚定的检查点 {checkpoint.number} 不同：第 {agreed}–{seq} 条之间的审计被换成另一份（分叉）",
                f"Record {seq} has another link than checkpoint {checkpoint.number} of the anchor: somewhere in records "
                f"{agreed} to {seq} the log was replaced by another (fork)"))  # fmt: skip
        elif seq in walk.links:
            agreed = seq + 1
    outside = [one.seq for one in anchored if not walk.first <= one.seq <= walk.last and one.seq <= head]
    if outside:
        verdict.notes.append((f"{len(outside)} 个锚定的检查点不在本文件范围内，未比较。",
                              f"{len(outside)} checkpoints of the anchor lie outside this file and were not compared."))  # fmt: skip


def _checked(name: str, number: int, line: bytes, keys: Keys, node: str, verdict: Verdict) -> Checkpoint | None:
    where_zh, where_en = f"锚定 {name} 第 {number} 行", f"Line {number} of anchor {name}"
    found = CHECKPOINT.fullmatch(line)
    try:
        checkpoint = read_checkpoint(found[1]) if found else None
    except NotACheckpoint:
        checkpoint = None
    if found is None or checkpoint is None:
        verdict.add(
            Finding("anchor", 0, 0, number, f"{where_zh}无法识别，被改动", f"{where_en} was changed: it cannot be read")
        )
        return None
    seq, key = checkpoint.seq, keys.get(checkpoint.signer)
    if checkpoint.node != node:
        verdict.add(Finding("anchor", seq, seq, number, f"{where_zh}属于另一节点 {checkpoint.node}",
                            f"{where_en} is of another node, {checkpoint.node}"))  # fmt: skip
        return None
    if key is None or not signature_is_right(key, found[1], bytes.fromhex(found[2].decode())):
        verdict.add(Finding("anchor-signature", seq, seq, number, f"{where_zh}签名不符：被改动，或不是节点所签",
                            f"{where_en} has a wrong signature: it was changed, or the node did not sign it"))  # fmt: skip
        return None
    return checkpoint


def _lines(path: Path) -> Iterator[tuple[str, int, bytes]]:
    try:
        files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
        for file in files:
            for number, line in enumerate(file.read_bytes().splitlines(keepends=True), 1):
                yield file.name, number, line
    except OSError as error:
        raise NoAnchor(
            f"锚定 {path.name} 无法读取（{error}）。请核对路径。",
            f"The anchor {path.name} cannot be read ({error}). Check the path.",
        ) from error
