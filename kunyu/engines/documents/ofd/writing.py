"""An OFD package from a layout: OFD.xml, Document.xml, resources, one Content.xml a page. GB/T 33190-2016.

Elements and attributes were recalled and compared with a public implementation (ofdrw); the standard's schema was not at
hand: verified = false. The same paper always gives the same bytes.
"""

from __future__ import annotations

from typing import Any

from lxml import etree

from kunyu.engines.documents.ofd.fonts import EmbeddedFont, font_for
from kunyu.engines.documents.ofd.layout import Line, Paper, Rule, Sheet
from kunyu.engines.documents.ofd.package import NAMES, packed, tag, written
from kunyu.kernel.digests import canonical_json, sm3_hex

DOCUMENT = "Doc_0/Document.xml"
_FONT_ID = 1
_CREATOR = ("Creator", "Kunyu 坤舆"), ("CreatorVersion", "1")


def write(paper: Paper, *, embed_font: bool = True) -> bytes:
    """Return the package, not sealed.

    Parameters
    ----------
    embed_font : bool
        Put the letters' font inside (half a second for a new set of letters); without, the reader's 宋体 is used.
    """
    letters = frozenset("".join(line.text for sheet in paper.sheets for line in sheet.lines)) - {" ", "\u3000"}
    font = font_for(letters, embed=embed_font)
    ids = _Ids()
    files = {"OFD.xml": _root(paper), "Doc_0/PublicRes.xml": _resources(font)}
    pages = []
    for number, sheet in enumerate(paper.sheets):
        place = f"Pages/Page_{number}/Content.xml"
        pages.append((ids.next(), place))
        files[f"Doc_0/{place}"] = _page(sheet, font, ids)
    files[DOCUMENT] = _document(paper, pages, ids.last)
    if font.content:
        files[f"Doc_0/Res/font_{_FONT_ID}.{font.suffix}"] = font.content
    return packed(files)


class _Ids:
    """Numbers of objects, unique in the document; the font has the first."""

    def __init__(self) -> None:
        self.last = _FONT_ID

    def next(self) -> int:
        self.last += 1
        return self.last


def _root(paper: Paper) -> bytes:
    root = etree.Element(tag("OFD"), {"Version": "1.1", "DocType": "OFD"}, NAMES)
    body = etree.SubElement(root, tag("DocBody"))
    about = etree.SubElement(body, tag("DocInfo"))
    facts = [paper.title, paper.created_on.isoformat(), paper.author, paper.facts, [repr(one) for one in paper.sheets]]
    _add(about, "DocID", sm3_hex(canonical_json(facts))[:32])
    _add(about, "Title", paper.title)
    if paper.author:
        _add(about, "Author", paper.author)
    _add(about, "CreationDate", paper.created_on.isoformat())
    for name, value in _CREATOR:
        _add(about, name, value)
    if paper.facts:
        custom = etree.SubElement(about, tag("CustomDatas"))
        for name, value in sorted(paper.facts.items()):
            _add(custom, "CustomData", value, Name=name)
    _add(body, "DocRoot", DOCUMENT)
    return written(root)


def _document(paper: Paper, pages: list[tuple[int, str]], last: int) -> bytes:
    root = etree.Element(tag("Document"), nsmap=NAMES)
    common = etree.SubElement(root, tag("CommonData"))
    _add(common, "MaxUnitID", str(last))
    area = etree.SubElement(common, tag("PageArea"))
    first = paper.sheets[0] if paper.sheets else Sheet()
    _add(area, "PhysicalBox", f"0 0 {_mm(first.width_mm)} {_mm(first.height_mm)}")
    _add(common, "PublicRes", "PublicRes.xml")
    tree = etree.SubElement(root, tag("Pages"))
    for number, place in pages:
        etree.SubElement(tree, tag("Page"), {"ID": str(number), "BaseLoc": place})
    return written(root)


def _resources(font: EmbeddedFont) -> bytes:
    root = etree.Element(tag("Res"), {"BaseLoc": "Res"}, NAMES)
    fonts = etree.SubElement(root, tag("Fonts"))
    one = etree.SubElement(fonts, tag("Font"), {"ID": str(_FONT_ID), "FontName": font.name, "FamilyName": font.name})
    if font.content:
        _add(one, "FontFile", f"font_{_FONT_ID}.{font.suffix}")
    return written(root)


def _page(sheet: Sheet, font: EmbeddedFont, ids: _Ids) -> bytes:
    root = etree.Element(tag("Page"), nsmap=NAMES)
    area = etree.SubElement(root, tag("Area"))
    _add(area, "PhysicalBox", f"0 0 {_mm(sheet.width_mm)} {_mm(sheet.height_mm)}")
    content = etree.SubElement(root, tag("Content"))
    layer = etree.SubElement(content, tag("Layer"), {"ID": str(ids.next()), "Type": "Body"})
    for rule in sheet.rules:
        _rule(layer, rule, ids)
    for line in sheet.lines:
        if line.text.strip():
            _line(layer, line, font, ids)
    return written(root)


def _line(layer: Any, line: Line, font: EmbeddedFont, ids: _Ids) -> None:
    steps = [font.advance(letter) * line.size_mm for letter in line.text]
    width = sum(steps)
    left = line.x_mm - {"left": 0.0, "centre": width / 2, "right": width}[line.align]
    # the box holds what rises above the baseline and what hangs below it
    rise = line.size_mm * 0.88
    box = f"{_mm(left)} {_mm(line.y_mm - rise)} {_mm(width)} {_mm(line.size_mm * 1.2)}"
    one = etree.SubElement(
        layer, tag("TextObject"),
        {"ID": str(ids.next()), "Boundary": box, "Font": str(_FONT_ID), "Size": _mm(line.size_mm)},
    )  # fmt: skip
    attributes = {"X": "0", "Y": _mm(rise)}
    if len(steps) > 1:
        attributes["DeltaX"] = " ".join(_mm(step) for step in steps[:-1])
    _add(one, "TextCode", line.text, **attributes)


def _rule(layer: Any, rule: Rule, ids: _Ids) -> None:
    left, top = min(rule.x_mm, rule.to_x_mm), min(rule.y_mm, rule.to_y_mm)
    width, height = abs(rule.to_x_mm - rule.x_mm), abs(rule.to_y_mm - rule.y_mm)
    half = rule.width_mm / 2
    one = etree.SubElement(
        layer, tag("PathObject"),
        {
            "ID": str(ids.next()), "LineWidth": _mm(rule.width_mm),
            "Boundary": f"{_mm(left - half)} {_mm(top - half)} {_mm(width + 2 * half)} {_mm(height + 2 * half)}",
        },
    )  # fmt: skip
    start = f"{_mm(rule.x_mm - left + half)} {_mm(rule.y_mm - top + half)}"
    end = f"{_mm(rule.to_x_mm - left + half)} {_mm(rule.to_y_mm - top + half)}"
    _add(one, "AbbreviatedData", f"M {start} L {end}")


def _add(parent: Any, name: str, text: str, **attributes: str) -> None:
    etree.SubElement(parent, tag(name), attributes).text = text


def _mm(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") or "0"
