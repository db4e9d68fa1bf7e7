"""The zip around an OFD: written the same for the same content, read with limits. OFD包: GB/T 33190-2016 §6 (recalled)."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

from lxml import etree

from kunyu.engines.documents.seal_errors import BadOfd

NAMESPACE = "http://www.ofdspec.org/2016"
NAMES = {"ofd": NAMESPACE}
ROOT = "OFD.xml"
LARGEST, MOST_BYTES, MOST_FILES, MOST_RATIO = 50 << 20, 200 << 20, 2000, 300
LARGEST_XML = 20 << 20
_RATIO_FROM = 1 << 20
_PARSER_OPTIONS: dict[str, Any] = {
    "resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False, "remove_comments": True,
}  # fmt: skip


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return the package: names sorted, ``OFD.xml`` first, no times of this machine."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(files, key=lambda one: (one != ROOT, one)):
            about = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            about.compress_type, about.create_system, about.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(about, files[name])
    return out.getvalue()


def read(content: bytes) -> dict[str, bytes]:
    """Return the files of a package by their names.

    Raises
    ------
    BadOfd
        No zip, no OFD.xml, encrypted, a name twice or leading outside, or larger unpacked than anybody needs.
    """
    if len(content) > LARGEST:
        raise bad(f"文件 {len(content)} 字节，上限 {LARGEST}", f"{len(content)} bytes, at most {LARGEST}")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [one for one in archive.infolist() if not one.is_dir()]
            _require_modest(entries)
            files = {one.filename: _unpacked(archive, one) for one in entries}
    except (
        zipfile.BadZipFile,
        OSError,
        EOFError,
        ValueError,
        NotImplementedError,
        RuntimeError,
        zlib.error,
    ) as error:
        raise bad(f"不是完好的压缩包（{error}）", f"it is no sound zip ({error})") from error
    if ROOT not in files:
        raise bad("缺少 OFD.xml", "OFD.xml is missing")
    return files


def _require_modest(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MOST_FILES:
        raise bad(f"含 {len(entries)} 个文件，上限 {MOST_FILES}", f"{len(entries)} files, at most {MOST_FILES}")
    total = sum(one.file_size for one in entries)
    if total > MOST_BYTES:
        raise bad(f"解压后 {total} 字节，上限 {MOST_BYTES}", f"{total} bytes unpacked, at most {MOST_BYTES}")
    seen: set[str] = set()
    for one in entries:
        name = one.filename
        if one.flag_bits & 1:
            raise bad(f"“{name}”已加密", f"'{name}' is encrypted")
        if name in seen or "\\" in name or name.startswith("/") or posixpath.normpath(name) != name or ".." in name:
            raise bad(f"文件名“{name}”重复或指向包外", f"the name '{name}' stands twice or leads outside")
        if one.file_size > _RATIO_FROM and one.file_size > MOST_RATIO * max(one.compress_size, 1):
            raise bad(f"“{name}”压缩比异常", f"'{name}' is packed more tightly than documents are")
        seen.add(name)


def _unpacked(archive: zipfile.ZipFile, one: zipfile.ZipInfo) -> bytes:
    """Read no more than the entry says it holds."""
    with archive.open(one) as file:
        content = file.read(one.file_size + 1)
    if len(content) != one.file_size:
        raise ValueError(f"{one.filename}: size differs from the directory's")
    return content


def parsed(files: Mapping[str, bytes], name: str) -> Any:
    """The root element of an XML file of the package.

    Raises
    ------
    BadOfd
        Missing, too large, malformed, or with a document type.
    """
    content = files.get(name)
    if content is None:
        raise bad(f"缺少“{name}”", f"'{name}' is missing")
    if len(content) > LARGEST_XML:
        raise bad(f"“{name}”过大", f"'{name}' is too large")
    try:
        root = etree.fromstring(content, etree.XMLParser(**_PARSER_OPTIONS))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise bad(f"“{name}”不是完好的XML（{error}）", f"'{name}' is no sound XML ({error})") from error
    if root.getroottree().docinfo.doctype:
        raise bad(f"“{name}”含文档类型声明", f"'{name}' holds a document type")
    return root


def at(base: str, place: str) -> str:
    """The name in the package that ``place`` means in the file ``base``: from the root with a slash, else beside it."""
    whole = place[1:] if place.startswith("/") else posixpath.join(posixpath.dirname(base), place)
    name = posixpath.normpath(whole.strip())
    if name.startswith(("..", "/")):
        raise bad(f"“{place}”指向包外", f"'{place}' leads outside")
    return name


def text_of(element: Any, path: str) -> str:
    """The text of the first element of this path; '' when there is none."""
    found = element.find(path, NAMES)
    return (found.text or "").strip() if found is not None else ""


def tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def written(root: Any) -> bytes:
    """An element as a file: UTF-8 with its declaration."""
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def bad(zh: str, en: str) -> BadOfd:
    return BadOfd(
        f"OFD文件不可用：{zh}。请向出具单位索取原文件。", f"Unusable OFD: {en}. Ask its issuer for the original."
    )
