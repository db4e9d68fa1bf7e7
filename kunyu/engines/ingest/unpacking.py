"""Unpack an archive that somebody else made, without trusting a word of it. 安全解压.

What an archive says about itself (names, sizes, links) is checked before a byte is written, and what really comes out
is counted while it is written. Archives inside the archive are kept as files and never opened.
"""

from __future__ import annotations

import errno
import gzip
import lzma
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from kunyu.kernel.errors import UnreadableInput

MIB = 1 << 20
GIB = 1 << 30
ARCHIVE_SUFFIXES = (".zip", ".rar", ".7z", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")


@dataclass(frozen=True)
class UnpackLimits:
    """What one archive may claim and hold.

    ``max_ratio`` (unpacked : packed) applies to archives that claim more than ``ratio_from_bytes``: wide empty text
    columns of a small DBF reach 1 : 200 honestly, a bomb reaches 1 : 1000 (deflate's own limit) or lies.
    """

    max_bytes: int = 40 * GIB
    max_files: int = 200_000
    max_ratio: float = 200.0
    ratio_from_bytes: int = 64 * MIB


DEFAULT_LIMITS = UnpackLimits()


class UnsafeArchive(UnreadableInput):
    """The archive breaks a rule of safety: leaves its folder, links, or claims more than the limit."""

    code = "archive_unsafe"
    title_zh, title_en = "压缩包不安全", "Unsafe archive"


@dataclass(frozen=True)
class _Member:
    info: zipfile.ZipInfo
    name: str


_DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError,
    LookupError, OverflowError,
)  # fmt: skip
"""What ``zipfile`` raises, by and by, on bytes that are no archive any more."""


def safe_unpack(archive: Path, folder: Path, limits: UnpackLimits = DEFAULT_LIMITS) -> tuple[Path, ...]:
    """Unpack a zip file into ``folder``, which must exist and be empty.

    Parameters
    ----------
    archive : Path
        The zip file. File names without the UTF-8 flag are read as UTF-8, then as GB18030 (Windows in China).
    folder : Path
        Where files go; nothing is ever written outside it.
    limits : UnpackLimits

    Returns
    -------
    tuple of Path
        The files written, in the order of the archive.

    Raises
    ------
    UnsafeArchive
        Absolute or climbing names, links, encryption, too many files, too large, too dense, less disk than claimed.
    UnreadableInput
        Not a zip, truncated, or a member's checksum is wrong.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            members = [_Member(info, _file_name(info)) for info in packed.infolist()]
            _check_claims(archive, members, folder, limits)
            return tuple(_write_members(packed, members, folder, archive.name))
    except (OSError, *_DAMAGED) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # the disk, not the archive
        raise UnreadableInput(
            f"压缩包 {archive.name} 已损坏或不完整: {error}。请重新压缩或重新传送。",
            f"Archive {archive.name} is damaged or incomplete: {error}. Pack or send it again.",
            file=archive.name,
        ) from error


def unpack_gzip(archive: Path, target: Path, limits: UnpackLimits = DEFAULT_LIMITS) -> Path:
    """Unpack one gzip file to ``target`` within the limits; errors as ``safe_unpack``."""
    allowed = limits.max_bytes
    if archive.stat().st_size:
        allowed = min(allowed, max(limits.ratio_from_bytes, int(archive.stat().st_size * limits.max_ratio)))
    try:
        with gzip.open(archive, "rb") as packed, target.open("wb") as out:
            _copy(packed, out, allowed, archive.name, archive.name)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableInput(
            f"压缩文件 {archive.name} 已损坏或不完整: {error}。请重新压缩或重新传送。",
            f"File {archive.name} is damaged or incomplete: {error}. Pack or send it again.",
            file=archive.name,
        ) from error
    return target


def is_archive(name: str) -> bool:
    """Whether a file name says archive; such files inside an archive are not opened."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def _file_name(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & 0x800:  # the archive says UTF-8 itself
        return info.filename
    raw = info.filename.encode("cp437", errors="replace")  # undo what zipfile assumed
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.filename


def _check_claims(archive: Path, members: list[_Member], folder: Path, limits: UnpackLimits) -> None:
    if len(members) > limits.max_files:
        raise _unsafe(
            archive, f"含 {len(members)} 个文件, 上限 {limits.max_files}",
            f"holds {len(members)} files, the limit is {limits.max_files}",
        )  # fmt: skip
    for member in members:
        _check_member(archive, member)
    claimed = sum(member.info.file_size for member in members)
    packed = max(archive.stat().st_size, 1)
    if claimed > limits.max_bytes:
        raise _unsafe(
            archive, f"声称解压后 {claimed} 字节, 上限 {limits.max_bytes} 字节",
            f"claims {claimed} bytes unpacked, the limit is {limits.max_bytes}",
        )  # fmt: skip
    if claimed > limits.ratio_from_bytes and claimed / packed > limits.max_ratio:
        raise _unsafe(
            archive, f"声称 {packed} 字节解压为 {claimed} 字节 ({claimed / packed:.0f} 倍), 上限 {limits.max_ratio:g} 倍",
            f"claims {claimed} bytes out of {packed} (1:{claimed / packed:.0f}), the limit is 1:{limits.max_ratio:g}",
        )  # fmt: skip
    free = shutil.disk_usage(folder).free
    if claimed > free:
        raise _unsafe(
            archive, f"解压需要 {claimed} 字节, 磁盘只剩 {free} 字节",
            f"needs {claimed} bytes unpacked, the disk has {free} left",
        )  # fmt: skip


def _check_member(archive: Path, member: _Member) -> None:
    name = member.name.replace("\\", "/")
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or (parts and ":" in parts[0]) or "\0" in name:
        raise _unsafe(archive, f"文件名 {member.name!r} 指向压缩包之外", f"name {member.name!r} leaves the archive")
    kind = stat.S_IFMT(member.info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _unsafe(archive, f"{member.name} 是链接或特殊文件", f"{member.name} is a link or special file")
    if member.info.flag_bits & 0x1:
        raise _unsafe(archive, f"{member.name} 已加密", f"{member.name} is encrypted")


def _write_members(packed: zipfile.ZipFile, members: list[_Member], folder: Path, archive_name: str) -> Iterator[Path]:
    root = folder.resolve()
    for member in members:
        target = (root / member.name.replace("\\", "/")).resolve()
        if not target.is_relative_to(root):
            raise UnsafeArchive(
                f"压缩包 {archive_name} 的文件 {member.name!r} 指向压缩包之外。请去掉该文件。",
                f"File {member.name!r} of archive {archive_name} leaves the archive. Remove it.",
            )
        if member.info.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(member.info) as source, target.open("xb") as out:
                _copy(source, out, member.info.file_size, member.name, archive_name)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise UnsafeArchive(
                f"压缩包 {archive_name} 含重名文件 {member.name}。请改名后重新压缩。",
                f"Archive {archive_name} holds {member.name} twice. Rename and pack again.",
            ) from error
        yield target


def _copy(source: IO[bytes] | gzip.GzipFile, out: BinaryIO, allowed: int, name: str, archive: str) -> None:
    written = 0
    while piece := source.read(MIB):
        written += len(piece)
        if written > allowed:
            raise UnsafeArchive(
                f"压缩包 {archive} 的文件 {name} 解压后超过允许的 {allowed} 字节。请重新压缩。",
                f"File {name} of archive {archive} grows beyond the {allowed} bytes allowed. Pack it again.",
            )
        out.write(piece)


def _unsafe(archive: Path, why_zh: str, why_en: str) -> UnsafeArchive:
    return UnsafeArchive(
        f"压缩包 {archive.name} {why_zh}, 已拒绝。请检查后重新压缩。",
        f"Archive {archive.name} {why_en}: refused. Check it and pack it again.",
        file=archive.name,
    )
