"""Real files made for the tests: PDFs with and without a text layer, hostile ones, OFD, DOCX. Names are invented."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, replace
from functools import lru_cache

CREDIT_CODE = "91350100M000100Y43"  # the example of GB 32100-2015
OTHER_CODE = "91440300708461136T"
CITIZEN = "11010519491231002X"  # the example of GB 11643-1999
PROJECT_CODE = "2026-990101-84-01-012345"
PRIOR = "用字第990101202600001号"


@dataclass(frozen=True)
class Said:
    """What an application form says."""

    applicant: str = "临江市城市建设投资有限公司"
    code: str = CREDIT_CODE
    project: str = "临江市第二人民医院迁建工程"
    project_code: str = PROJECT_CODE
    hectares: str = "3.4567"
    square_metres: str = "34,567.00"
    citizen: str = CITIZEN
    prior: str = PRIOR


SAID = Said()

_STYLE = """<style>@page{size:A4;margin:2cm} body{font-family:'Noto Serif CJK SC',serif;font-size:12pt}
td{border:1px solid #000;padding:4pt} table{border-collapse:collapse}</style>"""


def form_html(said: Said = SAID) -> str:
    return f"""<html><head>{_STYLE}</head><body><h2>建设项目用地预审申请表</h2><table>
<tr><td>申请单位</td><td>{said.applicant}</td></tr>
<tr><td>统一社会信用代码</td><td>{said.code}</td></tr>
<tr><td>项目名称</td><td>{said.project}</td></tr>
<tr><td>项目代码</td><td>{said.project_code}</td></tr>
<tr><td>用地总面积（公顷）</td><td>{said.hectares}</td></tr></table>
<p>本项目拟用地面积 {said.square_metres} 平方米，其中农用地 12,000.00㎡，建筑面积 88,000 平方米。</p>
<p>法定代表人身份证号：{said.citizen}，联系电话 13812345678。</p>
<p>依据：{said.prior}，国土资函〔2026〕12号。</p>
<p>申请日期：2026年11月3日</p></body></html>"""


@lru_cache(maxsize=32)
def form_pdf(said: Said = SAID, pages: int = 1) -> bytes:
    """The form with a text layer; further pages hold one line each."""
    import weasyprint

    more = "".join(
        f'<p style="page-break-before:always">附图第{number}页，说明文字若干若干若干。</p>'
        for number in range(2, pages + 1)
    )
    return bytes(weasyprint.HTML(string=form_html(said).replace("</body>", f"{more}</body>")).write_pdf())


def other(**changes: str) -> Said:
    return replace(SAID, **changes)


@lru_cache(maxsize=8)
def scan_png(said: Said = SAID, dpi: int = 200, angle: float = 0.8, noise: float = 10.0) -> bytes:
    """The form as a scanner sees it: grey, a little crooked, with noise."""
    import numpy as np
    import pypdfium2
    from PIL import Image

    with pypdfium2.PdfDocument(form_pdf(said)) as document:
        page = document[0].render(scale=dpi / 72, grayscale=True).to_pil()
    page = page.rotate(angle, fillcolor=255, resample=Image.Resampling.BICUBIC)
    grain = np.random.default_rng(20261123).normal(0, noise, page.size[::-1])
    page = Image.fromarray((np.asarray(page) + grain).clip(0, 255).astype("uint8"))
    content = io.BytesIO()
    page.save(content, "PNG", dpi=(dpi, dpi))
    return content.getvalue()


@lru_cache(maxsize=8)
def scan_pdf(said: Said = SAID, dpi: int = 200, angle: float = 0.8, noise: float = 10.0) -> bytes:
    """A PDF that holds nothing but the scan."""
    from PIL import Image

    content = io.BytesIO()
    with Image.open(io.BytesIO(scan_png(said, dpi, angle, noise))) as page:
        page.convert("RGB").save(content, "PDF", resolution=dpi, quality=85)
    return content.getvalue()


# --- hostile PDFs ---
def encrypted_pdf(password: str = "secret") -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(form_pdf())))
    writer.encrypt(user_password=password, owner_password="owner", algorithm="AES-256")
    return _written(writer)


def script_pdf() -> bytes:
    """A script in the names tree of the catalogue."""
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import ArrayObject, DictionaryObject, NameObject, TextStringObject

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(form_pdf())))
    action = DictionaryObject({
        NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert('hello')"),
    })  # fmt: skip
    names = ArrayObject([TextStringObject("hello"), writer._add_object(action)])
    tree = DictionaryObject({NameObject("/JavaScript"): DictionaryObject({NameObject("/Names"): names})})
    writer.root_object[NameObject("/Names")] = tree
    return _written(writer)


def attachment_pdf() -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(form_pdf())))
    writer.add_attachment("setup.exe", b"MZ")
    return _written(writer)


def launch_pdf(page: int = 2) -> bytes:
    """An annotation of a page starts a program."""
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import ArrayObject, DictionaryObject, FloatObject, NameObject, TextStringObject

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(form_pdf(pages=page))))
    action = writer._add_object(
        DictionaryObject({NameObject("/S"): NameObject("/Launch"), NameObject("/F"): TextStringObject("cmd.exe")})
    )
    box = ArrayObject([FloatObject(one) for one in (0, 0, 10, 10)])
    link = DictionaryObject({
        NameObject("/Type"): NameObject("/Annot"), NameObject("/Subtype"): NameObject("/Link"),
        NameObject("/Rect"): box, NameObject("/A"): action,
    })  # fmt: skip
    writer.pages[page - 1][NameObject("/Annots")] = ArrayObject([writer._add_object(link)])
    return _written(writer)


def xfa_pdf() -> bytes:
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import ArrayObject, DictionaryObject, NameObject, StreamObject, TextStringObject

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(form_pdf())))
    stream = StreamObject()
    stream.set_data(b"<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'/>")
    form = DictionaryObject({
        NameObject("/Fields"): ArrayObject(),
        NameObject("/XFA"): ArrayObject([TextStringObject("template"), writer._add_object(stream)]),
    })  # fmt: skip
    writer.root_object[NameObject("/AcroForm")] = form
    return _written(writer)


def _written(writer: object) -> bytes:
    content = io.BytesIO()
    writer.write(content)  # type: ignore[attr-defined]
    return content.getvalue()


def raw_pdf(objects: dict[int, bytes], *, root: int = 1) -> bytes:
    """A PDF of these objects, with a plain cross-reference table."""
    out, places = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start, size = len(out), max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        out += b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 00001 f \n"
    out += b"trailer\n<< /Size %d /Root %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, root, start)
    return bytes(out)


PAGE = {
    2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>",
}


def escaped_script_pdf() -> bytes:
    """/S /JavaScript and /JS written with escapes."""
    return raw_pdf({
        1: b"<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /J#61v#61Script /#4aS (app.alert(1)) >> >>", **PAGE,
    })  # fmt: skip


def hidden_script_pdf() -> bytes:
    """The action lies in a compressed object stream; only a cross-reference stream names it."""
    import zlib

    inner = b"<< /S /JavaScript /JS (app.alert(1)) >>"
    packed = zlib.compress(b"5 0 " + inner)
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R /OpenAction 5 0 R >>", **PAGE,
        4: b"<< /Type /ObjStm /N 1 /First 4 /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream"
           % (len(packed), packed),
    }  # fmt: skip
    out, places = bytearray(b"%PDF-1.7\n"), {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    rows = [(0, 0, 65535), *((1, places[number], 0) for number in (1, 2, 3, 4)), (2, 4, 0), (1, start, 0)]
    table = b"".join(bytes([kind]) + place.to_bytes(4, "big") + rest.to_bytes(2, "big") for kind, place, rest in rows)
    out += b"6 0 obj\n<< /Type /XRef /Size 7 /W [1 4 2] /Root 1 0 R /Length %d >>\nstream\n%s\nendstream\nendobj\n" % (
        len(table), table,
    )  # fmt: skip
    out += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(out)


def words_pdf() -> bytes:
    """A text that talks of JavaScript does nothing."""
    import weasyprint

    html = f"<html><head>{_STYLE}</head><body><p>说明：/JavaScript 与 /Launch 是 PDF 的动作名称，本文只是提到。</p></body></html>"
    return bytes(weasyprint.HTML(string=html).write_pdf())


def large_pdf_head(size: int) -> tuple[bytes, int, bytes]:
    """A PDF of one page with one picture of ``size`` bytes: what stands before it, its length, what stands after."""
    width = 10_000
    height = size // width
    length = width * height
    head = bytearray(b"%PDF-1.7\n")
    places = {}
    for number, body in {
        1: b"<< /Type /Catalog /Pages 2 0 R >>", 2: PAGE[2],
        3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Resources << /XObject << /I 4 0 R >> >> /Contents 5 0 R >>",
        5: b"<< /Length 27 >>\nstream\nq 200 0 0 200 0 0 cm /I Do Q\nendstream",
    }.items():  # fmt: skip
        places[number] = len(head)
        head += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    places[4] = len(head)
    head += (
        b"4 0 obj\n<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 "
        b"/Length %d >>\nstream\n" % (width, height, length)
    )
    tail = bytearray(b"\nendstream\nendobj\n")
    start = len(head) + length + len(tail)
    tail += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % places[one] for one in range(1, 6))
    tail += b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start
    return bytes(head), length, bytes(tail)


# --- packed formats ---
def packed(files: dict[str, bytes], level: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", level) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


_NS = 'xmlns:ofd="http://www.ofdspec.org/2016"'


def ofd(lines: list[str], more: dict[str, bytes] | None = None) -> bytes:
    """An OFD of one page, a text object for each line (GB/T 33190)."""
    shown = "".join(
        f'<ofd:TextObject ID="{10 + number}" Boundary="20 {20 + 10 * number} 170 6" Font="1" Size="5">'
        f'<ofd:TextCode X="0" Y="5">{line}</ofd:TextCode></ofd:TextObject>'
        for number, line in enumerate(lines)
    )
    return packed({
        "OFD.xml": f'<?xml version="1.0" encoding="UTF-8"?><ofd:OFD {_NS} Version="1.0"><ofd:DocBody>'
                   "<ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>".encode(),
        "Doc_0/Document.xml": f'<ofd:Document {_NS}><ofd:CommonData><ofd:PageArea><ofd:PhysicalBox>0 0 210 297'
                              "</ofd:PhysicalBox></ofd:PageArea></ofd:CommonData><ofd:Pages>"
                              '<ofd:Page ID="1" BaseLoc="Pages/Page_0/Content.xml"/></ofd:Pages></ofd:Document>'.encode(),
        "Doc_0/Pages/Page_0/Content.xml": f'<ofd:Page {_NS}><ofd:Content><ofd:Layer ID="2">{shown}</ofd:Layer>'
                                          "</ofd:Content></ofd:Page>".encode(),
        **(more or {}),
    })  # fmt: skip


def docx(said: Said = SAID) -> bytes:
    import docx as word

    document = word.Document()
    document.add_paragraph("用地申请")
    table = document.add_table(rows=2, cols=2)
    for row, cells in enumerate((("申请单位", said.applicant), ("统一社会信用代码", said.code))):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    document.add_paragraph(f"项目代码：{said.project_code}")
    content = io.BytesIO()
    document.save(content)
    return content.getvalue()


def bomb(inner: str = "Doc_0/Document.xml", size: int = 400 << 20) -> bytes:
    """Four hundred megabytes of zeros in four hundred kilobytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("OFD.xml", b"<ofd/>")
        with archive.open(inner, "w", force_zip64=True) as out:
            for _ in range(size >> 20):
                out.write(bytes(1 << 20))
    return content.getvalue()
