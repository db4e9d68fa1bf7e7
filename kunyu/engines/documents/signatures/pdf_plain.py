"""What a PDF must not hold before it is sealed: anything that runs, hides, or can show something else later. 用印前检查.

Shadow attacks prepare a document so that after signing it shows another content; a seal is put only on what has none of
their means: scripts, actions, form fields, optional layers, attached files, encryption.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from pyhanko.pdf_utils import generic, misc
from pyhanko.pdf_utils.reader import PdfFileReader

from kunyu.engines.documents.seal_errors import NotSealable

LARGEST = 100 * 1024 * 1024
MOST_PAGES = 2000
MOST_INFLATED = 256 * 1024 * 1024
"""Bytes of all compressed streams of a file together; a licence has a few MiB."""
BROKEN = (
    misc.PdfError, ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, NotImplementedError,
    RecursionError, TypeError, ValueError, struct.error, zlib.error,
)  # fmt: skip
"""What a broken or hostile file makes a reader raise."""
_STREAM = re.compile(rb"\bstream\r?\n")
_TWICE = re.compile(rb"/(?:FlateDecode|Fl|LZWDecode|RunLengthDecode)\s*/(?:FlateDecode|Fl|LZWDecode|RunLengthDecode)\b")
_ROOT: dict[str, tuple[str, str]] = {
    "/AA": ("自动动作", "automatic actions"),
    "/OCProperties": ("可切换的图层", "layers that can be switched"),
    "/Collection": ("附件集合", "a collection of attachments"),
    "/AF": ("关联文件", "associated files"),
}
_NAMES: dict[str, tuple[str, str]] = {
    "/JavaScript": ("脚本", "scripts"),
    "/EmbeddedFiles": ("嵌入的附件", "embedded files"),
}
_LINKS = {"/URI", "/GoTo"}


def opened(pdf: bytes) -> PdfFileReader:
    """Open a PDF strictly.

    Raises
    ------
    NotSealable
    """
    if len(pdf) > LARGEST:
        raise _refused(f"文件 {len(pdf)} 字节，上限 {LARGEST}", f"{len(pdf)} bytes, at most {LARGEST}")
    _require_modest(pdf)
    try:
        reader = PdfFileReader(io.BytesIO(pdf), strict=True)
        if reader.encrypted:
            raise _refused("文件已加密", "it is encrypted")
        reader.root  # noqa: B018 - reading it shows whether there is one
    except BROKEN as error:
        raise _refused(f"不是完好的PDF（{error}）", f"it is no sound PDF ({error})") from error
    return reader


def _require_modest(pdf: bytes) -> None:
    """Refuse what would grow beyond any paper when it is unpacked, before anything unpacks it."""
    if _TWICE.search(pdf):
        raise _refused("数据流重复压缩", "a stream is compressed twice")
    view, left = memoryview(pdf), MOST_INFLATED
    for found in _STREAM.finditer(pdf):
        unpacking = zlib.decompressobj()
        try:
            left -= len(unpacking.decompress(view[found.end() :], left + 1))
        except zlib.error:
            continue  # not compressed, or compressed otherwise
        if left < 0:
            raise _refused(f"解压后超过 {MOST_INFLATED} 字节", f"more than {MOST_INFLATED} bytes unpacked")


def require_plain(reader: PdfFileReader) -> None:
    """Refuse a document that holds what could change what it shows.

    Raises
    ------
    NotSealable
        Names what was found.
    """
    try:
        for zh, en in _strange(reader):
            raise _refused(f"文件含{zh}", f"it holds {en}")
    except BROKEN as error:
        raise _refused(f"不是完好的PDF（{error}）", f"it is no sound PDF ({error})") from error


def _strange(reader: PdfFileReader) -> Iterator[tuple[str, str]]:
    root = reader.root
    yield from (said for key, said in _ROOT.items() if key in root)
    names = _value(root, "/Names", {})
    yield from (said for key, said in _NAMES.items() if key in names)
    if "/OpenAction" in root and not _is_harmless(_value(root, "/OpenAction")):
        yield ("打开时的动作", "an action on opening")
    form = _value(root, "/AcroForm", {})
    if "/XFA" in form:
        yield ("XFA表单", "an XFA form")
    if any(_value(field.get_object(), "/FT") != "/Sig" for field in _value(form, "/Fields", ())):
        yield ("可填写的表单域", "form fields")
    pages = int(root["/Pages"]["/Count"])
    if not 1 <= pages <= MOST_PAGES:
        yield (f"{pages} 页（上限 {MOST_PAGES}）", f"{pages} pages (at most {MOST_PAGES})")
        return
    for number in range(pages):
        yield from _on_page(reader.find_page_for_modification(number)[0].get_object())


def _on_page(page: Any) -> Iterator[tuple[str, str]]:
    if "/AA" in page:
        yield ("页面自动动作", "automatic actions of a page")
    for reference in _value(page, "/Annots", ()):
        note = reference.get_object()
        kind = _value(note, "/Subtype")
        if kind == "/Widget" and _value(note, "/FT") == "/Sig":
            continue
        if kind != "/Link":
            yield (f"批注（{kind}）", f"annotations ({kind})")
        elif "/AA" in note or ("/A" in note and not _is_harmless(_value(note, "/A"))):
            yield ("带动作的链接", "links with actions")


def _value(holder: Any, key: str, default: Any = None) -> Any:
    """An entry with what it points to; ``get`` of the library gives the pointer."""
    try:
        found = holder[key]
    except KeyError:
        return default
    return found.get_object() if isinstance(found, generic.IndirectObject) else found


def _is_harmless(action: Any) -> bool:
    if isinstance(action, generic.ArrayObject):
        return True  # a place in the document
    return isinstance(action, generic.DictionaryObject) and _value(action, "/S") in _LINKS and "/Next" not in action


def _refused(zh: str, en: str) -> NotSealable:
    return NotSealable(f"不能用印：{zh}。请提供无动作、无附件的PDF。", f"Not sealed: {en}. Give a plain PDF.")
