"""Open an XML file of a stranger: no document type, no entities, no network, bounded in size and depth. 安全读取 XML.

Modellers write UTF-8 without a document type; whatever declares one, or another encoding in which one could be hidden,
is refused before a parser sees it.
"""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from kunyu.engines.matters.flows.faults import Fault, refuse

LIMIT_BYTES = 1_048_576
"""A flow of three hundred elements with its drawing has about 300 kB."""

_DECLARATION = re.compile(rb"^\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")


def open_xml(data: bytes, file_zh: str = "流程文件", file_en: str = "flow file") -> Any:
    """Return the root element of ``data``.

    Raises
    ------
    BadFlow
        Too large, another encoding than UTF-8, a document type, not well-formed.
    """
    if len(data) > LIMIT_BYTES:
        refuse(_too_large(len(data), file_zh, file_en))
    text = data.removeprefix(b"\xef\xbb\xbf")
    declared = _DECLARATION.match(text[:200])
    if text[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in text or (declared and declared[1].lower() != b"utf-8"):
        refuse(_not_utf8(file_zh, file_en))
    if b"<!DOCTYPE" in text.upper() or b"<!ENTITY" in text.upper():
        refuse(_has_doctype(file_zh, file_en))
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    try:
        return etree.fromstring(text, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        refuse(_not_well_formed(error, file_zh, file_en))


def local_name(element: Any) -> str:
    """Name of an element without its namespace."""
    return str(etree.QName(element).localname)


def namespace(element: Any) -> str:
    """Namespace of an element; empty when it has none."""
    return str(etree.QName(element).namespace or "")


def _too_large(size: int, zh: str, en: str) -> Fault:
    return Fault(
        "size",
        "",
        f"{zh}有 {size} 字节，超过 {LIMIT_BYTES} 字节",
        f"the {en} has {size} bytes, more than {LIMIT_BYTES}",
        "拆分流程，或删去文件中嵌入的图片与无关扩展",
        "split the flow, or remove embedded pictures and foreign extensions",
    )


def _not_utf8(zh: str, en: str) -> Fault:
    return Fault(
        "encoding", "", f"{zh}不是 UTF-8 编码", f"the {en} is not UTF-8", "在建模工具中另存为 UTF-8", "save it as UTF-8"
    )


def _has_doctype(zh: str, en: str) -> Fault:
    return Fault(
        "doctype",
        "",
        f"{zh}含有文档类型或实体声明",
        f"the {en} declares a document type or entities",
        "删去 <!DOCTYPE …> 与 <!ENTITY …>，建模工具不需要它们",
        "remove <!DOCTYPE …> and <!ENTITY …>; no modeller needs them",
    )


def _not_well_formed(error: Exception, zh: str, en: str) -> Fault:
    line = (getattr(error, "position", None) or (0, 0))[0]
    return Fault(
        "xml",
        "",
        f"{zh}不是合格的 XML（第 {line} 行：{error}）",
        f"the {en} is not well-formed XML (line {line}: {error})",
        "从建模工具重新导出",
        "export it again from the modeller",
    )
