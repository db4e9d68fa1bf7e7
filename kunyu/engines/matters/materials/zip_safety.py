"""OFD, DOCX, XLSX and ZIP: no bombs, no archives within archives, no programs, no entities. 压缩类文件检查."""

from __future__ import annotations

import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kunyu.engines.matters.errors import BadMaterial
from kunyu.engines.matters.materials import formats
from kunyu.engines.matters.materials.refusals import damaged, refuse

_RATIO_FROM = 8 << 20  # a small file may be as dense as it likes
_PIECE = 1 << 20
_ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".jar", ".docx", ".xlsx", ".ofd")
_IN_ZIP = (
    ".shp", ".dbf", ".shx", ".prj", ".cpg", ".sbn", ".sbx", ".qix", ".xml", ".txt", ".csv", ".dxf", ".dwg", ".gpkg",
    ".geojson", ".json", ".pdf", ".jpg", ".jpeg", ".png", ".tif", ".tiff",
)  # fmt: skip
_ACTIVE = ("vbaproject.bin", "/activex/", "/embeddings/", "macrosheets/")
BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError, LookupError,
    OverflowError, OSError,
)  # fmt: skip
"""What ``zipfile`` raises, by and by, on bytes that are no archive any more."""


@dataclass(frozen=True)
class ZipLimits:
    """Most files, most bytes unpacked, largest unpacked : packed."""

    entries: int
    unpacked: int
    ratio: int


def examine_zip(path: Path, name: str, found: formats.Format, limits: ZipLimits) -> None:
    """Look at what an archive claims, then read it whole once so that a cut or lying one is noticed.

    Raises
    ------
    BadMaterial
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _require_claims(path, name, members, limits)
            for member in members:
                _require_member(name, member, found)
            for member in members:
                _read_through(archive, member)
    except BROKEN as error:
        raise damaged(name, f"{found.name.upper()} 文件", f"{found.name.upper()} file", error) from error


def pages_of(path: Path, name: str, found: formats.Format) -> int | None:
    """Pages of an OFD; None for formats that have none."""
    if found is not formats.OFD:
        return None
    from kunyu.engines.matters.materials.ofd_text import BrokenOfd, page_count

    try:
        count = page_count(path)
    except BrokenOfd as error:
        raise damaged(name, "OFD 文件", "OFD file", error) from error
    if count == 0:
        raise damaged(name, "OFD 文件", "OFD file", "没有页 / no pages")
    return count


def _require_claims(path: Path, name: str, members: list[zipfile.ZipInfo], limits: ZipLimits) -> None:
    if len(members) > limits.entries:
        raise _bomb(name, f"内有 {len(members)} 个文件，上限 {limits.entries} 个",
                    f"holds {len(members)} files, the limit is {limits.entries}", len(members), limits.entries)  # fmt: skip
    claimed, packed = sum(one.file_size for one in members), max(path.stat().st_size, 1)
    if claimed > limits.unpacked:
        raise _bomb(name, f"解压后 {claimed} 字节，上限 {limits.unpacked} 字节",
                    f"unpacks to {claimed} bytes, the limit is {limits.unpacked}", claimed, limits.unpacked, "B")  # fmt: skip
    if claimed > _RATIO_FROM and claimed > packed * limits.ratio:
        ratio = claimed // packed
        raise _bomb(name, f"解压后是原来的 {ratio} 倍，上限 {limits.ratio} 倍",
                    f"unpacks to {ratio} times its size, the limit is {limits.ratio}", ratio, limits.ratio)  # fmt: skip


def _require_member(name: str, member: zipfile.ZipInfo, found: formats.Format) -> None:
    inner = member.filename.replace("\\", "/")
    if member.flag_bits & 0x1:
        raise refuse(name, "encrypted", "已加密", "is encrypted", "请去掉密码后重新上传",
                     "Remove the password and upload it again")  # fmt: skip
    parts = PurePosixPath(inner).parts
    if found is formats.ZIP and (inner.startswith("/") or ".." in parts or "\0" in inner):
        raise refuse(name, "unsafe_name", f"内的文件名 {inner!r} 指向压缩包之外", f"holds a name that leaves it: {inner!r}",
                     "请重新压缩", "Pack it again")  # fmt: skip
    suffix = PurePosixPath(inner.lower()).suffix
    if found is not formats.OFD and any(one in inner.lower() for one in _ACTIVE):
        raise refuse(name, "script", f"带有宏或嵌入对象（{inner}）", f"carries a macro or an embedded object ({inner})",
                     "请另存为不含宏的文档或 PDF 后上传", "Save it without macros or as PDF and upload again", inner)  # fmt: skip
    if suffix in _ARCHIVES:
        raise _bomb(name, f"内又有压缩文件 {inner}", f"holds another archive, {inner}", inner)
    if found is formats.ZIP and not member.is_dir() and suffix not in _IN_ZIP:
        raise refuse(name, "format", f"内有不接收的文件 {inner}", f"holds {inner}, which is not taken",
                     "压缩包内只放矢量数据、坐标文本与图件", "Pack vector data, coordinate texts and drawings only", inner)  # fmt: skip


def _read_through(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    with archive.open(member) as source:  # stops at the size claimed, and compares the checksum
        while source.read(_PIECE):
            pass


def _bomb(name: str, zh: str, en: str, measured: object, limit: object = None, unit: str = "") -> BadMaterial:
    return refuse(name, "bomb", zh, en, "请直接上传原文件", "Upload the files themselves", measured, limit, unit)
