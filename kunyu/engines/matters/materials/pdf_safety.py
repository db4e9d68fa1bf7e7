"""A PDF is paper, not a program: scripts, launched programs, attached files and passwords are refused. PDF 检查.

Names of what can act are looked for in the bytes of the file and of its object streams, escapes undone. Only where one
is found are all objects walked, so that a word in a text is no accusation and a clean file of 200 MB costs a second.
Objects outside the cross-reference table and earlier revisions are not looked at: no viewer opens them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pypdfium2
from pypdf import PdfReader
from pypdf.errors import PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from kunyu.engines.matters.errors import BadMaterial
from kunyu.engines.matters.materials.refusals import damaged, refuse

_ACTIONS = {
    "/JavaScript": ("script", "JavaScript 脚本", "JavaScript"),
    "/Launch": ("launch", "启动外部程序的动作（Launch）", "an action that starts a program (Launch)"),
    "/ImportData": ("launch", "导入外部数据的动作", "an action that imports data"),
    "/SubmitForm": ("launch", "向外提交数据的动作", "an action that sends data away"),
    "/GoToE": ("embedded", "打开内嵌文件的动作", "an action that opens an attached file"),
    "/Rendition": ("script", "播放媒体的动作", "an action that plays media"),
}
_KEYS = {
    "/JS": ("script", "JavaScript 脚本", "JavaScript"),
    "/XFA": ("xfa", "XFA 动态表单", "an XFA form"),
    "/EmbeddedFiles": ("embedded", "内嵌文件", "attached files"),
    "/EF": ("embedded", "内嵌文件", "attached files"),
    "/RichMedia": ("embedded", "富媒体", "rich media"),
    "/RichMediaContent": ("embedded", "富媒体", "rich media"),
}
_TYPES = {"/EmbeddedFile": ("embedded", "内嵌文件", "attached files")}
_WORDS = sorted({*_ACTIONS, *_KEYS, *_TYPES}, key=len, reverse=True)
_PLAIN = re.compile(("(?:" + "|".join(_WORDS) + r")(?![A-Za-z0-9])").encode())
_ESCAPED = re.compile(rb"/[A-Za-z]{0,20}#[0-9A-Fa-f]{2}[A-Za-z#0-9]{0,60}")
_TAIL = 4_096
_DEEPEST = 60
_PIECE = 1 << 20
_LONGEST_NAME = 128
_BROKEN = (
    PyPdfError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, AssertionError, OSError,
    OverflowError, NotImplementedError, UnicodeError,
)  # fmt: skip
"""What pypdf raises, by and by, on bytes that are no PDF any more."""


@dataclass(frozen=True)
class _Active:
    """Something that can act: its code, its names, the number of its object."""

    code: str
    zh: str
    en: str
    number: int


def examine_pdf(path: Path, name: str, most_pages: int, most_objects: int) -> int:
    """Number of pages of a PDF that may be taken.

    Raises
    ------
    BadMaterial
        Cut off, encrypted, with scripts, launch actions, attached files or XFA, with too many pages or objects.
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    with path.open("rb") as file:
        _require_end(file, name)
        try:
            reader = PdfReader(file, strict=False)
            is_encrypted = reader.is_encrypted
        except _BROKEN as error:
            raise damaged(name, " PDF", "PDF", error) from error
        if is_encrypted:
            raise refuse(
                name, "encrypted", "已加密或设有权限密码", "is encrypted or restricted by a password",
                "请去掉密码保护（另存或打印为 PDF）后重新上传", "Remove the protection (save or print as PDF) and upload again",
            )  # fmt: skip
        try:
            _require_few_objects(reader, name, most_objects)
            _require_inactive(reader, file, name)
        except _BROKEN as error:
            raise damaged(name, " PDF", "PDF", error) from error
    return _pages(path, name, most_pages)


def _require_end(file: BinaryIO, name: str) -> None:
    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL))
    if b"%%EOF" not in file.read():
        raise damaged(name, " PDF", "PDF", "没有结束标记 %%EOF / no end mark %%EOF")
    file.seek(0)


def _require_few_objects(reader: PdfReader, name: str, most: int) -> None:
    count = len(reader.xref_objStm) + sum(len(one) for one in reader.xref.values())
    if count > most:
        raise refuse(
            name, "objects", f"有 {count} 个内部对象，上限 {most} 个", f"has {count} objects, the limit is {most}",
            "请简化图件或分成几份上传", "Simplify the drawing or upload it in parts", count, most,
        )  # fmt: skip


def _pages(path: Path, name: str, most: int) -> int:
    """As the program that draws them counts them: what it cannot open, nobody can look at."""
    try:
        with pypdfium2.PdfDocument(path) as document:
            count = len(document)
    except pypdfium2.PdfiumError as error:
        raise damaged(name, " PDF", "PDF", error) from error
    if count == 0:
        raise damaged(name, " PDF", "PDF", "没有页 / no pages")
    if count > most:
        raise refuse(
            name, "pages", f"有 {count} 页，上限 {most} 页", f"has {count} pages, the limit is {most}",
            "请分成几份上传", "Upload it in parts", count, most,
        )  # fmt: skip
    return count


def _require_inactive(reader: PdfReader, file: BinaryIO, name: str) -> None:
    suspicious = _suspicious_streams(reader)
    if not suspicious and not _file_is_suspicious(file):
        return
    for found in _active_objects(reader):
        page = _page_of(reader, found.number)
        raise _refusal(name, found, page)


def _refusal(name: str, found: _Active, page: int) -> BadMaterial:
    where_zh = f"（第 {page} 页）" if page else f"（对象 {found.number}）"
    where_en = f" (page {page})" if page else f" (object {found.number})"
    return refuse(
        name, found.code, f"带有{found.zh}{where_zh}", f"carries {found.en}{where_en}",
        "请用“打印为 PDF”另存一份不含这些内容的文件后上传", "Print it to a PDF without these and upload that", found.number,
    )  # fmt: skip


# --- looking for names ---
def _is_suspicious(content: bytes) -> bool:
    if _PLAIN.search(content):
        return True
    return any(_PLAIN.search(_unescaped(one.group()) + b" ") for one in _ESCAPED.finditer(content))


def _unescaped(name: bytes) -> bytes:
    return re.sub(rb"#([0-9A-Fa-f]{2})", lambda one: bytes([int(one.group(1), 16)]), name)


def _file_is_suspicious(file: BinaryIO) -> bool:
    """Read piece by piece: a scan of 200 MB is not held in memory."""
    file.seek(0)
    kept = b""
    while piece := file.read(_PIECE):
        if _is_suspicious(kept + piece):
            return True
        kept = piece[-_LONGEST_NAME:]
    return False


def _suspicious_streams(reader: PdfReader) -> bool:
    for number in sorted({stream for stream, _ in reader.xref_objStm.values()}):
        stream = reader.get_object(IndirectObject(number, 0, reader))
        data = stream.get_data() if stream is not None and hasattr(stream, "get_data") else b""
        reader.resolved_objects.clear()
        if _is_suspicious(data):
            return True
    return False


# --- walking objects ---
def _active_objects(reader: PdfReader) -> Iterator[_Active]:
    numbers = {(number, generation) for generation, ones in reader.xref.items() for number in ones}
    numbers |= {(number, 0) for number in reader.xref_objStm}
    for number, generation in sorted(numbers):
        if number <= 0:
            continue
        yield from _within(_object(reader, number, generation), number)
        if len(reader.resolved_objects) > 2_000:
            reader.resolved_objects.clear()
    yield from _within(reader.trailer, 0)


def _object(reader: PdfReader, number: int, generation: int) -> Any:
    try:
        return reader.get_object(IndirectObject(number, generation, reader))
    except _BROKEN:  # an object nobody can read does nothing
        return None


def _within(value: Any, number: int, depth: int = 0) -> Iterator[_Active]:
    """Active parts of one object; references are not followed, for every object is looked at by itself."""
    if depth > _DEEPEST:
        return
    if isinstance(value, DictionaryObject):
        yield from _of_dictionary(value, number)
        children: Any = dict.values(value)
    elif isinstance(value, ArrayObject):
        children = list.__iter__(value)
    else:
        return
    for child in children:
        if not isinstance(child, IndirectObject):
            yield from _within(child, number, depth + 1)


def _of_dictionary(value: DictionaryObject, number: int) -> Iterator[_Active]:
    for key in value:
        if key in _KEYS and not _is_nothing(value.raw_get(key)):
            yield _Active(*_KEYS[key], number)
    for key, known in (("/S", _ACTIONS), ("/Type", _TYPES), ("/Subtype", {"/RichMedia": _KEYS["/RichMedia"]})):
        named = value.get(key)
        if isinstance(named, str) and named in known:
            yield _Active(*known[named], number)


def _is_nothing(value: Any) -> bool:
    found = value.get_object() if isinstance(value, IndirectObject) else value
    return found is None or (isinstance(found, (DictionaryObject, ArrayObject)) and len(found) == 0)


def _page_of(reader: PdfReader, number: int) -> int:
    """The page whose actions or annotations lead to the object; 0 where none does."""
    try:
        for index, page in enumerate(reader.pages[:500], 1):
            roots = [page.raw_get(key) for key in ("/AA", "/Annots") if key in page]
            if page.indirect_reference is not None and page.indirect_reference.idnum == number:
                return index
            if roots and _leads_to(roots, number):
                return index
    except _BROKEN:
        return 0
    return 0


def _leads_to(roots: list[Any], number: int) -> bool:
    waiting, seen = list(roots), set[int]()
    while waiting and len(seen) < 2_000:
        value = waiting.pop()
        if isinstance(value, IndirectObject):
            if value.idnum == number:
                return True
            if value.idnum in seen:
                continue
            seen.add(value.idnum)
            value = value.get_object()
        if isinstance(value, DictionaryObject):
            waiting += [child for key, child in dict.items(value) if key not in ("/Parent", "/P", "/Popup")]
        elif isinstance(value, ArrayObject):
            waiting += list(list.__iter__(value))
    return False
