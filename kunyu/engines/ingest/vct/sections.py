"""Where the sections of a VCT file lie, found in one pass over its bytes. VCT 文件的各部分.

Keywords may stand in any case, with spaces around them, lines may end with CR LF or LF. Memory is one piece of the
file; a line longer than ``LONGEST_LINE`` is no line of a VCT file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kunyu.engines.ingest.source_layers import Note, unreadable
from kunyu.kernel.errors import UnreadableInput

LONGEST_LINE = 16 << 20
MOST_MARKS = 100_000
_PIECE = 16 << 20
_MARK = re.compile(rb"^[ \t]*([a-z]{3,24}?)(begin|end)[ \t\r]*$")
_SECTIONS = frozenset((
    "head", "featurecode", "tablestructure", "point", "line", "polygon", "solid", "aggregation", "annotation", "topology",
    "attribute", "style", "varchar", "varbin", "image", "comment", "constant", "relationtable", "representation",
))  # fmt: skip
_INSIDE = {"nodetopology": "topology", "edgetopology": "topology"}
_ENOUGH = frozenset(("point", "line", "polygon", "annotation", "attribute"))


@dataclass(frozen=True)
class Span:
    """Bytes ``begin`` to ``end`` of the file; ``line`` is the number of its first line, counted from 1."""

    begin: int
    end: int
    line: int


@dataclass
class Outline:
    """The sections of a file by lower-case name, and the spans of the attribute section between ``TableEnd`` lines."""

    spans: dict[str, list[Span]] = field(default_factory=dict)
    tables: list[Span] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def of(self, name: str) -> list[Span]:
        """The spans of a section, in order; none when the file does not have it."""
        return self.spans.get(name, [])


@dataclass(frozen=True)
class _Mark:
    name: str
    opens: bool
    begin: int
    after: int
    line: int


def outline(path: Path, file: str) -> Outline:
    """Return where the sections lie.

    Raises
    ------
    UnreadableInput
        No VCT file, or one that breaks off inside a section; names the line.
    """
    found = Outline()
    opened: _Mark | None = None
    last_table = 0, 0
    size, lines = 0, 0
    for mark in _marks(path, file):
        if mark.name == "":  # the end of the file
            size, lines = mark.begin, mark.line
            break
        if mark.name == "table" and not mark.opens:
            if opened is not None and opened.name == "attribute":
                found.tables.append(_table(last_table, opened, mark))
                last_table = mark.after, mark.line + 1
            continue
        if mark.name in _INSIDE or mark.name not in _SECTIONS:
            continue
        if mark.opens:
            if opened is not None:
                _close(found, opened, mark, last_table, ended=False)
            opened, last_table = mark, (0, 0)
        elif opened is not None and opened.name == mark.name:
            _close(found, opened, mark, last_table, ended=True)
            opened, last_table = None, (0, 0)
    if opened is not None:
        if opened.name not in ("style", "topology", "comment") and not (
            opened.name == "attribute" and _whole(path, last_table[0], size)
        ):
            raise _broken_off(file, opened, lines)
        _close(found, opened, _Mark("", False, size, size, lines), last_table, ended=False)
    if not _ENOUGH & found.spans.keys():
        raise unreadable(
            file, f"no section of a VCT file in its {lines} lines (HeadBegin, PolygonBegin, AttributeBegin …)",
            f"{lines} 行中没有 VCT 文件的任何部分 (HeadBegin、PolygonBegin、AttributeBegin 等)",
        )  # fmt: skip
    return found


def _from(last_table: tuple[int, int], opened: _Mark) -> tuple[int, int]:
    return last_table if last_table[0] else (opened.after, opened.line + 1)


def _table(last_table: tuple[int, int], opened: _Mark, mark: _Mark) -> Span:
    begin, line = _from(last_table, opened)
    return Span(begin, mark.begin, line)


def _close(found: Outline, opened: _Mark, mark: _Mark, last_table: tuple[int, int], ended: bool) -> None:
    found.spans.setdefault(opened.name, []).append(Span(opened.after, mark.begin, opened.line + 1))
    if opened.name == "attribute":
        found.tables.append(_table(last_table, opened, mark))  # what follows the last TableEnd, blank as a rule
    if not ended:
        found.notes.append(
            Note(
                "section_not_ended",
                f"第 {opened.line} 行开始的 {opened.name}Begin 没有 End, 读到第 {mark.line} 行为止",
                f"{opened.name}Begin of line {opened.line} has no End; read up to line {mark.line}",
            )
        )


def _whole(path: Path, after: int, size: int) -> bool:
    """An attribute section that ends with the file after a TableEnd lacks only its last line."""
    if not after or size - after > 1 << 16:
        return False
    with path.open("rb") as stream:
        stream.seek(after)
        return not stream.read(size - after).strip()


def _broken_off(file: str, opened: _Mark, lines: int) -> UnreadableInput:
    return unreadable(
        file, f"it breaks off at line {lines}, inside {opened.name}Begin of line {opened.line}",
        f"在第 {lines} 行中断, {opened.name}Begin (第 {opened.line} 行) 没有结束", line=lines,
    )  # fmt: skip


def _marks(path: Path, file: str) -> Iterator[_Mark]:
    """Yield the lines that open or close something, then a mark without a name at the end of the file."""
    at, line, marks = 0, 1, 0
    rest = b""
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            if not at and not rest and piece[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise unreadable(file, "its text is UTF-16; a VCT file is GBK text", "文本是 UTF-16, VCT 应为 GBK 文本")
            piece = rest + piece
            cut = piece.rfind(b"\n") + 1
            if not cut:
                if len(piece) > LONGEST_LINE:
                    raise unreadable(
                        file, f"line {line} is longer than {LONGEST_LINE >> 20} MiB: no VCT file",
                        f"第 {line} 行超过 {LONGEST_LINE >> 20} MiB, 不是 VCT 文件", line=line,
                    )  # fmt: skip
                rest = piece
                continue
            whole, rest = piece[:cut], piece[cut:]
            for mark in _marks_in(whole, at, line):
                marks += 1
                if marks > MOST_MARKS:
                    raise unreadable(file, f"more than {MOST_MARKS} section marks by line {mark.line}",
                                     f"到第 {mark.line} 行已有 {MOST_MARKS} 个部分标记")  # fmt: skip
                yield mark
            at += cut
            line += whole.count(b"\n")
        yield from _marks_in(rest, at, line)
        yield _Mark("", False, at + len(rest), at + len(rest), line if rest else max(line - 1, 1))


def _marks_in(piece: bytes, at: int, line: int) -> Iterator[_Mark]:
    small = piece.lower()
    counted, lines = 0, 0
    for where in sorted(_hits(small)):
        begin = small.rfind(b"\n", 0, where) + 1
        end = small.find(b"\n", where)
        end = len(small) if end < 0 else end
        if end - begin > 80:
            continue
        text = small[begin:end]
        found = _MARK.match(text.removeprefix(b"\xef\xbb\xbf"))
        if found is None:
            continue
        lines += small.count(b"\n", counted, begin)
        counted = begin
        yield _Mark(
            found[1].decode(), found[2] == b"begin", at + begin, min(at + end + 1, at + len(small)), line + lines
        )


def _hits(small: bytes) -> Iterator[int]:
    for word in (b"begin", b"end"):
        where = small.find(word)
        while where >= 0:
            yield where
            # the next hit on another line: a line full of the word costs one look
            newline = small.find(b"\n", where)
            where = -1 if newline < 0 else small.find(word, newline)
