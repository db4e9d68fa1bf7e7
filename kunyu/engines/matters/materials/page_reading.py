"""Read the pages of a material: text layer first, recognition where there is none. 逐页读取.

Runs in the process of :mod:`worker`; pages are handed over one by one, so that what was read stays when a later page
ends the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pypdfium2
from PIL import Image, ImageOps

from kunyu.engines.matters.materials.recognition import MOST_PIXELS, NotRecognised, is_blank, recognise
from kunyu.engines.matters.materials.text_pages import BLANK, FAILED, OCR, TEXT, Line, Page

_INCH_PT = 72.0
_SCAN_DPI = 300


@dataclass
class Reading:
    """How a material is read. ``left_to_recognise`` counts down: the cap of pages is for the whole material."""

    format: str
    folder: Path
    dpi: int
    page_seconds: int
    left_to_recognise: int
    letters: int
    reasons: dict[str, int] = field(default_factory=dict)

    def recognised(self, number: int, image: Callable[[], tuple[Image.Image, int]]) -> Page:
        """A page known by its picture only."""
        if self.left_to_recognise <= 0:
            return Page(number, FAILED, reason="page_cap")
        try:
            picture, dpi = image()
            if is_blank(picture):
                return Page(number, BLANK)
            self.left_to_recognise -= 1
            lines = recognise(picture, self.folder, dpi, self.page_seconds)
        except NotRecognised as error:
            if error.code in ("no_program", "no_language"):
                self.left_to_recognise = 0 if self.left_to_recognise < 0 else self.left_to_recognise
            return Page(number, FAILED, reason=error.code)
        except MemoryError:
            return Page(number, FAILED, reason="memory")
        return Page(number, OCR, lines) if lines else Page(number, BLANK)


def read_pages(path: Path, reading: Reading) -> Iterator[Page]:
    """Pages in order; once ``reading.letters`` are read, later pages are not."""
    read = 0
    for page in _READERS[reading.format](path, reading):
        if read >= reading.letters:
            yield Page(page.number, FAILED, reason="letter_cap")
            continue
        read += sum(len(one.text) for one in page.lines)
        yield page


def _pdf(path: Path, reading: Reading) -> Iterator[Page]:
    from kunyu.engines.matters.materials.pdf_text import text_lines

    with pypdfium2.PdfDocument(path) as document:
        for index in range(len(document)):
            try:
                page = document[index]
            except pypdfium2.PdfiumError:
                yield Page(index + 1, FAILED, reason="damaged")
                continue
            try:
                lines = text_lines(page)
                if lines:
                    yield Page(index + 1, TEXT, lines)
                else:
                    yield reading.recognised(index + 1, lambda page=page: _drawn(page, reading.dpi))  # type: ignore[misc]
            except pypdfium2.PdfiumError:
                yield Page(index + 1, FAILED, reason="damaged")
            finally:
                page.close()


def _drawn(page: pypdfium2.PdfPage, dpi: int) -> tuple[Image.Image, int]:
    """The page in grey, at ``dpi`` or as much less as keeps a large sheet within bounds."""
    width, height = page.get_size()
    inches = max(width * height, 1.0) / _INCH_PT**2
    used = min(float(dpi), (MOST_PIXELS / inches) ** 0.5)
    bitmap = page.render(scale=used / _INCH_PT, grayscale=True, may_draw_forms=False)
    return bitmap.to_pil(), int(used)


def _image(path: Path, reading: Reading) -> Iterator[Page]:
    Image.MAX_IMAGE_PIXELS = None  # looked at when the file was taken
    with Image.open(path) as image:
        for number in range(int(getattr(image, "n_frames", 1))):
            image.seek(number)
            yield reading.recognised(number + 1, lambda: _upright(image))


def _upright(image: Image.Image) -> tuple[Image.Image, int]:
    """The picture as a camera meant it, at a resolution at which letters can be read."""
    if image.format == "JPEG" and image.width * image.height > 4 * MOST_PIXELS:
        image.draft("L", (image.width // 2, image.height // 2))
    upright = ImageOps.exif_transpose(image.convert("L"))
    dpi = int(float((image.info.get("dpi") or (0,))[0] or 0))
    if not 70 <= dpi <= 1_200:
        dpi = round(upright.width / 8.27)  # as if it were a sheet of A4
    if dpi < 180 and upright.width * upright.height * 4 <= MOST_PIXELS:
        upright, dpi = upright.resize((upright.width * 2, upright.height * 2), Image.Resampling.BICUBIC), dpi * 2
    return upright, min(max(dpi, 70), 600)


def _ofd(path: Path, reading: Reading) -> Iterator[Page]:
    from kunyu.engines.matters.materials import ofd_text

    for page in ofd_text.pages(path):
        if page.lines or not page.pictures:
            yield Page(page.number, TEXT if page.lines else BLANK, page.lines)
            continue
        content = ofd_text.picture(path, page.pictures[0])
        yield reading.recognised(page.number, lambda content=content: _upright(Image.open(BytesIO(content))))  # type: ignore[misc]


def _docx(path: Path, reading: Reading) -> Iterator[Page]:
    """Word knows no pages before it lays them out: all is page 1."""
    import docx
    from docx.table import Table

    document = docx.Document(str(path))
    lines: list[Line] = []
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            for row in block.rows:
                cells = dict.fromkeys(cell._tc for cell in row.cells)  # merged cells come once
                texts = ["".join(node.text or "" for node in cell.iter("{*}t")) for cell in cells]
                lines.append(Line("\t".join(texts)))
        else:
            lines += [Line(one) for one in block.text.splitlines()]
    kept = tuple(one for one in lines if one.text.strip())
    yield Page(1, TEXT if kept else BLANK, kept)


def _xlsx(path: Path, reading: Reading) -> Iterator[Page]:
    """A sheet is a page."""
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    for number, sheet in enumerate(book.worksheets, 1):
        lines, letters = [], 0
        for row in sheet.iter_rows(values_only=True):
            text = "\t".join("" if one is None else str(one) for one in row).strip("\t")
            if text:
                lines.append(Line(text))
                letters += len(text)
            if letters > reading.letters:
                break
        yield Page(number, TEXT if lines else BLANK, tuple(lines))


_READERS: dict[str, Callable[[Path, Reading], Iterator[Page]]] = {
    "pdf": _pdf,
    "jpg": _image,
    "png": _image,
    "tiff": _image,
    "ofd": _ofd,
    "docx": _docx,
    "xlsx": _xlsx,
}
READABLE = tuple(_READERS)
