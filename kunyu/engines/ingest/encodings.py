"""Which text encoding a DBF table was written in. 字符编码.

The DBF header seldom tells the truth in China: files written by Windows programs are GBK and carry no ``.cpg``.
So a declared ``.cpg`` is believed, and without one the text itself decides: strict UTF-8 first, because GBK text
almost never is valid UTF-8, then GB18030 (which contains GBK and GB2312), then Latin-1, which never fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kunyu.kernel.errors import UnreadableInput

_MOST_VALUES = 20_000
_CHINESE = {"GBK", "GB2312", "936", "CP936", "GB18030", "ANSI 936", "MS936", "EUC-CN", "WINDOWS-936"}
_HEADER, _DESCRIPTOR = 32, 32


@dataclass(frozen=True)
class DbfColumn:
    """One column of a DBF header: type letter (C N F D L …), width in bytes, decimals, offset in the record."""

    name: bytes
    type: str
    width: int
    decimals: int
    offset: int


@dataclass(frozen=True)
class Encoding:
    """``name`` as Python and GDAL know it; ``assumed`` when the file did not declare it."""

    name: str
    assumed: bool


def dbf_columns(path: Path) -> tuple[DbfColumn, ...]:
    """Return the columns of a DBF file in order.

    Raises
    ------
    UnreadableInput
        The file ends inside its header.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER)
        if len(head) < _HEADER:
            raise _damaged(path)
        body = file.read(max(int.from_bytes(head[8:10], "little") - _HEADER, 0))
    columns = []
    offset = 1  # byte 0 of a record is its deletion mark
    for start in range(0, len(body) - _DESCRIPTOR + 1, _DESCRIPTOR):
        one = body[start : start + _DESCRIPTOR]
        if one[0] == 0x0D:
            break
        width = one[16] + (one[17] << 8 if one[11:12] == b"C" else 0)
        decimals = 0 if one[11:12] == b"C" else one[17]
        columns.append(DbfColumn(one[:11].split(b"\0")[0], chr(one[11]), width, decimals, offset))
        offset += width
    if not columns:
        raise _damaged(path)
    return tuple(columns)


def dbf_encoding(path: Path) -> Encoding:
    """Return the encoding of a DBF file: its ``.cpg`` if there is one, else what its text can be."""
    for suffix in (".cpg", ".CPG", ".Cpg"):
        declared = path.with_suffix(suffix)
        if declared.is_file():
            name = _normal(declared.read_text("ascii", errors="ignore"))
            if _is_known(name):
                return Encoding(name, False)
    samples = _text_beyond_ascii(path)
    for name in ("UTF-8", "GB18030"):
        if all(_decodes(sample, name) for sample in samples):
            return Encoding(name, True)
    return Encoding("ISO-8859-1", True)


def _normal(declared: str) -> str:
    name = declared.strip().strip("\0").upper()
    if name in _CHINESE:
        return "GB18030"
    if name in ("", "UTF8", "65001"):
        return "UTF-8"
    if name.isdigit():
        return f"CP{name}"
    if name.startswith("ANSI "):
        return f"CP{name[5:]}"
    return name.replace("ISO 8859", "ISO-8859")


def _is_known(name: str) -> bool:
    """Whether there is a text encoding of this name."""
    try:
        "".encode(name)
    except (LookupError, ValueError):
        return False
    return True


def _text_beyond_ascii(path: Path) -> list[bytes]:
    """Column names and distinct values that hold bytes beyond ASCII."""
    columns = dbf_columns(path)
    found = {column.name for column in columns}
    with path.open("rb") as file:
        head = file.read(_HEADER)
        size = int.from_bytes(head[10:12], "little")
        file.seek(int.from_bytes(head[8:10], "little"))
        while size > 1 and len(found) < _MOST_VALUES:
            piece = np.frombuffer(file.read(size * 16_384), np.uint8)
            rows = piece[: len(piece) // size * size].reshape(-1, size)
            if not len(rows):
                break
            for column in columns:
                if column.type == "C":
                    values = rows[:, column.offset : column.offset + column.width]
                    high = values[(values >= 0x80).any(axis=1)]
                    found.update(bytes(value).rstrip(b" \0") for value in high[:_MOST_VALUES])
    return [value for value in found if any(byte >= 0x80 for byte in value)]


def _decodes(value: bytes, encoding: str) -> bool:
    # Writers cut text at the column's width in bytes, so the last character may be incomplete.
    for cut in range(4):
        try:
            value[: len(value) - cut].decode(encoding)
            return True
        except UnicodeDecodeError as error:
            if error.start < len(value) - 4:
                return False
    return False


def _damaged(path: Path) -> UnreadableInput:
    return UnreadableInput(
        f"属性表 {path.name} 的文件头不完整。请重新导出或重新传送。",
        f"The header of table {path.name} is incomplete. Export or send it again.",
        file=path.name,
    )
